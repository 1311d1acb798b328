// The trap flag: a program that sets it has a SIGTRAP after each of its instructions, also after each
// repetition of a string instruction, and a system call has none of its own.
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/ucontext.h>
#include <unistd.h>

#define MOST 100
#define ON "sub $256, %%rsp; pushf; orl $0x100, (%%rsp); popf\n"
#define OFF "\npushf; andl $~0x100, (%%rsp); popf; nop; add $256, %%rsp"

static int steps;
static long rips[MOST];
static char flags[MOST], wrong[MOST];

static void step(int signo, siginfo_t *info, void *context) {
    greg_t *r = ((ucontext_t *)context)->uc_mcontext.gregs;
    if (steps == MOST)
        _exit(1);
    rips[steps] = r[REG_RIP];
    flags[steps] = r[REG_EFL] >> 8 & 1;
    wrong[steps] = info->si_code != TRAP_TRACE || r[REG_TRAPNO] != 1 || r[REG_ERR] != 0 ||
                   (long)info->si_addr != r[REG_RIP];
    steps++;
}

static void sent(int signo, siginfo_t *info, void *context) {
    greg_t *r = ((ucontext_t *)context)->uc_mcontext.gregs;
    unsigned long own;
    __asm__("pushf; pop %0" : "=r"(own));
    printf("TF in a handler: %ld, in its frame: %lld\n", own >> 8 & 1, r[REG_EFL] >> 8 & 1);
}

static void show(const char *what, const char *from) {
    printf("%s: %d steps:", what, steps);
    for (int n = 0; n < steps; n++)
        printf(" %ld%s%s", rips[n] - (long)from, flags[n] ? "" : "-", wrong[n] ? "!" : "");
    printf("\n");
    steps = 0;
}

extern char plain[], strings[], calls[], breaks[], sends[], returns[];

int main(void) {
    setvbuf(stdout, 0, _IONBF, 0);
    struct sigaction action = {.sa_sigaction = step, .sa_flags = SA_SIGINFO};
    sigaction(SIGTRAP, &action, 0);
    action.sa_sigaction = sent;
    sigaction(SIGUSR1, &action, 0);
    static char to[64] = "aaaaaaaa", from[64] = "abc";
    __asm__ volatile(ON "plain: nop; nop; xor %%eax, %%eax; add $1, %%eax; pushf; pop %%rcx" OFF
                     : : : "rax", "rcx", "memory", "cc");
    show("plain", plain);
    unsigned long di = (unsigned long)to, si = (unsigned long)from, cx = 3;
    __asm__ volatile(ON "strings: rep movsb; mov $5, %%ecx; repne scasb; rep movsb; nop" OFF
                     : "+D"(di), "+S"(si), "+c"(cx) : "a"('a') : "memory", "cc");
    show("strings", strings);
    printf("%s %ld\n", to, (long)di - (long)to);
    long saved;
    __asm__ volatile(ON "calls: nop; cpuid; mov $39, %%eax; syscall; nop; mov %%r11, %%r12\n"
                     "mov $3, %%ecx; 1: dec %%ecx; jnz 1b; call 2f; jmp 3f; 2: ret; 3: nop" OFF
                     "; mov %%r12, %0"
                     : "=r"(saved) : "a"(0), "c"(0)
                     : "rbx", "rdx", "r11", "r12", "memory", "cc");
    show("calls", calls);
    printf("TF in r11: %ld\n", saved >> 8 & 1);
    __asm__ volatile(ON "breaks: nop; int3; nop; nop" OFF : : : "memory", "cc");
    show("int3", breaks);
    __asm__ volatile(ON "sends: mov $200, %%eax; syscall; nop" OFF
                     : : "D"(syscall(SYS_gettid)), "S"(SIGUSR1) : "rax", "rcx", "r11", "memory", "cc");
    show("a signal", sends);
    __asm__ volatile("sub $256, %%rsp; mov %%rsp, %%rcx; pushq $0x2b; push %%rcx; pushf\n"
                     "orl $0x100, (%%rsp); pushq $0x33; lea returns(%%rip), %%rax; push %%rax; iretq\n"
                     "returns: nop; nop" OFF
                     : : : "rax", "rcx", "memory", "cc");
    show("iretq", returns);
    return 0;
}
