// Threads run code while another changes it, a word at a time: each call returns what the code was at some
// moment of the call, and never an older one than was seen before it.
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

typedef uint8_t byte;
enum { PAGE = 4096, FUNCTIONS = 40, ROUNDS = 3000, RUNNERS = 3, ALL = PROT_READ | PROT_WRITE | PROT_EXEC };

static byte *code;
static _Atomic uint32_t writing[FUNCTIONS], written[FUNCTIONS];
static _Atomic int over;
static _Atomic unsigned wrong;

static byte *at(int n) {
	return code + n * 256;
}

// mov eax, value; jmp over some bytes; ret. The value is in one word of eight bytes.
static void put(int n, uint32_t value) {
	const byte bytes[] = { 0x90, 0x90, 0x90, 0xb8, 0, 0, 0, 0, 0xeb, 0x10 };
	memcpy(at(n), bytes, sizeof bytes);
	at(n)[26] = 0xc3;
	memcpy(at(n) + 4, &value, 4);
}

static void patch(int n, uint32_t value) {
	uint64_t word = 0xb8909090 | (uint64_t)value << 32;
	writing[n] = value;
	*(volatile uint64_t *)at(n) = word;
	written[n] = value;
}

static void *runner(void *argument) {
	uint32_t last[FUNCTIONS] = { 0 };
	unsigned seed = (unsigned)(uintptr_t)argument;
	while (!over) {
		int n = (seed = seed * 1103515245 + 12345) >> 16;
		n %= FUNCTIONS;
		uint32_t before = written[n], value = ((uint32_t (*)(void))at(n))();
		if (value < before || value < last[n] || value > writing[n]) {
			wrong++;
		}
		last[n] = value;
	}
	return 0;
}

// A word of code that is exchanged atomically: a jump forwards, or nothing. Both ways return.
static void *switcher(void *at) {
	_Atomic uint16_t *jump = at;
	for (int n = 0; !over; n++) {
		*jump = n & 1 ? 0x9066 : 0x04eb;
	}
	return 0;
}

static volatile unsigned alarms;
static void on_alarm(int signo) {
	alarms++;
	patch(FUNCTIONS - 1, written[FUNCTIONS - 1] + 1);
}

int main(void) {
	code = mmap(0, FUNCTIONS * 256 + PAGE, ALL, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	for (int n = 0; n < FUNCTIONS; n++) {
		put(n, 0);
	}
	// xor eax, eax; jmp +4 or nop; add eax, 1 (3 bytes); nop; ret
	byte *toggled = code + FUNCTIONS * 256;
	const byte either[] = { 0x31, 0xc0, 0x66, 0x90, 0x83, 0xc0, 0x01, 0x90, 0xc3 };
	memcpy(toggled, either, sizeof either);
	pthread_t threads[RUNNERS + 1];
	for (int n = 0; n < RUNNERS; n++) {
		pthread_create(&threads[n], 0, runner, (void *)(uintptr_t)(n + 1));
	}
	pthread_create(&threads[RUNNERS], 0, switcher, toggled + 2);
	signal(SIGALRM, on_alarm);
	ualarm(1000, 1000);
	for (uint32_t n = 1; n <= ROUNDS; n++) {
		for (int k = 0; k < FUNCTIONS - 1; k += n % 3 + 1) {
			patch(k, n);
			if (((uint32_t (*)(void))at(k))() != n) {
				wrong++;
			}
		}
		uint32_t way = ((uint32_t (*)(void))toggled)();
		if (way > 1) {
			wrong++;
		}
	}
	while (alarms < 20) {
		usleep(1000);
	}
	ualarm(0, 0);
	over = 1;
	for (int n = 0; n <= RUNNERS; n++) {
		pthread_join(threads[n], 0);
	}
	printf("wrong: %u\n", wrong);
	return 0;
}
