// Code that is written and run in turns, in the ways of compilers that work at run time. Prints sums; with a
// name and a number, does that many rounds of one way only, to be timed.
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

typedef uint8_t byte;
enum { PAGE = 4096, ALL = PROT_READ | PROT_WRITE | PROT_EXEC };

static byte *map(size_t len, int prot, int flags, int fd) {
	byte *at = mmap(0, len, prot, flags, fd, 0);
	if (at == MAP_FAILED) {
		perror("mmap");
		exit(1);
	}
	return at;
}

static byte *anonymous(size_t len) {
	return map(len, ALL, MAP_PRIVATE | MAP_ANONYMOUS, -1);
}

static uint64_t call(byte *at, uint64_t argument) {
	return ((uint64_t (*)(uint64_t))at)(argument);
}

// A function with a loop: adds `value` and the loop's counter `argument` times. 26 bytes.
static void put_loop(byte *at, uint32_t value) {
	static const byte code[] = {
		0x31, 0xc0, // xor eax, eax
		0x48, 0x85, 0xff, // test rdi, rdi
		0x74, 14, // je end
		0x48, 0x05, 0, 0, 0, 0, // loop: add rax, value
		0x48, 0x01, 0xf8, // add rax, rdi
		0x48, 0xff, 0xcf, // dec rdi
		0x75, 0xf2, // jne loop
		0xc3, // end: ret
	};
	memcpy(at, code, sizeof code);
	memcpy(at + 9, &value, 4);
}

static uint64_t one_page(uint64_t rounds) {
	byte *code = anonymous(PAGE);
	uint64_t sum = 0;
	for (uint64_t n = 0; n < rounds; n++) {
		byte *at = code + n % 60 * 64;
		put_loop(at, n);
		sum += call(at, 20);
	}
	return sum;
}

static uint64_t many_pages(uint64_t rounds) {
	byte *code = anonymous(256 * PAGE);
	uint64_t sum = 0;
	for (uint64_t n = 0; n < rounds; n++) {
		byte *at = code + n * 3 % 256 * PAGE - (n % 256 ? 9 : 0);
		put_loop(at, n);
		sum += call(at, 20);
	}
	return sum;
}

static uint64_t dual(uint64_t rounds) {
	int fd = memfd_create("code", 0);
	ftruncate(fd, 16 * PAGE);
	byte *write = map(16 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd);
	byte *exec = map(16 * PAGE, PROT_READ | PROT_EXEC, MAP_SHARED, fd);
	uint64_t sum = 0;
	for (uint64_t n = 0; n < rounds; n++) {
		uint64_t at = n % 1000 * 64;
		put_loop(write + at, n);
		for (int k = 0; k < 8; k++) {
			sum += call(exec + (at + k * 64) % 64000, 20);
			if (n < 1000 && k == 0) {
				break;
			}
		}
	}
	return sum;
}

// As LuaJIT: a little is written, all of it is made executable.
static uint64_t flips(uint64_t rounds) {
	size_t len = 128 << 10;
	byte *code = map(len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	uint64_t sum = 0;
	for (uint64_t n = 0; n < rounds; n++) {
		mprotect(code, len, PROT_READ | PROT_WRITE);
		put_loop(code + n % 2000 * 64, n);
		mprotect(code, len, PROT_READ | PROT_EXEC);
		uint64_t ready = n < 2000 ? n + 1 : 2000;
		for (int k = 0; k < 50; k++) {
			sum += call(code + (n + k * 37) % ready * 64, 20);
		}
	}
	return sum;
}

// A counter next to the code that changes it.
static uint64_t counter(uint64_t rounds) {
	byte *code = anonymous(PAGE);
	static const byte counts[] = {
		0x48, 0xff, 0x05, 57, 0, 0, 0, // loop: inc qword [rip + 57]
		0x48, 0x8b, 0x05, 50, 0, 0, 0, // mov rax, [rip + 50]
		0x48, 0xff, 0xcf, // dec rdi
		0x75, 0xed, // jne loop
		0xc3,
	};
	memcpy(code, counts, sizeof counts);
	uint64_t sum = 0;
	for (uint64_t n = 0; n < rounds; n++) {
		sum += call(code, 20);
	}
	return sum;
}

// Code that stays, in memory that stays writable: stores to an array, calls, branches.
static uint64_t steady(uint64_t rounds) {
	byte *code = anonymous(16 * PAGE);
	static const byte inner[] = {
		0x55, // push rbp
		0x48, 0x89, 0xe5, // mov rbp, rsp
		0x89, 0xf8, // mov eax, edi
		0x69, 0xc0, 0x6d, 0x4e, 0xc6, 0x41, // imul eax, eax, 1103515245
		0x05, 0x39, 0x30, 0, 0, // add eax, 12345
		0x89, 0xc1, // mov ecx, eax
		0xc1, 0xe9, 16, // shr ecx, 16
		0x81, 0xe1, 0xff, 0, 0, 0, // and ecx, 255
		0x89, 0x04, 0x8e, // mov [rsi + rcx * 4], eax
		0xa8, 0x10, // test al, 16
		0x74, 3, // je +3
		0x03, 0x04, 0x8e, // add eax, [rsi + rcx * 4]
		0x5d, // pop rbp
		0xc3,
	};
	static const byte outer[] = {
		0x53, // push rbx
		0x48, 0x89, 0xfb, // mov rbx, rdi
		0x48, 0x8d, 0x35, 0xf5, 0x0f, 0, 0, // lea rsi, [rip + 4085]
		0x31, 0xff, // xor edi, edi
		0xe8, 0xee, 0xfe, 0xff, 0xff, // loop: call inner
		0x89, 0xc7, // mov edi, eax
		0x48, 0xff, 0xcb, // dec rbx
		0x75, 0xf4, // jne loop
		0x5b, // pop rbx
		0xc3,
	};
	memcpy(code + PAGE, inner, sizeof inner);
	memcpy(code + PAGE + 256, outer, sizeof outer);
	uint64_t sum = 0;
	for (uint64_t n = 0; n < rounds; n++) {
		sum = sum * 3 + call(code + PAGE + 256, 100);
	}
	return sum;
}

static _Atomic(byte *) published[64];
static uint64_t thread_rounds;

// Each thread writes functions for all, and runs what all have written. (Written once, then published.)
static void *worker(void *argument) {
	uint64_t me = (uint64_t)argument, sum = 0;
	byte *code = anonymous(64 * PAGE);
	for (uint64_t n = 0; n < thread_rounds; n++) {
		byte *at = code + n % 4000 * 64;
		put_loop(at, 5);
		published[(n * 4 + me) % 64] = at;
		for (int k = 0; k < 10; k++) {
			byte *other = published[(n * 7 + k * 5) % 64];
			sum += other ? call(other, 10) : 105;
		}
	}
	return (void *)sum;
}

static uint64_t threads(uint64_t rounds) {
	pthread_t all[4];
	uint64_t sum = 0;
	thread_rounds = rounds < 4000 ? rounds : 4000;
	for (uint64_t repeat = 0; repeat < (rounds + 3999) / 4000; repeat++) {
		for (uint64_t n = 0; n < 64; n++) {
			published[n] = 0;
		}
		for (uint64_t n = 0; n < 4; n++) {
			pthread_create(&all[n], 0, worker, (void *)n);
		}
		for (int n = 0; n < 4; n++) {
			void *result;
			pthread_join(all[n], &result);
			sum += (uint64_t)result;
		}
	}
	return sum;
}

static const struct {
	const char *name;
	uint64_t (*run)(uint64_t);
	uint64_t rounds;
} WAYS[] = {
	{ "one-page", one_page, 2000 }, { "many-pages", many_pages, 2000 }, { "dual", dual, 2000 },
	{ "flips", flips, 300 },        { "counter", counter, 2000 },       { "steady", steady, 1000 },
	{ "threads", threads, 1000 },
};

int main(int argc, char **argv) {
	for (int n = 0; n < sizeof WAYS / sizeof *WAYS; n++) {
		if (argc < 3) {
			printf("%s %#lx\n", WAYS[n].name, WAYS[n].run(WAYS[n].rounds));
		} else if (strcmp(argv[1], WAYS[n].name) == 0) {
			printf("%s %#lx\n", argv[1], WAYS[n].run(atol(argv[2])));
		}
	}
	return 0;
}
