/* The immediate of SVC means nothing, whatever the vDSO uses: not outside of it, and not in a copy of
 * it. */
#include <stdio.h>
#include <string.h>
#include <elf.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#define CALL(imm, nr, a, b) ({ \
    register long x8 __asm__("x8") = (nr); \
    register long x0 __asm__("x0") = (long)(a); \
    register long x1 __asm__("x1") = (long)(b); \
    __asm__ volatile("svc #" #imm : "+r"(x0) : "r"(x8), "r"(x1) : "memory"); \
    x0; })
static unsigned long find(unsigned char *image, const char *name)
{
    Elf64_Ehdr *e = (void *)image;
    Elf64_Phdr *p = (void *)(image + e->e_phoff);
    Elf64_Dyn *d = 0;
    Elf64_Sym *symbols = 0;
    char *strings = 0;
    unsigned *hash = 0;
    unsigned long bias = 0;
    for (int i = 0; i < e->e_phnum; i++) {
        if (p[i].p_type == PT_DYNAMIC) d = (void *)(image + p[i].p_offset);
        if (p[i].p_type == PT_LOAD && !p[i].p_offset) bias = p[i].p_vaddr;
    }
    for (; d && d->d_tag; d++) {
        /* Some loaders relocate the image's dynamic section. */
        unsigned long at = d->d_un.d_ptr >= (unsigned long)image ? d->d_un.d_ptr : (unsigned long)image + d->d_un.d_ptr - bias;
        if (d->d_tag == DT_SYMTAB) symbols = (void *)at;
        if (d->d_tag == DT_STRTAB) strings = (void *)at;
        if (d->d_tag == DT_HASH) hash = (void *)at;
    }
    for (unsigned i = 0; symbols && strings && hash && i < hash[1]; i++)
        if (!strcmp(strings + symbols[i].st_name, name)) return (symbols[i].st_value - bias) & 0xffff;
    return 0;
}
int main(void)
{
    struct timespec t = {-1, -1};
    printf("%d", CALL(0xa17c, SYS_getpid, 1, &t) == getpid());
    printf(" %d", CALL(0xa17d, SYS_getppid, 1, &t) == getppid());
    printf(" %ld", (long)t.tv_sec);
    printf(" %ld", CALL(0xa17c, SYS_clock_gettime, 1234, &t));
    printf(" %ld\n", CALL(0xa17c, SYS_clock_gettime, 1, 8));
    unsigned char *vdso = (void *)getauxval(AT_SYSINFO_EHDR);
    unsigned char *copy = mmap(0, 8192, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    unsigned long at = find(vdso, "__kernel_clock_gettime");
    memcpy(copy, vdso, 4096);
    __builtin___clear_cache((char *)copy, (char *)copy + 8192);
    int (*moved)(int, struct timespec *) = (void *)(copy + at);
    int (*own)(int, struct timespec *) = (void *)(vdso + at);
    int bad = 0;
    for (int i = 0; i < 200; i++) {
        struct timespec a, b, c;
        bad += own(1, &a) || moved(1, &b) || own(1, &c);
        bad += b.tv_sec < a.tv_sec || c.tv_sec < b.tv_sec;
    }
    printf("found %d copy %d\n", at != 0, bad);
    return 0;
}
