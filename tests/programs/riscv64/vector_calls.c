// Linux forgets the vector registers at every system call of a program that has used them. What the C
// library does in the vDSO is no system call.
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define V(text) ".option push\n.option arch, +v\n" text "\n.option pop\n"

static uint8_t registers[3][16];
static unsigned long vl, vtype, vstart, vcsr;

#define FILL                                                                                        \
  V("li t0, 128\n vsetvli t0, t0, e8, m8, ta, ma\n vid.v v0\n vid.v v24\n csrwi 15, 5\n"           \
    "vsetivli zero, 3, e16, m2, ta, ma\n")
#define READ                                                                                        \
  V("csrr %0, vl\n csrr %1, vtype\n csrr %2, 8\n csrr %3, 15\n"                                     \
    "vs1r.v v0, (%[to])\n addi t0, %[to], 16\n vs1r.v v1, (t0)\n addi t0, t0, 16\n vs1r.v v31, (t0)\n")
#define RESULTS "=&r"(vl), "=&r"(vtype), "=&r"(vstart), "=&r"(vcsr)

static void show(const char *what) {
  printf("%s: vl %lu vtype %#lx vstart %lu vcsr %lu\n", what, vl, vtype, vstart, vcsr);
  for (int r = 0; r < 3; r++) {
    for (int i = 0; i < 16; i++) printf("%02x", registers[r][i]);
    printf(r < 2 ? " " : "\n");
  }
}

int main(void) {
  // On, and so for what is executed next; nothing to inherit.
  printf("control %d\n", prctl(70, 0, 0, 0, 0));
  register long number __asm__("a7") = SYS_getppid;
  register long result __asm__("a0");
  __asm__ volatile(FILL READ : RESULTS : [to] "r"(registers) : "t0", "memory");
  show("before");
  __asm__ volatile(FILL "ecall\n" READ : RESULTS : [to] "r"(registers), "r"(number) : "t0", "a0", "memory");
  show("after a call");
  // One that fails, and an unknown one.
  number = SYS_close;
  result = -1;
  __asm__ volatile(FILL "ecall\n" READ : RESULTS, "+r"(result) : [to] "r"(registers), "r"(number) : "t0", "memory");
  show(result == -9 ? "after an error" : "after what?");
  number = 4000;
  __asm__ volatile(FILL "ecall\n" READ : RESULTS, "=r"(result) : [to] "r"(registers), "r"(number) : "t0", "memory");
  show(result == -38 ? "after an unknown call" : "after what?");
  return 0;
}
