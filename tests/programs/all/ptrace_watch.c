/* ptrace: breakpoints and watchpoints of the processor. */
#include <elf.h>
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile long watched[4];
static volatile int count;
__attribute__((noinline, aligned(64))) void f(void) { count++; }

#ifdef __aarch64__
#define NT_ARM_HW_BREAK 0x402
#define NT_ARM_HW_WATCH 0x403
struct state {
    unsigned info, pad;
    struct { unsigned long address; unsigned control, pad; } regs[16];
};
/* One breakpoint (write 0) or watchpoint; address 0 = none. */
static long set(pid_t p, void *address, int write)
{
    struct state s;
    struct iovec io = {&s, sizeof s};
    long set = write ? NT_ARM_HW_WATCH : NT_ARM_HW_BREAK;
    if (ptrace(PTRACE_GETREGSET, p, (void *)set, &io)) return -1;
    if ((s.info & 0xff) < 2 || s.info >> 8 == 0) return -2;
    s.regs[0].address = (long)address;
    s.regs[0].control = !address ? 0 : write ? 0xff << 5 | 2 << 3 | 2 << 1 | 1 : 0xf << 5 | 2 << 1 | 1;
    io.iov_len = offsetof(struct state, regs[s.info & 0xff]);
    return ptrace(PTRACE_SETREGSET, p, (void *)set, &io);
}
#else
static long set(pid_t p, void *address, int write)
{
    long at = offsetof(struct user, u_debugreg);
    ptrace(PTRACE_POKEUSER, p, at + 7 * 8, 0);
    if (!address) return 0;
    if (ptrace(PTRACE_POKEUSER, p, at, address)) return -1;
    return ptrace(PTRACE_POKEUSER, p, at + 7 * 8, 1L | (write ? 0xdL << 16 : 0));
}
#endif
static int next(pid_t p, int how)
{
    int st = -1;
    ptrace(how, p, 0, 0), waitpid(p, &st, __WALL);
    return st;
}
/* Goes on after a hit. arm64's processor tells before the instruction, so it must be stepped over. */
static int after(pid_t p, void *address, int write)
{
#ifdef __aarch64__
    set(p, 0, write), next(p, PTRACE_SINGLESTEP), set(p, address, write);
#endif
    return next(p, PTRACE_CONT);
}
static void hits(const char *what, pid_t p, void *address, int write)
{
    int n = 0, odd = 0, st;
    printf("%s: set %ld", what, set(p, address, write));
    for (st = next(p, PTRACE_CONT); WIFSTOPPED(st) && n < 50;) {
        siginfo_t i;
        if (WSTOPSIG(st) == SIGCHLD) {
            st = next(p, PTRACE_CONT);
            continue;
        }
        ptrace(PTRACE_GETSIGINFO, p, 0, &i);
        odd += WSTOPSIG(st) != SIGTRAP || i.si_code != 4;
        st = after(p, address, write), n++;
    }
    printf(", hits %d, odd %d, end %x\n", n, odd, st);
    if (WIFSTOPPED(st)) kill(p, SIGKILL), waitpid(p, 0, 0);
}
static pid_t child(void)
{
    pid_t p = fork();
    if (p) { waitpid(p, 0, 0); return p; }
    ptrace(PTRACE_TRACEME, 0, 0, 0);
    raise(SIGSTOP);
    long sum = 0;
    for (int i = 0; i < 40; i++) {
        watched[i % 4] = i;
        sum += watched[1];
        if (i % 8 == 0) f();
    }
    /* A child has none. */
    if (!fork()) { watched[1] = 1, f(); _exit(0); }
    _exit(count == 5 && watched[3] == 39 ? 7 : 8);
}
int main(void)
{
    setvbuf(stdout, 0, _IONBF, 0);
    hits("stores", child(), (void *)&watched[1], 1);
    hits("code", child(), f, 0);
    pid_t p = child();
    set(p, (void *)&watched[2], 1);
    int st = next(p, PTRACE_CONT);
    printf("hit %x\n", st);
    set(p, 0, 1), ptrace(PTRACE_DETACH, p, 0, 0);
    waitpid(p, &st, 0);
    printf("let go %x\n", st);
    return 0;
}
