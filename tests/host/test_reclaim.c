// SPDX-License-Identifier: BSD-2-Clause
/*
 * Reclaim: what each policy promises; and with the real address spaces, that what goes out comes
 * back, to all who shared it, whatever happens to a page while it is written, whatever fails; that
 * there is progress while there can be, and that the OOM killer comes only after that.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <linux/mman.h>
#include <signal.h>
#include <twofold/errno.h>
#include <twofold/log.h>
#include <twofold/reclaim.h>
#include <twofold/slab.h>

#include "shim.h"
#include "swap_model.h"
#include "tlb_model.h"

#define RAM (8 * SZ_1M)
#define PAGES 200u

static uint64_t frames_idle(void)
{
	slab_shrink();
	return frames_free();
}

/* ---- programs ---- */

static struct mm *new_mm(void)
{
	struct mm *mm = mm_create();

	assert_non_null(mm);
	tlb_watch(&mm->pt, &tlb_arm64);
	return mm;
}

static struct mm *forked(struct mm *parent)
{
	struct mm *mm = mm_fork(parent);

	assert_non_null(mm);
	tlb_watch(&mm->pt, &tlb_arm64);
	return mm;
}

#define BASE 0x10000000000ull

/* An area of so many pages at BASE. */
static void map_area(struct mm *mm, unsigned pages, int flags)
{
	struct map_request req = {.addr = BASE,
				  .len = pages * PAGE_SIZE,
				  .prot = PROT_READ | PROT_WRITE,
				  .flags = MAP_ANONYMOUS | MAP_FIXED | flags};

	assert_int_equal(mm_map(mm, &req), BASE);
}

static struct mm *program(unsigned pages)
{
	struct mm *mm = new_mm();

	map_area(mm, pages, MAP_PRIVATE);
	return mm;
}

static uint64_t addr_of(unsigned i)
{
	return BASE + i * PAGE_SIZE;
}

/* The program sees a value all over the page. */
static void fill_page(struct page *page, uint32_t value)
{
	uint32_t *words = page_to_ptr(page);

	for (unsigned w = 0; w < PAGE_SIZE / 4; w++)
		words[w] = value + w;
}

static bool page_has(const struct page *page, uint32_t value)
{
	const uint32_t *words = page_to_ptr(page);

	for (unsigned w = 0; w < PAGE_SIZE / 4; w++)
		if (words[w] != value + w)
			return false;
	return true;
}

static bool put_value(struct mm *mm, unsigned i, uint32_t value)
{
	struct page *page = mm_get_page(mm, addr_of(i), true);

	if (!page)
		return false;
	fill_page(page, value);
	put_page(page);
	return true;
}

static bool has_value(struct mm *mm, unsigned i, uint32_t value)
{
	struct page *page = mm_get_page(mm, addr_of(i), false);
	bool ok = page && page_has(page, value);

	if (page)
		put_page(page);
	return ok;
}

static void fill(struct mm *mm, unsigned pages, uint32_t salt)
{
	for (unsigned i = 0; i < pages; i++)
		assert_true(put_value(mm, i, i * 5000 + salt));
}

static void expect(struct mm *mm, unsigned pages, uint32_t salt)
{
	for (unsigned i = 0; i < pages; i++)
		if (!has_value(mm, i, i * 5000 + salt))
			fail_msg("page %u is not what it was", i);
}

/* Reclaims until nothing that could go to swap is left in memory. */
static void push_out(void)
{
	for (unsigned tries = 0; tries < 100 && lru_pages(LRU_ANON); tries++)
		reclaim_direct(GFP_KERNEL, 0);
	assert_int_equal(lru_pages(LRU_ANON), 0);
}

static uint64_t slots_used(void)
{
	return swap_total_pages() - swap_free_pages();
}

/* ---- before and after each test ---- */

static uint64_t frames_before;

static int boot(void **state)
{
	struct mm *mm;

	(void)state;
	model_boot(RAM);
	/* Caches that never shrink get their first slabs. */
	mm = program(1);
	fill(mm, 1, 0);
	mm_put(mm);
	mm = new_mm();
	map_area(mm, 1, MAP_SHARED);
	mm_put(mm);
	return 0;
}

static int start(void **state)
{
	(void)state;
	shim_seed(1);
	shim_log_clear();
	model_nr_killed = 0;
	disk_format(DISK_PAGES);
	frames_before = frames_idle();
	return swap_on(&disk, "vda", -1);
}

/* The programs are gone: so is all that they held, in memory and in swap. */
static int finish(void **state)
{
	const char *complaint;

	(void)state;
	disk_at_work = NULL;
	at_schedule = at_sleep = NULL;
	this_cpu()->need_resched = false;
	tlb_check();
	complaint = tlb_complaint();
	if (complaint)
		print_error("TLB: %s\n", complaint);
	if (slots_used())
		print_error("%u slots left\n", (unsigned)slots_used());
	if (lru_pages(LRU_ANON))
		print_error("%u pages left\n", (unsigned)lru_pages(LRU_ANON));
	if (complaint || slots_used() || lru_pages(LRU_ANON) || swap_off(&disk))
		return -1;
	if (frames_idle() == frames_before && vm_gauges[NR_WRITEBACK] == 0)
		return 0;
	print_error("%ld frames lost\n", (long)(frames_before - frames_idle()));
	return -1;
}

/* ---- policies ---- */

#define NR_LISTED 8u

static void list_pages(struct page *pages[], unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		pages[i] = alloc_page(GFP_USER);
		assert_non_null(pages[i]);
		page_set_flag(pages[i], PG_SWAPBACKED);
		lru_add(pages[i]);
	}
}

/* The policy's next candidate; looked at, and put back. */
static struct page *look(bool young, bool *keep)
{
	struct page *page;

	lru_settle();
	assert_int_equal(lru_isolate(LRU_ANON, &page, 1), 1);
	*keep = reclaim_policy->keep(page, young);
	lru_putback(&page, 1);
	return page;
}

static void forget_pages(struct page *const pages[], unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		put_page(pages[i]);
	assert_int_equal(lru_pages(LRU_ANON), 0);
}

static void lru_gives_a_second_chance(void **state)
{
	static const unsigned order[NR_LISTED] = {0, 2, 4, 5, 6, 7, 1, 3};
	struct page *pages[NR_LISTED], *page;
	bool keep;

	(void)state;
	list_pages(pages, NR_LISTED);
	for (unsigned i = 0; i < 4; i++) {
		assert_ptr_equal(look(i == 1 || i == 3, &keep), pages[i]);
		assert_int_equal(keep, i == 1 || i == 3);
	}
	for (unsigned i = 4; i < NR_LISTED; i++)
		look(false, &keep);
	/* Those used come after all that were not, and then go unless used again. */
	for (unsigned i = 0; i < NR_LISTED; i++) {
		lru_settle();
		assert_int_equal(lru_isolate(LRU_ANON, &page, 1), 1);
		assert_ptr_equal(page, pages[order[i]]);
		assert_false(reclaim_policy->keep(page, false));
		put_page(page);
		put_page(page);
	}
}

static void lru_counts_use_by_system_calls(void **state)
{
	uint64_t active_anon, inactive_anon, active_file, inactive_file;
	struct page *pages[NR_LISTED];
	bool keep;

	(void)state;
	list_pages(pages, NR_LISTED);
	lru_mark_accessed(pages[0]);
	assert_ptr_equal(look(false, &keep), pages[0]);
	assert_true(keep);
	lru_mark_accessed(pages[5]);
	lru_mark_accessed(pages[5]);
	lru_counts(&active_anon, &inactive_anon, &active_file, &inactive_file);
	assert_int_equal(active_anon, 2);
	assert_int_equal(inactive_anon, NR_LISTED - 2);
	assert_int_equal(active_file + inactive_file, 0);
	forget_pages(pages, NR_LISTED);
}

/* How many looks that find it unused a page outlasts. */
static unsigned looks_until_it_goes(void)
{
	unsigned looks = 0;
	bool keep;

	do {
		look(false, &keep);
		looks++;
	} while (keep);
	return looks;
}

static void aging_starts_at_3_adds_3_and_ends_at_20(void **state)
{
	struct page *page;
	bool keep;

	(void)state;
	reclaim_policy = &aging_policy;
	for (unsigned uses = 0; uses < 10; uses++) {
		list_pages(&page, 1);
		for (unsigned i = 0; i < uses; i++) {
			if (i % 2)
				lru_mark_accessed(page);
			look(i % 2 == 0, &keep);
			assert_true(keep);
		}
		assert_int_equal(looks_until_it_goes(), MIN(3 + 3 * uses, 20u));
		forget_pages(&page, 1);
	}
	reclaim_policy = &lru_policy;
}

static void aging_is_a_clock(void **state)
{
	struct page *pages[NR_LISTED];
	bool keep;

	(void)state;
	reclaim_policy = &aging_policy;
	list_pages(pages, NR_LISTED);
	for (unsigned i = 0; i < 2 * NR_LISTED; i++)
		assert_ptr_equal(look(i % 3 == 0, &keep), pages[i % NR_LISTED]);
	forget_pages(pages, NR_LISTED);
	reclaim_policy = &lru_policy;
}

static void a_page_being_freed_is_not_isolated(void **state)
{
	struct page *pages[2], *got[2];

	(void)state;
	list_pages(pages, 2);
	pages[0]->refs = 0; /* its last holder is about to take it off the list */
	lru_settle();
	assert_int_equal(lru_isolate(LRU_ANON, got, 2), 1);
	assert_ptr_equal(got[0], pages[1]);
	assert_false(page_flag(pages[0], PG_LRU));
	assert_int_equal(pages[0]->refs, 0);
	pages[0]->refs = 1;
	put_page(pages[0]);
	lru_putback(&pages[1], 1);
	put_page(pages[1]);
}

/* ---- out and back ---- */

static void pages_come_back_as_they_went(void **state)
{
	struct mm *mm = program(PAGES);

	(void)state;
	fill(mm, PAGES, 1);
	push_out();
	assert_int_equal(mm_rss(mm), 0);
	assert_int_equal(slots_used(), PAGES);
	assert_int_equal(mm->swap_outs, PAGES);
	expect(mm, PAGES, 1);
	mm_put(mm);
}

static void clean_pages_are_not_written_again(void **state)
{
	struct mm *mm = program(PAGES);

	(void)state;
	fill(mm, PAGES, 1);
	push_out();
	expect(mm, PAGES, 1);
	disk_pages_written = 0;
	push_out();
	assert_int_equal(disk_pages_written, 0);
	for (unsigned i = 0; i < PAGES; i += 4)
		assert_true(put_value(mm, i, i * 5000 + 1));
	push_out();
	assert_int_equal(disk_pages_written, PAGES / 4);
	expect(mm, PAGES, 1);
	mm_put(mm);
}

static unsigned slot_names(uint32_t slot)
{
	return swap_area_of(slot)->slots[slot_offset(slot)].count;
}

static uint32_t slot_at(struct mm *mm, unsigned i)
{
	struct vm_area *area = area_find(mm, addr_of(i));
	entry_t entry = pagemap_get(&area->anon->pages, area->anon_span.first + i);

	assert_true(entry_is_slot(entry));
	return entry & ~(uint32_t)ENTRY_SLOT;
}

static void a_page_shared_by_fork_comes_back_to_both(void **state)
{
	struct mm *parent = program(PAGES), *child;

	(void)state;
	fill(parent, PAGES, 1);
	child = forked(parent);
	assert_true(put_value(child, 7, 77)); /* now it has an object of its own */
	push_out();
	assert_int_equal(slots_used(), PAGES + 1);
	assert_int_equal(slot_at(parent, 8), slot_at(child, 8));
	assert_int_equal(slot_names(slot_at(parent, 8)), 2);
	assert_int_equal(slot_names(slot_at(parent, 7)), 1);
	/* One reads, the other writes: each keeps its own. */
	assert_true(has_value(child, 8, 8 * 5000 + 1));
	assert_true(put_value(parent, 8, 99));
	assert_true(has_value(child, 8, 8 * 5000 + 1));
	push_out();
	assert_true(has_value(parent, 8, 99));
	assert_true(put_value(parent, 8, 8 * 5000 + 1));
	assert_true(has_value(child, 7, 77));
	assert_true(put_value(child, 7, 7 * 5000 + 1));
	expect(parent, PAGES, 1);
	expect(child, PAGES, 1);
	mm_put(parent);
	push_out();
	expect(child, PAGES, 1);
	mm_put(child);
}

static void shared_memory_goes_out_and_comes_back(void **state)
{
	struct mm *mm = new_mm(), *child;

	(void)state;
	map_area(mm, PAGES, MAP_SHARED);
	fill(mm, PAGES, 1);
	child = forked(mm);
	push_out();
	expect(child, PAGES, 1);
	fill(child, PAGES, 2);
	push_out();
	expect(mm, PAGES, 2);
	mm_put(mm);
	mm_put(child);
}

/* What readahead, or another address space, has brought is not waited for. */
static void only_faults_that_read_are_major(void **state)
{
	struct mm *mm = new_mm(), *child;

	(void)state;
	map_area(mm, PAGES, MAP_SHARED);
	fill(mm, PAGES, 1);
	child = forked(mm);
	push_out();
	disk_reads = 0;
	expect(mm, PAGES, 1);
	expect(child, PAGES, 1);
	assert_in_range(disk_reads, 1, PAGES / 2);
	assert_int_equal(mm->maj_faults, disk_reads);
	assert_int_equal(child->maj_faults, 0);
	mm_put(mm);
	mm_put(child);
}

static void what_comes_back_is_counted(void **state)
{
	struct mm *mm = program(PAGES), *child;

	(void)state;
	fill(mm, PAGES, 1);
	child = forked(mm);
	push_out();
	assert_int_equal(mm->swap_outs, PAGES);
	disk_reads = 0;
	expect(mm, PAGES, 1);
	assert_int_equal(mm->maj_faults, disk_reads);
	assert_true(mm->maj_faults < PAGES / 2);
	assert_int_equal(mm->swap_ins, PAGES);
	/* None of the child's leaves went out. */
	assert_int_equal(child->swap_outs, 0);
	assert_int_equal(child->swap_ins, 0);
	/* Now it has some: what one of both brings back is back for both. */
	expect(child, PAGES, 1);
	push_out();
	expect(mm, PAGES, 1);
	assert_int_equal(child->swap_outs, PAGES);
	assert_int_equal(child->swap_ins, PAGES);
	mm_put(mm);
	mm_put(child);
}

static void swapoff_is_counted_too(void **state)
{
	struct mm *mm = program(PAGES);

	(void)state;
	fill(mm, PAGES, 1);
	push_out();
	assert_int_equal(swap_off(&disk), 0);
	assert_int_equal(mm->swap_ins, PAGES);
	assert_int_equal(mm->maj_faults, 0);
	expect(mm, PAGES, 1);
	mm_put(mm);
	assert_int_equal(swap_on(&disk, "vda", -1), 0);
}

static void pages_of_a_batch_share_a_flush(void **state)
{
	struct mm *mm = program(PAGES);
	unsigned long flushes;

	(void)state;
	fill(mm, PAGES, 1);
	flushes = tlb_flushes;
	push_out();
	assert_in_range(tlb_flushes - flushes, 1, PAGES / 8);
	expect(mm, PAGES, 1);
	mm_put(mm);
}

/* Who reads on and on gets what was read ahead with the page that he asks for. */
static void a_stream_faults_once_for_many(void **state)
{
	struct mm *mm = program(PAGES);
	uint64_t faults;

	(void)state;
	fill(mm, PAGES, 1);
	push_out();
	faults = mm->min_faults + mm->maj_faults;
	expect(mm, PAGES, 1);
	assert_in_range(mm->min_faults + mm->maj_faults - faults, 1, PAGES / 3);
	push_out();
	assert_int_equal(mm->swap_outs, 2 * PAGES);
	assert_int_equal(mm->swap_ins, PAGES);
	mm_put(mm);
}

static void what_a_stream_brings_is_verified(void **state)
{
	struct mm *mm = program(PAGES);

	(void)state;
	fill(mm, PAGES, 1);
	push_out();
	disk_page(slot_at(mm, 150))[100] ^= 1;
	for (unsigned i = 0; i < PAGES; i++)
		assert_int_equal(has_value(mm, i, i * 5000 + 1), i != 150);
	mm_put(mm);
}

static void locked_memory_stays(void **state)
{
	struct mm *mm = program(PAGES);

	(void)state;
	fill(mm, PAGES, 1);
	assert_int_equal(mm_lock_range(mm, addr_of(10), 5 * PAGE_SIZE, true), 0);
	for (unsigned i = 0; i < 20; i++)
		reclaim_direct(GFP_KERNEL, 0);
	assert_int_equal(lru_pages(LRU_ANON), 5);
	expect(mm, PAGES, 1);
	mm_put(mm);
}

/* However much of it there is: what may go is found among it, wherever that is listed. */
static void locked_memory_hides_nothing(void **state)
{
	struct mm *mm = program(PAGES);

	(void)state;
	fill(mm, PAGES, 1);
	assert_int_equal(mm_lock_range(mm, addr_of(0), PAGES * PAGE_SIZE, true), 0);
	reclaim_direct(GFP_KERNEL, 0);
	for (unsigned i = PAGES; i-- > 0;) {
		assert_int_equal(lru_pages(LRU_ANON), i + 1);
		assert_int_equal(mm_lock_range(mm, addr_of(i), PAGE_SIZE, false), 0);
		reclaim_direct(GFP_KERNEL, 0);
	}
	expect(mm, PAGES, 1);
	mm_put(mm);
}

/* ---- what happens to a page meanwhile ---- */

static struct mm *busy_mm;
static unsigned busy_count;

/* The program changes pages that the device is writing, before or after it looks at them. */
static void write_at_work(const struct bio *bio)
{
	if (bio->op != BIO_WRITE)
		return;
	for (unsigned i = 0; i < PAGES; i += 3)
		assert_true(put_value(busy_mm, i, i * 5000 + busy_count));
	disk_at_work = --busy_count ? disk_at_work : NULL;
}

static void a_page_written_to_meanwhile_is_not_lost(void **state)
{
	struct mm *mm = busy_mm = program(PAGES);

	(void)state;
	fill(mm, PAGES, 1);
	busy_count = 6;
	disk_at_work = write_at_work;
	push_out();
	assert_int_equal(busy_count, 0);
	expect(mm, PAGES, 1);
	mm_put(mm);
}

static paddr_t watched;

static void read_at_work(const struct bio *bio)
{
	for (unsigned i = 0; i < bio->nr_segs; i++)
		if (bio->op == BIO_WRITE && bio->segs[i].pa.pa == watched.pa)
			assert_true(has_value(busy_mm, 3, 3 * 5000 + 1));
}

static void a_page_read_meanwhile_stays(void **state)
{
	struct mm *mm = busy_mm = program(PAGES);
	struct vm_area *area;
	struct page *page;

	(void)state;
	fill(mm, PAGES, 1);
	page = mm_get_page(mm, addr_of(3), false);
	watched = page_to_pa(page);
	put_page(page);
	disk_at_work = read_at_work;
	disk_pages_written = 0;
	while (!page_flag(page, PG_SWAPCACHE))
		reclaim_direct(GFP_KERNEL, 0);
	disk_at_work = NULL;
	area = area_find(mm, addr_of(3));
	assert_int_equal(pagemap_get(&area->anon->pages, area->anon_span.first + 3),
			 page_to_pfn(page));
	push_out();
	assert_int_equal(disk_pages_written, PAGES);
	expect(mm, PAGES, 1);
	mm_put(mm);
}

static void a_page_that_somebody_may_write_to_stays(void **state)
{
	struct mm *mm = program(PAGES);
	struct page *page;

	(void)state;
	fill(mm, PAGES, 1);
	page = mm_get_page(mm, addr_of(3), true);
	for (unsigned i = 0; i < 20; i++)
		reclaim_direct(GFP_KERNEL, 0);
	assert_int_equal(lru_pages(LRU_ANON), 1);
	fill_page(page, 3333);
	put_page(page);
	push_out();
	assert_true(has_value(mm, 3, 3333));
	mm_put(mm);
}

/* A reference taken while the page is written, and used after that. */
static struct page *visited;

static void visit_at_work(const struct bio *bio)
{
	if (bio->op != BIO_WRITE || visited)
		return;
	visited = mm_get_page(busy_mm, addr_of(3), true);
	assert_non_null(visited);
}

static void a_visitor_who_came_meanwhile_loses_nothing(void **state)
{
	struct mm *mm = busy_mm = program(PAGES);

	(void)state;
	fill(mm, PAGES, 1);
	disk_at_work = visit_at_work;
	visited = NULL;
	for (unsigned i = 0; i < 20; i++)
		reclaim_direct(GFP_KERNEL, 0);
	fill_page(visited, 4444);
	put_page(visited);
	push_out();
	assert_true(has_value(mm, 3, 4444));
	mm_put(mm);
}

/* The program ends while its pages are written. Their slots are not free before the device is done.
 */
static void exit_at_work(const struct bio *bio)
{
	uint64_t first = bio->sector / (PAGE_SIZE / SECTOR_SIZE);

	if (bio->op != BIO_WRITE)
		return;
	if (busy_mm)
		mm_put(busy_mm);
	busy_mm = NULL;
	for (unsigned i = 0; i < bio->nr_segs; i++)
		assert_true(swap_area_of(0)->slots[first + i].count);
}

static void a_program_may_end_while_its_pages_are_written(void **state)
{
	(void)state;
	for (unsigned broken = 0; broken < 2; broken++) {
		busy_mm = program(PAGES);
		fill(busy_mm, PAGES, 1);
		disk_at_work = exit_at_work;
		disk_break_all(BIO_WRITE, broken);
		while (busy_mm)
			reclaim_direct(GFP_KERNEL, 0);
		assert_int_equal(slots_used(), 0);
		assert_int_equal(lru_pages(LRU_ANON), 0);
	}
	disk_break_all(BIO_WRITE, false);
	assert_in_range(swap_total_pages(), DISK_PAGES - 1 - SWAP_BATCH, DISK_PAGES - 2);
}

/* ---- failures ---- */

static void pages_that_cannot_be_written_stay(void **state)
{
	struct mm *mm = program(PAGES);

	(void)state;
	fill(mm, PAGES, 1);
	for (uint32_t slot = 0; slot < DISK_PAGES; slot += 3)
		disk_break(BIO_WRITE, slot, true);
	push_out(); /* each finds a good slot in the end */
	disk_break_all(BIO_WRITE, false);
	expect(mm, PAGES, 1);
	mm_put(mm);
}

static void a_dead_disk_harms_nobody(void **state)
{
	struct mm *mm = program(PAGES);

	(void)state;
	fill(mm, PAGES, 1);
	disk_break_all(BIO_WRITE, true);
	slab_shrink();
	for (unsigned i = 0; i < 40 && swap_free_pages(); i++)
		assert_int_equal(reclaim_direct(GFP_KERNEL, 0), 0);
	assert_int_equal(swap_free_pages(), 0);
	assert_true(strlen(shim_log()) < 4096); /* it is not told slot by slot */
	disk_break_all(BIO_WRITE, false);
	assert_int_equal(lru_pages(LRU_ANON), PAGES);
	expect(mm, PAGES, 1);
	mm_put(mm);
}

static void what_cannot_be_read_is_a_bus_error(void **state)
{
	struct mm *mm = program(PAGES);
	struct fault_signal sig = {0};

	(void)state;
	fill(mm, PAGES, 1);
	push_out();
	disk_break(BIO_READ, slot_at(mm, 9), true);
	disk_page(slot_at(mm, 20))[100] ^= 1;
	assert_int_equal(mm_fault(mm, addr_of(9), 0, &sig), -EFAULT);
	assert_int_equal(sig.signo, SIGBUS);
	assert_int_equal(mm_fault(mm, addr_of(20), FAULT_WRITE, &sig), -EFAULT);
	assert_int_equal(sig.signo, SIGBUS);
	for (unsigned i = 0; i < PAGES; i++)
		if (i != 9 && i != 20)
			assert_true(has_value(mm, i, i * 5000 + 1));
	disk_break_all(BIO_READ, false);
	mm_put(mm);
}

/* Each allocation on the way back fails in turn: nothing is lost by it. */
static void reading_back_survives_failing_allocations(void **state)
{
	struct mm *mm = program(PAGES);
	unsigned failures = 0;

	(void)state;
	fill(mm, PAGES, 1);
	push_out();
	for (unsigned i = 0; i < PAGES; i += 7)
		for (long n = 0;; n++) {
			struct page *page;
			bool failed;

			shim_fail_alloc_after(n);
			page = mm_get_page(mm, addr_of(i), false);
			failed = shim_alloc_failed();
			shim_fail_alloc_after(-1);
			failures += failed;
			if (page)
				put_page(page);
			if (!failed)
				break;
		}
	assert_true(failures > 20);
	expect(mm, PAGES, 1);
	mm_put(mm);
}

/* ---- swapoff ---- */

static void swapoff_brings_everything_back(void **state)
{
	struct mm *mm = program(PAGES), *child, *shared = new_mm();

	(void)state;
	fill(mm, PAGES, 1);
	child = forked(mm);
	assert_true(put_value(child, 1, 5001));
	map_area(shared, PAGES, MAP_SHARED);
	fill(shared, PAGES, 3);
	push_out();
	for (unsigned i = 0; i < PAGES; i += 2)
		assert_true(has_value(mm, i, i * 5000 + 1)); /* some in memory and in a slot */
	assert_int_equal(swap_off(&disk), 0);
	assert_int_equal(swap_total_pages(), 0);
	assert_int_equal(model_vmalloced, 0);
	/* One frame for what is still shared. */
	assert_int_equal(lru_pages(LRU_ANON), 2 * PAGES + 1);
	expect(mm, PAGES, 1);
	expect(child, PAGES, 1);
	expect(shared, PAGES, 3);
	mm_put(mm);
	mm_put(child);
	mm_put(shared);
	assert_int_equal(swap_on(&disk, "vda", -1), 0);
}

static void reclaim_at_swapoff(const struct bio *bio)
{
	static bool inside;

	if (bio->op != BIO_READ || inside || shim_random(4))
		return;
	inside = true;
	reclaim_direct(GFP_KERNEL, 0);
	inside = false;
}

static void swapoff_ends_though_reclaim_goes_on(void **state)
{
	struct mm *mm = program(PAGES);

	(void)state;
	fill(mm, PAGES, 1);
	push_out();
	assert_int_equal(swap_on(&other_disk, "vdb", -1), 0);
	disk_at_work = reclaim_at_swapoff;
	assert_int_equal(swap_off(&disk), 0);
	disk_at_work = NULL;
	expect(mm, PAGES, 1);
	assert_int_equal(swap_off(&other_disk), 0);
	expect(mm, PAGES, 1);
	mm_put(mm);
	assert_int_equal(swap_on(&disk, "vda", -1), 0);
}

static uint32_t lowest_slot; /* of those whose pages are in memory */

/* Memory is short while the first page is read; none that was in memory may have to be read after
 * that. */
static void reclaim_once(const struct bio *bio)
{
	static bool done;

	if (bio->op == BIO_READ && bio->dev == &disk)
		assert_true(bio->sector / (PAGE_SIZE / SECTOR_SIZE) + bio->nr_segs <= lowest_slot);
	if (done)
		return;
	done = true;
	for (unsigned i = 0; i < 20; i++)
		reclaim_direct(GFP_KERNEL, 0);
}

static void nothing_goes_back_to_an_area_that_swapoff_empties(void **state)
{
	struct mm *one = program(PAGES), *two = program(PAGES);

	(void)state;
	fill(one, PAGES, 1);
	push_out();
	fill(two, PAGES, 2);
	push_out();
	lowest_slot = UINT32_MAX;
	for (unsigned i = 0; i < PAGES; i++)
		lowest_slot = MIN(lowest_slot, slot_at(two, i));
	expect(two, PAGES, 2);
	assert_int_equal(swap_on(&other_disk, "vdb", -1), 0);
	disk_at_work = reclaim_once;
	assert_int_equal(swap_off(&disk), 0);
	disk_at_work = NULL;
	assert_true(slots_used() > 0); /* of the other area */
	expect(one, PAGES, 1);
	expect(two, PAGES, 2);
	mm_put(one);
	mm_put(two);
	assert_int_equal(swap_off(&other_disk), 0);
	assert_int_equal(swap_on(&disk, "vda", -1), 0);
}

static void a_swapoff_that_fails_changes_nothing(void **state)
{
	struct mm *mm = program(PAGES);

	(void)state;
	fill(mm, PAGES, 1);
	push_out();
	disk_break(BIO_READ, slot_at(mm, 150), true);
	assert_int_equal(swap_off(&disk), -EIO);
	disk_break_all(BIO_READ, false);
	model_interrupted = true;
	assert_int_equal(swap_off(&disk), -EINTR);
	model_interrupted = false;
	assert_int_equal(swap_total_pages(), DISK_PAGES - 1);
	push_out();
	expect(mm, PAGES, 1);
	mm_put(mm);
}

/* ---- progress ---- */

/* Programs use all their pages between any two looks. */
static void use_everything(void)
{
	assert_int_equal(pt_protect(&busy_mm->pt, VADDR(BASE), PAGES * PAGE_SIZE, 0, PT_YOUNG), 0);
}

static void there_is_progress_though_all_is_in_use(void **state)
{
	const struct reclaim_policy *policies[] = {&lru_policy, &aging_policy};

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct mm *mm = busy_mm = program(PAGES);

		reclaim_policy = policies[i];
		fill(mm, PAGES, 1);
		at_schedule = use_everything;
		this_cpu()->need_resched = true;
		for (unsigned n = 0; n < 3; n++)
			assert_true(reclaim_direct(GFP_KERNEL, 0));
		at_schedule = NULL;
		this_cpu()->need_resched = false;
		expect(mm, PAGES, 1);
		mm_put(mm);
	}
	reclaim_policy = &lru_policy;
}

static void without_swap_programs_are_left_alone(void **state)
{
	struct mm *mm = program(PAGES);
	uint64_t scanned;

	(void)state;
	assert_int_equal(swap_off(&disk), 0);
	fill(mm, PAGES, 1);
	scanned = vm_event_sum(PGSCAN_DIRECT);
	reclaim_direct(GFP_KERNEL, 0);
	assert_int_equal(vm_event_sum(PGSCAN_DIRECT), scanned);
	assert_int_equal(mm_rss(mm), PAGES);
	mm_put(mm);
	assert_int_equal(swap_on(&disk, "vda", -1), 0);
}

static void outgrow(const struct reclaim_policy *policy)
{
	unsigned pages = (unsigned)frames_managed() + 600;
	struct mm *mm = program(pages);
	uint64_t in = vm_event_sum(PSWPIN), out = vm_event_sum(PSWPOUT);

	reclaim_policy = policy;
	fill(mm, pages, 1);
	expect(mm, pages, 1);
	for (unsigned n = 0; n < 500; n++) {
		unsigned i = (unsigned)shim_random(pages);

		assert_true(has_value(mm, i, i * 5000 + 1));
		assert_true(put_value(mm, i, i * 5000 + 1));
	}
	assert_true(vm_event_sum(PSWPIN) - in > 600 && vm_event_sum(PSWPOUT) - out > 600);
	assert_int_equal(vm_event_sum(OOM_KILL), 0);
	mm_put(mm);
	reclaim_policy = &lru_policy;
}

static void a_program_outgrows_ram_by_lru(void **state)
{
	(void)state;
	outgrow(&lru_policy);
}

static void a_program_outgrows_ram_by_aging(void **state)
{
	(void)state;
	outgrow(&aging_policy);
}

/* ---- random ---- */

#define PROGRAMS 3u
#define RANDOM_OPS 6000
#define RANDOM_PAGES 60u

static struct mm *mms[PROGRAMS];
static uint32_t values[PROGRAMS][RANDOM_PAGES];
static bool hard_times; /* things happen at the disk */

static void random_write(void)
{
	unsigned p = (unsigned)shim_random(PROGRAMS), i = (unsigned)shim_random(RANDOM_PAGES);
	uint32_t value = (uint32_t)shim_random(UINT32_MAX);

	if (mms[p] && put_value(mms[p], i, value))
		values[p][i] = value;
}

static void random_check(void)
{
	unsigned p = (unsigned)shim_random(PROGRAMS), i = (unsigned)shim_random(RANDOM_PAGES);

	if (mms[p])
		assert_true(has_value(mms[p], i, values[p][i]));
}

/* A program ends, and another forks: now, or there is a first one. */
static void random_fork(void)
{
	unsigned p = (unsigned)shim_random(PROGRAMS), from = (unsigned)shim_random(PROGRAMS);

	if (p == from && mms[p])
		return;
	if (mms[p])
		mm_put(mms[p]);
	if (mms[from] && p != from) {
		mms[p] = forked(mms[from]);
		memcpy(values[p], values[from], sizeof(values[p]));
		return;
	}
	mms[p] = program(RANDOM_PAGES);
	for (unsigned i = 0; i < RANDOM_PAGES; i++)
		assert_true(put_value(mms[p], i, values[p][i] = i));
}

static void random_at_work(const struct bio *bio)
{
	static bool inside;

	if (inside || !hard_times || shim_random(3))
		return;
	inside = true;
	/* Who is reading would have to wait for himself if he faulted here. */
	if (bio->op == BIO_READ || shim_random(4) == 0)
		reclaim_direct(GFP_KERNEL, 0);
	else if (shim_random(30) == 0)
		random_fork();
	else
		random_write();
	inside = false;
}

static void random_break(void)
{
	if (swap_free_pages() > 1500)
		disk_break(BIO_WRITE, 1 + (uint32_t)shim_random(DISK_PAGES - 1), true);
}

static void random_times(void **state)
{
	(void)state;
	disk_at_work = random_at_work;
	for (unsigned op = 0; op < RANDOM_OPS; op++) {
		hard_times = true;
		switch (shim_random(100)) {
		case 0:
			random_fork();
			break;
		case 1:
			random_break();
			break;
		case 2:
			shim_fail_alloc_after((long)shim_random(5));
			random_write();
			shim_fail_alloc_after(-1);
			break;
		case 3 ... 8:
			reclaim_direct(GFP_KERNEL, 0);
			break;
		case 9 ... 50:
			random_write();
			break;
		default:
			random_check();
		}
	}
	hard_times = false;
	assert_true(vm_event_sum(PSWPIN) > 1000);
	for (unsigned p = 0; p < PROGRAMS; p++) {
		for (unsigned i = 0; mms[p] && i < RANDOM_PAGES; i++)
			assert_true(has_value(mms[p], i, values[p][i]));
		if (mms[p])
			mm_put(mms[p]);
	}
	disk_break_all(BIO_WRITE, false);
}

/* ---- out of memory ---- */

static struct mm *victim;

/* What was killed is gone after a while. */
static void victim_goes(void)
{
	if (!model_nr_killed || !victim)
		return;
	for (int pid = 1; pid < 8; pid++)
		if (pid == model_killed[0])
			model_process(pid, NULL);
	mm_put(victim);
	victim = NULL;
}

/* Fills memory and swap; returns how many pages could be written. */
static unsigned fill_all(struct mm *mm, unsigned max)
{
	unsigned i = 0;

	while (i < max && put_value(mm, i, i * 5000 + 1))
		i++;
	return i;
}

static void when_all_is_full_the_largest_is_killed(void **state)
{
	struct mm *small = program(50), *init = program(100), *immune = program(60);
	unsigned most = (unsigned)(frames_managed() + swap_total_pages()), n;

	(void)state;
	victim = program(most);
	fill(small, 50, 1);
	fill(init, 100, 1);
	fill(immune, 60, 1);
	immune->oom_score_adj = -1000;
	model_process(1, init);
	model_process(2, small);
	model_process(3, victim);
	model_process(4, immune);
	/* The program that asks is another one: PID 3 holds what there is. */
	n = fill_all(victim, most - 900);
	assert_int_equal(n, most - 900);
	assert_int_equal(model_nr_killed, 0);
	assert_int_equal(oom_badness(immune), 0);
	at_sleep = victim_goes;
	mm_put(small);
	small = program(1500);
	model_process(2, small);
	fill(small, 1500, 2);
	assert_int_equal(model_nr_killed, 1);
	assert_int_equal(model_killed[0], 3);
	assert_null(victim);
	assert_non_null(strstr(shim_log(), "invoked oom-killer"));
	assert_non_null(strstr(shim_log(), "Out of memory: Killed process 3"));
	expect(small, 1500, 2);
	expect(init, 100, 1);
	expect(immune, 60, 1);
	for (int pid = 1; pid <= 4; pid++)
		model_process(pid, NULL);
	mm_put(small);
	mm_put(init);
	mm_put(immune);
}

static void badness_counts_no_page_twice(void **state)
{
	struct mm *mm = program(PAGES);
	int64_t resident;

	(void)state;
	fill(mm, PAGES, 1);
	resident = oom_badness(mm);
	assert_true(resident >= PAGES);
	for (unsigned i = 0; i < 3; i++) {
		push_out();
		assert_int_equal(oom_badness(mm), resident);
		expect(mm, PAGES, 1);
		assert_int_equal(oom_badness(mm), resident);
	}
	mm_put(mm);
}

static void a_victim_that_cannot_go_does_not_hold_up_the_rest(void **state)
{
	struct mm *stuck = program(50), *other = program(40);

	(void)state;
	fill(stuck, 50, 1);
	fill(other, 40, 1);
	model_process(2, stuck);
	model_process(3, other);
	model_process(4, stuck); /* by vfork() */
	/* Nobody's memory can be reclaimed, and the zone is said to be empty. */
	assert_int_equal(swap_off(&disk), 0);
	zones[0].low = frames_managed();
	slab_shrink();
	assert_true(oom_kill(GFP_KERNEL, 0));
	assert_int_equal(model_nr_killed, 2);
	assert_true(model_killed[0] == 2 && model_killed[1] == 4);
	/* Having waited for it, the next one. */
	assert_true(oom_kill(GFP_KERNEL, 0));
	assert_int_equal(model_nr_killed, 3);
	assert_int_equal(model_killed[2], 3);
	/* Nobody is left. */
	assert_false(oom_kill(GFP_KERNEL, 0));
	for (int pid = 2; pid <= 4; pid++)
		model_process(pid, NULL);
	zones_set_watermarks();
	mm_put(stuck);
	mm_put(other);
	assert_int_equal(swap_on(&disk, "vda", -1), 0);
}

static void nobody_is_killed_while_there_is_something_to_reclaim(void **state)
{
	struct mm *mm = program(PAGES);

	(void)state;
	fill(mm, PAGES, 1);
	model_process(2, mm);
	zones[0].low = frames_managed();
	for (unsigned i = 0; i < 3; i++)
		assert_true(oom_kill(GFP_KERNEL, 0));
	assert_int_equal(model_nr_killed, 0);
	zones_set_watermarks();
	model_process(2, NULL);
	mm_put(mm);
}

#define WITH_SWAP(test) cmocka_unit_test_setup_teardown(test, start, finish)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_SWAP(lru_gives_a_second_chance),
		WITH_SWAP(lru_counts_use_by_system_calls),
		WITH_SWAP(aging_starts_at_3_adds_3_and_ends_at_20),
		WITH_SWAP(aging_is_a_clock),
		WITH_SWAP(a_page_being_freed_is_not_isolated),
		WITH_SWAP(pages_come_back_as_they_went),
		WITH_SWAP(clean_pages_are_not_written_again),
		WITH_SWAP(a_page_shared_by_fork_comes_back_to_both),
		WITH_SWAP(shared_memory_goes_out_and_comes_back),
		WITH_SWAP(only_faults_that_read_are_major),
		WITH_SWAP(what_comes_back_is_counted),
		WITH_SWAP(swapoff_is_counted_too),
		WITH_SWAP(pages_of_a_batch_share_a_flush),
		WITH_SWAP(a_stream_faults_once_for_many),
		WITH_SWAP(what_a_stream_brings_is_verified),
		WITH_SWAP(locked_memory_stays),
		WITH_SWAP(locked_memory_hides_nothing),
		WITH_SWAP(a_page_written_to_meanwhile_is_not_lost),
		WITH_SWAP(a_page_read_meanwhile_stays),
		WITH_SWAP(a_page_that_somebody_may_write_to_stays),
		WITH_SWAP(a_visitor_who_came_meanwhile_loses_nothing),
		WITH_SWAP(a_program_may_end_while_its_pages_are_written),
		WITH_SWAP(pages_that_cannot_be_written_stay),
		WITH_SWAP(a_dead_disk_harms_nobody),
		WITH_SWAP(what_cannot_be_read_is_a_bus_error),
		WITH_SWAP(reading_back_survives_failing_allocations),
		WITH_SWAP(swapoff_brings_everything_back),
		WITH_SWAP(swapoff_ends_though_reclaim_goes_on),
		WITH_SWAP(nothing_goes_back_to_an_area_that_swapoff_empties),
		WITH_SWAP(a_swapoff_that_fails_changes_nothing),
		WITH_SWAP(there_is_progress_though_all_is_in_use),
		WITH_SWAP(without_swap_programs_are_left_alone),
		WITH_SWAP(a_program_outgrows_ram_by_lru),
		WITH_SWAP(a_program_outgrows_ram_by_aging),
		WITH_SWAP(random_times),
		WITH_SWAP(when_all_is_full_the_largest_is_killed),
		WITH_SWAP(badness_counts_no_page_twice),
		WITH_SWAP(a_victim_that_cannot_go_does_not_hold_up_the_rest),
		WITH_SWAP(nobody_is_killed_while_there_is_something_to_reclaim),
	};

	return cmocka_run_group_tests(tests, boot, NULL);
}
