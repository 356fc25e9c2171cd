// SPDX-License-Identifier: BSD-2-Clause
/*
 * Reclaim. A batch of candidates goes through these steps, each holding a reference:
 *
 *   1. sort     in no object any more -> freed from the swap cache
 *               its family is busy, or it is being read or written -> put back
 *               used since the last look -> the policy's second chance
 *               a file's, clean -> taken out at once: it can be read again
 *               has a slot and is clean -> taken out at once, the slot takes its place
 *               else -> write-protected, given a slot, to be written
 *   2. write    the whole batch, neighbours in one request; the pages stay mapped and readable
 *   3. finish   written and still clean -> taken out; written to meanwhile, or failed -> put back
 *
 * kswapd does this between the low and the high watermark; whoever finds no frame above min does it for himself.
 */
#include <twofold/errno.h>
#include <twofold/log.h>
#include <twofold/params.h>
#include <twofold/reclaim.h>
#include <twofold/slab.h>
#include <twofold/string.h>
#include <twofold/swap_area.h>
#include <twofold/task.h>

static struct wait_queue kswapd_wq;
static bool kswapd_wanted;

enum verdict { FREED, KEPT, TO_WRITE };

/* Takes a clean page out of its tables and objects. Family lock held. */
static bool evict(struct page *page)
{
	slot_t slot = page_flag(page, PG_SWAPCACHE) ? page->slot : SLOT_NONE;

	if (rmap_evict(page, slot) < 0)
		return false;
	swap_cache_drop(page);
	return true;
}

static bool in_use_by_io(const struct page *page)
{
	return page_flag(page, PG_LOCKED) || page_flag(page, PG_WRITEBACK);
}

/* A page of swap-backed memory that is idle: out at once if its slot holds the same, else to be written. */
static enum verdict idle_anon(struct page *page)
{
	bool dirty = rmap_clean(page) | page_clear_flag(page, PG_DIRTY);

	if (!page_flag(page, PG_SWAPCACHE)) {
		if (!swap_cache_add(page)) {
			page_set_flag(page, PG_DIRTY);
			return KEPT;
		}
		dirty = true;
	}
	if (!dirty) {
		if (!evict(page))
			return KEPT;
		count_vm_event(SWAP_CLEAN_DROP);
		return FREED;
	}
	page_set_flag(page, PG_WRITEBACK);
	return TO_WRITE;
}

static enum verdict idle_file(struct page *page)
{
	if (page_flag(page, PG_DIRTY) || rmap_clean(page)) {
		page_set_flag(page, PG_DIRTY);
		return KEPT;
	}
	return evict(page) ? FREED : KEPT;
}

/* Step 1 for one page. */
static enum verdict sort_page(struct page *page)
{
	enum verdict verdict = KEPT;
	struct rmap *rmap;
	unsigned mapped;

	if (!page->rmap && swap_cache_drop_unused(page))
		return FREED;
	rmap = page_lock_rmap(page, true);
	if (!rmap)
		return KEPT;
	if (!in_use_by_io(page) && !lru_keep(page, rmap_test_clear_young(page, &mapped)))
		verdict = page_flag(page, PG_SWAPBACKED) ? idle_anon(page) : idle_file(page);
	spin_unlock(&rmap->lock);
	return verdict;
}

/* Step 3 for one page. */
static enum verdict finish_page(struct page *page, bool failed)
{
	struct rmap *rmap = page_lock_rmap(page, false);
	enum verdict verdict = KEPT;

	page_clear_flag(page, PG_WRITEBACK);
	if (!rmap) /* its objects let go while it was written */
		return swap_cache_drop_unused(page) ? FREED : KEPT;
	if (failed) {
		page_set_flag(page, PG_DIRTY);
		swap_cache_retire(page);
	} else if (page_flag(page, PG_SWAPCACHE) && evict(page)) {
		verdict = FREED;
	}
	spin_unlock(&rmap->lock);
	return verdict;
}

/* Lets go of a page by its verdict; returns how many frames that freed. */
static unsigned settle(struct page *page, enum verdict verdict)
{
	if (verdict == KEPT) {
		lru_putback(page);
		return 0;
	}
	put_page(page);
	return 1;
}

/* Looks at up to SWAP_BATCH pages of one kind. */
static unsigned shrink_batch(enum lru_kind kind, bool background, unsigned *scanned)
{
	struct page *batch[SWAP_BATCH], *write[SWAP_BATCH];
	unsigned n = lru_isolate(kind, batch, SWAP_BATCH), nr_write = 0, freed = 0;
	uint32_t failed;

	*scanned += n;
	count_vm_events(background ? PGSCAN_KSWAPD : PGSCAN_DIRECT, n);
	for (unsigned i = 0; i < n; i++) {
		enum verdict verdict = sort_page(batch[i]);

		if (verdict == TO_WRITE)
			write[nr_write++] = batch[i];
		else
			freed += settle(batch[i], verdict);
	}
	failed = nr_write ? swap_write(write, nr_write) : 0;
	for (unsigned i = 0; i < nr_write; i++)
		freed += settle(write[i], finish_page(write[i], failed & BIT(i)));
	count_vm_events(background ? PGSTEAL_KSWAPD : PGSTEAL_DIRECT, freed);
	return freed;
}

/* The kind to look at next: whichever list is longer in proportion to what was looked at already. */
static enum lru_kind next_kind(const unsigned scanned[NR_LRU_KINDS])
{
	uint64_t file = lru_pages(LRU_FILE), anon = lru_pages(LRU_ANON);

	return file * (scanned[LRU_ANON] + 1) > anon * (scanned[LRU_FILE] + 1) ? LRU_FILE : LRU_ANON;
}

/* Frees about `want` frames; gives up after looking at every page `passes` times. */
static unsigned shrink(unsigned want, bool background)
{
	uint64_t limit = 8 * (lru_pages(LRU_FILE) + lru_pages(LRU_ANON)) + SWAP_BATCH;
	unsigned scanned[NR_LRU_KINDS] = {0}, freed = (unsigned)slab_shrink();

	while (freed < want && scanned[LRU_FILE] + scanned[LRU_ANON] < limit) {
		enum lru_kind kind = next_kind(scanned);
		unsigned before = scanned[kind];

		freed += shrink_batch(kind, background, &scanned[kind]);
		if (scanned[kind] == before)
			scanned[kind] += SWAP_BATCH; /* an empty list: the other one's turn */
		cond_resched();
	}
	return freed;
}

unsigned reclaim_direct(gfp_t gfp, unsigned order)
{
	unsigned freed;

	(void)gfp;
	if (current->reclaiming)
		return 0;
	count_vm_event(ALLOCSTALL);
	current->reclaiming = true;
	freed = shrink(MAX(SWAP_BATCH, 1u << order), false);
	current->reclaiming = false;
	return freed;
}

/* ---- kswapd ---- */

static bool zones_below(bool high)
{
	for (unsigned i = 0; i < nr_zones; i++) {
		const struct zone *z = &zones[i];

		if (!zone_watermark_ok(z, 0, high ? z->high : z->low))
			return true;
	}
	return false;
}

void kswapd_wake(struct zone *zone)
{
	(void)zone;
	if (READ_ONCE(kswapd_wanted))
		return;
	WRITE_ONCE(kswapd_wanted, true);
	wake_one(&kswapd_wq);
}

static void kswapd(void *unused)
{
	(void)unused;
	current->reclaiming = true;
	for (;;) {
		wait_event(&kswapd_wq, READ_ONCE(kswapd_wanted));
		count_vm_event(KSWAPD_WAKE);
		while (zones_below(true))
			if (!shrink(SWAP_BATCH, true))
				sched_sleep_ns(100 * NSEC_PER_MSEC); /* nothing to be had: no spinning */
		WRITE_ONCE(kswapd_wanted, false);
	}
}

static void choose_policy(void)
{
	char name[16] = "lru";

	param_string("reclaim", name, sizeof(name));
	if (!strcmp(name, aging_policy.name))
		reclaim_policy = &aging_policy;
	else if (strcmp(name, lru_policy.name))
		pr_warn("reclaim: there is no policy %s; lru it is", name);
}

void reclaim_init(void)
{
	choose_policy();
	wait_queue_init(&kswapd_wq);
}

void kswapd_start(void)
{
	if (IS_ERR(kthread_create("kswapd", kswapd, NULL)))
		panic("reclaim: no memory for kswapd");
}

void reclaim_drop_caches(void)
{
	struct page *batch[SWAP_BATCH];
	uint64_t left = lru_pages(LRU_FILE);
	unsigned n;

	while (left && (n = lru_isolate(LRU_FILE, batch, (unsigned)MIN(left, SWAP_BATCH)))) {
		for (unsigned i = 0; i < n; i++)
			count_vm_events(DROP_PAGECACHE, settle(batch[i], sort_page(batch[i])));
		left -= MIN(left, n);
	}
	slab_shrink();
}
