// FEAT_LRCPC3, which no oracle has: values, registers written back and faults by the manual.
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

// All with base register x4 and registers 0 and 1.
#define STLURV(size, q, imm) ".inst 0x1d000880 | " #size " << 30 | " #q " << 23 | (" #imm " & 511) << 12\n"
#define LDAPURV(size, q, imm) ".inst 0x1d400880 | " #size " << 30 | " #q " << 23 | (" #imm " & 511) << 12\n"
#define STLR_PRE(x) ".inst 0x99800880 | " #x " << 30\n"
#define LDAPR_POST(x) ".inst 0x99c00880 | " #x " << 30\n"
#define STILP(x, noff) ".inst 0x99010880 | " #x " << 30 | " #noff " << 12\n"
#define LDIAPP(x, noff) ".inst 0x99410880 | " #x " << 30 | " #noff " << 12\n"
#define STL1(q) ".inst 0x0d018480 | " #q " << 30\n"
#define LDAP1(q) ".inst 0x0d418480 | " #q " << 30\n"

static _Alignas(64) unsigned char memory[256], before[256];
static uint64_t x[3];
static unsigned char v[16];
static sigjmp_buf back;
static volatile int signo;
static volatile long at;

static void fault(int s, siginfo_t *i, void *c) {
  signo = s, at = (unsigned char *)i->si_addr - memory;
  siglongjmp(back, 1);
}

static const uint64_t X0 = 0x1122334455667788, X1 = 0x99aabbccddeeff00;
static const unsigned char V0[16] = "ABCDEFGHIJKLMNOP";

// Executes `text` with x4 = memory + offset; then x0, x1, x4 - memory and v0 are known.
#define RUN(text, offset) (signo = 0, setup(), sigsetjmp(back, 1) ? 0 : ({ \
    __asm__ volatile("ldr q0, [%1]\n ldp x0, x1, [%2]\n mov x4, %3\n" text \
        "stp x0, x1, [%0]\n str x4, [%0, #16]\n str q0, [%4]" \
        :: "r"(x), "r"(V0), "r"((uint64_t[]){X0, X1}), "r"(memory + (offset)), "r"(v) \
        : "x0", "x1", "x4", "v0", "memory"); \
    x[2] -= (uintptr_t)memory; 1; }))

static void setup(void) {
  for (int i = 0; i < 256; i++) before[i] = memory[i] = i * 37 + 11;
  memset(v, 0x55, 16);
}
// What the memory should be.
static void put(int offset, const void *data, int size) { memcpy(before + offset, data, size); }
static uint64_t get(int offset, int size) {
  uint64_t value = 0;
  memcpy(&value, memory + offset, size);
  return value;
}
static void check(const char *name, int ok) {
  printf("%s %s\n", name, ok && !memcmp(memory, before, 256) ? "ok" : "WRONG");
}
static int vector(const void *low, int size) {
  unsigned char expected[16] = {0};
  memcpy(expected, low, size);
  return !memcmp(v, expected, 16);
}
static int registers(uint64_t a, uint64_t b, uint64_t base) { return x[0] == a && x[1] == b && x[2] == base; }

#define VECTOR(size, q, bytes) do { \
    int ok = RUN(STLURV(size, q, 48), 16) && registers(X0, X1, 16); put(64, V0, bytes); check("stlur v" #bytes, ok); \
    ok = RUN(STLURV(size, q, -16), 32) && registers(X0, X1, 32); put(16, V0, bytes); check("stlur v" #bytes " down", ok); \
    ok = RUN(LDAPURV(size, q, 48), 16) && registers(X0, X1, 16) && vector(memory + 64, bytes); check("ldapur v" #bytes, ok); \
    ok = RUN(LDAPURV(size, q, -256), 256) && vector(memory, bytes); check("ldapur v" #bytes " down", ok); \
    ok = bytes == 1 || !RUN(LDAPURV(size, q, 1), 16 * 3 - bytes) && signo == SIGBUS && at == 16 * 3 - bytes + 1; check("ldapur v" #bytes " across", ok); \
    ok = bytes == 1 || !RUN(STLURV(size, q, 1), 16 * 3 - bytes) && signo == SIGBUS && at == 16 * 3 - bytes + 1; check("stlur v" #bytes " across", ok); \
  } while (0)

int main(void) {
  struct sigaction a = {.sa_sigaction = fault, .sa_flags = SA_SIGINFO};
  sigaction(SIGBUS, &a, 0); sigaction(SIGSEGV, &a, 0); sigaction(SIGILL, &a, 0);
  int ok;
  VECTOR(0, 0, 1); VECTOR(1, 0, 2); VECTOR(2, 0, 4); VECTOR(3, 0, 8); VECTOR(0, 1, 16);

  ok = RUN(STLR_PRE(1), 64) && registers(X0, X1, 56); put(56, &X0, 8); check("stlr x!", ok);
  ok = RUN(STLR_PRE(0), 64) && registers(X0, X1, 60); put(60, &X0, 4); check("stlr w!", ok);
  ok = RUN(LDAPR_POST(1), 64) && registers(get(64, 8), X1, 72); check("ldapr x!", ok);
  ok = RUN(LDAPR_POST(0), 64) && registers(get(64, 4), X1, 68); check("ldapr w!", ok);
  ok = !RUN(LDAPR_POST(1), 60) && signo == SIGBUS && at == 60; check("ldapr x! across", ok);
  ok = !RUN(STLR_PRE(1), 69) && signo == SIGBUS && at == 61; check("stlr x! across", ok);

  ok = RUN(STILP(1, 0), 64) && registers(X0, X1, 48); put(48, &X0, 8); put(56, &X1, 8); check("stilp x!", ok);
  ok = RUN(STILP(1, 1), 64) && registers(X0, X1, 64); put(64, &X0, 8); put(72, &X1, 8); check("stilp x", ok);
  ok = RUN(STILP(0, 0), 64) && registers(X0, X1, 56); put(56, &X0, 4); put(60, &X1, 4); check("stilp w!", ok);
  ok = RUN(STILP(0, 1), 68) && registers(X0, X1, 68); put(68, &X0, 4); put(72, &X1, 4); check("stilp w", ok);
  ok = RUN(LDIAPP(1, 0), 64) && registers(get(64, 8), get(72, 8), 80); check("ldiapp x!", ok);
  ok = RUN(LDIAPP(1, 1), 72) && registers(get(72, 8), get(80, 8), 72); check("ldiapp x", ok);
  ok = RUN(LDIAPP(0, 0), 64) && registers(get(64, 4), get(68, 4), 72); check("ldiapp w!", ok);
  ok = RUN(LDIAPP(0, 1), 76) && registers(get(76, 4), get(80, 4), 76); check("ldiapp w", ok);
  ok = !RUN(LDIAPP(1, 1), 65) && signo == SIGBUS && at == 65; check("ldiapp x across", ok);
  ok = !RUN(STILP(1, 0), 81) && signo == SIGBUS && at == 65; check("stilp x! across", ok);

  ok = RUN(STL1(0), 64) && registers(X0, X1, 64); put(64, V0, 8); check("stl1 [0]", ok);
  ok = RUN(STL1(1), 64) && registers(X0, X1, 64); put(64, V0 + 8, 8); check("stl1 [1]", ok);
  ok = RUN(LDAP1(0), 64) && !memcmp(v, memory + 64, 8) && !memcmp(v + 8, V0 + 8, 8); check("ldap1 [0]", ok);
  ok = RUN(LDAP1(1), 64) && !memcmp(v, V0, 8) && !memcmp(v + 8, memory + 64, 8); check("ldap1 [1]", ok);
  ok = !RUN(LDAP1(1), 60) && signo == SIGBUS && at == 60; check("ldap1 across", ok);
}
