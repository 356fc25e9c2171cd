// SPDX-License-Identifier: BSD-2-Clause
/* The TLB model: see tlb_model.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arch/mmu.h>
#include <twofold/log.h>
#include <twofold/page.h>

#include "arch/arm64/ptfmt.h"
#include "arch/x86_64/ptfmt.h"
#include "tlb_model.h"

#define BUCKETS 1024
#define MAX_TREES 16

const struct tlb_format tlb_arm64 = {arm64_kind, arm64_addr, arm64_prot, arm64_must_flush, true};
const struct tlb_format tlb_x86_64 = {x86_64_kind, x86_64_addr, x86_64_prot, x86_64_must_flush,
				      false};

struct tree {
	struct pt *pt; /* NULL: a free place */
	const struct tlb_format *format;
	uint64_t root;
};

/* A table that walks can reach, and what it held when it was last changed. */
struct table {
	struct table *next;
	struct tree *tree;
	uint64_t pa, va;
	int level;
	pte_t shadow[PT_ENTRIES];
};

/* An entry that is gone, or different now, but may be cached as it was. */
struct stale {
	struct tree *tree;
	uint64_t va;
	int level;
	pte_t pte;
};

static struct tree trees[MAX_TREES];
static struct table *buckets[BUCKETS];
static struct stale *stales;
static size_t nr_stales, max_stales;
static char complaint[256];

void (*tlb_before_change)(uint64_t *slot);
unsigned long tlb_flushes;

static void __printf(1, 2) complain(const char *fmt, ...)
{
	va_list args;

	if (complaint[0])
		return;
	va_start(args, fmt);
	vsnprintf(complaint, sizeof(complaint), fmt, args);
	va_end(args);
}

const char *tlb_complaint(void)
{
	static char said[sizeof(complaint)];

	if (!complaint[0])
		return NULL;
	strcpy(said, complaint);
	complaint[0] = '\0';
	return said;
}

/* ---- tables ---- */

static struct table **table_place(uint64_t pa)
{
	struct table **t = &buckets[(pa >> PAGE_SHIFT) % BUCKETS];

	while (*t && (*t)->pa != pa)
		t = &(*t)->next;
	return t;
}

static void forget_table(uint64_t pa)
{
	struct table **place = table_place(pa), *t = *place;

	if (!t)
		return;
	*place = t->next;
	free(t);
}

static enum pte_kind kind_of(const struct tree *tree, pte_t pte, int level)
{
	return tree->format->kind(pte, level);
}

static uint64_t addr_of(const struct tree *tree, pte_t pte, int level)
{
	return tree->format->addr(pte, level).pa;
}

static bool is_valid(const struct tree *tree, pte_t pte, int level)
{
	enum pte_kind kind = kind_of(tree, pte, level);

	return kind == PTE_LEAF || kind == PTE_TABLE;
}

/* Both leaves, with the same address and type: they differ in rights and flags at most. */
static bool same_but_rights(const struct tree *tree, pte_t a, pte_t b, int level)
{
	const struct tlb_format *f = tree->format;

	return f->kind(a, level) == PTE_LEAF && f->kind(b, level) == PTE_LEAF &&
	       f->addr(a, level).pa == f->addr(b, level).pa &&
	       !((f->prot(a, level) ^ f->prot(b, level)) & (PT_TYPE | PT_GLOBAL));
}

/* ---- what is stale ---- */

static void add_stale(struct tree *tree, uint64_t va, int level, pte_t pte)
{
	if (nr_stales == max_stales) {
		max_stales = max_stales ? 2 * max_stales : 1024;
		stales = realloc(stales, max_stales * sizeof(*stales));
		CHECK(stales);
	}
	stales[nr_stales++] = (struct stale){tree, va, level, pte};
}

static void drop_stale(size_t i)
{
	stales[i] = stales[--nr_stales];
}

static bool overlap(uint64_t a, uint64_t size_a, uint64_t b, uint64_t size_b)
{
	return a < b ? b - a < size_a : a - b < size_b;
}

/* Could hardware that caches `s` go wrong when it meets this valid entry too? */
static bool conflicts(const struct stale *s, struct tree *tree, uint64_t va, int level, pte_t pte)
{
	bool table = kind_of(tree, pte, level) == PTE_TABLE;

	if (!tree->format->break_first || s->tree != tree ||
	    !overlap(s->va, PT_SPAN(s->level), va, PT_SPAN(level)))
		return false;
	if (kind_of(tree, s->pte, s->level) == PTE_TABLE)
		return level >= s->level && !(level == s->level && pte == s->pte);
	if (table)
		return s->level >= level;
	return s->level != level || !same_but_rights(tree, s->pte, pte, level);
}

static void learn_table(struct tree *tree, uint64_t pa, uint64_t va, int level);

/* An entry became reachable. */
static void learn_entry(struct tree *tree, uint64_t va, int level, pte_t pte)
{
	if (!is_valid(tree, pte, level))
		return;
	for (size_t i = 0; i < nr_stales; i++)
		if (conflicts(&stales[i], tree, va, level, pte))
			complain("%#lx: new entry %#lx of level %d over a stale one, %#lx of level "
				 "%d",
				 va, pte, level, stales[i].pte, stales[i].level);
	if (kind_of(tree, pte, level) == PTE_TABLE)
		learn_table(tree, addr_of(tree, pte, level), va, level - 1);
}

static void learn_table(struct tree *tree, uint64_t pa, uint64_t va, int level)
{
	struct table **place = table_place(pa), *t;

	if (*place) {
		complain("table %#lx is linked in twice", pa);
		return;
	}
	t = calloc(1, sizeof(*t));
	CHECK(t);
	t->tree = tree;
	t->pa = pa;
	t->va = va;
	t->level = level;
	memcpy(t->shadow, pa_to_ptr(PADDR(pa)), sizeof(t->shadow));
	*place = t;
	for (unsigned i = 0; i < PT_ENTRIES; i++)
		learn_entry(tree, va + i * PT_SPAN(level), level, t->shadow[i]);
}

/* An entry went: it is stale, and so is what it led to. */
static void unlearn_entry(struct tree *tree, uint64_t va, int level, pte_t pte)
{
	uint64_t pa = addr_of(tree, pte, level);
	struct table *t;

	if (!is_valid(tree, pte, level))
		return;
	add_stale(tree, va, level, pte);
	if (kind_of(tree, pte, level) != PTE_TABLE)
		return;
	t = *table_place(pa);
	for (unsigned i = 0; t && i < PT_ENTRIES; i++)
		unlearn_entry(tree, va + i * PT_SPAN(level - 1), level - 1, t->shadow[i]);
	forget_table(pa);
}

/* ---- trees ---- */

static bool root_half(const struct tree *tree, unsigned index)
{
	return tree->pt->user == (index < PT_ENTRIES / 2);
}

void tlb_watch(struct pt *pt, const struct tlb_format *format)
{
	static asid_t asids;
	struct tree *tree = trees;

	while (tree->pt)
		CHECK(++tree < trees + MAX_TREES);
	*tree = (struct tree){pt, format, pt->root.pa};
	if (pt->user && !pt->asid)
		pt->asid = ++asids;
	learn_table(tree, tree->root, pt->user ? 0 : 0xffff000000000000, PT_LEVELS - 1);
}

static void forget_tree(struct tree *tree)
{
	for (unsigned b = 0; b < BUCKETS; b++)
		for (struct table *t = buckets[b], *next; t; t = next) {
			next = t->next;
			if (t->tree == tree)
				forget_table(t->pa);
		}
	for (size_t i = nr_stales; i-- > 0;)
		if (stales[i].tree == tree)
			drop_stale(i);
	tree->pt = NULL;
}

void tlb_unwatch(struct pt *pt)
{
	for (unsigned i = 0; i < MAX_TREES; i++)
		if (trees[i].pt == pt)
			forget_tree(&trees[i]);
}

/* ---- checks ---- */

/* What the tables say of va now, at whatever level. */
static pte_t current_entry(const struct tree *tree, uint64_t va, int *level)
{
	const struct table *t = *table_place(tree->root);

	for (;;) {
		pte_t pte = t->shadow[(va - t->va) / PT_SPAN(t->level)];

		*level = t->level;
		if (kind_of(tree, pte, t->level) != PTE_TABLE)
			return pte;
		t = *table_place(addr_of(tree, pte, t->level));
	}
}

/* Too much to be left to a TLB, from an entry of the same level. */
static bool differs(const struct stale *s, pte_t now)
{
	const struct tlb_format *f = s->tree->format;

	if (f->kind(s->pte, s->level) != PTE_LEAF || f->kind(now, s->level) != PTE_LEAF ||
	    f->addr(s->pte, s->level).pa != f->addr(now, s->level).pa)
		return true;
	return f->must_flush(f->prot(s->pte, s->level), f->prot(now, s->level));
}

static void check_stale(const struct stale *s)
{
	int level;
	pte_t now = current_entry(s->tree, s->va, &level);

	if (kind_of(s->tree, s->pte, s->level) == PTE_TABLE)
		complain("%#lx: walk caches may still hold table %#lx", s->va, s->pte);
	else if (level != s->level || differs(s, now))
		complain("%#lx: a TLB may still hold %#lx of level %d for %#lx", s->va, s->pte,
			 s->level, now);
}

static void check_table(const struct table *t)
{
	const pte_t *now = pa_to_ptr(PADDR(t->pa));

	for (unsigned i = 0; i < PT_ENTRIES; i++)
		if (now[i] != t->shadow[i])
			complain("%#lx: entry %#lx became %#lx behind the machine's back",
				 t->va + i * PT_SPAN(t->level), t->shadow[i], now[i]);
}

void tlb_check(void)
{
	for (size_t i = 0; i < nr_stales; i++)
		check_stale(&stales[i]);
	for (unsigned b = 0; b < BUCKETS; b++)
		for (struct table *t = buckets[b]; t; t = t->next)
			check_table(t);
}

static void check_unreachable(uint64_t pa, const char *what)
{
	for (size_t i = 0; i < nr_stales; i++) {
		const struct stale *s = &stales[i];
		bool table = kind_of(s->tree, s->pte, s->level) == PTE_TABLE;

		if (overlap(addr_of(s->tree, s->pte, s->level),
			    table ? PAGE_SIZE : PT_SPAN(s->level), pa, PAGE_SIZE))
			complain("frame %#lx is %s before the flush of %#lx at %#lx", pa, what,
				 s->pte, s->va);
	}
}

void tlb_frame_written(paddr_t pa)
{
	check_unreachable(ALIGN_DOWN(pa.pa, PAGE_SIZE), "written to");
}

/* The root of a tree that holds nothing, cached or not, may go. */
static bool is_finished(const struct table *t)
{
	for (unsigned i = 0; i < PT_ENTRIES; i++)
		if (t->shadow[i] && root_half(t->tree, i))
			return false;
	for (size_t i = 0; i < nr_stales; i++)
		if (stales[i].tree == t->tree)
			return false;
	return t->pa == t->tree->root;
}

void tlb_frames_freed(pfn_t pfn, unsigned order)
{
	for (pfn_t end = pfn + (pfn_t)BIT(order); pfn < end; pfn++) {
		struct table *t = *table_place(pfn_to_pa(pfn).pa);

		check_unreachable(pfn_to_pa(pfn).pa, "freed");
		if (!t)
			continue;
		if (is_finished(t))
			forget_tree(t->tree);
		else
			complain("table %#lx is freed while linked in", t->pa);
	}
}

/* ---- the machine layer ---- */

static void watch_store(uint64_t *slot, pte_t new)
{
	uint64_t pa = ptr_to_pa(slot).pa;
	struct table *t = *table_place(ALIGN_DOWN(pa, PAGE_SIZE));
	unsigned i = pa % PAGE_SIZE / sizeof(pte_t);
	struct tree *tree;
	uint64_t va;
	pte_t old;

	if (!t)
		return;
	tree = t->tree;
	va = t->va + i * PT_SPAN(t->level);
	old = t->shadow[i];
	if (*slot != old)
		complain("%#lx: entry %#lx became %#lx behind the machine's back", va, old, *slot);
	if (new == old)
		return;
	if (tree->format->break_first && is_valid(tree, old, t->level) &&
	    is_valid(tree, new, t->level) && !same_but_rights(tree, old, new, t->level))
		complain("%#lx: valid %#lx replaced by valid %#lx", va, old, new);
	t->shadow[i] = new;
	unlearn_entry(tree, va, t->level, old);
	learn_entry(tree, va, t->level, new);
}

static void store(uint64_t *slot, pte_t entry)
{
	watch_store(slot, entry);
	*slot = entry;
}

void mmu_store(uint64_t *slot, uint64_t entry)
{
	uint64_t pa = ptr_to_pa(slot).pa;
	const struct table *t = *table_place(ALIGN_DOWN(pa, PAGE_SIZE));

	if (t && kind_of(t->tree, *slot, t->level) == PTE_LEAF)
		complain("plain store over leaf %#lx: flags that the hardware sets may be lost",
			 *slot);
	store(slot, entry);
}

uint64_t mmu_exchange(uint64_t *slot, uint64_t entry)
{
	uint64_t old;

	if (tlb_before_change)
		tlb_before_change(slot);
	old = *slot;
	store(slot, entry);
	return old;
}

bool mmu_compare_store(uint64_t *slot, uint64_t old, uint64_t entry)
{
	if (tlb_before_change)
		tlb_before_change(slot);
	if (*slot != old)
		return false;
	store(slot, entry);
	return true;
}

/* The hardware sees to its own TLB: copies that were as good as the entry still are. */
void tlb_hardware_sets(uint64_t *slot, pte_t pte)
{
	uint64_t pa = ptr_to_pa(slot).pa;
	unsigned n = pa % PAGE_SIZE / sizeof(pte_t);
	struct table *t = *table_place(ALIGN_DOWN(pa, PAGE_SIZE));

	for (size_t i = 0; t && i < nr_stales; i++) {
		struct stale *s = &stales[i];

		if (s->tree == t->tree && s->va == t->va + n * PT_SPAN(t->level) &&
		    s->level == t->level && !differs(s, *slot))
			s->pte = pte;
	}
	if (t)
		t->shadow[n] = pte;
	*slot = pte;
}

void mmu_publish(bool kernel)
{
	(void)kernel;
}

static bool asid_matches(const struct pt *pt, uint64_t asid)
{
	return pt && (pt->user ? pt->asid == asid : asid == 0);
}

void mmu_flush(uint64_t asid, vaddr_t va, uint64_t size, bool tables)
{
	bool known = false, watching = false;

	tlb_flushes++;
	for (unsigned i = 0; i < MAX_TREES; i++) {
		known |= asid_matches(trees[i].pt, asid);
		watching |= trees[i].pt != NULL;
	}
	if (watching && !known)
		complain("flush for ASID %#lx, which no tree has", asid);
	if (!size || !IS_ALIGNED(va.va | size, PAGE_SIZE))
		complain("flush of %#lx bytes at %#lx", size, va.va);
	for (size_t i = nr_stales; i-- > 0;) {
		const struct stale *s = &stales[i];
		bool table = kind_of(s->tree, s->pte, s->level) == PTE_TABLE;

		if (asid_matches(s->tree->pt, asid) && (tables || !table) &&
		    overlap(s->va, PT_SPAN(s->level), va.va, size))
			drop_stale(i);
	}
}

static struct pt *running[NR_CPUS];

void mmu_switch(struct pt *pt)
{
	static asid_t asids = 1 << 16; /* past those that tlb_watch() gives */

	if (pt && !pt->asid)
		pt->asid = ++asids;
	running[cpu_id()] = pt;
	if (pt)
		pt->ran = true;
}

unsigned mmu_running(const struct pt *pt, bool *here)
{
	unsigned cores = 0;

	for (unsigned cpu = 0; cpu < NR_CPUS; cpu++)
		cores += running[cpu] == pt;
	*here = running[cpu_id()] == pt;
	return cores - *here;
}

void mmu_release(struct pt *pt)
{
	tlb_unwatch(pt);
}

paddr_t __attribute__((weak)) image_pa(const void *p)
{
	return ptr_to_pa(p);
}

/* The linker's --wrap sends calls here. */
void __wrap_free_pages(struct page *page, unsigned order);
void __attribute__((weak)) __real_free_pages(struct page *page, unsigned order);

void __wrap_free_pages(struct page *page, unsigned order)
{
	tlb_frames_freed(page_to_pfn(page), order);
	__real_free_pages(page, order);
}
