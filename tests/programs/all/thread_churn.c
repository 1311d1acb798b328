/* Threads that start and end all the time: what a new one must not inherit, and signals, forks, robust
   locks and ids around the starts and ends. */
#include <errno.h>
#include <fenv.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
static volatile int counted, stop, bad;
static void count(int s) { __atomic_add_fetch(&counted, 1, __ATOMIC_SEQ_CST); }
static int tid(void) { return syscall(SYS_gettid); }
static void fail(const char *what, long n) { if (__atomic_add_fetch(&bad, 1, __ATOMIC_SEQ_CST) < 5) printf("BAD %s %ld\n", what, n); }

/* Masks, alternate stacks, rounding, thread-local variables: of each thread alone. */
static __thread long mine = 77;
static __thread char room[3000];
static void *dirty(void *arg)
{
    long n = (long)arg;
    sigset_t set, pend;
    stack_t old;
    sigaltstack(0, &old);
    pthread_sigmask(0, 0, &set), sigpending(&pend);
    if (!(old.ss_flags & SS_DISABLE)) fail("alternate stack", n);
    if (sigismember(&set, SIGUSR2)) fail("mask", n);
    if (sigismember(&pend, SIGUSR2)) fail("pending", n);
    if (fegetround() != FE_TONEAREST) fail("rounding", n);
    if (mine != 77) fail("local", n);
    for (int i = 0; i < sizeof room; i++) if (room[i]) { fail("local room", n); break; }
    if (errno) fail("errno", n);
    mine = n, memset(room, 1, sizeof room), fesetround(FE_UPWARD), errno = ENOENT;
    stack_t alt = {.ss_sp = malloc(SIGSTKSZ), .ss_size = SIGSTKSZ};
    sigaltstack(&alt, 0);
    sigemptyset(&set), sigaddset(&set, SIGUSR2), pthread_sigmask(SIG_BLOCK, &set, 0);
    pthread_kill(pthread_self(), SIGUSR2);
    free(alt.ss_sp);
    return (void *)(n * 3);
}
static void inherit(void)
{
    for (long n = 0; n < 400; n++) {
        pthread_t t[4];
        for (int i = 0; i < 4; i++) pthread_create(&t[i], 0, dirty, (void *)(n + i));
        for (int i = 0; i < 4; i++) {
            void *r;
            pthread_join(t[i], &r);
            if ((long)r != (n + i) * 3) fail("result", n);
        }
    }
    printf("inherited nothing %d\n", bad);
}

/* What is sent to the process while threads come and go is not lost; nor what is sent to a thread that
   has just been made. */
static void *nothing(void *arg) { return arg; }
static void *churn(void *arg)
{
    while (!stop) {
        pthread_t t;
        if (!pthread_create(&t, 0, nothing, 0)) pthread_join(t, 0);
    }
    return 0;
}
static void *told(void *arg) { sem_t *s = arg; while (sem_wait(s)); return 0; }
static void signals(void)
{
    signal(SIGRTMIN + 1, count), signal(SIGRTMIN + 2, count), signal(SIGTRAP, count);
    pthread_t t[3];
    stop = counted = 0;
    for (int i = 0; i < 3; i++) pthread_create(&t[i], 0, churn, 0);
    pid_t me = getpid(), p = fork();
    if (!p) {
        for (int i = 0; i < 3000; i++) {
            while (sigqueue(me, SIGRTMIN + 1, (union sigval){0})) usleep(100);
            if (!(i & 15)) usleep(100);
        }
        _exit(0);
    }
    int st;
    while (waitpid(p, &st, 0) < 0);
    for (int i = 0; i < 5000 && counted < 3000; i++) usleep(1000);
    stop = 1;
    for (int i = 0; i < 3; i++) pthread_join(t[i], 0);
    printf("sent to the process %d\n", counted);
    counted = 0;
    for (int i = 0; i < 1000; i++) {
        sem_t s;
        sem_init(&s, 0, 0);
        pthread_t one;
        pthread_create(&one, 0, told, &s);
        if (pthread_kill(one, i & 1 ? SIGRTMIN + 2 : SIGTRAP)) fail("kill", i);
        for (int k = 0; k < 5000 && counted != i + 1; k++) if (k < 2000) sched_yield(); else usleep(1000);
        if (counted != i + 1) { fail("lost", i); counted = i + 1; }
        sem_post(&s), pthread_join(one, 0);
    }
    printf("sent to threads %d\n", counted);
}

/* Forks from threads that come and go. */
static void *forking(void *arg)
{
    pid_t p = fork();
    if (!p) {
        pthread_t t;
        void *r = 0;
        if (pthread_create(&t, 0, dirty, (void *)5) || pthread_join(t, &r)) _exit(1);
        char *m = malloc(100000);
        memset(m, 1, 100000), free(m);
        pid_t q = fork();
        if (!q) _exit(pthread_create(&t, 0, dirty, (void *)6) || pthread_join(t, &r) ? 1 : 4);
        int st;
        _exit(waitpid(q, &st, 0) == q && WEXITSTATUS(st) == 4 && (long)r == 15 && !bad ? 3 : 2);
    }
    int st = 0;
    while (waitpid(p, &st, 0) < 0 && errno == EINTR);
    if (!WIFEXITED(st) || WEXITSTATUS(st) != 3) fail("child", st);
    return 0;
}
static void forks(void)
{
    pthread_t busy[2], t[4];
    stop = 0;
    for (int i = 0; i < 2; i++) pthread_create(&busy[i], 0, churn, 0);
    for (int n = 0; n < 40; n++) {
        for (int i = 0; i < 4; i++) pthread_create(&t[i], 0, forking, 0);
        for (int i = 0; i < 4; i++) pthread_join(t[i], 0);
    }
    stop = 1;
    for (int i = 0; i < 2; i++) pthread_join(busy[i], 0);
    printf("forks %d\n", bad);
}

/* A thread that ends with robust locks, and the words that the kernel clears. */
static pthread_mutex_t robust[3];
static void *holding(void *arg) { for (int i = 0; i < 3; i++) pthread_mutex_lock(&robust[i]); return 0; }
static void locks(void)
{
    pthread_mutexattr_t a;
    pthread_mutexattr_init(&a), pthread_mutexattr_setrobust(&a, PTHREAD_MUTEX_ROBUST);
    int dead = 0;
    for (int n = 0; n < 50; n++) {
        for (int i = 0; i < 3; i++) pthread_mutex_init(&robust[i], &a);
        pthread_t t;
        pthread_create(&t, 0, holding, 0), pthread_join(t, 0);
        for (int i = 0; i < 3; i++) {
            dead += pthread_mutex_lock(&robust[i]) == EOWNERDEAD;
            pthread_mutex_consistent(&robust[i]), pthread_mutex_unlock(&robust[i]), pthread_mutex_destroy(&robust[i]);
        }
    }
    printf("owners dead %d\n", dead);
}

/* Detached threads, many at once, deep stacks, exit while others run. */
static void *detached(void *arg) { pthread_detach(pthread_self()); __atomic_add_fetch(&counted, 1, __ATOMIC_SEQ_CST); return 0; }
static long deep(int n) { volatile char b[1000]; b[0] = n; return n ? deep(n - 1) + b[0] - (char)n + 1 : 0; }
static void *deeply(void *arg) { return (void *)deep((long)arg); }
static void many(void)
{
    counted = 0;
    for (int i = 0; i < 500; i++) { pthread_t t; if (pthread_create(&t, 0, detached, 0)) fail("create", i); }
    for (int i = 0; i < 5000 && counted < 500; i++) usleep(1000);
    printf("detached %d\n", counted);
    static pthread_t t[200];
    long sum = 0;
    for (int round = 0; round < 2; round++) {
        for (long i = 0; i < 200; i++) pthread_create(&t[i], 0, deeply, (void *)i);
        for (int i = 0; i < 200; i++) { void *r; pthread_join(t[i], &r); sum += (long)r; }
    }
    printf("deep %ld\n", sum);
    fflush(stdout);
    pid_t p = fork();
    if (!p) {
        stop = 0;
        for (int i = 0; i < 3; i++) pthread_create(&t[i], 0, churn, 0);
        usleep(20000), exit(6);
    }
    int st;
    waitpid(p, &st, 0);
    printf("exit among threads %d\n", WIFEXITED(st) ? WEXITSTATUS(st) : -1);
    fflush(stdout);
    p = fork();
    if (!p) {
        stop = 0;
        pthread_create(&t[0], 0, churn, 0);
        usleep(20000), execl("/proc/self/exe", "x", "end", (char *)0), _exit(9);
    }
    waitpid(p, &st, 0);
    printf("exec among threads %x\n", st);
    /* The first thread ends, the others go on. */
    fflush(stdout);
    p = fork();
    if (!p) {
        pthread_attr_t a;
        void *last(void *);
        pthread_create(&t[0], 0, last, 0), pthread_exit(0);
    }
    waitpid(p, &st, 0);
    printf("last thread %d\n", WIFEXITED(st) ? WEXITSTATUS(st) : -1);
}
void *last(void *arg) { usleep(30000); exit(getpid() == tid() ? 1 : 8); }

int main(int argc, char **argv)
{
    if (argc > 1) return puts("executed"), 0;
    alarm(55);
    setvbuf(stdout, 0, _IOFBF, 1 << 16);
    inherit(), signals(), forks(), locks(), many();
    puts("end");
}
