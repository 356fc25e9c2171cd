// SPDX-License-Identifier: BSD-2-Clause
/* What is counted, and by what. */
#include "vmbench.h"
#include <linux/perf_event.h>

struct meter meter = {.perf = -1};

uint64_t clock_ns(void)
{
	uint64_t ticks;

	__asm__ volatile("isb\n\tmrs %0, cntvct_el0" : "=r"(ticks)::"memory");
	return ticks * meter.ns_per_tick;
}

static uint64_t meter_read(void)
{
	uint64_t count;

	if (meter.perf < 0)
		return clock_ns();
	if (read(meter.perf, &count, sizeof(count)) != sizeof(count)) {
		perror("vmbench: instruction counter");
		exit(1);
	}
	return count;
}

/* What is measured lies between these two: a profiler finds it by their names. */
__attribute__((noinline)) void meter_start(void)
{
	meter.begun = meter_read();
}

__attribute__((noinline)) void meter_stop(void)
{
	meter.total += meter_read() - meter.begun;
}

bool meter_by_instructions(void)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_HARDWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_HW_INSTRUCTIONS,
	};

	meter.perf = (int)syscall(SYS_perf_event_open, &attr, -1, 0, -1, 0ul);
	return meter.perf >= 0;
}

void meter_by_clock(void)
{
	if (meter.perf >= 0)
		close(meter.perf);
	meter.perf = -1;
}
