// SPDX-License-Identifier: BSD-2-Clause
/*
 * The lists of reclaimable pages, and the default policy: active and inactive lists, a second
 * chance by the accessed flag. A page comes in at the head of the inactive list; one that
 * was used when its turn comes goes to the active list; the active list feeds the inactive one from its tail,
 * so that both stay about the same length.
 */
#include <twofold/log.h>
#include <twofold/reclaim.h>
#include <twofold/vm.h>

spinlock_t lru_lock = SPINLOCK_INIT(RANK_LRU);
const struct reclaim_policy *reclaim_policy = &lru_policy;

void lru_add(struct page *page)
{
	spin_lock(&lru_lock);
	CHECK(!page_set_flag(page, PG_LRU));
	reclaim_policy->add(page);
	spin_unlock(&lru_lock);
}

void lru_del(struct page *page)
{
	spin_lock(&lru_lock);
	if (page_clear_flag(page, PG_LRU))
		reclaim_policy->del(page);
	spin_unlock(&lru_lock);
}

void lru_mark_accessed(struct page *page)
{
	if (!page_set_flag(page, PG_REFERENCED) || !reclaim_policy->accessed)
		return;
	spin_lock(&lru_lock);
	if (page_flag(page, PG_LRU))
		reclaim_policy->accessed(page);
	spin_unlock(&lru_lock);
}

/*
 * Takes a page off its list. PG_LRU goes last: while it is set, whoever drops the last
 * reference waits in lru_del() for our lock, so that nobody has the frame before we are done with it.
 * Without holders it is being freed: its last holder finds it off the lists.
 */
static bool isolate(struct page *page)
{
	bool got = get_page_unless_free(page);

	reclaim_policy->del(page);
	page_clear_flag(page, PG_LRU);
	return got;
}

unsigned lru_isolate(enum lru_kind kind, struct page *batch[], unsigned max)
{
	struct page *page;
	unsigned n = 0;

	spin_lock(&lru_lock);
	while (n < max && (page = reclaim_policy->candidate(kind)))
		if (isolate(page))
			batch[n++] = page;
	spin_unlock(&lru_lock);
	return n;
}

bool lru_keep(struct page *page, bool young)
{
	bool keep;

	spin_lock(&lru_lock);
	keep = reclaim_policy->keep(page, young);
	spin_unlock(&lru_lock);
	return keep;
}

void lru_putback(struct page *page)
{
	lru_add(page);
	put_page(page);
}

uint64_t lru_pages(enum lru_kind kind)
{
	uint64_t active, inactive;

	reclaim_policy->counts(kind, &active, &inactive);
	return active + inactive;
}

void lru_counts(uint64_t *active_anon, uint64_t *inactive_anon, uint64_t *active_file,
		uint64_t *inactive_file)
{
	reclaim_policy->counts(LRU_ANON, active_anon, inactive_anon);
	reclaim_policy->counts(LRU_FILE, active_file, inactive_file);
}

/* ---- the default policy ---- */

static struct page_list active_list[NR_LRU_KINDS], inactive_list[NR_LRU_KINDS];

static struct page_list *list_of(const struct page *page)
{
	enum lru_kind kind = lru_kind(page);

	return page_flag(page, PG_ACTIVE) ? &active_list[kind] : &inactive_list[kind];
}

static void lru_policy_add(struct page *page)
{
	page_list_add(list_of(page), page);
}

static void lru_policy_del(struct page *page)
{
	page_list_del(list_of(page), page);
}

/* Moves pages from the tail of the active list while the inactive one is shorter; a few at a time,
 * for lru_lock is held. */
static void balance(enum lru_kind kind)
{
	for (unsigned i = 0; i < 4 && inactive_list[kind].count < active_list[kind].count; i++) {
		struct page *page = page_list_pop_tail(&active_list[kind]);

		page_clear_flag(page, PG_ACTIVE);
		page_clear_flag(page, PG_REFERENCED);
		page_list_add(&inactive_list[kind], page);
		count_vm_event(PGDEACTIVATE);
	}
}

static struct page *lru_policy_candidate(enum lru_kind kind)
{
	balance(kind);
	return inactive_list[kind].last ? pfn_to_page(inactive_list[kind].last) : NULL;
}

static bool lru_policy_keep(struct page *page, bool young)
{
	if (page_clear_flag(page, PG_REFERENCED))
		young = true;
	if (young) {
		page_set_flag(page, PG_ACTIVE);
		count_vm_event(PGACTIVATE);
	}
	return young;
}

/* Used twice by system calls: it need not wait for its turn. */
static void lru_policy_accessed(struct page *page)
{
	if (page_flag(page, PG_ACTIVE))
		return;
	lru_policy_del(page);
	page_set_flag(page, PG_ACTIVE);
	lru_policy_add(page);
	count_vm_event(PGACTIVATE);
}

static void lru_policy_counts(enum lru_kind kind, uint64_t *active, uint64_t *inactive)
{
	*active = active_list[kind].count;
	*inactive = inactive_list[kind].count;
}

const struct reclaim_policy lru_policy = {
	.name = "lru",
	.add = lru_policy_add,
	.del = lru_policy_del,
	.candidate = lru_policy_candidate,
	.keep = lru_policy_keep,
	.accessed = lru_policy_accessed,
	.counts = lru_policy_counts,
};
