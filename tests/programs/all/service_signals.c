/* Signals and processes as init systems, servers and language runtimes use them. */
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/membarrier.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

extern char **environ;

/* An event loop with SIGCHLD in a signalfd and children by pidfd. */
static void event_loop(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD), sigaddset(&set, SIGRTMIN), sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, 0);
    int sfd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC), ep = epoll_create1(0);
    struct epoll_event ev = {EPOLLIN, {.u32 = 1}};
    epoll_ctl(ep, EPOLL_CTL_ADD, sfd, &ev);
    pid_t pids[3];
    for (int i = 0; i < 3; i++) {
        pids[i] = fork();
        if (!pids[i]) { usleep(1000 * i); if (i == 2) { sigset_t all; sigfillset(&all); sigprocmask(SIG_UNBLOCK, &all, 0); kill(getpid(), SIGKILL); } _exit(i + 10); }
        int p = syscall(SYS_pidfd_open, pids[i], 0);
        ev.data.u32 = 100 + i;
        epoll_ctl(ep, EPOLL_CTL_ADD, p, &ev);
    }
    for (int n = 0; n < 3; n++) sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = n});
    int exits = 0, seen = 0, rt = 0;
    while (exits < 3 || rt < 3) {
        struct epoll_event e[4];
        int n = epoll_wait(ep, e, 4, 2000);
        if (n <= 0) break;
        for (int i = 0; i < n; i++) {
            if (e[i].data.u32 == 1) {
                struct signalfd_siginfo s;
                while (read(sfd, &s, sizeof s) == sizeof s)
                    if (s.ssi_signo == SIGCHLD) seen = 1;
                    else if (s.ssi_int == rt && s.ssi_pid == getpid() && s.ssi_code == SI_QUEUE) rt++;
                continue;
            }
            siginfo_t info = {0};
            int k = e[i].data.u32 - 100;
            if (waitid(P_PID, pids[k], &info, WEXITED | WNOWAIT) == 0 && info.si_pid == pids[k])
                exits += info.si_code == (k == 2 ? CLD_KILLED : CLD_EXITED) && info.si_status == (k == 2 ? 9 : 10 + k);
            if (waitid(P_PID, pids[k], &info, WEXITED)) exits -= 10;
            epoll_ctl(ep, EPOLL_CTL_DEL, k + sfd + 2, 0);
        }
    }
    printf("loop %d %d %d none %d\n", exits, seen, rt, waitpid(-1, 0, WNOHANG) == -1 ? errno : 0);
    close(ep), close(sfd);
    sigprocmask(SIG_UNBLOCK, &set, 0);
}

static volatile int depth, deepest, order[8], orders;
static void nested(int s)
{
    if (++depth > deepest) deepest = depth;
    if (depth < 3) raise(s);
    depth--;
}
static void note(int s) { order[orders++ & 7] = s - SIGRTMIN; }

static void actions(void)
{
    struct sigaction a = {.sa_handler = nested, .sa_flags = SA_NODEFER}, old;
    sigaction(SIGUSR1, &a, 0);
    raise(SIGUSR1);
    a.sa_flags = SA_RESETHAND;
    sigaction(SIGUSR2, &a, 0);
    depth = 5;
    raise(SIGUSR2);
    sigaction(SIGUSR2, 0, &old);
    printf("nodefer %d reset %d", deepest, old.sa_handler == SIG_DFL);
    sigset_t set;
    sigemptyset(&set);
    for (int i = 0; i < 4; i++) sigaddset(&set, SIGRTMIN + i), signal(SIGRTMIN + i, note);
    sigprocmask(SIG_BLOCK, &set, 0);
    for (int i = 3; i >= 0; i--) raise(SIGRTMIN + i);
    raise(SIGRTMIN + 2);
    sigset_t pending;
    sigpending(&pending);
    printf(" pending %d%d", sigismember(&pending, SIGRTMIN + 1), sigismember(&pending, SIGRTMIN + 5));
    struct timespec zero = {0, 0};
    siginfo_t info;
    sigset_t one;
    sigemptyset(&one), sigaddset(&one, SIGRTMIN + 1);
    printf(" wait %d", sigtimedwait(&one, &info, &zero) == SIGRTMIN + 1);
    printf(" code %d again %d", info.si_code == SI_TKILL, sigtimedwait(&one, &info, &zero) == -1 ? errno : 0);
    sigprocmask(SIG_UNBLOCK, &set, 0);
    printf(" order");
    for (int i = 0; i < orders; i++) printf(" %d", order[i]);
    printf("\n");
}

/* A stack that overflows, as runtimes find it. */
static sigjmp_buf out;
static char alt[65536];
static volatile int on_alt;
static void overflow(int s, siginfo_t *i, void *c)
{
    char here;
    on_alt = &here >= alt && &here < alt + sizeof alt;
    siglongjmp(out, s);
}
static int recurse(int n) { volatile char room[4096]; room[0] = n; return n ? recurse(n + 1) + room[0] : 0; }
static void *overflowing(void *arg)
{
    stack_t st = {alt, 0, sizeof alt};
    struct sigaction a = {.sa_sigaction = overflow, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    sigaltstack(&st, 0);
    sigaction(SIGSEGV, &a, 0);
    int times = 0;
    for (int i = 0; i < 3; i++)
        if (!sigsetjmp(out, 1)) recurse(1); else times += on_alt;
    sigaltstack(0, &st);
    return (void *)(long)(times * 10 + (st.ss_flags & SS_ONSTACK));
}

static ucontext_t main_context, other;
static volatile int switched;
static void coroutine(int a, int b)
{
    for (int i = 0; i < 3; i++) switched += a + b, raise(SIGUSR1), swapcontext(&other, &main_context);
}

static void stacks(void)
{
    pthread_t t;
    void *r;
    pthread_create(&t, 0, overflowing, 0);
    pthread_join(t, &r);
    printf("overflow %ld", (long)r);
    depth = 2;
    static char stack[65536];
    getcontext(&other);
    other.uc_stack.ss_sp = stack, other.uc_stack.ss_size = sizeof stack, other.uc_link = &main_context;
    makecontext(&other, (void (*)(void))coroutine, 2, 3, 4);
    for (int i = 0; i < 4; i++) swapcontext(&main_context, &other);
    printf(" coroutine %d\n", switched);
}

/* posix_spawn as build systems use it. */
static void spawn(void)
{
    posix_spawnattr_t a;
    posix_spawn_file_actions_t f;
    sigset_t set;
    pid_t pid;
    int status, p[2];
    posix_spawnattr_init(&a);
    posix_spawn_file_actions_init(&f);
    pipe(p);
    sigemptyset(&set), sigaddset(&set, SIGINT);
    posix_spawnattr_setsigmask(&a, &set);
    sigfillset(&set);
    posix_spawnattr_setsigdefault(&a, &set);
    posix_spawnattr_setflags(&a, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
    posix_spawn_file_actions_adddup2(&f, p[1], 7);
    posix_spawn_file_actions_addclose(&f, p[0]);
    posix_spawn_file_actions_addopen(&f, 8, "/dev/null", O_RDONLY, 0);
    signal(SIGPIPE, SIG_IGN);
    char *args[] = {"me", "spawned", 0};
    int e = posix_spawn(&pid, "/proc/self/exe", &f, &a, args, environ);
    close(p[1]);
    char buf[64] = "";
    read(p[0], buf, sizeof buf - 1);
    waitpid(pid, &status, 0);
    printf("spawn %d %s %d", e, buf, WEXITSTATUS(status));
    printf(" missing %d", posix_spawn(&pid, "/nonexistent/x", 0, 0, args, environ));
    printf(" dir %d", posix_spawn(&pid, "/tmp", 0, 0, args, environ));
    printf(" action %d\n", (posix_spawn_file_actions_adddup2(&f, 500, 9), posix_spawn(&pid, "/proc/self/exe", &f, &a, args, environ)));
}

static int spawned(void)
{
    sigset_t set;
    struct sigaction a;
    sigprocmask(0, 0, &set);
    sigaction(SIGPIPE, 0, &a);
    dprintf(7, "mask %d%d default %d fd %d leader %d", sigismember(&set, SIGINT), sigismember(&set, SIGTERM), a.sa_handler == SIG_DFL, fcntl(8, F_GETFL) >= 0, getpgrp() == getpid());
    return 3;
}

/* Job control: stops, continues, subreapers, death of parents. */
static void jobs(void)
{
    int status, p[2];
    pid_t pid = fork();
    if (!pid) { setpgid(0, 0); for (;;) pause(); }
    setpgid(pid, pid);
    kill(-pid, SIGTSTP);
    printf("stop %d", waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status) ? WSTOPSIG(status) : 0);
    kill(pid, SIGCONT);
    printf(" cont %d", waitpid(pid, &status, WCONTINUED) == pid && WIFCONTINUED(status));
    siginfo_t info;
    kill(pid, SIGSTOP);
    printf(" waitid %d", waitid(P_PGID, pid, &info, WSTOPPED) || info.si_code != CLD_STOPPED || info.si_status != SIGSTOP);
    kill(pid, SIGTERM);
    printf(" still %d", waitpid(pid, &status, WNOHANG));
    kill(pid, SIGCONT);
    waitpid(pid, &status, 0);
    printf(" end %d", WTERMSIG(status));
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    pipe(p);
    pid = fork();
    if (!pid) {
        if (!fork()) {
            prctl(PR_SET_PDEATHSIG, SIGUSR1);
            sigset_t set;
            sigemptyset(&set), sigaddset(&set, SIGUSR1), sigprocmask(SIG_BLOCK, &set, 0);
            write(p[1], "r", 1);
            int s;
            sigwait(&set, &s);
            for (int i = 0; i < 100 && getppid() != atoi(getenv("ME")); i++) usleep(1000);
            _exit(s == SIGUSR1 && getppid() == atoi(getenv("ME")) ? 5 : 6);
        }
        char c;
        read(p[0], &c, 1);
        _exit(0);
    }
    waitpid(pid, &status, 0);
    pid_t orphan = wait(&status);
    printf(" orphan %d %d\n", orphan != pid && orphan > 0, WEXITSTATUS(status));
    prctl(PR_SET_CHILD_SUBREAPER, 0);
}

/* Preemption of threads by signals, as Go does it: registers are kept. */
static volatile int stop, preempted;
static void preempt(int s) { double x = 1; for (int i = 0; i < 20; i++) x = x * 1.25 + 3; preempted += x > 0; }
static void *computing(void *arg)
{
    double f = 1, g = 3;
    unsigned long a = 1, b = 2, c = 3, d = 5, wrong = 0;
    while (!stop) {
        f = 1, g = 3, a = 1, b = 2, c = 3, d = 5;
        for (int i = 0; i < 1000; i++) {
            f = f * 1.0000001 + g, g = g * 0.999999 + 1;
            a = a * 31 + b, b ^= c << 3, c += d, d = d * 7 ^ a;
        }
        static double f0; static unsigned long d0;
        if (!d0) f0 = f, d0 = d;
        wrong += f != f0 || d != d0;
    }
    return (void *)wrong;
}
static void preemption(void)
{
    pthread_t t;
    void *r;
    struct sigaction a = {.sa_handler = preempt, .sa_flags = SA_RESTART | SA_ONSTACK};
    sigaction(SIGURG, &a, 0);
    pthread_create(&t, 0, computing, 0);
    for (int i = 0; i < 300 || preempted <= 10 && i < 100000; i++) { pthread_kill(t, SIGURG); if (i % 8 == 0) usleep(100); }
    stop = 1;
    pthread_join(t, &r);
    printf("preempted %d wrong %ld", preempted > 10, (long)r);
    printf(" membarrier %d", syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0));
    printf(" %d", syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0));
    printf(" %d\n", syscall(SYS_membarrier, 1 << 20, 0, 0) < 0 ? errno : 0);
}

static void *dies(void *m) { pthread_mutex_lock(m); return 0; }
static void locks(void)
{
    pthread_mutexattr_t a;
    static pthread_mutex_t m, n;
    pthread_t t;
    pthread_mutexattr_init(&a);
    pthread_mutexattr_setprotocol(&a, PTHREAD_PRIO_INHERIT);
    pthread_mutexattr_setrobust(&a, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(&m, &a);
    pthread_create(&t, 0, dies, &m);
    pthread_join(t, 0);
    printf("pi robust %d", pthread_mutex_lock(&m));
    printf(" %d", pthread_mutex_consistent(&m)); printf(" %d", pthread_mutex_unlock(&m));
    timer_t timer;
    struct sigevent e = {.sigev_notify = SIGEV_SIGNAL | 4, .sigev_signo = SIGRTMIN + 6, .sigev_value.sival_int = 77};
    e._sigev_un._tid = syscall(SYS_gettid);
    sigset_t set;
    sigemptyset(&set), sigaddset(&set, SIGRTMIN + 6), sigprocmask(SIG_BLOCK, &set, 0);
    printf(" timer %d", timer_create(CLOCK_MONOTONIC, &e, &timer));
    struct itimerspec often = {{0, 100000}, {0, 100000}};
    timer_settime(timer, 0, &often, 0);
    usleep(5000);
    siginfo_t info;
    printf(" %d", sigwaitinfo(&set, &info) == SIGRTMIN + 6 && info.si_code == SI_TIMER && info.si_int == 77);
    printf(" overrun %d\n", timer_getoverrun(timer) > 5 && info.si_overrun > 5);
    timer_delete(timer);
}

int main(int argc, char **argv)
{
    if (argc > 1) return spawned();
    char me[20];
    sprintf(me, "%d", getpid());
    setenv("ME", me, 1);
    setvbuf(stdout, 0, _IOLBF, 0);
    event_loop();
    actions();
    stacks();
    fflush(stdout);
    spawn();
    fflush(stdout);
    jobs();
    preemption();
    locks();
    return 0;
}
