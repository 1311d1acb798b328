/* Kernels of `cargo xtask bench`: kernels NAME [ROUNDS]. Each prints a checksum, which must be the
   same natively and under every emulator. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t state = 88172645463325252u;
static uint64_t next(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    return state ^= state << 17;
}

/* Calls and returns. */
__attribute__((noinline)) static uint64_t fib(uint64_t n)
{
    return n < 2 ? n : fib(n - 1) + fib(n - 2);
}
static uint64_t recurse(int rounds) { return fib(33 + rounds); }

/* Loads that depend on each other. */
static uint64_t list(int rounds)
{
    enum { N = 4096 };
    static struct node { struct node *next; uint64_t value; } nodes[N];
    uint32_t order[N];
    for (int i = 0; i < N; i++) order[i] = i;
    for (int i = N - 1; i > 0; i--) {
        int j = next() % (i + 1);
        uint32_t t = order[i];
        order[i] = order[j], order[j] = t;
    }
    for (int i = 0; i < N; i++) {
        nodes[order[i]].next = &nodes[order[(i + 1) % N]];
        nodes[order[i]].value = i;
    }
    uint64_t sum = 0;
    struct node *at = nodes;
    for (long i = 0; i < rounds * 8000000L; i++) sum += at->value, at = at->next;
    return sum;
}

/* Flags, shifts, a table. */
static uint64_t crc(int rounds)
{
    static uint32_t table[256];
    static uint8_t data[65536];
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t c = i;
        for (int k = 0; k < 8; k++) c = c & 1 ? c >> 1 ^ 0xedb88320 : c >> 1;
        table[i] = c;
    }
    for (int i = 0; i < 65536; i++) data[i] = next();
    uint32_t c = ~0u;
    for (int r = 0; r < rounds * 200; r++)
        for (int i = 0; i < 65536; i++) c = table[(c ^ data[i]) & 255] ^ c >> 8;
    return c;
}

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}
/* Calls through a pointer. */
static uint64_t sort(int rounds)
{
    enum { N = 200000 };
    static uint64_t data[N];
    uint64_t sum = 0;
    for (int r = 0; r < rounds * 2; r++) {
        for (int i = 0; i < N; i++) data[i] = next() >> 20;
        qsort(data, N, sizeof *data, compare);
        sum += data[N / 2] ^ data[N / 7];
    }
    return sum;
}

/* A switch in a loop: indirect branches. */
static uint64_t interpret(int rounds)
{
    static uint8_t program[1024];
    for (int i = 0; i < 1024; i++) program[i] = next() % 8;
    uint64_t a = 1, b = 2, c = 3;
    for (long i = 0; i < rounds * 12000000L; i++) {
        switch (program[i & 1023]) {
        case 0: a += b; break;
        case 1: b ^= c; break;
        case 2: c = c << 1 | c >> 63; break;
        case 3: a -= c; break;
        case 4: b = b * 5 + 1; break;
        case 5: c += a; break;
        case 6: a = ~a; break;
        case 7: if (a & 1) b++; else c--; break;
        }
    }
    return a ^ b ^ c;
}

static uint64_t hash(int rounds)
{
    enum { N = 1 << 16 };
    static uint64_t table[N];
    uint64_t found = 0;
    memset(table, 0, sizeof table);
    for (long i = 0; i < rounds * 4000000L; i++) {
        uint64_t key = next() % 50000 + 1;
        uint32_t at = key * 0x9e3779b97f4a7c15u >> 48;
        while (table[at] && table[at] != key) at = (at + 1) % N;
        found += table[at] == key;
        table[at] = key;
    }
    return found;
}

static uint64_t bits(double d)
{
    uint64_t n;
    memcpy(&n, &d, sizeof n);
    return n;
}
static uint64_t gemm(int rounds)
{
    enum { N = 160 };
    static double a[N][N], b[N][N], c[N][N];
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++) a[i][j] = i - j, b[i][j] = 1.0 / (i + j + 1);
    for (int r = 0; r < rounds * 30; r++)
        for (int i = 0; i < N; i++)
            for (int k = 0; k < N; k++) {
                double x = a[i][k];
                for (int j = 0; j < N; j++) c[i][j] += x * b[k][j];
            }
    return bits(c[3][5] + c[N - 1][N / 2]);
}

static uint64_t mandel(int rounds)
{
    uint64_t sum = 0;
    int n = 150 * rounds + 100;
    for (int y = 0; y < n; y++)
        for (int x = 0; x < n; x++) {
            double cr = 3.0 * x / n - 2, ci = 2.0 * y / n - 1, zr = 0, zi = 0;
            int k = 0;
            for (; k < 200 && zr * zr + zi * zi < 4; k++) {
                double t = zr * zr - zi * zi + cr;
                zi = 2 * zr * zi + ci;
                zr = t;
            }
            sum += k;
        }
    return sum;
}

/* What compilers vectorise. */
static uint64_t vectors(int rounds)
{
    enum { N = 4096 };
    static float x[N], y[N];
    static uint32_t u[N], v[N];
    static uint8_t p[N], q[N];
    for (int i = 0; i < N; i++) x[i] = i, y[i] = 0, u[i] = next(), p[i] = next(), q[i] = next();
    uint64_t sum = 0;
    for (int r = 0; r < rounds * 15000; r++) {
        for (int i = 0; i < N; i++) y[i] = y[i] * 0.5f + x[i];
        for (int i = 0; i < N; i++) v[i] = (v[i] + u[i]) ^ u[i] << 3;
        for (int i = 0; i < N; i++) sum += abs(p[i] - q[i]);
    }
    return sum + v[17] + (uint64_t)y[100];
}

static uint64_t strings(int rounds)
{
    static char a[65536], b[65536];
    memset(a, 'x', sizeof a - 1);
    uint64_t sum = 0;
    for (int r = 0; r < rounds * 20000; r++) {
        a[r % 60000] = 'y';
        memcpy(b, a, sizeof b);
        sum += strlen(b) + (uint64_t)((char *)memchr(b, 'y', sizeof b) - b) + !strcmp(a, b);
    }
    return sum;
}

/* The C library's functions over 64 KiB, one by one. */
static char text[65536], copy[65536];
static void fill(void)
{
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 2] = 'y';
    memcpy(copy, text, sizeof text);
}
#define EACH(name, times, start, work)                                                             \
    static uint64_t each_##name(int rounds)                                                        \
    {                                                                                              \
        uint64_t sum = 0;                                                                          \
        start;                                                                                     \
        for (int r = 0; r < rounds * times; r++) {                                                 \
            work;                                                                                  \
            __asm__ volatile("" ::: "memory");                                                     \
        }                                                                                          \
        return sum;                                                                                \
    }
EACH(strlen, 100000, fill(), sum += strlen(text))
EACH(memcpy, 100000, fill(), sum += (uint8_t)((char *)memcpy(copy, text, sizeof text))[9])
EACH(memchr, 100000, fill(), sum += (char *)memchr(text, 'y', sizeof text) - text)
EACH(strcmp, 50000, fill(), sum += !strcmp(text, copy))

/* Loops of 4096 elements that compilers vectorise, one by one. */
enum { ELEMENTS = 4096 };
static float fx[ELEMENTS], fy[ELEMENTS];
static uint32_t ux[ELEMENTS], uy[ELEMENTS];
static uint8_t bx[ELEMENTS], by[ELEMENTS];
static int32_t ix[ELEMENTS];
static void elements(void)
{
    for (int i = 0; i < ELEMENTS; i++) {
        fx[i] = i * 1.5f, fy[i] = 0, ux[i] = next(), uy[i] = 0, bx[i] = next(), by[i] = next();
    }
}
#define ALL(work) for (int i = 0; i < ELEMENTS; i++) work
EACH(saxpy, 300000, elements(), ALL(fy[i] = fy[i] * 0.5f + fx[i]); sum += fy[r & 4095])
EACH(u32, 300000, elements(), ALL(uy[i] = (uy[i] + ux[i]) ^ ux[i] << 3); sum += uy[r & 4095])
EACH(sad, 300000, elements(), uint32_t s = 0; ALL(s += abs(bx[i] - by[i])); sum += s)
EACH(f2i, 300000, elements(), ALL(ix[i] = fx[i]); sum += ix[r & 4095])

int main(int argc, char **argv)
{
    static const struct { const char *name; uint64_t (*run)(int); } kernels[] = {
        {"recurse", recurse}, {"list", list}, {"crc", crc}, {"sort", sort},
        {"interpret", interpret}, {"hash", hash}, {"gemm", gemm}, {"mandel", mandel},
        {"vectors", vectors}, {"strings", strings},
        {"strlen", each_strlen}, {"memcpy", each_memcpy}, {"memchr", each_memchr},
        {"strcmp", each_strcmp}, {"saxpy", each_saxpy}, {"u32", each_u32}, {"sad", each_sad},
        {"f2i", each_f2i},
    };
    for (unsigned i = 0; i < sizeof kernels / sizeof *kernels; i++) {
        if (argc > 1 && strcmp(argv[1], kernels[i].name)) continue;
        printf("%s %016llx\n", kernels[i].name,
               (unsigned long long)kernels[i].run(argc > 2 ? atoi(argv[2]) : 3));
    }
    return 0;
}
