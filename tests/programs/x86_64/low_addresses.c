// MAP_32BIT: where mmap looks for room, and what it does with hints. Linux chooses among the low addresses at
// random, so only ranges are printed.
#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>

static void *low(void *hint, unsigned long len) {
    return mmap(hint, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
}

static int is_low(void *p) {
    return (unsigned long)p >= 0x40000000 && (unsigned long)p < 0x80000000;
}

int main(void) {
    char *a = low(0, 8192), *b = low(0, 4096);
    a[0] = b[0] = 1;
    printf("low: %d %d, apart %d\n", is_low(a), is_low(b), a != b);
    printf("a low hint: %p\n", low((void *)0x20000000, 4096));
    printf("a taken hint: %d\n", is_low(low((void *)0x20000000, 4096)));
    printf("a high hint: %d\n", is_low(low((void *)0x700000000000, 4096)));
    printf("no room: %d\n", low(0, 0x40001000) == MAP_FAILED ? errno : 0);
    unsigned long total = 0;
    int all_low = 1;
    for (void *p; (p = low(0, 64 << 20)) != MAP_FAILED; total += 64)
        all_low &= is_low(p);
    printf("at least 700 MiB: %d, all low: %d, then %d\n", total >= 700, all_low, errno);
    munmap(a, 8192);
    munmap(b, 4096);
    void *fixed = mmap((void *)0x50000000, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT | MAP_FIXED, -1, 0);
    printf("fixed: %p\n", fixed);
    return 0;
}
