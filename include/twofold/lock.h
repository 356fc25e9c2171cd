/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Locks. The enum is the lock order: a core may take a lock only of a higher rank than every lock
 * it holds (checked in DEBUG=1 builds; docs/locking.md says what each protects). The kernel is not
 * preemptible, so a plain spinlock need not disable anything; one that an interrupt handler takes
 * as well is always taken by spin_lock_irqsave.
 */
#ifndef TWOFOLD_LOCK_H
#define TWOFOLD_LOCK_H

#include <arch/cpu.h>
#include <arch/irqflags.h>
#include <twofold/types.h>

enum lock_rank {
	RANK_NONE,
	RANK_TASKS,    /* process tree, sessions, process groups */
	RANK_SIGNAL,   /* a process's signal state */
	RANK_FILES,    /* a file-descriptor table */
	RANK_FS,       /* directories, inodes, mounts */
	RANK_PIPE,     /* a pipe's buffer; a tty's line */
	RANK_FUTEX,    /* futex hash buckets */
	RANK_FAMILIES, /* the list of all object families */
	RANK_RMAP,     /* an object family: its page maps and the areas attached to it */
	RANK_RMAP_2,   /* a second family, while the first is held (private copy of a file page) */
	RANK_PT,       /* one address space's page tables */
	RANK_SWAP,     /* a swap area's slots, the swap cache */
	RANK_LRU,      /* page lists of a zone */
	RANK_LRU_NEW,  /* one core's pages that are not on those yet */
	RANK_VMALLOC,  /* kernel virtual ranges */
	RANK_KPT,      /* the kernel's own page tables */
	RANK_SLABS,    /* the list of caches */
	RANK_SLAB,     /* one cache's partial and full lists */
	RANK_ZONE,     /* buddy free lists of a zone */
	RANK_ASID,     /* ASID generations */
	RANK_BLOCK,    /* a block device's queue (irqsave) */
	RANK_WAIT,     /* wait queues (irqsave) */
	RANK_TIMER,    /* a core's timers (irqsave) */
	RANK_RUNQUEUE, /* a core's run queue (irqsave) */
	RANK_IRQ,      /* interrupt controller (irqsave) */
	RANK_EXPLAIN,  /* the faults told last */
	RANK_LOG,      /* the log ring and the console (irqsave) */
	NR_RANKS,
};

/*
 * One word, taken by whoever finds it free. Not a queue: where a hypervisor or an emulator has
 * fewer cores than we see, a queue waits for whichever of its waiters is not running.
 */
typedef struct spinlock {
	uint32_t held;
	uint32_t rank; /* whom contention is counted for, and the order in debug builds */
} spinlock_t;

#define SPINLOCK_INIT(r)                                                                           \
	{                                                                                          \
		.held = 0, .rank = (r)                                                             \
	}
#ifdef DEBUG
void lock_rank_push(spinlock_t *lock);
void lock_rank_pop(spinlock_t *lock);
#else
#define lock_rank_push(lock) ((void)(lock))
#define lock_rank_pop(lock) ((void)(lock))
#endif

static inline void spin_lock_init(spinlock_t *lock, enum lock_rank rank)
{
	*lock = (spinlock_t)SPINLOCK_INIT(rank);
}

/* Counts a contended acquisition and waits (WFE) until the lock is ours. kernel/lock.c */
void spin_lock_slow(spinlock_t *lock);

/* What locks of one rank have cost all cores since boot or since lock_stat_clear(). */
struct lock_stat {
	const char *name;
	uint64_t contended; /* acquisitions that found it held */
	uint64_t spins;	    /* looks at it meanwhile */
};
struct lock_stat lock_stat_read(enum lock_rank rank);
void lock_stat_clear(void);

static inline bool spin_take(spinlock_t *lock)
{
	uint32_t free = 0;

	return __atomic_compare_exchange_n(&lock->held, &free, 1, false, __ATOMIC_ACQUIRE,
					   __ATOMIC_RELAXED);
}

static inline void spin_lock(spinlock_t *lock)
{
	lock_rank_push(lock);
	if (unlikely(!spin_take(lock)))
		spin_lock_slow(lock);
}

static inline bool spin_trylock(spinlock_t *lock)
{
	if (!spin_take(lock))
		return false;
	lock_rank_push(lock);
	return true;
}

static inline void spin_unlock(spinlock_t *lock)
{
	lock_rank_pop(lock);
	__atomic_store_n(&lock->held, 0, __ATOMIC_RELEASE);
}

static inline bool spin_is_locked(const spinlock_t *lock)
{
	return __atomic_load_n(&lock->held, __ATOMIC_RELAXED);
}

static inline irqflags_t spin_lock_irqsave(spinlock_t *lock)
{
	irqflags_t flags = irq_save();

	spin_lock(lock);
	return flags;
}

static inline void spin_unlock_irqrestore(spinlock_t *lock, irqflags_t flags)
{
	spin_unlock(lock);
	irq_restore(flags);
}

#endif
