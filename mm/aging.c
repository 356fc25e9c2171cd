// SPDX-License-Identifier: BSD-2-Clause
/*
 * The other policy: page aging, as a clock. A page comes in with age 3; each pass adds 3 (up to
 * 20) where it was used since the last, and takes 1 where not; one that reaches 0 goes.
 * The age lies in the top byte of page->flags.
 */
#include <twofold/reclaim.h>

#define AGE_START 3u
#define AGE_ADVANCE 3u
#define AGE_MAX 20u
#define AGE_SHIFT 24

static struct page_list clock_list[NR_LRU_KINDS];

static uint32_t page_age(const struct page *page)
{
	return __atomic_load_n(&page->flags, __ATOMIC_RELAXED) >> AGE_SHIFT;
}

static void set_age(struct page *page, uint32_t age)
{
	uint32_t old = page_age(page);

	/* By whoever has the page alone, or lru_lock: exact whatever happens to the flags below. */
	__atomic_fetch_add(&page->flags, (age - old) << AGE_SHIFT, __ATOMIC_RELAXED);
}

static void aging_add(struct page *const pages[], unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		if (page_age(pages[i]) == 0)
			set_age(pages[i], AGE_START);
		page_list_add(&clock_list[lru_kind(pages[i])], pages[i]);
	}
}

static void aging_del(struct page *const pages[], unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		page_list_del(&clock_list[lru_kind(pages[i])], pages[i]);
}

static struct page *aging_take(enum lru_kind kind)
{
	return page_list_pop_tail(&clock_list[kind]);
}

/* What system calls used since the last pass says PG_REFERENCED. */
static bool aging_keep(struct page *page, bool young)
{
	uint32_t age = page_age(page);

	if (page_clear_flag(page, PG_REFERENCED))
		young = true;
	if (young)
		age = MIN(age + AGE_ADVANCE, AGE_MAX);
	else if (age)
		age--;
	set_age(page, age);
	return age > 0;
}

/* One pass without use, and it goes. */
static void aging_cool(struct page *page)
{
	page_clear_flag(page, PG_REFERENCED);
	set_age(page, 1);
}

/* There is one list only: all of it counts as inactive. */
static void aging_counts(enum lru_kind kind, uint64_t *active, uint64_t *inactive)
{
	*active = 0;
	*inactive = clock_list[kind].count;
}

const struct reclaim_policy aging_policy = {
	.name = "aging",
	.add = aging_add,
	.del = aging_del,
	.take = aging_take,
	.keep = aging_keep,
	.cool = aging_cool,
	.counts = aging_counts,
};
