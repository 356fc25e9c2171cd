// SPDX-License-Identifier: BSD-2-Clause
/* One struct page per frame, and the zones they lie in: made at boot from what early.c knows. */
#include <twofold/log.h>
#include <twofold/string.h>

#include "phys.h"

#define DMA_END SZ_1G
#define BLOCK_FRAMES (1u << MAX_ORDER)
/* Linux's bounds of min_free_kbytes; below them a few dozen frames are kept. */
#define MIN_FREE_LEAST 32
#define MIN_FREE_MOST ((256 * SZ_1M) >> PAGE_SHIFT)
#define PCP_HIGH_LEAST 16
#define PCP_HIGH_MOST 128

struct page *memmap;
pfn_t min_pfn, max_pfn;
struct page *zero_page;
struct zone zones[MAX_NODES * NR_ZONES];
unsigned nr_zones;
uint8_t *block_zone;

/* Whole blocks of the largest order, so that every frame's buddy has a struct page. */
static void set_bounds(void)
{
	struct mem_range r;
	uint64_t start = ~0ull, end = 0;

	for (unsigned i = 0; early_ram(i, &r); i++) {
		start = MIN(start, r.start);
		end = MAX(end, r.end);
	}
	if (!end)
		panic("memory: the machine has no RAM");
	min_pfn = ALIGN_DOWN((pfn_t)(start >> PAGE_SHIFT), BLOCK_FRAMES);
	max_pfn = ALIGN_UP((pfn_t)(end >> PAGE_SHIFT), BLOCK_FRAMES);
}

/* Flat over all RAM; a range so far away that the array for the hole would not fit is left out. */
static void make_memmap(void)
{
	struct page *pages;
	uint8_t *zone_bytes;

	for (;;) {
		set_bounds();
		pages = early_try_alloc((size_t)(max_pfn - min_pfn) * sizeof(*pages), PAGE_SIZE);
		if (pages)
			break;
		if (!early_drop_ram())
			panic("memory: no room for the array of page structures");
	}
	zone_bytes = early_alloc((max_pfn - min_pfn) / BLOCK_FRAMES, 8);
	memset(zone_bytes, NO_ZONE, (max_pfn - min_pfn) / BLOCK_FRAMES);
	/* Biased, by integers: the C objects start at min_pfn. */
	memmap = (struct page *)((uintptr_t)pages - (uintptr_t)min_pfn * sizeof(*pages));
	block_zone = (uint8_t *)((uintptr_t)zone_bytes - min_pfn / BLOCK_FRAMES);
}

static struct zone *find_zone(unsigned node, enum zone_id id)
{
	for (unsigned i = 0; i < nr_zones; i++)
		if (zones[i].node == node && zones[i].id == id)
			return &zones[i];
	return NULL;
}

/* The part of a RAM range that belongs to a zone of this kind; false: none. */
static bool zone_part(const struct mem_range *r, enum zone_id id, pfn_t *start, pfn_t *end)
{
	uint64_t from = id == ZONE_DMA ? 0 : DMA_END, to = id == ZONE_DMA ? DMA_END : ~0ull;

	from = MAX(from, r->start);
	to = MIN(to, r->end);
	*start = (pfn_t)(from >> PAGE_SHIFT);
	*end = (pfn_t)(to >> PAGE_SHIFT);
	return from < to;
}

/* A block that two nodes share belongs to the first: blocks never coalesce across zones. */
static void claim_blocks(struct zone *zone, pfn_t start, pfn_t end)
{
	for (pfn_t b = start / BLOCK_FRAMES; b <= (end - 1) / BLOCK_FRAMES; b++)
		if (block_zone[b] == NO_ZONE)
			block_zone[b] = (uint8_t)(zone - zones);
}

static void zone_add_range(unsigned node, enum zone_id id, pfn_t start, pfn_t end)
{
	static const char *const names[NR_ZONES] = {"DMA", "Normal"};
	struct zone *zone = find_zone(node, id);

	if (!zone) {
		zone = &zones[nr_zones++];
		spin_lock_init(&zone->lock, RANK_ZONE);
		zone->name = names[id];
		zone->node = node;
		zone->id = id;
		zone->start = start;
	}
	zone->start = MIN(zone->start, start);
	zone->end = MAX(zone->end, end);
	claim_blocks(zone, start, end);
}

/* In fallback order: each node's normal memory before what devices may need. */
static void make_zones(void)
{
	static const enum zone_id order[NR_ZONES] = {ZONE_NORMAL, ZONE_DMA};
	struct mem_range r;
	pfn_t start, end;

	for (unsigned node = 0; node < MAX_NODES; node++)
		for (unsigned z = 0; z < NR_ZONES; z++)
			for (unsigned i = 0; early_ram(i, &r); i++)
				if (r.node == node && zone_part(&r, order[z], &start, &end))
					zone_add_range(node, order[z], start, end);
}

/* The kernel holds a reference, so that taking and dropping others never frees one. */
static void mark_reserved(pfn_t start, pfn_t end)
{
	for (struct page *page = pfn_to_page(start); page < pfn_to_page(end); page++) {
		page->flags = (uint32_t)BIT(PG_RESERVED);
		page->refs = 1;
	}
}

static void feed_range(pfn_t start, pfn_t end)
{
	struct mem_range r;

	for (unsigned i = 0; start < end && early_reserved(i, &r); i++) {
		uint64_t from = r.start >> PAGE_SHIFT;
		uint64_t to = DIV_ROUND_UP(r.end, PAGE_SIZE);

		if (to <= start)
			continue;
		if (from >= end)
			break;
		if (from > start)
			buddy_give(start, (pfn_t)from);
		start = MAX(start, (pfn_t)from);
		to = MIN(to, (uint64_t)end);
		mark_reserved(start, (pfn_t)to);
		start = (pfn_t)to;
	}
	if (start < end)
		buddy_give(start, end);
}

void frames_init(void)
{
	struct mem_range r;

	frames_reserve(PADDR(0), PAGE_SIZE);
	make_memmap();
	make_zones();
	early_close();
	for (unsigned i = 0; early_ram(i, &r); i++)
		feed_range((pfn_t)(r.start >> PAGE_SHIFT), (pfn_t)(r.end >> PAGE_SHIFT));
	zones_set_watermarks();
	zero_page = alloc_page(GFP_RESERVE | GFP_ZERO);
	if (!zero_page)
		panic("memory: no frame is free");
	zero_page->flags = (uint32_t)(BIT(PG_RESERVED) | BIT(PG_UPTODATE));
}

void frames_release(paddr_t start, uint64_t size)
{
	pfn_t pfn = pa_to_pfn(PADDR(ALIGN_UP(start.pa, PAGE_SIZE)));
	pfn_t end = pa_to_pfn(pa_add(start, size)), from;

	while (pfn < end) {
		for (from = pfn; pfn < end && pfn_valid(pfn); pfn++) {
			struct page *page = pfn_to_page(pfn);

			if (!page_flag(page, PG_RESERVED) || !pfn || page == zero_page)
				break;
			CHECK(page->refs == 1);
			page->flags = 0;
			page->refs = 0;
		}
		if (from < pfn)
			buddy_give(from, pfn);
		else
			pfn++;
	}
}

struct zone *page_zone(const struct page *page)
{
	return zone_of(page_to_pfn(page));
}

static uint64_t isqrt(uint64_t n)
{
	uint64_t root = 0;

	for (uint64_t bit = BIT(31); bit; bit >>= 1)
		if ((root | bit) * (root | bit) <= n)
			root |= bit;
	return root;
}

/* min_free_kbytes = 4 * sqrt(KiB of RAM), shared out by size, as Linux does. */
void zones_set_watermarks(void)
{
	uint64_t total = MAX(frames_managed(), (uint64_t)1);
	uint64_t kib = isqrt(total * (PAGE_SIZE / SZ_1K) * 16);
	uint64_t min = kib / (PAGE_SIZE / SZ_1K);

	min = MIN(MAX(min, (uint64_t)MIN_FREE_LEAST), (uint64_t)MIN_FREE_MOST);
	for (unsigned i = 0; i < nr_zones; i++) {
		struct zone *zone = &zones[i];
		uint64_t pcp = zone->managed / (64 * NR_CPUS);

		zone->min = min * zone->managed / total;
		zone->low = zone->min * 5 / 4;
		zone->high = zone->min * 3 / 2;
		pcp = MIN(MAX(pcp, (uint64_t)PCP_HIGH_LEAST), (uint64_t)PCP_HIGH_MOST);
		zone->pcp_high = (uint32_t)pcp;
		zone->pcp_batch = (uint32_t)pcp / 4;
	}
}

void page_mark_dirty(paddr_t pa)
{
	struct page *page = pfn_to_page(pa_to_pfn(pa));

	/* A device's registers may lie past the last frame number. */
	if (pa.pa >= pfn_to_pa(max_pfn).pa || pa.pa < pfn_to_pa(min_pfn).pa)
		return;
	if (!page_flag(page, PG_DIRTY))
		page_set_flag(page, PG_DIRTY);
}
