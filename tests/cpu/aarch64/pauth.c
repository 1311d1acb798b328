// Pointer authentication: what holds whatever the algorithm is.
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static sigjmp_buf back;
static void ill(int s, siginfo_t *i, void *c) { siglongjmp(back, 8 + i->si_code); }

typedef uint64_t u64;
#define SIGN(op) static u64 op(u64 p, u64 m) { \
    __asm__(".arch armv8.3-a\n" #op " %0, %1" : "+r"(p) : "r"(m)); return p; }
SIGN(pacia) SIGN(pacib) SIGN(pacda) SIGN(pacdb) SIGN(autia) SIGN(autib) SIGN(autda) SIGN(autdb)
static u64 xpaci(u64 p) { __asm__(".arch armv8.3-a\nxpaci %0" : "+r"(p)); return p; }
static u64 pacga(u64 p, u64 m) {
  u64 r; __asm__(".arch armv8.3-a\npacga %0, %1, %2" : "=r"(r) : "r"(p), "r"(m)); return r;
}
static u64 ldraa(u64 p) { u64 r; __asm__(".arch armv8.3-a\nldraa %0, [%1, #-8]" : "=r"(r) : "r"(p)); return r; }
static u64 ldrab(u64 p, u64 *q) {
  u64 r; __asm__(".arch armv8.3-a\nldrab %0, [%1, #8]!" : "=r"(r), "+r"(p)); *q = p; return r;
}
__attribute__((noinline, target("branch-protection=pac-ret+leaf"))) static int leaf(int n) { return n + 1; }
__attribute__((noinline, target("branch-protection=pac-ret+b-key"))) static int deep(int n) { return n ? deep(n - 1) + leaf(n) : 0; }
static u64 call(u64 (*f)(u64, u64), u64 p) {
  u64 r;
  __asm__(".arch armv8.3-a\nmov x0, %1\nmov x1, #5\nblraa %2, %3\nmov %0, x0" : "=r"(r)
      : "r"(p), "r"(pacia((u64)f, 77)), "r"(77UL) : "x0", "x1", "x30", "memory");
  return r;
}
static const char *attempt(u64 (*aut)(u64, u64), u64 p, u64 m) {
  static char text[64];
  int n = sigsetjmp(back, 1);
  if (n) { snprintf(text, 64, "SIGILL %d", n - 8); return text; }
  snprintf(text, 64, "%#lx", (unsigned long)aut(p, m));
  return text;
}

int main(void) {
  struct sigaction a = {.sa_sigaction = ill, .sa_flags = SA_SIGINFO};
  sigaction(SIGILL, &a, 0);
  static const u64 pointers[] = {0, 8, 0x7ffff7fff000, 0xab00123456789abc, 0xffff800012345678, ~0UL};
  for (int n = 0; n < 6; n++) {
    u64 p = pointers[n], i = pacia(p, 3), b = pacib(p, 3), d = pacda(p, 3), e = pacdb(p, 3);
    printf("%#lx: %#lx %#lx %#lx %#lx %#lx\n", p, autia(i, 3), autib(b, 3), autda(d, 3), autdb(e, 3), xpaci(i));
    printf("kept %d\n", ((i ^ p) & 0x0080ffffffffffff) == 0);
  }
  int wrong = 0;
  for (u64 m = 0; m < 64; m++) wrong += pacia(0x123456789000, m) == pacia(0x123456789000, m + 64);
  printf("modifier counts %d\n", wrong < 16);
  u64 s = pacda(0x123456789000, 9);
  printf("changed: %s\n", attempt(autda, s ^ 1UL << 52, 9));
  printf("pacga %d %d\n", pacga(1, 2) == pacga(1, 2), (uint32_t)pacga(1, 2) == 0);
  u64 words[3] = {11, 22, 33}, q;
  printf("ldraa %lu", ldraa(pacda((u64)(words + 1), 0)));
  u64 v = ldrab(pacdb((u64)(words + 1), 0), &q);
  printf(" ldrab %lu %d\n", v, q == (u64)(words + 2));
  printf("calls %d %#lx\n", deep(50), xpaci(call(pacib, 0x123456789000)));
  printf("reset %d ", prctl(54, 0xf0, 0, 0, 0));
  printf("%d\n", prctl(54, 4, 0, 0, 0));
  printf("after reset %s\n", attempt(autdb, pacdb(s, 9), 9)[0] ? "goes on" : "");
  printf("enabled %d", prctl(61, 0, 0, 0, 0));
  printf(" %d %d", prctl(60, 2, 0, 0, 0), prctl(61, 0, 0, 0, 0));
  printf(" disabled: %#lx\n", pacib(0x1234, 5));
  fflush(stdout);
  if (!fork()) { printf("child %#lx\n", autia(pacia(0x4321, 1), 1)); return 0; }
  wait(0);
}
