// SPDX-License-Identifier: BSD-2-Clause
/*
 * mremap. What an area holds goes by index, not by address: moving one changes its place and
 * nothing else, and the leaves at the new place come by faults.
 */
#include "vm_internal.h"

struct remap {
	uint64_t old, old_len, new_len;
	int flags;
	uint64_t new_addr;
};

static int check_request(struct remap *r)
{
	uint64_t end;

	if (r->flags & ~(MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP) || r->old & ~PAGE_MASK)
		return -EINVAL;
	if (r->flags & (MREMAP_FIXED | MREMAP_DONTUNMAP) && !(r->flags & MREMAP_MAYMOVE))
		return -EINVAL;
	if (!r->new_len || !range_valid(r->old, r->old_len, &end) || r->new_len > USER_END)
		return -EINVAL;
	r->old_len = ALIGN_UP(r->old_len, PAGE_SIZE);
	r->new_len = ALIGN_UP(r->new_len, PAGE_SIZE);
	if (r->flags & MREMAP_DONTUNMAP && r->old_len != r->new_len)
		return -EINVAL;
	if (!(r->flags & MREMAP_FIXED))
		return 0;
	if (!range_valid(r->new_addr, r->new_len, &end) || r->new_addr < USER_MIN)
		return -EINVAL;
	return r->new_addr < r->old + r->old_len && r->old < end ? -EINVAL : 0;
}

/* The area that holds all of the old range. */
static struct vm_area *source(struct mm *mm, const struct remap *r, int *err)
{
	struct vm_area *area = area_find(mm, r->old);

	*err = -EFAULT;
	if (!area || area->start > r->old || r->old_len > area->end - r->old)
		return NULL;
	if (r->old_len == 0 && !area_is_shared(area)) {
		*err = -EINVAL;
		return NULL;
	}
	if (area->flags & VMA_IO && r->new_len > r->old_len)
		return NULL;
	*err = 0;
	return area;
}

/* Grows at the end, into free addresses. */
static bool grow_in_place(struct vm_area *area, uint64_t end)
{
	const struct vm_area *next = area_next(area);

	if (end > USER_END || (next && next->start < end))
		return false;
	return area_grow_apart(area, area->start, end);
}

static uint64_t choose_place(struct mm *mm, const struct remap *r)
{
	return r->flags & MREMAP_FIXED ? r->new_addr : find_place(mm, 0, r->new_len);
}

/* An area like another one, with what it shares and nothing private; in no tree yet. */
static struct vm_area *area_like(const struct vm_area *from, uint64_t start, uint64_t end)
{
	struct vm_area *area = area_copy(from->mm, from);

	if (!area)
		return NULL;
	area->start = start;
	area->end = end;
	area->flags &= (uint16_t)~VMA_COW;
	area->family = NULL;
	area->anon = NULL;
	area_choose_delta(area);
	return area;
}

/* Another mapping of the same shared memory: what old_len 0 asks for. */
static int64_t map_again(struct mm *mm, const struct remap *r)
{
	uint64_t start = choose_place(mm, r);
	struct vm_area *area, *from;
	int err;

	if (!start)
		return -ENOMEM;
	if (r->flags & MREMAP_FIXED && unmap_range(mm, start, start + r->new_len))
		return -ENOMEM;
	from = source(mm, r, &err); /* unless that was unmapped */
	if (!from)
		return err;
	area = area_like(from, start, start + r->new_len);
	if (!area)
		return -ENOMEM;
	area->pgoff += (r->old - from->start) >> PAGE_SHIFT;
	area_insert(area, area_find(mm, start));
	return (int64_t)start;
}

/* Cuts the old range out as an area of its own; or NULL. */
static struct vm_area *isolate(struct vm_area *area, uint64_t start, uint64_t end)
{
	if (area->end > end && !area_split(area, end))
		return NULL;
	return area->start < start ? area_split(area, start) : area;
}

/* Moves an area with nothing else in it; with MREMAP_DONTUNMAP an empty one like it stays. */
static int move_area(struct vm_area *area, uint64_t start, const struct remap *r)
{
	struct vm_area *stays = NULL;
	uint64_t old = area->start;

	if (r->flags & MREMAP_DONTUNMAP) {
		stays = area_like(area, area->start, area->end);
		if (!stays)
			return -ENOMEM;
	}
	if (mm_unmap_leaves(area->mm, area->start, area->end)) {
		if (stays)
			area_free(stays);
		return -ENOMEM;
	}
	area_move(area, start);
	if (stays)
		area_insert(stays, area_find(area->mm, old));
	else if (r->new_len > r->old_len && !grow_in_place(area, start + r->new_len)) {
		area_move(area, old);
		return -ENOMEM;
	}
	return 0;
}

static int64_t move(struct mm *mm, const struct remap *r)
{
	uint64_t kept = MIN(r->old_len, r->new_len), start = choose_place(mm, r);
	struct vm_area *area;
	int err = -ENOMEM;

	if (!start)
		return -ENOMEM;
	if (r->flags & MREMAP_FIXED && unmap_range(mm, start, start + r->new_len))
		return -ENOMEM;
	if (r->new_len < r->old_len && unmap_range(mm, r->old + r->new_len, r->old + r->old_len))
		return -ENOMEM;
	area = isolate(area_find(mm, r->old), r->old, r->old + kept);
	if (area)
		err = move_area(area, start, r);
	else
		area = area_find(mm, r->old);
	area_join_both(area);
	return err ? err : (int64_t)start;
}

static int64_t remap_locked(struct mm *mm, const struct remap *r)
{
	uint64_t old_end = r->old + r->old_len;
	int err;
	struct vm_area *area = source(mm, r, &err);

	if (!area)
		return err;
	if (!r->old_len)
		return r->flags & MREMAP_MAYMOVE ? map_again(mm, r) : -EINVAL;
	if (r->flags & (MREMAP_FIXED | MREMAP_DONTUNMAP))
		return move(mm, r);
	if (r->new_len <= r->old_len) {
		err = r->new_len < r->old_len ? unmap_range(mm, r->old + r->new_len, old_end) : 0;
		return err ? err : (int64_t)r->old;
	}
	if (area->end == old_end && grow_in_place(area, r->old + r->new_len)) {
		area_join_both(area);
		return (int64_t)r->old;
	}
	return r->flags & MREMAP_MAYMOVE ? move(mm, r) : -ENOMEM;
}

int64_t mm_remap(struct mm *mm, uint64_t old, uint64_t old_len, uint64_t new_len, int flags,
		 uint64_t new_addr)
{
	struct remap r = {old, old_len, new_len, flags, new_addr};
	struct vm_area *area;
	bool locked;
	int64_t ret = check_request(&r);

	if (ret)
		return ret;
	if (new_len > old_len && exceeds_memory(new_len - old_len))
		return -ENOMEM;
	down_write(&mm->lock);
	ret = remap_locked(mm, &r);
	area = ret > 0 ? area_find(mm, (uint64_t)ret) : NULL;
	locked = area && area->flags & VMA_LOCKED;
	up_write(&mm->lock);
	if (locked)
		populate_areas(mm, (uint64_t)ret, (uint64_t)ret + r.new_len);
	return ret;
}
