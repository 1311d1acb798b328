/* Code made at run time, patched, and mapped twice. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#if defined(__aarch64__)
static size_t make(unsigned char *p, unsigned v) { uint32_t w[2] = {0x52800000u | v << 5, 0xd65f03c0u}; memcpy(p, w, 8); return 8; }
#elif defined(__riscv)
static size_t make(unsigned char *p, unsigned v) { uint32_t w[3] = {0x537u | ((v + 0x800) & ~0xfffu), 0x5051bu | v << 20, 0x8067u}; memcpy(p, w, 12); return 12; }
#elif defined(__x86_64__)
static size_t make(unsigned char *p, unsigned v) { p[0] = 0xb8; memcpy(p + 1, &v, 4); p[5] = 0xc3; return 6; }
#endif
int main(void)
{
    unsigned char *p = mmap(0, 65536, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    long sum = 0;
    for (int i = 0; i < 2000; i++) {
        size_t n = make(p, i & 0xfff);
        __builtin___clear_cache((char *)p, (char *)p + n);
        sum += ((int (*)(void))p)();
    }
    printf("rewritten %ld\n", sum);
    int fd = memfd_create("code", 0);
    ftruncate(fd, 4096);
    unsigned char *w = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    unsigned char *x = mmap(0, 4096, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0);
    sum = 0;
    for (int i = 0; i < 500; i++) {
        size_t n = make(w, i);
        __builtin___clear_cache((char *)w, (char *)w + n);
        __builtin___clear_cache((char *)x, (char *)x + n);
        sum += ((int (*)(void))x)();
    }
    printf("dual %ld\n", sum);
    for (int i = 0; i < 50; i++) {
        unsigned char *q = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        size_t n = make(q, 3 * i);
        __builtin___clear_cache((char *)q, (char *)q + n);
        mprotect(q, 4096, PROT_READ | PROT_EXEC);
        sum += ((int (*)(void))q)();
        munmap(q, 4096);
    }
    printf("remapped %ld\n", sum);
    return 0;
}
