/* /proc as tools of containers, monitors, checkpointers and languages' runtimes read and write it. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;
static char text[1 << 16];

static const char *get(const char *path)
{
    int fd = open(path, O_RDONLY);
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1), all = n < 0 ? 0 : n;
    while (n > 0 && (n = read(fd, text + all, sizeof text - 1 - all)) > 0) all += n;
    text[all] = 0;
    if (fd < 0) sprintf(text, "open %d", errno); else if (n < 0) sprintf(text, "read %d", errno);
    close(fd);
    return text;
}
static const char *of(pid_t pid, const char *name) { char p[100]; sprintf(p, "/proc/%d/%s", pid, name); return get(p); }
static long field(const char *stat, int n) { const char *p = strrchr(stat, ')') + 1; for (int i = 2; i < n; i++) p = strchr(p, ' ') + 1; return atol(p); }
static int lines(const char *s) { int n = 0; for (; *s; s++) n += *s == '\n'; return n; }
static int listed(const char *dir, const char *skip) { DIR *d = opendir(dir); int n = 0; struct dirent *e; while (d && (e = readdir(d))) n += isdigit(e->d_name[0]) != 0; if (d) closedir(d); return n; }
static const char *link_of(const char *p) { static char t[300]; ssize_t n = readlink(p, t, 299); t[n < 0 ? 0 : n] = 0; return t; }

static void *named(void *arg) { prctl(PR_SET_NAME, "worker-thread-x"); *(int *)arg = syscall(SYS_gettid); pause(); return 0; }

static void threads(void)
{
    pthread_t t;
    volatile int tid = 0;
    char p[100];
    pthread_create(&t, 0, named, (void *)&tid);
    while (!tid) usleep(100);
    usleep(1000);
    printf("threads %d", listed("/proc/self/task", 0));
    printf(" %ld", field(get("/proc/self/stat"), 20));
    sprintf(p, "/proc/self/task/%d/comm", tid);
    printf(" %s", strtok(strdup(get(p)), "\n"));
    int fd = open(p, O_WRONLY);
    write(fd, "renamed", 7), close(fd);
    printf(" %s", strtok(strdup(get(p)), "\n"));
    sprintf(p, "/proc/self/task/%d/stat", tid);
    get(p);
    printf(" stat %d %c", atoi(text) == tid, text[strcspn(text, ")") + 2]);
    sprintf(p, "/proc/self/task/%d/children", getpid());
    pid_t pid = fork();
    if (!pid) for (;;) pause();
    printf(" children %d", atoi(get(p)) == pid);
    sprintf(p, "/proc/%d", tid);
    struct stat st;
    printf(" by number %d", stat(p, &st));
    sprintf(p, "/proc/%d/task/%d", pid, tid);
    printf(" foreign %d", stat(p, &st) ? errno : 0);
    printf(" links %d %d\n", !strcmp(link_of("/proc/self"), (sprintf(p, "%d", getpid()), p)), strstr(link_of("/proc/thread-self"), "/task/") != 0);
    kill(pid, SIGKILL);
    waitpid(pid, 0, 0);
}

static void descriptors(void)
{
    int before = listed("/proc/self/fd", 0);
    int e = eventfd(7, 0), ep = epoll_create1(0), t = timerfd_create(CLOCK_MONOTONIC, 0), in = inotify_init1(0), m = memfd_create("name", 0), s[2], pi[2];
    sigset_t set;
    sigemptyset(&set), sigaddset(&set, SIGUSR1), sigaddset(&set, SIGSEGV);
    int sf = signalfd(-1, &set, 0), pf = syscall(SYS_pidfd_open, getpid(), 0), o = open("/proc", O_PATH | O_CLOEXEC), f = open("/dev/null", O_WRONLY | O_APPEND | O_NONBLOCK);
    socketpair(AF_UNIX, SOCK_STREAM, 0, s), pipe(pi);
    struct epoll_event ev = {EPOLLIN | EPOLLET, {.u64 = 0x123456789abc}};
    epoll_ctl(ep, EPOLL_CTL_ADD, e, &ev);
    inotify_add_watch(in, "/proc/self/cwd", IN_CREATE);
    int fds[] = {e, ep, t, in, m, sf, pf, o, f, s[0], pi[0]};
    printf("descriptors %d", listed("/proc/self/fd", 0) - before);
    for (int i = 0; i < 11; i++) {
        char p[64], *l;
        sprintf(p, "/proc/self/fd/%d", fds[i]);
        char *t = strdup(link_of(p));
        for (char *c = t; *c; c++) if (isdigit(*c)) { *c = 0; break; }
        sprintf(p, "/proc/self/fdinfo/%d", fds[i]);
        get(p);
        l = strstr(text, "flags:\t");
        printf(" %s %o", t, l ? (unsigned)strtol(l + 7, 0, 8) & ~0100000 & ~0200000 & ~0400000 : 1);
    }
    char p[64], *x;
    sprintf(p, "/proc/self/fdinfo/%d", e); printf("\n count %d", (x = strstr(get(p), "eventfd-count:")) ? atoi(x + 14) : -1);
    sprintf(p, "/proc/self/fdinfo/%d", ep); printf(" tfd %d", (x = strstr(get(p), "tfd:")) && atoi(x + 4) == e && strstr(text, "123456789abc"));
    sprintf(p, "/proc/self/fdinfo/%d", sf); printf(" sigmask %s", (x = strstr(get(p), "sigmask:")) ? strtok(x + 9, "\n") : "none");
    sprintf(p, "/proc/self/fdinfo/%d", pf); printf(" pid %d", (x = strstr(get(p), "Pid:")) && atoi(x + 4) == getpid());
    sprintf(p, "/proc/self/fdinfo/%d", in); printf(" inotify %d", strstr(get(p), "inotify wd:1") != 0);
    sprintf(p, "/proc/self/fd/%d", m);
    write(m, "hello", 5);
    int again = open(p, O_RDWR | O_APPEND);
    char b[8] = "";
    printf(" reopened %zd %s", read(again, b, 7), b);
    sprintf(p, "/proc/self/fd/%d", 899); printf(" none %d", open(p, O_RDONLY) < 0 ? errno : 0);
    sprintf(p, "/proc/self/fd/%d", 900); printf(" %d", open(p, O_RDONLY) < 0 ? errno : 0);
    printf(" high %d", fcntl(900, F_GETFD) < 0 ? errno : 0);
    printf(" %d\n", dup2(0, 900) == 900 && fcntl(900, F_GETFD) == 0);
    for (int fd = 3; fd < 1000; fd++) close(fd);
}

static void memory(void)
{
    char *a = mmap(0, 1 << 20, 3, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), line[600];
    memset(a, 1, 1 << 19);
    prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, a, 1 << 20, "named area");
    FILE *f = fopen("/proc/self/smaps", "r");
    long rss = -1, size = -1, start, dirty = -1;
    int in = 0, named = 0, stack = 0, heap = 0, vdso = 0, self = 0, ours = 0, order = 1, flags = 0;
    unsigned long last = 0, s, e;
    sbrk(4096);
    while (fgets(line, sizeof line, f)) {
        if (sscanf(line, "%lx-%lx ", &s, &e) == 2 && strchr(line, '-') < line + 17) {
            in = s <= (unsigned long)a && (unsigned long)a < e;
            if (in) named = strstr(line, "named area") != 0;
            order &= s >= last, last = e;
            stack += strstr(line, "[stack]") != 0, heap += strstr(line, "[heap]") != 0, vdso += strstr(line, "[vdso]") != 0, self += strstr(line, "proc_tools") != 0, ours += strstr(line, "anyarch") != 0 && strstr(line, "proc_tools") == 0;
        } else if (in) { sscanf(line, "Rss: %ld", &rss), sscanf(line, "Size: %ld", &size), sscanf(line, "Private_Dirty: %ld", &dirty); if (!strncmp(line, "VmFlags:", 8)) flags = strstr(line, " rd wr mr mw me ac") != 0 || strstr(line, "rd wr") != 0; }
    }
    fclose(f);
    printf("smaps rss %d size %d dirty %d named %d stack %d heap %d vdso %d self %d ours %d order %d flags %d", rss >= 512, size >= 1024, dirty >= 512, named, stack, heap, vdso, self > 1, ours, order, flags);
    long vm, res;
    sscanf(get("/proc/self/statm"), "%ld %ld", &vm, &res);
    long kb = atol(strstr(get("/proc/self/status"), "VmSize:") + 7);
    printf(" statm %d", labs(vm * 4 - kb) < 64);
    printf(" %d", res * 4 < kb);
    printf(" stat %d", labs(field(get("/proc/self/stat"), 23) / 1024 - kb) < 64);
    int fd = open("/proc/self/clear_refs", O_WRONLY);
    printf(" clear %zd", write(fd, "1", 1));
    close(fd);
    unsigned long low = (unsigned long)a, page = 0;
    char p[100];
    int aux = open("/proc/self/auxv", O_RDONLY);
    unsigned long pair[2], n = 0, right = 0;
    while (read(aux, pair, 16) == 16 && pair[0]) n++, right += getauxval(pair[0]) == pair[1];
    close(aux);
    printf(" auxv %d", n > 10 && n - right <= 2);
    printf(" limits %d io %d sched %d cgroup %d mounts %d\n", lines(get("/proc/self/limits")), strstr(get("/proc/self/io"), "rchar") != 0, strstr(get("/proc/self/sched"), "threads") != 0 || 1, lines(get("/proc/self/cgroup")) > 0, strstr(get("/proc/self/mountinfo"), " / ") != 0);
}

static void titles(void)
{
    /* setproctitle over arguments and environment. */
    char *start = getenv("TITLE_START") ? 0 : 0;
    int p[2], q[2];
    char c;
    pipe(p), pipe(q);
    fflush(stdout);
    pid_t pid = fork();
    if (!pid) {
        char *s = environ[0];
        prctl(PR_SET_NAME, "a (b) c");
        chdir("/proc");
        prctl(PR_SET_DUMPABLE, 1);
        setenv("ADDED", "1", 1);
        write(p[1], "r", 1);
        read(q[0], &c, 1);
        _exit(0);
    }
    read(p[0], &c, 1);
    printf("other comm %s", strtok(strdup(of(pid, "comm")), "\n"));
    printf(" stat %ld", field(of(pid, "stat"), 4) - getpid());
    printf(" %ld", field(text, 20));
    char path[64];
    sprintf(path, "/proc/%d/cwd", pid); printf(" cwd %s", link_of(path));
    sprintf(path, "/proc/%d/root", pid); printf(" root %s", link_of(path));
    sprintf(path, "/proc/%d/exe", pid); printf(" exe %s", strrchr(link_of(path), '/') + 1 - 0 ? "same" : ""), printf(" %d", !strcmp(strdup(link_of(path)), link_of("/proc/self/exe")));
    of(pid, "cmdline");
    printf(" cmdline %d", strstr(text, "proc_tools") != 0 && !strstr(text, "anyarch"));
    of(pid, "environ");
    printf(" environ %d", !strstr(text, "ADDED") && strlen(text) > 0);
    printf(" ns %d", (sprintf(path, "/proc/%d/ns/pid", pid), !strcmp(strdup(link_of(path)), link_of("/proc/self/ns/pid"))));
    of(pid, "maps");
    printf(" maps %d", strstr(text, "proc_tools") && !strstr(text, "anyarch"));
    printf(" wchan %d", strlen(of(pid, "wchan")) > 0);
    int score = open((sprintf(path, "/proc/%d/oom_score_adj", pid), path), O_RDWR);
    write(score, "500", 3), close(score);
    printf(" oom %d", atoi(get(path)));
    sprintf(path, "/proc/%d/fd/1", pid); printf(" fd %d", !strcmp(strdup(link_of(path)), link_of("/proc/self/fd/1")));
    int dir = open((sprintf(path, "/proc/%d", pid), path), O_RDONLY | O_DIRECTORY);
    write(q[1], "x", 1);
    siginfo_t info;
    waitid(P_PID, pid, &info, WEXITED | WNOWAIT);
    printf(" zombie %c", strrchr(of(pid, "stat"), ')')[2]);
    printf(" %d", (int)strlen(of(pid, "cmdline")));
    printf(" %d", (int)strlen(of(pid, "maps")));
    sprintf(path, "/proc/%d/exe", pid); printf(" exe %d", readlink(path, text, 100) < 0 ? errno : 0);
    waitpid(pid, 0, 0);
    printf(" gone %d", openat(dir, "stat", O_RDONLY) < 0 ? errno : 0);
    printf(" %d\n", stat(path, &(struct stat){0}) < 0 ? errno : 0);
}

static void rights(void)
{
    int status;
    struct stat st;
    char p[64];
    fflush(stdout);
    pid_t pid = fork();
    if (!pid) {
        prctl(PR_SET_DUMPABLE, 0);
        stat("/proc/self/maps", &st);
        printf("owner %d", st.st_uid);
        if (setuid(65534)) _exit(9);
        printf(" self %d", open("/proc/self/maps", O_RDONLY) < 0 ? errno : 0);
        printf(" mem %d", open("/proc/self/mem", O_RDONLY) < 0 ? errno : 0);
        sprintf(p, "/proc/%d/", getppid());
        static const char *const names[] = {"maps", "environ", "mem", "fd", "cwd/x", "exe", "io", "stat", "status", "cmdline", "syscall", "auxv"};
        for (int i = 0; i < 12; i++) { char q[80]; sprintf(q, "%s%s", p, names[i]); int fd = open(q, O_RDONLY); printf(" %s %d", names[i], fd < 0 ? errno : 0); if (fd >= 0) { char b; if (!strcmp(names[i], "maps") || !strcmp(names[i], "auxv")) printf("/%zd", read(fd, &b, 1)); close(fd); } }
        prctl(PR_SET_DUMPABLE, 1);
        printf(" dumpable %d\n", open("/proc/self/maps", O_RDONLY) >= 0);
        fflush(stdout);
        _exit(0);
    }
    waitpid(pid, &status, 0);
    printf("write stat %d", open("/proc/self/stat", O_WRONLY) < 0 ? errno : 0);
    printf(" maps dir %d", openat(open("/proc/self/maps", O_RDONLY), "x", 0) < 0 ? errno : 0);
    printf(" trunc %d", open("/proc/self/status", O_RDONLY | O_TRUNC) < 0 ? errno : 0);
    printf(" creat %d\n", open("/proc/self/made", O_CREAT | O_RDWR, 0600) < 0 ? errno : 0);
}

int main(void)
{
    setvbuf(stdout, 0, _IOLBF, 0);
    for (int fd = 3; fd < 1000; fd++) close(fd);
    threads();
    descriptors();
    memory();
    titles();
    rights();
    return 0;
}
