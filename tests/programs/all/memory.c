/* mmap in its forms, mremap, mprotect, brk, madvise, shared memory. */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#define P 4096
int main(void)
{
    char *a = mmap(0, 4 * P, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memset(a, 1, 4 * P);
    printf("aligned %d", (uintptr_t)a % P == 0),
        printf(" below 47 bits %d\n", (uintptr_t)a >> 47 == 0);
    printf("hole %d\n", munmap(a + P, P));
    char *b = mmap(a + P, P, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    printf("noreplace fits %d zero %d\n", b == a + P, b[0]);
    b = mmap(a, P, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    printf("noreplace refused %d", b == MAP_FAILED),
        printf(" %s\n", strerror(errno));
    b = mmap(a, P, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    printf("fixed %d zero %d\n", b == a, b[5]);
    char name[] = "/tmp/anyarch-mmap-XXXXXX";
    int fd = mkstemp(name);
    unlink(name);
    ftruncate(fd, 3 * P);
    pwrite(fd, "file", 4, P);
    char *s = mmap(0, P, PROT_READ | PROT_WRITE, MAP_SHARED, fd, P);
    char *p = mmap(0, P, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, P);
    s[0] = 'F', p[1] = 'I';
    char buf[5] = {0};
    pread(fd, buf, 4, P);
    printf("shared %s", buf),
        printf(" private %.4s", p),
        printf(" msync %d\n", msync(s, P, MS_SYNC));
    if (!fork()) { s[2] = 'L'; p[2] = 'x'; _exit(0); }
    wait(0);
    printf("after fork %.4s %.4s\n", s, p);
    char *m = mmap(0, P, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    strcpy(m, "moved");
    m = mremap(m, P, 64 * P, MREMAP_MAYMOVE);
    printf("mremap %s %d\n", m, m[60 * P]);
    m = mremap(m, 64 * P, P, 0);
    printf("shrunk %s\n", m);
    printf("mprotect %d", mprotect(m, P, PROT_NONE)),
        printf(" %d\n", mprotect(m, P, PROT_READ));
    printf("unaligned %d", mprotect(m + 1, P, PROT_READ)),
        printf(" %s\n", strerror(errno));
    printf("bad length %d", mmap(0, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED),
        printf(" %s\n", strerror(errno));
    printf("huge %d", mmap(0, 1ull << 60, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED),
        printf(" %s\n", strerror(errno));
    char *r = mmap(0, 1ull << 40, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    printf("reserve %d", r != MAP_FAILED),
        printf(" commit %d\n", mprotect(r + (1ull << 39), P, PROT_READ | PROT_WRITE));
    r[1ull << 39] = 3;
    madvise(r + (1ull << 39), P, MADV_DONTNEED);
    printf("dontneed %d", r[1ull << 39]),
        printf(" unmap %d\n", munmap(r, 1ull << 40));
    char *k = sbrk(0);
    printf("brk %d", sbrk(1 << 20) == k);
    memset(k, 7, 1 << 20);
    printf(" %d", k[1 << 19]),
        printf(" shrink %d\n", brk(k));
    int mf = memfd_create("name", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    ftruncate(mf, P);
    printf("memfd seal %d", fcntl(mf, F_ADD_SEALS, F_SEAL_WRITE));
    printf(" write %zd", write(mf, "x", 1)),
        printf(" %s\n", strerror(errno));
    unsigned char vec[4];
    printf("mincore %d", mincore(a, P, vec)),
        printf(" %d\n", vec[0] & 1);
    printf("lock %d", mlock(a, P)),
        printf(" %d\n", munlock(a, P));
    void *big = malloc(50 << 20);
    memset(big, 1, 50 << 20);
    big = realloc(big, 100 << 20);
    printf("realloc %d\n", ((char *)big)[49 << 20]);
    free(big);
    return 0;
}
