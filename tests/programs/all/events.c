/* pipes, poll, select, epoll, eventfd, timerfd, signalfd, inotify, socketpair with descriptors. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/select.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <netinet/in.h>
#include <arpa/inet.h>
#include <unistd.h>
int main(void)
{
    int p[2];
    char buf[256] = {0};
    pipe2(p, O_NONBLOCK | O_CLOEXEC);
    printf("empty %zd", read(p[0], buf, 1)),
        printf(" %s\n", strerror(errno));
    struct pollfd pf[2] = {{p[0], POLLIN, 0}, {p[1], POLLOUT, 0}};
    printf("poll %d", poll(pf, 2, 0)),
        printf(" %x", pf[0].revents),
        printf(" %x\n", pf[1].revents);
    write(p[1], "x", 1);
    printf("poll %d", poll(pf, 2, 1000)),
        printf(" %x", pf[0].revents),
        printf(" %x\n", pf[1].revents);
    fd_set r;
    FD_ZERO(&r);
    FD_SET(p[0], &r);
    struct timeval tv = {1, 0};
    printf("select %d", select(p[0] + 1, &r, 0, 0, &tv)),
        printf(" %d\n", FD_ISSET(p[0], &r) != 0);
    int e = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event ev[4] = {{0}};
    for (int i = 0; i < 2; i++) {
        struct epoll_event one = {.events = i ? EPOLLOUT : EPOLLIN, .data.u64 = 0x1122334455667788ull + i};
        printf("add %d\n", epoll_ctl(e, EPOLL_CTL_ADD, p[i], &one));
    }
    int n = epoll_wait(e, ev, 4, 1000);
    uint64_t sum = 0;
    for (int i = 0; i < n; i++) sum += ev[i].data.u64 ^ ev[i].events;
    printf("epoll %d %llx\n", n, (unsigned long long)sum);
    int efd = eventfd(3, EFD_NONBLOCK);
    uint64_t v = 4;
    write(efd, &v, 8);
    printf("eventfd %zd", read(efd, &v, 8)),
        printf(" %llu\n", (unsigned long long)v);
    int t = timerfd_create(CLOCK_MONOTONIC, 0);
    struct itimerspec its = {{0, 0}, {0, 20000000}};
    timerfd_settime(t, 0, &its, 0);
    printf("timerfd %zd", read(t, &v, 8)),
        printf(" %llu\n", (unsigned long long)v);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, 0);
    int s = signalfd(-1, &set, 0);
    union sigval val = {.sival_int = 77};
    sigqueue(getpid(), SIGUSR1, val);
    struct signalfd_siginfo si;
    printf("signalfd %zd", read(s, &si, sizeof si)),
        printf(" %u", si.ssi_signo),
        printf(" %d\n", si.ssi_int);
    char name[] = "/tmp/anyarch-inotify-XXXXXX";
    mkdtemp(name);
    int in = inotify_init1(IN_CLOEXEC);
    inotify_add_watch(in, name, IN_CREATE);
    snprintf(buf, sizeof buf, "%s/file", name);
    close(open(buf, O_CREAT | O_WRONLY, 0600));
    char events[512];
    struct inotify_event *ie = (void *)events;
    printf("inotify %d", read(in, events, sizeof events) > 0);
    printf(" %x %s\n", ie->mask, ie->name);
    unlink(buf), rmdir(name);
    int sp[2];
    socketpair(AF_UNIX, SOCK_DGRAM, 0, sp);
    char control[CMSG_SPACE(sizeof(int))] = {0};
    struct iovec iov = {"fd", 2};
    struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);
    c->cmsg_level = SOL_SOCKET, c->cmsg_type = SCM_RIGHTS, c->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(c), &efd, sizeof efd);
    printf("sendmsg %zd\n", sendmsg(sp[0], &m, 0));
    iov.iov_base = buf, iov.iov_len = sizeof buf;
    printf("recvmsg %zd", recvmsg(sp[1], &m, 0));
    int got;
    memcpy(&got, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof got);
    v = 9;
    write(got, &v, 8);
    printf(" %d", got != efd),
        printf(" %llu\n", read(efd, &v, 8) == 8 ? (unsigned long long)v : 0ull);
    int l = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
    setsockopt(l, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t al = sizeof a;
    printf("bind %d", bind(l, (void *)&a, sizeof a)),
        printf(" listen %d", listen(l, 1)),
        printf(" name %d\n", getsockname(l, (void *)&a, &al));
    int cl = socket(AF_INET, SOCK_STREAM, 0);
    printf("connect %d\n", connect(cl, (void *)&a, sizeof a));
    int ac = accept4(l, 0, 0, SOCK_CLOEXEC);
    send(cl, "over tcp", 8, 0);
    printf("recv %zd", recv(ac, buf, sizeof buf, 0));
    printf(" %.8s\n", buf);
    struct timeval rt = {0, 30000};
    setsockopt(ac, SOL_SOCKET, SO_RCVTIMEO, &rt, sizeof rt);
    printf("timeout %zd", recv(ac, buf, 1, 0)),
        printf(" %s\n", strerror(errno));
    shutdown(cl, SHUT_WR);
    printf("eof %zd\n", recv(ac, buf, 1, 0));
    return 0;
}
