// INT1 raises SIGTRAP, and the program goes on behind it. (What Linux makes of it is written in int1.out:
// some hypervisors report it before the instruction, where a program then stays for ever.)
#include <signal.h>
#include <stdio.h>
#include <sys/ucontext.h>

extern char behind[];

static void handler(int signo, siginfo_t *info, void *context) {
    greg_t *r = ((ucontext_t *)context)->uc_mcontext.gregs;
    printf("signal %d code %d exception %lld error %lld, behind it: %d, address %d, RF %lld\n", signo,
           info->si_code, r[REG_TRAPNO], r[REG_ERR], r[REG_RIP] == (long)behind,
           info->si_addr == behind, r[REG_EFL] >> 16 & 1);
}

int main(void) {
    struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
    sigaction(SIGTRAP, &action, 0);
    __asm__ volatile(".byte 0xf1\n.globl behind\nbehind: nop");
    printf("goes on\n");
    return 0;
}
