/* What a program starts with is what it was given: closed standard descriptors, ignored signals. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
static int show(const char *what)
{
    char text[512];
    int n = sprintf(text, "%s: open", what);
    for (int fd = 0; fd < 8; fd++)
        if (fcntl(fd, F_GETFD) >= 0) n += sprintf(text + n, " %d", fd);
    n += sprintf(text + n, ", ignored");
    for (int s = 1; s < NSIG; s++) {
        struct sigaction sa;
        if (sigaction(s, 0, &sa) == 0 && sa.sa_handler == SIG_IGN) n += sprintf(text + n, " %d", s);
    }
    n += sprintf(text + n, "\n");
    return write(5, text, n) != n;
}
static void start(const char *what, void (*prepare)(void))
{
    fflush(stdout);
    if (fork() == 0) {
        dup2(1, 5);
        prepare();
        execl("/proc/self/exe", "inherited", what, (char *)0);
        _exit(1);
    }
    int status;
    wait(&status);
    printf("%s: status %d\n", what, status);
}
static void nothing(void) {}
static void no_input(void) { close(0); }
static void no_descriptors(void) { close(0), close(1), close(2); }
static void ignoring(void)
{
    signal(SIGPIPE, SIG_IGN), signal(SIGUSR1, SIG_IGN), signal(SIGTERM, SIG_IGN), signal(SIGRTMAX, SIG_IGN);
}
static void handler(int s) { (void)s; }
static void handling(void) { signal(SIGUSR1, handler), signal(SIGPIPE, SIG_DFL); }
int main(int argc, char **argv)
{
    if (argc > 1) return show(argv[1]);
    signal(SIGPIPE, SIG_DFL);
    start("nothing", nothing);
    start("no input", no_input);
    start("no descriptors", no_descriptors);
    start("ignoring", ignoring);
    start("handling", handling);
    return 0;
}
