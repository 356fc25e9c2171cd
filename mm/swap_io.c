// SPDX-License-Identifier: BSD-2-Clause
/*
 * Moving pages between memory and their swap slots.
 *
 * Reading: PG_LOCKED from the moment the page enters the cache until the device is done. The interrupt
 * handler only unlocks and wakes; the checksum is verified by the first task that wants the
 * page, which then sets PG_UPTODATE.
 *
 * Readahead reads the used neighbours of a slot, in a window aligned to its size. The window
 * doubles while what it brought is used, and falls back to one page when faults jump.
 */
#include <arch/cpu.h>
#include <twofold/errno.h>
#include <twofold/log.h>
#include <twofold/swap_area.h>
#include <twofold/vm.h>
#include <twofold/wait.h>

#define RA_MAX 32u

static void bio_add_page(struct bio *bio, const struct page *page)
{
	bio->segs[bio->nr_segs++] = (struct bio_seg){page_to_pa(page), PAGE_SIZE};
}

static struct page *bio_page(const struct bio *bio, unsigned i)
{
	return pfn_to_page(pa_to_pfn(bio->segs[i].pa));
}

static void wait_page_unlocked(struct page *page)
{
	wait_event(wait_hash(page), !page_flag(page, PG_LOCKED));
}

/* ---- reading ---- */

struct read_wait {
	bool done;
};

static void read_done(struct bio *bio)
{
	struct read_wait *wait = bio->private;

	for (unsigned i = 0; i < bio->nr_segs; i++) {
		struct page *page = bio_page(bio, i);

		if (bio->error)
			page_set_flag(page, PG_ERROR);
		page_clear_flag(page, PG_LOCKED);
		wake_all(wait_hash(page));
	}
	/* The submitter's stack holds bio and wait: nothing of them is touched after this. */
	__atomic_store_n(&wait->done, true, __ATOMIC_RELEASE);
	wake_all(wait_hash(wait));
}

/* A fresh page in the cache for a slot, locked for reading; NULL: no memory, or not wanted any more. */
static struct page *start_page(slot_t slot, gfp_t gfp)
{
	struct page *page = alloc_page(gfp);

	if (!page)
		return NULL;
	page_set_flag(page, PG_LOCKED);
	page_set_flag(page, PG_SWAPBACKED);
	if (swap_cache_reserve(slot, page)) {
		lru_add(page);
		return page;
	}
	page_clear_flag(page, PG_LOCKED);
	put_page(page);
	return NULL;
}

/* How many slots to read around this one. */
static uint32_t readahead_window(struct swap_area *a, uint32_t offset)
{
	uint32_t window = a->ra_window ? a->ra_window : 1;
	bool near = offset - a->ra_last <= 2 * window || a->ra_last - offset <= window;

	if (near || a->ra_hits * 2 >= window)
		window = MIN(window * 2, RA_MAX);
	else
		window = 1;
	a->ra_hits = 0;
	a->ra_last = offset;
	a->ra_window = window;
	return window;
}

/* Adds neighbours from `slot` on by `step` while they are used, uncached and inside the window. */
static unsigned add_neighbours(struct page *pages[], slot_t slot, int step, uint32_t limit)
{
	unsigned n = 0;

	for (slot += (slot_t)step; n < limit; slot += (slot_t)step) {
		struct page *page = start_page(slot, GFP_NOWAIT);

		if (!page)
			break;
		page_set_flag(page, PG_READAHEAD);
		pages[n++] = page;
	}
	count_vm_events(SWAP_RA, n);
	return n;
}

static void read_around(slot_t slot, struct page *page)
{
	struct swap_area *a = swap_area_of(slot);
	uint32_t offset = slot_offset(slot), window = readahead_window(a, offset);
	uint32_t first = MAX(ALIGN_DOWN(offset, window), 1u);
	struct page *before[RA_MAX], *after[RA_MAX];
	unsigned nr_before = add_neighbours(before, slot, -1, offset - first);
	unsigned nr_after = add_neighbours(after, slot, 1, first + window - 1 - offset);
	struct read_wait wait = {false};
	struct bio bio = {.op = BIO_READ, .dev = a->dev, .done = read_done, .private = &wait};

	bio.sector = slot_sector(slot - nr_before);
	for (unsigned i = nr_before; i--;)
		bio_add_page(&bio, before[i]);
	bio_add_page(&bio, page);
	for (unsigned i = 0; i < nr_after; i++)
		bio_add_page(&bio, after[i]);
	count_vm_events(PSWPIN, bio.nr_segs);
	block_submit(&bio);
	wait_event(wait_hash(&wait), __atomic_load_n(&wait.done, __ATOMIC_ACQUIRE));
	for (unsigned i = 0; i < nr_before; i++)
		put_page(before[i]);
	for (unsigned i = 0; i < nr_after; i++)
		put_page(after[i]);
}

/* The page has been read: is it what was written? */
static int verify(slot_t slot, struct page *page)
{
	uint32_t crc;

	if (page_flag(page, PG_UPTODATE))
		return 0;
	if (page_flag(page, PG_ERROR)) {
		pr_err("swap: %s: cannot read slot %u", swap_area_of(slot)->name, slot_offset(slot));
		return -EIO;
	}
	crc = page_crc(page_to_ptr(page));
	if (crc != swap_slot_crc(slot)) {
		pr_err("swap: %s: slot %u has checksum %08x, %08x was written",
		       swap_area_of(slot)->name, slot_offset(slot), crc, swap_slot_crc(slot));
		page_set_flag(page, PG_ERROR);
		return -EIO;
	}
	page_set_flag(page, PG_UPTODATE);
	return 0;
}

struct page *swap_in(slot_t slot)
{
	struct page *page = swap_cache_find(slot);
	int err;

	if (!page) {
		page = start_page(slot, GFP_USER);
		if (page)
			read_around(slot, page);
		else
			page = swap_cache_find(slot);
		if (!page)
			return ERR_PTR(frames_free() ? -EAGAIN : -ENOMEM);
	}
	wait_page_unlocked(page);
	if (page_flag(page, PG_READAHEAD) && page_clear_flag(page, PG_READAHEAD)) {
		count_vm_event(SWAP_RA_HIT);
		swap_area_of(slot)->ra_hits++;
	}
	err = verify(slot, page);
	if (!err)
		return page;
	put_page(page);
	return ERR_PTR(err);
}

/* ---- writing ---- */

struct write_batch {
	struct bio bio;
	bool done;
};

static void write_done(struct bio *bio)
{
	struct write_batch *w = bio->private;

	__atomic_store_n(&w->done, true, __ATOMIC_RELEASE);
	wake_all(wait_hash(w));
}

static uint32_t write_run(struct page *const pages[], unsigned first, unsigned nr);

/* A request of several pages failed: which of them? Each is written again by itself. */
static uint32_t write_singly(struct page *const pages[], unsigned first, unsigned nr)
{
	uint32_t failed = 0;

	for (unsigned i = first; i < first + nr; i++)
		failed |= write_run(pages, i, 1);
	return failed;
}

/* Writes pages whose slots follow each other. */
static uint32_t write_run(struct page *const pages[], unsigned first, unsigned nr)
{
	struct write_batch w = {0};
	slot_t slot = pages[first]->slot;

	w.bio.op = BIO_WRITE;
	w.bio.dev = swap_area_of(slot)->dev;
	w.bio.sector = slot_sector(slot);
	w.bio.done = write_done;
	w.bio.private = &w;
	for (unsigned i = first; i < first + nr; i++)
		bio_add_page(&w.bio, pages[i]);
	count_vm_events(PSWPOUT, nr);
	block_submit(&w.bio);
	wait_event(wait_hash(&w), __atomic_load_n(&w.done, __ATOMIC_ACQUIRE));
	if (!w.bio.error)
		return 0;
	if (nr > 1)
		return write_singly(pages, first, nr);
	pr_err("swap: %s: cannot write slot %u: error %d; it is retired",
	       swap_area_of(slot)->name, slot_offset(slot), w.bio.error);
	return (uint32_t)BIT(first);
}

uint32_t swap_write(struct page *const pages[], unsigned nr)
{
	uint32_t failed = 0;
	unsigned run;

	CHECK(nr <= SWAP_BATCH);
	for (unsigned i = 0; i < nr; i++)
		swap_slot_set_crc(pages[i]->slot, page_crc(page_to_ptr(pages[i])));
	for (unsigned i = 0; i < nr; i += run) {
		for (run = 1; i + run < nr && pages[i + run]->slot == pages[i]->slot + run;)
			run++;
		failed |= write_run(pages, i, run);
	}
	return failed;
}
