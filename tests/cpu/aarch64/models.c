// Prints what the processor is said to be, and which instructions it executes.
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>

static sigjmp_buf back;
static volatile int code;
static void ill(int s, siginfo_t *i, void *c) { code = i->si_code; siglongjmp(back, 1); }

#define ID(name, crm, op2) do { uint64_t v; __asm__("mrs %0, S3_0_C0_C" #crm "_" #op2 : "=r"(v)); \
    printf("%s %#lx\n", name, (unsigned long)v); } while (0)
// Registers that the instructions change, and memory that they may.
#define TRY(name, text) do { if (!sigsetjmp(back, 1)) { \
    __asm__ volatile("mov x0, %0\n mov x1, xzr\n mov x2, xzr\n mov x3, xzr\n .inst " text \
        :: "r"(buffer) : "x0","x1","x2","x3","x4","x5","memory","cc","v0","v1","v2","v3"); \
    printf("%s runs\n", name); } else printf("%s SIGILL %d\n", name, code); } while (0)

static _Alignas(64) char buffer[256];

int main(void) {
  struct sigaction a = {.sa_sigaction = ill, .sa_flags = SA_SIGINFO};
  sigaction(SIGILL, &a, 0);
  printf("hwcap %#lx\nhwcap2 %#lx\n", getauxval(AT_HWCAP), getauxval(AT_HWCAP2));
  ID("midr", 0, 0); ID("pfr0", 4, 0); ID("pfr1", 4, 1); ID("isar0", 6, 0); ID("isar1", 6, 1);
  ID("isar2", 6, 2); ID("mmfr0", 7, 0); ID("mmfr1", 7, 1); ID("mmfr2", 7, 2);
  TRY("aes", "0x4e284820"); TRY("pmull", "0x0ee1e020"); TRY("sha1", "0x5e280820");
  TRY("sha256", "0x5e282820"); TRY("crc32", "0x1ac24020"); TRY("lse", "0xb8210002");
  TRY("lor", "0x88df7c01"); TRY("fp16", "0x1ee22820"); TRY("fp16 vector", "0x4e421420");
  TRY("fcvt half", "0x1ee24020"); TRY("rdm", "0x6e828420"); TRY("jscvt", "0x1e7e0020");
  TRY("fcma", "0x6e82c420"); TRY("lrcpc", "0xb8bfc001"); TRY("dpb", "0xd50b7c20");
  TRY("sha3", "0xce020c20"); TRY("sm3", "0xce420c20"); TRY("sm4", "0xcec08420");
  TRY("dotprod", "0x4e829420"); TRY("sha512", "0xce628020"); TRY("fhm", "0x4e22ec20");
  TRY("dit", "0xd53b42a1"); TRY("lrcpc2", "0x99400001"); TRY("flagm", "0xd500401f");
  TRY("ssbs", "0xd53b42c1"); TRY("sb", "0xd50330ff"); TRY("pauth", "0xdac143e1");
  TRY("pacga", "0x9ac23021"); TRY("dpb2", "0xd50b7d20"); TRY("flagm2", "0xd500405f");
  TRY("frintts", "0x1e684020"); TRY("i8mm", "0x4e82a420"); TRY("bf16", "0x1e634020");
  TRY("dgh", "0xd50320df"); TRY("rng", "0xd53b2401"); TRY("ecv", "0xd53be0c1");
  TRY("wfxt", "0xd503101f"); TRY("cssc", "0xdac02021"); TRY("mops", "0x1d020460");
  TRY("lrcpc3", "0xd9c00801"); TRY("lse128", "0x19228001"); TRY("cmpbr", "0xf5000021");
  TRY("hbc", "0x54000030"); TRY("bti", "0xd503245f");
  TRY("paciasp", "0xd503233f"); __asm__("hint #7" ::: "x30");
}
