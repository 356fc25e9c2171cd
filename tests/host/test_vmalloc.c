// SPDX-License-Identifier: BSD-2-Clause
/* Kernel virtual ranges: what the kernel's tables say after each call, walked for every page. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <twofold/slab.h>
#include <twofold/vm.h>
#include <twofold/vmalloc.h>

#include "shim.h"
#include "tlb_model.h"

#define RAM (32 * SZ_1M)

static int boot(void **state)
{
	(void)state;
	shim_boot(RAM);
	assert_int_equal(pt_init(&kernel_pt, 0), 0);
	kernel_pt.user = false;
	tlb_watch(&kernel_pt, &tlb_arm64);
	vmalloc_init();
	/* The root's entry stays: trees of users copy it. */
	vfree(vmalloc(1));
	return 0;
}

/* After each test: no TLB may hold what is no longer so, nor was a frame freed too early. */
static int check_tlb(void **state)
{
	const char *complaint;

	(void)state;
	tlb_check();
	complaint = tlb_complaint();
	if (complaint)
		print_error("TLB: %s\n", complaint);
	return complaint ? -1 : 0;
}

static uint64_t frames_idle(void)
{
	slab_shrink();
	return frames_free();
}

static uint64_t addr(const void *p)
{
	return ptr_to_va(p).va;
}

/* The frame behind a kernel address; NULL: nothing is mapped there. */
static struct page *frame_at(uint64_t va, prot_t prot)
{
	struct pt_leaf leaf;

	if (pt_query(&kernel_pt, VADDR(va), &leaf) != PTE_LEAF)
		return NULL;
	assert_int_equal(leaf.prot & (PT_WRITE | PT_EXEC | PT_USER | PT_GLOBAL | PT_TYPE), prot);
	return pfn_to_page(pa_to_pfn(leaf.pa));
}

/* `size` bytes from p are mapped to frames in use, each its own; a page on either side is not. */
static void check_mapped(const void *p, size_t size)
{
	uint64_t va = addr(p), end = va + ALIGN_UP(size, PAGE_SIZE);

	assert_true(va >= VMALLOC_BASE + PAGE_SIZE && end <= VMALLOC_END - PAGE_SIZE);
	assert_true(IS_ALIGNED(va, PAGE_SIZE));
	assert_null(frame_at(va - PAGE_SIZE, 0));
	assert_null(frame_at(end, 0));
	for (; va < end; va += PAGE_SIZE) {
		struct page *page = frame_at(va, PT_WRITE | PT_GLOBAL);

		assert_non_null(page);
		assert_int_equal(page->refs, 1);
		/* Its address in the frame: a frame mapped twice is seen. */
		*(uint64_t *)page_to_ptr(page) = va;
	}
}

static void check_contents(const void *p, size_t size)
{
	for (uint64_t va = addr(p); va < addr(p) + size; va += PAGE_SIZE)
		assert_int_equal(*(uint64_t *)page_to_ptr(frame_at(va, PT_WRITE | PT_GLOBAL)), va);
}

static void check_unmapped(const void *p, size_t size)
{
	for (uint64_t va = addr(p); va < addr(p) + size; va += PAGE_SIZE)
		assert_null(frame_at(va, 0));
}

static void test_one(void **state)
{
	uint64_t idle = frames_idle(), used = vmalloc_used();
	char *p;

	(void)state;
	p = vmalloc(3 * PAGE_SIZE + 1);
	check_mapped(p, 3 * PAGE_SIZE + 1);
	assert_int_equal(vmalloc_used(), used + 4 * PAGE_SIZE);
	check_contents(p, 4 * PAGE_SIZE);
	vfree(p);
	check_unmapped(p, 4 * PAGE_SIZE);
	assert_int_equal(vmalloc_used(), used);
	assert_int_equal(frames_idle(), idle);
	vfree(NULL);
}

static void test_zeroed(void **state)
{
	char *p = vzalloc(5 * PAGE_SIZE);

	(void)state;
	for (unsigned i = 0; i < 5; i++) {
		char *frame = page_to_ptr(frame_at(addr(p) + i * PAGE_SIZE, PT_WRITE | PT_GLOBAL));

		for (unsigned k = 0; k < PAGE_SIZE; k++)
			assert_int_equal(frame[k], 0);
	}
	vfree(p);
}

static void test_impossible_sizes(void **state)
{
	uint64_t idle = frames_idle();

	(void)state;
	assert_null(vmalloc(0));
	assert_null(vmalloc(~0ul));
	assert_null(vmalloc(VMALLOC_END - VMALLOC_BASE));
	assert_null(vmalloc(2 * RAM));
	assert_null(vmap_range(PADDR(SZ_1G), VMALLOC_END - VMALLOC_BASE, PT_NORMAL));
	assert_null(ioremap(PADDR(0x9000000), 0));
	assert_null(ioremap(PADDR(~0ull - 10), 100));
	assert_null(ioremap(PADDR(SHIM_RAM_BASE - PAGE_SIZE), 2 * PAGE_SIZE));
	assert_non_null(strstr(shim_log(), "is RAM"));
	assert_int_equal(frames_idle(), idle);
}

/* Random ranges come and go; each keeps its contents, guards between them stay. */
static void test_random_against_shadow(void **state)
{
	struct {
		char *p;
		size_t size;
	} held[60];
	uint64_t idle = frames_idle();
	unsigned n = 0;

	(void)state;
	for (unsigned i = 0; i < 3000; i++) {
		unsigned k = n ? (unsigned)shim_random(n) : 0;

		if (n < 60 && (!n || shim_random(100) < 55)) {
			held[n].size = 1 + shim_random(shim_random(10) ? 5 * PAGE_SIZE : SZ_2M);
			held[n].p = vmalloc(held[n].size);
			if (!held[n].p)
				continue;
			check_mapped(held[n].p, held[n].size);
			n++;
		} else {
			check_contents(held[k].p, held[k].size);
			vfree(held[k].p);
			check_unmapped(held[k].p, held[k].size);
			held[k] = held[--n];
		}
	}
	while (n--)
		vfree(held[n].p);
	assert_int_equal(frames_idle(), idle);
	assert_int_equal(vmalloc_used(), 0);
}

/* Each allocation made to fail in turn; nothing is mapped or lost by it. */
static void test_failing_allocations(void **state)
{
	uint64_t idle = frames_idle();
	long n = 0;
	char *p;

	(void)state;
	do {
		shim_fail_alloc_after(n++);
		p = vmalloc(4 * PAGE_SIZE);
		shim_fail_alloc_after(-1);
		if (!p)
			assert_int_equal(frames_idle(), idle);
	} while (!p);
	assert_true(n > 5);
	check_mapped(p, 4 * PAGE_SIZE);
	vfree(p);
	assert_int_equal(frames_idle(), idle);
	assert_int_equal(vmalloc_used(), 0);
}

static struct page *taken;

/* In place of mm/reclaim.c: gives back one frame a call, of those that the test took. */
unsigned reclaim_direct(gfp_t gfp, unsigned order)
{
	struct page *page = taken;

	(void)gfp;
	(void)order;
	if (!page)
		return 0;
	taken = *(struct page **)page_to_ptr(page);
	free_pages(page, 0);
	return 1;
}

/* Tables are allocated without waiting; when there is no frame for them, vmalloc() waits instead.
 */
static void test_short_of_memory(void **state)
{
	struct page *page;
	char *p;

	(void)state;
	while ((page = alloc_page(GFP_NOWAIT))) {
		*(struct page **)page_to_ptr(page) = taken;
		taken = page;
	}
	p = vmalloc(3 * PAGE_SIZE);
	assert_non_null(p);
	check_mapped(p, 3 * PAGE_SIZE);
	vfree(p);
	while (taken)
		reclaim_direct(GFP_KERNEL, 0);
}

static void test_ioremap(void **state)
{
	uint64_t idle = frames_idle();
	char *p = ioremap(PADDR(0x9000010), PAGE_SIZE);
	struct pt_leaf leaf;

	(void)state;
	assert_int_equal(addr(p) & (PAGE_SIZE - 1), 0x10);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(pt_query(&kernel_pt, va_add(ptr_to_va(p), i * PAGE_SIZE), &leaf),
				 PTE_LEAF);
		assert_int_equal(leaf.pa.pa, 0x9000010 + i * PAGE_SIZE);
		assert_int_equal(leaf.prot & PT_TYPE, PT_DEVICE);
		assert_int_equal(leaf.prot & (PT_EXEC | PT_USER | PT_WRITE), PT_WRITE);
	}
	assert_null(frame_at(addr(p) + 2 * PAGE_SIZE, 0));
	vunmap_range(p);
	check_unmapped(p - 0x10, 2 * PAGE_SIZE);
	assert_int_equal(frames_idle(), idle);
}

/* Large physical ranges lie so that blocks map them. */
static void test_blocks(void **state)
{
	uint64_t idle = frames_idle();
	paddr_t pa = PADDR(0x4010000000 - 3 * PAGE_SIZE);
	char *p = vmap_range(pa, 2 * SZ_2M + 3 * PAGE_SIZE, PT_NORMAL);
	struct pt_leaf leaf;

	(void)state;
	assert_int_equal(pt_query(&kernel_pt, ptr_to_va(p), &leaf), PTE_LEAF);
	assert_int_equal(leaf.level, 0);
	assert_int_equal(leaf.pa.pa, pa.pa);
	assert_int_equal(pt_query(&kernel_pt, va_add(ptr_to_va(p), SZ_2M), &leaf), PTE_LEAF);
	assert_int_equal(leaf.level, 1);
	assert_int_equal(leaf.prot & (PT_WRITE | PT_EXEC), 0);
	vunmap_range(p);
	assert_int_equal(frames_idle(), idle);
}

/* A stack: aligned so that one address bit tells an overflow; a few dead ones are kept. */
static void test_stacks(void **state)
{
	char *stacks[20], *between[20];
	int64_t gauge = vm_gauges[NR_KSTACKS];
	uint64_t kept;

	(void)state;
	for (unsigned i = 0; i < 20; i++) {
		stacks[i] = kstack_alloc();
		between[i] = vmalloc(3 * PAGE_SIZE);
		check_mapped(stacks[i], KSTACK_SIZE);
		assert_false(addr(stacks[i]) & KSTACK_SIZE);
		assert_true((addr(stacks[i]) - 1) & KSTACK_SIZE);
		assert_true(IS_ALIGNED(addr(stacks[i]), KSTACK_SIZE));
	}
	assert_int_equal(vm_gauges[NR_KSTACKS] - gauge, 20 * KSTACK_SIZE / PAGE_SIZE);
	for (unsigned i = 0; i < 20; i++) {
		kstack_free(stacks[i]);
		vfree(between[i]);
	}
	kept = frames_idle();
	assert_true(vm_gauges[NR_KSTACKS] - gauge <= (int64_t)(8 * KSTACK_SIZE / PAGE_SIZE));
	stacks[0] = kstack_alloc();
	assert_int_equal(frames_idle(), kept);
	check_mapped(stacks[0], KSTACK_SIZE);
	kstack_free(stacks[0]);
}

static bool says(uint64_t va, const char *text)
{
	const char *said = vmalloc_describe(VADDR(va));

	if (said && strstr(said, text))
		return true;
	print_error("%#lx is \"%s\", not \"%s\"\n", va, said ? said : "(null)", text);
	return false;
}

static void test_describe(void **state)
{
	char *stack = kstack_alloc(), *p = vmalloc(PAGE_SIZE), *io = ioremap(PADDR(0x9000000), 8);

	(void)state;
	assert_true(says(addr(stack) + 100, "kernel stack 0x"));
	assert_true(says(addr(stack) - 8, "guard page below kernel stack"));
	assert_true(says(addr(p), "vmalloc 0x"));
	assert_true(says(addr(p) + PAGE_SIZE, "guard page"));
	assert_true(says(addr(io), "ioremap 0x"));
	assert_true(says(VMALLOC_BASE + (1ull << 40), "unused"));
	assert_null(vmalloc_describe(VADDR(DIRECT_BASE)));
	assert_null(vmalloc_describe(VADDR(0x1000)));
	vunmap_range(io);
	vfree(p);
	kstack_free(stack);
}

static void free_twice(void)
{
	char *p = vmalloc(PAGE_SIZE);

	vfree(p);
	vfree(p);
}

static void free_inside(void)
{
	vfree((char *)vmalloc(2 * PAGE_SIZE) + PAGE_SIZE);
}

static void free_of_stack(void)
{
	vfree(kstack_alloc());
}

static void test_misuse_panics(void **state)
{
	(void)state;
	assert_true(shim_panics(free_twice, "was not given out"));
	assert_true(shim_panics(free_inside, "CHECK"));
	assert_true(shim_panics(free_of_stack, "was not given out"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_teardown(name, check_tlb)
	const struct CMUnitTest tests[] = {
		TEST(test_one),
		TEST(test_zeroed),
		TEST(test_impossible_sizes),
		TEST(test_random_against_shadow),
		TEST(test_failing_allocations),
		TEST(test_short_of_memory),
		TEST(test_ioremap),
		TEST(test_blocks),
		TEST(test_stacks),
		TEST(test_describe),
		TEST(test_misuse_panics),
	};

	return cmocka_run_group_tests_name("vmalloc", tests, boot, NULL);
}
