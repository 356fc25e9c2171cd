// SPDX-License-Identifier: BSD-2-Clause
/* Suite "twin": what the other format's trees say is what the live ones say, on the running kernel.
 */
#include <twofold/contrast.h>
#include <twofold/swap.h>
#include <twofold/vmalloc.h>

#include "user_mm.h"

#define PAGES 600u /* more than one table */
#define RW (PROT_READ | PROT_WRITE)

static bool same(const struct pt_leaf *a, const struct pt_leaf *b)
{
	return a->pa.pa == b->pa.pa && a->prot == b->prot && a->level == b->level &&
	       a->token == b->token;
}

/* Entry by entry over [va, end), both ways: as many, and each the same. */
static bool trees_agree(const struct pt *live, const struct pt *twin, vaddr_t va, vaddr_t end)
{
	vaddr_t other = va;
	struct pt_leaf a, b;

	for (;;) {
		bool in_live = pt_next(live, &va, end, &a), in_twin;

		in_twin = twin_pt_next(twin, &other, end, &b);
		if (in_live != in_twin || (in_live && (va.va != other.va || !same(&a, &b)))) {
			selftest_note("live %#lx %#x, twin %#lx %#x", (unsigned long)va.va,
				      in_live ? a.prot : 0, (unsigned long)other.va,
				      in_twin ? b.prot : 0);
			return false;
		}
		if (!in_live)
			return true;
		va = other = va_add(va, PT_SPAN(a.level));
		if (va.va == end.va)
			return true;
	}
}

static bool twins(void)
{
	if (!twin_enabled)
		selftest_skip("twin=off");
	return twin_enabled;
}

static bool agrees(struct mm *mm)
{
	bool ok;

	if (!twin_sync(mm))
		return false;
	spin_lock(&mm->pt_lock);
	ok = trees_agree(&mm->pt, &mm->twin, VADDR(0), VADDR(USER_END)) &&
	     mm->pt.stats.tables[0] == mm->twin.stats.tables[0] &&
	     mm->pt.stats.leaves == mm->twin.stats.leaves;
	spin_unlock(&mm->pt_lock);
	return ok;
}

SELFTEST(twin, the_kernels_is_the_live_one_in_other_words)
{
	if (!twins())
		return;
	spin_lock(&kernel_pt_lock);
	EXPECT(twin_sync_kernel());
	EXPECT(trees_agree(&kernel_pt, &kernel_twin, VADDR(DIRECT_BASE), VADDR(0)));
	EXPECT(kernel_pt.stats.leaves == kernel_twin.stats.leaves);
	EXPECT(twin_pt_kernel_half == &kernel_twin);
	spin_unlock(&kernel_pt_lock);
}

SELFTEST(twin, the_kernels_follows_vmalloc)
{
	struct mm *mm = mm_create();
	struct pt_leaf live, twin;
	char *p;

	REQUIRE(mm);
	p = vmalloc(3 * PAGE_SIZE);
	if (twins() && p) {
		spin_lock(&kernel_pt_lock);
		EXPECT(twin_sync_kernel());
		EXPECT(pt_query(&kernel_pt, ptr_to_va(p), &live) == PTE_LEAF);
		EXPECT(twin_pt_query(&mm->twin, ptr_to_va(p), &twin) == PTE_LEAF);
		EXPECT(same(&live, &twin));
		spin_unlock(&kernel_pt_lock);
		vfree(p);
		EXPECT(twin_pt_query(&mm->twin, ptr_to_va(p), &twin) == PTE_EMPTY);
	}
	mm_put(mm);
}

SELFTEST(twin, a_programs_follows_faults_forks_and_copies)
{
	struct mm *parent, *child;
	uint64_t at;

	if (!twins())
		return;
	parent = user_mm_begin();
	at = user_map(parent, PAGES, RW, MAP_PRIVATE);
	for (unsigned i = 0; i < PAGES; i++)
		if (i % 3)
			EXPECT(user_store(at + i * PAGE_SIZE, i));
		else
			EXPECT(user_load(at + i * PAGE_SIZE) == 0);
	EXPECT(agrees(parent));
	child = mm_fork(parent);
	REQUIRE(child);
	EXPECT(agrees(parent));
	for (unsigned i = 0; i < PAGES; i += 7)
		EXPECT(user_store(at + i * PAGE_SIZE, 1));
	user_mm_use(child);
	for (unsigned i = 0; i < PAGES; i += 5)
		EXPECT(user_store(at + i * PAGE_SIZE, 2));
	EXPECT(agrees(parent) && agrees(child));
	EXPECT(mm_protect(child, at + 9 * PAGE_SIZE, 99 * PAGE_SIZE, PROT_READ) == 0);
	EXPECT(mm_unmap(child, at + 50 * PAGE_SIZE, 520 * PAGE_SIZE) == 0);
	EXPECT(agrees(child));
	user_mm_use(parent);
	mm_put(child);
	EXPECT(agrees(parent));
	user_mm_end(parent);
}

static struct block_device *start_swap(void)
{
	for (struct block_device *d = block_next(NULL); d; d = block_next(d))
		if (swap_on(d, d->name, -1) == 0)
			return d;
	return NULL;
}

static unsigned count_tokens(const struct pt *twin, uint64_t at)
{
	struct pt_leaf leaf;
	unsigned n = 0;

	for (unsigned i = 0; i < PAGES; i++)
		n += twin_pt_query(twin, VADDR(at + i * PAGE_SIZE), &leaf) == PTE_SOFT;
	return n;
}

SELFTEST(twin, swapped_pages_stand_with_their_slot)
{
	struct block_device *disk;
	struct mm *mm, *child;
	uint64_t at;

	if (!twins())
		return;
	disk = start_swap();
	if (!disk) {
		selftest_skip("no disk with a swap header");
		return;
	}
	mm = user_mm_begin();
	at = user_map(mm, PAGES, RW, MAP_PRIVATE);
	for (unsigned i = 0; i < PAGES; i++)
		EXPECT(user_store(at + i * PAGE_SIZE, i));
	EXPECT(mm_advise(mm, at, PAGES / 2 * PAGE_SIZE, MADV_PAGEOUT) == 0);
	EXPECT(count_tokens(&mm->twin, at) == PAGES / 2);
	EXPECT(agrees(mm));
	for (unsigned i = 0; i < PAGES; i++)
		EXPECT(user_load(at + i * PAGE_SIZE) == i);
	EXPECT(count_tokens(&mm->twin, at) == 0);
	EXPECT(agrees(mm));
	child = mm_fork(mm);
	REQUIRE(child);
	user_mm_use(child);
	EXPECT(user_load(at) == 0);
	EXPECT(mm_advise(child, at, PAGE_SIZE, MADV_PAGEOUT) == 0);
	EXPECT(count_tokens(&child->twin, at) == 0); /* two have it: it stays */
	user_mm_end(child);
	user_mm_end(mm);
	EXPECT(swap_off(disk) == 0);
}

/* No twin is left behind. */
SELFTEST(twin, tables_go_with_the_address_space)
{
	int64_t tables = vm_gauges[NR_TWIN_TABLES];
	struct mm *mm = user_mm_begin();
	uint64_t at;

	REQUIRE(mm);
	at = user_map(mm, PAGES, RW, MAP_PRIVATE);
	EXPECT(user_store(at, 1));
	EXPECT(vm_gauges[NR_TWIN_TABLES] == tables + (twin_enabled ? PT_LEVELS : 0));
	user_mm_end(mm);
	EXPECT(vm_gauges[NR_TWIN_TABLES] == tables);
}
