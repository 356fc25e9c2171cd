// SPDX-License-Identifier: BSD-2-Clause
/*
 * Swap areas: headers; slots against a shadow through random operations; that slots written
 * together lie together; reading, writing, readahead; and what happens when the disk fails or lies.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <twofold/errno.h>
#include <twofold/log.h>
#include <twofold/reclaim.h>
#include <twofold/slab.h>
#include <twofold/swap_header.h>

#include "shim.h"
#include "swap_model.h"

#define RAM (32 * SZ_1M)
#define RANDOM_OPS 100000

static int boot(void **state)
{
	(void)state;
	model_boot(RAM);
	return 0;
}

static uint64_t frames_idle(void)
{
	slab_shrink();
	return frames_free();
}

/* ---- headers ---- */

static struct swap_header good_header(void)
{
	struct swap_header h = {
		.version = 1, .last_page = 99, .nr_badpages = 2, .badpages = {7, 99}};

	memcpy(h.magic, "SWAPSPACE2", sizeof(h.magic));
	return h;
}

static void a_good_header_is_accepted(void **state)
{
	struct swap_header h = good_header();

	(void)state;
	assert_null(swap_header_check(&h, 100));
	assert_null(swap_header_check(&h, UINT64_MAX));
	memset(h.bootbits, 0xff, sizeof(h.bootbits));
	memset(h.uuid, 0xff, sizeof(h.uuid));
	memset(h.volume, 0xff, sizeof(h.volume));
	assert_null(swap_header_check(&h, 100));
}

static void expect_refused(const struct swap_header *h, const char *why)
{
	const char *said = swap_header_check(h, 100);

	assert_non_null(said);
	if (!strstr(said, why))
		fail_msg("refused because \"%s\", not \"%s\"", said, why);
}

#define REFUSED(why, ...)                                                                          \
	do {                                                                                       \
		struct swap_header h = good_header();                                              \
		__VA_ARGS__;                                                                       \
		expect_refused(&h, why);                                                           \
	} while (0)

static void each_defect_of_a_header_is_named(void **state)
{
	(void)state;
	for (unsigned i = 0; i < sizeof(((struct swap_header *)0)->magic); i++)
		REFUSED("no swap header", h.magic[i] ^= 1);
	REFUSED("old header", memcpy(h.magic, "SWAP-SPACE", 10));
	REFUSED("other byte order", h.version = 0x01000000);
	REFUSED("unknown version", h.version = 0);
	REFUSED("unknown version", h.version = 2);
	REFUSED("empty", h.last_page = 0);
	REFUSED("more pages than the device", h.last_page = 100);
	REFUSED("more pages than the device", h.last_page = UINT32_MAX);
	REFUSED("list of bad pages", h.badpages[1] = 0);
	REFUSED("list of bad pages", h.badpages[1] = 100);
	REFUSED("list of bad pages", h.nr_badpages = SWAP_MAX_BADPAGES + 1);
	REFUSED("list of bad pages", h.nr_badpages = UINT32_MAX);
	REFUSED("all its pages are bad", h.last_page = 1, h.nr_badpages = 1, h.badpages[0] = 1);
}

/* ---- areas ---- */

static struct swap_header *header(void)
{
	return (struct swap_header *)disk_page(0);
}

static void expect_swapon_fails(int err, const char *log)
{
	shim_log_clear();
	assert_int_equal(swap_on(&disk, "vda", -1), err);
	assert_int_equal(swap_total_pages(), 0);
	assert_int_equal(model_vmalloced, 0);
	if (!strstr(shim_log(), log))
		fail_msg("logged \"%s\", not \"%s\"", shim_log(), log);
}

static void swapon_says_what_is_wrong(void **state)
{
	(void)state;
	header()->magic[0] = 'T';
	expect_swapon_fails(-EINVAL, "vda refused: it has no swap header");
	disk_format(DISK_PAGES + 1);
	expect_swapon_fails(-EINVAL, "more pages than the device");
	disk_format(DISK_PAGES);
	disk_break(BIO_READ, 0, true);
	expect_swapon_fails(-EIO, "cannot read the header of vda");
	disk_break(BIO_READ, 0, false);
	disk.read_only = true;
	expect_swapon_fails(-EROFS, "");
	disk.read_only = false;
	disk.sectors = 15;
	expect_swapon_fails(-EINVAL, "vda is too small");
	disk.sectors = DISK_PAGES * (PAGE_SIZE / SECTOR_SIZE);
}

static void swapon_without_memory_changes_nothing(void **state)
{
	uint64_t free = frames_idle();

	(void)state;
	shim_fail_alloc_after(0);
	expect_swapon_fails(-ENOMEM, "");
	shim_fail_alloc_after(-1);
	for (long n = 0; n < 2; n++) {
		model_vzalloc_left = n;
		expect_swapon_fails(-ENOMEM, "");
	}
	model_vzalloc_left = -1;
	assert_int_equal(frames_idle(), free);
}

static void an_area_is_used_once(void **state)
{
	struct swap_row row;

	(void)state;
	assert_int_equal(swap_off(&disk), -EINVAL);
	assert_int_equal(swap_off(NULL), -EINVAL);
	assert_int_equal(swap_on(&disk, "vda", -1), 0);
	assert_int_equal(swap_on(&disk, "vda", -1), -EBUSY);
	assert_true(swap_row(0, &row));
	assert_string_equal(row.name, "vda");
	assert_int_equal(row.size, DISK_PAGES - 1);
	assert_int_equal(row.used, 0);
	assert_true(row.priority < 0);
	assert_false(swap_row(1, &row));
	assert_int_equal(swap_off(&disk), 0);
	assert_false(swap_row(0, &row));
	assert_int_equal(swap_off(&disk), -EINVAL);
	assert_int_equal(model_vmalloced, 0);
}

/* ---- pages and slots ---- */

static struct rmap family; /* that some object holds the page: all that swap asks of it */

static struct page *held_page(uint8_t byte)
{
	struct page *page = alloc_page(GFP_USER);

	assert_non_null(page);
	page_set_flag(page, PG_SWAPBACKED);
	page_set_flag(page, PG_UPTODATE);
	page->rmap = &family;
	memset(page_to_ptr(page), byte, PAGE_SIZE);
	return page;
}

/* As reclaim does: the object's entry names the slot now. Returns it. */
static slot_t evict(struct page *page)
{
	slot_t slot = page->slot;

	assert_true(page_flag(page, PG_SWAPCACHE));
	swap_dup(slot);
	page->rmap = NULL;
	swap_cache_drop(page);
	assert_int_equal(page->refs, 1);
	put_page(page);
	return slot;
}

static uint32_t write_all(struct page *const pages[], unsigned n)
{
	uint32_t failed;

	for (unsigned i = 0; i < n; i++)
		page_set_flag(pages[i], PG_WRITEBACK);
	failed = swap_write(pages, n);
	for (unsigned i = 0; i < n; i++)
		page_clear_flag(pages[i], PG_WRITEBACK);
	return failed;
}

/* Swaps n pages out, page i full of byte + i. */
static void swap_out(slot_t slots[], unsigned n, uint8_t byte)
{
	struct page *pages[SWAP_BATCH];

	assert_true(n <= SWAP_BATCH);
	for (unsigned i = 0; i < n; i++) {
		pages[i] = held_page((uint8_t)(byte + i));
		assert_true(swap_cache_add(pages[i]));
	}
	assert_int_equal(write_all(pages, n), 0);
	for (unsigned i = 0; i < n; i++)
		slots[i] = evict(pages[i]);
}

static void free_all(const slot_t slots[], unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		swap_free(slots[i]);
}

static bool full_of(const struct page *page, uint8_t byte)
{
	const uint8_t *p = page_to_ptr(page);

	return p[0] == byte && !memcmp(p, p + 1, PAGE_SIZE - 1);
}

static int swapon_disk(void **state)
{
	(void)state;
	disk_format(DISK_PAGES);
	shim_seed(1);
	model_new_tasks();
	return swap_on(&disk, "vda", -1);
}

/* Nothing may be left: neither a slot nor a cached page. */
static int swapoff_disk(void **state)
{
	(void)state;
	if (swap_free_pages() != swap_total_pages()) {
		print_error("%u slots left\n", (unsigned)(swap_total_pages() - swap_free_pages()));
		return -1;
	}
	if (lru_pages(LRU_ANON) || swap_off(&disk) || model_vmalloced)
		return -1;
	return 0;
}

static struct page *bring(slot_t slot)
{
	bool read;

	return swap_in(slot, &read);
}

/* ---- slots against a shadow ---- */

#define SLOTS 700u
#define POOL 200u
#define NOBODY UINT32_MAX

static struct {
	unsigned names;	 /* entries of objects */
	uint32_t cached; /* index in the pool, or NOBODY */
	bool bad;
} shadow[SLOTS];

static struct {
	struct page *page;
	uint32_t slot; /* it is cached for; 0: none */
	bool held, busy;
} pool[POOL];

static struct swap_area *area;
static unsigned writes_failed;

static bool shadow_free(uint32_t slot)
{
	return !shadow[slot].bad && !shadow[slot].names && shadow[slot].cached == NOBODY;
}

static uint32_t count_free(uint32_t first, uint32_t end)
{
	uint32_t n = 0;

	for (uint32_t i = first; i < MIN(end, SLOTS); i++)
		n += shadow_free(i);
	return n;
}

static void check_slots(void)
{
	for (uint32_t i = 0; i < SLOTS; i++) {
		const struct swap_slot *s = &area->slots[i];
		bool cached = shadow[i].cached != NOBODY;

		assert_int_equal(s->count, shadow[i].bad ? COUNT_BAD : shadow[i].names + cached);
		assert_ptr_equal(s->page ? pfn_to_page(s->page) : NULL,
				 cached ? pool[shadow[i].cached].page : NULL);
	}
	for (uint32_t c = 0; c < DIV_ROUND_UP(SLOTS, SWAP_CLUSTER); c++)
		assert_int_equal(area->cluster_free[c],
				 count_free(c * SWAP_CLUSTER, (c + 1) * SWAP_CLUSTER));
	assert_int_equal(swap_free_pages(), count_free(0, SLOTS));
}

static void check_page(uint32_t i)
{
	const struct page *page = pool[i].page;

	assert_int_equal(page_flag(page, PG_SWAPCACHE), pool[i].slot != 0);
	assert_int_equal(page->refs, 1 + (pool[i].slot != 0));
	if (pool[i].slot)
		assert_int_equal(page->slot, pool[i].slot);
}

/* It is out of the cache, if the shadow was right. */
static void discard(uint32_t i)
{
	if (pool[i].slot)
		shadow[pool[i].slot].cached = NOBODY;
	pool[i].slot = 0;
	check_page(i);
	pool[i].page->rmap = NULL;
	put_page(pool[i].page);
	pool[i].page = NULL;
	pool[i].busy = false;
}

static bool is_shadow_orphan(uint32_t i)
{
	return !pool[i].held && !pool[i].busy && !shadow[pool[i].slot].names;
}

static void add(uint32_t i)
{
	bool room = count_free(0, SLOTS);

	pool[i].page = held_page(0);
	pool[i].held = true;
	assert_int_equal(swap_cache_add(pool[i].page), room);
	if (!room) {
		discard(i);
		return;
	}
	assert_true(shadow_free(pool[i].page->slot));
	pool[i].slot = pool[i].page->slot;
	shadow[pool[i].slot].cached = i;
}

static void reserve(uint32_t i)
{
	uint32_t slot = (uint32_t)shim_random(SLOTS + 10);
	bool ok = slot < SLOTS && shadow[slot].names && shadow[slot].cached == NOBODY;
	uint32_t crc;

	pool[i].page = held_page(0);
	pool[i].page->rmap = NULL;
	pool[i].held = false;
	assert_int_equal(swap_cache_reserve(slot, pool[i].page, &crc), ok);
	if (ok) {
		pool[i].slot = slot;
		shadow[slot].cached = i;
	} else {
		discard(i);
	}
}

static void change_names(uint32_t slot, bool more)
{
	uint32_t cached = shadow[slot].cached;

	if (!shadow[slot].names && (!more || cached == NOBODY || pool[cached].busy))
		return;
	if (more) {
		swap_dup(slot);
		shadow[slot].names++;
		return;
	}
	swap_free(slot);
	shadow[slot].names--;
	if (cached != NOBODY && is_shadow_orphan(cached))
		discard(cached);
}

/* An object that had the page lets go of it: object_let_go(). */
static void let_go(uint32_t i)
{
	if (!pool[i].held)
		return;
	pool[i].held = false;
	pool[i].page->rmap = NULL;
	if (shadow[pool[i].slot].names)
		return;
	swap_cache_drop(pool[i].page);
	if (!pool[i].busy)
		discard(i);
}

/* Its slot is being written, or no longer; only where nothing else names it. */
static void toggle_busy(uint32_t i)
{
	if (!pool[i].busy && (shadow[pool[i].slot].names || !pool[i].held))
		return;
	pool[i].busy = !pool[i].busy;
	if (pool[i].busy) {
		page_set_flag(pool[i].page, PG_WRITEBACK);
		return;
	}
	page_clear_flag(pool[i].page, PG_WRITEBACK);
	if (writes_failed < 20 && !shim_random(100)) {
		writes_failed++;
		shadow[pool[i].slot].bad = true;
		swap_cache_retire(pool[i].page);
		discard(i);
	} else if (is_shadow_orphan(i)) {
		assert_true(swap_cache_drop_orphan(pool[i].page));
		discard(i);
	}
}

static void work_on_page(uint32_t i)
{
	switch (shim_random(6)) {
	case 0:
		let_go(i);
		return;
	case 1:
		toggle_busy(i);
		return;
	case 2:
		swap_page_dirtied(pool[i].page);
		if (!pool[i].busy)
			discard(i);
		return;
	case 3:
		if (swap_cache_drop_unused(pool[i].page)) {
			assert_true(!pool[i].held && !pool[i].busy);
			discard(i);
		} else {
			assert_true(pool[i].held || pool[i].busy);
		}
		return;
	case 4:
		if (is_shadow_orphan(i))
			fail_msg("page %u was left in the cache", i);
		assert_false(swap_cache_drop_orphan(pool[i].page));
		return;
	default:
		change_names(pool[i].slot, true);
	}
}

static void random_step(void)
{
	uint32_t i = (uint32_t)shim_random(POOL), slot = 1 + (uint32_t)shim_random(SLOTS - 1);
	struct page *found;

	if (!pool[i].page) {
		if (shim_random(3))
			add(i);
		else
			reserve(i);
	} else {
		work_on_page(i);
	}
	if (pool[i].page)
		check_page(i);
	/* Phases of filling up and of emptying. */
	if (shim_random(1000) < 300)
		change_names(slot, shim_random(3) == 0);
	found = swap_cache_find(slot);
	assert_ptr_equal(found,
			 shadow[slot].cached == NOBODY ? NULL : pool[shadow[slot].cached].page);
	if (found)
		put_page(found);
}

static void start_shadow(void)
{
	disk_format(SLOTS);
	header()->nr_badpages = 3;
	memcpy(header()->badpages, (uint32_t[]){5, 256, 699}, 12);
	assert_int_equal(swap_on(&disk, "vda", -1), 0);
	area = swap_area_of(0);
	for (uint32_t i = 0; i < SLOTS; i++) {
		shadow[i].cached = NOBODY;
		shadow[i].bad = i == 0 || i == 5 || i == 256 || i == 699;
	}
}

static void drop_everything(void)
{
	for (uint32_t i = 0; i < POOL; i++) {
		if (!pool[i].page)
			continue;
		page_clear_flag(pool[i].page, PG_WRITEBACK);
		pool[i].busy = false;
		swap_cache_drop(pool[i].page);
		discard(i);
	}
	for (uint32_t slot = 1; slot < SLOTS; slot++)
		while (shadow[slot].names)
			change_names(slot, false);
}

static void slots_agree_with_a_shadow(void **state)
{
	uint64_t free = frames_idle();
	bool was_full = false;

	(void)state;
	start_shadow();
	for (unsigned op = 0; op < RANDOM_OPS; op++) {
		random_step();
		was_full |= !count_free(0, SLOTS);
		if (op % 500 == 0)
			check_slots();
	}
	assert_true(was_full);
	assert_int_equal(writes_failed, 20);
	drop_everything();
	check_slots();
	assert_int_equal(swap_free_pages(), swap_total_pages());
	assert_int_equal(swap_total_pages(), SLOTS - 4 - 20);
	assert_int_equal(swap_off(&disk), 0);
	assert_int_equal(frames_idle(), free);
}

/* ---- clusters ---- */

static void a_batch_gets_slots_in_a_row(void **state)
{
	slot_t slots[3 * SWAP_BATCH];

	(void)state;
	for (unsigned n = 0; n < ARRAY_SIZE(slots); n += SWAP_BATCH)
		swap_out(slots + n, SWAP_BATCH, 0);
	for (unsigned i = 1; i < ARRAY_SIZE(slots); i++)
		assert_int_equal(slots[i], slots[0] + i);
	free_all(slots, ARRAY_SIZE(slots));
}

static void cores_do_not_mix_their_batches(void **state)
{
	struct page *pages[2][SWAP_BATCH];

	(void)state;
	for (unsigned i = 0; i < SWAP_BATCH; i++)
		for (unsigned cpu = 0; cpu < 2; cpu++) {
			shim_set_cpu(cpu);
			pages[cpu][i] = held_page(1);
			assert_true(swap_cache_add(pages[cpu][i]));
		}
	shim_set_cpu(0);
	for (unsigned cpu = 0; cpu < 2; cpu++) {
		slot_t first = pages[cpu][0]->slot;

		for (unsigned i = 0; i < SWAP_BATCH; i++) {
			struct page *page = pages[cpu][i];

			assert_int_equal(page->slot, first + i);
			swap_cache_drop(page);
			put_page(page);
		}
	}
}

static void the_highest_priority_is_filled_first(void **state)
{
	unsigned other = (unsigned)(other_disk.sectors * SECTOR_SIZE / PAGE_SIZE) - 1;
	slot_t slots[100];

	(void)state;
	assert_int_equal(swap_on(&other_disk, "vdb", 5), 0);
	for (unsigned i = 0; i < ARRAY_SIZE(slots); i++) {
		swap_out(&slots[i], 1, 0);
		assert_ptr_equal(swap_area_of(slots[i])->dev, i < other ? &other_disk : &disk);
	}
	free_all(slots, ARRAY_SIZE(slots));
	assert_int_equal(swap_off(&other_disk), 0);
}

/* ---- input and output ---- */

static void clear_counts(void)
{
	disk_reads = disk_writes = disk_most_in_flight = disk_pages_written = 0;
}

static void what_went_out_comes_back(void **state)
{
	slot_t slots[SWAP_BATCH];

	(void)state;
	clear_counts();
	swap_out(slots, SWAP_BATCH, 10);
	assert_int_equal(disk_writes, 1);
	for (unsigned i = 0; i < SWAP_BATCH; i++) {
		struct page *page = bring(slots[i]);

		assert_false(IS_ERR(page));
		assert_true(page_flag(page, PG_UPTODATE) && page->slot == slots[i]);
		assert_true(full_of(page, (uint8_t)(10 + i)));
		put_page(page);
	}
	free_all(slots, SWAP_BATCH);
}

static void requests_of_a_batch_are_under_way_together(void **state)
{
	struct page *pages[24], *gaps[24];

	(void)state;
	for (unsigned i = 0; i < 24; i++) {
		pages[i] = held_page((uint8_t)i);
		gaps[i] = held_page(0);
		assert_true(swap_cache_add(pages[i]) && swap_cache_add(gaps[i]));
	}
	clear_counts();
	assert_int_equal(write_all(pages, 24), 0);
	assert_int_equal(disk_writes, 24);
	assert_true(disk_most_in_flight >= 16);
	for (unsigned i = 0; i < 24; i++) {
		assert_int_equal(disk_page(pages[i]->slot)[0], i);
		swap_cache_drop(pages[i]);
		swap_cache_drop(gaps[i]);
		put_page(pages[i]);
		put_page(gaps[i]);
	}
}

static void requests_are_no_larger_than_the_device_takes(void **state)
{
	slot_t slots[SWAP_BATCH];

	(void)state;
	disk.max_segs = 5;
	clear_counts();
	swap_out(slots, SWAP_BATCH, 0);
	assert_int_equal(disk_writes, DIV_ROUND_UP(SWAP_BATCH, 5));
	for (unsigned i = 0; i < SWAP_BATCH; i++) {
		struct page *page = bring(slots[i]);

		assert_false(IS_ERR(page));
		put_page(page);
	}
	disk.max_segs = BIO_MAX_SEGS;
	free_all(slots, SWAP_BATCH);
}

static void readahead_grows_while_it_serves(void **state)
{
	slot_t slots[8 * SWAP_BATCH];
	unsigned n = ARRAY_SIZE(slots);

	(void)state;
	for (unsigned i = 0; i < n; i += SWAP_BATCH)
		swap_out(slots + i, SWAP_BATCH, 0);
	clear_counts();
	for (unsigned i = 0; i < n; i++)
		put_page(bring(slots[i]));
	assert_in_range(disk_reads, n / SWAP_BATCH, n / SWAP_BATCH + 8);
	free_all(slots, n);
}

static void interleaved_streams_each_keep_their_window(void **state)
{
	slot_t slots[4][4 * SWAP_BATCH];
	unsigned n = ARRAY_SIZE(slots[0]);

	(void)state;
	for (unsigned task = 0; task < 4; task++)
		for (unsigned i = 0; i < n; i += SWAP_BATCH)
			swap_out(slots[task] + i, SWAP_BATCH, 0);
	clear_counts();
	for (unsigned i = 0; i < n; i++)
		for (unsigned task = 0; task < 4; task++) {
			model_task(1 + task);
			put_page(bring(slots[task][i]));
		}
	model_task(0);
	assert_in_range(disk_reads, 4 * n / SWAP_BATCH, 4 * (n / SWAP_BATCH + 6));
	for (unsigned task = 0; task < 4; task++)
		free_all(slots[task], n);
}

static void readahead_stops_when_it_does_not_serve(void **state)
{
	slot_t slots[8 * SWAP_BATCH];
	unsigned n = ARRAY_SIZE(slots), at = 7;
	uint64_t read;

	(void)state;
	for (unsigned i = 0; i < n; i += SWAP_BATCH)
		swap_out(slots + i, SWAP_BATCH, 0);
	read = vm_event_sum(PSWPIN);
	for (unsigned i = 0; i < 12; i++, at = (at + 101) % n)
		put_page(bring(slots[at]));
	assert_in_range(vm_event_sum(PSWPIN) - read, 12, 24);
	free_all(slots, n);
}

/* ---- failures ---- */

static void a_page_that_cannot_be_written_is_found_out(void **state)
{
	struct page *pages[SWAP_BATCH];
	uint32_t failed, slot;
	uint64_t total = swap_total_pages();

	(void)state;
	for (unsigned i = 0; i < SWAP_BATCH; i++) {
		pages[i] = held_page((uint8_t)i);
		assert_true(swap_cache_add(pages[i]));
	}
	slot = pages[13]->slot;
	disk_break(BIO_WRITE, slot, true);
	failed = write_all(pages, SWAP_BATCH);
	assert_int_equal(failed, BIT(13));
	shim_log_clear();
	swap_cache_retire(pages[13]);
	assert_non_null(strstr(shim_log(), "cannot be written, it is retired"));
	assert_false(page_flag(pages[13], PG_SWAPCACHE));
	assert_int_equal(pages[13]->refs, 1);
	assert_int_equal(swap_total_pages(), total - 1);
	for (unsigned i = 0; i < SWAP_BATCH; i++) {
		if (i != 13)
			assert_int_equal(disk_page(pages[i]->slot)[0], i);
		swap_cache_drop(pages[i]);
	}
	/* It is never given again. */
	for (unsigned i = 0; i < total; i++) {
		pages[0]->rmap = &family;
		assert_int_equal(swap_cache_add(pages[0]), true);
		assert_int_not_equal(pages[0]->slot, slot);
		swap_cache_drop(pages[0]);
	}
	for (unsigned i = 0; i < SWAP_BATCH; i++)
		put_page(pages[i]);
	disk_break(BIO_WRITE, slot, false);
}

static void expect_read(slot_t slot, uint8_t byte)
{
	struct page *page = bring(slot);

	assert_false(IS_ERR(page));
	assert_true(full_of(page, byte));
	put_page(page);
}

static void a_page_that_cannot_be_read_harms_no_other(void **state)
{
	slot_t slots[SWAP_BATCH];

	(void)state;
	swap_out(slots, SWAP_BATCH, 0);
	disk_break(BIO_READ, slots[9], true);
	for (unsigned i = 0; i < SWAP_BATCH; i++) {
		if (i != 9)
			expect_read(slots[i], (uint8_t)i);
		else
			assert_int_equal(PTR_ERR(bring(slots[i])), -EIO);
	}
	/* Nor does it stay lost when the device recovers. */
	assert_int_equal(PTR_ERR(bring(slots[9])), -EIO);
	disk_break(BIO_READ, slots[9], false);
	expect_read(slots[9], 9);
	free_all(slots, SWAP_BATCH);
}

static void what_the_disk_changed_is_an_error(void **state)
{
	slot_t slots[4];

	(void)state;
	swap_out(slots, 4, 50);
	disk_page(slots[2])[PAGE_SIZE - 1] ^= 0x10;
	shim_log_clear();
	assert_int_equal(PTR_ERR(bring(slots[2])), -EIO);
	assert_non_null(strstr(shim_log(), "checksum"));
	expect_read(slots[1], 51);
	expect_read(slots[3], 53);
	assert_int_equal(PTR_ERR(bring(slots[2])), -EIO);
	free_all(slots, 4);
}

static slot_t freed_slot;

static void free_while_reading(const struct bio *bio)
{
	disk_at_work = NULL;
	(void)bio;
	swap_free(freed_slot);
}

static void a_slot_may_be_freed_while_it_is_read(void **state)
{
	slot_t slots[4];

	(void)state;
	swap_out(slots, 4, 0);
	freed_slot = slots[1];
	disk_at_work = free_while_reading;
	assert_int_equal(PTR_ERR(bring(slots[1])), -EAGAIN);
	/* The same for a page that was read along with another. */
	expect_read(slots[0], 0);
	freed_slot = slots[3];
	disk_at_work = free_while_reading;
	expect_read(slots[2], 2);
	swap_free(slots[0]);
	swap_free(slots[2]);
}

static void a_slot_that_is_gone_is_looked_up_again(void **state)
{
	slot_t slot;

	(void)state;
	swap_out(&slot, 1, 0);
	swap_free(slot);
	assert_int_equal(PTR_ERR(bring(slot)), -EAGAIN);
	assert_int_equal(swap_off(&disk), 0);
	assert_int_equal(PTR_ERR(bring(slot)), -EAGAIN);
	assert_null(swap_cache_find(slot));
	assert_int_equal(swap_on(&disk, "vda", -1), 0);
}

static void reading_without_memory_changes_nothing(void **state)
{
	slot_t slots[SWAP_BATCH];
	uint64_t free;

	(void)state;
	swap_out(slots, SWAP_BATCH, 0);
	free = frames_idle();
	shim_fail_alloc_after(0);
	assert_int_equal(PTR_ERR(bring(slots[5])), -ENOMEM);
	assert_int_equal(frames_idle(), free);
	/* With one frame, the page comes back, and no neighbour. */
	shim_fail_alloc_after(1);
	expect_read(slots[5], 5);
	shim_fail_alloc_after(-1);
	assert_int_equal(frames_idle(), free - 1);
	free_all(slots, SWAP_BATCH);
}

#define ON_DISK(test) cmocka_unit_test_setup_teardown(test, swapon_disk, swapoff_disk)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_good_header_is_accepted),
		cmocka_unit_test(each_defect_of_a_header_is_named),
		cmocka_unit_test(swapon_says_what_is_wrong),
		cmocka_unit_test(swapon_without_memory_changes_nothing),
		cmocka_unit_test(an_area_is_used_once),
		cmocka_unit_test(slots_agree_with_a_shadow),
		ON_DISK(a_batch_gets_slots_in_a_row),
		ON_DISK(cores_do_not_mix_their_batches),
		ON_DISK(the_highest_priority_is_filled_first),
		ON_DISK(what_went_out_comes_back),
		ON_DISK(requests_of_a_batch_are_under_way_together),
		ON_DISK(requests_are_no_larger_than_the_device_takes),
		ON_DISK(readahead_grows_while_it_serves),
		ON_DISK(interleaved_streams_each_keep_their_window),
		ON_DISK(readahead_stops_when_it_does_not_serve),
		ON_DISK(a_page_that_cannot_be_written_is_found_out),
		ON_DISK(a_page_that_cannot_be_read_harms_no_other),
		ON_DISK(what_the_disk_changed_is_an_error),
		ON_DISK(a_slot_may_be_freed_while_it_is_read),
		ON_DISK(a_slot_that_is_gone_is_looked_up_again),
		ON_DISK(reading_without_memory_changes_nothing),
	};

	return cmocka_run_group_tests(tests, boot, NULL);
}
