/* Random calls of memory in a small area, from several seeds: results, errors and what is left. */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#define P 4096ul
#define PAGES 48
static char *const area = (char *)0x300000000000;
static uint64_t state, hash;

static unsigned random_below(unsigned n)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (state >> 33) % n;
}
static void note(uint64_t value)
{
    hash = (hash ^ value) * 0x100000001b3u;
}
/* The result of a call: an address of the area is the same everywhere. */
static void result(const char *what, long value, int show)
{
    long shown = value == -1 ? -errno : value;
    if (value != -1 && ((char *)value < area || (char *)value >= area + PAGES * P)) shown = value != 0;
    note(shown);
    if (show) printf("%s %lx\n", what, shown);
}
/* What is mapped, readable and written. */
static void look(void)
{
    for (int n = 0; n < PAGES; n++) {
        unsigned char v;
        unsigned char c = 0;
        struct iovec to = {&c, 1}, from = {area + n * P, 1};
        note(mincore(area + n * P, P, &v) == 0 ? 1 : errno);
        note(process_vm_readv(getpid(), &to, 1, &from, 1, 0) == 1 ? 2 + c : errno);
        note(process_vm_writev(getpid(), &to, 1, &from, 1, 0) == 1 ? 1 : errno);
    }
}
static void step(int show)
{
    static const int prots[] = {PROT_NONE, PROT_READ, PROT_READ | PROT_WRITE, PROT_READ | PROT_EXEC, 7};
    char *at = area + random_below(PAGES) * P, *to = area + random_below(PAGES) * P;
    size_t len = (1 + random_below(6)) * P, more = (1 + random_below(8)) * P;
    /* Not beyond the area, where anything may be. */
    if (at + len > area + PAGES * P) len = P;
    if (to + more > area + PAGES * P) more = P;
    int prot = prots[random_below(5)], which = random_below(12);
    int shared = random_below(4) ? MAP_PRIVATE : MAP_SHARED;
    if (random_below(20) == 0) at += 1 + random_below(4095);
    errno = 0;
    switch (which) {
    case 0:
    case 1:
    case 2:
        result("map", (long)mmap(at, len, prot, shared | MAP_ANONYMOUS | MAP_FIXED, -1, 0), show);
        break;
    case 3:
        result("new", (long)mmap(at, len, prot, shared | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0), show);
        break;
    case 4: {
        char *got = mmap(at, len, prot, shared | MAP_ANONYMOUS, -1, 0);
        /* Elsewhere is anywhere. */
        if (got != MAP_FAILED && (got < area || got >= area + PAGES * P)) munmap(got, len);
        result("hint", (long)got, show);
        break;
    }
    case 5:
    case 6:
        result("unmap", munmap(at, len), show);
        break;
    case 7:
        result("protect", mprotect(at, len, prot), show);
        break;
    case 8:
        result("move", (long)mremap(at, P, more, MREMAP_MAYMOVE | MREMAP_FIXED, to), show);
        break;
    case 9:
        result("resize", (long)mremap(at, len, len > P && random_below(2) ? len - P : P, 0), show);
        break;
    case 10:
        result("drop", madvise(at, len, MADV_DONTNEED), show);
        break;
    case 11:
        result("sync", msync(at, len, MS_ASYNC), show);
        break;
    }
    /* Something to find again. */
    unsigned char c = state >> 40;
    struct iovec from = {&c, 1}, there = {area + random_below(PAGES) * P, 1};
    process_vm_writev(getpid(), &from, 1, &there, 1, 0);
}
int main(int argc, char **argv)
{
    int show = argc > 1;
    for (int seed = show ? atoi(argv[1]) : 1; seed <= 30; seed++) {
        munmap(area, PAGES * P);
        state = seed;
        hash = 0xcbf29ce484222325u;
        for (int n = 0; n < 300; n++) {
            step(show);
            if (n % 5 == 0) look();
            if (show) printf("%d %016lx\n", n, (long)hash);
        }
        printf("%d: %016lx\n", seed, (long)hash);
        if (show) break;
    }
    return 0;
}
