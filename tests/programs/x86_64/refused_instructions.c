// PR_SET_TSC and ARCH_SET_CPUID make instructions fault. (Not all processors can do that to CPUID, so what this
// prints is written in refused_instructions.out.)
#include <asm/prctl.h>
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/ucontext.h>
#include <sys/wait.h>
#include <unistd.h>

static sigjmp_buf back;

static void handler(int signo, siginfo_t *info, void *context) {
    greg_t *r = ((ucontext_t *)context)->uc_mcontext.gregs;
    printf(" signal %d code %d exception %lld error %lld", signo, info->si_code, r[REG_TRAPNO], r[REG_ERR]);
    siglongjmp(back, 1);
}

static void use(const char *when) {
    printf("%s: rdtsc", when);
    if (!sigsetjmp(back, 1)) {
        __asm__ volatile("rdtsc" : : : "rax", "rdx");
        printf(" works");
    }
    printf(", rdtscp");
    if (!sigsetjmp(back, 1)) {
        __asm__ volatile("rdtscp" : : : "rax", "rcx", "rdx");
        printf(" works");
    }
    printf(", cpuid");
    if (!sigsetjmp(back, 1)) {
        __asm__ volatile("cpuid" : : "a"(0) : "rbx", "rcx", "rdx");
        printf(" works");
    }
    int mode = 0;
    prctl(PR_GET_TSC, &mode);
    printf("; told: %d %ld\n", mode, syscall(SYS_arch_prctl, ARCH_GET_CPUID, 0));
    fflush(stdout);
}

int main(void) {
    struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
    sigaction(SIGSEGV, &action, 0);
    use("at first");
    printf("%d\n", prctl(PR_SET_TSC, PR_TSC_SIGSEGV));
    use("no time");
    printf("%ld\n", syscall(SYS_arch_prctl, ARCH_SET_CPUID, 0));
    use("neither");
    if (fork() == 0) {
        use("in a child");
        _exit(0);
    }
    wait(0);
    printf("%d\n", prctl(PR_SET_TSC, PR_TSC_ENABLE));
    use("time again");
    printf("%ld\n", syscall(SYS_arch_prctl, ARCH_SET_CPUID, 1));
    use("both again");
    int result = prctl(PR_SET_TSC, 3);
    printf("%d %d\n", result, errno == EINVAL);
    return 0;
}
