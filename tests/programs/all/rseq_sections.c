/* Restartable sequences: a section that is preempted, migrated or interrupted goes on at its abort
   handler. A count, a list and a log of each processor, used by all threads and by a signal handler
   without locks or atomic instructions, depend on it. */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/rseq.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CPUS = 256, THREADS = 6, ROUNDS = 40000, NODES = 32, SLOTS = 1 << 16 };

struct node { struct node *next; };
static struct percpu {
    uint64_t count, logged;
    struct node *head;
    uint64_t pad[5];
    struct { uint64_t a, b; } log[SLOTS];
} *all;

/* The parts of a section: loads and stores of 64 bits, and the registers T0 to T2. PUBLISH stores the
   address of the descriptor, which is a constant of the code; PUBLISH_FOUND one that is in a register. */
#if defined(__x86_64__)
#define T0 "%%rax"
#define T1 "%%rcx"
#define T2 "%%rdx"
#define LD(r, base, at) "mov " at "(" base "), " r "\n"
#define ST(r, base, at) "mov " r ", " at "(" base ")\n"
#define INC(r) "inc " r "\n"
#define IF_ZERO(r) "test " r ", " r "\njz %l[other]\n"
#define INDEX(r, base, n) "mov " n ", " r "\nshl $4, " r "\nadd " base ", " r "\n"
#define ON_CPU "cmp %k[cpu], 4(%[area])\njne %l[other]\n"
#define ADDRESS "lea 3b(%%rip), " T0 "\n"
#define SIGNATURE ".byte 0x0f, 0xb9, 0x3d\n.long 0x53053053\n"
#define GO "jmp "
#define USED "rax", "rcx", "rdx", "cc"
#elif defined(__aarch64__)
#define T0 "x9"
#define T1 "x10"
#define T2 "x11"
#define LD(r, base, at) "ldr " r ", [" base ", " at "]\n"
#define ST(r, base, at) "str " r ", [" base ", " at "]\n"
#define INC(r) "add " r ", " r ", 1\n"
#define IF_ZERO(r) "cbz " r ", %l[other]\n"
#define INDEX(r, base, n) "add " r ", " base ", " n ", lsl 4\n"
#define ON_CPU "ldr w9, [%[area], 4]\ncmp w9, %w[cpu]\nb.ne %l[other]\n"
#define ADDRESS "adrp x9, 3b\nadd x9, x9, :lo12:3b\n"
#define SIGNATURE ".inst 0xd428bc00\n"
#define GO "b "
#define USED "x9", "x10", "x11", "cc"
#elif defined(__riscv)
#define T0 "t0"
#define T1 "t1"
#define T2 "t2"
#define LD(r, base, at) "ld " r ", " at "(" base ")\n"
#define ST(r, base, at) "sd " r ", " at "(" base ")\n"
#define INC(r) "addi " r ", " r ", 1\n"
#define IF_ZERO(r) "beqz " r ", %l[other]\n"
#define INDEX(r, base, n) "slli " r ", " n ", 4\nadd " r ", " r ", " base "\n"
#define ON_CPU "lw t0, 4(%[area])\nbne t0, %[cpu], %l[other]\n"
#define ADDRESS "la t0, 3b\n"
#define SIGNATURE ".word 0xf1401073\n"
#define GO "j "
#define USED "t0", "t1", "t2"
#endif
#ifdef RSEQ_SIG
#define OWN_SIGNATURE RSEQ_SIG
#else
#define OWN_SIGNATURE 0xf1401073
#endif
#define PUBLISH ADDRESS ST(T0, "%[area]", "8")
#define PUBLISH_FOUND ST("%[found]", "%[area]", "8")

/* The library's area, or one of our own where it registers none. */
static __thread struct rseq own __attribute__((aligned(32)));
static struct rseq *registered(void)
{
    return __rseq_size ? (void *)((char *)__builtin_thread_pointer() + __rseq_offset) : &own;
}
static long set_own(int flags)
{
    return __rseq_size ? 0 : syscall(SYS_rseq, &own, 32, flags, OWN_SIGNATURE);
}

#define SECTION(publish, body, ...) \
    struct rseq *area = registered(); \
    int cpu = *(volatile uint32_t *)&area->cpu_id_start; \
    struct percpu *p = &all[cpu]; \
    __asm__ goto( \
        ".pushsection .data.rel.ro, \"aw\"\n.balign 32\n3: .long 0, 0\n.quad 1f, 2f - 1f, 4f\n.popsection\n" \
        ".pushsection .text.unlikely, \"ax\"\n.balign 4\n" SIGNATURE "4: " GO "%l[aborted]\n.popsection\n" \
        publish "1:\n" ON_CPU body "2:\n" \
        : : [area] "r"(area), [cpu] "r"(cpu), [p] "r"(p), __VA_ARGS__ : USED, "memory" : aborted, other); \
    return 0; \
aborted: \
    return -1; \
other: \
    return 1;

#define NOINLINE static __attribute__((noinline))

NOINLINE int try_add(void *unused)
{
    SECTION(PUBLISH, LD(T0, "%[p]", "0") INC(T0) ST(T0, "%[p]", "0"), "r"(0))
}
NOINLINE int try_push(void *n)
{
    SECTION(PUBLISH, LD(T0, "%[p]", "16") ST(T0, "%[n]", "0") ST("%[n]", "%[p]", "16"), [n] "r"(n))
}
NOINLINE int try_pop(void *out)
{
    SECTION(PUBLISH, LD(T0, "%[p]", "16") IF_ZERO(T0) LD(T1, T0, "0") ST(T0, "%[out]", "0")
            ST(T1, "%[p]", "16"), [out] "r"(out))
}
/* Two stores into the next slot, then the commit: after a preemption neither may happen, for another
   thread may have used the slot. */
NOINLINE int try_log(void *value)
{
    SECTION(PUBLISH, LD(T0, "%[p]", "8") INDEX(T1, "%[p]", T0) ST("%[value]", T1, "64")
            ST("%[value]", T1, "72") INC(T0) ST(T0, "%[p]", "8"), [value] "r"(value))
}
/* Waits to be aborted; its descriptor comes from memory. The list below holds that one. */
NOINLINE int wait_for_abort(void *found)
{
    SECTION(PUBLISH_FOUND ".pushsection found, \"aw\"\n.quad 3b\n.popsection\n", "5: " GO "5b\n", [found] "r"(found))
}
extern void *__start_found[];
#undef SIGNATURE
#define SIGNATURE ".long 0\n"
/* Its abort handler does not have the signature. */
NOINLINE int unsigned_abort(void *unused)
{
    SECTION(PUBLISH, "5: " GO "5b\n", "r"(0))
}

static int again(int (*section)(void *), void *argument)
{
    int r;
    while ((r = section(argument)) < 0) {}
    return r;
}

static uint64_t total(int logs)
{
    uint64_t sum = 0;
    for (int cpu = 0; cpu < CPUS; cpu++) sum += logs ? all[cpu].logged : all[cpu].count;
    return sum;
}

static int pinned;
static uint64_t added, signals;

static void interruptible(int how)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGALRM);
    pthread_sigmask(how, &set, 0);
}

static void *work(void *number)
{
    unsigned n = (uintptr_t)number;
    cpu_set_t set;
    if (pinned && sched_getaffinity(0, sizeof set, &set) == 0) {
        int first = 0;
        while (!CPU_ISSET(first, &set)) first++;
        CPU_ZERO(&set);
        CPU_SET(first, &set);
        sched_setaffinity(0, sizeof set, &set);
    }
    /* Interrupted only while an area is registered. */
    set_own(0);
    interruptible(SIG_UNBLOCK);
    uint64_t done = 0;
    for (int i = 0; i < ROUNDS; i++) {
        while (again(try_add, 0)) {}
        done++;
        struct node *taken;
        if (again(try_pop, &taken) == 0) {
            taken->next = (struct node *)-1;
            while (again(try_push, taken)) {}
        }
        if (i % 8 == 0) while (again(try_log, (void *)(uintptr_t)(n << 24 | i + 1))) {}
    }
    interruptible(SIG_BLOCK);
    set_own(1);
    __atomic_fetch_add(&added, done, __ATOMIC_SEQ_CST);
    return 0;
}

static void on_signal(int signo)
{
    while (again(try_add, 0)) {}
    __atomic_fetch_add(&signals, 1, __ATOMIC_SEQ_CST);
}

/* What the threads did is all there, once. */
static void check(const char *name)
{
    int listed = 0, torn = 0, seen[THREADS] = {0}, twice = 0;
    static char once[THREADS][ROUNDS + 1];
    memset(once, 0, sizeof once);
    for (int cpu = 0; cpu < CPUS; cpu++) {
        int length = 0;
        for (struct node *n = all[cpu].head; n && length <= NODES; n = n->next) length++;
        listed += length;
        for (uint64_t i = 0; i < all[cpu].logged; i++) {
            uint64_t a = all[cpu].log[i].a, b = all[cpu].log[i].b;
            if (a != b || (a >> 24) >= THREADS || (a & 0xffffff) > ROUNDS) { torn++; continue; }
            if (once[a >> 24][a & 0xffffff]++) twice++;
            seen[a >> 24]++;
        }
    }
    int missing = 0;
    for (int t = 0; t < THREADS; t++) missing += ROUNDS / 8 - seen[t];
    int counted = total(0) == added + signals;
    printf("%s: counted %d, nodes %d, torn %d, twice %d, missing %d\n", name, counted, listed, torn, twice,
           missing);
    if (!counted) printf("  %lu instead of %lu\n", (long)total(0), (long)(added + signals));
}

static void round_of(const char *name, int pin, int interrupted)
{
    for (int cpu = 0; cpu < CPUS; cpu++) all[cpu].count = all[cpu].logged = 0, all[cpu].head = 0;
    added = signals = 0, pinned = pin;
    static struct node nodes[NODES];
    for (int i = 0; i < NODES; i++) while (again(try_push, &nodes[i])) {}
    struct itimerval often = {{0, 150}, {0, 150}}, never = {0};
    signal(SIGALRM, on_signal);
    interruptible(SIG_BLOCK);
    if (interrupted) setitimer(ITIMER_REAL, &often, 0);
    pthread_t threads[THREADS];
    for (uintptr_t i = 0; i < THREADS; i++) pthread_create(&threads[i], 0, work, (void *)i);
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], 0);
    setitimer(ITIMER_REAL, &never, 0);
    check(name);
}

int main(void)
{
    if (set_own(0)) return perror("rseq"), 1;
    all = mmap(0, sizeof *all * CPUS, PROT_READ | PROT_WRITE,
               MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    round_of("anywhere", 0, 0);
    round_of("on one processor", 1, 0);
    round_of("interrupted", 0, 1);
    round_of("interrupted on one processor", 1, 1);
    printf("waited: %d\n", wait_for_abort(__start_found[0]));
    printf("waited: %d\n", wait_for_abort(__start_found[0]));
    fflush(stdout);
    int status;
    if (fork() == 0) _exit(again(unsigned_abort, 0));
    wait(&status);
    printf("without signature: %x\n", status);
    return 0;
}
