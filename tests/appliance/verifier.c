// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Runs a command, and prints the verifier's statistics of each BPF program that
 * it loads. Before 5.16 the kernel has them only in the log of the load, which
 * the command does not request. The program uses no C library, so that the test
 * needs no cross C library.
 *
 * Usage: verifier PATH ARGUMENT...
 */
#if defined(__aarch64__)
enum {
	BPF = 280, CLONE = 220, EXECVE = 221, EXIT = 93, PTRACE = 117,
	WAIT4 = 260, WRITE = 64, READ_FROM = 270, WRITE_TO = 271
};
/* struct user_pt_regs */
enum { NUMBER = 8, FIRST = 0, SECOND = 1, STACK = 31, REGISTERS = 34 };
__asm__(".globl _start\n_start:\n\tmov x0, sp\n\tbl trace\n");
#elif defined(__x86_64__)
enum {
	BPF = 321, CLONE = 56, EXECVE = 59, EXIT = 60, PTRACE = 101,
	WAIT4 = 61, WRITE = 1, READ_FROM = 310, WRITE_TO = 311
};
/* struct user_regs_struct */
enum { NUMBER = 15, FIRST = 14, SECOND = 13, STACK = 19, REGISTERS = 27 };
__asm__(".globl _start\n_start:\n\tmov %rsp, %rdi\n"
	"\tand $-16, %rsp\n\tcall trace\n");
#else
#error "the system calls of this machine are missing"
#endif

enum {
	TRACEME = 0, SYSCALL = 24, SETOPTIONS = 0x4200, GETREGSET = 0x4204,
	TRACESYSGOOD = 1, PRSTATUS = 1
};
enum { SIGTRAP = 5, SIGCHLD = 17, PROG_LOAD = 5, LOG_STATS = 4 };
/* The log is in memory of the command that is free: below its stack. */
enum { LOG_SIZE = 4096, BELOW = 65536 };

/* The part of union bpf_attr up to the name of the program. */
struct load {
	unsigned int type, insns_count;
	unsigned long insns, license;
	unsigned int log_level, log_size;
	unsigned long log;
	unsigned int version, flags;
	char name[16];
};

struct vector {
	void *base;
	unsigned long length;
};

static long call(long number, long a, long b, long c, long d, long e, long f)
{
#if defined(__aarch64__)
	register long x8 __asm__("x8") = number;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;
	register long x4 __asm__("x4") = e;
	register long x5 __asm__("x5") = f;

	__asm__ volatile("svc 0"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
			 : "memory");
	return x0;
#else
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;

	__asm__ volatile("syscall"
			 : "+a"(number)
			 : "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return number;
#endif
}

static long pid;
static unsigned long registers[REGISTERS];
/* Address of the log in the command; 0 outside of a load. */
static unsigned long log;

/* Copies from or to the command: READ_FROM or WRITE_TO. */
static void copy(long direction, void *here, unsigned long there,
		 unsigned long length)
{
	struct vector local = { here, length }, remote = { (void *)there, length };

	call(direction, pid, (long)&local, 1, (long)&remote, 1, 0);
}

/* Makes the call of the command request statistics, if it loads a program. */
static void enter(void)
{
	static char nothing[LOG_SIZE];
	struct load load;

	if (registers[NUMBER] != BPF || registers[FIRST] != PROG_LOAD)
		return;
	copy(READ_FROM, &load, registers[SECOND], sizeof(load));
	if (load.log_level)
		return;
	log = registers[STACK] - BELOW;
	load.log_level = LOG_STATS;
	load.log_size = LOG_SIZE;
	load.log = log;
	copy(WRITE_TO, nothing, log, sizeof(nothing));
	copy(WRITE_TO, &load, registers[SECOND], sizeof(load));
}

/* Prints the statistics. */
static void leave(void)
{
	static char text[LOG_SIZE];
	long length = 0;

	if (!log)
		return;
	copy(READ_FROM, text, log, sizeof(text));
	while (length < LOG_SIZE && text[length])
		length++;
	call(WRITE, 1, (long)text, length, 0, 0, 0);
	log = 0;
}

static void start(char **arguments, char **environment)
{
	int status;

	pid = call(CLONE, SIGCHLD, 0, 0, 0, 0, 0);
	if (!pid) {
		call(PTRACE, TRACEME, 0, 0, 0, 0, 0);
		call(EXECVE, (long)arguments[0], (long)arguments,
		     (long)environment, 0, 0, 0);
		call(EXIT, 127, 0, 0, 0, 0, 0);
	}
	call(WAIT4, pid, (long)&status, 0, 0, 0, 0);
	call(PTRACE, SETOPTIONS, pid, 0, TRACESYSGOOD, 0, 0);
}

void trace(unsigned long *stack)
{
	struct vector all = { registers, sizeof(registers) };
	char **words = (char **)(stack + 1);
	int status, is_inside = 0;
	long signal = 0;

	start(words + 1, words + stack[0] + 1);
	for (;;) {
		call(PTRACE, SYSCALL, pid, 0, signal, 0, 0);
		call(WAIT4, pid, (long)&status, 0, 0, 0, 0);
		if ((status & 0xff) != 0x7f)
			call(EXIT, status >> 8 & 0xff, 0, 0, 0, 0, 0);
		signal = status >> 8 & 0xff;
		if (signal != (SIGTRAP | 0x80))
			continue;
		signal = 0;
		is_inside = !is_inside;
		all.length = sizeof(registers);
		call(PTRACE, GETREGSET, pid, PRSTATUS, (long)&all, 0, 0);
		is_inside ? enter() : leave();
	}
}
