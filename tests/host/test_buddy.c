// SPDX-License-Identifier: BSD-2-Clause
/* The buddy allocator against a shadow that knows who has which frame. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <pthread.h>

#include <twofold/log.h>
#include <twofold/pt.h>
#include <twofold/swap.h>
#include <twofold/vm.h>

#include "shim.h"

#define RAM (64 * SZ_1M)

/* What the slow path asked for, in place of mm/reclaim.c and mm/oom.c. */
static unsigned kswapd_wakes, reclaims, kills;
static unsigned (*on_reclaim)(void);
static bool (*on_kill)(void);
static bool dying;

void kswapd_wake(struct zone *zone)
{
	assert_true(zone >= zones && zone < zones + nr_zones);
	__atomic_fetch_add(&kswapd_wakes, 1, __ATOMIC_RELAXED);
}

unsigned reclaim_direct(gfp_t gfp, unsigned order)
{
	(void)order;
	assert_true(gfp & GFP_WAIT);
	reclaims++;
	return on_reclaim ? on_reclaim() : 0;
}

bool oom_kill(gfp_t gfp, unsigned order)
{
	(void)gfp;
	assert_true(order <= 3);
	kills++;
	return on_kill ? on_kill() : false;
}

bool fatal_signal_pending(void)
{
	return dying;
}

static uint64_t idle_free;
static uint32_t idle_blocks[MAX_ORDER + 1];

static int boot(void **state)
{
	(void)state;
	shim_boot(RAM);
	drain_local_pages();
	idle_free = frames_free();
	for (unsigned order = 0; order <= MAX_ORDER; order++)
		idle_blocks[order] = zones[0].free[order].count;
	return 0;
}

/* All is back, and joined to the blocks that there were at first. */
static void check_idle(void)
{
	drain_local_pages();
	assert_int_equal(frames_free(), idle_free);
	assert_int_equal(zones[0].nr_free, idle_free);
	for (unsigned order = 0; order <= MAX_ORDER; order++)
		assert_int_equal(zones[0].free[order].count, idle_blocks[order]);
}

/* owner[pfn - min_pfn]: number of the allocation that has the frame, 0: nobody. */
static uint32_t *owner;
struct held {
	struct page *page;
	unsigned order;
};
static struct held *held;
static unsigned nr_held;
static uint64_t held_frames;

#define MAX_HELD 20000

static void shadow_alloc(gfp_t gfp, unsigned order)
{
	struct page *page = alloc_pages(gfp, order);
	pfn_t pfn;

	if (!page || nr_held == MAX_HELD)
		return;
	pfn = page_to_pfn(page);
	assert_true(IS_ALIGNED(pfn, 1u << order));
	assert_int_equal(page->refs, 1);
	assert_int_equal(page->flags, 0);
	assert_int_equal(page->order, order);
	assert_null(page->rmap);
	for (pfn_t f = pfn; f < pfn + (1u << order); f++) {
		assert_true(pfn_valid(f));
		assert_int_equal(owner[f - min_pfn], 0);
		owner[f - min_pfn] = nr_held + 1;
		for (unsigned i = 0; (gfp & GFP_ZERO) && i < PAGE_SIZE; i += 128)
			assert_int_equal(((char *)page_to_ptr(pfn_to_page(f)))[i], 0);
		*(pfn_t *)page_to_ptr(pfn_to_page(f)) = f;
	}
	held[nr_held++] = (struct held){page, order};
	held_frames += 1u << order;
}

static void shadow_free(unsigned i)
{
	struct held h = held[i];
	pfn_t pfn = page_to_pfn(h.page);

	for (pfn_t f = pfn; f < pfn + (1u << h.order); f++) {
		assert_int_equal(*(pfn_t *)page_to_ptr(pfn_to_page(f)), f);
		owner[f - min_pfn] = 0;
	}
	held_frames -= 1u << h.order;
	held[i] = held[--nr_held];
	free_pages(h.page, h.order);
}

static void test_random_against_shadow(void **state)
{
	uint64_t allocs = vm_event_sum(PGALLOC), frees = vm_event_sum(PGFREE);

	(void)state;
	owner = calloc(max_pfn - min_pfn, sizeof(*owner));
	held = calloc(MAX_HELD, sizeof(*held));
	for (unsigned i = 0; i < 100000; i++) {
		bool grow = shim_random(100) < ((i / 5000) % 2 ? 40 : 60);
		unsigned order = shim_random(4) ? 0 : (unsigned)shim_random(MAX_ORDER + 1);

		shim_set_cpu((unsigned)shim_random(3));
		if (grow || !nr_held)
			shadow_alloc(shim_random(8) ? GFP_NOWAIT : GFP_ZERO | GFP_RESERVE, order);
		else
			shadow_free((unsigned)shim_random(nr_held));
		assert_int_equal(frames_free() + held_frames, idle_free);
	}
	while (nr_held)
		shadow_free(nr_held - 1);
	assert_int_equal(vm_event_sum(PGALLOC) - allocs, vm_event_sum(PGFREE) - frees);
	for (unsigned cpu = 0; cpu < 3; cpu++) {
		shim_set_cpu(cpu);
		drain_local_pages();
	}
	shim_set_cpu(0);
	check_idle();
	free(owner);
	free(held);
}

/* Takes frames until there are none; a chain through their contents, `*last` ends it. */
static uint64_t take_all(gfp_t gfp, unsigned order, struct page **chain)
{
	struct page *page;
	uint64_t n = 0;

	for (; (page = alloc_pages(gfp, order)); n++) {
		*(struct page **)page_to_ptr(page) = *chain;
		*chain = page;
	}
	return n;
}

static void give_all(struct page **chain, unsigned order)
{
	while (*chain) {
		struct page *page = *chain;

		*chain = *(struct page **)page_to_ptr(page);
		free_pages(page, order);
	}
}

/* Ordinary allocations stop at min, those with GFP_RESERVE take the last frame. */
static void test_exhaustion(void **state)
{
	struct page *chain = NULL, *reserve = NULL;
	uint64_t n;

	(void)state;
	kswapd_wakes = 0;
	n = take_all(GFP_NOWAIT, 0, &chain);
	assert_true(kswapd_wakes > 0);
	assert_int_equal(zones[0].nr_free, zones[0].min);
	n += take_all(GFP_RESERVE, 0, &reserve);
	assert_int_equal(n, idle_free);
	assert_int_equal(frames_free(), 0);
	give_all(&chain, 0);
	give_all(&reserve, 0);
	check_idle();
	for (unsigned order = 1; order <= MAX_ORDER; order++) {
		assert_true(take_all(GFP_NOWAIT, order, &chain) > 0);
		assert_true(zones[0].nr_free >= zones[0].min);
		give_all(&chain, order);
		check_idle();
	}
	assert_null(alloc_pages(GFP_KERNEL, MAX_ORDER + 1));
}

static struct page *reserve_chain;

static unsigned give_one(void)
{
	struct page *page = reserve_chain;

	if (!page)
		return 0;
	reserve_chain = *(struct page **)page_to_ptr(page);
	free_pages(page, 0);
	return 1;
}

/* Progress each time, a frame only the third. */
static unsigned give_late(void)
{
	return reclaims < 3 ? 1 : give_one();
}

static bool kill_gives(void)
{
	for (unsigned i = 0; i < 64; i++)
		give_one();
	return reserve_chain != NULL;
}

/* Below min a sleeper reclaims, then kills, then (nobody left) gets NULL. */
static void test_slow_path(void **state)
{
	struct page *page;

	(void)state;
	take_all(GFP_NOWAIT, 0, &reserve_chain);
	reclaims = kills = 0;
	assert_null(alloc_page(GFP_NOWAIT));
	assert_int_equal(reclaims, 0);
	on_reclaim = give_one;
	page = alloc_page(GFP_KERNEL);
	assert_non_null(page);
	assert_int_equal(reclaims, 1);
	assert_int_equal(kills, 0);
	free_pages(page, 0);
	while ((page = alloc_page(GFP_NOWAIT))) {
		*(struct page **)page_to_ptr(page) = reserve_chain;
		reserve_chain = page;
	}

	/* As long as reclaim gets on nobody is killed. */
	reclaims = 0;
	on_reclaim = give_late;
	on_kill = kill_gives;
	page = alloc_page(GFP_KERNEL);
	assert_non_null(page);
	assert_int_equal(reclaims, 3);
	assert_int_equal(kills, 0);
	*(struct page **)page_to_ptr(page) = reserve_chain;
	reserve_chain = page;

	on_reclaim = NULL;
	page = alloc_page(GFP_KERNEL);
	assert_non_null(page);
	assert_int_equal(kills, 1);
	*(struct page **)page_to_ptr(page) = reserve_chain;
	reserve_chain = page;
	take_all(GFP_NOWAIT, 0, &reserve_chain);

	on_kill = NULL;
	assert_null(alloc_page(GFP_KERNEL));
	assert_int_equal(kills, 2);
	dying = true;
	on_kill = kill_gives;
	assert_null(alloc_page(GFP_KERNEL));
	assert_int_equal(kills, 2);
	dying = false;
	kills = 0;
	assert_null(alloc_pages(GFP_KERNEL, 4));
	assert_int_equal(kills, 0);
	on_kill = NULL;
	give_all(&reserve_chain, 0);
	check_idle();
}

/* References: the last one frees; a free page gives none. */
static void test_references(void **state)
{
	struct page *page = alloc_page(GFP_KERNEL);

	(void)state;
	get_page(page);
	assert_true(get_page_unless_free(page));
	assert_int_equal(page->refs, 3);
	put_page(page);
	put_page(page);
	page_set_flag(page, PG_LRU);
	page->order = 0xdeadbeef; /* a stale slot number */
	put_page(page);
	assert_false(get_page_unless_free(page));
	assert_true(page_flag(page, PG_PCP));
	assert_false(page_flag(page, PG_LRU));
	/* Nobody frees what boot reserved. */
	get_page(zero_page);
	put_page(zero_page);
	assert_int_equal(zero_page->refs, 1);
	check_idle();
}

static void double_free_pcp(void)
{
	struct page *page = alloc_page(GFP_KERNEL);

	free_pages(page, 0);
	free_pages(page, 0);
}

static void double_free_buddy(void)
{
	struct page *page = alloc_pages(GFP_KERNEL, 3);

	free_pages(page, 3);
	free_pages(pfn_to_page(zones[0].free[MAX_ORDER].first), 3);
}

static void free_in_use(void)
{
	struct page *page = alloc_page(GFP_KERNEL);

	get_page(page);
	free_pages(page, 0);
}

static void free_zero_page(void)
{
	put_page(zero_page);
}

static void free_misaligned(void)
{
	free_pages(alloc_pages(GFP_KERNEL, 3) + 1, 2);
}

static void put_too_often(void)
{
	struct page *page = alloc_page(GFP_KERNEL);

	put_page(page);
	put_page(page);
}

static void sleep_under_lock(void)
{
	static spinlock_t lock = SPINLOCK_INIT(RANK_PIPE);

	spin_lock(&lock);
	alloc_page(GFP_KERNEL);
}

static void test_misuse_panics(void **state)
{
	(void)state;
	assert_true(shim_panics(double_free_pcp, "free already"));
	assert_true(shim_panics(double_free_buddy, "free already"));
	assert_true(shim_panics(free_in_use, "in use"));
	assert_true(shim_panics(free_zero_page, "in use"));
	assert_true(shim_panics(free_misaligned, "CHECK"));
	assert_true(shim_panics(put_too_often, "CHECK"));
	assert_true(shim_panics(sleep_under_lock, "CHECK"));
}

/* A core's list stays within its limit, and its frames count as free. */
static void test_per_cpu_lists(void **state)
{
	struct page *chain = NULL;
	struct page_list *pcp = &zones[0].cpu[0].pages;

	(void)state;
	assert_true(zones[0].pcp_batch >= 1 && zones[0].pcp_high >= 2 * zones[0].pcp_batch);
	for (unsigned i = 0; i < 1000; i++) {
		struct page *page = alloc_page(GFP_NOWAIT);

		*(struct page **)page_to_ptr(page) = chain;
		chain = page;
		assert_true(pcp->count < zones[0].pcp_batch);
	}
	assert_int_equal(frames_free(), idle_free - 1000);
	while (chain) {
		struct page *next = *(struct page **)page_to_ptr(chain);

		free_pages(chain, 0);
		assert_true(pcp->count <= zones[0].pcp_high);
		chain = next;
	}
	check_idle();
}

static void *hammer(void *arg)
{
	struct held mine[64] = {0};
	uint64_t seed = (uintptr_t)arg + 1;

	shim_set_cpu((unsigned)(uintptr_t)arg);
	for (unsigned i = 0; i < 200000; i++) {
		seed = seed * 6364136223846793005 + 1442695040888963407;
		struct held *h = &mine[(seed >> 40) % 64];

		if (h->page) {
			CHECK(*(uintptr_t *)page_to_ptr(h->page) == (uintptr_t)h);
			free_pages(h->page, h->order);
			h->page = NULL;
			continue;
		}
		h->order = (seed >> 50) % 8 ? 0 : (seed >> 54) % 5;
		h->page = alloc_pages(GFP_NOWAIT, h->order);
		if (h->page)
			*(uintptr_t *)page_to_ptr(h->page) = (uintptr_t)h;
	}
	for (unsigned i = 0; i < 64; i++)
		if (mine[i].page)
			free_pages(mine[i].page, mine[i].order);
	drain_local_pages();
	return NULL;
}

static void test_cores_at_once(void **state)
{
	pthread_t threads[4];

	(void)state;
	for (uintptr_t i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, hammer, (void *)i), 0);
	for (unsigned i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	check_idle();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_against_shadow),
		cmocka_unit_test(test_exhaustion),
		cmocka_unit_test(test_slow_path),
		cmocka_unit_test(test_references),
		cmocka_unit_test(test_misuse_panics),
		cmocka_unit_test(test_per_cpu_lists),
		cmocka_unit_test(test_cores_at_once),
	};

	return cmocka_run_group_tests_name("buddy", tests, boot, NULL);
}
