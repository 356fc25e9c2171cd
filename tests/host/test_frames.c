// SPDX-License-Identifier: BSD-2-Clause
/* Frames: whatever the machine says it has, every usable frame ends up free exactly once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <twofold/log.h>
#include <twofold/page.h>
#include <twofold/pt.h>

#include "shim.h"

#define MIB SZ_1M
#define CHILD_CHECK(cond)                                                                          \
	do {                                                                                       \
		if (!(cond)) {                                                                     \
			print_error("%s:%d: %s\n", __FILE__, __LINE__, #cond);                     \
			exit(1);                                                                   \
		}                                                                                  \
	} while (0)

/* Every frame that the lists name, marked in a map by pfn - min_pfn; their number is checked. */
static uint8_t *free_map(void)
{
	uint8_t *map = calloc(max_pfn - min_pfn, 1);
	uint64_t total = 0;

	for (struct zone *zone = zones; zone < zones + nr_zones; zone++) {
		uint64_t in_zone = 0;

		for (unsigned order = 0; order <= MAX_ORDER; order++)
			for (pfn_t pfn = zone->free[order].first; pfn;
			     pfn = pfn_to_page(pfn)->next) {
				CHILD_CHECK(page_flag(pfn_to_page(pfn), PG_BUDDY));
				CHILD_CHECK(IS_ALIGNED(pfn, 1u << order));
				CHILD_CHECK(page_zone(pfn_to_page(pfn)) == zone);
				for (pfn_t f = pfn; f < pfn + (1u << order); f++)
					CHILD_CHECK(map[f - min_pfn]++ == 0);
				in_zone += 1u << order;
			}
		CHILD_CHECK(in_zone == zone->nr_free);
		total += in_zone;
	}
	CHILD_CHECK(frames_free() >= total);
	return map;
}

/* No two free buddies: then the blocks are as large as they can be. */
static void check_coalesced(void)
{
	for (pfn_t pfn = min_pfn; pfn < max_pfn; pfn++) {
		struct page *page = pfn_to_page(pfn), *buddy;

		if (!page_flag(page, PG_BUDDY) || page->order == MAX_ORDER)
			continue;
		buddy = pfn_to_page(pfn ^ (1u << page->order));
		CHILD_CHECK(!page_flag(buddy, PG_BUDDY) || buddy->order != page->order);
	}
}

static void simple(void)
{
	uint8_t *map;

	shim_boot(32 * MIB);
	CHILD_CHECK(nr_zones == 1 && zones[0].id == ZONE_NORMAL);
	CHILD_CHECK(min_pfn == SHIM_RAM_BASE >> PAGE_SHIFT);
	CHILD_CHECK(max_pfn - min_pfn == 32 * MIB >> PAGE_SHIFT);
	CHILD_CHECK(sizeof(struct page) == 32);
	drain_local_pages();
	map = free_map();
	/* All but the page array (64 frames), one frame of the zone table, the zero page. */
	CHILD_CHECK(frames_free() == (32 * MIB >> PAGE_SHIFT) - 66);
	CHILD_CHECK(frames_managed() == frames_free() + 1);
	CHILD_CHECK(!map[page_to_pfn(zero_page) - min_pfn]);
	CHILD_CHECK(zones[0].min >= 32 && zones[0].low == zones[0].min * 5 / 4 &&
		    zones[0].high == zones[0].min * 3 / 2);
	for (unsigned i = 0; i < PAGE_SIZE; i++)
		CHILD_CHECK(((char *)page_to_ptr(zero_page))[i] == 0);
	check_coalesced();
	free(map);
}

static void test_one_range(void **state)
{
	(void)state;
	assert_true(shim_child(simple));
}

/* Random RAM and reservations, any alignment, overlapping; each frame judged by itself. */
static void random_layout(void)
{
	struct {
		uint64_t start, end;
	} ram[MAX_RAM_RANGES], taken[40], early[20];
	unsigned nr_ram = 1 + (unsigned)shim_random(MAX_RAM_RANGES - 1);
	unsigned nr_taken = (unsigned)shim_random(40), nr_early = (unsigned)shim_random(20);
	uint64_t base = shim_random(2) ? 0 : SZ_1G - 64 * MIB, span = 128 * MIB;
	uint64_t not_free = 0;
	uint8_t *map;

	shim_back(base, span);
	ram[0].start = base + shim_random(64 * MIB);
	ram[0].end = ram[0].start + 16 * MIB;
	for (unsigned i = 1; i < nr_ram; i++) {
		ram[i].start = base + shim_random(span - 4 * MIB);
		ram[i].end = ram[i].start + shim_random(shim_random(2) ? 3 * PAGE_SIZE : 4 * MIB);
	}
	for (unsigned i = 0; i < nr_ram; i++)
		frames_add_ram(PADDR(ram[i].start), ram[i].end - ram[i].start,
			       (unsigned)shim_random(MAX_NODES));
	for (unsigned i = 0; i < nr_taken; i++) {
		/* Half of them where early memory comes from: below the end of some RAM. */
		taken[i].start = shim_random(2)
					 ? shim_random(base + span + 64 * MIB)
					 : ram[shim_random(nr_ram)].end - shim_random(MIB / 8);
		taken[i].end = taken[i].start + shim_random(shim_random(4) ? 9000 : MIB);
		frames_reserve(PADDR(taken[i].start), taken[i].end - taken[i].start);
	}
	for (unsigned i = 0; i < nr_early; i++) {
		size_t align = 1ul << shim_random(14), size = 1 + shim_random(20000);
		char *p = early_alloc(size, align);

		early[i].start = ptr_to_pa(p).pa;
		early[i].end = early[i].start + size;
		CHILD_CHECK(IS_ALIGNED(early[i].start, align));
		for (size_t k = 0; k < size; k++)
			CHILD_CHECK(p[k] == 0);
		memset(p, 0xee, size);
		for (unsigned k = 0; k < nr_taken; k++)
			CHILD_CHECK(taken[k].start >= early[i].end ||
				    taken[k].end <= early[i].start);
	}
	frames_init();
	drain_local_pages();
	map = free_map();
	for (pfn_t pfn = min_pfn; pfn < max_pfn; pfn++) {
		uint64_t from = pfn_to_pa(pfn).pa, to = from + PAGE_SIZE;
		bool used = pfn == 0, is_ram = false;

		for (unsigned i = 0; i < nr_taken; i++)
			used |= taken[i].start < to && from < taken[i].end;
		for (unsigned i = 0; i < nr_early; i++)
			used |= early[i].start < to && from < early[i].end;
		for (unsigned i = 0; i < nr_ram; i++)
			is_ram |= ram[i].start <= from && to <= ram[i].end;
		if (used)
			CHILD_CHECK(!map[pfn - min_pfn]);
		if (map[pfn - min_pfn])
			CHILD_CHECK(!page_flag(pfn_to_page(pfn), PG_RESERVED));
		not_free += is_ram && !used && !map[pfn - min_pfn];
	}
	/* The page array, which may share its first frame with early memory; zones; zero page. */
	CHILD_CHECK(not_free <= (max_pfn - min_pfn) * sizeof(struct page) / PAGE_SIZE + 3);
	check_coalesced();
	free(map);
}

static void test_any_layout(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 60; i++) {
		shim_seed(i);
		assert_true(shim_child(random_layout));
	}
}

/* Frames that are RAM, unreserved, and not used by the allocator itself are all free. */
static void nothing_lost(void)
{
	uint64_t memmap_frames, extra;
	uint8_t *map;

	shim_back(SZ_1G, 64 * MIB);
	frames_add_ram(PADDR(SZ_1G), 40 * MIB, 0);
	frames_add_ram(PADDR(SZ_1G + 40 * MIB), 24 * MIB, 0);
	frames_reserve(PADDR(SZ_1G + 123), 1);
	frames_reserve(PADDR(SZ_1G + 5 * PAGE_SIZE - 1), 2);
	frames_reserve(PADDR(SZ_1G + 4 * PAGE_SIZE), PAGE_SIZE);
	frames_reserve(PADDR(0), PAGE_SIZE);
	frames_init();
	memmap_frames = (64 * MIB >> PAGE_SHIFT) * sizeof(struct page) / PAGE_SIZE;
	extra = 3 /* reserved */ + 1 /* zone table */ + 1 /* zero page */;
	CHILD_CHECK(frames_free() == (64 * MIB >> PAGE_SHIFT) - memmap_frames - extra);
	/* Released, they are free too, and join their buddies. */
	frames_release(PADDR(SZ_1G), 8 * PAGE_SIZE);
	CHILD_CHECK(frames_free() == (64 * MIB >> PAGE_SHIFT) - memmap_frames - extra + 3);
	frames_release(PADDR(SZ_1G), 8 * PAGE_SIZE);
	CHILD_CHECK(frames_free() == (64 * MIB >> PAGE_SHIFT) - memmap_frames - extra + 3);
	drain_local_pages();
	check_coalesced();
	map = free_map();
	for (unsigned i = 0; i < 8; i++)
		CHILD_CHECK(map[i] || pfn_to_page(min_pfn + i) == zero_page);
	free(map);
}

static void test_nothing_lost(void **state)
{
	(void)state;
	assert_true(shim_child(nothing_lost));
}

/* Low memory is its own zone, and each node has its own; blocks never cross. */
static void zones_and_nodes(void)
{
	struct page *page;

	shim_back(SZ_1G - 32 * MIB, 128 * MIB);
	frames_add_ram(PADDR(SZ_1G - 32 * MIB), 64 * MIB, 0);
	frames_add_ram(PADDR(SZ_1G + 32 * MIB), 64 * MIB, 2);
	frames_init();
	CHILD_CHECK(nr_zones == 3);
	CHILD_CHECK(zones[0].id == ZONE_NORMAL && zones[0].node == 0);
	CHILD_CHECK(zones[1].id == ZONE_DMA && zones[1].node == 0);
	CHILD_CHECK(zones[2].id == ZONE_NORMAL && zones[2].node == 2);
	CHILD_CHECK(zones[1].end == SZ_1G >> PAGE_SHIFT);
	page = alloc_pages(GFP_DMA, 3);
	CHILD_CHECK(page && page_to_pa(page).pa < SZ_1G && page_zone(page) == &zones[1]);
	page = alloc_pages(GFP_DMA, 0);
	CHILD_CHECK(page && page_to_pa(page).pa < SZ_1G);
	page = alloc_pages(GFP_KERNEL, 0);
	CHILD_CHECK(page && page_zone(page) == &zones[0]);
	free(free_map());
}

static void test_zones(void **state)
{
	(void)state;
	assert_true(shim_child(zones_and_nodes));
}

/* More reservations than the table has: some gaps are lost, no reserved frame is given out. */
static void many_reservations(void)
{
	uint8_t *map;

	shim_back(SHIM_RAM_BASE, 64 * MIB);
	frames_add_ram(PADDR(SHIM_RAM_BASE), 64 * MIB, 0);
	for (uint64_t i = 0; i < 1000; i++)
		frames_reserve(PADDR(SHIM_RAM_BASE + i * 7 * PAGE_SIZE), 1);
	frames_init();
	map = free_map();
	for (uint64_t i = 0; i < 1000; i++)
		CHILD_CHECK(!map[i * 7]);
	CHILD_CHECK(frames_free() > (64 * MIB >> PAGE_SHIFT) / 2);
	free(map);
}

static void test_many_reservations(void **state)
{
	(void)state;
	assert_true(shim_child(many_reservations));
}

/* RAM beyond what a frame number can say, or too far away, is left out; the rest works. */
static void far_ram(void)
{
	paddr_t start;
	uint64_t size;

	shim_back(SHIM_RAM_BASE, 32 * MIB);
	frames_add_ram(PADDR(SHIM_RAM_BASE), 32 * MIB, 0);
	frames_add_ram(PADDR(1ull << 42), MIB, 0);
	frames_add_ram(PADDR(1ull << 50), MIB, 0);
	frames_add_ram(PADDR(~0ull - 4095), MIB, 0);
	frames_init();
	CHILD_CHECK(max_pfn == (SHIM_RAM_BASE + 32 * MIB) >> PAGE_SHIFT);
	CHILD_CHECK(frames_ram_range(0, &start, &size) && size == 32 * MIB);
	CHILD_CHECK(!frames_ram_range(1, &start, &size));
	CHILD_CHECK(strstr(shim_log(), "left out"));
}

static void too_many_ranges(void)
{
	paddr_t start;
	uint64_t size;
	unsigned n = 0;

	shim_back(SHIM_RAM_BASE, 64 * MIB);
	for (unsigned i = 0; i < MAX_RAM_RANGES + 3; i++)
		frames_add_ram(PADDR(SHIM_RAM_BASE + i * MIB), MIB / 2, 0);
	while (frames_ram_range(n, &start, &size))
		n++;
	CHILD_CHECK(n == MAX_RAM_RANGES && strstr(shim_log(), "too many"));
	frames_init();
	CHILD_CHECK(frames_free());
}

static void test_odd_ram(void **state)
{
	(void)state;
	assert_true(shim_child(far_ram));
	assert_true(shim_child(too_many_ranges));
}

static void test_no_ram(void **state)
{
	(void)state;
	assert_true(shim_panics(frames_init, "no RAM"));
}

static void early_limit(void)
{
	void *p;

	shim_back(SHIM_RAM_BASE, 64 * MIB);
	frames_add_ram(PADDR(SHIM_RAM_BASE), 64 * MIB, 0);
	frames_set_early_limit(PADDR(SHIM_RAM_BASE + 2 * MIB));
	p = early_alloc(PAGE_SIZE, PAGE_SIZE);
	CHILD_CHECK(ptr_to_pa(p).pa == SHIM_RAM_BASE + 2 * MIB - PAGE_SIZE);
	early_alloc(4 * MIB, PAGE_SIZE);
}

static void test_early_limit(void **state)
{
	(void)state;
	assert_true(shim_panics(early_limit, "no 4194304 bytes"));
}

/* A list is what was put on it, in order, from both ends. */
static void page_lists(void)
{
	struct page_list list = {0};
	struct page *p[5];

	shim_boot(32 * MIB);
	for (unsigned i = 0; i < 5; i++)
		p[i] = alloc_page(GFP_KERNEL);
	page_list_add(&list, p[1]);
	page_list_add(&list, p[0]);
	page_list_add_tail(&list, p[2]);
	page_list_add_tail(&list, p[3]);
	page_list_add_tail(&list, p[4]);
	page_list_del(&list, p[2]);
	CHILD_CHECK(list.count == 4);
	CHILD_CHECK(list.first == page_to_pfn(p[0]) && list.last == page_to_pfn(p[4]));
	CHILD_CHECK(page_list_pop_tail(&list) == p[4]);
	CHILD_CHECK(page_list_pop_tail(&list) == p[3]);
	page_list_del(&list, p[0]);
	CHILD_CHECK(page_list_pop_tail(&list) == p[1]);
	CHILD_CHECK(!page_list_pop_tail(&list) && !list.count && !list.first && !list.last);
}

static void test_page_lists(void **state)
{
	(void)state;
	assert_true(shim_child(page_lists));
}

static void dirty_marks(void)
{
	struct page *page;

	shim_boot(32 * MIB);
	page = alloc_page(GFP_KERNEL);
	page_mark_dirty(page_to_pa(page));
	CHILD_CHECK(page_flag(page, PG_DIRTY));
	page_mark_dirty(PADDR(0x9000000));
	page_mark_dirty(PADDR((1ull << 44) + page_to_pa(page).pa));
	free_pages(page, 0);
}

static void test_dirty_marks(void **state)
{
	(void)state;
	assert_true(shim_child(dirty_marks));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_range),
		cmocka_unit_test(test_any_layout),
		cmocka_unit_test(test_nothing_lost),
		cmocka_unit_test(test_zones),
		cmocka_unit_test(test_many_reservations),
		cmocka_unit_test(test_odd_ram),
		cmocka_unit_test(test_no_ram),
		cmocka_unit_test(test_early_limit),
		cmocka_unit_test(test_page_lists),
		cmocka_unit_test(test_dirty_marks),
	};

	return cmocka_run_group_tests_name("frames", tests, NULL, NULL);
}
