// Executes operations that are read from standard input on this machine's own floating point: SSE,
// x87, and glibc's binary128. Records of 64 bytes, answers of 32.
#define _GNU_SOURCE
#include <immintrin.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

struct question { uint8_t kind, op, rounding, precision, flush, pad[11]; unsigned char a[16], b[16], c[16]; };
struct answer { unsigned char result[16]; uint32_t status, extra, pad[2]; };

#define BINARY87(name, code) \
    static void name(struct question *q, struct answer *r) { \
        __asm__ volatile("fldt %1\n fldt %2\n " code "\n fstpt %0" : "=m"(r->result) : "m"(q->a), "m"(q->b) : "st"); }
BINARY87(add87, "faddp") BINARY87(sub87, "fsubrp") BINARY87(mul87, "fmulp") BINARY87(div87, "fdivrp")
static void sqrt87(struct question *q, struct answer *r) { __asm__ volatile("fldt %1\n fsqrt\n fstpt %0" : "=m"(r->result) : "m"(q->a)); }
static void rint87(struct question *q, struct answer *r) { __asm__ volatile("fldt %1\n frndint\n fstpt %0" : "=m"(r->result) : "m"(q->a)); }
static void rem87(struct question *q, struct answer *r, int nearest) {
    uint16_t s;
    if (nearest) __asm__ volatile("fldt %3\n fldt %2\n 1: fprem1\n fnstsw %1\n testw $0x400, %1\n jnz 1b\n fstpt %0\n fstp %%st(0)" : "=m"(r->result), "=a"(s) : "m"(q->a), "m"(q->b));
    else __asm__ volatile("fldt %3\n fldt %2\n 1: fprem\n fnstsw %1\n testw $0x400, %1\n jnz 1b\n fstpt %0\n fstp %%st(0)" : "=m"(r->result), "=a"(s) : "m"(q->a), "m"(q->b));
    r->extra = (s >> 8 & 1) << 2 | (s >> 14 & 1) << 1 | (s >> 9 & 1);
}
static void compare87(struct question *q, struct answer *r, int quiet) {
    uint8_t z, p, c;
    if (quiet) __asm__ volatile("fldt %4\n fldt %3\n fucomip %%st(1), %%st\n setz %0\n setp %1\n setc %2\n fstp %%st(0)" : "=q"(z), "=q"(p), "=q"(c) : "m"(q->a), "m"(q->b) : "cc");
    else __asm__ volatile("fldt %4\n fldt %3\n fcomip %%st(1), %%st\n setz %0\n setp %1\n setc %2\n fstp %%st(0)" : "=q"(z), "=q"(p), "=q"(c) : "m"(q->a), "m"(q->b) : "cc");
    r->extra = z | p << 1 | c << 2;
}
static void x87(struct question *q, struct answer *r) {
    static const uint16_t rc[] = {0, 0x800, 0x400, 0xc00}; // nearest, up, down, zero
    uint16_t cw = 0x3f | rc[q->rounding] | (q->precision == 24 ? 0 : q->precision == 53 ? 0x200 : 0x300), s;
    __asm__ volatile("fninit\n fldcw %0" : : "m"(cw));
    switch (q->op) {
    case 0: add87(q, r); break;
    case 1: sub87(q, r); break;
    case 2: mul87(q, r); break;
    case 3: div87(q, r); break;
    case 4: sqrt87(q, r); break;
    case 5: rint87(q, r); break;
    case 6: rem87(q, r, 1); break;
    case 7: rem87(q, r, 0); break;
    case 8: compare87(q, r, 0); break;
    case 9: compare87(q, r, 1); break;
    case 10: __asm__ volatile("fldt %1\n fstps %0" : "=m"(r->result) : "m"(q->a)); break;
    case 11: __asm__ volatile("fldt %1\n fstpl %0" : "=m"(r->result) : "m"(q->a)); break;
    case 12: __asm__ volatile("flds %1\n fstpt %0" : "=m"(r->result) : "m"(q->a)); break;
    case 13: __asm__ volatile("fldl %1\n fstpt %0" : "=m"(r->result) : "m"(q->a)); break;
    case 14: __asm__ volatile("fldt %1\n fistps %0" : "=m"(r->result) : "m"(q->a)); break;
    case 15: __asm__ volatile("fldt %1\n fistpl %0" : "=m"(r->result) : "m"(q->a)); break;
    case 16: __asm__ volatile("fldt %1\n fistpll %0" : "=m"(r->result) : "m"(q->a)); break;
    case 17: __asm__ volatile("fildll %1\n fstpt %0" : "=m"(r->result) : "m"(q->a)); break;
    }
    __asm__ volatile("fnstsw %0\n fnclex" : "=m"(s));
    r->status = s & 0x3f;
}

static void set_mxcsr(struct question *q) {
    static const unsigned rc[] = {0, 0x4000, 0x2000, 0x6000};
    _mm_setcsr(0x1f80 | rc[q->rounding] | (q->flush & 1 ? 0x40 : 0) | (q->flush & 2 ? 0x8000 : 0));
}
#define SSE(name, type, vector, load, s) \
    __attribute__((target("fma"))) static void name(struct question *q, struct answer *r) { \
        type x, y, z; memcpy(&x, q->a, sizeof x); memcpy(&y, q->b, sizeof y); memcpy(&z, q->c, sizeof z); \
        vector a = load(x), b = load(y), c = load(z), v = a; int64_t n; \
        switch (q->op) { \
        case 0: __asm__ volatile("adds" s " %1, %0" : "+x"(v) : "x"(b)); break; \
        case 1: __asm__ volatile("subs" s " %1, %0" : "+x"(v) : "x"(b)); break; \
        case 2: __asm__ volatile("muls" s " %1, %0" : "+x"(v) : "x"(b)); break; \
        case 3: __asm__ volatile("divs" s " %1, %0" : "+x"(v) : "x"(b)); break; \
        case 4: __asm__ volatile("sqrts" s " %1, %0" : "+x"(v) : "x"(a)); break; \
        case 5: __asm__ volatile("mins" s " %1, %0" : "+x"(v) : "x"(b)); break; \
        case 6: __asm__ volatile("maxs" s " %1, %0" : "+x"(v) : "x"(b)); break; \
        case 7: v = b; __asm__ volatile("vfmadd213s" s " %2, %1, %0" : "+x"(v) : "x"(a), "x"(c)); break; \
        case 8: __asm__ volatile("cvts" s "2si %1, %q0" : "=r"(n) : "x"(a)); memcpy(r->result, &n, 8); return; \
        case 9: __asm__ volatile("cvts" s "2si %1, %k0" : "=r"(n) : "x"(a)); memcpy(r->result, &n, 4); return; \
        case 10: __asm__ volatile("cvtts" s "2si %1, %q0" : "=r"(n) : "x"(a)); memcpy(r->result, &n, 8); return; \
        } \
        memcpy(r->result, &v, sizeof x); }
SSE(sse32, float, __m128, _mm_set_ss, "s")
SSE(sse64, double, __m128d, _mm_set_sd, "d")

static void quad(struct question *q, struct answer *r) {
    _Float128 a, b, c; int64_t n;
    memcpy(&a, q->a, 16); memcpy(&b, q->b, 16); memcpy(&c, q->c, 16);
    volatile _Float128 x = a, y = b, z = c, v = 0;
    switch (q->op) {
    case 0: v = x + y; break;
    case 1: v = x - y; break;
    case 2: v = x * y; break;
    case 3: v = x / y; break;
    case 4: v = sqrtf128(x); break;
    case 5: v = fmaf128(x, y, z); break;
    case 6: v = rintf128(x); break;
    case 7: { double d = x; memcpy(r->result, &d, 8); return; }
    case 8: { float d = x; memcpy(r->result, &d, 4); return; }
    case 9: { double d; memcpy(&d, q->a, 8); v = d; break; }
    case 10: n = (int64_t)x; memcpy(r->result, &n, 8); return;
    case 11: memcpy(&n, q->a, 8); v = n; break;
    case 12: r->extra = (x == y) | (x < y) << 2 | __builtin_isunordered(x, y) << 1; return;
    case 13: v = remainderf128(x, y); break;
    }
    a = v; memcpy(r->result, &a, 16);
}

int main(void) {
    struct question q;
    while (fread(&q, sizeof q, 1, stdin) == 1) {
        struct answer r = {{0}};
        if (q.kind == 0) {
            x87(&q, &r);
        } else {
            set_mxcsr(&q);
            if (q.kind == 1) sse32(&q, &r); else if (q.kind == 2) sse64(&q, &r); else quad(&q, &r);
            // (The C library raises some in the x87.)
            uint16_t s;
            __asm__ volatile("fnstsw %0\n fnclex" : "=m"(s));
            r.status = (_mm_getcsr() | (q.kind == 3 ? s : 0)) & 0x3f;
            _mm_setcsr(0x1f80);
        }
        fwrite(&r, sizeof r, 1, stdout);
    }
    return 0;
}
