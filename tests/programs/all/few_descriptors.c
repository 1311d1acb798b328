/* Hard limits of descriptors, as sandboxes set them: whoever may have no more than n can still read
   what is open, make threads and children, and execute programs, whose limit it is as well. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static void *thread(void *arg) { return arg; }

static void open_one(const char *path)
{
    char buf[20];
    int fd = open(path, O_RDONLY);
    printf("%s %d", strrchr(path, '/') + 1, fd < 0 ? -errno : fd);
    if (fd >= 0) { printf(" read %zd", read(fd, buf, sizeof buf)); close(fd); }
    printf(", ");
}

static void line_of(const char *path, const char *name)
{
    char line[200];
    FILE *f = fopen(path, "r");
    while (f && fgets(line, sizeof line, f))
        if (!strncmp(line, name, strlen(name))) { line[strcspn(line, "\n")] = 0; printf("[%s] ", line); }
    if (f) fclose(f);
}

static void show(void)
{
    struct rlimit now, locks;
    getrlimit(RLIMIT_NOFILE, &now);
    getrlimit(RLIMIT_LOCKS, &locks);
    printf("limit %ld %ld, locks %ld %ld ", (long)now.rlim_cur, (long)now.rlim_max, (long)locks.rlim_cur, (long)locks.rlim_max);
    line_of("/proc/self/limits", "Max open files");
    line_of("/proc/self/limits", "Max file locks");
}

static int child(void)
{
    int status, d = dup(0);
    show();
    printf("dup %d\n", d);
    fflush(stdout);
    pid_t pid = fork();
    if (!pid) _exit(3);
    waitpid(pid, &status, 0);
    return WEXITSTATUS(status) + 2;
}

static void with(int n)
{
    struct rlimit l = {n, n}, more = {n, n + 1}, turned = {n + 1, n};
    int status, p[2];
    pthread_t t;
    void *r = 0;
    printf("%d: set %d, ", n, setrlimit(RLIMIT_NOFILE, &l));
    show();
    printf("turned %d ", setrlimit(RLIMIT_NOFILE, &turned) ? errno : 0);
    open_one("/proc/self/maps"), open_one("/proc/self/status"), open_one("/proc/cpuinfo"), open_one("/dev/null");
    printf("pipe %d, ", pipe(p) ? errno : 0);
    char *m = mmap(0, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memset(m, 1, 1 << 20);
    int e = pthread_create(&t, 0, thread, &t);
    if (!e) pthread_join(t, &r);
    printf("thread %d %d, ", e, r == &t);
    fflush(stdout);
    pid_t pid = fork();
    if (!pid) {
        pid_t q = fork();
        if (!q) _exit(7);
        waitpid(q, &status, 0);
        _exit(WEXITSTATUS(status) + 1);
    }
    waitpid(pid, &status, 0);
    printf("fork %x\n", status);
    fflush(stdout);
    pid = vfork();
    if (!pid) { execl("/proc/self/exe", "x", "child", NULL); _exit(errno); }
    waitpid(pid, &status, 0);
    printf("exec %x, ", status);
    /* Another process sees the limit. */
    pid = fork();
    if (!pid) { pause(); _exit(0); }
    struct rlimit others = {0};
    printf("prlimit %d ", prlimit(pid, RLIMIT_NOFILE, NULL, &others));
    printf("%ld %ld, ", (long)others.rlim_cur, (long)others.rlim_max);
    kill(pid, SIGKILL);
    waitpid(pid, &status, 0);
    /* Only the privileged get a hard limit back. */
    if (!getuid()) { printf("more %d ", setrlimit(RLIMIT_NOFILE, &more) ? errno : 0); show(); }
    printf("unprivileged %d ", setuid(65534) ? errno : 0);
    more.rlim_max = n + 2;
    printf("more %d ", setrlimit(RLIMIT_NOFILE, &more) ? errno : 0);
    more.rlim_max = 4096;
    printf("%d\n", setrlimit(RLIMIT_NOFILE, &more) ? errno : 0);
}

int main(int argc, char **argv)
{
    static const int limits[] = {100, 64, 12, 5, 4, 3, 2, 0};
    if (argc > 1) return child();
    for (unsigned i = 0; i < sizeof limits / sizeof *limits; i++) {
        int status;
        fflush(stdout);
        pid_t pid = fork();
        if (!pid) { with(limits[i]); fflush(stdout); _exit(0); }
        waitpid(pid, &status, 0);
        printf("= %x\n", status);
    }
    return 0;
}
