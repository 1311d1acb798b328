/* mprotect and mmap: PROT_EXEC where it is refused (noexec mounts, PR_SET_MDWE), the order of errors. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define P 4096ul
#define PR_SET_MDWE 65
#define PR_GET_MDWE 66
#define PR_MDWE_REFUSE_EXEC_GAIN 1
#define R(x) report(#x, (errno = 0, (long)(x)))
static void report(const char *what, long value)
{
    printf("%-64s %s\n", what, value == -1 ? strerrorname_np(errno) : value == 0 ? "0" : "ok");
}
static char *map(size_t len, int prot)
{
    return mmap(0, len, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void order(void)
{
    char *p = map(3 * P, 3);
    munmap(p + P, P);
    R(mprotect(p + 1, 0, 3));
    R(mprotect(p, 0, 0x7ff00000));
    R(mprotect(p + P, 0, 3));
    R(mprotect(p + P, P, 0x40000000));
    R(mprotect(p, -1ul, 3));
    R(mprotect(p, -P, 3));
    R(mprotect(p, P, PROT_READ | 8));
    R(mprotect(p, P, PROT_READ | PROT_GROWSDOWN | PROT_GROWSUP));
    R(mprotect(p, P, PROT_READ | PROT_GROWSDOWN));
    R(mprotect(p + 2 * P, 2 * P, PROT_READ));
    R(munmap(p + 1, P));
    R(munmap((void *)1, 0));
    R(munmap(p, -1ul));
    R(munmap((void *)(1ul << 50), P));
    R(madvise(p + 1, 0, 12345));
    R(madvise(p + 1, 0, 0));
    R(madvise(p, -1ul, 0));
    R(madvise(p + P, 0, 0));
    R(msync(p + 1, P, MS_ASYNC | MS_SYNC));
    R(msync(p + P, 0, MS_ASYNC));
    R(mlock((void *)-P, P));
    R(munlock(p + P, 0));
    R(mincore(p + 1, P, (void *)8));
    R(mincore(p, P, (void *)8));
    R(mincore(p + P, P, (void *)8));
    R(mremap(p, P, -1ul, MREMAP_MAYMOVE));
    R(mremap(p, P, 1ul << 47, MREMAP_MAYMOVE));
    R(mremap(p, P, 1ul << 46, 0));
    R(mremap(p + 1, P, 0, 99));
    R(mremap(p, 0, P, 0));
    int ro = open("/proc/self/exe", O_RDONLY);
    char *file = mmap(0, P, PROT_READ, MAP_SHARED, ro, 0);
    R(mprotect(file, P, 3));
    R(mprotect(file, P, PROT_READ | PROT_EXEC));
    int wo = open("/dev/null", O_WRONLY);
    R(mmap(0, P, PROT_READ, MAP_PRIVATE, wo, 0));
    int dir = open("/", O_RDONLY), pipes[2];
    pipe(pipes);
    R(mmap(0, P, PROT_READ, MAP_PRIVATE, dir, 0));
    R(mmap(0, P, PROT_READ, MAP_PRIVATE, pipes[0], 0));
}

static void noexec(void)
{
    if (unshare(geteuid() ? CLONE_NEWUSER | CLONE_NEWNS : CLONE_NEWNS)) return (void)puts("no namespaces");
    mount(0, "/", 0, MS_REC | MS_PRIVATE, 0);
    if (mount("none", "/tmp", "tmpfs", MS_NOEXEC, "")) return (void)puts("no mounts");
    int f = open("/tmp/f", O_RDWR | O_CREAT, 0700);
    ftruncate(f, 4 * P);
    char *p = mmap(0, 4 * P, 3, MAP_PRIVATE, f, 0), *s = mmap(0, P, 3, MAP_SHARED, f, 0);
    R(mprotect(p, P, PROT_READ | PROT_EXEC));
    R(mprotect(s, P, PROT_READ | PROT_EXEC));
    R(mmap(0, P, PROT_READ | PROT_EXEC, MAP_PRIVATE, f, 0));
    p[0] = 1;
    printf("still writable %d\n", p[0]);
    char *q = mremap(p, 2 * P, 2 * P, MREMAP_MAYMOVE | MREMAP_FIXED, map(2 * P, 0));
    R(mprotect(q, P, PROT_EXEC));
    R(mprotect(p + 2 * P, P, PROT_EXEC));
    R(mmap(q, P, 3, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
    R(mprotect(q, P, PROT_EXEC));
    R(munmap(p + 2 * P, 2 * P));
    p = mmap(p + 2 * P, P, 3, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    R(mprotect(p, P, PROT_READ | PROT_EXEC));
}

static void mdwe(const char *self)
{
    R(prctl(PR_GET_MDWE, 0, 0, 0, 0));
    R(prctl(PR_GET_MDWE, 1, 0, 0, 0));
    R(prctl(PR_SET_MDWE, 4, 0, 0, 0));
    R(prctl(PR_SET_MDWE, 2, 0, 0, 0));
    R(prctl(PR_SET_MDWE, 1, 1, 0, 0));
    char *code = map(P, PROT_READ | PROT_EXEC), *data = map(P, 3), *both = map(P, 7);
    R(prctl(PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN, 0, 0, 0));
    R(prctl(PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN, 0, 0, 0));
    R(prctl(PR_SET_MDWE, 0, 0, 0, 0));
    R(prctl(PR_SET_MDWE, 3, 0, 0, 0));
    R(prctl(PR_GET_MDWE, 0, 0, 0, 0));
    R(mmap(0, P, 7, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    R(mmap(0, P, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    R(mprotect(data, P, PROT_READ | PROT_EXEC));
    R(mprotect(data, P, 7));
    R(mprotect(code, P, PROT_EXEC));
    R(mprotect(code, P, 7));
    R(mprotect(both, P, PROT_READ | PROT_EXEC));
    R(mprotect(code, P, PROT_READ));
    R(mprotect(code, P, PROT_READ | PROT_EXEC));
    fflush(0);
    pid_t pid = fork();
    if (!pid) {
        printf("child %d\n", prctl(PR_GET_MDWE, 0, 0, 0, 0));
        R(mmap(0, P, 7, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
        fflush(0);
        execl("/proc/self/exe", self, "child", NULL);
        _exit(9);
    }
    waitpid(pid, 0, 0);
}
static void mdwe_alone(const char *self)
{
    R(prctl(PR_SET_MDWE, 3, 0, 0, 0));
    R(mmap(0, P, 7, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    fflush(0);
    pid_t pid = fork();
    if (!pid) {
        printf("child %d\n", prctl(PR_GET_MDWE, 0, 0, 0, 0));
        exit(0);
    }
    waitpid(pid, 0, 0);
    execl("/proc/self/exe", self, "child", NULL);
}

int main(int argc, char **argv)
{
    if (argc > 1) {
        printf("executed %d\n", prctl(PR_GET_MDWE, 0, 0, 0, 0));
        R(mmap(0, P, 7, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
        return 0;
    }
    order();
    for (int n = 0; n < 3; n++) {
        fflush(0);
        pid_t pid = fork();
        if (!pid) {
            if (n == 0) noexec();
            if (n == 1) mdwe(argv[0]);
            if (n == 2) mdwe_alone(argv[0]);
            exit(0);
        }
        int st;
        waitpid(pid, &st, 0);
        printf("status %x\n", st);
    }
    return 0;
}
