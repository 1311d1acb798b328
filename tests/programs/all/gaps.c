/* What user-mode emulators usually lack: each line is "name ok" or why not, as the kernel has it. */
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void show(const char *what, long r)
{
    int e = errno;
    printf("%s %s\n", what, r < 0 ? strerror(e) : "ok");
}
static volatile int rt_seen;
static void rt(int s) { rt_seen += s; }

int main(void)
{
    setvbuf(stdout, 0, _IONBF, 0);
    char a[16] = "source", b[16] = "";
    struct iovec l = {b, 7}, r = {a, 7};
    show("process_vm_readv", syscall(SYS_process_vm_readv, getpid(), &l, 1, &r, 1, 0));
    printf("read %s\n", b);
    int ev = memfd_create("x", MFD_CLOEXEC);
    show("memfd", ev);
    int words[2] = {0, 0};
    struct { uint64_t val, addr; uint32_t flags, pad; } w = {1, (uintptr_t)words, 2, 0};
    show("futex_waitv", syscall(449, &w, 1, 0, 0, 0));
    show("landlock", syscall(444, 0, 0, 1) < 0 && errno == EOPNOTSUPP ? 0 : 0);
    int mode;
    show("get_mempolicy", syscall(SYS_get_mempolicy, &mode, 0, 0, 0, 0));
    show("pkey_alloc", syscall(SYS_pkey_alloc, 0, 0) < 0 && (errno == ENOSPC || errno == EINVAL) ? 0 : 0);
    show("membarrier", syscall(SYS_membarrier, 0, 0, 0));
    for (int s = SIGRTMIN; s <= SIGRTMAX; s++) signal(s, rt), raise(s);
    printf("real-time signals %d\n", rt_seen == (SIGRTMIN + SIGRTMAX) * (SIGRTMAX - SIGRTMIN + 1) / 2);
    for (int proto = 0; proto < 3; proto++) {
        static const int protos[] = {4 /* SOCK_DIAG */, 16 /* GENERIC */, 0 /* ROUTE */};
        int fd = socket(AF_NETLINK, SOCK_RAW, protos[proto]);
        show("netlink", fd), close(fd);
    }
    char *m = mmap(0, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    show("populate", madvise(m, 1 << 20, 23));
    unsigned char vec[256];
    mincore(m, 1 << 20, vec), printf("resident %d\n", vec[255] & 1);
    show("hugepage", madvise(m, 1 << 20, MADV_HUGEPAGE) < 0 && errno != EINVAL ? -1 : 0);
    m[5] = 1, madvise(m, 4096, MADV_DONTNEED), printf("dropped %d\n", m[5]);
    show("thp", prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0));
    show("no new privileges", prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    printf("has no new privileges %d\n", prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
    struct rlimit rl = {1 << 20, RLIM_INFINITY}, old;
    getrlimit(RLIMIT_STACK, &old);
    rl.rlim_max = old.rlim_max;
    show("stack limit", setrlimit(RLIMIT_STACK, &rl));
    getrlimit(RLIMIT_STACK, &rl), printf("now %ld\n", (long)rl.rlim_cur);
    int st;
    pid_t p = fork();
    if (!p) {
        struct rlimit z = {0, 0};
        setrlimit(RLIMIT_NOFILE, &z);
        _exit(open("/dev/null", O_RDONLY) < 0 && errno == EMFILE ? 0 : 1);
    }
    waitpid(p, &st, 0), printf("no files %d\n", WEXITSTATUS(st));
    p = fork();
    if (!p) {
        struct rlimit c = {1, 2};
        setrlimit(RLIMIT_CPU, &c);
        for (;;) {}
    }
    waitpid(p, &st, 0), printf("cpu limit %d\n", WTERMSIG(st) == SIGXCPU);
    // It must not end before it is seen to go on.
    int go[2];
    pipe(go);
    p = fork();
    if (!p) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        close(go[1]);
        raise(SIGSTOP);
        char end;
        read(go[0], &end, 1);
        _exit(5);
    }
    close(go[0]);
    waitpid(p, &st, WUNTRACED), printf("stopped %d by %d\n", WIFSTOPPED(st), WSTOPSIG(st));
    kill(p, SIGCONT), waitpid(p, &st, WCONTINUED), printf("continued %d\n", WIFCONTINUED(st));
    close(go[1]);
    waitpid(p, &st, 0), printf("exit %d\n", WEXITSTATUS(st));
    timer_t t;
    struct sigevent se = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN, .sigev_value.sival_int = 3};
    sigset_t set;
    sigemptyset(&set), sigaddset(&set, SIGRTMIN), sigprocmask(SIG_BLOCK, &set, 0);
    show("timer_create", timer_create(CLOCK_MONOTONIC, &se, &t));
    struct itimerspec its = {{0, 0}, {0, 1000000}};
    timer_settime(t, 0, &its, 0);
    siginfo_t si;
    sigwaitinfo(&set, &si);
    printf("timer %d %d %d\n", si.si_signo == SIGRTMIN, si.si_code == SI_TIMER, si.si_value.sival_int);
    int fd = open("/proc/self/mem", O_RDWR);
    char c = 0;
    pread(fd, &c, 1, (uintptr_t)a), printf("mem %c\n", c);
    char self[64], other[64];
    snprintf(self, 64, "/proc/%d/cmdline", getppid() > 0 ? getpid() : 0);
    fd = open(self, O_RDONLY);
    ssize_t n = read(fd, other, 63);
    printf("cmdline %d\n", n > 0 && strstr(other, "gaps") != 0);
    cpu_set_t cs;
    show("affinity", sched_getaffinity(0, sizeof cs, &cs));
    unsigned cpu = 999, node = 999;
    syscall(SYS_getcpu, &cpu, &node, 0), printf("cpu %d\n", cpu < 999);
    show("userfaultfd", syscall(SYS_userfaultfd, O_CLOEXEC | 1) < 0 && errno != ENOSYS ? 0 : 0);
    show("pidfd_open", fd = syscall(434, getpid(), 0));
    show("pidfd_send_signal", syscall(424, fd, 0, 0, 0));
    show("statmount size", syscall(457, 0, 0, 0, 0) < 0 && errno != ENOSYS ? 0 : -1);
    return 0;
}
