// 128-bit counters, by exclusive pairs and by CASP, in two threads; faults leave registers alone.
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <ucontext.h>

__asm__(".arch armv8.1-a");

static _Alignas(16) uint64_t m[2];
static const uint64_t step = 0x123456789abcdef;

static void *count(void *exclusive) {
  for (int i = 0; i < 50000; i++)
    if (exclusive) {
      uint64_t a, b; int failed;
      __asm__ volatile("1: ldaxp %0, %1, [%3]\n adds %0, %0, %4\n adc %1, %1, xzr\n"
                       "stlxp %w2, %0, %1, [%3]\n cbnz %w2, 1b"
                       : "=&r"(a), "=&r"(b), "=&r"(failed) : "r"(m), "r"(step) : "memory", "cc");
    } else {
      register uint64_t a __asm__("x4"), b __asm__("x5"), c __asm__("x6"), d __asm__("x7");
      uint64_t low, high;
      do {
        a = low = ((volatile uint64_t *)m)[0];
        b = high = ((volatile uint64_t *)m)[1];
        __asm__("adds %0, %2, %4\n adc %1, %3, xzr" : "=&r"(c), "=r"(d) : "r"(a), "r"(b), "r"(step) : "cc");
        __asm__ volatile("caspal x4, x5, x6, x7, [%4]" : "+r"(a), "+r"(b) : "r"(c), "r"(d), "r"(m) : "memory");
      } while (a != low || b != high);
    }
  return 0;
}

static sigjmp_buf back;
static void fault(int s, siginfo_t *i, void *c) {
  mcontext_t *r = &((ucontext_t *)c)->uc_mcontext;
  printf("signal %d code %d at %ld: %lx %lx %lx %lx %lx\n", s, i->si_code, (long)i->si_addr & 4095,
         (long)r->regs[4], (long)r->regs[5], (long)r->regs[6], (long)r->regs[0], (long)r->regs[19]);
  siglongjmp(back, 1);
}

#define SET "mov x0, #0x77\n mov x19, #0x99\n mov x4, #1\n mov x5, #2\n mov x6, #3\n mov x7, #4\n"
#define DO(text) __asm__ volatile(SET text :: "r"(p + at) : "x0","x4","x5","x6","x7","x19","memory")

int main(void) {
  for (int how = 0; how < 3; how++) {
    pthread_t t[2];
    m[0] = m[1] = 0;
    for (long i = 0; i < 2; i++) pthread_create(&t[i], 0, count, (void *)(how == 2 ? i : how));
    for (int i = 0; i < 2; i++) pthread_join(t[i], 0);
    printf("%lx %lx\n", (long)m[1], (long)m[0]);
  }
  struct sigaction a = {.sa_sigaction = fault, .sa_flags = SA_SIGINFO};
  sigaction(SIGSEGV, &a, 0);
  sigaction(SIGBUS, &a, 0);
  char *p = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  mprotect(p, 4096, PROT_READ);
  mprotect(p + 4096, 4096, PROT_NONE);
  for (int at = 4080; at <= 4112; at += 8)
    for (int k = 0; k < 3; k++)
      if (!sigsetjmp(back, 1)) {
        if (k == 0) DO("casp x4, x5, x6, x7, [%0]");
        if (k == 1) DO("ldxp x4, x5, [%0]");
        if (k == 2) DO("ldxp x4, x5, [%0]\n stxp w7, x6, x6, [%0]");
        printf("done %d %d\n", at, k);
      }
}
