/* fork, vfork, spawn and exec while other threads allocate, run new code, make threads, take signals. */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
extern char **environ;
static volatile int stop;
static volatile long signals;
static void on(int s) { signals++; (void)s; }
static void *empty(void *p) { return p; }
static int compare(const void *a, const void *b) { return *(int *)a - *(int *)b; }
static void *worker(void *p)
{
    long n = (long)p;
    while (!stop) {
        char *m = malloc(1000 + n * 777);
        memset(m, n, 1000);
        int v[100];
        for (int i = 0; i < 100; i++) v[i] = (i * 7919 + n) % 101;
        qsort(v, 100, sizeof *v, compare);
        for (int i = 1; i < 100; i++) if (v[i - 1] > v[i]) abort();
        char text[64];
        snprintf(text, sizeof text, "%f %ld %s", n * 1.5, n, "text");
        if (n == 0) {
            pthread_t t;
            if (!pthread_create(&t, 0, empty, 0)) pthread_join(t, 0);
        }
        if (n == 1) {
            char *q = mmap(0, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
            q[5] = 1;
            mprotect(q, 4096, PROT_READ | PROT_EXEC);
            munmap(q, 65536);
        }
        if (n == 2) usleep(100), kill(getpid(), SIGUSR1);
        free(m);
    }
    return 0;
}
int main(int argc, char **argv)
{
    if (argc > 1) return 17;
    struct sigaction a = {.sa_handler = on, .sa_flags = SA_RESTART};
    sigaction(SIGUSR1, &a, 0);
    pthread_t t[4];
    for (long i = 0; i < 4; i++) pthread_create(t + i, 0, worker, (void *)i);
    int ok[5] = {0};
    char self[4096];
    self[readlink("/proc/self/exe", self, sizeof self - 1)] = 0;
    char *args[] = {"self", "child", 0};
    struct timespec begin, now;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    int rounds = 0;
    do {
        int st = 0;
        pid_t p = fork();
        if (!p) {
            char *m = malloc(50000);
            memset(m, 1, 50000);
            pthread_t c;
            if (pthread_create(&c, 0, empty, 0) || pthread_join(c, 0)) _exit(1);
            _exit(m[100] + 10);
        }
        ok[0] += waitpid(p, &st, 0) == p && WEXITSTATUS(st) == 11;
        p = vfork();
        if (!p) _exit(12);
        ok[1] += waitpid(p, &st, 0) == p && WEXITSTATUS(st) == 12;
        ok[2] += posix_spawn(&p, "/missing", 0, 0, args, environ) == ENOENT;
        if (rounds % 8 == 0) {
            ok[3] += posix_spawn(&p, self, 0, 0, args, environ) == 0;
            ok[4] += waitpid(p, &st, 0) == p && WEXITSTATUS(st) == 17;
        }
        rounds++;
        clock_gettime(CLOCK_MONOTONIC, &now);
    } while (rounds < 40 || now.tv_sec - begin.tv_sec < 2);
    stop = 1;
    for (int i = 0; i < 4; i++) pthread_join(t[i], 0);
    int every = (rounds + 7) / 8;
    printf("fork %d vfork %d missing %d spawn %d exit %d signals %d\n", ok[0] == rounds, ok[1] == rounds, ok[2] == rounds, ok[3] == every, ok[4] == every, signals > 0);
    return 0;
}
