// SPDX-License-Identifier: BSD-2-Clause
/* Signals: handlers, their stacks and masks, interrupted calls, waiting for them, job control. Each
 * check names the law; prints "sigtest: ok" where all hold. */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/futex.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CHECK(what, cond)                                                                          \
	do {                                                                                       \
		if (!(cond)) {                                                                     \
			printf("sigtest: line %d: %s (errno %d)\n", __LINE__, what, errno);        \
			failures++;                                                                \
		}                                                                                  \
	} while (0)

static int failures;
static volatile sig_atomic_t seen, value;
static volatile int nested_bad;
static char *page;

static void count(int sig)
{
	seen = sig;
	value++;
}

static void handle(int sig, void (*handler)(int), int flags)
{
	struct sigaction action = {.sa_handler = handler, .sa_flags = flags};

	sigaction(sig, &action, NULL);
}

static void test_handler(void)
{
	double before = 1.5;

	handle(SIGUSR1, count, 0);
	raise(SIGUSR1);
	CHECK("a handler runs", seen == SIGUSR1 && value == 1);
	CHECK("what the program had in registers comes back", before * 2 == 3.0);
}

static void test_mask(void)
{
	sigset_t set, old, pending;

	value = 0;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, &old);
	raise(SIGUSR1);
	raise(SIGUSR1);
	CHECK("a blocked signal waits", value == 0);
	sigpending(&pending);
	CHECK("and is pending", sigismember(&pending, SIGUSR1));
	sigprocmask(SIG_SETMASK, &old, NULL);
	CHECK("it arrives once when unblocked", value == 1);
}

static void on_info(int sig, siginfo_t *info, void *context)
{
	(void)context;
	seen = sig;
	value = info->si_value.sival_int;
}

static void test_realtime(void)
{
	struct sigaction action = {.sa_sigaction = on_info, .sa_flags = SA_SIGINFO};
	union sigval v = {.sival_int = 77};
	sigset_t set;
	siginfo_t info;
	int first, second;

	sigaction(SIGRTMIN, &action, NULL);
	sigqueue(getpid(), SIGRTMIN, v);
	CHECK("a queued value arrives", value == 77);
	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	sigprocmask(SIG_BLOCK, &set, NULL);
	v.sival_int = 1;
	sigqueue(getpid(), SIGRTMIN, v);
	v.sival_int = 2;
	sigqueue(getpid(), SIGRTMIN, v);
	first = sigwaitinfo(&set, &info) == SIGRTMIN ? info.si_value.sival_int : -1;
	second = sigwaitinfo(&set, &info) == SIGRTMIN ? info.si_value.sival_int : -1;
	CHECK("real-time signals queue in order", first == 1 && second == 2);
	CHECK("sigtimedwait ends after its time",
	      sigtimedwait(&set, &info, &(struct timespec){0, 1000000}) == -1 && errno == EAGAIN);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

/* Opens the page that the program failed to write to; the write is then done again. */
static void on_segv(int sig, siginfo_t *info, void *context)
{
	(void)context;
	seen = sig;
	if (info->si_addr != page + 8 || info->si_code != SEGV_ACCERR)
		nested_bad = 1;
	mprotect(page, 4096, PROT_READ | PROT_WRITE);
}

static void test_segv(void)
{
	struct sigaction action = {.sa_sigaction = on_segv, .sa_flags = SA_SIGINFO};

	page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	sigaction(SIGSEGV, &action, NULL);
	*(volatile int *)(page + 8) = 5;
	CHECK("SIGSEGV tells the address and SEGV_ACCERR", seen == SIGSEGV && !nested_bad);
	CHECK("the write is done again after mprotect", *(volatile int *)(page + 8) == 5);
	signal(SIGSEGV, SIG_DFL);
}

static char *alternate;

static void on_altstack(int sig)
{
	char here;

	seen = sig;
	value = &here >= alternate && &here < alternate + 65536;
}

static void test_altstack(void)
{
	stack_t stack = {.ss_size = 65536}, old;

	alternate = stack.ss_sp = malloc(65536);
	CHECK("sigaltstack", sigaltstack(&stack, NULL) == 0);
	handle(SIGUSR2, on_altstack, SA_ONSTACK);
	raise(SIGUSR2);
	CHECK("a handler runs on the alternate stack", seen == SIGUSR2 && value == 1);
	sigaltstack(NULL, &old);
	CHECK("sigaltstack tells the stack",
	      old.ss_sp == alternate && !(old.ss_flags & SS_ONSTACK));
}

static sigjmp_buf jump;

static void leap(int sig)
{
	(void)sig;
	siglongjmp(jump, 1);
}

/* 4 GiB deep, should nobody stop it: only an alternate stack lets the handler run. */
static int __attribute__((noinline)) recurse(volatile char *above)
{
	static volatile long depth;
	volatile char frame[4096];

	frame[0] = *above;
	if (++depth == 1 << 20)
		return 0;
	return recurse(frame) + frame[0];
}

static void test_overflow(void)
{
	volatile char top = 1;

	handle(SIGSEGV, leap, SA_ONSTACK);
	if (!sigsetjmp(jump, 1)) {
		recurse(&top);
		CHECK("a stack without end", false);
	}
	signal(SIGSEGV, SIG_DFL);
}

static void start_alarm(int ms)
{
	struct itimerval timer = {.it_value = {.tv_usec = ms * 1000}};

	setitimer(ITIMER_REAL, &timer, NULL);
}

static void test_interrupt(void)
{
	struct timespec left = {0}, second = {1, 0};
	int fds[2];
	char c;

	value = 0;
	handle(SIGALRM, count, 0);
	start_alarm(20);
	CHECK("a signal cuts nanosleep short",
	      nanosleep(&second, &left) == -1 && errno == EINTR && left.tv_nsec > 0);
	if (pipe(fds))
		exit(1);
	start_alarm(20);
	CHECK("a read that is cut short fails with EINTR",
	      read(fds[0], &c, 1) == -1 && errno == EINTR && value == 2);
	handle(SIGALRM, count, SA_RESTART);
	start_alarm(20);
	if (fork() == 0) {
		usleep(100000);
		_exit(write(fds[1], "x", 1) != 1);
	}
	CHECK("with SA_RESTART it goes on", read(fds[0], &c, 1) == 1 && c == 'x' && value == 3);
	wait(NULL);
	close(fds[0]);
	close(fds[1]);
}

static void test_suspend(void)
{
	sigset_t block, none, now;

	value = 0;
	handle(SIGALRM, count, 0);
	sigemptyset(&none);
	sigemptyset(&block);
	sigaddset(&block, SIGALRM);
	sigprocmask(SIG_BLOCK, &block, NULL);
	start_alarm(10);
	CHECK("sigsuspend waits", sigsuspend(&none) == -1 && errno == EINTR && value == 1);
	sigprocmask(SIG_BLOCK, NULL, &now);
	CHECK("and the mask comes back", sigismember(&now, SIGALRM));
	sigprocmask(SIG_UNBLOCK, &block, NULL);
}

static void test_stop(void)
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		for (;;)
			pause();
	kill(pid, SIGSTOP);
	CHECK("a stop is reported", waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status) &&
					    WSTOPSIG(status) == SIGSTOP);
	CHECK("once", waitpid(pid, &status, WUNTRACED | WNOHANG) == 0);
	kill(pid, SIGCONT);
	CHECK("so is going on", waitpid(pid, &status, WCONTINUED) == pid && WIFCONTINUED(status));
	kill(pid, SIGTERM);
	CHECK("and the end by a signal", waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) &&
						 WTERMSIG(status) == SIGTERM);
}

/* The status of a child that waits for nothing for 200 ms, twice stopped and continued. */
static int stopped_waiter(long (*wait_for)(void))
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(wait_for());
	for (int i = 0; i < 2; i++) {
		usleep(30000);
		kill(pid, SIGSTOP);
		waitpid(pid, &status, WUNTRACED);
		kill(pid, SIGCONT);
	}
	waitpid(pid, &status, 0);
	return status;
}

/* 0, or what was wrong. */
static long wait_at_futex(void)
{
	static const struct timespec span = {.tv_nsec = 200000000};
	struct timespec from, to;
	int word = 1;
	long ms;

	clock_gettime(CLOCK_MONOTONIC, &from);
	if (syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 1, &span, NULL, 0) != -1)
		return 1;
	if (errno != ETIMEDOUT)
		return 2;
	clock_gettime(CLOCK_MONOTONIC, &to);
	ms = (to.tv_sec - from.tv_sec) * 1000 + (to.tv_nsec - from.tv_nsec) / 1000000;
	return ms < 199 ? 3 : 0;
}

static long futex_with_handler(void)
{
	static const struct timespec second = {1, 0};
	int word = 1;

	handle(SIGALRM, count, SA_RESTART);
	start_alarm(20);
	return !(syscall(SYS_futex, &word, FUTEX_WAIT, 1, &second, NULL, 0) == -1 &&
		 errno == EINTR);
}

static void test_restart(void)
{
	CHECK("a timed futex wait goes on after a stop", stopped_waiter(wait_at_futex) == 0);
	CHECK("a handler ends it", futex_with_handler() == 0);
}

static void test_children(void)
{
	siginfo_t info = {0};

	value = 0;
	handle(SIGCHLD, count, 0);
	if (fork() == 0)
		_exit(7);
	CHECK("waitid tells the status", waitid(P_ALL, 0, &info, WEXITED) == 0 &&
						 info.si_code == CLD_EXITED && info.si_status == 7);
	CHECK("SIGCHLD came", value == 1);
	signal(SIGCHLD, SIG_IGN);
	if (fork() == 0)
		_exit(0);
	CHECK("ignored children leave nothing", wait(NULL) == -1 && errno == ECHILD);
	signal(SIGCHLD, SIG_DFL);
}

int main(void)
{
	test_handler();
	test_mask();
	test_realtime();
	test_segv();
	test_altstack();
	test_overflow();
	test_interrupt();
	test_suspend();
	test_stop();
	test_restart();
	test_children();
	if (failures)
		return 1;
	puts("sigtest: ok");
	return 0;
}
