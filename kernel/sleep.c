// SPDX-License-Identifier: BSD-2-Clause
/* Sleeping for a time, and the load average, which a timer samples. */
#include <twofold/task.h>

#include "sched.h"

#define LOAD_PERIOD (5 * NSEC_PER_SEC)

struct sleeper {
	struct timer timer;
	struct task *task;
};

static void sleeper_expired(struct timer *timer)
{
	sched_wake(container_of(timer, struct sleeper, timer)->task);
}

bool schedule_until(uint64_t deadline)
{
	struct sleeper sleeper = {.timer.fn = sleeper_expired, .task = current};

	if (deadline == UINT64_MAX) {
		schedule();
		return true;
	}
	timer_arm(&sleeper.timer, deadline);
	schedule();
	timer_cancel(&sleeper.timer);
	return time_ns() < deadline;
}

void sched_sleep_ns(uint64_t ns)
{
	uint64_t deadline = time_ns() + ns;

	do
		current->state = TASK_SLEEPING;
	while (schedule_until(deadline));
}

int sched_sleep_interruptible(uint64_t ns, uint64_t *left)
{
	uint64_t now = time_ns(), deadline = now + ns < now ? UINT64_MAX : now + ns;

	*left = 0;
	do {
		current->state = TASK_INTERRUPTIBLE;
		smp_mb(); /* pairs with signal_kick() */
		if (!signal_pending())
			continue;
		current->state = TASK_RUNNABLE;
		now = time_ns();
		*left = deadline > now ? deadline - now : 0;
		return *left ? -EINTR : 0;
	} while (schedule_until(deadline));
	return 0;
}

/* Fixed point, 16 bits of fraction: what is kept over 5 s of 1, 5 and 15 minutes: 2^16 / e^(5/T).
 */
static const uint32_t load_decay[3] = {60296, 64453, 65173};
static uint64_t load[3];
static struct timer load_timer;

static void load_sample(struct timer *timer)
{
	uint64_t running = (uint64_t)sched_nr_running() << 16;

	for (int i = 0; i < 3; i++)
		load[i] = (load[i] * load_decay[i] + running * (65536 - load_decay[i])) >> 16;
	timer_arm(timer, timer->expires + LOAD_PERIOD);
}

void sched_loadavg_start(void)
{
	load_timer.fn = load_sample;
	timer_arm(&load_timer, time_ns() + LOAD_PERIOD);
}

void sched_loadavg(uint64_t out[3])
{
	for (int i = 0; i < 3; i++)
		out[i] = load[i];
}
