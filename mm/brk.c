// SPDX-License-Identifier: BSD-2-Clause
/* The heap that brk moves the end of. */
#include "vm_internal.h"

/* Maps [start, end) as heap; mm->lock held. The heap's own area grows if it can. */
static int grow_heap(struct mm *mm, uint64_t start, uint64_t end)
{
	struct vm_area *next = area_find(mm, start), *heap = NULL, *area;

	/* Linux leaves a page's distance to what lies above. */
	if (end > USER_END || exceeds_memory(end - start) ||
	    (next && next->start < end + PAGE_SIZE))
		return -ENOMEM;
	if (start > mm->brk_start)
		heap = area_find(mm, start - 1);
	if (heap && heap->end == start && heap->flags & VMA_HEAP &&
	    heap->prot == (PROT_READ | PROT_WRITE) && area_grow(heap, heap->start, end))
		return 0;
	area = area_alloc(mm);
	if (!area)
		return -ENOMEM;
	area->start = start;
	area->end = end;
	area->prot = PROT_READ | PROT_WRITE;
	area->max_prot = PROT_READ | PROT_WRITE | PROT_EXEC;
	area->flags = VMA_HEAP;
	area_choose_delta(area);
	area_insert(area, next);
	return 0;
}

int64_t mm_brk(struct mm *mm, uint64_t brk)
{
	uint64_t old_end, new_end;
	int err = 0;

	down_write(&mm->lock);
	if (brk >= mm->brk_start && brk <= USER_END) {
		old_end = ALIGN_UP(mm->brk, PAGE_SIZE);
		new_end = ALIGN_UP(brk, PAGE_SIZE);
		if (new_end > old_end)
			err = grow_heap(mm, old_end, new_end);
		else if (new_end < old_end)
			err = unmap_range(mm, new_end, old_end);
		if (!err)
			mm->brk = brk;
	}
	brk = mm->brk;
	up_write(&mm->lock);
	return (int64_t)brk;
}
