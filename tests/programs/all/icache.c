/* Code that is changed while there is a translation of it: partly, back and forth, across lines, in another thread. */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
/* int f(void) { return v; } */
#if defined(__aarch64__)
enum { SIZE = 8, PAD = 4 };
static void make(unsigned char *p, unsigned v) { uint32_t w[2] = {0x52800000u | v << 5, 0xd65f03c0u}; memcpy(p, w, 8); }
static const uint32_t pad = 0xd503201f;
#elif defined(__riscv)
enum { SIZE = 8, PAD = 4 };
static void make(unsigned char *p, unsigned v) { uint32_t w[2] = {0x513u | v << 20, 0x8067u}; memcpy(p, w, 8); }
static const uint32_t pad = 0x13;
#elif defined(__x86_64__)
enum { SIZE = 8, PAD = 1 };
static void make(unsigned char *p, unsigned v) { unsigned char w[8] = {0xb8, v, v >> 8, 0, 0, 0xc3, 0x90, 0x90}; memcpy(p, w, 8); }
static const unsigned char pad = 0x90;
#endif
typedef int (*function)(void);
static void flush(void *p, size_t n) { __builtin___clear_cache((char *)p, (char *)p + n); }
static unsigned char *code(size_t n) { return mmap(0, n, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); }
static unsigned char *shared_code;
static atomic_int changed, checked, wrong;
static void *caller(void *unused)
{
    (void)unused;
    for (int i = 0; i < 768; i++) {
        /* Calls what may just be changed, then what certainly was. */
        unsigned char *p = shared_code + i % 256 * 4096;
        int before = ((function)p)();
        while (atomic_load(&changed) <= i) sched_yield();
        __builtin___clear_cache((char *)p, (char *)p); /* the reader's ISB */
        int after = ((function)p)();
        wrong += !((before == i / 256 || before == i / 256 + 1) && after == i / 256 + 1);
        atomic_store(&checked, i + 1);
    }
    return 0;
}
int main(void)
{
    unsigned char *p = code(65536);
    long sum = 0;
    /* The same bytes, and others of the same line. */
    for (int i = 0; i < 8; i++) make(p + i * 8, i), flush(p + i * 8, SIZE);
    for (int round = 0; round < 300; round++) {
        int n = round % 8;
        make(p + n * 8, round % 3 ? n : round), flush(p, 64);
        for (int i = 0; i < 8; i++) sum = sum * 3 + ((function)(p + i * 8))();
    }
    printf("line %lx\n", sum);
    /* Back and forth between two. */
    for (int round = 0; round < 300; round++) {
        make(p, round % 2 ? 7 : 4000 % 251), flush(p, SIZE);
        sum = sum * 3 + ((function)p)();
    }
    printf("back and forth %lx\n", sum);
    /* One piece of code across lines, pages and whatever else; its last instruction changes. */
    for (int at = 4096 - 200; at < 4096 + 8; at += 16) {
        for (int i = 0; i < 200; i += PAD) memcpy(p + at + i, &pad, PAD);
        flush(p + at, 200);
        for (int value = 1; value < 4; value++) {
            make(p + at + 200, value), flush(p + at + 200, SIZE);
            sum = sum * 3 + ((function)(p + at))();
        }
    }
    printf("across %lx\n", sum);
    /* Never executed, then executed, never flushed in between. */
    unsigned char *fresh = code(1 << 20);
    for (int i = 0; i < 256; i++) make(fresh + i * 4096 + i * 8, i);
    flush(fresh, 1 << 20);
    for (int i = 0; i < 256; i++) sum = sum * 3 + ((function)(fresh + i * 4096 + i * 8))();
    for (int i = 0; i < 256; i++) make(fresh + i * 4096 + i * 8, 255 - i);
    flush(fresh, 1 << 20);
    for (int i = 0; i < 256; i++) sum = sum * 3 + ((function)(fresh + i * 4096 + i * 8))();
    printf("fresh %lx\n", sum);
    /* Another thread runs it for the first time, or again, at any moment of the change. */
    shared_code = code(1 << 20);
    for (int i = 0; i < 256; i++) make(shared_code + i * 4096, 0);
    flush(shared_code, 1 << 20);
    pthread_t thread;
    pthread_create(&thread, 0, caller, 0);
    for (int i = 0; i < 768; i++) {
        make(shared_code + i % 256 * 4096, i / 256 + 1);
        flush(shared_code + i % 256 * 4096, SIZE);
        atomic_store(&changed, i + 1);
        while (atomic_load(&checked) <= i) sched_yield();
    }
    pthread_join(thread, 0);
    printf("threads %d wrong\n", (int)wrong);
    return 0;
}
