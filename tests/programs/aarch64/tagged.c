/* Tagged addresses in system calls: those that only name memory take them always, those that access
 * it only after prctl(PR_SET_TAGGED_ADDR_CTRL). */
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define P 4096ul
#define R(x) report(#x, (errno = 0, (long)(x)))
static void report(const char *what, long value)
{
    printf("%-60s %s\n", what, value == -1 ? strerrorname_np(errno) : value == 0 ? "0" : "ok");
}
#define T(p) ((void *)((uintptr_t)(p) | 0x2aul << 56))

static int fd[2], sv[2];
static void naming(void)
{
    char *p = mmap(0, 4 * P, 3, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    unsigned char v[4];
    *(volatile char *)T(p) = 1;
    R(mprotect(T(p), P, PROT_READ));
    R(madvise(T(p), P, MADV_NORMAL));
    R(mlock(T(p), P));
    R(munlock(T(p), P));
    R(msync(T(p), P, MS_ASYNC));
    R(mincore(T(p), P, v));
    char *q = mremap(T(p + P), P, P, MREMAP_MAYMOVE);
    printf("mremap %d\n", q == p + P);
    R(munmap(T(p), P));
    R(mmap(T(p), P, 3, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
}
static void accessing(void)
{
    char b[16] = "tagged";
    struct iovec v[2] = {{T(b), 3}, {b + 3, 3}};
    struct stat st;
    R(write(fd[1], T(b), 6));
    R(writev(fd[1], v, 2));
    R(writev(fd[1], T(v), 2));
    R(stat(T("/proc"), T(&st)));
    struct msghdr m = {.msg_iov = T(v), .msg_iovlen = 2};
    R(sendmsg(sv[0], T(&m), 0));
    R(recvmsg(sv[1], T(&m), MSG_DONTWAIT));
    struct mmsghdr mm[2] = {{{.msg_iov = T(v), .msg_iovlen = 2}}, {{.msg_iov = T(v), .msg_iovlen = 1}}};
    R(sendmmsg(sv[0], T(mm), 2, 0) == 2 ? 0 : -1);
    R(recvmmsg(sv[1], T(mm), 2, MSG_DONTWAIT, 0) == 2 ? 0 : -1);
    printf("lengths %d %d\n", mm[0].msg_len == v[0].iov_len + v[1].iov_len, mm[1].msg_len == v[0].iov_len);
    unsigned word = 1, waiting = 0;
    struct { uint64_t value, address; uint32_t flags, unused; } futex = {0, (uint64_t)T(&word), 2, 0};
    R(syscall(449, T(&futex), 1, 0, 0, 0));
    R(ioctl(fd[0], FIONREAD, T(&waiting)));
    printf("waiting %d\n", waiting > 0);
    chdir("/");
    R(getcwd(T(b), 16) ? 0 : -1);
}
/* Addresses that the kernel finds in memory: those of a program's arguments, and of buffers there. */
static void indirectly(void)
{
    char from[] = "tagged", to[8];
    struct iovec local = {T(to), 7}, remote = {T(from), 7};
    R(process_vm_readv(getpid(), T(&local), 1, T(&remote), 1, 0));
    R(strcmp(from, to));
    R(process_vm_writev(getpid(), &local, 1, &remote, 1, 0));
    char *argv[] = {T("tagged"), T("argument"), 0}, *envp[] = {T("TAGGED=yes"), 0};
    int s;
    if (!fork()) {
        execve(T("/proc/self/exe"), T(argv), T(envp));
        _exit(9);
    }
    wait(&s);
    printf("execve %x\n", s);
}
static void *thread(void *p)
{
    printf("thread %d\n", prctl(PR_GET_TAGGED_ADDR_CTRL, 0, 0, 0, 0));
    prctl(PR_SET_TAGGED_ADDR_CTRL, 0, 0, 0, 0);
    return p;
}
int main(int argc, char **argv)
{
    setvbuf(stdout, 0, _IONBF, 0);
    if (argc > 1) return strcmp(argv[1], "argument") || strcmp(getenv("TAGGED"), "yes");
    pipe(fd);
    socketpair(AF_UNIX, SOCK_DGRAM, 0, sv);
    naming();
    R(prctl(PR_GET_TAGGED_ADDR_CTRL, 0, 0, 0, 0));
    R(prctl(PR_SET_TAGGED_ADDR_CTRL, PR_TAGGED_ADDR_ENABLE, 1, 0, 0));
    R(prctl(PR_GET_TAGGED_ADDR_CTRL, 1, 0, 0, 0));
    R(prctl(PR_SET_TAGGED_ADDR_CTRL, PR_TAGGED_ADDR_ENABLE, 0, 0, 0));
    R(prctl(PR_GET_TAGGED_ADDR_CTRL, 0, 0, 0, 0));
    naming();
    accessing();
    indirectly();
    pthread_t t;
    pthread_create(&t, 0, thread, 0);
    pthread_join(t, 0);
    pid_t pid = fork();
    if (!pid) _exit(prctl(PR_GET_TAGGED_ADDR_CTRL, 0, 0, 0, 0));
    int s;
    waitpid(pid, &s, 0);
    printf("child %x, still %d\n", s, prctl(PR_GET_TAGGED_ADDR_CTRL, 0, 0, 0, 0));
    R(prctl(PR_SET_TAGGED_ADDR_CTRL, 0, 0, 0, 0));
    R(write(fd[1], T("x"), 1));
    return 0;
}
