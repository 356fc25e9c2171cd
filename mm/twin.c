// SPDX-License-Identifier: BSD-2-Clause
/*
 * The second tree of each address space, in the format of the machine that we do not run on. What
 * keeps it in step is in mm/twin.h and its callers (mm/user_pt.h, mm/kernel_pt.c); here is what is
 * rare: making one, going without memory, catching up, and the kernel's.
 */
#include "twin.h"
#include <twofold/errno.h>
#include <twofold/page.h>
#include <twofold/params.h>
#include <twofold/task.h>
#include <twofold/vm.h>
#include <twofold/vmalloc.h>
#include <twofold/wait.h>

#define SYNC_STEP 512 /* entries at once, under the lock */

bool twin_enabled;
struct pt kernel_twin;
static uint64_t kernel_lost;
static struct mutex sync_mutex;

/* ---- without memory ---- */

void twin_count_lost(uint64_t *lost, uint64_t entries)
{
	*lost += entries;
	count_vm_events(TWIN_LOST, entries);
}

/* The block that spans `edge`, if there is one, goes. */
static void drop_block(struct pt *twin, uint64_t *lost, uint64_t edge)
{
	struct pt_leaf leaf;
	uint64_t span;

	if (twin_pt_query(twin, VADDR(edge), &leaf) != PTE_LEAF)
		return;
	span = PT_SPAN(leaf.level);
	if (IS_ALIGNED(edge, span))
		return;
	CHECK(!twin_pt_unmap(twin, VADDR(ALIGN_DOWN(edge, span)), span));
	twin_count_lost(lost, span >> PAGE_SHIFT);
}

void twin_drop_edges(struct pt *twin, uint64_t *lost, uint64_t va, uint64_t size)
{
	drop_block(twin, lost, va);
	drop_block(twin, lost, va + size);
}

void twin_give_up(struct pt *twin, uint64_t *lost, uint64_t va, uint64_t size)
{
	twin_drop_edges(twin, lost, va, size);
	CHECK(!twin_pt_unmap(twin, VADDR(va), size)); /* no block to split: cannot fail */
}

/* ---- catching up ---- */

static bool same_entry(const struct pt_leaf *a, const struct pt_leaf *b)
{
	return a->pa.pa == b->pa.pa && a->level == b->level && a->token == b->token;
}

/* Of the kernel's twin. Other trees have a copy of the root's upper half: it gets no new entries.
 */
static bool root_has(uint64_t va)
{
	pte_t entries[PT_LEVELS];

	return twin_pt_trace(&kernel_twin, VADDR(va), entries) < PT_LEVELS - 1;
}

/* A token needs a table, which set_soft() does not make: by way of a leaf. */
static bool restore_token(struct pt *twin, vaddr_t va, uint64_t token)
{
	if (twin_pt_map(twin, va, PADDR(0), PAGE_SIZE, 0))
		return false;
	twin_pt_set_soft(twin, va, token);
	return true;
}

/* Makes the twin's entry for va what the live tree's is. False: no memory. */
static bool restore(struct pt *twin, vaddr_t va, const struct pt_leaf *live)
{
	const prot_t flags = PT_YOUNG | PT_DIRTY;
	uint64_t span = PT_SPAN(live->level);
	struct pt_leaf now;

	if (twin_pt_query(twin, va, &now) == PTE_EMPTY) {
		if (twin == twin_pt_kernel_half && !root_has(va.va))
			return false;
		return live->token ? restore_token(twin, va, live->token)
				   : !twin_pt_map(twin, va, live->pa, span, live->prot);
	}
	CHECK(same_entry(&now, live) && !((now.prot ^ live->prot) & ~flags));
	if (now.prot != live->prot)
		CHECK(!twin_pt_protect(twin, va, span, flags, live->prot & flags));
	return true;
}

/*
 * Up to SYNC_STEP entries from *va on, which moves behind them, or to `end` where there are no
 * more. Returns how many of them are still missing.
 */
static uint64_t sync_some(const struct pt *live, struct pt *twin, vaddr_t *va, vaddr_t end)
{
	struct pt_stats cost = twin->stats;
	struct pt_leaf leaf;
	uint64_t missing = 0;

	for (unsigned n = 0; n < SYNC_STEP && va->va != end.va; n++) {
		if (!pt_next(live, va, end, &leaf)) {
			*va = end;
			break;
		}
		missing += !restore(twin, *va, &leaf);
		*va = va_add(*va, PT_SPAN(leaf.level));
	}
	/* None of it is what the other machine would have done. */
	twin->stats.stores = cost.stores;
	twin->stats.bbm = cost.bbm;
	twin->stats.flushes = cost.flushes;
	__builtin_memcpy(twin->stats.flush, cost.flush, sizeof(cost.flush));
	return missing;
}

/* False: what the live tree says of va is still missing. */
static bool sync_entry(const struct pt *live, struct pt *twin, uint64_t va)
{
	struct pt_leaf leaf;
	vaddr_t start;

	if (pt_query(live, VADDR(va), &leaf) == PTE_EMPTY)
		return true;
	start = VADDR(ALIGN_DOWN(va, PT_SPAN(leaf.level)));
	return !sync_some(live, twin, &start, va_add(start, PT_SPAN(leaf.level)));
}

static bool make_twin(struct mm *mm)
{
	if (twin_pt_init(&mm->twin, 0))
		return false;
	mm->twin.runs_as = &mm->pt;
	return true;
}

void twin_begin(struct mm *mm)
{
	if (twin_enabled)
		make_twin(mm);
}

/* False: there is still none. */
static bool have_twin(struct mm *mm)
{
	if (twin_exists(&mm->twin))
		return true;
	mm->twin_lost = mm->pt.stats.leaves;
	return make_twin(mm);
}

bool twin_sync(struct mm *mm)
{
	const vaddr_t end = VADDR(USER_END);
	uint64_t before, missing = 0;
	bool ok;

	if (!twin_enabled)
		return true;
	mutex_lock(&sync_mutex); /* or two would count the same losses */
	spin_lock(&mm->pt_lock);
	ok = have_twin(mm);
	before = mm->twin_lost;
	for (vaddr_t va = VADDR(0); ok && va.va != end.va;) {
		missing += sync_some(&mm->pt, &mm->twin, &va, end);
		spin_unlock(&mm->pt_lock);
		cond_resched();
		spin_lock(&mm->pt_lock);
	}
	if (ok)
		mm->twin_lost += missing - before; /* faults may have lost more meanwhile */
	ok = ok && !mm->twin_lost;
	spin_unlock(&mm->pt_lock);
	mutex_unlock(&sync_mutex);
	return ok;
}

bool twin_sync_page(struct mm *mm, uint64_t va)
{
	bool exists, ok = false;

	if (!twin_enabled || va >= USER_END)
		return true;
	spin_lock(&mm->pt_lock);
	exists = twin_exists(&mm->twin);
	if (exists)
		ok = sync_entry(&mm->pt, &mm->twin, va);
	spin_unlock(&mm->pt_lock);
	return exists ? ok : twin_sync(mm);
}

/* ---- the kernel's ---- */

void kernel_twin_map(uint64_t va, paddr_t pa, uint64_t size, prot_t prot)
{
	if (root_has(va) && root_has(va + size - 1))
		twin_map(&kernel_twin, &kernel_lost, va, pa, size, prot);
	else
		twin_count_lost(&kernel_lost, size >> PAGE_SHIFT);
}

void kernel_twin_unmap(uint64_t va, uint64_t size)
{
	twin_unmap(&kernel_twin, &kernel_lost, va, size);
}

bool twin_sync_kernel(void)
{
	vaddr_t va = VADDR(DIRECT_BASE);

	if (!twin_exists(&kernel_twin))
		return true;
	kernel_lost = 0;
	while (va.va)
		kernel_lost += sync_some(&kernel_pt, &kernel_twin, &va, VADDR(0));
	return !kernel_lost;
}

uint64_t kernel_twin_lost(void)
{
	return READ_ONCE(kernel_lost);
}

/*
 * All of the live tree, and the root's entry for the first 512 GiB of vmalloc(): the kernel's root
 * keeps its tables, even empty.
 */
static bool make_kernel_twin(void)
{
	vaddr_t va = VADDR(VMALLOC_BASE);

	if (twin_pt_init(&kernel_twin, 0))
		return false;
	kernel_twin.user = false;
	kernel_twin.runs_as = &kernel_pt;
	if (!twin_pt_map(&kernel_twin, va, PADDR(0), PAGE_SIZE, PT_GLOBAL) &&
	    !twin_pt_unmap(&kernel_twin, va, PAGE_SIZE) && twin_sync_kernel())
		return true;
	twin_pt_fini(&kernel_twin);
	return false;
}

void twin_init(void)
{
	mutex_init(&sync_mutex);
	twin_enabled = param_bool("twin", true);
	if (!twin_enabled)
		return;
	spin_lock(&kernel_pt_lock);
	if (make_kernel_twin()) {
		twin_pt_kernel_half = &kernel_twin;
	} else {
		twin_enabled = false;
		pr_warn("twin: no memory for one; there is none");
	}
	spin_unlock(&kernel_pt_lock);
}
