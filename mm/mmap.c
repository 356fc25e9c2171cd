// SPDX-License-Identifier: BSD-2-Clause
/* mmap, munmap, and frames mapped for a user at once. */
#include "vm_internal.h"
#include <linux/fcntl.h>
#include <twofold/fs.h>
#include <twofold/swap.h>

static bool is_free(struct mm *mm, uint64_t start, uint64_t end)
{
	const struct vm_area *area = area_find(mm, start);

	return !area || area->start >= end;
}

uint64_t find_place(struct mm *mm, uint64_t hint, uint64_t len)
{
	uint64_t end, found;

	hint = ALIGN_UP(hint, PAGE_SIZE);
	if (hint >= USER_MIN && range_valid(hint, len, &end) && is_free(mm, hint, end))
		return hint;
	found = area_find_gap(mm, len, USER_MIN, mm->mmap_base);
	return found ? found : area_find_gap(mm, len, mm->mmap_base, USER_END);
}

/* ---- munmap ---- */

int mm_unmap_leaves(struct mm *mm, uint64_t start, uint64_t end)
{
	int err;

	do {
		spin_lock(&mm->pt_lock);
		err = user_pt_unmap(mm, start, end - start);
		spin_unlock(&mm->pt_lock);
	} while (err && !(err = wait_for_memory()));
	return err;
}

/* Lets go of an area's part in [start, end), whose leaves are gone; it is not in the middle. */
static void unmap_area(struct vm_area *area, uint64_t start, uint64_t end)
{
	if (area->start < start) {
		area_trim(area, area->start, start);
	} else if (area->end > end) {
		area_trim(area, end, area->end);
	} else {
		area_remove(area);
	}
}

int unmap_range(struct mm *mm, uint64_t start, uint64_t end)
{
	struct vm_area *area = area_find(mm, start), *next;

	if (!area || area->start >= end)
		return 0;
	if (area->start < start && area->end > end && !area_split(area, end))
		return -ENOMEM;
	if (mm_unmap_leaves(mm, start, end)) {
		next = area_next(area);
		if (next)
			area_join(area, next);
		return -ENOMEM;
	}
	for (; area && area->start < end; area = next) {
		next = area_next(area);
		unmap_area(area, start, end);
	}
	return 0;
}

int mm_unmap(struct mm *mm, uint64_t addr, uint64_t len)
{
	uint64_t end;
	int err;

	if (!len || !range_valid(addr, len, &end))
		return -EINVAL;
	down_write(&mm->lock);
	err = unmap_range(mm, addr, end);
	up_write(&mm->lock);
	return err;
}

/* ---- mmap ---- */

bool exceeds_memory(uint64_t len)
{
	uint64_t pages = len >> PAGE_SHIFT, frames = frames_managed();

	return pages > frames && pages > frames + swap_total_pages();
}

static bool too_much(const struct map_request *req)
{
	bool counts = req->prot & PROT_WRITE && !(req->file && req->flags & MAP_SHARED);

	return counts && !(req->flags & MAP_NORESERVE) && exceeds_memory(req->len);
}

static bool is_shared(const struct map_request *req)
{
	return (req->flags & MAP_TYPE) != MAP_PRIVATE;
}

/* What mprotect may give later; -EACCES where the file was not opened for what is asked. */
static int rights_of_file(const struct map_request *req, uint8_t *max_prot)
{
	unsigned mode = req->file->flags & O_ACCMODE;

	*max_prot = PROT_READ | PROT_WRITE | PROT_EXEC;
	if (mode == O_WRONLY)
		return -EACCES;
	if (is_shared(req) && mode != O_RDWR)
		*max_prot &= (uint8_t)~PROT_WRITE;
	return req->prot & PROT_WRITE && !(*max_prot & PROT_WRITE) ? -EACCES : 0;
}

static int check_type(const struct map_request *req)
{
	switch (req->flags & MAP_TYPE) {
	case MAP_PRIVATE:
	case MAP_SHARED:
		return 0;
	case MAP_SHARED_VALIDATE:
		return req->file ? 0 : -EINVAL;
	default:
		return -EINVAL;
	}
}

static int check_request(struct map_request *req)
{
	uint64_t pages, end;

	req->prot &= PROT_READ | PROT_WRITE | PROT_EXEC;
	if (check_type(req) || !req->len)
		return -EINVAL;
	if (req->len > USER_END || ALIGN_UP(req->len, PAGE_SIZE) > VM_AREA_MAX)
		return -ENOMEM;
	req->len = ALIGN_UP(req->len, PAGE_SIZE);
	pages = req->len >> PAGE_SHIFT;
	if (req->file && (req->pgoff + pages < pages || req->pgoff + pages > BIT(32)))
		return -EOVERFLOW;
	if (req->flags & MAP_FIXED_NOREPLACE)
		req->flags |= MAP_FIXED;
	if (!(req->flags & MAP_FIXED))
		return 0;
	if (req->addr & ~PAGE_MASK)
		return -EINVAL;
	if (!range_valid(req->addr, req->len, &end))
		return -ENOMEM;
	return req->addr < USER_MIN ? -EPERM : 0;
}

static unsigned area_flags(const struct map_request *req)
{
	return req->vma_flags | (is_shared(req) ? VMA_SHARED : 0) |
	       (req->flags & MAP_GROWSDOWN ? VMA_GROWSDOWN : 0) |
	       (req->flags & MAP_NORESERVE ? VMA_NORESERVE : 0) |
	       (req->flags & MAP_LOCKED ? VMA_LOCKED : 0);
}

/* Describes the area wanted; it holds no references yet. */
static int describe(struct vm_area *area, const struct map_request *req, uint64_t start)
{
	uint8_t max_prot = PROT_READ | PROT_WRITE | PROT_EXEC;
	int err = req->file ? rights_of_file(req, &max_prot) : 0;

	if (err)
		return err;
	area->start = start;
	area->end = start + req->len;
	area->prot = (uint8_t)req->prot;
	area->max_prot = max_prot;
	area->flags = (uint16_t)area_flags(req);
	area->file = req->file;
	area->pgoff = req->file ? req->pgoff : 0;
	if (req->file) {
		area->object = req->file->inode ? req->file->inode->object : NULL;
		if (!area->object)
			return -ENODEV;
	}
	area_choose_delta(area);
	return 0;
}

/* Extends a neighbour over the range, and joins both where it closed the gap between them. */
static bool extend_neighbour(struct mm *mm, const struct vm_area *wanted, struct vm_area *next)
{
	struct vm_area *prev = area_before(mm, next);

	if (prev && prev->end == wanted->start && area_agrees(prev, wanted) &&
	    area_grow(prev, prev->start, wanted->end)) {
		if (next)
			area_join(prev, next);
		return true;
	}
	return next && next->start == wanted->end && area_agrees(wanted, next) &&
	       area_grow(next, wanted->start, next->end);
}

/* A new area as described, with references of its own, before `next`. */
static int add_area(struct mm *mm, const struct vm_area *wanted, struct vm_area *next)
{
	struct vm_area *area = area_copy(mm, wanted);

	if (!area)
		return -ENOMEM;
	if (area_is_shared(wanted) && !wanted->file && !(wanted->flags & VMA_IO)) {
		area->object = object_create(NULL, NULL);
		if (!area->object) {
			area_free(area);
			return -ENOMEM;
		}
	}
	area_insert(area, next);
	return 0;
}

static int64_t map_locked(struct mm *mm, const struct map_request *req)
{
	struct vm_area wanted = {.mm = mm}, *next;
	uint64_t start = req->addr;
	bool mergeable = req->file || !is_shared(req);
	int err;

	if (!(req->flags & MAP_FIXED))
		start = find_place(mm, req->addr, req->len);
	else if (req->flags & MAP_FIXED_NOREPLACE && !is_free(mm, start, start + req->len))
		return -EEXIST;
	if (!start)
		return -ENOMEM;
	err = describe(&wanted, req, start);
	if (!err && req->flags & MAP_FIXED)
		err = unmap_range(mm, start, start + req->len);
	if (err)
		return err;
	next = area_find(mm, start);
	if (!mergeable || !extend_neighbour(mm, &wanted, next))
		err = add_area(mm, &wanted, next);
	return err ? err : (int64_t)start;
}

/* Asks the file; 1: it has mapped itself, at req->addr. */
static int ask_file(struct map_request *req)
{
	const struct file_ops *ops = req->file->ops;

	return ops && ops->mmap ? ops->mmap(req->file, req) : 0;
}

int64_t mm_map(struct mm *mm, const struct map_request *request)
{
	struct map_request req = *request;
	int64_t ret = check_request(&req);

	if (!ret && too_much(&req))
		ret = -ENOMEM;
	if (!ret && req.file)
		ret = ask_file(&req);
	if (ret)
		return ret > 0 ? (int64_t)req.addr : ret;
	down_write(&mm->lock);
	ret = map_locked(mm, &req);
	up_write(&mm->lock);
	/* Linux too lets the mapping be where filling it failed. */
	if (ret > 0 &&
	    (req.flags & MAP_LOCKED || (req.flags & MAP_POPULATE && !(req.flags & MAP_NONBLOCK))))
		populate_areas(mm, (uint64_t)ret, (uint64_t)ret + req.len);
	return ret;
}

/* ---- frames mapped at once ---- */

/* All leaves of an area that names frames. */
static int map_frames(const struct vm_area *area, prot_t prot)
{
	struct mm *mm = area->mm;
	int err;

	do {
		spin_lock(&mm->pt_lock);
		err = user_pt_map(mm, area->start, pfn_to_pa((pfn_t)area->pgoff),
				  area->end - area->start, prot);
		spin_unlock(&mm->pt_lock);
	} while (err == -ENOMEM && !(err = wait_for_memory()));
	return err;
}

int64_t remap_pfn_range(struct mm *mm, uint64_t addr, pfn_t pfn, uint64_t len, prot_t prot)
{
	struct vm_area wanted = {.mm = mm, .flags = VMA_IO | VMA_SHARED, .pgoff = pfn};
	uint64_t end;
	int err;

	if (!len || !range_valid(addr, len, &end))
		return -EINVAL;
	wanted.prot =
		PROT_READ | (prot & PT_WRITE ? PROT_WRITE : 0) | (prot & PT_EXEC ? PROT_EXEC : 0);
	wanted.max_prot = wanted.prot;
	wanted.anon_delta = prot & PT_TYPE; /* for when its leaves are forgotten: see fault.c */
	down_write(&mm->lock);
	wanted.start = find_place(mm, addr, end - addr);
	wanted.end = wanted.start + (end - addr);
	err = wanted.start ? add_area(mm, &wanted, area_find(mm, wanted.start)) : -ENOMEM;
	if (!err)
		err = map_frames(&wanted,
				 area_prot(&wanted) | (prot & PT_TYPE) | PT_YOUNG | PT_DIRTY);
	if (err && wanted.start)
		unmap_range(mm, wanted.start, wanted.end);
	up_write(&mm->lock);
	return err ? err : (int64_t)wanted.start;
}
