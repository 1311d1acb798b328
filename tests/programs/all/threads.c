/* Threads: creation, mutexes, conditions, TLS, robust mutexes, cancellation, atomics. */
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <signal.h>
#include <unistd.h>
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static long plain; static atomic_long atomic_sum; static __thread int tls = 5;
static int turn;
static void *add(void *p)
{
    tls += (int)(long)p;
    for (int i = 0; i < 20000; i++) {
        pthread_mutex_lock(&lock), plain++, pthread_mutex_unlock(&lock);
        atomic_fetch_add(&atomic_sum, 2);
    }
    return (void *)(long)tls;
}
static void *ping(void *p)
{
    int me = (int)(long)p;
    for (int i = 0; i < 500; i++) {
        pthread_mutex_lock(&lock);
        while (turn != me) pthread_cond_wait(&cond, &lock);
        turn = !me;
        pthread_cond_broadcast(&cond);
        pthread_mutex_unlock(&lock);
    }
    return 0;
}
static pthread_mutex_t robust;
static void *die_holding(void *p) { pthread_mutex_lock(&robust); return p; }
static void *forever(void *p) { for (;;) sleep(10); return p; }
static void *empty(void *p) { return p; }
static atomic_int handled; static pthread_t main_thread;
static void handler(int s) { (void)s; handled += pthread_self() != main_thread; }
static atomic_int go_on;
static void *spin(void *p) { while (!go_on) ; return p; }
int main(void)
{
    pthread_t t[8];
    void *r;
    long sum = 0;
    for (long i = 0; i < 8; i++) pthread_create(&t[i], 0, add, (void *)i);
    for (int i = 0; i < 8; i++) pthread_join(t[i], &r), sum += (long)r;
    printf("plain %ld atomic %ld tls %ld mine %d\n", plain, (long)atomic_sum, sum, tls);
    pthread_create(&t[0], 0, ping, (void *)0), pthread_create(&t[1], 0, ping, (void *)1);
    pthread_join(t[0], 0), pthread_join(t[1], 0);
    printf("ping pong\n");
    pthread_mutexattr_t a;
    pthread_mutexattr_init(&a), pthread_mutexattr_setrobust(&a, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(&robust, &a);
    pthread_create(&t[0], 0, die_holding, 0), pthread_join(t[0], 0);
    int e = pthread_mutex_lock(&robust);
    printf("robust %s", e == EOWNERDEAD ? "EOWNERDEAD" : strerror(e)),
        printf(" consistent %d\n", pthread_mutex_consistent(&robust));
    pthread_create(&t[0], 0, forever, 0);
    usleep(10000);
    printf("cancel %d", pthread_cancel(t[0]));
    pthread_join(t[0], &r);
    printf(" %d\n", r == PTHREAD_CANCELED);
    int made = 0;
    for (int i = 0; i < 300; i++) if (!pthread_create(&t[0], 0, empty, 0)) made += !pthread_join(t[0], 0);
    printf("churn %d\n", made);
    pthread_mutex_lock(&lock);
    struct timespec ts;
    clock_gettime(CLOCK_REALTIME, &ts);
    ts.tv_nsec += 20000000;
    if (ts.tv_nsec >= 1000000000) ts.tv_nsec -= 1000000000, ts.tv_sec++;
    printf("timed wait %s\n", strerror(pthread_cond_timedwait(&cond, &lock, &ts)));
    main_thread = pthread_self();
    signal(SIGUSR1, handler);
    pthread_create(&t[0], 0, spin, 0);
    for (int i = 0; i < 50; i++) { int before = handled; pthread_kill(t[0], SIGUSR1); while (handled == before) sched_yield(); }
    go_on = 1;
    pthread_join(t[0], 0);
    printf("handled %d\n", (int)handled);
    sem_t s;
    sem_init(&s, 0, 2);
    printf("sem %d", sem_trywait(&s)),
        printf(" %d", sem_trywait(&s)),
        printf(" %d\n", sem_trywait(&s));
    pthread_barrier_t b;
    printf("barrier %d\n", pthread_barrier_init(&b, 0, 1) || pthread_barrier_wait(&b) != PTHREAD_BARRIER_SERIAL_THREAD);
    return 0;
}
