/* What status, stat and syscall of /proc tell of threads and of other processes. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void lines(const char *path, const char *const *names)
{
    char line[256];
    FILE *f = fopen(path, "r");
    while (f && fgets(line, sizeof line, f))
        for (int i = 0; names[i]; i++)
            if (!strncmp(line, names[i], strlen(names[i]))) { line[strcspn(line, "\n")] = 0; printf(" %s", line); }
    if (f) fclose(f); else printf(" %d", errno);
    printf("\n");
}

static const char *const signals[] = {"SigBlk", "SigIgn", "SigCgt", "SigPnd", "ShdPnd", 0};
static const char *const table[] = {"FDSize", 0};
static const char *const blocked[] = {"SigBlk", 0};
static void on(int s) {}
static int ready[2], done[2], never[2];

static void *blocking(void *arg)
{
    sigset_t set;
    char path[64];
    sigemptyset(&set), sigaddset(&set, SIGBUS), sigaddset(&set, SIGTRAP), sigaddset(&set, SIGUSR2), sigaddset(&set, SIGINT);
    pthread_sigmask(SIG_SETMASK, &set, 0);
    printf("thread");
    lines("/proc/thread-self/status", blocked);
    *(int *)arg = syscall(SYS_gettid);
    fflush(stdout);
    write(ready[1], "t", 1);
    syscall(SYS_ppoll, NULL, 0, NULL, NULL, 0);
    return 0;
}

/* The call that the thread of this directory is in: is it `nr`, with the argument `first`? */
static void in_call(const char *dir, long nr, unsigned long first)
{
    char path[64], text[300] = "";
    unsigned long a = 0;
    long n = -9;
    sprintf(path, "%s/syscall", dir);
    for (int i = 0; i < 300; i++) {
        int fd = open(path, O_RDONLY);
        ssize_t len = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
        close(fd);
        if (len > 0) text[len] = 0;
        sscanf(text, "%ld %lx", &n, &a);
        if (n == nr) break;
        usleep(1000);
    }
    int words = 1;
    for (char *p = text; *p; p++) words += *p == ' ';
    printf(" call %d %d %d", n == nr, a == first, words);
}

static unsigned long pending(const char *path, const char *name)
{
    char line[256];
    unsigned long set = 0;
    FILE *f = fopen(path, "r");
    while (fgets(line, sizeof line, f))
        if (!strncmp(line, name, 6)) sscanf(line + 7, "%lx", &set);
    return fclose(f), set;
}
/* Signals of faults that are sent while they are blocked wait: for one thread, for all. */
static void waiting(void)
{
    static const char *const waits[] = {"SigPnd", "ShdPnd", 0};
    sigset_t set;
    char path[64], c;
    sigfillset(&set);
    pid_t pid = fork();
    if (!pid) {
        sigprocmask(SIG_SETMASK, &set, 0);
        write(done[1], "", 1);
        read(never[0], &c, 1);
        _exit(0);
    }
    read(done[0], &c, 1);
    sprintf(path, "/proc/%d/status", pid);
    kill(pid, SIGSEGV), kill(pid, SIGTRAP);
    syscall(SYS_tgkill, pid, pid, SIGUSR1), syscall(SYS_tgkill, pid, pid, SIGBUS);
    /* It may take a while until the thread has looked at them. */
    for (int i = 0; i < 1000 && !(pending(path, "SigPnd") & 0x40 && (pending(path, "ShdPnd") & 0x410) == 0x410); i++) usleep(10000);
    printf("waiting");
    lines(path, waits);
    kill(pid, SIGKILL);
    waitpid(pid, 0, 0);
    sigprocmask(SIG_SETMASK, &set, &set);
    raise(SIGFPE), raise(SIGUSR2), kill(getpid(), SIGILL);
    printf("own");
    lines("/proc/self/status", waits);
    signal(SIGFPE, on), signal(SIGUSR2, on), signal(SIGILL, on);
    sigprocmask(SIG_SETMASK, &set, 0);
    printf("taken");
    lines("/proc/self/status", waits);
}

int main(void)
{
    sigset_t set;
    char path[64], c, text[300];
    int tid, status;
    pthread_t t;
    setvbuf(stdout, 0, _IOLBF, 0);
    for (int fd = 3; fd < 2000; fd++) close(fd);
    pipe(ready), pipe(done), pipe(never);
    printf("start");
    lines("/proc/self/status", signals);
    signal(SIGSEGV, on), signal(SIGFPE, SIG_IGN), signal(SIGHUP, on);
    sigemptyset(&set), sigaddset(&set, SIGSEGV), sigaddset(&set, SIGILL), sigaddset(&set, SIGINT);
    sigprocmask(SIG_SETMASK, &set, 0);
    printf("set");
    lines("/proc/self/status", signals);
    pid_t pid = fork();
    if (!pid) {
        pthread_create(&t, 0, blocking, &tid);
        read(ready[0], &c, 1);
        printf("child");
        lines("/proc/self/status", signals);
        sprintf(path, "/proc/self/task/%d/status", tid);
        printf("its thread");
        lines(path, blocked);
        lines("/proc/self/status", table);
        dup2(0, 200);
        lines("/proc/self/status", table);
        kill(getpid(), SIGINT);
        printf("more");
        lines("/proc/self/status", signals);
        write(done[1], &tid, sizeof tid);
        read(never[0], &c, 1);
        _exit(0);
    }
    read(done[0], &tid, sizeof tid);
    sprintf(path, "/proc/%d/status", pid);
    printf("other");
    lines(path, signals);
    sprintf(path, "/proc/%d/task/%d/status", pid, tid);
    lines(path, table);
    printf("other's thread");
    lines(path, blocked);
    sprintf(path, "/proc/%d", pid);
    printf("other");
    in_call(path, SYS_read, never[0]);
    sprintf(path, "/proc/%d/task/%d", pid, tid);
    printf(", thread");
    in_call(path, SYS_ppoll, 0);
    kill(pid, SIGKILL);
    waitpid(pid, &status, 0);
    int fd = open("/proc/self/syscall", O_RDONLY);
    text[pread(fd, text, sizeof text - 1, 0)] = 0;
    unsigned long nr, w[8];
    sscanf(text, "%lu %lx %lx %lx %lx %lx %lx %lx %lx", &nr, w, w + 1, w + 2, w + 3, w + 4, w + 5, w + 6, w + 7);
    printf(", own %d %d %d %d %d", nr == SYS_pread64, w[0] == fd, w[1] == (unsigned long)text, w[2] == sizeof text - 1, w[3] == 0);
    printf(" stack %d code %d\n", w[6] <= (unsigned long)text + 4096 && w[6] > (unsigned long)text - 65536, w[7] != 0);
    pid = vfork();
    if (!pid) { sigfillset(&set); sigprocmask(SIG_SETMASK, &set, 0); _exit(0); }
    waitpid(pid, &status, 0);
    waiting();
    printf("end");
    lines("/proc/self/status", signals);
    return 0;
}
