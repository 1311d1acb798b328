// Indirect branches into pages with and without PROT_BTI.
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

static sigjmp_buf back;
static void ill(int s, siginfo_t *i, void *c) {
  siglongjmp(back, 16 + i->si_code + 4 * ((((ucontext_t *)c)->uc_mcontext.pstate >> 10) & 3));
}

// By BLR, by BR x16, by BR x2, by BR x2 from a guarded page.
static void go(int how, uint32_t *to, uint32_t *stub) {
  switch (how) {
  case 0: __asm__ volatile("blr %0" :: "r"(to) : "x30", "memory"); break;
  case 1: __asm__ volatile("mov x16, %0\n adr x30, 1f\n br x16\n1:" :: "r"(to) : "x16", "x30", "memory"); break;
  case 2: __asm__ volatile("mov x2, %0\n adr x30, 1f\n br x2\n1:" :: "r"(to) : "x2", "x30", "memory"); break;
  case 3: __asm__ volatile("mov x2, %0\n blr %1" :: "r"(to), "r"(stub) : "x2", "x30", "memory"); break;
  }
}

// Whether a branch by x2 to a NOP is refused.
static void try(const char *what, void *to) {
  int r = sigsetjmp(back, 1);
  if (!r) go(2, to, 0);
  printf("%s: %s\n", what, r ? "refused" : "done");
}

int main(void) {
  static const uint32_t first[] = {0xd503201f, 0xd503241f, 0xd503245f, 0xd503249f, 0xd50324df, 0xd503233f, 0xd4200000};
  static const char *names[] = {"nop", "bti", "bti c", "bti j", "bti jc", "paciasp", "brk"};
  struct sigaction a = {.sa_sigaction = ill, .sa_flags = SA_SIGINFO};
  sigaction(SIGILL, &a, 0);
  sigaction(SIGTRAP, &a, 0);
  uint32_t *code = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  for (int n = 0; n < 7; n++) {
    code[8 * n] = first[n];
    // autiasp after paciasp; ret.
    code[8 * n + 1] = first[n] == 0xd503233f ? 0xd50323bf : 0xd503201f;
    code[8 * n + 2] = 0xd65f03c0;
  }
  uint32_t *stub = code + 100;
  stub[0] = 0xd503245f; stub[1] = 0xd61f0040;
  __builtin___clear_cache((char *)code, (char *)(code + 2048));
  for (int guarded = 0; guarded < 3; guarded++) {
    printf("mprotect %d\n", mprotect(code, 4096, PROT_READ | PROT_EXEC | (guarded == 1 ? 0x10 : 0)));
    for (int n = 0; n < 7; n++)
      for (int how = 0; how < 4; how++)
        for (int twice = 0; twice < 2; twice++) {
          int r = sigsetjmp(back, 1);
          if (!r) go(how, code + 8 * n, stub);
          if (twice) printf("%d %s %d: %d\n", guarded, names[n], how, r);
        }
  }
  // The guard is the mapping's: kept by mremap and fork, lost with the mapping, changed by parts.
  char *p = (char *)code;
  mprotect(p, 4096, PROT_READ | PROT_EXEC | 0x10);
  try("before", p);
  char *room = mmap(0, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  char *moved = mremap(p, 4096, 4096, MREMAP_MAYMOVE | MREMAP_FIXED, room);
  try("moved", moved);
  mprotect(moved, 4096, PROT_READ);
  mprotect(moved, 4096, PROT_READ | PROT_EXEC);
  try("again without", moved);
  mprotect(moved, 4096, PROT_READ | PROT_EXEC | 0x10);
  fflush(stdout);
  if (!fork()) {
    try("child", moved);
    mprotect(moved, 4096, PROT_READ | PROT_EXEC);
    try("child without", moved);
    fflush(stdout);
    _exit(0);
  }
  wait(0);
  try("parent", moved);
  char *more = mremap(moved, 4096, 3 * 4096, MREMAP_MAYMOVE);
  try("grown", more);
  static char copy[4096];
  __builtin_memcpy(copy, more, 4096);
  munmap(more, 3 * 4096);
  p = mmap(more, 3 * 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  for (int n = 0; n < 3; n++) __builtin_memcpy(p + n * 4096, copy, 4096);
  __builtin___clear_cache(p, p + 3 * 4096);
  try("new", p);
  mprotect(p + 4096, 4096, PROT_READ | PROT_EXEC | 0x10);
  for (int n = 0; n < 3; n++) try("third", p + n * 4096);
  p = mmap(more, 4096 * 3, PROT_READ | PROT_WRITE | PROT_EXEC | 0x10, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  for (int n = 0; n < 3; n++) __builtin_memcpy(p + n * 4096, copy, 4096);
  __builtin___clear_cache(p, p + 3 * 4096);
  try("mapped", p + 8192);
}
