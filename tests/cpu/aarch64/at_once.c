// Accesses within 16 aligned bytes are seen whole by other threads (FEAT_LSE2).
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>

static _Alignas(64) unsigned char memory[64];
static _Atomic int end;
static unsigned char *at;
static int kind;

#define EACH(X) \
  X(0, 16, "stp %1, %1, [%0]", "ldp %0, %1, [%2]\n eor %0, %0, %1") \
  X(1, 16, "stnp %1, %1, [%0]", "ldnp %0, %1, [%2]\n eor %0, %0, %1") \
  X(2, 8, "stp %w1, %w1, [%0]", "ldp %w0, %w1, [%2]\n eor %0, %0, %1") \
  X(3, 8, "stp %w1, %w1, [%0]", "ldpsw %0, %1, [%2]\n eor %0, %0, %1") \
  X(4, 8, "str %1, [%0]", "ldr %0, [%2]\n asr %1, %0, #63\n eor %0, %0, %1") \
  X(5, 4, "str %w1, [%0]", "ldrsw %0, [%2]\n asr %1, %0, #63\n eor %0, %0, %1") \
  X(6, 2, "strh %w1, [%0]", "ldrsh %0, [%2]\n asr %1, %0, #63\n eor %0, %0, %1") \
  X(7, 8, "stlr %1, [%0]", "ldar %0, [%2]\n asr %1, %0, #63\n eor %0, %0, %1") \
  X(8, 8, "swp %1, %1, [%0]", "ldr %0, [%2]\n asr %1, %0, #63\n eor %0, %0, %1") \
  X(9, 8, "str %1, [%0]", "ldxr %0, [%2]\n asr %1, %0, #63\n eor %0, %0, %1")

static void *write_all(void *p) {
  for (uint64_t v = 0; !end; v = ~v)
    switch (kind) {
#define W(n, size, store, load) case n: { uint64_t x = v; __asm__ volatile(store : "+r"(at), "+r"(x) :: "memory"); break; }
      EACH(W)
    }
  return 0;
}

static uint64_t add(int how, unsigned char *p) {
  uint64_t old, one = 1, new; int failed;
  switch (how) {
  case 0: __asm__ volatile("ldadd %1, %0, [%2]" : "=r"(old) : "r"(one), "r"(p) : "memory"); break;
  case 1: do __asm__ volatile("ldxr %0, [%3]\n add %1, %0, #1\n stlxr %w2, %1, [%3]" : "=&r"(old), "=&r"(new), "=&r"(failed) : "r"(p) : "memory"); while (failed); break;
  case 2: do { __asm__ volatile("ldr %0, [%1]" : "=r"(old) : "r"(p) : "memory"); new = old; one = old + 1;
      __asm__ volatile("casal %0, %1, [%2]" : "+r"(new) : "r"(one), "r"(p) : "memory"); } while (new != old); break;
  }
  return old;
}

static void *count(void *how) {
  for (int i = 0; i < 20000; i++) add((int)(uintptr_t)how, at);
  return 0;
}

int main(void) {
  setvbuf(stdout, 0, _IOLBF, 0);
  static const int sizes[] = {
#define S(n, size, store, load) size,
    EACH(S)
  };
  for (kind = 0; kind < 10; kind++)
    for (int offset = 0; offset + sizes[kind] <= 16; offset++) {
      pthread_t t;
      unsigned torn = 0;
      for (int i = 0; i < 64; i++) memory[i] = 0;
      at = memory + 32 + offset;
      end = 0;
      pthread_create(&t, 0, write_all, 0);
      for (int i = 0; i < 200000; i++) {
        uint64_t a = 0, b;
        switch (kind) {
#define R(n, size, store, load) case n: __asm__ volatile(load : "=&r"(a), "=&r"(b) : "r"(at) : "memory"); break;
          EACH(R)
        }
        torn += a != 0;
      }
      end = 1;
      pthread_join(t, 0);
      printf("%d at %d: %s\n", kind, offset, torn ? "torn" : "whole");
    }
  for (uintptr_t how = 0; how < 3; how++)
    for (int offset = 0; offset <= 8; offset += 3) {
      pthread_t t[2];
      for (int i = 0; i < 64; i++) memory[i] = 0;
      at = memory + 32 + offset;
      for (int i = 0; i < 2; i++) pthread_create(&t[i], 0, count, (void *)how);
      for (int i = 0; i < 2; i++) pthread_join(t[i], 0);
      uint64_t n;
      __builtin_memcpy(&n, at, 8);
      printf("counted by %d at %d: %lu\n", (int)how, offset, (unsigned long)n);
    }
}
