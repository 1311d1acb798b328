/* Programs executed as init systems, shells, package tools and launchers do it. */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;
static char dir[64];

/* Runs f in a child that executes something; the status. */
static int run(void (*f)(void))
{
    int status;
    fflush(stdout);
    pid_t pid = fork();
    if (!pid) { f(); _exit(100 + errno); }
    waitpid(pid, &status, 0);
    return status;
}

static char *path(const char *name) { static char p[4][128]; static int n; char *r = p[n++ & 3]; sprintf(r, "%s/%s", dir, name); return r; }
static void put(const char *name, const char *text, int mode) { int fd = open(path(name), O_WRONLY | O_CREAT | O_TRUNC, 0600); write(fd, text, strlen(text)); fchmod(fd, mode); close(fd); }

static int copy_self(int to, long skip_from, long skip_len)
{
    int in = open("/proc/self/exe", O_RDONLY);
    char b[65536];
    ssize_t n;
    while ((n = read(in, b, sizeof b)) > 0) write(to, b, n);
    close(in);
}

static void by_memfd(void)
{
    int fd = memfd_create("launched", MFD_CLOEXEC);
    copy_self(fd, 0, 0);
    fcntl(fd, F_ADD_SEALS, 0);
    fexecve(fd, (char *[]){"renamed", "show", 0}, (char *[]){"A=1", 0});
}
static void empty_args(void) { execve("/proc/self/exe", (char *[]){0}, (char *[]){0}); }
static void *executes(void *p) { execl("/proc/self/exe", "x", "tids", NULL); return 0; }
static void by_thread(void)
{
    pthread_t t;
    char ids[20];
    sprintf(ids, "%d", getpid());
    setenv("PID", ids, 1);
    pthread_create(&t, 0, executes, 0);
    pthread_join(t, 0);
}
static void kept(void)
{
    sigset_t set;
    sigemptyset(&set), sigaddset(&set, SIGUSR1), sigaddset(&set, SIGSEGV), sigprocmask(SIG_BLOCK, &set, 0);
    signal(SIGUSR2, SIG_IGN), signal(SIGHUP, by_memfd), signal(SIGFPE, SIG_IGN);
    raise(SIGUSR1), raise(SIGSEGV);
    struct itimerval t = {{0, 0}, {50, 0}};
    setitimer(ITIMER_REAL, &t, 0);
    alarm(40);
    prctl(PR_SET_PDEATHSIG, SIGUSR1), prctl(PR_SET_NAME, "lost"), prctl(PR_SET_KEEPCAPS, 1), prctl(PR_SET_TIMERSLACK, 77777);
    umask(031), nice(3);
    fcntl(open("/dev/null", O_RDONLY), F_DUPFD_CLOEXEC, 50);
    dup2(0, 60);
    execl("/proc/self/exe", "x", "kept", NULL);
}
static void script(void) { execl(path("script"), "a0", "a1", NULL); }
static void nested(void) { execl(path("nested"), "a0", "a1", NULL); }
static void spaces(void) { execl(path("spaces"), "a0", "a1", NULL); }
static void no_line(void) { execl(path("plain"), "a0", NULL); }
static void looping(void) { execl(path("loop"), "a0", NULL); }
static void nowhere(void) { execl(path("nowhere"), "a0", NULL); }
static void by_path(void) { setenv("PATH", dir, 1); execlp("plain", "plain", NULL); }
static void directory(void) { execl(dir, "x", NULL); }
static void not_executable(void) { execl(path("data"), "x", NULL); }
static void too_big(void)
{
    char *big = malloc(140000);
    memset(big, 'x', 139999), big[139999] = 0;
    execl("/proc/self/exe", "x", big, NULL);
}
static void busy(void) { int fd = open(path("copy"), O_WRONLY | O_APPEND); execl(path("copy"), "x", "show", NULL); }
static void copied(void) { execl(path("copy"), "x", "show", NULL); }
static void headless(void) { execl(path("headless"), "x", "show", NULL); }
static void relative(void) { chdir(dir); execl("./copy", "x", "show", NULL); }
static void at(void) { int d = open(dir, O_PATH); syscall(SYS_execveat, d, "copy", (char *[]){"x", "show", 0}, environ, 0); }
static void at_link(void) { int d = open(dir, O_PATH); syscall(SYS_execveat, d, "link", (char *[]){"x", "show", 0}, environ, AT_SYMLINK_NOFOLLOW); }
static void at_empty(void) { int d = open(path("copy"), O_PATH); syscall(SYS_execveat, d, "", (char *[]){"x", "show", 0}, environ, AT_EMPTY_PATH); }
static void no_random(void) { personality(ADDR_NO_RANDOMIZE); execl("/proc/self/exe", "x", "address", NULL); }

static int show(int argc, char **argv)
{
    const char *name = (const char *)getauxval(AT_EXECFN);
    char link[200] = "";
    readlink("/proc/self/exe", link, 199);
    printf("[%d %s %s", argc, argc ? argv[0] : "-", strstr(name, "/headless") ? "headless" : strstr(name, "copy") ? "copy" : !strncmp(name, "/dev/fd/", 8) ? "/dev/fd" : !strncmp(name, "/proc", 5) ? "/proc" : name);
    printf(" %s %d]", strrchr(link, '/') + 1, environ[0] == 0);
    fflush(stdout);
    return 20;
}

static int kept_view(void)
{
    sigset_t set, pending;
    struct sigaction a, b, c;
    int death = -1, keep;
    struct itimerval t;
    char name[20];
    sigprocmask(0, 0, &set), sigpending(&pending);
    sigaction(SIGUSR2, 0, &a), sigaction(SIGHUP, 0, &b), sigaction(SIGFPE, 0, &c);
    prctl(PR_GET_PDEATHSIG, &death), prctl(PR_GET_NAME, name);
    getitimer(ITIMER_REAL, &t);
    printf("[mask %d%d pending %d%d ignored %d%d%d", sigismember(&set, SIGUSR1), sigismember(&set, SIGSEGV), sigismember(&pending, SIGUSR1), sigismember(&pending, SIGSEGV), a.sa_handler == SIG_IGN, b.sa_handler == SIG_DFL, c.sa_handler == SIG_IGN);
    printf(" timer %d death %d name %s keep %d slack %d", t.it_value.tv_sec > 30 && t.it_value.tv_sec <= 40, death, !strncmp(name, "exe", 3) ? "exe" : name, prctl(PR_GET_KEEPCAPS), prctl(PR_GET_TIMERSLACK));
    printf(" umask %o nice %d fds %d%d]", umask(0), getpriority(PRIO_PROCESS, 0), fcntl(50, F_GETFD) < 0, fcntl(60, F_GETFD) >= 0);
    fflush(stdout);
    return 21;
}

int main(int argc, char **argv)
{
    if (argc == 0 || (argc == 1 && !argv[0][0])) { printf("[none %d]", argc); fflush(stdout); return 22; }
    if (argc > 1) {
        if (!strcmp(argv[1], "show")) return show(argc, argv);
        if (!strcmp(argv[1], "kept")) return kept_view();
        if (!strcmp(argv[1], "tids")) return getpid() == atoi(getenv("PID")) && syscall(SYS_gettid) == getpid() ? 23 : 24;
        if (!strcmp(argv[1], "address")) { int local; long a = (long)&local ^ (long)malloc(10); printf("[flag %d]", personality(-1) & ADDR_NO_RANDOMIZE ? 1 : 0); fflush(stdout); return 25; }
        printf("[%d", argc);
        for (int i = 0; i < argc; i++) printf(" %s", strncmp(argv[i], "/tmp/", 5) ? argv[i] : strrchr(argv[i], '/') + 1);
        printf("]");
        fflush(stdout);
        return 26;
    }
    sprintf(dir, "/tmp/exec-kinds-%d", getpid());
    mkdir(dir, 0700);
    int fd = open(path("copy"), O_WRONLY | O_CREAT, 0755);
    copy_self(fd, 0, 0);
    close(fd);
    fd = open(path("headless"), O_RDWR | O_CREAT, 0755);
    copy_self(fd, 0, 0);
    Elf64_Ehdr h;
    pread(fd, &h, sizeof h, 0);
    h.e_shoff = h.e_shnum = h.e_shstrndx = 0, h.e_version = 0;
    pwrite(fd, &h, sizeof h, 0);
    close(fd);
    char text[300];
    sprintf(text, "#!%s/copy one two  \n", dir), put("script", text, 0755);
    sprintf(text, "#! %s/script\n", dir), put("nested", text, 0755);
    sprintf(text, "#!\t  %s/copy\t \n", dir), put("spaces", text, 0755);
    sprintf(text, "#!%s/loop\n", dir), put("loop", text, 0755);
    put("plain", "echo plain\nexit 7\n", 0755), put("data", "data", 0644), put("nowhere", "#!/no/such/interpreter\n", 0755);
    symlink("copy", path("link"));
    static const struct { const char *name; void (*f)(void); } all[] = {
        {"memfd", by_memfd}, {"empty", empty_args}, {"thread", by_thread}, {"kept", kept}, {"script", script}, {"nested", nested}, {"spaces", spaces}, {"plain", no_line}, {"loop", looping}, {"nowhere", nowhere}, {"path", by_path}, {"directory", directory}, {"data", not_executable}, {"big", too_big}, {"busy", busy}, {"copied", copied}, {"headless", headless}, {"relative", relative}, {"at", at}, {"link", at_link}, {"empty path", at_empty}, {"random", no_random}};
    for (unsigned i = 0; i < sizeof all / sizeof *all; i++) {
        printf("%s ", all[i].name);
        int s = run(all[i].f);
        printf(" %x\n", s);
    }
    char cmd[100];
    sprintf(cmd, "rm -r %s", dir);
    static const char *const names[] = {"copy", "headless", "script", "nested", "spaces", "loop", "plain", "data", "nowhere", "link"};
    for (int i = 0; i < 10; i++) unlink(path(names[i]));
    rmdir(dir);
    return 0;
}
