// ELF files that are not as compilers make them: which of them Linux starts, which it refuses with
// which error, and which it only kills when the old program is gone.
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef __aarch64__
#define MACHINE EM_AARCH64
// mov x0, #42; mov x8, #94 (exit_group); svc #0
static const unsigned code[] = {0xd2800540, 0xd2800bc8, 0xd4000001};
// ldr w0, =.+0x1000 (relative): adr x0, .+0x1000; ldr w0, [x0]; mov x8, #94; svc #0
static const unsigned load_code[] = {0x10008000, 0xb9400000, 0xd2800bc8, 0xd4000001};
#else
#define MACHINE EM_X86_64
// mov edi, 42; mov eax, 231; syscall
static const unsigned char code[] = {0xbf, 42, 0, 0, 0, 0xb8, 231, 0, 0, 0, 0x0f, 0x05};
// mov edi, [rip + 0x1000 - 6]; mov eax, 231; syscall
static const unsigned char load_code[] = {0x8b, 0x3d, 0xfa, 0x0f, 0, 0, 0xb8, 231, 0, 0, 0, 0x0f, 0x05};
#endif

static char path[] = "/tmp/exec_elf.XXXXXX";
static unsigned char image[0x6000];
static Elf64_Ehdr *ehdr = (Elf64_Ehdr *)image;
static Elf64_Phdr *phdr = (Elf64_Phdr *)(image + sizeof(Elf64_Ehdr));

static void segment(int n, unsigned flags, unsigned long offset, unsigned long addr, unsigned long filesz,
                    unsigned long memsz) {
    phdr[n] = (Elf64_Phdr){PT_LOAD, flags, offset, addr, addr, filesz, memsz, 0x1000};
    if (ehdr->e_phnum <= n) ehdr->e_phnum = n + 1;
}

// A program that exits with 42: code at 0x1000 of the file and of the address space.
static void fresh(int type) {
    memset(image, 0, sizeof image);
    memcpy(ehdr->e_ident, "\177ELF\2\1\1", 7);
    ehdr->e_type = type;
    ehdr->e_machine = MACHINE;
    ehdr->e_version = 1;
    ehdr->e_phoff = sizeof *ehdr;
    ehdr->e_ehsize = sizeof *ehdr;
    ehdr->e_phentsize = sizeof *phdr;
    unsigned long base = type == ET_EXEC ? 0x10000000 : 0;
    ehdr->e_entry = base + 0x1000;
    memcpy(image + 0x1000, code, sizeof code);
    segment(0, PF_R | PF_X, 0x1000, base + 0x1000, 0x1000, 0x1000);
}

static void put(const char *path, const void *bytes, unsigned long len, int mode) {
    unlink(path);
    int fd = open(path, O_CREAT | O_WRONLY, mode);
    if (write(fd, bytes, len) != (long)len) puts("cannot write");
    close(fd);
}

static void try(const char *what, unsigned long len) {
    put(path, image, len, 0755);
    int fds[2];
    pipe2(fds, O_CLOEXEC);
    pid_t pid = fork();
    if (!pid) {
        dup2(open("/dev/null", O_WRONLY), 2);
        execl(path, "x", NULL);
        int error = errno;
        write(fds[1], &error, sizeof error);
        _exit(0);
    }
    close(fds[1]);
    int error = 0, status;
    read(fds[0], &error, sizeof error);
    close(fds[0]);
    waitpid(pid, &status, 0);
    if (error) printf("%s: %s\n", what, strerror(error));
    else if (WIFSIGNALED(status)) printf("%s: %s\n", what, strsignal(WTERMSIG(status)));
    else printf("%s: exit %d\n", what, WEXITSTATUS(status));
    fflush(stdout);
}

#define TRY(what, change) do { fresh(type); change; try(what, sizeof image); } while (0)

static void both(int type) {
    puts(type == ET_EXEC ? "ET_EXEC" : "ET_DYN");
    unsigned long base = type == ET_EXEC ? 0x10000000 : 0;
    TRY("plain", ;);
    TRY("e_version 0", ehdr->e_version = 0);
    TRY("e_version 7", ehdr->e_version = 7);
    TRY("EI_VERSION 0", ehdr->e_ident[EI_VERSION] = 0);
    TRY("EI_CLASS 0", ehdr->e_ident[EI_CLASS] = 0);
    TRY("EI_CLASS 1", ehdr->e_ident[EI_CLASS] = 1);
    TRY("EI_DATA 2", ehdr->e_ident[EI_DATA] = 2);
    TRY("EI_OSABI 77", ehdr->e_ident[EI_OSABI] = 77);
    TRY("e_flags", ehdr->e_flags = 0x12345);
    TRY("e_ehsize 0", ehdr->e_ehsize = 0);
    TRY("e_shoff wild", ehdr->e_shoff = ~0UL; ehdr->e_shnum = 9);
    TRY("e_phentsize 57", ehdr->e_phentsize = 57);
    TRY("e_phnum 0", ehdr->e_phnum = 0);
    TRY("e_phoff wild", ehdr->e_phoff = 1UL << 40);
    TRY("e_type 1", ehdr->e_type = ET_REL);
    TRY("e_type 4", ehdr->e_type = ET_CORE);
    TRY("p_align 0", phdr[0].p_align = 0);
    TRY("p_align 3", phdr[0].p_align = 3);
    TRY("p_align 0x3000", phdr[0].p_align = 0x3000);
    TRY("p_paddr wild", phdr[0].p_paddr = ~0UL);
    TRY("p_flags with more bits", phdr[0].p_flags |= 0xfff00000);
    TRY("no PT_LOAD", phdr[0].p_type = PT_NOTE);
    TRY("entry wild", ehdr->e_entry = 1UL << 60);
    TRY("filesz > memsz", phdr[0].p_memsz = 0x800);
    TRY("offset and address differ", phdr[0].p_offset += 8);
    TRY("address wild", phdr[0].p_vaddr = 1UL << 60);
    TRY("memsz wild", phdr[0].p_memsz = 1UL << 60);
    TRY("offset wild", segment(1, PF_R, -0x1000UL, base + 0x3000, 0x1000, 0x1000));
    TRY("an empty segment", segment(1, PF_R, 0, base + 0x3000, 0, 0));
    TRY("an empty segment first",
        segment(1, PF_R | PF_X, 0x1000, base + 0x1000, 0x1000, 0x1000); segment(0, PF_R, 0, base, 0, 0));
    TRY("out of order", segment(1, PF_R, 0, base, 0x1000, 0x1000));
    TRY("the same twice", segment(1, PF_R | PF_X, 0x1000, base + 0x1000, 0x1000, 0x1000));
    // The later one wins: other code, no code.
    TRY("overlap with other code",
        segment(1, PF_R | PF_X, 0x3000, base + 0x1000, 0x1000, 0x1000);
        memcpy(image + 0x3000, code, sizeof code); image[0x1000 + (MACHINE == EM_X86_64)] ^= 0x20);
    TRY("overlap without PF_X", segment(1, PF_R, 0x3000, base + 0x1000, 0x1000, 0x1000);
        memcpy(image + 0x3000, code, sizeof code));
    TRY("overlap of parts", phdr[0].p_filesz = phdr[0].p_memsz = 0x2000;
        segment(1, PF_R | PF_W, 0x2000, base + 0x2000, 0x1000, 0x3000));
    // Data behind the code, which is the exit code.
#define LOADS memcpy(image + 0x1000, load_code, sizeof load_code); image[0x2000] = 7
    TRY("data", LOADS; segment(1, PF_R, 0x2000, base + 0x2000, 0x1000, 0x1000));
    TRY("data under zeros", LOADS; segment(1, PF_R, 0x2000, base + 0x2000, 0x1000, 0x1000);
        segment(2, PF_R, 0, base + 0x2000, 0, 0x1000));
    TRY("data first", LOADS; segment(1, PF_R | PF_X, 0x1000, base + 0x1000, 0x1000, 0x1000);
        segment(0, PF_R, 0x2000, base + 0x2000, 0x1000, 0x1000));
    TRY("bss", LOADS; segment(1, PF_R | PF_W, 0x2000, base + 0x2000, 0, 0x1000));
    TRY("bss read-only", LOADS; segment(1, PF_R, 0x2000, base + 0x2000, 0, 0x1000));
    TRY("bss without rights", LOADS; segment(1, 0, 0x2000, base + 0x2000, 0, 0x1000));
    TRY("data without rights", LOADS; segment(1, 0, 0x2000, base + 0x2000, 0x1000, 0x1000));
    TRY("data in the same page", LOADS; image[0x2000] = 0; image[0x3010] = 9;
        segment(1, PF_R | PF_W, 0x3010, base + 0x2010, 0x10, 0x10); image[0x3000] = 5);
    TRY("a hole", LOADS; segment(1, PF_R | PF_W, 0x2000, base + 0x4000, 0x1000, 0x1000));
    fresh(type);
    try("cut in the code", 0x1000);
    fresh(type);
    segment(1, PF_R | PF_W, 0x2000, base + 0x2000, 0x800, 0x1000);
    try("cut before data to clear", 0x2000);
    fresh(type);
    try("cut in the headers", 100);
    fresh(type);
    try("cut in the ELF header", 40);
}

static void interp(const char *what, const char *text, unsigned long size, unsigned long offset) {
    fresh(ET_DYN);
    memcpy(image + 0x800, text, size);
    phdr[1] = (Elf64_Phdr){PT_INTERP, PF_R, offset, offset, offset, size, size, 1};
    ehdr->e_phnum = 2;
    try(what, sizeof image);
}

static void loaders(void) {
    puts("PT_INTERP");
    char bad[] = "/tmp/exec_elf.bad";
    interp("missing", "/no/such", 9, 0x800);
    interp("empty", "\0", 2, 0x800);
    interp("one byte", "", 1, 0x800);
    interp("not terminated", "/tmp", 4, 0x800);
    interp("beyond the file", "/x", 3, 0x10000);
    interp("a directory", "/tmp", 5, 0x800);
    interp("a device", "/dev/null", 10, 0x800);
    interp("through a file", "/proc/self/comm/x", 18, 0x800);
    char text[100] = "#!/bin/sh\n";
    put(bad, text, 10, 0644);
    interp("not executable", bad, sizeof bad, 0x800);
    put(bad, text, 10, 0755);
    interp("short", bad, sizeof bad, 0x800);
    put(bad, text, sizeof text, 0755);
    interp("a script", bad, sizeof bad, 0x800);
    fresh(ET_DYN);
    ehdr->e_machine = EM_PPC;
    put(bad, image, sizeof image, 0755);
    interp("another machine", bad, sizeof bad, 0x800);
    fresh(ET_DYN);
    ehdr->e_phnum = 0;
    put(bad, image, sizeof image, 0755);
    interp("no headers", bad, sizeof bad, 0x800);
    fresh(ET_DYN);
    phdr[0].p_type = PT_NOTE;
    put(bad, image, sizeof image, 0755);
    interp("nothing to load", bad, sizeof bad, 0x800);
    fresh(ET_REL);
    put(bad, image, sizeof image, 0755);
    interp("an object file", bad, sizeof bad, 0x800);
    fresh(ET_DYN);
    ehdr->e_version = 0;
    put(bad, image, sizeof image, 0755);
    interp("a program", bad, sizeof bad, 0x800);
    fresh(ET_DYN);
    strcpy((char *)image + 0x800, bad);
    phdr[1] = (Elf64_Phdr){PT_INTERP, PF_R, 0x800, 0, 0, sizeof bad, sizeof bad, 1};
    phdr[2] = (Elf64_Phdr){PT_INTERP, PF_R, 0, 0, 0, 1, 1, 1};
    ehdr->e_phnum = 3;
    ehdr->e_entry = 1UL << 60;
    try("a second one, and a wild entry", sizeof image);
    unlink(bad);
}

int main(void) {
    int fd = mkstemp(path);
    close(fd);
    both(ET_EXEC);
    both(ET_DYN);
    loaders();
    unlink(path);
    return 0;
}
