// Branches to another segment, and returns from interrupts: as long as the code stays in 64-bit mode, programs
// may use them. (An offset of 64 bits in memory is not what processors of all makers have.)
#include <stdio.h>

struct far32 {
    unsigned offset;
    unsigned short selector;
} __attribute__((packed));

int main(void) {
    long way = 0, before, after, flags;
    __asm__ volatile("mov %%rsp, %1; lea 1f(%%rip), %%rax; pushq $0x33; push %%rax; lretq\n"
                     "add $100, %0\n1: add $1, %0; mov %%rsp, %2"
                     : "+r"(way), "=&r"(before), "=&r"(after) : : "rax", "memory", "cc");
    printf("lretq: %ld, stack %ld\n", way, after - before);
    __asm__ volatile("mov %%rsp, %1; sub $32, %%rsp; lea 1f(%%rip), %%rax; pushq $0x33; push %%rax\n"
                     "lretq $32\n add $100, %0\n1: add $1, %0; mov %%rsp, %2"
                     : "+r"(way), "=&r"(before), "=&r"(after) : : "rax", "memory", "cc");
    printf("lretq 32: %ld, stack %ld\n", way, after - before);
    struct far32 narrow = {0, 0x33};
    __asm__ volatile("lea 1f(%%rip), %%rax; mov %%eax, (%1); ljmp *(%1)\nadd $100, %0\n1: add $1, %0"
                     : "+r"(way) : "r"(&narrow) : "rax", "memory", "cc");
    printf("ljmp: %ld\n", way);
    __asm__ volatile("mov %%rsp, %1; lea 1f(%%rip), %%rax; mov %%eax, (%3); lcall *(%3)\n"
                     "add $10, %0; jmp 2f\n1: add $1, %0; lret\n2: mov %%rsp, %2"
                     : "+r"(way), "=&r"(before), "=&r"(after) : "r"(&narrow) : "rax", "memory", "cc");
    printf("lcall: %ld, stack %ld\n", way, after - before);
    __asm__ volatile("mov %%rsp, %1; pushq $0x2b; push %1; pushq $0x8d5; pushq $0x33\n"
                     "lea 1f(%%rip), %%rax; push %%rax; iretq\nadd $100, %0\n"
                     "1: pushf; pop %3; mov %%rsp, %2"
                     : "+r"(way), "=&r"(before), "=&r"(after), "=&r"(flags) : : "rax", "memory", "cc");
    printf("iretq: %ld, stack %ld, flags %#lx\n", way, after - before, flags);
    return 0;
}
