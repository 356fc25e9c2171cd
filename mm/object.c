// SPDX-License-Identifier: BSD-2-Clause
/*
 * Objects, their families, and who holds a page.
 *
 * page->rmap names the family exactly while some object's entry is the page; page->index is the
 * same in all of them. A page that only the swap cache holds has no family, whatever entries name
 * its slot.
 *
 * A page may be written where it lies when no other object of the family has, at page->index, an
 * entry that is the page or names its slot (page_others()). References that reclaim, the
 * page lists or a copier hold do not count: they are no reason to copy.
 */
#include "families.h"
#include "vm_internal.h"
#include <twofold/slab.h>
#include <twofold/swap.h>

static struct kmem_cache *object_cache, *anon_families, *other_families;

static spinlock_t families_lock = SPINLOCK_INIT(RANK_FAMILIES);
static TAILQ_HEAD(, rmap) families = TAILQ_HEAD_INITIALIZER(families);
static uint32_t search; /* number of the last families_search() */

static void init_anon_family(void *p)
{
	spin_lock_init(&((struct rmap *)p)->lock, RANK_RMAP);
}

static void init_other_family(void *p)
{
	spin_lock_init(&((struct rmap *)p)->lock, RANK_RMAP_2);
}

void object_setup(void)
{
	object_cache =
		kmem_cache_create("vm_object", sizeof(struct vm_object), 8, SLAB_PANIC, NULL);
	anon_families = kmem_cache_create("anon_rmap", sizeof(struct rmap), 8,
					  SLAB_PANIC | SLAB_TYPESTABLE, init_anon_family);
	other_families = kmem_cache_create("file_rmap", sizeof(struct rmap), 8,
					   SLAB_PANIC | SLAB_TYPESTABLE, init_other_family);
}

int wait_for_memory(void)
{
	struct page *page = alloc_page(GFP_USER);

	if (!page)
		return -ENOMEM;
	put_page(page);
	return 0;
}

/* ---- families ---- */

static struct rmap *family_create(bool anon)
{
	struct rmap *family = kmem_cache_alloc(anon ? anon_families : other_families, GFP_KERNEL);

	if (!family)
		return NULL;
	family->refs = 0;
	family->anon = anon;
	LIST_INIT(&family->objects);
	spin_lock(&families_lock);
	family->seen = search;
	TAILQ_INSERT_TAIL(&families, family, all);
	spin_unlock(&families_lock);
	return family;
}

static void family_free(struct rmap *family)
{
	spin_lock(&families_lock);
	TAILQ_REMOVE(&families, family, all);
	spin_unlock(&families_lock);
	kmem_cache_free(family->anon ? anon_families : other_families, family);
}

void families_search(void)
{
	spin_lock(&families_lock);
	search++;
	spin_unlock(&families_lock);
}

struct rmap *families_next(void)
{
	struct rmap *family, *found = NULL;

	spin_lock(&families_lock);
	while (!found && (family = TAILQ_FIRST(&families)) && family->seen != search) {
		TAILQ_REMOVE(&families, family, all);
		TAILQ_INSERT_TAIL(&families, family, all);
		family->seen = search;
		spin_lock(&family->lock);
		if (family->refs) { /* else it is about to be freed */
			family->refs++;
			found = family;
		}
		spin_unlock(&family->lock);
	}
	spin_unlock(&families_lock);
	return found;
}

void family_put(struct rmap *family)
{
	bool last;

	spin_lock(&family->lock);
	last = --family->refs == 0;
	spin_unlock(&family->lock);
	if (last)
		family_free(family);
}

/* ---- objects ---- */

static void object_init(struct vm_object *object, struct rmap *family, enum vm_gauge gauge)
{
	object->rmap = family;
	object->gauge = (uint8_t)gauge;
	LIST_INSERT_HEAD(&family->objects, object, sibling);
	family->refs++;
}

/* An object in a family of its own, that nobody knows yet. */
static struct vm_object *object_new(bool anon)
{
	struct vm_object *object = kmem_cache_alloc(object_cache, GFP_KERNEL | GFP_ZERO);
	struct rmap *family;

	if (!object)
		return NULL;
	family = family_create(anon);
	if (!family) {
		kmem_cache_free(object_cache, object);
		return NULL;
	}
	spin_lock(&family->lock);
	object_init(object, family, anon ? NR_ANON : NR_SHMEM);
	spin_unlock(&family->lock);
	return object;
}

struct vm_object *object_create(const struct object_ops *ops, void *owner)
{
	struct vm_object *object = object_new(false);

	if (!object)
		return NULL;
	object->ops = ops;
	object->owner = owner;
	if (ops && ops->fill)
		object->gauge = NR_FILE;
	return object;
}

void object_unlock_reap(struct vm_object *object, struct rmap *family)
{
	bool dead = !object->owner && RB_EMPTY(&object->areas), last = false;

	if (dead) {
		CHECK(!object->nr_pages && !object->nr_slots);
		LIST_REMOVE(object, sibling);
		last = --family->refs == 0;
	}
	spin_unlock(&family->lock);
	if (!dead)
		return;
	if (last)
		family_free(family);
	pagemap_fini(&object->pages);
	kmem_cache_free(object_cache, object);
}

void object_release(struct vm_object *object)
{
	struct rmap *family = object->rmap;

	object_truncate(object, 0, UINT32_MAX);
	spin_lock(&family->lock);
	object_drop(object, 0, UINT32_MAX); /* what a fault brought back meanwhile */
	object->owner = NULL;
	object->ops = NULL;
	object_unlock_reap(object, family);
}

/* ---- who holds a page ---- */

static enum others search_others(const struct vm_object *object, const struct page *page)
{
	entry_t frame = page_to_pfn(page), slot = ENTRY_NONE;
	enum others found = NOBODY;
	const struct vm_object *other;

	if (page_flag(page, PG_SWAPCACHE))
		slot = (entry_t)ENTRY_SLOT | page->slot;
	else if (__atomic_load_n(&page->refs, __ATOMIC_RELAXED) == 1)
		return NOBODY; /* ours is the only reference */
	LIST_FOREACH(other, &object->rmap->objects, sibling) {
		entry_t entry;

		if (other == object)
			continue;
		entry = pagemap_get(&other->pages, page->index);
		if (entry == frame)
			return HAS_PAGE;
		if (slot && entry == slot)
			found = HAS_SLOT;
	}
	return found;
}

enum others page_others(const struct vm_object *object, const struct page *page)
{
	return likely(object->rmap->refs == 1) ? NOBODY : search_others(object, page);
}

void page_written(struct page *page)
{
	if (!page_flag(page, PG_DIRTY))
		page_set_flag(page, PG_DIRTY);
	if (unlikely(page_flag(page, PG_SWAPCACHE)))
		swap_page_dirtied(page);
}

void object_hold(struct vm_object *object, uint32_t index, struct page *page)
{
	object->nr_pages++;
	if (page->rmap) {
		CHECK(page->rmap == object->rmap && page->index == index);
		return;
	}
	object_own_page(object, index, page);
}

/* All of letting go but for the count of pages and the reference. True: the family has it no more,
 * and a gauge counted it. */
static inline bool leave_family(struct page *page, enum others others)
{
	if (others == HAS_PAGE)
		return false;
	page->rmap = NULL;
	if (others == NOBODY && unlikely(page_flag(page, PG_SWAPCACHE)))
		swap_cache_drop(page);
	return !page_flag(page, PG_RESERVED);
}

void object_let_go_as(struct vm_object *object, struct page *page, enum others others)
{
	object->nr_pages--;
	if (leave_family(page, others))
		vm_gauge_add(object->gauge, -1);
	put_page(page);
}

void object_let_go(struct vm_object *object, struct page *page)
{
	object_let_go_as(object, page, page_others(object, page));
}

bool object_install_swapped(struct vm_object *object, uint32_t index, uint32_t slot,
			    struct page *page)
{
	entry_t *entry = pagemap_slot(&object->pages, index);

	if (!entry || *entry != ((entry_t)ENTRY_SLOT | slot))
		return false;
	if (!page_flag(page, PG_SWAPCACHE) || page->slot != slot)
		return false;
	*entry = page_to_pfn(page);
	object->nr_slots--;
	object_hold(object, index, page);
	rmap_count_swap_in(object, index);
	swap_free(slot);
	return true;
}

/* ---- dropping ---- */

/* What one node of the map had. */
static void drop_items(struct vm_object *object, const struct pagemap_item items[], uint32_t n)
{
	struct page *pages[PAGEMAP_LEAF];
	unsigned frames = 0, counted = 0;

	for (uint32_t i = 0; i < n; i++) {
		entry_t entry = items[i].entry;
		struct page *page = pfn_to_page(entry);

		if (entry_is_slot(entry)) {
			object->nr_slots--;
			swap_free(entry & ~(entry_t)ENTRY_SLOT);
			continue;
		}
		counted += leave_family(page, page_others(object, page));
		pages[frames++] = page;
	}
	object->nr_pages -= frames;
	vm_gauge_add(object->gauge, -(int64_t)counted);
	put_pages(pages, frames);
}

void object_drop(struct vm_object *object, uint32_t first, uint32_t last)
{
	struct pagemap_item items[PAGEMAP_LEAF];
	uint64_t index = first;
	uint32_t n;

	while ((n = pagemap_take(&object->pages, &index, last, items)))
		drop_items(object, items, n);
}

/* Up to where what is true of `from` goes on: an area covers it, or none does. */
static bool covered(const struct vm_object *object, uint32_t from, uint32_t last, uint32_t *until)
{
	const struct span *span = span_find(&object->areas, from, last);

	if (!span) {
		*until = last;
		return false;
	}
	*until = span->first > from ? span->first - 1 : MIN(span->last, last);
	return span->first <= from;
}

void object_drop_uncovered(struct vm_object *object, uint32_t first, uint32_t last)
{
	uint32_t until;

	if (object->owner)
		return;
	for (uint64_t i = first; i <= last; i = (uint64_t)until + 1)
		if (!covered(object, (uint32_t)i, last, &until))
			object_drop(object, (uint32_t)i, until);
}

bool object_covered_by_other(const struct vm_object *object, const struct span *self,
			     uint32_t first, uint32_t last)
{
	struct span *span = span_find(&object->areas, first, last);

	if (span == self)
		span = span_next(span, first, last);
	return span;
}

/* ---- areas and objects ---- */

void area_attach_anon(struct vm_area *area)
{
	area->anon_span.first = anon_index(area, area->start);
	area->anon_span.last = anon_index(area, area->end - 1);
	DCHECK(area->anon_span.first <= area->anon_span.last);
	span_insert(&area->anon->areas, &area->anon_span);
}

void area_attach_object(struct vm_area *area)
{
	area->object_span.first = object_index(area, area->start);
	area->object_span.last = object_index(area, area->end - 1);
	span_insert(&area->object->areas, &area->object_span);
}

int area_make_anon(struct vm_area *area)
{
	struct vm_object *object = object_new(true);

	if (!object)
		return -ENOMEM;
	/* Another thread of the program may be doing the same: its lock decides whose object it is.
	 */
	spin_lock(&object->rmap->lock);
	spin_lock(&area->mm->pt_lock);
	if (!area->family) {
		area->anon = object;
		area_attach_anon(area);
		__atomic_store_n(&area->family, object->rmap, __ATOMIC_RELEASE);
	}
	spin_unlock(&area->mm->pt_lock);
	object_unlock_reap(object, object->rmap);
	return 0;
}

/* ---- an object of one's own ---- */

/* Nodes in `to` for whatever `from` has in the range. */
static int reserve_nodes(struct pagemap *to, const struct pagemap *from, uint32_t first,
			 uint32_t last)
{
	uint32_t n;

	for (uint64_t i = first; i <= last; i += n) {
		uint32_t at = (uint32_t)i;

		if (!pagemap_leaf(from, &at, last, &n))
			return 0;
		if (pagemap_reserve(to, at))
			return -ENOMEM;
		i = at;
	}
	return 0;
}

/* One more holder for each of n entries. */
static void dup_entries(struct vm_object *to, const entry_t *entries, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		if (entry_is_frame(entries[i])) {
			get_page(pfn_to_page(entries[i]));
			to->nr_pages++;
		} else if (entries[i]) {
			swap_dup(entries[i] & ~(entry_t)ENTRY_SLOT);
			to->nr_slots++;
		}
	}
}

static void copy_entries(struct vm_object *to, struct vm_object *from, uint32_t first,
			 uint32_t last)
{
	const entry_t *entries;
	uint32_t n;

	for (uint64_t i = first; i <= last; i += n) {
		uint32_t at = (uint32_t)i;

		entries = pagemap_leaf(&from->pages, &at, last, &n);
		if (!entries)
			return;
		dup_entries(to, entries, n);
		pagemap_fill(&to->pages, at, entries, n);
		i = at;
	}
}

static void move_entries(struct vm_object *to, struct vm_object *from, uint32_t first,
			 uint32_t last)
{
	struct pagemap_item items[PAGEMAP_LEAF];
	uint64_t index = first;
	uint32_t n;

	while ((n = pagemap_take(&from->pages, &index, last, items))) {
		for (uint32_t i = 0; i < n; i++) {
			bool slot = entry_is_slot(items[i].entry);

			CHECK(pagemap_set(&to->pages, items[i].index, items[i].entry) == 0);
			to->nr_slots += slot;
			from->nr_slots -= slot;
			to->nr_pages += !slot;
			from->nr_pages -= !slot;
		}
	}
}

int area_unshare(struct vm_area *area, struct unshare *u)
{
	uint32_t first = area->anon_span.first, last = area->anon_span.last, until;
	struct vm_object *old = area->anon, *own;

	if (!object_covered_by_other(old, &area->anon_span, u->part ? 0 : first,
				     u->part ? UINT32_MAX : last)) {
		area->flags &= (uint16_t)~VMA_COW;
		return 0;
	}
	if (!u->object)
		u->object = kmem_cache_alloc(object_cache, GFP_NOWAIT | GFP_ZERO);
	if (!u->object || reserve_nodes(&u->object->pages, &old->pages, first, last))
		return -ENOMEM;
	own = u->object;
	u->object = NULL;
	object_init(own, area->family, NR_ANON);
	span_remove(&old->areas, &area->anon_span);
	for (uint64_t i = first; i <= last; i = (uint64_t)until + 1) {
		if (covered(old, (uint32_t)i, last, &until))
			copy_entries(own, old, (uint32_t)i, until);
		else
			move_entries(own, old, (uint32_t)i, until);
	}
	area->anon = own;
	span_insert(&own->areas, &area->anon_span);
	area->flags &= (uint16_t)~VMA_COW;
	return 0;
}

void unshare_fini(struct unshare *u)
{
	if (!u->object)
		return;
	pagemap_fini(&u->object->pages);
	kmem_cache_free(object_cache, u->object);
}

static int unshare_sleeping(struct vm_area *area, bool part)
{
	struct unshare u = {NULL, part};
	int err;

	do {
		spin_lock(&area->family->lock);
		err = area_unshare(area, &u);
		spin_unlock(&area->family->lock);
	} while (err && !(err = wait_for_memory()));
	unshare_fini(&u);
	return err;
}

int area_unshare_sleeping(struct vm_area *area)
{
	return unshare_sleeping(area, false);
}

bool area_grow_apart(struct vm_area *area, uint64_t start, uint64_t end)
{
	if (area_grow(area, start, end))
		return true;
	return area->anon && !unshare_sleeping(area, true) && area_grow(area, start, end);
}
