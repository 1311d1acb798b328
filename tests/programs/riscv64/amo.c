// Atomic instructions: misaligned ones, those that a fault interrupts, SC without its LR.
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

static sigjmp_buf back;
static char *page;
static void fault(int signo, siginfo_t *info, void *context) {
  printf(" signal %d code %d at %ld", signo, info->si_code, (long)((char *)info->si_addr - page));
  siglongjmp(back, 1);
}

#define TRY(name, text, offset) do { \
    uint64_t result = 77; \
    memset(page, 0x11, 4096); \
    printf("%s %d:", name, (int)(offset)); \
    if (!sigsetjmp(back, 1)) { \
      __asm__ volatile("li t1, 5\n mv t2, %1\n" text "\n mv %0, t0" : "=r"(result) \
                       : "r"(page + (offset)) : "t0", "t1", "t2", "memory"); \
      printf(" %#lx", result); \
    } \
    uint64_t sum = 0; \
    for (int i = 0; i < 4096; i++) sum = sum * 31 + (unsigned char)page[i]; \
    printf(" sum %#lx\n", sum); \
  } while (0)

int main(void) {
  struct sigaction action = {.sa_sigaction = fault, .sa_flags = SA_SIGINFO};
  sigaction(SIGBUS, &action, 0);
  sigaction(SIGSEGV, &action, 0);
  page = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  mprotect(page + 4096, 4096, PROT_READ);
  static const int places[] = {0, 8, 64, 4088};
  for (int i = 0; i < 4; i++) {
    TRY("amoadd.w", "amoadd.w t0, t1, (t2)", places[i]);
    TRY("amoswap.d.aqrl", "amoswap.d.aqrl t0, t1, (t2)", places[i]);
    TRY("amomax.w", "amomax.w t0, t1, (t2)", places[i] + 4);
    TRY("amominu.d", "amominu.d t0, t1, (t2)", places[i]);
    TRY("lr.w", "lr.w t0, (t2)", places[i]);
    TRY("lr.d sc.d", "lr.d t0, (t2)\n sc.d t0, t1, (t2)", places[i]);
    TRY("lr.w sc.w", "lr.w.aq t0, (t2)\n sc.w.rl t0, t1, (t2)", places[i]);
  }
  // SC whose reservation is of nothing, or of something else, or used up.
  TRY("sc.w alone", "lr.w t0, (t2)\n sc.w t0, t1, (t2)\n sc.w t0, t1, (t2)", 16);
  TRY("sc.d elsewhere", "lr.d t0, (t2)\n addi t2, t2, 1024\n sc.d t0, t1, (t2)", 16);
  // Where nothing may be written.
  TRY("amoadd.w read-only", "amoadd.w t0, zero, (t2)", 4096);
  TRY("amoor.d read-only", "amoor.d t0, zero, (t2)", 4104);
  TRY("lr.d read-only", "lr.d t0, (t2)", 4096);
  TRY("sc.d read-only", "lr.d t0, (t2)\n sc.d t0, t1, (t2)", 4096);
  // Misaligned loads that reserve never work.
  TRY("lr.w misaligned", "lr.w t0, (t2)", 2);
  TRY("lr.d misaligned", "lr.d t0, (t2)", 4);
  TRY("amoadd.w across lines", "amoadd.w t0, t1, (t2)", 62);
  TRY("amoadd.d across pages", "amoadd.d t0, t1, (t2)", 4092);
  TRY("amoswap.d across 16", "amoswap.d t0, t1, (t2)", 12);
  // rd, rs1 and rs2 that are the same.
  TRY("amoadd.d same", "mv t0, t2\n amoadd.d t0, t0, (t0)\n sd t1, (t2)", 32);
  TRY("amoadd.d to zero", "li t0, 3\n amoadd.d zero, t1, (t2)", 32);
  TRY("sc.d over its address", "lr.d t0, (t2)\n sc.d t2, t1, (t2)\n mv t0, t2", 32);
  return 0;
}
