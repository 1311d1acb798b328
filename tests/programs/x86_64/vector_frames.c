// The vector registers in signal frames: as XSAVE stores them, told by FP_XSTATE_MAGIC1 and 2; what a handler
// changes is taken over; the 128 bytes below the stack pointer are left alone.
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ucontext.h>
#include <unistd.h>

#define MAGIC1 0x46505853
#define MAGIC2 0x46505845
// struct _fpx_sw_bytes, in FXSAVE's unused bytes.
struct software {
    unsigned magic, extended;
    unsigned long features;
    unsigned size;
};

static int change;

static void handler(int signo, siginfo_t *info, void *context) {
    ucontext_t *uc = context;
    unsigned char *state = (unsigned char *)uc->uc_mcontext.fpregs;
    struct software *told = (void *)(state + 464);
    unsigned last;
    memcpy(&last, state + told->size, 4);
    printf("magic %d %d, extended %d, x87, SSE and AVX %ld, aligned %d, flags %lx\n",
           told->magic == MAGIC1, last == MAGIC2, told->extended - told->size, told->features & 7,
           (unsigned long)state % 64 == 0, uc->uc_flags);
    float *xmm = (float *)(state + 160), *high = (float *)(state + 576);
    printf("xmm3 %g, upper half of ymm3 %g, mxcsr %x, control %x\n", xmm[3 * 4], high[3 * 4],
           *(unsigned *)(state + 24), *(unsigned short *)state);
    unsigned long components;
    memcpy(&components, state + 512, 8);
    printf("components with AVX: %ld\n", components >> 2 & 1);
    unsigned own;
    __asm__ volatile("stmxcsr %0" : "=m"(own));
    printf("mxcsr of the handler %x\n", own);
    __asm__ volatile("vxorps %%ymm3, %%ymm3, %%ymm3; vxorps %%ymm4, %%ymm4, %%ymm4" : : : "xmm3", "xmm4");
    if (change == 1) {
        xmm[3 * 4] = 30;
        high[3 * 4] = 31;
        *(unsigned *)(state + 24) = 0x3f80;
    } else if (change == 2) {
        // No AVX state: its initial value.
        components &= ~4UL;
        memcpy(state + 512, &components, 8);
    } else if (change == 3) {
        // Without the mark only what FXSAVE has.
        told->magic = 0;
    }
}

int main(void) {
    struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
    sigaction(SIGUSR1, &action, 0);
    for (change = 0; change < 4; change++) {
        float before[8] = {3, 3, 3, 3, 7, 7, 7, 7}, after[8];
        unsigned mxcsr = 0x1f80, now;
        long zone;
        __asm__ volatile("ldmxcsr %0" : : "m"(mxcsr));
        __asm__ volatile("vmovups %4, %%ymm3; movq $0x1234, -128(%%rsp); mov $39, %%eax; syscall\n"
                         "mov %%eax, %%edi; mov $10, %%esi; mov $62, %%eax; syscall\n"
                         "mov -128(%%rsp), %1; vmovups %%ymm3, %0; stmxcsr %2"
                         : "=m"(after), "=&r"(zone), "=m"(now) : "S"(0L), "m"(before)
                         : "rax", "rcx", "rdi", "r11", "xmm3", "memory");
        printf("after: %g %g, mxcsr %x, red zone %lx\n", after[0], after[4], now, zone);
    }
    return 0;
}
