// SPDX-License-Identifier: BSD-2-Clause
/*
 * The lists of reclaimable pages, and the default policy: active and inactive lists, a second
 * chance by the accessed flag. A page comes in at the head of the inactive list; one that
 * was used when its turn comes goes to the active list; the active list feeds the inactive one from
 * its tail, so that both stay about the same length.
 *
 * Every fault that brings a page adds it here, on all cores at once, so they do not meet at
 * lru_lock: a new page waits on a list of its core, which goes over to the policy's by the batch.
 * Bits of page->flags tell which list that is; they change from "new" to "listed" under both locks.
 */
#include <twofold/log.h>
#include <twofold/reclaim.h>
#include <twofold/vm.h>

#define NEW_BATCH 32u
#define NEW_SHIFT 20 /* of page->flags: 4 bits, number of the core + 1; the age is above */
#define NEW_MASK 0xfu

_Static_assert(NR_CPUS < NEW_MASK, "a core's number and one fit");

spinlock_t lru_lock = SPINLOCK_INIT(RANK_LRU);
const struct reclaim_policy *reclaim_policy = &lru_policy;

static struct new_pages {
	spinlock_t lock;
	struct page_list list;
	uint32_t count[NR_LRU_KINDS];
} __aligned(64) new_pages[NR_CPUS] = {[0 ... NR_CPUS - 1] = {.lock = SPINLOCK_INIT(RANK_LRU_NEW)}};

/* The list of new pages that it is on; NULL: none. */
static struct new_pages *new_list_of(const struct page *page)
{
	uint32_t cpu = __atomic_load_n(&page->flags, __ATOMIC_RELAXED) >> NEW_SHIFT & NEW_MASK;

	return cpu ? &new_pages[cpu - 1] : NULL;
}

static void new_list_del(struct new_pages *new, struct page *page)
{
	page_list_del(&new->list, page);
	new->count[lru_kind(page)]--;
	__atomic_fetch_and(&page->flags, ~(NEW_MASK << NEW_SHIFT), __ATOMIC_RELAXED);
}

/* Oldest first. lru_lock held. */
static void hand_over(struct new_pages *new)
{
	spin_lock(&new->lock);
	while (new->list.last) {
		struct page *page = pfn_to_page(new->list.last);

		new_list_del(new, page);
		reclaim_policy->add(page);
	}
	spin_unlock(&new->lock);
}

void lru_add(struct page *page)
{
	struct new_pages *new = &new_pages[cpu_id()];
	uint32_t bits = (uint32_t)BIT(PG_LRU) | (cpu_id() + 1) << NEW_SHIFT;
	bool full;

	spin_lock(&new->lock);
	CHECK(!(__atomic_fetch_or(&page->flags, bits, __ATOMIC_RELAXED) & BIT(PG_LRU)));
	page_list_add(&new->list, page);
	new->count[lru_kind(page)]++;
	full = new->list.count >= NEW_BATCH;
	spin_unlock(&new->lock);
	if (!full)
		return;
	spin_lock(&lru_lock);
	hand_over(new);
	spin_unlock(&lru_lock);
}

/* Nobody has the page any more, but it may go over from one list to the other. */
void lru_del(struct page *page)
{
	struct new_pages *new = new_list_of(page);

	if (new) {
		spin_lock(&new->lock);
		if (new_list_of(page) == new) {
			page_clear_flag(page, PG_LRU);
			new_list_del(new, page);
		}
		spin_unlock(&new->lock);
	}
	if (!page_flag(page, PG_LRU))
		return;
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
	if (page_flag(page, PG_LRU) && !new_list_of(page))
		reclaim_policy->accessed(page);
	spin_unlock(&lru_lock);
}

/*
 * Takes a page off its list. PG_LRU goes last: while it is set, whoever drops the last
 * reference waits in lru_del() for our lock, so that nobody has the frame before we are done with
 * it. Without holders it is being freed: its last holder finds it off the lists.
 */
static bool isolate(struct page *page)
{
	bool got = get_page_unless_free(page);

	reclaim_policy->del(page);
	page_clear_flag(page, PG_LRU);
	return got;
}

/* The caller's reference keeps it from being freed, and so from leaving the lists of new pages but
 * by hand_over(). */
bool lru_isolate_page(struct page *page)
{
	struct new_pages *new;
	bool listed;

	spin_lock(&lru_lock);
	new = new_list_of(page);
	if (new)
		hand_over(new);
	listed = page_flag(page, PG_LRU);
	if (listed) {
		reclaim_policy->del(page);
		page_clear_flag(page, PG_LRU);
	}
	spin_unlock(&lru_lock);
	return listed;
}

void lru_deactivate(struct page *page)
{
	if (!lru_isolate_page(page)) {
		put_page(page);
		return;
	}
	reclaim_policy->cool(page);
	lru_putback(&page, 1);
}

/* The policy's candidate; new pages are candidates only when there is no other. */
static struct page *next_candidate(enum lru_kind kind)
{
	struct page *page = reclaim_policy->candidate(kind);

	for (unsigned cpu = 0; cpu < NR_CPUS && !page; cpu++)
		if (READ_ONCE(new_pages[cpu].count[kind])) {
			hand_over(&new_pages[cpu]);
			page = reclaim_policy->candidate(kind);
		}
	return page;
}

unsigned lru_isolate(enum lru_kind kind, struct page *batch[], unsigned max)
{
	struct page *page;
	unsigned n = 0;

	spin_lock(&lru_lock);
	while (n < max && (page = next_candidate(kind)))
		if (isolate(page))
			batch[n++] = page;
	spin_unlock(&lru_lock);
	return n;
}

void lru_putback(struct page *const pages[], unsigned n)
{
	if (!n)
		return;
	spin_lock(&lru_lock);
	for (unsigned i = 0; i < n; i++) {
		CHECK(!page_set_flag(pages[i], PG_LRU));
		reclaim_policy->add(pages[i]);
	}
	spin_unlock(&lru_lock);
	for (unsigned i = 0; i < n; i++)
		put_page(pages[i]);
}

static void count_pages(enum lru_kind kind, uint64_t *active, uint64_t *inactive)
{
	reclaim_policy->counts(kind, active, inactive);
	for (unsigned cpu = 0; cpu < NR_CPUS; cpu++)
		*inactive += READ_ONCE(new_pages[cpu].count[kind]);
}

uint64_t lru_pages(enum lru_kind kind)
{
	uint64_t active, inactive;

	count_pages(kind, &active, &inactive);
	return active + inactive;
}

void lru_counts(uint64_t *active_anon, uint64_t *inactive_anon, uint64_t *active_file,
		uint64_t *inactive_file)
{
	count_pages(LRU_ANON, active_anon, inactive_anon);
	count_pages(LRU_FILE, active_file, inactive_file);
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

static void lru_policy_cool(struct page *page)
{
	page_clear_flag(page, PG_REFERENCED);
	if (page_clear_flag(page, PG_ACTIVE))
		count_vm_event(PGDEACTIVATE);
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
	.cool = lru_policy_cool,
	.counts = lru_policy_counts,
};
