// What /proc shows of another process: its program, arguments and memory, when it is read and not when
// it is opened.
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

static char text[1 << 20], self[4096];
static int failures;

static void check(int good, const char *what) {
    if (!good) printf("FAILED %s (%s)\n%s\n", what, strerror(errno), text), failures++;
}

static int slurp(int fd) {
    int len = 0, got;
    while ((got = read(fd, text + len, sizeof text - 1 - len)) > 0) len += got;
    text[got < 0 ? 0 : len] = 0;
    return got < 0 ? -errno : len;
}

static int open_of(pid_t pid, const char *name) {
    char path[64];
    sprintf(path, "/proc/%d/%s", pid, name);
    return open(path, O_RDONLY);
}

static int load(pid_t pid, const char *name) {
    int fd = open_of(pid, name), len = fd < 0 ? -errno : slurp(fd);
    close(fd);
    return len;
}

// The permissions of the mapping at `at`, or "" if there is none.
static const char *mapping(unsigned long at) {
    static char perms[8];
    *perms = 0;
    for (char *line = text; line && *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
        unsigned long start, end;
        char found[8];
        if (sscanf(line, "%lx-%lx %4s", &start, &end, found) == 3 && start <= at && at < end)
            strcpy(perms, found);
    }
    return perms;
}

static int count(const char *what) {
    int n = 0;
    for (char *at = text; (at = strstr(at, what)); at++) n++;
    return n;
}

// Nothing of an emulator is there. (The directory of this program may be called as one.)
static void emulator(const char *file) {
    static char rest[sizeof text];
    char directory[4096];
    size_t len = strrchr(self, '/') - self;
    sprintf(directory, "%.*s", (int)len, self);
    strcpy(rest, text);
    for (char *at = rest; (at = strstr(at, directory)); at += len) memset(at, '.', len);
    check(!strcasestr(rest, "anyarch") && !strcasestr(rest, "qemu"), file);
}

static unsigned long field(int number) {
    char *at = strrchr(text, ')') + 1;
    for (int i = 3; i < number; i++) at = strchr(at + 1, ' ');
    return strtoul(at, NULL, 10);
}

static char *shared;

// A child that maps something and tells where.
static pid_t child(void) {
    fflush(stdout);
    pid_t pid = fork();
    if (!pid) {
        char *page = mmap(NULL, 0x4000, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        mprotect(page + 0x1000, 0x1000, PROT_READ | PROT_WRITE | PROT_EXEC);
        mprotect(page + 0x2000, 0x1000, PROT_NONE);
        page[0x1000] = 1;
        munmap(page + 0x3000, 0x1000);
        *(char **)shared = page;
        for (;;) pause();
    }
    while (!*(char *volatile *)shared) usleep(1000);
    return pid;
}

static void memory(pid_t pid) {
    char *page = *(char **)shared;
    check(load(pid, "maps") > 0, "maps");
    emulator("maps");
    check(!strcmp(mapping((long)page), "r--p"), "read-only");
    check(!strcmp(mapping((long)page + 0x1000), "rwxp"), "executable");
    check(!strcmp(mapping((long)page + 0x2000), "---p"), "no access");
    check(!strcmp(mapping((long)memory), "r-xp"), "the code");
    check(!strcmp(mapping((long)text), "rw-p"), "the data");
    check(count("[stack]") == 1 && count("[vdso]") == 1, "stack and vdso");
    check(count(self) >= 3 && count(self) <= 5, "mappings of the program");
    int lines = count("\n");
    check(lines < 25, "number of mappings");
    check(load(pid, "smaps") > 0, "smaps");
    emulator("smaps");
    check(count("Size:") == 3 * lines && count("VmFlags: rd ex") >= 1, "smaps has as many");
    check(!strcmp(mapping((long)page + 0x1000), "rwxp") && count("VmFlags: rd wr ex") == 1, "smaps' page");
    check(load(pid, "smaps_rollup") > 0 && count("[rollup]") == 1, "smaps_rollup");
    char *rss = strstr(text, "Rss:");
    // (The program itself, not an emulator's memory.)
    check(rss && atoi(rss + 4) > 0 && atoi(rss + 4) < 3000, "Rss");
    if (load(pid, "numa_maps") >= 0) {
        check(count("\n") == lines || count("\n") == lines - 1, "numa_maps has as many");
        emulator("numa_maps");
    }
}

static void arguments(pid_t pid, const char *args, const char *env) {
    int len = load(pid, "cmdline");
    check(len == (int)strlen(args) + 1, "length of cmdline");
    for (int i = 0; i < len - 1; i++)
        if (!text[i]) text[i] = '|';
    check(!strcmp(text, args), "cmdline");
    load(pid, "environ");
    check(!strcmp(text, env), "environ");
    int n = load(pid, "auxv") / 16;
    unsigned long *entry = (void *)text, base = 0, entry_point = 0;
    for (int i = 0; i < n; i++)
        if (entry[2 * i] == 9) entry_point = entry[2 * i + 1];
    load(0 + getpid(), "auxv");
    unsigned long own = 0;
    for (int i = 0; i < n; i++)
        if (entry[2 * i] == 9) own = entry[2 * i + 1];
    check(own && own == entry_point, "auxv");
}

static void addresses(pid_t pid) {
    check(load(pid, "stat") > 0, "stat");
    check(field(26) <= (long)memory && (long)memory < field(27), "code in stat");
    check(field(45) <= (long)&failures && field(46) > field(45), "data in stat");
    check(field(48) < field(49) && field(49) <= field(50) && field(50) < field(51), "arguments in stat");
    unsigned long stack = field(28), start = field(48);
    check(stack < start, "stack in stat");
    load(pid, "maps");
    check(!strcmp(mapping(stack), "rw-p") && !strcmp(mapping(start), "rw-p"), "stack of stat in maps");
}

// A child that maps and unmaps all the time, one that is traced, and one that waits in vfork.
static void moments(void) {
    fflush(stdout);
    pid_t pid = fork();
    if (!pid)
        for (;;) {
            char *pages[50];
            for (int i = 0; i < 50; i++)
                pages[i] = mmap(NULL, 4096 << i % 3, PROT_READ | (i % 2 ? PROT_EXEC : PROT_WRITE),
                                MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
            for (int i = 0; i < 50; i++) munmap(pages[i], 4096 << i % 3);
        }
    for (int i = 0; i < 30; i++) {
        load(pid, "maps");
        check(!strcmp(mapping((long)memory), "r-xp") && !strcmp(mapping((long)text), "rw-p"), "while it maps");
        emulator("maps while it maps");
        usleep(1000);
    }
    kill(pid, SIGKILL);
    wait(NULL);
    if (!(pid = fork())) {
        ptrace(PTRACE_TRACEME, 0, 0, 0);
        raise(SIGSTOP);
        _exit(0);
    }
    waitpid(pid, NULL, 0);
    check(load(pid, "maps") > 0 && !strcmp(mapping((long)memory), "r-xp"), "while it is traced");
    kill(pid, SIGKILL);
    wait(NULL);
    shared[9] = 0;
    if (!(pid = fork())) {
        if (!vfork()) {
            *(pid_t *)(shared + 12) = getpid();
            shared[9] = 1;
            for (;;) pause();
        }
        _exit(0);
    }
    while (!*(volatile char *)(shared + 9)) usleep(1000);
    pid_t child = *(pid_t *)(shared + 12);
    check(load(pid, "maps") > 0 && !strcmp(mapping((long)memory), "r-xp"), "in vfork");
    check(load(child, "maps") > 0 && !strcmp(mapping((long)memory), "r-xp"), "in its parent's memory");
    kill(child, SIGKILL);
    kill(pid, SIGKILL);
    wait(NULL);
}

static const char *const files[] = {"cmdline", "environ", "auxv", "maps", "smaps", "stat"};

// Opened while it lives, read when it does not.
static void ended(pid_t pid) {
    int fds[6], rollup = open_of(pid, "smaps_rollup");
    for (int i = 0; i < 6; i++) fds[i] = open_of(pid, files[i]);
    kill(pid, SIGKILL);
    siginfo_t info;
    waitid(P_PID, pid, &info, WEXITED | WNOWAIT);
    for (int i = 0; i < 6; i++) {
        int len = slurp(fds[i]);
        // (The vector is longer on one architecture than on the other.)
        if (i == 2) len = len > 0;
        if (i < 5) printf("%s of a zombie: %d\n", files[i], len);
        else printf("stat of a zombie: %s\n", strstr(text, ") Z ") ? "Z" : text);
        lseek(fds[i], 0, SEEK_SET);
    }
    printf("smaps_rollup of a zombie: %d\n", slurp(rollup));
    for (int i = 0; i < 6; i++) {
        int fd = open_of(pid, files[i]);
        if (i != 2) printf("%s of a zombie, opened now: %d\n", files[i], fd < 0 ? -errno : slurp(fd) > 0);
        close(fd);
    }
    waitpid(pid, NULL, 0);
    for (int i = 0; i < 6; i++) {
        int len = slurp(fds[i]);
        printf("%s of none: %d\n", files[i], len > 0 ? 1 : len);
    }
    printf("opened: %d\n", open_of(pid, "maps") < 0 ? errno : 0);
}

static unsigned long number(const char *name, int base) {
    char *at = strstr(text, name);
    return at ? strtoul(at + strlen(name), NULL, base) : 0;
}

// What `ps` shows: how large it is, and what it does with its signals.
static void facts(void) {
    int fds[2];
    pipe(fds);
    pid_t pid = fork();
    if (!pid) {
        signal(SIGSEGV, exit), signal(SIGUSR1, exit), signal(SIGFPE, SIG_IGN), signal(SIGINT, SIG_IGN);
        mmap(NULL, 64 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        write(fds[1], "", 1);
        for (;;) pause();
    }
    read(fds[0], text, 1);
    check(load(pid, "status") > 0, "status");
    unsigned long size = number("VmSize:", 10), data = number("VmData:", 10), rss = number("VmRSS:", 10);
    check(size > 64 << 10 && size < 68 << 10 && data >= 64 << 10 && data < size, "sizes");
    check(rss > 0 && rss <= size, "what is resident");
    check(number("VmExe:", 10) > 0 && number("VmExe:", 10) < 2000, "code");
    check(number("SigCgt:", 16) == (1UL << SIGSEGV - 1 | 1 << SIGUSR1 - 1), "caught");
    // (What starts the tests may have left signals of threads ignored, which stay so.)
    check((number("SigIgn:", 16) & 0x7fffffff) == (1UL << SIGFPE - 1 | 1 << SIGINT - 1), "ignored");
    check(load(pid, "statm") > 0 && strtoul(text, NULL, 10) == size / 4, "statm");
    unsigned long field[35] = {0};
    load(pid, "stat");
    char *at = strrchr(text, ')') + 4;
    for (int n = 4; n < 35; n++) field[n] = strtoul(at, &at, 10);
    check(field[23] == size << 10 && field[24] <= size / 4, "stat");
    check(field[33] == (1 << SIGFPE - 1 | 1 << SIGINT - 1) && field[34] == (1 << SIGSEGV - 1 | 1 << SIGUSR1 - 1), "signals in stat");
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

int main(int argc, char **argv) {
    readlink("/proc/self/exe", self, sizeof self - 1);
    if (argc > 1 && !strcmp(argv[1], "sleep")) {
        write(3, "", 1);
        for (;;) pause();
    }
    if (argc > 1) {
        slurp(0);
        emulator("maps from a parent");
        return !strstr(text, "[stack]") || failures;
    }
    shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t pid = child();
    memory(pid);
    addresses(pid);
    // A grandchild of the same, seen from a brother.
    fflush(stdout);
    if (!fork()) {
        memory(pid);
        fflush(stdout);
        _exit(failures);
    }
    int status;
    wait(&status);
    check(status == 0, "from a brother");
    ended(pid);
    moments();
    facts();
    // One that has executed a program.
    int fds[2];
    pipe(fds);
    if (!(pid = fork())) {
        dup2(fds[1], 3);
        execle("/proc/self/exe", "zero", "sleep", "", "two words", NULL, (char *[]){"A=1", NULL});
        _exit(1);
    }
    read(fds[0], text, 1);
    arguments(pid, "zero|sleep||two words", "A=1");
    addresses(pid);
    check(load(pid, "maps") > 0 && !strcmp(mapping((long)memory), "r-xp"), "maps after execve");
    emulator("maps after execve");
    // A descriptor before and after execve is of the same file, and a duplicate too.
    int maps = open_of(pid, "maps"), other = dup(maps), again = fcntl(maps, F_DUPFD, 50);
    char first[64] = "", second[64] = "";
    check(read(maps, first, 10) == 10 && read(other, second, 10) == 10 && strcmp(first, second), "one offset");
    check(pread(again, second, 10, 0) == 10 && !strncmp(first, second, 10), "pread");
    check(lseek(again, 0, SEEK_CUR) == 20, "offset");
    char link[64], name[64] = "", expected[64];
    sprintf(link, "/proc/self/fd/%d", again);
    sprintf(expected, "/proc/%d/maps", pid);
    readlink(link, name, 63);
    check(!strcmp(name, expected), "the link");
    lseek(maps, 0, SEEK_SET);
    fflush(stdout);
    if (!fork()) {
        dup2(maps, 0);
        execl("/proc/self/exe", "x", "from", NULL);
    }
    wait(&status);
    check(status == 0, "read after execve");
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    // The title of a process is what it writes over its arguments.
    if (!(pid = fork())) {
        strcpy(argv[0], "t");
        shared[8] = 1;
        for (;;) pause();
    }
    while (!*(volatile char *)(shared + 8)) usleep(1000);
    check(load(pid, "cmdline") > 0 && !strcmp(text, "t"), "title");
    kill(pid, SIGKILL);
    wait(NULL);
    unsigned size = 0;
    check(!prctl(PR_SET_MM, 15, &size, 0, 0) && size == 104, "PR_SET_MM_MAP_SIZE");
    puts(failures ? "FAILED" : "done");
    return failures;
}
