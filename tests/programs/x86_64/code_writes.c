// Code that changes itself or is changed by others, without any instruction that says so: the processor
// executes what is there with the very next instruction.
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

typedef uint8_t byte;
typedef uint64_t (*function)(uint64_t);
enum { PAGE = 4096, ALL = PROT_READ | PROT_WRITE | PROT_EXEC };

static byte *map(size_t len, int prot, int flags, int fd) {
	byte *at = mmap(0, len, prot, flags, fd, 0);
	if (at == MAP_FAILED) {
		perror("mmap");
		exit(1);
	}
	return at;
}

static byte *anonymous(size_t pages) {
	return map(pages * PAGE, ALL, MAP_PRIVATE | MAP_ANONYMOUS, -1);
}

// mov eax, value; ret
static byte *put_constant(byte *at, uint32_t value) {
	at[0] = 0xb8;
	memcpy(at + 1, &value, 4);
	at[5] = 0xc3;
	return at;
}

static uint64_t call(byte *at, uint64_t argument) {
	return ((function)at)(argument);
}

static void one_page(void) {
	byte *code = anonymous(1);
	uint64_t sum = 0;
	for (uint32_t n = 0; n < 3000; n++) {
		sum = sum * 31 + call(put_constant(code + n % 7 * 16, n), 0);
	}
	printf("one page %#lx\n", sum);
}

static void across_pages(void) {
	byte *code = anonymous(2);
	uint64_t sum = 0;
	for (uint32_t n = 0; n < 600; n++) {
		sum = sum * 31 + call(put_constant(code + PAGE - n % 6, n * 0x1010101), 0);
	}
	printf("across pages %#lx\n", sum);
}

// An instruction that stores into the next one, and into one further on in straight-line code.
static void next_instruction(void) {
	byte *code = anonymous(1);
	const byte next[] = {
		0x40, 0x88, 0x3d, 1, 0, 0, 0, // mov [rip + 1], dil
		0xb8, 0, 0, 0, 0, // mov eax, 0
		0x40, 0x00, 0x3d, 13, 0, 0, 0, // add [rip + 13], dil
		0x48, 0xc1, 0xe0, 8, // shl rax, 8
		0x48, 0x83, 0xc8, 0, // or rax, 0
		0x90, 0x90,
		0x48, 0x83, 0xc0, 1, // add rax, 1: its immediate is what the second store changes
		0xc3,
	};
	memcpy(code, next, sizeof next);
	uint64_t sum = 0;
	for (uint32_t n = 0; n < 200; n++) {
		sum = sum * 31 + call(code, n & 63);
	}
	printf("next instruction %#lx\n", sum);
}

// rep stosb over the code that follows it, and push into it.
static void strings_and_pushes(void) {
	byte *code = anonymous(1);
	const byte start[] = {
		0x48, 0x89, 0xf8, // mov rax, rdi
		0x48, 0x8d, 0x3d, 12, 0, 0, 0, // lea rdi, [rip + 12]
		0xb9, 3, 0, 0, 0, // mov ecx, 3
		0xf3, 0xaa, // rep stosb
		0xb8, 1, 0, 0, 0, // mov eax, 1
		0x90, 0x90, 0x90, // overwritten
		0x8d, 0x44, 0x00, 5, // lea eax, [rax + rax + 5]
		0xc3,
	};
	memcpy(code, start, sizeof start);
	uint64_t sum = 0;
	const byte with[] = { 0x90, 0xc3, 0x91, 0xf8 }; // nop; ret; xchg ecx, eax; clc
	for (uint32_t n = 0; n < 100; n++) {
		sum = sum * 31 + call(code, with[n % 4]);
	}
	printf("rep stos %#lx\n", sum);
	const byte pushes[] = {
		0x48, 0x89, 0xe2, // mov rdx, rsp
		0x48, 0x8d, 0x25, 15, 0, 0, 0, // lea rsp, [rip + 15]
		0x57, // push rdi: over the eight bytes before
		0x48, 0x89, 0xd4, // mov rsp, rdx
		0xb8, 0, 0, 0, 0, 0x90, 0x90, 0x90, // overwritten
		0xc3,
	};
	memcpy(code + 512, pushes, sizeof pushes);
	code[512 + 6] = 0x0c;
	for (uint64_t n = 0; n < 50; n++) {
		uint64_t insns = 0x90909000000000b8 | (n * 0x10101) << 8;
		sum = sum * 31 + call(code + 512, insns);
	}
	printf("push %#lx\n", sum);
}

// A conditional jump before the changed code, and flags that only the new code reads.
static void flags(void) {
	byte *code = anonymous(1);
	const byte setter[] = {
		0x48, 0x83, 0xff, 5, // cmp rdi, 5
		0xe9, 55, 0, 0, 0, // jmp code + 64
	};
	memcpy(code, setter, sizeof setter);
	const byte ignores[] = { 0x31, 0xc0, 0xc3 }; // xor eax, eax; ret
	const byte reads[] = { 0x0f, 0x92, 0xc0, 0x0f, 0xb6, 0xc0, 0xc3 }; // setc al; movzx eax, al; ret
	const byte signs[] = { 0x0f, 0x9c, 0xc0, 0x0f, 0xb6, 0xc0, 0xc3 }; // setl al
	uint64_t sum = 0;
	for (uint64_t n = 0; n < 90; n++) {
		if (n % 3 == 0) {
			memcpy(code + 64, ignores, sizeof ignores);
		} else {
			memcpy(code + 64, n % 3 == 1 ? reads : signs, sizeof reads);
		}
		sum = sum * 3 + call(code, n % 3 == 2 ? -n : n);
	}
	printf("flags %#lx\n", sum);
}

// Two mappings of the same memory: one is written to, the other executed.
static void dual(const char *name, int fd) {
	ftruncate(fd, 4 * PAGE);
	byte *write = map(4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd);
	byte *exec = map(4 * PAGE, PROT_READ | PROT_EXEC, MAP_SHARED, fd);
	byte *late = map(4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd);
	mprotect(late, 4 * PAGE, PROT_READ);
	mprotect(late, 4 * PAGE, PROT_READ | PROT_EXEC);
	uint64_t sum = 0;
	for (uint32_t n = 0; n < 500; n++) {
		put_constant(write + n % 3 * PAGE, n);
		sum = sum * 31 + call((n & 1 ? exec : late) + n % 3 * PAGE, 0);
	}
	byte *moved = mremap(exec, 4 * PAGE, 8 * PAGE, MREMAP_MAYMOVE);
	byte *twin = mremap(moved, 0, 4 * PAGE, MREMAP_MAYMOVE);
	for (uint32_t n = 0; n < 100; n++) {
		put_constant(write, n);
		sum = sum * 31 + call(moved, 0);
		if (twin != MAP_FAILED) {
			put_constant(write, n + 1);
			sum = sum * 31 + call(twin, 0);
		}
	}
	// Another process writes.
	for (uint32_t n = 0; n < 5; n++) {
		if (fork() == 0) {
			put_constant(write, 1000 + n);
			_exit(0);
		}
		wait(0);
		sum = sum * 31 + call(moved, 0);
		pwrite(fd, &n, 1, 1);
		sum = sum * 31 + call(moved, 0);
	}
	printf("dual %s %#lx\n", name, sum);
	close(fd);
}

// The kernel writes to the page that code is in, and to the code.
// A private mapping shows what is written to the file, in pages that were not written to themselves.
static void private_of_a_file(void) {
	int fd = memfd_create("code", 0);
	byte bytes[PAGE];
	memset(bytes, 0xc3, PAGE);
	for (int n = 0; n < 3; n++) {
		pwrite(fd, bytes, PAGE, n * PAGE);
	}
	byte *write = map(3 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd);
	byte *exec = map(3 * PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd);
	byte *late = map(3 * PAGE, PROT_READ, MAP_PRIVATE, fd);
	mprotect(late, 3 * PAGE, PROT_READ | PROT_EXEC);
	uint64_t sum = 0;
	for (uint32_t n = 0; n < 300; n++) {
		uint32_t at = n % 3 * PAGE;
		if (n % 2) {
			put_constant(write + at, n);
		} else {
			pwrite(fd, put_constant(bytes, n), 6, at);
		}
		sum = sum * 31 + call(exec + at, 0) + call(late + at, 0);
	}
	printf("private of a file %#lx\n", sum);
}

static void by_calls(void) {
	byte *code = anonymous(2);
	uint64_t sum = 0;
	int ends[2];
	pipe(ends);
	for (uint32_t n = 0; n < 100; n++) {
		byte bytes[6];
		put_constant(bytes, n);
		write(ends[1], bytes, 6);
		sum += read(ends[0], code + 100, 6);
		sum = sum * 31 + call(code + 100, 0);
		write(ends[1], bytes, 6);
		struct iovec in[] = { { code + 300, 1 }, { code + 301, 5 } };
		sum += readv(ends[0], in, 2);
		sum = sum * 31 + call(code + 300, 0);
		struct iovec from = { bytes, 6 }, to = { code + PAGE - 3, 6 };
		put_constant(bytes, n * 3);
		sum += process_vm_writev(getpid(), &from, 1, &to, 1, 0);
		sum = sum * 31 + call(code + PAGE - 3, 0);
		struct timespec *now = (void *)(code + 128);
		sum += clock_gettime(CLOCK_MONOTONIC, now) + (now->tv_nsec < 1000000000);
	}
	int mem = open("/proc/self/mem", O_RDWR);
	for (uint32_t n = 0; n < 20; n++) {
		byte bytes[6];
		sum += pwrite(mem, put_constant(bytes, n), 6, (off_t)(code + 100));
		sum = sum * 31 + call(code + 100, 0);
	}
	// (This is not asked for protections.)
	mprotect(code, 2 * PAGE, PROT_READ | PROT_EXEC);
	for (uint32_t n = 0; n < 20; n++) {
		byte bytes[6];
		sum += pwrite(mem, put_constant(bytes, n * 5), 6, (off_t)(code + 200));
		sum = sum * 31 + call(code + 200, 0);
	}
	close(mem);
	printf("calls %#lx\n", sum);
}

// Writable and executable by turns.
static void flips(void) {
	size_t len = 128 << 10;
	byte *code = map(len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	uint64_t sum = 0;
	for (uint32_t n = 0; n < 300; n++) {
		mprotect(code, len, PROT_READ | PROT_WRITE);
		put_constant(code + n * 400, n);
		if (n % 10 == 0) {
			put_constant(code, n + 7);
		}
		mprotect(code, len, PROT_READ | PROT_EXEC);
		for (uint32_t k = 0; k <= n; k++) {
			sum = sum * 31 + call(code + k * 400, 0);
		}
	}
	printf("flips %#lx\n", sum);
	mprotect(code, len, PROT_READ | PROT_WRITE);
	static sigset_t none;
	pid_t child = fork();
	if (child == 0) {
		call(code, 0);
		_exit(0);
	}
	int status;
	waitpid(child, &status, 0);
	printf("not executable: signal %d\n", WTERMSIG(status));
}

static byte *volatile handler_code;
static volatile uint32_t handled;

static void on_alarm(int signo) {
	handled++;
	put_constant(handler_code, handled);
}

// A loop without a store, whose end is written by a signal handler, and one by another thread.
static void loops(void) {
	byte *code = anonymous(1);
	const byte loop[] = { 0x31, 0xc0, 0xff, 0xc0, 0xeb, 0xfc, 0xc3 }; // xor eax, eax; inc eax; jmp -4; ret
	memcpy(code, loop, sizeof loop);
	pthread_t thread;
	void *stop(void *at) {
		usleep(20000);
		*(volatile uint16_t *)((byte *)at + 4) = 0xc390;
		return 0;
	}
	pthread_create(&thread, 0, stop, code);
	printf("stopped by a thread: %d\n", call(code, 0) != 0);
	pthread_join(thread, 0);
	handler_code = code + 256;
	put_constant(handler_code, 0);
	signal(SIGALRM, on_alarm);
	ualarm(2000, 2000);
	while (handled < 5) {
		uint32_t before = handled, value = call(handler_code, 0), after = handled;
		if (value < before || value > after) {
			printf("a handler's code is not seen: %u of %u to %u\n", value, before, after);
			exit(1);
		}
	}
	ualarm(0, 0);
	printf("written by a handler\n");
}

static void in_a_child(void) {
	byte *code = anonymous(1);
	put_constant(code, 1);
	for (int n = 0; n < 20; n++) {
		call(code, 0);
	}
	if (fork() == 0) {
		put_constant(code, 2);
		printf("child %lu\n", call(code, 0));
		fflush(stdout);
		_exit(0);
	}
	wait(0);
	printf("parent %lu\n", call(code, 0));
	put_constant(code, 3);
	printf("parent %lu\n", call(code, 0));
	fflush(stdout);
	byte undefined[] = { 0x0f, 0x0b, 0xc3 };
	memcpy(code, undefined, 3);
	if (fork() == 0) {
		call(code, 0);
		_exit(0);
	}
	int status;
	wait(&status);
	put_constant(code, 4);
	printf("signal %d, then %lu\n", WTERMSIG(status), call(code, 0));
}

int main(void) {
	one_page();
	across_pages();
	next_instruction();
	strings_and_pushes();
	flags();
	dual("memfd", memfd_create("code", 0));
	private_of_a_file();
	by_calls();
	flips();
	loops();
	fflush(stdout);
	in_a_child();
	return 0;
}
