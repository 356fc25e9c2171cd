// SPDX-License-Identifier: BSD-2-Clause
/*
 * Kernel virtual ranges, in a tree by address. Between any two lies at least one unmapped page.
 * A range leaves the tree only after its mappings have left the TLBs, so its addresses are
 * never reused too early. Space is looked for from the lowest range freed last, upwards.
 */
#include <twofold/errno.h>
#include <twofold/log.h>
#include <twofold/slab.h>
#include <twofold/string.h>
#include <twofold/vm.h>
#include <twofold/vmalloc.h>

#define GUARD PAGE_SIZE
#define KERNEL_DATA (PT_WRITE | PT_GLOBAL | PT_YOUNG | PT_DIRTY)
#define MAP_TRIES 8   /* how often to make room for tables */
#define STACKS_KEPT 8 /* dead ones */
#define MAX_BLOCK SZ_2M

enum range_kind { RANGE_VMALLOC, RANGE_STACK, RANGE_IO, RANGE_MAP };

struct range {
	uint64_t start, end; /* mapped, or to be */
	enum range_kind kind;
	struct page_list pages; /* RANGE_VMALLOC and RANGE_STACK: ours, lowest address first */
	paddr_t pa;		/* RANGE_IO and RANGE_MAP */
	uintptr_t caller;
	RB_ENTRY(range) node;
};

static int range_compare(const struct range *a, const struct range *b)
{
	return a->start < b->start ? -1 : a->start > b->start;
}

RB_HEAD(range_tree, range);
RB_GENERATE_INTERNAL(range_tree, range, node, range_compare, static __attribute__((unused)))

static struct range_tree ranges = RB_INITIALIZER(&ranges);
static spinlock_t ranges_lock = SPINLOCK_INIT(RANK_VMALLOC); /* ranges, hint, stacks */
static uint64_t hint = VMALLOC_BASE + GUARD; /* in no range; nor is what is just below it */
static struct kmem_cache *range_cache;
static uint64_t used;
static void *dead_stacks[STACKS_KEPT];
static unsigned nr_dead_stacks;

/* ---- address space: ranges_lock held ---- */

/* Whether `size` bytes at `at`, and a guard page, end before `end`. */
static bool fits(uint64_t at, uint64_t size, uint64_t end)
{
	return at + GUARD <= end && size <= end - at - GUARD;
}

/* Finds `size` bytes at `align` at or after `from`; VMALLOC_END: there are none. */
static uint64_t find_space(uint64_t from, uint64_t size, uint64_t align)
{
	struct range key = {.start = from}, *next = RB_NFIND(range_tree, &ranges, &key);
	uint64_t at = ALIGN_UP(from, align);

	while (next && !fits(at, size, next->start)) {
		at = ALIGN_UP(next->end + GUARD, align);
		next = RB_NEXT(range_tree, &ranges, next);
	}
	return fits(at, size, VMALLOC_END) ? at : VMALLOC_END;
}

static bool range_insert(struct range *range, uint64_t size, uint64_t align)
{
	uint64_t at;

	if (size > VMALLOC_END - VMALLOC_BASE)
		return false;
	at = find_space(hint, size, align);
	if (at == VMALLOC_END)
		at = find_space(VMALLOC_BASE + GUARD, size, align);
	if (at == VMALLOC_END)
		return false;
	range->start = at;
	range->end = at + size;
	RB_INSERT(range_tree, &ranges, range);
	hint = range->end + GUARD;
	return true;
}

static struct range *range_create(enum range_kind kind, uint64_t size, uint64_t align,
				  uintptr_t caller)
{
	struct range *range = kmem_cache_alloc(range_cache, GFP_KERNEL);
	bool ok;

	if (!range)
		return NULL;
	*range = (struct range){.kind = kind, .caller = caller};
	spin_lock(&ranges_lock);
	ok = range_insert(range, size, align);
	spin_unlock(&ranges_lock);
	if (ok)
		return range;
	kmem_cache_free(range_cache, range);
	return NULL;
}

/* The range that holds `p`, which must be one of these kinds. */
static struct range *range_of(const void *p, enum range_kind kind, enum range_kind or_kind)
{
	struct range key = {.start = ptr_to_va(p).va}, *range;

	spin_lock(&ranges_lock);
	range = RB_NFIND(range_tree, &ranges, &key);
	if (!range || range->start != key.start)
		range = range ? RB_PREV(range_tree, &ranges, range) : RB_MAX(range_tree, &ranges);
	spin_unlock(&ranges_lock);
	if (!range || key.start < range->start || key.start >= range->end ||
	    (range->kind != kind && range->kind != or_kind))
		panic("vmalloc: %p was not given out, or not so", p);
	return range;
}

/* ---- mapping ---- */

/* So that tables can be had without sleeping: frees a few frames into this core's list. */
static bool make_room(void)
{
	struct page *pages[PT_LEVELS];
	unsigned n = 0;

	while (n < PT_LEVELS && (pages[n] = alloc_page(GFP_KERNEL)))
		n++;
	for (unsigned i = 0; i < n; i++)
		free_pages(pages[i], 0);
	return n == PT_LEVELS;
}

static bool map(uint64_t va, paddr_t pa, size_t size, prot_t prot)
{
	for (unsigned i = 0; i < MAP_TRIES; i++) {
		int err = kernel_pt_map(VADDR(va), pa, size, prot);

		if (!err)
			return true;
		if (err != -ENOMEM || !make_room())
			return false;
	}
	return false;
}

static void range_destroy(struct range *range)
{
	struct page *page;

	CHECK(kernel_pt_unmap(VADDR(range->start), range->end - range->start) == 0);
	spin_lock(&ranges_lock);
	RB_REMOVE(range_tree, &ranges, range);
	hint = MIN(hint, range->start);
	spin_unlock(&ranges_lock);
	while ((page = page_list_pop_tail(&range->pages)))
		free_pages(page, 0);
	kmem_cache_free(range_cache, range);
}

/* Frames for the whole range, mapped; what was done stays for range_destroy(). */
static bool populate(struct range *range, gfp_t gfp)
{
	for (uint64_t va = range->start; va < range->end; va += PAGE_SIZE) {
		struct page *page = alloc_page(gfp);

		if (!page)
			return false;
		page_list_add_tail(&range->pages, page);
		if (!map(va, page_to_pa(page), PAGE_SIZE, KERNEL_DATA))
			return false;
	}
	return true;
}

static void *alloc_range(enum range_kind kind, size_t size, uint64_t align, gfp_t gfp,
			 uintptr_t caller)
{
	struct range *range;

	if (!size || size > VMALLOC_END - VMALLOC_BASE)
		return NULL;
	size = ALIGN_UP(size, PAGE_SIZE);
	range = range_create(kind, size, align, caller);
	if (!range)
		return NULL;
	if (!populate(range, gfp)) {
		range_destroy(range);
		return NULL;
	}
	__atomic_fetch_add(&used, size, __ATOMIC_RELAXED);
	return va_to_ptr(VADDR(range->start));
}

static void free_range(struct range *range)
{
	__atomic_fetch_sub(&used, range->end - range->start, __ATOMIC_RELAXED);
	range_destroy(range);
}

void *vmalloc(size_t size)
{
	return alloc_range(RANGE_VMALLOC, size, PAGE_SIZE, GFP_KERNEL,
			   (uintptr_t)__builtin_return_address(0));
}

void *vzalloc(size_t size)
{
	return alloc_range(RANGE_VMALLOC, size, PAGE_SIZE, GFP_KERNEL | GFP_ZERO,
			   (uintptr_t)__builtin_return_address(0));
}

void vfree(void *p)
{
	struct range *range;

	if (!p)
		return;
	range = range_of(p, RANGE_VMALLOC, RANGE_VMALLOC);
	CHECK(range->start == ptr_to_va(p).va);
	free_range(range);
}

uint64_t vmalloc_used(void)
{
	return __atomic_load_n(&used, __ATOMIC_RELAXED);
}

/* ---- what is not RAM of ours ---- */

/* Large ones lie in their 2 MiB as the physical addresses do, so that blocks can map them. */
static void *map_physical(enum range_kind kind, paddr_t pa, size_t size, prot_t prot,
			  uintptr_t caller)
{
	uint64_t offset = pa.pa & (PAGE_SIZE - 1), align = PAGE_SIZE, skip = 0;
	struct range *range;

	if (!size || size > VMALLOC_END - VMALLOC_BASE || pa.pa + size < pa.pa)
		return NULL;
	pa.pa -= offset;
	size = ALIGN_UP(size + offset, PAGE_SIZE);
	if (size >= MAX_BLOCK) {
		align = MAX_BLOCK;
		skip = pa.pa & (MAX_BLOCK - 1);
	}
	range = range_create(kind, skip + size, align, caller);
	if (!range)
		return NULL;
	range->pa = PADDR(pa.pa - skip);
	if (!map(range->start + skip, pa, size, prot | PT_GLOBAL | PT_YOUNG)) {
		range_destroy(range);
		return NULL;
	}
	return va_to_ptr(VADDR(range->start + skip + offset));
}

/* RAM is mapped already, cached: the same frame with two memory types is unpredictable (Arm ARM
 * B2.8, mismatched attributes). */
static bool overlaps_ram(paddr_t pa, size_t size)
{
	uint64_t ram_size;
	paddr_t ram;

	for (unsigned i = 0; frames_ram_range(i, &ram, &ram_size); i++)
		if (pa.pa < ram.pa + ram_size && ram.pa < pa.pa + size)
			return true;
	return false;
}

void *ioremap(paddr_t pa, size_t size)
{
	uintptr_t caller = (uintptr_t)__builtin_return_address(0);

	if (overlaps_ram(pa, size)) {
		pr_err("ioremap: %#llx is RAM", (unsigned long long)pa.pa);
		return NULL;
	}
	return map_physical(RANGE_IO, pa, size, PT_DEVICE | PT_WRITE | PT_DIRTY, caller);
}

void *vmap_range(paddr_t pa, size_t size, prot_t prot)
{
	return map_physical(RANGE_MAP, pa, size, prot, (uintptr_t)__builtin_return_address(0));
}

void vunmap_range(void *p)
{
	if (p)
		range_destroy(range_of(p, RANGE_IO, RANGE_MAP));
}

/* ---- kernel stacks ---- */

void *kstack_alloc(void)
{
	void *stack = NULL;

	spin_lock(&ranges_lock);
	if (nr_dead_stacks)
		stack = dead_stacks[--nr_dead_stacks];
	spin_unlock(&ranges_lock);
	if (stack)
		return stack;
	stack = alloc_range(RANGE_STACK, KSTACK_SIZE, 2 * KSTACK_SIZE, GFP_KERNEL,
			    (uintptr_t)__builtin_return_address(0));
	if (stack)
		vm_gauge_add(NR_KSTACKS, KSTACK_SIZE / PAGE_SIZE);
	return stack;
}

void kstack_free(void *stack)
{
	struct range *range = range_of(stack, RANGE_STACK, RANGE_STACK);

	CHECK(range->start == ptr_to_va(stack).va);
	spin_lock(&ranges_lock);
	if (nr_dead_stacks < STACKS_KEPT) {
		dead_stacks[nr_dead_stacks++] = stack;
		stack = NULL;
	}
	spin_unlock(&ranges_lock);
	if (!stack)
		return;
	vm_gauge_add(NR_KSTACKS, -(int64_t)(KSTACK_SIZE / PAGE_SIZE));
	free_range(range);
}

/* ---- for panics ---- */

static const char *describe(const struct range *range, uint64_t va, char *buf, size_t size)
{
	static const char *const kinds[] = {"vmalloc", "kernel stack", "ioremap", "vmap"};
	const char *where = va < range->start  ? "guard page below "
			    : va >= range->end ? "guard page above "
					       : "";

	snprintf(buf, size, "%s%s %#llx-%#llx, made by %#lx", where, kinds[range->kind],
		 (unsigned long long)range->start, (unsigned long long)range->end,
		 (unsigned long)range->caller);
	return buf;
}

/* How far below a range a stray access is taken to be its: a stack's frame may skip the guard. */
static uint64_t reach_below(const struct range *range)
{
	return range->kind == RANGE_STACK ? KSTACK_SIZE : GUARD;
}

/* Takes no lock: the panicking core may hold any. */
const char *vmalloc_describe(vaddr_t va)
{
	static char text[128];
	struct range *range, *near = NULL;

	if (va.va < VMALLOC_BASE || va.va >= VMALLOC_END)
		return NULL;
	if (spin_is_locked(&ranges_lock))
		return "vmalloc space, its lock held";
	RB_FOREACH(range, range_tree, &ranges) {
		if (va.va >= range->start && va.va < range->end)
			return describe(range, va.va, text, sizeof(text));
		if (va.va >= range->end && va.va - range->end < GUARD)
			near = range;
		/* Between two ranges: a stack's overflow is the likelier culprit. */
		if (va.va < range->start && range->start - va.va <= reach_below(range) &&
		    (!near || range->kind == RANGE_STACK))
			near = range;
	}
	return near ? describe(near, va.va, text, sizeof(text)) : "unused vmalloc space";
}

void vmalloc_init(void)
{
	range_cache = kmem_cache_create("vm_range", sizeof(struct range), 0, SLAB_PANIC, NULL);
}
