/* SPDX-License-Identifier: BSD-2-Clause */
/* Time and timers. Nanoseconds since boot from the ARM generic timer's virtual counter. */
#ifndef TWOFOLD_TIME_H
#define TWOFOLD_TIME_H

#include <bsd/sys/tree.h>
#include <sys/queue.h>
#include <twofold/types.h>

#define NSEC_PER_SEC 1000000000ull
#define NSEC_PER_MSEC 1000000ull

void time_init(void);	  /* frequency, timer interrupt by the device tree */
void time_init_cpu(void); /* on each core */
void perf_init(void);	  /* the interrupt of the cores' event counters (kernel/sys_perf.c) */
uint64_t time_ns(void);	  /* monotonic */
/* from the RTC (PL031) where there is one; else since the epoch at boot */
uint64_t time_realtime_ns(void);
void time_set_realtime_ns(uint64_t now);
void udelay(uint64_t us); /* busy */

/* One shot; fires on the core that armed it, in its interrupt handler. Never freed while armed. */
struct timer {
	uint64_t expires; /* time_ns() */
	void (*fn)(struct timer *t);
	unsigned cpu;
	bool armed;
	RB_ENTRY(timer) node;
};
void timer_arm(struct timer *t, uint64_t expires); /* re-arms too */
bool timer_cancel(struct timer *t); /* true: it had not fired; on return fn is not running */
/* The scheduler's own: the end of the current time slice on this core; 0: none. */
void timer_set_slice(uint64_t expires);

/* drivers/timer.c: this core's comparator. */
int clockevent_init(void); /* its interrupt line, or -ENODEV, -EINVAL */
/* interrupts from that counter value on; UINT64_MAX: never */
void clockevent_program(uint64_t counter);

#endif
