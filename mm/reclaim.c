// SPDX-License-Identifier: BSD-2-Clause
/*
 * Reclaim. A batch of candidates goes through these steps, each holding a reference:
 *
 *   1. sort     in no object any more -> freed from the swap cache
 *               its family is busy, or it is being read or written -> put back
 *               used since the last look -> the policy's second chance
 *               somebody else has a reference, and may write by it -> put back
 *               a file's, dirty -> put back: nobody writes it out
 *               else -> given a slot if it goes to swap, and taken out of its tables
 *      TLBs forget all that was taken out, at once; only then
 *               clean -> taken out of its objects, where the slot takes its place, and freed
 *               dirty -> to be written
 *   2. write    the whole batch, neighbours in one request; a fault still finds the page
 *   3. finish   nobody wanted it meanwhile -> taken out as above; else, or failed -> put back
 *
 * Pages that are neighbours in the batch and of one family are sorted under one hold of its lock.
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

enum verdict { UNSEEN, UNMAPPED, FREED, KEPT, TO_WRITE };

struct scan {
	bool background;
	bool force; /* second chances are over; wait for busy families */
	unsigned scanned[NR_LRU_KINDS];
	unsigned freed;
};

/* A page on its way through the steps, isolated; we have a reference. */
struct candidate {
	struct page *page;
	enum verdict verdict;
	unsigned holders; /* UNMAPPED */
	bool failed;	  /* to be written */
};

struct batch {
	unsigned n;
	struct page *pages[SWAP_BATCH];
};

static unsigned total_scanned(const struct scan *s)
{
	return s->scanned[LRU_FILE] + s->scanned[LRU_ANON];
}

static bool in_use_by_io(const struct page *page)
{
	return page_flag(page, PG_LOCKED) || page_flag(page, PG_WRITEBACK);
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

/* ---- a run of pages of one family, which is locked ---- */

/*
 * Out of its tables, if nothing speaks against it. A visitor (mm_get_page(), a write to a file of
 * tmpfs) may still be writing to the page. He got in before it was unmapped, and his reference
 * shows; or he will find it clean, and say that it is not, under the lock that we hold.
 */
static enum verdict take_out(struct rmap_batch *tables, struct candidate *c,
			     const struct page_use *use)
{
	struct page *page = c->page;
	slot_t slot = SLOT_NONE;

	if (use->locked || rmap_has_visitors(page, use->holders))
		return KEPT;
	if (page_flag(page, PG_SWAPBACKED)) {
		if (!ensure_slot(page))
			return KEPT;
		slot = page->slot;
	} else if (page_flag(page, PG_DIRTY)) {
		return KEPT;
	}
	if (use->mapped)
		rmap_unmap(tables, page, slot);
	c->holders = use->holders;
	return UNMAPPED;
}

/* How each step begins with a page. */
typedef enum verdict (*step_fn)(struct rmap_batch *tables, struct candidate *c,
				const struct scan *s);

/* Its turn has come on a list. */
static enum verdict sort_listed(struct rmap_batch *tables, struct candidate *c,
				const struct scan *s)
{
	struct page_use use;

	if (in_use_by_io(c->page))
		return KEPT;
	rmap_look(tables, c->page, &use);
	/* A locked page counts as used, or it would stand before those that may go. */
	if (reclaim_policy->keep(c->page, use.young || use.locked) && !s->force)
		return KEPT;
	return take_out(tables, c, &use);
}

/* Its user wants it out; not if it is another's too. */
static enum verdict sort_unwanted(struct rmap_batch *tables, struct candidate *c,
				  const struct scan *s)
{
	struct page_use use;

	(void)s;
	if (in_use_by_io(c->page))
		return KEPT;
	rmap_look(tables, c->page, &use);
	return use.mapped <= 1 ? take_out(tables, c, &use) : KEPT;
}

/* It has been written, in the swap cache all the time: PG_WRITEBACK kept it there. */
static enum verdict sort_written(struct rmap_batch *tables, struct candidate *c,
				 const struct scan *s)
{
	struct page_use use;

	set_writeback(c->page, false);
	if (c->failed) {
		page_set_flag(c->page, PG_DIRTY);
		swap_cache_retire(c->page);
		return KEPT;
	}
	rmap_look(tables, c->page, &use);
	if (page_flag(c->page, PG_DIRTY) || (use.mapped && !s->force))
		return KEPT; /* somebody wanted it meanwhile */
	return take_out(tables, c, &use);
}

/* What becomes of a page that no TLB knows any more. */
static enum verdict settle(struct rmap_batch *tables, const struct candidate *c, step_fn step)
{
	struct page *page = c->page;

	if (rmap_has_visitors(page, c->holders))
		return KEPT;
	if (!page_flag(page, PG_DIRTY)) {
		if (page_flag(page, PG_SWAPCACHE) && step != sort_written)
			count_vm_event(SWAP_CLEAN_DROP);
		rmap_release(tables, page, c->holders);
		return FREED;
	}
	if (!page_flag(page, PG_SWAPCACHE) || step == sort_written)
		return KEPT;
	page_clear_flag(page, PG_DIRTY);
	set_writeback(page, true);
	return TO_WRITE;
}

/* A page that no object holds (any more), or whose family is busy. */
static enum verdict sort_unheld(struct candidate *c, step_fn step)
{
	if (step != sort_written)
		return !c->page->rmap && swap_cache_drop_unused(c->page) ? FREED : KEPT;
	set_writeback(c->page, false);
	if (c->failed)
		swap_cache_retire(c->page);
	else
		swap_cache_drop_orphan(c->page);
	return page_flag(c->page, PG_SWAPCACHE) ? KEPT : FREED;
}

/* The first page, and those after it that are of the same family. Returns how many. */
static unsigned sort_run(struct candidate cs[], unsigned max, step_fn step, const struct scan *s)
{
	struct rmap_batch tables = {NULL};
	struct rmap *rmap = page_lock_rmap(cs[0].page, step == sort_listed && !s->force);
	unsigned n;

	if (!rmap) {
		cs[0].verdict = sort_unheld(&cs[0], step);
		return 1;
	}
	for (n = 0; n < max && cs[n].page->rmap == rmap; n++)
		cs[n].verdict = step(&tables, &cs[n], s);
	rmap_flush(&tables);
	for (unsigned i = 0; i < n; i++)
		if (cs[i].verdict == UNMAPPED)
			cs[i].verdict = settle(&tables, &cs[i], step);
	rmap_flush(&tables);
	spin_unlock(&rmap->lock);
	return n;
}

/* ---- batches ---- */

/* Every page gets its verdict; those that are kept go back to their lists, and those that are freed
 * are freed. The rest goes to *write. */
static void sort_batch(struct candidate cs[], unsigned n, step_fn step, struct batch *write,
		       struct scan *s)
{
	struct batch kept = {.n = 0}, freed = {.n = 0};

	for (unsigned i = 0; i < n; i += sort_run(&cs[i], n - i, step, s))
		;
	for (unsigned i = 0; i < n; i++) {
		struct batch *to = cs[i].verdict == FREED  ? &freed
				   : cs[i].verdict == KEPT ? &kept
							   : write;

		to->pages[to->n++] = cs[i].page;
	}
	s->freed += freed.n;
	put_pages(freed.pages, freed.n);
	lru_putback(kept.pages, kept.n);
}

/* Steps 2 and 3. */
static void write_batch(const struct batch *batch, struct scan *s)
{
	struct candidate cs[SWAP_BATCH];
	struct batch none = {.n = 0};
	uint32_t failed;

	if (!batch->n)
		return;
	failed = swap_write(batch->pages, batch->n);
	for (unsigned i = 0; i < batch->n; i++)
		cs[i] = (struct candidate){.page = batch->pages[i], .failed = failed & BIT(i)};
	sort_batch(cs, batch->n, sort_written, &none, s);
	CHECK(!none.n);
}

/* kswapd does not empty a zone that has enough for the sake of one that has not. */
static bool zone_has_enough(const struct page *page)
{
	const struct zone *zone = page_zone(page);

	return zone_watermark_ok(zone, 0, zone->high);
}

/* Looks at up to `max` pages of one kind, at most SWAP_BATCH. Returns at how many. */
static unsigned look_at(enum lru_kind kind, unsigned max, struct batch *write, struct scan *s)
{
	struct page *pages[SWAP_BATCH];
	unsigned nr = lru_isolate(kind, pages, max), n = 0;
	struct candidate cs[SWAP_BATCH];
	struct batch spared = {.n = 0};

	for (unsigned i = 0; i < nr; i++)
		if (s->background && zone_has_enough(pages[i]))
			spared.pages[spared.n++] = pages[i];
		else
			cs[n++] = (struct candidate){.page = pages[i]};
	lru_putback(spared.pages, spared.n);
	sort_batch(cs, n, sort_listed, write, s);
	return nr;
}

void reclaim_pages(struct page *const pages[], unsigned nr)
{
	struct batch write = {.n = 0};
	struct scan s = {.force = true};
	struct candidate cs[SWAP_BATCH];
	unsigned n = 0;

	current->reclaiming = true;
	for (unsigned i = 0; i < nr; i++)
		if (lru_isolate_page(pages[i]))
			cs[n++] = (struct candidate){.page = pages[i]};
		else
			put_page(pages[i]);
	sort_batch(cs, n, sort_unwanted, &write, &s);
	write_batch(&write, &s);
	current->reclaiming = false;
}

static void shrink_batch(enum lru_kind kind, struct scan *s)
{
	struct batch write = {.n = 0};
	unsigned before = s->freed, n = look_at(kind, SWAP_BATCH, &write, s);

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

	lru_settle();
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

	lru_settle();
	while (left && (n = look_at(LRU_FILE, (unsigned)MIN(left, SWAP_BATCH), &none, &s)))
		left -= MIN(left, n);
	count_vm_events(DROP_PAGECACHE, s.freed);
	slab_shrink();
}
