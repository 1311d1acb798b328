// Instructions that have raised "invalid" many times, then get quiet NaNs, signalling ones, infinities
// and numbers in all combinations: results and status are those of the manual.
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static const uint64_t doubles[] = {
    0x7ff8000000000001, 0xfff8000000000002, 0x7ff0000000000003, 0xfff4000000000004,
    0x7ff0000000000000, 0xfff0000000000000, 0, 0x8000000000000000,
    0x3ff0000000000000, 0xc008000000000000, 0x7fefffffffffffff, 0x000fffffffffffff,
};
static const uint32_t singles[] = {
    0x7fc00001, 0xffc00002, 0x7f800003, 0xffa00004, 0x7f800000, 0xff800000,
    0, 0x80000000, 0x3f800000, 0xc0400000, 0x7f7fffff, 0x007fffff,
};
enum { N = 12 };

static uint64_t hash;
static void mix(const void *p, size_t n) {
    for (size_t i = 0; i < n; i++)
        hash = (hash ^ ((const unsigned char *)p)[i]) * 0x100000001b3;
}

typedef struct { uint64_t q[2]; } V;

// All combinations, twice: every instruction traps dozens of times in the first round.
#define TEST(name, text, element, values)                                                            \
    static void name(void) {                                                                         \
        hash = 0xcbf29ce484222325;                                                                   \
        for (int round = 0; round < 2; round++)                                                      \
            for (int i = 0; i < N; i++)                                                              \
                for (int j = 0; j < N; j++)                                                          \
                    for (int k = 0; k < N; k++) {                                                    \
                        element a[16 / sizeof(element)], b[16 / sizeof(element)];                    \
                        element c[16 / sizeof(element)];                                             \
                        for (unsigned l = 0; l < 16 / sizeof(element); l++) {                        \
                            a[l] = values[(i + l) % N];                                              \
                            b[l] = values[(j + 3 * l) % N];                                          \
                            c[l] = values[(k + 5 * l) % N];                                          \
                        }                                                                            \
                        uint64_t status, flags = 0;                                                  \
                        asm volatile("msr fpsr, xzr\n ldr q1, [%3]\n ldr q2, [%4]\n ldr q0, [%5]\n"  \
                                     text "\n cset %1, lo\n cinc %1, %1, vs\n mrs %0, fpsr\n"         \
                                     " str q0, [%2]\n"                                               \
                                     : "=&r"(status), "=&r"(flags)                                   \
                                     : "r"(c), "r"(a), "r"(b), "r"(c)                                \
                                     : "v0", "v1", "v2", "cc", "memory");                            \
                        status &= 0x8f;                                                              \
                        mix(c, 16);                                                                  \
                        mix(&status, 8);                                                             \
                        mix(&flags, 8);                                                              \
                    }                                                                                \
        printf("%s %016llx\n", text, (unsigned long long)hash);                                      \
    }

#define D(name, text) TEST(name, text, uint64_t, doubles)
#define S(name, text) TEST(name, text, uint32_t, singles)

D(d0, "fadd d0, d1, d2")
D(d1, "fsub d0, d1, d2")
D(d2, "fmul d0, d1, d2")
D(d3, "fnmul d0, d1, d2")
D(d4, "fdiv d0, d1, d2")
D(d5, "fsqrt d0, d1")
D(d6, "fmadd d0, d1, d2, d0")
D(d7, "fmsub d0, d1, d2, d0")
D(d8, "fnmadd d0, d1, d2, d0")
D(d9, "fnmsub d0, d1, d2, d0")
D(d10, "fmax d0, d1, d2")
D(d11, "fminnm d0, d1, d2")
D(d12, "fcmpe d1, d2")
D(d13, "fcmp d1, d2")
D(d14, "fcmpe d1, #0.0")
D(v0, "fadd v0.2d, v1.2d, v2.2d")
D(v1, "fsub v0.2d, v1.2d, v2.2d")
D(v2, "fmul v0.2d, v1.2d, v2.2d")
D(v3, "fdiv v0.2d, v1.2d, v2.2d")
D(v4, "fsqrt v0.2d, v1.2d")
D(v5, "fmla v0.2d, v1.2d, v2.2d")
D(v6, "fmls v0.2d, v1.2d, v2.2d")
D(v7, "fmax v0.2d, v1.2d, v2.2d")
D(v8, "fmaxnm v0.2d, v1.2d, v2.2d")
D(v9, "fcmgt v0.2d, v1.2d, v2.2d")
D(v10, "facge v0.2d, v1.2d, v2.2d")
D(v11, "fcmeq v0.2d, v1.2d, v2.2d")
S(s0, "fadd s0, s1, s2")
S(s1, "fsub s0, s1, s2")
S(s2, "fmul s0, s1, s2")
S(s3, "fdiv s0, s1, s2")
S(s4, "fsqrt s0, s1")
S(s5, "fmadd s0, s1, s2, s0")
S(s6, "fnmsub s0, s1, s2, s0")
S(s7, "fmin s0, s1, s2")
S(s8, "fmaxnm s0, s1, s2")
S(s9, "fcmpe s1, s2")
S(s10, "fcmge s0, s1, s2")
S(w0, "fadd v0.4s, v1.4s, v2.4s")
S(w1, "fsub v0.2s, v1.2s, v2.2s")
S(w2, "fmul v0.4s, v1.4s, v2.4s")
S(w3, "fdiv v0.2s, v1.2s, v2.2s")
S(w4, "fsqrt v0.4s, v1.4s")
S(w5, "fmla v0.4s, v1.4s, v2.4s")
S(w6, "fmls v0.2s, v1.2s, v2.2s")
S(w7, "fmin v0.4s, v1.4s, v2.4s")
S(w8, "fminnm v0.2s, v1.2s, v2.2s")
S(w9, "fcmge v0.4s, v1.4s, v2.4s")
S(w10, "facgt v0.2s, v1.2s, v2.2s")
S(w11, "fmla v0.2s, v1.2s, v2.2s")
S(w12, "fmla v0.2s, v1.2s, v2.s[1]")
S(w13, "fmls v0.2s, v1.2s, v2.s[1]")

int main(void) {
    void (*const all[])(void) = {
        d0, d1, d2, d3, d4, d5, d6, d7, d8, d9, d10, d11, d12, d13, d14, v0, v1, v2, v3, v4, v5, v6,
        v7, v8, v9, v10, v11, s0, s1, s2, s3, s4, s5, s6, s7, s8, s9, s10, w0, w1, w2, w3, w4, w5, w6,
        w7, w8, w9, w10, w11, w12, w13,
    };
    for (unsigned i = 0; i < sizeof all / sizeof *all; i++)
        all[i]();
    return 0;
}
