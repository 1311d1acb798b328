/* Programs that are started by others may use what these have translated. Each child changes its own
   code by another means; the next one must not see that, and the change must take effect where the code
   has been called from before. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAGE 65536
#define TEXT __attribute__((noinline, noclone, aligned(64), section(".text.changed")))
/* A page of its own, whatever the size of pages is. */
__asm__(".section .text.changed, \"ax\", %progbits\n.balign 65536\n.text");
TEXT int first(void) { __asm__ volatile(""); return 11; }
TEXT int second(void) { __asm__ volatile(""); return 22; }
TEXT int calls(int n)
{
    int sum = 0;
    for (int i = 0; i < n; i++) { __asm__ volatile("" ::: "memory"); sum += first(); }
    return sum;
}
__asm__(".section .text.changed, \"ax\", %progbits\n.balign 65536\n.text");

static int (*volatile indirect)(void) = first;

static void flush(void) { __builtin___clear_cache((char *)first, (char *)first + 64); }

static void show(const char *when) { printf(" %s %d %d %d", when, calls(50), indirect(), second()); }

static int child(int how)
{
    char *page = (char *)((unsigned long)first & ~(PAGE - 1ul));
    show("before");
    if (how == 0) {
        mprotect(page, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC);
        memcpy((void *)first, (void *)second, 64), flush();
    } else if (how == 1) {
        mprotect(page, PAGE, PROT_READ | PROT_WRITE);
        memcpy((void *)first, (void *)second, 64);
        mprotect(page, PAGE, PROT_READ | PROT_EXEC), flush();
    } else if (how == 2) {
        int fd = open("/proc/self/mem", O_RDWR);
        if (pwrite(fd, (void *)second, 64, (long)first) != 64) perror("mem");
        close(fd), flush();
    } else if (how == 3) {
        char *copy = malloc(PAGE);
        memcpy(copy, page, PAGE), memcpy(copy + ((char *)first - page), (void *)second, 64);
        munmap(page, PAGE);
        mmap(page, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
        memcpy(page, copy, PAGE);
        mprotect(page, PAGE, PROT_READ | PROT_EXEC), flush();
    }
    show("after");
    if (how < 4) {
        /* What a forked child inherits. */
        fflush(stdout);
        pid_t pid = fork();
        if (!pid) show("forked"), fflush(stdout), _exit(0);
        waitpid(pid, 0, 0);
    }
    puts("");
    return 0;
}

int main(int argc, char **argv)
{
    if (argc > 1) return child(atoi(argv[1]));
    /* A file that has just been written is not trusted to be the same. */
    struct stat st;
    stat("/proc/self/exe", &st);
    while (time(0) - st.st_ctime < 5) usleep(100000);
    for (int round = 0; round < 2; round++)
        for (int how = 0; how < 5; how++) {
            char arg[2] = {'0' + how, 0};
            printf("%d:", how), fflush(stdout);
            pid_t pid = fork();
            if (!pid) execl("/proc/self/exe", argv[0], arg, (char *)0), _exit(99);
            waitpid(pid, 0, 0);
        }
    return 0;
}
