// SPDX-License-Identifier: BSD-2-Clause
/*
 * Reclaim. A batch of candidates goes through these steps, each holding a reference:
 *
 *   1. sort     in no object any more -> freed from the swap cache
 *               its family is busy, or it is being read or written -> put back
 *               used since the last look -> the policy's second chance
 *               a file's, clean -> taken out at once: it can be read again
 *               somebody else has a reference, and may write by it -> put back
 *               has a slot and is clean -> taken out at once, the slot takes its place
 *               else -> write-protected, given a slot, to be written
 *   2. write    the whole batch, neighbours in one request; the pages stay mapped and readable
 *   3. finish   written and still clean -> taken out; written to meanwhile, or failed -> put back
 *
 * kswapd does this between the low and the high watermark; whoever finds no frame above min does it
 * for himself. When half of his looks have freed nothing, because programs use all pages faster
 * than they are looked at, the rest spares none: slow progress is better than a program killed.
 */
#include <twofold/errno.h>
#include <twofold/log.h>
#include <twofold/params.h>
#include <twofold/reclaim.h>
#include <twofold/slab.h>
#include <twofold/string.h>
#include <twofold/swap_area.h>
#include <twofold/task.h>

#define DIRECT_PASSES 8 /* how often a page is looked at before we say that there is nothing */
#define BACKGROUND_PASSES 4
#define NAP_MIN (100 * NSEC_PER_MSEC) /* kswapd's, where there is nothing to be had */
#define NAP_MAX (2 * NSEC_PER_SEC)

static struct wait_queue kswapd_wq;
static bool kswapd_wanted;

enum verdict { FREED, KEPT, TO_WRITE };

struct scan {
	bool background;
	bool force; /* second chances are over; wait for busy families */
	unsigned scanned[NR_LRU_KINDS];
	unsigned freed;
};

struct batch {
	unsigned n;
	struct page *pages[SWAP_BATCH];
};

static unsigned total_scanned(const struct scan *s)
{
	return s->scanned[LRU_FILE] + s->scanned[LRU_ANON];
}

/* Takes a clean page out of its tables and objects. Family lock held. */
static enum verdict evict(struct page *page)
{
	slot_t slot = page_flag(page, PG_SWAPCACHE) ? page->slot : SLOT_NONE;

	if (rmap_evict(page, slot) < 0)
		return KEPT;
	swap_cache_drop(page);
	return FREED;
}

static bool in_use_by_io(const struct page *page)
{
	return page_flag(page, PG_LOCKED) || page_flag(page, PG_WRITEBACK);
}

/* Whether others than its objects, the swap cache and we have references. Family lock held. */
static bool has_visitors(const struct page *page)
{
	int32_t refs = 1 + page_flag(page, PG_SWAPCACHE);
	const struct vm_object *object;

	LIST_FOREACH(object, &page->rmap->objects, sibling)
		refs += pagemap_get(&object->pages, page->index) == page_to_pfn(page);
	return __atomic_load_n(&page->refs, __ATOMIC_ACQUIRE) != refs;
}

/* Has a slot that may be written to, or gets one. A slot of an area that swapoff empties is given
 * up. */
static bool ensure_slot(struct page *page)
{
	if (page_flag(page, PG_SWAPCACHE)) {
		if (READ_ONCE(swap_area_of(page->slot)->writable))
			return true;
		page_set_flag(page, PG_DIRTY);
		swap_cache_drop(page);
	}
	if (!swap_cache_add(page))
		return false;
	page_set_flag(page, PG_DIRTY); /* nothing is in the slot yet */
	return true;
}

static void set_writeback(struct page *page, bool on)
{
	if (on)
		page_set_flag(page, PG_WRITEBACK);
	else
		page_clear_flag(page, PG_WRITEBACK);
	vm_gauge_add(NR_WRITEBACK, on ? 1 : -1);
}

/*
 * A page of swap-backed memory that is idle: out at once if its slot holds the same, else to be
 * written. A visitor (mm_get_page(), a write to a file of tmpfs) may still be writing to the page.
 * He got in before it was cleaned, and we see his reference now; or he will find it clean, and say
 * that it is not, under the lock that we hold.
 */
static enum verdict idle_anon(struct page *page)
{
	bool dirty;

	if (!ensure_slot(page))
		return KEPT;
	dirty = rmap_clean(page);
	if (page_clear_flag(page, PG_DIRTY))
		dirty = true;
	if (!dirty) {
		if (evict(page) == KEPT)
			return KEPT;
		count_vm_event(SWAP_CLEAN_DROP);
		return FREED;
	}
	if (has_visitors(page)) {
		page_set_flag(page, PG_DIRTY);
		return KEPT;
	}
	set_writeback(page, true);
	return TO_WRITE;
}

static enum verdict idle_file(struct page *page)
{
	if (!page_flag(page, PG_DIRTY) && !rmap_clean(page))
		return evict(page);
	page_set_flag(page, PG_DIRTY);
	return KEPT;
}

static enum verdict idle(struct page *page)
{
	return page_flag(page, PG_SWAPBACKED) ? idle_anon(page) : idle_file(page);
}

/* Step 1 for a page whose family is locked. */
static enum verdict sort_locked(struct page *page, bool force)
{
	unsigned mapped;
	bool keep;

	if (in_use_by_io(page))
		return KEPT;
	keep = reclaim_policy->keep(page, rmap_test_clear_young(page, &mapped));
	if (keep && !force)
		return KEPT;
	return idle(page);
}

/* Step 1 for one page. */
static enum verdict sort_page(struct page *page, bool force)
{
	enum verdict verdict;
	struct rmap *rmap;

	if (!page->rmap && swap_cache_drop_unused(page))
		return FREED;
	rmap = page_lock_rmap(page, !force);
	if (!rmap)
		return KEPT;
	verdict = sort_locked(page, force);
	spin_unlock(&rmap->lock);
	return verdict;
}

/* Step 1 for one page that its user wants out, if it is not another's too. */
static enum verdict sort_unwanted(struct page *page)
{
	struct rmap *rmap = page_lock_rmap(page, false);
	enum verdict verdict = KEPT;
	unsigned mapped;

	if (!rmap)
		return KEPT;
	rmap_test_clear_young(page, &mapped);
	if (!in_use_by_io(page) && mapped <= 1)
		verdict = idle(page);
	spin_unlock(&rmap->lock);
	return verdict;
}

/* kswapd does not empty a zone that has enough for the sake of one that has not. */
static bool zone_has_enough(const struct page *page)
{
	const struct zone *zone = page_zone(page);

	return zone_watermark_ok(zone, 0, zone->high);
}

/* What is left of step 3 for a page whose objects let go of it while it was written. */
static enum verdict finish_unheld(struct page *page, bool failed)
{
	set_writeback(page, false);
	if (failed)
		swap_cache_retire(page);
	else
		swap_cache_drop_orphan(page);
	return page_flag(page, PG_SWAPCACHE) ? KEPT : FREED;
}

/* Step 3 for one page. It is in the swap cache: PG_WRITEBACK kept it there. */
static enum verdict finish_page(struct page *page, bool failed)
{
	struct rmap *rmap = page_lock_rmap(page, false);
	enum verdict verdict = KEPT;

	if (!rmap)
		return finish_unheld(page, failed);
	set_writeback(page, false);
	if (failed) {
		page_set_flag(page, PG_DIRTY);
		swap_cache_retire(page);
	} else {
		verdict = evict(page);
	}
	spin_unlock(&rmap->lock);
	return verdict;
}

/* Lets go of a page by its verdict; it may be among those that are to be put back. */
static void settle(struct page *page, enum verdict verdict, struct batch *kept, struct scan *s)
{
	if (verdict == KEPT) {
		kept->pages[kept->n++] = page;
		return;
	}
	put_page(page);
	s->freed++;
}

/* Steps 2 and 3. */
static void write_batch(const struct batch *batch, struct scan *s)
{
	uint32_t failed = swap_write(batch->pages, batch->n);
	struct batch kept = {.n = 0};

	for (unsigned i = 0; i < batch->n; i++)
		settle(batch->pages[i], finish_page(batch->pages[i], failed & BIT(i)), &kept, s);
	lru_putback(kept.pages, kept.n);
}

/* Looks at up to `max` pages of one kind, at most SWAP_BATCH. Returns at how many. */
static unsigned look_at(enum lru_kind kind, unsigned max, struct batch *write, struct scan *s)
{
	struct page *pages[SWAP_BATCH];
	unsigned n = lru_isolate(kind, pages, max);
	struct batch kept = {.n = 0};

	for (unsigned i = 0; i < n; i++) {
		enum verdict verdict = KEPT;

		if (!s->background || !zone_has_enough(pages[i]))
			verdict = sort_page(pages[i], s->force);
		if (verdict == TO_WRITE)
			write->pages[write->n++] = pages[i];
		else
			settle(pages[i], verdict, &kept, s);
	}
	lru_putback(kept.pages, kept.n);
	return n;
}

void reclaim_pages(struct page *const pages[], unsigned n)
{
	struct batch kept = {.n = 0}, write = {.n = 0};
	struct scan s = {.force = true};

	current->reclaiming = true;
	for (unsigned i = 0; i < n; i++) {
		enum verdict verdict;

		if (!lru_isolate_page(pages[i])) {
			put_page(pages[i]);
			continue;
		}
		verdict = sort_unwanted(pages[i]);
		if (verdict == TO_WRITE)
			write.pages[write.n++] = pages[i];
		else
			settle(pages[i], verdict, &kept, &s);
	}
	lru_putback(kept.pages, kept.n);
	if (write.n)
		write_batch(&write, &s);
	current->reclaiming = false;
}

static void shrink_batch(enum lru_kind kind, struct scan *s)
{
	struct batch write = {.n = 0};
	unsigned before = s->freed, n = look_at(kind, SWAP_BATCH, &write, s);

	if (write.n)
		write_batch(&write, s);
	s->scanned[kind] += n ? n : SWAP_BATCH; /* an empty list: the other one's turn */
	count_vm_events(s->background ? PGSCAN_KSWAPD : PGSCAN_DIRECT, n);
	count_vm_events(s->background ? PGSTEAL_KSWAPD : PGSTEAL_DIRECT, s->freed - before);
}

/* What can be reclaimed of a kind at all. */
static uint64_t candidates(enum lru_kind kind)
{
	return kind == LRU_FILE || swap_total_pages() ? lru_pages(kind) : 0;
}

/* The kind to look at next: whichever list is longer in proportion to what was looked at already.
 */
static enum lru_kind next_kind(const struct scan *s)
{
	uint64_t file = candidates(LRU_FILE), anon = candidates(LRU_ANON);

	return file * (s->scanned[LRU_ANON] + 1) > anon * (s->scanned[LRU_FILE] + 1) ? LRU_FILE
										     : LRU_ANON;
}

static bool zones_below_high(void)
{
	for (unsigned i = 0; i < nr_zones; i++)
		if (!zone_watermark_ok(&zones[i], 0, zones[i].high))
			return true;
	return false;
}

/* kswapd's goal is the watermark, whoever frees what; others want frames for themselves. */
static bool has_enough(const struct scan *s, unsigned want)
{
	return s->background ? !zones_below_high() : s->freed >= want;
}

/* Frees about `want` frames; gives up when it has looked at every page often enough. */
static unsigned shrink(unsigned want, bool background)
{
	uint64_t pages = candidates(LRU_FILE) + candidates(LRU_ANON);
	uint64_t limit = pages * (background ? BACKGROUND_PASSES : DIRECT_PASSES);
	struct scan s = {.background = background, .freed = (unsigned)slab_shrink()};

	while (!has_enough(&s, want) && total_scanned(&s) < limit && !fatal_signal_pending()) {
		s.force = !background && !s.freed && total_scanned(&s) >= limit / 2;
		shrink_batch(next_kind(&s), &s);
		cond_resched();
	}
	return s.freed;
}

unsigned reclaim_direct(gfp_t gfp, unsigned order)
{
	unsigned freed;

	(void)gfp;
	if (current->reclaiming)
		return 0;
	current->reclaiming = true;
	freed = shrink(MAX(SWAP_BATCH, 1u << order), false);
	current->reclaiming = false;
	return freed;
}

/* ---- kswapd ---- */

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
	uint64_t nap = NAP_MIN;

	(void)unused;
	current->reclaiming = true;
	for (;;) {
		wait_event(&kswapd_wq, READ_ONCE(kswapd_wanted));
		WRITE_ONCE(kswapd_wanted, false);
		count_vm_event(KSWAPD_WAKE);
		while (zones_below_high()) {
			if (shrink(SWAP_BATCH, true) || !zones_below_high()) {
				nap = NAP_MIN;
				continue;
			}
			sched_sleep_ns(nap);
			nap = MIN(2 * nap, NAP_MAX);
		}
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

/* File pages are never written, so each is settled at once. */
void reclaim_drop_caches(void)
{
	uint64_t left = lru_pages(LRU_FILE);
	struct scan s = {.force = true};
	struct batch none = {.n = 0};
	unsigned n;

	while (left && (n = look_at(LRU_FILE, (unsigned)MIN(left, SWAP_BATCH), &none, &s)))
		left -= MIN(left, n);
	count_vm_events(DROP_PAGECACHE, s.freed);
	slab_shrink();
}
