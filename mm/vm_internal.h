/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of address spaces (area, object, fault, mmap, ...) tell each other. */
#ifndef MM_VM_INTERNAL_H
#define MM_VM_INTERNAL_H

#include "user_pt.h"
#include <linux/mman.h>
#include <twofold/errno.h>
#include <twofold/vm.h>

#define MAX_AREAS 65530u		  /* of one address space: Linux's vm.max_map_count */
#define STACK_GUARD_GAP (256 * PAGE_SIZE) /* kept free below a stack */

/* ---- indices and addresses of an area ---- */

static inline uint64_t area_pages(const struct vm_area *area)
{
	return (area->end - area->start) >> PAGE_SHIFT;
}

static inline uint32_t anon_index(const struct vm_area *area, uint64_t va)
{
	return (uint32_t)(va >> PAGE_SHIFT) + area->anon_delta;
}

static inline uint32_t object_index(const struct vm_area *area, uint64_t va)
{
	return (uint32_t)(area->pgoff + ((va - area->start) >> PAGE_SHIFT));
}

static inline bool area_is_shared(const struct vm_area *area)
{
	return area->flags & VMA_SHARED;
}

/* What a leaf of the area may have at most. */
static inline prot_t area_prot(const struct vm_area *area)
{
	return PT_USER | (area->prot & PROT_WRITE ? PT_WRITE : 0) |
	       (area->prot & PROT_EXEC ? PT_EXEC : 0);
}

/* ---- faults: the long way (mm/fault.c), as mm_fault(), which takes a short one where it can ----
 */
int mm_fault_slowly(struct mm *mm, uint64_t addr, unsigned access, struct fault_signal *sig);
/* A write faulted at addr: counts it if its leaf lacks nothing but the dirty flag. pt_lock held. */
void fault_count_dirty(struct mm *mm, uint64_t addr);

/* ---- areas (mm/area.c); mm->lock held for writing ---- */
void area_setup(void); /* boot */
/* Cleared but for mm. NULL: no memory. */
struct vm_area *area_alloc(struct mm *mm);
void area_free(struct vm_area *area); /* not linked anywhere any more; puts the file */
/* Like `from` in everything, with a reference to the file of its own, but not linked anywhere.
 * NULL: no memory. */
struct vm_area *area_copy(struct mm *mm, const struct vm_area *from);
/* Into the tree, before `next` (NULL: it is the last), and attached to the objects that it names.
 * Its range is free. */
void area_insert(struct vm_area *area, struct vm_area *next);
/* Frees it: out of the tree and off its objects; drops what only it covered. Leaves are gone
 * already. */
void area_remove(struct vm_area *area);
/* All of them, when nobody looks at the tree any more. Leaves are gone already. */
void areas_destroy(struct mm *mm);
static inline struct vm_area *area_prev(struct vm_area *area)
{
	return TAILQ_PREV(area, vm_area_list, in_order);
}

/* The one before `next`, or the last one where that is NULL. */
static inline struct vm_area *area_before(struct mm *mm, struct vm_area *next)
{
	return next ? area_prev(next) : TAILQ_LAST(&mm->area_list, vm_area_list);
}

/* Cuts in two at addr, inside it; returns the upper half. NULL: -ENOMEM, nothing has changed. */
struct vm_area *area_split(struct vm_area *area, uint64_t addr);
/* Shrinks to [start, end), not empty; drops what only the rest covered. Leaves are gone already. */
void area_trim(struct vm_area *area, uint64_t start, uint64_t end);
/* Grows to [start, end), which is free but for itself. False: its objects have no room there. */
bool area_grow(struct vm_area *area, uint64_t start, uint64_t end);
/* Puts it, with all it holds, at another place, which is free. Leaves are gone already. */
void area_move(struct vm_area *area, uint64_t start);
/* Whether `next`, were it where `area` ends, would go on in the same manner. */
bool area_agrees(const struct vm_area *area, const struct vm_area *next);
/* Makes one of two areas that touch and agree, if it can: then `next` is gone. */
bool area_join_agreeing(struct vm_area *area, struct vm_area *next);
static inline bool area_join(struct vm_area *area, struct vm_area *next)
{
	return area->end == next->start && area_agrees(area, next) &&
	       area_join_agreeing(area, next);
}

/* Joins with what lies on both sides; returns the area that now holds the range. */
struct vm_area *area_join_both(struct vm_area *area);
/* Parts with its anonymous object, dropping what only it covered. Leaves are gone already. */
void area_detach_anon(struct vm_area *area);
/* Chooses indices for an area that holds nothing private yet. */
void area_choose_delta(struct vm_area *area);
/* The start of the highest free range of len bytes in [low, high); 0: there is none. */
uint64_t area_find_gap(struct mm *mm, uint64_t len, uint64_t low, uint64_t high);

/* ---- objects (mm/object.c) ---- */
enum others { NOBODY, HAS_SLOT, HAS_PAGE }; /* nothing; the slot it is in; the page */

void object_setup(void); /* boot */
/* Gives the area an anonymous object; mm->lock held, no spinlock; sleeps. 0 or -ENOMEM. */
int area_make_anon(struct vm_area *area);
/* Attaching and detaching spans; the family's lock is held. */
void area_attach_anon(struct vm_area *area);
void area_attach_object(struct vm_area *area);
/* Frees an anonymous object that no area is attached to. Family lock held: gives it up. */
void object_unlock_reap(struct vm_object *object, struct rmap *family);
/* Drops entries of [first, last] that no attached area covers. Family lock held. */
void object_drop_uncovered(struct vm_object *object, uint32_t first, uint32_t last);
/* Drops all entries of [first, last]. Family lock held. */
void object_drop(struct vm_object *object, uint32_t first, uint32_t last);
/* True where another area than this one covers some of the range. Family lock held. */
bool object_covered_by_other(const struct vm_object *object, const struct span *self,
			     uint32_t first, uint32_t last);
/* A page enters an object's map as its entry: identity and counts. Family lock held; the caller's
 * reference becomes the entry's. */
void object_hold(struct vm_object *object, uint32_t index, struct page *page);
/* The same without the count of entries, for a page that no object has yet. */
static inline void object_own_page(struct vm_object *object, uint32_t index, struct page *page)
{
	page->rmap = object->rmap;
	page->index = index;
	if (!page_flag(page, PG_RESERVED))
		vm_gauge_add(object->gauge, 1);
}
/* An entry that was `page` has been replaced or cleared. Family lock held; drops the reference. */
void object_let_go(struct vm_object *object, struct page *page);
/* The same, by who knows what page_others() says. */
void object_let_go_as(struct vm_object *object, struct page *page, enum others others);
/* A slot entry gives way to the page that was read from it; false where the entry has changed.
 * Takes over the caller's reference if true. Family lock held. */
bool object_install_swapped(struct vm_object *object, uint32_t index, uint32_t slot,
			    struct page *page);
/* Counts that in mm->swap_ins of those whose areas show the index. Family lock held. */
void rmap_count_swap_in(const struct vm_object *object, uint32_t index);
/* What other objects of the family have of a page: with NOBODY it may be written where it is.
 * Family lock held. */
enum others page_others(const struct vm_object *object, const struct page *page);
/* Written to by its only holder: Family lock held. */
void page_written(struct page *page);

/* What giving an area an object of its own needs; kept over attempts, freed by unshare_fini(). */
struct unshare {
	struct vm_object *object;
	bool part; /* whatever the others cover: it is to grow where they are */
};
/*
 * The first write through a VMA_COW area: gives it an object of its own if another area covers
 * part of the same, clears VMA_COW. Family lock held. -ENOMEM: nothing visible has changed; drop
 * the lock, get memory, call again with the same `u`.
 */
int area_unshare(struct vm_area *area, struct unshare *u);
void unshare_fini(struct unshare *u);
/* The same for callers that hold mm->lock for writing and no spinlock. 0, -ENOMEM. */
int area_unshare_sleeping(struct vm_area *area);
/* Grows as area_grow(); with an object of its own, if others have the indices there. */
bool area_grow_apart(struct vm_area *area, uint64_t start, uint64_t end);

/* Sleeps until there is room for what GFP_NOWAIT did not get. No spinlock held. 0, -ENOMEM. */
int wait_for_memory(void);

/* ---- dropping memory; mm->lock held for writing, no spinlock ---- */
/* Empties the leaves of [start, end). -ENOMEM only where a block had to be split. */
int mm_unmap_leaves(struct mm *mm, uint64_t start, uint64_t end);
/* Forgets what a private area holds in [start, end), leaves too. -ENOMEM: nothing has changed. */
int area_zap(struct vm_area *area, uint64_t start, uint64_t end);

/* ---- changing areas (mm/mprotect.c) ---- */
struct area_change {
	int prot;	     /* PROT_*, or KEEP_PROT */
	unsigned set, clear; /* VMA_* */
};
#define KEEP_PROT (-1)
/* Changes the areas of [start, end), splitting and joining; mm->lock held for writing. -EACCES,
 * -ENOMEM; at a hole -ENOMEM. What came before has been changed then, as in Linux. */
int area_change_range(struct mm *mm, uint64_t start, uint64_t end,
		      const struct area_change *change);

/* ---- what address spaces cost (mm/totals.c) ---- */
void totals_begin(struct mm *mm);
void totals_end(struct mm *mm); /* its tables are gone */

/* ---- mmap.c ---- */
/* Unmaps; mm->lock held for writing, range checked. -ENOMEM: nothing has changed. */
int unmap_range(struct mm *mm, uint64_t start, uint64_t end);
/* Page-aligned, below USER_END, not wrapping; *end is made. Zero length is fine. */
static inline bool range_valid(uint64_t addr, uint64_t len, uint64_t *end)
{
	if (addr & ~PAGE_MASK || len > USER_END || addr > USER_END - ALIGN_UP(len, PAGE_SIZE))
		return false;
	*end = addr + ALIGN_UP(len, PAGE_SIZE);
	return true;
}

/* Linux's heuristic overcommit: only what could never be there is refused. */
bool exceeds_memory(uint64_t len);
/* Faults in what is there of [start, end), private memory that is writable by writing (mlock.c).
 * mm->lock not held. 0, -ENOMEM, -EFAULT: something cannot be accessed. */
int populate_areas(struct mm *mm, uint64_t start, uint64_t end);
/* A place for len bytes: at `hint` where that is free, else wherever; 0: none. */
uint64_t find_place(struct mm *mm, uint64_t hint, uint64_t len);

#endif
