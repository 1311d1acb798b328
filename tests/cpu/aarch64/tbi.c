// Addresses with a tag in the top byte: every way to access memory ignores it.
#include <arm_neon.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define TAG(p, t) ((void *)((uintptr_t)(p) | (uintptr_t)(t) << 56))
static _Alignas(128) unsigned char memory[512];

int main(void) {
  for (int n = 0; n < 512; n++) memory[n] = n * 7;
  uint64_t sum = 0;
  for (int round = 0; round < 3000; round++)
    for (int t = 0; t < 256; t += 51) {
      unsigned char *p = TAG(memory + 16, t);
      asm volatile("" : "+r"(p));
      sum += p[3] + *(uint16_t *)(p + 2) + *(uint64_t *)(p + 8);
      p[1] += t;
      vst1q_u8(p + 32, vaddq_u8(vld1q_u8(p + 16), vdupq_n_u8(t)));
      uint8x16x3_t v = vld3q_u8(p + 64);
      sum += vaddvq_u8(v.val[1]);
      vst4_u8(p + 128, (uint8x8x4_t){{vget_low_u8(v.val[0]), vget_low_u8(v.val[1]), vget_low_u8(v.val[2]), vdup_n_u8(t)}});
      sum += __atomic_fetch_add((uint32_t *)(p + 200), t, __ATOMIC_SEQ_CST);
      uint64_t a, b; uint32_t failed;
      asm volatile("1: ldxp %0, %1, [%3]\n add %0, %0, #1\n stxp %w2, %0, %1, [%3]\n cbnz %w2, 1b"
                   : "=&r"(a), "=&r"(b), "=&r"(failed) : "r"(p + 240) : "memory");
      sum += a + b;
      asm volatile("ldp %0, %1, [%2, #16]\n ldar %0, [%2]\n stlr %0, [%2]" : "=&r"(a), "=&r"(b) : "r"(p + 272) : "memory");
      sum += a ^ b;
      asm volatile(".arch armv8.1-a\n swpal %0, %0, [%1]\n cas %0, %0, [%1]" : "+r"(a) : "r"(p + 304) : "memory");
      sum += a;
      asm volatile("dc zva, %0\n dc cvac, %0\n prfm pldl1keep, [%0]\n ic ivau, %0" :: "r"(p + 368) : "memory");
      memmove(p + 400, p + 380, 60);
      sum = sum * 31 + p[400];
    }
  for (int n = 0; n < 512; n++) sum = sum * 131 + memory[n];
  printf("%lx\n", sum);
}
