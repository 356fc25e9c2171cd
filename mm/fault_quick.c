// SPDX-License-Identifier: BSD-2-Clause
/*
 * The commonest faults by the shortest way: anonymous memory that nothing has been in yet, written
 * or read, and writes after a fork. Whatever is not just so, or fails, goes the long way
 * (mm/fault.c), which knows all cases, and would have done the same here.
 */
#include "vm_internal.h"
#include <twofold/swap.h>

#define PROT_FRESH (PT_USER | PT_WRITE | PT_YOUNG | PT_DIRTY)
#define FLAGS_FRESH ((uint32_t)(BIT(PG_UPTODATE) | BIT(PG_SWAPBACKED) | BIT(PG_DIRTY)))

/* Private, writable, of no file, its object its own: nothing to ask but what is there. */
static inline bool is_plain(const struct vm_area *area)
{
	const unsigned odd = VMA_SHARED | VMA_IO | VMA_COW;

	return !area->object && !(area->flags & odd) &&
	       (area->prot & (PROT_WRITE | PROT_EXEC)) == PROT_WRITE;
}

/* False, and nobody has the page: something is there already, or there is no memory. */
static inline bool add_page(struct vm_area *area, uint64_t addr, struct page *page)
{
	struct vm_object *object = area->anon;
	uint32_t index = anon_index(area, addr);
	entry_t entry = page_to_pfn(page);

	if (unlikely(pagemap_add(&object->pages, index, &entry)))
		return false;
	object->nr_pages++;
	object_own_page(object, index, page);
	lru_add_fresh(page, FLAGS_FRESH);
	return true;
}

static inline bool map_written(struct mm *mm, uint64_t addr, struct page *page)
{
	bool mapped;

	spin_lock(&mm->pt_lock);
	mapped = !user_pt_map(mm, addr, page_to_pa(page), PAGE_SIZE, PROT_FRESH);
	spin_unlock(&mm->pt_lock);
	return mapped;
}

/* Where only the leaf fails for want of a table, the long way finds the page there. */
static inline bool write_first(struct vm_area *area, uint64_t addr)
{
	struct rmap *family = __atomic_load_n(&area->family, __ATOMIC_ACQUIRE);
	struct page *page = family ? alloc_page(GFP_USER | GFP_ZERO) : NULL;
	bool added, mapped = false;

	if (unlikely(!page))
		return false;
	spin_lock(&family->lock);
	added = add_page(area, addr, page);
	if (likely(added))
		mapped = map_written(area->mm, addr, page);
	spin_unlock(&family->lock);
	if (unlikely(!added))
		put_page(page);
	return mapped;
}

/* Mapped first: then nobody can reach the old page by our tables, and it may go. */
static bool copy_at(struct vm_area *area, uint64_t addr, entry_t *slot, struct page *fresh,
		    enum others others)
{
	struct page *page = pfn_to_page(*slot);

	copy_page(page_to_ptr(fresh), page_to_ptr(page));
	if (!map_written(area->mm, addr, fresh))
		return false;
	*slot = page_to_pfn(fresh);
	area->anon->nr_pages++;
	object_own_page(area->anon, page->index, fresh);
	lru_add_fresh(fresh, FLAGS_FRESH);
	object_let_go_as(area->anon, page, others);
	count_vm_event(COW_COPY);
	return true;
}

static bool reuse_at(struct vm_area *area, uint64_t addr, struct page *page)
{
	struct mm *mm = area->mm;

	spin_lock(&mm->pt_lock);
	fault_count_dirty(mm, addr);
	spin_unlock(&mm->pt_lock);
	page_written(page);
	count_vm_event(COW_REUSE);
	return map_written(mm, addr, page);
}

/* A page that others may have too. Which it will be is mostly what it was last time. */
static enum fault_did write_after_fork(struct vm_area *area, uint64_t addr)
{
	struct rmap *family = __atomic_load_n(&area->family, __ATOMIC_ACQUIRE);
	struct page *fresh = family && area->copies ? alloc_page(GFP_USER) : NULL;
	enum fault_did did = DID_NOTHING;
	enum others others;
	entry_t *slot;

	if (!family)
		return DID_NOTHING;
	spin_lock(&family->lock);
	slot = pagemap_slot(&area->anon->pages, anon_index(area, addr));
	if (slot && entry_is_frame(*slot)) {
		others = page_others(area->anon, pfn_to_page(*slot));
		area->copies = others != NOBODY;
		if (others == NOBODY && reuse_at(area, addr, pfn_to_page(*slot)))
			did = DID_COW_REUSE;
		if (others != NOBODY && fresh && copy_at(area, addr, slot, fresh, others))
			did = DID_COW_COPY;
	}
	spin_unlock(&family->lock);
	if (fresh && did != DID_COW_COPY)
		put_page(fresh);
	return did;
}

/* A read of what was never written: the page of zeros. */
static inline bool read_first(struct vm_area *area, uint64_t addr)
{
	struct mm *mm = area->mm;
	bool mapped = false;

	if (area->family)
		return false;
	spin_lock(&mm->pt_lock);
	if (likely(!area->family))
		mapped = !user_pt_map(mm, addr, page_to_pa(zero_page), PAGE_SIZE,
				      PT_USER | PT_YOUNG);
	spin_unlock(&mm->pt_lock);
	if (mapped)
		count_vm_event(ZERO_PAGE_MAP);
	return mapped;
}

static inline enum fault_did fault_in_plain(struct vm_area *area, uint64_t addr, bool write)
{
	if (!write)
		return read_first(area, addr) ? DID_ZERO_PAGE : DID_NOTHING;
	if (unlikely(area->flags & VMA_FORKED))
		return write_after_fork(area, addr);
	return write_first(area, addr) ? DID_FRESH_PAGE : DID_NOTHING;
}

int mm_fault(struct mm *mm, uint64_t addr, unsigned access, struct fault_signal *sig)
{
	enum fault_did did = DID_NOTHING;
	struct vm_area *area;

	count_vm_event(PGFAULT);
	if (unlikely(access & ~FAULT_WRITE))
		return mm_fault_slowly(mm, addr, access, sig);
	down_read(&mm->lock);
	area = READ_ONCE(mm->last);
	if (likely(area && addr >= area->start && addr < area->end && is_plain(area)))
		did = fault_in_plain(area, addr & PAGE_MASK, access);
	up_read(&mm->lock);
	if (unlikely(did == DID_NOTHING))
		return mm_fault_slowly(mm, addr, access, sig);
	__atomic_fetch_add(&mm->min_faults, 1, __ATOMIC_RELAXED);
	sig->told = (struct fault_told){.did = (uint8_t)did};
	return 0;
}
