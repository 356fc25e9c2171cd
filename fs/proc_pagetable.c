// SPDX-License-Identifier: BSD-2-Clause
/*
 * /proc/PID/pagetable: an address space's trees in both formats; /proc/contrast/kernel: the
 * kernel's. Lines begin with what they tell. First, of a program,
 *
 *   faults access_flag N dirty N      that x86-64 would not have taken
 *
 * then a block for each format:
 *
 *   format NAME                       arm64 or x86_64
 *   off                               x86_64 with twin=off: nothing else follows
 *   root PA
 *   tables L3 L2 L1 L0                table pages now, by level; level 3 is the root
 *   stores N bbm N flushes N page N space N all N remote N
 *                                     since the tree was made: entries stored, break-before-make
 *                                     sequences, flushes, and what these took (enum pt_flush)
 *   run START END LEVEL COUNT PROT KIND
 *                                     COUNT entries of one level in a row that say the same. KIND
 *                                     is leaf, with PROT in the letters of prot_letters(); or
 *                                     swapped, where PROT is '-'
 *   leaves N blocks N2M N1G contiguous N
 *                                     of these runs: leaves, those that are blocks, and groups of
 *                                     16 pages, aligned and contiguous, alike but for a and d, as
 *                                     ARM's Contiguous bit could say (x86-64 has none: 0)
 *   lost N                            x86_64: entries that it had no memory for
 *
 * The tables' lock is given up now and then: a long list is of more than one moment.
 */
#include "proc.h"
#include <twofold/explain.h>
#include <twofold/vmalloc.h>

#define STEP 128 /* entries read under the lock at once */
#define GROUP 16 /* leaves that ARM's Contiguous bit joins: 4 KiB granule (Arm ARM D8.6.1) */

struct entry {
	uint64_t va;
	struct pt_leaf leaf;
};

/* A tree to be shown: its walker, its lock, its addresses. */
struct tree {
	const char *format;
	bool (*next)(const struct pt *pt, vaddr_t *va, vaddr_t end, struct pt_leaf *out);
	bool has_contiguous;
	const struct pt *pt;
	spinlock_t *lock;
	uint64_t start, end; /* end 0: the last address */
};

/* The runs as they are put together. */
struct runs {
	struct seq *s;
	struct entry first; /* of the run */
	uint64_t count;	    /* 0: there is none yet */
	uint64_t leaves, blocks[PT_LEVELS];
	uint64_t group_start, groups; /* the page of the last leaf that began a group of alike */
	struct entry last;
};

static bool is_token(const struct entry *e)
{
	return e->leaf.token != 0;
}

static uint64_t entry_end(const struct entry *e)
{
	return e->va + PT_SPAN(e->leaf.level);
}

static bool alike(const struct entry *a, const struct entry *b, prot_t but)
{
	return a->leaf.level == b->leaf.level && is_token(a) == is_token(b) &&
	       !((a->leaf.prot ^ b->leaf.prot) & ~but);
}

static void print_run(struct runs *r)
{
	const struct entry *first = &r->first;
	char letters[PROT_LETTERS] = "-";

	if (!r->count)
		return;
	if (!is_token(first))
		prot_letters(first->leaf.prot, letters);
	seq_printf(r->s, "run %#lx %#lx %d %lu %s %s\n", (unsigned long)first->va,
		   (unsigned long)(first->va + r->count * PT_SPAN(first->leaf.level)),
		   first->leaf.level, (unsigned long)r->count, letters,
		   is_token(first) ? "swapped" : "leaf");
}

/* Counts a group where its last page is met: all 16 went on from an aligned first. */
static void count_group(struct runs *r, const struct entry *e)
{
	const uint64_t size = GROUP * PAGE_SIZE;
	bool goes_on = entry_end(&r->last) == e->va && alike(&r->last, e, PT_YOUNG | PT_DIRTY) &&
		       r->last.leaf.pa.pa + PAGE_SIZE == e->leaf.pa.pa;

	if (e->leaf.level || is_token(e))
		return;
	if (IS_ALIGNED(e->va, size) && IS_ALIGNED(e->leaf.pa.pa, size))
		r->group_start = e->va;
	else if (!goes_on)
		r->group_start = 0;
	if (r->group_start && entry_end(e) == r->group_start + size)
		r->groups++;
}

static void add_entry(struct runs *r, const struct entry *e)
{
	count_group(r, e);
	if (!is_token(e)) {
		r->leaves++;
		r->blocks[e->leaf.level]++;
	}
	if (!r->count || entry_end(&r->last) != e->va || !alike(&r->first, e, 0)) {
		print_run(r);
		r->first = *e;
		r->count = 0;
	}
	r->count++;
	r->last = *e;
}

/* Up to STEP entries from *va on, which moves behind them; 0: no more. */
static unsigned read_entries(const struct tree *tree, vaddr_t *va, struct entry *entries)
{
	unsigned n = 0;

	spin_lock(tree->lock);
	while (n < STEP && tree->next(tree->pt, va, VADDR(tree->end), &entries[n].leaf)) {
		entries[n].va = va->va;
		*va = VADDR(entry_end(&entries[n]));
		n++;
		if (va->va == tree->end)
			break;
	}
	spin_unlock(tree->lock);
	return n;
}

static int show_runs(struct seq *s, const struct tree *tree)
{
	struct entry *entries = kmalloc(STEP * sizeof(*entries), GFP_KERNEL);
	struct runs r = {.s = s};
	vaddr_t va = VADDR(tree->start);
	unsigned n;

	if (!entries)
		return -ENOMEM;
	do {
		n = read_entries(tree, &va, entries);
		for (unsigned i = 0; i < n; i++)
			add_entry(&r, &entries[i]);
		cond_resched();
	} while (n == STEP && va.va != tree->end);
	kfree(entries);
	print_run(&r);
	seq_printf(s, "leaves %lu blocks %lu %lu contiguous %lu\n", (unsigned long)r.leaves,
		   (unsigned long)r.blocks[1], (unsigned long)r.blocks[2],
		   tree->has_contiguous ? (unsigned long)r.groups : 0);
	return 0;
}

static void show_stats(struct seq *s, const struct pt_stats *t)
{
	seq_printf(s, "tables %lu %lu %lu %lu\n", (unsigned long)t->tables[3],
		   (unsigned long)t->tables[2], (unsigned long)t->tables[1],
		   (unsigned long)t->tables[0]);
	seq_printf(s, "stores %lu bbm %lu flushes %lu page %lu space %lu all %lu remote %lu\n",
		   (unsigned long)t->stores, (unsigned long)t->bbm, (unsigned long)t->flushes,
		   (unsigned long)t->flush[FLUSH_PAGE], (unsigned long)t->flush[FLUSH_SPACE],
		   (unsigned long)t->flush[FLUSH_ALL], (unsigned long)t->flush[FLUSH_REMOTE]);
}

static int show_tree(struct seq *s, const struct tree *tree)
{
	struct pt_stats stats;

	seq_printf(s, "format %s\n", tree->format);
	if (!tree->pt->root.pa) {
		seq_printf(s, "off\n");
		return 0;
	}
	spin_lock(tree->lock);
	stats = tree->pt->stats;
	spin_unlock(tree->lock);
	seq_printf(s, "root %#lx\n", (unsigned long)tree->pt->root.pa);
	show_stats(s, &stats);
	return show_runs(s, tree);
}

/* Both trees of what `lock` guards, and what the second lacks. */
static int show_both(struct seq *s, const struct pt *live, const struct pt *twin, spinlock_t *lock,
		     uint64_t start, uint64_t end)
{
	const struct tree arm64 = {"arm64", arm64_pt_next, true, live, lock, start, end};
	const struct tree x86_64 = {"x86_64", x86_64_pt_next, false, twin, lock, start, end};
	int err = show_tree(s, &arm64);

	return err ? err : show_tree(s, &x86_64);
}

static int show_mm(struct seq *s, struct mm *mm)
{
	struct flag_faults faults;
	uint64_t lost;
	int err;

	contrast_sync(mm);
	spin_lock(&mm->pt_lock);
	faults = mm->flag_faults;
	lost = mm->twin_lost;
	spin_unlock(&mm->pt_lock);
	seq_printf(s, "faults access_flag %lu dirty %lu\n", (unsigned long)faults.access_flag,
		   (unsigned long)faults.dirty);
	err = show_both(s, &mm->pt, &mm->twin, &mm->pt_lock, 0, USER_END);
	if (!err && mm->twin.root.pa)
		seq_printf(s, "lost %lu\n", (unsigned long)lost);
	return err;
}

int pagetable_show(struct seq *s, void *process)
{
	struct mm *mm = process_mm(process);
	int err;

	if (!mm)
		return 0;
	err = show_mm(s, mm);
	mm_put(mm);
	return err;
}

int kernel_pagetable_show(struct seq *s, void *unused)
{
	int err;

	(void)unused;
	contrast_sync_kernel();
	err = show_both(s, &kernel_pt, &kernel_twin, &kernel_pt_lock, DIRECT_BASE, 0);
	if (!err && kernel_twin.root.pa)
		seq_printf(s, "lost %lu\n", (unsigned long)kernel_twin_lost());
	return err;
}
