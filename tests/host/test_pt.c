// SPDX-License-Identifier: BSD-2-Clause
/*
 * The walker, in both formats: random operations against a shadow of plain arrays, with the TLB
 * model watching and the "hardware" setting flags behind the walker's back; each allocation of
 * each operation made to fail; and the TLB model itself, shown sequences that are wrong.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <twofold/errno.h>
#include <twofold/log.h>
#include <twofold/vm.h>

#include "arch/arm64/ptfmt.h"
#include "arch/x86_64/ptfmt.h"
#include "shim.h"
#include "tlb_model.h"

#define RAM_SIZE (64 * SZ_1M)
#define RANDOM_OPS 100000

/* One compilation of mm/pt.c and the format it is for. */
struct walker {
	const char *name;
	const struct tlb_format *format;
	pte_t (*leaf)(int level, paddr_t pa, prot_t prot);
	pte_t (*table)(paddr_t pa);
	int (*init)(struct pt *pt, asid_t asid);
	void (*fini)(struct pt *pt);
	int (*map)(struct pt *pt, vaddr_t va, paddr_t pa, size_t size, prot_t prot);
	int (*unmap)(struct pt *pt, vaddr_t va, size_t size);
	int (*protect)(struct pt *pt, vaddr_t va, size_t size, prot_t clear, prot_t set);
	enum pte_kind (*query)(const struct pt *pt, vaddr_t va, struct pt_leaf *out);
	prot_t (*test_clear)(struct pt *pt, vaddr_t va, prot_t bits);
	prot_t (*set_soft)(struct pt *pt, vaddr_t va, uint64_t token);
	prot_t (*test_young)(struct pt *pt, vaddr_t va, paddr_t pa);
	prot_t (*set_young)(struct pt *pt, vaddr_t va);
	prot_t (*evict)(struct pt *pt, vaddr_t va, paddr_t pa, uint64_t token);
	void (*flush_evicted)(struct pt *pt);
	uint64_t (*token)(struct pt *pt, vaddr_t va);
	unsigned (*fill)(struct pt *pt, vaddr_t va, pfn_t frames[], unsigned n, prot_t prot);
	int (*copy)(struct pt *to, struct pt *from, vaddr_t va, size_t size, prot_t clear);
	int (*trace)(const struct pt *pt, vaddr_t va, pte_t entries[PT_LEVELS]);
	bool (*next)(const struct pt *pt, vaddr_t *va, vaddr_t end, struct pt_leaf *out);
	const struct pt **kernel_half;
};

#define WALKER(f)                                                                                  \
	{                                                                                          \
#f, &tlb_##f, f##_leaf, f##_table, f##_pt_init, f##_pt_fini, f##_pt_map,           \
			f##_pt_unmap, f##_pt_protect, f##_pt_query, f##_pt_test_clear,             \
			f##_pt_set_soft, f##_pt_test_young, f##_pt_set_young, f##_pt_evict,        \
			f##_pt_flush_evicted, f##_pt_token, f##_pt_fill, f##_pt_copy,              \
			f##_pt_trace, f##_pt_next, &f##_pt_kernel_half                             \
	}

static const struct walker arm64 = WALKER(arm64), x86_64 = WALKER(x86_64);

/* The model must have nothing to say. */
static void expect_quiet(void)
{
	const char *said;

	tlb_check();
	said = tlb_complaint();
	if (said)
		fail_msg("TLB model: %s", said);
}

/* Those of the live format and of the twin's. */
static int64_t tables_in_use(void)
{
	return vm_gauges[NR_TABLES] + vm_gauges[NR_TWIN_TABLES];
}

static void new_tree(const struct walker *w, struct pt *pt, bool user, bool live)
{
	assert_int_equal(w->init(pt, 0), 0);
	pt->user = user;
	pt->live = live;
	if (live)
		tlb_watch(pt, w->format);
}

/* ---- the invariants of a tree ---- */

struct census {
	uint64_t tables[PT_LEVELS], leaves;
};

static void count_table(const struct walker *w, const struct pt *pt, uint64_t pa, int level,
			struct census *c)
{
	const pte_t *table = pa_to_ptr(PADDR(pa));
	struct page *page = virt_to_page(table);
	unsigned used = 0;

	for (unsigned i = 0; i < PT_ENTRIES; i++) {
		enum pte_kind kind = w->format->kind(table[i], level);

		used += kind != PTE_EMPTY;
		c->leaves += kind == PTE_LEAF;
		if (kind == PTE_TABLE)
			count_table(w, pt, w->format->addr(table[i], level).pa, level - 1, c);
	}
	c->tables[level]++;
	assert_true(page_flag(page, PG_TABLE));
	assert_int_equal(page->index, used);
	if (level < (pt->user ? PT_LEVELS - 1 : PT_LEVELS - 2))
		assert_true(used > 0); /* an empty table was freed */
}

static void check_tree(const struct walker *w, const struct pt *pt)
{
	struct census c = {0};

	count_table(w, pt, pt->root.pa, PT_LEVELS - 1, &c);
	assert_int_equal(c.leaves, pt->stats.leaves);
	assert_memory_equal(c.tables, pt->stats.tables, sizeof(c.tables));
}

/* ---- the shadow: pages around a 512 GiB boundary, so that every level's tables change ---- */

#define WINDOW_PAGES 2048u
#define WINDOW_SIZE (WINDOW_PAGES * PAGE_SIZE)
#define NR_FRAMES 4096u /* that leaves name: not RAM, the walker never looks at them */
#define FRAMES_BASE 0x1000000000ull
#define NR_TREES 2

struct shadow_page {
	enum pte_kind kind;
	prot_t prot;
	uint64_t pa, token;
};

struct world {
	const struct walker *w;
	uint64_t base;
	struct side {
		struct pt pt;
		struct shadow_page pages[WINDOW_PAGES];
	} sides[NR_TREES];
	/* Of frames: told to page_mark_dirty(); should have been; may have been. */
	bool told[NR_FRAMES], must[NR_FRAMES], may[NR_FRAMES];
	unsigned touched[4 * NR_FRAMES], nr_touched; /* frames of which one of these was set */
};

static struct world world;

static void set_frame(bool *array, uint64_t pa)
{
	uint64_t i = (pa - FRAMES_BASE) >> PAGE_SHIFT;

	if (array[i])
		return;
	array[i] = true;
	world.touched[world.nr_touched++] = (unsigned)i;
}

void __wrap_page_mark_dirty(paddr_t pa);
void __wrap_page_mark_dirty(paddr_t pa)
{
	if (pa.pa >= FRAMES_BASE && pa.pa < FRAMES_BASE + NR_FRAMES * PAGE_SIZE)
		set_frame(world.told, pa.pa);
}

static uint64_t page_va(unsigned page)
{
	return world.base + page * PAGE_SIZE;
}

/* A leaf of the shadow goes away, or changes to this. */
static void shadow_leaves(const struct side *s, const struct shadow_page *p, uint64_t pa,
			  prot_t prot)
{
	if (p->kind != PTE_LEAF || !(p->prot & PT_DIRTY) || !s->pt.user || !s->pt.live)
		return;
	set_frame(world.may, p->pa);
	if (p->pa != pa || !(prot & PT_DIRTY))
		set_frame(world.must, p->pa);
}

static void compare_page(const struct side *s, unsigned page)
{
	const struct shadow_page *p = &s->pages[page];
	uint64_t off = 8 * shim_random(512);
	pte_t entries[PT_LEVELS];
	struct pt_leaf leaf;
	enum pte_kind kind = world.w->query(&s->pt, VADDR(page_va(page) + off), &leaf);

	assert_int_equal(kind, p->kind);
	assert_int_equal(world.w->trace(&s->pt, VADDR(page_va(page)), entries), leaf.level);
	assert_int_equal(world.w->format->kind(entries[leaf.level], leaf.level), kind);
	if (kind == PTE_LEAF) {
		assert_int_equal(leaf.pa.pa, p->pa + off);
		assert_int_equal(leaf.prot, p->prot);
	} else if (kind == PTE_SOFT) {
		assert_int_equal(leaf.token, p->token);
	}
}

/* All of the shadow, and what pt_next() meets on the way. */
static void compare_all(const struct side *s)
{
	vaddr_t va = VADDR(world.base - shim_random(3) * SZ_2M), end = VADDR(page_va(WINDOW_PAGES));
	struct pt_leaf leaf;

	for (unsigned i = 0; i < WINDOW_PAGES; i++) {
		compare_page(s, i);
		if (s->pages[i].kind == PTE_EMPTY)
			continue;
		assert_true(world.w->next(&s->pt, &va, end, &leaf));
		assert_int_equal(va.va, page_va(i));
		va = va_add(va, PAGE_SIZE);
	}
	if (world.w->next(&s->pt, &va, end, &leaf))
		fail_msg("pt_next() finds %#lx where nothing is", va.va);
	check_tree(world.w, &s->pt);
}

/* The page of the window whose last-level entry this is; NULL: none's. */
static struct shadow_page *find_page(const uint64_t *slot, unsigned *page)
{
	uint64_t pa = ptr_to_pa(slot).pa;

	for (unsigned i = 0; i < NR_TREES * WINDOW_PAGES; i += PT_ENTRIES) {
		struct side *s = &world.sides[i / WINDOW_PAGES];
		pte_t entries[PT_LEVELS];

		*page = i % WINDOW_PAGES;
		if (world.w->trace(&s->pt, VADDR(page_va(*page)), entries) == 0 &&
		    world.w->format->addr(entries[1], 1).pa == ALIGN_DOWN(pa, PAGE_SIZE)) {
			*page += pa % PAGE_SIZE / sizeof(pte_t);
			return &s->pages[*page];
		}
	}
	return NULL;
}

/* As hardware with FEAT_HAFDBS, or any x86: accessed and dirty, at the worst moment. */
static void hardware_sets_flags(uint64_t *slot)
{
	struct shadow_page *p;
	unsigned page;

	if (shim_random(4) || !(p = find_page(slot, &page)) || p->kind != PTE_LEAF)
		return;
	if (world.w->format->kind(*slot, 0) != PTE_LEAF)
		return;
	p->prot |= PT_YOUNG | (p->prot & PT_WRITE && shim_random(2) ? PT_DIRTY : 0);
	tlb_hardware_sets(slot, world.w->leaf(0, PADDR(p->pa), p->prot));
}

/* ---- random operations ---- */

struct range {
	unsigned page, n;
};

static struct range random_range(void)
{
	struct range r = {(unsigned)shim_random(WINDOW_PAGES), 1};
	unsigned dice = (unsigned)shim_random(20);

	if (dice >= 18) {
		r.n = PT_ENTRIES * (1 + (unsigned)shim_random(2));
		r.page = ALIGN_DOWN(r.page, (unsigned)PT_ENTRIES);
	} else if (dice >= 15) {
		r.n = 1 + (unsigned)shim_random(600);
	} else if (dice >= 10) {
		r.n = 1 + (unsigned)shim_random(8);
	}
	r.n = MIN(r.n, WINDOW_PAGES - r.page);
	return r;
}

static prot_t random_prot(void)
{
	prot_t type = shim_random(8) ? PT_NORMAL : (prot_t)shim_random(3) << 6;

	return (prot_t)shim_random(PT_NOCACHE) | type;
}

/* Mostly such that a block fits. */
static uint64_t random_frames(struct range r)
{
	uint64_t frame = shim_random(3) ? r.page + PT_ENTRIES * shim_random(4)
					: shim_random(NR_FRAMES - r.n);

	return FRAMES_BASE + frame * PAGE_SIZE;
}

static int do_map(struct side *s, struct range r)
{
	uint64_t pa = random_frames(r);
	prot_t prot = random_prot();
	int err;

	/* Often the frame that is there already: new rights in place. */
	if (r.n == 1 && s->pages[r.page].kind == PTE_LEAF && shim_random(2))
		pa = s->pages[r.page].pa;
	err = world.w->map(&s->pt, VADDR(page_va(r.page)), PADDR(pa), r.n * PAGE_SIZE, prot);
	for (unsigned i = 0; !err && i < r.n; i++, pa += PAGE_SIZE) {
		shadow_leaves(s, &s->pages[r.page + i], pa, prot);
		s->pages[r.page + i] =
			(struct shadow_page){.kind = PTE_LEAF, .prot = prot, .pa = pa};
	}
	return err;
}

static int do_unmap(struct side *s, struct range r)
{
	int err = world.w->unmap(&s->pt, VADDR(page_va(r.page)), r.n * PAGE_SIZE);

	for (unsigned i = 0; !err && i < r.n; i++) {
		shadow_leaves(s, &s->pages[r.page + i], 0, 0);
		s->pages[r.page + i] = (struct shadow_page){.kind = PTE_EMPTY};
	}
	return err;
}

static int do_protect(struct side *s, struct range r)
{
	prot_t clear = (prot_t)shim_random(PT_NOCACHE), set = (prot_t)shim_random(PT_NOCACHE);
	int err;

	if (!shim_random(8)) {
		clear |= PT_TYPE;
		set |= random_prot();
	}
	err = world.w->protect(&s->pt, VADDR(page_va(r.page)), r.n * PAGE_SIZE, clear, set);
	for (unsigned i = 0; !err && i < r.n; i++) {
		struct shadow_page *p = &s->pages[r.page + i];

		if (p->kind != PTE_LEAF)
			continue;
		shadow_leaves(s, p, p->pa, (p->prot & ~clear) | set);
		p->prot = (p->prot & ~clear) | set;
	}
	return err;
}

static bool in_block(const struct side *s, unsigned page)
{
	struct pt_leaf leaf;

	return world.w->query(&s->pt, VADDR(page_va(page)), &leaf) == PTE_LEAF && leaf.level > 0;
}

static int do_test_clear(struct side *s, struct range r)
{
	prot_t bits = (prot_t)(1 + shim_random(3)) * PT_YOUNG, old;
	struct shadow_page *p = &s->pages[r.page];
	bool block = in_block(s, r.page);

	old = world.w->test_clear(&s->pt, VADDR(page_va(r.page)), bits);
	assert_int_equal(old, p->kind == PTE_LEAF ? p->prot : 0);
	/* A block is one thing: all its pages change. */
	r.page = block ? ALIGN_DOWN(r.page, (unsigned)PT_ENTRIES) : r.page;
	r.n = block ? PT_ENTRIES : 1;
	for (p = &s->pages[r.page]; p < &s->pages[r.page + r.n]; p++)
		if (p->kind == PTE_LEAF) {
			shadow_leaves(s, p, p->pa, p->prot & ~bits);
			p->prot &= ~bits;
		}
	return 0;
}

static int do_set_soft(struct side *s, struct range r)
{
	uint64_t token = shim_random(4) ? 1 + shim_random(BIT(PT_TOKEN_BITS) - 1) : 0;
	struct shadow_page *p = &s->pages[r.page];
	pte_t entries[PT_LEVELS];
	prot_t old;

	if (in_block(s, r.page))
		return 0;
	if (world.w->trace(&s->pt, VADDR(page_va(r.page)), entries) > 0)
		token = 0; /* no table: nothing is stored */
	old = world.w->set_soft(&s->pt, VADDR(page_va(r.page)), token);
	assert_int_equal(old, p->kind == PTE_LEAF ? p->prot : 0);
	shadow_leaves(s, p, 0, 0);
	*p = (struct shadow_page){.kind = token ? PTE_SOFT : PTE_EMPTY, .token = token};
	return 0;
}

/* A frame to look for: mostly the one that is there. */
static uint64_t suspect(const struct shadow_page *p)
{
	return shim_random(4) ? p->pa : FRAMES_BASE - PAGE_SIZE;
}

static bool is_page_of(const struct side *s, unsigned page, uint64_t pa)
{
	const struct shadow_page *p = &s->pages[page];

	return p->kind == PTE_LEAF && p->pa == pa && !in_block(s, page);
}

static int do_young(struct side *s, struct range r)
{
	struct shadow_page *p = &s->pages[r.page];
	vaddr_t va = VADDR(page_va(r.page));
	uint64_t pa = suspect(p);
	bool is = is_page_of(s, r.page, pa);
	prot_t old;

	assert_int_equal(world.w->token(&s->pt, va), p->kind == PTE_SOFT ? p->token : 0);
	old = world.w->test_young(&s->pt, va, PADDR(pa));
	assert_int_equal(old, is ? p->prot : 0);
	if (is)
		p->prot &= ~PT_YOUNG;
	is = is_page_of(s, r.page, p->pa);
	if (!shim_random(2))
		return 0;
	old = world.w->set_young(&s->pt, va);
	assert_int_equal(old, is ? p->prot : 0);
	if (is)
		p->prot |= PT_YOUNG;
	return 0;
}

/* Many pages, one flush. */
static int do_evict(struct side *s, struct range r)
{
	for (unsigned page = r.page; page < r.page + MIN(r.n, 40u); page++) {
		uint64_t token = shim_random(4) ? 1 + shim_random(BIT(PT_TOKEN_BITS) - 1) : 0;
		struct shadow_page *p = &s->pages[page];
		uint64_t pa = suspect(p);
		bool is = is_page_of(s, page, pa);
		prot_t old = world.w->evict(&s->pt, VADDR(page_va(page)), PADDR(pa), token);

		assert_int_equal(old, is ? p->prot : 0);
		if (!is)
			continue;
		shadow_leaves(s, p, 0, 0);
		*p = (struct shadow_page){.kind = token ? PTE_SOFT : PTE_EMPTY, .token = token};
	}
	world.w->flush_evicted(&s->pt);
	return 0;
}

static int do_copy(struct side *s, struct range r)
{
	struct side *to = s == &world.sides[0] ? &world.sides[1] : &world.sides[0];
	prot_t clear = (prot_t)shim_random(PT_NOCACHE);
	int err = world.w->copy(&to->pt, &s->pt, VADDR(page_va(r.page)), r.n * PAGE_SIZE, clear);

	for (unsigned i = 0; !err && i < r.n; i++) {
		struct shadow_page *p = &s->pages[r.page + i], *q = &to->pages[r.page + i];

		if (p->kind == PTE_EMPTY)
			continue;
		if (p->kind == PTE_LEAF) {
			shadow_leaves(s, p, p->pa, p->prot & ~clear);
			p->prot &= ~clear;
		}
		shadow_leaves(to, q, p->kind == PTE_LEAF ? p->pa : 0, p->prot);
		*q = *p;
	}
	return err;
}

static void check_dirt(void)
{
	for (unsigned n = 0; n < world.nr_touched; n++) {
		unsigned i = world.touched[n];

		assert_true(!world.must[i] || world.told[i]);
		assert_true(!world.told[i] || world.may[i]);
	}
	while (world.nr_touched) {
		unsigned i = world.touched[--world.nr_touched];

		world.told[i] = world.must[i] = world.may[i] = false;
	}
}

static void random_op(void)
{
	static int (*const ops[])(struct side * s, struct range r) = {
		do_map,	       do_map,	    do_map,   do_unmap, do_unmap, do_protect, do_protect,
		do_test_clear, do_set_soft, do_young, do_evict, do_evict, do_copy};
	struct side *s = &world.sides[shim_random(NR_TREES)];
	struct range r = random_range();
	bool failing = !shim_random(8);
	int err;

	if (failing)
		shim_fail_alloc_after((long)shim_random(4));
	err = ops[shim_random(ARRAY_SIZE(ops))](s, r);
	assert_int_equal(err, failing && shim_alloc_failed() ? -ENOMEM : 0);
	shim_fail_alloc_after(-1);
	expect_quiet();
	check_dirt();
	for (unsigned i = 0; i < MIN(r.n, 16u); i++)
		compare_page(s, r.page + (unsigned)shim_random(r.n));
	compare_page(s, (unsigned)shim_random(WINDOW_PAGES));
}

static void random_world(const struct walker *w, bool user, bool live, unsigned ops)
{
	uint64_t free_before = frames_free();
	int64_t tables_before = tables_in_use();

	memset(&world, 0, sizeof(world));
	world.w = w;
	world.base = (user ? 0 : VMALLOC_BASE) + PT_SPAN(3) - WINDOW_SIZE / 2;
	for (unsigned i = 0; i < NR_TREES; i++)
		new_tree(w, &world.sides[i].pt, user, live);
	tlb_before_change = live ? hardware_sets_flags : NULL;
	for (unsigned i = 0; i < ops; i++) {
		random_op();
		if (i % 500 == 0)
			compare_all(&world.sides[i / 500 % NR_TREES]);
	}
	tlb_before_change = NULL;
	for (unsigned i = 0; i < NR_TREES; i++) {
		compare_all(&world.sides[i]);
		w->fini(&world.sides[i].pt);
		assert_int_equal(world.sides[i].pt.stats.leaves, 0);
	}
	expect_quiet();
	assert_int_equal(frames_free(), free_before);
	assert_int_equal(tables_in_use(), tables_before);
}

static void arm64_random_operations(void **state)
{
	(void)state;
	random_world(&arm64, true, true, RANDOM_OPS);
}

static void x86_64_random_operations(void **state)
{
	(void)state;
	random_world(&x86_64, true, true, RANDOM_OPS);
}

static void kernel_trees(void **state)
{
	(void)state;
	random_world(&arm64, false, true, RANDOM_OPS / 10);
	random_world(&x86_64, false, true, RANDOM_OPS / 10);
}

static void trees_that_no_machine_walks(void **state)
{
	(void)state;
	random_world(&arm64, true, false, RANDOM_OPS / 10);
	random_world(&x86_64, true, false, RANDOM_OPS / 10);
}

/* ---- each allocation made to fail ---- */

#define GIB_VA (3 * PT_SPAN(3) + PT_SPAN(2)) /* of the block that the following cut */

struct failing_op {
	const char *name;
	int (*run)(const struct walker *w, struct pt *pt, struct pt *other);
};

static int fail_map_page(const struct walker *w, struct pt *pt, struct pt *other)
{
	(void)other;
	return w->map(pt, VADDR(0x10000), PADDR(0), PAGE_SIZE, PT_USER);
}

/* Pages, a 2 MiB and a 1 GiB block, pages; partly over the block that is there. */
static int fail_map_range(const struct walker *w, struct pt *pt, struct pt *other)
{
	uint64_t start = GIB_VA - PT_SPAN(2) - PT_SPAN(1) - PAGE_SIZE;

	(void)other;
	return w->map(pt, VADDR(start), PADDR(PT_SPAN(2) - PT_SPAN(1) - PAGE_SIZE),
		      PT_SPAN(2) + 2 * PT_SPAN(1) + 2 * PAGE_SIZE, PT_USER | PT_WRITE);
}

static int fail_unmap(const struct walker *w, struct pt *pt, struct pt *other)
{
	(void)other;
	return w->unmap(pt, VADDR(GIB_VA + 7 * PAGE_SIZE), PT_SPAN(2) - PT_SPAN(1));
}

static int fail_protect(const struct walker *w, struct pt *pt, struct pt *other)
{
	(void)other;
	return w->protect(pt, VADDR(GIB_VA + 7 * PT_SPAN(1)), 3 * PAGE_SIZE, PT_WRITE, 0);
}

static int fail_copy(const struct walker *w, struct pt *pt, struct pt *other)
{
	return w->copy(other, pt, VADDR(GIB_VA - PT_SPAN(1)), 2 * PT_SPAN(1) - PAGE_SIZE, PT_WRITE);
}

static const struct failing_op failing_ops[] = {
	{"map a page", fail_map_page}, {"map a range", fail_map_range},
	{"unmap", fail_unmap},	       {"protect", fail_protect},
	{"copy", fail_copy},
};

/* A number that changes when any entry of the tree, or anything else about it, does. */
static uint64_t digest(const struct walker *w, const struct pt *pt, uint64_t pa, int level)
{
	const pte_t *table = pa_to_ptr(PADDR(pa));
	uint64_t sum = pa;

	for (unsigned i = 0; i < PT_ENTRIES; i++) {
		sum = (sum ^ table[i]) * 0x100000001b3 + (sum >> 29);
		if (w->format->kind(table[i], level) == PTE_TABLE)
			sum += digest(w, pt, w->format->addr(table[i], level).pa, level - 1);
	}
	for (unsigned i = 0; i < sizeof(*pt); i++)
		sum = (sum ^ ((const uint8_t *)pt)[i]) * 0x100000001b3;
	return sum;
}

static void fail_in_turn(const struct walker *w, const struct failing_op *op)
{
	uint64_t free_before = frames_free(), free_now, was, other_was;
	int64_t gauge;
	struct pt pt, other;
	int err, n = 0;

	new_tree(w, &pt, true, true);
	new_tree(w, &other, true, true);
	assert_int_equal(w->map(&pt, VADDR(GIB_VA - PT_SPAN(1)), PADDR(PT_SPAN(2) - PT_SPAN(1)),
				PT_SPAN(2) + PT_SPAN(1), PT_USER | PT_WRITE | PT_YOUNG),
			 0);
	free_now = frames_free();
	gauge = tables_in_use();
	was = digest(w, &pt, pt.root.pa, 3);
	other_was = digest(w, &other, other.root.pa, 3);
	do {
		shim_fail_alloc_after(n++);
		err = op->run(w, &pt, &other);
		assert_int_equal(err, shim_alloc_failed() ? -ENOMEM : 0);
		shim_fail_alloc_after(-1);
		expect_quiet();
		if (!err)
			break;
		assert_int_equal(frames_free(), free_now);
		assert_int_equal(tables_in_use(), gauge);
		assert_int_equal(digest(w, &pt, pt.root.pa, 3), was);
		assert_int_equal(digest(w, &other, other.root.pa, 3), other_was);
	} while (n < 100);
	assert_int_equal(err, 0);
	assert_true(n > 1); /* it did need one */
	check_tree(w, &pt);
	check_tree(w, &other);
	w->fini(&pt);
	w->fini(&other);
	expect_quiet();
	assert_int_equal(frames_free(), free_before);
}

static void allocations_fail_in_turn(void **state)
{
	struct pt pt;

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(failing_ops); i++) {
		fail_in_turn(&arm64, &failing_ops[i]);
		fail_in_turn(&x86_64, &failing_ops[i]);
	}
	shim_fail_alloc_after(0);
	assert_int_equal(arm64.init(&pt, 0), -ENOMEM);
	assert_int_equal(x86_64.init(&pt, 0), -ENOMEM);
	shim_fail_alloc_after(-1);
}

/* ---- particular cases ---- */

static int level_at(const struct walker *w, const struct pt *pt, uint64_t va, uint64_t *pa)
{
	struct pt_leaf leaf;

	assert_int_equal(w->query(pt, VADDR(va), &leaf), PTE_LEAF);
	*pa = leaf.pa.pa;
	return leaf.level;
}

/* The largest leaves that fit are used, and only the ends of a range are split. */
static void blocks_of(const struct walker *w)
{
	struct pt pt;
	uint64_t pa, base = 5 * PT_SPAN(3);

	new_tree(w, &pt, true, true);
	assert_int_equal(w->map(&pt, VADDR(base), PADDR(0), 3 * PT_SPAN(2), PT_USER), 0);
	assert_int_equal(pt.stats.leaves, 3);
	assert_int_equal(level_at(w, &pt, base + PT_SPAN(2) + 0x123456, &pa), 2);
	assert_int_equal(pa, PT_SPAN(2) + 0x123456);
	assert_int_equal(w->unmap(&pt, VADDR(base + PT_SPAN(2) + PAGE_SIZE), PAGE_SIZE), 0);
	assert_int_equal(level_at(w, &pt, base + PT_SPAN(2), &pa), 0);
	assert_int_equal(level_at(w, &pt, base + PT_SPAN(2) + PT_SPAN(1), &pa), 1);
	assert_int_equal(level_at(w, &pt, base, &pa), 2);
	assert_int_equal(pt.stats.leaves, 2 + 511 + 511);
	/* A block over the tables, in their place. */
	assert_int_equal(w->map(&pt, VADDR(base), PADDR(0), 2 * PT_SPAN(2), PT_USER), 0);
	assert_int_equal(pt.stats.leaves, 3);
	expect_quiet();
	check_tree(w, &pt);
	w->fini(&pt);
	expect_quiet();
}

static void blocks_where_they_fit(void **state)
{
	(void)state;
	blocks_of(&arm64);
	blocks_of(&x86_64);
}

static void bad_ranges_of(const struct walker *w)
{
	static const uint64_t bad[][2] = {
		{0, 0},
		{1, PAGE_SIZE},
		{0, PAGE_SIZE + 1},
		{BIT(47), PAGE_SIZE},
		{BIT(47) - PAGE_SIZE, 2 * PAGE_SIZE},
		{-PAGE_SIZE, PAGE_SIZE},
		{PAGE_SIZE, -PAGE_SIZE},
		{BIT(60), PAGE_SIZE},
	};
	struct pt pt, to;

	new_tree(w, &pt, true, true);
	new_tree(w, &to, true, true);
	for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
		vaddr_t va = VADDR(bad[i][0]);
		uint64_t size = bad[i][1];

		assert_int_equal(w->map(&pt, va, PADDR(0), size, PT_USER), -EINVAL);
		assert_int_equal(w->unmap(&pt, va, size), -EINVAL);
		assert_int_equal(w->protect(&pt, va, size, 0, 0), -EINVAL);
		assert_int_equal(w->copy(&to, &pt, va, size, 0), -EINVAL);
	}
	assert_int_equal(w->map(&pt, VADDR(0), PADDR(0x800), PAGE_SIZE, PT_USER), -EINVAL);
	pt.user = false; /* and none of the lower half for the kernel */
	assert_int_equal(w->map(&pt, VADDR(0), PADDR(0), PAGE_SIZE, 0), -EINVAL);
	pt.user = true;
	w->fini(&pt);
	w->fini(&to);
	expect_quiet();
}

static void bad_ranges_are_refused(void **state)
{
	(void)state;
	bad_ranges_of(&arm64);
	bad_ranges_of(&x86_64);
}

/* The last page of the address space: the end of the range is 2^64. */
static void top_of_the_address_space(void **state)
{
	vaddr_t last = VADDR(-PAGE_SIZE), va = VADDR(-PT_SPAN(2));
	struct pt_leaf leaf;
	struct pt pt;

	(void)state;
	new_tree(&arm64, &pt, false, true);
	assert_int_equal(arm64.map(&pt, va, PADDR(0), PT_SPAN(2), PT_GLOBAL | PT_YOUNG), 0);
	assert_int_equal(arm64.unmap(&pt, va, PT_SPAN(2) - PAGE_SIZE), 0);
	assert_true(arm64.next(&pt, &va, VADDR(0), &leaf));
	assert_int_equal(va.va, last.va);
	assert_int_equal(arm64.protect(&pt, last, PAGE_SIZE, 0, PT_EXEC), 0);
	assert_int_equal(arm64.unmap(&pt, last, PAGE_SIZE), 0);
	assert_false(arm64.next(&pt, &va, VADDR(0), &leaf));
	expect_quiet();
	arm64.fini(&pt);
	expect_quiet();
}

static void last_entry_of(const struct walker *w)
{
	vaddr_t va = VADDR(0x12345000);
	struct pt pt;

	new_tree(w, &pt, true, true);
	assert_int_equal(w->map(&pt, va, PADDR(0), PAGE_SIZE, PT_USER), 0);
	assert_int_equal(w->set_soft(&pt, va, 5), PT_USER);
	assert_int_equal(pt.stats.tables[0], 1); /* a token needs it */
	assert_int_equal(w->set_soft(&pt, va, 0), 0);
	for (int level = 0; level < PT_LEVELS - 1; level++)
		assert_int_equal(pt.stats.tables[level], 0);
	expect_quiet();
	w->fini(&pt);
	expect_quiet();
}

static void the_last_entry_frees_its_table(void **state)
{
	(void)state;
	last_entry_of(&arm64);
	last_entry_of(&x86_64);
}

/* The flush may wait, but not be forgotten; and it is one for all. */
static void eviction_by(const struct walker *w)
{
	vaddr_t va = VADDR(0x12345000);
	unsigned long flushes = tlb_flushes;
	struct pt pt;

	new_tree(w, &pt, true, true);
	for (unsigned i = 0; i < 32; i++)
		assert_int_equal(w->map(&pt, va_add(va, i * PAGE_SIZE), PADDR(i * PAGE_SIZE),
					PAGE_SIZE, PT_USER | PT_YOUNG),
				 0);
	for (unsigned i = 0; i < 32; i++)
		assert_int_equal(w->evict(&pt, va_add(va, i * PAGE_SIZE), PADDR(i * PAGE_SIZE), 7),
				 PT_USER | PT_YOUNG);
	tlb_check();
	assert_non_null(tlb_complaint());
	w->flush_evicted(&pt);
	w->flush_evicted(&pt); /* there is nothing left to do */
	assert_int_equal(tlb_flushes - flushes, 1);
	expect_quiet();
	w->fini(&pt);
	expect_quiet();
}

static void evictions_share_a_flush(void **state)
{
	(void)state;
	eviction_by(&arm64);
	eviction_by(&x86_64);
}

/* What fault-around maps takes the place of tokens, not of leaves. */
static void filling_by(const struct walker *w)
{
	vaddr_t va = VADDR(0x12345000);
	pfn_t frames[4] = {11, 12, 0, 14};
	struct pt pt;

	new_tree(w, &pt, true, true);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(
			w->map(&pt, va_add(va, i * PAGE_SIZE), PADDR(0), PAGE_SIZE, PT_USER), 0);
	for (unsigned i = 1; i < 4; i++)
		w->set_soft(&pt, va_add(va, i * PAGE_SIZE), i < 3 ? i : 0);
	assert_int_equal(w->fill(&pt, va, frames, 4, PT_USER), 2);
	assert_int_equal(frames[0], 0);
	assert_int_equal(frames[1], 12);
	assert_int_equal(w->token(&pt, va_add(va, 2 * PAGE_SIZE)), 2);
	check_tree(w, &pt);
	expect_quiet();
	w->fini(&pt);
	expect_quiet();
}

static void filling_replaces_tokens(void **state)
{
	(void)state;
	filling_by(&arm64);
	filling_by(&x86_64);
}

/* Every x86 tree begins with the kernel's half, and leaves it alone. */
static void kernel_half_is_shared(void **state)
{
	vaddr_t va = VADDR(VMALLOC_BASE);
	struct pt kernel, pt;
	struct pt_leaf leaf;

	(void)state;
	new_tree(&x86_64, &kernel, false, false);
	assert_int_equal(x86_64.map(&kernel, va, PADDR(0), PAGE_SIZE, PT_GLOBAL), 0);
	*x86_64.kernel_half = &kernel;
	new_tree(&x86_64, &pt, true, false);
	assert_int_equal(x86_64.query(&pt, va, &leaf), PTE_LEAF);
	/* What the kernel maps and unmaps there from now on, all see. */
	assert_int_equal(x86_64.unmap(&kernel, va, PAGE_SIZE), 0);
	assert_int_equal(x86_64.query(&pt, va, &leaf), PTE_EMPTY);
	assert_int_equal(x86_64.map(&kernel, va, PADDR(SZ_2M), PAGE_SIZE, PT_GLOBAL), 0);
	x86_64.fini(&pt);
	assert_int_equal(x86_64.query(&kernel, va, &leaf), PTE_LEAF);
	*x86_64.kernel_half = NULL;
	x86_64.fini(&kernel);
}

static void split_direct_map(void)
{
	struct pt pt;

	new_tree(&arm64, &pt, false, true);
	assert_int_equal(arm64.map(&pt, VADDR(DIRECT_BASE), PADDR(0), SZ_2M, PT_GLOBAL), 0);
	arm64.unmap(&pt, VADDR(DIRECT_BASE), PAGE_SIZE);
}

static void direct_map_is_never_split(void **state)
{
	(void)state;
	assert_true(shim_panics(split_direct_map, "DIRECT_BASE"));
}

/* ---- the model itself: what is wrong must be reported ---- */

#define VA 0x40000000ul
#define FRAME 0x80000000ul

static struct pt wrong; /* arm64, VA mapped to FRAME */

static void begin_wrong(void)
{
	new_tree(&arm64, &wrong, true, true);
	assert_int_equal(arm64.map(&wrong, VADDR(VA), PADDR(FRAME), PAGE_SIZE, PT_USER | PT_WRITE),
			 0);
	expect_quiet();
}

static uint64_t *wrong_slot(int level)
{
	pte_t entries[PT_LEVELS];

	arm64.trace(&wrong, VADDR(VA), entries);
	return (uint64_t *)pa_to_ptr(arm64_addr(entries[level + 1], level + 1)) +
	       (VA / PT_SPAN(level)) % PT_ENTRIES;
}

/* The model complained, and of this. */
static void expect_complaint(const char *text)
{
	const char *said = tlb_complaint();

	if (!said || !strstr(said, text))
		fail_msg("expected \"%s\", got \"%s\"", text, said ? said : "nothing");
}

/* Puts the tree right, so that it can go. */
static void end_wrong(void)
{
	tlb_unwatch(&wrong);
	wrong.live = false;
	arm64.fini(&wrong);
}

static void model_sees_valid_over_valid(void **state)
{
	(void)state;
	begin_wrong();
	mmu_exchange(wrong_slot(0), arm64_leaf(0, PADDR(FRAME + PAGE_SIZE), PT_USER));
	expect_complaint("replaced by valid");
	end_wrong();
	begin_wrong();
	mmu_exchange(wrong_slot(0), arm64_leaf(0, PADDR(FRAME), PT_USER | PT_DEVICE));
	expect_complaint("replaced by valid");
	end_wrong();
}

static void model_sees_new_over_stale(void **state)
{
	uint64_t *slot;

	(void)state;
	begin_wrong();
	mmu_exchange(wrong_slot(0), 0);
	mmu_exchange(wrong_slot(0), arm64_leaf(0, PADDR(FRAME + PAGE_SIZE), PT_USER));
	expect_complaint("over a stale one");
	end_wrong();
	/* A block over a table that was taken out, pages still cached. */
	begin_wrong();
	slot = wrong_slot(1);
	mmu_exchange(slot, 0);
	mmu_flush(wrong.asid, VADDR(VA), PAGE_SIZE, false);
	mmu_exchange(slot, arm64_leaf(1, PADDR(FRAME), PT_USER));
	expect_complaint("over a stale one");
	end_wrong();
}

static void model_sees_lost_rights_cached(void **state)
{
	(void)state;
	begin_wrong();
	mmu_exchange(wrong_slot(0), arm64_leaf(0, PADDR(FRAME), PT_USER));
	tlb_check();
	expect_complaint("may still hold");
	mmu_flush(wrong.asid, VADDR(VA), PAGE_SIZE, false);
	expect_quiet();
	end_wrong();
}

static void model_sees_wrong_flush(void **state)
{
	(void)state;
	begin_wrong();
	mmu_exchange(wrong_slot(0), 0);
	mmu_flush(wrong.asid, VADDR(VA + PAGE_SIZE), PAGE_SIZE, false); /* another page */
	tlb_check();
	expect_complaint("may still hold");
	mmu_flush(wrong.asid + 77, VADDR(VA), PAGE_SIZE, false); /* another address space */
	expect_complaint("no tree has");
	tlb_check();
	expect_complaint("may still hold");
	end_wrong();
}

static void model_sees_walk_caches(void **state)
{
	(void)state;
	begin_wrong();
	mmu_exchange(wrong_slot(1), 0);
	mmu_flush(wrong.asid, VADDR(VA), PT_SPAN(1), false); /* last level only */
	tlb_check();
	expect_complaint("walk caches");
	end_wrong();
}

static void model_sees_early_free(void **state)
{
	struct page *table;

	(void)state;
	begin_wrong();
	table = virt_to_page(wrong_slot(0));
	tlb_frames_freed(page_to_pfn(table), 0);
	expect_complaint("freed while linked in");
	mmu_exchange(wrong_slot(1), 0);
	tlb_frames_freed(page_to_pfn(table), 0);
	expect_complaint("freed before the flush");
	tlb_frames_freed(FRAME >> PAGE_SHIFT, 0); /* the page itself is as reachable */
	expect_complaint("freed before the flush");
	tlb_frame_written(PADDR(FRAME + 5));
	expect_complaint("written to before the flush");
	mmu_flush(wrong.asid, VADDR(VA), PT_SPAN(1), true);
	tlb_frames_freed(page_to_pfn(table), 0);
	tlb_frame_written(PADDR(FRAME + 5));
	expect_quiet();
	end_wrong();
	free_pages(table, 0); /* end_wrong() did not find it */
	vm_gauge_add(NR_TABLES, -1);
}

static void model_sees_lost_flags(void **state)
{
	(void)state;
	begin_wrong();
	mmu_store(wrong_slot(0), 0);
	expect_complaint("may be lost");
	end_wrong();
}

static void model_sees_plain_stores(void **state)
{
	(void)state;
	begin_wrong();
	*wrong_slot(0) = 0;
	tlb_check();
	expect_complaint("behind the machine's back");
	end_wrong();
}

/* Setting and clearing YOUNG alone needs no flush; nor does what was never valid. */
static void model_lets_pass_what_is_right(void **state)
{
	(void)state;
	begin_wrong();
	assert_true(mmu_compare_store(wrong_slot(0), *wrong_slot(0),
				      arm64_leaf(0, PADDR(FRAME), PT_USER | PT_WRITE | PT_YOUNG)));
	mmu_exchange(wrong_slot(0) + 1, arm64_soft(7));
	mmu_exchange(wrong_slot(0) + 1, arm64_leaf(0, PADDR(FRAME + PAGE_SIZE), PT_USER));
	expect_quiet();
	mmu_exchange(wrong_slot(0), 0);
	mmu_flush(wrong.asid, VADDR(VA), PAGE_SIZE, false);
	mmu_exchange(wrong_slot(0), arm64_leaf(0, PADDR(FRAME + PAGE_SIZE), PT_USER));
	expect_quiet();
	end_wrong();
}

static int setup(void **state)
{
	(void)state;
	shim_boot(RAM_SIZE);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(arm64_random_operations),
		cmocka_unit_test(x86_64_random_operations),
		cmocka_unit_test(kernel_trees),
		cmocka_unit_test(trees_that_no_machine_walks),
		cmocka_unit_test(allocations_fail_in_turn),
		cmocka_unit_test(blocks_where_they_fit),
		cmocka_unit_test(bad_ranges_are_refused),
		cmocka_unit_test(top_of_the_address_space),
		cmocka_unit_test(the_last_entry_frees_its_table),
		cmocka_unit_test(evictions_share_a_flush),
		cmocka_unit_test(filling_replaces_tokens),
		cmocka_unit_test(kernel_half_is_shared),
		cmocka_unit_test(direct_map_is_never_split),
		cmocka_unit_test(model_sees_valid_over_valid),
		cmocka_unit_test(model_sees_new_over_stale),
		cmocka_unit_test(model_sees_lost_rights_cached),
		cmocka_unit_test(model_sees_wrong_flush),
		cmocka_unit_test(model_sees_walk_caches),
		cmocka_unit_test(model_sees_early_free),
		cmocka_unit_test(model_sees_lost_flags),
		cmocka_unit_test(model_sees_plain_stores),
		cmocka_unit_test(model_lets_pass_what_is_right),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
