// Calls the tests of the generated files and prints a hash of what each did; with a name as
// argument, all that this one did.
#include <stdint.h>
#include <stdio.h>
#include <string.h>

struct test { const char *name; void (*run)(void); };
extern const struct test tests0[], tests1[], tests2[], tests3[];
static const struct test *const files[] = {tests0, tests1, tests2, tests3};

_Alignas(16) char result[256];
static uint64_t seed, hash;
static int loud, mode;

static uint64_t next(void) {
  seed ^= seed << 13; seed ^= seed >> 7; seed ^= seed << 17;
  return seed * 0x2545f4914f6cdd1d;
}

static const uint64_t integers[] = {0, 1, 2, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fffffff, 0x80000000,
  0xffffffff, 0x7fffffffffffffff, 0x8000000000000000, ~0ULL, 0x55, 0xaa, 7, 31, 63, ~1ULL};
static const uint64_t halves[] = {0, 0x8000, 1, 0x03ff, 0x0400, 0x3c00, 0xbc00, 0x7bff, 0xfbff, 0x7c00, 0xfc00,
  0x7e00, 0x7c01, 0xfe55, 0x3555, 0x4248, 0x3c01, 0x8001, 0x7801, 0x5c00};
static const uint64_t singles[] = {0, 0x80000000, 1, 0x007fffff, 0x00800000, 0x3f800000, 0xbf800000, 0x7f7fffff,
  0x7f800000, 0xff800000, 0x7fc00000, 0x7f800001, 0xffc12345, 0x3eaaaaab, 0x40490fdb, 0x4f000000, 0xcf000000,
  0x4b800001, 0x3fc00000, 0x80000001, 0x4effffff};
static const uint64_t doubles[] = {0, 0x8000000000000000, 1, 0x000fffffffffffff, 0x0010000000000000, 0x3ff0000000000000,
  0xbff0000000000000, 0x7fefffffffffffff, 0x7ff0000000000000, 0xfff0000000000000, 0x7ff8000000000000,
  0x7ff0000000000001, 0xfff8123456789abc, 0x3fd5555555555555, 0x400921fb54442d18, 0x43e0000000000000,
  0xc3e0000000000000, 0x4340000000000001, 0x3ff8000000000000, 0x36a0000000000000};
#define PICK(t) t[next() % (sizeof t / sizeof *t)]

void fill(void *to, int bytes, int bits, int is_float) {
  for (int at = 0; at < bytes; at += bits / 8) {
    uint64_t v = next();
    if (next() % 4)
      v = !is_float ? PICK(integers) : bits == 16 ? PICK(halves) : bits == 32 ? PICK(singles) : PICK(doubles);
    else if (is_float && next() % 2)
      v = bits == 32 ? 0x3f000000 + (v & 0x80ffffff) : bits == 64 ? 0x3fe0000000000000 + (v & 0x801fffffffffffff) : v;
    for (int n = 0; n < bits / 8 && at + n < bytes; n++) ((char *)to)[at + n] = n < 8 ? v >> 8 * n : v >> 8 * (n - 8);
  }
}

void out(const void *from, int bytes) {
  for (int n = 0; n < bytes; n++) {
    hash = (hash ^ ((const uint8_t *)from)[n]) * 0x100000001b3;
    if (loud) printf("%02x", ((const uint8_t *)from)[n]);
  }
  if (loud) printf(" mode %d\n", mode);
}

// Nearest, up, down, zero; FZ, DN, FZ16, AHP.
static const uint64_t modes[] = {0, 1 << 22, 2 << 22, 3 << 22, 1 << 24, 1 << 25, 1 << 19, 1 << 26};
void begin(void) {
  __asm__ volatile("msr fpsr, xzr\n msr fpcr, %0\n isb" :: "r"(modes[mode]) : "memory");
}
void end(void) {
  uint64_t status;
  __asm__ volatile("mrs %0, fpsr\n msr fpcr, xzr" : "=r"(status) :: "memory");
  out(&status, 8);
}

int main(int argc, char **argv) {
  for (int f = 0; f < 4; f++)
    for (const struct test *t = files[f]; t->name; t++) {
      if (argc > 1 && strcmp(argv[1], t->name)) continue;
      loud = argc > 1;
      hash = 0xcbf29ce484222325;
      for (const char *c = t->name; *c; c++) hash = (hash ^ *c) * 0x100000001b3;
      seed = hash;
      for (int n = 0; n < 64; n++) { mode = n % 8; t->run(); }
      printf("%s %016lx\n", t->name, (unsigned long)hash);
    }
}
