/* ptrace as debuggers, tracers of calls and checkpointers use it. */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/ptrace.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PT(r, pid, a, d) syscall(SYS_ptrace, r, pid, a, d)
static int status;
static volatile long shared = 5;

static int stop(pid_t pid) { return waitpid(pid, &status, __WALL) == pid ? status : -1; }
static void end(pid_t pid) { kill(pid, SIGKILL); while (waitpid(pid, &status, __WALL) == pid && !WIFSIGNALED(status) && !WIFEXITED(status)) PT(PTRACE_CONT, pid, 0, 0); }

/* The calls of a program in order, as strace prints them, with one of them answered otherwise. */
static void calls(void)
{
    fflush(stdout);
    pid_t pid = fork();
    if (!pid) {
        PT(PTRACE_TRACEME, 0, 0, 0);
        raise(SIGSTOP);
        syscall(SYS_getpriority, 1, 2);
        syscall(SYS_close, 999);
        char b[4];
        syscall(SYS_pread64, -1, b, 4, 77);
        syscall(SYS_exit_group, syscall(SYS_getpgid, 0) < 0 ? 1 : 2);
    }
    printf("calls %x", stop(pid));
    printf(" options %ld bad %ld", PT(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL), PT(PTRACE_SETOPTIONS, pid, 0, 1 << 29));
    for (int n = 0; n < 20; n++) {
        PT(PTRACE_SYSCALL, pid, 0, 0);
        int s = stop(pid);
        if (!WIFSTOPPED(s)) { printf(" end %x\n", s); return; }
        struct ptrace_syscall_info i = {0};
        long size = PT(PTRACE_GET_SYSCALL_INFO, pid, (void *)sizeof i, &i);
        if (s >> 8 != (SIGTRAP | 0x80)) { printf(" stop %x", s); continue; }
        if (i.op == PTRACE_SYSCALL_INFO_ENTRY) {
            const char *name = i.entry.nr == SYS_getpriority ? "getpriority" : i.entry.nr == SYS_close ? "close" : i.entry.nr == SYS_pread64 ? "pread" : i.entry.nr == SYS_getpgid ? "getpgid" : i.entry.nr == SYS_exit_group ? "exit" : "other";
            printf(" %s(%d,%d)", name, (int)i.entry.args[0], (int)i.entry.args[i.entry.nr == SYS_pread64 ? 3 : 1] * (i.entry.nr == SYS_getpriority || i.entry.nr == SYS_pread64));
        } else if (i.op == PTRACE_SYSCALL_INFO_EXIT)
            printf("=%d/%d", (int)i.exit.rval < 0 ? (int)i.exit.rval : 0, i.exit.is_error);
        else printf(" op %d", i.op);
        if (size <= 0 || !i.instruction_pointer || !i.stack_pointer) printf("!");
    }
}

/* Events of processes and threads, and their messages. */
static void *thread(void *p) { return p; }
static void events(void)
{
    fflush(stdout);
    pid_t pid = fork(), kid = 0;
    if (!pid) {
        pthread_t t;
        raise(SIGSTOP);
        pid_t c = fork();
        if (!c) _exit(3);
        waitpid(c, 0, 0);
        pthread_create(&t, 0, thread, 0);
        pthread_join(t, 0);
        c = vfork();
        if (!c) _exit(4);
        waitpid(c, 0, 0);
        execl("/proc/self/exe", "x", "traced", NULL);
        _exit(5);
    }
    waitpid(pid, &status, WUNTRACED);
    long r = PT(PTRACE_SEIZE, pid, 0, PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC | PTRACE_O_TRACEEXIT | PTRACE_O_TRACEVFORKDONE);
    printf("seize %ld", r);
    int s = stop(pid);
    printf(" %x", s);
    kill(pid, SIGCONT);
    static int counts[20], ours[20], exits, other;
    int killed = 0;
    PT(PTRACE_CONT, pid, 0, 0);
    for (;;) {
        pid_t p = waitpid(-1, &s, __WALL);
        if (p < 0) break;
        if (!WIFSTOPPED(s)) { exits++; if (p == pid) printf(" last %x", s); continue; }
        unsigned long m = 0;
        int e = s >> 16;
        int sig = 0;
        if (e && e < 20) {
            counts[e]++;
            PT(PTRACE_GETEVENTMSG, p, 0, &m);
            if (e == PTRACE_EVENT_EXIT) ours[e] += (m >> 8) & 255;
            else if (e == PTRACE_EVENT_EXEC) ours[e] += m == pid;
            else ours[e] += m > 0 && m != pid;
        } else if (e != PTRACE_EVENT_STOP) {
            sig = WSTOPSIG(s);
            if (sig == SIGTRAP) sig = 0;
            if (sig == SIGCONT || sig == SIGCHLD) other++; 
        }
        PT(PTRACE_CONT, p, 0, sig);
    }
    printf(" fork %d/%d vfork %d/%d clone %d/%d exec %d/%d done %d/%d exit %d/%d ends %d\n", counts[1], ours[1], counts[2], ours[2], counts[3], ours[3], counts[4], ours[4], counts[5], ours[5], counts[6], ours[6], exits);
}

/* Memory and signals of a stopped program. */
static void on_usr(int s, siginfo_t *i, void *c) { shared = i->si_value.sival_int + (i->si_code == SI_QUEUE ? 1000 : 0) + 10000 * (i->si_pid == 4321); }
static void memory(void)
{
    fflush(stdout);
    char *guarded = mmap(0, 12288, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    munmap(guarded + 8192, 4096);
    pid_t pid = fork();
    if (!pid) {
        struct sigaction a = {.sa_sigaction = on_usr, .sa_flags = SA_SIGINFO};
        sigaction(SIGUSR1, &a, 0);
        PT(PTRACE_TRACEME, 0, 0, 0);
        raise(SIGSTOP);
        if (shared != 42 || guarded[5] != 'p') _exit(1);
        shared = 0;
        sigqueue(getpid(), SIGUSR1, (union sigval){.sival_int = 1});
        _exit(shared == 11007 ? 9 : 8);
    }
    stop(pid);
    long word = 0;
    printf("memory %ld", PT(PTRACE_PEEKDATA, pid, &shared, &word));
    printf(" %ld", word);
    printf(" %ld", PT(PTRACE_POKEDATA, pid, &shared, 42));
    printf(" text %ld", PT(PTRACE_POKETEXT, pid, guarded, 0x70707070707070));
    printf(" hole %ld", PT(PTRACE_PEEKDATA, pid, 8, &word) < 0 ? (long)-errno : 0);
    printf(" end %ld", PT(PTRACE_PEEKDATA, pid, guarded + 8190, &word) < 0 ? (long)-errno : 0);
    struct iovec l = {&word, 8}, r = {(void *)&shared, 8};
    printf(" vm %zd", process_vm_readv(pid, &l, 1, &r, 1, 0));
    printf(" %ld", word);
    r.iov_base = guarded;
    printf(" protected %zd", process_vm_writev(pid, &l, 1, &r, 1, 0) < 0 ? (ssize_t)-errno : 0);
    struct iovec regs = {0, 0};
    printf(" regset %ld", PT(PTRACE_GETREGSET, pid, NT_PRSTATUS, &regs) < 0 ? (long)-errno : 0);
    printf(" none %ld", PT(PTRACE_GETREGSET, pid, 0x9999, &regs) < 0 ? (long)-errno : 0);
    PT(PTRACE_CONT, pid, 0, 0);
    printf(" signal %x", stop(pid));
    siginfo_t info;
    PT(PTRACE_GETSIGINFO, pid, 0, &info);
    printf(" %d %d", info.si_int, info.si_code == SI_QUEUE);
    info.si_int = 7, info.si_pid = 4321;
    printf(" set %ld", PT(PTRACE_SETSIGINFO, pid, 0, &info));
    struct ptrace_peeksiginfo_args peek = {0, PTRACE_PEEKSIGINFO_SHARED, 4};
    siginfo_t list[4];
    kill(pid, SIGHUP);
    kill(pid, SIGURG);
    printf(" peek %ld", PT(PTRACE_PEEKSIGINFO, pid, &peek, list));
    printf(" %d", list[0].si_signo);
    sigset_t set;
    sigemptyset(&set), sigaddset(&set, SIGHUP), sigaddset(&set, SIGURG);
    printf(" mask %ld", PT(PTRACE_SETSIGMASK, pid, (void *)8, &set));
    PT(PTRACE_CONT, pid, 0, SIGUSR1);
    printf(" end %x\n", stop(pid));
}

/* Rights and order. */
static void rights(void)
{
    fflush(stdout);
    pid_t pid = fork();
    if (!pid) for (;;) pause();
    printf("rights self %ld", PT(PTRACE_ATTACH, getpid(), 0, 0) < 0 ? (long)-errno : 0);
    printf(" init-less %ld", PT(PTRACE_ATTACH, 999999, 0, 0) < 0 ? (long)-errno : 0);
    printf(" untraced %ld", PT(PTRACE_CONT, pid, 0, 0) < 0 ? (long)-errno : 0);
    printf(" seize %ld", PT(PTRACE_SEIZE, pid, 0, 0));
    printf(" twice %ld", PT(PTRACE_ATTACH, pid, 0, 0) < 0 ? (long)-errno : 0);
    printf(" running %ld", PT(PTRACE_DETACH, pid, 0, 0) < 0 ? (long)-errno : 0);
    long word;
    printf(" %ld", PT(PTRACE_PEEKDATA, pid, &shared, &word) < 0 ? (long)-errno : 0);
    printf(" interrupt %ld", PT(PTRACE_INTERRUPT, pid, 0, 0));
    printf(" %x", stop(pid));
    kill(pid, SIGSTOP);
    PT(PTRACE_CONT, pid, 0, 0);
    printf(" stop %x", stop(pid));
    PT(PTRACE_CONT, pid, 0, SIGSTOP);
    printf(" group %x", stop(pid));
    printf(" listen %ld", PT(PTRACE_LISTEN, pid, 0, 0));
    kill(pid, SIGCONT);
    printf(" cont %x", stop(pid));
    printf(" number %ld", PT(12345, pid, 0, 0) < 0 ? (long)-errno : 0);
    printf(" detach %ld", PT(PTRACE_DETACH, pid, 0, 999) < 0 ? (long)-errno : 0);
    printf(" %ld", PT(PTRACE_DETACH, pid, 0, SIGTERM) < 0 ? (long)-errno : 0);
    kill(pid, SIGINT);
    printf(" end %x\n", stop(pid));
}

/* The tracer ends: what it traced lives on, or not. */
static void abandoned(void)
{
    int p[2];
    char c;
    fflush(stdout);
    pipe(p);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    for (int kill_too = 0; kill_too < 2; kill_too++) {
        pid_t pid = fork();
        if (!pid) for (;;) { usleep(100); if (getppid() != getppid()) break; }
        pid_t tracer = fork();
        if (!tracer) {
            PT(PTRACE_SEIZE, pid, 0, kill_too ? PTRACE_O_EXITKILL : 0);
            PT(PTRACE_INTERRUPT, pid, 0, 0);
            waitpid(pid, &status, __WALL);
            _exit(WIFSTOPPED(status) ? 6 : 7);
        }
        waitpid(tracer, &status, 0);
        printf("tracer %x", status);
        int alive = 1;
        for (int i = 0; i < (kill_too ? 2000 : 3) && alive; i++) usleep(1000), alive = waitpid(pid, &status, WNOHANG) == 0;
        printf(" alive %d", alive);
        if (!kill_too) { kill(pid, SIGTERM); waitpid(pid, &status, 0); }
        printf(" %x%s", status, kill_too ? "\n" : ", ");
    }
}

static void *in_thread(void *arg)
{
    pid_t pid = *(pid_t *)arg;
    printf("thread traces %ld", PT(PTRACE_SEIZE, pid, 0, 0));
    PT(PTRACE_INTERRUPT, pid, 0, 0);
    printf(" %x", stop(pid));
    return 0;
}
static void by_thread(void)
{
    pthread_t t;
    fflush(stdout);
    pid_t pid = fork();
    if (!pid) for (;;) pause();
    pthread_create(&t, 0, in_thread, &pid);
    pthread_join(t, 0);
    printf(" gone %ld", PT(PTRACE_CONT, pid, 0, 0) < 0 ? (long)-errno : 0);
    long again = -1;
    for (int i = 0; i < 2000 && again; i++) usleep(1000), again = PT(PTRACE_SEIZE, pid, 0, 0);
    printf(" again %ld", again);
    PT(PTRACE_INTERRUPT, pid, 0, 0);
    printf(" %x", stop(pid));
    end(pid);
    printf(" end %x\n", status);
}

int main(int argc, char **argv)
{
    if (argc > 1) return 11;
    setvbuf(stdout, 0, _IOLBF, 0);
    calls();
    events();
    memory();
    rights();
    abandoned();
    by_thread();
    return 0;
}
