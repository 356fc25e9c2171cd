/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How a twin is kept: each of these repeats in it what has just been done to the live tree, under
 * the same lock. The live side has succeeded already and is never told of a failure. Where the twin
 * has no memory for a table it goes without the entries that need it, so that it says less than the
 * live tree at times, but never anything else; *lost counts those entries, at most.
 */
#ifndef MM_TWIN_H
#define MM_TWIN_H

#include <twofold/contrast.h>
#include <twofold/log.h>

static inline bool twin_exists(const struct pt *twin)
{
	return twin->root.pa;
}

/* For want of a table, [va, va + size) is empty in the twin; so is a block that an end cuts. */
void twin_give_up(struct pt *twin, uint64_t *lost, uint64_t va, uint64_t size);
/* Blocks that the ends of a range cut and that cannot be split go as a whole. */
void twin_drop_edges(struct pt *twin, uint64_t *lost, uint64_t va, uint64_t size);
void twin_count_lost(uint64_t *lost, uint64_t entries);

static inline void twin_map(struct pt *twin, uint64_t *lost, uint64_t va, paddr_t pa, uint64_t size,
			    prot_t prot)
{
	if (likely(!twin_pt_map(twin, VADDR(va), pa, size, prot)))
		return;
	twin_give_up(twin, lost, va, size);
	twin_count_lost(lost, size >> PAGE_SHIFT);
}

/* `filled` of the frames are not 0. */
static inline void twin_fill(struct pt *twin, uint64_t *lost, uint64_t va, pfn_t frames[],
			     unsigned n, prot_t prot, unsigned filled)
{
	unsigned missing = filled - twin_pt_fill(twin, VADDR(va), frames, n, prot);

	if (unlikely(missing))
		twin_count_lost(lost, missing);
}

static inline void twin_unmap(struct pt *twin, uint64_t *lost, uint64_t va, uint64_t size)
{
	if (unlikely(twin_pt_unmap(twin, VADDR(va), size)))
		twin_give_up(twin, lost, va, size);
}

static inline void twin_protect(struct pt *twin, uint64_t *lost, uint64_t va, uint64_t size,
				prot_t clear, prot_t set)
{
	if (likely(!twin_pt_protect(twin, VADDR(va), size, clear, set)))
		return;
	twin_drop_edges(twin, lost, va, size);
	CHECK(!twin_pt_protect(twin, VADDR(va), size, clear, set));
}

/* The kernel's twin; kernel_pt_lock held (mm/kernel_pt.c has taken it for the live tree). */
void kernel_twin_map(uint64_t va, paddr_t pa, uint64_t size, prot_t prot);
void kernel_twin_unmap(uint64_t va, uint64_t size);

/* An address space begins; the lower half is empty. Without memory it has no twin until
 * twin_sync(). */
void twin_begin(struct mm *mm);

#endif
