// SPDX-License-Identifier: BSD-2-Clause
/* Kernel virtual ranges, live: written and read through their own addresses. */
#include <twofold/selftest.h>
#include <twofold/string.h>
#include <twofold/vmalloc.h>

#include "cores.h"

static enum pte_kind kind_at(uint64_t va, struct pt_leaf *leaf)
{
	enum pte_kind kind;

	spin_lock(&kernel_pt_lock);
	kind = pt_query(&kernel_pt, VADDR(va), leaf);
	spin_unlock(&kernel_pt_lock);
	return kind;
}

static bool mapped(const void *p)
{
	struct pt_leaf leaf;

	return kind_at(ptr_to_va(p).va, &leaf) == PTE_LEAF;
}

static void fill(uint64_t *words, size_t size)
{
	for (size_t i = 0; i < size / sizeof(*words); i++)
		words[i] = (uintptr_t)&words[i] * 31;
}

static bool filled(const uint64_t *words, size_t size)
{
	for (size_t i = 0; i < size / sizeof(*words); i++)
		if (words[i] != (uintptr_t)&words[i] * 31)
			return false;
	return true;
}

SELFTEST(vmalloc, ranges_hold_what_is_written)
{
	enum { RANGES = 20 };
	uint64_t *p[RANGES];

	for (unsigned i = 0; i < RANGES; i++) {
		p[i] = vmalloc((i + 1) * PAGE_SIZE);
		REQUIRE(p[i]);
		fill(p[i], (i + 1) * PAGE_SIZE);
	}
	for (unsigned i = 0; i < RANGES; i += 2)
		vfree(p[i]);
	for (unsigned i = 1; i < RANGES; i += 2) {
		EXPECT(filled(p[i], (i + 1) * PAGE_SIZE));
		vfree(p[i]);
	}
}

SELFTEST(vmalloc, guard_pages_are_unmapped)
{
	char *p = vmalloc(3 * PAGE_SIZE);
	struct pt_leaf leaf;

	REQUIRE(p);
	EXPECT(!mapped(p - 1) && !mapped(p + 3 * PAGE_SIZE));
	for (unsigned i = 0; i < 3; i++) {
		REQUIRE(kind_at(ptr_to_va(p).va + i * PAGE_SIZE, &leaf) == PTE_LEAF);
		EXPECT((leaf.prot & (PT_WRITE | PT_EXEC | PT_USER)) == PT_WRITE);
	}
	vfree(p);
	EXPECT(!mapped(p) && !mapped(p + 2 * PAGE_SIZE));
}

/* More than any block of the buddy allocator, memory permitting. */
SELFTEST(vmalloc, large_and_zeroed)
{
	size_t size = MIN(6 * SZ_1M, ALIGN_DOWN(frames_free() * PAGE_SIZE / 8, PAGE_SIZE));
	uint64_t before = vmalloc_used(), any = 0;
	uint64_t *p = vzalloc(size);

	REQUIRE(p);
	EXPECT(vmalloc_used() == before + size);
	for (size_t i = 0; i < size / sizeof(*p); i++)
		any |= p[i];
	EXPECT(!any);
	fill(p, size);
	EXPECT(filled(p, size));
	vfree(p);
	EXPECT(vmalloc_used() == before);
	EXPECT(!vmalloc(0) && !vmalloc(~0ul));
}

/* The same frame by two addresses: what one writes the other reads. */
SELFTEST(vmalloc, vmap_is_the_frame_itself)
{
	struct page *page = alloc_page(GFP_KERNEL | GFP_ZERO);
	uint64_t *direct, *window;

	REQUIRE(page);
	direct = page_to_ptr(page);
	window = vmap_range(page_to_pa(page), PAGE_SIZE, PT_WRITE | PT_DIRTY);
	REQUIRE(window);
	*window = 42;
	EXPECT(READ_ONCE(*direct) == 42);
	vunmap_range(window);
	EXPECT(!mapped(window));
	EXPECT(page->refs == 1);
	free_pages(page, 0);
	EXPECT(!ioremap(page_to_pa(page), PAGE_SIZE));
}

SELFTEST(vmalloc, stacks_have_a_guard_below)
{
	char *stack = kstack_alloc();

	REQUIRE(stack);
	EXPECT(IS_ALIGNED((uintptr_t)stack, 2 * KSTACK_SIZE));
	EXPECT(mapped(stack) && mapped(stack + KSTACK_SIZE - 1));
	EXPECT(!mapped(stack - 1) && !mapped(stack + KSTACK_SIZE));
	memset(stack, 0x5a, KSTACK_SIZE);
	kstack_free(stack);
}

SELFTEST(vmalloc, addresses_can_be_described)
{
	char *p = vmalloc(PAGE_SIZE);
	const char *said;

	REQUIRE(p);
	said = vmalloc_describe(ptr_to_va(&p));
	EXPECT(said && strstr(said, "kernel stack"));
	said = vmalloc_describe(ptr_to_va(p));
	EXPECT(said && !strncmp(said, "vmalloc", 7));
	EXPECT(!vmalloc_describe(ptr_to_va(zero_page)));
	vfree(p);
}

static unsigned broken;

static void churn(unsigned core)
{
	for (unsigned i = 0; i < 120 / nr_cpus; i++) {
		size_t size = (1 + (i + core) % 5) * PAGE_SIZE;
		uint64_t *p = vmalloc(size);

		if (!p)
			continue;
		fill(p, size);
		if (!filled(p, size))
			__atomic_fetch_add(&broken, 1, __ATOMIC_RELAXED);
		vfree(p);
	}
}

SELFTEST(vmalloc, cores_at_once_share_nothing)
{
	uint64_t before = vmalloc_used();

	broken = 0;
	EXPECT(on_every_core(churn));
	EXPECT(!broken);
	/* The threads' own stacks may be kept, or freed a little later. */
	EXPECT(vmalloc_used() <= before + (nr_cpus + 8) * (uint64_t)KSTACK_SIZE);
}
