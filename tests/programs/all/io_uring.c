/* io_uring: submissions whose flags and structures differ between architectures, and plain ones. */
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

static int ring;
static struct io_uring_params p;
static char *sq, *cq;
static struct io_uring_sqe *sqes;
#define SQ(f) ((volatile unsigned *)(sq + p.sq_off.f))
#define CQ(f) ((volatile unsigned *)(cq + p.cq_off.f))

static struct io_uring_sqe *next(int op, int fd, uint64_t data)
{
    unsigned slot = *SQ(tail) & *SQ(ring_mask);
    struct io_uring_sqe *e = sqes + slot;
    memset(e, 0, sizeof *e);
    e->opcode = op, e->fd = fd, e->user_data = data;
    SQ(array)[slot] = slot;
    return e;
}
static void push(void) { __atomic_store_n(SQ(tail), *SQ(tail) + 1, __ATOMIC_RELEASE); }
static int reap(uint64_t data)
{
    unsigned head = *CQ(head);
    if (head == __atomic_load_n(CQ(tail), __ATOMIC_ACQUIRE)) return -9999;
    struct io_uring_cqe *c = (struct io_uring_cqe *)(cq + p.cq_off.cqes) + (head & *CQ(ring_mask));
    int r = c->user_data == data ? c->res : -8888;
    __atomic_store_n(CQ(head), head + 1, __ATOMIC_RELEASE);
    return r;
}
static int run(uint64_t data)
{
    push();
    long n = syscall(426, ring, 1, 1, IORING_ENTER_GETEVENTS, 0, 0);
    return n == 1 ? reap(data) : -7777;
}
static const char *text(int r) { return r < 0 ? strerror(-r) : "ok"; }

/* Rings in memory of the program's own (Linux 6.5). */
static void own_memory(void)
{
    enum { NO_MMAP = 1 << 14, SIZE = 4096 };
    struct io_uring_params q = {.flags = NO_MMAP};
    char *rings = mmap(0, 2 * SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct io_uring_sqe *e = (void *)(rings + SIZE);
    uint64_t *places = (uint64_t *)&q;
    /* user_addr of sq_off and of cq_off: older headers do not know it. */
    places[9] = (uintptr_t)e, places[14] = (uintptr_t)rings;
    memset(rings, 0, 2 * SIZE);
    int fd = syscall(425, 8, &q);
    printf("own memory %s\n", text(fd < 0 ? -errno : 0));
    if (fd < 0) return;
    e->opcode = IORING_OP_OPENAT, e->fd = AT_FDCWD, e->user_data = 77;
    e->addr = (uintptr_t)"/dev/null", e->open_flags = O_RDONLY | O_DIRECTORY;
    __atomic_store_n((unsigned *)(rings + q.sq_off.tail), 1, __ATOMIC_RELEASE);
    int n = syscall(426, fd, 1, 1, IORING_ENTER_GETEVENTS, 0, 0);
    struct io_uring_cqe *c = (void *)(rings + q.cq_off.cqes);
    printf("submitted %d data %d %s", n, (int)c->user_data, text(c->res));
    printf(" flags kept %d\n", e->open_flags == (O_RDONLY | O_DIRECTORY));
    close(fd);
}
int main(void)
{
    setvbuf(stdout, 0, _IONBF, 0);
    ring = syscall(425, 8, &p);
    if (ring < 0) { printf("setup %s\n", strerror(errno)); return 0; }
    size_t sqlen = p.sq_off.array + p.sq_entries * 4, cqlen = p.cq_off.cqes + p.cq_entries * 16;
    sq = mmap(0, sqlen > cqlen ? sqlen : cqlen, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring, 0);
    cq = sq;
    sqes = mmap(0, p.sq_entries * sizeof *sqes, PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQES);
    next(IORING_OP_NOP, -1, 0x1234567890);
    printf("nop %d\n", run(0x1234567890));
    struct io_uring_sqe *e = next(IORING_OP_OPENAT, AT_FDCWD, 2);
    e->addr = (uintptr_t)"/dev/null", e->open_flags = O_RDONLY | O_DIRECTORY;
    printf("directory on a file %s\n", text(run(2)));
    printf("flags kept %d\n", sqes[1].open_flags == (O_RDONLY | O_DIRECTORY));
    e = next(IORING_OP_OPENAT, AT_FDCWD, 3);
    e->addr = (uintptr_t)"/tmp", e->open_flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;
    int d = run(3);
    printf("directory %s\n", text(d)), close(d);
    struct open_how { uint64_t flags, mode, resolve; } how = {O_DIRECTORY, 0, 0};
    e = next(IORING_OP_OPENAT2, AT_FDCWD, 4);
    e->addr = (uintptr_t)"/dev/null", e->off = (uintptr_t)&how, e->len = sizeof how;
    printf("openat2 %s\n", text(run(4)));
    int ep = epoll_create1(0), ev = eventfd(1, 0);
    struct epoll_event add = {.events = EPOLLIN, .data.u64 = 0xfedcba9876543210}, got = {0};
    e = next(IORING_OP_EPOLL_CTL, ep, 5);
    e->addr = (uintptr_t)&add, e->len = EPOLL_CTL_ADD, e->off = ev;
    printf("epoll_ctl %s\n", text(run(5)));
    int n = epoll_wait(ep, &got, 1, 1000);
    printf("event %d %x %llx\n", n, got.events, (long long)got.data.u64);
    int pp[2];
    char in[16] = "", out[] = "through the ring";
    if (pipe(pp)) return 1;
    struct iovec w = {out, 16}, r = {in, 15};
    e = next(IORING_OP_WRITEV, pp[1], 6), e->addr = (uintptr_t)&w, e->len = 1;
    printf("writev %d\n", run(6));
    e = next(IORING_OP_READV, pp[0], 7), e->addr = (uintptr_t)&r, e->len = 1;
    printf("readv %d", run(7)), printf(" %s\n", in);
    for (int i = 0; i < 3; i++) next(IORING_OP_NOP, -1, 100 + i), push();
    n = syscall(426, ring, 3, 3, IORING_ENTER_GETEVENTS, 0, 0);
    printf("three at once %d", n);
    for (int i = 0; i < 3; i++) printf(" %d", reap(100 + i));
    struct { int64_t s, ns; } ts = {0, 2000000};
    e = next(IORING_OP_TIMEOUT, -1, 8), e->addr = (uintptr_t)&ts, e->len = 1;
    printf("\ntimeout %s\n", text(run(8)));
    next(250, -1, 9);
    printf("unknown %s\n", text(run(9)));
    pid_t k = fork();
    if (!k) _exit(syscall(426, ring, 0, 0, 0, 0, 0) == 0 ? 5 : 6);
    int st;
    waitpid(k, &st, 0);
    printf("child %d\n", WEXITSTATUS(st));
    own_memory();
    return 0;
}
