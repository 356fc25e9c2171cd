// SPDX-License-Identifier: BSD-2-Clause
/* Spinlocks: waiting for one, and in debug builds the lock order. docs/locking.md */
#include <twofold/lock.h>
#include <twofold/log.h>
#include <twofold/string.h>

static const char *const names[NR_RANKS] = {
	[RANK_NONE] = "none",	    [RANK_TASKS] = "tasks",
	[RANK_SIGNAL] = "signal",   [RANK_FILES] = "files",
	[RANK_FS] = "fs",	    [RANK_PIPE] = "pipe",
	[RANK_FUTEX] = "futex",	    [RANK_FAMILIES] = "families",
	[RANK_RMAP] = "rmap",	    [RANK_RMAP_2] = "rmap-2",
	[RANK_PT] = "page-table",   [RANK_SWAP] = "swap",
	[RANK_LRU] = "lru",	    [RANK_LRU_NEW] = "lru-new",
	[RANK_VMALLOC] = "vmalloc", [RANK_KPT] = "kernel-page-table",
	[RANK_SLABS] = "slabs",	    [RANK_SLAB] = "slab",
	[RANK_ZONE] = "zone",	    [RANK_ASID] = "asid",
	[RANK_BLOCK] = "block",	    [RANK_WAIT] = "wait",
	[RANK_TIMER] = "timer",	    [RANK_RUNQUEUE] = "runqueue",
	[RANK_IRQ] = "irq",	    [RANK_EXPLAIN] = "explain",
	[RANK_LOG] = "log",
};

/* Each core counts its own. A rank is taken with interrupts masked always, or never in one. */
static struct lock_count {
	uint64_t contended, spins;
} counts[NR_CPUS][NR_RANKS];

/* So often in vain: the holder may be a thread that its host does not run, because it runs us. */
#define SPINS_BEFORE_NAP 1000

void spin_lock_slow(spinlock_t *lock)
{
	struct cpu *cpu = this_cpu();
	struct lock_count *count = &counts[cpu->id][lock->rank];
	unsigned spins = 0;

	do {
		for (; spin_is_locked(lock); spins++) {
			if (spins >= SPINS_BEFORE_NAP && cpu->online && !cpu->irq_depth)
				cpu_nap();
			else
				cpu_wait_zero(&lock->held);
		}
	} while (!spin_take(lock));
	count->contended++;
	count->spins += spins;
}

struct lock_stat lock_stat_read(enum lock_rank rank)
{
	struct lock_stat stat = {.name = names[rank]};

	for (unsigned cpu = 0; cpu < nr_cpus; cpu++) {
		stat.contended += counts[cpu][rank].contended;
		stat.spins += counts[cpu][rank].spins;
	}
	return stat;
}

void lock_stat_clear(void)
{
	memset(counts, 0, sizeof(counts));
}

#ifdef DEBUG

static bool giving_up; /* a panic takes locks as it must */

static void order_violation(const struct cpu *cpu, unsigned held, const spinlock_t *lock)
{
	giving_up = true;
	panic("lock order: %p (rank %u) is taken while %p (rank %u) is held", (const void *)lock,
	      lock->rank, (void *)cpu->lock_addrs[held], cpu->lock_ranks[held]);
}

void lock_rank_push(spinlock_t *lock)
{
	irqflags_t flags = irq_save();
	struct cpu *cpu = this_cpu();

	if (!giving_up) {
		for (unsigned i = 0; i < cpu->nr_locks; i++)
			if (lock->rank != RANK_NONE && cpu->lock_ranks[i] >= lock->rank)
				order_violation(cpu, i, lock);
		CHECK(cpu->nr_locks < ARRAY_SIZE(cpu->lock_ranks));
		cpu->lock_ranks[cpu->nr_locks] = lock->rank;
		cpu->lock_addrs[cpu->nr_locks++] = (uintptr_t)lock;
	}
	irq_restore(flags);
}

/* Locks may be released in any order. */
void lock_rank_pop(spinlock_t *lock)
{
	irqflags_t flags = irq_save();
	struct cpu *cpu = this_cpu();
	unsigned i = cpu->nr_locks;

	while (i > 0 && cpu->lock_addrs[i - 1] != (uintptr_t)lock)
		i--;
	if (!giving_up)
		CHECK(i > 0);
	if (i > 0) {
		for (cpu->nr_locks--; i <= cpu->nr_locks; i++) {
			cpu->lock_ranks[i - 1] = cpu->lock_ranks[i];
			cpu->lock_addrs[i - 1] = cpu->lock_addrs[i];
		}
	}
	irq_restore(flags);
}

#endif
