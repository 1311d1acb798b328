/* Resource limits: of memory as Linux counts it, of locked memory, files, descriptors, processes and
 * stacks; what children and other processes see of them. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define P 4096ul
#define MiB (1ul << 20)
#define R(x) report(#x, (errno = 0, (long)(x)))
static void report(const char *what, long value)
{
    printf("%-64s %s\n", what, value == -1 ? strerrorname_np(errno) : value == 0 ? "0" : "ok");
}
static char *map(size_t len, int prot)
{
    return mmap(0, len, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}
static int limit(int which, unsigned long soft)
{
    struct rlimit l;
    getrlimit(which, &l);
    l.rlim_cur = soft;
    return setrlimit(which, &l);
}
static unsigned long pages(int field)
{
    unsigned long n[7] = {0};
    FILE *f = fopen("/proc/self/statm", "r");
    fscanf(f, "%lu %lu %lu %lu %lu %lu %lu", n, n + 1, n + 2, n + 3, n + 4, n + 5, n + 6);
    fclose(f);
    return n[field];
}
static unsigned long status(const char *name)
{
    char line[256];
    unsigned long kib = 0;
    FILE *f = fopen("/proc/self/status", "r");
    while (fgets(line, sizeof line, f))
        if (!strncmp(line, name, strlen(name))) sscanf(line + strlen(name), " %lu", &kib);
    fclose(f);
    return kib;
}
static void shown(const char *path, const char *name)
{
    char line[256];
    FILE *f = fopen(path, "r");
    while (f && fgets(line, sizeof line, f)) if (!strncmp(line, name, strlen(name))) fputs(line, stdout);
    if (f) fclose(f);
}
/* Runs f in a child, so that its limits end with it. */
static void apart(const char *name, void (*f)(void))
{
    int st = 0;
    fflush(0);
    pid_t pid = fork();
    if (!pid) {
        printf("- %s\n", name);
        f();
        fflush(0);
        _exit(0);
    }
    waitpid(pid, &st, 0);
    if (st) printf("%s: status %x\n", name, st);
}

static void address_space(void)
{
    unsigned long now = pages(0) * P;
    printf("small %d as in status %d\n", now < 16 * MiB, status("VmSize:") == now / 1024);
    char *before = map(4 * MiB, PROT_NONE);
    printf("counted %d\n", pages(0) * P == now + 4 * MiB);
    R(limit(RLIMIT_AS, now + 20 * MiB));
    printf("200 MiB %d 15 MiB %d\n", map(200 * MiB, 0) == MAP_FAILED, map(15 * MiB, 0) != MAP_FAILED);
    printf("2 MiB %d\n", map(2 * MiB, PROT_READ) == MAP_FAILED);
    R(mremap(before, 4 * MiB, 8 * MiB, MREMAP_MAYMOVE));
    R(mremap(before, 4 * MiB, 4 * MiB, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, 0));
    printf("replaced %d\n", mmap(before, 4 * MiB, 3, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == before);
    R(sbrk(8 * MiB));
    int id = shmget(IPC_PRIVATE, 4 * MiB, 0600);
    R(shmat(id, 0, 0));
    shmctl(id, IPC_RMID, 0);
    R(munmap(before, 4 * MiB));
    printf("2 MiB %d\n", map(2 * MiB, PROT_READ) != MAP_FAILED);
    R(limit(RLIMIT_AS, 0));
    printf("a page %d\n", map(P, 0) == MAP_FAILED);
    R(limit(RLIMIT_AS, RLIM_INFINITY));
    printf("a page %d\n", map(P, 0) != MAP_FAILED);
}

static void data(void)
{
    unsigned long now = status("VmData:") * 1024;
    char *ro = map(8 * MiB, PROT_READ), *rw = map(MiB, 3);
    printf("counted %d\n", status("VmData:") * 1024 == now + MiB);
    R(limit(RLIMIT_DATA, now + 4 * MiB));
    printf("4 MiB %d 2 MiB %d\n", map(4 * MiB, 3) == MAP_FAILED, map(2 * MiB, 3) != MAP_FAILED);
    printf("read-only %d shared %d\n", map(9 * MiB, PROT_READ) != MAP_FAILED,
        mmap(0, 9 * MiB, 3, MAP_SHARED | MAP_ANONYMOUS, -1, 0) != MAP_FAILED);
    R(mprotect(ro, 8 * MiB, 3));
    R(mprotect(ro, P, 3));
    R(mremap(rw, MiB, 8 * MiB, MREMAP_MAYMOVE));
    R(limit(RLIMIT_DATA, 0));
    char *end = sbrk(0);
    R(brk(end + 2 * P));
    R(brk(end));
    R(brk(end - P));
    R(limit(RLIMIT_DATA, RLIM_INFINITY));
    R(brk(end + 2 * P));
}

static void heap(void)
{
    char *end = (char *)(((uintptr_t)sbrk(0) + P - 1) & ~(P - 1));
    brk(end);
    printf("wall %d\n", mmap(end + 4 * P, P, 0, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) == end + 4 * P);
    R(brk(end + 2 * P));
    R(brk(end + 5 * P));
    R(brk((void *)-1));
    printf("kept %d\n", sbrk(0) == end + 2 * P);
    R(munmap(end, P));
    R(brk(end - P));
    R(brk(end + P));
}

static void inherited(void)
{
    struct rlimit l, set = {64 * MiB, 128 * MiB};
    R(setrlimit(RLIMIT_AS, &set));
    set = (struct rlimit){32 * MiB, RLIM_INFINITY};
    R(setrlimit(RLIMIT_DATA, &set));
    shown("/proc/self/limits", "Max address");
    shown("/proc/self/limits", "Max data");
    fflush(0);
    pid_t pid = fork();
    if (!pid) {
        execl("/proc/self/exe", "limits", "child", NULL);
        _exit(99);
    }
    waitpid(pid, 0, 0);
    int go[2];
    pipe(go);
    pid = fork();
    if (!pid) {
        char c;
        read(go[0], &c, 1);
        printf("child: 16 MiB %d\n", map(16 * MiB, 0) == MAP_FAILED);
        getrlimit(RLIMIT_AS, &l);
        printf("child: %lu %lu\n", (long)l.rlim_cur, (long)l.rlim_max);
        exit(0);
    }
    R(prlimit(pid, RLIMIT_AS, 0, &l));
    printf("of the child: %lu %lu\n", (long)l.rlim_cur, (long)l.rlim_max);
    l.rlim_cur = 2 * MiB;
    R(prlimit(pid, RLIMIT_AS, &l, 0));
    char path[64];
    sprintf(path, "/proc/%d/limits", pid);
    shown(path, "Max address");
    fflush(0);
    write(go[1], "x", 1);
    waitpid(pid, 0, 0);
    l.rlim_cur = l.rlim_max + 1;
    R(prlimit(0, RLIMIT_AS, &l, 0));
    R(prlimit(0, RLIMIT_AS, 0, 0));
    R(prlimit(0, 99, 0, &l));
    R(prlimit(0, RLIMIT_AS, (void *)8, 0));
    R(prlimit(1 << 30, RLIMIT_AS, 0, &l));
}

static void *nothing(void *p) { return p; }
static void locked(void)
{
    struct rlimit l = {8 * MiB, 8 * MiB};
    setrlimit(RLIMIT_MEMLOCK, &l);
    if (!getuid()) setresgid(65534, 65534, 65534), setresuid(65534, 65534, 65534);
    R(mlockall(0));
    R(mlockall(MCL_ONFAULT));
    R(mlockall(8));
    R(mlockall(MCL_FUTURE));
    char *p = map(200 * 1024, 3);
    printf("200 KiB %d locked %lu KiB\n", p != MAP_FAILED, status("VmLck:"));
    printf("64 MiB %d\n", map(64 * MiB, 3) == MAP_FAILED && errno == EAGAIN);
    R(sbrk(16 * MiB));
    fflush(0);
    pid_t pid = fork();
    if (!pid) {
        printf("child: locked %lu KiB, 64 MiB %d\n", status("VmLck:"), map(64 * MiB, 3) != MAP_FAILED);
        fflush(0);
        execl("/proc/self/exe", "limits", "nothing", NULL);
        _exit(99);
    }
    int st;
    waitpid(pid, &st, 0);
    printf("status %x\n", st);
    pthread_t t;
    pthread_attr_t a;
    pthread_attr_init(&a);
    pthread_attr_setstacksize(&a, 256 * 1024);
    int error = pthread_create(&t, &a, nothing, 0);
    printf("thread %d\n", error);
    if (!error) pthread_join(t, 0);
    munlockall();
    printf("locked %lu KiB\n", status("VmLck:"));
    R(mlockall(MCL_CURRENT));
    printf("locked much %d\n", status("VmLck:") > 400);
    munlockall();
    R(mlockall(MCL_FUTURE | MCL_ONFAULT));
    p = map(MiB, 3);
    unsigned char v[1];
    mincore(p, P, v);
    printf("on fault %d locked %lu KiB\n", v[0] & 1, status("VmLck:"));
    printf("64 MiB %d\n", map(64 * MiB, 3) == MAP_FAILED && errno == EAGAIN);
    munlockall();
    p = map(64 * MiB, 0);
    R(mlockall(MCL_CURRENT));
    R(mlock(p, 9 * MiB));
    l.rlim_cur = 0;
    setrlimit(RLIMIT_MEMLOCK, &l);
    R(mlockall(MCL_FUTURE));
}

static void file_size(void)
{
    signal(SIGXFSZ, SIG_IGN);
    struct rlimit l = {1000 * 1024, 1000 * 1024};
    R(setrlimit(RLIMIT_FSIZE, &l));
    fflush(0);
    int st;
    pid_t pid = fork();
    if (!pid) {
        execl("/proc/self/exe", "limits", "nothing", NULL);
        _exit(99);
    }
    waitpid(pid, &st, 0);
    printf("status %x\n", st);
    l.rlim_cur = 0;
    R(setrlimit(RLIMIT_FSIZE, &l));
    char b[4];
    int f = open("/proc/self/maps", O_RDONLY);
    printf("maps %zd\n", read(f, b, 4));
    f = memfd_create("x", 0);
    R(write(f, b, 4));
    R(ftruncate(f, 1));
}

static void descriptors(void)
{
    struct rlimit l = {64, 256};
    R(setrlimit(RLIMIT_NOFILE, &l));
    int n = 0, last = 0, fd;
    while ((fd = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0) n++, last = fd;
    printf("opened up to %d, %s\n", last, strerrorname_np(errno));
    int st;
    pid_t pid = fork();
    if (!pid) {
        execl("/proc/self/exe", "limits", "nothing", NULL);
        printf("exec: %s\n", strerrorname_np(errno));
        exit(99);
    }
    waitpid(pid, &st, 0);
    printf("status %x\n", st);
    getrlimit(RLIMIT_NOFILE, &l);
    printf("limit %d\n", (int)l.rlim_cur);
    char *shell[] = {"sh", "-c", "true", 0};
    pid = fork();
    if (!pid) {
        dup2(last, 63);
        _exit(0);
    }
    waitpid(pid, &st, 0);
    printf("status %x\n", st);
}

static int deep(int n)
{
    volatile char b[4096];
    b[0] = n;
    return n ? deep(n - 1) + b[0] : 0;
}
static void stacks(void)
{
    struct rlimit l = {256 * 1024, RLIM_INFINITY};
    R(setrlimit(RLIMIT_STACK, &l));
    int st;
    fflush(0);
    pid_t pid = fork();
    if (!pid) {
        execl("/proc/self/exe", "limits", "stack", NULL);
        _exit(99);
    }
    waitpid(pid, &st, 0);
    printf("status %x\n", st);
    char *big = malloc(160 * 1024), *args[] = {"limits", "nothing", 0, 0};
    memset(big, 'x', 160 * 1024);
    big[120 * 1024] = 0;
    args[2] = big;
    pid = fork();
    if (!pid) {
        args[1] = big;
        execv("/proc/self/exe", args);
        printf("exec: %s\n", strerrorname_np(errno));
        exit(98);
    }
    waitpid(pid, &st, 0);
    printf("status %x\n", st);
}

static void processes(void)
{
    if (!getuid()) setresgid(65533, 65533, 65533), setresuid(65533, 65533, 65533);
    R(limit(RLIMIT_NPROC, 4));
    int n = 0;
    pid_t pids[8], pid;
    while (n < 8 && (pid = fork()) > 0) pids[n++] = pid;
    if (!pid) {
        pause();
        _exit(0);
    }
    printf("%d children, %s\n", n, strerrorname_np(errno));
    for (int i = 0; i < n; i++) kill(pids[i], SIGKILL), waitpid(pids[i], 0, 0);
    pthread_t t[8];
    int error = 0;
    n = 0;
    while (n < 8 && !(error = pthread_create(&t[n], 0, (void *(*)(void *))pause, 0))) n++;
    printf("%d threads, %s\n", n, strerrorname_np(error));
}

/* A program of the host's own, where this one is emulated. */
static void by_host_programs(void)
{
    limit(RLIMIT_AS, 1000 * MiB);
    limit(RLIMIT_DATA, 500 * MiB);
    R(execl("/nonexistent", "nonexistent", (char *)0));
    R(map(1100 * MiB, PROT_READ) == MAP_FAILED);
    /* And of a script, whose interpreter is such a program. */
    char path[64];
    sprintf(path, "/tmp/limits-%d.sh", getpid());
    FILE *script = fopen(path, "w");
    fputs("#!/bin/sh\nulimit -v; ulimit -d\n", script);
    fclose(script);
    chmod(path, 0700);
    fflush(0);
    if (!fork()) execl(path, path, (char *)0);
    wait(0);
    unlink(path);
    execl("/bin/sh", "sh", "-c", "ulimit -v; ulimit -d", (char *)0);
}

int main(int argc, char **argv)
{
    setvbuf(stdout, 0, _IOLBF, 0);
    if (argc > 1 && !strcmp(argv[1], "nothing")) return 0;
    if (argc > 1 && !strcmp(argv[1], "child")) {
        struct rlimit l;
        getrlimit(RLIMIT_AS, &l);
        printf("executed: %lu %lu\n", (long)l.rlim_cur, (long)l.rlim_max);
        printf("64 MiB %d 32 MiB %d\n", map(64 * MiB, 0) == MAP_FAILED, map(32 * MiB, 3) == MAP_FAILED);
        shown("/proc/self/limits", "Max address");
        return 0;
    }
    if (argc > 1 && !strcmp(argv[1], "stack")) {
        printf("deep %d\n", deep(20) != 0 || 1);
        fflush(0);
        pid_t pid = fork();
        int st;
        if (!pid) _exit(deep(200));
        waitpid(pid, &st, 0);
        printf("deeper %x\n", WTERMSIG(st));
        return 0;
    }
    if (argc > 2) return 0;
    apart("address space", address_space);
    apart("data", data);
    apart("heap", heap);
    apart("inherited", inherited);
    apart("inherited by the host's programs", by_host_programs);
    apart("locked", locked);
    apart("file size", file_size);
    apart("descriptors", descriptors);
    apart("stacks", stacks);
    apart("processes", processes);
    return 0;
}
