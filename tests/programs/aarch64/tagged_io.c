/* Tagged addresses in asynchronous I/O: Linux's own and io_uring. */
#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <linux/io_uring.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define T(p) ((void *)((uintptr_t)(p) | 0x2aul << 56))

static void aio(int fd)
{
    aio_context_t context = 0;
    char a[8] = "abc", b[8] = "def", c[8] = "ghi";
    struct iovec v[2] = {{T(b), 3}, {T(c), 3}};
    struct iocb first = {.aio_lio_opcode = IOCB_CMD_PWRITE, .aio_fildes = fd, .aio_buf = (uint64_t)T(a), .aio_nbytes = 3, .aio_data = 1};
    struct iocb second = {.aio_lio_opcode = IOCB_CMD_PWRITEV, .aio_fildes = fd, .aio_buf = (uint64_t)T(v), .aio_nbytes = 2, .aio_offset = 3, .aio_data = 2};
    struct iocb *list[2] = {T(&first), T(&second)};
    struct io_event events[2] = {0};
    long n = syscall(SYS_io_setup, 4, T(&context));
    printf("aio %ld", n);
    n = syscall(SYS_io_submit, context, 2, T(list));
    printf(" %ld %d", n, n < 0 ? errno : 0);
    n = syscall(SYS_io_getevents, context, 2, 2, T(events), 0);
    printf(" %ld", n);
    for (int i = 0; i < 2; i++) printf(" %d:%d", (int)events[i].data, (int)events[i].res);
    printf(" kept %d %d", first.aio_buf == (uint64_t)T(a), second.aio_buf == (uint64_t)T(v));
    char text[16] = "";
    pread(fd, text, 15, 0);
    printf(" %s\n", text);
    syscall(SYS_io_destroy, context);
}

static void ring(int fd)
{
    struct io_uring_params p = {0};
    int r = syscall(SYS_io_uring_setup, 8, T(&p));
    if (r < 0) { printf("ring %d\n", errno); return; }
    char *m = mmap(0, 65536, PROT_READ | PROT_WRITE, MAP_SHARED, r, IORING_OFF_SQ_RING);
    struct io_uring_sqe *e = mmap(0, 8 * sizeof *e, PROT_READ | PROT_WRITE, MAP_SHARED, r, IORING_OFF_SQES);
    static char a[8] = "ABC", b[8] = "DEF", out[16], path[] = "/proc/self";
    struct iovec v[2] = {{T(b), 2}, {T(b + 2), 1}};
    static struct stat st[4];
    struct __kernel_timespec soon = {0, 1000};
    struct iovec buffer = {T(a), 8};
    memset(e, 0, 8 * sizeof *e);
    e[0] = (struct io_uring_sqe){.opcode = IORING_OP_WRITE, .fd = fd, .addr = (uint64_t)T(a), .len = 3, .user_data = 1, .flags = IOSQE_IO_LINK};
    e[1] = (struct io_uring_sqe){.opcode = IORING_OP_WRITEV, .fd = fd, .addr = (uint64_t)T(v), .len = 2, .off = 3, .user_data = 2, .flags = IOSQE_IO_LINK};
    e[2] = (struct io_uring_sqe){.opcode = IORING_OP_READ, .fd = fd, .addr = (uint64_t)T(out), .len = 15, .user_data = 3, .flags = IOSQE_IO_LINK};
    e[3] = (struct io_uring_sqe){.opcode = IORING_OP_STATX, .fd = AT_FDCWD, .addr = (uint64_t)T(path), .off = (uint64_t)T(st), .len = 0x7ff, .user_data = 4, .flags = IOSQE_IO_LINK};
    e[4] = (struct io_uring_sqe){.opcode = IORING_OP_TIMEOUT, .fd = -1, .addr = (uint64_t)T(&soon), .len = 1, .user_data = 0x2a00000000000005};
    e[5] = (struct io_uring_sqe){.opcode = IORING_OP_ASYNC_CANCEL, .fd = -1, .addr = 0x2a00000000000077, .user_data = 6};
    unsigned *array = (unsigned *)(m + p.sq_off.array), *tail = (unsigned *)(m + p.sq_off.tail);
    for (int i = 0; i < 6; i++) array[i] = i;
    __atomic_store_n(tail, 6, __ATOMIC_RELEASE);
    long n = syscall(SYS_io_uring_enter, r, 6, 6, IORING_ENTER_GETEVENTS, 0, 0);
    printf("ring %ld", n);
    int results[8] = {0};
    struct io_uring_cqe *cq = (void *)(m + p.cq_off.cqes);
    for (unsigned i = 0; i < *(unsigned *)(m + p.cq_off.tail); i++) results[cq[i].user_data & 7] = cq[i].res;
    for (int i = 1; i < 7; i++) printf(" %d", results[i]);
    printf(" %s kept %d %d\n", out, e[0].addr == (uint64_t)T(a), e[3].off == (uint64_t)T(st));
    printf("buffers %ld", syscall(SYS_io_uring_register, r, IORING_REGISTER_BUFFERS, T(&buffer), 1));
    printf(" %ld\n", syscall(SYS_io_uring_register, r, IORING_UNREGISTER_BUFFERS, 0, 0));
}

int main(void)
{
    int fd = memfd_create("file", 0);
    prctl(PR_SET_TAGGED_ADDR_CTRL, PR_TAGGED_ADDR_ENABLE, 0, 0, 0);
    aio(fd);
    ring(fd);
    return 0;
}
