// The bases of FS and GS by arch_prctl(2) and by instructions, in threads and children.
#include <asm/prctl.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static long words[4] = {11, 22, 33, 44};

static long call(int code, unsigned long address) {
    long result = syscall(SYS_arch_prctl, code, address);
    return result == -1 ? -errno : result;
}

static long gs_word(long offset) {
    long value;
    __asm__ volatile("mov %%gs:(%1), %0" : "=r"(value) : "r"(offset));
    return value;
}

static void *thread(void *unused) {
    unsigned long base = 1;
    call(ARCH_GET_GS, (unsigned long)&base);
    printf("a thread inherits gs: %d\n", base == (unsigned long)words);
    call(ARCH_SET_GS, (unsigned long)(words + 2));
    printf("its own: %ld\n", gs_word(0));
    return 0;
}

int main(void) {
    unsigned long base = 1, fs;
    printf("gs at first: %ld", call(ARCH_GET_GS, (unsigned long)&base));
    printf(" %lu\n", base);
    call(ARCH_GET_FS, (unsigned long)&fs);
    long self;
    __asm__ volatile("mov %%fs:0, %0" : "=r"(self));
    printf("fs is the thread's: %d\n", self == (long)fs);
    printf("set gs: %ld\n", call(ARCH_SET_GS, (unsigned long)words));
    printf("words: %ld %ld\n", gs_word(0), gs_word(24));
    for (int n = 0; n < 4; n++) {
        static const unsigned long wrong[] = {1UL << 47, 1UL << 63, -4096UL, 0x7ffffffff000UL};
        printf("set to %#lx: %ld", wrong[n], call(ARCH_SET_GS, wrong[n]));
        call(ARCH_SET_GS, (unsigned long)words);
        printf(" %ld\n", gs_word(8));
    }
    printf("no such code: %ld\n", call(0x9999, 0));
    printf("unreadable: %ld\n", call(ARCH_GET_GS, 8));
    fflush(stdout);
    pthread_t other;
    pthread_create(&other, 0, thread, 0);
    pthread_join(other, 0);
    printf("here as before: %ld\n", gs_word(0));
    fflush(stdout);
    if (fork() == 0) {
        printf("a child inherits it: %ld\n", gs_word(16));
        fflush(stdout);
        _exit(0);
    }
    wait(0);
    return 0;
}
