/* Misaligned loads and stores of every width work, over the end of a page too. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#define TRY(type, load, store)                                                  \
    for (int at = 4084; at < 4100; at++) {                                      \
        uint64_t in = 0x8877665544332211 + at, out = 0;                         \
        __asm__ volatile(store " %1, 0(%0)" : : "r"(page + at), "r"(in) : "memory"); \
        __asm__ volatile(load " %0, 0(%1)" : "=r"(out) : "r"(page + at) : "memory"); \
        printf(load " %d %llx\n", at, (unsigned long long)out);                 \
    }

#define TRY_FLOAT(load, store, bits)                                            \
    for (int at = 4084; at < 4100; at++) {                                      \
        uint64_t in = 0x3ff0000012345678 + at, out;                             \
        __asm__ volatile("fmv.d.x ft0, %2\n" store " ft0, 0(%1)\n" load         \
                         " ft1, 0(%1)\nfmv.x.d %0, ft1"                         \
                         : "=r"(out) : "r"(page + at), "r"(in) : "ft0", "ft1", "memory"); \
        printf(load " %d %llx\n", at, (unsigned long long)out);                 \
    }

int main(void)
{
    char *page = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    TRY(uint16_t, "lh", "sh")
    TRY(uint16_t, "lhu", "sh")
    TRY(uint32_t, "lw", "sw")
    TRY(uint32_t, "lwu", "sw")
    TRY(uint64_t, "ld", "sd")
    TRY_FLOAT("flw", "fsw", 32)
    TRY_FLOAT("fld", "fsd", 64)
    return 0;
}
