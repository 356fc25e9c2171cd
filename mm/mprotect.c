// SPDX-License-Identifier: BSD-2-Clause
/* Changing areas in a range: rights (mprotect) and flags (madvise, mlock), by splitting and
 * joining. */
#include "vm_internal.h"

/* Rights that went are taken from the leaves at once; those that came arrive with the next fault.
 */
static int change_leaves(const struct vm_area *area, uint8_t old)
{
	struct mm *mm = area->mm;
	unsigned lost = old & ~area->prot, came = area->prot & ~old;
	prot_t clear = (lost & PROT_WRITE ? PT_WRITE : 0) | (lost & PROT_EXEC ? PT_EXEC : 0);
	int err;

	/* No leaf says "unreadable"; and what becomes executable passes by icache_sync() first. */
	if (!area->prot || came & PROT_EXEC)
		return mm_unmap_leaves(mm, area->start, area->end);
	if (!clear)
		return 0;
	do {
		spin_lock(&mm->pt_lock);
		err = user_pt_protect(mm, area->start, area->end - area->start, clear, 0);
		spin_unlock(&mm->pt_lock);
	} while (err == -ENOMEM && !(err = wait_for_memory()));
	return err;
}

static bool changes(const struct vm_area *area, const struct area_change *change)
{
	unsigned flags = (area->flags | change->set) & ~change->clear;

	return flags != area->flags || (change->prot != KEEP_PROT && change->prot != area->prot);
}

static void rejoin_next(struct vm_area *area)
{
	struct vm_area *next = area_next(area);

	if (next)
		area_join(area, next);
}

/* Changes an area's part in [start, end); *area is left as what holds its end. */
static int change_area(struct vm_area **area, uint64_t start, uint64_t end,
		       const struct area_change *change)
{
	struct vm_area *a = *area;
	uint8_t old = a->prot;
	int err = 0;

	if (change->prot != KEEP_PROT && change->prot & ~a->max_prot)
		return -EACCES;
	if (!changes(a, change))
		return 0;
	if (a->end > end && !area_split(a, end))
		return -ENOMEM;
	if (a->start < start) {
		a = area_split(a, start);
		if (!a) {
			rejoin_next(*area);
			return -ENOMEM;
		}
	}
	a->flags = (uint16_t)((a->flags | change->set) & ~change->clear);
	if (change->prot != KEEP_PROT) {
		a->prot = (uint8_t)change->prot;
		err = change_leaves(a, old);
		if (err)
			a->prot = old;
	}
	*area = a;
	return err;
}

int area_change_range(struct mm *mm, uint64_t start, uint64_t end, const struct area_change *change)
{
	struct vm_area *area = area_find(mm, start), *prev;
	int err = 0;

	/* [.., start) is done, or at the edge; `area` is the one that starts there or spans it. */
	while (start < end && !err) {
		if (!area || area->start > start)
			return -ENOMEM;
		err = change_area(&area, start, end, change);
		start = area->end;
		prev = area_prev(area);
		if (prev && area_join(prev, area))
			area = prev;
		if (start < end && !err)
			area = area_next(area);
	}
	if (area)
		rejoin_next(area);
	return err;
}

/* PROT_GROWSDOWN: the range begins where the stack that it is in does. */
static int from_stack_end(struct mm *mm, uint64_t *addr)
{
	const struct vm_area *area = area_find(mm, *addr);

	if (!area || area->start > *addr)
		return 0;
	if (!(area->flags & VMA_GROWSDOWN))
		return -EINVAL;
	*addr = area->start;
	return 0;
}

int mm_protect(struct mm *mm, uint64_t addr, uint64_t len, int prot)
{
	struct area_change change = {.prot = prot & ~(PROT_GROWSDOWN | PROT_GROWSUP | PROT_SEM)};
	uint64_t end;
	int err = 0;

	if (addr & ~PAGE_MASK || change.prot & ~(PROT_READ | PROT_WRITE | PROT_EXEC) ||
	    (prot & PROT_GROWSDOWN && prot & PROT_GROWSUP))
		return -EINVAL;
	if (!len)
		return 0;
	if (!range_valid(addr, len, &end))
		return -ENOMEM;
	down_write(&mm->lock);
	if (prot & PROT_GROWSDOWN)
		err = from_stack_end(mm, &addr);
	if (!err)
		err = area_change_range(mm, addr, end, &change);
	up_write(&mm->lock);
	return err;
}
