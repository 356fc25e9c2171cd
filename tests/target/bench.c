// SPDX-License-Identifier: BSD-2-Clause
/*
 * Suite "bench": what parts of the kernel cost, in instructions where time counts them (ICOUNT=1).
 * It is not part of selftest=all. Each figure is a line `# bench: NAME COST UNIT`; tools/bench
 * reads them.
 */
#include <arch/cpu.h>
#include <twofold/page.h>
#include <twofold/pt.h>
#include <twofold/slab.h>

#include "user_mm.h"

#define ROUNDS 1024u
#define OBJECTS 256u
#define PT_BASE VADDR(0x10000000ull)
#define PT_PAGES 512u

static uint64_t begun;

static void start(void)
{
	begun = cycle_counter();
}

/* Nanoseconds since start(). */
static uint64_t stop(void)
{
	return (cycle_counter() - begun) * (1000000000ull / cycle_hz());
}

static void tell(const char *name, uint64_t cost, uint64_t times, const char *unit)
{
	uint64_t tenths = cost * 10 / times;

	selftest_note("bench: %s %lu.%lu %s", name, (unsigned long)(tenths / 10),
		      (unsigned long)(tenths % 10), unit);
}

/* ---- frames ---- */

SELFTEST(bench, a_frame_from_this_cores_list)
{
	start();
	for (unsigned i = 0; i < ROUNDS; i++)
		free_pages(alloc_page(GFP_KERNEL), 0);
	tell("frame-core-list", stop(), ROUNDS, "pair");
}

SELFTEST(bench, a_frame_from_the_buddy_lists)
{
	static struct page *frames[ROUNDS];

	drain_local_pages();
	start();
	for (unsigned i = 0; i < ROUNDS; i++)
		frames[i] = alloc_page(GFP_KERNEL);
	for (unsigned i = 0; i < ROUNDS; i++)
		free_pages(frames[i], 0);
	tell("frame-refilled", stop(), ROUNDS, "pair");
}

static void bench_order(unsigned order, const char *name)
{
	start();
	for (unsigned i = 0; i < ROUNDS / 16; i++)
		free_pages(alloc_pages(GFP_KERNEL, order), order);
	tell(name, stop(), ROUNDS / 16, "pair");
}

SELFTEST(bench, blocks_by_order)
{
	static const char *const names[] = {"block-order-1", "block-order-2", "block-order-3",
					    "block-order-4", "block-order-5", "block-order-6",
					    "block-order-7", "block-order-8"};

	for (unsigned order = 1; order <= ARRAY_SIZE(names); order++) {
		struct page *page = alloc_pages(GFP_KERNEL, order);

		REQUIRE(page);
		free_pages(page, order);
		bench_order(order, names[order - 1]);
	}
}

SELFTEST(bench, clearing_and_copying)
{
	struct page *from = alloc_page(GFP_KERNEL), *to = alloc_page(GFP_KERNEL);

	REQUIRE(from && to);
	start();
	for (unsigned i = 0; i < ROUNDS; i++)
		clear_page(page_to_ptr(to));
	tell("clear-page", stop(), ROUNDS, "page");
	start();
	for (unsigned i = 0; i < ROUNDS; i++)
		copy_page(page_to_ptr(to), page_to_ptr(from));
	tell("copy-page", stop(), ROUNDS, "page");
	start();
	for (unsigned i = 0; i < ROUNDS / 16; i++)
		page_crc(page_to_ptr(from));
	tell("checksum-page", stop(), ROUNDS / 16, "page");
	put_page(from);
	put_page(to);
}

/* ---- objects ---- */

SELFTEST(bench, objects_that_are_at_hand_and_not)
{
	struct kmem_cache *cache = kmem_cache_create("bench", 128, 0, 0, NULL);
	static void *objects[OBJECTS];

	REQUIRE(cache);
	start(); /* every slab anew */
	for (unsigned i = 0; i < OBJECTS; i++)
		objects[i] = kmem_cache_alloc(cache, GFP_KERNEL);
	for (unsigned i = 0; i < OBJECTS; i++)
		kmem_cache_free(cache, objects[i]);
	tell("object-fresh", stop(), OBJECTS, "pair");
	start();
	for (unsigned i = 0; i < ROUNDS; i++)
		kmem_cache_free(cache, kmem_cache_alloc(cache, GFP_KERNEL));
	tell("object-at-hand", stop(), ROUNDS, "pair");
	EXPECT(!kmem_cache_destroy(cache));
}

/* ---- tables: a tree that no machine walks ---- */

#define BENCH_TREE(fmt)                                                                            \
	SELFTEST(bench, tables_of_##fmt)                                                           \
	{                                                                                          \
		const prot_t prot = PT_WRITE | PT_USER | PT_YOUNG;                                 \
		struct pt pt = {.user = true};                                                     \
		paddr_t pa = page_to_pa(zero_page);                                                \
                                                                                                   \
		REQUIRE(!fmt##_pt_init(&pt, 0));                                                   \
		EXPECT(!fmt##_pt_map(&pt, PT_BASE, pa, PAGE_SIZE, prot));                          \
		start();                                                                           \
		for (unsigned i = 1; i < PT_PAGES; i++)                                            \
			fmt##_pt_map(&pt, va_add(PT_BASE, i *PAGE_SIZE), pa, PAGE_SIZE, prot);     \
		tell(#fmt "-map-page", stop(), PT_PAGES - 1, "page");                              \
		start();                                                                           \
		fmt##_pt_protect(&pt, PT_BASE, PT_PAGES *PAGE_SIZE, PT_WRITE, 0);                  \
		tell(#fmt "-protect-range", stop(), PT_PAGES, "page");                             \
		start();                                                                           \
		fmt##_pt_unmap(&pt, PT_BASE, PT_PAGES *PAGE_SIZE);                                 \
		tell(#fmt "-unmap-range", stop(), PT_PAGES, "page");                               \
		fmt##_pt_fini(&pt);                                                                \
	}

BENCH_TREE(arm64)
BENCH_TREE(x86_64)

/* ---- a fault by stage: EL1 touches user memory, so that all but the mode is as for EL0 ---- */

/* A page of PT_PAGES touched each, by the hardware's fault or by the handler's C function. */
static void touch_by_trap(struct mm *mm, uint64_t at)
{
	(void)mm;
	for (unsigned i = 0; i < PT_PAGES; i++)
		user_store(at + i * PAGE_SIZE, 1);
}

static void touch_by_call(struct mm *mm, uint64_t at)
{
	struct fault_signal sig;

	for (unsigned i = 0; i < PT_PAGES; i++)
		mm_fault(mm, at + i * PAGE_SIZE, FAULT_WRITE, &sig);
}

static uint64_t cost_of(struct mm *mm, void (*touch)(struct mm *, uint64_t))
{
	uint64_t at = user_map(mm, PT_PAGES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS);
	uint64_t cost;

	user_store(at, 1); /* the tables and what the area needs once are there */
	start();
	touch(mm, at);
	cost = stop();
	mm_unmap(mm, at, PT_PAGES * PAGE_SIZE);
	return cost;
}

static void tell_lookup(struct mm *mm)
{
	uint64_t at = user_map(mm, 2, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS);

	down_read(&mm->lock);
	start();
	for (unsigned i = 0; i < ROUNDS; i++)
		area_find(mm, at);
	tell("fault-area-lookup", stop(), ROUNDS, "fault");
	up_read(&mm->lock);
}

SELFTEST(bench, a_write_fault_by_stage)
{
	struct mm *mm = user_mm_begin();
	uint64_t trap, call;

	REQUIRE(mm);
	cost_of(mm, touch_by_trap);
	trap = cost_of(mm, touch_by_trap);
	call = cost_of(mm, touch_by_call);
	tell("fault-whole", trap, PT_PAGES, "fault");
	tell("fault-entry-and-exit", trap - MIN(call, trap), PT_PAGES, "fault");
	tell("fault-handler", call, PT_PAGES, "fault");
	tell_lookup(mm);
	user_mm_end(mm);
}
