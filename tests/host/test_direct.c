// SPDX-License-Identifier: BSD-2-Clause
/* What disk requests on a program's own memory stand on: pages that stay, and segments of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <linux/mman.h>
#include <twofold/errno.h>
#include <twofold/log.h>
#include <twofold/reclaim.h>
#include <twofold/slab.h>

#include "shim.h"
#include "swap_model.h"
#include "tlb_model.h"

#define RAM (8 * SZ_1M)
#define PAGES 16u
#define BASE 0x10000000000ull

static struct mm *mm;
static struct page *pages[2 * PAGES];
static uint64_t frames_before;

static uint64_t frames_idle(void)
{
	slab_shrink();
	return frames_free();
}

static uint64_t addr_of(unsigned i)
{
	return BASE + i * PAGE_SIZE;
}

static unsigned pin(unsigned first, unsigned n, bool write)
{
	return mm_pin_pages(mm, addr_of(first), n, write, pages);
}

static void unpin(unsigned n)
{
	mm_unpin_pages(mm, pages, n);
	assert_int_equal(mm->lock.count, 0);
}

static void map_pages(unsigned first, unsigned n, int prot)
{
	struct map_request req = {.addr = addr_of(first),
				  .len = n * PAGE_SIZE,
				  .prot = prot,
				  .flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED};

	assert_int_equal(mm_map(mm, &req), addr_of(first));
}

static void push_out(void)
{
	for (unsigned tries = 0; tries < 20; tries++)
		reclaim_direct(GFP_KERNEL, 0);
}

static void what_is_pinned_is_the_programs(void **state)
{
	(void)state;
	assert_int_equal(pin(0, PAGES, true), PAGES);
	for (unsigned i = 0; i < PAGES; i++) {
		struct pt_leaf leaf;

		assert_int_equal(pt_query(&mm->pt, VADDR(addr_of(i)), &leaf), PTE_LEAF);
		assert_int_equal(leaf.pa.pa, page_to_pa(pages[i]).pa);
		assert_int_equal(leaf.prot & (PT_WRITE | PT_DIRTY), PT_WRITE | PT_DIRTY);
	}
	unpin(PAGES);
}

/* After a fork a write would go elsewhere than the device does. */
static void nobody_forks_meanwhile(void **state)
{
	(void)state;
	assert_int_equal(pin(0, 2, true), 2);
	assert_int_equal(mm->lock.count, 1);
	unpin(2);
}

static void reading_takes_what_is_there(void **state)
{
	(void)state;
	assert_int_equal(pin(0, 3, false), 3);
	for (unsigned i = 0; i < 3; i++)
		assert_ptr_equal(pages[i], zero_page);
	unpin(3);
	/* Which is nothing for a device to write to. */
	assert_int_equal(pin(0, 3, true), 3);
	for (unsigned i = 0; i < 3; i++)
		assert_ptr_not_equal(pages[i], zero_page);
	unpin(3);
}

static void copy_on_write_comes_first(void **state)
{
	struct page *before;
	struct mm *child;

	(void)state;
	assert_int_equal(pin(0, 1, true), 1);
	before = pages[0];
	unpin(1);
	child = mm_fork(mm);
	assert_non_null(child);
	tlb_watch(&child->pt, &tlb_arm64);
	assert_int_equal(pin(0, 1, true), 1);
	assert_ptr_not_equal(pages[0], before);
	unpin(1);
	mm_put(child);
}

static void it_ends_where_it_must(void **state)
{
	(void)state;
	assert_int_equal(mm_unmap(mm, addr_of(5), PAGE_SIZE), 0);
	assert_int_equal(pin(0, PAGES, true), 5);
	unpin(5);
	assert_int_equal(pin(5, 1, true), 0);
	map_pages(5, 1, PROT_READ);
	assert_int_equal(pin(0, PAGES, true), 5);
	unpin(5);
	assert_int_equal(pin(0, PAGES, false), PAGES);
	unpin(PAGES);
	assert_int_equal(mm_pin_pages(mm, USER_END, 1, false, pages), 0);
	assert_int_equal(mm_pin_pages(mm, USER_END - PAGE_SIZE, 2, false, pages), 0);
	assert_int_equal(mm_pin_pages(mm, -PAGE_SIZE, 2, false, pages), 0);
	assert_int_equal(mm->lock.count, 0);
}

/* What a device writes while reclaim would have the memory is there afterwards. */
static void reclaim_keeps_off(void **state)
{
	(void)state;
	assert_int_equal(pin(0, PAGES, true), PAGES);
	for (unsigned i = 0; i < PAGES; i++)
		memset(page_to_ptr(pages[i]), 'a', PAGE_SIZE);
	unpin(PAGES);
	push_out();
	assert_int_equal(lru_pages(LRU_ANON), 0);
	assert_int_equal(pin(0, PAGES, true), PAGES);
	push_out();
	assert_int_equal(lru_pages(LRU_ANON), PAGES);
	for (unsigned i = 0; i < PAGES; i++)
		memset(page_to_ptr(pages[i]), (int)i, PAGE_SIZE);
	unpin(PAGES);
	push_out();
	assert_int_equal(lru_pages(LRU_ANON), 0);
	assert_int_equal(pin(0, PAGES, false), PAGES);
	for (unsigned i = 0; i < PAGES; i++)
		assert_int_equal(*(char *)page_to_ptr(pages[i]), i);
	unpin(PAGES);
}

static void neighbours_make_one_segment(void **state)
{
	struct block_device dev = {.max_segs = 2, .max_seg_len = 3 * PAGE_SIZE};
	struct bio bio = {.dev = &dev};
	paddr_t pa = PADDR(SHIM_RAM_BASE);

	(void)state;
	for (unsigned i = 0; i < 5; i++)
		assert_true(bio_add(&bio, pa_add(pa, i * PAGE_SIZE), PAGE_SIZE));
	assert_int_equal(bio.nr_segs, 2);
	assert_int_equal(bio.segs[0].len, 3 * PAGE_SIZE);
	assert_int_equal(bio.segs[1].pa.pa, pa.pa + 3 * PAGE_SIZE);
	assert_int_equal(bio.segs[1].len, 2 * PAGE_SIZE);
	assert_false(bio_add(&bio, pa, PAGE_SIZE));
	assert_false(bio_add(&bio, pa_add(pa, 6 * PAGE_SIZE), PAGE_SIZE));
	assert_true(bio_add(&bio, pa_add(pa, 5 * PAGE_SIZE), SECTOR_SIZE));
	assert_false(bio_add(&bio, pa_add(pa, 5 * PAGE_SIZE + SECTOR_SIZE), PAGE_SIZE));
	assert_int_equal(bio.segs[1].len, 2 * PAGE_SIZE + SECTOR_SIZE);
}

static int boot(void **state)
{
	(void)state;
	model_boot(RAM);
	return 0;
}

static int start(void **state)
{
	(void)state;
	shim_log_clear();
	disk_format(DISK_PAGES);
	assert_int_equal(swap_on(&disk, "vda", -1), 0);
	mm = mm_create();
	assert_non_null(mm);
	tlb_watch(&mm->pt, &tlb_arm64);
	map_pages(0, PAGES, PROT_READ | PROT_WRITE);
	frames_before = frames_idle();
	return 0;
}

/* Nothing is left of what was taken. */
static int finish(void **state)
{
	(void)state;
	mm_put(mm);
	assert_true(frames_idle() >= frames_before);
	assert_int_equal(lru_pages(LRU_ANON), 0);
	assert_int_equal(swap_off(&disk), 0);
	tlb_check();
	assert_null(tlb_complaint());
	return 0;
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, start, finish)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(what_is_pinned_is_the_programs), CASE(nobody_forks_meanwhile),
		CASE(reading_takes_what_is_there),    CASE(copy_on_write_comes_first),
		CASE(it_ends_where_it_must),	      CASE(reclaim_keeps_off),
		CASE(neighbours_make_one_segment),
	};

	return cmocka_run_group_tests(tests, boot, NULL);
}
