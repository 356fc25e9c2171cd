// SPDX-License-Identifier: BSD-2-Clause
/*
 * The clock and the timers. Each core keeps its armed timers in a tree and programs its comparator
 * for the first of them or the end of the time slice: no periodic tick.
 *
 * The slice belongs to its core alone (interrupts masked), for the scheduler sets it with its run
 * queue locked, which ranks above the timers' lock.
 */
#include <sys/queue.h>
#include <twofold/devtree.h>
#include <twofold/irq.h>
#include <twofold/lock.h>
#include <twofold/log.h>
#include <twofold/task.h>
#include <twofold/time.h>

#define NEVER UINT64_MAX

RB_HEAD(timer_tree, timer);

static struct cpu_timers {
	spinlock_t lock; /* RANK_TIMER: tree, next, running, and the timers in the tree */
	struct timer_tree tree;
	uint64_t next;	       /* when the first in the tree expires */
	struct timer *running; /* whose fn is being called */
	uint64_t slice;
	uint64_t programmed; /* the interrupt comes by then; it may come early */
} timers[NR_CPUS];

static uint64_t ns_per_cycle, cycles_per_ns; /* 32 bits of fraction */
static uint64_t realtime_offset;	     /* realtime minus monotonic, ns */
static int timer_line;

/* ---- the clock ---- */

static uint64_t scale(uint64_t value, uint64_t factor)
{
	return (uint64_t)((unsigned __int128)value * factor >> 32);
}

uint64_t time_ns(void)
{
	return scale(cycle_counter(), ns_per_cycle);
}

/* The counter's value at a time to come. The factor's error counts for the distance only, so that
 * it stays below a tick, and days after boot no interrupt comes early again and again. */
static uint64_t counter_at(uint64_t ns)
{
	uint64_t counter = cycle_counter(), now = scale(counter, ns_per_cycle);

	return ns > now ? counter + scale(ns - now, cycles_per_ns) + 1 : counter;
}

uint64_t time_realtime_ns(void)
{
	return READ_ONCE(realtime_offset) + time_ns();
}

void time_set_realtime_ns(uint64_t now)
{
	WRITE_ONCE(realtime_offset, now - time_ns());
}

void udelay(uint64_t us)
{
	uint64_t end = time_ns() + us * 1000;

	while (time_ns() < end)
		cpu_relax();
}

/* ---- timers ---- */

static int timer_compare(const struct timer *a, const struct timer *b)
{
	if (a->expires != b->expires)
		return a->expires < b->expires ? -1 : 1;
	return a < b ? -1 : a > b;
}

RB_GENERATE_INTERNAL(timer_tree, timer, node, timer_compare, static __attribute__((unused)))

/* This core, interrupts masked. */
static void program(struct cpu_timers *ct)
{
	uint64_t deadline = MIN(ct->next, ct->slice);

	ct->programmed = deadline;
	clockevent_program(deadline == NEVER ? NEVER : counter_at(deadline));
}

static void update_next(struct cpu_timers *ct)
{
	struct timer *first = RB_MIN(timer_tree, &ct->tree);

	ct->next = first ? first->expires : NEVER;
}

static void timer_remove(struct cpu_timers *ct, struct timer *t)
{
	RB_REMOVE(timer_tree, &ct->tree, t);
	t->armed = false;
	update_next(ct);
}

/* Locks the queue that the timer is on, or was on last. */
static struct cpu_timers *lock_timer(const struct timer *t, irqflags_t *flags)
{
	for (;;) {
		struct cpu_timers *ct = &timers[READ_ONCE(t->cpu)];

		*flags = spin_lock_irqsave(&ct->lock);
		if (ct == &timers[READ_ONCE(t->cpu)])
			return ct;
		spin_unlock_irqrestore(&ct->lock, *flags);
	}
}

void timer_arm(struct timer *t, uint64_t expires)
{
	struct cpu_timers *here = &timers[cpu_id()];
	irqflags_t flags;
	struct cpu_timers *ct = lock_timer(t, &flags);

	if (t->armed)
		timer_remove(ct, t);
	if (ct != here) {
		t->cpu = cpu_id();
		spin_unlock(&ct->lock);
		spin_lock(&here->lock);
	}
	t->expires = expires;
	t->armed = true;
	RB_INSERT(timer_tree, &here->tree, t);
	here->next = MIN(here->next, expires);
	if (here->next < here->programmed)
		program(here);
	spin_unlock_irqrestore(&here->lock, flags);
}

bool timer_cancel(struct timer *t)
{
	bool cancelled = false, running;

	do {
		irqflags_t flags;
		struct cpu_timers *ct = lock_timer(t, &flags);

		if (t->armed) {
			timer_remove(ct, t);
			cancelled = true;
		}
		/* On this very core: its own fn cancels it. */
		running = ct->running == t && ct != &timers[cpu_id()];
		spin_unlock_irqrestore(&ct->lock, flags);
		if (running)
			cpu_relax();
	} while (running);
	return cancelled;
}

void timer_set_slice(uint64_t expires)
{
	irqflags_t flags = irq_save();
	struct cpu_timers *ct = &timers[cpu_id()];

	ct->slice = expires ? expires : NEVER;
	if (ct->slice < ct->programmed)
		program(ct);
	irq_restore(flags);
}

static void run_expired(struct cpu_timers *ct)
{
	spin_lock(&ct->lock);
	while (ct->next <= time_ns()) {
		struct timer *t = RB_MIN(timer_tree, &ct->tree);

		timer_remove(ct, t);
		ct->running = t;
		spin_unlock(&ct->lock);
		t->fn(t);
		spin_lock(&ct->lock);
		ct->running = NULL;
	}
	spin_unlock(&ct->lock);
}

static void timer_interrupt(void *unused)
{
	struct cpu_timers *ct = &timers[cpu_id()];

	(void)unused;
	run_expired(ct);
	if (ct->slice <= time_ns()) {
		ct->slice = NEVER;
		sched_tick();
	}
	program(ct); /* also what ends the level-triggered interrupt */
}

/* ---- boot ---- */

void time_init_cpu(void)
{
	irqflags_t flags = irq_save();

	program(&timers[cpu_id()]);
	irq_enable_local(timer_line);
	irq_restore(flags);
}

void time_init(void)
{
	uint64_t hz = cycle_hz();

	timer_line = clockevent_init();
	if (!hz || timer_line < 0)
		panic("time: no usable timer: frequency %lu Hz, interrupt %d", (unsigned long)hz,
		      timer_line);
	for (unsigned i = 0; i < NR_CPUS; i++) {
		spin_lock_init(&timers[i].lock, RANK_TIMER);
		timers[i].next = timers[i].slice = timers[i].programmed = NEVER;
	}
	cycles_per_ns = (hz << 32) / NSEC_PER_SEC; /* hz is of 32 bits */
	ns_per_cycle = (NSEC_PER_SEC << 32) / hz;
	if (irq_request(timer_line, timer_interrupt, NULL, "arch_timer"))
		panic("time: interrupt %d is taken", timer_line);
	time_init_cpu();
	pr_info("time: virtual counter at %lu kHz", (unsigned long)(hz / 1000));
}
