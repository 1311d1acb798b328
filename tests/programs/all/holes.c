/* What was unmapped is unmapped for every call, and the kernel can still place what it likes. */
#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <linux/userfaultfd.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define P 4096ul
#define R(x) report(#x, (errno = 0, (long)(x)))
static void report(const char *what, long value)
{
    printf("%-64s %s\n", what, value == -1 ? strerrorname_np(errno) : value == 0 ? "0" : "ok");
}
static char *map(size_t len)
{
    return mmap(0, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void seen_by_others(void)
{
    char *p = map(3 * P), b[2 * P];
    memset(p, 'x', 3 * P);
    R(munmap(p + P, P));
    int f = open("/proc/self/mem", O_RDWR), fd[2];
    printf("mem over the end %zd\n", pread(f, b, P, (off_t)(uintptr_t)p + P - 1));
    R(pread(f, b, 16, (off_t)(uintptr_t)p + P));
    R(pwrite(f, b, 16, (off_t)(uintptr_t)p + P));
    struct iovec here = {b, 2 * P}, there = {p + P - 8, 16}, hole = {p + P, 8};
    printf("process_vm_readv over the end %zd\n", process_vm_readv(getpid(), &here, 1, &there, 1, 0));
    R(process_vm_readv(getpid(), &here, 1, &hole, 1, 0));
    R(process_vm_writev(getpid(), &here, 1, &hole, 1, 0));
    pipe(fd);
    R(write(fd[1], p + P, 1));
    printf("write over the end %zd\n", write(fd[1], p + P - 4, 8));
    unsigned char v[3];
    R(mincore(p, P, v));
    R(mincore(p + P, P, v));
    R(mincore(p, 3 * P, v));
    R(madvise(p, 3 * P, MADV_NORMAL));
    R(madvise(p + P, P, 12345));
    R(madvise(p, 3 * P, MADV_POPULATE_READ));
    R(msync(p, 3 * P, MS_ASYNC));
    R(msync(p + P, P, 64));
    R(mlock(p, 3 * P));
    R(munlock(p, 3 * P));
    R(syscall(SYS_mlock2, p + P, P, 8));
    R(mprotect(p, 3 * P, PROT_READ));
    R(mprotect(p + P, P, PROT_READ));
    R(mremap(p, 3 * P, 4 * P, MREMAP_MAYMOVE));
    R(mremap(p + P, P, P, 0));
    R(syscall(SYS_mbind, p + P, P, 1, 0, 0, 0));
    R(syscall(SYS_mbind, p + 2 * P, P, 0, 0, 0, 0));
    void *pages[2] = {p, p + P};
    int status[2] = {99, 99};
    R(syscall(SYS_move_pages, 0, 2, pages, 0, status, 0));
    printf("move_pages %d %d\n", status[0], status[1]);
    R(syscall(SYS_get_mempolicy, status, 0, 0, p + P, 3));
    if (syscall(462, 0, 0, 1) == -1 && errno == EINVAL) {
        R(syscall(462, p, 3 * P, 0));
        R(syscall(462, p + P, P, 0));
        R(syscall(462, p, P, 0));
        R(munmap(p, P));
        R(mprotect(p, P, PROT_READ));
        R(mremap(p, P, 2 * P, MREMAP_MAYMOVE));
        R(mmap(p, P, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
    }
    /* The hole is where the next mapping fits. */
    char *q = mmap(p + P, P, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    printf("filled %d\n", q == p + P);
    R(mmap(p + P, P, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0));
    q = mmap(p + P, P, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    printf("a hint that is taken is elsewhere %d\n", q != MAP_FAILED && q != p + P);
}

static void placed_by_the_kernel(void)
{
    char params[120] = {0};
    munmap(map(1 << 20), 1 << 20);
    int fd = syscall(SYS_io_uring_setup, 4, params);
    if (fd >= 0) {
        char *rings = mmap(0, P, 3, MAP_SHARED | MAP_POPULATE, fd, 0);
        char *entries = mmap(0, 256, 3, MAP_SHARED | MAP_POPULATE, fd, 0x10000000);
        printf("rings %d entries %d\n", rings != MAP_FAILED, entries != MAP_FAILED);
        R(mmap(rings + 64 * P, P, 3, MAP_SHARED, fd, 0));
        R(mremap(rings, P, 2 * P, MREMAP_MAYMOVE));
        R(munmap(rings, P));
        R(munmap(rings, P));
    }
    aio_context_t ctx = 0;
    R(syscall(SYS_io_setup, 16, &ctx));
    R(mprotect((void *)ctx, 4096, PROT_READ | PROT_EXEC));
    char *ring = (char *)ctx, moved_to[1];
    R(mprotect(ring, P, PROT_READ | PROT_WRITE));
    unsigned nr = ((unsigned *)ring)[1];
    size_t len = (32 + nr * 32 + P - 1) & ~(P - 1);
    char *to = map(len + P);
    char *moved = mremap(ring, len, len, MREMAP_MAYMOVE | MREMAP_FIXED, to);
    printf("ring moved %d\n", moved == to);
    int f = open("/proc/self/exe", O_RDONLY);
    struct iocb cb = {.aio_fildes = f, .aio_lio_opcode = IOCB_CMD_PREAD,
        .aio_buf = (uintptr_t)moved_to, .aio_nbytes = 1}, *list = &cb;
    struct io_event event;
    R(syscall(SYS_io_submit, ctx, 1, &list));
    ctx = (aio_context_t)moved;
    R(syscall(SYS_io_submit, ctx, 1, &list));
    R(syscall(SYS_io_getevents, ctx, 1, 1, &event, 0));
    printf("event %lld\n", (long long)event.res);
    R(syscall(SYS_io_destroy, ctx));
    R(mprotect(moved, P, PROT_READ));
    R(syscall(SYS_io_destroy, ctx));
}

static void remapped(void)
{
    R(mremap((void *)0xa000, SIZE_MAX & ~(P - 1), P, 0));
    R(mremap((void *)0xa001, P, P, 0));
    R(mremap((void *)0xa000, P, 0, 0));
    R(mremap((void *)0xa000, P, P, MREMAP_FIXED, 0x10000));
    R(mremap((void *)0xa000, P, P, MREMAP_MAYMOVE | MREMAP_FIXED, 0x10001));
    char *p = map(4 * P);
    p[0] = 1;
    R(mremap(p, 2 * P, 2 * P, MREMAP_MAYMOVE | MREMAP_FIXED, p + P));
    R(mremap(p, 2 * P, P, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, 0));
    char *q = mremap(p, P, P, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, 0);
    printf("both are there %d %d %d\n", q != MAP_FAILED, q[0], p[0]);
    q = mremap(q, P, 100 * P, MREMAP_MAYMOVE);
    printf("grown %d %d\n", q[0], q[99 * P]);
    R(munmap(q, 100 * P));
    R(mremap(q, P, P, 0));
    char *shared = mmap(0, P, 3, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    char *twice = mremap(shared, 0, P, MREMAP_MAYMOVE);
    shared[5] = 7;
    printf("a second view %d\n", twice[5]);
    R(mremap(p, 0, P, MREMAP_MAYMOVE));
}

static void segments(void)
{
    int id = shmget(IPC_PRIVATE, 2 * P, 0600 | IPC_CREAT);
    char *room = map(4 * P);
    R(munmap(room + P, P));
    errno = 0;
    R(shmat(id, room + P, 0));
    R(shmat(id, room + 1, 0));
    char *at = shmat(id, room + P, SHM_REMAP);
    printf("over a hole %d\n", at == room + P);
    char *moved = mremap(at, 2 * P, 2 * P, MREMAP_MAYMOVE | MREMAP_FIXED, map(2 * P));
    R(shmdt(at));
    R(shmdt(moved));
    R(shmdt(moved));
    at = shmat(id, 0, 0);
    R(munmap(at, 2 * P));
    R(shmdt(at));
    at = shmat(id, room + P + 100, SHM_RND);
    printf("rounded %d\n", at == room + P);
    shmctl(id, IPC_RMID, 0);
}

static void growing(void)
{
    char *area = map(4 << 20);
    munmap(area, 4 << 20);
    char *top = mmap(area + (3 << 20), P, 3, MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN | MAP_FIXED, -1, 0);
    printf("grows %d\n", top == area + (3 << 20));
    for (int n = 1; n < 20; n++) ((volatile char *)top)[-n * (long)P] = n;
    unsigned char v[1];
    R(mincore(top - 10 * P, P, v));
    R(mprotect(top - 10 * P, P, PROT_READ));
    R(madvise(top - 9 * P, P, MADV_DONTNEED));
    R(mmap(top - 5 * P, P, 3, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0));
    R(munmap(top - 19 * P, 5 * P));
    R(mincore(top - 19 * P, P, v));
    R(mremap(top - 8 * P, P, P, MREMAP_MAYMOVE));
    R(mprotect(top, P, PROT_READ | PROT_GROWSDOWN));
    R(mprotect(area, P, PROT_READ));
}

static void faults_of_users(void)
{
    int u = syscall(SYS_userfaultfd, O_CLOEXEC | 1);
    if (u < 0) return (void)puts("no userfaultfd");
    struct uffdio_api api = {.api = UFFD_API};
    char *p = map(2 * P);
    munmap(p, P);
    R(ioctl(u, UFFDIO_API, &api));
    struct uffdio_register reg = {{(uintptr_t)p, P}, UFFDIO_REGISTER_MODE_MISSING};
    R(ioctl(u, UFFDIO_REGISTER, &reg));
    struct uffdio_register good = {{(uintptr_t)p + P, P}, UFFDIO_REGISTER_MODE_MISSING};
    R(ioctl(u, UFFDIO_REGISTER, &good));
    char page[P] __attribute__((aligned(4096)));
    memset(page, 'u', P);
    struct uffdio_copy copy = {(uintptr_t)p + P, (uintptr_t)page, P};
    R(ioctl(u, UFFDIO_COPY, &copy));
    printf("copied %c\n", p[P]);
    copy.dst = (uintptr_t)p;
    R(ioctl(u, UFFDIO_COPY, &copy));
}

int main(void)
{
    setvbuf(stdout, 0, _IONBF, 0);
    seen_by_others();
    placed_by_the_kernel();
    remapped();
    segments();
    growing();
    faults_of_users();
    return 0;
}
