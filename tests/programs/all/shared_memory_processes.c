/* Processes in the memory of another: what they share, how they end, what they do in it; signals to
   them; timers and sigqueue to single threads. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
extern char **environ;
enum { STACK = 1 << 17 };
static char *stack(void) { return mmap(0, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); }
static volatile int value, got, code;
static void handler(int s, siginfo_t *i, void *u) { got = s, code = i->si_code; }
static void handle(int s) { struct sigaction a = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO}; sigaction(s, &a, 0); }
static int tid(void) { return syscall(SYS_gettid); }
/* Never to all processes, or to the first one, where making the process failed. */
static int send(pid_t p, int s) { return p > 1 ? kill(p, s) : -1; }

static int ends(void *arg)
{
    switch ((long)arg) {
    case 0: value++; return 5;
    case 1: value++; syscall(SYS_exit, 6);
    case 2: value++; syscall(SYS_exit_group, 7);
    case 3: value++; kill(getpid(), SIGKILL);
    case 4: value++; *(volatile int *)16 = 1;
    case 5: value++; execl("/proc/self/exe", "x", "executed", (char *)0); return 99;
    case 6: {
        pid_t p = fork();
        int st;
        if (!p) { value = 1000; _exit(3); }
        waitpid(p, &st, 0);
        value++;
        return WEXITSTATUS(st) + 10;
    }
    case 7: {
        int inner(void *);
        char *s = stack();
        int st, p = clone(inner, s + STACK, CLONE_VM | SIGCHLD, 0);
        waitpid(p, &st, 0), munmap(s, STACK);
        value++;
        return WEXITSTATUS(st) + 20;
    }
    case 8: {
        /* A thread of this process: not one of its parent. */
        int thread(void *);
        char *s = stack();
        int t = clone(thread, s + STACK, CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM, 0);
        for (int i = 0; i < 3000 && !got; i++) usleep(1000);
        for (int i = 0; i < 3000 && syscall(SYS_tgkill, getpid(), t, 0) == 0; i++) usleep(1000);
        munmap(s, STACK);
        value++;
        return got == getpid() ? 8 : 98;
    }
    case 9: {
        struct timespec nap = {0, 5000000};
        nanosleep(&nap, 0), value++;
        abort();
    }
    }
    return 97;
}
int inner(void *arg) { value += 10; return 4; }
int thread(void *arg) { got = getpid() == tid() ? 1 : getpid(); syscall(SYS_exit, 0); return 0; }

static void all_ends(int flags, const char *name)
{
    for (long how = 0; how < 10; how++)
        for (int round = 0; round < 3; round++) {
            char *s = stack();
            int st = 0;
            value = got = 0;
            fflush(stdout);
            pid_t p = clone(ends, s + STACK, CLONE_VM | flags | SIGCHLD, (void *)how);
            if (p < 0) { printf("%s %ld: %s\n", name, how, strerror(errno)); continue; }
            int w = waitpid(p, &st, 0);
            if (!round) printf("%s %ld: waited %d exit %d signal %d value %d\n", name, how, w == p, WIFEXITED(st) ? WEXITSTATUS(st) : -1, WIFSIGNALED(st) ? WTERMSIG(st) : 0, value);
            munmap(s, STACK);
        }
}

/* Signals to such a process: by its own actions, in its own thread. */
static int listening(void *arg)
{
    sigset_t set;
    sigemptyset(&set);
    value = 1;
    for (int i = 0; i < 3000 && !got; i++) usleep(1000);
    return got == (long)arg ? 2 : 3;
}
static void signals(void)
{
    const int all[] = {SIGSEGV, SIGTRAP, SIGUSR1, SIGFPE, SIGRTMIN + 3};
    for (int k = 0; k < 5; k++) {
        char *s = stack();
        handle(all[k]), value = got = 0;
        pid_t p = clone(listening, s + STACK, CLONE_VM | SIGCHLD, (void *)(long)all[k]);
        send(p, all[k]);
        int st;
        if (waitpid(p, &st, 0) != p) { printf("no process: %s\n", strerror(errno)); return; }
        printf("listening %d: %d\n", k, WEXITSTATUS(st));
        signal(all[k], SIG_DFL), munmap(s, STACK);
    }
    int lost = 0;
    for (int i = 0; i < 30; i++) {
        char *s = stack();
        pid_t p = clone(listening, s + STACK, CLONE_VM | SIGCHLD, 0);
        got = 0, send(p, SIGBUS);
        int st;
        if (waitpid(p, &st, 0) != p) { printf("no process: %s\n", strerror(errno)); return; }
        lost += !WIFSIGNALED(st) || WTERMSIG(st) != SIGBUS;
        munmap(s, STACK);
    }
    printf("lost %d\n", lost);
}

/* posix_spawn with masks and defaults, beside threads. */
static void *busy(void *arg) { while (!*(volatile int *)arg) value++; return 0; }
static void spawned(const char *self)
{
    int stop = 0, sum = 0;
    pthread_t t[2];
    for (int i = 0; i < 2; i++) pthread_create(&t[i], 0, busy, &stop);
    for (int i = 0; i < 60; i++) {
        posix_spawnattr_t a;
        sigset_t set;
        posix_spawnattr_init(&a), sigemptyset(&set), sigaddset(&set, SIGSEGV), sigaddset(&set, SIGUSR1);
        posix_spawnattr_setflags(&a, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
        posix_spawnattr_setsigmask(&a, &set), posix_spawnattr_setsigdefault(&a, &set);
        char *argv[] = {(char *)self, "mask", 0};
        pid_t p;
        int st, e = posix_spawn(&p, "/proc/self/exe", 0, &a, argv, environ);
        if (!e) waitpid(p, &st, 0), sum += WEXITSTATUS(st);
        posix_spawnattr_destroy(&a);
    }
    stop = 1;
    for (int i = 0; i < 2; i++) pthread_join(t[i], 0);
    printf("spawned %d\n", sum);
}

/* Timers that signal a thread, also with synchronous signals. */
static volatile int timed;
static void expired(int s, siginfo_t *i, void *u) { if (tid() == i->si_value.sival_int) timed++; }
static void *timing(void *arg)
{
    int s = (long)arg;
    struct sigevent e = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = s, .sigev_value.sival_int = tid()};
    e._sigev_un._tid = tid();
    timer_t t;
    if (timer_create(CLOCK_MONOTONIC, &e, &t)) return (void *)1;
    struct itimerspec it = {.it_value.tv_nsec = 1000000, .it_interval.tv_nsec = 1000000};
    int before = timed;
    timer_settime(t, 0, &it, 0);
    for (volatile long i = 0; timed < before + 5 && i < 4000000000; i++);
    timer_delete(t);
    return 0;
}
static void timers(void)
{
    const int all[] = {SIGSEGV, SIGTRAP, SIGRTMIN + 4};
    for (int k = 0; k < 3; k++) {
        struct sigaction a = {.sa_sigaction = expired, .sa_flags = SA_SIGINFO};
        sigaction(all[k], &a, 0), timed = 0;
        pthread_t t;
        void *r;
        pthread_create(&t, 0, timing, (void *)(long)all[k]), pthread_join(t, &r);
        printf("timer %d: %d\n", k, timed >= 5 && !r);
        signal(all[k], SIG_IGN);
    }
}

/* The first process of a namespace as init: it fetches all signals and reaps. */
static int init(void *arg)
{
    sigset_t all;
    if (getpid() != 1) return 92;
    sigfillset(&all), sigprocmask(SIG_BLOCK, &all, 0);
    int fd = signalfd(-1, &all, 0), children = 0, others = 0;
    pid_t p = fork();
    if (!p) {
        sigprocmask(SIG_UNBLOCK, &all, 0);
        for (int i = 0; i < 5; i++) { int s[] = {SIGSEGV, SIGTERM, SIGILL, SIGUSR1, SIGFPE}; kill(1, s[i]), usleep(2000); }
        _exit(0);
    }
    for (int i = 0; i < 6; i++) {
        struct signalfd_siginfo f;
        if (read(fd, &f, sizeof f) != sizeof f) return 90;
        if (f.ssi_signo == SIGCHLD) children++; else others++;
    }
    int st;
    return waitpid(p, &st, 0) == p && !st ? children * 10 + others : 91;
}

int main(int argc, char **argv)
{
    if (argc > 1 && !strcmp(argv[1], "mask")) {
        sigset_t set;
        sigprocmask(0, 0, &set);
        return sigismember(&set, SIGSEGV) && sigismember(&set, SIGUSR1) && !sigismember(&set, SIGTRAP);
    }
    if (argc > 1) return 11;
    alarm(55);
    setvbuf(stdout, 0, _IOFBF, 1 << 16);
    all_ends(0, "plain"), all_ends(CLONE_VFORK, "vfork"), all_ends(CLONE_FILES | CLONE_FS | CLONE_SIGHAND, "all");
    signals();
    spawned(argv[0]);
    timers();
    fflush(stdout);
    char *s = stack();
    int st, p = clone(init, s + STACK, CLONE_NEWUSER | CLONE_NEWPID | SIGCHLD, 0);
    if (p > 0) waitpid(p, &st, 0);
    printf("init %d\n", p > 0 && WIFEXITED(st) ? WEXITSTATUS(st) : -1);
    puts("end");
}
