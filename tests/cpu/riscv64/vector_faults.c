// Vector loads and stores that fault at some element: what vstart is then, what has been done, and that
// they go on there when the handler has mended it. Loads that fault at their first element only. (At
// which element a transfer of whole registers stops is the processor's choice.)
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#define V(text) ".option push\n.option arch, +v\n" text "\n.option pop\n"

static char *page;
static int mend;
static sigjmp_buf back;
static unsigned long vl;
static _Alignas(16) char out[512], indices[128];

// What is in the registers. To be done before any system call: Linux forgets them there.
static void keep(void) {
  __asm__ volatile(V("csrr %0, vl\n csrw 8, zero\n vs8r.v v8, (%1)") : "=&r"(vl) : "r"(out) : "memory");
}

static void fault(int signo, siginfo_t *info, void *context) {
  unsigned long vstart;
  __asm__ volatile("csrr %0, 8" : "=r"(vstart));
  keep();
  printf("  signal %d code %d at %ld, vstart %lu\n", signo, info->si_code,
         (long)((char *)info->si_addr - page), vstart);
  if (!mend) siglongjmp(back, 1);
  mprotect(page + 4096, 4096, PROT_READ | PROT_WRITE);
}

static unsigned long sum(const char *from, int size) {
  unsigned long sum = 0;
  for (int i = 0; i < size; i++) sum = sum * 31 + (unsigned char)from[i];
  return sum;
}

// Fills pages, sets vl and vtype, puts known values into v8 to v15 (and indices into v16, v17), executes
// text at page + offset, and shows registers and memory.
#define TRY(name, vset, text, offset, protection) \
  for (mend = 0; mend < 2; mend++) { \
    printf("%s at %d\n", name, offset); \
    mprotect(page + 4096, 4096, PROT_READ | PROT_WRITE); \
    for (int i = 0; i < 8192; i++) page[i] = i * 7 + (i >> 8); \
    mprotect(page + 4096, 4096, protection); \
    if (!sigsetjmp(back, 1)) { \
      __asm__ volatile(V("li t0, 128\n vsetvli t0, t0, e8, m8, ta, ma\n vid.v v8\n vmv.v.i v0, 5\n" \
                         "vl2re8.v v16, (%1)\n mv a1, %0\n li a2, 12\n" vset "\n" text "\n") \
                       :: "r"(page + (offset)), "r"(indices) : "t0", "a1", "a2", "memory"); \
      keep(); \
    } \
    mprotect(page + 4096, 4096, PROT_READ | PROT_WRITE); \
    printf("  vl %lu registers %#lx memory %#lx\n", vl, sum(out, 128), sum(page, 8192)); \
  }

#define E32 "vsetivli zero, 8, e32, m2, tu, mu"
#define E8 "li t0, 64\n vsetvli zero, t0, e8, m4, ta, ma"
#define E64 "vsetivli zero, 6, e64, m4, tu, ma"

int main(void) {
  struct sigaction action = {.sa_sigaction = fault, .sa_flags = SA_SIGINFO};
  sigaction(SIGSEGV, &action, 0);
  page = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  for (int i = 0; i < 32; i++) indices[i] = i * 37 % 61 & ~3;
  static const int offsets[] = {4096 - 32, 4096 - 20, 4096 - 4, 4096, 4096 - 3};
  for (int i = 0; i < 5; i++) {
    int at = offsets[i];
    TRY("vle32.v", E32, "vle32.v v8, (a1)", at, PROT_NONE);
    TRY("vle32.v masked", E32, "vle32.v v8, (a1), v0.t", at, PROT_NONE);
    TRY("vle8.v", E8, "vle8.v v8, (a1)", at, PROT_NONE);
    TRY("vle64.v", E64, "vle64.v v8, (a1)", at & ~7, PROT_NONE);
    TRY("vse32.v", E32, "vse32.v v8, (a1)", at, PROT_READ);
    TRY("vse8.v masked", E8, "vse8.v v8, (a1), v0.t", at, PROT_READ);
    TRY("vlse32.v", E32, "vlse32.v v8, (a1), a2", at, PROT_NONE);
    TRY("vsse64.v", E64, "vsse64.v v8, (a1), a2", at, PROT_NONE);
    TRY("vluxei8.v", E32, "vluxei8.v v8, (a1), v16", at, PROT_NONE);
    TRY("vsoxei8.v", E32, "vsoxei8.v v8, (a1), v16", at, PROT_READ);
    TRY("vlseg3e32.v", E32, "vlseg3e32.v v8, (a1)", at, PROT_NONE);
    TRY("vsseg2e8.v", E8, "vsseg2e8.v v8, (a1)", at, PROT_READ);
    TRY("vle32ff.v", E32, "vle32ff.v v8, (a1)", at, PROT_NONE);
    TRY("vle8ff.v", E8, "vle8ff.v v8, (a1)", at, PROT_NONE);
    TRY("vle64ff.v masked", E64, "vle64ff.v v8, (a1), v0.t", at, PROT_NONE);
    // (Whether a segment that faults has written some of its registers is the processor's choice.)
    if (at % 2 == 0) TRY("vlseg2e16ff.v", "vsetivli zero, 9, e16, m2, ta, ma", "vlseg2e16ff.v v8, (a1)", at, PROT_NONE);
    TRY("vlm.v", E8, "vlm.v v8, (a1)", at, PROT_NONE);
  }
  return 0;
}
