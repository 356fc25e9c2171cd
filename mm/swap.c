// SPDX-License-Identifier: BSD-2-Clause
/*
 * Swap slots and the swap cache. A slot has a count of holders (entries of objects
 * that name it, and the swap cache), the page cached for it, and the checksum of what was written:
 * twelve bytes. Slots are handed out in clusters, so that what is written together lies together.
 *
 * Lock: the area's (RANK_SWAP) guards its slots and which page is cached for which. A page's
 * PG_SWAPCACHE and page->slot change under that lock and the page's family lock, both.
 */
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

static struct swap_slot *slot_of(slot_t slot)
{
	return &swap_area_of(slot)->slots[slot_offset(slot)];
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

/* A cluster with at least `want` free slots, looking round from the current one; or NO_CLUSTER. */
static uint32_t find_cluster(const struct swap_area *a, unsigned want)
{
	uint32_t nr = DIV_ROUND_UP(a->nr_slots, SWAP_CLUSTER);
	uint32_t from = cluster_of(a->next);

	for (uint32_t i = 0; i < nr; i++) {
		uint32_t c = (from + i) % nr;

		if (a->cluster_free[c] >= want)
			return c;
	}
	return NO_CLUSTER;
}

/* The first free slot of [from, end), or `end`. */
static uint32_t scan_free(const struct swap_area *a, uint32_t from, uint32_t end)
{
	while (from < end && a->slots[from].count)
		from++;
	return from;
}

/* Next free slot: on in the current cluster, else an empty cluster, else any that has one. */
static uint32_t find_free(struct swap_area *a)
{
	uint32_t end = MIN(ALIGN_UP(a->next + 1, SWAP_CLUSTER), a->nr_slots);
	uint32_t offset = scan_free(a, a->next, end), cluster;

	if (offset < end)
		return offset;
	cluster = find_cluster(a, SWAP_CLUSTER);
	if (cluster == NO_CLUSTER)
		cluster = find_cluster(a, 1);
	CHECK(cluster != NO_CLUSTER);
	offset = cluster * SWAP_CLUSTER;
	return scan_free(a, offset, MIN(offset + SWAP_CLUSTER, a->nr_slots));
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
			a->next = offset + 1 < a->nr_slots ? offset + 1 : 1;
			slot_becomes_used(a, offset, 1);
			cache_insert(a, offset, page);
			spin_unlock(&a->lock);
			return true;
		}
		spin_unlock(&a->lock);
	}
	return false;
}

/* Takes the page out of the cache; area lock held. The cache's reference is now the caller's. */
static void cache_remove(struct swap_area *a, struct page *page)
{
	uint32_t offset = slot_offset(page->slot);
	struct swap_slot *s = &a->slots[offset];

	CHECK(s->page == page_to_pfn(page) && s->count);
	s->page = 0;
	page_clear_flag(page, PG_SWAPCACHE);
	page->slot = SLOT_NONE;
	if (--s->count == 0)
		slot_becomes_free(a, offset);
}

void swap_cache_drop(struct page *page)
{
	struct swap_area *a;

	if (!page_flag(page, PG_SWAPCACHE))
		return;
	a = swap_area_of(page->slot);
	spin_lock(&a->lock);
	cache_remove(a, page);
	spin_unlock(&a->lock);
	put_page(page);
}

bool swap_cache_drop_unused(struct page *page)
{
	struct swap_area *a;
	bool dropped = false;
	slot_t slot = READ_ONCE(page->slot);

	if (!page_flag(page, PG_SWAPCACHE))
		return false;
	a = swap_area_of(slot);
	spin_lock(&a->lock);
	if (page_flag(page, PG_SWAPCACHE) && page->slot == slot && !page->rmap &&
	    !page_flag(page, PG_LOCKED) && __atomic_load_n(&page->refs, __ATOMIC_RELAXED) == 2) {
		cache_remove(a, page);
		dropped = true;
	}
	spin_unlock(&a->lock);
	if (dropped)
		put_page(page);
	return dropped;
}

void swap_cache_retire(struct page *page)
{
	struct swap_area *a = swap_area_of(page->slot);
	uint32_t offset = slot_offset(page->slot);

	spin_lock(&a->lock);
	CHECK(a->slots[offset].page == page_to_pfn(page));
	if (a->slots[offset].count == 1) {
		a->slots[offset].page = 0;
		a->slots[offset].count = COUNT_BAD; /* stays counted as used */
		a->nr_bad++;
		page_clear_flag(page, PG_SWAPCACHE);
		page->slot = SLOT_NONE;
		spin_unlock(&a->lock);
		put_page(page);
		return;
	}
	spin_unlock(&a->lock);
}

void swap_page_dirtied(struct page *page)
{
	if (!page_flag(page, PG_WRITEBACK))
		swap_cache_drop(page);
}

struct page *swap_cache_find(slot_t slot)
{
	struct swap_area *a = swap_area_of(slot);
	struct page *page = NULL;
	pfn_t pfn;

	spin_lock(&a->lock);
	pfn = slot_of(slot)->page;
	if (pfn) {
		page = pfn_to_page(pfn);
		get_page(page);
	}
	spin_unlock(&a->lock);
	return page;
}

bool swap_cache_reserve(slot_t slot, struct page *page)
{
	struct swap_area *a = swap_area_of(slot);
	uint32_t offset = slot_offset(slot);
	struct swap_slot *s = &a->slots[offset];
	bool ok;

	spin_lock(&a->lock);
	ok = offset && offset < a->nr_slots && s->count && s->count != COUNT_BAD && !s->page;
	if (ok) {
		s->count++;
		cache_insert(a, offset, page);
	}
	spin_unlock(&a->lock);
	return ok;
}

/* ---- counts ---- */

void swap_dup(slot_t slot)
{
	struct swap_area *a = swap_area_of(slot);
	struct swap_slot *s = slot_of(slot);

	spin_lock(&a->lock);
	CHECK(s->count && s->count < COUNT_BAD - 1);
	s->count++;
	spin_unlock(&a->lock);
}

void swap_free(slot_t slot)
{
	struct swap_area *a = swap_area_of(slot);
	uint32_t offset = slot_offset(slot);
	struct swap_slot *s = slot_of(slot);
	struct page *drop = NULL;

	spin_lock(&a->lock);
	CHECK(s->count && s->count != COUNT_BAD);
	if (--s->count == 0)
		slot_becomes_free(a, offset);
	else if (s->count == 1 && s->page) {
		/* Only the cache is left: of use to nobody, unless an object has the page itself. */
		drop = pfn_to_page(s->page);
		if (drop->rmap || page_flag(drop, PG_LOCKED))
			drop = NULL;
		else
			cache_remove(a, drop);
	}
	spin_unlock(&a->lock);
	if (drop)
		put_page(drop);
}

uint32_t swap_slot_crc(slot_t slot)
{
	return slot_of(slot)->crc;
}

void swap_slot_set_crc(slot_t slot, uint32_t crc)
{
	slot_of(slot)->crc = crc;
}
