// SPDX-License-Identifier: BSD-2-Clause
/* madvise: forgetting memory, fetching it early, and flags for fork. */
#include "vm_internal.h"
#include <twofold/swap.h>

/* The area lets go of its object altogether; leaves are gone. */
static void forget_anon(struct vm_area *area)
{
	area_detach_anon(area);
	area->flags &= (uint16_t)~VMA_COW;
	area_choose_delta(area);
}

int area_zap(struct vm_area *area, uint64_t start, uint64_t end)
{
	struct rmap *family = area->family;
	bool whole = start == area->start && end == area->end;

	/* What another area shows too stays in the object: then this one needs another object. */
	if (family && !whole && area->flags & VMA_COW && area_unshare_sleeping(area))
		return -ENOMEM;
	if (mm_unmap_leaves(area->mm, start, end))
		return -ENOMEM;
	if (!family)
		return 0;
	if (whole) {
		forget_anon(area);
		return 0;
	}
	spin_lock(&family->lock);
	object_drop(area->anon, anon_index(area, start), anon_index(area, end - 1));
	spin_unlock(&family->lock);
	return 0;
}

static int dont_need(struct vm_area *area, uint64_t start, uint64_t end)
{
	if (area->flags & (VMA_LOCKED | VMA_IO))
		return -EINVAL;
	return area_zap(area, start, end);
}

/* Freed at once: Linux does so when memory gets short, and says nothing of what is read till then.
 */
static int free_lazily(struct vm_area *area, uint64_t start, uint64_t end)
{
	if (area_is_shared(area) || area->object)
		return -EINVAL;
	return dont_need(area, start, end);
}

/* Punches a hole into what all see. */
static int remove_pages(struct vm_area *area, uint64_t start, uint64_t end)
{
	if (area->flags & (VMA_LOCKED | VMA_IO) || !area->object || !area_is_shared(area))
		return -EINVAL;
	if (!(area->prot & PROT_WRITE))
		return -EACCES;
	if (area->object->gauge != NR_SHMEM)
		return -EOPNOTSUPP;
	object_truncate(area->object, object_index(area, start), object_index(area, end - 1));
	return 0;
}

/* The next slot at or after *index that the object names; 0: none. */
static uint32_t next_slot(struct vm_object *object, struct rmap *family, uint32_t *index,
			  uint32_t last)
{
	entry_t entry;

	spin_lock(&family->lock);
	while ((entry = pagemap_next(&object->pages, index, last)) && !entry_is_slot(entry) &&
	       *index < last)
		++*index;
	spin_unlock(&family->lock);
	return entry_is_slot(entry) ? entry & ~(uint32_t)ENTRY_SLOT : SLOT_NONE;
}

/* Reads ahead what is swapped out. That it cannot be is found out by who needs it. */
static int will_need(struct vm_area *area, uint64_t start, uint64_t end)
{
	struct vm_object *object = area_is_shared(area) ? area->object : area->anon;
	uint32_t index, last, slot;

	if (!object)
		return 0;
	index = area_is_shared(area) ? object_index(area, start) : anon_index(area, start);
	last = index + (uint32_t)((end - start) >> PAGE_SHIFT) - 1;
	while (index <= last && (slot = next_slot(object, object->rmap, &index, last))) {
		bool read;
		struct page *page = swap_in(slot, &read);

		if (IS_ERR(page))
			break;
		put_page(page);
		if (index++ == last)
			break;
	}
	return 0;
}

/* Pages that may be taken away: not a device's, not the loader's, not the zero page. */
static struct page *page_of_leaf(const struct pt_leaf *leaf)
{
	struct page *page = pfn_to_page(pa_to_pfn(leaf->pa));

	if (leaf->token || !pfn_valid(pa_to_pfn(leaf->pa)) || page_flag(page, PG_RESERVED))
		return NULL;
	return page;
}

/* The next pages that are mapped from *at on, each with a reference; not accessed any more. */
static unsigned next_pages(struct mm *mm, uint64_t *at, uint64_t end, struct page *pages[])
{
	vaddr_t va = VADDR(*at);
	struct pt_leaf leaf;
	unsigned n = 0;

	spin_lock(&mm->pt_lock);
	for (; n < SWAP_BATCH && pt_next(&mm->pt, &va, VADDR(end), &leaf); va.va += PAGE_SIZE) {
		struct page *page = page_of_leaf(&leaf);

		if (!page)
			continue;
		user_pt_test_clear(mm, va.va, PT_YOUNG);
		get_page(page);
		pages[n++] = page;
	}
	spin_unlock(&mm->pt_lock);
	*at = va.va;
	return n;
}

static void deactivate(struct page *const pages[], unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		lru_deactivate(pages[i]);
}

static int for_pages(struct vm_area *area, uint64_t start, uint64_t end,
		     void (*fn)(struct page *const pages[], unsigned n))
{
	struct page *pages[SWAP_BATCH];
	unsigned n;

	if (area->flags & (VMA_LOCKED | VMA_IO))
		return -EINVAL;
	while ((n = next_pages(area->mm, &start, end, pages)))
		fn(pages, n);
	return 0;
}

static int make_cold(struct vm_area *area, uint64_t start, uint64_t end)
{
	return for_pages(area, start, end, deactivate);
}

static int page_out(struct vm_area *area, uint64_t start, uint64_t end)
{
	return for_pages(area, start, end, reclaim_pages);
}

typedef int (*advice_fn)(struct vm_area *area, uint64_t start, uint64_t end);

/* Does fn to each area's part of the range. Holes: -ENOMEM, after the rest is done. */
static int for_each_part(struct mm *mm, uint64_t start, uint64_t end, advice_fn fn)
{
	struct vm_area *area;
	int err = 0, ret = 0;

	while (start < end && !err) {
		uint64_t until;

		area = area_find(mm, start);
		if (!area || area->start > start)
			ret = -ENOMEM;
		if (!area || area->start >= end)
			break;
		start = MAX(start, area->start);
		until = MIN(end, area->end);
		err = fn ? fn(area, start, until) : 0;
		start = until;
	}
	return err ? err : ret;
}

/* The advice that changes flags; false: this one does not. */
static bool flag_change(int advice, struct area_change *change)
{
	*change = (struct area_change){.prot = KEEP_PROT};
	switch (advice) {
	case MADV_DONTFORK:
		change->set = VMA_DONTFORK;
		return true;
	case MADV_DOFORK:
		change->clear = VMA_DONTFORK;
		return true;
	case MADV_WIPEONFORK:
		change->set = VMA_WIPEONFORK;
		return true;
	case MADV_KEEPONFORK:
		change->clear = VMA_WIPEONFORK;
		return true;
	default:
		return false;
	}
}

static int only_private_anon(struct vm_area *area, uint64_t start, uint64_t end)
{
	(void)start;
	(void)end;
	return area_is_shared(area) || area->object ? -EINVAL : 0;
}

/* What is done to each part; NULL: nothing, for advice that is only a hint. */
static int work_of(int advice, advice_fn *fn)
{
	switch (advice) {
	case MADV_DONTNEED:
		*fn = dont_need;
		return 0;
	case MADV_FREE:
		*fn = free_lazily;
		return 0;
	case MADV_REMOVE:
		*fn = remove_pages;
		return 0;
	case MADV_WILLNEED:
		*fn = will_need;
		return 0;
	case MADV_COLD:
		*fn = make_cold;
		return 0;
	case MADV_PAGEOUT:
		*fn = page_out;
		return 0;
	case MADV_NORMAL:
	case MADV_RANDOM:
	case MADV_SEQUENTIAL:
	case MADV_HUGEPAGE:
	case MADV_NOHUGEPAGE:
	case MADV_MERGEABLE:
	case MADV_UNMERGEABLE:
	case MADV_DONTDUMP:
	case MADV_DODUMP:
		*fn = NULL;
		return 0;
	default:
		return -EINVAL;
	}
}

static int advise_locked(struct mm *mm, uint64_t start, uint64_t end, int advice)
{
	struct area_change change;
	advice_fn fn;
	int err;

	if (!flag_change(advice, &change))
		return work_of(advice, &fn) ? -EINVAL : for_each_part(mm, start, end, fn);
	if (change.set == VMA_WIPEONFORK) {
		err = for_each_part(mm, start, end, only_private_anon);
		if (err)
			return err;
	}
	return area_change_range(mm, start, end, &change);
}

static bool known(int advice)
{
	struct area_change change;
	advice_fn fn;

	return advice == MADV_POPULATE_READ || advice == MADV_POPULATE_WRITE ||
	       flag_change(advice, &change) || !work_of(advice, &fn);
}

int mm_advise(struct mm *mm, uint64_t addr, uint64_t len, int advice)
{
	uint64_t end;
	int err;

	if (!known(advice) || addr & ~PAGE_MASK || !range_valid(addr, len, &end))
		return -EINVAL;
	if (addr == end)
		return 0;
	if (advice == MADV_POPULATE_READ || advice == MADV_POPULATE_WRITE)
		return mm_populate(mm, addr, end - addr, advice == MADV_POPULATE_WRITE);
	down_write(&mm->lock);
	err = advise_locked(mm, addr, end, advice);
	up_write(&mm->lock);
	return err;
}
