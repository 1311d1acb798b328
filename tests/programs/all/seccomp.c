/* seccomp: strict mode, filters, their inheritance, what they answer. */
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef __aarch64__
#define ARCH AUDIT_ARCH_AARCH64
#elif defined(__riscv)
#define ARCH AUDIT_ARCH_RISCV64
#else
#define ARCH AUDIT_ARCH_X86_64
#endif
#define LOAD(f) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, f))
#define IS(v, t, f) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, v, t, f)
#define RET(v) BPF_STMT(BPF_RET | BPF_K, v)

static int install(struct sock_filter *f, int n, int flags)
{
    struct sock_fprog p = {n, f};
    return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &p);
}
static volatile int trapped, code, data;
static void on(int s, siginfo_t *i, void *c)
{
    trapped = i->si_syscall, code = i->si_code, data = i->si_errno;
    (void)s, (void)c;
}
static void report(const char *what, pid_t p)
{
    int st;
    waitpid(p, &st, 0);
    printf("%s exit %d signal %d\n", what, WIFEXITED(st) ? WEXITSTATUS(st) : -1, WIFSIGNALED(st) ? WTERMSIG(st) : 0);
}
static pthread_barrier_t b1, b2;
static void *thread(void *p)
{
    pthread_barrier_wait(&b1), pthread_barrier_wait(&b2);
    *(int *)p = syscall(SYS_getppid) < 0 ? errno : 0;
    return 0;
}
int main(int argc, char **argv)
{
    setvbuf(stdout, 0, _IONBF, 0);
    if (argc > 1) return syscall(SYS_getppid) == -1 && errno == ENOTUNIQ ? 33 : 34;
    pid_t p;
    if (!(p = fork())) { prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT); write(1, "strict\n", 7); syscall(SYS_exit, 4); }
    report("strict", p);
    if (!(p = fork())) { prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT); syscall(SYS_getppid); syscall(SYS_exit, 4); }
    report("strict other", p);
    struct sock_filter deny[] = {
        LOAD(arch), IS(ARCH, 1, 0), RET(SECCOMP_RET_KILL_PROCESS),
        LOAD(nr), IS(SYS_getppid, 0, 1), RET(SECCOMP_RET_ERRNO | ENOTUNIQ),
        IS(SYS_getpgid, 0, 1), RET(SECCOMP_RET_TRAP | 77),
        IS(SYS_setpgid, 0, 1), RET(SECCOMP_RET_KILL_PROCESS),
        IS(SYS_getsid, 0, 3), LOAD(args[0]), IS(1234, 0, 1), RET(SECCOMP_RET_ERRNO | EXDEV),
        RET(SECCOMP_RET_ALLOW),
    };
    int n = sizeof deny / sizeof *deny, r;
    r = install(deny, 0, 0), printf("empty %d %s\n", r, strerror(errno));
    deny[4].jt = 200, r = install(deny, n, 0), printf("bad jump %d %s\n", r, strerror(errno)), deny[4].jt = 0;
    printf("mode %d\n", prctl(PR_GET_SECCOMP));
    unsigned a = SECCOMP_RET_TRAP;
    printf("trap available %ld\n", syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &a));
    a = 0x12345678, r = syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &a), printf("other %d %s\n", r, strerror(errno));
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (!(p = fork())) {
        struct sigaction sa = {.sa_sigaction = on, .sa_flags = SA_SIGINFO};
        sigaction(SIGSYS, &sa, 0);
        printf("install %d\n", install(deny, n, 0));
        printf("mode %d\n", prctl(PR_GET_SECCOMP));
        r = syscall(SYS_getppid), printf("errno %d %s\n", r, strerror(errno));
        getpgid(0), printf("trap %d code %d data %d\n", trapped == SYS_getpgid, code, data);
        r = getsid(1234), printf("argument %d %s\n", r, strerror(errno));
        printf("allowed %d\n", getsid(0) >= 0);
        struct sock_filter more[] = {LOAD(nr), IS(SYS_getuid, 0, 1), RET(SECCOMP_RET_ERRNO | EDOM), RET(SECCOMP_RET_ALLOW)};
        printf("second %d\n", install(more, 4, 0));
        r = syscall(SYS_getuid), printf("both %d %d", r, errno), r = syscall(SYS_getppid), printf(" %d %d\n", r, errno);
        if (!(p = fork())) _exit(syscall(SYS_getppid) == -1 ? errno == ENOTUNIQ ? 21 : 22 : 23);
        report("child", p);
        char self[256];
        self[readlink("/proc/self/exe", self, 255)] = 0;
        if (!(p = fork())) execl(self, self, "again", NULL), _exit(1);
        report("program", p);
        signal(SIGSYS, SIG_IGN);
        if (!(p = fork())) getpgid(0), _exit(2);
        report("ignored trap", p);
        setpgid(0, 0);
        _exit(5);
    }
    report("killed", p);
    if (!(p = fork())) {
        pthread_t t;
        int seen = -1;
        pthread_barrier_init(&b1, 0, 2), pthread_barrier_init(&b2, 0, 2);
        pthread_create(&t, 0, thread, &seen);
        pthread_barrier_wait(&b1);
        r = install(deny, n, SECCOMP_FILTER_FLAG_TSYNC);
        pthread_barrier_wait(&b2), pthread_join(t, 0);
        printf("all threads %d %d\n", r, seen == ENOTUNIQ);
        _exit(6);
    }
    report("threads", p);
    return 0;
}
