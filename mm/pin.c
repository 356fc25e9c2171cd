// SPDX-License-Identifier: BSD-2-Clause
/*
 * User memory for a device to work on: its frames stay where they are, and are the program's, until
 * the device is done.
 *
 * References keep the frames from reclaim. mm->lock, held for reading, keeps fork away: after it a
 * write would give the program a copy, and the device would go on in a page that is the child's.
 * A page to be written is mapped dirty when its reference is taken, so reclaim finds it dirty or
 * finds the reference (idle_anon()): what the device writes is not lost either.
 */
#include "vm_internal.h"

/* The page behind a leaf that would not fault; NULL: there is none, or it is a device's. */
static struct page *page_behind(const struct mm *mm, uint64_t addr, prot_t wanted)
{
	struct pt_leaf leaf;

	if (user_pt_query(mm, addr, &leaf) != PTE_LEAF || (leaf.prot & wanted) != wanted ||
	    leaf.prot & PT_TYPE || !pfn_valid(pa_to_pfn(leaf.pa)))
		return NULL;
	return pfn_to_page(pa_to_pfn(leaf.pa));
}

/* Those that are mapped, up to the first that is not. */
static unsigned take_mapped(struct mm *mm, uint64_t addr, unsigned n, bool write,
			    struct page *pages[])
{
	const prot_t wanted = write ? PT_WRITE | PT_DIRTY : 0;
	struct page *page;
	unsigned i;

	spin_lock(&mm->pt_lock);
	for (i = 0; i < n; i++) {
		page = page_behind(mm, addr + i * PAGE_SIZE, wanted);
		if (!page)
			break;
		get_page(page);
		pages[i] = page;
	}
	spin_unlock(&mm->pt_lock);
	return i;
}

unsigned mm_pin_pages(struct mm *mm, uint64_t addr, unsigned n, bool write, struct page *pages[])
{
	bool populated = false;
	unsigned taken;
	int err = 0;

	if (addr >= USER_END || n > (USER_END - addr) >> PAGE_SHIFT)
		return 0;
	for (;;) {
		down_read(&mm->lock);
		taken = take_mapped(mm, addr, n, write, pages);
		if (taken == n || (taken && populated))
			return taken;
		mm_unpin_pages(mm, pages, taken);
		if (err)
			return 0;
		err = mm_populate(mm, addr, n * PAGE_SIZE, write);
		populated = true;
	}
}

void mm_unpin_pages(struct mm *mm, struct page *pages[], unsigned n)
{
	put_pages(pages, n);
	up_read(&mm->lock);
}
