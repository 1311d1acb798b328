/* What programs see of being executed one by another, many times, by all ways and as other users. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;
/* Descriptors above those a program has, in a directory of /proc. */
static int high(const char *path)
{
    DIR *d = opendir(path);
    int n = 0;
    if (!d) return -1;
    for (struct dirent *e; (e = readdir(d));) n += atoi(e->d_name) >= 256;
    closedir(d);
    return n;
}
static int work(int depth)
{
    volatile double x = 1;
    char text[64];
    for (int i = 0; i < 50; i++) {
        snprintf(text, sizeof text, "%d %f %s", i, x, "abc");
        x = strtod(text, 0) + strlen(text) * depth;
    }
    return (int)x;
}
static int again(char *self, char *depth, int how)
{
    char *argv[] = {self, depth, NULL};
    pid_t p;
    int st = -1;
    if (how == 0) {
        p = fork();
        if (!p) execv("/proc/self/exe", argv), _exit(99);
    } else if (how == 1) {
        p = vfork();
        if (!p) execv("/proc/self/exe", argv), _exit(99);
    } else if (posix_spawn(&p, "/proc/self/exe", NULL, NULL, argv, environ)) {
        return -1;
    }
    waitpid(p, &st, 0);
    return WIFEXITED(st) ? WEXITSTATUS(st) : -WTERMSIG(st);
}
int main(int argc, char **argv)
{
    setvbuf(stdout, 0, _IONBF, 0);
    int depth = argc > 1 ? atoi(argv[1]) : 4;
    int result = work(depth) & 0x7f;
    char next[8];
    sprintf(next, "%d", depth - 1);
    if (depth > 0)
        for (int how = 0; how < 3; how++) result = (result + again(argv[0], next, how)) & 0x7f;
    if (argc > 1) return result;
    printf("result %d\n", result);
    printf("descriptors %d %d\n", high("/proc/self/fd"), high("/proc/self/fdinfo"));
    /* A descriptor of its own in that range is seen, and may be closed. */
    int fd = fcntl(0, F_DUPFD, 300);
    printf("own %d %d\n", fd >= 300, high("/proc/self/fd"));
    printf("closed %d\n", syscall(SYS_close_range, 256, ~0U, 0) == 0);
    printf("then %d %d\n", fcntl(fd, F_GETFD), high("/proc/self/fd"));
    printf("after that %d\n", again(argv[0], "2", 0));
    /* Everything but the first descriptors closed one by one, as daemons do. */
    int open = 0;
    for (int i = 3; i < 1100; i++) open += close(i) == 0;
    printf("one by one %d\n", open);
    printf("after that %d\n", again(argv[0], "2", 2));
    /* Children with other rights that start in this memory. */
    int same = 0, leaks = 0;
    for (int i = 0; i < 20; i++) {
        int st, p = vfork();
        if (!p) {
            char *args[] = {argv[0], "1", NULL};
            if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) _exit(98);
            execv("/proc/self/exe", args);
            _exit(99);
        }
        waitpid(p, &st, 0);
        same += WIFEXITED(st) && WEXITSTATUS(st) == again(argv[0], "1", i % 3);
    }
    for (int i = 256; i < 1100; i++) leaks += fcntl(i, F_GETFD) >= 0;
    printf("vfork %d leaks %d %d\n", same, leaks, high("/proc/self/fd"));
    /* Other rights: still the same results. */
    printf("no new privileges %d\n", prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    printf("after that %d\n", again(argv[0], "2", 1));
    if (getuid() == 0) {
        int st, p = fork();
        if (!p) {
            if (setgid(1000) || setuid(1000)) _exit(0);
            _exit(again(argv[0], "2", 0) == again(argv[0], "2", 1) ? 0 : 1);
        }
        waitpid(p, &st, 0);
        printf("as a user %d\n", st);
    }
    printf("at last %d\n", again(argv[0], "3", 2));
    return 0;
}
