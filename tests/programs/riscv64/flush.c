/* Code that is written anew is executed as it is after FENCE.I and after riscv_flush_icache. */
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

typedef int function(void);

int main(void)
{
    unsigned short *code = mmap(0, 4096, 7, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    function *call = (function *)code;
    int sum = 0;
    for (int i = 0; i < 32; i++) {
        /* c.li a0, i; ret. */
        code[0] = 0x4501 | (i & 31) << 2;
        code[1] = 0x8082;
        if (i & 1)
            __asm__ volatile("fence.i" ::: "memory");
        else
            syscall(259, code, code + 2, 0);
        for (int again = 0; again < 3; again++)
            sum = sum * 3 + call();
        printf("%d %d\n", i, sum);
    }
    return 0;
}
