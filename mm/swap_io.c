// SPDX-License-Identifier: BSD-2-Clause
/*
 * Moving pages between memory and their swap slots.
 *
 * Reading: PG_LOCKED from the moment the page enters the cache until the device is done. Who reads
 * unlocks; a page that could not be read leaves the cache first, so that whoever waited for it
 * looks again, and finds out for himself. The checksum is verified by the first task that wants the
 * page, which then sets PG_UPTODATE.
 *
 * Readahead reads the used neighbours of a slot, in a window aligned to its size. Each task has its
 * window, which doubles while what it brought is used, and falls back to one page when the task's
 * faults jump.
 */
#include <arch/cpu.h>
#include <twofold/errno.h>
#include <twofold/log.h>
#include <twofold/swap_area.h>
#include <twofold/task.h>
#include <twofold/vm.h>
#include <twofold/wait.h>

#define RA_MAX 32u
#define RA_STREAM 16u /* a window that wide has served often: the neighbours will be wanted */

static void bio_start(struct bio *bio, enum bio_op op, slot_t first)
{
	bio->op = op;
	bio->dev = swap_area_of(first)->dev;
	bio->sector = slot_sector(first);
	bio->nr_segs = 0;
}

static void bio_add_page(struct bio *bio, const struct page *page)
{
	bio->segs[bio->nr_segs++] = (struct bio_seg){page_to_pa(page), PAGE_SIZE};
}

/* ---- reading ---- */

/* A fresh page in the cache for a slot, locked for reading. -ENOMEM; -EAGAIN: look again. */
static struct page *start_page(slot_t slot, gfp_t gfp, uint32_t *crc)
{
	struct page *page = alloc_page(gfp);

	if (!page)
		return ERR_PTR(-ENOMEM);
	page_set_flag(page, PG_LOCKED);
	page_set_flag(page, PG_SWAPBACKED);
	if (swap_cache_reserve(slot, page, crc)) {
		lru_add(page);
		return page;
	}
	page_clear_flag(page, PG_LOCKED);
	put_page(page);
	return ERR_PTR(-EAGAIN);
}

/* The device is done with a page that start_page() began. */
static void finish_page(struct page *page, int err)
{
	if (err)
		swap_cache_drop(page);
	page_clear_flag(page, PG_LOCKED);
	wake_all(wait_hash(page));
}

static int read_pages(slot_t first, struct page *const pages[], unsigned nr)
{
	struct bio bio;

	bio_start(&bio, BIO_READ, first);
	for (unsigned i = 0; i < nr; i++)
		bio_add_page(&bio, pages[i]);
	count_vm_events(PSWPIN, nr);
	return block_do(&bio);
}

/* How many slots to read around this one: a power of two. Other areas' slots are far away. */
static uint32_t readahead_window(slot_t slot)
{
	struct swap_ra *ra = &current->swap_ra;
	uint32_t window = ra->window ? ra->window : 1;
	bool near = slot - ra->last <= 2 * window || ra->last - slot <= window;

	if (near || ra->hits * 2 >= window)
		window = MIN(window * 2, RA_MAX);
	else
		window = 1;
	*ra = (struct swap_ra){.last = slot, .window = window};
	while (window > swap_area_of(slot)->dev->max_segs)
		window /= 2;
	return window;
}

/* A neighbour to be read too; NULL: it is not used, or in memory, or that is short. */
static struct page *start_neighbour(slot_t slot, uint32_t *crc)
{
	struct page *page = start_page(slot, GFP_NOWAIT, crc);

	if (IS_ERR(page))
		return NULL;
	page_set_flag(page, PG_READAHEAD);
	count_vm_event(SWAP_RA);
	return page;
}

/* We have its lock. One that is wrong is left to whoever wants it, and will say so. */
static void verify_ahead(struct page *page, uint32_t written)
{
	if (page_crc(page_to_ptr(page)) == written)
		page_set_flag(page, PG_UPTODATE);
}

/* Reads a page that start_page() began, and its neighbours. -EIO: it cannot be read. */
static int read_around(slot_t slot, struct page *wanted)
{
	struct page *pages[2 * RA_MAX], *page;
	uint32_t crcs[2 * RA_MAX];
	uint32_t offset = slot_offset(slot), window = readahead_window(slot);
	uint32_t start = ALIGN_DOWN(offset, window);
	unsigned here = RA_MAX, lo = here - (offset - start), hi = lo + window, first = here, end;
	int err;

	pages[here] = wanted;
	while (first > lo && (page = start_neighbour(slot - (here - first) - 1, &crcs[first - 1])))
		pages[--first] = page;
	for (end = here + 1; end < hi && (page = start_neighbour(slot + (end - here), &crcs[end]));
	     end++)
		pages[end] = page;
	err = read_pages(slot - (here - first), pages + first, end - first);
	for (unsigned i = first; i < end; i++) {
		if (i == here)
			continue;
		if (!err && window >= RA_STREAM)
			verify_ahead(pages[i], crcs[i]);
		finish_page(pages[i], err);
		put_page(pages[i]);
	}
	/* If it failed for a neighbour, the page wanted may be fine. */
	if (err && end - first > 1)
		err = read_pages(slot, &wanted, 1);
	if (err)
		pr_err("swap: %s: cannot read slot %u: error %d", swap_area_of(slot)->name, offset,
		       err);
	finish_page(wanted, err);
	/* Those who named the slots may have gone while nobody could take the pages out. */
	swap_cache_drop_orphans(slot - (here - first), end - first);
	return err ? -EIO : 0;
}

/* Not so if reading it failed, or others are done with it. Whoever reads it drops it, if need be,
 * before PG_LOCKED is clear. */
static bool is_cached_for(slot_t slot, const struct page *page)
{
	smp_rmb();
	return page_flag(page, PG_SWAPCACHE) && READ_ONCE(page->slot) == slot;
}

/*
 * The page has been read: is it what was written? -EIO: no; -EAGAIN: reading it failed. The slot
 * had the checksum `written` when the page was found there, and has as long as it is.
 */
static int verify(slot_t slot, struct page *page, uint32_t written)
{
	uint32_t crc;

	if (page_flag(page, PG_UPTODATE))
		return 0;
	if (!is_cached_for(slot, page))
		return -EAGAIN;
	crc = page_crc(page_to_ptr(page));
	if (crc == written) {
		page_set_flag(page, PG_UPTODATE);
		return 0;
	}
	smp_rmb();
	if (page_flag(page, PG_UPTODATE))
		return 0; /* somebody found it good before us, and it has been written to since */
	pr_err("swap: %s: slot %u has checksum %08x, %08x was written", swap_area_of(slot)->name,
	       slot_offset(slot), crc, written);
	swap_cache_drop(page);
	return -EIO;
}

/* True where readahead brought it, for the first to ask. */
static bool was_ahead(struct page *page)
{
	if (!page_flag(page, PG_READAHEAD) || !page_clear_flag(page, PG_READAHEAD))
		return false;
	count_vm_event(SWAP_RA_HIT);
	return true;
}

bool swap_streams(void)
{
	return current->swap_ra.window >= RA_STREAM;
}

struct page *swap_read_ahead(slot_t slot)
{
	struct page *page = swap_cache_find_ready(slot);

	if (page)
		was_ahead(page); /* of its kind; it says nothing about where the next fault is */
	return page;
}

/* The page was in the cache already: waits until it has been read. */
static void wait_until_read(struct page *page)
{
	if (page_flag(page, PG_LOCKED))
		wait_event(wait_hash(page), !page_flag(page, PG_LOCKED));
	current->swap_ra.hits += was_ahead(page);
}

struct page *swap_in(slot_t slot, bool *read)
{
	uint32_t crc;
	struct page *page = swap_cache_find_crc(slot, &crc);
	int err = 0;

	if (page) {
		wait_until_read(page);
	} else {
		page = start_page(slot, GFP_USER, &crc);
		if (IS_ERR(page))
			return page;
		*read = true;
		err = read_around(slot, page);
	}
	if (!err)
		err = verify(slot, page, crc);
	if (!err)
		return page;
	put_page(page);
	return ERR_PTR(err);
}

/* ---- writing ---- */

/* Who waits for a batch, on its stack. */
struct write_wait {
	uint32_t pending; /* requests under way, and one for the task that starts them */
	uint32_t failed;  /* bits of pages */
};

struct write_request {
	struct bio bio;
	struct write_wait *wait;
	uint32_t pages; /* bits */
};

/*
 * Requests for all writers, because whoever reclaims should not allocate. One comes free when the
 * device is done with it, whatever its writer waits for: so waiting for one always ends.
 */
#define NR_REQUESTS 16u
static struct write_request requests[NR_REQUESTS];
static uint32_t requests_busy; /* bits */

static struct write_request *try_get_request(void)
{
	uint32_t busy = __atomic_load_n(&requests_busy, __ATOMIC_RELAXED);

	while (busy != BIT(NR_REQUESTS) - 1) {
		unsigned i = (unsigned)__builtin_ctz(~busy);

		if (__atomic_compare_exchange_n(&requests_busy, &busy, busy | (uint32_t)BIT(i),
						false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
			return &requests[i];
	}
	return NULL;
}

static void put_request(struct write_request *req)
{
	__atomic_fetch_and(&requests_busy, ~(uint32_t)BIT(req - requests), __ATOMIC_RELEASE);
	wake_all(wait_hash(requests));
}

/* The last one wakes; nothing of the waiter's stack is touched after that. */
static void put_pending(struct write_wait *wait)
{
	if (__atomic_sub_fetch(&wait->pending, 1, __ATOMIC_ACQ_REL) == 0)
		wake_all(wait_hash(wait));
}

static void write_done(struct bio *bio)
{
	struct write_request *req = container_of(bio, struct write_request, bio);
	struct write_wait *wait = req->wait;

	if (bio->error)
		__atomic_fetch_or(&wait->failed, req->pages, __ATOMIC_RELAXED);
	put_request(req);
	put_pending(wait);
}

/* Starts to write n pages from pages[first] on, whose slots follow each other. */
static void start_write(struct page *const pages[], unsigned first, unsigned n,
			struct write_wait *wait)
{
	struct write_request *req;

	wait_event(wait_hash(requests), (req = try_get_request()));
	bio_start(&req->bio, BIO_WRITE, pages[first]->slot);
	req->bio.done = write_done;
	req->wait = wait;
	req->pages = (uint32_t)((BIT(n) - 1) << first);
	for (unsigned i = first; i < first + n; i++)
		bio_add_page(&req->bio, pages[i]);
	__atomic_fetch_add(&wait->pending, 1, __ATOMIC_RELAXED);
	count_vm_events(PSWPOUT, n);
	block_submit(&req->bio);
}

/* How many of the pages from `first` on can be one request of at most `max`. */
static unsigned run_length(struct page *const pages[], uint32_t which, unsigned first, unsigned max)
{
	slot_t slot = pages[first]->slot;
	unsigned n = 1;

	max = MIN(max, swap_area_of(slot)->dev->max_segs);
	while (n < max && first + n < SWAP_BATCH && (which & BIT(first + n)) &&
	       pages[first + n]->slot == slot + n)
		n++;
	return n;
}

/* Writes the pages whose bits are set, at most `max` in a request; returns the bits of those that
 * failed. */
static uint32_t write_pages(struct page *const pages[], uint32_t which, unsigned max)
{
	struct write_wait wait = {.pending = 1};

	while (which) {
		unsigned first = (unsigned)__builtin_ctz(which);
		unsigned n = run_length(pages, which, first, max);

		start_write(pages, first, n, &wait);
		which &= ~(uint32_t)((BIT(n) - 1) << first);
	}
	put_pending(&wait);
	wait_event(wait_hash(&wait), !__atomic_load_n(&wait.pending, __ATOMIC_ACQUIRE));
	return wait.failed;
}

uint32_t swap_write(struct page *const pages[], unsigned nr)
{
	uint32_t failed;

	CHECK(nr <= SWAP_BATCH);
	for (unsigned i = 0; i < nr; i++)
		swap_slot_set_crc(pages[i]->slot, page_crc(page_to_ptr(pages[i])));
	failed = write_pages(pages, (uint32_t)(BIT(nr) - 1), SWAP_BATCH);
	/* A request of several pages failed: which of them? */
	return failed ? write_pages(pages, failed, 1) : 0;
}
