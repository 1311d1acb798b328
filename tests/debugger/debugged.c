/* What gdb looks at: threads, a variable that changes, calls to walk back through; with an argument
 * signals, a fork, an execve and a fault. It ends with code 7 after SIGTERM. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

volatile int turns, changed, finish;
int *volatile nowhere;

__attribute__((noinline)) static int innermost(int depth)
{
    turns++;
    if (turns % 3 == 0)
        changed = turns;
    return depth + turns;
}
__attribute__((noinline)) static int nested(int depth)
{
    int below = depth ? nested(depth - 1) : innermost(depth);
    return below + 1;
}
static void *idle(void *name)
{
    while (!finish)
        usleep(20000);
    return name;
}
static void on_signal(int signal)
{
    if (signal == SIGTERM)
        finish = 1;
    else
        turns += 10;
}
static int debugged_from_the_start(char **argv)
{
    raise(SIGUSR1);
    pid_t child = fork();
    if (!child) {
        execl(argv[0], argv[0], "a", "child", (char *)NULL);
        _exit(1);
    }
    int status = 0;
    waitpid(child, &status, 0);
    changed = nested(3);
    return *nowhere;
}
int main(int argc, char **argv)
{
    signal(SIGUSR1, on_signal);
    signal(SIGTERM, on_signal);
    if (argc == 3)
        return 3;
    if (argc == 2)
        return debugged_from_the_start(argv);
    pthread_t threads[3];
    for (int i = 0; i < 3; i++)
        pthread_create(&threads[i], NULL, idle, NULL);
    time_t end = time(NULL) + 100;
    puts("up");
    fflush(stdout);
    while (!finish && time(NULL) < end) {
        nested(2);
        usleep(20000);
    }
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    printf("lived on until %s\n", finish ? "SIGTERM" : "the end of its time");
    return 7;
}
