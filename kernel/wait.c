// SPDX-License-Identifier: BSD-2-Clause
/*
 * Sleeping. A sleeper goes on the queue and marks itself asleep, then looks at its condition, then
 * calls schedule(); a waker makes the condition true, then empties the queue. Whichever comes
 * second sees the other: no wake-up is lost. A waker takes the sleeper off the queue; the sleeper
 * takes the queue's lock once more before it leaves, so that its waker is done with it.
 */
#include <twofold/errno.h>
#include <twofold/log.h>
#include <twofold/task.h>
#include <twofold/wait.h>

#define WAIT_HASH_BITS 6

void wait_queue_init(struct wait_queue *wq)
{
	spin_lock_init(&wq->lock, RANK_WAIT);
	TAILQ_INIT(&wq->waiters);
}

static void prepare(struct wait_queue *wq, struct waiter *w, enum task_state state)
{
	irqflags_t flags = spin_lock_irqsave(&wq->lock);

	w->task = current;
	w->queued = true;
	TAILQ_INSERT_TAIL(&wq->waiters, w, link);
	w->task->state = state;
	spin_unlock_irqrestore(&wq->lock, flags);
	smp_mb(); /* asleep, before the condition (or a pending signal) is looked at */
}

void wait_prepare(struct wait_queue *wq, struct waiter *w, bool interruptible)
{
	prepare(wq, w, interruptible ? TASK_INTERRUPTIBLE : TASK_SLEEPING);
}

void wait_prepare_killable(struct wait_queue *wq, struct waiter *w)
{
	prepare(wq, w, TASK_KILLABLE);
}

void wait_finish(struct wait_queue *wq, struct waiter *w)
{
	irqflags_t flags = spin_lock_irqsave(&wq->lock);

	w->task->state = TASK_RUNNABLE;
	if (w->queued)
		TAILQ_REMOVE(&wq->waiters, w, link);
	spin_unlock_irqrestore(&wq->lock, flags);
}

/* Wakes the first waiter; returns cores to kick. wq->lock held. */
static uint64_t wake_first(struct wait_queue *wq)
{
	struct waiter *w = TAILQ_FIRST(&wq->waiters);

	TAILQ_REMOVE(&wq->waiters, w, link);
	w->queued = false;
	return sched_wake_quietly(w->task);
}

void wake_all(struct wait_queue *wq)
{
	irqflags_t flags = spin_lock_irqsave(&wq->lock);
	uint64_t cores = 0;

	while (!TAILQ_EMPTY(&wq->waiters))
		cores |= wake_first(wq);
	spin_unlock_irqrestore(&wq->lock, flags);
	sched_kick(cores);
}

void wake_one(struct wait_queue *wq)
{
	irqflags_t flags = spin_lock_irqsave(&wq->lock);
	uint64_t cores = TAILQ_EMPTY(&wq->waiters) ? 0 : wake_first(wq);

	spin_unlock_irqrestore(&wq->lock, flags);
	sched_kick(cores);
}

struct wait_queue *wait_hash(const void *what)
{
	static struct wait_queue queues[1 << WAIT_HASH_BITS];
	static bool ready; /* set in sched_init(), before there is a second core */

	if (unlikely(!ready)) {
		for (unsigned i = 0; i < ARRAY_SIZE(queues); i++)
			wait_queue_init(&queues[i]);
		ready = true;
	}
	/* Fibonacci hashing: the golden ratio's fraction spreads what differs in low bits. */
	return &queues[(uintptr_t)what * 0x9e3779b97f4a7c15 >> (64 - WAIT_HASH_BITS)];
}

void mutex_init(struct mutex *m)
{
	m->owner = NULL;
	wait_queue_init(&m->wq);
}

bool mutex_trylock(struct mutex *m)
{
	struct task *nobody = NULL;

	return __atomic_compare_exchange_n(&m->owner, &nobody, current, false, __ATOMIC_ACQUIRE,
					   __ATOMIC_RELAXED);
}

void mutex_lock(struct mutex *m)
{
	if (likely(mutex_trylock(m)))
		return;
	CHECK(m->owner != current);
	wait_event(&m->wq, mutex_trylock(m));
}

void mutex_unlock(struct mutex *m)
{
	CHECK(m->owner == current);
	__atomic_store_n(&m->owner, NULL, __ATOMIC_RELEASE);
	smp_mb(); /* pairs with prepare(): free, before we look for sleepers */
	if (unlikely(!TAILQ_EMPTY(&m->wq.waiters)))
		wake_one(&m->wq);
}

void rwsem_init(struct rwsem *s)
{
	s->count = 0;
	s->writers_waiting = 0;
	wait_queue_init(&s->wq);
}

static bool read_trylock(struct rwsem *s)
{
	int32_t old = __atomic_load_n(&s->count, __ATOMIC_RELAXED);

	while (old >= 0 && !READ_ONCE(s->writers_waiting))
		if (__atomic_compare_exchange_n(&s->count, &old, old + 1, false, __ATOMIC_ACQUIRE,
						__ATOMIC_RELAXED))
			return true;
	return false;
}

static bool write_trylock(struct rwsem *s)
{
	int32_t nobody = 0;

	return __atomic_compare_exchange_n(&s->count, &nobody, -1, false, __ATOMIC_ACQUIRE,
					   __ATOMIC_RELAXED);
}

void rwsem_read_slow(struct rwsem *s)
{
	wait_event(&s->wq, read_trylock(s));
}

void rwsem_wake(struct rwsem *s)
{
	wake_all(&s->wq);
}

void down_write(struct rwsem *s)
{
	if (likely(write_trylock(s)))
		return;
	__atomic_fetch_add(&s->writers_waiting, 1, __ATOMIC_SEQ_CST);
	wait_event(&s->wq, write_trylock(s));
	__atomic_fetch_sub(&s->writers_waiting, 1, __ATOMIC_SEQ_CST);
}

void up_write(struct rwsem *s)
{
	__atomic_store_n(&s->count, 0, __ATOMIC_RELEASE);
	smp_mb(); /* pairs with prepare() */
	if (unlikely(!TAILQ_EMPTY(&s->wq.waiters)))
		wake_all(&s->wq);
}
