// SPDX-License-Identifier: BSD-2-Clause
/* The system call itself, a signal, and one process waking another. */
#include "vmbench.h"
#include <signal.h>

/* No libc between: the call alone, in a loop of four instructions. */
static size_t null_syscall(void)
{
	size_t times = 20000;

	meter_start();
	for (size_t i = 0; i < times; i++)
		__asm__ volatile("mov x8, %0\n\tsvc #0" ::"i"(SYS_getpid) : "x0", "x8", "memory");
	meter_stop();
	return times;
}

static void make_writable(int signo, siginfo_t *info, void *context)
{
	uintptr_t page = (uintptr_t)info->si_addr & ~(PAGE - 1);

	(void)signo;
	(void)context;
	if (mprotect((void *)page, PAGE, PROT_READ | PROT_WRITE))
		_exit(1);
}

/* A write barrier as garbage collectors make it: fault, handler, mprotect, back. */
static size_t signal_fault(void)
{
	struct sigaction act = {.sa_sigaction = make_writable, .sa_flags = SA_SIGINFO}, old;
	char *p = map(256);

	write_all(p, 256, PAGE);
	protect(p, 256, PROT_READ);
	sigaction(SIGSEGV, &act, &old);
	meter_start();
	write_all(p, 256, PAGE);
	meter_stop();
	sigaction(SIGSEGV, &old, NULL);
	unmap(p, 256);
	return 256;
}

static void pass_byte(int from, int to)
{
	char byte;

	if (read(from, &byte, 1) != 1 || write(to, &byte, 1) != 1)
		die("pipe");
}

static size_t pipe_round_trip(void)
{
	int there[2], back[2];
	size_t times = 256;
	char byte = 0;
	pid_t child;

	if (pipe(there) || pipe(back))
		die("pipe");
	child = fork_or_die();
	if (!child) { /* its end is not to be measured: it waits for the pipe's */
		close(there[1]);
		for (size_t i = 0; i <= times; i++)
			pass_byte(there[0], back[1]);
		_exit(read(there[0], &byte, 1) != 0);
	}
	if (write(there[1], &byte, 1) != 1) /* once before: the child is there */
		die("pipe");
	pass_byte(back[0], there[1]);
	meter_start();
	for (size_t i = 1; i < times; i++)
		pass_byte(back[0], there[1]);
	meter_stop();
	if (read(back[0], &byte, 1) != 1)
		die("pipe");
	close(there[1]);
	wait_child(child);
	close(there[0]), close(back[0]), close(back[1]);
	return times - 1;
}

const struct bench call_benches[] = {
	{"syscall", "null-syscall", "call", null_syscall, 0},
	{"signal", "signal-write-fault", "fault", signal_fault, 0},
	{"pipe", "pipe-round-trip", "trip", pipe_round_trip, 0},
	{0},
};
