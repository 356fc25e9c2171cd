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

/* What is done to each leaf; mm->pt_lock is held. */
typedef void (*leaf_fn)(struct vm_area *area, uint64_t va, void *arg);

static void visit(struct vm_area *area, uint64_t va, paddr_t pa, leaf_fn fn, void *arg)
{
	struct pt_leaf leaf;

	spin_lock(&area->mm->pt_lock);
	if (user_pt_query(area->mm, va, &leaf) == PTE_LEAF && leaf.pa.pa == pa.pa)
		fn(area, va, arg);
	spin_unlock(&area->mm->pt_lock);
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

/* The next area that shows an index of an object, after `span` or from the first; or NULL. */
static struct span *next_span(const struct vm_object *object, uint32_t index, struct span *span)
{
	return span ? span_next(span, index, index) : span_find(&object->areas, index, index);
}

static void for_each_leaf(struct page *page, leaf_fn fn, void *arg)
{
	struct vm_object *object = NULL;
	paddr_t pa = page_to_pa(page);

	while ((object = next_holder(page, object))) {
		struct span *span = NULL;

		while ((span = next_span(object, page->index, span))) {
			struct vm_area *area = area_of(object, span);
			uint64_t off = (uint64_t)(page->index - span->first) << PAGE_SHIFT;

			visit(area, area->start + off, pa, fn, arg);
		}
	}
}

struct count {
	unsigned mapped;
	bool found;
};

static void clear_young(struct vm_area *area, uint64_t va, void *arg)
{
	struct count *count = arg;

	count->mapped++;
	if (user_pt_test_clear(area->mm, va, PT_YOUNG) & PT_YOUNG)
		count->found = true;
}

bool rmap_test_clear_young(struct page *page, unsigned *mapped)
{
	struct count count = {0, false};

	for_each_leaf(page, clear_young, &count);
	*mapped = count.mapped;
	return count.found;
}

static void clear_dirty(struct vm_area *area, uint64_t va, void *arg)
{
	bool *dirty = arg;

	if (user_pt_test_clear(area->mm, va, PT_DIRTY) & PT_DIRTY)
		*dirty = true;
}

bool rmap_clean(struct page *page)
{
	bool dirty = false;

	for_each_leaf(page, clear_dirty, &dirty);
	return dirty;
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

struct eviction {
	uint32_t token;
	bool dirty;
};

static void evict_leaf(struct vm_area *area, uint64_t va, void *arg)
{
	struct eviction *e = arg;

	if (user_pt_evict(area->mm, va, e->token) & PT_DIRTY)
		e->dirty = true;
	if (e->token)
		__atomic_fetch_add(&area->mm->swap_outs, 1, __ATOMIC_RELAXED);
}

void rmap_count_swap_in(const struct vm_object *object, uint32_t index)
{
	struct span *span = NULL;

	while ((span = next_span(object, index, span))) {
		struct mm *mm = area_of(object, span)->mm;

		/* Who never mapped the page lost none when it went out. */
		if (READ_ONCE(mm->swap_ins) < READ_ONCE(mm->swap_outs))
			__atomic_fetch_add(&mm->swap_ins, 1, __ATOMIC_RELAXED);
	}
}

/* Whether an area that may map the page is locked; also how many objects hold it. */
static bool is_locked(struct page *page, int *holders)
{
	struct vm_object *object = NULL;

	*holders = 0;
	while ((object = next_holder(page, object))) {
		struct span *span = NULL;

		++*holders;
		while ((span = next_span(object, page->index, span)))
			if (area_of(object, span)->flags & VMA_LOCKED)
				return true;
	}
	return false;
}

/* The slot, or nothing, takes the page's place in one object. */
static void replace_entry(struct vm_object *object, struct page *page, uint32_t slot)
{
	object->nr_pages--;
	if (slot) {
		*pagemap_slot(&object->pages, page->index) = (entry_t)ENTRY_SLOT | slot;
		object->nr_slots++;
		swap_dup(slot);
	} else {
		pagemap_set(&object->pages, page->index, ENTRY_NONE);
	}
}

/* No object holds it any more; the caller's own reference keeps it. */
static void lose_identity(struct page *page, enum vm_gauge gauge, int holders)
{
	page->rmap = NULL;
	if (!page_flag(page, PG_RESERVED))
		vm_gauge_add(gauge, -1);
	while (holders--)
		put_page(page);
}

int rmap_evict(struct page *page, uint32_t slot)
{
	struct eviction e = {slot, false};
	enum vm_gauge gauge = NR_FILE;
	struct vm_object *object = NULL;
	int holders;

	if (is_locked(page, &holders) || page_flag(page, PG_DIRTY))
		return -EBUSY;
	for_each_leaf(page, evict_leaf, &e);
	if (e.dirty)
		page_set_flag(page, PG_DIRTY);
	/* With no leaf left, and the family locked, nobody can come by a new reference. */
	if (e.dirty || __atomic_load_n(&page->refs, __ATOMIC_ACQUIRE) !=
			       holders + page_flag(page, PG_SWAPCACHE) + 1)
		return -EBUSY;
	while ((object = next_holder(page, object))) {
		gauge = (enum vm_gauge)object->gauge;
		replace_entry(object, page, slot);
	}
	lose_identity(page, gauge, holders);
	return holders;
}
