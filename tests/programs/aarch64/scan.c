/* Loops that search memory, of the kinds that C libraries and compilers have: what is in the
 * registers, vectors and flags afterwards, whether they end by what they find or by a fault. */
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

struct regs { uint64_t x[16]; uint64_t nzcv; uint64_t fault, pc, none; unsigned __int128 v[8]; };
static struct regs *current;
static uint64_t end_of, start_of;

/* Loads x0..x15, NZCV and v0..v7, runs the loop, stores them. */
#define LOOP(name, text)                                                                           \
    void name(struct regs *);                                                                      \
    extern char name##_end[];                                                                      \
    __asm__(".text\n.balign 64\n" #name ":\n"                                                      \
            "stp x29, x30, [sp, #-112]!\nstp x28, x27, [sp, #16]\n"                                \
            "mov x28, x0\nadd x27, x28, #160\n"                                                    \
            "ldp q0, q1, [x27]\nldp q2, q3, [x27, #32]\nldp q4, q5, [x27, #64]\n"                  \
            "ldp q6, q7, [x27, #96]\nldr x27, [x28, #128]\nmsr nzcv, x27\n"                        \
            "ldp x2, x3, [x28, #16]\nldp x4, x5, [x28, #32]\nldp x6, x7, [x28, #48]\n"             \
            "ldp x8, x9, [x28, #64]\nldp x10, x11, [x28, #80]\nldp x12, x13, [x28, #96]\n"         \
            "ldp x14, x15, [x28, #112]\nldp x0, x1, [x28]\n"                                       \
            "b 1f\n.balign 64\n1:\n" text                                                          \
            "\nb 9f\n9:\n" #name "_end:\n"                                                         \
            "stp x0, x1, [x28]\nstp x2, x3, [x28, #16]\nstp x4, x5, [x28, #32]\n"                  \
            "stp x6, x7, [x28, #48]\nstp x8, x9, [x28, #64]\nstp x10, x11, [x28, #80]\n"           \
            "stp x12, x13, [x28, #96]\nstp x14, x15, [x28, #112]\nmrs x27, nzcv\n"                 \
            "str x27, [x28, #128]\nadd x27, x28, #160\n"                                           \
            "stp q0, q1, [x27]\nstp q2, q3, [x27, #32]\nstp q4, q5, [x27, #64]\n"                  \
            "stp q6, q7, [x27, #96]\nldp x28, x27, [sp, #16]\nldp x29, x30, [sp], #112\nret\n");

#define HAS_ZERO(w) "sub x4, " w ", x8\norr x6, " w ", #0x7f7f7f7f7f7f7f7f\nbics x4, x4, x6\n"
/* x0 and x1 are the addresses, x2 a count of bytes, x3 the end of what is at x0, x8 0101..., x10
 * and x11 the distances from x0 to x1 and to what is 8 bytes behind it; v0 a byte to be found. */
LOOP(words, "ldr x3, [x0, x10]\nldr x2, [x0], #8\n" HAS_ZERO("x2") "ccmp x2, x3, #0, eq\nb.eq 1b")
LOOP(words_ahead, "ldr x7, [x0, x11]\nldr x3, [x0, x10]\nsub x4, x7, x8\n"
     "orr x6, x7, #0x7f7f7f7f7f7f7f7f\nldr x2, [x0], #8\nbics x4, x4, x6\nccmp x2, x3, #0, eq\nb.eq 1b")
LOOP(words_counted, "ldr x3, [x0], #8\nldr x4, [x1], #8\nsubs x2, x2, #8\nsub x9, x3, x8\n"
     "orr x5, x3, #0x7f7f7f7f7f7f7f7f\neor x6, x3, x4\ncsinv x14, x6, xzr, hi\nbics x5, x9, x5\n"
     "ccmp x14, #0, #0, eq\nb.eq 1b")
LOOP(words_equal, "ldr x4, [x0], #8\nldr x5, [x1], #8\ncmp x4, x5\nb.ne 9f\nsubs x2, x2, #8\nb.hi 1b")
LOOP(words_high, "ldr x4, [x0], #8\nsub x5, x4, x8\nbic x5, x5, x4\ntst x5, #0x8080808080808080\nb.eq 1b")
LOOP(pair_of_vectors, "ldp q1, q2, [x0, #32]!\numinp v3.16b, v1.16b, v2.16b\numinp v3.16b, v3.16b, v3.16b\n"
     "cmeq v3.8b, v3.8b, #0\nfmov x3, d3\ncbz x3, 1b")
LOOP(vectors_counted, "ldr q1, [x0, #16]!\ncmeq v2.16b, v1.16b, v0.16b\numaxp v3.16b, v2.16b, v2.16b\n"
     "fmov x5, d3\ncbnz x5, 9f\nldr q1, [x0, #16]!\nsubs x2, x2, #32\ncmeq v2.16b, v1.16b, v0.16b\n"
     "b.ls 9f\numaxp v3.16b, v2.16b, v2.16b\nfmov x5, d3\ncbz x5, 1b")
LOOP(vectors_post, "ldr q1, [x0], #16\ncmeq v2.16b, v1.16b, #0\nshrn v3.8b, v2.8h, #4\nfmov x5, d3\ncbz x5, 1b")
LOOP(vectors_either, "ldr q1, [x0, #16]!\ncmeq v3.16b, v1.16b, v0.16b\ncmhs v2.16b, v3.16b, v1.16b\n"
     "umaxp v6.16b, v2.16b, v2.16b\nfmov x1, d6\ncbz x1, 1b")
LOOP(vectors_ld1, "ld1 {v1.16b}, [x0], #16\ncmeq v3.16b, v1.16b, v0.16b\ncmeq v4.16b, v1.16b, #0\n"
     "orr v3.16b, v3.16b, v4.16b\numaxp v6.16b, v3.16b, v3.16b\nfmov x1, d6\ncbz x1, 1b")
LOOP(vectors_equal, "ldr q0, [x0, #16]\nldr q1, [x1, #16]\nsubs x2, x2, #64\nldr q2, [x0, #32]\nldr q3, [x1, #32]\n"
     "eor v0.16b, v0.16b, v1.16b\neor v1.16b, v2.16b, v3.16b\nldr q2, [x0, #48]\nldr q3, [x1, #48]\n"
     "umaxp v0.16b, v0.16b, v1.16b\nldr q4, [x0, #64]!\nldr q5, [x1, #64]!\neor v1.16b, v2.16b, v3.16b\n"
     "eor v2.16b, v4.16b, v5.16b\numaxp v1.16b, v1.16b, v2.16b\numaxp v0.16b, v0.16b, v1.16b\n"
     "umaxp v0.16b, v0.16b, v0.16b\nfmov x6, d0\nccmp x6, #0, #0, hi\nb.eq 1b")
LOOP(bytes, "ldrb w4, [x0], #1\ncbnz w4, 1b")
LOOP(bytes_equal, "ldrb w4, [x0], #1\nldrb w5, [x1], #1\ncmp w4, #0\nccmp w4, w5, #0, ne\nb.eq 1b")
LOOP(bytes_above, "ldrb w4, [x0], #1\nldrb w5, [x1], #1\ncmp w4, #1\nccmp w4, w5, #0, cs\nb.eq 1b")
LOOP(bytes_until, "ldrb w4, [x0]\ncmp w4, #120\nb.ne 9f\nadd x0, x0, #1\ncmp x0, x3\nb.ne 1b")
LOOP(bytes_below, "ldrb w4, [x0], #1\ncmp w4, #122\nb.eq 9f\ncmp x0, x3\nb.lo 1b")
LOOP(bytes_index, "ldrb w4, [x0, x5]\nadd x5, x5, #1\nsub x2, x2, #1\ncmp w4, #122\nb.ne 1b")
LOOP(bytes_counted, "ldrb w4, [x0], #1\ncbz w4, 9f\nsubs x2, x2, #1\nb.ne 1b")
LOOP(bytes_counted_plain, "ldrb w4, [x0], #1\ncbz w4, 9f\nsub x2, x2, #1\ncbnz x2, 1b")
LOOP(bytes_two, "ldrb w4, [x0], #1\ncmp w4, #122\nccmp w4, #0, #4, ne\nb.ne 1b")
LOOP(bytes_register, "ldrb w4, [x0], #1\ncmp w4, w12\nb.ne 1b")
LOOP(bytes_register_first, "ldrb w4, [x0], #1\ncmp w12, w4\nccmp w4, #0, #4, ne\nb.ne 1b")
LOOP(bytes_same, "ldrb w4, [x0], #1\ncmp w4, #120\nb.eq 1b")
LOOP(bytes_same_both, "ldrb w4, [x0], #1\nldrb w5, [x1], #1\ncmp w4, #120\nccmp w5, w12, #0, eq\nb.eq 1b")
LOOP(bytes_rotated, "add x0, x0, #1\ncmp x0, x3\nb.eq 9f\nldrb w4, [x0]\ncmp w4, #122\nb.ne 1b")
LOOP(bytes_two_pointers, "ldrb w4, [x0, #1]!\ncbz w4, 9f\nmov x5, x1\nldrb w6, [x5]\nadd x1, x5, #1\ncmp w6, w4\nb.eq 1b")
LOOP(bytes_copied, "ldrb w4, [x0, #1]!\ncbz w4, 9f\nmov x5, x1\nldrb w6, [x5]\nadd x1, x1, #1\ncmp w6, w4\nb.eq 1b")
LOOP(words_zero, "ldr x4, [x0], #8\ncbnz x4, 9f\nsubs x2, x2, #8\nb.hs 1b")
LOOP(words_zero_plain, "ldr x4, [x0], #8\ncbz x4, 1b")
/* These carry more from turn to turn. */
LOOP(keeps_last, "mov x5, x4\nldrb w4, [x0], #1\ncbnz w4, 1b")
LOOP(counts_turns, "ldr x4, [x0], #8\nadd x5, x5, #1\n" "sub x6, x4, x8\norr x7, x4, #0x7f7f7f7f7f7f7f7f\nbics x6, x6, x7\nb.eq 1b")
LOOP(sums, "ldrb w4, [x0], #1\nadd x5, x5, x4\ncbnz w4, 1b")
LOOP(late, "ldrb w4, [x0], #1\ncbz w4, 9f\nldrb w5, [x1], #1\nmov x6, x5\ncmp w4, w5\nb.eq 1b")
LOOP(flags_kept, "ldrb w4, [x0], #1\nadc x5, x5, x4\nsubs x2, x2, #1\nb.hi 1b")
LOOP(inside, "add x9, x0, #8\n2: ldrb w4, [x0], #1\ncmp x0, x9\nb.eq 9f\ncbnz w4, 2b")
LOOP(vector_inside, "mov x9, x0\n2: ldr q1, [x0, #16]!\ncmeq v2.16b, v1.16b, #0\n"
     "umaxp v3.16b, v2.16b, v2.16b\nfmov x5, d3\ncbz x5, 2b\nsub x9, x0, x9")

#define EACH(m) m(words) m(words_ahead) m(words_counted) m(words_equal) m(words_high) m(pair_of_vectors) \
    m(vectors_counted) m(vectors_post) m(vectors_either) m(vectors_ld1) m(vectors_equal) m(bytes) m(bytes_equal) \
    m(bytes_above) m(bytes_until) m(bytes_below) m(bytes_index) m(bytes_counted) \
    m(bytes_counted_plain) m(bytes_two) m(keeps_last) m(counts_turns) m(sums) m(late) \
    m(bytes_register) m(bytes_register_first) m(bytes_same) m(bytes_same_both) m(bytes_rotated) \
    m(bytes_two_pointers) m(bytes_copied) m(words_zero) m(words_zero_plain) m(flags_kept) m(inside) m(vector_inside)
#define ENTRY(n) {#n, n, n##_end},
static const struct { const char *name; void (*run)(struct regs *); char *end; } loops[] = { EACH(ENTRY) };

static void fault(int signal, siginfo_t *info, void *context)
{
    ucontext_t *uc = context;
    /* (Of an access over the end of a page, the oracle gives another address.) */
    current->fault = (uint64_t)info->si_addr >> 12;
    current->pc = uc->uc_mcontext.pc - start_of;
    uc->uc_mcontext.pc = end_of;
}

static uint64_t seed = 88172645463325252u;
static uint64_t rnd(void) { seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17; return seed; }
static uint64_t fnv(uint64_t h, const void *p, size_t n)
{
    for (size_t i = 0; i < n; i++) h = (h ^ ((const uint8_t *)p)[i]) * 0x100000001b3u;
    return h;
}

enum { SIZE = 4 * 4096 };
int main(void)
{
    struct sigaction sa = {.sa_sigaction = fault, .sa_flags = SA_SIGINFO};
    sigaction(SIGSEGV, &sa, 0);
    uint8_t *a = mmap((void *)0x20000000, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    uint8_t *b = mmap((void *)0x30000000, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    for (unsigned l = 0; l < sizeof loops / sizeof *loops; l++) {
        uint64_t hash = 14695981039346656037u, faults = 0;
        for (int i = 0; i < 1500; i++) {
            /* Mostly a short way, sometimes over pages, sometimes to the end and beyond. */
            unsigned from = rnd() % (i % 3 ? 3 * 4096 : SIZE), to = rnd() % (i % 2 ? 200 : 6000);
            unsigned shift = rnd() % (i % 5 ? 16 : 5000), to2 = rnd() % (i % 2 ? 200 : 6000);
            if (rnd() & 1) from &= ~15u;
            if (rnd() & 1) shift &= ~7u;
            unsigned from2 = from >= shift && rnd() & 1 ? from - shift : from + shift;
            if (from2 >= SIZE - 16) from2 = from;
            /* (Those that look for what is not zero.) */
            int fill = strstr(loops[l].name, "zero") ? 0 : 'x';
            memset(a, fill, SIZE), memset(b, fill, SIZE);
            for (unsigned k = 0; k < (strstr(loops[l].name, "same") || !fill ? 2 : 64); k++) { unsigned at = rnd() % SIZE; uint8_t v = 'a' + rnd() % 20; a[at] = v; if (at - from + from2 < SIZE) b[at - from + from2] = v; }
            static const uint8_t marks[] = {0, 'z', 0x80, 1, 0xff};
            if (from + to < SIZE) a[from + to] = marks[rnd() % 5];
            if (from2 + to2 < SIZE && rnd() & 1) b[from2 + to2] = marks[rnd() % 5];
            if (from2 + to < SIZE && rnd() & 1) b[from2 + to] = a[from + to < SIZE ? from + to : 0];
            struct regs r = {0};
            for (int k = 0; k < 16; k++) r.x[k] = rnd();
            for (int k = 0; k < 8; k++) r.v[k] = (unsigned __int128)rnd() << 64 | rnd();
            r.x[0] = (uint64_t)a + from, r.x[1] = (uint64_t)b + from2, r.x[2] = rnd() % (i % 4 ? 300 : 9000) + 1;
            r.x[3] = r.x[0] + rnd() % (i % 4 ? 300 : 9000) + 1, r.x[8] = 0x0101010101010101u;
            if (i % 64 == 63) r.x[8] = rnd();
            r.x[10] = r.x[1] - r.x[0], r.x[11] = r.x[10] + 8 - (r.x[10] & 7), r.x[5] = rnd() % 100, r.x[12] = i % 8 ? "zx\0a"[rnd() % 4] : rnd() % 1000, r.nzcv = rnd() & 0xf0000000;
            memset(&r.v[0], "zxz\0a"[rnd() % 5], 16);
            current = &r, start_of = (uint64_t)loops[l].run, end_of = (uint64_t)loops[l].end;
            loops[l].run(&r);
            faults += r.fault != 0;
            /* The oracle writes part of what these two load before they fault. */
            if (r.fault && (strstr(loops[l].name, "pair") || strstr(loops[l].name, "ld1"))) r.v[1] = r.v[2] = 0;
            hash = fnv(hash, &r, sizeof r);
        }
        printf("%-20s %016lx %lu faults\n", loops[l].name, hash, faults);
    }
    return 0;
}
