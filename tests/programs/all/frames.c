/* Signal frames: what handlers are given and may change, the alternate stack, bad returns. */
#include <errno.h>
#include <fenv.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#ifndef SS_AUTODISARM
#define SS_AUTODISARM (1U << 31)
#endif
static char *alt;
static volatile char *page;
static volatile int seen_signo, seen_code, on_alt, depth, flags_in, masked;
static void *volatile seen_addr;
static sigjmp_buf env;

static void note(int s, siginfo_t *i, void *c)
{
    char here;
    ucontext_t *u = c;
    seen_signo = s, seen_code = i->si_code, seen_addr = i->si_addr;
    on_alt = &here >= alt && &here < alt + 65536;
    stack_t now;
    sigaltstack(0, &now);
    flags_in = now.ss_flags;
    masked = sigismember(&u->uc_sigmask, SIGUSR2) + 2 * sigismember(&u->uc_sigmask, s);
}
static void jump(int s, siginfo_t *i, void *c) { note(s, i, c); siglongjmp(env, 1); }
static void repair(int s, siginfo_t *i, void *c)
{
    note(s, i, c);
    mprotect((void *)page, 4096, PROT_READ | PROT_WRITE);
}
static void act(int s, void (*f)(int, siginfo_t *, void *), int flags)
{
    struct sigaction a = {.sa_sigaction = f, .sa_flags = SA_SIGINFO | flags};
    sigemptyset(&a.sa_mask);
    sigaction(s, &a, 0);
}
static void nested(int s, siginfo_t *i, void *c)
{
    note(s, i, c);
    if (++depth < 3) raise(s);
}
static void change_mask(int s, siginfo_t *i, void *c)
{
    sigaddset(&((ucontext_t *)c)->uc_sigmask, SIGUSR2);
    (void)s, (void)i;
}
static volatile double fp_sum;
static void use_fp(int s, siginfo_t *i, void *c)
{
    fesetround(FE_UPWARD);
    volatile double a = 1.0, b = 3.0;
    fp_sum += a / b;
    (void)s, (void)i, (void)c;
}

int main(void)
{
    setvbuf(stdout, 0, _IONBF, 0);
    alt = mmap(0, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    page = mmap(0, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    stack_t st = {.ss_sp = alt, .ss_size = 65536}, old;
    printf("altstack %d", sigaltstack(&st, &old));
    printf(" was %d\n", old.ss_flags);

    act(SIGSEGV, repair, SA_ONSTACK);
    page[8] = 5;
    printf("repaired %d code %d addr %d alt %d flags %d\n", page[8], seen_code,
           seen_addr == page + 8, on_alt, flags_in);
    munmap((void *)page, 4096);
    act(SIGSEGV, jump, 0);
    if (!sigsetjmp(env, 1)) page[16] = 1;
    printf("unmapped code %d addr %d alt %d flags %d\n", seen_code, seen_addr == page + 16, on_alt, flags_in);
    if (!sigsetjmp(env, 1)) ((void (*)(void))page)();
    printf("execute unmapped %d code %d addr %d\n", seen_signo, seen_code, seen_addr == page);
    page = mmap((void *)page, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    memset((void *)page, 0x1f, 4096);
    if (!sigsetjmp(env, 1)) ((void (*)(void))page)();
    printf("execute data %d code %d addr %d\n", seen_signo, seen_code, seen_addr == page);

    char name[] = "/tmp/frames-XXXXXX";
    int fd = mkstemp(name);
    unlink(name);
    volatile char *file = mmap(0, 4096, PROT_READ, MAP_SHARED, fd, 0);
    act(SIGBUS, jump, SA_ONSTACK);
    if (!sigsetjmp(env, 1)) depth += file[100];
    printf("beyond the file %d code %d addr %d alt %d\n", seen_signo, seen_code, seen_addr == file + 100, on_alt);

    depth = 0;
    act(SIGUSR1, nested, SA_NODEFER | SA_ONSTACK);
    raise(SIGUSR1);
    printf("nested %d code %d alt %d flags %d masked %d\n", depth, seen_code, on_alt, flags_in, masked);
    depth = 0;
    act(SIGUSR1, nested, 0);
    raise(SIGUSR1);
    raise(SIGUSR1);
    printf("deferred %d masked %d\n", depth, masked);
    act(SIGUSR1, note, SA_RESETHAND);
    raise(SIGUSR1);
    struct sigaction q;
    sigaction(SIGUSR1, 0, &q);
    printf("reset %d flags %d\n", q.sa_handler == SIG_DFL, (int)(q.sa_flags & (SA_RESETHAND | SA_SIGINFO)) != 0);

    act(SIGUSR1, change_mask, 0);
    raise(SIGUSR1);
    sigset_t set;
    sigprocmask(SIG_BLOCK, 0, &set);
    printf("mask changed %d\n", sigismember(&set, SIGUSR2));
    act(SIGUSR2, note, 0);
    seen_signo = 0;
    raise(SIGUSR2);
    printf("held %d", seen_signo);
    sigpending(&set);
    printf(" pending %d", sigismember(&set, SIGUSR2));
    sigemptyset(&set);
    sigprocmask(SIG_SETMASK, &set, 0);
    printf(" then %d\n", seen_signo);

    act(SIGSEGV, note, 0);
    sigaddset(&set, SIGSEGV);
    sigprocmask(SIG_BLOCK, &set, 0);
    seen_signo = 0;
    kill(getpid(), SIGSEGV);
    sigset_t pend;
    sigpending(&pend);
    printf("blocked fault signal %d pending %d", seen_signo, sigismember(&pend, SIGSEGV));
    sigprocmask(SIG_UNBLOCK, &set, 0);
    printf(" then %d code %d\n", seen_signo, seen_code);

    act(SIGUSR1, use_fp, 0);
    fesetround(FE_TONEAREST);
    raise(SIGUSR1);
    printf("rounding kept %d\n", fegetround() == FE_TONEAREST);
    act(SIGUSR1, note, 0);
    volatile double acc = 1.5;
    for (int i = 0; i < 100; i++) { acc = acc * 1.25 - 0.125; raise(SIGUSR1); acc /= 1.1; }
    printf("fp state %.17g\n", acc);

    st.ss_flags = SS_AUTODISARM;
    printf("autodisarm %d", sigaltstack(&st, 0));
    act(SIGUSR1, note, SA_ONSTACK);
    raise(SIGUSR1);
    sigaltstack(0, &old);
    printf(" alt %d inside %d after %x\n", on_alt, flags_in, (unsigned)old.ss_flags);
    st.ss_flags = 0, st.ss_size = 100;
    printf("small %d", sigaltstack(&st, 0)), printf(" %s\n", strerror(errno));
    st.ss_flags = 77, st.ss_size = 65536;
    printf("flags %d", sigaltstack(&st, 0)), printf(" %s\n", strerror(errno));
    st.ss_flags = SS_DISABLE;
    printf("disable %d\n", sigaltstack(&st, 0));

    for (int kind = 0; kind < 4; kind++) {
        fflush(stdout);
        pid_t p = fork();
        if (!p) {
            if (kind == 0) { /* a handler cannot run without a stack */
                act(SIGUSR1, note, SA_ONSTACK);
                st.ss_flags = 0, st.ss_sp = mmap(0, 65536, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
                sigaltstack(&st, 0);
                raise(SIGUSR1);
            } else if (kind == 1) {
                signal(SIGSEGV, SIG_DFL);
                *(volatile int *)8 = 1;
            } else if (kind == 2) { /* blocked: the default action, handler or not */
                act(SIGSEGV, note, 0);
                sigemptyset(&set), sigaddset(&set, SIGSEGV);
                sigprocmask(SIG_BLOCK, &set, 0);
                *(volatile int *)8 = 1;
            } else {
                act(SIGILL, note, 0);
                signal(SIGTRAP, SIG_DFL);
                signal(SIGABRT, SIG_DFL);
                abort();
            }
            _exit(3);
        }
        int status;
        waitpid(p, &status, 0);
        printf("child %d signaled %d by %d\n", kind, WIFSIGNALED(status), WTERMSIG(status));
    }
    errno = 0;
    struct sigaction bad = {.sa_handler = SIG_IGN};
    printf("kill handler %d", sigaction(SIGKILL, &bad, 0)), printf(" %s\n", strerror(errno));
    printf("signal 65 %ld", syscall(SYS_rt_sigaction, 65, 0, 0, 8)), printf(" %s\n", strerror(errno));
    printf("size %ld", syscall(SYS_rt_sigprocmask, 0, 0, 0, 4)), printf(" %s\n", strerror(errno));
    return 0;
}
