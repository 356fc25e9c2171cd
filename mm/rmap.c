// SPDX-License-Identifier: BSD-2-Clause
/*
 * From a page to its mappings: its family, the objects whose entry at page->index is the page, the
 * areas that cover that index, and there an address. Whether a leaf of this page is there is up to
 * the tables: they may have forgotten it, and a private area may show another page in its place.
 */
#include "vm_internal.h"
#include <twofold/swap.h>

struct rmap *page_lock_rmap(struct page *page, bool trylock)
{
	for (;;) {
		struct rmap *family = __atomic_load_n(&page->rmap, __ATOMIC_ACQUIRE);

		if (!family)
			return NULL;
		if (!trylock)
			spin_lock(&family->lock);
		else if (!spin_trylock(&family->lock))
			return NULL;
		if (page->rmap == family)
			return family;
		spin_unlock(&family->lock);
	}
}

/* An object's areas have it as their private one, or as the file's. */
static struct vm_area *area_of(const struct vm_object *object, struct span *span)
{
	return object->rmap->anon ? container_of(span, struct vm_area, anon_span)
				  : container_of(span, struct vm_area, object_span);
}

static bool holds(const struct vm_object *object, const struct page *page)
{
	return pagemap_get(&object->pages, page->index) == page_to_pfn(page);
}

/* The next object of the family that holds the page, after `object` or from the first; or NULL. */
static struct vm_object *next_holder(const struct page *page, struct vm_object *object)
{
	object = object ? LIST_NEXT(object, sibling) : LIST_FIRST(&page->rmap->objects);
	while (object && !holds(object, page))
		object = LIST_NEXT(object, sibling);
	return object;
}

#define FOR_EACH_SPAN(span, object, index)                                                         \
	for (struct span *span = span_find(&(object)->areas, index, index); span;                  \
	     span = span_next(span, index, index))

/* Where the area that the span is of shows an index. */
static uint64_t address_in(const struct vm_area *area, const struct span *span, uint32_t index)
{
	return area->start + ((uint64_t)(index - span->first) << PAGE_SHIFT);
}

/* ---- what tables say of it ---- */

void rmap_flush(struct rmap_batch *batch)
{
	if (!batch->mm)
		return;
	user_pt_flush(batch->mm);
	spin_unlock(&batch->mm->pt_lock);
	batch->mm = NULL;
}

/* Most neighbours in a batch are of the same address space, which stays locked. */
static inline void lock_tables(struct rmap_batch *batch, struct mm *mm)
{
	if (likely(batch->mm == mm))
		return;
	rmap_flush(batch);
	spin_lock(&mm->pt_lock);
	batch->mm = mm;
}

static void look_at(struct rmap_batch *batch, const struct vm_area *area, uint64_t va, paddr_t pa,
		    struct page_use *use)
{
	prot_t prot;

	lock_tables(batch, area->mm);
	prot = user_pt_test_young(area->mm, va, pa);
	use->mapped += !!prot;
	if (prot & PT_YOUNG)
		use->young = true;
	if (area->flags & VMA_LOCKED)
		use->locked = true;
}

void rmap_look(struct rmap_batch *batch, const struct page *page, struct page_use *use)
{
	struct vm_object *object = NULL;

	*use = (struct page_use){0};
	while ((object = next_holder(page, object))) {
		use->holders++;
		FOR_EACH_SPAN(span, object, page->index)
		{
			const struct vm_area *area = area_of(object, span);

			look_at(batch, area, address_in(area, span, page->index), page_to_pa(page),
				use);
		}
	}
}

void rmap_unmap(struct rmap_batch *batch, const struct page *page, uint32_t token)
{
	struct vm_object *object = NULL;

	while ((object = next_holder(page, object)))
		FOR_EACH_SPAN(span, object, page->index)
		{
			const struct vm_area *area = area_of(object, span);

			lock_tables(batch, area->mm);
			user_pt_evict(area->mm, address_in(area, span, page->index),
				      page_to_pa(page), token);
		}
}

/* Families are type-stable: what a page belonged to a moment ago may be asked what it is. */
static bool is_shared(paddr_t pa)
{
	const struct rmap *family;

	if (!pfn_valid(pa_to_pfn(pa)))
		return false;
	family = __atomic_load_n(&pfn_to_page(pa_to_pfn(pa))->rmap, __ATOMIC_ACQUIRE);
	return family && !READ_ONCE(family->anon);
}

uint64_t mm_shared_pages(struct mm *mm)
{
	vaddr_t va = VADDR(0);
	struct pt_leaf leaf;
	uint64_t n = 0;

	spin_lock(&mm->pt_lock);
	for (; pt_next(&mm->pt, &va, VADDR(USER_END), &leaf); va.va += PT_SPAN(leaf.level))
		n += !leaf.token && !(leaf.prot & PT_TYPE) && is_shared(leaf.pa);
	spin_unlock(&mm->pt_lock);
	return n;
}

/* ---- going and coming ---- */

void rmap_count_swap_in(const struct vm_object *object, uint32_t index)
{
	FOR_EACH_SPAN(span, object, index)
	{
		struct mm *mm = area_of(object, span)->mm;

		/* Who never mapped the page lost none when it went out. */
		if (READ_ONCE(mm->swap_ins) < READ_ONCE(mm->swap_outs))
			__atomic_fetch_add(&mm->swap_ins, 1, __ATOMIC_RELAXED);
	}
}

/* Those who had it mapped have its slot for a token. */
static void count_swap_out(struct rmap_batch *batch, const struct vm_object *object, uint32_t index,
			   uint32_t slot)
{
	FOR_EACH_SPAN(span, object, index)
	{
		const struct vm_area *area = area_of(object, span);

		lock_tables(batch, area->mm);
		if (user_pt_token(area->mm, address_in(area, span, index)) == slot)
			__atomic_fetch_add(&area->mm->swap_outs, 1, __ATOMIC_RELAXED);
	}
}

/* The slot, or nothing, takes the page's place in one object. */
static void replace_entry(struct vm_object *object, const struct page *page, uint32_t slot)
{
	object->nr_pages--;
	if (slot) {
		*pagemap_slot(&object->pages, page->index) = (entry_t)ENTRY_SLOT | slot;
		object->nr_slots++;
	} else {
		pagemap_set(&object->pages, page->index, ENTRY_NONE);
	}
}

bool rmap_has_visitors(const struct page *page, unsigned holders)
{
	int32_t refs = (int32_t)holders + page_flag(page, PG_SWAPCACHE) + 1;

	return __atomic_load_n(&page->refs, __ATOMIC_ACQUIRE) != refs;
}

void rmap_release(struct rmap_batch *batch, struct page *page, unsigned holders)
{
	uint32_t slot = page_flag(page, PG_SWAPCACHE) ? page->slot : SLOT_NONE;
	enum vm_gauge gauge = NR_FILE;
	struct vm_object *object = NULL;

	while ((object = next_holder(page, object))) {
		gauge = (enum vm_gauge)object->gauge;
		replace_entry(object, page, slot);
		if (slot)
			count_swap_out(batch, object, page->index, slot);
	}
	page->rmap = NULL;
	if (!page_flag(page, PG_RESERVED))
		vm_gauge_add(gauge, -1);
	if (slot)
		swap_cache_hand_over(page, holders);
	__atomic_fetch_sub(&page->refs, (int32_t)holders, __ATOMIC_RELEASE);
}
