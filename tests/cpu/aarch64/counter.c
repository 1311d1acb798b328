// CNTVCT_EL0 against the clock, in several threads and processes: never back, never far away.
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static uint64_t counter(void) {
  uint64_t v;
  __asm__ volatile("isb\n mrs %0, cntvct_el0" : "=r"(v) :: "memory");
  return v;
}
static uint64_t ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC_RAW, &t);
  return t.tv_sec * 1000000000ull + t.tv_nsec;
}

struct shared { _Atomic uint64_t seen, back, end; } *s;

// What another thread or process has read is not later than what is read after that.
static void *work(void *p) {
  while (!s->end) {
    uint64_t before = s->seen, now = counter();
    if (now < before) s->back++;
    while (before < now && !__atomic_compare_exchange_n((uint64_t *)&s->seen, &before, now, 0, 5, 5));
  }
  return 0;
}

int main(void) {
  uint64_t frequency, far = 0;
  __asm__("mrs %0, cntfrq_el0" : "=r"(frequency));
  s = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  pthread_t t[2];
  for (int i = 0; i < 2; i++) pthread_create(&t[i], 0, work, 0);
  uint64_t c0 = counter(), n0 = ns();
  for (int i = 0; i < 2000; i++) {
    uint64_t n1 = ns(), c = counter(), n2 = ns();
    // Between two readings of the clock, or as near as scheduling is.
    if (n2 - n1 < 2000 && (c + 2000 < n1 || c > n2 + 2000)) far++;
    if (i % 100 == 0) usleep(1000);
  }
  // A child goes on where its parent was.
  uint64_t before = counter();
  pid_t child = fork();
  if (!child) {
    for (int i = 0; i < 100; i++) if (counter() < before) _exit(1);
    _exit(0);
  }
  int status;
  waitpid(child, &status, 0);
  s->end = 1;
  for (int i = 0; i < 2; i++) pthread_join(t[i], 0);
  uint64_t c = counter() - c0, n = ns() - n0;
  printf("frequency %lu, back %lu, far %s, child %d\n", (unsigned long)frequency,
         (unsigned long)s->back, far > 20 ? "often" : "no", status);
  printf("rate %s\n", c > n + n / 1000 + 100000 || n > c + c / 1000 + 100000 ? "wrong" : "right");
}
