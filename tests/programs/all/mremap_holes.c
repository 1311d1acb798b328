/* mremap of ranges with holes and of several mappings: since Linux 6.17 they move together. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#define P 4096
static int is_mapped(char *p)
{
    unsigned char v;
    return mincore(p, P, &v) == 0;
}
static void show(const char *what, char *from, int pages)
{
    printf(" %s", what);
    for (int i = 0; i < pages; i++) putchar(is_mapped(from + i * P) ? '1' : '0');
}
/* Four pages with holes, and room behind them. */
static char *fresh(unsigned holes)
{
    char *a = mmap(0, 12 * P, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    munmap(a + 4 * P, 8 * P);
    for (int i = 0; i < 4; i++) a[i * P] = 'a' + i;
    for (int i = 0; i < 4; i++)
        if (holes >> i & 1) munmap(a + i * P, P);
    return a;
}
static const struct { const char *name; int old, new, flags, split; } cases[] = {
    {"moved", 4, 4, MREMAP_MAYMOVE | MREMAP_FIXED}, {"grown", 4, 6, MREMAP_MAYMOVE}, {"grown in place", 4, 6},
    {"shrunk", 4, 2}, {"shrunk or moved", 4, 2, MREMAP_MAYMOVE}, {"the same", 4, 4},
    {"moved and shrunk", 4, 2, MREMAP_MAYMOVE | MREMAP_FIXED}, {"moved and grown", 4, 6, MREMAP_MAYMOVE | MREMAP_FIXED},
    {"moved and kept", 4, 4, MREMAP_MAYMOVE | MREMAP_FIXED | 4}, {"kept", 4, 4, MREMAP_MAYMOVE | 4},
    {"several moved", 4, 4, MREMAP_MAYMOVE | MREMAP_FIXED, 1}, {"several moved and shrunk", 4, 2, MREMAP_MAYMOVE | MREMAP_FIXED, 1},
    {"several grown", 4, 6, MREMAP_MAYMOVE, 1}, {"several shrunk", 4, 1, 0, 1}, {"several the same", 4, 4, 0, 1},
    {"several moved and kept", 4, 4, MREMAP_MAYMOVE | MREMAP_FIXED | 4, 1}, {"nothing", 0, 4, MREMAP_MAYMOVE},
};
/* What is executable is so at the new place, whatever is beside it. */
static void code(void)
{
#if defined __aarch64__
    static const unsigned ret[] = {0x52800000 | 42 << 5, 0xd65f03c0};
#elif defined __riscv
    static const unsigned ret[] = {0x00000513 | 42 << 20, 0x00008067};
#else
    static const unsigned char ret[] = {0xb8, 42, 0, 0, 0, 0xc3};
#endif
    char *a = fresh(2), *b = mmap(0, 8 * P, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memcpy(a + 2 * P, ret, sizeof ret);
    mprotect(a + 2 * P, P, PROT_READ | PROT_EXEC);
    char *r = mremap(a, 4 * P, 4 * P, MREMAP_MAYMOVE | MREMAP_FIXED, b);
    if (r == MAP_FAILED) r = a; /* An older kernel. */
    __builtin___clear_cache(r, r + 4 * P);
    printf("code %d\n", ((int (*)(void))(r + 2 * P))());
}
int main(void)
{
    for (unsigned holes = 0; holes < 16; holes++) {
        for (int k = 0; k < sizeof cases / sizeof *cases; k++) {
            int fixed = cases[k].flags & MREMAP_FIXED;
            char *a = fresh(holes), *b = a;
            if (fixed) b = mmap(0, 8 * P, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
            if (cases[k].split) mprotect(a + P, P, PROT_READ), mprotect(a + 2 * P, P, PROT_READ | PROT_EXEC);
            char *r = mremap(a, cases[k].old * P, cases[k].new * P, cases[k].flags, fixed ? b : NULL);
            printf("%x %s: %s", holes, cases[k].name, r == MAP_FAILED ? strerrorname_np(errno) : r == a ? "here" : "there");
            show("old", a, 4);
            if (r != MAP_FAILED) show("new", r, 4);
            if (fixed) show("place", b, 8);
            putchar('\n');
            munmap(a, 12 * P);
            if (fixed) munmap(b, 8 * P);
            if (r != MAP_FAILED) munmap(r, cases[k].new * P);
        }
    }
    code();
    return 0;
}
