// Scripts: what is opened and read on the way to the interpreter, what it gets, and which error there
// is if there is none.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char dir[] = "/tmp/exec_script.XXXXXX", self[4096];

static char *in(const char *name) {
    static char paths[8][4200];
    static int n;
    char *path = paths[n++ % 8];
    sprintf(path, "%s/%s", dir, name);
    return path;
}

static char *script(const char *name, const char *first, int mode) {
    char *path = in(name);
    int fd = open(path, O_CREAT | O_WRONLY | O_TRUNC, 0600);
    dprintf(fd, "#!%s\n", first);
    fchmod(fd, mode);
    close(fd);
    return path;
}

// Without the directory's name.
static void print(const char *text) {
    const char *at = strstr(text, dir);
    if (!strcmp(text, self)) printf(" SELF");
    else if (at) printf(" %.*sDIR%s", (int)(at - text), text, at + strlen(dir));
    else printf(" %s", text);
}

static void report(const char *what, int fd) {
    int error = 0, status;
    read(fd, &error, sizeof error);
    close(fd);
    wait(&status);
    if (error) printf("%s: %s\n", what, strerror(error));
    else printf("%s: status %d\n", what, status);
}

// Runs `path`, by a descriptor if `fd` is one.
static void run(const char *what, const char *path, int fd, int flags) {
    int fds[2];
    pipe2(fds, O_CLOEXEC);
    fflush(stdout);
    if (!fork()) {
        char *argv[] = {"zero", "one", NULL}, *envp[] = {NULL};
        execveat(fd, path, argv, envp, flags);
        int error = errno;
        write(fds[1], &error, sizeof error);
        _exit(1);
    }
    close(fds[1]);
    report(what, fds[0]);
}

static void watched(const char *what, char *path) {
    int events = inotify_init1(IN_NONBLOCK), opens = 0, reads = 0, closes = 0;
    inotify_add_watch(events, path, IN_OPEN | IN_ACCESS | IN_CLOSE);
    run(what, path, AT_FDCWD, 0);
    char buffer[4096];
    int len = read(events, buffer, sizeof buffer);
    for (int at = 0; at < len;) {
        struct inotify_event *event = (void *)(buffer + at);
        opens += !!(event->mask & IN_OPEN);
        reads += !!(event->mask & IN_ACCESS);
        closes += !!(event->mask & IN_CLOSE);
        at += sizeof *event + event->len;
    }
    printf("  opened %d, read %d, closed %d\n", opens, reads, closes);
    close(events);
}

int main(int argc, char **argv) {
    if (argc > 1) {
        // As the interpreter.
        strcpy(dir, strstr(argv[argc > 2 ? argc - 2 : 0], "/tmp/exec_script.") ?: "/tmp/exec_script.XXXXXX");
        dir[sizeof dir - 1] = 0;
        readlink("/proc/self/exe", self, sizeof self - 1);
        printf("  got");
        for (int i = 0; i < argc; i++) print(argv[i]);
        char comm[64] = "";
        int fd = open("/proc/self/comm", O_RDONLY);
        comm[read(fd, comm, sizeof comm) - 1] = 0;
        // (Linux 6.14 names it after the file.)
        int own = !strncmp(comm, strrchr(self, '/') + 1, 15) || !strcmp(comm, "77");
        printf(" as %s\n", own ? "SELF" : comm);
        return 0;
    }
    readlink("/proc/self/exe", self, sizeof self - 1);
    mkdtemp(dir);
    char line[4300];
    watched("a script", script("plain", self, 0755));
    sprintf(line, " %s  an option ", self);
    watched("with an option", script("option", line, 0755));
    sprintf(line, "%s", in("plain"));
    watched("of a script", script("second", line, 0755));
    watched("of a program of the machine", script("true", "/bin/true", 0755));
    sprintf(line, "%s", in("true"));
    watched("of a script of one", script("true2", line, 0755));
    watched("without an interpreter", script("missing", "/no/such", 0755));
    watched("with a directory", script("directory", "/tmp", 0755));
    watched("with a file that may not be executed", script("closed", "/etc/passwd", 0755));
    watched("that may not be executed", script("mode", self, 0644));
    // Six scripts are too many.
    const char *names[] = {"plain", "d2", "d3", "d4", "d5", "d6", "d7"};
    for (int i = 1; i < 7; i++) {
        strcpy(line, in(names[i - 1]));
        run(names[i], script(names[i], line, 0755), AT_FDCWD, 0);
    }
    script("loop", in("loop"), 0755);
    run("loop", in("loop"), AT_FDCWD, 0);
    int fd = open(in("plain"), O_RDONLY), gone = open(in("plain"), O_RDONLY | O_CLOEXEC), d = open(dir, O_PATH);
    fd = dup2(fd, 77);
    run("by a descriptor", "", fd, AT_EMPTY_PATH);
    run("by one that is closed", "", gone, AT_EMPTY_PATH);
    d = dup2(d, 78);
    run("below a directory", "plain", d, 0);
    fcntl(d, F_SETFD, FD_CLOEXEC);
    run("below one that is closed", "plain", d, 0);
    // (A path, though it ends in a descriptor's number.)
    run("by the path of a descriptor", "/dev/fd/77", AT_FDCWD, 0);
    int writer = open(in("plain"), O_WRONLY | O_APPEND);
    run("while it is written", in("plain"), AT_FDCWD, 0);
    run("as an interpreter while it is written", in("d2"), AT_FDCWD, 0);
    close(writer);
    symlink("plain", in("link"));
    run("a link", in("link"), AT_FDCWD, 0);
    run("a link not followed", in("link"), AT_FDCWD, AT_SYMLINK_NOFOLLOW);
    run("unknown flags", in("plain"), AT_FDCWD, 0x10);
    sprintf(line, "rm -r %s", dir);
    system(line);
    return 0;
}
