// Misaligned atomic, exclusive, ordered and paired accesses at each offset: results, or the fault.
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>

static sigjmp_buf back;
static volatile int sig, code;
static volatile uintptr_t addr;
static _Alignas(64) unsigned char buf[128];

static void fault(int s, siginfo_t *i, void *c) {
  sig = s, code = i->si_code, addr = (uintptr_t)i->si_addr - (uintptr_t)buf;
  siglongjmp(back, 1);
}

#define TRY(name, text) do { printf(name ":"); for (int o = 0; o < 17; o++) { \
  unsigned char *p = buf + 16 + o; uint64_t r = 0, q = 0; \
  for (int i = 0; i < 128; i++) buf[i] = i * 7 + 1; \
  if (!sigsetjmp(back, 1)) { \
    __asm__ volatile("mov x4, %2\n mov x0, #0x1234\n movk x0, #0x8765, lsl #48\n mov x1, #0x77\n" \
        "movk x1, #0x99, lsl #48\n mov x2, x0\n mov x3, x1\n" text "\n mov %0, x0\n mov %1, x1" \
        : "=r"(r), "=r"(q) : "r"(p) : "x0","x1","x2","x3","x4","x5","x6","memory","cc","v0"); \
    unsigned s = 0; for (int i = 0; i < 128; i++) s = s * 31 + buf[i]; \
    printf(" %x", (unsigned)(r ^ q * 3 ^ r >> 32 ^ s)); \
  } else if (sig == SIGILL) printf(" SIGILL"); \
  else printf(" %d/%d@%ld", sig, code, (long)addr - 16 - o); \
  } printf("\n"); } while (0)

int main(void) {
  struct sigaction a = {.sa_sigaction = fault, .sa_flags = SA_SIGINFO};
  sigaction(SIGBUS, &a, 0); sigaction(SIGSEGV, &a, 0); sigaction(SIGILL, &a, 0);
  TRY("ldaddb", "ldaddb w0,w1,[x4]"); TRY("ldaddh", "ldaddh w0,w1,[x4]");
  TRY("ldadd w", "ldadd w0,w1,[x4]"); TRY("ldadd x", "ldadd x0,x1,[x4]");
  TRY("swph", "swpalh w0,w1,[x4]"); TRY("swp x", "swp x0,x1,[x4]");
  TRY("ldclr", "ldclr x0,x1,[x4]"); TRY("ldeor", "ldeor w0,w1,[x4]");
  TRY("ldset", "ldset x0,x1,[x4]"); TRY("ldsmax", "ldsmax w0,w1,[x4]");
  TRY("ldsmin", "ldsmin x0,x1,[x4]"); TRY("ldumax", "ldumax w0,w1,[x4]");
  TRY("ldumin", "lduminh w0,w1,[x4]"); TRY("stadd", "stadd x0,[x4]"); TRY("stclr", "stclr w0,[x4]");
  TRY("stsmax", "stsmax w0,[x4]"); TRY("cas h", "cash w0,w1,[x4]"); TRY("cas w", "cas w0,w1,[x4]");
  TRY("cas x", "casal x0,x1,[x4]"); TRY("cas x hit", "ldr x0,[x4]\n casal x0,x1,[x4]");
  TRY("casp w", "casp w0,w1,w2,w3,[x4]");
  TRY("casp w hit", "ldp w0,w1,[x4]\n casp w0,w1,w2,w3,[x4]");
  TRY("casp x", "casp x0,x1,x2,x3,[x4]"); TRY("ldxrh", "ldxrh w0,[x4]\n clrex");
  TRY("ldxr w", "ldxr w0,[x4]\n clrex"); TRY("ldxr x", "ldxr x0,[x4]\n clrex");
  TRY("ldaxr x", "ldaxr x0,[x4]\n clrex"); TRY("ldxp w", "ldxp w0,w1,[x4]\n clrex");
  TRY("ldxp x", "ldxp x0,x1,[x4]\n clrex");
  TRY("llsc h", "ldxrh w0,[x4]\n stxrh w5,w1,[x4]\n add w0,w0,w5,lsl 8");
  TRY("llsc w", "ldaxr w0,[x4]\n stlxr w5,w1,[x4]\n add w0,w0,w5,lsl 8");
  TRY("llsc x", "ldxr x0,[x4]\n stxr w5,x1,[x4]\n add w0,w0,w5,lsl 8");
  TRY("llscp w", "ldxp w0,w5,[x4]\n stxp w6,w1,w2,[x4]\n add w0,w0,w6,lsl 8");
  TRY("llscp x", "ldxp x0,x5,[x4]\n stxp w6,x1,x2,[x4]\n add w0,w0,w6,lsl 8");
  TRY("ldarh", "ldarh w0,[x4]"); TRY("ldar w", "ldar w0,[x4]"); TRY("ldar x", "ldar x0,[x4]");
  TRY("ldapr x", "ldapr x0,[x4]"); TRY("ldlar x", "ldlar x0,[x4]"); TRY("stlrh", "stlrh w1,[x4]");
  TRY("stlr w", "stlr w1,[x4]"); TRY("stlr x", "stlr x1,[x4]"); TRY("stllr x", "stllr x1,[x4]");
  TRY("ldapur h", "ldapurh w0,[x4,#1]"); TRY("ldapur x", "ldapur x0,[x4,#3]");
  TRY("ldapursw", "ldapursw x0,[x4,#-2]"); TRY("stlur x", "stlur x1,[x4,#5]");
  TRY("stlur w", "stlur w1,[x4,#-5]"); TRY("ldiapp x", ".inst 0xd9411880");
  TRY("ldiapp w", ".inst 0x99411880"); TRY("stilp x", ".inst 0xd9011880");
  TRY("stilp w", ".inst 0x99011880"); TRY("ldap1", ".inst 0x0d418480");
  TRY("stl1", ".inst 0x0d018480"); TRY("ldapurv q", ".inst 0x1dc00880");
  TRY("ldapurv d", ".inst 0xdd400880"); TRY("stlurv q", ".inst 0x1d800880");
  TRY("stlur s", ".inst 0x9d000880"); TRY("swpp", ".inst 0x19218080");
  TRY("ldclrp", ".inst 0x19211080"); TRY("ldr x", "ldr x0,[x4]"); TRY("ldp", "ldp x0,x1,[x4]");
  TRY("stp", "stp x0,x1,[x4]"); TRY("ldp w", "ldp w0,w1,[x4]"); TRY("stp w", "stp w0,w1,[x4]");
  TRY("ldpsw", "ldpsw x0,x1,[x4]");
  TRY("ldp post", "ldp x0,x1,[x4],#16\n sub x0,x0,x4\n add x0,x0,%2");
  TRY("stp pre", "stp x0,x1,[x4,#-16]!");
}
