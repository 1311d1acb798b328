/* The compiler's usual integer and floating-point code: results to the last bit. */
#include <fenv.h>
#include <float.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
static uint64_t seed = 42;
static uint64_t rnd(void) { seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17; return seed; }
static uint64_t hash;
static void mix(uint64_t v) { hash = (hash ^ v) * 0x100000001b3ull; }
static void mixd(double d) { uint64_t u; memcpy(&u, &d, 8); mix(u); }
static int cmp(const void *a, const void *b) { uint32_t x = *(uint32_t *)a, y = *(uint32_t *)b; return x < y ? -1 : x > y; }
#define SHOW(n) printf("%-10s %016llx\n", n, (unsigned long long)hash)
int main(void)
{
    for (int i = 0; i < 20000; i++) {
        uint64_t a = rnd(), b = rnd();
        b |= 1;
        int64_t c = (int64_t)rnd(), d = (int64_t)rnd();
        c >>= rnd() & 63, d >>= rnd() & 63, d |= 1;
        if (d == -1 || (int32_t)d == -1) d = 3;
        mix(a / b), mix(a % b), mix((uint64_t)(c / d)), mix((uint64_t)(c % d));
        mix((uint32_t)a / (uint32_t)b), mix((uint64_t)((int32_t)c / ((int32_t)d | 1)));
        mix((unsigned __int128)a * b >> 64), mix((uint64_t)((__int128)c * d >> 64));
        mix(a << (b & 63) | a >> (-b & 63)), mix((uint64_t)(c >> (b & 63)));
        mix(__builtin_clzll(b)), mix(__builtin_ctzll(a | 1ull << 63)), mix(__builtin_popcountll(a)), mix(__builtin_bswap64(a));
        mix(a < b), mix(c < d), mix(a * b + c), mix((int8_t)a), mix((int16_t)b), mix(__builtin_add_overflow_p(c, d, (int64_t)0));
    }
    SHOW("integer");
    for (int i = 0; i < 20000; i++) {
        double x = (double)(int64_t)rnd(), y = (double)(rnd() >> 11);
        x /= (double)(rnd() | 1), y = ldexp(y, (int)(rnd() % 40) - 60);
        float f = (float)x, g = (float)y;
        mixd(x + y), mixd(x * y), mixd(x / y), mixd(x - y), mixd(sqrt(fabs(x))), mixd(fma(x, y, x)), mixd(f * g + f), mixd(f / g);
        mixd(floor(x)), mixd(ceil(x)), mixd(trunc(x)), mixd(round(x)), mixd(rint(x)), mixd(fmin(x, y)), mixd(fmax(f, g));
        mix((uint64_t)(int64_t)fmod(x, 1e9)), mix((uint64_t)(int64_t)fmod(x * 1000, 1e15)), mix((uint32_t)fmod(fabs(y) * 10, 4e9)), mix((uint64_t)(int32_t)fmod(g * 100, 2e9));
        mixd((double)rnd()), mixd((float)rnd()), mixd((double)(int32_t)rnd()), mix(x < y), mix(x == y), mix(f >= g);
    }
    SHOW("float");
    double w[] = {0.0, -0.0, 1.5, -INFINITY, INFINITY, 5e-324, DBL_MAX, 2.5, -2.5};
    for (int i = 0; i < 9; i++)
        for (int j = 0; j < 9; j++) {
            double q[] = {w[i] + w[j], w[i] - w[j], w[i] * w[j], w[i] / w[j]};
            for (int k = 0; k < 4; k++) { int n = isnan(q[k]); mix(n); if (!n) mixd(q[k]); }
            mix(w[i] < w[j]), mix(isunordered(w[i], w[j])), mix(isgreater(w[i], w[j]));
        }
    SHOW("special");
    int modes[] = {FE_TONEAREST, FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO};
    for (int m = 0; m < 4; m++) {
        fesetround(modes[m]);
        volatile double one = 1, three = 3, tenth = 0.1;
        mixd(one / three), mixd(-one / three), mixd(tenth * three), mixd(rint(2.5 * one)), mixd((float)tenth);
        mix(fegetround() == modes[m]);
    }
    fesetround(FE_TONEAREST);
    SHOW("rounding");
    feclearexcept(FE_ALL_EXCEPT);
    volatile double zero = 0, big = DBL_MAX, tiny = DBL_MIN, r;
    mix(fetestexcept(FE_ALL_EXCEPT));
    r = 1 / zero, mix(fetestexcept(FE_DIVBYZERO) != 0), mix(fetestexcept(FE_INVALID) != 0);
    r = big * big, mix(fetestexcept(FE_OVERFLOW) != 0);
    r = tiny * tiny, mix(fetestexcept(FE_UNDERFLOW) != 0);
    r = zero / zero, mix(fetestexcept(FE_INVALID) != 0), mix(isnan(r));
    feclearexcept(FE_ALL_EXCEPT);
    r = sqrt(-1 - zero), mix(fetestexcept(FE_INVALID) != 0);
    SHOW("exceptions");
    uint32_t *v = malloc(100000 * 4);
    for (int i = 0; i < 100000; i++) v[i] = rnd();
    qsort(v, 100000, 4, cmp);
    for (int i = 0; i < 100000; i += 97) mix(v[i]);
    SHOW("qsort");
    static char text[32768], *p;
    p = text;
    for (int i = 0; i < 60; i++) { long r[6]; for (int k = 0; k < 6; k++) r[k] = rnd(); p += sprintf(p, "%d %u %lx %.3f %g %e|", (int)r[0], (unsigned)r[1], r[2], (double)(int)r[3] / 1000, (double)r[4], (double)(int)r[5]); }
    for (char *c = text; *c; c++) mix(*c);
    mixd(strtod("3.14159265358979323846", 0)), mixd(strtod("1e-310", 0)), mix(strtoull("0xdeadbeefcafe", 0, 0));
    SHOW("printf");
    mix(strlen(text)), mix(strchr(text, '|') - text), mix(!!strstr(text, "e+")), mix(memcmp(text, text + 1, 100) < 0);
    static char copy[32768];
    strcpy(copy, text), memmove(copy + 3, copy, 1000), memset(copy + 2000, 'x', 500);
    for (int i = 0; i < 4000; i++) mix((unsigned char)copy[i]);
    SHOW("strings");
    for (int i = 1; i < 2000; i++) {
        double x = i * 0.37;
        printf("%s", ""), mix((uint64_t)(int64_t)(sin(x) * 1e6)), mix((uint64_t)(int64_t)(exp(-x / 100) * 1e6)), mix((uint64_t)(int64_t)(log(x) * 1e6)), mix((uint64_t)(int64_t)(pow(x, 0.3) * 1e6));
    }
    SHOW("libm");
    return 0;
}
