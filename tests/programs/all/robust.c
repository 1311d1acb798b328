/* Robust mutexes, thread ends, thread-directed signals, clone in all its forms. */
#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static pthread_mutex_t *mutex;
static pthread_barrier_t barrier;
static __thread int mine = 5;
static volatile int hit_tid, tls_seen;

static void *holder(void *p)
{
    pthread_mutex_lock(mutex);
    if (p) pthread_barrier_wait(&barrier), usleep(20000);
    return 0;
}
static void *waiter(void *p)
{
    (void)p;
    pthread_barrier_wait(&barrier);
    int r = pthread_mutex_lock(mutex);
    if (r == EOWNERDEAD) pthread_mutex_consistent(mutex);
    pthread_mutex_unlock(mutex);
    return (void *)(intptr_t)r;
}
static void on(int s) { hit_tid = syscall(SYS_gettid); tls_seen = mine; (void)s; }
static void *target(void *p)
{
    mine = 77;
    *(volatile pid_t *)p = syscall(SYS_gettid);
    pthread_barrier_wait(&barrier);
    while (!hit_tid) usleep(100);
    return 0;
}
static void *deep(void *p)
{
    volatile char room[300000];
    for (int i = 0; i < 300000; i += 1000) room[i] = 1;
    (void)p;
    return (void *)(intptr_t)room[1000];
}
static void *child_thread(void *p) { usleep(30000); printf("thread outlives main\n"); exit(*(int *)p); }
static int vm_child(void *p) { *(volatile int *)p = getpid() == getppid() ? 1 : 2; return 6; }
static void *churn(void *p) { (void)p; return 0; }

int main(void)
{
    setvbuf(stdout, 0, _IONBF, 0);
    mutex = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pthread_mutexattr_t ma;
    pthread_mutexattr_init(&ma);
    pthread_mutexattr_setrobust(&ma, PTHREAD_MUTEX_ROBUST);
    pthread_mutexattr_setpshared(&ma, PTHREAD_PROCESS_SHARED);
    pthread_mutex_init(mutex, &ma);
    pthread_t t, u;
    void *r;
    pthread_create(&t, 0, holder, 0);
    pthread_join(t, 0);
    int e = pthread_mutex_lock(mutex);
    printf("thread died: %s\n", e == EOWNERDEAD ? "EOWNERDEAD" : strerror(e));
    pthread_mutex_consistent(mutex), pthread_mutex_unlock(mutex);
    pthread_barrier_init(&barrier, 0, 2);
    pthread_create(&t, 0, holder, mutex);
    pthread_create(&u, 0, waiter, 0);
    pthread_join(t, 0), pthread_join(u, &r);
    printf("waiter: %s\n", (intptr_t)r == EOWNERDEAD ? "EOWNERDEAD" : strerror((intptr_t)r));
    pid_t p = fork();
    if (!p) { pthread_mutex_lock(mutex); kill(getpid(), SIGKILL); }
    waitpid(p, 0, 0);
    e = pthread_mutex_lock(mutex);
    printf("process killed: %s\n", e == EOWNERDEAD ? "EOWNERDEAD" : strerror(e));
    pthread_mutex_consistent(mutex), pthread_mutex_unlock(mutex);
    p = fork();
    if (!p) { pthread_mutex_lock(mutex); _exit(0); }
    waitpid(p, 0, 0);
    e = pthread_mutex_lock(mutex);
    printf("process exited: %s\n", e == EOWNERDEAD ? "EOWNERDEAD" : strerror(e));
    pthread_mutex_unlock(mutex);
    e = pthread_mutex_lock(mutex);
    printf("not made consistent: %s\n", e == ENOTRECOVERABLE ? "ENOTRECOVERABLE" : strerror(e));

    volatile pid_t tid = 0;
    signal(SIGUSR1, on);
    pthread_create(&t, 0, target, (void *)&tid);
    pthread_barrier_wait(&barrier);
    pthread_kill(t, SIGUSR1);
    pthread_join(t, 0);
    printf("directed %d tls %d mine %d\n", hit_tid == tid && tid != getpid(), tls_seen, mine);
    pthread_attr_t at;
    pthread_attr_init(&at), pthread_attr_setstacksize(&at, 512 << 10);
    pthread_create(&t, &at, deep, 0);
    pthread_join(t, &r);
    printf("deep %d\n", (int)(intptr_t)r);

    struct rusage before, after;
    getrusage(RUSAGE_SELF, &before);
    for (int i = 0; i < 500; i++) pthread_create(&t, 0, churn, 0), pthread_join(t, 0);
    for (int i = 0; i < 500; i++) {
        pthread_attr_setdetachstate(&at, PTHREAD_CREATE_DETACHED);
        while (pthread_create(&t, &at, churn, 0)) usleep(100);
    }
    getrusage(RUSAGE_SELF, &after);
    printf("leak %d\n", after.ru_maxrss - before.ru_maxrss > 60000);

    char *stack = mmap(0, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    volatile int shared = 0;
    int st;
    p = clone(vm_child, stack + 65536, CLONE_VM | SIGCHLD, (void *)&shared);
    waitpid(p, &st, 0);
    printf("clone VM %d exit %d\n", shared, WEXITSTATUS(st));
    shared = 0;
    p = clone(vm_child, stack + 65536, CLONE_VM | CLONE_VFORK | SIGCHLD, (void *)&shared);
    printf("clone VFORK %d", shared), waitpid(p, &st, 0), printf(" exit %d\n", WEXITSTATUS(st));
    shared = 0;
    signal(SIGUSR2, SIG_IGN);
    p = clone(vm_child, stack + 65536, SIGUSR2, (void *)&shared);
    e = waitpid(p, &st, 0);
    printf("other exit signal %d", e), e = waitpid(p, &st, __WCLONE), printf(" %d exit %d copy %d\n", e == p, WEXITSTATUS(st), shared);
    struct { uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, size, tls; } ca = {0};
    int pidfd = -1, ptid = 0;
    ca.flags = CLONE_PARENT_SETTID | 0x1000, ca.pidfd = (uintptr_t)&pidfd, ca.parent_tid = (uintptr_t)&ptid;
    ca.exit_signal = SIGCHLD;
    p = syscall(435, &ca, sizeof ca);
    if (!p) _exit(11);
    waitpid(p, &st, 0);
    printf("clone3 exit %d pidfd %d tid %d\n", WEXITSTATUS(st), pidfd > 2, ptid == p);
    close(pidfd);
    ca.flags = 0xff, ca.pidfd = ca.parent_tid = 0;
    printf("clone3 bad %ld", syscall(435, &ca, sizeof ca)), printf(" %s\n", strerror(errno));
    printf("clone3 small %ld", syscall(435, &ca, 8)), printf(" %s\n", strerror(errno));
    printf("clone thread alone %ld", syscall(SYS_clone, CLONE_THREAD | SIGCHLD, 0, 0, 0, 0)), printf(" %s\n", strerror(errno));
    p = fork();
    if (!p) {
        if (unshare(CLONE_NEWUSER)) _exit(errno == EPERM || errno == ENOSPC ? 0 : errno);
        _exit(0);
    }
    waitpid(p, &st, 0);
    printf("unshare user %d\n", WEXITSTATUS(st));
    char name[16] = "", comm[32] = "";
    prctl(PR_SET_NAME, "renamed"), prctl(PR_GET_NAME, name);
    FILE *f = fopen("/proc/self/comm", "r");
    printf("name %s %s", name, fgets(comm, sizeof comm, f));
    fclose(f);
    int code = 21;
    p = fork();
    if (!p) {
        pthread_create(&t, 0, child_thread, &code);
        pthread_exit(0);
    }
    waitpid(p, &st, 0);
    printf("exit from a thread %d\n", WEXITSTATUS(st));
    return 0;
}
