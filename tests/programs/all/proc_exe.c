// /proc/PID/exe is the file that a process runs, whatever became of its name, for every call that
// takes a path: of a plain file, one that was renamed, replaced or unlinked, and of a memfd.
#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/auxv.h>
#include <sys/xattr.h>
#include <unistd.h>

#ifdef __aarch64__
#define MACHINE EM_AARCH64
#elif defined(__riscv)
#define MACHINE EM_RISCV
#else
#define MACHINE EM_X86_64
#endif

static const char *how;
static char dir[] = "/tmp/proc_exe.XXXXXX", path[100];

static void check(int good, const char *what) {
    if (!good) printf("%s: %s: %s\n", how, what, strerror(errno));
}

static int machine(int fd) {
    Elf64_Ehdr head;
    int len = fd < 0 ? -1 : pread(fd, &head, sizeof head, 0);
    close(fd);
    return len == sizeof head ? head.e_machine : -1;
}

// Waits for a child; its status.
static int ended(pid_t pid) {
    int status = -1;
    waitpid(pid, &status, 0);
    return status;
}

// Looks at a link to the program that `stat` is of.
static void look_at(const char *exe, const struct stat *expected) {
    struct stat other;
    check(!stat(exe, &other) && other.st_ino == expected->st_ino && other.st_dev == expected->st_dev, "stat");
    check(!lstat(exe, &other) && S_ISLNK(other.st_mode), "lstat");
    struct statx sx;
    check(!syscall(SYS_statx, AT_FDCWD, exe, 0, STATX_INO, &sx) && sx.stx_ino == expected->st_ino, "statx");
    check(machine(open(exe, O_RDONLY)) == MACHINE, "open");
    int fd = open(exe, O_PATH);
    char text[64];
    sprintf(text, "/proc/self/fd/%d", fd);
    check(machine(open(text, O_RDONLY)) == MACHINE, "O_PATH");
    check(!fstat(fd, &other) && other.st_ino == expected->st_ino, "fstat of O_PATH");
    close(fd);
    check(!access(exe, R_OK | X_OK), "access");
    check(open(exe, O_WRONLY) < 0 && errno == ETXTBSY, "O_WRONLY is ETXTBSY");
    check(truncate(exe, 0) < 0 && errno == ETXTBSY, "truncate is ETXTBSY");
    check(open(exe, O_RDONLY | O_NOFOLLOW) < 0 && errno == ELOOP, "O_NOFOLLOW is ELOOP");
    struct statfs fs, of_file;
    fd = open(exe, O_RDONLY);
    check(!statfs(exe, &fs) && !fstatfs(fd, &of_file) && fs.f_type == of_file.f_type, "statfs");
    check(getxattr(exe, "user.proc_exe", 0, 0) == fgetxattr(fd, "user.proc_exe", 0, 0), "getxattr");
    int watch = inotify_init1(IN_NONBLOCK);
    check(inotify_add_watch(watch, exe, IN_ATTRIB) > 0, "inotify_add_watch");
    check(!chmod(exe, 0700) && !stat(exe, &other) && (other.st_mode & 0777) == 0700, "chmod");
    check(!utimensat(AT_FDCWD, exe, NULL, 0), "utimensat");
    check(!chown(exe, getuid(), -1), "chown");
    union {
        struct inotify_event first;
        char bytes[1000];
    } events;
    check(read(watch, &events, sizeof events) > 0 && events.first.mask == IN_ATTRIB, "events");
    close(watch);
    close(fd);
    // From a directory, as a symbolic link has it, and the link itself.
    char text2[200];
    strcpy(text2, exe);
    *strrchr(text2, '/') = 0;
    int proc = open(text2, O_PATH | O_DIRECTORY);
    check(machine(openat(proc, "exe", O_RDONLY)) == MACHINE, "openat");
    check(machine(openat(proc, "./exe", O_RDONLY)) == MACHINE, "openat with .");
    sprintf(text2, "%s/link%d", dir, getpid());
    check(!symlink(exe, text2), "symlink");
    check(machine(open(text2, O_RDONLY)) == MACHINE, "open of a link");
    check(!stat(text2, &other) && other.st_ino == expected->st_ino, "stat of a link");
    check(!syscall(SYS_statx, AT_FDCWD, text2, 0, STATX_INO, &sx) && sx.stx_ino == expected->st_ino, "statx of it");
    unlink(text2);
    int link = openat(proc, "exe", O_PATH | O_NOFOLLOW);
    char a[300] = "", b[300] = "", c[300] = "";
    readlink(exe, a, 299);
    readlinkat(link, "", b, 299);
    readlinkat(proc, "exe", c, 299);
    check(!strcmp(a, b) && !strcmp(a, c), "readlinkat");
    close(proc);
    close(link);
    struct {
        struct file_handle head;
        char bytes[128];
    } by_exe = {{128}}, by_fd = {{128}};
    int mount;
    fd = open(exe, O_RDONLY);
    int first = name_to_handle_at(AT_FDCWD, exe, &by_exe.head, &mount, AT_SYMLINK_FOLLOW);
    int second = name_to_handle_at(fd, "", &by_fd.head, &mount, AT_EMPTY_PATH);
    check(first == second && (first || !memcmp(by_exe.bytes, by_fd.bytes, by_fd.head.handle_bytes)),
          "name_to_handle_at");
    close(fd);
    sprintf(text2, "%s/hard%d", dir, getpid());
    if (!linkat(AT_FDCWD, exe, AT_FDCWD, text2, AT_SYMLINK_FOLLOW)) {
        check(machine(open(text2, O_RDONLY)) == MACHINE, "linkat");
        unlink(text2);
    } else check(errno == EXDEV || errno == EPERM || errno == ENOENT, "linkat");
}

static void look(void) {
    char text[300] = "";
    struct stat expected;
    check(readlink("/proc/self/exe", text, 299) > 0, "readlink");
    // What remains of the name.
    char *name = strrchr(text, '/');
    printf("%s: %s\n", how, name);
    int fd = open("/proc/self/exe", O_RDONLY);
    check(!fstat(fd, &expected), "fstat");
    check((fcntl(fd, F_GET_SEALS) > 0) == !strcmp(how, "memfd"), "seals");
    close(fd);
    look_at("/proc/self/exe", &expected);
    char exe[64];
    sprintf(exe, "/proc/%d/exe", getpid());
    look_at(exe, &expected);
    sprintf(exe, "/proc/%d/task/%d/exe", getpid(), getpid());
    look_at(exe, &expected);
    look_at("/proc/thread-self/exe", &expected);
    // Another process, which runs the same, and one that has ended.
    fflush(stdout);
    pid_t parent = getpid(), child = fork();
    if (!child) {
        sprintf(exe, "/proc/%d/exe", parent);
        look_at(exe, &expected);
        fflush(stdout);
        pause();
    }
    sprintf(exe, "/proc/%d/exe", child);
    look_at(exe, &expected);
    kill(child, SIGKILL);
    siginfo_t info;
    waitid(P_PID, child, &info, WEXITED | WNOWAIT);
    check(open(exe, O_RDONLY) < 0 && errno == ENOENT, "a zombie's is ENOENT");
    check(readlink(exe, text, 299) < 0 && errno == ENOENT, "a zombie's link is ENOENT");
    ended(child);
    check(open(exe, O_RDONLY) < 0 && errno == ENOENT, "of a process that is gone");
    // To be executed.
    const char *paths[] = {"/proc/self/exe", exe, "/proc/thread-self/exe", path};
    sprintf(exe, "/proc/%d/exe", getpid());
    sprintf(path, "%s/exec%d", dir, getpid());
    symlink("/proc/self/exe", path);
    for (int i = 0; i < 4; i++)
        if (!(child = fork())) {
            execl(paths[i], "x", "leaf", paths[i], NULL);
            _exit(99);
        } else check(ended(child) == 0, paths[i]);
    unlink(path);
    if (!(child = vfork())) {
        execl("/proc/self/exe", "x", "leaf", "/proc/self/exe", NULL);
        _exit(99);
    } else check(ended(child) == 0, "vfork");
    if (!(child = fork())) {
        syscall(SYS_execveat, AT_FDCWD, "/proc/self/exe", (char *[]){"x", NULL}, NULL, AT_SYMLINK_NOFOLLOW);
        _exit(errno == ELOOP ? 0 : 99);
    } else check(ended(child) == 0, "AT_SYMLINK_NOFOLLOW is ELOOP");
    // With its descriptor's number taken.
    for (int i = 890; i < 910; i++) check(dup2(1, i) == i, "dup2");
    check(machine(open("/proc/self/exe", O_RDONLY)) == MACHINE, "after dup2");
    for (int i = 3; i < 1000; i++) close(i);
    check(machine(open("/proc/self/exe", O_RDONLY)) == MACHINE, "after close");
    syscall(SYS_close_range, 3, ~0U, 0);
    check(machine(open("/proc/self/exe", O_RDONLY)) == MACHINE, "after close_range");
}

// In another root, where no name leads to the program; and mounted.
static void mounts(void) {
    how = "mounts";
    mount("none", "/", 0, MS_REC | MS_PRIVATE, 0);
    check(!mount("t", dir, "tmpfs", 0, 0), "tmpfs");
    sprintf(path, "%s/file", dir);
    close(open(path, O_CREAT | O_WRONLY, 0644));
    check(!mount("/proc/self/exe", path, 0, MS_BIND, 0), "bind mount");
    check(machine(open(path, O_RDONLY)) == MACHINE, "what was mounted");
    check(!umount2(path, MNT_DETACH), "umount2");
    int tree = syscall(SYS_open_tree, AT_FDCWD, "/proc/self/exe", 1 | O_CLOEXEC);
    check(tree >= 0, "open_tree");
    char text[64];
    sprintf(text, "/proc/self/fd/%d", tree);
    check(machine(open(text, O_RDONLY)) == MACHINE, "what was opened");
    check(!syscall(SYS_move_mount, tree, "", AT_FDCWD, path, 4), "move_mount");
    check(machine(open(path, O_RDONLY)) == MACHINE, "what was moved");
    sprintf(text, "%s/proc", dir);
    mkdir(text, 0755);
    check(!mount("/proc", text, 0, MS_BIND | MS_REC, 0), "bind mount of /proc");
    check(!chroot(dir) && !chdir("/"), "chroot");
    check(machine(open("/proc/self/exe", O_RDONLY)) == MACHINE, "in another root");
    pid_t child = fork();
    if (!child) {
        execl("/proc/self/exe", "x", "leaf", "/proc/self/exe", NULL);
        _exit(99);
    }
    check(ended(child) == 0, "executed in another root");
    puts("mounts: done");
}

static void copy(const char *to) {
    static char buffer[4 << 20];
    int from = open("/proc/self/exe", O_RDONLY), len = read(from, buffer, sizeof buffer);
    int fd = to ? open(to, O_CREAT | O_WRONLY, 0755) : memfd_create("cloned", MFD_ALLOW_SEALING | MFD_CLOEXEC);
    write(fd, buffer, len);
    close(from);
    if (to) {
        close(fd);
        execl(to, "x", how, to, dir, NULL);
    } else {
        fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK);
        char *argv[] = {"x", "memfd", "", dir, NULL}, *envp[] = {NULL};
        syscall(SYS_execveat, fd, "", argv, envp, AT_EMPTY_PATH);
    }
    _exit(98);
}

int main(int argc, char **argv) {
    if (argc == 3) {
        // The path that was executed is the one that was given.
        char name[20] = "";
        int fd = open("/proc/self/comm", O_RDONLY);
        name[read(fd, name, 19) - 1] = 0;
        const char *base = strrchr(argv[2], '/') + 1;
        return !strcmp((char *)getauxval(31), argv[2]) && !strncmp(name, base, 15) ? 0 : 97;
    }
    if (argc == 4) {
        how = argv[1];
        strcpy(dir, argv[3]);
        char *to = malloc(200);
        sprintf(to, "%s.old", argv[2]);
        if (!strcmp(how, "unlinked")) unlink(argv[2]);
        if (!strcmp(how, "renamed") || !strcmp(how, "replaced")) rename(argv[2], to);
        if (!strcmp(how, "replaced")) {
            int fd = open(argv[2], O_CREAT | O_WRONLY, 0755);
            write(fd, "#!/bin/false\n", 13);
            close(fd);
        }
        if (!strcmp(how, "mounts")) mounts();
        else look();
        unlink(to);
        return 0;
    }
    mkdtemp(dir);
    const char *hows[] = {"plain", "renamed", "replaced", "unlinked", "memfd"};
    for (int i = 0; i < 5; i++) {
        how = hows[i];
        sprintf(path, "%s/%s", dir, how);
        fflush(stdout);
        pid_t child = fork();
        if (!child) copy(strcmp(how, "memfd") ? path : NULL);
        printf("%s: status %d\n", how, ended(child));
        unlink(path);
    }
    fflush(stdout);
    pid_t child = fork();
    if (!child) {
        uid_t uid = getuid(), gid = getgid();
        if (unshare(CLONE_NEWUSER | CLONE_NEWNS)) {
            puts("mounts: done\nmounts: status 0");
            fflush(stdout);
            _exit(0);
        }
        char map[64];
        int fd = open("/proc/self/uid_map", O_WRONLY);
        write(fd, map, sprintf(map, "0 %d 1", uid));
        close(fd);
        fd = open("/proc/self/setgroups", O_WRONLY);
        write(fd, "deny", 4);
        close(fd);
        fd = open("/proc/self/gid_map", O_WRONLY);
        write(fd, map, sprintf(map, "0 %d 1", gid));
        close(fd);
        how = "mounts";
        if (!(child = fork())) {
            // By its name: what was opened before belongs to mounts that cannot be bound.
            char self[4096] = "";
            readlink("/proc/self/exe", self, 4095);
            execl(self, "x", how, "", dir, NULL);
            _exit(98);
        }
        printf("mounts: status %d\n", ended(child));
        fflush(stdout);
        _exit(0);
    }
    ended(child);
    char line[200];
    sprintf(line, "rm -r %s", dir);
    system(line);
    return 0;
}
