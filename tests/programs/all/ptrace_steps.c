/* PTRACE_SINGLESTEP and PTRACE_SYSEMU, which some architectures do not have. */
#include <elf.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef PTRACE_SYSEMU
#define PTRACE_SYSEMU 31
#endif
#ifdef __aarch64__
#define PC(r) ((r).pc)
#define RET(r) ((r).regs[0])
#else
#define PC(r) ((r).rip)
#define RET(r) ((r).rax)
#endif

static volatile int handled;
static void on(int s) { handled = handled * 100 + s; }
static int next(pid_t p, int how, long sig)
{
    int st = -1;
    if (ptrace(how, p, 0, sig) || waitpid(p, &st, 0) != p) perror("next");
    return st;
}
static long regs(pid_t p, int what, struct user_regs_struct *r)
{
    struct iovec io = {r, sizeof *r};
    return ptrace(what, p, (void *)NT_PRSTATUS, &io);
}
static pid_t stopped_child(void (*body)(void))
{
    int st;
    pid_t p = fork();
    if (!p) { ptrace(PTRACE_TRACEME, 0, 0, 0); raise(SIGSTOP); body(); _exit(0); }
    waitpid(p, &st, 0);
    return p;
}
static void program(void) { execl("/proc/self/exe", "again", "x", NULL); }
static void signals(void)
{
    signal(SIGUSR1, on), signal(SIGUSR2, on);
    raise(SIGUSR1);
    _exit(handled % 251);
}
static void calls(void) { _exit(syscall(SYS_getppid) == 78 && syscall(SYS_getppid) == getppid() ? 45 : 46); }

static void told(const char *what, pid_t p, int st)
{
    siginfo_t i = {0};
    ptrace(PTRACE_GETSIGINFO, p, 0, &i);
    printf("%s: %x, signo %d code %x by %s\n", what, st, i.si_signo, i.si_code,
           i.si_pid == p ? "itself" : i.si_pid ? "another" : "nobody");
}

int main(int argc, char **argv)
{
    if (argc > 1) return 9;
    struct user_regs_struct r;
    pid_t p = stopped_child(program);
    int st = next(p, PTRACE_CONT, 0), steps = 0;
    for (; steps < 50; steps++) {
        st = next(p, PTRACE_SINGLESTEP, 0);
        if (!WIFSTOPPED(st) || WSTOPSIG(st) != SIGTRAP) break;
    }
    printf("steps %d\n", steps);
    printf("end %x\n", next(p, PTRACE_CONT, 0));

    p = stopped_child(signals);
    st = next(p, PTRACE_CONT, 0);
    told("signal", p, st);
    st = next(p, PTRACE_SINGLESTEP, SIGUSR2);
    regs(p, PTRACE_GETREGSET, &r);
    printf("at its start: %d\n", PC(r) == (long)on);
    told("step into another's handler", p, st);
    told("step", p, next(p, PTRACE_SINGLESTEP, 0));
    printf("end %x\n", next(p, PTRACE_CONT, 0));

    p = stopped_child(calls);
    ptrace(PTRACE_SETOPTIONS, p, 0, PTRACE_O_TRACESYSGOOD);
    for (int all = 0; all < 100; all++) {
        struct __ptrace_syscall_info i = {0};
        st = next(p, all ? PTRACE_SYSCALL : PTRACE_SYSEMU, 0);
        ptrace(PTRACE_GET_SYSCALL_INFO, p, sizeof i, &i);
        if (i.op == PTRACE_SYSCALL_INFO_ENTRY && i.entry.nr == SYS_getppid) {
            printf("call %x\n", st);
            if (all) break;
            regs(p, PTRACE_GETREGSET, &r), RET(r) = 78, regs(p, PTRACE_SETREGSET, &r);
        }
    }
    printf("end %x\n", next(p, PTRACE_CONT, 0));
    return 0;
}
