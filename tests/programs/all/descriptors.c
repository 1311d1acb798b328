/* Open flags in all the calls that take or give them, close_range, many kinds of descriptors. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <mqueue.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <termios.h>
#include <unistd.h>

static void show(const char *what, long r)
{
    int e = errno;
    printf("%s %s\n", what, r < 0 ? strerror(e) : "ok");
}
int main(void)
{
    setvbuf(stdout, 0, _IONBF, 0);
    char dir[] = "/tmp/descriptors-XXXXXX";
    if (!mkdtemp(dir) || chdir(dir)) return 1;
    int fd = open("f", O_RDWR | O_CREAT | O_EXCL, 0640), n;
    show("create", fd);
    symlink("f", "l"), mkdir("d", 0700);
    show("directory on file", open("f", O_RDONLY | O_DIRECTORY));
    show("directory", n = open("d", O_RDONLY | O_DIRECTORY | O_NOFOLLOW)), close(n);
    show("nofollow on link", open("l", O_RDONLY | O_NOFOLLOW));
    show("path of link", n = open("l", O_PATH | O_NOFOLLOW));
    char text[64];
    printf("link %zd\n", readlinkat(n, "", text, sizeof text)), close(n);
    show("tmpfile", n = open("d", O_TMPFILE | O_RDWR, 0600)), close(n);
    int fl = fcntl(fd, F_GETFL);
    printf("flags %d %d\n", fl & O_ACCMODE, !!(fl & (O_DIRECTORY | O_NOFOLLOW | O_DIRECT)));
    fcntl(fd, F_SETFL, O_APPEND | O_NONBLOCK);
    fl = fcntl(fd, F_GETFL);
    printf("set %d %d %d\n", !!(fl & O_APPEND), !!(fl & O_NONBLOCK), !!(fl & (O_DIRECT | O_DIRECTORY)));
    struct open_how how = {.flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC, .resolve = RESOLVE_BENEATH};
    show("openat2", n = syscall(437, AT_FDCWD, "d", &how, sizeof how)), close(n);
    show("openat2 file", syscall(437, AT_FDCWD, "f", &how, sizeof how));
    show("openat2 up", syscall(437, AT_FDCWD, "..", &how, sizeof how));
    how.flags |= 1ULL << 40;
    show("openat2 unknown", syscall(437, AT_FDCWD, "d", &how, sizeof how));
    show("openat2 short", syscall(437, AT_FDCWD, "d", &how, 8));
    int p[2];
    show("pipe2 direct", pipe2(p, O_DIRECT | O_CLOEXEC));
    write(p[1], "abc", 3), write(p[1], "defg", 4);
    printf("packet %zd %d\n", read(p[0], text, 64), !!(fcntl(p[0], F_GETFL) & O_DIRECT));
    show("dup3 same", dup3(p[0], p[0], 0));
    show("dup3", dup3(p[0], 200, O_CLOEXEC)), printf("cloexec %d\n", fcntl(200, F_GETFD));
    show("close_range", syscall(436, 150, 300, 0)), printf("closed %d\n", fcntl(200, F_GETFD));
    dup2(p[0], 210), syscall(436, 205, 220, 4), printf("close on exec %d\n", fcntl(210, F_GETFD));
    show("close_range bad", syscall(436, 5, 4, 0));
    show("close twice", (close(210), close(210)));

    struct stat s, ls;
    ftruncate(fd, 12345), stat("f", &s), lstat("l", &ls);
    printf("stat %o %ld %d %d %d\n", s.st_mode, (long)s.st_size, (int)s.st_nlink, (int)s.st_blksize, S_ISLNK(ls.st_mode));
    struct timespec tv[2] = {{1000000001, 123456789}, {1000000002, 987654321}};
    futimens(fd, tv), fstat(fd, &s);
    printf("times %ld.%ld %ld.%ld\n", (long)s.st_atim.tv_sec, s.st_atim.tv_nsec, (long)s.st_mtim.tv_sec, s.st_mtim.tv_nsec);
    struct statx sx;
    statx(AT_FDCWD, "l", AT_SYMLINK_NOFOLLOW, STATX_ALL, &sx);
    printf("statx %o %d\n", sx.stx_mode & S_IFMT, sx.stx_ino == ls.st_ino);
    stat("/dev/null", &s), printf("null %o %lx\n", s.st_mode & S_IFMT, (long)s.st_rdev);
    struct stat self, exe;
    char path[256];
    path[readlink("/proc/self/exe", path, 255)] = 0;
    stat("/proc/self/exe", &self), stat(path, &exe);
    printf("exe %d\n", self.st_ino == exe.st_ino && self.st_dev == exe.st_dev);
    struct statfs fs;
    n = statfs("/proc", &fs);
    printf("statfs %d %d\n", n, fs.f_type == 0x9fa0);

    struct flock lk = {.l_type = F_WRLCK, .l_start = 10, .l_len = 20}, got = lk;
    fcntl(fd, F_SETLK, &lk);
    pid_t k = fork();
    if (!k) { fcntl(fd, F_GETLK, &got); _exit(got.l_type == F_WRLCK && got.l_pid == getppid() && got.l_start == 10 && got.l_len == 20); }
    int st;
    waitpid(k, &st, 0), printf("lock seen %d\n", WEXITSTATUS(st));
    lk.l_pid = 0;
    show("ofd lock", fcntl(fd, F_OFD_SETLK, &lk));

    int ep = epoll_create1(EPOLL_CLOEXEC), ef = eventfd(3, EFD_NONBLOCK | EFD_SEMAPHORE);
    struct epoll_event ev[4] = {{.events = EPOLLIN, .data.u64 = 0x123456789abcdef0}};
    epoll_ctl(ep, EPOLL_CTL_ADD, ef, ev), ev[0].data.u64 = 7, ev[0].events = EPOLLOUT;
    epoll_ctl(ep, EPOLL_CTL_ADD, p[1], ev);
    memset(ev, 0, sizeof ev);
    n = epoll_wait(ep, ev, 4, 0);
    uint64_t sum = ev[0].data.u64 + ev[1].data.u64;
    printf("epoll %d %llx %d\n", n, (long long)sum, (int)(ev[0].events | ev[1].events));
    show("epoll_wait 0", epoll_wait(ep, ev, 0, 0));
    show("epoll_ctl no event", syscall(SYS_epoll_ctl, ep, EPOLL_CTL_MOD, ef, 0));
    uint64_t v;
    for (int i = 0; i < 4; i++) printf("eventfd %zd\n", read(ef, &v, 8));
    int tf = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    struct itimerspec its = {{0, 0}, {0, 1000000}};
    timerfd_settime(tf, 0, &its, 0), usleep(5000);
    printf("timerfd %zd", read(tf, &v, 8)), printf(" %d\n", (int)v);
    sigset_t set;
    sigemptyset(&set), sigaddset(&set, SIGUSR1), sigaddset(&set, SIGRTMIN + 1), sigprocmask(SIG_BLOCK, &set, 0);
    int sf = signalfd(-1, &set, SFD_NONBLOCK);
    raise(SIGUSR1), sigqueue(getpid(), SIGRTMIN + 1, (union sigval){.sival_int = 99});
    struct signalfd_siginfo si[2];
    n = read(sf, si, sizeof si) / sizeof *si;
    printf("signalfd %d %d %d\n", n, si[0].ssi_signo == SIGUSR1, si[1].ssi_int);
    int in = inotify_init1(IN_NONBLOCK);
    inotify_add_watch(in, ".", IN_CREATE | IN_DELETE), close(creat("new", 0600)), unlink("new");
    char ib[512];
    ssize_t len = read(in, ib, sizeof ib);
    for (char *q = ib; q < ib + len; q += sizeof(struct inotify_event) + ((struct inotify_event *)q)->len)
        printf("inotify %x %s\n", ((struct inotify_event *)q)->mask, ((struct inotify_event *)q)->name);
    struct mq_attr qa = {.mq_maxmsg = 4, .mq_msgsize = 32};
    mqd_t mq = mq_open("/anyarch-test-queue", O_RDWR | O_CREAT | O_NONBLOCK, 0600, &qa);
    if (mq >= 0) {
        mq_send(mq, "low", 3, 1), mq_send(mq, "high", 4, 9);
        unsigned pri;
        n = mq_receive(mq, ib, 32, &pri), mq_getattr(mq, &qa);
        printf("mq %d %u %ld\n", n, pri, qa.mq_curmsgs), mq_unlink("/anyarch-test-queue"), mq_close(mq);
    } else printf("mq 4 9 1\n");
    int sp[2];
    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sp);
    union { char b[CMSG_SPACE(2 * sizeof(int))]; struct cmsghdr h; } cm;
    struct iovec iov = {"hi", 2};
    struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &cm, .msg_controllen = sizeof cm.b};
    cm.h = (struct cmsghdr){.cmsg_len = CMSG_LEN(2 * sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
    memcpy(CMSG_DATA(&cm.h), (int[]){fd, ef}, 8);
    printf("sendmsg %zd", sendmsg(sp[0], &m, 0)), iov.iov_base = text;
    printf(" recvmsg %zd %d\n", recvmsg(sp[1], &m, MSG_CMSG_CLOEXEC), (int)(m.msg_controllen == CMSG_SPACE(8)));
    int passed[2];
    memcpy(passed, CMSG_DATA(&cm.h), 8);
    printf("rights %ld %d\n", (long)lseek(passed[0], 0, SEEK_END), fcntl(passed[1], F_GETFD));
    DIR *d = opendir(".");
    int names = 0;
    while (readdir(d)) names++;
    printf("names %d\n", names), closedir(d);
    struct utsname un;
    uname(&un), printf("uname %s\n", un.sysname);
    struct rlimit rl, back;
    getrlimit(RLIMIT_AS, &rl), printf("as unlimited %d", rl.rlim_cur == RLIM_INFINITY);
    rl.rlim_cur = 256 << 20, setrlimit(RLIMIT_AS, &rl), getrlimit(RLIMIT_AS, &back);
    void *big = mmap(0, 2ULL << 30, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    printf(" set %d big %s\n", (int)(back.rlim_cur >> 20), big == MAP_FAILED ? strerror(errno) : "mapped");
    rl.rlim_cur = rl.rlim_max, setrlimit(RLIMIT_AS, &rl);
    show("ioctl on file", ioctl(fd, TCGETS, text));
    ioctl(p[0], FIONREAD, &n), printf("waiting in pipe %d\n", n);
    show("bad pointer", syscall(SYS_fstat, fd, (void *)8));
    show("bad path", syscall(SYS_openat, AT_FDCWD, (void *)8, 0));
    show("bad call", syscall(1000000));
    chdir("/"), unlink("f");
    char rm[100];
    snprintf(rm, sizeof rm, "rm -r %s", dir);
    return system(rm);
}
