/* Mappings with rules of their own: rings of perf events and of packets, secret memory, huge pages, devices,
 * sealed files, files that shrink. */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <linux/perf_event.h>
#include <net/ethernet.h>
#include <arpa/inet.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#define P 4096ul
#define R(x) report(#x, (errno = 0, (long)(x)))
static void report(const char *what, long value)
{
    printf("%-64s %s\n", what, value == -1 ? strerrorname_np(errno) : value == 0 ? "0" : "ok");
}
static char *map(size_t len) { return mmap(0, len, 3, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); }
static sigjmp_buf jb;
static void h(int s, siginfo_t *i, void *u) { siglongjmp(jb, s * 100 + i->si_code); }
static int probe(volatile char *p, int w)
{
    int r = sigsetjmp(jb, 1);
    if (!r) { if (w) *p = 1; else (void)*p; }
    return r;
}
int main(void)
{
    setvbuf(stdout, 0, _IONBF, 0);
    struct sigaction sa = {.sa_sigaction = h, .sa_flags = SA_SIGINFO};
    sigaction(SIGSEGV, &sa, 0), sigaction(SIGBUS, &sa, 0);
    munmap(map(1 << 20), 1 << 20);
    struct perf_event_attr attr = {.type = PERF_TYPE_SOFTWARE, .size = sizeof attr, .config = PERF_COUNT_SW_TASK_CLOCK};
    int e = syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0);
    if (e >= 0) {
        char *r = mmap(0, 3 * P, 3, MAP_SHARED, e, 0);
        printf("perf ring %d\n", r != MAP_FAILED);
        R(mmap(0, 4 * P, 3, MAP_SHARED, e, 0));
        R(mprotect(r, P, PROT_READ));
        R(munmap(r, 3 * P));
        printf("gone %d\n", probe(r, 0));
        char *at = map(8 * P);
        r = mmap(at, 3 * P, 3, MAP_SHARED | MAP_FIXED, e, 0);
        printf("fixed %d\n", r == at);
    } else printf("no perf\n");
    int s = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL));
    if (s >= 0) {
        struct tpacket_req req = {P * 4, 2, 2048, 16};
        R(setsockopt(s, SOL_PACKET, PACKET_RX_RING, &req, sizeof req));
        char *r = mmap(0, 8 * P, 3, MAP_SHARED, s, 0);
        printf("packet ring %d\n", r != MAP_FAILED);
        R(mremap(r, 8 * P, 16 * P, MREMAP_MAYMOVE));
        char *q = mremap(r, 8 * P, 8 * P, MREMAP_MAYMOVE | MREMAP_FIXED, map(8 * P));
        printf("moved %d %d\n", q != MAP_FAILED, probe(q, 0));
        R(munmap(q, 8 * P));
    } else printf("no packets\n");
    int m = syscall(SYS_memfd_secret, 0);
    if (m >= 0) {
        ftruncate(m, 2 * P);
        char *r = mmap(0, 2 * P, 3, MAP_SHARED, m, 0);
        printf("secret %d %d\n", r != MAP_FAILED, r == MAP_FAILED ? 0 : probe(r, 1));
        R(mmap(0, P, 3, MAP_PRIVATE, m, 0));
        int fd[2];
        pipe(fd);
        R(write(fd[1], r, 4));
    } else printf("no secrets\n");
    char *huge = mmap(0, 2 << 20, 3, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
    printf("huge %s\n", huge == MAP_FAILED ? strerrorname_np(errno) : "ok");
    R(mmap(0, 1, 3, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | 5 << 26, -1, 0));
    char *thp = map(6 << 20);
    R(madvise(thp, 6 << 20, MADV_HUGEPAGE));
    R(madvise(thp, 6 << 20, 25));
    int z = open("/dev/zero", O_RDWR), n = open("/dev/null", O_RDWR);
    char *zp = mmap(0, P, 3, MAP_PRIVATE, z, 0), *zs = mmap(0, P, 3, MAP_SHARED, z, 0);
    printf("zero %d %d\n", probe(zp, 1), probe(zs, 1));
    R(mmap(0, P, 3, MAP_SHARED, n, 0));
    R(mmap(0, P, 3, MAP_SHARED, 99, 0));
    R(mmap(0, 0, 3, MAP_SHARED, 99, 0));
    R(mmap(0, P, 3, MAP_SHARED | MAP_PRIVATE, z, 0));
    R(mmap(0, P, 3, 0, z, 0));
    R(mmap(0, P, 3, MAP_SHARED, z, 1));
    R(mmap(0, P, 3, MAP_SHARED, z, -P));
    R(mmap(0, -1ul, 3, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    R(mmap(0, 1ul << 46, 0, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
    R(mmap(0, 1ul << 47, 0, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
    R(mmap((void *)-P, P, 3, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    R(mmap((void *)(1ul << 47), P, 3, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
    R(mmap((void *)((1ul << 46) + 1), P, 3, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
    char *low = mmap((void *)P, P, 3, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    printf("low hint %d\n", low != MAP_FAILED && low >= (char *)0x10000);
    char *hint = mmap((void *)0x123456789000, P, 3, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    printf("hint %d\n", hint == (void *)0x123456789000);
    hint = mmap((void *)0x12345678a123, P, 3, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    printf("odd hint %d\n", hint == (void *)0x12345678a000);
    R(mmap(0, P, 3, MAP_SHARED_VALIDATE | MAP_SYNC, z, 0));
    R(mmap(0, P, 3, MAP_SHARED_VALIDATE | 1 << 30, z, 0));
    int f = memfd_create("x", MFD_ALLOW_SEALING);
    ftruncate(f, 4 * P);
    char *w = mmap(0, 4 * P, 3, MAP_SHARED, f, 0);
    R(fcntl(f, F_ADD_SEALS, F_SEAL_WRITE));
    R(munmap(w, 4 * P));
    R(fcntl(f, F_ADD_SEALS, F_SEAL_WRITE));
    R(mmap(0, P, 3, MAP_SHARED, f, 0));
    char *ro = mmap(0, 4 * P, 1, MAP_SHARED, f, 0), *pr = mmap(0, 4 * P, 3, MAP_PRIVATE, f, 0);
    R(mprotect(ro, P, 3));
    printf("private %d\n", probe(pr, 1));
    ftruncate(f, P);
    printf("beyond %d %d\n", probe(ro + 2 * P, 0), probe(pr + 2 * P, 0));
    int g = memfd_create("y", 0);
    ftruncate(g, 8 * P);
    char *a = mmap(0, 8 * P, 3, MAP_SHARED, g, 0);
    for (int i = 0; i < 8; i++) a[i * P] = i;
    R(remap_file_pages(a, 2 * P, 0, 4, 0));
    printf("remapped %d %d\n", a[0], a[P]);
    R(madvise(a + 4 * P, P, MADV_REMOVE));
    printf("removed %d\n", a[4 * P]);
    R(madvise(a, 8 * P, MADV_DONTFORK));
    pid_t pid = fork();
    if (!pid) _exit(probe(a, 0) == SIGSEGV * 100 + 1);
    int st;
    waitpid(pid, &st, 0);
    printf("not in the child %x\n", st);
    char *wipe = map(P);
    *wipe = 7;
    R(madvise(wipe, P, MADV_WIPEONFORK));
    pid = fork();
    if (!pid) _exit(*wipe);
    waitpid(pid, &st, 0);
    printf("wiped %x\n", st);
    char *guard = map(4 * P);
    R(madvise(guard + P, P, 102));
    printf("guard %d %d\n", probe(guard + P, 0), probe(guard, 1));
    R(madvise(guard, 4 * P, 103));
    printf("guard %d\n", probe(guard + P, 0));
    return 0;
}
