// SPDX-License-Identifier: BSD-2-Clause
/*
 * Swap slots and the swap cache. A slot has a count of holders (entries of objects
 * that name it, and the swap cache), the page cached for it, and the checksum of what was written:
 * twelve bytes. Slots are handed out in clusters, so that what is written together lies together.
 *
 * Lock: the area's (RANK_SWAP) guards its slots and which page is cached for which, and so does
 * each page's PG_SWAPCACHE and ->slot. While the page has a family, that lock is held as well to
 * change them; a page without one leaves the cache only when no object names its slot, or nobody
 * but the cache and the caller refers to it, so that a fault which found it there can rely on it.
 *
 * A page that is being written keeps its slot whatever happens to it, until the device is done:
 * two writes to one slot at a time could end in any order.
 */
#include <arch/cpu.h>
#include <twofold/log.h>
#include <twofold/swap.h>
#include <twofold/swap_area.h>
#include <twofold/vm.h>

#define NO_CLUSTER UINT32_MAX

struct swap_area swap_areas[MAX_SWAP_AREAS];

struct swap_area *swap_area_of(slot_t slot)
{
	return &swap_areas[slot >> 28];
}

static slot_t make_slot(const struct swap_area *a, uint32_t offset)
{
	return (slot_t)(a - swap_areas) << 28 | offset;
}

/* Area lock held. NULL: there is no such slot (any more): its area was swapped off meanwhile. */
static struct swap_slot *find_slot(struct swap_area *a, slot_t slot)
{
	uint32_t offset = slot_offset(slot);

	return offset && offset < a->nr_slots ? &a->slots[offset] : NULL;
}

/* A slot that the caller, by an entry or as the page's cache, knows to be in use. Area lock held.
 */
static struct swap_slot *used_slot(struct swap_area *a, slot_t slot)
{
	struct swap_slot *s = find_slot(a, slot);

	CHECK(s && s->count && s->count != COUNT_BAD);
	return s;
}

/* ---- clusters ---- */

static uint32_t cluster_of(uint32_t offset)
{
	return offset / SWAP_CLUSTER;
}

void slot_becomes_free(struct swap_area *a, uint32_t offset)
{
	a->slots[offset].count = 0;
	a->cluster_free[cluster_of(offset)]++;
	a->nr_free++;
}

static void slot_becomes_used(struct swap_area *a, uint32_t offset, uint16_t count)
{
	a->slots[offset].count = count;
	a->cluster_free[cluster_of(offset)]--;
	a->nr_free--;
}

/* A cluster with at least `want` free slots, looking round from the one of `from`; or NO_CLUSTER.
 */
static uint32_t find_cluster(const struct swap_area *a, uint32_t from, unsigned want)
{
	uint32_t nr = DIV_ROUND_UP(a->nr_slots, SWAP_CLUSTER);

	for (uint32_t i = 0; i < nr; i++) {
		uint32_t c = (cluster_of(from) + i) % nr;

		if (a->cluster_free[c] >= want)
			return c;
	}
	return NO_CLUSTER;
}

/* The first free slot from `offset` on in its cluster, or 0. */
static uint32_t scan_cluster(const struct swap_area *a, uint32_t offset)
{
	uint32_t end = MIN(ALIGN_UP(offset + 1, SWAP_CLUSTER), a->nr_slots);

	for (; offset < end; offset++)
		if (!a->slots[offset].count)
			return offset;
	return 0;
}

/*
 * Next free slot: on in this core's cluster, else from an empty cluster, else from any. So what one
 * core writes at a time lies together, whatever others write meanwhile. Area lock held, a slot is
 * free.
 */
static uint32_t find_free(struct swap_area *a)
{
	uint32_t *next = &a->next[cpu_id()];
	uint32_t offset = 0, cluster;

	if (!IS_ALIGNED(*next, SWAP_CLUSTER))
		offset = scan_cluster(a, *next);
	if (!offset) {
		cluster = find_cluster(a, *next, SWAP_CLUSTER);
		if (cluster == NO_CLUSTER)
			cluster = find_cluster(a, *next, 1);
		CHECK(cluster != NO_CLUSTER);
		offset = scan_cluster(a, cluster * SWAP_CLUSTER);
		CHECK(offset);
	}
	*next = offset + 1;
	return offset;
}

/* The area to allocate from: the highest priority that has room. */
static struct swap_area *best_area(void)
{
	struct swap_area *best = NULL;

	for (struct swap_area *a = swap_areas; a < swap_areas + MAX_SWAP_AREAS; a++)
		if (a->writable && a->nr_free && (!best || a->priority > best->priority))
			best = a;
	return best;
}

/* ---- the swap cache ---- */

static void cache_insert(struct swap_area *a, uint32_t offset, struct page *page)
{
	a->slots[offset].page = page_to_pfn(page);
	page->slot = make_slot(a, offset);
	page_set_flag(page, PG_SWAPCACHE);
	get_page(page);
}

bool swap_cache_add(struct page *page)
{
	struct swap_area *a;
	uint32_t offset;

	while ((a = best_area())) {
		spin_lock(&a->lock);
		if (a->writable && a->nr_free) {
			offset = find_free(a);
			slot_becomes_used(a, offset, 1);
			cache_insert(a, offset, page);
			spin_unlock(&a->lock);
			return true;
		}
		spin_unlock(&a->lock);
	}
	return false;
}

/* Locks the area that caches the page; NULL: it is in the swap cache no longer. */
static struct swap_area *lock_cached(const struct page *page)
{
	slot_t slot = READ_ONCE(page->slot);
	struct swap_area *a = swap_area_of(slot);

	if (!page_flag(page, PG_SWAPCACHE))
		return NULL;
	spin_lock(&a->lock);
	if (page_flag(page, PG_SWAPCACHE) && page->slot == slot)
		return a;
	spin_unlock(&a->lock);
	return NULL;
}

/* Takes the page out of the cache; area lock held. The cache's reference is now the caller's. */
static void cache_remove(struct swap_area *a, struct page *page)
{
	uint32_t offset = slot_offset(page->slot);
	struct swap_slot *s = used_slot(a, page->slot);

	CHECK(s->page == page_to_pfn(page));
	s->page = 0;
	page_clear_flag(page, PG_SWAPCACHE);
	page->slot = SLOT_NONE;
	if (--s->count == 0)
		slot_becomes_free(a, offset);
}

static bool in_use_by_io(const struct page *page)
{
	return page_flag(page, PG_LOCKED) || page_flag(page, PG_WRITEBACK);
}

/* Only the cache is left to hold the slot, and no object holds the page: of use to nobody. */
static bool is_orphan(const struct swap_slot *s, const struct page *page)
{
	return s->count == 1 && !page->rmap && !in_use_by_io(page);
}

static bool is_not_written(const struct swap_slot *s, const struct page *page)
{
	(void)s;
	return !page_flag(page, PG_WRITEBACK);
}

static bool is_unused(const struct swap_slot *s, const struct page *page)
{
	(void)s;
	return !page->rmap && !in_use_by_io(page) &&
	       __atomic_load_n(&page->refs, __ATOMIC_RELAXED) == 2;
}

/* Drops the page from the cache if what `when` says is so; the area is locked meanwhile. */
static bool drop_when(struct page *page,
		      bool (*when)(const struct swap_slot *, const struct page *))
{
	struct swap_area *a = lock_cached(page);
	bool drop;

	if (!a)
		return false;
	drop = when(used_slot(a, page->slot), page);
	if (drop)
		cache_remove(a, page);
	spin_unlock(&a->lock);
	if (drop)
		put_page(page);
	return drop;
}

void swap_cache_drop(struct page *page)
{
	drop_when(page, is_not_written);
}

bool swap_cache_drop_unused(struct page *page)
{
	return drop_when(page, is_unused);
}

void swap_cache_drop_orphans(slot_t first, unsigned n)
{
	struct swap_area *a = swap_area_of(first);
	struct page *dropped[64];
	unsigned nr = 0;

	CHECK(n <= 64);
	spin_lock(&a->lock);
	for (unsigned i = 0; i < n; i++) {
		struct swap_slot *s = find_slot(a, first + i);

		if (!s || !s->page || !is_orphan(s, pfn_to_page(s->page)))
			continue;
		dropped[nr] = pfn_to_page(s->page);
		cache_remove(a, dropped[nr++]);
	}
	spin_unlock(&a->lock);
	put_pages(dropped, nr);
}

bool swap_cache_drop_orphan(struct page *page)
{
	return drop_when(page, is_orphan);
}

void swap_cache_hand_over(struct page *page, unsigned n)
{
	struct swap_area *a = lock_cached(page);
	struct swap_slot *s;

	CHECK(a && !page_flag(page, PG_WRITEBACK));
	s = used_slot(a, page->slot);
	CHECK(s->count + n < COUNT_BAD);
	s->count += (uint16_t)n;
	cache_remove(a, page);
	spin_unlock(&a->lock);
	put_page(page);
}

/* Logged only at 1, 2, 4, 8 ...: a dead disk has tens of thousands of slots. */
static void log_retired(const struct swap_area *a, uint32_t offset, uint32_t nr)
{
	if ((nr & (nr - 1)) == 0)
		pr_err("swap: %s: slot %u cannot be written, it is retired; %u so far", a->name,
		       offset, nr);
}

void swap_cache_retire(struct page *page)
{
	struct swap_area *a = lock_cached(page);
	uint32_t offset, nr;
	struct swap_slot *s;

	if (!a) /* its last object has let go of it just now */
		return;
	offset = slot_offset(page->slot);
	s = used_slot(a, page->slot);
	CHECK(s->page == page_to_pfn(page) && s->count == 1);
	s->page = 0;
	s->count = COUNT_BAD; /* stays counted as used */
	a->nr_bad++;
	nr = ++a->nr_retired;
	page_clear_flag(page, PG_SWAPCACHE);
	page->slot = SLOT_NONE;
	spin_unlock(&a->lock);
	put_page(page);
	log_retired(a, offset, nr);
}

void swap_page_dirtied(struct page *page)
{
	swap_cache_drop(page);
}

struct page *swap_cache_find_crc(slot_t slot, uint32_t *crc)
{
	struct swap_area *a = swap_area_of(slot);
	struct page *page = NULL;
	struct swap_slot *s;

	spin_lock(&a->lock);
	s = find_slot(a, slot);
	if (s && s->page) {
		page = pfn_to_page(s->page);
		get_page(page);
		*crc = s->crc;
	}
	spin_unlock(&a->lock);
	return page;
}

struct page *swap_cache_find(slot_t slot)
{
	uint32_t crc;

	return swap_cache_find_crc(slot, &crc);
}

struct page *swap_cache_find_ready(slot_t slot)
{
	struct swap_area *a = swap_area_of(slot);
	struct page *page = NULL;
	struct swap_slot *s;

	spin_lock(&a->lock);
	s = find_slot(a, slot);
	if (s && s->page && page_flag(pfn_to_page(s->page), PG_UPTODATE)) {
		page = pfn_to_page(s->page);
		get_page(page);
	}
	spin_unlock(&a->lock);
	return page;
}

bool swap_cache_reserve(slot_t slot, struct page *page, uint32_t *crc)
{
	struct swap_area *a = swap_area_of(slot);
	struct swap_slot *s;
	bool ok;

	spin_lock(&a->lock);
	s = find_slot(a, slot);
	ok = s && s->count && s->count != COUNT_BAD && !s->page;
	if (ok) {
		s->count++;
		cache_insert(a, slot_offset(slot), page);
		*crc = s->crc;
	}
	spin_unlock(&a->lock);
	return ok;
}

/* ---- counts ---- */

void swap_dup(slot_t slot)
{
	struct swap_area *a = swap_area_of(slot);
	struct swap_slot *s;

	spin_lock(&a->lock);
	s = used_slot(a, slot);
	CHECK(s->count < COUNT_BAD - 1);
	s->count++;
	spin_unlock(&a->lock);
}

void swap_free(slot_t slot)
{
	struct swap_area *a = swap_area_of(slot);
	struct page *drop = NULL;
	struct swap_slot *s;

	spin_lock(&a->lock);
	s = used_slot(a, slot);
	if (--s->count == 0) {
		CHECK(!s->page);
		slot_becomes_free(a, slot_offset(slot));
	} else if (s->page && is_orphan(s, pfn_to_page(s->page))) {
		drop = pfn_to_page(s->page);
		cache_remove(a, drop);
	}
	spin_unlock(&a->lock);
	if (drop)
		put_page(drop);
}

void swap_slot_set_crc(slot_t slot, uint32_t crc)
{
	struct swap_area *a = swap_area_of(slot);
	struct swap_slot *s;

	spin_lock(&a->lock);
	s = used_slot(a, slot);
	CHECK(s->count == 1); /* whoever else named it would get what it did not have */
	s->crc = crc;
	spin_unlock(&a->lock);
}
