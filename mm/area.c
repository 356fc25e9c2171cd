// SPDX-License-Identifier: BSD-2-Clause
/*
 * Areas: the tree of an address space, and cutting, growing and joining areas.
 *
 * Each node knows the free bytes below its area and the most below any area of its subtree, so
 * that a free range is found, and an area changed, in logarithmic time. Below a stack its guard
 * gap does not count as free.
 *
 * An area may take over an index range of an anonymous object only where no other area covers it:
 * an entry lives as long as an area covers it, so then there are none there.
 */
#include "vm_internal.h"
#include <twofold/fs.h>
#include <twofold/slab.h>

static struct kmem_cache *area_cache;

void area_setup(void)
{
	area_cache = kmem_cache_create("vm_area", sizeof(struct vm_area), 8, SLAB_PANIC, NULL);
}

struct vm_area *area_alloc(struct mm *mm)
{
	struct vm_area *area;

	if (mm->nr_areas >= MAX_AREAS)
		return NULL;
	area = kmem_cache_alloc(area_cache, GFP_KERNEL | GFP_ZERO);
	if (area)
		area->mm = mm;
	return area;
}

void area_free(struct vm_area *area)
{
	if (area->file)
		file_put(area->file);
	kmem_cache_free(area_cache, area);
}

struct vm_area *area_copy(struct mm *mm, const struct vm_area *from)
{
	struct vm_area *area;

	if (mm->nr_areas >= MAX_AREAS)
		return NULL;
	area = kmem_cache_alloc(area_cache, GFP_KERNEL);
	if (!area)
		return NULL;
	*area = *from;
	area->mm = mm;
	if (area->file)
		file_get(area->file);
	return area;
}

/* ---- the tree, and the list that goes with it ---- */

static inline uint64_t max_gap_of(const struct vm_area *a)
{
	const struct vm_area *left = RB_LEFT(a, node), *right = RB_RIGHT(a, node);
	uint64_t max = a->gap;

	if (left && left->max_gap > max)
		max = left->max_gap;
	if (right && right->max_gap > max)
		max = right->max_gap;
	return max;
}

#undef RB_AUGMENT
#define RB_AUGMENT(x) ((x)->max_gap = max_gap_of(x))

static int compare(const struct vm_area *a, const struct vm_area *b)
{
	return a->start < b->start ? -1 : a->start > b->start;
}

RB_GENERATE_INTERNAL(vm_area_tree, vm_area, node, compare, static __attribute__((unused)))

/*
 * One gap changes in a tree that is right. An area enters and leaves the tree without a gap, so
 * that inserting and removing, whose rotations keep what they turn, leave it right. Of two that
 * change, the one that grows goes first: then the way to the root is gone once.
 */
static void change_gap(struct vm_area *a, uint64_t gap)
{
	uint64_t max;

	a->gap = gap;
	for (; a && (max = max_gap_of(a)) != a->max_gap; a = RB_PARENT(a, node))
		a->max_gap = max;
}

struct vm_area *area_find(struct mm *mm, uint64_t addr)
{
	struct vm_area *a = RB_ROOT(&mm->areas), *found = NULL;

	while (a) {
		if (a->end > addr) {
			found = a;
			if (a->start <= addr)
				break;
			a = RB_LEFT(a, node);
		} else {
			a = RB_RIGHT(a, node);
		}
	}
	return found;
}

/* What mmap may not use any more begins here. */
static inline uint64_t area_low(const struct vm_area *area)
{
	return area->flags & VMA_GROWSDOWN ? area->start - MIN(area->start, STACK_GUARD_GAP)
					   : area->start;
}

/* Brings an area's gap up to date, after it or the one below, which may be NULL, has changed. */
static void set_gap(struct vm_area *area, const struct vm_area *below)
{
	uint64_t floor = below ? below->end : 0, low = area_low(area);

	change_gap(area, low > floor ? low - floor : 0);
}

/* No search: of two neighbours in a binary tree one has no child on the side of the other. */
static void link_between(struct vm_area_tree *tree, struct vm_area *prev, struct vm_area *area,
			 struct vm_area *next)
{
	bool below_prev = prev && !RB_RIGHT(prev, node);
	struct vm_area *parent = below_prev ? prev : next;

	RB_SET(area, parent, node);
	if (!parent)
		RB_ROOT(tree) = area;
	else if (below_prev)
		RB_RIGHT(prev, node) = area;
	else
		RB_LEFT(next, node) = area;
	vm_area_tree_RB_INSERT_COLOR(tree, area);
}

static void tree_insert(struct vm_area *area, struct vm_area *next)
{
	struct mm *mm = area->mm;
	struct vm_area *prev = area_before(mm, next);

	CHECK((!prev || prev->end <= area->start) && (!next || area->end <= next->start));
	area->gap = area->max_gap = 0;
	link_between(&mm->areas, prev, area, next);
	if (next)
		TAILQ_INSERT_BEFORE(next, area, in_order);
	else
		TAILQ_INSERT_TAIL(&mm->area_list, area, in_order);
	set_gap(area, prev);
	if (next)
		set_gap(next, area);
	mm->nr_areas++;
	mm->total_vm += area_pages(area);
}

static void tree_remove(struct vm_area *area)
{
	struct mm *mm = area->mm;
	struct vm_area *prev = area_prev(area), *next = area_next(area);

	if (next)
		set_gap(next, prev);
	change_gap(area, 0);
	RB_REMOVE(vm_area_tree, &mm->areas, area);
	TAILQ_REMOVE(&mm->area_list, area, in_order);
	if (mm->last == area)
		mm->last = NULL;
	mm->nr_areas--;
	mm->total_vm -= area_pages(area);
}

/* Of a subtree that has a gap of `len` somewhere. */
static uint64_t gap_in(const struct vm_area *a, uint64_t len, uint64_t low, uint64_t high)
{
	uint64_t found, from, to;

	/* All above `a` has been looked at, or starts at `high` or later. */
	for (; a && a->max_gap >= len; a = RB_LEFT(a, node)) {
		const struct vm_area *right = RB_RIGHT(a, node);

		if (right && right->max_gap >= len && a->end < high) {
			found = gap_in(right, len, low, high);
			if (found)
				return found;
		}
		if (a->gap < len)
			continue;
		to = MIN(area_low(a), high);
		from = MAX(area_low(a) - a->gap, low);
		if (to > from && to - from >= len)
			return to - len;
		if (area_low(a) <= low)
			break;
	}
	return 0;
}

uint64_t area_find_gap(struct mm *mm, uint64_t len, uint64_t low, uint64_t high)
{
	struct vm_area *last = area_before(mm, NULL);
	uint64_t from = last ? MAX(last->end, low) : low;

	if (high > from && high - from >= len)
		return high - len;
	return gap_in(RB_ROOT(&mm->areas), len, low, high);
}

/* ---- areas and their objects ---- */

/* Both families' locks, where there are any: rmap walks see an area whole. */
static void lock_objects(struct vm_area *area)
{
	if (area->family)
		spin_lock(&area->family->lock);
	if (area->object)
		spin_lock(&area->object->rmap->lock);
}

static void unlock_objects(struct vm_area *area)
{
	if (area->object)
		spin_unlock(&area->object->rmap->lock);
	if (area->family)
		spin_unlock(&area->family->lock);
}

static void attach(struct vm_area *area)
{
	if (area->anon)
		area_attach_anon(area);
	if (area->object)
		area_attach_object(area);
}

static void detach(struct vm_area *area)
{
	if (area->anon)
		span_remove(&area->anon->areas, &area->anon_span);
	if (area->object)
		span_remove(&area->object->areas, &area->object_span);
}

void area_insert(struct vm_area *area, struct vm_area *next)
{
	tree_insert(area, next);
	lock_objects(area);
	attach(area);
	unlock_objects(area);
}

static void let_go_of(struct vm_object *object, struct span *span, struct rmap *family)
{
	spin_lock(&family->lock);
	span_remove(&object->areas, span);
	object_drop_uncovered(object, span->first, span->last);
	object_unlock_reap(object, family);
}

void area_detach_anon(struct vm_area *area)
{
	if (area->anon)
		let_go_of(area->anon, &area->anon_span, area->family);
	area->anon = NULL;
	area->family = NULL;
}

/* Off its objects, and freed; in no tree any more. */
static void area_destroy(struct vm_area *area)
{
	area_detach_anon(area);
	if (area->object)
		let_go_of(area->object, &area->object_span, area->object->rmap);
	area_free(area);
}

void area_remove(struct vm_area *area)
{
	tree_remove(area);
	area_destroy(area);
}

void areas_destroy(struct mm *mm)
{
	struct vm_area *area, *next;

	for (area = area_first(mm); area; area = next) {
		next = area_next(area);
		area_destroy(area);
	}
}

/* Sets the bounds, for the tree; the objects' trees do not know yet. */
static void set_bounds(struct vm_area *area, uint64_t start, uint64_t end)
{
	bool moves_start = start != area->start, moves_end = end != area->end;
	struct vm_area *next = moves_end ? area_next(area) : NULL;

	area->mm->total_vm += ((end - start) >> PAGE_SHIFT) - area_pages(area);
	if (area->object || area->flags & VMA_IO)
		area->pgoff += (start >> PAGE_SHIFT) - (area->start >> PAGE_SHIFT);
	area->start = start;
	area->end = end;
	if (moves_start)
		set_gap(area, area_prev(area));
	if (next)
		set_gap(next, area);
}

static void drop_rest(struct vm_object *object, const struct span *old, const struct span *now)
{
	if (old->first < now->first)
		object_drop_uncovered(object, old->first, now->first - 1);
	if (old->last > now->last)
		object_drop_uncovered(object, now->last + 1, old->last);
}

/* Its end has changed: it keeps its place in its objects' trees. */
static void follow_end(struct vm_area *area)
{
	if (area->anon)
		span_set_last(&area->anon_span, anon_index(area, area->end - 1));
	if (area->object)
		span_set_last(&area->object_span, object_index(area, area->end - 1));
}

/* Sets the bounds of an area that is attached; objects locked. */
static void move_bounds(struct vm_area *area, uint64_t start, uint64_t end)
{
	if (start == area->start) {
		set_bounds(area, start, end);
		follow_end(area);
		return;
	}
	detach(area);
	set_bounds(area, start, end);
	attach(area);
}

void area_trim(struct vm_area *area, uint64_t start, uint64_t end)
{
	struct span anon = area->anon_span, object = area->object_span;

	lock_objects(area);
	move_bounds(area, start, end);
	if (area->anon)
		drop_rest(area->anon, &anon, &area->anon_span);
	if (area->object)
		drop_rest(area->object, &object, &area->object_span);
	unlock_objects(area);
}

/* ---- indices ---- */

/* Whether [start, end) has ascending indices under this delta. */
static bool delta_fits(uint32_t delta, uint64_t start, uint64_t end)
{
	uint32_t first = (uint32_t)(start >> PAGE_SHIFT) + delta;
	uint64_t pages = (end - start) >> PAGE_SHIFT;

	return end - start <= VM_AREA_MAX && first + pages <= BIT(32);
}

void area_choose_delta(struct vm_area *area)
{
	area->anon_delta = 0;
	if (!delta_fits(0, area->start, area->end))
		area->anon_delta = -(uint32_t)(area->start >> PAGE_SHIFT);
}

/* Whether `area` may have [start, end) as well, in an anonymous object with this delta. Locked. */
static bool anon_room(const struct vm_object *anon, uint32_t delta, uint64_t start, uint64_t end)
{
	uint32_t first = (uint32_t)(start >> PAGE_SHIFT) + delta;

	return start == end ||
	       !span_find(&anon->areas, first, first + (uint32_t)((end - start) >> PAGE_SHIFT) - 1);
}

static bool object_room(const struct vm_area *area, uint64_t start, uint64_t end)
{
	uint64_t down = (area->start - start) >> PAGE_SHIFT;

	return area->pgoff >= down && area->pgoff - down + ((end - start) >> PAGE_SHIFT) <= BIT(32);
}

bool area_grow(struct vm_area *area, uint64_t start, uint64_t end)
{
	bool ok = end - start <= VM_AREA_MAX && !(area->flags & VMA_IO);

	if (area->object)
		ok = ok && object_room(area, start, end);
	if (!ok || (area->anon && !delta_fits(area->anon_delta, start, end)))
		return false;
	lock_objects(area);
	if (area->anon)
		ok = anon_room(area->anon, area->anon_delta, start, area->start) &&
		     anon_room(area->anon, area->anon_delta, area->end, end);
	if (ok) {
		move_bounds(area, start, end);
		if (!area->anon)
			area_choose_delta(area);
	}
	unlock_objects(area);
	return ok;
}

void area_move(struct vm_area *area, uint64_t start)
{
	uint64_t len = area->end - area->start;

	lock_objects(area);
	detach(area);
	tree_remove(area);
	area->anon_delta += (uint32_t)(area->start >> PAGE_SHIFT) - (uint32_t)(start >> PAGE_SHIFT);
	area->start = start;
	area->end = start + len;
	tree_insert(area, area_find(area->mm, start));
	attach(area);
	unlock_objects(area);
}

struct vm_area *area_split(struct vm_area *area, uint64_t addr)
{
	struct vm_area *upper = area_copy(area->mm, area);

	if (!upper)
		return NULL;
	lock_objects(area);
	upper->start = addr;
	if (area->object || area->flags & VMA_IO)
		upper->pgoff += (addr - area->start) >> PAGE_SHIFT;
	area->end = addr; /* and no gap changes */
	area->mm->total_vm -= area_pages(upper);
	follow_end(area);
	tree_insert(upper, area_next(area));
	attach(upper);
	unlock_objects(area);
	return upper;
}

/* ---- joining ---- */

bool area_agrees(const struct vm_area *area, const struct vm_area *next)
{
	if (area->prot != next->prot || area->max_prot != next->max_prot ||
	    (area->flags ^ next->flags) & ~(VMA_COW | VMA_FORKED) || area->flags & VMA_IO)
		return false;
	if (area->file != next->file || area->object != next->object)
		return false;
	if (area->object && area->pgoff + area_pages(area) != next->pgoff)
		return false;
	return !area->anon || !next->anon ||
	       (area->anon == next->anon && area->anon_delta == next->anon_delta);
}

/*
 * Whether another program, by fork, has to do with the pages of the area. Its objects are locked.
 * New memory does not join such an area: all faults on it would meet at the family's one lock.
 */
static bool has_relatives(const struct vm_area *area)
{
	const struct vm_object *anon = area->anon;
	const struct span *span = &area->anon_span;

	return anon->rmap->refs > 1 || object_covered_by_other(anon, span, span->first, span->last);
}

/* Whether the one that has no anonymous object fits into that of the other. Objects locked. */
static bool can_share_anon(const struct vm_area *area, const struct vm_area *next)
{
	const struct vm_area *has = area->anon ? area : next, *joins = area->anon ? next : area;

	if (area->anon && next->anon)
		return true;
	return !has->anon ||
	       (!has_relatives(has) && delta_fits(has->anon_delta, area->start, next->end) &&
		anon_room(has->anon, has->anon_delta, joins->start, joins->end));
}

/* The upper one's part goes over to the lower one. */
static void absorb(struct vm_area *area, struct vm_area *next)
{
	detach(next);
	if (!area->anon && next->anon) {
		area->family = next->family;
		area->anon = next->anon;
		area->anon_delta = next->anon_delta;
		area_attach_anon(area);
	}
	area->flags |= next->flags & (VMA_COW | VMA_FORKED);
	move_bounds(area, area->start, next->end); /* first: then no gap changes */
	tree_remove(next);
	if (!area->anon)
		area_choose_delta(area);
}

bool area_join_agreeing(struct vm_area *area, struct vm_area *next)
{
	struct vm_area *locked = area->family ? area : next;
	struct rmap *family = locked->family;
	bool ok;

	if (next->end - area->start > VM_AREA_MAX)
		return false;
	lock_objects(locked);
	ok = can_share_anon(area, next);
	if (ok)
		absorb(area, next);
	if (area->object)
		spin_unlock(&area->object->rmap->lock);
	if (family)
		spin_unlock(&family->lock);
	if (!ok)
		return false;
	area_free(next);
	return true;
}

struct vm_area *area_join_both(struct vm_area *area)
{
	struct vm_area *prev = area_prev(area), *next = area_next(area);

	if (next)
		area_join(area, next);
	if (prev && area_join(prev, area))
		return prev;
	return area;
}

/* ---- what it has, in entries and in words ---- */

entry_t area_entry(const struct vm_area *area, uint64_t va)
{
	struct rmap *family = __atomic_load_n(&area->family, __ATOMIC_ACQUIRE);
	entry_t entry = ENTRY_NONE;

	if (family) {
		spin_lock(&family->lock); /* its lock guards area->anon, too */
		entry = pagemap_get(&area->anon->pages, anon_index(area, va));
		spin_unlock(&family->lock);
	}
	if (!entry && area->object) {
		spin_lock(&area->object->rmap->lock);
		entry = pagemap_get(&area->object->pages, object_index(area, va));
		spin_unlock(&area->object->rmap->lock);
	}
	return entry;
}

const char *area_name(const struct vm_area *area, char *path, size_t size)
{
	if (area->file)
		return file_path(area->file, path, size);
	if (area->flags & VMA_HEAP)
		return "[heap]";
	if (area->flags & VMA_STACK)
		return "[stack]";
	if (area->flags & VMA_VDSO)
		return "[vdso]";
	return area_is_shared(area) && area->object ? "/dev/zero (deleted)" : "";
}

void area_rights(const struct vm_area *area, char rights[5])
{
	rights[0] = area->prot & PROT_READ ? 'r' : '-';
	rights[1] = area->prot & PROT_WRITE ? 'w' : '-';
	rights[2] = area->prot & PROT_EXEC ? 'x' : '-';
	rights[3] = area_is_shared(area) ? 's' : 'p';
	rights[4] = '\0';
}

#define MAPS_NAME_COLUMN 73 /* of a 64-bit Linux */

int area_describe(const struct vm_area *area, char *buf, size_t size)
{
	const struct inode *inode = area->file ? area->file->inode : NULL;
	unsigned dev = inode && inode->sb ? (unsigned)inode->sb->dev : 0;
	char line[MAPS_NAME_COLUMN + 32], path[256], rights[5];
	const char *name = area_name(area, path, sizeof(path));
	int n;

	area_rights(area, rights);
	n = snprintf(line, sizeof(line), "%08llx-%08llx %s %08llx %02x:%02x %llu ",
		     (unsigned long long)area->start, (unsigned long long)area->end, rights,
		     (unsigned long long)(area->object ? area->pgoff << PAGE_SHIFT : 0),
		     dev >> 8 & 0xfff, dev & 0xff, (unsigned long long)(inode ? inode->ino : 0));
	if (!*name)
		return snprintf(buf, size, "%s\n", line);
	return snprintf(buf, size, "%s%*s%s\n", line, MAX(0, MAPS_NAME_COLUMN - n), "", name);
}
