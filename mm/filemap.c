// SPDX-License-Identifier: BSD-2-Clause
/*
 * Pages of files and of shared memory: finding, reading in, making, dropping.
 *
 * A page that is being read in is in the map already, PG_LOCKED; who else wants it waits. Pages
 * that are not read from anywhere (tmpfs, shared anonymous memory) start as zeros and go to swap.
 */
#include "vm_internal.h"
#include <arch/cpu.h>
#include <twofold/swap.h>

static void wait_until_read(struct page *page)
{
	if (page_flag(page, PG_LOCKED))
		wait_event(wait_hash(page), !page_flag(page, PG_LOCKED));
}

static bool has_fill(const struct vm_object *object)
{
	return object->ops && object->ops->fill;
}

/*
 * Puts a new page in the map, locked if it must be filled. With a reference. -EEXIST: there is
 * something by now.
 */
static struct page *add_page(struct vm_object *object, uint32_t index)
{
	bool fill = has_fill(object);
	struct page *page = alloc_page(fill ? GFP_USER : GFP_USER | GFP_ZERO);
	entry_t entry;
	int err;

	if (!page)
		return ERR_PTR(-ENOMEM);
	__atomic_fetch_or(&page->flags,
			  fill ? BIT(PG_LOCKED)
			       : BIT(PG_UPTODATE) | BIT(PG_SWAPBACKED) | BIT(PG_DIRTY),
			  __ATOMIC_RELAXED);
	entry = page_to_pfn(page);
	spin_lock(&object->rmap->lock);
	err = pagemap_add(&object->pages, index, &entry);
	if (!err) {
		object_hold(object, index, page);
		get_page(page);
		lru_add(page);
	}
	spin_unlock(&object->rmap->lock);
	if (!err)
		return page;
	page_clear_flag(page, PG_LOCKED);
	put_page(page);
	return ERR_PTR(err);
}

/* Fills a page that we locked; one that cannot be filled leaves the map again. */
static int fill_page(struct vm_object *object, uint32_t index, struct page *page)
{
	int err = object->ops->fill(object, page);

	if (!err) {
		page_set_flag(page, PG_UPTODATE);
	} else {
		spin_lock(&object->rmap->lock);
		if (page->rmap == object->rmap) {
			pagemap_set(&object->pages, index, ENTRY_NONE);
			object_let_go(object, page);
		}
		spin_unlock(&object->rmap->lock);
	}
	page_clear_flag(page, PG_LOCKED);
	wake_all(wait_hash(page));
	return err;
}

static struct page *make_page(struct vm_object *object, uint32_t index)
{
	struct page *page = add_page(object, index);
	int err;

	if (IS_ERR(page)) {
		err = PTR_ERR(page);
		if (err == -ENOMEM && !wait_for_memory())
			err = -EAGAIN;
		return ERR_PTR(err == -EEXIST ? -EAGAIN : err);
	}
	if (!page_flag(page, PG_LOCKED))
		return page;
	err = fill_page(object, index, page);
	if (!err)
		return page;
	put_page(page);
	return ERR_PTR(err);
}

static struct page *read_slot(struct vm_object *object, uint32_t index, uint32_t slot)
{
	bool ok, read;
	struct page *page = swap_in(slot, &read);

	if (IS_ERR(page))
		return page;
	get_page(page);
	spin_lock(&object->rmap->lock);
	ok = object_install_swapped(object, index, slot, page);
	spin_unlock(&object->rmap->lock);
	if (ok)
		return page;
	put_page(page);
	put_page(page);
	return ERR_PTR(-EAGAIN);
}

/* What the entry names, with a reference if it is a page, else NULL. */
static struct page *find_page(struct vm_object *object, uint32_t index, entry_t *entry)
{
	struct page *page = NULL;

	spin_lock(&object->rmap->lock);
	*entry = pagemap_get(&object->pages, index);
	if (entry_is_frame(*entry)) {
		page = pfn_to_page(*entry);
		get_page(page);
	}
	spin_unlock(&object->rmap->lock);
	return page;
}

struct page *object_get_page(struct vm_object *object, uint64_t index)
{
	struct page *page;
	entry_t entry;

	if (index > UINT32_MAX)
		return ERR_PTR(-EIO);
	do {
		page = find_page(object, (uint32_t)index, &entry);
		if (page) {
			wait_until_read(page);
			if (likely(page_flag(page, PG_UPTODATE)))
				return page;
			put_page(page); /* its reader failed: it is our turn to try */
			page = ERR_PTR(-EAGAIN);
		} else if (entry) {
			page = read_slot(object, (uint32_t)index, entry & ~(uint32_t)ENTRY_SLOT);
		} else {
			page = make_page(object, (uint32_t)index);
		}
	} while (IS_ERR(page) && PTR_ERR(page) == -EAGAIN);
	return page;
}

static int adopt_page(struct vm_object *object, uint32_t index, struct page *page)
{
	entry_t entry = page_to_pfn(page);
	int err;

	CHECK(page_flag(page, PG_RESERVED) && !page->rmap);
	spin_lock(&object->rmap->lock);
	err = pagemap_add(&object->pages, index, &entry);
	if (!err) {
		page_set_flag(page, PG_UPTODATE);
		get_page(page); /* for the entry ... */
		get_page(page); /* ... and for good: the frame is not the allocator's */
		object_hold(object, index, page);
	}
	spin_unlock(&object->rmap->lock);
	return err;
}

int object_adopt(struct vm_object *object, uint64_t index, paddr_t pa, uint64_t nr_pages)
{
	int err;

	if (index + nr_pages > BIT(32))
		return -EFBIG;
	for (uint64_t i = 0; i < nr_pages; i++) {
		struct page *page = pfn_to_page(pa_to_pfn(pa) + (pfn_t)i);

		while ((err = adopt_page(object, (uint32_t)(index + i), page)) == -ENOMEM)
			if (wait_for_memory())
				return -ENOMEM;
		if (err)
			return err;
	}
	return 0;
}

/* Empties the leaves of an area's part that shows [first, last] of its object. Object locked. */
static void unmap_part(struct vm_area *area, uint32_t first, uint32_t last)
{
	const struct span *span = &area->object_span;
	uint32_t from = MAX(first, span->first), to = MIN(last, span->last);
	uint64_t va = area->start + ((uint64_t)(from - span->first) << PAGE_SHIFT);

	spin_lock(&area->mm->pt_lock);
	CHECK(user_pt_unmap(area->mm, va, ((uint64_t)(to - from) + 1) << PAGE_SHIFT) == 0);
	spin_unlock(&area->mm->pt_lock);
}

void object_truncate(struct vm_object *object, uint64_t first, uint64_t last)
{
	uint32_t from = (uint32_t)first, to = (uint32_t)MIN(last, (uint64_t)UINT32_MAX);
	struct span *span;

	if (first > to)
		return;
	spin_lock(&object->rmap->lock);
	for (span = span_find(&object->areas, from, to); span; span = span_next(span, from, to))
		unmap_part(container_of(span, struct vm_area, object_span), from, to);
	object_drop(object, from, to);
	spin_unlock(&object->rmap->lock);
}
