/* Kernels of RISC-V's vector extension: vectors NAME [ROUNDS]. Each is a loop as libraries and compilers
   write them, checked against the same in C; it prints a checksum, which must be the same under
   every emulator. In assembly, because the compilers that are at hand do not know the extension. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { N = 4096 };
static float fx[N], fy[N], fy_before[N], fz[N];
static int32_t ix[N], iy[N], iz[N], table[N];
static uint32_t at[N];
static uint8_t bx[65536 + 64], by[65536 + 64], bz[65536 + 64];
static int8_t sx[N], sy[N];

static uint64_t state;
static uint32_t next(void)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return state >> 33;
}

#define FUNCTION(name, body)                                                                       \
    __asm__(".text\n.option push\n.option arch, +v\n.globl " #name "\n.type " #name ", @function\n" \
            #name ":\n" body "ret\n.option pop\n");

/* a0 = n, a1, a2, ... = arrays. */
long saxpy(long n, const float *x, float *y, float a);
FUNCTION(saxpy, "1: vsetvli t0, a0, e32, m8, ta, ma\n vle32.v v8, (a1)\n vle32.v v16, (a2)\n"
                "vfmacc.vf v16, fa0, v8\n vse32.v v16, (a2)\n slli t1, t0, 2\n add a1, a1, t1\n"
                "add a2, a2, t1\n sub a0, a0, t0\n bnez a0, 1b\n")
long copy(long n, const void *from, void *to);
FUNCTION(copy, "1: vsetvli t0, a0, e8, m8, ta, ma\n vle8.v v0, (a1)\n add a1, a1, t0\n sub a0, a0, t0\n"
               "vse8.v v0, (a2)\n add a2, a2, t0\n bnez a0, 1b\n")
long length(const void *text);
FUNCTION(length, "mv a3, a0\n 1: vsetvli a1, zero, e8, m1, ta, ma\n vle8ff.v v8, (a3)\n csrr a1, vl\n"
                 "vmseq.vi v0, v8, 0\n vfirst.m a2, v0\n add a3, a3, a1\n bltz a2, 1b\n"
                 "add a0, a0, a1\n add a3, a3, a2\n sub a0, a3, a0\n")
long compare(const void *a, const void *b);
FUNCTION(compare, "1: vsetvli a2, zero, e8, m2, ta, ma\n vle8ff.v v2, (a0)\n vle8ff.v v4, (a1)\n"
                  "csrr a2, vl\n vmseq.vi v0, v2, 0\n vmsne.vv v1, v2, v4\n vmor.mm v0, v0, v1\n"
                  "vfirst.m a3, v0\n add a0, a0, a2\n add a1, a1, a2\n bltz a3, 1b\n"
                  "sub a0, a0, a2\n sub a1, a1, a2\n add a0, a0, a3\n add a1, a1, a3\n"
                  "lbu a0, (a0)\n lbu a1, (a1)\n sub a0, a0, a1\n")
long sad(long n, const uint8_t *x, const uint8_t *y);
FUNCTION(sad, "vsetvli t0, zero, e32, m1, ta, ma\n vmv.v.i v3, 0\n li a3, 0\n 1: vsetvli t0, a0, e8, m4, ta, ma\n"
              "vle8.v v8, (a1)\n vle8.v v12, (a2)\n vmaxu.vv v16, v8, v12\n vminu.vv v20, v8, v12\n"
              "vsub.vv v16, v16, v20\n vwredsumu.vs v2, v16, v3\n"
              " vsetivli zero, 1, e16, m1, ta, ma\n vmv.x.s t1, v2\n"
              "slli t1, t1, 48\n srli t1, t1, 48\n add a3, a3, t1\n add a1, a1, t0\n"
              "add a2, a2, t0\n sub a0, a0, t0\n bnez a0, 1b\n mv a0, a3\n")
long f2i(long n, const float *x, int32_t *y);
FUNCTION(f2i, "1: vsetvli t0, a0, e32, m4, ta, ma\n vle32.v v8, (a1)\n vfcvt.rtz.x.f.v v8, v8\n"
              "vse32.v v8, (a2)\n slli t1, t0, 2\n add a1, a1, t1\n add a2, a2, t1\n sub a0, a0, t0\n"
              "bnez a0, 1b\n")
/* y = x > 0 ? 3 * x + y : y - 1. */
long masked(long n, const int32_t *x, int32_t *y);
FUNCTION(masked, "li t2, 3\n 1: vsetvli t0, a0, e32, m2, ta, mu\n vle32.v v8, (a1)\n vle32.v v10, (a2)\n"
                 "vmsgt.vi v0, v8, 0\n vadd.vi v12, v10, -1\n vmv.v.v v14, v10\n"
                 "vmacc.vx v14, t2, v8, v0.t\n vmerge.vvm v12, v12, v14, v0\n vse32.v v12, (a2)\n"
                 "slli t1, t0, 2\n add a1, a1, t1\n add a2, a2, t1\n sub a0, a0, t0\n bnez a0, 1b\n")
/* Loads and stores where x > 0. */
long masked_memory(long n, const int32_t *x, const int32_t *y, int32_t *z);
FUNCTION(masked_memory, "1: vsetvli t0, a0, e32, m1, ta, ma\n vle32.v v8, (a1)\n vmsgt.vi v0, v8, 0\n"
                        "vle32.v v9, (a2), v0.t\n vadd.vv v9, v9, v8, v0.t\n vse32.v v9, (a3), v0.t\n"
                        "slli t1, t0, 2\n add a1, a1, t1\n add a2, a2, t1\n add a3, a3, t1\n"
                        "sub a0, a0, t0\n bnez a0, 1b\n")
/* z = x / y where y != 0. */
long masked_float(long n, const float *x, const float *y, float *z);
FUNCTION(masked_float, "fmv.w.x fa1, zero\n 1: vsetvli t0, a0, e32, m1, ta, mu\n vle32.v v8, (a1)\n"
                       "vle32.v v9, (a2)\n vmfne.vf v0, v9, fa1\n vmv.v.i v10, 0\n"
                       "vfdiv.vv v10, v8, v9, v0.t\n vse32.v v10, (a3)\n slli t1, t0, 2\n"
                       "add a1, a1, t1\n add a2, a2, t1\n add a3, a3, t1\n sub a0, a0, t0\n bnez a0, 1b\n")
/* Every third element. */
long strided(long n, const int32_t *x, int32_t *y);
FUNCTION(strided, "li t2, 12\n 1: vsetvli t0, a0, e32, m1, ta, ma\n vlse32.v v8, (a1), t2\n"
                  "vadd.vi v8, v8, 1\n vse32.v v8, (a2)\n slli t1, t0, 2\n add a2, a2, t1\n"
                  "slli t3, t1, 1\n add t1, t1, t3\n add a1, a1, t1\n sub a0, a0, t0\n bnez a0, 1b\n")
long gather(long n, const uint32_t *at, const int32_t *table, int32_t *y);
FUNCTION(gather, "1: vsetvli t0, a0, e32, m2, ta, ma\n vle32.v v8, (a1)\n vsll.vi v8, v8, 2\n"
                 "vluxei32.v v10, (a2), v8\n vse32.v v10, (a3)\n slli t1, t0, 2\n add a1, a1, t1\n"
                 "add a3, a3, t1\n sub a0, a0, t0\n bnez a0, 1b\n")
long reverse(long n, const uint8_t *x, uint8_t *y);
FUNCTION(reverse, "add a2, a2, a0\n 1: vsetvli t0, a0, e8, m1, ta, ma\n vle8.v v8, (a1)\n vid.v v9\n"
                  "addi t1, t0, -1\n vrsub.vx v9, v9, t1\n vrgather.vv v10, v8, v9\n sub a2, a2, t0\n"
                  "vse8.v v10, (a2)\n add a1, a1, t0\n sub a0, a0, t0\n bnez a0, 1b\n")
long sum(long n, const int32_t *x);
FUNCTION(sum, "vsetivli zero, 1, e32, m1, ta, ma\n vmv.s.x v4, zero\n vmv.s.x v5, zero\n"
              "1: vsetvli t0, a0, e32, m4, ta, ma\n vle32.v v8, (a1)\n vredsum.vs v4, v8, v4\n"
              "vredmax.vs v5, v8, v5\n slli t1, t0, 2\n add a1, a1, t1\n sub a0, a0, t0\n bnez a0, 1b\n"
              "vmv.x.s a0, v4\n vmv.x.s a1, v5\n xor a0, a0, a1\n")
long dot8(long n, const int8_t *x, const int8_t *y);
FUNCTION(dot8, "vsetvli t0, zero, e32, m4, ta, ma\n vmv.v.i v8, 0\n 1: vsetvli t0, a0, e8, m1, tu, ma\n"
               "vle8.v v1, (a1)\n vle8.v v2, (a2)\n vwmul.vv v4, v1, v2\n"
               "vsetvli zero, zero, e16, m2, tu, ma\n vwadd.wv v8, v8, v4\n add a1, a1, t0\n"
               "add a2, a2, t0\n sub a0, a0, t0\n bnez a0, 1b\n vsetvli t0, zero, e32, m4, ta, ma\n"
               "vmv.s.x v1, zero\n vredsum.vs v1, v8, v1\n vmv.x.s a0, v1\n")
float fdot(long n, const float *x, const float *y);
FUNCTION(fdot, "vsetvli t0, zero, e32, m2, ta, ma\n vmv.v.i v8, 0\n 1: vsetvli t0, a0, e32, m2, tu, ma\n"
               "vle32.v v10, (a1)\n vle32.v v12, (a2)\n vfmacc.vv v8, v10, v12\n slli t1, t0, 2\n"
               "add a1, a1, t1\n add a2, a2, t1\n sub a0, a0, t0\n bnez a0, 1b\n"
               "vsetvli t0, zero, e32, m2, ta, ma\n vmv.s.x v1, zero\n vfredusum.vs v1, v8, v1\n"
               "vfmv.f.s fa0, v1\n")
#define ADD(lmul)                                                                                  \
    long add_##lmul(long n, const int32_t *x, int32_t *y);                                         \
    FUNCTION(add_##lmul, "1: vsetvli t0, a0, e32, " #lmul ", ta, ma\n vle32.v v8, (a1)\n"          \
                         "vle32.v v16, (a2)\n vadd.vv v16, v16, v8\n vse32.v v16, (a2)\n"          \
                         "slli t1, t0, 2\n add a1, a1, t1\n add a2, a2, t1\n sub a0, a0, t0\n"     \
                         "bnez a0, 1b\n")
ADD(m1)
ADD(m2)
ADD(m4)
ADD(m8)
ADD(mf2)
/* The type is set before the loop. */
long hoisted(long n, const int32_t *x, int32_t *y);
FUNCTION(hoisted, "vsetvli t0, zero, e32, m1, ta, ma\n slli t1, t0, 2\n j 2f\n 1: vle32.v v8, (a1)\n"
                  "vle32.v v16, (a2)\n vadd.vv v16, v16, v8\n vse32.v v16, (a2)\n add a1, a1, t1\n"
                  "add a2, a2, t1\n sub a0, a0, t0\n 2: bnez a0, 1b\n")
/* Red, green, blue to grey. */
long segments(long n, const uint8_t *x, uint8_t *y);
FUNCTION(segments, "li t2, 77\n li t3, 150\n li t4, 29\n 1: vsetvli t0, a0, e8, m1, ta, ma\n"
                   "vlseg3e8.v v8, (a1)\n vwmulu.vx v12, v8, t2\n vwmaccu.vx v12, t3, v9\n"
                   "vwmaccu.vx v12, t4, v10\n vnsrl.wi v8, v12, 8\n vse8.v v8, (a2)\n slli t1, t0, 1\n"
                   "add t1, t1, t0\n add a1, a1, t1\n add a2, a2, t0\n sub a0, a0, t0\n bnez a0, 1b\n")
/* To bytes, saturated. */
long narrow(long n, const int32_t *x, uint8_t *y);
FUNCTION(narrow, "csrwi vxrm, 2\n 1: vsetvli t0, a0, e32, m4, ta, ma\n vle32.v v8, (a1)\n"
                 "vmax.vx v8, v8, zero\n vsetvli zero, zero, e16, m2, ta, ma\n vnclipu.wi v16, v8, 4\n"
                 "vsetvli zero, zero, e8, m1, ta, ma\n vnclipu.wi v20, v16, 0\n vse8.v v20, (a2)\n"
                 "slli t1, t0, 2\n add a1, a1, t1\n add a2, a2, t0\n sub a0, a0, t0\n bnez a0, 1b\n")
/* Differences of neighbours. */
long slides(long n, const int32_t *x, int32_t *y);
FUNCTION(slides, "1: vsetvli t0, a0, e32, m2, ta, ma\n vle32.v v8, (a1)\n vslide1down.vx v10, v8, zero\n"
                 "vslidedown.vi v12, v8, 2\n vsub.vv v10, v10, v12\n vse32.v v10, (a2)\n slli t1, t0, 2\n"
                 "add a1, a1, t1\n add a2, a2, t1\n sub a0, a0, t0\n bnez a0, 1b\n")
/* Those that are positive; how many. */
long compress(long n, const int32_t *x, int32_t *y);
FUNCTION(compress, "mv a3, a2\n 1: vsetvli t0, a0, e32, m1, ta, ma\n vle32.v v8, (a1)\n"
                   "vmsgt.vi v0, v8, 0\n vcompress.vm v10, v8, v0\n vcpop.m t1, v0\n slli t2, t0, 2\n"
                   "add a1, a1, t2\n sub a0, a0, t0\n vsetvli zero, t1, e32, m1, ta, ma\n"
                   "vse32.v v10, (a2)\n slli t1, t1, 2\n add a2, a2, t1\n bnez a0, 1b\n"
                   "sub a0, a2, a3\n srai a0, a0, 2\n")
/* Bytes to singles, and back. */
long widths(long n, const uint8_t *x, uint8_t *y);
FUNCTION(widths, "li t2, 0x3f000000\n fmv.w.x fa1, t2\n 1: vsetvli t0, a0, e32, m4, ta, ma\n"
                 "vle8.v v4, (a1)\n vzext.vf4 v8, v4\n vfcvt.f.xu.v v8, v8\n vfmul.vf v8, v8, fa1\n"
                 "vfcvt.rtz.xu.f.v v8, v8\n vsetvli zero, zero, e16, m2, ta, ma\n vnsrl.wi v16, v8, 0\n"
                 "vsetvli zero, zero, e8, m1, ta, ma\n vnsrl.wi v20, v16, 0\n vse8.v v20, (a2)\n"
                 "add a1, a1, t0\n add a2, a2, t0\n sub a0, a0, t0\n bnez a0, 1b\n")
/* Four at a time, as compilers vectorise straight-line code. */
long fours(long n, const float *x, float *y);
FUNCTION(fours, "1: vsetivli zero, 4, e32, m1, ta, ma\n vle32.v v8, (a1)\n vle32.v v9, (a2)\n"
                "vfadd.vv v8, v8, v9\n vse32.v v8, (a2)\n vsetivli zero, 2, e32, mf2, ta, ma\n"
                "vle32.v v8, (a1)\n vle32.v v9, (a2)\n vfmul.vv v8, v8, v9\n vse32.v v8, (a2)\n"
                "addi a1, a1, 16\n addi a2, a2, 16\n addi a0, a0, -4\n bnez a0, 1b\n")

static void fill(void)
{
    state = 1;
    for (int i = 0; i < N; i++) {
        fx[i] = (int)(next() % 2000) - 1000, fz[i] = 0;
        fy[i] = fy_before[i] = i % 5 ? (int)(next() % 50) : 0;
        ix[i] = (int32_t)(next() << 1) >> 16, iy[i] = i, iz[i] = 0;
        table[i] = next(), at[i] = next() % N, sx[i] = next(), sy[i] = next();
    }
    for (unsigned i = 0; i < sizeof bx; i++) bx[i] = by[i] = next() % 255 + 1, bz[i] = 0;
    bx[65536] = by[65536] = 0;
}
static void require(int holds, const char *what)
{
    if (!holds) fprintf(stderr, "%s: wrong result\n", what), exit(1);
}
/* What NAME does once, and what holds after the first time. */
#define KERNEL(name, times, work, ...)                                                           \
    static uint64_t run_##name(int rounds)                                                         \
    {                                                                                              \
        uint64_t result = 0;                                                                       \
        fill();                                                                                    \
        for (int r = 0; r < rounds * times; r++) {                                                 \
            work;                                                                                  \
            if (r == 0) { __VA_ARGS__; }                                                                     \
        }                                                                                          \
        return result;                                                                             \
    }
#define ALL(condition) for (int i = 0; i < N; i++) require(condition, __func__)
KERNEL(saxpy, 20000, saxpy(N, fx, fy, 0.5f); result += fy[r % N],
       ALL(fy[i] == fy_before[i] + 0.5f * fx[i]))
KERNEL(memcpy, 5000, copy(65536, bx, bz); result += bz[r], require(!memcmp(bx, bz, 65536), "memcpy"))
KERNEL(memcpy_short, 20000, {
    for (int n = 1; n <= 40; n++) copy(n, bx + n, bz + 3 * n);
    result += bz[r & 63];
}, require(!memcmp(bx + 40, bz + 120, 40), "memcpy_short"))
KERNEL(strlen, 4000, result += length(bx), require(length(bx) == 65536, "strlen"))
KERNEL(strlen_short, 20000, {
    for (int n = 1; n <= 40; n++) result += length(bx + 65536 - n);
}, require(length(bx + 65536 - 23) == 23, "strlen_short"))
KERNEL(strcmp, 4000, result += compare(bx, by), require(compare(bx, by) == 0, "strcmp"))
KERNEL(sad, 20000, result += sad(N, bx, by + 9), {
    uint64_t all = 0;
    for (int i = 0; i < N; i++) all += abs(bx[i] - by[i + 9]);
    require(result == all, "sad");
})
KERNEL(f2i, 20000, f2i(N, fx, iz); result += iz[r % N], ALL(iz[i] == (int32_t)fx[i]))
KERNEL(masked, 10000, masked(N, ix, iy); result += iy[r % N],
       ALL(iy[i] == (ix[i] > 0 ? 3 * ix[i] + i : i - 1)))
KERNEL(masked_memory, 10000, masked_memory(N, ix, table, iz); result += iz[r % N],
       ALL(iz[i] == (ix[i] > 0 ? (int32_t)((uint32_t)ix[i] + table[i]) : 0)))
KERNEL(masked_float, 10000, masked_float(N, fx, fy, fz); result += fz[r % N],
       ALL(fz[i] == (fy[i] != 0 ? fx[i] / fy[i] : 0)))
KERNEL(strided, 30000, strided(N / 3, table, iz); result += iz[r % N],
       for (int i = 0; i < N / 3; i++) require(iz[i] == table[3 * i] + 1, "strided"))
KERNEL(gather, 10000, gather(N, at, table, iz); result += iz[r % N], ALL(iz[i] == table[at[i]]))
KERNEL(reverse, 20000, reverse(N, bx, bz); result += bz[r % N], ALL(bz[i] == bx[N - 1 - i]))
KERNEL(sum, 10000, result += sum(N, ix), {
    int32_t all = 0, max = 0;
    for (int i = 0; i < N; i++) all += ix[i], max = ix[i] > max ? ix[i] : max;
    require((int32_t)result == (all ^ max), "sum");
})
KERNEL(dot8, 20000, result += dot8(N, sx, sy), {
    int32_t all = 0;
    for (int i = 0; i < N; i++) all += sx[i] * sy[i];
    require((int32_t)result == all, "dot8");
})
KERNEL(fdot, 20000, result += fdot(N, fx, fy), {
    int64_t all = 0;
    for (int i = 0; i < N; i++) all += (int64_t)fx[i] * (int64_t)fy[i];
    require((int64_t)result == (int64_t)(float)all, "fdot");
})
#define ADDS(lmul)                                                                                 \
    KERNEL(add_##lmul, 10000, add_##lmul(N - 3, ix, iy); result += iy[r % N],                      \
           ALL(iy[i] == i + (i < N - 3 ? ix[i] : 0)))
ADDS(m1)
ADDS(m2)
ADDS(m4)
ADDS(m8)
ADDS(mf2)
KERNEL(hoisted, 10000, hoisted(N, ix, iy); result += iy[r % N], ALL(iy[i] == i + ix[i]))
KERNEL(segments, 20000, segments(N / 3, bx, bz); result += bz[r % N],
       for (int i = 0; i < N / 3; i++) {
           int grey = (77 * bx[3 * i] + 150 * bx[3 * i + 1] + 29 * bx[3 * i + 2]) >> 8;
           require(bz[i] == grey, "segments");
       })
KERNEL(narrow, 10000, narrow(N, ix, bz); result += bz[r % N], ALL(bz[i] == (ix[i] < 0 ? 0 : ix[i] >> 4 > 255 ? 255 : ix[i] >> 4)))
KERNEL(slides, 10000, slides(N, ix, iz); result += iz[r % N], require(iz[0] == ix[1] - ix[2], "slides"))
KERNEL(compress, 10000, result += compress(N, ix, iz), {
    int n = 0;
    for (int i = 0; i < N; i++)
        if (ix[i] > 0) require(iz[n++] == ix[i], "compress");
    require(result == n, "compress");
})
KERNEL(widths, 10000, widths(N, bx, bz); result += bz[r % N], ALL(bz[i] == bx[i] / 2))
KERNEL(fours, 10000, fours(N, fx, fz); if (r % 64 == 63) memset(fz, 0, sizeof fz); result += fz[r % N],
       ALL(fz[i] == (i % 4 < 2 ? fx[i] * fx[i] : fx[i])))

int main(int argc, char **argv)
{
#define NAMED(name) { #name, run_##name }
    static const struct { const char *name; uint64_t (*run)(int); } kernels[] = {
        NAMED(saxpy), NAMED(memcpy), NAMED(memcpy_short), NAMED(strlen), NAMED(strlen_short),
        NAMED(strcmp), NAMED(sad), NAMED(f2i), NAMED(masked), NAMED(masked_memory),
        NAMED(masked_float), NAMED(strided), NAMED(gather), NAMED(reverse), NAMED(sum), NAMED(dot8),
        NAMED(fdot), NAMED(add_m1), NAMED(add_m2), NAMED(add_m4), NAMED(add_m8), NAMED(add_mf2),
        NAMED(hoisted), NAMED(segments), NAMED(narrow), NAMED(slides), NAMED(compress),
        NAMED(widths), NAMED(fours),
    };
    for (unsigned i = 0; i < sizeof kernels / sizeof *kernels; i++) {
        if (argc > 1 && strcmp(argv[1], kernels[i].name)) continue;
        printf("%s %016llx\n", kernels[i].name,
               (unsigned long long)kernels[i].run(argc > 2 ? atoi(argv[2]) : 1));
    }
    return 0;
}
