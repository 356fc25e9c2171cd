// SPDX-License-Identifier: BSD-2-Clause
/*
 * ASIDs with generations. An address space keeps its ASID as long as the generation lasts. When all
 * are taken a new generation begins: every core must flush its TLB before it next switches, and
 * only the spaces that run at that moment keep theirs ("reserved").
 *
 * The fast path takes no lock. active[cpu] holds what the core runs on; the start of a generation
 * swaps in 0, so that a core which would go on with an old one fails its compare-and-exchange.
 */
#include <arch/sysreg.h>
#include <twofold/lock.h>

#include "asid.h"

#define ASID_BITS 16
#define FIRST_GENERATION BIT(ASID_BITS)

static spinlock_t lock = SPINLOCK_INIT(RANK_ASID); /* all below but active[] */
static uint64_t generation = FIRST_GENERATION;
static uint64_t taken[BIT(ASID_BITS) / 64] = {1}; /* bitmap; 0 is the kernel's */
static uint64_t active[NR_CPUS], reserved[NR_CPUS];
static uint32_t flush_pending; /* a bit for each core */
static uint64_t next = 1;

static uint64_t nr_asids(void)
{
	return id_field(id_aa64mmfr0_el1, 4) == 2 ? 1 << 16 : 1 << 8;
}

static bool is_taken(uint64_t asid)
{
	return taken[asid / 64] >> (asid % 64) & 1;
}

static void take(uint64_t asid)
{
	taken[asid / 64] |= 1ull << (asid % 64);
}

static void new_generation(void)
{
	generation += FIRST_GENERATION;
	for (unsigned i = 0; i < ARRAY_SIZE(taken); i++)
		taken[i] = 0;
	take(0);
	for (unsigned cpu = 0; cpu < NR_CPUS; cpu++) {
		uint64_t now = __atomic_exchange_n(&active[cpu], 0, __ATOMIC_ACQ_REL);

		/* 0: it has not switched since the last generation began; what it runs on holds. */
		if (now)
			reserved[cpu] = now;
		take(reserved[cpu] & ASID_MASK);
	}
	flush_pending = BIT(NR_CPUS) - 1;
	next = 1;
}

/* Some core ran on it when the generation began: it keeps its number, in the new generation. */
static bool keep_reserved(asid_t old, asid_t new)
{
	bool hit = false;

	for (unsigned cpu = 0; cpu < NR_CPUS; cpu++)
		if (reserved[cpu] == old) {
			reserved[cpu] = new;
			hit = true;
		}
	return hit;
}

static uint64_t find_free(void)
{
	for (; next < nr_asids(); next++)
		if (!is_taken(next))
			return next++;
	return 0;
}

static asid_t allocate(asid_t old)
{
	uint64_t number = old & ASID_MASK;

	if (number) {
		asid_t renewed = generation | number;

		if (keep_reserved(old, renewed))
			return renewed;
		if (!is_taken(number)) {
			take(number);
			return renewed;
		}
	}
	number = find_free();
	if (!number) {
		new_generation();
		number = find_free();
	}
	take(number);
	return generation | number;
}

static uint64_t asid_slow(struct pt *pt, unsigned cpu)
{
	irqflags_t flags = spin_lock_irqsave(&lock);
	asid_t asid = pt->asid;

	if ((asid ^ generation) >> ASID_BITS) {
		asid = allocate(asid);
		WRITE_ONCE(pt->asid, asid);
	}
	if (flush_pending & BIT(cpu)) {
		flush_pending &= ~BIT(cpu);
		__asm__ volatile("tlbi vmalle1\n\tdsb nsh" ::: "memory");
	}
	__atomic_store_n(&active[cpu], asid, __ATOMIC_RELAXED);
	spin_unlock_irqrestore(&lock, flags);
	/* Pairs with a flush that finds no ASID: it sees ours, or our walks see its stores. */
	__asm__ volatile("dsb ish" ::: "memory");
	return asid & ASID_MASK;
}

uint64_t asid_get(struct pt *pt)
{
	unsigned cpu = cpu_id();
	asid_t asid = READ_ONCE(pt->asid);
	uint64_t old = __atomic_load_n(&active[cpu], __ATOMIC_RELAXED);

	if (old && !((asid ^ READ_ONCE(generation)) >> ASID_BITS) &&
	    __atomic_compare_exchange_n(&active[cpu], &old, asid, false, __ATOMIC_RELAXED,
					__ATOMIC_RELAXED))
		return asid & ASID_MASK;
	return asid_slow(pt, cpu);
}
