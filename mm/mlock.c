// SPDX-License-Identifier: BSD-2-Clause
/* mlock, msync, mincore: what a program may ask about, or of, the pages behind a range. */
#include "vm_internal.h"
#include <arch/uaccess.h>

int populate_areas(struct mm *mm, uint64_t start, uint64_t end)
{
	int err = 0;

	while (start < end && !err) {
		const struct vm_area *area;
		uint64_t until = end;
		bool write = false;

		down_read(&mm->lock);
		area = area_find(mm, start);
		if (area && area->start < end) {
			start = MAX(start, area->start);
			until = MIN(end, area->end);
			write = area->prot & PROT_WRITE && !area_is_shared(area);
		} else {
			start = end;
		}
		up_read(&mm->lock);
		err = mm_populate(mm, start, until - start, write);
		start = until;
	}
	return err;
}

int mm_lock_range(struct mm *mm, uint64_t addr, uint64_t len, bool lock)
{
	struct area_change change = {KEEP_PROT, lock ? VMA_LOCKED : 0, lock ? 0 : VMA_LOCKED};
	uint64_t end, start = ALIGN_DOWN(addr, PAGE_SIZE);
	int err;

	if (len > USER_END || !range_valid(start, len + (addr - start), &end))
		return -EINVAL;
	if (start == end)
		return 0;
	down_write(&mm->lock);
	err = area_change_range(mm, start, end, &change);
	up_write(&mm->lock);
	if (err || !lock)
		return err;
	err = populate_areas(mm, start, end);
	return err == -EFAULT ? -ENOMEM : err;
}

/* Nothing that is mapped here has a place to be written back to: what is left are the errors. */
int mm_msync(struct mm *mm, uint64_t addr, uint64_t len, int flags)
{
	struct vm_area *area;
	uint64_t end;
	int err = 0;

	if (flags & ~(MS_ASYNC | MS_INVALIDATE | MS_SYNC) || addr & ~PAGE_MASK ||
	    (flags & MS_ASYNC && flags & MS_SYNC))
		return -EINVAL;
	if (!range_valid(addr, len, &end))
		return -ENOMEM;
	down_read(&mm->lock);
	while (addr < end && !err) {
		area = area_find(mm, addr);
		if (!area || area->start > addr)
			err = -ENOMEM;
		else if (flags & MS_INVALIDATE && area->flags & VMA_LOCKED)
			err = -EBUSY;
		else
			addr = area->end;
	}
	up_read(&mm->lock);
	return err;
}

/* In memory: a fault would not have to read it from anywhere. */
static bool is_resident(const struct vm_area *area, uint64_t va)
{
	return entry_is_frame(area_entry(area, va));
}

/* A byte for each page of [addr, addr + n pages). -ENOMEM where nothing is mapped. */
static int fill_residency(struct mm *mm, uint64_t addr, uint8_t *bytes, unsigned n)
{
	for (unsigned i = 0; i < n; i++, addr += PAGE_SIZE) {
		struct vm_area *area = area_find(mm, addr);

		if (!area || area->start > addr)
			return -ENOMEM;
		bytes[i] = is_resident(area, addr);
	}
	return 0;
}

int mm_mincore(struct mm *mm, uint64_t addr, uint64_t len, uptr_t vec)
{
	uint64_t end;
	uint8_t bytes[256];
	int err = 0;

	if (addr & ~PAGE_MASK)
		return -EINVAL;
	if (!range_valid(addr, len, &end))
		return -ENOMEM;
	while (addr < end && !err) {
		unsigned n = (unsigned)MIN((end - addr) >> PAGE_SHIFT, sizeof(bytes));

		down_read(&mm->lock);
		err = fill_residency(mm, addr, bytes, n);
		up_read(&mm->lock);
		if (!err)
			err = copy_to_user(vec, bytes, n);
		addr += n * PAGE_SIZE;
		vec = uptr_add(vec, n);
	}
	return err;
}
