/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a replacement policy is: it owns the lists of reclaimable pages and says which to look at
 * next, and whether a page looked at stays. Everything else (mappings, slots, writing) is
 * reclaim.c's.
 */
#ifndef TWOFOLD_RECLAIM_H
#define TWOFOLD_RECLAIM_H

#include <twofold/page.h>
#include <twofold/swap.h>

enum lru_kind { LRU_FILE, LRU_ANON, NR_LRU_KINDS };

static inline enum lru_kind lru_kind(const struct page *page)
{
	return page_flag(page, PG_SWAPBACKED) ? LRU_ANON : LRU_FILE;
}

/* All called with lru_lock held (RANK_LRU), but for keep(): nobody else has an isolated page. */
struct reclaim_policy {
	const char *name;
	void (*add)(struct page *const pages[],
		    unsigned n); /* new here, or put back after a look */
	void (*del)(struct page *const pages[], unsigned n);
	/* Takes a candidate of that kind off its list, the best first. NULL: none. */
	struct page *(*take)(enum lru_kind kind);
	/* The page was looked at and taken off: does it stay? `young`: used since the last look.
	 * Where it does, add() follows. */
	bool (*keep)(struct page *page, bool young);
	void (*accessed)(struct page *page); /* by system calls, twice; it is listed. May be NULL */
	void (*cool)(struct page *page);     /* an isolated page is not wanted soon */
	void (*counts)(enum lru_kind kind, uint64_t *active, uint64_t *inactive);
};

extern spinlock_t lru_lock;
extern const struct reclaim_policy lru_policy, aging_policy;
extern const struct reclaim_policy *reclaim_policy; /* the one in force: `reclaim=lru|aging` */

/* What has come lately goes over to the policy's lists: before a search for candidates. */
void lru_settle(void);
/* Takes up to `max` candidates off the lists, each with a reference; returns how many. */
unsigned lru_isolate(enum lru_kind kind, struct page *batch[], unsigned max);
/* Takes one page off, if it is on one; the caller has a reference. */
bool lru_isolate_page(struct page *page);
/* Puts isolated pages back and drops the references. */
void lru_putback(struct page *const pages[], unsigned n);
uint64_t lru_pages(enum lru_kind kind);

#endif
