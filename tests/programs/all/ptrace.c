/* ptrace: stops at system calls, signals, steps and programs; registers, memory, children. */
#include <elf.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#ifdef __riscv
#include <asm/ptrace.h>
#endif
#include <sys/wait.h>
#include <unistd.h>

#ifdef __aarch64__
#define NR(r) ((long)(r).regs[8])
#define RET(r) ((r).regs[0])
#elif defined(__riscv)
#define NR(r) ((long)(r).a7)
#define RET(r) ((r).a0)
#else
#define NR(r) ((long)(r).orig_rax)
#define RET(r) ((r).rax)
#endif
static volatile long word = 0x1111;
static volatile int handled;
static void on(int s) { handled += s; }
static struct user_regs_struct regs(pid_t p)
{
    struct user_regs_struct r;
    struct iovec io = {&r, sizeof r};
    if (ptrace(PTRACE_GETREGSET, p, (void *)NT_PRSTATUS, &io)) perror("getregset");
    return r;
}
static int next(pid_t p, int how, int sig)
{
    int st = -1;
    if (ptrace(how, p, 0, sig)) perror("resume");
    if (waitpid(p, &st, __WALL) != p) perror("wait");
    return st;
}
int main(int argc, char **argv)
{
    setvbuf(stdout, 0, _IONBF, 0);
    if (argc > 1) return word == 0x1111 ? 31 : 32;
    int st;
    pid_t p = fork();
    if (!p) {
        signal(SIGUSR1, on), signal(SIGUSR2, on);
        ptrace(PTRACE_TRACEME, 0, 0, 0);
        raise(SIGSTOP);
        long r = syscall(SYS_getppid);
        raise(SIGUSR1), raise(SIGUSR2);
        _exit(word == 0x2222 && r == 4242 && handled == SIGUSR1 ? 7 : 8);
    }
    waitpid(p, &st, 0);
    printf("stop %d by %d\n", WIFSTOPPED(st), WSTOPSIG(st));
    printf("options %ld\n", ptrace(PTRACE_SETOPTIONS, p, 0, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL));
    errno = 0;
    printf("peek %lx %d\n", ptrace(PTRACE_PEEKDATA, p, &word, 0), errno);
    printf("poke %ld\n", ptrace(PTRACE_POKEDATA, p, &word, 0x2222));
    for (int seen = 0; !seen;) {
        st = next(p, PTRACE_SYSCALL, 0);
        if (!WIFSTOPPED(st) || WSTOPSIG(st) != (SIGTRAP | 0x80)) { printf("odd %x\n", st); break; }
        struct user_regs_struct r = regs(p);
        if (NR(r) != SYS_getppid) continue;
        struct __ptrace_syscall_info i;
        memset(&i, 0, sizeof i);
        ptrace(PTRACE_GET_SYSCALL_INFO, p, sizeof i, &i);
        printf("enter %d nr %d\n", i.op, i.entry.nr == SYS_getppid);
        st = next(p, PTRACE_SYSCALL, 0);
        ptrace(PTRACE_GET_SYSCALL_INFO, p, sizeof i, &i);
        r = regs(p);
        printf("leave %d result %d error %d\n", i.op, i.exit.rval == getpid() && (long)RET(r) == getpid(), i.exit.is_error);
        RET(r) = 4242;
        struct iovec io = {&r, sizeof r};
        printf("set %ld\n", ptrace(PTRACE_SETREGSET, p, (void *)NT_PRSTATUS, &io));
        seen = 1;
    }
    siginfo_t si;
    st = next(p, PTRACE_CONT, 0);
    ptrace(PTRACE_GETSIGINFO, p, 0, &si);
    printf("signal %d code %d from itself %d\n", WSTOPSIG(st) == SIGUSR1, si.si_code, si.si_pid == p);
    st = next(p, PTRACE_CONT, SIGUSR1);
    printf("next %d\n", WSTOPSIG(st) == SIGUSR2);
    st = next(p, PTRACE_CONT, 0);
    printf("exit %d\n", WIFEXITED(st) ? WEXITSTATUS(st) : -1);

    p = fork();
    if (!p) {
        ptrace(PTRACE_TRACEME, 0, 0, 0);
        execl("/proc/self/exe", "again", "x", NULL);
        _exit(1);
    }
    waitpid(p, &st, 0);
    printf("program %d %d\n", WIFSTOPPED(st), WSTOPSIG(st));
    st = next(p, PTRACE_CONT, 0);
    printf("exit %d\n", WIFEXITED(st) ? WEXITSTATUS(st) : -1);

    p = fork();
    if (!p) for (volatile long n = 0;;) n++;
    usleep(20000);
    printf("seize %ld\n", ptrace(PTRACE_SEIZE, p, 0, PTRACE_O_TRACEFORK));
    printf("interrupt %ld\n", ptrace(PTRACE_INTERRUPT, p, 0, 0));
    waitpid(p, &st, 0);
    printf("stopped %d event %d\n", WSTOPSIG(st), st >> 16);
    kill(p, SIGTERM);
    st = next(p, PTRACE_CONT, 0);
    printf("then %d\n", WSTOPSIG(st) == SIGTERM);
    st = next(p, PTRACE_CONT, SIGTERM);
    printf("killed %d by %d\n", WIFSIGNALED(st), WTERMSIG(st));

    p = fork();
    if (!p) for (;;) pause();
    usleep(20000);
    printf("attach %ld\n", ptrace(PTRACE_ATTACH, p, 0, 0));
    waitpid(p, &st, 0);
    printf("stopped %d\n", WSTOPSIG(st));
    printf("detach %ld\n", ptrace(PTRACE_DETACH, p, 0, 0));
    kill(p, SIGTERM), waitpid(p, &st, 0);
    printf("killed %d by %d\n", WIFSIGNALED(st), WTERMSIG(st));

    p = fork();
    if (!p) {
        ptrace(PTRACE_TRACEME, 0, 0, 0);
        raise(SIGSTOP);
        pid_t c = fork();
        if (!c) _exit(3);
        waitpid(c, &st, 0);
        *(volatile int *)0 = 1;
    }
    waitpid(p, &st, 0);
    ptrace(PTRACE_SETOPTIONS, p, 0, PTRACE_O_TRACEFORK);
    st = next(p, PTRACE_CONT, 0);
    unsigned long child = 0;
    ptrace(PTRACE_GETEVENTMSG, p, 0, &child);
    printf("fork %d event %d child %d\n", WSTOPSIG(st), st >> 16, child > 0);
    int cst;
    waitpid(child, &cst, __WALL);
    printf("child stops %d\n", WSTOPSIG(cst));
    cst = next(child, PTRACE_CONT, 0);
    printf("child exit %d\n", WEXITSTATUS(cst));
    st = next(p, PTRACE_CONT, 0);
    while (WIFSTOPPED(st) && WSTOPSIG(st) == SIGCHLD) st = next(p, PTRACE_CONT, SIGCHLD);
    ptrace(PTRACE_GETSIGINFO, p, 0, &si);
    printf("fault %d code %d addr %p\n", WSTOPSIG(st), si.si_code, si.si_addr);
    st = next(p, PTRACE_CONT, SIGSEGV);
    printf("killed %d by %d\n", WIFSIGNALED(st), WTERMSIG(st));
    long nobody = ptrace(PTRACE_CONT, p, 0, 0);
    printf("nobody %ld %s\n", nobody, strerror(errno));
    return 0;
}
