/* ptrace: what each request checks, tells and changes, in every kind of stop. */
#include <elf.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/utsname.h>
#ifdef __riscv
#include <asm/ptrace.h>
#endif
#include <sys/wait.h>
#include <unistd.h>

#define GETSIGMASK 0x420a
#define SETSIGMASK 0x420b
#ifdef __aarch64__
#define PC(r) ((r).pc)
#define RET(r) ((r).regs[0])
#define BREAK(old) (((old) & ~0xffffffffL) | 0xd4200000)
#elif defined(__riscv)
#define PC(r) ((r).pc)
#define RET(r) ((r).a0)
#define BREAK(old) (((old) & ~0xffffffffL) | 0x00100073)
#else
#define PC(r) ((r).rip)
#define RET(r) ((r).rax)
#define BREAK(old) (((old) & ~0xffL) | 0xcc)
#endif
static volatile int handled, count;
static void on(int s, siginfo_t *i, void *c) { handled = handled * 100 + s; (void)i, (void)c; }
static void there(void) { _exit(42); }
__attribute__((noinline, aligned(64))) void f(void) { count++; }
static int waited(pid_t p)
{
    int st = -1;
    if (waitpid(p, &st, __WALL) != p) perror("wait");
    return st;
}
static int next(pid_t p, int how, long sig)
{
    if (ptrace(how, p, 0, sig)) perror("resume");
    return waited(p);
}
static long regs(pid_t p, int what, struct user_regs_struct *r)
{
    struct iovec io = {r, sizeof *r};
    return ptrace(what, p, (void *)NT_PRSTATUS, &io);
}
static void said(const char *what, long r) { printf("%s: %ld %s\n", what, r, r < 0 ? strerror(errno) : ""); }
static void info(const char *what, pid_t p)
{
    siginfo_t i;
    unsigned long message = 99;
    memset(&i, 0, sizeof i);
    long r = ptrace(PTRACE_GETSIGINFO, p, 0, &i), e = ptrace(PTRACE_GETEVENTMSG, p, 0, &message);
    printf("%s: siginfo %ld signo %d code %x by %s, message %ld %ld\n", what, r, i.si_signo, i.si_code,
        i.si_pid == p ? "itself" : i.si_pid == getpid() ? "us" : i.si_pid ? "other" : "nobody", e, message);
}
static pid_t stopped_child(void (*body)(void))
{
    pid_t p = fork();
    if (!p) { ptrace(PTRACE_TRACEME, 0, 0, 0); raise(SIGSTOP); body(); _exit(0); }
    waited(p);
    return p;
}
static void end(pid_t p) { kill(p, SIGKILL), waitpid(p, NULL, __WALL); }
static void nothing(void) { }
static void waits(void) { for (;;) pause(); }

static void checks(void)
{
    struct user_regs_struct r;
    struct iovec io = {&r, sizeof r};
    unsigned long m = 0;
    pid_t p = stopped_child(waits);
    said("mask of size 0", ptrace(GETSIGMASK, p, 0, &m));
    said("mask of size 16", ptrace(SETSIGMASK, p, 16, &m));
    said("set mask", ptrace(SETSIGMASK, p, 8, &m));
    said("unknown option", ptrace(PTRACE_SETOPTIONS, p, 0, 0x40000000));
    said("options", ptrace(PTRACE_SETOPTIONS, p, 0, PTRACE_O_TRACESYSGOOD));
    said("unknown set", ptrace(PTRACE_GETREGSET, p, (void *)0x12345, &io));
    io.iov_len = 13, said("odd length", ptrace(PTRACE_GETREGSET, p, (void *)NT_PRSTATUS, &io));
    io.iov_len = 16, said("two registers", ptrace(PTRACE_GETREGSET, p, (void *)NT_PRSTATUS, &io)), printf("%zu\n", io.iov_len);
    io.iov_len = 4096, said("long", ptrace(PTRACE_GETREGSET, p, (void *)NT_PRSTATUS, &io)), printf("%d\n", io.iov_len == sizeof r);
    io.iov_base = (void *)8, io.iov_len = sizeof r, said("bad address", ptrace(PTRACE_GETREGSET, p, (void *)NT_PRSTATUS, &io));
    said("interrupt", ptrace(PTRACE_INTERRUPT, p, 0, 0));
    said("listen", ptrace(PTRACE_LISTEN, p, 0, 0));
    said("bad signal", ptrace(PTRACE_CONT, p, 0, 65));
    said("attach again", ptrace(PTRACE_ATTACH, p, 0, 0));
    said("no request", ptrace(0x7777, p, 0, 0));
    ptrace(PTRACE_CONT, p, 0, 0);
    io.iov_base = &r, said("running: registers", ptrace(PTRACE_GETREGSET, p, (void *)NT_PRSTATUS, &io));
    said("running: message", ptrace(PTRACE_GETEVENTMSG, p, 0, &m));
    said("running: mask", ptrace(GETSIGMASK, p, 8, &m));
    said("running: continue", ptrace(PTRACE_CONT, p, 0, 0));
    said("running: detach", ptrace(PTRACE_DETACH, p, 0, 0));
    end(p);
    p = fork();
    if (!p) waits();
    said("seize with an address", ptrace(PTRACE_SEIZE, p, 1, 0));
    said("seize with an unknown option", ptrace(PTRACE_SEIZE, p, 0, 0x40000000));
    said("not traced", ptrace(PTRACE_CONT, p, 0, 0));
    said("not traced", ptrace(PTRACE_INTERRUPT, p, 0, 0));
    end(p);
    said("nobody", ptrace(PTRACE_ATTACH, p, 0, 0));
    said("itself", ptrace(PTRACE_ATTACH, getpid(), 0, 0));
}
static void detaches(void)
{
    struct user_regs_struct r;
    pid_t p = stopped_child(nothing);
    regs(p, PTRACE_GETREGSET, &r);
    PC(r) = (long)there;
#ifdef __x86_64__
    r.rsp -= 264, r.orig_rax = -1;
#endif
    regs(p, PTRACE_SETREGSET, &r), ptrace(PTRACE_DETACH, p, 0, 0);
    printf("detached elsewhere: %x\n", waited(p));
    p = stopped_child(waits), ptrace(PTRACE_DETACH, p, 0, SIGTERM);
    printf("detached with a signal: %x\n", waited(p));
    for (int at_call = 0; at_call < 2; at_call++) {
        p = fork();
        if (!p) { for (int i = 0; i < 500; i++) f(), usleep(1000); _exit(count == 500 ? 43 : 44); }
        usleep(100000);
        ptrace(PTRACE_ATTACH, p, 0, 0), waited(p);
        long old = ptrace(PTRACE_PEEKTEXT, p, f, 0);
        /* Also where a call begins or ends. */
        if (at_call) next(p, PTRACE_SYSCALL, 0);
        ptrace(PTRACE_POKETEXT, p, f, BREAK(old));
        int st = next(p, PTRACE_CONT, 0);
        printf("breakpoint: %x\n", st);
        ptrace(PTRACE_POKETEXT, p, f, old);
#ifdef __x86_64__
        regs(p, PTRACE_GETREGSET, &r), r.rip = (long)f, regs(p, PTRACE_SETREGSET, &r);
#endif
        ptrace(PTRACE_DETACH, p, 0, 0);
        printf("detached from it: %x\n", waited(p));
    }
}
static void blocks(void)
{
    sigset_t s, old;
    sigemptyset(&s), sigaddset(&s, SIGUSR1), sigprocmask(SIG_BLOCK, &s, &old);
    signal(SIGUSR2, SIG_IGN);
    raise(SIGSTOP);
    sigprocmask(SIG_BLOCK, NULL, &old);
    printf("blocked: USR1 %d USR2 %d\n", sigismember(&old, SIGUSR1), sigismember(&old, SIGUSR2));
}
static void masks(void)
{
    unsigned long m;
    pid_t p = stopped_child(blocks);
    next(p, PTRACE_CONT, 0);
    ptrace(GETSIGMASK, p, 8, &m);
    printf("mask %lx\n", m);
    m = 1UL << (SIGUSR2 - 1) | 1UL << (SIGKILL - 1);
    ptrace(SETSIGMASK, p, 8, &m), ptrace(GETSIGMASK, p, 8, &m);
    printf("mask %lx\n", m);
    printf("end %x\n", next(p, PTRACE_CONT, 0));
}
static void signals(void)
{
    struct sigaction a = {.sa_sigaction = on, .sa_flags = SA_SIGINFO};
    sigaction(SIGUSR1, &a, 0), sigaction(SIGUSR2, &a, 0), sigaction(SIGHUP, &a, 0);
    raise(SIGUSR1);
    syscall(SYS_getppid);
    syscall(SYS_getuid);
    _exit(handled % 251);
}
/* Signals in place of others, at calls, and what is told in each stop. */
static void stops(void)
{
    struct user_regs_struct r;
    pid_t p = stopped_child(signals);
    info("first", p);
    ptrace(PTRACE_SETOPTIONS, p, 0, PTRACE_O_TRACESYSGOOD);
    int st = next(p, PTRACE_CONT, 0);
    info("signal", p);
    st = next(p, PTRACE_SYSCALL, SIGUSR2);
    for (int seen = 0, n = 0; seen < 3 && n < 100; n++) {
        st = next(p, PTRACE_SYSCALL, 0);
        if (!WIFSTOPPED(st)) break;
        struct __ptrace_syscall_info i;
        memset(&i, 0, sizeof i);
        long n = ptrace(PTRACE_GET_SYSCALL_INFO, p, sizeof i, &i);
        if (i.op == PTRACE_SYSCALL_INFO_ENTRY && i.entry.nr == SYS_getppid) {
            printf("call: %x length %ld", st, n), info("", p), seen = 1;
            st = next(p, PTRACE_SYSCALL, SIGHUP);
            n = ptrace(PTRACE_GET_SYSCALL_INFO, p, sizeof i, &i);
            printf("its end: %x length %ld op %d", st, n, i.op), info("", p);
            st = next(p, PTRACE_CONT, 0);
            printf("given at its beginning: %x", st), info("", p);
            st = next(p, PTRACE_SYSCALL, SIGHUP), seen = 2;
            n = ptrace(PTRACE_GET_SYSCALL_INFO, p, sizeof i, &i);
        }
        if (seen == 2 && i.op == PTRACE_SYSCALL_INFO_ENTRY && i.entry.nr == SYS_getuid) {
            n = ptrace(PTRACE_GET_SYSCALL_INFO, p, 20, &i);
            printf("short %ld\n", n), seen = 3;
        }
    }
    printf("end %x\n", next(p, PTRACE_CONT, 0));
}
static void calls(void)
{
    long a = syscall(SYS_getppid), b = syscall(SYS_getppid), c = syscall(SYS_getppid);
    _exit(a == 77 && b == 78 && c == getppid() ? 45 : 46);
}
/* Calls that the tracer makes itself. */
static void emulated(void)
{
    struct user_regs_struct r;
    pid_t p = stopped_child(calls);
    ptrace(PTRACE_SETOPTIONS, p, 0, PTRACE_O_TRACESYSGOOD);
    for (int n = 0, all = 0; n < 2 && all < 100; all++) {
        next(p, PTRACE_SYSCALL, 0);
        struct __ptrace_syscall_info i;
        ptrace(PTRACE_GET_SYSCALL_INFO, p, sizeof i, &i);
        if (i.op != PTRACE_SYSCALL_INFO_ENTRY || i.entry.nr != SYS_getppid) continue;
#ifdef __aarch64__
        int nr = -1;
        struct iovec io = {&nr, sizeof nr};
        ptrace(PTRACE_SETREGSET, p, (void *)NT_ARM_SYSTEM_CALL, &io);
#elif defined(__riscv)
        regs(p, PTRACE_GETREGSET, &r), r.a7 = -1, regs(p, PTRACE_SETREGSET, &r);
#else
        regs(p, PTRACE_GETREGSET, &r), r.orig_rax = -1, regs(p, PTRACE_SETREGSET, &r);
#endif
        printf("skipped: %x\n", next(p, PTRACE_SYSCALL, 0));
        regs(p, PTRACE_GETREGSET, &r), RET(r) = 77 + n, regs(p, PTRACE_SETREGSET, &r);
        n++;
    }
    printf("end %x\n", next(p, PTRACE_CONT, 0));
}
/* The call, its arguments and its result as the tracer wants them. */
static void replaced_call(void)
{
    long a = syscall(SYS_write, -1, "no", 2), b = syscall(SYS_getppid), c = syscall(SYS_getppid);
    _exit(a == 4 && b == 79 && c == -1 && errno == EXDEV ? 47 : 48);
}
static void replaced(void)
{
    enum { SET_SYSCALL_INFO = 0x4212 };
    struct utsname system;
    int major, minor;
    uname(&system), sscanf(system.release, "%d.%d", &major, &minor);
    if (major * 1000 + minor < 6016) return;
    struct __ptrace_syscall_info i;
    pid_t p = stopped_child(replaced_call);
    said("before a call", ptrace(SET_SYSCALL_INFO, p, sizeof i, &i));
    ptrace(PTRACE_SETOPTIONS, p, 0, PTRACE_O_TRACESYSGOOD);
    for (int all = 0, parents = 0; all < 100; all++) {
        int st = next(p, PTRACE_SYSCALL, 0);
        if (!WIFSTOPPED(st)) { printf("end %x\n", st); break; }
        ptrace(PTRACE_GET_SYSCALL_INFO, p, sizeof i, &i);
        static long number;
        int entry = i.op == PTRACE_SYSCALL_INFO_ENTRY;
        if (entry) number = i.entry.nr;
        if (entry && number == SYS_write && (int)i.entry.args[0] == -1) {
            said("short", ptrace(SET_SYSCALL_INFO, p, 80, &i));
            i.op = PTRACE_SYSCALL_INFO_EXIT;
            said("another kind", ptrace(SET_SYSCALL_INFO, p, sizeof i, &i));
            i.op = PTRACE_SYSCALL_INFO_ENTRY;
            i.entry.nr = 1ul << 32 | SYS_write;
            said("a large number", ptrace(SET_SYSCALL_INFO, p, sizeof i, &i));
            i.entry.nr = SYS_write;
            i.entry.args[0] = 1, i.entry.args[1] = (unsigned long)"new\n", i.entry.args[2] = 4;
            said("replaced", ptrace(SET_SYSCALL_INFO, p, sizeof i, &i));
        } else if (!entry && number == SYS_getppid) {
            i.exit.rval = ++parents == 1 ? 79 : -EXDEV, i.exit.is_error = parents != 1;
            said("result", ptrace(SET_SYSCALL_INFO, p, sizeof i, &i));
        }
    }
}
/* What waitid tells, and what it leaves. */
static void waiting(void)
{
    siginfo_t i;
    pid_t p = stopped_child(signals);
    ptrace(PTRACE_SETOPTIONS, p, 0, PTRACE_O_TRACESYSGOOD);
    ptrace(PTRACE_CONT, p, 0, 0);
    for (int n = 0; n < 3; n++) {
        memset(&i, 0, sizeof i);
        int r = waitid(P_PID, p, &i, WSTOPPED | WEXITED | (n < 2 ? WNOWAIT : 0));
        printf("waitid %d code %d status %x by it %d\n", r, i.si_code, i.si_status, i.si_pid == p);
    }
    memset(&i, 0, sizeof i);
    int r = waitid(P_ALL, 0, &i, WSTOPPED | WEXITED | WNOHANG);
    printf("then %d pid %d\n", r, i.si_pid);
    ptrace(PTRACE_SYSCALL, p, 0, 0);
    memset(&i, 0, sizeof i), waitid(P_ALL, 0, &i, WSTOPPED | __WALL);
    printf("call: code %d status %x\n", i.si_code, i.si_status);
    end(p);
}
int main(void)
{
    setvbuf(stdout, 0, _IONBF, 0);
    checks();
    detaches();
    masks();
    stops();
    emulated();
    replaced();
    waiting();
    return 0;
}
