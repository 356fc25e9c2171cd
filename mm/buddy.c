// SPDX-License-Identifier: BSD-2-Clause
/*
 * The buddy allocator. A free block of 2^order frames is aligned to its size; its head is
 * PG_BUDDY, knows its order, and is on the zone's list for it. A freed block joins its buddy (the
 * other half of the next larger block) while that is free and whole. In front of it, each core
 * keeps single frames of its own (PG_PCP), refilled and drained in batches.
 */
#include <twofold/debug.h>
#include <twofold/log.h>
#include <twofold/slab.h>
#include <twofold/string.h>
#include <twofold/swap.h>
#include <twofold/vm.h>
#include <twofold/wait.h>

#include "phys.h"

/* With one of these a page is not its caller's to free. */
#define FLAGS_NOT_FREEABLE                                                                         \
	((uint32_t)(BIT(PG_BUDDY) | BIT(PG_PCP) | BIT(PG_SLAB) | BIT(PG_RESERVED) | BIT(PG_LRU) |  \
		    BIT(PG_SWAPCACHE) | BIT(PG_WRITEBACK)))
/* How often direct reclaim may claim success while a block of this order still cannot be had. */
#define RECLAIM_ROUNDS 16
/* Linux's PAGE_ALLOC_COSTLY_ORDER: larger blocks are not worth killing for. */
#define KILL_ORDER 3

/* ---- free lists: zone->lock held ---- */

static void list_block(struct zone *zone, struct page *page, unsigned order)
{
	page->flags = (uint32_t)BIT(PG_BUDDY);
	page->order = order;
	page_list_add(&zone->free[order], page);
}

static void unlist_block(struct zone *zone, struct page *page)
{
	page_list_del(&zone->free[page->order], page);
	page->flags = 0;
}

static void free_block(struct zone *zone, struct page *page, unsigned order)
{
	pfn_t pfn = page_to_pfn(page);

	zone->nr_free += BIT(order);
	for (; order < MAX_ORDER; order++) {
		struct page *buddy = pfn_to_page(pfn ^ (pfn_t)BIT(order));

		if (!page_flag(buddy, PG_BUDDY) || buddy->order != order)
			break;
		unlist_block(zone, buddy);
		pfn &= ~(pfn_t)BIT(order);
	}
	list_block(zone, pfn_to_page(pfn), order);
}

/* The smallest order of at least `order` with a free block; MAX_ORDER + 1: none. */
static unsigned smallest_block(const struct zone *zone, unsigned order)
{
	while (order <= MAX_ORDER && !zone->free[order].first)
		order++;
	return order;
}

static struct page *take_block(struct zone *zone, unsigned order)
{
	unsigned have = smallest_block(zone, order);
	struct page *page;

	if (have > MAX_ORDER)
		return NULL;
	page = pfn_to_page(zone->free[have].first);
	unlist_block(zone, page);
	while (have-- > order)
		list_block(zone, page + BIT(have), have);
	zone->nr_free -= BIT(order);
	return page;
}

bool zone_watermark_ok(const struct zone *zone, unsigned order, uint64_t mark)
{
	return READ_ONCE(zone->nr_free) >= mark + BIT(order);
}

/* ---- this core's single frames ---- */

static inline struct page *pcp_pop(struct page_list *pcp)
{
	struct page *page;

	if (unlikely(!pcp->first))
		return NULL;
	page = pfn_to_page(pcp->first);
	pcp->first = page->next;
	pcp->count--;
	return page;
}

static inline void pcp_push(struct page_list *pcp, struct page *page, pfn_t pfn)
{
	page->flags = (uint32_t)BIT(PG_PCP);
	page->refs = 0;
	page->next = pcp->first;
	pcp->first = pfn;
	pcp->count++;
}

/* The n frames of a block, which were free: the first will be given first. */
static inline void pcp_push_block(struct page_list *pcp, struct page *page, unsigned n)
{
	pfn_t pfn = page_to_pfn(page);

	for (unsigned i = 0; i < n; i++) {
		page[i].flags = (uint32_t)BIT(PG_PCP);
		page[i].next = pfn + i + 1;
	}
	page[n - 1].next = pcp->first;
	pcp->first = pfn;
	pcp->count += n;
}

/* Moves up to a batch from the free lists, by the largest pieces that break no larger block. */
static void pcp_refill(struct zone *zone, struct page_list *pcp, uint64_t mark)
{
	uint64_t want = zone->pcp_batch;

	spin_lock(&zone->lock);
	want = zone->nr_free > mark ? MIN(want, zone->nr_free - mark) : 0;
	while (want) {
		unsigned fits = 63 - (unsigned)__builtin_clzll(want);
		unsigned order = MIN(smallest_block(zone, 0), fits);

		pcp_push_block(pcp, take_block(zone, order), BIT(order));
		want -= BIT(order);
	}
	spin_unlock(&zone->lock);
}

static __attribute__((noinline)) void pcp_drain(struct zone *zone, struct page_list *pcp,
						unsigned count)
{
	spin_lock(&zone->lock);
	while (count--) {
		struct page *page = pcp_pop(pcp);

		if (!page)
			break;
		free_block(zone, page, 0);
	}
	spin_unlock(&zone->lock);
}

void drain_local_pages(void)
{
	for (unsigned i = 0; i < nr_zones; i++) {
		struct page_list *pcp = &zones[i].cpu[cpu_id()].pages;

		pcp_drain(&zones[i], pcp, pcp->count);
	}
}

/* ---- allocation ---- */

static struct page *zone_alloc(struct zone *zone, unsigned order, uint64_t mark)
{
	struct page_list *pcp = &zone->cpu[cpu_id()].pages;
	struct page *page = NULL;

	if (!order) {
		if (!pcp->first)
			pcp_refill(zone, pcp, mark);
		return pcp_pop(pcp);
	}
	spin_lock(&zone->lock);
	if (zone_watermark_ok(zone, order, mark))
		page = take_block(zone, order);
	spin_unlock(&zone->lock);
	return page;
}

/* User memory leaves a zone at its low watermark if another has more; the kernel's at min. */
static uint64_t zone_mark(const struct zone *zone, gfp_t gfp, bool first_pass)
{
	if (gfp & GFP_RESERVE)
		return 0;
	return first_pass && (gfp & GFP_MOVE) ? zone->low : zone->min;
}

static struct page *alloc_any_zone(gfp_t gfp, unsigned order)
{
	for (int pass = 0; pass < 2; pass++)
		for (struct zone *zone = zones; zone < zones + nr_zones; zone++) {
			struct page *page;

			if ((gfp & GFP_DMA) && zone->id != ZONE_DMA)
				continue;
			page = zone_alloc(zone, order, zone_mark(zone, gfp, pass == 0));
			if (!zone_watermark_ok(zone, order, zone->low))
				kswapd_wake(zone);
			if (page)
				return page;
		}
	return NULL;
}

/* Below the min watermark: makes room by itself, gently first. */
static struct page *alloc_slow(gfp_t gfp, unsigned order)
{
	struct page *page;

	for (unsigned round = 1;; round++) {
		count_vm_event(ALLOCSTALL);
		unsigned freed = reclaim_direct(gfp, order);

		page = alloc_any_zone(gfp, order);
		if (page || fatal_signal_pending())
			return page;
		if (freed && round < RECLAIM_ROUNDS)
			continue;
		slab_shrink();
		drain_local_pages();
		page = alloc_any_zone(gfp, order);
		if (page || order > KILL_ORDER || !oom_kill(gfp, order))
			return page;
		round = 0;
	}
}

static struct page *prepare(struct page *page, unsigned order, unsigned cpu)
{
	vm_events[cpu][PGALLOC] += BIT(order);
	page->flags = 0;
	page->refs = 1;
	page->rmap = NULL;
	page->index = 0;
	page->order = order;
	poison(page, order, POISON_ALLOCATED);
	return page;
}

static __attribute__((noinline)) struct page *cleared(struct page *page)
{
	char *p = page_to_ptr(page);

	for (unsigned i = 0; i < BIT(page->order); i++)
		clear_page(p + i * PAGE_SIZE);
	return page;
}

static __attribute__((noinline)) struct page *alloc_general(gfp_t gfp, unsigned order)
{
	struct page *page;

	if (order > MAX_ORDER)
		return NULL;
	page = alloc_any_zone(gfp, order);
	if (!page && (gfp & GFP_WAIT))
		page = alloc_slow(gfp, order);
	if (!page)
		return NULL;
	prepare(page, order, cpu_id());
	return gfp & GFP_ZERO ? cleared(page) : page;
}

/* The short way first: a frame of this core's own list. */
struct page *alloc_pages(gfp_t gfp, unsigned order)
{
	unsigned cpu = cpu_id();
	struct page *page = NULL;

	if (gfp & GFP_WAIT)
		check_may_sleep();
	if (likely(!order && !(gfp & GFP_DMA)))
		page = pcp_pop(&zones[0].cpu[cpu].pages);
	if (unlikely(!page))
		return alloc_general(gfp, order);
	prepare(page, 0, cpu);
	if (gfp & GFP_ZERO)
		clear_page(page_to_ptr(page));
	return page;
}

/* ---- freeing ---- */

static void __noreturn free_bad(const struct page *page, unsigned order)
{
	panic("freeing frame %#x, order %u: %s; flags %#x, refs %d", page_to_pfn(page), order,
	      page->flags & (BIT(PG_BUDDY) | BIT(PG_PCP)) ? "it is free already" : "it is in use",
	      page->flags, page->refs);
}

static __attribute__((noinline)) void free_general(struct zone *zone, struct page *page,
						   unsigned order)
{
	CHECK(order <= MAX_ORDER && !(page_to_pfn(page) & (BIT(order) - 1)));
	vm_events[cpu_id()][PGFREE] += BIT(order);
	page->refs = 0;
	spin_lock(&zone->lock);
	free_block(zone, page, order);
	spin_unlock(&zone->lock);
}

void free_pages(struct page *page, unsigned order)
{
	pfn_t pfn = page_to_pfn(page);
	struct zone *zone = zone_of(pfn);
	unsigned cpu = cpu_id();
	struct page_list *pcp = &zone->cpu[cpu].pages;

	if (unlikely((page->flags & FLAGS_NOT_FREEABLE) || (uint32_t)page->refs > 1))
		free_bad(page, order);
	poison(page, order, POISON_FREE);
	if (unlikely(order)) {
		free_general(zone, page, order);
		return;
	}
	pcp_push(pcp, page, pfn);
	vm_events[cpu][PGFREE]++;
	if (unlikely(pcp->count > zone->pcp_high))
		pcp_drain(zone, pcp, zone->pcp_batch);
}

bool get_page_unless_free(struct page *page)
{
	int32_t refs = __atomic_load_n(&page->refs, __ATOMIC_RELAXED);

	while (refs > 0)
		if (__atomic_compare_exchange_n(&page->refs, &refs, refs + 1, true,
						__ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
			return true;
	return false;
}

/* So many frames side by side are not worth a place in the per-CPU list. */
#define RUN_LEAST 4

/* How many of the pages follow the first one in memory. */
static unsigned run_length(struct page *const pages[], unsigned n)
{
	unsigned run = 1;

	while (run < n && pages[run] == pages[0] + run)
		run++;
	return run;
}

/* The largest block that starts at `start` and does not pass `end`. */
static unsigned block_order(pfn_t start, pfn_t end)
{
	unsigned order = MIN((unsigned)__builtin_ctz(start), (unsigned)MAX_ORDER);

	while (start + BIT(order) > end)
		order--;
	return order;
}

static void free_run(struct page *first, unsigned n)
{
	pfn_t start = page_to_pfn(first), end = start + n;

	for (unsigned i = 0; i < n; i++) {
		if (unlikely((first[i].flags & FLAGS_NOT_FREEABLE) || first[i].refs))
			free_bad(first + i, 0);
		first[i].flags = 0;
		poison(first + i, 0, POISON_FREE);
	}
	while (start < end) {
		unsigned order = block_order(start, end);

		free_general(zone_of(start), pfn_to_page(start), order);
		start += (pfn_t)BIT(order);
	}
}

/* Pages without references, on no list. */
static void free_singles(struct page *const pages[], unsigned n)
{
	for (unsigned i = 0, run; i < n; i += run) {
		run = run_length(pages + i, n - i);
		if (run >= RUN_LEAST)
			free_run(pages[i], run);
		else
			for (unsigned k = i; k < i + run; k++)
				free_pages(pages[k], 0);
	}
}

void put_pages(struct page *pages[], unsigned n)
{
	unsigned dead = 0;

	for (unsigned i = 0; i < n; i++) {
		int32_t refs = __atomic_sub_fetch(&pages[i]->refs, 1, __ATOMIC_ACQ_REL);

		CHECK(refs >= 0);
		if (refs == 0)
			pages[dead++] = pages[i];
	}
	lru_del_pages(pages, dead);
	free_singles(pages, dead);
}

void put_page(struct page *page)
{
	int32_t refs = __atomic_sub_fetch(&page->refs, 1, __ATOMIC_ACQ_REL);

	if (likely(refs > 0))
		return;
	CHECK(refs == 0);
	if (page_flag(page, PG_LRU))
		lru_del_pages(&page, 1);
	free_pages(page, 0);
}

void buddy_give(pfn_t start, pfn_t end)
{
	while (start < end) {
		struct zone *zone = zone_of(start);
		unsigned order = block_order(start, end);

		spin_lock(&zone->lock);
		zone->managed += BIT(order);
		free_block(zone, pfn_to_page(start), order);
		spin_unlock(&zone->lock);
		start += (pfn_t)BIT(order);
	}
}

uint64_t frames_free(void)
{
	uint64_t free = 0;

	for (struct zone *zone = zones; zone < zones + nr_zones; zone++) {
		free += zone->nr_free;
		for (unsigned cpu = 0; cpu < NR_CPUS; cpu++)
			free += READ_ONCE(zone->cpu[cpu].pages.count);
	}
	return free;
}

uint64_t frames_managed(void)
{
	uint64_t managed = 0;

	for (struct zone *zone = zones; zone < zones + nr_zones; zone++)
		managed += zone->managed;
	return managed;
}
