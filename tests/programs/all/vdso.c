/* The vDSO's clocks say what the system calls say: never earlier than one before, never later than
 * one after, in threads, under signals, in a child, in another time namespace. */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#ifdef __riscv
/* The C library's needs a place to write to. */
#define NOWHERE 0
#else
#define NOWHERE gettimeofday(0, 0)
#endif
#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x80
#endif
static const clockid_t all[] = {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_MONOTONIC_RAW, CLOCK_REALTIME_COARSE, CLOCK_MONOTONIC_COARSE, CLOCK_BOOTTIME, CLOCK_TAI, CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID};
enum { ALL = sizeof all / sizeof *all };
static long long ns(struct timespec t) { return t.tv_sec * 1000000000ll + t.tv_nsec; }
static long long asked(clockid_t c) { struct timespec t; return syscall(SYS_clock_gettime, c, &t) ? -1 : ns(t); }
static long long told(clockid_t c) { struct timespec t; return clock_gettime(c, &t) ? -1 : ns(t); }
/* How often a clock is outside of what the call says just before and just after. */
static int wrong(clockid_t c, int rounds)
{
    int bad = 0;
    for (int i = 0; i < rounds; i++) {
        long long a = asked(c), b = told(c), d = told(c), e = asked(c);
        bad += a < 0 || a > b || b > d || d > e;
    }
    return bad;
}
static int all_wrong(int rounds)
{
    int bad = 0;
    for (int i = 0; i < ALL; i++) bad += wrong(all[i], rounds);
    return bad;
}
static volatile int in_handler, handled;
static void on(int s) { (void)s; in_handler += wrong(CLOCK_MONOTONIC, 1); handled++; }
static void *thread(void *rounds) { return (void *)(long)all_wrong((long)rounds); }
static int child(int rounds)
{
    int status;
    fflush(stdout);
    pid_t pid = fork();
    if (!pid) _exit(all_wrong(rounds) != 0);
    return waitpid(pid, &status, 0) == pid ? status : -1;
}
static void namespace(void)
{
    FILE *offsets;
    if (unshare(CLONE_NEWTIME)) { printf("no time namespace: %s\n", strerror(errno)); return; }
    if ((offsets = fopen("/proc/self/timens_offsets", "w"))) {
        fprintf(offsets, "monotonic 1000000 5\nboottime 2000000 5\n");
        printf("offsets %d\n", fclose(offsets));
    }
    long long here = told(CLOCK_MONOTONIC);
    int ends[2];
    pipe(ends);
    fflush(stdout);
    if (!fork()) {
        long long there[3] = {told(CLOCK_MONOTONIC), told(CLOCK_BOOTTIME), all_wrong(200)};
        write(ends[1], there, sizeof there);
        _exit(0);
    }
    long long there[3] = {0};
    read(ends[0], there, sizeof there);
    wait(0);
    printf("namespace %lld %lld %lld\n", (there[0] - here) / 10000000000ll, (there[1] - told(CLOCK_BOOTTIME)) / 100000000000ll, there[2]);
}
/* How often getcpu does not say where this thread runs. */
static int processors(void)
{
    cpu_set_t all, one;
    int bad = 0;
    sched_getaffinity(0, sizeof all, &all);
    for (unsigned n = 0; n < CPU_SETSIZE; n++) {
        if (!CPU_ISSET(n, &all)) continue;
        unsigned cpu, node, other, again;
        CPU_ZERO(&one);
        CPU_SET(n, &one);
        bad += sched_setaffinity(0, sizeof one, &one);
        for (int i = 0; i < 200; i++) {
            bad += getcpu(&cpu, &node) || syscall(SYS_getcpu, &other, &again, NULL);
            bad += cpu != n || other != n || node != again || sched_getcpu() != n;
            cpu = node = -1;
            bad += getcpu(&cpu, NULL) || getcpu(NULL, &node) || getcpu(NULL, NULL);
            bad += cpu != n || node != again;
        }
    }
    sched_setaffinity(0, sizeof all, &all);
    return bad;
}

int main(void)
{
    for (int i = 0; i < ALL; i++) printf("%d %d ", all[i], wrong(all[i], 2000));
    printf("\n");
    for (int c = -3; c < 14; c++) {
        struct timespec a = {7, 7}, b = {7, 7};
        int ra = syscall(SYS_clock_getres, c, &a), rb = clock_getres(c, &b), e = errno;
        printf("%d %d %d %d, ", ra, ra == rb && !memcmp(&a, &b, sizeof a), ra ? e : 0, clock_getres(c, 0));
    }
    printf("\n");
    struct timeval tv;
    struct timezone tz = {5, 5};
    int bad = 0;
    for (int i = 0; i < 2000; i++) {
        long long a = told(CLOCK_REALTIME) / 1000;
        bad += gettimeofday(&tv, i & 1 ? &tz : 0);
        long long b = tv.tv_sec * 1000000ll + tv.tv_usec, c = told(CLOCK_REALTIME) / 1000;
        bad += a > b || b > c || tv.tv_usec < 0 || tv.tv_usec > 999999;
        long long d = told(CLOCK_REALTIME_COARSE) / 1000000000;
        time_t t, u = time(&t);
        bad += t != u || u < d || u > told(CLOCK_REALTIME) / 1000000000;
    }
    printf("day %d, zone %d, nothing %d\n", bad, tz.tz_dsttime, NOWHERE);
    printf("processors %d\n", processors());
    struct timespec t;
    printf("bad clocks");
    for (int c = 12; c < 16; c++) printf(" %d %d", clock_gettime(c, &t), errno);
    printf("\n");

    pthread_t threads[3];
    struct itimerval often = {{0, 300}, {0, 300}}, never = {{0}};
    signal(SIGALRM, on);
    setitimer(ITIMER_REAL, &often, 0);
    for (int i = 0; i < 3; i++) pthread_create(&threads[i], 0, thread, (void *)300);
    bad = all_wrong(300);
    for (int i = 0; i < 3; i++) { void *r; pthread_join(threads[i], &r); bad += (long)r; }
    while (handled < 20) bad += wrong(CLOCK_MONOTONIC, 1);
    printf("threads %d, child %d, ", bad, child(200));
    setitimer(ITIMER_REAL, &never, 0);
    printf("handler %d\n", in_handler);
    namespace();
    return 0;
}
