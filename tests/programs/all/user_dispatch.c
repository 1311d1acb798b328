/* PR_SET_SYSCALL_USER_DISPATCH: system calls that raise SIGSYS instead of being made. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { DISPATCH = 59, OFF = 0, ON = 1, ALLOW = 0, BLOCK = 1 };
static volatile char selector;
static volatile int times, code, number, has_arch, has_address;
static int ends[2];
extern char __executable_start, etext;

static void on_sys(int s, siginfo_t *i, void *u)
{
    selector = ALLOW;
    times++, code = i->si_code, number = i->si_syscall, has_arch = i->si_arch != 0;
    has_address = (char *)i->si_call_addr > &__executable_start && (char *)i->si_call_addr < &etext;
}
static int set(unsigned long mode, unsigned long start, unsigned long len, volatile void *at)
{
    errno = 0;
    prctl(DISPATCH, mode, start, len, at);
    return errno;
}
/* A call that is made unless the byte says otherwise. */
static void attempt(const char *name)
{
    char got = '-';
    times = code = number = has_arch = has_address = 0;
    selector = BLOCK;
    syscall(SYS_write, ends[1], "w", 1);
    selector = ALLOW;
    write(ends[1], "e", 1);
    read(ends[0], &got, 1);
    if (got == 'w') read(ends[0], &got, 1), got = 'w';
    printf("%s: times %d code %d write %d arch %d address %d made %d\n", name, times, code, number == SYS_write, has_arch, has_address, got == 'w');
    fflush(stdout);
}
static void *thread(void *p) { attempt("thread"); return 0; }
static int ended(void (*body)(void))
{
    int status;
    pid_t pid = fork();
    if (!pid) body(), _exit(0);
    waitpid(pid, &status, 0);
    return WIFSIGNALED(status) ? WTERMSIG(status) : -1;
}
static void bad_byte(void) { set(ON, 0, 0, &selector), selector = 7, getppid(); }
static void no_byte(void)
{
    volatile char *p = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    set(ON, 0, 0, p), mprotect((void *)p, 4096, PROT_NONE), getppid();
}
static void ignored(void) { signal(SIGSYS, SIG_IGN), set(ON, 0, 0, &selector), selector = BLOCK, getppid(); }
static void blocked(void)
{
    sigset_t all;
    sigfillset(&all), sigprocmask(SIG_SETMASK, &all, 0);
    set(ON, 0, 0, &selector), selector = BLOCK, getppid();
}

int main(int argc, char **argv)
{
    struct sigaction sa = {.sa_sigaction = on_sys, .sa_flags = SA_SIGINFO};
    pthread_t t;
    pipe(ends);
    sigaction(SIGSYS, &sa, 0), sigaction(SIGSEGV, &sa, 0);
    if (argc > 1) return attempt("program"), 0;
    printf("errors %d %d %d %d %d %d\n", set(77, 0, 0, 0), set(OFF, 0, 0, &selector), set(OFF, 1, 0, 0), set(ON, 1, 0, &selector), set(ON, 4096, -4096ul, &selector), set(ON, 0, 0, (void *)(1ul << 55)));
    attempt("never set");
    printf("set %d\n", set(ON, 0, 0, &selector));
    attempt("set");
    pid_t pid = fork();
    if (!pid) attempt("child"), _exit(0);
    waitpid(pid, 0, 0);
    pthread_create(&t, 0, thread, 0), pthread_join(t, 0);
    attempt("again");
    pid = vfork();
    if (!pid) execl("/proc/self/exe", "program", "x", NULL), _exit(1);
    waitpid(pid, 0, 0);
    printf("set %d\n", set(ON, (unsigned long)&__executable_start, &etext - &__executable_start, &selector));
    attempt("its code");
    printf("set %d\n", set(ON, (unsigned long)&etext, 4096, &selector));
    attempt("other code");
    printf("off %d\n", set(OFF, 0, 0, 0));
    attempt("off");
    printf("bad byte %d, no byte %d, ignored %d, blocked %d\n", ended(bad_byte), ended(no_byte), ended(ignored), ended(blocked));
    return 0;
}
