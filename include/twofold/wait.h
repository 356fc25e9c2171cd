/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sleeping: wait queues, mutexes, reader/writer semaphores. Wait queues may be woken from
 * interrupt handlers (RANK_WAIT, irqsave inside); the rest are for tasks only.
 */
#ifndef TWOFOLD_WAIT_H
#define TWOFOLD_WAIT_H

#include <sys/queue.h>
#include <twofold/lock.h>

struct task;

struct waiter {
	struct task *task;
	bool queued;
	TAILQ_ENTRY(waiter) link;
};

struct wait_queue {
	spinlock_t lock;
	TAILQ_HEAD(, waiter) waiters;
};

void wait_queue_init(struct wait_queue *wq);
/* Puts the current task on the queue and marks it sleeping; then test the condition, then sleep. */
void wait_prepare(struct wait_queue *wq, struct waiter *w, bool interruptible);
/* The same, for a sleep that only a signal that ends the program cuts short. */
void wait_prepare_killable(struct wait_queue *wq, struct waiter *w);
void wait_finish(struct wait_queue *wq, struct waiter *w); /* runnable again, off the queue */
void wake_all(struct wait_queue *wq);
void wake_one(struct wait_queue *wq);
/* Sleeps until woken; returns at once when wait_prepare()'s task was woken in between. */
void schedule(void);
/* The same, but wakes at `deadline` (time_ns(); UINT64_MAX: never) at the latest: false if it
 * passed. */
bool schedule_until(uint64_t deadline);
bool signal_pending(void); /* the current task has a signal to take */
bool fatal_signal_pending(void);

/* Sleeps until cond holds. */
#define wait_event(wq, cond)                                                                       \
	do {                                                                                       \
		struct waiter waiter_;                                                             \
		while (wait_prepare((wq), &waiter_, false), !(cond)) {                             \
			schedule();                                                                \
			wait_finish((wq), &waiter_);                                               \
		}                                                                                  \
		wait_finish((wq), &waiter_);                                                       \
	} while (0)

/* The same, ended by a signal too: 0 or -EINTR. */
#define wait_event_interruptible(wq, cond)                                                         \
	({                                                                                         \
		struct waiter waiter_;                                                             \
		int wait_ret_ = 0;                                                                 \
		while (wait_prepare((wq), &waiter_, true), !(cond)) {                              \
			if (signal_pending()) {                                                    \
				wait_ret_ = -EINTR;                                                \
				break;                                                             \
			}                                                                          \
			schedule();                                                                \
			wait_finish((wq), &waiter_);                                               \
		}                                                                                  \
		wait_finish((wq), &waiter_);                                                       \
		wait_ret_;                                                                         \
	})

/* The same, ended only by a signal that ends the program: 0 or -EINTR. */
#define wait_event_killable(wq, cond)                                                              \
	({                                                                                         \
		struct waiter waiter_;                                                             \
		int wait_ret_ = 0;                                                                 \
		while (wait_prepare_killable((wq), &waiter_), !(cond)) {                           \
			if (fatal_signal_pending()) {                                              \
				wait_ret_ = -EINTR;                                                \
				break;                                                             \
			}                                                                          \
			schedule();                                                                \
			wait_finish((wq), &waiter_);                                               \
		}                                                                                  \
		wait_finish((wq), &waiter_);                                                       \
		wait_ret_;                                                                         \
	})

/* The hashed queue for waiting on an address (page flags, futexes of the kernel's own). */
struct wait_queue *wait_hash(const void *what);

struct mutex {
	struct task *owner;
	struct wait_queue wq;
};

void mutex_init(struct mutex *m);
void mutex_lock(struct mutex *m);
bool mutex_trylock(struct mutex *m);
void mutex_unlock(struct mutex *m);

/* Many readers or one writer. A waiting writer holds back new readers. Not recursive. */
struct rwsem {
	int32_t count; /* readers in, or -1: a writer */
	uint32_t writers_waiting;
	struct wait_queue wq;
};

void rwsem_init(struct rwsem *s);
void rwsem_read_slow(struct rwsem *s);
void rwsem_wake(struct rwsem *s);
void down_write(struct rwsem *s);
void up_write(struct rwsem *s);

static inline void down_read(struct rwsem *s)
{
	int32_t old = __atomic_load_n(&s->count, __ATOMIC_RELAXED);

	if (unlikely(old < 0 || s->writers_waiting ||
		     !__atomic_compare_exchange_n(&s->count, &old, old + 1, false, __ATOMIC_ACQUIRE,
						  __ATOMIC_RELAXED)))
		rwsem_read_slow(s);
}

static inline void up_read(struct rwsem *s)
{
	if (__atomic_sub_fetch(&s->count, 1, __ATOMIC_SEQ_CST) == 0 &&
	    unlikely(__atomic_load_n(&s->writers_waiting, __ATOMIC_SEQ_CST)))
		rwsem_wake(s);
}

#endif
