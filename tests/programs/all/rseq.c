/* rseq(2): what it refuses, what the kernel keeps in the area, who inherits the registration. */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/ptrace.h>
#include <sys/rseq.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SIGNATURE = 0x1badcafe, UNREGISTER = 1 };

struct area {
    uint32_t cpu_start, cpu;
    uint64_t section;
    uint32_t flags, node, mm_cid, end;
} __attribute__((aligned(32)));
static struct area own, other;

static long rseq(void *area, long len, long flags, unsigned signature)
{
    return syscall(SYS_rseq, area, len, flags, signature) ? errno : 0;
}
static void show(const char *what, long error) { printf("%s: %s\n", what, error ? strerror(error) : "done"); }

/* What the library has registered is given up. (On some architectures it registers nothing.) */
static void release(void)
{
#ifdef RSEQ_SIG
    if (__rseq_size == 0) return;
    rseq((char *)__builtin_thread_pointer() + __rseq_offset, 32, UNREGISTER, RSEQ_SIG);
#endif
}

static int is_here(struct area *area)
{
    for (int i = 0; i < 100; i++) {
        unsigned cpu, node;
        syscall(SYS_getcpu, &cpu, &node, 0);
        if (*(volatile uint32_t *)&area->cpu == cpu && area->cpu_start == cpu && area->node == node) return 1;
    }
    return 0;
}

static void *thread(void *unused)
{
    static struct area mine;
    show("thread, what the main thread has", rseq(&own, 32, UNREGISTER, SIGNATURE));
    release();
    show("thread, another", rseq(&mine, 32, 0, SIGNATURE + 1));
    printf("thread is here: %d\n", is_here(&mine));
    show("thread, gives it up", rseq(&mine, 32, UNREGISTER, SIGNATURE + 1));
    return 0;
}

static char stack[65536];
static int sharing(void *unused)
{
    show("process in the same memory, gives up", rseq(&own, 32, UNREGISTER, SIGNATURE));
    _exit(0);
}

static void traced(void)
{
    pid_t child = fork();
    if (child == 0) {
        ptrace(PTRACE_TRACEME, 0, 0, 0);
        raise(SIGSTOP);
        _exit(0);
    }
    int status;
    waitpid(child, &status, 0);
    struct { uint64_t area; uint32_t size, signature, flags, pad; } config = {0};
    long size = ptrace(0x420f, child, sizeof config, &config);
    printf("tracer: %ld, %d, %u, %x, %x\n", size, config.area == (uintptr_t)&own, config.size,
           config.signature, config.flags);
    kill(child, SIGKILL);
    waitpid(child, &status, 0);
}

int main(int argc, char **argv)
{
    setvbuf(stdout, 0, _IONBF, 0);
    release();
    if (argc > 1) return show("after execve", rseq(&own, 32, 0, SIGNATURE)), 0;
    printf("vector: %lu, %lu\n", getauxval(27), getauxval(28));
    show("nothing is registered", rseq(&own, 32, UNREGISTER, SIGNATURE));
    show("unknown flag", rseq(&own, 32, 16, SIGNATURE));
    show("short", rseq(&own, 16, 0, SIGNATURE));
    show("misaligned", rseq((char *)&own + 8, 32, 0, SIGNATURE));
    show("no address", rseq((void *)-4096l, 32, 0, SIGNATURE));
    show("registered", rseq(&own, 32, 0, SIGNATURE));
    show("twice", rseq(&own, 32, 0, SIGNATURE));
    show("another signature", rseq(&own, 32, 0, SIGNATURE + 1));
    show("another area", rseq(&other, 32, 0, SIGNATURE));
    show("gives up another", rseq(&other, 32, UNREGISTER, SIGNATURE));
    show("gives up with another signature", rseq(&own, 32, UNREGISTER, 1));
    printf("here: %d, section %ld\n", is_here(&own), (long)own.section);
    cpu_set_t all, one;
    sched_getaffinity(0, sizeof all, &all);
    int followed = 1;
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (!CPU_ISSET(cpu, &all)) continue;
        CPU_ZERO(&one);
        CPU_SET(cpu, &one);
        sched_setaffinity(0, sizeof one, &one);
        followed &= *(volatile uint32_t *)&own.cpu == (uint32_t)cpu && is_here(&own);
    }
    sched_setaffinity(0, sizeof all, &all);
    printf("follows: %d\n", followed);
    /* What is no section of the code that runs does not stay. */
    static uint32_t elsewhere[] = {SIGNATURE, 0};
    static uint64_t descriptor[4] __attribute__((aligned(32))) = {0, 4096, 16};
    descriptor[3] = (uintptr_t)&elsewhere[1];
    own.section = (uintptr_t)descriptor;
    for (int i = 0; i < 1000 && *(volatile uint64_t *)&own.section; i++) usleep(100);
    printf("cleared: %d\n", own.section == 0);
    pthread_t t;
    pthread_create(&t, 0, thread, 0);
    pthread_join(t, 0);
    if (fork() == 0) {
        show("child, again", rseq(&own, 32, 0, SIGNATURE));
        printf("child is here: %d\n", is_here(&own));
        show("child, gives it up", rseq(&own, 32, UNREGISTER, SIGNATURE));
        printf("then: %x %x\n", own.cpu_start, own.cpu);
        _exit(0);
    }
    wait(0);
    waitpid(clone(sharing, stack + sizeof stack, CLONE_VM | SIGCHLD, 0), 0, 0);
    if (vfork() == 0) sharing(0);
    wait(0);
    printf("still here: %d\n", is_here(&own));
    show("membarrier, registered", syscall(SYS_membarrier, 1 << 8, 0, 0) ? errno : 0);
    show("membarrier", syscall(SYS_membarrier, 1 << 7, 0, 0) ? errno : 0);
    traced();
    execl("/proc/self/exe", argv[0], "again", NULL);
    return 1;
}
