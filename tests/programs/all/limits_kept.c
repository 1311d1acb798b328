/* Limits that daemons, batch systems and judges of programs set. */
#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void apart(const char *name, void (*f)(void))
{
    int status;
    fflush(stdout);
    pid_t pid = fork();
    if (!pid) { printf("%s:", name); f(); printf("\n"); fflush(stdout); _exit(0); }
    waitpid(pid, &status, 0);
    if (status) printf(" [%s ends %x]\n", name, status & 0xff7f);
}
static int limit(int r, rlim_t soft, rlim_t hard) { struct rlimit l = {soft, hard}; return setrlimit(r, &l) ? errno : 0; }

static volatile int xcpu, xfsz;
static void on_cpu(int s) { xcpu++; }
static void on_size(int s) { xfsz++; }

static void cpu(void)
{
    struct itimerval t = {{0, 0}, {0, 20000}};
    signal(SIGXCPU, on_cpu), signal(SIGVTALRM, on_cpu), signal(SIGPROF, on_cpu);
    setitimer(ITIMER_PROF, &t, 0);
    while (!xcpu) ;
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    long us = u.ru_utime.tv_usec + u.ru_stime.tv_usec;
    printf(" profile %d", us >= 15000);
    struct timespec ts;
    clock_getcpuclockid(0, (clockid_t[]){0});
    printf(" clock %d", clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts) == 0 && ts.tv_nsec / 1000 >= us - 1000);
}
static void judged(void)
{
    limit(RLIMIT_CPU, 0, RLIM_INFINITY);
    signal(SIGXCPU, on_cpu);
    clock_t start = clock();
    while (!xcpu && clock() - start < 3 * CLOCKS_PER_SEC) ;
    printf(" soft %d", xcpu > 0);
    fflush(stdout);
}

static void sizes(void)
{
    char name[] = "/tmp/limits-XXXXXX", big[5000] = "";
    int fd = mkstemp(name);
    unlink(name);
    printf(" set %d", limit(RLIMIT_FSIZE, 4096, 8192));
    signal(SIGXFSZ, on_size);
    printf(" part %zd", write(fd, big, 5000));
    ssize_t n = write(fd, big, 1);
    printf(" over %zd %d %d", n, errno, xfsz);
    n = ftruncate(fd, 5000);
    printf(" truncate %zd %d %d", n, errno, xfsz);
    n = posix_fallocate(fd, 0, 6000);
    printf(" fallocate %zd %d", n, xfsz);
    int m = memfd_create("m", 0);
    n = ftruncate(m, 100000);
    printf(" memfd %zd %d", n, xfsz);
    char *p = mmap(0, 1 << 20, 3, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memset(p, 1, 1 << 20);
    int status;
    fflush(stdout);
    pid_t pid = fork();
    if (!pid) { execl("/proc/self/exe", "x", "child", NULL); _exit(9); }
    waitpid(pid, &status, 0);
    printf(" exec %x", status);
    int a[2];
    pipe(a);
    printf(" pipe %zd", write(a[1], big, 5000));
    printf(" hard %d", limit(RLIMIT_FSIZE, 9000, 9000));
}

static void queues(void)
{
    sigset_t set;
    int n = 0;
    sigemptyset(&set), sigaddset(&set, SIGRTMIN), sigprocmask(SIG_BLOCK, &set, 0);
    setuid(54321);
    printf(" set %d", limit(RLIMIT_SIGPENDING, 5, 5));
    while (n < 20 && sigqueue(getpid(), SIGRTMIN, (union sigval){0}) == 0) n++;
    printf(" queued %d %d", n, errno);
    printf(" kill %d", kill(getpid(), SIGRTMIN) ? errno : 0);
    timer_t t;
    printf(" timer %d", timer_create(CLOCK_MONOTONIC, 0, &t) ? errno : 0);
    limit(RLIMIT_MSGQUEUE, 0, 0);
    mqd_t q = mq_open("/limits-kept", O_CREAT | O_RDWR, 0600, 0);
    printf(" mq %d", q == -1 ? errno : 0);
    if (q != -1) mq_unlink("/limits-kept");
    printf(" nice %d", setpriority(PRIO_PROCESS, 0, -5) ? errno : 0);
    struct sched_param s = {1};
    printf(" fifo %d", sched_setscheduler(0, SCHED_FIFO, &s) ? errno : 0);
}

static void *waits(void *p) { pause(); return p; }
static void processes(void)
{
    setuid(54322);
    printf(" set %d", limit(RLIMIT_NPROC, 3, 3));
    pthread_t t;
    int n = 0, e;
    while (n < 10 && !(e = pthread_create(&t, 0, waits, 0))) n++;
    printf(" threads %d %d", n, e);
    pid_t pid = fork();
    if (!pid) _exit(0);
    printf(" fork %d", pid < 0 ? errno : 0);
}

static void locked(void)
{
    setuid(54323);
    printf(" set %d", limit(RLIMIT_MEMLOCK, 65536, 65536));
    char *p = mmap(0, 1 << 20, 3, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    printf(" %d", mlock(p, 65536) ? errno : 0);
    printf(" %d", mlock(p + 65536, 4096) ? errno : 0);
    munlock(p, 4096);
    printf(" %d", mlock(p + 65536, 4096) ? errno : 0);
    printf(" map %d", mmap(0, 8192, 3, MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED, -1, 0) == MAP_FAILED ? errno : 0);
    printf(" all %d", mlockall(MCL_FUTURE) ? errno : 0);
    printf(" then %d", mmap(0, 8192, 3, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? errno : 0);
}

static void others(void)
{
    struct rlimit l = {10, 20}, old;
    int p[2], status;
    pipe(p);
    pid_t pid = fork();
    if (!pid) {
        char c;
        read(p[0], &c, 1);
        getrlimit(RLIMIT_NOFILE, &old);
        _exit(old.rlim_cur == 10 && old.rlim_max == 20 ? dup2(0, 10) < 0 ? 3 : 4 : 5);
    }
    printf(" other %d", prlimit(pid, RLIMIT_NOFILE, &l, &old) ? errno : 0);
    printf(" %d", prlimit(pid, RLIMIT_AS, &(struct rlimit){1ul << 32, 1ul << 33}, 0) ? errno : 0);
    prlimit(pid, RLIMIT_AS, 0, &old);
    printf(" %lx %lx", old.rlim_cur, old.rlim_max);
    write(p[1], "g", 1);
    waitpid(pid, &status, 0);
    printf(" seen %x", status);
    printf(" none %d", prlimit(999999, RLIMIT_CORE, 0, &old) ? errno : 0);
    printf(" number %d", prlimit(0, 99, 0, &old) ? errno : 0);
    printf(" fault %d", syscall(SYS_prlimit64, 0, RLIMIT_CORE, 8, 0) ? errno : 0);
    printf(" turned %d", limit(RLIMIT_CORE, 5, 4));
    pid = fork();
    if (!pid) {
        if (setuid(54324)) _exit(9);
        limit(RLIMIT_CORE, 0, 0);
        _exit((limit(RLIMIT_CORE, 0, 1) == EPERM) + 2 * (prlimit(getppid(), RLIMIT_CORE, 0, &old) ? errno == EPERM : 0));
    }
    waitpid(pid, &status, 0);
    printf(" rights %x", status);
}

static int deep(int n) { volatile signed char room[1024]; room[1] = n; return n ? deep(n - 1) + room[1] : 0; }
static void stack(void)
{
    pthread_attr_t a;
    size_t size;
    int status;
    limit(RLIMIT_STACK, 256 << 10, RLIM_INFINITY);
    printf(" 100 %d", deep(100) >= 0);
    fflush(stdout);
    pid_t pid = fork();
    if (!pid) { deep(400); _exit(0); }
    waitpid(pid, &status, 0);
    printf(" 400 %x", status & 0x7f);
    limit(RLIMIT_STACK, 64 << 20, RLIM_INFINITY);
    printf(" raised %d", deep(20000) >= 0);
    pid = fork();
    if (!pid) { char *args[] = {"x", "size", 0}; execv("/proc/self/exe", args); _exit(9); }
    waitpid(pid, &status, 0);
    printf(" default %d", WEXITSTATUS(status));
}

int main(int argc, char **argv)
{
    if (argc > 1 && !strcmp(argv[1], "size")) {
        pthread_attr_t a;
        size_t size;
        pthread_getattr_np(pthread_self(), &a);
        pthread_attr_getstacksize(&a, &size);
        return (size + (1 << 19)) >> 20;
    }
    if (argc > 1) return 6;
    apart("cpu", cpu);
    apart("sizes", sizes);
    apart("queues", queues);
    apart("processes", processes);
    apart("locked", locked);
    apart("others", others);
    apart("stack", stack);
    return 0;
}
