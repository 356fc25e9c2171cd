// SPDX-License-Identifier: BSD-2-Clause
/* perf_event_open(2): counts what a core retires, in 64 bits, and refuses what it does not do. */
#include <errno.h>
#include <linux/perf_event.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LOOPS 100000ul /* of two instructions */
#define SLACK 40000ul  /* what two system calls and an interrupt may take */

static int failures;

static void check(bool ok, const char *what)
{
	if (ok)
		return;
	printf("perftest: FAILED: %s (%s)\n", what, strerror(errno));
	failures++;
}

static int open_event(struct perf_event_attr *attr, int pid, int cpu)
{
	return (int)syscall(SYS_perf_event_open, attr, pid, cpu, -1, 0ul);
}

static struct perf_event_attr instructions(void)
{
	return (struct perf_event_attr){.type = PERF_TYPE_HARDWARE,
					.size = sizeof(struct perf_event_attr),
					.config = PERF_COUNT_HW_INSTRUCTIONS};
}

static void work(void)
{
	uint64_t n = LOOPS;

	__asm__ volatile("1: subs %0, %0, #1\n\tb.ne 1b" : "+r"(n)::"cc");
}

static uint64_t count(int fd)
{
	uint64_t n = 0;

	check(read(fd, &n, sizeof(n)) == sizeof(n), "read");
	return n;
}

static bool is_work(uint64_t n)
{
	return n >= 2 * LOOPS && n < 2 * LOOPS + SLACK;
}

static void test_counting(void)
{
	struct perf_event_attr attr = instructions();
	int fd = open_event(&attr, -1, 0);
	uint64_t before, stopped;

	check(fd >= 0, "instructions of core 0");
	before = count(fd);
	work();
	check(is_work(count(fd) - before), "the work is counted, and little else");
	check(!ioctl(fd, PERF_EVENT_IOC_DISABLE, 0), "disable");
	stopped = count(fd);
	work();
	check(count(fd) == stopped, "disabled, it stands");
	check(!ioctl(fd, PERF_EVENT_IOC_RESET, 0) && count(fd) == 0, "reset");
	check(!ioctl(fd, PERF_EVENT_IOC_ENABLE, 0), "enable");
	work();
	check(is_work(count(fd)), "enabled, it goes on from where it was");
	check(read(fd, &before, 4) == -1 && errno == ENOSPC, "a short buffer is ENOSPC");
	close(fd);
}

/* The counter is moved to just below its end, twice: it wraps twice before anybody reads. */
static void test_wrap(void)
{
	struct perf_event_attr attr = instructions();
	int fd = open_event(&attr, -1, 0);

	check(fd >= 0, "one more event");
	for (int i = 0; i < 2; i++) {
		__asm__ volatile("msr pmevcntr0_el0, %0\n\tisb" ::"r"(0xfffff000ul));
		work();
	}
	check(count(fd) >= 1ull << 32, "wraps are seen");
	close(fd);
}

static void refused(struct perf_event_attr attr, int pid, int cpu, int error, const char *what)
{
	errno = 0;
	check(open_event(&attr, pid, cpu) == -1 && errno == error, what);
}

static void test_refusals(void)
{
	struct perf_event_attr attr = instructions();

	refused(attr, -1, 1000, EINVAL, "no such core");
	refused(attr, 0, -1, EOPNOTSUPP, "a single task");
	attr.sample_period = 1000;
	refused(attr, -1, 0, EOPNOTSUPP, "sampling");
	attr = instructions();
	attr.config = PERF_COUNT_HW_CACHE_MISSES;
	refused(attr, -1, 0, ENOENT, "another event");
	attr.size = 8;
	refused(attr, -1, 0, E2BIG, "an attribute too short");
	errno = 0;
	check(open_event(NULL, -1, 0) == -1 && errno == EFAULT, "no attribute");
}

int main(void)
{
	test_counting();
	test_wrap();
	test_refusals();
	if (!failures)
		puts("perftest: all passed");
	return failures != 0;
}
