/* Clocks, sleeping, timers. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <sys/times.h>
#include <time.h>
#include <unistd.h>
static long long ns(clockid_t c) { struct timespec t; if (clock_gettime(c, &t)) return -1; return t.tv_sec * 1000000000ll + t.tv_nsec; }
static volatile sig_atomic_t fired;
static void on(int s, siginfo_t *i, void *u) { (void)s, (void)u; fired += i->si_code == SI_TIMER ? 1 : 100; }
int main(void)
{
    clockid_t all[] = {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID, CLOCK_MONOTONIC_RAW, CLOCK_REALTIME_COARSE, CLOCK_MONOTONIC_COARSE, CLOCK_BOOTTIME};
    for (unsigned i = 0; i < sizeof all / sizeof *all; i++) {
        long long a = ns(all[i]), b = ns(all[i]);
        printf("%u %d ", i, a > 0 && b >= a);
    }
    struct timespec r;
    printf("\nres %d", clock_getres(CLOCK_MONOTONIC, &r)),
        printf(" %ld\n", r.tv_nsec);
    printf("bad clock %d", clock_gettime(1234, &r)),
        printf(" %s\n", strerror(errno));
    long long last = 0, back = 0;
    for (int i = 0; i < 100000; i++) { long long n = ns(CLOCK_MONOTONIC); back += n < last; last = n; }
    printf("backwards %lld\n", back);
    struct timeval tv;
    gettimeofday(&tv, 0);
    long long diff = tv.tv_sec - time(0);
    printf("agree %d\n", diff >= -1 && diff <= 1);
    long long t = ns(CLOCK_MONOTONIC);
    usleep(20000);
    t = ns(CLOCK_MONOTONIC) - t;
    printf("slept %d\n", t >= 20000000 && t < 2000000000);
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_nsec += 10000000;
    if (at.tv_nsec >= 1000000000) at.tv_nsec -= 1000000000, at.tv_sec++;
    printf("until %d\n", clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, 0));
    struct sigaction sa = {.sa_sigaction = on, .sa_flags = SA_SIGINFO};
    sigaction(SIGRTMIN, &sa, 0);
    timer_t id;
    struct sigevent ev = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN};
    struct itimerspec its = {{0, 0}, {0, 5000000}};
    printf("timer %d", timer_create(CLOCK_MONOTONIC, &ev, &id)),
        printf(" %d\n", timer_settime(id, 0, &its, 0));
    while (!fired) usleep(1000);
    printf("fired %d", (int)fired),
        printf(" delete %d\n", timer_delete(id));
    struct tms tm;
    printf("times %d\n", times(&tm) > 0);
    struct tm g;
    time_t z = 86400 * 365;
    char b[64];
    strftime(b, sizeof b, "%F %T", gmtime_r(&z, &g));
    printf("%s\n", b);
    return 0;
}
