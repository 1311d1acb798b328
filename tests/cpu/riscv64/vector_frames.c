// Vector state in signal frames: what the record says, that it survives whatever the handler does, and
// what becomes of it when the handler changes it, also to what no instruction can set.
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <ucontext.h>
#include <unistd.h>

#define V(text) ".option push\n.option arch, +v\n" text "\n.option pop\n"

struct record {
  uint32_t magic, size;
  uint64_t vstart, vl, vtype, vcsr, vlenb;
  uint8_t *data;
};
// Behind the floating-point registers, 8 bytes before the end of their union.
static struct record *record_of(ucontext_t *uc) {
  return (void *)((char *)&uc->uc_mcontext.__fpregs + 528 - 8);
}

static struct record change;
static int changes, shows;
static volatile int ticks;

static void spoil(void) {
  __asm__ volatile(V("li t0, 77\n vsetvli t0, t0, e8, m8, ta, ma\n vmv.v.i v0, 9\n vmv.v.i v8, 9\n"
                     "vmv.v.i v16, 9\n vmv.v.i v24, 9\n vsetivli zero, 1, e64, m1, ta, ma\n"
                     "csrwi 8, 0\n csrwi 15, 7") ::: "t0");
}

static void handler(int signo, siginfo_t *info, void *context) {
  struct record *r = record_of(context);
  if (shows)
    printf("  %s, %u bytes, vstart %lu vl %lu vtype %#lx vcsr %lu vlenb %lu, v8 %d %d %d, end %d\n",
           r->magic == 0x53465457 ? "vectors" : "another", r->size, r->vstart, r->vl, r->vtype,
           r->vcsr, r->vlenb, r->data[8 * 16], r->data[8 * 16 + 1], r->data[31 * 16 + 15],
           *(int *)((char *)r + r->size));
  if (changes) {
    r->vstart = change.vstart, r->vl = change.vl, r->vtype = change.vtype, r->vcsr = change.vcsr;
    r->data[8 * 16] = 200;
  }
  // Behind c.ebreak. (A call would not do: Linux forgets vectors then.)
  if (signo == SIGTRAP) ((ucontext_t *)context)->uc_mcontext.__gregs[0] += 2;
  spoil();
  ticks++;
}

static unsigned long vl, vtype, vstart, vcsr;
static _Alignas(16) uint8_t v8[16];
#define READ V("csrr %0, vl\n csrr %1, vtype\n csrr %2, 8\n csrr %3, 15\n csrwi 8, 0\n vs1r.v v8, (%4)\n")

static void raise_with(const char *what, unsigned long start) {
  printf("%s\n", what);
  fflush(stdout);
  __asm__ volatile(V("li t0, 128\n vsetvli t0, t0, e8, m8, ta, ma\n vid.v v8\n vid.v v24\n"
                     "vsetivli zero, 5, e16, m2, tu, mu\n csrw 15, %[vcsr]\n csrw 8, %[start]\n c.ebreak\n") READ
                   : "=&r"(vl), "=&r"(vtype), "=&r"(vstart), "=&r"(vcsr) : "r"(v8),
                     [start] "r"(start), [vcsr] "r"(5L) : "t0", "memory");
  printf("  then vl %lu vtype %#lx vstart %lu vcsr %lu, v8 %d %d\n", vl, vtype, vstart, vcsr, v8[0], v8[1]);
}

int main(void) {
  struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
  sigaction(SIGTRAP, &action, 0);
  shows = 1;
  raise_with("unchanged", 0);
  raise_with("with vstart", 3);
  changes = 1;
  change = (struct record){.vstart = 2, .vl = 7, .vtype = 0xd0 & ~0xc0, .vcsr = 2};
  raise_with("changed", 0);
  change = (struct record){.vstart = 1ul << 40, .vl = 1ul << 40, .vtype = 0, .vcsr = ~0ul};
  raise_with("too much", 0);
  change = (struct record){.vl = 3, .vtype = 0x1234};
  raise_with("an unknown type", 0);
  changes = shows = 0;
  // Sums under a storm of signals.
  sigaction(SIGALRM, &action, 0);
  struct itimerval often = {{0, 150}, {0, 150}};
  setitimer(ITIMER_REAL, &often, 0);
  static int32_t from[1000], wrong;
  int64_t expected = 0;
  for (int i = 0; i < 1000; i++) expected += from[i] = i * 7919 % 1009 - 500;
  for (int round = 0; round < 4000; round++) {
    int64_t sum;
    __asm__ volatile(V("vsetivli zero, 1, e64, m1, ta, ma\n vmv.s.x v1, zero\n li t0, 1000\n mv t1, %1\n"
                       "1: vsetvli t2, t0, e32, m4, ta, ma\n vle32.v v8, (t1)\n vwredsum.vs v1, v8, v1\n"
                       "sub t0, t0, t2\n slli t2, t2, 2\n add t1, t1, t2\n bnez t0, 1b\n"
                       "vsetivli zero, 1, e64, m1, ta, ma\n vmv.x.s %0, v1")
                     : "=r"(sum) : "r"(from) : "t0", "t1", "t2", "memory");
    wrong += sum != expected;
  }
  struct itimerval none = {{0, 0}, {0, 0}};
  setitimer(ITIMER_REAL, &none, 0);
  printf("%d wrong, %s\n", wrong, ticks > 20 ? "many signals" : "few signals");
  return 0;
}
