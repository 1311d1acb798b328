/* Which calls are made again after a handler, which fail with EINTR, and races of signals with calls. */
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t hits;
static int rd, wr, sock[2];
static pthread_t main_thread;
static void on(int s) { hits++; (void)s; }
static void on_write(int s) { hits++; if (write(wr, "x", 1) != 1 || send(sock[1], "y", 1, 0) != 1) _exit(9); (void)s; }

static void arm(void (*f)(int), int flags)
{
    struct sigaction a = {.sa_handler = f, .sa_flags = flags};
    sigemptyset(&a.sa_mask);
    sigaction(SIGALRM, &a, 0);
    struct itimerval it = {.it_value = {0, 20000}};
    setitimer(ITIMER_REAL, &it, 0);
    hits = 0;
}
static void show(const char *what, long r)
{
    int e = errno;
    printf("%s %ld %s hits %d\n", what, r, r < 0 ? strerror(e) : "ok", (int)hits);
}
static void drain(void)
{
    char c;
    fcntl(rd, F_SETFL, O_NONBLOCK);
    while (read(rd, &c, 1) == 1) {}
    fcntl(rd, F_SETFL, 0);
    while (recv(sock[0], &c, 1, MSG_DONTWAIT) == 1) {}
}
static void *storm(void *p)
{
    for (int i = 0; i < 2000; i++) {
        pthread_kill(main_thread, SIGUSR1);
        if (i % 16 == 0) usleep(50);
    }
    *(volatile int *)p = 1;
    return 0;
}

int main(void)
{
    setvbuf(stdout, 0, _IONBF, 0);
    int p[2];
    char c;
    if (pipe(p) || socketpair(AF_UNIX, SOCK_STREAM, 0, sock)) return 1;
    rd = p[0], wr = p[1];
    for (int flags = 0; flags <= SA_RESTART; flags += SA_RESTART) {
        long r;
        printf("== %s\n", flags ? "SA_RESTART" : "no flag");
        arm(on_write, flags);
        r = read(rd, &c, 1);
        show("read", r), drain();
        arm(on_write, flags);
        r = recv(sock[0], &c, 1, 0);
        show("recv", r), drain();
        struct timeval tv = {5, 0}, none = {0, 0};
        setsockopt(sock[0], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv);
        arm(on_write, flags);
        r = recv(sock[0], &c, 1, 0);
        show("recv with timeout", r), drain();
        setsockopt(sock[0], SOL_SOCKET, SO_RCVTIMEO, &none, sizeof none);
        pid_t k = fork();
        if (!k) { usleep(60000); _exit(4); }
        int st = 0;
        arm(on, flags);
        pid_t w = waitpid(k, &st, 0);
        show("waitpid", w < 0 ? -1 : WEXITSTATUS(st));
        if (w < 0) waitpid(k, &st, 0);
        struct pollfd pf = {rd, POLLIN, 0};
        arm(on, flags);
        r = poll(&pf, 1, 5000);
        show("poll", r);
        fd_set fs;
        FD_ZERO(&fs);
        FD_SET(rd, &fs);
        tv.tv_sec = 5;
        arm(on, flags);
        r = select(rd + 1, &fs, 0, 0, &tv);
        show("select", r);
        int ep = epoll_create1(0);
        struct epoll_event ev = {.events = EPOLLIN, .data.u64 = 0x1122334455667788};
        epoll_ctl(ep, EPOLL_CTL_ADD, rd, &ev);
        arm(on, flags);
        r = epoll_wait(ep, &ev, 1, 5000);
        show("epoll_wait", r);
        close(ep);
        arm(on, flags);
        r = pause();
        show("pause", r);
        struct timespec ts = {5, 0}, rem = {0, 0};
        arm(on, flags);
        r = nanosleep(&ts, &rem);
        show("nanosleep", r);
        printf("remaining %d\n", rem.tv_sec == 4);
        arm(on, flags);
        r = (errno = clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, &rem)) ? -1 : 0;
        show("clock_nanosleep", r);
        int word = 1;
        arm(on, flags);
        r = syscall(SYS_futex, &word, FUTEX_WAIT, 1, &ts, 0, 0);
        show("futex wait with timeout", r);
        sigset_t set;
        sigemptyset(&set);
        arm(on, flags);
        r = sigsuspend(&set);
        show("sigsuspend", r);
        sigaddset(&set, SIGUSR2), sigprocmask(SIG_BLOCK, &set, 0);
        arm(on, flags);
        r = sigtimedwait(&set, 0, &ts);
        show("sigtimedwait", r);
        sem_t sem;
        sem_init(&sem, 0, 0);
        struct timespec at;
        clock_gettime(CLOCK_REALTIME, &at), at.tv_sec += 5;
        arm(on, flags);
        r = sem_timedwait(&sem, &at);
        show("sem_timedwait", r);
        int q = msgget(IPC_PRIVATE, 0600);
        struct { long type; char text[8]; } m;
        arm(on, flags);
        r = msgrcv(q, &m, 8, 0, 0);
        show("msgrcv", r);
        msgctl(q, IPC_RMID, 0);
        int s = semget(IPC_PRIVATE, 1, 0600);
        struct sembuf down = {0, -1, 0};
        arm(on, flags);
        r = semop(s, &down, 1);
        show("semop", r);
        struct semid_ds ds;
        memset(&ds, 0x55, sizeof ds);
        union { int v; struct semid_ds *b; } arg = {.b = &ds};
        semctl(s, 0, IPC_STAT, arg);
        printf("semaphores %d otime %d ctime %d\n", (int)ds.sem_nsems, (int)ds.sem_otime, ds.sem_ctime > 1000000);
        semctl(s, 0, IPC_RMID);
    }

    long r;
    printf("== blocked until the call\n");
    struct sigaction a = {.sa_handler = on};
    sigaction(SIGUSR1, &a, 0);
    sigset_t block, empty, old;
    sigemptyset(&empty), sigemptyset(&block), sigaddset(&block, SIGUSR1);
    sigprocmask(SIG_BLOCK, &block, &old);
    struct pollfd pf = {rd, POLLIN, 0};
    struct timespec five = {5, 0};
    hits = 0, raise(SIGUSR1), r = ppoll(&pf, 1, &five, &empty);
    show("ppoll", r);
    hits = 0, raise(SIGUSR1);
    r = pselect(0, 0, 0, 0, &five, &empty);
    show("pselect", r);
    int ep = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event ev;
    hits = 0, raise(SIGUSR1), r = epoll_pwait(ep, &ev, 1, 5000, &empty);
    show("epoll_pwait", r);
    hits = 0, raise(SIGUSR1), r = sigsuspend(&empty);
    show("sigsuspend", r);
    sigprocmask(SIG_BLOCK, 0, &old);
    printf("still blocked %d\n", sigismember(&old, SIGUSR1));
    hits = 0, raise(SIGUSR1), r = (write(wr, "z", 1), ppoll(&pf, 1, &five, 0));
    show("ppoll ready", r);
    sigprocmask(SIG_SETMASK, &empty, 0);
    printf("then %d\n", (int)hits);
    drain();

    printf("== storm\n");
    a.sa_flags = SA_RESTART;
    sigaction(SIGUSR1, &a, 0);
    main_thread = pthread_self();
    volatile int done = 0;
    pthread_t t;
    pthread_create(&t, 0, storm, (void *)&done);
    long bad = 0, rounds = 0;
    while (!done) {
        char b[64];
        if (write(wr, "0123456789", 10) != 10) bad++;
        if (read(rd, b, 10) != 10 || memcmp(b, "0123456789", 10)) bad++;
        if (getpid() != getpgrp() && getpid() <= 0) bad++;
        int fd = dup(rd);
        if (fd < 0 || close(fd)) bad++;
        rounds++;
    }
    pthread_join(t, 0);
    printf("failed calls %ld rounds %d\n", bad, rounds > 0);
    return 0;
}
