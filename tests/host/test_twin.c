// SPDX-License-Identifier: BSD-2-Clause
/*
 * The twin says what the live tree says. Random operations on address spaces, with memory for the
 * twin's tables there or not: after each the twin has nothing that the live tree has not, and all
 * of it where nothing was lost; once there is memory twin_sync() brings back the rest.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <linux/mman.h>
#include <twofold/contrast.h>
#include <twofold/errno.h>
#include <twofold/log.h>
#include <twofold/vmalloc.h>

#include "arch/arm64/ptfmt.h"
#include "arch/x86_64/ptfmt.h"
#include "shim.h"
#include "vm_model.h"

#define RAM_SIZE (64 * SZ_1M)
#define STEPS 4000
#define NR_MMS 3
#define BASE (PT_SPAN(3) - SZ_2M) /* on both sides of a 512 GiB boundary */
#define PAGES 1024u
#define HOT 16u
#define DEVICES 0x10000000000ull /* where blocks of device memory are mapped */
#define DEVICE_PFN 0x1000000u	 /* no RAM; a multiple of a block */
#define DEVICE_BLOCKS 3u
#define A_AND_D (PT_YOUNG | PT_DIRTY)

static struct mm *mms[NR_MMS];
static uint64_t lagging; /* entries seen whose flags the twin did not have yet */

/* ---- looking ---- */

/* Each entry of `part` is one of `whole` too; flags of `part` at most those of `whole`. */
static uint64_t expect_inside(const struct mm *mm)
{
	uint64_t entries = 0, leaves = 0;
	struct pt_leaf twin, live;
	vaddr_t va = VADDR(0);

	for (; twin_pt_next(&mm->twin, &va, VADDR(USER_END), &twin); entries++) {
		if (pt_query(&mm->pt, va, &live) == PTE_EMPTY)
			fail_msg("the twin has an entry at %#lx, the live tree none", va.va);
		assert_int_equal(twin.level, live.level);
		assert_int_equal(twin.pa.pa, live.pa.pa);
		assert_int_equal(twin.token, live.token);
		assert_int_equal(twin.prot & ~A_AND_D, live.prot & ~A_AND_D);
		assert_int_equal(twin.prot & ~live.prot, 0);
		leaves += !twin.token;
		lagging += twin.prot != live.prot;
		va = va_add(va, PT_SPAN(twin.level));
	}
	assert_int_equal(leaves, mm->twin.stats.leaves);
	return entries;
}

static uint64_t count_live(const struct mm *mm)
{
	struct pt_leaf leaf;
	vaddr_t va = VADDR(0);
	uint64_t n = 0;

	for (; pt_next(&mm->pt, &va, VADDR(USER_END), &leaf); n++)
		va = va_add(va, PT_SPAN(leaf.level));
	return n;
}

/* All entries, and the same tables for them. */
static void expect_equal(const struct mm *mm)
{
	assert_int_equal(expect_inside(mm), count_live(mm));
	assert_memory_equal(mm->twin.stats.tables, mm->pt.stats.tables,
			    sizeof(mm->pt.stats.tables));
}

static void expect_same_flags(const struct mm *mm)
{
	struct pt_leaf twin, live;
	vaddr_t va = VADDR(0);

	for (; pt_next(&mm->pt, &va, VADDR(USER_END), &live); va.va += PT_SPAN(live.level)) {
		twin_pt_query(&mm->twin, va, &twin);
		assert_int_equal(twin.prot, live.prot);
	}
}

static void check(const struct mm *mm)
{
	if (!mm->twin.root.pa)
		return; /* there was no memory for the root */
	expect_inside(mm);
	if (!mm->twin_lost)
		expect_equal(mm);
}

/* ---- memory for twins, and none: the live side is above its watermark either way ---- */

static uint64_t low;

static void starve(bool on)
{
	zones[0].low = on ? UINT64_MAX - 1 : low;
}

/* ---- random operations ---- */

/* Mostly one of a few on both sides of the boundary. */
static uint64_t random_page(void)
{
	uint64_t page =
		shim_random(4) ? PAGES / 2 - HOT / 2 + shim_random(HOT) : shim_random(PAGES);

	return BASE + page * PAGE_SIZE;
}

static uint64_t random_size(uint64_t addr)
{
	uint64_t n = 1 + shim_random(shim_random(3) ? 16 : PAGES);

	return MIN(n * PAGE_SIZE, BASE + PAGES * PAGE_SIZE - addr);
}

static void do_map(struct mm *mm)
{
	uint64_t addr = random_page();
	struct map_request req = {.addr = addr,
				  .len = random_size(addr),
				  .prot = PROT_READ | PROT_WRITE,
				  .flags = MAP_PRIVATE | MAP_FIXED};

	if (shim_random(3))
		req.flags |= MAP_ANONYMOUS;
	else
		req.file = model_file(FILE_FILLED);
	assert_int_equal(mm_map(mm, &req), addr);
}

/* Blocks, some of them over addresses that end up cut by what follows. */
static void do_map_device(struct mm *mm)
{
	remap_pfn_range(mm, DEVICES + shim_random(4) * SZ_2M, DEVICE_PFN, DEVICE_BLOCKS * SZ_2M,
			PT_WRITE | PT_DEVICE);
}

static uint64_t random_device(void)
{
	return DEVICES + shim_random(8 * PT_ENTRIES) * PAGE_SIZE;
}

static void do_unmap(struct mm *mm)
{
	bool device = !shim_random(3);
	uint64_t addr = device ? random_device() : random_page();

	mm_unmap(mm, addr, random_size(device ? BASE : addr));
}

static void do_protect(struct mm *mm)
{
	bool device = !shim_random(3);
	uint64_t addr = device ? random_device() : random_page();
	int prot = shim_random(2) ? PROT_READ : PROT_READ | PROT_WRITE;

	mm_protect(mm, addr, random_size(device ? BASE : addr), prot);
}

static void do_access(struct mm *mm)
{
	struct fault_signal sig;
	uint8_t value;

	for (unsigned i = 0; i < 8; i++) {
		if (shim_random(2))
			cpu_write(mm, random_page(), 1, &sig);
		else
			cpu_read(mm, random_page(), &value, &sig);
	}
}

static void do_evict(struct mm *mm)
{
	for (unsigned i = 0; i < 8; i++)
		model_evict(mm, random_page());
}

static void do_advise(struct mm *mm)
{
	static const int advice[] = {MADV_DONTNEED, MADV_PAGEOUT, MADV_COLD, MADV_WILLNEED};
	uint64_t addr = random_page();

	mm_advise(mm, addr, random_size(addr), advice[shim_random(ARRAY_SIZE(advice))]);
}

static void do_move(struct mm *mm)
{
	uint64_t from = random_page(), to = random_page();
	uint64_t size = MIN(random_size(from), random_size(to));

	mm_remap(mm, from, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, to);
}

static void do_fork(struct mm *mm)
{
	unsigned i = (unsigned)shim_random(NR_MMS);
	struct mm *child;

	if (mms[i] == mm)
		return;
	child = model_fork(mm);
	assert_non_null(child);
	mm_put(mms[i]);
	mms[i] = child;
}

static void random_step(void)
{
	static void (*const ops[])(struct mm * mm) = {
		do_map,	   do_map,   do_map_device, do_unmap,  do_protect, do_access,
		do_access, do_evict, do_evict,	    do_advise, do_move,	   do_fork};
	struct mm *mm = mms[shim_random(NR_MMS)];

	starve(shim_random(4) == 0);
	ops[shim_random(ARRAY_SIZE(ops))](mm);
	starve(false);
	for (unsigned i = 0; i < NR_MMS; i++)
		check(mms[i]);
}

static void begin(void)
{
	for (unsigned i = 0; i < NR_MMS; i++) {
		mms[i] = model_mm();
		assert_true(mms[i] && mms[i]->twin.root.pa);
	}
}

static void end(void)
{
	for (unsigned i = 0; i < NR_MMS; i++)
		mm_put(mms[i]);
}

static void catch_up(struct mm *mm)
{
	assert_true(twin_sync(mm));
	assert_int_equal(mm->twin_lost, 0);
	expect_equal(mm);
	expect_same_flags(mm);
}

static void random_operations(unsigned seed)
{
	int64_t tables = vm_gauges[NR_TWIN_TABLES];
	uint64_t lost = vm_event_sum(TWIN_LOST);

	shim_seed(seed);
	begin();
	for (unsigned step = 0; step < STEPS; step++) {
		uint64_t seen = lagging;

		random_step();
		if (step % 64 == 0 || (lagging > seen && step % 8 == 0))
			catch_up(mms[step / 8 % NR_MMS]);
	}
	assert_true(vm_event_sum(TWIN_LOST) > lost); /* or nothing was tried */
	end();
	model_drop_files();
	assert_int_equal(vm_gauges[NR_TWIN_TABLES], tables);
}

static void twins_follow_random_operations(void **state)
{
	(void)state;
	random_operations(1);
}

static void hardware_flags_are_copied(void **state)
{
	(void)state;
	assert_int_equal(lagging, 0);
	cpu_sets_dirty = true;
	random_operations(2);
	cpu_sets_dirty = false;
	assert_true(lagging > 0);
}

/* ---- particular cases ---- */

static struct mm *mm_with_pages(unsigned n)
{
	struct map_request req = {.addr = BASE,
				  .len = n * PAGE_SIZE,
				  .prot = PROT_READ | PROT_WRITE,
				  .flags = MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS};
	struct mm *mm = model_mm();
	struct fault_signal sig;

	assert_non_null(mm);
	assert_int_equal(mm_map(mm, &req), BASE);
	for (unsigned i = 0; i < n; i++)
		assert_int_equal(cpu_write(mm, BASE + i * PAGE_SIZE, 1, &sig), 0);
	return mm;
}

static void without_memory_the_live_side_goes_on(void **state)
{
	struct mm *mm;

	(void)state;
	starve(true);
	mm = mm_with_pages(600);
	assert_int_equal(mm->twin.root.pa, 0);
	assert_int_equal(mm->pt.stats.leaves, 600);
	assert_false(twin_sync(mm));
	assert_int_equal(mm->twin_lost, 600);
	starve(false);
	assert_true(twin_sync(mm));
	expect_equal(mm);
	expect_same_flags(mm);
	mm_put(mm);
}

/* One page comes back alone; the rest stays missing, and is counted so. */
static void a_page_alone_is_brought_back(void **state)
{
	struct pt_leaf leaf;
	uint64_t stores;
	struct mm *mm;

	(void)state;
	starve(true);
	mm = mm_with_pages(600);
	assert_false(twin_sync_page(mm, BASE));
	starve(false);
	assert_true(twin_sync_page(mm, BASE));
	expect_equal(mm);
	twin_pt_unmap(&mm->twin, VADDR(BASE), 600 * PAGE_SIZE);
	mm->twin_lost = 600;
	stores = mm->twin.stats.stores;
	assert_true(twin_sync_page(mm, BASE + 5 * PAGE_SIZE + 1));
	assert_int_equal(twin_pt_query(&mm->twin, VADDR(BASE + 5 * PAGE_SIZE), &leaf), PTE_LEAF);
	assert_int_equal(twin_pt_query(&mm->twin, VADDR(BASE + 6 * PAGE_SIZE), &leaf), PTE_EMPTY);
	assert_int_equal(mm->twin.stats.leaves, 1);
	assert_int_equal(mm->twin.stats.stores, stores);
	assert_int_equal(mm->twin_lost, 600);
	assert_true(twin_sync_page(mm, BASE - PAGE_SIZE));
	assert_true(twin_sync_page(mm, USER_END));
	assert_true(twin_sync(mm));
	assert_int_equal(mm->twin_lost, 0);
	expect_equal(mm);
	mm_put(mm);
}

/* A block that cannot be split leaves the twin as a whole. */
static void blocks_that_cannot_be_split_go(void **state)
{
	struct mm *mm = model_mm();
	struct pt_leaf leaf;

	(void)state;
	assert_int_equal(remap_pfn_range(mm, DEVICES, DEVICE_PFN, 2 * SZ_2M, PT_WRITE), DEVICES);
	assert_int_equal(twin_pt_query(&mm->twin, VADDR(DEVICES), &leaf), PTE_LEAF);
	assert_int_equal(leaf.level, 1);
	starve(true);
	assert_int_equal(mm_protect(mm, DEVICES + PAGE_SIZE, PAGE_SIZE, PROT_READ), 0);
	starve(false);
	assert_int_equal(twin_pt_query(&mm->twin, VADDR(DEVICES), &leaf), PTE_EMPTY);
	assert_int_equal(twin_pt_query(&mm->twin, VADDR(DEVICES + SZ_2M), &leaf), PTE_LEAF);
	assert_int_equal(mm->twin_lost, PT_ENTRIES);
	assert_true(twin_sync(mm));
	expect_equal(mm);
	mm_put(mm);
}

/* A token comes back though its table was lost; catching up costs the other machine nothing. */
static void tokens_are_kept_and_come_back(void **state)
{
	struct mm *mm = mm_with_pages(2);
	struct pt_leaf live, twin;
	uint64_t stores;

	(void)state;
	assert_true(model_evict(mm, BASE));
	assert_int_equal(pt_query(&mm->pt, VADDR(BASE), &live), PTE_SOFT);
	assert_int_equal(twin_pt_query(&mm->twin, VADDR(BASE), &twin), PTE_SOFT);
	assert_int_equal(twin.token, live.token);
	twin_pt_unmap(&mm->twin, VADDR(BASE), 2 * PAGE_SIZE);
	stores = mm->twin.stats.stores;
	assert_true(twin_sync(mm));
	assert_int_equal(mm->twin.stats.stores, stores);
	expect_equal(mm);
	mm_put(mm);
}

/* What either machine would have paid for the same. */
static void each_format_pays_its_own_price(void **state)
{
	struct mm *mm = mm_with_pages(64);
	const struct pt_stats *arm = &mm->pt.stats, *x86 = &mm->twin.stats;
	struct fault_signal sig;
	uint64_t flushes;

	(void)state;
	assert_int_equal(arm->flushes, x86->flushes);
	flushes = x86->flushes;
	pt_test_clear(&mm->pt, VADDR(BASE), PT_DIRTY); /* as a page is written out */
	twin_pt_test_clear(&mm->twin, VADDR(BASE), PT_DIRTY);
	assert_int_equal(x86->flushes, flushes + 1);
	flushes = arm->flushes;
	assert_int_equal(cpu_write(mm, BASE, 1, &sig), 0); /* a fault on ARM, which then flushes */
	assert_int_equal(mm->flag_faults.dirty, 1);
	assert_int_equal(arm->flushes, flushes + 1);
	assert_int_equal(x86->flushes, flushes); /* x86 sets D itself */
	pt_test_clear(&mm->pt, VADDR(BASE), PT_YOUNG);
	assert_int_equal(cpu_write(mm, BASE, 1, &sig), 0);
	assert_int_equal(mm->flag_faults.access_flag, 1);
	assert_int_equal(mm_unmap(mm, BASE, 40 * PAGE_SIZE), 0);
	assert_int_equal(arm->flush[FLUSH_PAGE], arm->flush[FLUSH_REMOTE]);
	assert_int_equal(x86->bbm, 0);
	mm_put(mm);
}

/* A page in place of another: ARM breaks first, x86 does not. */
static void only_arm_breaks_before_it_makes(void **state)
{
	struct mm *mm = mm_with_pages(1), *child = model_fork(mm);
	struct fault_signal sig;

	(void)state;
	assert_int_equal(cpu_write(mm, BASE, 2, &sig), 0); /* copied: the child has the old one */
	assert_int_equal(mm->pt.stats.bbm, 1);
	assert_int_equal(mm->twin.stats.bbm, 0);
	assert_int_equal(mm->pt.stats.stores, mm->twin.stats.stores + 1);
	mm_put(child);
	mm_put(mm);
}

static void totals_outlive_address_spaces(void **state)
{
	struct contrast_totals before, now, after;
	struct mm *mm;

	(void)state;
	contrast_totals(&before);
	mm = mm_with_pages(3);
	contrast_totals(&now);
	assert_int_equal(now.live.leaves, before.live.leaves + 3);
	assert_int_equal(now.twin.leaves, before.twin.leaves + 3);
	assert_int_equal(now.twin_pages, before.twin_pages + PT_LEVELS);
	assert_true(now.twin_peak >= now.twin_pages);
	mm_put(mm);
	contrast_totals(&after);
	assert_int_equal(after.twin.leaves, before.twin.leaves);
	assert_int_equal(after.twin_pages, before.twin_pages);
	assert_true(after.twin.stores > now.twin.stores);
	assert_true(after.live.stores > now.live.stores);
}

/* ---- flushes by kind ---- */

struct flush_case {
	struct flush flush;
	uint64_t arm64[NR_FLUSH_KINDS], x86_64[NR_FLUSH_KINDS]; /* page, space, all, remote */
};

static const struct flush_case flush_cases[] = {
	{{.pages = 1, .tagged = true, .here = true}, {1, 0, 0, 1}, {1, 0, 0, 0}},
	{{.pages = 33, .tagged = true, .here = true}, {33, 0, 0, 33}, {33, 0, 0, 0}},
	{{.pages = 34, .tagged = true, .here = true}, {34, 0, 0, 34}, {0, 1, 0, 0}},
	{{.pages = 65, .tagged = true, .here = true}, {0, 1, 0, 1}, {0, 1, 0, 0}},
	{{.pages = 2, .tagged = true, .here = true, .others = 3}, {2, 0, 0, 2}, {8, 0, 0, 3}},
	{{.pages = 99, .tagged = true, .others = 2}, {0, 1, 0, 1}, {0, 2, 0, 2}},
	{{.pages = 2, .tagged = true, .ran = true}, {2, 0, 0, 2}, {0, 1, 0, 0}},
	{{.pages = 2, .tagged = true}, {2, 0, 0, 2}, {0, 0, 0, 0}},
	{{.pages = 99}, {0, 0, 1, 1}, {0, 0, 0, 0}},
	{{.pages = 3, .kernel = true, .here = true, .others = 3}, {3, 0, 0, 3}, {12, 0, 0, 3}},
	{{.pages = 99, .kernel = true, .here = true, .others = 3}, {0, 0, 1, 1}, {0, 0, 4, 3}},
};

static void flushes_are_counted_by_kind(void **state)
{
	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(flush_cases); i++) {
		const struct flush_case *c = &flush_cases[i];
		uint64_t arm64[NR_FLUSH_KINDS] = {0}, x86_64[NR_FLUSH_KINDS] = {0};

		arm64_count_flush(arm64, &c->flush);
		x86_64_count_flush(x86_64, &c->flush);
		assert_memory_equal(arm64, c->arm64, sizeof(arm64));
		assert_memory_equal(x86_64, c->x86_64, sizeof(x86_64));
	}
}

/* One flush as it next runs, however often it changes till then; interrupts only where it runs. */
static void x86_pays_where_it_runs(void **state)
{
	struct mm *mm = mm_with_pages(8);
	const uint64_t *paid = mm->twin.stats.flush;

	(void)state;
	mmu_switch(&mm->pt);
	mmu_switch(NULL);
	mm_unmap(mm, BASE, PAGE_SIZE);
	mm_unmap(mm, BASE + PAGE_SIZE, PAGE_SIZE);
	assert_int_equal(paid[FLUSH_SPACE], 1);
	assert_int_equal(paid[FLUSH_PAGE], 0);
	mmu_switch(&mm->pt);
	mm_unmap(mm, BASE + 2 * PAGE_SIZE, PAGE_SIZE);
	assert_int_equal(paid[FLUSH_PAGE], 1);
	shim_set_cpu(1);
	mm_unmap(mm, BASE + 3 * PAGE_SIZE, PAGE_SIZE);
	assert_int_equal(paid[FLUSH_REMOTE], 1);
	assert_int_equal(paid[FLUSH_PAGE], 2);
	shim_set_cpu(0);
	mmu_switch(NULL);
	mm_put(mm);
}

/* ---- the kernel's ---- */

static uint64_t count_kernel(bool (*next)(const struct pt *pt, vaddr_t *va, vaddr_t end,
					  struct pt_leaf *out),
			     const struct pt *pt)
{
	vaddr_t va = VADDR(VMALLOC_BASE);
	struct pt_leaf leaf;
	uint64_t n = 0;

	for (; next(pt, &va, VADDR(0), &leaf); n++)
		va.va += PT_SPAN(leaf.level);
	return n;
}

static void the_kernel_has_one_that_all_share(void **state)
{
	vaddr_t va = VADDR(VMALLOC_BASE + SZ_1G);
	struct mm *mm = model_mm();
	struct pt_leaf leaf;

	(void)state;
	assert_int_equal(kernel_pt_map(va, PADDR(SZ_2M), 2 * SZ_2M + PAGE_SIZE, PT_GLOBAL), 0);
	assert_int_equal(twin_pt_query(&mm->twin, va_add(va, 5), &leaf), PTE_LEAF);
	assert_int_equal(leaf.pa.pa, SZ_2M + 5);
	assert_int_equal(leaf.level, 1);
	assert_int_equal(count_kernel(twin_pt_next, &kernel_twin), 3);
	starve(true); /* for the block's parts */
	assert_int_equal(kernel_pt_unmap(va, PAGE_SIZE), 0);
	starve(false);
	assert_int_equal(twin_pt_query(&kernel_twin, va, &leaf), PTE_EMPTY);
	assert_int_equal(count_kernel(twin_pt_next, &kernel_twin), 2);
	assert_true(twin_sync_kernel());
	assert_int_equal(count_kernel(twin_pt_next, &kernel_twin), 511 + 2);
	assert_int_equal(kernel_pt_unmap(va, 2 * SZ_2M + PAGE_SIZE), 0);
	assert_int_equal(count_kernel(twin_pt_next, &kernel_twin), 0);
	mm_put(mm);
}

/* A range that cannot be mapped is not left as it was before. */
static void what_cannot_be_mapped_is_not_there(void **state)
{
	vaddr_t va = VADDR(VMALLOC_BASE + SZ_2M - PAGE_SIZE);
	struct pt_leaf leaf;

	(void)state;
	assert_int_equal(kernel_pt_map(va, PADDR(0), PAGE_SIZE, PT_GLOBAL), 0);
	starve(true); /* for the second page's table */
	assert_int_equal(kernel_pt_map(va, PADDR(SZ_1G), 2 * PAGE_SIZE, PT_GLOBAL), 0);
	starve(false);
	assert_int_equal(twin_pt_query(&kernel_twin, va, &leaf), PTE_EMPTY);
	assert_true(twin_sync_kernel());
	assert_int_equal(twin_pt_query(&kernel_twin, va, &leaf), PTE_LEAF);
	assert_int_equal(leaf.pa.pa, SZ_1G);
	assert_int_equal(kernel_pt_unmap(va, 2 * PAGE_SIZE), 0);
}

/* Other trees have a copy of the root: it gets no new entry. */
static void the_root_is_settled(void **state)
{
	vaddr_t va = VADDR(VMALLOC_BASE + 3 * PT_SPAN(3));
	struct pt_leaf leaf;

	(void)state;
	assert_int_equal(kernel_twin_lost(), 0);
	assert_int_equal(kernel_pt_map(va, PADDR(0), PAGE_SIZE, PT_GLOBAL), 0);
	assert_int_equal(pt_query(&kernel_pt, va, &leaf), PTE_LEAF);
	assert_int_equal(twin_pt_query(&kernel_twin, va, &leaf), PTE_EMPTY);
	assert_int_equal(leaf.level, 3);
	assert_int_equal(kernel_twin_lost(), 1);
	assert_false(twin_sync_kernel());
	assert_int_equal(kernel_pt_unmap(va, PAGE_SIZE), 0);
	assert_true(twin_sync_kernel());
}

/* ---- off ---- */

static void run_without_twins(void)
{
	int64_t before;
	struct mm *mm;

	twin_pt_kernel_half = NULL;
	twin_pt_fini(&kernel_twin);
	shim_param("twin", "off");
	twin_init();
	before = vm_gauges[NR_TWIN_TABLES];
	mm = mm_with_pages(600);
	CHECK(before == 0 && vm_gauges[NR_TWIN_TABLES] == 0 && !kernel_twin.root.pa);
	CHECK(twin_sync(mm) && !mm->twin_lost && !mm->twin.root.pa);
	CHECK(kernel_pt_map(VADDR(VMALLOC_BASE), PADDR(0), PAGE_SIZE, PT_GLOBAL) == 0);
	CHECK(vm_gauges[NR_TWIN_TABLES] == 0);
	mm_put(mm);
}

static void off_means_no_tables(void **state)
{
	(void)state;
	assert_true(shim_child(run_without_twins));
}

static int setup(void **state)
{
	(void)state;
	model_boot(RAM_SIZE);
	low = zones[0].low;
	assert_int_equal(pt_init(&kernel_pt, 0), 0);
	kernel_pt.user = false;
	kernel_pt.live = false;
	twin_init();
	assert_true(twin_enabled && kernel_twin.root.pa);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(twins_follow_random_operations),
		cmocka_unit_test(hardware_flags_are_copied),
		cmocka_unit_test(without_memory_the_live_side_goes_on),
		cmocka_unit_test(a_page_alone_is_brought_back),
		cmocka_unit_test(blocks_that_cannot_be_split_go),
		cmocka_unit_test(tokens_are_kept_and_come_back),
		cmocka_unit_test(each_format_pays_its_own_price),
		cmocka_unit_test(only_arm_breaks_before_it_makes),
		cmocka_unit_test(totals_outlive_address_spaces),
		cmocka_unit_test(flushes_are_counted_by_kind),
		cmocka_unit_test(x86_pays_where_it_runs),
		cmocka_unit_test(the_kernel_has_one_that_all_share),
		cmocka_unit_test(what_cannot_be_mapped_is_not_there),
		cmocka_unit_test(the_root_is_settled),
		cmocka_unit_test(off_means_no_tables),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
