/* seccomp: one thread killed, all threads bound, tracers asked, listeners notified. */
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <elf.h>
#include <unistd.h>

#ifdef __aarch64__
#define ARCH AUDIT_ARCH_AARCH64
#elif defined(__riscv)
#include <asm/ptrace.h>
#define ARCH AUDIT_ARCH_RISCV64
#else
#define ARCH AUDIT_ARCH_X86_64
#endif
#define IF(nr, ret) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 1), BPF_STMT(BPF_RET | BPF_K, ret)
#define FILTER(name, ...) \
    static struct sock_filter name##_code[] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0), __VA_ARGS__, BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)}; \
    static struct sock_fprog name = {sizeof name##_code / sizeof *name##_code, name##_code}
FILTER(kill_pgid, IF(SYS_getpgid, SECCOMP_RET_KILL_THREAD));
FILTER(errno_pgid, IF(SYS_getpgid, SECCOMP_RET_ERRNO | EDOM));
FILTER(odd, IF(SYS_getpgid, 0x12340000));
FILTER(trace, IF(SYS_getppid, SECCOMP_RET_TRACE | 0x123), IF(SYS_getsid, SECCOMP_RET_ERRNO | EXDEV));
FILTER(notify, IF(SYS_getppid, SECCOMP_RET_USER_NOTIF), IF(SYS_copy_file_range, SECCOMP_RET_USER_NOTIF), IF(SYS_openat, SECCOMP_RET_USER_NOTIF));
FILTER(stricter, IF(SYS_getppid, SECCOMP_RET_ERRNO | EDOM));

static long install(struct sock_fprog *f, long flags) { return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, f); }
static void report(const char *what, pid_t p)
{
    int st = 0;
    waitpid(p, &st, 0);
    printf("%s exit %d signal %d\n", what, WIFEXITED(st) ? WEXITSTATUS(st) : -1, WIFSIGNALED(st) ? WTERMSIG(st) : 0);
}
static void *bad(void *p) { syscall(SYS_getpgid, 0); *(int *)p = 1; return p; }
static void *setter(void *p)
{
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    *(long *)p = install(&kill_pgid, SECCOMP_FILTER_FLAG_TSYNC);
    return p;
}
static void *strict(void *p) { prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT); syscall(SYS_getpgid, 0); *(int *)p = 1; return p; }
static void *leader_ends(void *p) { usleep(20000); syscall(SYS_exit_group, 9); return p; }
static pthread_barrier_t barrier;
static void *diverges(void *p)
{
    *(long *)p = install(&errno_pgid, 0);
    *((long *)p + 1) = syscall(SYS_gettid);
    pthread_barrier_wait(&barrier), pthread_barrier_wait(&barrier);
    return p;
}
static void threads(void)
{
    pid_t p;
    pthread_t t;
    if (!(p = fork())) {
        int went_on = 0;
        long r = -1;
        pthread_create(&t, 0, setter, &r), pthread_join(t, 0);
        printf("installed %ld, no new privileges %d\n", r, prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
        pthread_create(&t, 0, bad, &went_on), usleep(50000);
        printf("killed one thread %d\n", !went_on);
        syscall(SYS_getpgid, 0);
        _exit(1);
    }
    report("the last thread", p);
    if (!(p = fork())) {
        install(&kill_pgid, 0), pthread_create(&t, 0, leader_ends, 0);
        syscall(SYS_getpgid, 0), printf("not reached\n");
    }
    report("the first thread", p);
    if (!(p = fork())) {
        int went_on = 0;
        pthread_create(&t, 0, strict, &went_on), usleep(50000);
        printf("killed a strict thread %d\n", !went_on);
        _exit(3);
    }
    report("strict", p);
    if (!(p = fork())) {
        long r[2] = {-1, 0};
        pthread_barrier_init(&barrier, 0, 2), pthread_create(&t, 0, diverges, r), pthread_barrier_wait(&barrier);
        printf("diverged %d", install(&stricter, SECCOMP_FILTER_FLAG_TSYNC) == r[1]);
        long s = install(&stricter, SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_TSYNC_ESRCH);
        printf(" %ld %s\n", s, strerror(errno));
        pthread_barrier_wait(&barrier), pthread_join(t, 0);
        s = install(&stricter, SECCOMP_FILTER_FLAG_TSYNC);
        printf("alone again %ld\n", s);
        _exit(0);
    }
    report("diverged", p);
    if (!(p = fork())) { install(&odd, 0), syscall(SYS_getpgid, 0), _exit(0); }
    report("unknown verdict", p);
    if (!(p = fork())) {
        install(&errno_pgid, 0), install(&kill_pgid, 0);
        struct sock_filter many[4000];
        struct sock_fprog f = {4000, many};
        for (int i = 0; i < 4000; i++) many[i] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
        long r;
        int n = 0;
        while ((r = install(&f, 0)) == 0 && n < 20) n++;
        printf("too many %d %s\n", n > 2, strerror(errno));
        _exit(0);
    }
    report("many", p);
}
static void traced_calls(void)
{
    long r = syscall(SYS_getppid);
    printf("untraced %ld %s\n", r, strerror(errno));
    raise(SIGSTOP);
    long a = syscall(SYS_getppid), b = syscall(SYS_getppid), c = syscall(SYS_getppid);
    int e = errno;
    _exit(a == getpid() && b == 1234 && c == -1 && e == EXDEV ? 7 : 8);
}
static void tracers(void)
{
    int st;
    pid_t p = fork();
    if (!p) { ptrace(PTRACE_TRACEME, 0, 0, 0), install(&trace, 0), traced_calls(); }
    waitpid(p, &st, 0);
    ptrace(PTRACE_SETOPTIONS, p, 0, PTRACE_O_TRACESECCOMP | PTRACE_O_TRACESYSGOOD);
    for (int n = 0; n < 3; n++) {
        ptrace(PTRACE_CONT, p, 0, 0), waitpid(p, &st, 0);
        unsigned long message = 0;
        struct __ptrace_syscall_info i;
        memset(&i, 0, sizeof i);
        ptrace(PTRACE_GETEVENTMSG, p, 0, &message);
        long len = ptrace(PTRACE_GET_SYSCALL_INFO, p, sizeof i, &i);
        printf("asked %x message %lx length %d op %d nr %d data %x\n", st, message, len >= 84, i.op, i.seccomp.nr == SYS_getppid, i.seccomp.ret_data);
        struct user_regs_struct r;
        struct iovec io = {&r, sizeof r};
        ptrace(PTRACE_GETREGSET, p, (void *)NT_PRSTATUS, &io);
        long nr = n == 0 ? SYS_getpid : n == 1 ? -1 : SYS_getsid;
#ifdef __aarch64__
        int nr32 = nr;
        struct iovec call = {&nr32, sizeof nr32};
        ptrace(PTRACE_SETREGSET, p, (void *)NT_ARM_SYSTEM_CALL, &call);
        r.regs[0] = n == 1 ? 1234 : r.regs[0];
#elif defined(__riscv)
        r.a7 = nr, r.a0 = n == 1 ? 1234 : r.a0;
#else
        r.orig_rax = nr, r.rax = n == 1 ? 1234 : r.rax;
#endif
        ptrace(PTRACE_SETREGSET, p, (void *)NT_PRSTATUS, &io);
    }
    ptrace(PTRACE_CONT, p, 0, 0);
    report("traced", p);
}
static void listened(int fd, int again)
{
    if (again) {
        long r = syscall(SYS_getppid), s = syscall(SYS_getppid);
        printf("program %ld %ld %s\n", r, s, strerror(errno));
        exit(5);
    }
    long own = getpid();
    long a = syscall(SYS_getppid), b = syscall(SYS_getppid);
    printf("answered %ld %ld %s\n", a, b, strerror(errno));
    a = syscall(SYS_getppid);
    printf("made %d\n", a != 42 && a > 0 && a != own);
    b = syscall(SYS_copy_file_range, -1, 0x11, -2, 0x22, 0x33, -5L);
    printf("arguments %ld\n", b);
    a = open("/nonexistent/file", O_RDONLY);
    char text[8] = "";
    printf("added %d, read %zd %s\n", a > 2, read(a, text, 5), text);
    b = install(&stricter, 0), a = syscall(SYS_getppid);
    printf("stricter %ld %ld %s\n", b, a, strerror(errno));
    _exit(4);
}
static void listeners(const char *self)
{
    struct seccomp_notif_sizes z;
    long r = syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &z);
    printf("sizes %ld %d %d %d\n", r, z.seccomp_notif, z.seccomp_notif_resp, z.seccomp_data);
    unsigned a = SECCOMP_RET_USER_NOTIF, b = SECCOMP_RET_TRACE;
    printf("available %ld %ld\n", syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &a), syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &b));
    r = install(&notify, SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_TSYNC), printf("ambiguous %ld %s\n", r, strerror(errno));
    for (int exec = 0; exec < 2; exec++) {
        int tell[2];
        pipe(tell);
        pid_t p = fork();
        if (!p) {
            int fd = install(&notify, SECCOMP_FILTER_FLAG_NEW_LISTENER);
            r = install(&notify, SECCOMP_FILTER_FLAG_NEW_LISTENER);
            printf("listener %d, another %ld %s\n", fd > 2, r, strerror(errno));
            write(tell[1], &fd, sizeof fd);
            usleep(50000);
            close(fd);
            if (exec) execl(self, self, "again", NULL);
            listened(fd, 0);
        }
        int fd, pidfd = syscall(SYS_pidfd_open, p, 0);
        read(tell[0], &fd, sizeof fd);
        fd = syscall(SYS_pidfd_getfd, pidfd, fd, 0);
        for (int n = 0; n < (exec ? 2 : 5);) {
            struct pollfd poll_fd = {fd, POLLIN};
            if (poll(&poll_fd, 1, 5000) != 1 || poll_fd.revents & POLLHUP) { printf("poll %x\n", poll_fd.revents); break; }
            struct seccomp_notif q;
            struct seccomp_notif_resp s;
            memset(&q, 0, sizeof q), memset(&s, 0, sizeof s);
            if (ioctl(fd, SECCOMP_IOCTL_NOTIF_RECV, &q)) { perror("receive"); break; }
            s.id = q.id;
            char path[32] = "";
            if (q.data.nr == SYS_openat) {
                struct iovec to = {path, 31}, from = {(void *)q.data.args[1], 31};
                process_vm_readv(p, &to, 1, &from, 1, 0);
                if (exec || strcmp(path, "/nonexistent/file")) {
                    s.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE, ioctl(fd, SECCOMP_IOCTL_NOTIF_SEND, &s);
                    continue;
                }
            }
            printf("asked for %s by it %d arch %d valid %d", q.data.nr == SYS_getppid ? "getppid" : q.data.nr == SYS_openat ? path : "copy_file_range",
                q.pid == p, q.data.arch == ARCH, ioctl(fd, SECCOMP_IOCTL_NOTIF_ID_VALID, &q.id));
            /* (How an int is extended is the architecture's choice.) */
            if (n == 3) printf(" %d %llx %d %llx %llx %lld", (int)q.data.args[0], q.data.args[1], (int)q.data.args[2], q.data.args[3], q.data.args[4], q.data.args[5]);
            printf("\n");
            if (n == 0) s.val = 42;
            if (n == 1) s.error = exec ? -ENOSYS : -EXDEV;
            if (n == 2) {
                s.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE, s.val = 1;
                r = ioctl(fd, SECCOMP_IOCTL_NOTIF_SEND, &s), printf("both %ld %s\n", r, strerror(errno)), s.val = 0;
            }
            if (n == 3) s.val = 99;
            if (n == 4) {
                int fds[2];
                pipe(fds), write(fds[1], "hello", 5);
                struct seccomp_notif_addfd add = {.id = q.id, .srcfd = fds[0]};
                s.val = ioctl(fd, SECCOMP_IOCTL_NOTIF_ADDFD, &add);
                close(fds[0]), close(fds[1]);
            }
            r = ioctl(fd, SECCOMP_IOCTL_NOTIF_SEND, &s), n++;
            if (r) perror("send");
        }
        report("listened", p);
        close(fd), close(pidfd), close(tell[0]), close(tell[1]);
    }
    pid_t p = fork();
    if (!p) {
        close(install(&notify, SECCOMP_FILTER_FLAG_NEW_LISTENER));
        r = syscall(SYS_getppid);
        printf("nobody listens: %ld %s\n", r, strerror(errno));
        _exit(0);
    }
    report("alone", p);
}
/* What /proc tells of filters. */
static void status(void)
{
    char line[256];
    FILE *f = fopen("/proc/self/status", "r");
    while (fgets(line, sizeof line, f)) if (!strncmp(line, "Seccomp", 7)) fputs(line, stdout);
    fclose(f);
}
static void shown(void)
{
    status();
    fflush(stdout);
    if (!fork()) {
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        install(&errno_pgid, 0), install(&errno_pgid, 0);
        status();
        _exit(0);
    }
    wait(NULL);
}
/* A tracer reads the filters. */
static void read_by_tracer(void)
{
    pid_t p = fork();
    if (!p) {
        struct sock_filter some[] = {
            BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 12345, 0, 1),
            BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | 5), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
        struct sock_filter all[] = {BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
        struct sock_fprog older = {4, some}, newer = {1, all};
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        ptrace(PTRACE_TRACEME, 0, 0, 0), raise(SIGSTOP);
        install(&older, 0), install(&newer, SECCOMP_FILTER_FLAG_LOG);
        raise(SIGSTOP);
        _exit(0);
    }
    struct sock_filter f[8] = {{0}};
    long r = (waitpid(p, 0, 0), ptrace(0x420c, p, 0, f));
    printf("no filter %ld\n", r < 0 ? -errno : r);
    ptrace(PTRACE_CONT, p, 0, 0), waitpid(p, 0, 0);
    r = ptrace(0x420c, p, 0, 0), printf("its length %ld\n", r < 0 ? -errno : r);
    for (long n = 0; n < 3; n++) {
        r = ptrace(0x420c, p, n, f);
        printf("filter %ld: %ld %x %x\n", n, r < 0 ? -errno : r, f[0].code, f[1].k);
        uint64_t of[2] = {n, 9};
        r = ptrace(0x420d, p, sizeof of, of);
        printf("flags %ld %d\n", r < 0 ? -errno : r, (int)of[1]);
    }
    r = ptrace(0x420d, p, 4, f), printf("too short %ld\n", r < 0 ? -errno : r);
    r = ptrace(0x420c, p, 0, 1), printf("nowhere %ld\n", r < 0 ? -errno : r);
    kill(p, SIGKILL), waitpid(p, 0, 0);
}
int main(int argc, char **argv)
{
    setvbuf(stdout, 0, _IONBF, 0);
    if (argc > 1) listened(0, 1);
    char self[256];
    self[readlink("/proc/self/exe", self, 255)] = 0;
    threads();
    shown();
    read_by_tracer();
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    tracers();
    listeners(self);
    return 0;
}
