/* mmap, mremap, mprotect, brk, stack, shm, /proc/self and execve: errors and what is left. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#define R(x) report(#x, (errno = 0, (long)(x)))
static void report(const char *what, long value)
{
    const char *result = value == -1 ? strerrorname_np(errno) : value == 0 ? "0" : "ok";
    printf("%-60s %s\n", what, result);
}
static sigjmp_buf jb;
static volatile int code;
static void *volatile addr;
static void h(int s, siginfo_t *i, void *u) {
    code = s * 100 + i->si_code;
    addr = i->si_addr;
    siglongjmp(jb, 1);
}
static int probe(volatile char *p, int w) {
    code = 0;
    if (!sigsetjmp(jb, 1)) {
        if (w) *p = 1;
        else (void)*p;
    }
    return code;
}
static int lines(const char *f, const char *what, int show) {
    FILE *fp = fopen(f, "r");
    char l[512];
    int n = 0;
    if (!fp) {
        printf("no %s\n", f);
        return -1;
    }
    while (fgets(l, sizeof l, fp)) if (strstr(l, what)) {
        n++;
        if (show) {
            unsigned long a, b;
            char p[8];
            sscanf(l, "%lx-%lx %7s", &a, &b, p);
            printf("  %s %s %lu pages\n", what, p, (b - a) / 4096);
        }
    }
    fclose(fp);
    return n;
}
static char *perm(void *a) {
    static char ring[4][8];
    static int at;
    char *p = ring[at++ % 4];
    FILE *fp = fopen("/proc/self/maps", "r");
    char l[512];
    strcpy(p, "none");
    while (fgets(l, sizeof l, fp)) {
        unsigned long s, e;
        char q[8];
        if (sscanf(l, "%lx-%lx %7s", &s, &e, q) == 3 && s <= (unsigned long)a && (unsigned long)a < e) strcpy(p, q);
    }
    fclose(fp);
    return p;
}
static int deep(int n) {
    volatile char b[4096];
    b[0] = n;
    return n ? deep(n - 1) + b[0] : 0;
}
int main(int argc, char **argv) {
    setvbuf(stdout, 0, _IONBF, 0);
    if (argc > 1 && !strcmp(argv[1], "child")) {
        printf("child argv0=%s n=%d\n", argv[0], argc);
        char b[256];
        ssize_t n = readlink("/proc/self/exe", b, 255);
        b[n < 0 ? 0 : n] = 0;
        char *s = strrchr(b, '/');
        printf("exe %d\n", s && strstr(s, argv[2]) != 0);
        return 7;
    }
    char *base = strrchr(argv[0], '/') ? strrchr(argv[0], '/') + 1 : argv[0];
    struct sigaction sa = {.sa_sigaction = h, .sa_flags = SA_SIGINFO};
    sigaction(SIGSEGV, &sa, 0);
    sigaction(SIGBUS, &sa, 0);
    size_t P = 4096;
    char *p = mmap(0, 8 * P, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    R(mmap(0, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    R(mmap(0, P, PROT_READ, MAP_PRIVATE, -1, 0));
    R(mmap(0, P, PROT_READ, MAP_ANONYMOUS, -1, 0));
    R(mmap((void *)1, P, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
    R(mmap(p, P, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0));
    R(mmap((void *)(-P), P, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
    R(munmap(p + 1, P));
    R(munmap(p, 0));
    R(munmap(p + P, P));
    R(munmap(p + P, P));
    R(munmap((void*)(-P), P));
    printf("hole %d\n", probe(p + P, 0));
    printf("at %d\n", addr == p + P);
    R(mprotect(p, 3 * P, PROT_READ));
    printf("first %d second-half %d\n", probe(p, 1), probe(p + 2 * P, 1));
    R(mprotect(p + 1, P, PROT_READ));
    R(mprotect(p + 2 * P, 0, PROT_READ));
    R(mprotect(p, P, 0x40000000));
    R(mmap(p + P, P, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
    printf("hole filled %d\n", probe(p + P, 1));
    R(mprotect(p, P, PROT_NONE));
    printf("none %d\n", probe(p, 0));
    R(mprotect(p, P, PROT_READ | PROT_WRITE | PROT_EXEC));
    printf("rwx %s\n", perm(p));
    R(mprotect(p, P, PROT_READ | PROT_EXEC));
    printf("rx %s next %s\n", perm(p), perm(p + P));
    char *q = mremap(p + 2 * P, 2 * P, 64 * P, 0);
    printf("grow in place %s\n", q == MAP_FAILED ? strerrorname_np(errno) : "ok");
    q = mremap(p + 3 * P, P, 32 * P, MREMAP_MAYMOVE);
    printf("move %d old %d new %d\n", q != MAP_FAILED, probe(p + 3 * P, 0), probe(q + 31 * P, 1));
    R(mremap(q, 32 * P, P, 0));
    printf("shrunk %d %d\n", probe(q, 1), probe(q + P, 1));
    R(mremap(q + 1, P, P, 0));
    R(mremap(q, P, 0, 0));
    R(mremap(q, P, P, 8));
    R(mremap(q, P, P, MREMAP_FIXED, p));
    R(mremap(q, P, P, MREMAP_MAYMOVE | MREMAP_FIXED, p + 3 * P));
    printf("fixed %d %d\n", probe(p + 3 * P, 1), probe(q, 1));
    R(mremap((void *)0x50000000, P, P, 0));
    int fd = memfd_create("x", 0);
    R(ftruncate(fd, P));
    char *f = mmap(0, 2 * P, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    printf("file %d beyond %d\n", probe(f, 1), probe(f + P, 0));
    R(mmap(0, P, PROT_READ, MAP_SHARED, fd, 100));
    int ro = open("/proc/self/exe", O_RDONLY);
    R(mmap(0, P, PROT_WRITE, MAP_SHARED, ro, 0));
    char m[5] = {0};
    R(read(ro, m, 4));
    printf("elf %d\n", !memcmp(m, "\177ELF", 4));
    struct stat s1, s2;
    R(fstat(ro, &s1));
    R(stat(argv[0], &s2));
    printf("same inode %d\n", s1.st_ino == s2.st_ino);
    R(stat("/proc/self/exe", &s1));
    printf("same inode %d\n", s1.st_ino == s2.st_ino);
    R(lstat("/proc/self/exe", &s1));
    printf("link %d\n", S_ISLNK(s1.st_mode));
    R(madvise(p + 4 * P, P, MADV_DONTNEED));
    R(madvise(p + 1, P, MADV_DONTNEED));
    R(madvise(p, P, 12345));
    R(msync(f, P, MS_SYNC));
    unsigned char v[8];
    R(mincore(p, 2 * P, v));
    R(mlock(p, P));
    R(munlock(p, P));
    R(munmap(p, 8 * P));
    R(madvise(p, P, MADV_DONTNEED));
    R(mincore(p, P, v));
    R(msync(p, P, MS_ASYNC));
    R(mprotect(p, P, PROT_READ));
    char *b = sbrk(0);
    R(brk(b + 100 * P));
    memset(b, 1, 100 * P);
    R(brk(b));
    printf("brk freed %d\n", probe(b + 50 * P, 0) / 100);
    R(brk(b + 10 * P));
    printf("zeroed %d\n", b[5 * P]);
    printf("heap lines %d stack lines %d vdso lines %d\n", lines("/proc/self/maps", "[heap]", 0) > 0, lines("/proc/self/maps", "[stack]", 0), lines("/proc/self/maps", "[vdso]", 0));
    printf("stack perm %s code perm %s\n", perm(&argc), perm(main));
    printf("deep %d\n", deep(1000) != 0 || 1);
    struct rlimit rl;
    getrlimit(RLIMIT_STACK, &rl);
    printf("stack limit %ld MiB\n", (long)(rl.rlim_cur >> 20));
    rl.rlim_cur = 64 << 20;
    R(setrlimit(RLIMIT_STACK, &rl));
    printf("deeper %d\n", deep(12000) != 0 || 1);
    stack_t ss = {.ss_sp = malloc(65536), .ss_size = 65536};
    sigaltstack(&ss, 0);
    sa.sa_flags |= SA_ONSTACK;
    sigaction(SIGSEGV, &sa, 0);
    code = 0;
    if (!sigsetjmp(jb, 1)) deep(30000);
    printf("overflow %d\n", code / 100);
    int id = shmget(IPC_PRIVATE, 3 * P, 0600 | IPC_CREAT);
    char *sh = shmat(id, 0, 0);
    printf("shm %d\n", probe(sh + 2 * P, 1));
    char *sh2 = shmat(id, 0, SHM_RDONLY);
    printf("shm2 %d %d %d\n", sh2[2 * P], probe(sh2, 1) / 100, probe(sh2, 0));
    R(shmdt(sh));
    printf("gone %d\n", probe(sh, 0));
    R(shmdt(sh));
    R(shmdt(sh2));
    R(shmctl(id, IPC_RMID, 0));
    R(shmat(id, 0, 0));
    char cl[4096];
    int c = open("/proc/self/cmdline", O_RDONLY);
    int n = read(c, cl, sizeof cl);
    printf("cmdline ok %d\n", n == (int)strlen(argv[0]) + 1 && !strcmp(cl, argv[0]));
    close(c);
    c = open("/proc/self/auxv", O_RDONLY);
    unsigned long av[128];
    n = read(c, av, sizeof av) / 16;
    int match = 0;
    for (int i = 0; i < n; i++) if (av[2 * i] == AT_RANDOM) match = av[2 * i + 1] == getauxval(AT_RANDOM);
    printf("auxv %d\n", match);
    close(c);
    int dfd = open("/proc/self", O_RDONLY | O_DIRECTORY);
    c = openat(dfd, "maps", O_RDONLY);
    n = read(c, cl, 1);
    printf("openat maps %d\n", n);
    char lk[512];
    n = readlinkat(dfd, "exe", lk, 511);
    lk[n] = 0;
    printf("readlinkat exe %d\n", strstr(lk, base) != 0);
    symlink("/proc/self/maps", "/tmp/lnk-maps");
    printf("via symlink: main is shown %s\n", lines("/tmp/lnk-maps", "r-xp", 0) > 0 ? "yes" : "no");
    unlink("/tmp/lnk-maps");
    printf("host hidden %d\n", lines("/proc/thread-self/maps", "/anyarch\n", 0) + lines("/proc/self/maps", "memfd:", 0));
    R(prctl(PR_SET_NAME, "newname"));
    FILE *cf = fopen("/proc/self/comm", "r");
    fgets(cl, 100, cf);
    printf("comm %s", cl);
    fclose(cf);
    pid_t pid = fork();
    if (!pid) {
        execl("/proc/self/exe", "zero", "child", base, NULL);
        _exit(99);
    }
    int st;
    waitpid(pid, &st, 0);
    printf("status %d\n", WEXITSTATUS(st));
    pid = vfork();
    if (!pid) {
        int e = open(argv[0], O_RDONLY);
        char *a[] = {"byfd", "child", base, 0};
        char *ev[] = {0};
        fexecve(e, a, ev);
        _exit(98);
    }
    waitpid(pid, &st, 0);
    printf("status %d\n", WEXITSTATUS(st));
    R(execl("/nonexistent", "x", NULL));
    R(execl("/tmp", "x", NULL));
    R(execl("/etc/passwd", "x", NULL));
    R(execve(argv[0], (char *const *)8, 0));
    char big[200000];
    memset(big, 'a', sizeof big - 1);
    big[sizeof big - 1] = 0;
    R(execl(argv[0], "x", big, NULL));
    char tmp[] = "/tmp/maps-XXXXXX";
    int t = mkstemp(tmp);
    R(write(t, "\177ELF", 4));
    fchmod(t, 0755);
    R(execl(tmp, "x", NULL));
    close(t);
    R(execl(tmp, "x", NULL));
    t = open(tmp, O_WRONLY | O_TRUNC);
    R(dprintf(t, "#!/nonexistent/interp\n"));
    close(t);
    R(execl(tmp, "x", NULL));
    t = open(tmp, O_WRONLY | O_TRUNC);
    dprintf(t, "#!%s\n", tmp);
    close(t);
    R(execl(tmp, "x", NULL));
    unlink(tmp);
    return 0;
}
