// SPDX-License-Identifier: BSD-2-Clause
/* fork: the call, and the copies that it puts off. */
#include "vmbench.h"

static size_t cow_parent(void)
{
	char *p = map(PAGES);
	int hold[2];
	pid_t child;

	write_all(p, PAGES, PAGE);
	if (pipe(hold))
		die("pipe");
	child = fork_or_die();
	if (!child) { /* stays until the parent has written */
		char byte;

		close(hold[1]);
		_exit(read(hold[0], &byte, 1) != 0);
	}
	close(hold[0]);
	meter_start();
	write_all(p, PAGES, PAGE);
	meter_stop();
	close(hold[1]);
	wait_child(child);
	unmap(p, PAGES);
	return PAGES;
}

static size_t cow_child(void)
{
	char *p = map(PAGES);
	uint64_t *told =
		(void *)map_fd(PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1);
	pid_t child;

	write_all(p, PAGES, PAGE);
	*told = 0;
	child = fork_or_die();
	if (!child) {
		meter.total = 0;
		meter_start();
		write_all(p, PAGES, PAGE);
		meter_stop();
		*told = meter.total;
		_exit(0);
	}
	wait_child(child);
	meter.total += *told;
	unmap((char *)told, 1);
	unmap(p, PAGES);
	return PAGES;
}

static size_t cow_reuse(void)
{
	char *p = map(PAGES);
	pid_t child;

	write_all(p, PAGES, PAGE);
	child = fork_or_die();
	if (!child)
		_exit(0);
	wait_child(child);
	meter_start();
	write_all(p, PAGES, PAGE);
	meter_stop();
	unmap(p, PAGES);
	return PAGES;
}

static size_t fork_exit_wait(size_t mib)
{
	size_t pages = mib * MIB / PAGE, times = 4;
	char *p = map(pages);

	write_all(p, pages, PAGE);
	meter_start();
	for (size_t i = 0; i < times; i++) {
		pid_t child = fork_or_die();

		if (!child)
			_exit(0);
		wait_child(child);
	}
	meter_stop();
	unmap(p, pages);
	return times;
}

static size_t fork_1(void)
{
	return fork_exit_wait(1);
}

static size_t fork_16(void)
{
	return fork_exit_wait(16);
}

static size_t fork_64(void)
{
	return fork_exit_wait(64);
}

static size_t fork_1024(void)
{
	return fork_exit_wait(1024);
}

static size_t vfork_exec(void)
{
	size_t times = 16;

	meter_start();
	for (size_t i = 0; i < times; i++) {
		pid_t child = vfork();

		if (child < 0)
			die("vfork");
		if (!child) {
			execl("/proc/self/exe", "vmbench", "--exit", NULL);
			_exit(127);
		}
		wait_child(child);
	}
	meter_stop();
	return times;
}

const struct bench fork_benches[] = {
	{"fork", "cow-parent", "page", cow_parent, 0},
	{"fork", "cow-child", "page", cow_child, 0},
	{"fork", "cow-reuse", "page", cow_reuse, 0},
	{"fork", "fork-1M", "fork", fork_1, 0},
	{"fork", "fork-16M", "fork", fork_16, 0},
	{"fork", "fork-64M", "fork", fork_64, 0},
	{"exec", "vfork-exec", "exec", vfork_exec, 0},
	{"large", "fork-1024M", "fork", fork_1024, BENCH_NAMED},
	{0},
};
