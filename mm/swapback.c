// SPDX-License-Identifier: BSD-2-Clause
/* What swapoff needs: everything that objects hold in a range of slots comes back into memory. */
#include "families.h"
#include "vm_internal.h"
#include <twofold/swap.h>
#include <twofold/task.h>
#include <twofold/wait.h>

struct range {
	uint32_t first, last; /* slots */
};

static bool in_range(const struct range *range, uint32_t slot)
{
	return slot >= range->first && slot <= range->last;
}

/* The page in memory leaves the swap cache; from now on it differs from any slot. Family locked. */
static void forget_slot(const struct range *range, struct page *page)
{
	if (!page_flag(page, PG_SWAPCACHE) || !in_range(range, page->slot) ||
	    page_flag(page, PG_WRITEBACK))
		return;
	page_set_flag(page, PG_DIRTY);
	swap_cache_drop(page);
}

#define WINDOW 256u /* indices that all objects are searched for, before going on */

/* An entry of the object in [first, last] that names a slot of the range; pages on the way forget
 * theirs. */
static uint32_t find_slot(struct vm_object *object, const struct range *range, uint32_t first,
			  uint32_t last, uint32_t *at)
{
	entry_t entry;

	for (uint64_t i = first; i <= last; i = (uint64_t)*at + 1) {
		*at = (uint32_t)i;
		entry = pagemap_next(&object->pages, at, last);
		if (!entry)
			break;
		if (entry_is_frame(entry))
			forget_slot(range, pfn_to_page(entry));
		else if (in_range(range, entry & ~(uint32_t)ENTRY_SLOT))
			return entry & ~(uint32_t)ENTRY_SLOT;
	}
	return SLOT_NONE;
}

/* Moves *index on to where some object has an entry; false where none has. */
static bool skip_empty(const struct rmap *family, uint64_t *index)
{
	uint64_t lowest = UINT64_MAX;
	const struct vm_object *object;

	if (*index > UINT32_MAX)
		return false;
	LIST_FOREACH(object, &family->objects, sibling) {
		uint32_t at = (uint32_t)*index;

		if (pagemap_next(&object->pages, &at, UINT32_MAX))
			lowest = MIN(lowest, (uint64_t)at);
	}
	*index = lowest;
	return lowest != UINT64_MAX;
}

/* A slot of the range that some object names at *at, near *index or beyond it. */
static uint32_t family_next_slot(struct rmap *family, const struct range *range, uint64_t *index,
				 uint32_t *at)
{
	for (; skip_empty(family, index); *index += WINDOW) {
		uint32_t first = (uint32_t)*index;
		uint32_t last = MIN(first, UINT32_MAX - (WINDOW - 1)) + (WINDOW - 1);
		struct vm_object *object;

		LIST_FOREACH(object, &family->objects, sibling) {
			uint32_t slot = find_slot(object, range, first, last, at);

			if (slot)
				return slot;
		}
	}
	return SLOT_NONE;
}

/* Every object that names the slot gets the page. */
static void install_everywhere(struct rmap *family, uint32_t index, uint32_t slot,
			       struct page *page)
{
	struct vm_object *object;

	LIST_FOREACH(object, &family->objects, sibling) {
		get_page(page);
		if (!object_install_swapped(object, index, slot, page))
			put_page(page);
	}
}

static int family_swap_in(struct rmap *family, const struct range *range)
{
	uint32_t at, slot;
	uint64_t index = 0;
	bool read;

	for (;;) {
		struct page *page;

		spin_lock(&family->lock);
		slot = family_next_slot(family, range, &index, &at);
		spin_unlock(&family->lock);
		if (!slot)
			return 0;
		if (fatal_signal_pending())
			return -EINTR;
		page = swap_in(slot, &read);
		if (IS_ERR(page) && PTR_ERR(page) == -EAGAIN)
			continue;
		if (IS_ERR(page))
			return PTR_ERR(page);
		spin_lock(&family->lock);
		install_everywhere(family, at, slot, page);
		if (page->rmap == family)
			forget_slot(range, page);
		spin_unlock(&family->lock);
		put_page(page);
		cond_resched();
	}
}

int objects_swap_in(uint32_t first, uint32_t last)
{
	const struct range range = {first, last};
	struct rmap *family;
	int err = 0;

	families_search();
	while (!err && (family = families_next())) {
		err = family_swap_in(family, &range);
		family_put(family);
	}
	return err;
}
