// SPDX-License-Identifier: BSD-2-Clause
/*
 * The scheduler: a queue for each core, ordered by weighted run time. Time slices are armed only
 * while somebody waits. The kernel is not preemptible: a task leaves its core where it sleeps, or
 * on its way to EL0 when need_resched was set.
 *
 * A task that is not asleep is in exactly one place: running (rq->curr), on the queue of its
 * core (t->queued), or in the hands of one core that moves it. Its state and place change under the
 * lock of t->cpu's queue. While t->on_cpu it still stands on its stack, and no other core takes it.
 */
#include <twofold/irq.h>
#include <twofold/log.h>
#include <twofold/string.h>
#include <twofold/task.h>

#include "sched.h"

#define SLEEPER_BONUS (5 * NSEC_PER_MSEC) /* how far behind the others a sleeper may wake */
#define WAKE_MARGIN NSEC_PER_MSEC	  /* how far behind it must be to take the core at once */
#define NICE_0_WEIGHT 1024

struct runqueue {
	spinlock_t lock;
	struct task *curr;
	TAILQ_HEAD(task_queue, task) tasks; /* runnable, not running, least vruntime first */
	unsigned nr;
	bool online, slice_armed;
	uint64_t min_vruntime, switches;
} __aligned(64);

static struct runqueue runqueues[NR_CPUS];
static struct task idle_tasks[NR_CPUS];
static uint64_t idle_cpus; /* bit per core that idles and that nobody has claimed; atomic */
static uint32_t weights[40];

static struct runqueue *this_rq(void)
{
	return &runqueues[cpu_id()];
}

static bool is_idle(const struct task *t)
{
	return t >= idle_tasks && t < idle_tasks + NR_CPUS;
}

static bool before(uint64_t a, uint64_t b)
{
	return (int64_t)(a - b) < 0;
}

/* Locks the queue of the core that the task belongs to. Interrupts masked. */
static struct runqueue *lock_task_rq(struct task *t)
{
	for (;;) {
		struct runqueue *rq = &runqueues[READ_ONCE(t->cpu)];

		spin_lock(&rq->lock);
		if (likely(rq == &runqueues[t->cpu]))
			return rq;
		spin_unlock(&rq->lock);
	}
}

static void enqueue(struct runqueue *rq, struct task *t)
{
	struct task *after = TAILQ_LAST(&rq->tasks, task_queue);

	while (after && before(t->vruntime, after->vruntime))
		after = TAILQ_PREV(after, task_queue, run_link);
	if (after)
		TAILQ_INSERT_AFTER(&rq->tasks, after, t, run_link);
	else
		TAILQ_INSERT_HEAD(&rq->tasks, t, run_link);
	t->queued = true;
	rq->nr++;
}

static void dequeue(struct runqueue *rq, struct task *t)
{
	TAILQ_REMOVE(&rq->tasks, t, run_link);
	t->queued = false;
	rq->nr--;
}

/* Has the core look at its queue on its way to EL0. rq->lock held; afterwards kick it. */
static void resched(struct runqueue *rq)
{
	cpus[rq - runqueues].need_resched = true;
	rq->curr->work = true;
}

void sched_kick(uint64_t cores)
{
	for (; cores; cores &= cores - 1)
		irq_send((unsigned)__builtin_ctzll(cores), IPI_RESCHEDULE);
}

/* The other core that is to be told of what resched() did, for sched_kick(). */
static uint64_t core_to_kick(const struct runqueue *rq)
{
	return rq == this_rq() ? 0 : BIT(rq - runqueues);
}

/* A core for a task that wakes: its last one if that idles, else any idle one, else its last one.
 */
static unsigned place(struct task *t)
{
	uint64_t idle = __atomic_load_n(&idle_cpus, __ATOMIC_RELAXED) & t->affinity;

	if (idle & BIT(t->cpu))
		idle = BIT(t->cpu);
	while (idle) {
		unsigned cpu = (unsigned)__builtin_ctzll(idle);

		if (__atomic_fetch_and(&idle_cpus, ~BIT(cpu), __ATOMIC_RELAXED) & BIT(cpu))
			return cpu;
		idle &= ~BIT(cpu);
	}
	if (t->affinity & BIT(t->cpu))
		return t->cpu;
	for (unsigned cpu = 0; cpu < NR_CPUS; cpu++)
		if ((t->affinity & BIT(cpu)) && runqueues[cpu].online)
			return cpu;
	return t->cpu;
}

/* A task changes cores: it stays as far behind or ahead of the others as it was. */
static void set_cpu(struct task *t, unsigned cpu)
{
	t->vruntime += runqueues[cpu].min_vruntime - runqueues[t->cpu].min_vruntime;
	WRITE_ONCE(t->cpu, cpu);
}

static uint64_t weighted(const struct task *t, uint64_t ns)
{
	return likely(!t->nice) ? ns : ns * NICE_0_WEIGHT / weights[t->nice + 20];
}

/* Whether a task that just became runnable should run before the one that does. */
static bool should_preempt(const struct runqueue *rq, const struct task *t, uint64_t now)
{
	const struct task *curr = rq->curr;

	return is_idle(curr) || before(t->vruntime + WAKE_MARGIN,
				       curr->vruntime + weighted(curr, now - curr->run_start));
}

/* Puts a runnable task that is nowhere on a queue. rq: of its core, locked; unlocked on return.
 * Returns whom to kick. */
static uint64_t activate(struct runqueue *rq, struct task *t)
{
	uint64_t now = time_ns(), floor;
	bool arm = false, preempt;

	if (!__atomic_load_n(&t->on_cpu, __ATOMIC_ACQUIRE)) {
		unsigned cpu = place(t);

		if (cpu != t->cpu) {
			set_cpu(t, cpu);
			spin_unlock(&rq->lock);
			rq = &runqueues[cpu];
			spin_lock(&rq->lock);
		}
	}
	floor = rq->min_vruntime - SLEEPER_BONUS;
	if (before(t->vruntime, floor))
		t->vruntime = floor;
	enqueue(rq, t);
	preempt = should_preempt(rq, t, now) || (rq != this_rq() && !rq->slice_armed);
	if (preempt)
		resched(rq);
	else if (!rq->slice_armed)
		arm = rq->slice_armed = true;
	spin_unlock(&rq->lock);
	if (arm)
		timer_set_slice(now + SCHED_SLICE);
	return preempt ? core_to_kick(rq) : 0;
}

uint64_t sched_wake_quietly(struct task *t)
{
	uint64_t cores = 0;
	irqflags_t flags;
	struct runqueue *rq;

	smp_mb(); /* what it waits for is true, before we see whether it sleeps */
	if (t->state == TASK_RUNNABLE)
		return 0;
	flags = irq_save();
	rq = lock_task_rq(t);
	if (t->state == TASK_RUNNABLE || t->state == TASK_DEAD) {
		spin_unlock(&rq->lock);
	} else if (rq->curr == t) {
		t->state = TASK_RUNNABLE; /* it has not gone to sleep yet */
		spin_unlock(&rq->lock);
	} else {
		t->state = TASK_RUNNABLE;
		cores = activate(rq, t);
	}
	irq_restore(flags);
	return cores;
}

void sched_wake(struct task *t)
{
	sched_kick(sched_wake_quietly(t));
}

static void account(struct task *t, uint64_t now)
{
	uint64_t ran = now - t->run_start;

	t->run_start = now;
	t->utime += ran;
	t->vruntime += weighted(t, ran);
}

/* Whom to run next. rq->lock held. */
static struct task *choose(struct runqueue *rq, struct task *prev, struct task *idle)
{
	bool stays = prev->state == TASK_RUNNABLE && prev != idle;
	struct task *next;

	if (unlikely(stays && !(prev->affinity & BIT(prev->cpu)))) {
		prev->migrating = true;
		stays = false;
	}
	if (stays) {
		next = TAILQ_FIRST(&rq->tasks);
		if (!next || !before(next->vruntime, prev->vruntime))
			return prev;
		enqueue(rq, prev);
	}
	next = TAILQ_FIRST(&rq->tasks);
	if (!next)
		return idle;
	dequeue(rq, next);
	if (before(rq->min_vruntime, next->vruntime))
		rq->min_vruntime = next->vruntime;
	return next;
}

static void mark_idle(unsigned cpu, bool idle)
{
	if (idle)
		__atomic_fetch_or(&idle_cpus, BIT(cpu), __ATOMIC_RELAXED);
	else if (READ_ONCE(idle_cpus) & BIT(cpu))
		__atomic_fetch_and(&idle_cpus, ~BIT(cpu), __ATOMIC_RELAXED);
}

void schedule(void)
{
	irqflags_t flags = irq_save();
	struct cpu *cpu = this_cpu();
	struct runqueue *rq = &runqueues[cpu->id];
	struct task *prev = current, *idle = cpu->idle, *next;
	uint64_t now = time_ns();
	bool arm = false;

	spin_lock(&rq->lock);
	account(prev, now);
	cpu->need_resched = false;
	next = choose(rq, prev, idle);
	if (rq->nr && !rq->slice_armed)
		arm = rq->slice_armed = true;
	next->slice_end = now + SCHED_SLICE;
	if (next != prev) {
		next->run_start = now;
		next->on_cpu = true;
		rq->curr = next;
		rq->switches++;
	}
	spin_unlock(&rq->lock);
	if (arm)
		timer_set_slice(now + SCHED_SLICE);
	if (next != prev) {
		if (prev == idle || next == idle)
			mark_idle(cpu->id, next == idle);
		sched_switch_done(arch_switch(prev, next));
	}
	irq_restore(flags);
}

void sched_switch_done(struct task *prev)
{
	bool dead = prev->state == TASK_DEAD, migrating = prev->migrating;

	prev->migrating = false;
	__atomic_store_n(&prev->on_cpu, false, __ATOMIC_RELEASE);
	if (unlikely(dead))
		task_put(prev);
	else if (unlikely(migrating))
		sched_kick(activate(lock_task_rq(prev), prev));
}

void kthread_start(struct task *prev)
{
	sched_switch_done(prev);
	irq_enable();
	current->kthread_fn(current->kthread_arg);
	task_exit();
}

void sched_yield(void)
{
	irqflags_t flags = irq_save();
	struct runqueue *rq = this_rq();
	struct task *last;

	spin_lock(&rq->lock);
	account(current, time_ns());
	last = TAILQ_LAST(&rq->tasks, task_queue);
	if (last && !before(last->vruntime, current->vruntime))
		current->vruntime = last->vruntime + 1;
	spin_unlock(&rq->lock);
	irq_restore(flags);
	schedule();
}

void sched_tick(void)
{
	struct runqueue *rq = this_rq();
	uint64_t now = time_ns(), idle, next = 0;
	irqflags_t flags = spin_lock_irqsave(&rq->lock);

	rq->slice_armed = false;
	if (rq->nr) {
		if (now >= rq->curr->slice_end) {
			resched(rq);
		} else {
			rq->slice_armed = true;
			next = rq->curr->slice_end;
		}
	}
	idle = rq->nr ? READ_ONCE(idle_cpus) : 0;
	spin_unlock_irqrestore(&rq->lock, flags);
	if (next)
		timer_set_slice(next);
	if (idle) /* one that went idle while what we queued could not be moved */
		irq_send((unsigned)__builtin_ctzll(idle), IPI_RESCHEDULE);
}

/* Takes a task that waits on another core to this one, which idles. Interrupts masked. */
static bool steal(void)
{
	unsigned me = cpu_id();

	for (unsigned i = 1; i < nr_cpus; i++) {
		struct runqueue *rq = &runqueues[(me + i) % nr_cpus];
		struct task *t;

		if (!READ_ONCE(rq->nr))
			continue;
		spin_lock(&rq->lock);
		TAILQ_FOREACH(t, &rq->tasks, run_link)
		if ((t->affinity & BIT(me)) && !__atomic_load_n(&t->on_cpu, __ATOMIC_ACQUIRE))
			break;
		if (t) {
			dequeue(rq, t);
			set_cpu(t, me);
		}
		spin_unlock(&rq->lock);
		if (t) {
			spin_lock(&runqueues[me].lock);
			enqueue(&runqueues[me], t);
			spin_unlock(&runqueues[me].lock);
			return true;
		}
	}
	return false;
}

/* Interrupts are masked from the last look at need_resched until WFI, which ends on a pending one.
 */
void sched_idle(void)
{
	struct runqueue *rq = this_rq();
	struct cpu *cpu = this_cpu();

	for (;;) {
		irq_disable();
		mark_idle(cpu->id, true);
		if (!READ_ONCE(cpu->need_resched) && !READ_ONCE(rq->nr) && !steal())
			cpu_wait_irq();
		irq_enable();
		if (READ_ONCE(cpu->need_resched) || READ_ONCE(rq->nr))
			schedule();
	}
}

int sched_set_affinity(struct task *t, uint64_t mask)
{
	struct runqueue *rq;
	irqflags_t flags;
	uint64_t online = 0, cores = 0;

	for (unsigned cpu = 0; cpu < NR_CPUS; cpu++)
		online |= runqueues[cpu].online ? BIT(cpu) : 0;
	if (!(mask & online))
		return -EINVAL;
	flags = irq_save();
	rq = lock_task_rq(t);
	t->affinity = mask & online;
	if ((t->affinity & BIT(t->cpu)) || !(t->queued || rq->curr == t)) {
		spin_unlock(&rq->lock);
	} else if (rq->curr == t) {
		resched(rq);
		cores = core_to_kick(rq);
		spin_unlock(&rq->lock);
	} else {
		dequeue(rq, t);
		cores = activate(rq, t);
	}
	irq_restore(flags);
	sched_kick(cores);
	if (t == current)
		cond_resched();
	return 0;
}

void sched_set_nice(struct task *t, int nice)
{
	t->nice = nice < -20 ? -20 : nice > 19 ? 19 : nice;
}

/* A task about to be woken for the first time: as far along as others on the caller's core. */
void sched_init_task(struct task *t, unsigned cpu)
{
	t->state = TASK_SLEEPING;
	t->cpu = cpu;
	t->vruntime = runqueues[cpu].min_vruntime;
}

void sched_init_cpu(void)
{
	struct cpu *cpu = this_cpu();
	struct runqueue *rq = &runqueues[cpu->id];
	struct task *idle = &idle_tasks[cpu->id];

	spin_lock_init(&rq->lock, RANK_RUNQUEUE);
	TAILQ_INIT(&rq->tasks);
	idle->stack = cpu->boot_stack; /* the vectors look for its guard page */
	idle->state = TASK_RUNNABLE;
	idle->on_cpu = true;
	idle->cpu = cpu->id;
	idle->refs = 1;
	idle->affinity = BIT(cpu->id);
	snprintf(idle->comm, sizeof(idle->comm), "idle/%u", cpu->id);
	cpu->idle = idle;
	current = idle;
	rq->curr = idle;
	rq->online = true;
}

void sched_init(void)
{
	uint32_t weight = NICE_0_WEIGHT;

	/* Each step of nice is a quarter more or less, as in Linux. */
	for (int i = 20; i >= 0; i--, weight = weight * 5 / 4)
		weights[i] = weight;
	weight = NICE_0_WEIGHT;
	for (int i = 20; i < 40; i++, weight = weight * 4 / 5)
		weights[i] = weight;
	wait_hash(NULL); /* its queues are made while there is one core */
	task_init();
	sched_init_cpu();
}

unsigned sched_nr_running(void)
{
	unsigned nr = 0;

	for (unsigned cpu = 0; cpu < NR_CPUS; cpu++)
		if (runqueues[cpu].online)
			nr += runqueues[cpu].nr + !is_idle(runqueues[cpu].curr);
	return nr;
}

uint64_t sched_nr_switches(void)
{
	uint64_t switches = 0;

	for (unsigned cpu = 0; cpu < NR_CPUS; cpu++)
		switches += runqueues[cpu].switches;
	return switches;
}
