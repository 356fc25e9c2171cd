// SPDX-License-Identifier: BSD-2-Clause
/* Tasks, sleeping and locks, on every core at once. */
#include <twofold/errno.h>
#include <twofold/selftest.h>
#include <twofold/string.h>
#include <twofold/task.h>

#define ROUNDS 200

/* What a case shares with its threads: it waits on `done` until all have ended. */
struct crew {
	struct wait_queue done;
	unsigned running;
	struct mutex mutex;
	struct rwsem sem;
	unsigned counter, inside, most, violations, seen;
	bool stop;
};

static void crew_init(struct crew *c)
{
	memset(c, 0, sizeof(*c));
	wait_queue_init(&c->done);
	mutex_init(&c->mutex);
	rwsem_init(&c->sem);
}

static void leave(struct crew *c)
{
	if (__atomic_sub_fetch(&c->running, 1, __ATOMIC_ACQ_REL) == 0)
		wake_all(&c->done);
}

static bool start(struct crew *c, unsigned n, bool spread, void (*fn)(void *))
{
	__atomic_fetch_add(&c->running, n, __ATOMIC_RELAXED);
	for (unsigned i = 0; i < n; i++) {
		struct task *t = spread ? kthread_create_on(i % nr_cpus, "test", fn, c)
					: kthread_create("test", fn, c);

		if (!IS_ERR(t))
			continue;
		__atomic_fetch_sub(&c->running, n - i, __ATOMIC_RELAXED);
		return false;
	}
	return true;
}

static void finish(struct crew *c)
{
	irqflags_t flags;

	wait_event(&c->done, !__atomic_load_n(&c->running, __ATOMIC_ACQUIRE));
	/* The last one may still stand in wake_all(): it holds the queue's lock then. */
	flags = spin_lock_irqsave(&c->done.lock);
	spin_unlock_irqrestore(&c->done.lock, flags);
}

static void note_cpu(void *arg)
{
	struct crew *c = arg;

	__atomic_fetch_or(&c->seen, 1u << cpu_id(), __ATOMIC_RELAXED);
	sched_sleep_ns(NSEC_PER_MSEC);
	__atomic_fetch_or(&c->seen, 1u << cpu_id(), __ATOMIC_RELAXED);
	leave(c);
}

SELFTEST(sched, a_thread_made_on_a_core_stays_there)
{
	struct crew c;

	for (unsigned cpu = 0; cpu < nr_cpus; cpu++) {
		crew_init(&c);
		c.running = 1;
		REQUIRE(!IS_ERR(kthread_create_on(cpu, "test", note_cpu, &c)));
		finish(&c);
		EXPECT(c.seen == 1u << cpu);
	}
}

SELFTEST(sched, every_core_runs_threads)
{
	struct crew c;

	crew_init(&c);
	REQUIRE(start(&c, nr_cpus, true, note_cpu));
	finish(&c);
	EXPECT(c.seen == (1u << nr_cpus) - 1);
}

/* Stays on its core until all have come: possible only where each has a core of its own. */
static void meet(void *arg)
{
	struct crew *c = arg;
	uint64_t end = time_ns() + 5 * NSEC_PER_SEC;

	__atomic_fetch_add(&c->inside, 1, __ATOMIC_RELAXED);
	while (READ_ONCE(c->inside) < nr_cpus && time_ns() < end)
		cpu_relax();
	if (READ_ONCE(c->inside) < nr_cpus)
		c->violations++;
	leave(c);
}

SELFTEST(sched, threads_spread_over_idle_cores)
{
	struct crew c;

	crew_init(&c);
	REQUIRE(start(&c, nr_cpus, false, meet));
	finish(&c);
	EXPECT(c.violations == 0);
}

static void exclude(void *arg)
{
	struct crew *c = arg;

	for (int i = 0; i < ROUNDS; i++) {
		mutex_lock(&c->mutex);
		if (c->inside++)
			c->violations++;
		c->counter++;
		if (i % 8 == 0)
			sched_yield();
		c->inside--;
		mutex_unlock(&c->mutex);
	}
	leave(c);
}

SELFTEST(sched, a_mutex_admits_one)
{
	struct crew c;

	crew_init(&c);
	REQUIRE(start(&c, 2 * nr_cpus, true, exclude));
	finish(&c);
	EXPECT(c.violations == 0);
	EXPECT(c.counter == 2 * nr_cpus * ROUNDS);
	EXPECT(mutex_trylock(&c.mutex));
	EXPECT(!mutex_trylock(&c.mutex));
	mutex_unlock(&c.mutex);
}

static void read_side(void *arg)
{
	struct crew *c = arg;

	for (int i = 0; i < ROUNDS; i++) {
		down_read(&c->sem);
		if (READ_ONCE(c->inside))
			__atomic_fetch_add(&c->violations, 1, __ATOMIC_RELAXED);
		if (i % 8 == 0)
			sched_yield();
		up_read(&c->sem);
	}
	leave(c);
}

static void write_side(void *arg)
{
	struct crew *c = arg;

	for (int i = 0; i < ROUNDS; i++) {
		down_write(&c->sem);
		if (c->inside++)
			c->violations++;
		c->counter++;
		if (i % 8 == 0)
			sched_yield();
		c->inside--;
		up_write(&c->sem);
	}
	leave(c);
}

SELFTEST(sched, a_writer_excludes_readers_and_writers)
{
	struct crew c;

	crew_init(&c);
	REQUIRE(start(&c, nr_cpus, true, read_side));
	REQUIRE(start(&c, 2, true, write_side));
	finish(&c);
	EXPECT(c.violations == 0);
	EXPECT(c.counter == 2 * ROUNDS);
}

static void share(void *arg)
{
	struct crew *c = arg;

	down_read(&c->sem);
	__atomic_fetch_add(&c->inside, 1, __ATOMIC_RELAXED);
	wait_event(&c->done, READ_ONCE(c->stop));
	up_read(&c->sem);
	leave(c);
}

SELFTEST(sched, readers_share)
{
	struct crew c;

	crew_init(&c);
	REQUIRE(start(&c, 3, false, share));
	while (READ_ONCE(c.inside) < 3)
		sched_sleep_ns(NSEC_PER_MSEC);
	c.stop = true;
	wake_all(&c.done);
	finish(&c);
	EXPECT(c.sem.count == 0);
}

/* Wakes and sleeps in turn; a wake-up lost leaves both asleep, and the case does not end. */
static void ping(void *arg)
{
	struct crew *c = arg;
	unsigned me = __atomic_fetch_add(&c->seen, 1, __ATOMIC_RELAXED);

	for (unsigned i = 0; i < ROUNDS; i++) {
		wait_event(&c->mutex.wq, READ_ONCE(c->counter) % 2 == me);
		__atomic_fetch_add(&c->counter, 1, __ATOMIC_RELEASE);
		wake_all(&c->mutex.wq);
	}
	leave(c);
}

SELFTEST(sched, no_wake_up_is_lost)
{
	struct crew c;

	crew_init(&c);
	REQUIRE(start(&c, 2, true, ping));
	finish(&c);
	EXPECT(c.counter == 2 * ROUNDS);
}

SELFTEST(sched, a_sleep_lasts_at_least_its_time)
{
	for (uint64_t ns = 1000; ns <= 4 * NSEC_PER_MSEC; ns *= 4) {
		uint64_t began = time_ns();

		sched_sleep_ns(ns);
		EXPECT(time_ns() - began >= ns);
	}
}

SELFTEST(sched, a_deadline_ends_a_sleep)
{
	uint64_t deadline = time_ns() + NSEC_PER_MSEC;
	struct wait_queue wq;
	struct waiter w;

	wait_queue_init(&wq);
	wait_prepare(&wq, &w, false);
	EXPECT(!schedule_until(deadline));
	wait_finish(&wq, &w);
	EXPECT(time_ns() >= deadline);
}

struct shot {
	struct timer timer;
	uint64_t when;
	unsigned fired;
};

static void shot_fired(struct timer *t)
{
	struct shot *s = container_of(t, struct shot, timer);

	s->when = time_ns();
	__atomic_fetch_add(&s->fired, 1, __ATOMIC_RELEASE);
}

SELFTEST(sched, a_timer_fires_once_or_is_cancelled)
{
	struct shot first = {.timer.fn = shot_fired}, second = {.timer.fn = shot_fired};

	timer_arm(&first.timer, time_ns() + NSEC_PER_MSEC);
	timer_arm(&second.timer, time_ns() + 3600 * NSEC_PER_SEC);
	sched_sleep_ns(3 * NSEC_PER_MSEC);
	EXPECT(READ_ONCE(first.fired) == 1);
	EXPECT(!timer_cancel(&first.timer));
	EXPECT(timer_cancel(&second.timer));
	EXPECT(second.fired == 0);
}

SELFTEST(sched, a_re_armed_timer_fires_at_its_new_time_only)
{
	struct shot s = {.timer.fn = shot_fired};
	uint64_t late = time_ns() + 20 * NSEC_PER_MSEC;

	timer_arm(&s.timer, late - 10 * NSEC_PER_MSEC);
	timer_arm(&s.timer, late);
	while (!__atomic_load_n(&s.fired, __ATOMIC_ACQUIRE))
		sched_sleep_ns(NSEC_PER_MSEC);
	EXPECT(s.when >= late);
	sched_sleep_ns(5 * NSEC_PER_MSEC);
	EXPECT(READ_ONCE(s.fired) == 1);
}

SELFTEST(sched, affinity_moves_a_running_thread)
{
	uint64_t all = current->affinity;

	for (unsigned cpu = 0; cpu < nr_cpus; cpu++) {
		EXPECT(sched_set_affinity(current, BIT(cpu)) == 0);
		EXPECT(cpu_id() == cpu);
	}
	EXPECT(sched_set_affinity(current, BIT(63)) == -EINVAL);
	EXPECT(sched_set_affinity(current, all) == 0);
}
