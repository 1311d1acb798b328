// The floating-point state across signals: registers, rounding mode and exception flags belong to the
// code that is interrupted, and the handler starts with them; what it changes in the frame counts.
#include <fenv.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <ucontext.h>
#include <unistd.h>

static unsigned fcsr(void) { unsigned v; __asm__ volatile("frcsr %0" : "=r"(v)); return v; }
static void set_fcsr(unsigned v) { __asm__ volatile("fscsr %0" :: "r"(v)); }

static int change;
static volatile int ticks;

static void handler(int signo, siginfo_t *info, void *context) {
  ucontext_t *uc = context;
  unsigned in = fcsr(), frame = uc->uc_mcontext.__fpregs.__d.__fcsr;
  uint64_t f9;
  memcpy(&f9, &uc->uc_mcontext.__fpregs.__d.__f[9], 8);
  printf("  handler: fcsr %#x, frame %#x, fs1 %#llx\n", in, frame, (long long)f9);
  set_fcsr(0x7f & 0x2a);
  volatile double one = 1, three = 3;
  double third = one / three;
  printf("  handler: %.17g, fcsr %#x\n", third, fcsr());
  if (change) {
    uc->uc_mcontext.__fpregs.__d.__fcsr = 0x65;
    uint64_t value = 0x4000000000000000;
    memcpy(&uc->uc_mcontext.__fpregs.__d.__f[9], &value, 8);
  }
}

static void tick(int signo) {
  // Spoils all that it may.
  set_fcsr(0x7f & 0x55);
  volatile double x = ticks, y = x / 7;
  (void)y;
  ticks++;
}

int main(void) {
  struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
  sigaction(SIGUSR1, &action, 0);
  for (change = 0; change < 2; change++) {
    for (unsigned mode = 0; mode < 8; mode++) {
      set_fcsr(mode << 5 | (mode * 5 & 31));
      uint64_t bits = 0xffffffff3f800000 + mode, out;
      register long a0 __asm__("a0") = getpid(), a1 __asm__("a1") = SIGUSR1, a7 __asm__("a7") = 129;
      __asm__ volatile("fmv.d.x fs1, %2\n ecall\n fmv.x.d %1, fs1"
                       : "+r"(a0), "=&r"(out) : "r"(bits), "r"(a1), "r"(a7) : "fs1", "memory");
      unsigned after = fcsr();
      set_fcsr(0);
      printf("mode %u: fcsr %#x, fs1 %#llx\n", mode, after, (long long)out);
    }
  }
  // Sums in each rounding mode under a storm of signals give what they give without.
  struct sigaction quick = {.sa_handler = tick};
  sigaction(SIGALRM, &quick, 0);
  double sums[2][5];
  unsigned flags[2][5];
  for (int storm = 0; storm < 2; storm++) {
    if (storm) {
      struct itimerval often = {{0, 200}, {0, 200}};
      setitimer(ITIMER_REAL, &often, 0);
    }
    for (int mode = 0; mode < 5; mode++) {
      set_fcsr(mode << 5);
      double sum = 0, x = 1;
      for (int i = 1; i < 300000; i++) {
        __asm__ volatile("fdiv.d %0, %2, %1" : "=f"(x) : "f"((double)i), "f"(1.0));
        __asm__ volatile("fadd.d %0, %0, %1" : "+f"(sum) : "f"(x));
      }
      flags[storm][mode] = fcsr();
      set_fcsr(0);
      sums[storm][mode] = sum;
    }
  }
  struct itimerval none = {{0, 0}, {0, 0}};
  setitimer(ITIMER_REAL, &none, 0);
  for (int mode = 0; mode < 5; mode++)
    printf("%a %#x %s\n", sums[0][mode], flags[0][mode],
           sums[0][mode] == sums[1][mode] && flags[0][mode] == flags[1][mode] ? "same" : "differs");
  printf("%s\n", ticks > 10 ? "many signals" : "few signals");
  return 0;
}
