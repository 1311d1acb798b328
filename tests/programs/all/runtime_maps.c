/* What runtimes, allocators, databases and checkpointers do with their memory map. */
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define RW (PROT_READ | PROT_WRITE)
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)
#define P 4096ul

static sigjmp_buf back;
static volatile int signal_seen, code_seen;
static void *volatile address_seen;

static void on_fault(int s, siginfo_t *i, void *c)
{
    signal_seen = s, code_seen = i->si_code, address_seen = i->si_addr;
    siglongjmp(back, 1);
}

/* The signal that an access raises, or 0. */
static int fault(volatile char *at, int write)
{
    signal_seen = 0;
    if (!sigsetjmp(back, 1)) {
        if (write) *at = 1; else (void)*at;
        return 0;
    }
    return signal_seen * 100 + code_seen + (address_seen == at ? 0 : 50);
}

/* The protection that maps tells of an address. */
static const char *protection(void *at)
{
    static char text[8];
    char line[512];
    FILE *f = fopen("/proc/self/maps", "r");
    unsigned long start, end;
    strcpy(text, "none");
    while (fgets(line, sizeof line, f)) {
        char perms[8];
        sscanf(line, "%lx-%lx %7s", &start, &end, perms);
        if (start <= (unsigned long)at && (unsigned long)at < end) strcpy(text, perms);
    }
    fclose(f);
    return text;
}

static void reservation(void)
{
    size_t len = 64ul << 30;
    char *r = mmap(0, len, PROT_NONE, ANON | MAP_NORESERVE, -1, 0);
    printf("reserve %d", r != MAP_FAILED);
    printf(" commit %d", mprotect(r + (1ul << 30), 16 * P, RW));
    memset(r + (1ul << 30), 7, 16 * P);
    printf(" %s", protection(r));
    printf(" %s", protection(r + (1ul << 30)));
    void *m = mmap(r + (1ul << 30) + 4 * P, 4 * P, PROT_NONE, ANON | MAP_FIXED | MAP_NORESERVE, -1, 0);
    printf(" decommit %d fault %d left %d", m != MAP_FAILED, fault(r + (1ul << 30) + 4 * P, 0), r[(1ul << 30)]);
    m = mmap(r + P, P, RW, ANON | MAP_FIXED_NOREPLACE, -1, 0);
    printf(" noreplace %d", m == MAP_FAILED ? errno : 0);
    printf(" unmap middle %d", munmap(r + (2ul << 30), 1ul << 30));
    m = mmap(r + (2ul << 30), P, RW, ANON | MAP_FIXED_NOREPLACE, -1, 0);
    printf(" back %d\n", m == r + (2ul << 30));
    munmap(r, len);
    char *hint = (char *)0xc000000000ul;
    m = mmap(hint, 64 << 20, PROT_NONE, ANON, -1, 0);
    printf("hint %d", m == hint);
    void *n = mmap(hint, P, RW, ANON, -1, 0);
    printf(" taken %d", n != hint && n != MAP_FAILED);
    munmap(m, 64 << 20), munmap(n, P);
    printf(" high %d\n", mmap((void *)(1ul << 60), P, RW, ANON | MAP_FIXED, -1, 0) == MAP_FAILED ? errno : 0);
}

static void mirror(void)
{
    int fd = memfd_create("ring", MFD_ALLOW_SEALING);
    ftruncate(fd, 4 * P);
    char *r = mmap(0, 8 * P, PROT_NONE, ANON, -1, 0);
    mmap(r, 4 * P, RW, MAP_SHARED | MAP_FIXED, fd, 0);
    mmap(r + 4 * P, 4 * P, RW, MAP_SHARED | MAP_FIXED, fd, 0);
    memcpy(r + 4 * P - 3, "abcdef", 6);
    printf("mirror %.3s", r);
    char *d = mremap(r, 0, 2 * P, MREMAP_MAYMOVE);
    printf(" dup %d %.3s", d != MAP_FAILED, d);
    char *e = (char *)syscall(SYS_mremap, r + P, 2 * P, 2 * P, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, 0);
    printf(" dontunmap %d", e == MAP_FAILED ? errno : 0);
    char *a = mmap(0, 2 * P, RW, ANON, -1, 0);
    strcpy(a, "private");
    e = (char *)syscall(SYS_mremap, a, 2 * P, 2 * P, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, 0);
    printf(" %s old %d", e, a[0]);
    printf(" seals %d", fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE | F_SEAL_SHRINK));
    printf(" %d", mmap(0, P, RW, MAP_SHARED, fd, 0) == MAP_FAILED ? errno : 0);
    char *ro = mmap(0, P, PROT_READ, MAP_SHARED, fd, 0);
    printf(" ro %d protect %d", ro != MAP_FAILED, mprotect(ro, P, RW) ? errno : 0);
    r[10] = 'x';
    printf(" write %c shrink %d", ro[10], ftruncate(fd, P) ? errno : 0);
    printf(" punch %d", fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, P) ? errno : 0);
    printf(" %d\n", ro[10]);
    fd = memfd_create("short", 0);
    ftruncate(fd, 4 * P);
    char *s = mmap(0, 4 * P, RW, MAP_SHARED, fd, 0);
    s[3 * P] = 1;
    ftruncate(fd, P + 10);
    printf("truncated %d %d %d", fault(s + P, 0), fault(s + 2 * P, 1), fault(s + 3 * P, 0));
    int p[2];
    pipe(p);
    printf(" write %zd", write(p[1], s + 2 * P, 1) < 0 ? (ssize_t)-errno : 0);
    printf(" over %zd", write(p[1], s + 2 * P - 5, 10));
    struct iovec local = {(char[16]){0}, 16}, remote = {s + 2 * P, 16};
    printf(" vm %zd\n", process_vm_readv(getpid(), &local, 1, &remote, 1, 0) < 0 ? (ssize_t)-errno : 0);
}

struct served { int fd; char *at; int count; };

static void *serve(void *arg)
{
    struct served *s = arg;
    char *page = mmap(0, P, RW, ANON, -1, 0);
    for (int n = 0; n < s->count; n++) {
        struct uffd_msg m;
        if (read(s->fd, &m, sizeof m) != sizeof m) return (void *)1;
        unsigned long at = m.arg.pagefault.address & -P;
        memset(page, 'A' + (at - (unsigned long)s->at) / P, P);
        struct uffdio_copy c = {at, (unsigned long)page, P, 0, 0};
        if (ioctl(s->fd, UFFDIO_COPY, &c)) return (void *)2;
    }
    return 0;
}

static void user_faults(void)
{
    int fd = syscall(SYS_userfaultfd, O_CLOEXEC | 1);
    struct uffdio_api api = {UFFD_API, 0, 0};
    char *at = mmap(0, 4 * P, RW, ANON, -1, 0), copy[2];
    struct uffdio_register reg = {{(unsigned long)at, 4 * P}, UFFDIO_REGISTER_MODE_MISSING, 0};
    pthread_t t;
    void *r;
    printf("uffd %d", fd >= 0);
    printf(" %d", ioctl(fd, UFFDIO_API, &api));
    printf(" %d", ioctl(fd, UFFDIO_REGISTER, &reg));
    struct served s = {fd, at, 3};
    pthread_create(&t, 0, serve, &s);
    printf(" %c", at[2 * P + 5]);
    at[0] = 'x';
    printf(" %c%c", at[0], at[1]);
    struct uffdio_zeropage z = {{(unsigned long)at + P, P}, 0, 0};
    printf(" zero %d", ioctl(fd, UFFDIO_ZEROPAGE, &z));
    printf(" %d", at[P]);
    madvise(at, P, MADV_DONTNEED);
    printf(" again %c", at[7]);
    pthread_join(t, &r);
    printf(" thread %ld\n", (long)r);
    close(fd);
}

static void advice(void)
{
    int advices[] = {MADV_NORMAL, MADV_RANDOM, MADV_WILLNEED, MADV_DONTDUMP, MADV_DODUMP, 8, 14, 15, 20, 21, 22, 23, 24, 25, 12, 13, 9, 100};
    char *a = mmap(0, 8 * P, RW, ANON, -1, 0);
    printf("advice");
    for (unsigned i = 0; i < sizeof advices / sizeof *advices; i++)
        printf(" %d:%d", advices[i], madvise(a, 2 * P, advices[i]) ? errno : 0);
    a[P] = 'g';
    printf(" guard %d", madvise(a, 2 * P, 102) ? errno : 0);
    printf(" %d", fault(a + P, 0));
    int pair[2];
    pipe(pair);
    printf(" %zd", write(pair[1], a + P, 1) < 0 ? (ssize_t)-errno : 0);
    printf(" %s", protection(a + P));
    printf(" %d", madvise(a, 2 * P, 103) ? errno : 0);
    printf(" %d", a[P]);
    munmap(a + 4 * P, P);
    printf(" gap %d", madvise(a, 8 * P, MADV_WILLNEED) ? errno : 0);
    memset(a, 'w', 4 * P);
    madvise(a, P, MADV_WIPEONFORK);
    madvise(a + P, P, MADV_DONTFORK);
    fflush(stdout);
    int status;
    pid_t pid = fork();
    if (!pid) _exit(a[0] * 10 + (fault(a + P, 0) / 100) + (a[2 * P] == 'w' ? 100 : 0));
    waitpid(pid, &status, 0);
    printf(" fork %d", WEXITSTATUS(status));
    unsigned char vec[8];
    char *b = mmap(0, 8 * P, RW, ANON, -1, 0);
    b[2 * P] = 1;
    printf(" mincore %d", mincore(b, 8 * P, vec));
    for (int i = 0; i < 8; i++) printf("%d", vec[i] & 1);
    printf(" populate %d", madvise(b, 8 * P, 23));
    mincore(b, 8 * P, vec);
    for (int i = 0; i < 8; i++) printf("%d", vec[i] & 1);
    printf(" hole %d", mincore(a + 3 * P, 2 * P, vec) ? errno : 0);
    printf(" msync %d %d %d", msync(a + 3 * P, 2 * P, MS_SYNC) ? errno : 0, msync(b, P, MS_SYNC | MS_ASYNC) ? errno : 0, msync(b + 1, P, MS_SYNC) ? errno : 0);
    printf(" onfault %d %d\n", syscall(SYS_mlock2, b, 2 * P, 1), syscall(SYS_mlock2, b, P, 2) ? errno : 0);
}

/* Whether pages are there, by pagemap. */
static void checkpoint(void)
{
    int fd = open("/proc/self/pagemap", O_RDONLY);
    char *a = mmap(0, 4 * P, RW, ANON, -1, 0);
    uint64_t words[4] = {0};
    a[P] = 1;
    printf("pagemap %zd", pread(fd, words, 32, (unsigned long)a / P * 8));
    for (int i = 0; i < 4; i++) printf(" %d", (int)(words[i] >> 63));
    close(fd);
    int mem = open("/proc/self/mem", O_RDWR);
    mprotect(a, P, PROT_READ);
    printf(" mem %zd", pwrite(mem, "forced", 7, (off_t)(unsigned long)a));
    printf(" %s", a);
    munmap(a + 2 * P, P);
    char buf[8];
    printf(" hole %zd", pread(mem, buf, 1, (off_t)(unsigned long)(a + 2 * P)) < 0 ? (ssize_t)-errno : 0);
    printf(" seek %d\n", lseek(mem, (off_t)(unsigned long)a, SEEK_SET) == (off_t)(unsigned long)a);
    close(mem);
}

static void down(void)
{
    char *a = mmap(0, 256 * P, PROT_NONE, ANON, -1, 0);
    munmap(a, 256 * P);
    char *top = a + 255 * P;
    char *g = mmap(top, P, RW, ANON | MAP_FIXED | MAP_GROWSDOWN, -1, 0);
    printf("grows %d", g == top);
    printf(" %d", fault(top - 8, 1));
    printf(" %d", fault(top - P - 8, 1));
    printf(" %s", protection(top - P));
    printf(" %d\n", mprotect(top, P, PROT_READ | PROT_GROWSDOWN) ? errno : 0);
}

int main(void)
{
    struct sigaction a = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
    sigaction(SIGSEGV, &a, 0);
    sigaction(SIGBUS, &a, 0);
    setvbuf(stdout, 0, _IONBF, 0);
    reservation();
    mirror();
    user_faults();
    advice();
    checkpoint();
    down();
    return 0;
}
