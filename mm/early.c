// SPDX-License-Identifier: BSD-2-Clause
/* Memory before there is an allocator: what RAM there is, what in it is taken, and taking more. */
#include <twofold/log.h>
#include <twofold/string.h>

#include "phys.h"

#define MAX_RESERVED 128
/* Frame numbers have 31 bits: a pagemap's entry keeps one for itself. */
#define PHYS_END ((uint64_t)BIT(31 + PAGE_SHIFT))

/* Ascending and disjoint. */
struct range_set {
	struct mem_range *ranges;
	unsigned nr, max;
};

static struct mem_range ram_ranges[MAX_RAM_RANGES], reserved_ranges[MAX_RESERVED];
static struct range_set ram = {ram_ranges, 0, MAX_RAM_RANGES};
static struct range_set reserved = {reserved_ranges, 0, MAX_RESERVED};
static uint64_t early_limit = PHYS_END;
static bool closed;

static void range_remove(struct range_set *set, unsigned i)
{
	set->nr--;
	memmove(&set->ranges[i], &set->ranges[i + 1], (set->nr - i) * sizeof(*set->ranges));
}

/* Makes room by joining the two neighbours with the smallest gap between them. */
static void range_join_nearest(struct range_set *set)
{
	unsigned best = 0;
	uint64_t best_gap = ~0ull;

	for (unsigned i = 0; i + 1 < set->nr; i++) {
		uint64_t gap = set->ranges[i + 1].start - set->ranges[i].end;

		if (gap < best_gap) {
			best_gap = gap;
			best = i;
		}
	}
	set->ranges[best].end = set->ranges[best + 1].end;
	range_remove(set, best + 1);
}

/* Ranges that overlap become one, of the node told first; so do neighbours on the same node. */
static void range_add(struct range_set *set, struct mem_range new)
{
	unsigned i = 0;

	while (i < set->nr) {
		struct mem_range *r = &set->ranges[i];
		bool overlap = new.start < r->end && r->start < new.end;
		bool touch = new.start == r->end || r->start == new.end;

		if (!overlap && !(touch && r->node == new.node)) {
			i++;
			continue;
		}
		new = (struct mem_range){MIN(new.start, r->start), MAX(new.end, r->end), r->node};
		range_remove(set, i);
	}
	CHECK(set->nr < set->max);
	for (i = set->nr++; i > 0 && set->ranges[i - 1].start > new.start; i--)
		set->ranges[i] = set->ranges[i - 1];
	set->ranges[i] = new;
}

/* Cuts what no frame number can name; false where nothing is left. */
static bool range_make(paddr_t start, uint64_t size, unsigned node, struct mem_range *out)
{
	uint64_t end = start.pa + size;

	if (end < start.pa || end > PHYS_END)
		end = PHYS_END;
	*out = (struct mem_range){start.pa, end, node};
	return start.pa < end;
}

void frames_add_ram(paddr_t start, uint64_t size, unsigned node)
{
	struct mem_range r;
	bool some = range_make(start, size, node < MAX_NODES ? node : 0, &r);

	CHECK(!closed);
	if (size && (!some || r.end - r.start < size))
		pr_warn("memory: RAM past %#llx is left out", (unsigned long long)PHYS_END);
	if (some && ram.nr == ram.max)
		pr_warn("memory: RAM at %#llx is left out: too many ranges",
			(unsigned long long)start.pa);
	else if (some)
		range_add(&ram, r);
}

void frames_reserve(paddr_t start, uint64_t size)
{
	struct mem_range r;

	CHECK(!closed);
	if (!range_make(start, size, 0, &r))
		return;
	if (reserved.nr == reserved.max)
		range_join_nearest(&reserved);
	range_add(&reserved, r);
}

void frames_set_early_limit(paddr_t end)
{
	early_limit = end.pa;
}

bool early_reserved(unsigned i, struct mem_range *out)
{
	if (i >= reserved.nr)
		return false;
	*out = reserved.ranges[i];
	return true;
}

/* Rounded inwards to pages; ranges that hold no whole page do not count. */
bool early_ram(unsigned i, struct mem_range *out)
{
	for (unsigned k = 0; k < ram.nr; k++) {
		out->start = ALIGN_UP(ram.ranges[k].start, PAGE_SIZE);
		out->end = ALIGN_DOWN(ram.ranges[k].end, PAGE_SIZE);
		out->node = ram.ranges[k].node;
		if (out->start < out->end && i-- == 0)
			return true;
	}
	return false;
}

bool frames_ram_range(unsigned i, paddr_t *start, uint64_t *size)
{
	struct mem_range r;

	if (!early_ram(i, &r))
		return false;
	*start = PADDR(r.start);
	*size = r.end - r.start;
	return true;
}

bool early_drop_ram(void)
{
	if (ram.nr < 2)
		return false;
	ram.nr--;
	pr_warn("memory: RAM at %#llx is left out: too far away",
		(unsigned long long)ram.ranges[ram.nr].start);
	return true;
}

/* The highest start of `size` bytes in [lo, hi) that no reservation touches; hi: there is none. */
static uint64_t find_free(uint64_t lo, uint64_t hi, size_t size, size_t align)
{
	uint64_t top = hi;

	for (unsigned i = reserved.nr;; i--) {
		uint64_t at = ALIGN_DOWN(top - size, (uint64_t)align);

		if (top < lo || top - lo < size || at < lo)
			return hi;
		while (i > 0 && reserved.ranges[i - 1].start >= top)
			i--;
		if (i == 0 || reserved.ranges[i - 1].end <= at)
			return at;
		top = reserved.ranges[i - 1].start;
	}
}

static void clear(void *p, size_t size)
{
	char *c = p;

	if (IS_ALIGNED((uintptr_t)c, PAGE_SIZE))
		for (; size >= PAGE_SIZE; size -= PAGE_SIZE, c += PAGE_SIZE)
			clear_page(c);
	memset(c, 0, size);
}

/* From the top of RAM, so that what devices can reach (ZONE_DMA) stays free. */
void *early_try_alloc(size_t size, size_t align)
{
	CHECK(!closed && size && align && !(align & (align - 1)));
	for (unsigned i = ram.nr; i-- > 0;) {
		uint64_t lo = ALIGN_UP(ram.ranges[i].start, PAGE_SIZE);
		uint64_t hi = MIN(ALIGN_DOWN(ram.ranges[i].end, PAGE_SIZE), early_limit);
		uint64_t at = hi > lo ? find_free(lo, hi, size, align) : hi;

		if (at < hi) {
			frames_reserve(PADDR(at), size);
			clear(pa_to_ptr(PADDR(at)), size);
			return pa_to_ptr(PADDR(at));
		}
	}
	return NULL;
}

void *early_alloc(size_t size, size_t align)
{
	void *p = early_try_alloc(size, align);

	if (!p)
		panic("memory: no %zu bytes left during boot", size);
	return p;
}

void early_close(void)
{
	closed = true;
}
