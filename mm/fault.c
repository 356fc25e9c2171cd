// SPDX-License-Identifier: BSD-2-Clause
/*
 * Page faults. What stands in the tables does not matter, it may have been forgotten; what counts
 * is the area, and what its objects hold for the page ("entry"):
 *
 *   area     access       entry            what happens
 *   ----     ------       -----            ------------
 *   none     any          -                below a stack, in its limit: it grows; else SEGV_MAPERR
 *   any      not allowed  -                SEGV_ACCERR
 *   any      any          leaf, not young  accessed flag set, nothing looked up (FAULT_ACCESS_FLAG)
 *   IO       any          -                the frame that remap_pfn_range() named is mapped again
 *   of file  any          past its end     SIGBUS, BUS_ADRERR
 *
 *   private  read         private frame    mapped, with neighbours; writable if only ours
 *                         private slot     swapped in (unreadable or wrong: SIGBUS, BUS_ADRERR)
 *                         none, no file    the zero page, read-only, which is no entry
 *                         none, file       the file's page, read-only, with neighbours
 *   private  write        area is `cow`    an object of its own first, if another covers the same
 *                         private frame    only ours: mapped dirty, where it is; else copied
 *                         private slot     swapped in, then as above
 *                         none, no file    a fresh page of zeros, mapped dirty
 *                         none, file       a copy of the file's page, mapped dirty
 *   shared   read         frame            mapped, with neighbours, writable but clean
 *            write        frame            mapped dirty
 *            any          slot, none       the object reads it in, or makes it; then as above
 *
 * A write to a clean page comes here as any write. An I/O error is BUS_ADRERR as well, because
 * Linux says so of whatever its file systems cannot read (VM_FAULT_SIGBUS).
 *
 * A step that holds spinlocks never sleeps: it says what it lacks (`enum outcome`), the locks are
 * dropped, resolve() sees to it, and the fault starts over. mm->lock is held for reading until
 * memory is short. Locks: the private family's, then the file's, then the tables'.
 */
#include "vm_internal.h"
#include <arch/cpu.h>
#include <linux/signal.h>
#include <twofold/swap.h>

#define AROUND 16u /* pages, a power of two: what is mapped around a read, aligned */

enum outcome {
	DONE,
	AGAIN,	     /* something changed: look again */
	NEED_MEMORY, /* GFP_NOWAIT found none */
	NEED_FRAME,  /* f->fresh, whatever is in it */
	NEED_ZEROS,  /* f->fresh, cleared */
	NEED_COPY,   /* f->fresh, a copy of the file's page */
	NEED_PAGE,   /* in area->object */
	NEED_SLOT,   /* f->slot in memory */
	NEED_STACK,  /* the area to grow */
	NO_AREA,
	NO_RIGHT,
	BUS_ERROR,
	KILLED,
};

enum holds { JUNK, ZEROS, FILE_COPY };

struct fault {
	struct mm *mm;
	struct vm_area *area;
	uint64_t addr; /* of the page */
	bool write, exec;
	bool alone; /* neighbours are not to be had */
	struct fault_told told;
	enum holds holds; /* what is in `fresh` */
	struct page *fresh;
	struct page *pinned; /* brought in, and kept from reclaim until it is mapped */
	uint32_t slot;
	struct unshare unshare;
};

/* Where the area's file ends, or the area does. */
static uint64_t end_of_file(const struct vm_area *area)
{
	const struct vm_object *object = area->object;
	uint64_t pages;

	if (!object || !object->ops || !object->ops->size)
		return area->end;
	pages = DIV_ROUND_UP(object->ops->size(object), PAGE_SIZE);
	pages = pages > area->pgoff ? pages - area->pgoff : 0;
	return pages < area_pages(area) ? area->start + (pages << PAGE_SHIFT) : area->end;
}

static bool past_end(const struct fault *f)
{
	return f->area->object && f->addr >= end_of_file(f->area);
}

/* ---- mapping ---- */

/* What the kernel wrote must reach instruction caches before it is executed, and once is enough. */
static void sync_instructions(struct page *page)
{
	if (page_flag(page, PG_ICACHE) && !page_flag(page, PG_DIRTY))
		return;
	icache_sync(page_to_ptr(page), PAGE_SIZE);
	page_set_flag(page, PG_ICACHE);
}

static enum outcome map_page(struct fault *f, struct page *page, prot_t prot)
{
	int err;

	if (prot & PT_EXEC)
		sync_instructions(page);
	spin_lock(&f->mm->pt_lock);
	err = user_pt_map(f->mm, f->addr, page_to_pa(page), PAGE_SIZE, prot | PT_YOUNG);
	spin_unlock(&f->mm->pt_lock);
	return unlikely(err) ? NEED_MEMORY : DONE;
}

void fault_count_dirty(struct mm *mm, uint64_t addr)
{
	struct pt_leaf leaf;

	if (user_pt_query(mm, addr, &leaf) == PTE_LEAF &&
	    (leaf.prot & (PT_WRITE | PT_DIRTY | PT_YOUNG)) == (PT_WRITE | PT_YOUNG))
		mm->flag_faults.dirty++;
}

/* A page that may be mapped already, for writing. */
static enum outcome map_dirty(struct fault *f, struct page *page)
{
	spin_lock(&f->mm->pt_lock);
	fault_count_dirty(f->mm, f->addr);
	spin_unlock(&f->mm->pt_lock);
	return map_page(f, page, area_prot(f->area) | PT_DIRTY);
}

/* `family` is what the area's was when it was looked up: NULL, and none may have appeared since. */
static enum outcome map_zeros(struct fault *f, const struct rmap *family)
{
	prot_t prot = (area_prot(f->area) & ~PT_WRITE) | PT_YOUNG;
	enum outcome outcome = AGAIN;

	spin_lock(&f->mm->pt_lock);
	if (likely(f->area->family == family))
		outcome = user_pt_map(f->mm, f->addr, page_to_pa(zero_page), PAGE_SIZE, prot)
				  ? NEED_MEMORY
				  : DONE;
	spin_unlock(&f->mm->pt_lock);
	f->told.did = DID_ZERO_PAGE;
	count_vm_event(ZERO_PAGE_MAP);
	return outcome;
}

static enum outcome map_io(struct fault *f)
{
	struct vm_area *area = f->area;
	pfn_t pfn = (pfn_t)(area->pgoff + ((f->addr - area->start) >> PAGE_SHIFT));
	prot_t prot = area_prot(area) | area->anon_delta | PT_YOUNG | PT_DIRTY;
	int err;

	f->told.did = DID_DEVICE;
	spin_lock(&f->mm->pt_lock);
	err = user_pt_map(f->mm, f->addr, pfn_to_pa(pfn), PAGE_SIZE, prot);
	spin_unlock(&f->mm->pt_lock);
	return err ? NEED_MEMORY : DONE;
}

/* ---- mapping around ---- */

static bool mappable(entry_t entry)
{
	const struct page *page = pfn_to_page(entry);

	return entry_is_frame(entry) && page_flag(page, PG_UPTODATE) && !page_flag(page, PG_LOCKED);
}

/* The pages of the object around f->addr, inside the area and one table. */
struct window {
	uint64_t start;
	uint32_t n;
	entry_t entries[AROUND];
};

static void make_window(const struct fault *f, struct window *w)
{
	uint64_t start = ALIGN_DOWN(f->addr, AROUND * PAGE_SIZE);
	uint64_t end = MIN(start + AROUND * PAGE_SIZE, end_of_file(f->area));

	w->start = MAX(start, f->area->start);
	w->n = end > w->start ? (uint32_t)((end - w->start) >> PAGE_SHIFT) : 0;
}

/* Leaves out what may not be mapped, and where the area has pages of its own instead. */
static void sift_window(const struct fault *f, struct window *w, const struct vm_object *own)
{
	entry_t hidden[AROUND] = {0};

	if (own)
		pagemap_read(&own->pages, anon_index(f->area, w->start), w->n, hidden);
	for (uint32_t i = 0; i < w->n; i++) {
		if (hidden[i] || !mappable(w->entries[i]))
			w->entries[i] = ENTRY_NONE;
		else if (f->area->prot & PROT_EXEC)
			sync_instructions(pfn_to_page(w->entries[i]));
	}
}

/*
 * Maps a page with `prot`, and neighbours with `around`. The lock of the object that the window
 * shows is held, that of the private family too if the area has one; `family` as in map_zeros().
 */
static enum outcome map_with_window(struct fault *f, entry_t entry, struct window *w, prot_t prot,
				    prot_t around, const struct rmap *family)
{
	enum outcome outcome = AGAIN;

	spin_lock(&f->mm->pt_lock);
	if (likely(f->area->family == family)) {
		outcome = DONE;
		if (user_pt_map(f->mm, f->addr, pfn_to_pa(entry), PAGE_SIZE, prot | PT_YOUNG))
			outcome = NEED_MEMORY;
		else if (w->n > 1)
			count_vm_events(FAULT_AROUND, user_pt_fill(f->mm, w->start, w->entries,
								   w->n, around | PT_YOUNG));
	}
	spin_unlock(&f->mm->pt_lock);
	return outcome;
}

/* ---- file pages ---- */

/* A read of a page of area->object; the private family's lock is held if there is one. */
static enum outcome read_object(struct fault *f, const struct rmap *family)
{
	struct vm_area *area = f->area;
	struct vm_object *object = area->object;
	prot_t prot = area_prot(area);
	enum outcome outcome;
	struct window w;
	entry_t entry;

	f->told.did = DID_OBJECT_PAGE;
	if (!area_is_shared(area))
		prot &= ~PT_WRITE;
	make_window(f, &w);
	spin_lock(&object->rmap->lock);
	entry = pagemap_get(&object->pages, object_index(area, f->addr));
	if (past_end(f)) {
		outcome = BUS_ERROR;
	} else if (!mappable(entry)) {
		outcome = NEED_PAGE;
	} else {
		pagemap_read(&object->pages, object_index(area, w.start), w.n, w.entries);
		sift_window(f, &w, family ? area->anon : NULL);
		outcome = map_with_window(f, entry, &w, prot, prot, family);
	}
	spin_unlock(&object->rmap->lock);
	return outcome;
}

static enum outcome write_shared(struct fault *f)
{
	struct vm_area *area = f->area;
	struct vm_object *object = area->object;
	enum outcome outcome;
	entry_t entry;

	f->told.did = DID_OBJECT_PAGE;
	spin_lock(&object->rmap->lock);
	entry = pagemap_get(&object->pages, object_index(area, f->addr));
	if (past_end(f)) {
		outcome = BUS_ERROR;
	} else if (!mappable(entry)) {
		outcome = NEED_PAGE;
	} else {
		page_written(pfn_to_page(entry));
		outcome = map_dirty(f, pfn_to_page(entry));
	}
	spin_unlock(&object->rmap->lock);
	return outcome;
}

/* ---- private memory: its family's lock is held ---- */

static enum outcome read_frame(struct fault *f, entry_t entry, const struct rmap *family)
{
	struct vm_area *area = f->area;
	prot_t prot = area_prot(area), around = prot & ~PT_WRITE;
	struct window w;

	f->told.did = DID_OWN_PAGE;
	if (area->flags & VMA_COW || page_others(area->anon, pfn_to_page(entry)) != NOBODY)
		prot = around;
	w.n = 0;
	if (!f->alone) {
		make_window(f, &w);
		pagemap_read(&area->anon->pages, anon_index(area, w.start), w.n, w.entries);
		sift_window(f, &w, NULL);
	}
	return map_with_window(f, entry, &w, prot, around, family);
}

static enum outcome read_private(struct fault *f)
{
	struct vm_area *area = f->area;
	struct rmap *family = __atomic_load_n(&area->family, __ATOMIC_ACQUIRE);
	enum outcome outcome;
	entry_t entry;

	if (!family)
		return area->object ? read_object(f, NULL) : map_zeros(f, NULL);
	spin_lock(&family->lock);
	entry = pagemap_get(&area->anon->pages, anon_index(area, f->addr));
	if (entry_is_frame(entry)) {
		outcome = read_frame(f, entry, family);
	} else if (entry) {
		f->slot = entry & ~(uint32_t)ENTRY_SLOT;
		outcome = NEED_SLOT;
	} else {
		outcome = area->object ? read_object(f, family) : map_zeros(f, family);
	}
	spin_unlock(&family->lock);
	return outcome;
}

/* Makes the fresh page a page of the object, in place of what `*entry` was or nothing. */
static void adopt_fresh(struct fault *f, uint32_t index)
{
	const uint32_t flags = BIT(PG_UPTODATE) | BIT(PG_SWAPBACKED) | BIT(PG_DIRTY);

	object_hold(f->area->anon, index, f->fresh);
	lru_add_fresh(f->fresh, flags);
	f->fresh = NULL;
}

/* The entry names the fresh page already. */
static enum outcome write_fresh(struct fault *f, uint32_t index)
{
	struct page *page = f->fresh;

	f->told.did = f->area->object ? DID_OBJECT_COPY : DID_FRESH_PAGE;
	adopt_fresh(f, index);
	return map_page(f, page, area_prot(f->area) | PT_DIRTY);
}

/* Others have the page too: a copy takes its place. Mapped first: the frame may be free then. */
static enum outcome write_copy(struct fault *f, uint32_t index, struct page *page,
			       enum others others)
{
	struct vm_object *object = f->area->anon;
	enum outcome outcome;

	if (!f->fresh)
		return NEED_FRAME;
	copy_page(page_to_ptr(f->fresh), page_to_ptr(page));
	f->holds = JUNK;
	outcome = map_page(f, f->fresh, area_prot(f->area) | PT_DIRTY);
	if (outcome != DONE)
		return outcome;
	*pagemap_slot(&object->pages, index) = page_to_pfn(f->fresh);
	adopt_fresh(f, index);
	object_let_go_as(object, page, others);
	f->told.did = DID_COW_COPY;
	count_vm_event(COW_COPY);
	return DONE;
}

static enum outcome write_frame(struct fault *f, uint32_t index, struct page *page)
{
	enum others others = page_others(f->area->anon, page);

	if (others != NOBODY)
		return write_copy(f, index, page, others);
	page_written(page);
	f->told.did = DID_COW_REUSE;
	count_vm_event(COW_REUSE);
	return map_dirty(f, page);
}

static enum outcome write_private_locked(struct fault *f)
{
	struct vm_area *area = f->area;
	uint32_t index = anon_index(area, f->addr);
	enum holds wanted = area->object ? FILE_COPY : ZEROS;
	entry_t entry;
	int err;

	if (area->flags & VMA_COW && area_unshare(area, &f->unshare))
		return NEED_MEMORY;
	if (f->fresh && f->holds == wanted) {
		entry = page_to_pfn(f->fresh);
		err = pagemap_add(&area->anon->pages, index, &entry);
		if (likely(!err))
			return write_fresh(f, index);
		if (err != -EEXIST)
			return NEED_MEMORY;
	} else {
		entry = pagemap_get(&area->anon->pages, index);
	}
	if (!entry)
		return area->object ? NEED_COPY : NEED_ZEROS;
	if (entry_is_frame(entry))
		return write_frame(f, index, pfn_to_page(entry));
	f->slot = entry & ~(uint32_t)ENTRY_SLOT;
	return NEED_SLOT;
}

static enum outcome write_private(struct fault *f)
{
	struct vm_area *area = f->area;
	enum outcome outcome;

	if (!__atomic_load_n(&area->family, __ATOMIC_ACQUIRE) && area_make_anon(area))
		return KILLED;
	/* Most writes to plain memory want a page of zeros: clear it before anyone has to wait. */
	if (!f->fresh && !area->object && !(area->flags & VMA_FORKED)) {
		f->fresh = alloc_page(GFP_USER | GFP_ZERO);
		if (unlikely(!f->fresh))
			return KILLED;
		f->holds = ZEROS;
	}
	spin_lock(&area->family->lock);
	outcome = write_private_locked(f);
	spin_unlock(&area->family->lock);
	return outcome;
}

/* ---- what a step lacked: no spinlock held ---- */

static enum outcome get_frame(struct fault *f, gfp_t gfp)
{
	if (f->fresh && gfp & GFP_ZERO) {
		put_page(f->fresh);
		f->fresh = NULL;
	}
	if (!f->fresh)
		f->fresh = alloc_page(GFP_USER | gfp);
	f->holds = gfp & GFP_ZERO ? ZEROS : JUNK;
	return f->fresh ? AGAIN : KILLED;
}

static enum outcome outcome_of(int err)
{
	if (err == -EAGAIN)
		return AGAIN;
	return err == -ENOMEM ? KILLED : BUS_ERROR;
}

static void pin(struct fault *f, struct page *page)
{
	if (f->pinned)
		put_page(f->pinned);
	f->pinned = page;
}

/*
 * A fault is a major one if it reads. Not if the page is in the swap cache, by readahead or for
 * another address space, though we may have to wait until it has been read.
 */
static bool must_read(uint32_t slot)
{
	struct page *page = swap_cache_find(slot);

	if (page)
		put_page(page);
	return !page;
}

static enum outcome get_object_page(struct fault *f)
{
	struct vm_object *object = f->area->object;
	uint32_t index = object_index(f->area, f->addr);
	struct page *page;
	entry_t entry;

	spin_lock(&object->rmap->lock);
	entry = pagemap_get(&object->pages, index);
	spin_unlock(&object->rmap->lock);
	if (entry_is_slot(entry))
		f->told.major |= must_read(entry & ~(uint32_t)ENTRY_SLOT);
	page = object_get_page(object, index);
	if (IS_ERR(page))
		return outcome_of(PTR_ERR(page));
	pin(f, page);
	return AGAIN;
}

static enum outcome copy_object_page(struct fault *f)
{
	enum outcome outcome = get_object_page(f);

	if (outcome == AGAIN)
		outcome = get_frame(f, 0);
	if (outcome != AGAIN)
		return outcome;
	copy_page(page_to_ptr(f->fresh), page_to_ptr(f->pinned));
	f->holds = FILE_COPY;
	return AGAIN;
}

/* Neighbours that a stream of faults has had read ahead come along; returns how many did. Family
 * locked. */
static unsigned install_around(const struct fault *f)
{
	struct vm_object *object = f->area->anon;
	unsigned installed = 0;
	struct window w;
	uint32_t first;

	make_window(f, &w);
	first = anon_index(f->area, w.start);
	pagemap_read(&object->pages, first, w.n, w.entries);
	for (uint32_t i = 0; i < w.n; i++) {
		uint32_t slot = w.entries[i] & ~(uint32_t)ENTRY_SLOT;
		struct page *page = entry_is_slot(w.entries[i]) ? swap_read_ahead(slot) : NULL;

		if (page && object_install_swapped(object, first + i, slot, page))
			installed++;
		else if (page)
			put_page(page);
	}
	return installed;
}

static enum outcome get_slot_page(struct fault *f)
{
	struct vm_area *area = f->area;
	struct page *page;

	f->told.swapped = true;
	page = swap_in(f->slot, &f->told.major);
	if (IS_ERR(page))
		return outcome_of(PTR_ERR(page));
	get_page(page); /* for the object, if it takes it */
	spin_lock(&area->family->lock);
	if (!object_install_swapped(area->anon, anon_index(area, f->addr), f->slot, page))
		put_page(page);
	f->alone = !swap_streams() || !install_around(f);
	spin_unlock(&area->family->lock);
	pin(f, page);
	return AGAIN;
}

static enum outcome resolve(struct fault *f, enum outcome lacked)
{
	switch (lacked) {
	case NEED_FRAME:
		return get_frame(f, 0);
	case NEED_ZEROS:
		return get_frame(f, GFP_ZERO);
	case NEED_COPY:
		return copy_object_page(f);
	case NEED_PAGE:
		return get_object_page(f);
	case NEED_SLOT:
		return get_slot_page(f);
	default:
		return lacked;
	}
}

/* ---- the fault ---- */

static enum outcome find_area(struct fault *f)
{
	struct vm_area *area = READ_ONCE(f->mm->last);
	bool ok;

	if (!area || f->addr < area->start || f->addr >= area->end) {
		area = area_find(f->mm, f->addr);
		if (!area)
			return NO_AREA;
		if (f->addr < area->start)
			return area->flags & VMA_GROWSDOWN ? NEED_STACK : NO_AREA;
		WRITE_ONCE(f->mm->last, area);
	}
	f->area = area;
	ok = f->write  ? area->prot & PROT_WRITE
	     : f->exec ? area->prot & PROT_EXEC
		       : area->prot & (PROT_READ | PROT_WRITE | PROT_EXEC);
	return likely(ok) ? DONE : NO_RIGHT;
}

static enum outcome fault_in_area(struct fault *f)
{
	struct vm_area *area = f->area;

	if (unlikely(area->flags & VMA_IO))
		return map_io(f);
	if (past_end(f))
		return BUS_ERROR;
	if (!area_is_shared(area))
		return f->write ? write_private(f) : read_private(f);
	return f->write ? write_shared(f) : read_object(f, NULL);
}

static enum outcome fault_once(struct fault *f)
{
	enum outcome outcome;

	down_read(&f->mm->lock);
	outcome = find_area(f);
	if (likely(outcome == DONE)) {
		outcome = fault_in_area(f);
		while (unlikely(outcome != DONE) && (outcome = resolve(f, outcome)) == AGAIN)
			outcome = fault_in_area(f);
	}
	up_read(&f->mm->lock);
	return outcome;
}

/* Room below a stack: down to its limit, and not into the guard gap of what lies below. */
static bool may_grow_to(struct mm *mm, struct vm_area *area, uint64_t start)
{
	const struct vm_area *below = area_prev(area);

	if (start < USER_MIN || area->end - start > mm->stack_limit)
		return false;
	if (!below || below->flags & VMA_GROWSDOWN || !below->prot)
		return !below || below->end <= start;
	return below->end + STACK_GUARD_GAP <= start;
}

static enum outcome grow_stack(struct fault *f)
{
	enum outcome outcome = NO_AREA;
	struct vm_area *area;

	down_write(&f->mm->lock);
	area = area_find(f->mm, f->addr);
	if (area && area->start <= f->addr)
		outcome = AGAIN;
	else if (area && area->flags & VMA_GROWSDOWN && may_grow_to(f->mm, area, f->addr))
		outcome = area_grow_apart(area, f->addr, area->end) ? AGAIN : KILLED;
	up_write(&f->mm->lock);
	return outcome;
}

/* Frees what the fault did not use. */
static void free_leftovers(struct fault *f)
{
	if (f->fresh)
		put_page(f->fresh);
	if (f->pinned)
		put_page(f->pinned);
	unshare_fini(&f->unshare);
}

/* Those that fail are nobody's, as in Linux. */
static void count_fault(struct fault *f)
{
	if (unlikely(f->told.major)) {
		count_vm_event(PGMAJFAULT);
		__atomic_fetch_add(&f->mm->maj_faults, 1, __ATOMIC_RELAXED);
	} else {
		__atomic_fetch_add(&f->mm->min_faults, 1, __ATOMIC_RELAXED);
	}
}

static inline bool has_leftovers(const struct fault *f)
{
	return (uintptr_t)f->fresh | (uintptr_t)f->pinned | (uintptr_t)f->unshare.object;
}

static int verdict(enum outcome outcome, struct fault_signal *sig)
{
	switch (outcome) {
	case KILLED:
		return -ENOMEM;
	case NO_AREA:
		*sig = FAULT_SIGNAL(SIGSEGV, SEGV_MAPERR, "nothing is mapped there");
		return -EFAULT;
	case NO_RIGHT:
		*sig = FAULT_SIGNAL(SIGSEGV, SEGV_ACCERR, "the mapping does not allow it");
		return -EFAULT;
	default:
		*sig = FAULT_SIGNAL(SIGBUS, BUS_ADRERR,
				    "past the end of its file, or it cannot be read back");
		return -EFAULT;
	}
}

/* True where a leaf was there, which is all that this kind of fault wants. */
static bool set_accessed(struct mm *mm, uint64_t addr)
{
	bool there;

	spin_lock(&mm->pt_lock);
	there = user_pt_set_young(mm, addr);
	mm->flag_faults.access_flag += there;
	spin_unlock(&mm->pt_lock);
	return there;
}

int mm_fault_slowly(struct mm *mm, uint64_t addr, unsigned access, struct fault_signal *sig)
{
	struct fault f; /* the rest is set before it is read */
	enum outcome outcome;

	f.mm = mm;
	f.addr = addr & PAGE_MASK;
	f.write = access & FAULT_WRITE;
	f.exec = access & FAULT_EXEC;
	f.alone = false;
	f.told = (struct fault_told){DID_NOTHING, false, false, false};
	f.holds = JUNK;
	f.fresh = f.pinned = NULL;
	f.unshare = (struct unshare){NULL, false};
	if (unlikely(access & FAULT_ACCESS_FLAG) && set_accessed(mm, f.addr)) {
		*sig = (struct fault_signal){.told.did = DID_ACCESSED};
		return 0;
	}
	do {
		/* With mm->lock given up meanwhile, another file may be there now. */
		if (f.holds == FILE_COPY)
			f.holds = JUNK;
		outcome = fault_once(&f);
		if (likely(outcome == DONE))
			break;
		if (outcome == NEED_STACK) {
			outcome = grow_stack(&f);
			f.told.grew = true;
		} else if (outcome == NEED_MEMORY) {
			outcome = wait_for_memory() ? KILLED : AGAIN;
		}
	} while (outcome == AGAIN);
	if (unlikely(has_leftovers(&f)))
		free_leftovers(&f);
	if (unlikely(outcome != DONE))
		return verdict(outcome, sig);
	count_fault(&f);
	sig->told = f.told;
	return 0;
}

/* ---- on behalf of the kernel ---- */

/* The frame behind a leaf that would not fault, with a reference; NULL: there is none. */
static struct page *mapped_page(struct mm *mm, uint64_t addr, bool write, bool *mapped)
{
	const prot_t wanted = write ? PT_WRITE | PT_DIRTY : 0;
	struct page *page = NULL;
	struct pt_leaf leaf;

	spin_lock(&mm->pt_lock);
	*mapped = user_pt_query(mm, addr, &leaf) == PTE_LEAF && (leaf.prot & wanted) == wanted;
	if (*mapped && pfn_valid(pa_to_pfn(leaf.pa)) && !(leaf.prot & PT_TYPE)) {
		page = pfn_to_page(pa_to_pfn(leaf.pa));
		get_page(page);
	}
	spin_unlock(&mm->pt_lock);
	return page;
}

struct page *mm_get_page(struct mm *mm, uint64_t addr, bool write)
{
	struct fault_signal sig;
	struct page *page;
	bool mapped;

	for (;;) {
		page = mapped_page(mm, addr & PAGE_MASK, write, &mapped);
		if (mapped)
			return page;
		if (addr >= USER_END || mm_fault(mm, addr, write ? FAULT_WRITE : 0, &sig))
			return NULL;
	}
}

int mm_populate(struct mm *mm, uint64_t addr, uint64_t len, bool write)
{
	uint64_t end = ALIGN_UP(addr + len, PAGE_SIZE);
	struct fault_signal sig;
	struct page *page;
	bool mapped;
	int err = 0;

	for (addr &= PAGE_MASK; addr < end && !err; addr += PAGE_SIZE) {
		page = mapped_page(mm, addr, write, &mapped);
		if (page)
			put_page(page);
		if (!mapped)
			err = mm_fault(mm, addr, write ? FAULT_WRITE : 0, &sig);
	}
	return err;
}
