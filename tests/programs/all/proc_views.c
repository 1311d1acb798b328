// Files of /proc that a process opens of itself: what their descriptors are, and that they tell of the
// moment of reading.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

static char text[1 << 18];

static void check(int good, const char *what) {
    if (!good) printf("FAILED %s (%s)\n", what, strerror(errno));
}

static int slurp(int fd) {
    int len = 0, got;
    while ((got = read(fd, text + len, sizeof text - 1 - len)) > 0) len += got;
    text[len] = 0;
    return len;
}

static int load(const char *path) {
    int fd = open(path, O_RDONLY), len = slurp(fd);
    close(fd);
    return len;
}

// fdinfo's flags are those of F_GETFL.
static void flags(void) {
    const int all[] = {O_RDONLY, O_WRONLY, O_RDWR | O_APPEND, O_RDONLY | O_DIRECTORY, O_RDONLY | O_CLOEXEC,
                       O_PATH, O_PATH | O_DIRECTORY | O_NOFOLLOW, O_RDWR | O_NONBLOCK | O_SYNC};
    for (int i = 0; i < 8; i++) {
        int fd = open(all[i] & O_DIRECTORY ? "/" : "/dev/null", all[i]);
        char path[64];
        sprintf(path, "/proc/self/fdinfo/%d", fd);
        load(path);
        char *at = strstr(text, "flags:\t");
        unsigned shown = at ? strtoul(at + 7, NULL, 8) : 0;
        check((shown & ~O_CLOEXEC) == (unsigned)fcntl(fd, F_GETFL), "flags in fdinfo");
        check(!(shown & O_CLOEXEC) == !(fcntl(fd, F_GETFD) & FD_CLOEXEC), "O_CLOEXEC in fdinfo");
        // Opened in the child, of the parent.
        sprintf(path, "/proc/%d/fdinfo/%d", getpid(), fd);
        fflush(stdout);
        if (!fork()) {
            load(path);
            at = strstr(text, "flags:\t");
            check(at && strtoul(at + 7, NULL, 8) == shown, "flags in the parent's fdinfo");
            fflush(stdout);
            _exit(0);
        }
        wait(NULL);
        lseek(fd, 77, SEEK_SET);
        close(fd);
    }
}

static void descriptors(void) {
    const char *files[] = {"/proc/self/maps", "/proc/self/cmdline", "/proc/self/stat", "/proc/self/auxv",
                           "/proc/self/environ", "/proc/self/smaps", "/proc/cpuinfo", "/proc/self/fdinfo/0",
                           "/proc/self/task/../maps", "/proc/thread-self/stat"};
    for (int i = 0; i < 10; i++) {
        int fd = open(files[i], O_RDONLY | O_CLOEXEC);
        char link[64], name[200] = "", expected[200] = "";
        sprintf(link, "/proc/self/fd/%d", fd);
        readlink(link, name, 199);
        realpath(files[i], expected);
        // (The C library has followed the link to this process.)
        check(!strcmp(name, expected), files[i]);
        struct stat by_fd, by_name;
        check(!fstat(fd, &by_fd) && !stat(files[i], &by_name) && by_fd.st_dev == by_name.st_dev, "fstat");
        check(S_ISREG(by_fd.st_mode) && by_fd.st_size == 0 && !(by_fd.st_mode & 0222), "a file of /proc");
        check(fcntl(fd, F_GETFD) == FD_CLOEXEC, "FD_CLOEXEC");
        check((fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDONLY, "F_GETFL");
        check(write(fd, "x", 1) < 0 && errno == EBADF, "write");
        check(fcntl(fd, F_GET_SEALS) < 0 && errno == EINVAL, "seals");
        check(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0) == MAP_FAILED, "mmap");
        close(fd);
    }
}

// A file that stays open shows what has been mapped since.
static void later(void) {
    int fd = open("/proc/self/maps", O_RDONLY);
    char *page = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_SHARED | MAP_ANONYMOUS, -1, 0), line[64];
    sprintf(line, "%lx-%lx r-xs", (long)page, (long)page + 4096);
    slurp(fd);
    check(strstr(text, line) != NULL, "mapped after the open");
    munmap(page, 4096);
    check(read(fd, text, 10) == 0, "the end");
    lseek(fd, 0, SEEK_SET);
    slurp(fd);
    check(strstr(text, line) == NULL, "unmapped, read again");
    int len = strlen(text);
    // By other calls.
    char *copy = strdup(text), *part = malloc(1 << 18);
    struct iovec vectors[] = {{part, 10}, {part + 10, 0}, {part + 10, 50}};
    check(preadv(fd, vectors, 3, 0) == 60 && !strncmp(part, copy, 60), "preadv");
    check(pread(fd, part, 100, 20) == 100 && !strncmp(part, copy + 20, 100), "pread");
    lseek(fd, 30, SEEK_SET);
    check(readv(fd, vectors, 3) == 60 && !strncmp(part, copy + 30, 60), "readv");
    check(lseek(fd, 0, SEEK_CUR) == 90, "offset after readv");
    check(preadv2(fd, vectors, 3, -1, 0) == 60 && !strncmp(part, copy + 90, 60), "preadv2");
    check(lseek(fd, -50, SEEK_CUR) == 100 && read(fd, part, 20) == 20 && !strncmp(part, copy + 100, 20), "lseek");
    check(lseek(fd, 0, SEEK_END) < 0 && errno == EINVAL, "SEEK_END");
    check(lseek(fd, 1 << 20, SEEK_SET) == 1 << 20 && read(fd, part, 20) == 0, "beyond the end");
    check(pread(fd, part, 20, -1) < 0 && errno == EINVAL, "a negative offset");
    check(pread(fd, NULL, 20, 0) < 0 && errno == EFAULT, "EFAULT");
    int fds[2];
    pipe(fds);
    check(sendfile(fds[1], fd, NULL, 100) < 0 && errno == EINVAL, "sendfile");
    check(splice(fd, NULL, fds[1], NULL, 100, 0) < 0 && errno == EINVAL, "splice");
    close(fd);
    // A descriptor of the same number is no view any more.
    int null = open("/dev/zero", O_RDONLY);
    check(null == fd && read(null, part, 4) == 4 && !*part, "its number again");
    close(null);
    int cpus = open("/proc/cpuinfo", O_RDONLY);
    load("/proc/cpuinfo");
    len = strlen(text) < 1000 ? strlen(text) : 1000;
    check(sendfile(fds[1], cpus, NULL, len) == len && read(fds[0], part, len) == len, "sendfile of cpuinfo");
    check(!strncmp(part, text, len), "what sendfile sent");
    loff_t offset = 5;
    check(splice(cpus, &offset, fds[1], NULL, 20, 0) == 20 && offset == 25, "splice of cpuinfo");
    check(read(fds[0], part, 20) == 20 && !strncmp(part, text + 5, 20), "what splice sent");
}

// What a child reads of its parent's descriptor.
static void inherited(void) {
    int fd = open("/proc/self/maps", O_RDONLY), stat = open("/proc/self/stat", O_RDONLY);
    fflush(stdout);
    pid_t parent = getpid();
    char *page = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), line[64];
    sprintf(line, "%lx-%lx r-xp", (long)page, (long)page + 4096);
    if (!fork()) {
        munmap(page, 4096);
        slurp(fd);
        check(strstr(text, line) != NULL, "the parent's maps");
        slurp(stat);
        check(atoi(text) == parent, "the parent's stat");
        load("/proc/self/maps");
        check(strstr(text, line) == NULL, "the child's maps");
        fflush(stdout);
        _exit(0);
    }
    wait(NULL);
}

// The numbers in a directory of descriptors, without that of the listing itself.
// Files that another process has opened.
static void received(void) {
    int pair[2], fd = -1;
    char self[4096] = {0};
    readlink("/proc/self/exe", self, sizeof self - 1);
    check(!socketpair(AF_UNIX, SOCK_DGRAM, 0, pair), "socketpair");
    pid_t child = fork();
    if (!child) {
        int sent = open("/proc/self/maps", O_RDONLY);
        for (int i = 0; i < 2; i++) {
            char control[CMSG_SPACE(4)] = {0};
            struct iovec part = {"x", 1};
            struct msghdr m = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
            *CMSG_FIRSTHDR(&m) = (struct cmsghdr){CMSG_LEN(4), SOL_SOCKET, SCM_RIGHTS};
            memcpy(CMSG_DATA(CMSG_FIRSTHDR(&m)), &sent, 4);
            check(sendmsg(pair[0], &m, 0) == 1, "sendmsg");
        }
        dup2(sent, 77);
        send(pair[0], "y", 1, 0);
        pause();
        _exit(0);
    }
    char *mapped = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), line[32], byte;
    sprintf(line, "%lx-", (long)mapped);
    for (int i = 0; i < 3; i++) {
        char control[CMSG_SPACE(4)];
        struct iovec part = {&byte, 1};
        struct mmsghdr m = {{.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control}};
        if (i == 0) check(recvmsg(pair[1], &m.msg_hdr, 0) == 1, "recvmsg");
        if (i == 1) check(recvmmsg(pair[1], &m, 1, 0, NULL) == 1, "recvmmsg");
        if (i < 2) memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m.msg_hdr)), 4);
        if (i == 2) {
            recv(pair[1], &byte, 1, 0);
            int process = syscall(SYS_pidfd_open, child, 0);
            fd = syscall(SYS_pidfd_getfd, process, 77, 0);
            check(process >= 0, "pidfd_open");
            // It has those of its files open that it knows of.
            int own = syscall(SYS_pidfd_open, getpid(), 0);
            for (int n = 100; n < 1100; n++)
                check(syscall(SYS_pidfd_getfd, process, n, 0) < 0 && syscall(SYS_pidfd_getfd, own, n, 0) < 0, "no other descriptor");
            close(own);
            close(process);
        }
        lseek(fd, 0, SEEK_SET);
        check(slurp(fd) > 0 && strstr(text, "[stack]"), "the sender's maps");
        check(!strstr(text, line), "not those of the receiver");
        // The only file that is mapped is this program.
        for (char *at = text; (at = strchr(at, '/')); at = strchr(at, '\n'))
            check(!strncmp(at, self, strlen(self)), "mapped files");
        close(fd);
    }
    munmap(mapped, 4096);
    kill(child, SIGKILL);
    wait(NULL);
}

static unsigned long long set(const char *name) {
    load("/proc/self/status");
    char *at = strstr(text, name);
    return at ? strtoull(at + strlen(name), NULL, 16) : ~0ull;
}

// The sets of signals are those that the program asked for.
static void signals(void) {
    const int some[] = {SIGUSR1, SIGSEGV, SIGTRAP, SIGBUS, SIGFPE, SIGILL};
    unsigned long long all = 0;
    check(!set("SigCgt:"), "nothing is caught");
    for (int i = 0; i < 6; i++) {
        all |= 1ull << (some[i] - 1);
        signal(some[i], (void (*)(int))signals);
        check(set("SigCgt:") == all, "caught");
    }
    load("/proc/self/stat");
    char *at = strrchr(text, ')');
    for (int i = 2; i < 34 && at; i++) at = strchr(at + 1, ' ');
    check(at && strtoull(at, NULL, 10) == all, "caught, in stat");
    unsigned long long ignored = set("SigIgn:");
    for (int i = 0; i < 6; i++) signal(some[i], SIG_IGN);
    check(!set("SigCgt:") && set("SigIgn:") == (ignored | all), "ignored");
    for (int i = 0; i < 6; i++) signal(some[i], SIG_DFL);
    check(!set("SigCgt:") && set("SigIgn:") == ignored, "default");
}

static void list(const char *what, const char *path) {
    DIR *dir = opendir(path);
    printf("%s:", what);
    for (struct dirent *entry; (entry = readdir(dir));)
        if (*entry->d_name != '.' && atoi(entry->d_name) < 250) printf(" %s", entry->d_name);
    closedir(dir);
    puts("");
    fflush(stdout);
}

static void numbers(void) {
    for (int i = 3; i < 1000; i++) close(i);
    list("fd", "/proc/self/fd");
    pid_t child = fork();
    if (!child) {
        pause();
        _exit(0);
    }
    char path[64];
    sprintf(path, "/proc/%d/fd", child);
    list("a child's fd", path);
    sprintf(path, "/proc/%d/fdinfo", child);
    list("a child's fdinfo", path);
    kill(child, SIGKILL);
    wait(NULL);
    struct stat stat;
    for (int i = 3; i < 1000; i++)
        check(fcntl(i, F_GETFD) < 0 && fstat(i, &stat) < 0 && lseek(i, 0, SEEK_CUR) < 0 && read(i, text, 1) < 0,
              "it is not open");
    // Where there is little room, others are taken first.
    struct rlimit limit = {40, 40};
    fflush(stdout);
    if (!fork()) {
        setrlimit(RLIMIT_NOFILE, &limit);
        execl("/proc/self/exe", "x", "low", NULL);
        _exit(1);
    }
    wait(NULL);
}

/* What is not listed is not there. */
static void hidden(void)
{
    char path[64], to[64];
    struct stat st;
    chdir("/proc/self");
    for (int fd = 100; fd < 1200; fd++) {
        if (fcntl(fd, F_GETFD) >= 0) continue;
        sprintf(path, "/proc/self/fd/%d", fd);
        check(readlink(path, to, 64) < 0 && errno == ENOENT, "no link");
        check(readlink(path + 11, to, 64) < 0 && errno == ENOENT, "no link from its directory");
        check(open(path, O_RDONLY) < 0 && errno == ENOENT, "not opened");
        check(lstat(path, &st) < 0 && errno == ENOENT, "no status");
    }
    chdir("/");
}
int main(int argc, char **argv) {
    // Whoever started this may have left more open.
    syscall(SYS_close_range, 3, 0x7fffffff, 0);
    if (argc > 1) {
        list("with a low limit", "/proc/self/fd");
        for (int i = 3; i < 20; i++) check(open("/dev/null", O_RDONLY) == i, "the first free one");
        check(!fork() || wait(NULL) > 0, "fork");
        return 0;
    }
    flags();
    descriptors();
    later();
    inherited();
    received();
    signals();
    numbers();
    hidden();
    puts("done");
    return 0;
}
