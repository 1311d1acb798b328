// Code that one thread writes and others execute: after FENCE.I of their own, after membarrier's core
// synchronisation, and after riscv_flush_icache for all threads.
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { READERS = 3, ROUNDS = 300 };
static uint16_t *code;
static atomic_int round_, done, wrong;
static int way;

static void *reader(void *argument) {
  for (int seen = 0; seen < ROUNDS;) {
    int now = atomic_load(&round_);
    if (now == seen) { sched_yield(); continue; }
    seen = now;
    if (way == 0) __asm__ volatile("fence.i" ::: "memory");
    for (int again = 0; again < 3; again++) {
      int got = ((int (*)(void))code)();
      if (got != (seen * 7 & 31) - (seen * 7 & 32)) atomic_fetch_add(&wrong, 1);
    }
    atomic_fetch_add(&done, 1);
  }
  return 0;
}

int main(void) {
  code = mmap(0, 4096, 7, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  // MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE
  long registered = syscall(SYS_membarrier, 64, 0, 0);
  for (way = 0; way < 3; way++) {
    if (way == 1 && registered != 0) continue;
    atomic_store(&round_, 0);
    atomic_store(&wrong, 0);
    pthread_t threads[READERS];
    for (int i = 0; i < READERS; i++) pthread_create(&threads[i], 0, reader, 0);
    for (int n = 1; n <= ROUNDS; n++) {
      atomic_store(&done, 0);
      // c.li a0, n * 7; ret.
      code[0] = 0x4501 | (n * 7 & 31) << 2 | (n * 7 & 32) << 7;
      code[1] = 0x8082;
      atomic_thread_fence(memory_order_seq_cst);
      __asm__ volatile("fence.i" ::: "memory");
      if (way == 1) syscall(SYS_membarrier, 32, 0, 0);
      if (way == 2) syscall(259, code, code + 2, 0);
      atomic_store(&round_, n);
      while (atomic_load(&done) != READERS) sched_yield();
    }
    for (int i = 0; i < READERS; i++) pthread_join(threads[i], 0);
    printf("way %d: %s\n", way == 1 ? 0 : way, wrong ? "stale code" : "right");
  }
  return 0;
}
