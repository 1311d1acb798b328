/* fork, vfork, posix_spawn, exec, wait, exit codes, environment, process groups. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
extern char **environ;
static int run_cloned(void *p) { *(volatile int *)p = 4711; return 5; }
int main(int argc, char **argv)
{
    if (argc > 1 && !strcmp(argv[1], "child")) {
        printf("child argc %d", argc),
        printf(" %s", argv[2][0] == 0x2f ? "path" : argv[2]),
        printf(" %s\n", getenv("MARK") ? getenv("MARK") : "none");
        return 42;
    }
    setvbuf(stdout, 0, _IONBF, 0);
    int st;
    pid_t p = fork();
    if (!p) _exit(7);
    printf("fork %d", waitpid(p, &st, 0) == p),
        printf(" %d\n", WEXITSTATUS(st));
    static volatile int shared;
    p = vfork();
    if (!p) { shared = 1; _exit(3); }
    waitpid(p, &st, 0);
    printf("vfork shares %d", shared),
        printf(" exit %d\n", WEXITSTATUS(st));
    char self[4096];
    self[readlink("/proc/self/exe", self, sizeof self - 1)] = 0;
    char *args[] = {"zero", "child", "one", 0}, *env[] = {"MARK=here", 0};
    int rc = posix_spawn(&p, self, 0, 0, args, env);
    waitpid(p, &st, 0);
    printf("spawn %d", rc);
    printf(" exit %d\n", WEXITSTATUS(st));
    printf("spawn missing %s\n", strerror(posix_spawn(&p, "/does/not/exist", 0, 0, args, env)));
    p = fork();
    if (!p) { execve("/proc/self/exe", args, env); _exit(9); }
    waitpid(p, &st, 0);
    printf("exec self exit %d\n", WEXITSTATUS(st));
    p = fork();
    if (!p) { int fd = open(self, O_RDONLY | O_CLOEXEC); fexecve(fd, args, env); _exit(9); }
    waitpid(p, &st, 0);
    printf("fexecve exit %d\n", WEXITSTATUS(st));
    printf("exec missing %d", execv("/does/not/exist", args)),
        printf(" %s\n", strerror(errno));
    printf("exec directory %d", execv("/tmp", args)),
        printf(" %s\n", strerror(errno));
    char name[] = "/tmp/anyarch-exec-XXXXXX";
    int fd = mkstemp(name);
    write(fd, "garbage", 7);
    printf("exec no mode %d", execv(name, args)),
        printf(" %s\n", strerror(errno));
    fchmod(fd, 0700), close(fd);
    printf("exec garbage %d", execv(name, args)),
        printf(" %s\n", strerror(errno));
    fd = open(name, O_WRONLY | O_TRUNC);
    char script[8192];
    write(fd, script, snprintf(script, sizeof script, "#!%s child\n", self));
    close(fd);
    p = fork();
    if (!p) { dup2(1, 2); execl(name, name, "x", (char *)0); _exit(9); }
    char out[8];
    (void)out;
    waitpid(p, &st, 0);
    printf("script exit %d\n", WEXITSTATUS(st));
    unlink(name);
    char *stack = mmap(0, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int word = 0;
    p = clone(run_cloned, stack + 65536, CLONE_VM | CLONE_VFORK | SIGCHLD, &word);
    waitpid(p, &st, 0);
    printf("clone vm %d", word),
        printf(" exit %d\n", WEXITSTATUS(st));
    FILE *f = popen("echo popen; exit 4", "r");
    char line[64] = {0};
    fgets(line, sizeof line, f);
    printf("popen %s", line);
    printf("pclose %d", WEXITSTATUS(pclose(f))),
        printf(" system %d\n", WEXITSTATUS(system("exit 6")));
    int sync[2];
    pipe(sync);
    p = fork();
    if (!p) { char c; setpgid(0, 0); write(sync[1], "x", 1); read(sync[0] + 100, &c, 1); pause(); _exit(0); }
    char c;
    read(sync[0], &c, 1);
    printf("pgid %d", getpgid(p) == p),
        printf(" kill group %d\n", kill(-p, SIGTERM));
    siginfo_t si;
    waitid(P_PID, p, &si, WEXITED | WNOWAIT);
    printf("waitid %d %d\n", si.si_code, si.si_status);
    struct rusage ru;
    printf("wait4 %d", wait4(p, &st, 0, &ru) == p);
    printf(" none left %d", (int)wait(&st)),
        printf(" %s\n", strerror(errno));
    p = fork();
    if (!p) { struct rlimit rl = {8 << 20, 8 << 20}; setrlimit(RLIMIT_FSIZE, &rl); getrlimit(RLIMIT_FSIZE, &rl); _exit(rl.rlim_cur >> 20); }
    waitpid(p, &st, 0);
    printf("rlimit %d\n", WEXITSTATUS(st));
    return 0;
}
