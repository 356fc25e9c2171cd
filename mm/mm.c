// SPDX-License-Identifier: BSD-2-Clause
/* Address spaces: their making, forking and end. */
#include "vm_internal.h"
#include <arch/mmu.h>
#include <twofold/fs.h>
#include <twofold/slab.h>

#define STACK_LIMIT (8 * SZ_1M) /* Linux's RLIMIT_STACK */
/* Below the top of the stack, and room for it to grow: where mmap looks first. */
#define MMAP_TOP (USER_END - 2 * STACK_LIMIT - STACK_GUARD_GAP)

static struct kmem_cache *mm_cache;

void vm_init(void)
{
	mm_cache = kmem_cache_create("mm", sizeof(struct mm), 8, SLAB_PANIC, NULL);
	pagemap_setup();
	object_setup();
	area_setup();
}

struct mm *mm_create(void)
{
	struct mm *mm = kmem_cache_alloc(mm_cache, GFP_KERNEL | GFP_ZERO);
	int err;

	if (!mm)
		return NULL;
	while ((err = pt_init(&mm->pt, 0)) == -ENOMEM && !wait_for_memory())
		;
	if (err) {
		kmem_cache_free(mm_cache, mm);
		return NULL;
	}
	rwsem_init(&mm->lock);
	RB_INIT(&mm->areas);
	TAILQ_INIT(&mm->area_list);
	spin_lock_init(&mm->pt_lock, RANK_PT);
	twin_begin(mm);
	mm->refs = 1;
	mm->mmap_base = MMAP_TOP;
	mm->stack_top = USER_END;
	mm->stack_limit = STACK_LIMIT;
	totals_begin(mm);
	return mm;
}

void mm_get(struct mm *mm)
{
	__atomic_fetch_add(&mm->refs, 1, __ATOMIC_RELAXED);
}

/* ---- the end ---- */

/*
 * No task has it any more, but reverse mapping finds its tables by its areas until these are gone.
 * Leaves go first: frames are freed after the TLBs forgot them.
 */
static void mm_destroy(struct mm *mm)
{
	spin_lock(&mm->pt_lock);
	user_pt_clear(mm);
	spin_unlock(&mm->pt_lock);
	areas_destroy(mm);
	if (twin_exists(&mm->twin))
		twin_pt_fini(&mm->twin);
	pt_fini(&mm->pt);
	mmu_release(&mm->pt);
	totals_end(mm);
	if (mm->exe)
		file_put(mm->exe);
	kmem_cache_free(mm_cache, mm);
}

void mm_put(struct mm *mm)
{
	if (__atomic_sub_fetch(&mm->refs, 1, __ATOMIC_ACQ_REL) == 0)
		mm_destroy(mm);
}

/* ---- fork ---- */

static void copy_layout(struct mm *child, const struct mm *parent)
{
	child->mmap_base = parent->mmap_base;
	child->brk_start = parent->brk_start;
	child->brk = parent->brk;
	child->stack_top = parent->stack_top;
	child->stack_limit = parent->stack_limit;
	child->arg_start = parent->arg_start;
	child->arg_end = parent->arg_end;
	child->env_start = parent->env_start;
	child->env_end = parent->env_end;
	child->vdso = parent->vdso;
	child->oom_score_adj = parent->oom_score_adj;
	child->exe = parent->exe;
	if (child->exe)
		file_get(child->exe);
}

/* The child's areas name the same objects; both sides of a private one copy before they write. */
static int copy_area(struct mm *child, struct vm_area *from)
{
	struct vm_area *area;

	if (from->anon && !(from->flags & VMA_WIPEONFORK))
		from->flags |= VMA_COW | VMA_FORKED;
	area = area_copy(child, from);
	if (!area)
		return -ENOMEM;
	area->flags &= (uint16_t)~VMA_LOCKED;
	if (from->flags & VMA_WIPEONFORK) {
		area->family = NULL;
		area->anon = NULL;
	}
	area_insert(area, NULL);
	return 0;
}

/* Leaves that the parent may go on writing through although a child came. */
static bool keeps_rights(const struct vm_area *area)
{
	return (area_is_shared(area) || area->flags & VMA_IO) && area->prot & PROT_WRITE;
}

static void protect_run(struct mm *mm, uint64_t start, uint64_t end)
{
	if (start == end)
		return;
	spin_lock(&mm->pt_lock);
	CHECK(user_pt_protect(mm, start, end - start, PT_WRITE, 0) == 0);
	spin_unlock(&mm->pt_lock);
}

#define RUN_GAP (64 * PAGE_SIZE) /* a hole that is cheaper to walk over than to flush twice for */

/* Takes the right to write from all leaves of private memory, a run of areas at a time. */
static void protect_private(struct mm *mm)
{
	uint64_t start = 0, end = 0;

	for (struct vm_area *a = area_first(mm); a; a = area_next(a)) {
		bool private = a->anon && a->prot & PROT_WRITE;

		if (keeps_rights(a) || (private && a->start > end + RUN_GAP)) {
			protect_run(mm, start, end);
			start = end = keeps_rights(a) ? a->end : a->start;
		}
		if (private) {
			start = start == end ? a->start : start;
			end = a->end;
		}
	}
	protect_run(mm, start, end);
}

struct mm *mm_fork(struct mm *parent)
{
	struct mm *child = mm_create();
	int err = 0;

	if (!child)
		return NULL;
	down_write(&parent->lock);
	copy_layout(child, parent);
	for (struct vm_area *a = area_first(parent); a && !err; a = area_next(a))
		if (!(a->flags & VMA_DONTFORK))
			err = copy_area(child, a);
	/* Even after a failure: areas are marked `cow`, and no leaf may say otherwise. */
	protect_private(parent);
	up_write(&parent->lock);
	if (!err)
		return child;
	mm_put(child);
	return NULL;
}
