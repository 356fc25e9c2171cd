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

/* Each page's ->next is its place here. */
static struct new_pages {
	spinlock_t lock;
	uint32_t n;
	struct page *pages[NEW_BATCH];
} __aligned(64) new_pages[NR_CPUS] = {[0 ... NR_CPUS - 1] = {.lock = SPINLOCK_INIT(RANK_LRU_NEW)}};

/* Where it waits as a new page; NULL: nowhere. */
static struct new_pages *new_list_of(const struct page *page)
{
	uint32_t cpu = __atomic_load_n(&page->flags, __ATOMIC_RELAXED) >> NEW_SHIFT & NEW_MASK;

	return cpu ? &new_pages[cpu - 1] : NULL;
}

static void not_new(struct page *page)
{
	__atomic_fetch_and(&page->flags, ~(NEW_MASK << NEW_SHIFT), __ATOMIC_RELAXED);
}

/* The last one takes its place. */
static void new_list_del(struct new_pages *new, struct page *page)
{
	struct page *last = new->pages[--new->n];

	new->pages[page->next] = last;
	last->next = page->next;
	not_new(page);
}

/* Oldest first. lru_lock held. */
static void hand_over(struct new_pages *new)
{
	spin_lock(&new->lock);
	for (uint32_t i = 0; i < new->n; i++)
		not_new(new->pages[i]);
	reclaim_policy->add(new->pages, new->n);
	new->n = 0;
	spin_unlock(&new->lock);
}

static __attribute__((noinline)) void hand_over_full(struct new_pages *new)
{
	spin_lock(&lru_lock);
	hand_over(new);
	spin_unlock(&lru_lock);
}

/* new->lock held, dropped. */
static inline void add_new(struct new_pages *new, struct page *page)
{
	uint32_t n = new->n;

	page->next = n;
	new->pages[n] = page;
	new->n = n + 1;
	spin_unlock(&new->lock);
	if (unlikely(n + 1 == NEW_BATCH))
		hand_over_full(new);
}

static inline uint32_t new_bits(unsigned cpu)
{
	return (uint32_t)BIT(PG_LRU) | (cpu + 1) << NEW_SHIFT;
}

void lru_add(struct page *page)
{
	unsigned cpu = cpu_id();
	struct new_pages *new = &new_pages[cpu];

	spin_lock(&new->lock);
	CHECK(!(__atomic_fetch_or(&page->flags, new_bits(cpu), __ATOMIC_RELAXED) & BIT(PG_LRU)));
	add_new(new, page);
}

void lru_add_fresh(struct page *page, uint32_t flags)
{
	unsigned cpu = cpu_id();
	struct new_pages *new = &new_pages[cpu];

	spin_lock(&new->lock);
	page->flags |= flags | new_bits(cpu);
	add_new(new, page);
}

/* True where it was a new page, and is on no list any more. */
static bool del_new(struct page *page)
{
	struct new_pages *new = new_list_of(page);
	bool mine;

	if (!new)
		return false;
	spin_lock(&new->lock);
	mine = new_list_of(page) == new; /* else it went over meanwhile */
	if (mine) {
		page_clear_flag(page, PG_LRU);
		new_list_del(new, page);
	}
	spin_unlock(&new->lock);
	return mine;
}

#define DEL_BATCH 64u

/* Those that are not new, nor were taken off meanwhile. */
static void del_listed(struct page *const pages[], unsigned n)
{
	struct page *listed[DEL_BATCH];
	unsigned nr_listed = 0;

	spin_lock(&lru_lock);
	for (unsigned i = 0; i < n; i++)
		if (page_flag(pages[i], PG_LRU) && page_clear_flag(pages[i], PG_LRU))
			listed[nr_listed++] = pages[i];
	reclaim_policy->del(listed, nr_listed);
	spin_unlock(&lru_lock);
}

/* Nobody has them any more, but they may go over from one list to the other. */
void lru_del_pages(struct page *const pages[], unsigned n)
{
	for (unsigned done = 0, batch, listed; done < n; done += batch) {
		batch = MIN(n - done, DEL_BATCH);
		listed = 0;
		for (unsigned i = done; i < done + batch; i++)
			listed += page_flag(pages[i], PG_LRU) && !del_new(pages[i]);
		if (listed)
			del_listed(pages + done, batch);
	}
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
 * The page is off its list. PG_LRU goes last: while it is set, whoever drops the last reference
 * waits in lru_del_pages() for our lock, so that nobody has the frame before we are done with it.
 * Without holders it is being freed: its last holder finds it off the lists.
 */
static bool isolate(struct page *page)
{
	bool got = get_page_unless_free(page);

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
		reclaim_policy->del(&page, 1);
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

void lru_settle(void)
{
	spin_lock(&lru_lock);
	for (unsigned cpu = 0; cpu < NR_CPUS; cpu++)
		if (READ_ONCE(new_pages[cpu].n))
			hand_over(&new_pages[cpu]);
	spin_unlock(&lru_lock);
}

unsigned lru_isolate(enum lru_kind kind, struct page *batch[], unsigned max)
{
	struct page *page;
	unsigned n = 0;

	spin_lock(&lru_lock);
	while (n < max && (page = reclaim_policy->take(kind)))
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
	for (unsigned i = 0; i < n; i++)
		CHECK(!page_set_flag(pages[i], PG_LRU));
	reclaim_policy->add(pages, n);
	spin_unlock(&lru_lock);
	for (unsigned i = 0; i < n; i++)
		put_page(pages[i]);
}

static uint64_t count_new(struct new_pages *new, enum lru_kind kind)
{
	uint64_t n = 0;

	if (!READ_ONCE(new->n))
		return 0;
	spin_lock(&new->lock);
	for (uint32_t i = 0; i < new->n; i++)
		n += lru_kind(new->pages[i]) == kind;
	spin_unlock(&new->lock);
	return n;
}

static void count_pages(enum lru_kind kind, uint64_t *active, uint64_t *inactive)
{
	reclaim_policy->counts(kind, active, inactive);
	for (unsigned cpu = 0; cpu < NR_CPUS; cpu++)
		*inactive += count_new(&new_pages[cpu], kind);
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

static void lru_policy_add(struct page *const pages[], unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		page_list_add(list_of(pages[i]), pages[i]);
}

static void lru_policy_del(struct page *const pages[], unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		page_list_del(list_of(pages[i]), pages[i]);
}

/* Moves pages from the tail of the active list while the inactive one is shorter; a few at a time,
 * for lru_lock is held. */
static void balance(enum lru_kind kind)
{
	for (unsigned i = 0; i < 4 && inactive_list[kind].count < active_list[kind].count; i++) {
		struct page *page = page_list_pop_tail(&active_list[kind]);

		__atomic_fetch_and(&page->flags, ~(uint32_t)(BIT(PG_ACTIVE) | BIT(PG_REFERENCED)),
				   __ATOMIC_RELAXED);
		page_list_add(&inactive_list[kind], page);
		count_vm_event(PGDEACTIVATE);
	}
}

static struct page *lru_policy_take(enum lru_kind kind)
{
	balance(kind);
	return page_list_pop_tail(&inactive_list[kind]);
}

static bool lru_policy_keep(struct page *page, bool young)
{
	if (page_flag(page, PG_REFERENCED) && page_clear_flag(page, PG_REFERENCED))
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
	page_list_del(list_of(page), page);
	page_set_flag(page, PG_ACTIVE);
	page_list_add(list_of(page), page);
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
	.take = lru_policy_take,
	.keep = lru_policy_keep,
	.accessed = lru_policy_accessed,
	.cool = lru_policy_cool,
	.counts = lru_policy_counts,
};
