// Instructions that cross the end of a page: the second page is missing, without rights, or another.
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

static char *pages;
static sigjmp_buf back;
static int maps;

static void fault(int signo, siginfo_t *info, void *context) {
  ucontext_t *uc = context;
  long pc = (char *)uc->uc_mcontext.__gregs[0] - pages, at = (char *)info->si_addr - pages;
  printf("  signal %d code %d pc %#lx address %#lx\n", signo, info->si_code, pc, at);
  if (!maps) siglongjmp(back, 1);
  // What is missing is made, and the instruction is executed again.
  mmap(pages + 4096, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  uint16_t rest[] = {0x02a5, 0x8082};  // The upper half of addi a0, a0, 42, and ret.
  memcpy(pages + 4096, rest, sizeof rest);
  mprotect(pages + 4096, 4096, PROT_READ | PROT_EXEC);
  maps = 0;
}

static void run(const char *what, int offset, int argument) {
  printf("%s\n", what);
  fflush(stdout);
  if (!sigsetjmp(back, 1)) {
    __builtin___clear_cache(pages, pages + 8192);
    int (*code)(int) = (void *)(pages + offset);
    printf("  %d\n", code(argument));
  }
}

int main(void) {
  struct sigaction action = {.sa_sigaction = fault, .sa_flags = SA_SIGINFO};
  sigaction(SIGSEGV, &action, 0);
  sigaction(SIGBUS, &action, 0);
  sigaction(SIGILL, &action, 0);
  pages = mmap(0, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  munmap(pages + 8192, 4096);
  // addi a0, a0, 42 (0x02a50513) across the border; ret behind it.
  uint16_t both[] = {0x0513, 0x02a5, 0x8082};
  memcpy(pages + 4094, both, sizeof both);
  mprotect(pages, 8192, PROT_READ | PROT_EXEC);
  for (int i = 0; i < 3; i++) run("both pages", 4094, i);
  mprotect(pages + 4096, 4096, PROT_READ);
  run("second page without execution", 4094, 1);
  mprotect(pages + 4096, 4096, PROT_NONE);
  run("second page without rights", 4094, 1);
  mprotect(pages + 4096, 4096, PROT_READ | PROT_EXEC);
  run("both again", 4094, 5);
  mprotect(pages, 4096, PROT_READ);
  run("first page without execution", 4094, 1);
  mprotect(pages, 4096, PROT_READ | PROT_EXEC);
  munmap(pages + 4096, 4096);
  run("second page missing", 4094, 1);
  maps = 1;
  run("second page made when it is missed", 4094, 2);
  run("and there", 4094, 3);
  // Only the second half changes: addi a0, a0, 7.
  mprotect(pages + 4096, 4096, PROT_READ | PROT_WRITE);
  memcpy(pages + 4096, &(uint16_t){0x0075}, 2);
  mprotect(pages + 4096, 4096, PROT_READ | PROT_EXEC);
  run("another second half", 4094, 3);
  // A compressed instruction at the very end, then nothing.
  mprotect(pages + 4096, 4096, PROT_READ | PROT_WRITE);
  memcpy(pages + 8190, &(uint16_t){0x8082}, 2);
  mprotect(pages + 4096, 4096, PROT_READ | PROT_EXEC);
  run("ret at the end of all", 8190, 9);
  mprotect(pages + 4096, 4096, PROT_READ | PROT_WRITE);
  memcpy(pages + 8190, &(uint16_t){0x0513}, 2);
  mprotect(pages + 4096, 4096, PROT_READ | PROT_EXEC);
  run("half an instruction at the end of all", 8190, 9);
  return 0;
}
