/* Timer signals while computing: the result must not change, and every one must arrive. */
#include <math.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
static volatile sig_atomic_t ticks;
static volatile double sink;
static void tick(int s) { (void)s; ticks++; sink = sqrt(ticks) * 1.5; char b[200]; memset(b, ticks, sizeof b); }
__attribute__((noipa)) static uint64_t work(void)
{
    uint64_t x = 1, h = 0;
    double d = 1;
    for (int i = 0; i < 20000000; i++) {
        x = x * 6364136223846793005ull + 1442695040888963407ull;
        h ^= x >> 29 | x << 7;
        if (x & 0x10000) d = d * 1.0000001 + (double)(x >> 60);
        if (d > 1e6) d = 1;
        if ((int32_t)x < -2000000000) h += i;
    }
    return h ^ (uint64_t)(d * 1000);
}
int main(void)
{
    uint64_t quiet = work();
    signal(SIGALRM, tick);
    struct itimerval it = {{0, 200}, {0, 200}};
    setitimer(ITIMER_REAL, &it, 0);
    uint64_t noisy = work();
    memset(&it, 0, sizeof it);
    setitimer(ITIMER_REAL, &it, 0);
    printf("%016llx equal %d enough %d\n", (unsigned long long)quiet, quiet == noisy, ticks > 20);
    return 0;
}
