/* Handlers, masks, queueing order, alternate stacks, restarting, faults with their details. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>
static volatile sig_atomic_t count, last, value[16];
static void simple(int s) { count++; last = s; }
static void info(int s, siginfo_t *i, void *u) { value[count++ & 15] = i->si_value.sival_int; last = s; (void)u; }
static sigjmp_buf jump;
static volatile int code; static void *volatile where; static volatile int on_alt;
static char alt[65536];
static void fault(int s, siginfo_t *i, void *u)
{
    char here;
    (void)u;
    last = s, code = i->si_code, where = i->si_addr, on_alt = &here >= alt && &here < alt + sizeof alt;
    siglongjmp(jump, 1);
}
static void nested(int s) { count += 10; if (s == SIGUSR1 && count < 30) { raise(SIGUSR2); count += 100; } }
int main(void)
{
    setvbuf(stdout, 0, _IONBF, 0);
    struct sigaction sa = {.sa_handler = simple}, old;
    sigaction(SIGUSR1, &sa, &old);
    printf("old default %d\n", old.sa_handler == SIG_DFL);
    raise(SIGUSR1);
    printf("raise %d %d\n", (int)count, (int)last);
    sigaction(SIGUSR1, 0, &old);
    printf("kept %d\n", old.sa_handler == simple);
    sigset_t set, pend;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1), sigaddset(&set, SIGRTMIN), sigaddset(&set, SIGRTMIN + 1);
    sigprocmask(SIG_BLOCK, &set, 0);
    kill(getpid(), SIGUSR1), kill(getpid(), SIGUSR1);
    sigpending(&pend);
    printf("blocked %d", (int)count),
        printf(" pending %d\n", sigismember(&pend, SIGUSR1));
    struct sigaction si = {.sa_sigaction = info, .sa_flags = SA_SIGINFO};
    sigfillset(&si.sa_mask);
    sigaction(SIGRTMIN, &si, 0), sigaction(SIGRTMIN + 1, &si, 0);
    for (int i = 0; i < 5; i++) sigqueue(getpid(), SIGRTMIN + (i & 1), (union sigval){.sival_int = 100 + i});
    count = 0;
    sigdelset(&set, SIGUSR1);
    sigset_t un;
    sigemptyset(&un);
    sigaddset(&un, SIGRTMIN), sigaddset(&un, SIGRTMIN + 1);
    sigprocmask(SIG_UNBLOCK, &un, 0);
    printf("queued %d:", (int)count);
    int v[5];
    for (int i = 0; i < 5; i++) v[i] = value[i], printf(" %d", v[i]);
    printf("\n");
    count = 0;
    sigemptyset(&un), sigaddset(&un, SIGUSR1);
    sigprocmask(SIG_UNBLOCK, &un, 0);
    printf("once %d\n", (int)count);
    struct sigaction ne = {.sa_handler = nested};
    sigaction(SIGUSR1, &ne, 0), sigaction(SIGUSR2, &ne, 0);
    count = 0, raise(SIGUSR1);
    printf("nested %d\n", (int)count);
    stack_t ss = {.ss_sp = alt, .ss_size = sizeof alt}, so;
    sigaltstack(&ss, 0);
    sigaltstack(0, &so);
    printf("altstack %d %d\n", so.ss_sp == alt, so.ss_flags);
    struct sigaction fa = {.sa_sigaction = fault, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    int list[] = {SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGFPE};
    for (int i = 0; i < 5; i++) sigaction(list[i], &fa, 0);
    if (!sigsetjmp(jump, 1)) *(volatile int *)16 = 1;
    printf("null %d %d %p alt %d\n", (int)last, code, where, on_alt);
    char *page = mmap(0, 8192, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (!sigsetjmp(jump, 1)) page[5000] = 1;
    printf("readonly %d", (int)last),
        printf(" %d", code),
        printf(" %ld\n", (long)((char *)where - page));
    FILE *f = tmpfile();
    char *m = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fileno(f), 0);
    if (!sigsetjmp(jump, 1)) m[1] = 1;
    printf("past end %d", (int)last),
        printf(" %d", code),
        printf(" %ld\n", (long)((char *)where - m));
    if (!sigsetjmp(jump, 1)) ((void (*)(void))page)();
    printf("noexec %d", (int)last),
        printf(" %d", code),
        printf(" %ld\n", (long)((char *)where - page));
    if (!sigsetjmp(jump, 1)) kill(getpid(), SIGSEGV);
    printf("sent %d %d\n", (int)last, code);
    struct sigaction no = {.sa_handler = simple}, re = {.sa_handler = simple, .sa_flags = SA_RESTART};
    int p[2];
    char c;
    struct itimerval it = {{0, 0}, {0, 30000}};
    pipe(p);
    sigaction(SIGALRM, &no, 0), setitimer(ITIMER_REAL, &it, 0), errno = 0;
    ssize_t n = read(p[0], &c, 1);
    printf("eintr %zd", n),
        printf(" %s\n", strerror(errno));
    sigaction(SIGALRM, &re, 0), setitimer(ITIMER_REAL, &it, 0), count = 0;
    if (!fork()) { usleep(100000), write(p[1], "z", 1), _exit(0); }
    n = read(p[0], &c, 1);
    printf("restart %zd %c after %d\n", n, c, (int)count);
    wait(0);
    setitimer(ITIMER_REAL, &it, 0);
    struct timespec ts = {5, 0}, rem = {0};
    n = nanosleep(&ts, &rem);
    printf("nanosleep %zd", n),
        printf(" %s", strerror(errno)),
        printf(" %d\n", rem.tv_sec == 4);
    sigemptyset(&set);
    setitimer(ITIMER_REAL, &it, 0);
    n = sigsuspend(&set);
    printf("suspend %zd", n),
        printf(" %s\n", strerror(errno));
    sigemptyset(&set), sigaddset(&set, SIGUSR1), sigprocmask(SIG_BLOCK, &set, 0);
    sigqueue(getpid(), SIGUSR1, (union sigval){.sival_int = 5});
    siginfo_t got;
    n = sigwaitinfo(&set, &got);
    printf("waitinfo %zd %d %d\n", n, got.si_code, got.si_value.sival_int);
    struct timespec zero = {0, 1000};
    n = sigtimedwait(&set, &got, &zero);
    printf("timedwait %zd", n),
        printf(" %s\n", strerror(errno));
    int sigs[] = {SIGTERM, SIGSEGV, SIGABRT, SIGKILL, SIGFPE, SIGPIPE, SIGRTMIN + 3};
    for (unsigned i = 0; i < sizeof sigs / sizeof *sigs; i++) {
        pid_t k = fork();
        if (!k) { signal(sigs[i], SIG_DFL); kill(getpid(), sigs[i]); _exit(3); }
        int st;
        waitpid(k, &st, 0);
        printf("died %d", WIFSIGNALED(st)),
        printf(" of %d\n", WTERMSIG(st));
    }
    pid_t k = fork();
    if (!k) { signal(SIGSEGV, SIG_IGN); *(volatile int *)0 = 0; _exit(3); }
    int st;
    waitpid(k, &st, 0);
    printf("ignored fault %d\n", WTERMSIG(st));
    k = fork();
    if (!k) { raise(SIGSTOP); _exit(9); }
    waitpid(k, &st, WUNTRACED);
    printf("stopped %d", WIFSTOPPED(st)),
        printf(" %d\n", WSTOPSIG(st));
    kill(k, SIGCONT);
    waitpid(k, &st, 0);
    printf("continued, exit %d\n", WEXITSTATUS(st));
    return 0;
}
