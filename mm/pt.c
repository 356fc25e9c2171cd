// SPDX-License-Identifier: BSD-2-Clause
/*
 * The walker. Written once, compiled once for each table format (PT_FMT names it, and its header
 * arch/<format>/ptfmt.h is included before this file). docs/pagetables.md is the introduction.
 *
 *   table    a frame of 512 entries; level 3 is the root, level 0 the last
 *   slot     the place of an entry; `level` is that of the table it is in
 *   leaf     an entry that maps a page (level 0) or a block; the rest are tables, tokens or empty
 *   stale    addresses for which a TLB may hold what the tables no longer say
 *   spare    tables allocated before anything is changed, so that changing cannot fail
 *   dead     tables that no entry names any more, freed after the flush that makes that true of
 *            walk caches too
 *
 * A table's struct page: PG_TABLE; `index` counts its entries that are not empty, so that one that
 * lost its last is found without looking; `next` links the spare and the dead. Tables that boot
 * made before there were struct pages have no PG_TABLE, no count, and stay for ever.
 *
 * Ranges are [va, end); end is 0 for the last byte of the address space, so loops test va != end.
 */
#include <arch/mmu.h>
#include <twofold/errno.h>
#include <twofold/log.h>
#include <twofold/page.h>
#include <twofold/pt.h>
#include <twofold/vm.h>

#define PASTE_(a, b, c) a##b##c
#define PASTE(a, b, c) PASTE_(a, b, c)
#define F(name) PASTE(PT_FMT, _, name)	    /* of the format: F(leaf) is arm64_leaf */
#define PT_(name) PASTE(PT_FMT, _pt_, name) /* of this walker: PT_(map) is arm64_pt_map */
#define QUOTE_(a) #a
#define QUOTE(a) QUOTE_(a)

#define ROOT (PT_LEVELS - 1)
#define HALF (PT_ENTRIES / 2)
/* What another entry in place of a valid one may not differ in without break-before-make, beside
 * address, size and kind (Arm ARM D8.16.1). */
#define BBM_PROT (F(break_first)() ? PT_TYPE | PT_GLOBAL : 0)
/* Of the format that the machine walks; the other's trees are twins. */
#define IS_LIVE_FMT (!__builtin_strcmp(QUOTE(PT_FMT), QUOTE(PT_LIVE_FMT)))

const struct pt *PT_(kernel_half);

/* One call's work on a tree. */
struct op {
	struct pt *pt;
	uint64_t lo, hi; /* stale addresses, if `stale` */
	bool stale, stale_tables;
	pfn_t spare;
	pfn_t dead[ROOT]; /* by level */
};

/* ---- entries ---- */

static inline uint64_t *table_ptr(paddr_t pa)
{
	return pa_to_ptr(pa);
}

/* What a table entry names. Tables are pages, whatever level the entry is of. */
static inline uint64_t *table_below(pte_t pte)
{
	return table_ptr(F(addr)(pte, 0));
}

static inline uint64_t *root_table(const struct pt *pt)
{
	return table_ptr(pt->root);
}

static inline unsigned slot_index(uint64_t va, int level)
{
	return va >> (PAGE_SHIFT + 9 * level) & (PT_ENTRIES - 1);
}

/* Where the entry that holds va ends, or the range does. */
static inline uint64_t entry_end(uint64_t va, uint64_t end, int level)
{
	uint64_t last = va | (PT_SPAN(level) - 1);

	return last < end - 1 ? last + 1 : end;
}

static inline bool whole_entry(uint64_t va, uint64_t end, int level)
{
	return end - va == PT_SPAN(level);
}

static inline bool is_valid(enum pte_kind kind)
{
	return kind == PTE_TABLE || kind == PTE_LEAF;
}

/* The table below va's entry, or NULL if the entry is none. */
static inline uint64_t *child_table(const uint64_t *table, uint64_t va, int level)
{
	pte_t pte = mmu_load(&table[slot_index(va, level)]);

	return F(kind)(pte, level) == PTE_TABLE ? table_below(pte) : NULL;
}

/* The slot of va's page, or NULL where there is no last-level table. */
static inline uint64_t *page_slot(const struct pt *pt, uint64_t va)
{
	pte_t e3 = mmu_load(&root_table(pt)[slot_index(va, 3)]), e2, e1;

	if (F(kind)(e3, 3) != PTE_TABLE)
		return NULL;
	e2 = mmu_load(&table_below(e3)[slot_index(va, 2)]);
	if (F(kind)(e2, 2) != PTE_TABLE)
		return NULL;
	e1 = mmu_load(&table_below(e2)[slot_index(va, 1)]);
	if (F(kind)(e1, 1) != PTE_TABLE)
		return NULL;
	return &table_below(e1)[slot_index(va, 0)];
}

/* The same, if it is in the table used last; NULL otherwise. */
static inline uint64_t *recent_slot(const struct pt *pt, uint64_t va)
{
	if (!pt->recent || (va ^ pt->recent_va) >> (PAGE_SHIFT + 9))
		return NULL;
	return &pt->recent[slot_index(va, 0)];
}

/* For those that hold the tree's lock to change it: remembers the table. */
static inline uint64_t *page_slot_to_change(struct pt *pt, uint64_t va)
{
	uint64_t *slot = recent_slot(pt, va);

	if (likely(slot))
		return slot;
	slot = page_slot(pt, va);
	if (slot) {
		pt->recent = slot - slot_index(va, 0);
		pt->recent_va = va;
	}
	return slot;
}

/* The first slot on the way to va that names no table. */
static uint64_t *walk(const struct pt *pt, uint64_t va, int *level)
{
	uint64_t *table = root_table(pt), *child;
	int l = ROOT;

	/* `table` is the table of level l on the way to va. */
	while (l > 0 && (child = child_table(table, va, l))) {
		table = child;
		l--;
	}
	*level = l;
	return &table[slot_index(va, l)];
}

/* walk(), quick for a page whose tables are there. */
static inline uint64_t *find(const struct pt *pt, uint64_t va, int *level)
{
	uint64_t *slot = page_slot(pt, va);

	*level = 0;
	return likely(slot) ? slot : walk(pt, va, level);
}

/* These three store, and leave counting to their callers. */
static inline void store(const struct pt *pt, uint64_t *slot, pte_t pte)
{
	if (pt->live)
		mmu_store(slot, pte);
	else
		*slot = pte;
}

static inline pte_t exchange(const struct pt *pt, uint64_t *slot, pte_t pte)
{
	pte_t old;

	if (pt->live)
		return mmu_exchange(slot, pte);
	old = *slot;
	*slot = pte;
	return old;
}

/* False, and nothing stored, where the hardware set a flag since `old` was read. */
static inline bool compare_store(const struct pt *pt, uint64_t *slot, pte_t old, pte_t pte)
{
	if (pt->live)
		return mmu_compare_store(slot, old, pte);
	*slot = pte;
	return true;
}

/* Lower half for user trees, upper for the kernel's, both as far as every format reaches. */
static inline bool range_ok(const struct pt *pt, uint64_t va, uint64_t size)
{
	uint64_t last = va + (size - 1);
	int64_t half = (int64_t)pt->user - 1;

	return !((va | size) & (PAGE_SIZE - 1)) && last >= va && (int64_t)va >> 47 == half &&
	       (int64_t)last >> 47 == half;
}

/* ---- table frames ---- */

static inline struct page *table_page(const uint64_t *slot)
{
	return virt_to_page(slot);
}

/* Whether the table that a slot is in is there for nothing. */
static inline bool is_idle(const uint64_t *slot)
{
	struct page *page = table_page(slot);

	return !page->index && page_flag(page, PG_TABLE);
}

static void push(pfn_t *list, struct page *page)
{
	page->next = *list;
	*list = page_to_pfn(page);
}

static struct page *pop(pfn_t *list)
{
	struct page *page = pfn_to_page(*list);

	*list = page->next;
	return page;
}

/* A twin takes nothing of what the live side may need soon. */
static bool frames_to_spare(void)
{
	for (const struct zone *zone = zones; zone < zones + nr_zones; zone++)
		if (zone_watermark_ok(zone, 0, zone->low))
			return true;
	return false;
}

static void count_tables(int64_t n)
{
	if (!IS_LIVE_FMT) {
		count_twin_tables(n);
		return;
	}
	vm_gauge_add(NR_TABLES, n);
	count_vm_event(n > 0 ? PT_PAGES_ALLOC : PT_PAGES_FREE);
}

static struct page *alloc_table(void)
{
	struct page *page = NULL;

	if (IS_LIVE_FMT || frames_to_spare())
		page = alloc_page(GFP_NOWAIT | GFP_ZERO);
	if (!page) {
		if (!IS_LIVE_FMT)
			count_vm_event(TWIN_ALLOC_FAIL);
		return NULL;
	}
	page_set_flag(page, PG_TABLE);
	page->index = 0;
	count_tables(1);
	return page;
}

static void free_table(struct page *page)
{
	if (!page_clear_flag(page, PG_TABLE))
		return;
	page->index = 0;
	count_tables(-1);
	free_pages(page, 0);
}

static void release_spares(struct op *op)
{
	while (op->spare)
		free_table(pop(&op->spare));
}

/* All tables that the operation may need. -ENOMEM: none is held. */
static int prepare(struct op *op, unsigned tables)
{
	while (tables--) {
		struct page *page = alloc_table();

		if (!page) {
			release_spares(op);
			return -ENOMEM;
		}
		push(&op->spare, page);
	}
	return 0;
}

/* ---- what leaves ---- */

/* Frees a table, and all tables below it. No walk can meet it any more. */
static void drop_table(struct pt *pt, struct page *page, int level);

/* Only the user's dirt is anybody's business; nobody writes the kernel's pages out. What a twin
 * says the live tree has said. */
static inline bool tells_dirt(const struct pt *pt)
{
	return pt->live && pt->user;
}

static inline void report_dirty(const struct pt *pt, pte_t leaf, int level)
{
	paddr_t pa = F(addr)(leaf, level);

	if (!tells_dirt(pt) || !(F(prot)(leaf, level) & PT_DIRTY))
		return;
	for (uint64_t off = 0; off < PT_SPAN(level); off += PAGE_SIZE)
		page_mark_dirty(pa_add(pa, off));
}

static inline bool eight_empty(const uint64_t *t)
{
	return !(t[0] | t[1] | t[2] | t[3] | t[4] | t[5] | t[6] | t[7]);
}

/* The first entry from `i` on that is not empty, or PT_ENTRIES; nobody else changes the table. */
static unsigned next_used(const uint64_t *table, unsigned i)
{
	while (i < PT_ENTRIES && !table[i])
		i += !(i & 7) && eight_empty(table + i) ? 8 : 1;
	return i;
}

static void drop_leaves(struct pt *pt, const uint64_t *table, unsigned used)
{
	unsigned leaves = 0;

	for (unsigned i = 0; used && i < PT_ENTRIES; i++) {
		if (!table[i]) {
			i += !(i & 7) && eight_empty(table + i) ? 7 : 0;
			continue;
		}
		used--;
		if (F(kind)(table[i], 0) != PTE_LEAF)
			continue;
		leaves++;
		report_dirty(pt, table[i], 0);
	}
	pt->stats.leaves -= leaves;
}

/* What a table of tables and blocks named. */
static void drop_entries(struct pt *pt, const uint64_t *table, int level, unsigned used)
{
	for (unsigned i = 0; used && (i = next_used(table, i)) < PT_ENTRIES; i++, used--) {
		pte_t pte = table[i];
		enum pte_kind kind = F(kind)(pte, level);

		if (kind == PTE_LEAF) {
			pt->stats.leaves--;
			report_dirty(pt, pte, level);
		} else if (kind == PTE_TABLE) {
			drop_table(pt, virt_to_page(table_below(pte)), level - 1);
		}
	}
}

/* It has page->index entries; those of boot's, which are not counted, are never dropped. */
static void drop_table(struct pt *pt, struct page *page, int level)
{
	const uint64_t *table = page_to_ptr(page);

	if (level == 0)
		drop_leaves(pt, table, page->index);
	else
		drop_entries(pt, table, level, page->index);
	pt->stats.tables[level]--;
	free_table(page);
}

/* TLBs may hold [va, end) as it was; walk caches may, if an entry of it named a table. */
static inline void mark_stale(struct op *op, uint64_t va, uint64_t end, enum pte_kind was)
{
	op->lo = op->stale ? MIN(op->lo, va) : va;
	op->hi = op->stale ? MAX(op->hi - 1, end - 1) + 1 : end;
	op->stale = true;
	op->stale_tables |= was == PTE_TABLE;
}

/* Which cores would have a twin's entries. */
static void find_cores(struct flush *f, struct pt *live)
{
	if (f->kernel) {
		f->here = true;
		f->others = nr_cpus - 1;
		return;
	}
	f->others = mmu_running(live, &f->here);
	f->ran = live->ran;
	if (!f->here && !f->others)
		live->ran = false;
}

static void flush_tree(struct pt *pt, uint64_t va, uint64_t size, bool tables)
{
	struct flush f = {.pages = size >> PAGE_SHIFT, .kernel = !pt->user};

	if (pt->live) {
		asid_t asid;

		/* Our stores before its ASID: a core that gives the tree a new one meanwhile walks
		 * nothing older than what we stored. */
		if (pt->user)
			mmu_publish(false);
		asid = pt->user ? READ_ONCE(pt->asid) : 0;
		f.tagged = asid;
		mmu_flush(asid, VADDR(va), size, tables);
	} else if (pt->runs_as) {
		find_cores(&f, pt->runs_as);
	}
	pt->stats.flushes++;
	F(count_flush)(pt->stats.flush, &f);
}

/* Makes the stale forgotten, then frees the dead. */
static void flush(struct op *op)
{
	struct pt *pt = op->pt;

	if (!op->stale)
		return;
	flush_tree(pt, op->lo, op->hi - op->lo, op->stale_tables);
	op->stale = op->stale_tables = false;
	for (int level = 0; level < ROOT; level++)
		while (op->dead[level])
			drop_table(pt, pop(&op->dead[level]), level);
}

/* The end of an operation: what it changed is what every core sees. */
static void finish(struct op *op)
{
	if (op->stale)
		flush(op);
	else if (op->pt->live)
		mmu_publish(!op->pt->user);
}

/* ---- break-before-make (Arm ARM D8.16.1): the one place where what is valid gives way ---- */

/* The table that an entry named waits for the flush; the one used last may be below it. */
static inline void bury(struct op *op, int level, pte_t entry)
{
	op->pt->recent = NULL;
	push(&op->dead[level - 1], virt_to_page(table_below(entry)));
}

/* A valid entry's range is stale; a table that it named is dead. */
static inline void mark_gone(struct op *op, int level, uint64_t va, pte_t old)
{
	uint64_t start = ALIGN_DOWN(va, PT_SPAN(level));
	enum pte_kind was = F(kind)(old, level);

	mark_stale(op, start, start + PT_SPAN(level), was);
	if (was == PTE_TABLE)
		bury(op, level, old);
}

/*
 * Empties a slot and has that be known everywhere, so that anything may be made of it. For a moment
 * other cores fault there. Returns what it held, with the flags that the hardware set last.
 */
static pte_t break_entry(struct op *op, uint64_t *slot, int level, uint64_t va)
{
	pte_t old = exchange(op->pt, slot, 0);

	mark_gone(op, level, va, old);
	flush(op);
	op->pt->stats.stores++;
	op->pt->stats.bbm++;
	return old;
}

/* One valid entry for another, of whatever kind. Returns the old one, with the flags that the
 * hardware set last. */
static pte_t replace_valid(struct op *op, uint64_t *slot, int level, uint64_t va, pte_t new)
{
	pte_t old;

	if (F(break_first)()) {
		old = break_entry(op, slot, level, va);
		store(op->pt, slot, new);
	} else {
		old = exchange(op->pt, slot, new);
		mark_gone(op, level, va, old);
	}
	op->pt->stats.stores++;
	return old;
}

/* A leaf for a leaf: in place if it differs in rights and flags only. Returns the old one's rights.
 */
static prot_t replace_leaf(struct op *op, uint64_t *slot, int level, uint64_t va, pte_t new)
{
	pte_t old = mmu_load(slot);
	prot_t old_prot = F(prot)(old, level), new_prot = F(prot)(new, level);
	pte_t seen = old;
	bool same_frame = F(addr)(old, level).pa == F(addr)(new, level).pa;

	if (same_frame && !((old_prot ^ new_prot) & BBM_PROT)) {
		old = exchange(op->pt, slot, new);
		if (old != seen || F(must_flush)(old_prot, new_prot))
			mark_gone(op, level, va, old);
		op->pt->stats.stores++;
	} else {
		old = replace_valid(op, slot, level, va, new);
	}
	if (unlikely(old != seen)) /* the hardware set a flag meanwhile */
		old_prot = F(prot)(old, level);
	if (!same_frame || PT_DIRTY & old_prot & ~new_prot)
		report_dirty(op->pt, old, level);
	return old_prot;
}

/* A valid entry for an empty one or a token; returns it. */
static inline pte_t remove_valid(struct op *op, uint64_t *slot, int level, uint64_t va, pte_t new)
{
	pte_t old = exchange(op->pt, slot, new);

	mark_gone(op, level, va, old);
	op->pt->stats.stores++;
	table_page(slot)->index -= !new;
	if (F(kind)(old, level) == PTE_LEAF) {
		op->pt->stats.leaves--;
		report_dirty(op->pt, old, level);
	}
	return old;
}

/*
 * Puts an entry where any other may be, but for a table in place of a leaf. What TLBs may hold of
 * the old one is stale afterwards, or flushed already. Returns the rights of an old leaf, or 0.
 */
static prot_t put(struct op *op, uint64_t *slot, int level, uint64_t va, pte_t new)
{
	struct pt *pt = op->pt;
	pte_t old = mmu_load(slot);
	enum pte_kind was = F(kind)(old, level), is = F(kind)(new, level);

	if (was == PTE_LEAF && is == PTE_LEAF)
		return replace_leaf(op, slot, level, va, new);
	if (is_valid(was) && !is_valid(is)) {
		old = remove_valid(op, slot, level, va, new);
		return was == PTE_LEAF ? F(prot)(old, level) : 0;
	}
	if (was == PTE_TABLE) {
		replace_valid(op, slot, level, va, new);
	} else {
		store(pt, slot, new);
		pt->stats.stores++;
	}
	pt->stats.leaves += is == PTE_LEAF;
	table_page(slot)->index += (is != PTE_EMPTY) - (was != PTE_EMPTY);
	return 0;
}

/*
 * A block becomes the 512 parts that it is made of; its new table is complete before the block
 * goes. Never the direct map's: the walker itself stands on it.
 */
static void split(struct op *op, uint64_t *slot, int level, uint64_t va, struct page *page)
{
	pte_t *table = page_to_ptr(page), old = mmu_load(slot), now;
	pte_t part = F(leaf)(level - 1, F(addr)(old, level), F(prot)(old, level));

	CHECK(op->pt->user || va < DIRECT_BASE || va >= DIRECT_END);
	for (unsigned i = 0; i < PT_ENTRIES; i++)
		table[i] = part + i * PT_SPAN(level - 1);
	page->index = PT_ENTRIES;
	op->pt->stats.leaves += PT_ENTRIES - 1;
	now = replace_valid(op, slot, level, va, F(table)(page_to_pa(page)));
	if (now != old) /* the hardware set a flag while we copied */
		report_dirty(op->pt, now, level);
}

/*
 * The table below a slot: the one that is there, or a spare one, empty or the block's parts.
 */
static uint64_t *enter(struct op *op, uint64_t *slot, int level, uint64_t va)
{
	pte_t was = mmu_load(slot);
	enum pte_kind kind = F(kind)(was, level);
	struct page *page;

	if (kind == PTE_TABLE)
		return table_below(was);
	CHECK(kind != PTE_SOFT && op->spare);
	page = pop(&op->spare);
	op->pt->stats.tables[level - 1]++;
	if (kind == PTE_LEAF)
		split(op, slot, level, va, page);
	else
		put(op, slot, level, va, F(table)(page_to_pa(page)));
	return page_to_ptr(page);
}

/* ---- splitting the blocks that the ends of a range cut ---- */

/* How many tables it takes until no block spans `edge`. */
static unsigned tables_to_split(const struct pt *pt, uint64_t edge)
{
	unsigned n = 0;
	int level;
	pte_t pte = mmu_load(walk(pt, edge, &level));

	if (F(kind)(pte, level) == PTE_LEAF)
		while (level > 0 && !IS_ALIGNED(edge, PT_SPAN(level--)))
			n++;
	return n;
}

static void split_at(struct op *op, uint64_t edge)
{
	for (;;) {
		int level;
		uint64_t *slot = walk(op->pt, edge, &level);

		if (F(kind)(mmu_load(slot), level) != PTE_LEAF || IS_ALIGNED(edge, PT_SPAN(level)))
			return;
		enter(op, slot, level, edge);
	}
}

/* -ENOMEM: nothing has changed. Tables that turn out to be too many are left in op->spare. */
static int split_edges(struct op *op, uint64_t va, uint64_t end)
{
	unsigned tables = tables_to_split(op->pt, va) + tables_to_split(op->pt, end);

	if (likely(!tables))
		return 0;
	if (prepare(op, tables))
		return -ENOMEM;
	split_at(op, va);
	split_at(op, end);
	return 0;
}

/* ---- emptying ---- */

static void clear_leaves(struct op *op, uint64_t *slot, uint64_t va, unsigned n)
{
	struct pt *pt = op->pt;
	unsigned gone = 0, leaves = 0, first = 0, last = 0;

	for (unsigned i = 0; i < n; i++) {
		pte_t old;

		if (!mmu_load(&slot[i]))
			continue;
		old = exchange(pt, &slot[i], 0);
		gone++;
		if (F(kind)(old, 0) != PTE_LEAF)
			continue;
		report_dirty(pt, old, 0);
		first = leaves++ ? first : i;
		last = i;
	}
	table_page(slot)->index -= gone;
	pt->stats.stores += gone;
	pt->stats.leaves -= leaves;
	if (leaves)
		mark_stale(op, va + first * PAGE_SIZE, va + (last + 1) * PAGE_SIZE, PTE_LEAF);
}

static void clear_block(struct op *op, uint64_t *slot, int level, uint64_t va)
{
	if (mmu_load(slot))
		put(op, slot, level, va, 0);
}

/* Takes a whole table out; what its leaves say is looked at after the flush, when it is final. */
static void cut(struct op *op, uint64_t *slot, int level, uint64_t va, uint64_t end)
{
	pte_t old = exchange(op->pt, slot, 0);

	op->pt->stats.stores++;
	table_page(slot)->index--;
	mark_stale(op, va, end, PTE_TABLE);
	bury(op, level, old);
}

/*
 * Empties [va, end) of a table; no block spans an end. What tables lose their last entry are cut
 * out, but not from the kernel's root: every x86 PML4 has a copy of its upper half.
 */
static void clear_range(struct op *op, uint64_t *table, int level, uint64_t va, uint64_t end)
{
	bool keep = level == ROOT && !op->pt->user;
	uint64_t next;

	if (level == 0) {
		clear_leaves(op, &table[slot_index(va, 0)], va, (end - va) >> PAGE_SHIFT);
		return;
	}
	for (; va != end; va = next) {
		uint64_t *slot = &table[slot_index(va, level)];
		uint64_t *child = child_table(table, va, level);

		next = entry_end(va, end, level);
		if (!child) {
			clear_block(op, slot, level, va);
			continue;
		}
		if (keep || !whole_entry(va, next, level))
			clear_range(op, child, level - 1, va, next);
		else
			cut(op, slot, level, va, next);
		if (!keep && mmu_load(slot) && is_idle(child))
			cut(op, slot, level, va, next);
	}
}

/* Leaves a token or nothing in a page's slot; returns the rights that a leaf there had. */
static prot_t take_page(struct pt *pt, uint64_t *slot, uint64_t va, pte_t soft)
{
	struct op op = {.pt = pt};
	prot_t old = put(&op, slot, 0, va, soft);

	if (is_idle(slot)) /* that was the last: cut its table out */
		clear_range(&op, root_table(pt), ROOT, va, va + PAGE_SIZE);
	flush(&op);
	return old;
}

int PT_(unmap)(struct pt *pt, vaddr_t va, size_t size)
{
	struct op op = {.pt = pt};
	uint64_t end = va.va + size;
	uint64_t *slot;
	int level;

	if (!range_ok(pt, va.va, size))
		return -EINVAL;
	slot = size == PAGE_SIZE ? page_slot_to_change(pt, va.va) : NULL;
	if (slot) {
		take_page(pt, slot, va.va, 0);
		return 0;
	}
	if (!mmu_load(walk(pt, va.va, &level)) && entry_end(va.va, end, level) == end)
		return 0; /* nothing there, for all of the range */
	if (split_edges(&op, va.va, end))
		return -ENOMEM;
	clear_range(&op, root_table(pt), ROOT, va.va, end);
	flush(&op);
	release_spares(&op);
	return 0;
}

/* ---- mapping ---- */

/* One leaf does for all of [va, end), which lies in one entry. */
static inline bool leaf_fits(int level, uint64_t va, uint64_t end, uint64_t pa)
{
	return whole_entry(va, end, level) && F(leaf_ok)(level) && IS_ALIGNED(pa, PT_SPAN(level));
}

/* Tables missing for leaves of [va, end) to pa; `table` is NULL where it is missing itself. */
static unsigned tables_needed(const uint64_t *table, int level, uint64_t va, uint64_t end,
			      uint64_t pa)
{
	unsigned n = 0;
	uint64_t next;

	if (level == 0)
		return 0;
	for (; va != end; pa += next - va, va = next) {
		const uint64_t *child;

		next = entry_end(va, end, level);
		if (leaf_fits(level, va, next, pa))
			continue;
		child = table ? child_table(table, va, level) : NULL;
		n += !child + tables_needed(child, level - 1, va, next, pa);
	}
	return n;
}

/* Empties what valid entries [va, end) has; tables stay, even empty: they are about to be filled.
 */
static void make_room(struct op *op, uint64_t *table, int level, uint64_t va, uint64_t end)
{
	uint64_t next;

	if (level == 0) {
		clear_leaves(op, &table[slot_index(va, 0)], va, (end - va) >> PAGE_SHIFT);
		return;
	}
	for (; va != end; va = next) {
		uint64_t *child = child_table(table, va, level);

		next = entry_end(va, end, level);
		if (child)
			make_room(op, child, level - 1, va, next);
		else
			clear_block(op, &table[slot_index(va, level)], level, va);
	}
}

/* Last-level entries, all empty before. */
static void fill_leaves(struct pt *pt, uint64_t *slot, pte_t leaf, unsigned n)
{
	for (unsigned i = 0; i < n; i++, leaf += PAGE_SIZE)
		store(pt, &slot[i], leaf);
	table_page(slot)->index += n;
	pt->stats.stores += n;
	pt->stats.leaves += n;
}

static void map_range(struct op *op, uint64_t *table, int level, uint64_t va, uint64_t end,
		      uint64_t pa, prot_t prot)
{
	uint64_t next;

	if (level == 0) {
		fill_leaves(op->pt, &table[slot_index(va, 0)], F(leaf)(0, PADDR(pa), prot),
			    (end - va) >> PAGE_SHIFT);
		return;
	}
	for (; va != end; pa += next - va, va = next) {
		uint64_t *slot = &table[slot_index(va, level)];

		next = entry_end(va, end, level);
		if (leaf_fits(level, va, next, pa))
			put(op, slot, level, va, F(leaf)(level, PADDR(pa), prot));
		else
			map_range(op, enter(op, slot, level, va), level - 1, va, next, pa, prot);
	}
}

/* F(leaf)(0, pa, prot), whose bits but for the address are worked out once. */
static inline pte_t page_leaf(paddr_t pa, prot_t prot)
{
	static pte_t bits[PT_ALL + 1];
	pte_t leaf = READ_ONCE(bits[prot]);

	if (unlikely(!leaf)) {
		leaf = F(leaf)(0, PADDR(0), prot);
		WRITE_ONCE(bits[prot], leaf);
	}
	return leaf | pa.pa;
}

/* break_entry() for a page's leaf, whose flush has no table to free. */
static inline pte_t break_page(struct pt *pt, uint64_t *slot, uint64_t va)
{
	pte_t old = exchange(pt, slot, 0);

	flush_tree(pt, ALIGN_DOWN(va, PAGE_SIZE), PAGE_SIZE, false);
	pt->stats.stores++;
	pt->stats.bbm++;
	return old;
}

/* Over something: most often a copy over what it is a copy of. */
static __attribute__((noinline)) void replace_page(struct pt *pt, uint64_t *slot, uint64_t va,
						   pte_t leaf)
{
	pte_t old = mmu_load(slot);
	struct op op = {.pt = pt};

	if (F(break_first)() && F(kind)(old, 0) == PTE_LEAF && F(addr)(old ^ leaf, 0).pa) {
		report_dirty(pt, break_page(pt, slot, va), 0);
		store(pt, slot, leaf);
		pt->stats.stores++;
	} else {
		put(&op, slot, 0, va, leaf);
	}
	finish(&op);
}

/* One page, where its table is there already: what a fault does. */
static void map_page(struct pt *pt, uint64_t *slot, uint64_t va, pte_t leaf)
{
	pte_t old = mmu_load(slot);

	if (unlikely(old)) {
		replace_page(pt, slot, va, leaf);
		return;
	}
	if (pt->live) {
		mmu_store(slot, leaf);
		mmu_publish(!pt->user);
	} else {
		*slot = leaf;
	}
	table_page(slot)->index++;
	pt->stats.leaves++;
	pt->stats.stores++;
}

unsigned PT_(fill)(struct pt *pt, vaddr_t va, pfn_t frames[], unsigned n, prot_t prot)
{
	uint64_t *slot = page_slot_to_change(pt, va.va);
	unsigned filled = 0, tokens = 0;

	CHECK(slot_index(va.va, 0) + n <= PT_ENTRIES);
	for (unsigned i = 0; i < n; i++) {
		pte_t old = slot ? mmu_load(&slot[i]) : 0;

		if (!slot || !frames[i] || is_valid(F(kind)(old, 0))) {
			frames[i] = 0;
			continue;
		}
		tokens += !!old;
		store(pt, &slot[i], page_leaf(pfn_to_pa(frames[i]), prot));
		filled++;
	}
	if (!filled)
		return 0;
	table_page(slot)->index += filled - tokens;
	pt->stats.leaves += filled;
	pt->stats.stores += filled;
	if (pt->live)
		mmu_publish(!pt->user);
	return filled;
}

static __attribute__((noinline)) int map_slowly(struct pt *pt, uint64_t va, uint64_t pa,
						uint64_t size, prot_t prot)
{
	struct op op = {.pt = pt};
	uint64_t *root = root_table(pt), end = va + size;

	if (prepare(&op, tables_needed(root, ROOT, va, end, pa)))
		return -ENOMEM;
	split_at(&op, va);
	split_at(&op, end);
	make_room(&op, root, ROOT, va, end);
	flush(&op);
	map_range(&op, root, ROOT, va, end, pa, prot);
	finish(&op);
	release_spares(&op);
	return 0;
}

int PT_(map)(struct pt *pt, vaddr_t va, paddr_t pa, size_t size, prot_t prot)
{
	bool aligned = !((va.va | pa.pa | size) & (PAGE_SIZE - 1));
	uint64_t *slot = size == PAGE_SIZE ? recent_slot(pt, va.va) : NULL;

	DCHECK((prot & PT_TYPE) != PT_TYPE);
	if (unlikely(!slot || !aligned)) {
		if (!aligned || !range_ok(pt, va.va, size))
			return -EINVAL;
		slot = size == PAGE_SIZE ? page_slot_to_change(pt, va.va) : NULL;
		if (!slot)
			return map_slowly(pt, va.va, pa.pa, size, prot);
	}
	map_page(pt, slot, va.va, page_leaf(pa, prot));
	return 0;
}

/* ---- changing attributes ---- */

struct change {
	prot_t clear, set;
};

static inline prot_t changed(prot_t prot, struct change c)
{
	return (prot & ~c.clear) | c.set;
}

static inline pte_t changed_leaf(pte_t leaf, int level, struct change c)
{
	return F(leaf)(level, F(addr)(leaf, level), changed(F(prot)(leaf, level), c));
}

/* Memory types change by break-before-make only. */
static prot_t change_type(struct op *op, uint64_t *slot, int level, uint64_t va, struct change c)
{
	pte_t old = break_entry(op, slot, level, va), new = changed_leaf(old, level, c);

	store(op->pt, slot, new);
	op->pt->stats.stores++;
	if (PT_DIRTY & F(prot)(old, level) & ~F(prot)(new, level))
		report_dirty(op->pt, old, level);
	return F(prot)(old, level);
}

/* Changes one leaf; returns its old rights, 0 where there is none. */
static prot_t change_leaf(struct op *op, uint64_t *slot, int level, uint64_t va, struct change c)
{
	uint64_t start = ALIGN_DOWN(va, PT_SPAN(level));
	prot_t old, new;
	pte_t pte;

	do {
		pte = mmu_load(slot);
		if (F(kind)(pte, level) != PTE_LEAF)
			return 0;
		old = F(prot)(pte, level);
		new = changed(old, c);
		if (new == old)
			return old;
		if ((old ^ new) & BBM_PROT)
			return change_type(op, slot, level, va, c);
	} while (!compare_store(op->pt, slot, pte, changed_leaf(pte, level, c)));
	op->pt->stats.stores++;
	if (F(must_flush)(old, new))
		mark_stale(op, start, start + PT_SPAN(level), PTE_LEAF);
	if (PT_DIRTY & old & ~new)
		report_dirty(op->pt, pte, level);
	return old;
}

/* They differ in the address at most. */
static inline bool is_like(pte_t first, pte_t pte)
{
	pte_t differ = pte ^ first;

	return differ == F(addr)(differ, 0).pa;
}

/* How many entries are like the first. */
static inline unsigned same_run(const uint64_t *slot, unsigned n)
{
	pte_t first = mmu_load(slot);
	unsigned i = 1;

	while (i < n && is_like(first, mmu_load(&slot[i])))
		i++;
	return i;
}

/*
 * Inverts `flip` in entries for as long as they are like the first but for the address; returns how
 * many. `cleans`: they lose DIRTY by it.
 */
static unsigned flip_run(struct op *op, uint64_t *slot, unsigned n, pte_t flip, bool cleans)
{
	struct pt *pt = op->pt;
	pte_t first = mmu_load(slot);
	unsigned i;

	for (i = 0; i < n; i++) {
		pte_t pte = mmu_load(&slot[i]);

		if (!is_like(first, pte) || !compare_store(pt, &slot[i], pte, pte ^ flip))
			break;
		if (cleans && tells_dirt(pt))
			page_mark_dirty(F(addr)(pte, 0));
	}
	pt->stats.stores += i;
	return i;
}

/* Most neighbours agree in all but the address: what changes is worked out once for each run. */
static void change_leaves(struct op *op, uint64_t *slot, uint64_t va, unsigned n, struct change c)
{
	for (unsigned i = 0, run; i < n; i += MAX(run, 1u)) {
		pte_t pte = mmu_load(&slot[i]);
		uint64_t at = va + i * PAGE_SIZE;
		prot_t old = F(prot)(pte, 0), new = changed(old, c);

		run = 0;
		if (F(kind)(pte, 0) != PTE_LEAF)
			continue;
		if (new == old)
			run = same_run(&slot[i], n - i);
		else if (!((old ^ new) & BBM_PROT))
			run = flip_run(op, &slot[i], n - i, pte ^ changed_leaf(pte, 0, c),
				       PT_DIRTY & old & ~new);
		if (!run)
			change_leaf(op, &slot[i], 0, at, c);
		else if (F(must_flush)(old, new))
			mark_stale(op, at, at + run * PAGE_SIZE, PTE_LEAF);
	}
}

static void change_range(struct op *op, uint64_t *table, int level, uint64_t va, uint64_t end,
			 struct change c)
{
	uint64_t next;

	if (level == 0) {
		change_leaves(op, &table[slot_index(va, 0)], va, (end - va) >> PAGE_SHIFT, c);
		return;
	}
	for (; va != end; va = next) {
		uint64_t *child = child_table(table, va, level);

		next = entry_end(va, end, level);
		if (child)
			change_range(op, child, level - 1, va, next, c);
		else
			change_leaf(op, &table[slot_index(va, level)], level, va, c);
	}
}

int PT_(protect)(struct pt *pt, vaddr_t va, size_t size, prot_t clear, prot_t set)
{
	struct op op = {.pt = pt};
	uint64_t end = va.va + size;
	uint64_t *slot;

	if (!range_ok(pt, va.va, size))
		return -EINVAL;
	slot = size == PAGE_SIZE ? page_slot_to_change(pt, va.va) : NULL;
	if (slot) {
		change_leaf(&op, slot, 0, va.va, (struct change){clear, set});
		finish(&op);
		return 0;
	}
	if (split_edges(&op, va.va, end))
		return -ENOMEM;
	change_range(&op, root_table(pt), ROOT, va.va, end, (struct change){clear, set});
	finish(&op);
	release_spares(&op);
	return 0;
}

/* ---- one page ---- */

static enum pte_kind describe(pte_t pte, int level, uint64_t va, struct pt_leaf *out)
{
	enum pte_kind kind = F(kind)(pte, level);

	*out = (struct pt_leaf){.level = level};
	if (kind == PTE_LEAF) {
		out->pa = pa_add(F(addr)(pte, level), va & (PT_SPAN(level) - 1));
		out->prot = F(prot)(pte, level);
	} else if (kind == PTE_SOFT) {
		out->token = F(token)(pte);
	}
	return kind;
}

enum pte_kind PT_(query)(const struct pt *pt, vaddr_t va, struct pt_leaf *out)
{
	int level = ROOT;
	const uint64_t *slot;

	if (!F(va_ok)(va))
		return describe(0, level, va.va, out);
	slot = find(pt, va.va, &level);
	return describe(mmu_load(slot), level, va.va, out);
}

prot_t PT_(test_clear)(struct pt *pt, vaddr_t va, prot_t bits)
{
	struct op op = {.pt = pt};
	int level;
	uint64_t *slot = find(pt, va.va, &level);
	prot_t old = change_leaf(&op, slot, level, va.va, (struct change){.clear = bits});

	flush(&op);
	return old;
}

prot_t PT_(set_soft)(struct pt *pt, vaddr_t va, uint64_t token)
{
	int level;
	uint64_t *slot = find(pt, va.va, &level);

	if (level != 0) {
		CHECK(F(kind)(mmu_load(slot), level) == PTE_EMPTY);
		return 0;
	}
	return take_page(pt, slot, va.va, token ? F(soft)(token) : 0);
}

/* ---- taking pages out, many at a time ---- */

/* The slot of va's page where it maps pa, or NULL. */
static inline uint64_t *slot_of_frame(struct pt *pt, uint64_t va, uint64_t pa)
{
	uint64_t *slot = page_slot_to_change(pt, va);
	pte_t pte = slot ? mmu_load(slot) : 0;

	return F(kind)(pte, 0) == PTE_LEAF && F(addr)(pte, 0).pa == pa ? slot : NULL;
}

prot_t PT_(test_young)(struct pt *pt, vaddr_t va, paddr_t pa)
{
	uint64_t *slot = slot_of_frame(pt, va.va, pa.pa);
	prot_t prot;
	pte_t pte;

	if (!slot)
		return 0;
	do { /* no flush for YOUNG */
		pte = mmu_load(slot);
		prot = F(prot)(pte, 0);
		if (!(prot & PT_YOUNG))
			return prot;
	} while (!compare_store(pt, slot, pte, page_leaf(F(addr)(pte, 0), prot & ~PT_YOUNG)));
	pt->stats.stores++;
	return prot;
}

prot_t PT_(set_young)(struct pt *pt, vaddr_t va)
{
	uint64_t *slot = page_slot_to_change(pt, va.va);
	prot_t prot;
	pte_t pte;

	do { /* no TLB has a leaf that is not YOUNG */
		pte = slot ? mmu_load(slot) : 0;
		if (F(kind)(pte, 0) != PTE_LEAF)
			return 0;
		prot = F(prot)(pte, 0);
	} while (!compare_store(pt, slot, pte, page_leaf(F(addr)(pte, 0), prot | PT_YOUNG)));
	pt->stats.stores++;
	if (pt->live)
		mmu_publish(!pt->user);
	return prot;
}

static inline struct op op_so_far(struct pt *pt)
{
	return (struct op){
		.pt = pt, .lo = pt->stale_start, .hi = pt->stale_end, .stale = pt->stale_end};
}

prot_t PT_(evict)(struct pt *pt, vaddr_t va, paddr_t pa, uint64_t token)
{
	uint64_t *slot = slot_of_frame(pt, va.va, pa.pa);
	struct op op = op_so_far(pt);
	pte_t old;

	if (!slot)
		return 0;
	old = remove_valid(&op, slot, 0, va.va, token ? F(soft)(token) : 0);
	if (is_idle(slot)) { /* that was the last: cut its table out */
		clear_range(&op, root_table(pt), ROOT, va.va, va.va + PAGE_SIZE);
		flush(&op);
	}
	pt->stale_start = op.lo;
	pt->stale_end = op.stale ? op.hi : 0;
	return F(prot)(old, 0);
}

void PT_(flush_evicted)(struct pt *pt)
{
	struct op op = op_so_far(pt);

	pt->stale_end = 0;
	flush(&op);
}

uint64_t PT_(token)(struct pt *pt, vaddr_t va)
{
	const uint64_t *slot = page_slot_to_change(pt, va.va);
	pte_t pte = slot ? mmu_load(slot) : 0;

	return F(kind)(pte, 0) == PTE_SOFT ? F(token)(pte) : 0;
}

/* ---- copying ---- */

/* At most so many tables does `to` lack of those that `from` has. Either is NULL where missing. */
static unsigned tables_to_copy(const uint64_t *to, const uint64_t *from, int level, uint64_t va,
			       uint64_t end)
{
	unsigned n = 0;
	uint64_t next;

	if (level == 0)
		return 0;
	for (; va != end; va = next) {
		const uint64_t *below = child_table(from, va, level), *there;

		next = entry_end(va, end, level);
		if (!below)
			continue;
		there = to ? child_table(to, va, level) : NULL;
		n += !there + tables_to_copy(there, below, level - 1, va, next);
	}
	return n;
}

/* The slot of va in a table of this level, made from spare ones. */
static uint64_t *make_slot(struct op *op, uint64_t va, int level)
{
	uint64_t *table = root_table(op->pt);

	for (int l = ROOT; l > level; l--)
		table = enter(op, &table[slot_index(va, l)], l, va);
	return &table[slot_index(va, level)];
}

/* Only entries that are there get tables on the other side. */
static void copy_entries(struct op *to, struct op *from, uint64_t *slot, int level, uint64_t va,
			 unsigned n, prot_t clear)
{
	uint64_t *out = NULL;

	for (unsigned i = 0; i < n; i++) {
		uint64_t at = va + i * PT_SPAN(level);

		if (!mmu_load(&slot[i]))
			continue;
		change_leaf(from, &slot[i], level, at, (struct change){.clear = clear});
		if (!out)
			out = make_slot(to, va, level);
		put(to, &out[i], level, at, mmu_load(&slot[i]));
	}
}

static void copy_range(struct op *to, struct op *from, uint64_t *table, int level, uint64_t va,
		       uint64_t end, prot_t clear)
{
	uint64_t next;

	if (level == 0) {
		copy_entries(to, from, &table[slot_index(va, 0)], 0, va, (end - va) >> PAGE_SHIFT,
			     clear);
		return;
	}
	for (; va != end; va = next) {
		uint64_t *child = child_table(table, va, level);

		next = entry_end(va, end, level);
		if (child)
			copy_range(to, from, child, level - 1, va, next, clear);
		else
			copy_entries(to, from, &table[slot_index(va, level)], level, va, 1, clear);
	}
}

int PT_(copy)(struct pt *to, struct pt *from, vaddr_t va, size_t size, prot_t clear)
{
	struct op dst = {.pt = to}, src = {.pt = from};
	uint64_t end = va.va + size, *root = root_table(from);
	unsigned edges, tables;

	if (!range_ok(to, va.va, size) || !range_ok(from, va.va, size))
		return -EINVAL;
	edges = tables_to_split(from, va.va) + tables_to_split(from, end);
	tables = tables_to_copy(root_table(to), root, ROOT, va.va, end);
	if (prepare(&src, edges))
		return -ENOMEM;
	/* Tables that `from` gets by splitting, `to` may lack too. */
	if (prepare(&dst, tables + edges)) {
		release_spares(&src);
		return -ENOMEM;
	}
	split_at(&src, va.va);
	split_at(&src, end);
	copy_range(&dst, &src, root, ROOT, va.va, end, clear);
	finish(&src);
	finish(&dst);
	release_spares(&src);
	release_spares(&dst);
	return 0;
}

/* ---- looking ---- */

int PT_(trace)(const struct pt *pt, vaddr_t va, pte_t entries[PT_LEVELS])
{
	const uint64_t *table = root_table(pt);
	int level = ROOT;

	entries[ROOT] = 0;
	if (!F(va_ok)(va))
		return ROOT;
	for (;;) {
		entries[level] = mmu_load(&table[slot_index(va.va, level)]);
		if (F(kind)(entries[level], level) != PTE_TABLE)
			return level;
		table = table_below(entries[level]);
		level--;
	}
}

bool PT_(next)(const struct pt *pt, vaddr_t *va, vaddr_t end, struct pt_leaf *out)
{
	uint64_t at = va->va, last = end.va - 1;

	while (at <= last) {
		int level;
		const uint64_t *slot = walk(pt, at, &level);

		/* Along one table, until an entry of it names another. */
		do {
			enum pte_kind kind = describe(mmu_load(slot), level, at, out);

			if (kind == PTE_TABLE)
				break;
			if (kind != PTE_EMPTY) {
				va->va = at;
				return true;
			}
			at = (at | (PT_SPAN(level) - 1)) + 1;
			slot++;
		} while (slot_index(at, level) && at && at <= last);
		if (!at)
			break;
	}
	return false;
}

/* ---- trees ---- */

int PT_(init)(struct pt *pt, asid_t asid)
{
	const struct pt *kernel = PT_(kernel_half);
	struct page *page = alloc_table();

	if (!page)
		return -ENOMEM;
	*pt = (struct pt){
		.root = page_to_pa(page),
		.asid = asid,
		.user = true,
		.live = IS_LIVE_FMT,
	};
	pt->stats.tables[ROOT] = 1;
	if (kernel)
		__builtin_memcpy(root_table(pt) + HALF, root_table(kernel) + HALF,
				 HALF * sizeof(pte_t));
	return 0;
}

void PT_(clear)(struct pt *pt)
{
	struct op op = {.pt = pt};
	uint64_t *root = root_table(pt);
	unsigned first = pt->user ? 0 : HALF;

	/* The root has no other entries than tables; each that is cut out counts down. */
	for (unsigned i = first; table_page(root)->index; i++) {
		uint64_t va;

		i = next_used(root, i);
		va = (pt->user ? 0 : DIRECT_BASE) + (i - first) * PT_SPAN(ROOT);
		cut(&op, &root[i], ROOT, va, va + PT_SPAN(ROOT));
	}
	flush(&op);
}

void PT_(fini)(struct pt *pt)
{
	PT_(clear)(pt);
	pt->stats.tables[ROOT]--;
	free_table(virt_to_page(root_table(pt)));
	pt->root = PADDR(0);
}
