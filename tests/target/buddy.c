// SPDX-License-Identifier: BSD-2-Clause
/* The buddy allocator, live. */
#include <twofold/page.h>
#include <twofold/selftest.h>

#include "cores.h"

/* Each word of the block says where it is. */
static void stamp(struct page *page, unsigned order)
{
	uint64_t *words = page_to_ptr(page);

	for (size_t i = 0; i < (PAGE_SIZE << order) / sizeof(*words); i += 64)
		words[i] = (uintptr_t)&words[i] ^ order;
}

static bool stamped(struct page *page, unsigned order)
{
	uint64_t *words = page_to_ptr(page);

	for (size_t i = 0; i < (PAGE_SIZE << order) / sizeof(*words); i += 64)
		if (words[i] != ((uintptr_t)&words[i] ^ order))
			return false;
	return true;
}

SELFTEST(buddy, blocks_are_aligned_and_disjoint)
{
	enum { BLOCKS = 96 };
	struct page *pages[BLOCKS];
	uint64_t before = frames_free();

	for (unsigned i = 0; i < BLOCKS; i++) {
		unsigned order = i % 6;

		pages[i] = alloc_pages(GFP_NOWAIT, order);
		if (!pages[i])
			continue;
		EXPECT(IS_ALIGNED(page_to_pfn(pages[i]), 1u << order));
		EXPECT(pages[i]->refs == 1 && !pages[i]->flags && !pages[i]->rmap);
		stamp(pages[i], order);
	}
	EXPECT(pages[0] && pages[1]);
	for (unsigned i = 0; i < BLOCKS; i++)
		if (pages[i]) {
			EXPECT(stamped(pages[i], i % 6));
			free_pages(pages[i], i % 6);
		}
	EXPECT(frames_free() == before);
}

SELFTEST(buddy, every_order_splits_and_joins)
{
	uint32_t blocks[MAX_ORDER + 1];
	struct page *page;

	drain_local_pages();
	for (unsigned i = 0; i <= MAX_ORDER; i++)
		blocks[i] = zones[0].free[i].count;
	for (unsigned order = 1; order <= MAX_ORDER; order++) {
		page = alloc_pages(GFP_NOWAIT, order);
		if (page)
			free_pages(page, order);
		else
			EXPECT(order > 3);
	}
	for (unsigned i = 0; i <= MAX_ORDER; i++)
		EXPECT(zones[0].free[i].count == blocks[i]);
	EXPECT(!alloc_pages(GFP_KERNEL, MAX_ORDER + 1));
}

SELFTEST(buddy, zeroed_means_zeroed)
{
	for (unsigned order = 0; order < 4; order++) {
		struct page *page = alloc_pages(GFP_KERNEL, order);
		uint64_t *words, any = 0;

		REQUIRE(page);
		stamp(page, order);
		free_pages(page, order);
		page = alloc_pages(GFP_KERNEL | GFP_ZERO, order);
		REQUIRE(page);
		words = page_to_ptr(page);
		for (size_t i = 0; i < (PAGE_SIZE << order) / sizeof(*words); i++)
			any |= words[i];
		EXPECT(!any);
		free_pages(page, order);
	}
}

/* Chains blocks through their contents until there are no more of the order. */
static void take_all(unsigned order, struct page **chain)
{
	struct page *page;

	while ((page = alloc_pages(GFP_NOWAIT, order))) {
		*(struct page **)page_to_ptr(page) = *chain;
		page->index = order;
		*chain = page;
	}
}

SELFTEST(buddy, without_waiting_the_reserve_stays)
{
	struct page *chain = NULL, *last;
	uint64_t before = frames_free();

	take_all(MAX_ORDER, &chain);
	take_all(4, &chain);
	take_all(0, &chain);
	EXPECT(!alloc_page(GFP_NOWAIT));
	for (struct zone *zone = zones; zone < zones + nr_zones; zone++)
		EXPECT(zone->nr_free >= zone->min);
	last = alloc_page(GFP_RESERVE);
	EXPECT(last);
	if (last)
		free_pages(last, 0);
	while (chain) {
		struct page *page = chain;

		chain = *(struct page **)page_to_ptr(page);
		free_pages(page, page->index);
	}
	/* kswapd may have freed more meanwhile. */
	EXPECT(frames_free() >= before);
}

SELFTEST(buddy, the_last_reference_frees)
{
	struct page *page = alloc_page(GFP_KERNEL);

	REQUIRE(page);
	get_page(page);
	EXPECT(get_page_unless_free(page));
	put_page(page);
	put_page(page);
	EXPECT(page->refs == 1);
	put_page(page);
	EXPECT(!get_page_unless_free(page));
	EXPECT(page_flag(page, PG_PCP) || page_flag(page, PG_BUDDY));
}

static unsigned broken;

static void churn(unsigned core)
{
	enum { BLOCKS = 24 };
	struct page *pages[BLOCKS] = {0};
	unsigned orders[BLOCKS] = {0};
	uint32_t seed = core * 7919 + 1;

	for (unsigned i = 0; i < 8000 / nr_cpus; i++) {
		unsigned k = (seed = seed * 1664525 + 1013904223) >> 16;
		unsigned b = k % BLOCKS;

		if (pages[b]) {
			if (!stamped(pages[b], orders[b]))
				__atomic_fetch_add(&broken, 1, __ATOMIC_RELAXED);
			free_pages(pages[b], orders[b]);
			pages[b] = NULL;
		} else {
			orders[b] = k & 0x7000 ? 0 : (k >> 8) % 4;
			pages[b] = alloc_pages(GFP_NOWAIT, orders[b]);
			if (pages[b])
				stamp(pages[b], orders[b]);
		}
	}
	for (unsigned b = 0; b < BLOCKS; b++)
		if (pages[b])
			free_pages(pages[b], orders[b]);
	drain_local_pages();
}

SELFTEST(buddy, cores_at_once_share_nothing)
{
	broken = 0;
	EXPECT(on_every_core(churn));
	EXPECT(!broken);
}
