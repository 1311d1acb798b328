// The page of three old system calls, as Linux has it by default: it can be executed and not be read. (A kernel
// may be built without it, so what it prints is written in vsyscall.out.)
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/ucontext.h>
#include <time.h>

#define PAGE 0xffffffffff600000UL

static sigjmp_buf back;

static void handler(int signo, siginfo_t *info, void *context) {
    greg_t *r = ((ucontext_t *)context)->uc_mcontext.gregs;
    printf(" signal %d code %d address %p error %lld exception %lld in the page %d\n", signo,
           info->si_code, info->si_addr, r[REG_ERR], r[REG_TRAPNO], (r[REG_RIP] & -4096) == PAGE);
    siglongjmp(back, 1);
}

static int (*const get_time)(struct timeval *, void *) = (void *)PAGE;
static time_t (*const seconds)(time_t *) = (void *)(PAGE + 0x400);
static long (*const get_cpu)(unsigned *, unsigned *, void *) = (void *)(PAGE + 0x800);

int main(void) {
    setvbuf(stdout, 0, _IONBF, 0);
    struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
    sigaction(SIGSEGV, &action, 0);
    char line[4096];
    FILE *maps = fopen("/proc/self/maps", "r");
    while (fgets(line, sizeof line, maps))
        if (strstr(line, "[vsyscall]"))
            printf("%s", line);
    struct timeval now = {0};
    int result = get_time(&now, 0);
    printf("gettimeofday %d %d\n", result, labs(now.tv_sec - time(0)) < 2);
    time_t there, given = seconds(&there);
    printf("time %d %d %d\n", given == there, labs(given - time(0)) < 2, seconds(0) >= given);
    unsigned cpu = -1, node = -1;
    result = get_cpu(&cpu, &node, 0);
    printf("getcpu %d %d %d\n", result, cpu != -1, node != -1);
    static const char *const names[] = {"inside", "behind", "outside"};
    static const unsigned long places[] = {PAGE + 1, PAGE + 0xc00, PAGE + 0x1000};
    for (int n = 0; n < 3; n++) {
        printf("%s:", names[n]);
        if (!sigsetjmp(back, 1))
            ((void (*)(void))places[n])();
    }
    printf("an address that is none:");
    if (!sigsetjmp(back, 1))
        get_time((void *)16, 0);
    printf("read:");
    if (!sigsetjmp(back, 1))
        printf(" %d\n", *(volatile char *)PAGE);
    return 0;
}
