/* SIGSEGV, SIGBUS, SIGILL, SIGTRAP and SIGFPE that are sent, not raised: they are signals like all others. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
static const int signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGFPE, SIGTERM, SIGSYS};
enum { COUNT = sizeof signals / sizeof *signals };
static volatile sig_atomic_t got, code, from;
static void handler(int s, siginfo_t *i, void *u) { got = s, code = i->si_code, from = i->si_pid; (void)u; }
static sigset_t set_of(int s) { sigset_t set; sigemptyset(&set); sigaddset(&set, s); return set; }
static int status_of(pid_t p) { int st = 0; while (waitpid(p, &st, 0) < 0 && errno == EINTR); return st; }
/* Never to all processes, or to the first one, where making the process failed. */
static int send(pid_t p, int s) { return p > 1 ? kill(p, s) : -1; }
static void handle(int s) { struct sigaction a = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO}; sigaction(s, &a, 0); }
static long ms_since(struct timespec *t) { struct timespec n; clock_gettime(CLOCK_MONOTONIC, &n); return (n.tv_sec - t->tv_sec) * 1000 + (n.tv_nsec - t->tv_nsec) / 1000000; }

/* Sent at once after the fork, or while the child sleeps or computes. */
static void reach_children(void)
{
    for (int k = 0; k < COUNT; k++) {
        int lost = 0;
        for (int i = 0; i < 12; i++) {
            pid_t p = fork();
            if (!p) {
                volatile long x = 0;
                for (;;) if (i % 3 == 2) x++; else pause();
            }
            if (i % 3) usleep(2000);
            send(p, signals[k]);
            int st = 0, r = 0;
            for (int j = 0; j < 2000 && !r; j++) if (!(r = waitpid(p, &st, WNOHANG))) usleep(1000);
            if (r != p || !WIFSIGNALED(st) || WTERMSIG(st) != signals[k]) lost++;
            if (!r) send(p, SIGKILL), waitpid(p, &st, 0);
        }
        printf("%s: %d lost\n", strsignal(signals[k]), lost);
    }
}

/* Blocked, they stay pending and can be fetched by everything that fetches signals. */
static void be_fetched(int s)
{
    sigset_t one = set_of(s), pend;
    handle(s);
    sigprocmask(SIG_BLOCK, &one, 0);
    struct timespec second = {1, 0}, none = {0, 0};
    siginfo_t i = {0};
    printf("%s: none %d", strsignal(s), sigtimedwait(&one, &i, &none) == -1 && errno == EAGAIN);
    kill(getpid(), s), kill(getpid(), s);
    sigpending(&pend);
    printf(" pending %d", sigismember(&pend, s));
    int r = sigtimedwait(&one, &i, &second);
    printf(" waited %d code %d mine %d", r == s, i.si_code, i.si_pid == getpid());
    sigpending(&pend);
    printf(" left %d", sigismember(&pend, s));
    sigqueue(getpid(), s, (union sigval){.sival_int = 42});
    r = sigwaitinfo(&one, &i);
    printf(" queued %d code %d value %d", r == s, i.si_code, i.si_value.sival_int);
    pthread_kill(pthread_self(), s);
    r = sigwaitinfo(&one, &i);
    printf(" thread %d code %d", r == s, i.si_code);
    /* The signal comes while it is waited for. */
    pid_t me = getpid(), p = fork();
    if (!p) usleep(20000), kill(me, s), _exit(0);
    r = sigtimedwait(&one, &i, &second);
    printf(" later %d from %d", r == s, i.si_pid == p);
    status_of(p);
    int fd = signalfd(-1, &one, SFD_NONBLOCK | SFD_CLOEXEC), ep = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event e = {.events = EPOLLIN};
    epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e);
    struct signalfd_siginfo f = {0};
    struct pollfd pf = {fd, POLLIN, 0};
    printf(" file empty %d", poll(&pf, 1, 0) == 0 && read(fd, &f, sizeof f) == -1 && errno == EAGAIN);
    kill(getpid(), s);
    printf(" polled %d %d", poll(&pf, 1, 1000), epoll_wait(ep, &e, 1, 1000));
    r = read(fd, &f, sizeof f);
    printf(" read %d mine %d", r == sizeof f && f.ssi_signo == (unsigned)s, f.ssi_pid == (unsigned)getpid());
    p = fork();
    if (!p) usleep(20000), kill(me, s), _exit(0);
    printf(" woken %d", poll(&pf, 1, 1000));
    r = read(fd, &f, sizeof f);
    printf(" read %d from %d", r == sizeof f && f.ssi_signo == (unsigned)s, f.ssi_pid == (unsigned)p);
    status_of(p);
    close(fd), close(ep);
    /* Unblocked they reach the handler; a mask for the time of a call lets them through. */
    got = 0;
    kill(getpid(), s);
    printf(" held %d", got == 0);
    sigset_t empty;
    sigemptyset(&empty);
    r = sigsuspend(&empty);
    printf(" suspended %d", r == -1 && errno == EINTR && got == s);
    got = 0, kill(getpid(), s);
    r = ppoll(0, 0, &second, &empty);
    printf(" ppoll %d", r == -1 && errno == EINTR && got == s);
    got = 0, kill(getpid(), s);
    r = pselect(0, 0, 0, 0, &second, &empty);
    printf(" pselect %d", r == -1 && errno == EINTR && got == s);
    got = 0, kill(getpid(), s);
    sigprocmask(SIG_UNBLOCK, &one, 0);
    printf(" unblocked %d code %d\n", got == s, code);
}

/* What is blocked or ignored does not interrupt. */
static void not_interrupt(int s)
{
    sigset_t one = set_of(s);
    for (int ignore = 0; ignore < 2; ignore++) {
        if (ignore) signal(s, SIG_IGN); else handle(s), sigprocmask(SIG_BLOCK, &one, 0);
        pid_t me = getpid(), p = fork();
        if (!p) {
            for (int i = 0; i < 4; i++) usleep(10000), kill(me, s);
            _exit(0);
        }
        struct timespec t, nap = {0, 150000000};
        clock_gettime(CLOCK_MONOTONIC, &t);
        int r = nanosleep(&nap, 0);
        printf("%s nap %d long enough %d", ignore ? "ignored" : "blocked", r, ms_since(&t) >= 150);
        int pipes[2];
        char c;
        pipe(pipes);
        struct pollfd pf = {pipes[0], POLLIN, 0};
        pid_t q = fork();
        if (!q) {
            for (int i = 0; i < 4; i++) usleep(10000), kill(me, s);
            write(pipes[1], "x", 1), _exit(0);
        }
        printf(" poll %d", poll(&pf, 1, 2000));
        printf(" read %d\n", (int)read(pipes[0], &c, 1));
        status_of(p), status_of(q), close(pipes[0]), close(pipes[1]);
        signal(s, SIG_IGN), sigprocmask(SIG_UNBLOCK, &one, 0);
    }
    signal(s, SIG_DFL);
}

/* One thread waits for what is sent to the process, all block it. */
static void *waiter(void *arg)
{
    sigset_t *set = arg;
    for (int n = 0; n < 40; n++) {
        siginfo_t i;
        int s = sigwaitinfo(set, &i);
        if (s < 0 || i.si_code != SI_USER) return (void *)(long)(1000 + n);
        __atomic_add_fetch((int *)&got, 1, __ATOMIC_SEQ_CST);
    }
    return 0;
}
static void one_thread_waits(void)
{
    sigset_t set;
    sigemptyset(&set);
    for (int k = 0; k < 5; k++) sigaddset(&set, signals[k]);
    pthread_sigmask(SIG_BLOCK, &set, 0);
    pthread_t t;
    got = 0;
    pthread_create(&t, 0, waiter, &set);
    volatile long x = 0;
    for (int n = 0; n < 40; n++) {
        kill(getpid(), signals[n % 5]);
        /* Sleeping and computing. */
        for (int i = 0; i < 3000 && __atomic_load_n((int *)&got, __ATOMIC_SEQ_CST) == n; i++)
            if (n & 1) usleep(1000); else for (int k = 0; k < 300000; k++) x++;
        if (__atomic_load_n((int *)&got, __ATOMIC_SEQ_CST) != n + 1) { printf("lost %d\n", n); return; }
    }
    void *r;
    pthread_join(t, &r);
    printf("waiting thread got %d, %ld\n", (int)got, (long)r);
    pthread_sigmask(SIG_UNBLOCK, &set, 0);
}

/* A thread that does not block it takes it from one that does. */
static volatile int stop;
static volatile pid_t taker;
static void taken(int s) { got = s, taker = syscall(SYS_gettid); }
static void *taking(void *arg)
{
    sigset_t *set = arg;
    pthread_sigmask(SIG_UNBLOCK, set, 0);
    volatile long x = 0;
    while (!stop) x++;
    return (void *)(long)syscall(SYS_gettid);
}
static void another_takes(void)
{
    sigset_t set = set_of(SIGBUS);
    signal(SIGBUS, taken);
    pthread_sigmask(SIG_BLOCK, &set, 0);
    pthread_t t;
    pthread_create(&t, 0, taking, &set);
    usleep(20000), got = 0, kill(getpid(), SIGBUS);
    for (int i = 0; i < 2000 && !got; i++) usleep(1000);
    stop = 1;
    void *r;
    pthread_join(t, &r);
    printf("other thread took %d itself %d\n", got == SIGBUS, taker == (long)r);
    pthread_sigmask(SIG_UNBLOCK, &set, 0), signal(SIGBUS, SIG_DFL);
}

/* Over exec: what is pending and blocked, what is ignored. */
static int executed(void)
{
    sigset_t one = set_of(SIGSEGV), pend;
    struct timespec none = {0, 0};
    struct sigaction a;
    sigpending(&pend);
    sigaction(SIGILL, 0, &a);
    printf("executed: pending %d", sigismember(&pend, SIGSEGV));
    printf(" taken %d ignored %d\n", sigtimedwait(&one, 0, &none) == SIGSEGV, a.sa_handler == SIG_IGN);
    return 0;
}
static void execute(const char *self)
{
    fflush(stdout);
    pid_t p = fork();
    if (!p) {
        sigset_t one = set_of(SIGSEGV);
        sigprocmask(SIG_BLOCK, &one, 0), signal(SIGILL, SIG_IGN);
        kill(getpid(), SIGSEGV);
        execl("/nonexistent", "x", (char *)0);
        kill(getpid(), SIGILL);
        execl(self, self, "executed", (char *)0);
        _exit(9);
    }
    printf("end %d\n", status_of(p));
}

/* The first process of a namespace gets none that it does not handle, unless by its own instructions. */
static int first_process(void *arg)
{
    long how = (long)arg;
    if (getpid() != 1) return 99;
    for (int k = 0; k < 5 && how < 2; k++) {
        if (how == 1) handle(signals[k]);
        got = 0, kill(1, signals[k]);
        if (how == 1 && got != signals[k]) return 20 + k;
    }
    if (how == 2) *(volatile int *)8 = 1;
    if (how == 3) {
        /* Its parent sends. */
        for (int i = 0; i < 50; i++) usleep(1000);
        return 30;
    }
    return getpid() == 1 ? 10 + how : 99;
}
static void first_processes(void)
{
    static char stack[1 << 16];
    for (long how = 0; how < 4; how++) {
        pid_t p = clone(first_process, stack + sizeof stack, CLONE_NEWUSER | CLONE_NEWPID | SIGCHLD, (void *)how);
        if (p < 0) { printf("first process %ld: %s\n", how, strerror(errno)); continue; }
        if (how == 3) usleep(10000), send(p, SIGSEGV), send(p, SIGTRAP), send(p, SIGTERM);
        int st = status_of(p);
        printf("first process %ld: exit %d signal %d\n", how, WIFEXITED(st) ? WEXITSTATUS(st) : -1, WIFSIGNALED(st) ? WTERMSIG(st) : 0);
    }
}

/* Signals sent with the code of a fault. */
static void with_codes(void)
{
    handle(SIGSEGV), handle(SIGTRAP);
    siginfo_t i = {.si_signo = SIGSEGV, .si_code = SEGV_MAPERR};
    i.si_addr = (void *)0x1234;
    got = 0;
    int r = syscall(SYS_rt_tgsigqueueinfo, getpid(), syscall(SYS_gettid), SIGSEGV, &i);
    printf("code of a fault %d %d %d\n", r, got == SIGSEGV, code);
    i.si_code = SI_MESGQ, i.si_signo = SIGTRAP, got = 0;
    r = syscall(SYS_rt_sigqueueinfo, getpid(), SIGTRAP, &i);
    printf("other code %d %d %d\n", r, got == SIGTRAP, code == SI_MESGQ);
    signal(SIGSEGV, SIG_DFL), signal(SIGTRAP, SIG_DFL);
}

int main(int argc, char **argv)
{
    if (argc > 1) return executed();
    setvbuf(stdout, 0, _IOFBF, 1 << 16);
    struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    alarm(50);
    void (*children[])(int) = {be_fetched, not_interrupt};
    reach_children();
    for (int k = 0; k < COUNT; k++)
        for (int n = 0; n < 2; n++) {
            if (n && k > 1) continue;
            fflush(stdout);
            pid_t p = fork();
            if (!p) children[n](signals[k]), fflush(stdout), _exit(0);
            int st = status_of(p);
            if (st) printf("%s: status %x\n", strsignal(signals[k]), st);
        }
    one_thread_waits();
    another_takes();
    execute(argv[0]);
    fflush(stdout);
    first_processes();
    with_codes();
    puts("end");
}
