// What pages of each protection allow: loads, stores, execution, and as buffers of calls. Writable ones
// can be read. (Pages that can only be executed are left out: hosts cannot make them unreadable.)
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <fcntl.h>

static sigjmp_buf back;
static volatile int code;
static void fault(int signo, siginfo_t *info, void *context) {
  code = signo * 10 + info->si_code;
  siglongjmp(back, 1);
}

#define TRY(what) (code = 0, sigsetjmp(back, 1) ? code : ((void)(what), 0))

int main(void) {
  struct sigaction action = {.sa_sigaction = fault, .sa_flags = SA_SIGINFO};
  sigaction(SIGSEGV, &action, 0);
  sigaction(SIGBUS, &action, 0);
  for (int prot = 0; prot < 8; prot++) {
    if (prot == PROT_EXEC) continue;
    uint16_t *page = mmap(0, 4096, 3, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    page[0] = 0x8082;
    __builtin___clear_cache((char *)page, (char *)page + 4096);
    mprotect(page, 4096, prot);
    int load = TRY(*(volatile uint16_t *)page), store = TRY(*(volatile uint16_t *)page = 0x8082);
    int run = TRY(((void (*)(void))page)());
    int pipes[2];
    pipe(pipes);
    int out = write(pipes[1], page, 2), in = (write(pipes[1], "\x82\x80", 2), read(pipes[0], page, 2));
    printf("%d: load %d store %d run %d, write %d read %d\n", prot, load, store, run, out, in);
  }
  return 0;
}
