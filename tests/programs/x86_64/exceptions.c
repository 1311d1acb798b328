// What signal frames say of the exceptions of the processor: number, error code, CR2, the flag RF, and where
// the program stopped. Each line is a piece of code that is put into a page and called.
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ucontext.h>
#include <unistd.h>

static sigjmp_buf back;
static unsigned char *code;
static unsigned long page;
// A jump to an address that is none is reported at the jump or at its destination.
static int hide_pc;

// Arithmetic flags are not what this is about.
#define FLAGS (1 << 8 | 1 << 10 | 1 << 14 | 1 << 16 | 1 << 18 | 1 << 21)

static void tell(const char *what, unsigned long value) {
    if (value - page < 0x10000)
        printf(" %s page+%#lx", what, value - page);
    else
        printf(" %s %#lx", what, value);
}

static void handler(int signo, siginfo_t *info, void *context) {
    greg_t *r = ((ucontext_t *)context)->uc_mcontext.gregs;
    printf(" signal %d code %d", signo, info->si_code);
    tell("address", (unsigned long)info->si_addr);
    printf(" exception %lld error %#llx", r[REG_TRAPNO], r[REG_ERR]);
    tell("cr2", r[REG_CR2]);
    if (!hide_pc)
        tell("rip", r[REG_RIP]);
    printf(" flags %#llx\n", r[REG_EFL] & FLAGS);
    siglongjmp(back, 1);
}

static void run(const char *what, const char *bytes, int len, unsigned long rax, unsigned long rdx,
                unsigned long rcx) {
    printf("%s:", what);
    memset(code, 0xcc, 256);
    memcpy(code, bytes, len);
    code[len] = 0xc3;
    if (sigsetjmp(back, 1))
        return;
    __asm__ volatile("push %%rbx; push %%rbp; push %%r12; mov %%rsp, %%r12; call *%%r9\n\t"
                     "mov %%r12, %%rsp; pop %%r12; pop %%rbp; pop %%rbx"
                     : "+a"(rax), "+d"(rdx), "+c"(rcx)
                     : "r"(code)
                     : "r8", "r10", "r11", "rsi", "rdi", "memory", "cc");
    printf(" no signal\n");
}

#define RUN(what, bytes, rax, rdx, rcx) run(what, bytes, sizeof bytes - 1, rax, rdx, rcx)
#define WILD 0x8000000000000000UL

static void page_faults(void) {
    RUN("read what is not mapped", "\x8b\x00", page + 0x4010, 0, 0);
    RUN("write there", "\x89\x00", page + 0x4010, 0, 0);
    RUN("read what nobody may", "\x8b\x00", page + 0x3010, 0, 0);
    RUN("write there", "\x89\x00", page + 0x3010, 0, 0);
    RUN("write what is only read", "\x89\x00", page + 0x2010, 0, 0);
    RUN("add there", "\x83\x00\x01", page + 0x2010, 0, 0);
    RUN("exchange there", "\x0f\xc1\x10", page + 0x2010, 0, 0);
    RUN("increment there, locked", "\xf0\xff\x00", page + 0x2010, 0, 0);
    RUN("write across the border", "\x48\x89\x00", page + 0x1ffc, 0, 0);
    RUN("push there", "\x48\x89\xc4\x50", page + 0x2010, 0, 0);
    RUN("push to what is not mapped", "\x48\x89\xc4\x50", page + 0x4010, 0, 0);
    RUN("copy to there", "\x48\x89\xc7\x48\x89\xd6\xf3\xa4", page + 0x1ff0, page + 0x1000, 0x100);
    RUN("copy from there", "\x48\x89\xc7\x48\x89\xd6\xf3\xa4", page + 0x1000, page + 0x2ff0, 0x100);
    RUN("jump to what nobody may", "\xff\xe0", page + 0x3010, 0, 0);
    RUN("jump to what is not mapped", "\xff\xe0", page + 0x4010, 0, 0);
    RUN("jump to data", "\xff\xe0", page + 0x5000, 0, 0);
    RUN("call data", "\xff\xd0", page + 0x5000, 0, 0);
    RUN("jump to code that ends in data", "\xff\xe0", page + 0x6ffe, 0, 0);
    RUN("read zero", "\x8b\x00", 0, 0, 0);
    RUN("jump to zero", "\xff\xe0", 0, 0, 0);
    RUN("read the kernel", "\x8b\x00", 0xffffffff81000000, 0, 0);
    RUN("write the kernel", "\x89\x00", 0xffffffff81000000, 0, 0);
    RUN("jump to the kernel", "\xff\xe0", 0xffffffff81000000, 0, 0);
    RUN("read the last byte", "\x8a\x00", -1, 0, 0);
    RUN("write the last page of programs", "\x48\x89\x00", 0x7fffffffeff8, 0, 0);
    RUN("write behind it", "\x48\x89\x00", 0x7ffffffff000, 0, 0);
}

static void no_addresses(void) {
    RUN("read", "\x8b\x00", WILD, 0, 0);
    RUN("read just above", "\x8b\x00", 0x800000000000, 0, 0);
    RUN("read just below", "\x8a\x00", 0xffff7fffffffffff, 0, 0);
    RUN("read into it", "\x48\x8b\x00", 0x7ffffffffffc, 0, 0);
    RUN("through fs", "\x64\x48\x8b\x00", WILD, 0, 0);
    RUN("rbp", "\x48\x89\xc5\x8b\x45\x00", WILD, 0, 0);
    RUN("rsp", "\x48\x89\xc4\x8b\x04\x24", WILD, 0, 0);
    RUN("push", "\x48\x89\xc4\x50", WILD, 0, 0);
    RUN("pop", "\x48\x89\xc4\x58", WILD, 0, 0);
    RUN("call", "\x48\x89\xc4\xe8\0\0\0\0", WILD, 0, 0);
    RUN("return", "\x48\x89\xc4\xc3", WILD, 0, 0);
    hide_pc = 1;
    RUN("jump", "\xff\xe0", WILD, 0, 0);
    RUN("jump just above", "\xff\xe0", 0x800000000000, 0, 0);
    RUN("call of it", "\xff\xd0", WILD, 0, 0);
    RUN("return to it", "\x50\xc3", WILD, 0, 0);
    hide_pc = 0;
}

static void interrupts(void) {
    RUN("int3", "\xcc", 0, 0, 0);
    RUN("int 3", "\xcd\x03", 0, 0, 0);
    RUN("int 1", "\xcd\x01", 0, 0, 0);
    RUN("int 4", "\xcd\x04", 0, 0, 0);
    RUN("int 0", "\xcd\x00", 0, 0, 0);
    RUN("int 20", "\xcd\x20", 0, 0, 0);
    RUN("int 29", "\xcd\x29", 0, 0, 0);
    RUN("int ff", "\xcd\xff", 0, 0, 0);
    RUN("divide by zero", "\xf7\xf1", 1, 0, 0);
    RUN("divide too much", "\xf7\xf1", 1, 5, 2);
    RUN("divide the smallest by -1", "\xf7\xf9", 0x80000000, 0xffffffff, 0xffffffff);
    RUN("divide by a byte in memory", "\xf6\x30", page + 0x1100, 0, 0);
    RUN("ud2", "\x0f\x0b", 0, 0, 0);
    RUN("ud1", "\x0f\xb9\xc0", 0, 0, 0);
    RUN("into", "\xce", 0, 0, 0);
    RUN("lock nop", "\xf0\x90", 0, 0, 0);
    RUN("sixteen bytes", "\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x90", 0, 0, 0);
}

static void protected(void) {
    RUN("hlt", "\xf4", 0, 0, 0);
    RUN("cli", "\xfa", 0, 0, 0);
    RUN("in", "\xec", 0, 0x80, 0);
    RUN("out", "\xe6\x80", 0, 0, 0);
    RUN("rdmsr", "\x0f\x32", 0, 0, 0x10);
    RUN("mov from cr0", "\x0f\x20\xc0", 0, 0, 0);
    RUN("mov from dr0", "\x0f\x21\xc0", 0, 0, 0);
    RUN("lgdt", "\x0f\x01\x10", page, 0, 0);
    RUN("swapgs", "\x0f\x01\xf8", 0, 0, 0);
    RUN("sysret", "\x48\x0f\x07", 0, 0, 0);
    RUN("mov ss, 0", "\x8e\xd0", 0, 0, 0);
    RUN("mov ds, 1234", "\x8e\xd8", 0x1234, 0, 0);
    RUN("mov ds, 17", "\x8e\xd8", 0x17, 0, 0);
    RUN("mov es, 10", "\x8e\xc0", 0x10, 0, 0);
    RUN("mov fs, 1234", "\x8e\xe0", 0x1234, 0, 0);
    RUN("mov ds, 2b, then 0", "\x8e\xd8\x31\xc0\x8e\xd8", 0x2b, 0, 0);
    RUN("movaps off alignment", "\x0f\x28\x00", page + 0x1008, 0, 0);
    RUN("the same on the stack", "\x48\x89\xe5\x0f\x28\x45\x01", 0, 0, 0);
    RUN("the same of what is not mapped", "\x0f\x28\x00", page + 0x4008, 0, 0);
    RUN("fxsave off alignment", "\x0f\xae\x00", page + 0x1008, 0, 0);
    RUN("ldmxcsr", "\xc7\x00\x00\x00\x01\x00\x0f\xae\x10", page + 0x1000, 0, 0);
    RUN("iretq to nowhere", "\x6a\0\x6a\0\x6a\0\x6a\0\x6a\0\x48\xcf", 0, 0, 0);
    RUN("retfq to nowhere", "\x6a\0\x6a\0\x48\xcb", 0, 0, 0);
}

static void asynchronous(int signo, siginfo_t *info, void *context) {
    greg_t *r = ((ucontext_t *)context)->uc_mcontext.gregs;
    printf("sent: the last exception stays: %lld %#llx, RF %lld\n", r[REG_TRAPNO], r[REG_ERR],
           r[REG_EFL] >> 16 & 1);
}

int main(void) {
    setvbuf(stdout, 0, _IONBF, 0);
    char *p = mmap(0, 0x10000, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memset(p, 0, 0x10000);
    page = (unsigned long)p;
    code = (unsigned char *)p;
    memset(p + 0x6000, 0x90, 0x1000);
    mprotect(p + 0x2000, 0x1000, PROT_READ);
    mprotect(p + 0x3000, 0x1000, PROT_NONE);
    munmap(p + 0x4000, 0x1000);
    mprotect(p + 0x5000, 0x1000, PROT_READ | PROT_WRITE);
    mprotect(p + 0x7000, 0x1000, PROT_READ);
    stack_t stack = {.ss_sp = malloc(65536), .ss_size = 65536};
    sigaltstack(&stack, 0);
    struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    int signals[] = {SIGILL, SIGTRAP, SIGBUS, SIGFPE, SIGSEGV};
    for (int n = 0; n < 5; n++)
        sigaction(signals[n], &action, 0);
    action.sa_sigaction = asynchronous;
    sigaction(SIGUSR1, &action, 0);
    page_faults();
    no_addresses();
    interrupts();
    protected();
    raise(SIGUSR1);
    return 0;
}
