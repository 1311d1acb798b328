// Prints what the processor is said to be, and which extensions' instructions it executes.
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <unistd.h>

static sigjmp_buf back;
static volatile int code;
static void ill(int s, siginfo_t *i, void *c) { code = i->si_code; siglongjmp(back, 1); }

static _Alignas(64) char buffer[256];

// Registers that the instructions change, and memory that they may. (The compiler is not told of
// vector registers: it uses none.)
#define RUN(name, text) do { if (!sigsetjmp(back, 1)) { \
    __asm__ volatile(".option push\n .option norvc\n mv a1, %0\n li a0, 0\n li a2, 0\n" text \
        "\n .option pop" :: "r"(buffer) : "a0", "a1", "a2", "memory", "fa0", "fa1", "fa2"); \
    printf("%s runs\n", name); } else printf("%s SIGILL %d\n", name, code); } while (0)
#define TRY(name, word) RUN(name, ".4byte " word)
#define SHORT(name, half) RUN(name, ".2byte " half "\n .2byte 1")
// After vsetivli zero, 4, e16, m1; e32, m1; e64, m2; and with 8 elements e32, m2.
#define V16(name, word) RUN(name, ".4byte 0xc0827057\n .4byte " word)
#define V32(name, word) RUN(name, ".4byte 0xc1027057\n .4byte " word)
#define V32M2(name, word) RUN(name, ".4byte 0xc1147057\n .4byte " word)
#define V64(name, word) RUN(name, ".4byte 0xc1927057\n .4byte " word)

int main(void) {
  struct sigaction a = {.sa_sigaction = ill, .sa_flags = SA_SIGINFO};
  sigaction(SIGILL, &a, 0);
  printf("hwcap %#lx\n", getauxval(AT_HWCAP));
  struct { int64_t key; uint64_t value; } pairs[] = {{3}, {4}};
  if (syscall(258, pairs, 2, 0, 0, 0) == 0)
    printf("base %#lx\nextensions %#lx\n", pairs[0].value, pairs[1].value);
  TRY("m", "0x02c58533"); TRY("a", "0x1005a52f"); TRY("f", "0x0005a507"); TRY("d", "0x0005b507");
  SHORT("c", "0x0529");
  TRY("zicsr", "0x00302573"); TRY("zicntr", "0xc0002573"); TRY("zihpm", "0xc0302573");
  TRY("zifencei", "0x0000100f"); TRY("zabha", "0x00c5852f"); TRY("zacas", "0x28c5a52f");
  TRY("amocas.b", "0x28c5852f"); TRY("zawrs", "0x01d00073"); TRY("zicbom", "0x0015a00f");
  TRY("zicboz", "0x0045a00f"); TRY("zicbop", "0x0015e013"); TRY("zihintntl", "0x00200033");
  TRY("zihintpause", "0x0100000f"); TRY("zicond", "0x0ec5d533"); TRY("zimop", "0x81c5c573");
  SHORT("zcmop", "0x6081"); SHORT("zcb", "0x8188"); SHORT("c.mul", "0x9d51");
  SHORT("c.sext.b", "0x9d65"); SHORT("c.zext.w", "0x9d71");
  TRY("zba", "0x20c5a533"); TRY("andn", "0x40c5f533"); TRY("zbb", "0x60059513");
  TRY("zbkb", "0x08c5f533"); TRY("zbs", "0x48c59533"); TRY("clmul", "0x0ac59533");
  TRY("zbc", "0x0ac5a533"); TRY("zbkx", "0x28c5a533"); TRY("zknd", "0x3ec58533");
  TRY("aes64ks2", "0x7ec58533"); TRY("zkne", "0x36c58533"); TRY("zknh", "0x10059513");
  TRY("zksed", "0x30c58533"); TRY("zksh", "0x10859513");
  TRY("flh", "0x00059507"); TRY("zfhmin", "0x40258553"); TRY("fcvt.d.h", "0x42258553");
  TRY("zfh", "0x04c58553"); TRY("zfa", "0xf0100553"); TRY("fli.d", "0xf2100553");
  TRY("fli.h", "0xf4100553"); TRY("zfbfmin", "0x44858553");
  TRY("v", "0xc1027057"); V32("vadd.vv", "0x03880457"); V64("vfadd.vv", "0x03881457");
  V16("zvfh", "0x03881457"); V16("zvfhmin", "0x4b861457"); V32("zvkb", "0x07880457");
  V32("zvbb", "0x4b852457"); V64("zvbc", "0x33882457"); V32("zvkg", "0xa388a477");
  V32("zvkned", "0xa3802477"); V32("zvknha", "0xb7882477"); V64("zvknhb", "0xb7882477");
  V32("zvksed", "0x87802477"); V32M2("zvksh", "0xaf802477"); V16("zvfbfmin", "0x4b8e9457");
  V16("zvfbfwma", "0xef881457");
  // What no processor of user mode has: reserved, or of another mode.
  SHORT("zeros", "0"); TRY("ones", "0xffffffff"); TRY("mret", "0x30200073");
  TRY("sfence.vma", "0x12000073"); TRY("wfi", "0x10500073"); TRY("mstatus", "0x30002573");
  TRY("write of cycle", "0xc0051073");
}
