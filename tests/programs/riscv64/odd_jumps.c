// Jumps into the middle of instructions, to odd addresses, over themselves, and returns that do not
// match their calls.
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

// The upper half of "lui a1, 0x05050" is c.addi a0, 1 (0x0505); the lower half takes it in.
__asm__(".globl whole\n.option push\n.option norvc\nwhole:\n"
        " .2byte 0x05b7, 0x0505\n"
        " .option rvc\n c.addi a0, 16\n ret\n.option pop\n"
        ".globl middle\n.set middle, whole + 2\n"
        // jalr with the destination as its base, an odd target, and offsets.
        ".globl odd\nodd:\n la t0, 1f\n addi t0, t0, 1\n jalr t0, 0(t0)\n nop\n"
        "1: la t1, 1b\n sub a0, t0, t1\n ret\n"
        ".globl itself\nitself:\n la t0, 1f\n jalr t0, -8(t0)\n li a0, 1\n ret\n .fill 2, 4, 0x13\n"
        "1: li a0, 2\n ret\n"
        // Returns through another link register, and calls that never return.
        ".globl links\nlinks:\n mv t2, ra\n li a1, 0\n1: jal t0, 2f\n addi a1, a1, 1\n"
        " bnez a0, 1b\n mv a0, a1\n jr t2\n2: addi a0, a0, -1\n jr t0\n"
        ".globl deep\ndeep:\n beqz a0, 1f\n addi a0, a0, -1\n mv t1, ra\n la ra, 2f\n"
        " addi sp, sp, -16\n sd t1, 0(sp)\n j deep\n2: ld ra, 0(sp)\n addi sp, sp, 16\n"
        " addi a0, a0, 1\n1: ret\n"
        // A loop whose branch goes to the half of its own first instruction, every other time.
        ".globl halves\nhalves:\n li a2, 0\n la t0, 1f\n.option push\n.option norvc\n"
        "1: .2byte 0x0613, 0x0606\n"  // addi a2, a2, 96; from its middle on: c.addi a2, 1.
        " xori t0, t0, 2\n addi a0, a0, -1\n beqz a0, 2f\n jr t0\n2: mv a0, a2\n ret\n.option pop\n");

extern long whole(long), middle(long), odd(long), itself(long), links(long), deep(long), halves(long);

static sigjmp_buf back;
static void fault(int signo, siginfo_t *info, void *context) {
  printf("signal %d code %d at %p, pc %#llx\n", signo, info->si_code, info->si_addr,
         (long long)((ucontext_t *)context)->uc_mcontext.__gregs[0]);
  siglongjmp(back, 1);
}

// A handler that changes the pc to an odd address: the lowest bit counts as zero.
static void odd_pc(int signo, siginfo_t *info, void *context) {
  ((ucontext_t *)context)->uc_mcontext.__gregs[0] += 3;
}

int main(void) {
  for (int i = 0; i < 40; i++) {
    long a = whole(i), b = middle(i);
    if (i % 13 == 0) printf("%ld %ld\n", a, b);
  }
  printf("odd %ld\n", odd(0));
  printf("itself %ld\n", itself(0));
  printf("links %ld\n", links(1000));
  printf("deep %ld\n", deep(5000));
  for (int i = 1; i < 200; i += 33) printf("halves %ld\n", halves(i));

  struct sigaction action = {.sa_sigaction = fault, .sa_flags = SA_SIGINFO};
  sigaction(SIGSEGV, &action, 0);
  sigaction(SIGILL, &action, 0);
  uintptr_t wild[] = {0, 1, 0x10, 0x1001, (uintptr_t)1 << 38, (uintptr_t)1 << 46};
  for (int i = 0; i < 6; i++)
    if (!sigsetjmp(back, 1)) ((void (*)(void))wild[i])();
  // In data.
  static uint64_t data[2];
  if (!sigsetjmp(back, 1)) {
    printf("data: ");
    fflush(stdout);
    struct sigaction other = {.sa_sigaction = fault, .sa_flags = SA_SIGINFO};
    sigaction(SIGSEGV, &other, 0);
    char *page = mmap((void *)0x20000000, 4096, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    ((void (*)(void))(page + 8))();
  }
  struct sigaction skip = {.sa_sigaction = odd_pc, .sa_flags = SA_SIGINFO};
  sigaction(SIGTRAP, &skip, 0);
  long sum = 0;
  for (int i = 0; i < 3; i++)
    __asm__ volatile("c.ebreak\n addi %0, %0, 1" : "+r"(sum));
  printf("after breakpoints %ld\n", sum);
  return 0;
}
