/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Every change that mm/ makes to the tables of a user address space goes through here, so that the
 * twin is kept at the same moments. mm->pt_lock is held. Results are the live tree's.
 */
#ifndef MM_USER_PT_H
#define MM_USER_PT_H

#include "twin.h"
#include <twofold/log.h>
#include <twofold/vm.h>

/* Before leaves go: there may never have been so many. */
static inline void user_pt_account(struct mm *mm)
{
	if (mm->pt.stats.leaves > mm->rss_peak)
		mm->rss_peak = mm->pt.stats.leaves;
}

/* -ENOMEM: nothing has changed. */
static inline int user_pt_map(struct mm *mm, uint64_t va, paddr_t pa, uint64_t size, prot_t prot)
{
	int err = pt_map(&mm->pt, VADDR(va), pa, size, prot);

	if (twin_exists(&mm->twin) && likely(!err))
		twin_map(&mm->twin, &mm->twin_lost, va, pa, size, prot);
	return err;
}

/* Frames that were not mapped are 0 afterwards; returns how many were. */
static inline unsigned user_pt_fill(struct mm *mm, uint64_t va, pfn_t frames[], unsigned n,
				    prot_t prot)
{
	unsigned filled = pt_fill(&mm->pt, VADDR(va), frames, n, prot);

	if (twin_exists(&mm->twin))
		twin_fill(&mm->twin, &mm->twin_lost, va, frames, n, prot, filled);
	return filled;
}

/* -ENOMEM only where a block that remap_pfn_range() made must be split. */
static inline int user_pt_unmap(struct mm *mm, uint64_t va, uint64_t size)
{
	int err;

	user_pt_account(mm);
	err = pt_unmap(&mm->pt, VADDR(va), size);
	if (twin_exists(&mm->twin) && likely(!err))
		twin_unmap(&mm->twin, &mm->twin_lost, va, size);
	return err;
}

/* All of it: the address space ends. */
static inline void user_pt_clear(struct mm *mm)
{
	user_pt_account(mm);
	pt_clear(&mm->pt);
	if (twin_exists(&mm->twin))
		twin_pt_clear(&mm->twin);
}

static inline int user_pt_protect(struct mm *mm, uint64_t va, uint64_t size, prot_t clear,
				  prot_t set)
{
	int err = pt_protect(&mm->pt, VADDR(va), size, clear, set);

	if (twin_exists(&mm->twin) && likely(!err))
		twin_protect(&mm->twin, &mm->twin_lost, va, size, clear, set);
	return err;
}

static inline prot_t user_pt_test_clear(struct mm *mm, uint64_t va, prot_t bits)
{
	prot_t old = pt_test_clear(&mm->pt, VADDR(va), bits);

	if (twin_exists(&mm->twin))
		twin_pt_test_clear(&mm->twin, VADDR(va), bits);
	return old;
}

static inline prot_t user_pt_test_young(struct mm *mm, uint64_t va, paddr_t pa)
{
	prot_t old = pt_test_young(&mm->pt, VADDR(va), pa);

	if (twin_exists(&mm->twin))
		twin_pt_test_young(&mm->twin, VADDR(va), pa);
	return old;
}

static inline prot_t user_pt_set_young(struct mm *mm, uint64_t va)
{
	prot_t old = pt_set_young(&mm->pt, VADDR(va));

	if (twin_exists(&mm->twin))
		twin_pt_set_young(&mm->twin, VADDR(va));
	return old;
}

/* TLBs know nothing of it before user_pt_flush(), which must come before pt_lock is dropped. */
static inline prot_t user_pt_evict(struct mm *mm, uint64_t va, paddr_t pa, uint64_t token)
{
	prot_t old;

	user_pt_account(mm);
	old = pt_evict(&mm->pt, VADDR(va), pa, token);
	if (twin_exists(&mm->twin))
		twin_pt_evict(&mm->twin, VADDR(va), pa, token);
	return old;
}

static inline void user_pt_flush(struct mm *mm)
{
	pt_flush_evicted(&mm->pt);
	if (twin_exists(&mm->twin))
		twin_pt_flush_evicted(&mm->twin);
}

static inline uint64_t user_pt_token(struct mm *mm, uint64_t va)
{
	return pt_token(&mm->pt, VADDR(va));
}

static inline enum pte_kind user_pt_query(const struct mm *mm, uint64_t va, struct pt_leaf *out)
{
	return pt_query(&mm->pt, VADDR(va), out);
}

#endif
