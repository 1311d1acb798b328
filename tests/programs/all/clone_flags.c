/* clone and clone3 with the flags that thread libraries, sandboxes and sanitizers pass. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#ifndef CLONE_CLEAR_SIGHAND
#define CLONE_CLEAR_SIGHAND 0x100000000ull
#endif
#ifndef CLONE_INTO_CGROUP
#define CLONE_INTO_CGROUP 0x200000000ull
#endif
enum { STACK = 1 << 17 };
static volatile int shared, go, got, cleared = 1;
static volatile pid_t parent_seen, tid_seen;
static int child(void *a) { shared = getppid(); usleep(20000); return 5; }
static void handler(int s) { got = s; }
static char *stack(void) { return mmap(0, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); }

static void one(const char *name, int flags, int whose)
{
    char *s = stack();
    shared = 0, errno = 0;
    int p = clone(child, s + STACK, flags, 0), st = 0;
    if (p < 0) { printf("%s: %s\n", name, strerror(errno)); return; }
    errno = 0;
    int w = waitpid(p, &st, __WALL);
    printf("%s: waited %d", name, w == p);
    if (whose) printf(" %s", strerror(errno)), usleep(60000);
    else printf(" exit %d signal %d", WIFEXITED(st) ? WEXITSTATUS(st) : -1, WIFSIGNALED(st) ? WTERMSIG(st) : 0);
    printf(" shared %d\n", shared != 0);
    munmap(s, STACK);
}

static void siblings(void)
{
    fflush(stdout);
    pid_t mid = fork();
    if (!mid) {
        one("PARENT SIGCHLD", CLONE_PARENT | SIGCHLD, 1);
        one("PARENT VM SIGUSR1", CLONE_PARENT | CLONE_VM | SIGUSR1, 1);
        one("PARENT VM VFORK", CLONE_PARENT | CLONE_VM | CLONE_VFORK | SIGCHLD, 1);
        fflush(stdout), _exit(0);
    }
    int n = 0, st, sum = 0;
    for (int p; (p = waitpid(-1, &st, __WALL)) > 0; n++) sum += WEXITSTATUS(st);
    printf("children of the grandparent %d, codes %d\n", n, sum);
}

/* What LeakSanitizer does: a process in our memory looks at our threads. */
static int tasks, stopped;
static int count_tasks(void *a)
{
    char name[64];
    snprintf(name, sizeof name, "/proc/%d/task", getppid());
    DIR *d = opendir(name);
    for (struct dirent *e; d && (e = readdir(d));) tasks += e->d_name[0] != '.';
    return d ? closedir(d) : 1;
}
static void sanitizer(void)
{
    for (int i = 0; i < 50; i++) {
        int st, before = tasks;
        char *s = stack();
        int p = clone(count_tasks, s + STACK, CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_UNTRACED, 0);
        if (waitpid(p, &st, __WALL) != p || st) printf("status %x\n", st);
        if (tasks != before + 1) printf("round %d: %d threads\n", i, tasks - before);
        munmap(s, STACK);
    }
    printf("threads seen %d\n", tasks);
}

/* Table of files, directory and umask, actions: shared or not. */
static int changing(void *a)
{
    int *fd = a;
    close(fd[0]), umask(027), signal(SIGUSR2, SIG_IGN), chdir("/proc");
    return 0;
}
static void sharing(const char *name, int flags)
{
    char *s = stack(), dir[256];
    int fd[2], st;
    pipe(fd), umask(022), signal(SIGUSR2, SIG_DFL), chdir("/");
    int p = clone(changing, s + STACK, flags | SIGCHLD, fd);
    if (p < 0) { printf("%s: %s\n", name, strerror(errno)); return; }
    waitpid(p, &st, 0);
    struct sigaction action;
    sigaction(SIGUSR2, 0, &action);
    mode_t mask = umask(022);
    printf("%s: files %d fs %d %d actions %d\n", name, fcntl(fd[0], F_GETFD) < 0, mask == 027, !strcmp(getcwd(dir, sizeof dir), "/proc"), action.sa_handler == SIG_IGN);
    close(fd[0]), close(fd[1]), munmap(s, STACK), chdir("/");
}

static long clone3(uint64_t flags, uint64_t signal, void *extra[4])
{
    struct { uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid, set_tid_size, cgroup; } a = {.flags = flags, .exit_signal = signal};
    if (extra) a.pidfd = (uint64_t)extra[0], a.child_tid = (uint64_t)extra[1], a.parent_tid = (uint64_t)extra[2], a.set_tid = (uint64_t)extra[3], a.set_tid_size = extra[3] ? 1 : 0;
    if (flags & CLONE_INTO_CGROUP) a.cgroup = -1;
    return syscall(SYS_clone3, &a, sizeof a);
}
static void third(void)
{
    int pidfd = -1, st, mine = 0, theirs = 0;
    void *extra[4] = {&pidfd, &theirs, &mine, 0};
    long p = clone3(CLONE_PIDFD | CLONE_PARENT_SETTID | CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID, SIGCHLD, extra);
    if (!p) _exit(theirs == getpid() ? 3 : 4);
    struct pollfd pf = {pidfd, POLLIN, 0};
    int polled = poll(&pf, 1, 5000);
    waitpid(p, &st, 0);
    printf("clone3 pidfd %d polled %d mine %d theirs %d exit %d\n", pidfd >= 0, polled, mine == p, theirs, WEXITSTATUS(st));
    close(pidfd);
    signal(SIGUSR1, handler), signal(SIGUSR2, SIG_IGN);
    p = clone3(CLONE_CLEAR_SIGHAND, SIGCHLD, 0);
    if (!p) {
        struct sigaction a, b;
        sigaction(SIGUSR1, 0, &a), sigaction(SIGUSR2, 0, &b);
        _exit((a.sa_handler == SIG_DFL) + 2 * (b.sa_handler == SIG_IGN));
    }
    waitpid(p, &st, 0);
    printf("cleared %d\n", WEXITSTATUS(st));
    signal(SIGUSR1, SIG_DFL), signal(SIGUSR2, SIG_DFL);
    int want = 30000 + getpid() % 1000;
    while (!kill(want, 0) || errno != ESRCH) want++;
    extra[0] = 0, extra[3] = &want;
    p = clone3(0, SIGCHLD, extra);
    if (!p) _exit(getpid() == want);
    if (p > 0) waitpid(p, &st, 0);
    if (p > 0) printf("set_tid %d %d\n", p == want, WEXITSTATUS(st)); else printf("set_tid %d\n", errno == EPERM);
    extra[3] = 0;
    printf("bad cgroup %d\n", clone3(CLONE_INTO_CGROUP, SIGCHLD, 0) == -1 ? errno : 0);
    static const struct { uint64_t flags, signal; } bad[] = {{CLONE_THREAD, 0}, {CLONE_SIGHAND, 0}, {CLONE_THREAD | CLONE_SIGHAND, 0}, {CLONE_PARENT, SIGCHLD}, {0, 65}, {0x80000000000, SIGCHLD}, {CLONE_VM | CLONE_SIGHAND | CLONE_CLEAR_SIGHAND, SIGCHLD}, {CLONE_NEWNS | CLONE_FS, SIGCHLD}, {CLONE_NEWUSER | CLONE_FS, SIGCHLD}, {CLONE_DETACHED, SIGCHLD}, {1, SIGCHLD}, {CLONE_VM | CLONE_SIGHAND | CLONE_THREAD | CLONE_NEWUSER, 0}, {CLONE_VM | CLONE_SIGHAND | CLONE_THREAD | CLONE_NEWPID, 0}};
    for (int i = 0; i < sizeof bad / sizeof *bad; i++) {
        long r = clone3(bad[i].flags, bad[i].signal, 0);
        if (!r) _exit(0);
        printf("%llx %llu: %s\n", (long long)bad[i].flags, (long long)bad[i].signal, r < 0 ? strerror(errno) : "made");
    }
    long sizes[] = {0, 63, 64, 72, 80, 88, 96, 4096, 4097};
    for (int i = 0; i < 9; i++) {
        char *a = calloc(1, 8192);
        *(uint64_t *)(a + 32) = SIGCHLD;
        long r = syscall(SYS_clone3, a, sizes[i]);
        if (!r) _exit(0);
        printf("size %ld: %d\n", sizes[i], r < 0 ? errno : 0);
        if (r > 0) waitpid(r, &st, 0);
    }
}

/* Threads by hand. */
static volatile int thread_tid, wake;
static int run_thread(void *a)
{
    tid_seen = syscall(SYS_gettid), parent_seen = getpid();
    if (a) while (!go) usleep(1000);
    syscall(SYS_exit, 0);
    return 0;
}
static void by_hand(const char *name, int flags)
{
    char *s = stack();
    volatile int *tids = (int *)s;
    tids[0] = tids[1] = 7, tid_seen = 0, go = 0;
    int all = CLONE_VM | CLONE_SIGHAND | CLONE_THREAD | flags;
    int t = clone(run_thread, s + STACK, all, 0, &tids[0], 0, &tids[1]);
    if (t < 0) { printf("%s: %s\n", name, strerror(errno)); return; }
    for (int i = 0; i < 3000 && (!tid_seen || flags & CLONE_CHILD_CLEARTID && tids[1]); i++) usleep(1000);
    for (int i = 0; i < 3000 && syscall(SYS_tgkill, getpid(), t, 0) == 0; i++) usleep(1000);
    printf("%s: tid %d pid %d parent %d child %d\n", name, tid_seen == t, parent_seen == getpid(), tids[0] == (flags & CLONE_PARENT_SETTID ? t : 7), tids[1] == (flags & CLONE_CHILD_CLEARTID ? 0 : 7));
    munmap(s, STACK);
}

int main(void)
{
    int st, tid;
    alarm(50);
    setvbuf(stdout, 0, _IOFBF, 1 << 16);
    siblings();
    signal(SIGUSR1, handler), signal(SIGRTMAX, handler);
    one("SIGCHLD", SIGCHLD, 0);
    one("no exit signal", 0, 0);
    one("SIGUSR1", SIGUSR1, 0), printf("got %d\n", got == SIGUSR1);
    one("SIGRTMAX", SIGRTMAX, 0), printf("got %d\n", got == SIGRTMAX);
    one("a number that is no signal", 100, 0);
    one("DETACHED", 0x400000 | SIGCHLD, 0);
    one("VM", CLONE_VM | SIGCHLD, 0);
    one("VM FS FILES UNTRACED", CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_UNTRACED, 0);
    one("VM SIGHAND", CLONE_VM | CLONE_SIGHAND | SIGCHLD, 0);
    one("VM SIGHAND FS FILES SYSVSEM IO", CLONE_VM | CLONE_SIGHAND | CLONE_FS | CLONE_FILES | CLONE_SYSVSEM | CLONE_IO | SIGCHLD, 0);
    one("VM VFORK", CLONE_VM | CLONE_VFORK | SIGCHLD, 0);
    one("VM VFORK SIGHAND", CLONE_VM | CLONE_VFORK | CLONE_SIGHAND | SIGCHLD, 0);
    one("FILES", CLONE_FILES | SIGCHLD, 0);
    one("FS", CLONE_FS | SIGCHLD, 0);
    one("SYSVSEM IO", CLONE_SYSVSEM | CLONE_IO | SIGCHLD, 0);
    one("VFORK", CLONE_VFORK | SIGCHLD, 0);
    one("SIGHAND alone", CLONE_SIGHAND | SIGCHLD, 0);
    one("THREAD alone", CLONE_THREAD | SIGCHLD, 0);
    one("PTRACE", CLONE_PTRACE | SIGCHLD, 0);
    one("NEWUSER", CLONE_NEWUSER | SIGCHLD, 0);
    one("NEWUSER NEWPID NEWNS NEWIPC NEWUTS NEWNET", CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNET | SIGCHLD, 0);
    one("NEWUSER VM", CLONE_NEWUSER | CLONE_VM | SIGCHLD, 0);
    sharing("nothing", 0), sharing("FILES", CLONE_FILES), sharing("FS", CLONE_FS), sharing("FILES FS", CLONE_FILES | CLONE_FS);
    sharing("VM", CLONE_VM), sharing("VM SIGHAND", CLONE_VM | CLONE_SIGHAND), sharing("VM VFORK FILES", CLONE_VM | CLONE_VFORK | CLONE_FILES);
    sanitizer();
    third();
    int usual = CLONE_FS | CLONE_FILES | CLONE_SYSVSEM;
    for (int i = 0; i < 3; i++) by_hand("thread", usual | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID);
    by_hand("thread with own files", CLONE_FS | CLONE_SYSVSEM | CLONE_CHILD_CLEARTID);
    by_hand("thread with own fs", CLONE_FILES);
    by_hand("thread with a signal", usual | CLONE_PARENT_SETTID | SIGCHLD);
    by_hand("thread VFORK", usual | CLONE_VFORK | CLONE_PARENT_SETTID);
    by_hand("thread IO DETACHED", usual | CLONE_IO | CLONE_DETACHED | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID);
    by_hand("thread PARENT", usual | CLONE_PARENT | CLONE_PARENT_SETTID);
    int q = syscall(SYS_clone, CLONE_PARENT_SETTID | SIGCHLD, 0, &tid, 0, 0);
    if (!q) _exit(0);
    waitpid(q, &st, 0);
    printf("raw clone %d %x\n", q == tid, st);
    puts("end");
}
