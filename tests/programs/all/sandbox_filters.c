/* Filters of system calls as browsers, container runtimes and supervisors use them. */
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define ARG(n) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[n]))
#define IF(k, yes, no) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, k, yes, no)
#define RET(k) BPF_STMT(BPF_RET | BPF_K, k)
#define INSTALL(flags, ...) install(flags, (struct sock_filter[]){__VA_ARGS__}, sizeof((struct sock_filter[]){__VA_ARGS__}) / sizeof(struct sock_filter))

static int install(unsigned flags, struct sock_filter *f, unsigned n)
{
    struct sock_fprog p = {n, f};
    int r = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &p);
    return r < 0 ? -errno : r;
}

static int in_child(const char *name, int (*f)(void))
{
    int status;
    fflush(stdout);
    pid_t pid = fork();
    if (!pid) {
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        int r = f();
        fflush(stdout);
        _exit(r);
    }
    waitpid(pid, &status, 0);
    printf("%s: status %x%s\n", name, status & 0xff7f, WCOREDUMP(status) ? "" : "");
}

/* Calls that are answered in a handler of SIGSYS, as Chromium's broker does. */
static volatile int trapped, right;
static void broker(int s, siginfo_t *i, void *c)
{
    ucontext_t *u = c;
    trapped++;
    right += i->si_code == 1 && i->si_errno == 77 && i->si_signo == SIGSYS && i->si_syscall == SYS_openat && i->si_call_addr != 0;
#if defined __x86_64__
    u->uc_mcontext.gregs[REG_RAX] = -ENOMEDIUM;
#elif defined __aarch64__
    u->uc_mcontext.regs[0] = -ENOMEDIUM;
#else
    u->uc_mcontext.__gregs[10] = -ENOMEDIUM;
#endif
}
static int brokered(void)
{
    struct sigaction a = {.sa_sigaction = broker, .sa_flags = SA_SIGINFO | SA_NODEFER};
    sigaction(SIGSYS, &a, 0);
    int r = INSTALL(0, LOAD(nr), IF(SYS_openat, 0, 1), RET(SECCOMP_RET_TRAP | 77), RET(SECCOMP_RET_ALLOW));
    int fd = open("/dev/null", O_RDONLY);
    printf("trap %d: %d %d, %d %d", r, fd, errno, trapped, right);
    signal(SIGSYS, SIG_IGN);
    sigset_t set;
    printf(" mode %d\n", prctl(PR_GET_SECCOMP));
    fflush(stdout);
    open("/dev/null", O_RDONLY);
    return 1;
}

/* Arguments: flags of clone as containers look at them, 64-bit values, masks. */
static int arguments(void)
{
    int r = INSTALL(0, LOAD(nr), IF(SYS_unshare, 0, 3), ARG(0), BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, CLONE_NEWUSER, 0, 1), RET(SECCOMP_RET_ERRNO | EPERM),
        LOAD(nr), IF(SYS_lseek, 0, 5), BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[1]) + 4), BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, 0, 0, 2), RET(SECCOMP_RET_ERRNO | EFBIG), RET(SECCOMP_RET_ALLOW), RET(SECCOMP_RET_ALLOW),
        LOAD(nr), IF(SYS_personality, 0, 4), ARG(0), BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0xff00), BPF_STMT(BPF_MISC | BPF_TAX, 0), BPF_STMT(BPF_RET | BPF_A, 0), RET(SECCOMP_RET_ALLOW));
    printf("arguments %d:", r);
    printf(" %d", unshare(CLONE_NEWUSER) ? errno : 0);
    printf(" %d", unshare(CLONE_FS) ? errno : 0);
    int fd = memfd_create("x", 0);
    printf(" %ld", (long)lseek(fd, 10, SEEK_SET));
    printf(" %ld", (long)lseek(fd, 5ll << 32, SEEK_SET));
    printf(" %d\n", errno);
    return 0;
}

/* The strictest of several filters wins; of equal ones the newest. */
static int several(void)
{
    printf("several %d", INSTALL(0, LOAD(nr), IF(SYS_getpgid, 0, 1), RET(SECCOMP_RET_ERRNO | 11), RET(SECCOMP_RET_ALLOW)));
    printf(" %d", INSTALL(SECCOMP_FILTER_FLAG_LOG, LOAD(nr), IF(SYS_getpgid, 0, 1), RET(SECCOMP_RET_ERRNO | 22), RET(SECCOMP_RET_ALLOW)));
    printf(" %d", getpgid(0) < 0 ? errno : 0);
    printf(" %d", INSTALL(0, LOAD(nr), IF(SYS_getpgid, 0, 1), RET(SECCOMP_RET_ALLOW), IF(SYS_getsid, 0, 1), RET(SECCOMP_RET_TRACE | 1), RET(SECCOMP_RET_LOG)));
    printf(" %d", getpgid(0) < 0 ? errno : 0);
    printf(" trace %d", getsid(0) < 0 ? errno : 0);
    printf(" big %d", INSTALL(0, LOAD(nr), IF(SYS_getpriority, 0, 1), RET(SECCOMP_RET_ERRNO | 5000), RET(SECCOMP_RET_ALLOW)));
    printf(" %d", getpriority(0, 0) < 0 ? errno : 0);
    printf(" zero %d", INSTALL(0, LOAD(nr), IF(SYS_sync, 0, 1), RET(SECCOMP_RET_ERRNO), RET(SECCOMP_RET_ALLOW)));
    sync();
    int status;
    pid_t pid = fork();
    if (!pid) { execl("/proc/self/exe", "x", "filtered", NULL); _exit(99); }
    waitpid(pid, &status, 0);
    printf(" inherited %d\n", WEXITSTATUS(status));
    return 0;
}

/* What the kernel refuses. */
static int refused(void)
{
    struct sock_fprog none = {0, 0};
    struct sock_filter big[4097];
    for (int i = 0; i < 4097; i++) big[i] = (struct sock_filter)RET(SECCOMP_RET_ALLOW);
    printf("refused %ld", syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &none) ? (long)-errno : 0);
    printf(" %d %d", install(0, big, 4097), install(0, big, 4096));
    printf(" %d", INSTALL(0, LOAD(nr)));
    printf(" %d", INSTALL(0, BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 64), RET(SECCOMP_RET_ALLOW)));
    printf(" %d", INSTALL(0, BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 0), RET(SECCOMP_RET_ALLOW)));
    printf(" %d", INSTALL(0, IF(1, 5, 0), RET(SECCOMP_RET_ALLOW)));
    printf(" %d", INSTALL(0, BPF_STMT(BPF_ALU | BPF_DIV | BPF_K, 0), RET(SECCOMP_RET_ALLOW)));
    printf(" %d", INSTALL(0, BPF_STMT(BPF_LD | BPF_W | BPF_MEM, 3), RET(SECCOMP_RET_ALLOW)));
    printf(" %d", INSTALL(0, IF(1, 0, 1), BPF_STMT(BPF_ST, 3), BPF_STMT(BPF_LD | BPF_W | BPF_MEM, 3), RET(SECCOMP_RET_ALLOW)));
    printf(" %d", INSTALL(0, BPF_STMT(BPF_ST, 3), IF(1, 0, 1), BPF_STMT(BPF_LDX | BPF_W | BPF_MEM, 3), RET(SECCOMP_RET_ALLOW)));
    printf(" %d", INSTALL(0, BPF_STMT(BPF_ST, 16), RET(SECCOMP_RET_ALLOW)));
    printf(" %d", INSTALL(0, BPF_STMT(BPF_JMP | BPF_JA, 1), BPF_STMT(BPF_ST, 2), BPF_STMT(BPF_LD | BPF_MEM, 2), RET(SECCOMP_RET_ALLOW)));
    printf(" %d", INSTALL(0, BPF_STMT(BPF_ALU | BPF_LSH | BPF_K, 32), RET(SECCOMP_RET_ALLOW)));
    printf(" %d", INSTALL(0, BPF_STMT(BPF_ALU | BPF_MOD | BPF_K, 3), RET(SECCOMP_RET_ALLOW)));
    printf(" %d", INSTALL(0, BPF_STMT(BPF_ALU | BPF_XOR | BPF_K, 3), BPF_STMT(BPF_ALU | BPF_NEG, 0), BPF_STMT(BPF_LD | BPF_IMM, 4), BPF_STMT(BPF_LDX | BPF_W | BPF_LEN, 0), RET(SECCOMP_RET_ALLOW)));
    printf(" %d", INSTALL(64, RET(SECCOMP_RET_ALLOW)));
    printf(" %d", INSTALL(SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, RET(SECCOMP_RET_ALLOW)));
    unsigned actions[] = {SECCOMP_RET_KILL_PROCESS, SECCOMP_RET_KILL_THREAD, SECCOMP_RET_TRAP, SECCOMP_RET_ERRNO, SECCOMP_RET_USER_NOTIF, SECCOMP_RET_TRACE, SECCOMP_RET_LOG, SECCOMP_RET_ALLOW, 0x12340000};
    for (int i = 0; i < 9; i++) printf(" %d", syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &actions[i]) ? errno : 0);
    struct seccomp_notif_sizes sizes;
    printf(" sizes %ld", syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &sizes));
    printf(" %d %d %d", sizes.seccomp_notif, sizes.seccomp_notif_resp, sizes.seccomp_data);
    printf(" %d", syscall(SYS_seccomp, 77, 0, 0) < 0 ? errno : 0);
    printf(" strict after filter %d\n", prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) ? errno : 0);
    return 0;
}

/* A supervisor that answers calls, and puts descriptors into the supervised one. */
static void supervise(void)
{
    int sv[2], status;
    socketpair(AF_UNIX, SOCK_STREAM, 0, sv);
    fflush(stdout);
    pid_t pid = fork();
    if (!pid) {
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        int l = INSTALL(SECCOMP_FILTER_FLAG_NEW_LISTENER, LOAD(nr), IF(SYS_mkdirat, 2, 0), IF(SYS_openat, 1, 0), RET(SECCOMP_RET_ALLOW), RET(SECCOMP_RET_USER_NOTIF));
        write(sv[0], &l, sizeof l);
        char c;
        read(sv[0], &c, 1);
        close(l);
        int a = mkdirat(AT_FDCWD, "/no/such/place", 0700), e = errno, b = mkdirat(AT_FDCWD, "/pretended", 0751);
        int fd = open("/injected", O_RDONLY), g = open("/dev/null", O_RDONLY);
        char text[16] = "";
        read(fd, text, 15);
        printf("supervised %d %d %d fd %d %s real %d\n", a, e, b, fd > 0, text, g > 0 && g != fd);
        fflush(stdout);
        _exit(4);
    }
    int l, lp;
    read(sv[1], &l, sizeof l);
    lp = syscall(SYS_pidfd_open, pid, 0);
    l = syscall(SYS_pidfd_getfd, lp, l, 0);
    write(sv[1], "g", 1);
    printf("listener %d", l >= 0);
    int calls = 0, paths = 0, flags = 0;
    for (;;) {
        struct pollfd p = {l, POLLIN};
        poll(&p, 1, 3000);
        if (!(p.revents & POLLIN)) { printf(" end %x", p.revents); break; }
        struct seccomp_notif n = {0};
        struct seccomp_notif_resp r = {0};
        if (ioctl(l, SECCOMP_IOCTL_NOTIF_RECV, &n)) break;
        char path[64] = "", mem[64];
        sprintf(mem, "/proc/%d/mem", n.pid);
        int m = open(mem, O_RDONLY);
        pread(m, path, 63, n.data.args[1]);
        close(m);
        calls++, flags += n.pid == pid && n.data.instruction_pointer != 0;
        r.id = n.id;
        printf(" [%s %d]", path, n.data.nr == SYS_mkdirat ? (int)n.data.args[2] : -1);
        if (ioctl(l, SECCOMP_IOCTL_NOTIF_ID_VALID, &n.id)) printf(" invalid");
        if (!strcmp(path, "/no/such/place")) r.error = -EUCLEAN;
        else if (!strcmp(path, "/pretended")) r.val = 17;
        else if (!strcmp(path, "/injected")) {
            int in = memfd_create("in", 0);
            write(in, "injected", 8), lseek(in, 0, SEEK_SET);
            struct seccomp_notif_addfd add = {n.id, SECCOMP_ADDFD_FLAG_SEND, in, 0, O_CLOEXEC};
            if (ioctl(l, SECCOMP_IOCTL_NOTIF_ADDFD, &add) < 0) printf(" addfd %d", errno);
            close(in);
            continue;
        } else r.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
        if (ioctl(l, SECCOMP_IOCTL_NOTIF_SEND, &r)) printf(" send %d", errno);
        r.id = 12345;
    }
    struct seccomp_notif_resp stale = {99};
    printf(" stale %d", ioctl(l, SECCOMP_IOCTL_NOTIF_SEND, &stale) ? errno : 0);
    waitpid(pid, &status, 0);
    printf(" calls %d %d status %x\n", calls, flags, status);
}

static int kill_process(void)
{
    INSTALL(0, LOAD(nr), IF(SYS_sysinfo, 0, 1), RET(SECCOMP_RET_KILL_PROCESS), RET(SECCOMP_RET_ALLOW));
    syscall(SYS_sysinfo, 0);
    return 1;
}
static int strict(void)
{
    prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT);
    write(1, "strict\n", 7);
    getpid();
    syscall(SYS_getppid);
    return 1;
}
static void *waits(void *p) { pause(); return 0; }
static int unrelated(void)
{
    pthread_t t;
    int tid;
    pthread_create(&t, 0, waits, 0);
    usleep(1000);
    int r = INSTALL(SECCOMP_FILTER_FLAG_TSYNC, LOAD(nr), IF(SYS_getpriority, 0, 1), RET(SECCOMP_RET_ERRNO | 3), RET(SECCOMP_RET_ALLOW));
    printf("tsync %d both %d\n", r, INSTALL(SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_NEW_LISTENER, RET(SECCOMP_RET_ALLOW)));
    return 0;
}

int main(int argc, char **argv)
{
    if (argc > 1) return getpgid(0) < 0 ? errno : 0;
    setvbuf(stdout, 0, _IOLBF, 0);
    in_child("brokered", brokered);
    in_child("arguments", arguments);
    in_child("several", several);
    in_child("refused", refused);
    supervise();
    in_child("kill", kill_process);
    in_child("strict", strict);
    in_child("tsync", unrelated);
    return 0;
}
