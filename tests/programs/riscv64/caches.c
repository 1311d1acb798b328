// The sizes and shapes of caches in the auxiliary vector (ARCH_DLINFO), and what sysconf makes of them.
#include <stdio.h>
#include <sys/auxv.h>
#include <unistd.h>

int main(void) {
    static const char *const names[] = {"L1I", "L1D", "L2", "L3"};
    for (unsigned long n = 0; n < 4; n++) {
        unsigned long size = getauxval(40 + 2 * n), geometry = getauxval(41 + 2 * n);
        printf("%s: %lu bytes, lines of %lu, %lu ways\n", names[n], size, geometry & 0xffff, geometry >> 16);
    }
    printf("%ld %ld %ld\n", sysconf(_SC_LEVEL1_DCACHE_SIZE), sysconf(_SC_LEVEL1_DCACHE_LINESIZE),
           sysconf(_SC_LEVEL1_ICACHE_ASSOC));
    return 0;
}
