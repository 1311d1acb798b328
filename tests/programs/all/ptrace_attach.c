/* ptrace: attaching, seizing and interrupting at any moment of a tracee's life; the tracer's end. */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/select.h>
#include <sys/uio.h>
#include <sys/user.h>
#ifdef __riscv
#include <asm/ptrace.h>
#endif
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* The next status of p; -errno, or -1 after three seconds. */
static int next(pid_t p)
{
    int st;
    for (int i = 0; i < 3000; i++) {
        int r = waitpid(p, &st, WNOHANG | __WALL);
        if (r == p) return st;
        if (r < 0) return -errno;
        usleep(1000);
    }
    return -1;
}
static const char *text(int st)
{
    static char buf[4][64];
    static int n;
    char *s = buf[n++ & 3];
    if (st < 0) snprintf(s, 64, "none %d", st);
    else if (WIFSTOPPED(st)) snprintf(s, 64, "stop %d event %d", WSTOPSIG(st), st >> 16);
    else if (WIFEXITED(st)) snprintf(s, 64, "exit %d", WEXITSTATUS(st));
    else snprintf(s, 64, "signal %d", WTERMSIG(st));
    return s;
}
static void end(pid_t p)
{
    kill(p, SIGKILL);
    while (waitpid(p, NULL, __WALL) == p) break;
}
static int has_registers(pid_t p)
{
    struct user_regs_struct r;
    struct iovec io = {&r, sizeof r};
    return ptrace(PTRACE_GETREGSET, p, (void *)NT_PRSTATUS, &io) == 0 && io.iov_len == sizeof r;
}
static void interrupts(void)
{
    int good = 0;
    for (int i = 0; i < 40; i++) {
        pid_t p = fork();
        if (!p) for (;;) { struct timeval t = {1, 0}; select(0, 0, 0, 0, &t); }
        if (i & 1) usleep(2000 * (i % 5));
        int sys = i & 2;
        if (ptrace(PTRACE_SEIZE, p, 0, sys ? PTRACE_O_TRACESYSGOOD : 0)) perror("seize");
        if (ptrace(PTRACE_INTERRUPT, p, 0, 0)) perror("interrupt");
        int st = next(p), ok = st >> 8 == (SIGTRAP | 128 << 8) && has_registers(p);
        if (ok && sys) {
            ptrace(PTRACE_SYSCALL, p, 0, 0);
            st = next(p);
            ok = WIFSTOPPED(st) && WSTOPSIG(st) == (SIGTRAP | 0x80);
        }
        if (!ok) printf("%d: %s\n", i, text(st));
        good += ok;
        end(p);
    }
    printf("interrupted %d\n", good);
}
/* A program that has just been executed, before it has done anything. */
static pid_t executed(const char *what)
{
    int fds[2];
    char b;
    pipe2(fds, O_CLOEXEC);
    pid_t p = fork();
    if (!p) { execl("/proc/self/exe", "self", what, NULL); _exit(9); }
    close(fds[1]), read(fds[0], &b, 1), close(fds[0]);
    return p;
}
static void after_exec(void)
{
    int good = 0;
    for (int i = 0; i < 30; i++) {
        pid_t p = executed("sleep");
        int st, seize = i % 3 == 2;
        if (i >= 15) usleep((i - 15) * 300);
        if (ptrace(seize ? PTRACE_SEIZE : PTRACE_ATTACH, p, 0, 0)) perror("attach");
        if (seize) ptrace(PTRACE_INTERRUPT, p, 0, 0);
        st = next(p);
        int ok = st >> 8 == (seize ? SIGTRAP | 128 << 8 : SIGSTOP) && has_registers(p);
        if (!ok) printf("%d: %s\n", i, text(st));
        good += ok;
        end(p);
    }
    printf("attached after exec %d\n", good);
}
/* Attached and let go while it starts, it runs on as if nothing had been. */
static void briefly(void)
{
    int good = 0;
    for (int i = 0; i < 10; i++) {
        pid_t p = executed("seven");
        int st;
        usleep(i * 300);
        if (ptrace(PTRACE_ATTACH, p, 0, 0)) perror("attach");
        st = next(p);
        if (!WIFSTOPPED(st)) { printf("%d: %s\n", i, text(st)); continue; }
        ptrace(PTRACE_DETACH, p, 0, 0);
        st = next(p);
        if (st != 7 << 8) printf("%d: %s\n", i, text(st));
        good += st == 7 << 8;
    }
    printf("let go %d\n", good);
}
/* Attached while it executes itself again and again, until the pipe's other end is closed. */
static void during_exec(void)
{
    int good = 0;
    for (int i = 0; i < 100; i++) {
        int fds[2];
        char end_of[16];
        pipe(fds);
        pid_t p = fork();
        if (!p) {
            close(fds[1]);
            snprintf(end_of, sizeof end_of, "%d", fds[0]);
            execl("/proc/self/exe", "self", "again", end_of, NULL);
            _exit(9);
        }
        close(fds[0]);
        usleep(1000 + i * 7919 % 12000);
        if (ptrace(PTRACE_ATTACH, p, 0, 0)) perror("attach");
        int st = next(p);
        /* Sent for the program that was being executed. */
        while (WIFSTOPPED(st) && WSTOPSIG(st) == SIGTRAP) ptrace(PTRACE_CONT, p, 0, 0), st = next(p);
        int ok = st == (SIGSTOP << 8 | 0x7f) && has_registers(p);
        if (!ok) printf("%d: %s\n", i, text(st));
        ptrace(PTRACE_DETACH, p, 0, 0);
        close(fds[1]);
        if (ok) {
            st = next(p);
            if (st != 7 << 8) printf("%d: then %s\n", i, text(st)), ok = 0;
        }
        good += ok;
        end(p);
    }
    printf("attached during exec %d\n", good);
}
/* Seized and never stopped, its children and programs are told of. */
static void seized(void)
{
    int fds[2];
    char b = 1;
    pipe(fds);
    pid_t p = fork();
    if (!p) {
        read(fds[0], &b, 1);
        pid_t c = fork();
        if (!c) _exit(4);
        waitpid(c, NULL, 0);
        execl("/proc/self/exe", "self", "seven", NULL);
    }
    usleep(5000);
    ptrace(PTRACE_SEIZE, p, 0, PTRACE_O_TRACEFORK | PTRACE_O_TRACEEXEC | PTRACE_O_TRACEEXIT);
    write(fds[1], &b, 1);
    int st = next(p);
    unsigned long child = 0;
    ptrace(PTRACE_GETEVENTMSG, p, 0, &child);
    printf("seized: %s\n", text(st));
    ptrace(PTRACE_CONT, p, 0, 0);
    st = next(child);
    printf("child: %s, registers %d\n", text(st), has_registers(child));
    ptrace(PTRACE_CONT, child, 0, 0);
    st = next(child);
    printf("child: %s\n", text(st));
    ptrace(PTRACE_CONT, child, 0, 0);
    printf("child: %s\n", text(next(child)));
    for (;;) {
        st = next(p);
        if (!WIFSTOPPED(st)) break;
        unsigned long message = 0;
        ptrace(PTRACE_GETEVENTMSG, p, 0, &message);
        if (st >> 16 == PTRACE_EVENT_EXEC) printf("then: %s by itself %d registers %d\n", text(st), message == p, has_registers(p));
        else if (st >> 16) printf("then: %s message %lx\n", text(st), message);
        else printf("then: %s\n", text(st));
        ptrace(PTRACE_CONT, p, 0, st >> 16 ? 0 : WSTOPSIG(st));
    }
    printf("at last: %s\n", text(st));
    close(fds[0]), close(fds[1]);
}
/* A process that is stopped already. */
static void stopped(void)
{
    pid_t p = fork();
    if (!p) { raise(SIGSTOP); _exit(5); }
    int st;
    waitpid(p, &st, WUNTRACED);
    ptrace(PTRACE_ATTACH, p, 0, 0);
    printf("stopped before: %s", text(next(p)));
    printf(", registers %d\n", has_registers(p));
    ptrace(PTRACE_CONT, p, 0, 0);
    printf("then: %s\n", text(next(p)));
    kill(p, SIGCONT);
    ptrace(PTRACE_DETACH, p, 0, 0);
    printf("then: %s\n", text(next(p)));
}
static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}
/* A call that sleeps is not cut short by the tracer's visit. */
static void sleeper(void)
{
    for (int how = 0; how < 3; how++) {
        double start = now();
        pid_t p = fork();
        if (!p) {
            int r = 1;
            struct timespec t = {0, 400000000};
            struct timeval v = {0, 400000};
            if (how == 0) r = nanosleep(&t, NULL);
            else if (how == 1) r = select(0, 0, 0, 0, &v);
            else r = clock_nanosleep(CLOCK_MONOTONIC, 0, &t, NULL);
            _exit(r == 0 ? 6 : errno);
        }
        usleep(100000);
        for (int i = 0; i < 2; i++) {
            ptrace(PTRACE_ATTACH, p, 0, 0);
            next(p);
            ptrace(PTRACE_DETACH, p, 0, 0);
            usleep(20000);
        }
        int st = next(p);
        double time = now() - start;
        printf("sleeper: %s, in time %d\n", text(st), time > 0.39 && time < 0.7);
        if (time < 0.39 || time > 0.7) printf("%f\n", time);
    }
}
/* The tracer ends: its tracees go on with what they were about to get, or die with it. */
static void orphans(void)
{
    for (int kill_them = 0; kill_them < 2; kill_them++) {
        int fds[2];
        pipe(fds);
        prctl(PR_SET_CHILD_SUBREAPER, 1);
        pid_t p = fork();
        if (!p) {
            signal(SIGTERM, SIG_IGN);
            for (int i = 0; i < 500; i++) usleep(1000);
            _exit(3);
        }
        usleep(10000);
        pid_t t = fork();
        if (!t) {
            ptrace(PTRACE_SEIZE, p, 0, kill_them ? PTRACE_O_EXITKILL : 0);
            ptrace(PTRACE_INTERRUPT, p, 0, 0);
            next(p);
            if (!kill_them) {
                kill(p, SIGUSR1);
                ptrace(PTRACE_CONT, p, 0, 0);
                int st = next(p);
                _exit(WIFSTOPPED(st) && WSTOPSIG(st) == SIGUSR1 ? 1 : 2);
            }
            _exit(1);
        }
        printf("tracer: %s\n", text(next(t)));
        printf("orphan: %s\n", text(next(p)));
        close(fds[0]), close(fds[1]);
    }
}
/* Stops of the whole process, heard by PTRACE_LISTEN. */
static void groups(void)
{
    pid_t p = fork();
    if (!p) for (;;) pause();
    usleep(3000);
    ptrace(PTRACE_ATTACH, p, 0, 0);
    next(p);
    long r = ptrace(PTRACE_LISTEN, p, 0, 0);
    printf("listen, attached: %ld %s\n", r, strerror(errno));
    r = ptrace(PTRACE_INTERRUPT, p, 0, 0);
    printf("interrupt, attached: %ld %s\n", r, strerror(errno));
    ptrace(PTRACE_DETACH, p, 0, 0);
    ptrace(PTRACE_SEIZE, p, 0, 0);
    r = ptrace(PTRACE_LISTEN, p, 0, 0);
    printf("listen, running: %ld %s\n", r, strerror(errno));
    kill(p, SIGSTOP);
    printf("asked: %s\n", text(next(p)));
    r = ptrace(PTRACE_LISTEN, p, 0, 0);
    printf("listen, before a signal: %ld %s\n", r, strerror(errno));
    ptrace(PTRACE_CONT, p, 0, SIGSTOP);
    printf("group: %s", text(next(p)));
    printf(", registers %d\n", has_registers(p));
    printf("listen: %ld\n", ptrace(PTRACE_LISTEN, p, 0, 0));
    printf("interrupt: %ld", ptrace(PTRACE_INTERRUPT, p, 0, 0));
    printf(", %s\n", text(next(p)));
    printf("listen: %ld\n", ptrace(PTRACE_LISTEN, p, 0, 0));
    kill(p, SIGCONT);
    printf("continued: %s\n", text(next(p)));
    ptrace(PTRACE_CONT, p, 0, 0);
    printf("signal: %s\n", text(next(p)));
    end(p);
}
/* Each signal is told of, also one by which nothing happens. */
static void ignored(void)
{
    pid_t p = fork();
    if (!p) {
        ptrace(PTRACE_TRACEME, 0, 0, 0);
        raise(SIGSTOP);
        for (int i = 0; i < 4; i++) {
            if (!fork()) _exit(0);
            wait(0);
        }
        raise(SIGWINCH), raise(SIGWINCH), raise(SIGURG), raise(SIGCONT), raise(SIGCONT);
        _exit(0);
    }
    int s = next(p);
    printf("told of:");
    while (WIFSTOPPED(s)) {
        printf(" %d", WSTOPSIG(s));
        ptrace(PTRACE_CONT, p, 0, WSTOPSIG(s) == SIGSTOP ? 0 : WSTOPSIG(s));
        s = next(p);
    }
    printf(", %s\n", text(s));
}
/* PTRACE_LISTEN in the stop that PTRACE_INTERRUPT has asked for. */
static void listens(void)
{
    pid_t p = fork();
    if (!p) for (;;) pause();
    usleep(3000);
    ptrace(PTRACE_SEIZE, p, 0, 0);
    ptrace(PTRACE_INTERRUPT, p, 0, 0);
    printf("interrupted: %s", text(next(p)));
    printf(", registers %d", has_registers(p));
    printf(", listen %ld", ptrace(PTRACE_LISTEN, p, 0, 0));
    long r = ptrace(PTRACE_CONT, p, 0, 0);
    printf(", continue %ld %s\n", r, strerror(errno));
    printf("again: %ld", ptrace(PTRACE_INTERRUPT, p, 0, 0));
    printf(", %s", text(next(p)));
    printf(", registers %d", has_registers(p));
    printf(", listen %ld\n", ptrace(PTRACE_LISTEN, p, 0, 0));
    kill(p, SIGCONT);
    printf("told: %s", text(next(p)));
    printf(", continue %ld\n", ptrace(PTRACE_CONT, p, 0, 0));
    printf("signal: %s\n", text(next(p)));
    ptrace(PTRACE_CONT, p, 0, 0);
    ptrace(PTRACE_INTERRUPT, p, 0, 0);
    printf("interrupted: %s", text(next(p)));
    printf(", listen %ld", ptrace(PTRACE_LISTEN, p, 0, 0));
    kill(p, SIGKILL);
    printf(", %s\n", text(next(p)));
}
int main(int argc, char **argv)
{
    setvbuf(stdout, 0, _IONBF, 0);
    if (argc > 1 && !strcmp(argv[1], "seven")) return usleep(200000), 7;
    if (argc > 2) {
        struct pollfd open_until = {atoi(argv[2]), 0, 0};
        if (poll(&open_until, 1, 0) == 0) execl("/proc/self/exe", "self", "again", argv[2], NULL);
        return 7;
    }
    if (argc > 1) for (;;) pause();
    interrupts();
    after_exec();
    briefly();
    during_exec();
    seized();
    stopped();
    sleeper();
    orphans();
    groups();
    listens();
    ignored();
    return 0;
}
