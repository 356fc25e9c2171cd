// SPDX-License-Identifier: BSD-2-Clause
/* Suite "live": the tables that this kernel runs on, looked at and tried out. */
#include <arch/context.h>
#include <arch/uaccess.h>
#include <twofold/boot.h>
#include <twofold/devtree.h>
#include <twofold/page.h>
#include <twofold/selftest.h>
#include <twofold/vmalloc.h>

#define PLAIN (PT_GLOBAL | PT_YOUNG)
#define DATA (PLAIN | PT_WRITE | PT_DIRTY)

static enum pte_kind look(const void *p, struct pt_leaf *leaf)
{
	enum pte_kind kind;

	spin_lock(&kernel_pt_lock);
	kind = pt_query(&kernel_pt, ptr_to_va(p), leaf);
	spin_unlock(&kernel_pt_lock);
	return kind;
}

static bool can_read(const void *p)
{
	uint64_t value;

	return arch_probe_read(ptr_to_va(p), &value);
}

/* Nowhere does the table or the access say that something is there. */
static bool is_hole(const char *p)
{
	struct pt_leaf leaf;

	return look(p, &leaf) == PTE_EMPTY && !can_read(p);
}

/* ---- what the tables say ---- */

SELFTEST(live, nothing_is_writable_and_executable)
{
	vaddr_t va = VADDR(DIRECT_BASE);
	struct pt_leaf leaf;
	unsigned leaves = 0;

	spin_lock(&kernel_pt_lock);
	while (va.va && pt_next(&kernel_pt, &va, VADDR(0), &leaf)) {
		EXPECT(!(leaf.prot & PT_WRITE) || !(leaf.prot & PT_EXEC));
		EXPECT(!(leaf.prot & PT_USER));
		EXPECT(leaf.prot & PT_GLOBAL);
		va.va = (va.va | (PT_SPAN(leaf.level) - 1)) + 1;
		leaves++;
	}
	EXPECT(leaves == kernel_pt.stats.leaves);
	spin_unlock(&kernel_pt_lock);
}

/* Each page of a part of the image, under both of its addresses. */
static void check_part(const char *start, const char *end, prot_t image, prot_t direct)
{
	for (const char *p = start; p < end; p += PAGE_SIZE) {
		struct pt_leaf leaf;
		paddr_t pa = image_pa(p);

		EXPECT(look(p, &leaf) == PTE_LEAF && leaf.pa.pa == pa.pa);
		EXPECT((leaf.prot & (PT_WRITE | PT_EXEC)) == image);
		EXPECT(look(pa_to_ptr(pa), &leaf) == PTE_LEAF && leaf.pa.pa == pa.pa);
		EXPECT((leaf.prot & (PT_WRITE | PT_EXEC)) == direct);
	}
}

SELFTEST(live, text_is_read_only)
{
	check_part(_text, _etext, PT_EXEC, 0);
	EXPECT(!arch_probe_write(ptr_to_va(_text), 0));
	EXPECT(!arch_probe_write(direct_map_va(image_pa(_text)), 0));
}

SELFTEST(live, constants_are_read_only)
{
	check_part(_rodata, _erodata, 0, 0);
	EXPECT(!arch_probe_write(ptr_to_va(_rodata), 0));
	EXPECT(!arch_probe_write(direct_map_va(image_pa(_rodata)), 0));
}

SELFTEST(live, data_is_writable)
{
	static uint64_t datum;

	check_part((const char *)ALIGN_DOWN((uintptr_t)&datum, PAGE_SIZE), (const char *)&datum + 1,
		   PT_WRITE, PT_WRITE);
	EXPECT(arch_probe_write(ptr_to_va(&datum), 1) && READ_ONCE(datum) == 1);
}

/* Memory that nobody may map, the kernel included, is not in the direct map. */
static bool has_no_map(paddr_t pa, uint64_t size)
{
	for (unsigned i = 0; i < machine.nr_reserved; i++) {
		const struct dt_range *r = &machine.reserved[i];

		if (r->no_map && r->start.pa < pa.pa + size && pa.pa < r->start.pa + r->size)
			return true;
	}
	return false;
}

/* A block of the direct map that holds no read-only part of the image must be one leaf. */
static void check_block(paddr_t pa, int level)
{
	struct pt_leaf leaf;
	paddr_t image = image_pa(_image), end = image_pa(_erodata);

	if (pa.pa < end.pa && image.pa < pa.pa + PT_SPAN(level))
		return;
	if (has_no_map(pa, PT_SPAN(level)))
		return;
	EXPECT(look(pa_to_ptr(pa), &leaf) == PTE_LEAF);
	EXPECT(leaf.level >= level && leaf.pa.pa == pa.pa);
	EXPECT((leaf.prot & ~PT_DIRTY) == (DATA & ~PT_DIRTY));
}

SELFTEST(live, direct_map_is_made_of_blocks)
{
	paddr_t start;
	uint64_t size;

	for (unsigned i = 0; frames_ram_range(i, &start, &size); i++)
		for (int level = 1; level <= 2; level++) {
			uint64_t at = ALIGN_UP(start.pa, PT_SPAN(level));

			for (; at + PT_SPAN(level) <= start.pa + size; at += PT_SPAN(level))
				check_block(PADDR(at), level);
		}
}

SELFTEST(live, stacks_and_ranges_have_guard_pages)
{
	uint64_t here;
	char *mine = (char *)ALIGN_DOWN((uintptr_t)&here, 2ul * KSTACK_SIZE);
	char *stack = kstack_alloc(), *range = vmalloc(PAGE_SIZE);

	REQUIRE(stack && range);
	EXPECT(can_read(mine) && is_hole(mine - PAGE_SIZE));
	EXPECT(can_read(stack) && can_read(stack + KSTACK_SIZE - 8));
	EXPECT(is_hole(stack - PAGE_SIZE) && is_hole(stack - 8));
	EXPECT(can_read(range) && is_hole(range - 8) && is_hole(range + PAGE_SIZE));
	vfree(range);
	EXPECT(is_hole(range));
	kstack_free(stack);
}

/* ---- what the machine makes of them ---- */

/* pt_map() in the kernel's tree, where it may need tables: memory is plentiful here. */
static void map(void *at, paddr_t pa, size_t size, prot_t prot)
{
	spin_lock(&kernel_pt_lock);
	EXPECT(!pt_map(&kernel_pt, ptr_to_va(at), pa, size, prot));
	spin_unlock(&kernel_pt_lock);
}

static void unmap(void *at, size_t size)
{
	spin_lock(&kernel_pt_lock);
	EXPECT(!pt_unmap(&kernel_pt, ptr_to_va(at), size));
	spin_unlock(&kernel_pt_lock);
}

static void protect(void *at, size_t size, prot_t clear, prot_t set)
{
	spin_lock(&kernel_pt_lock);
	EXPECT(!pt_protect(&kernel_pt, ptr_to_va(at), size, clear, set));
	spin_unlock(&kernel_pt_lock);
}

/* Whoever remaps sees the new frame at once, not what a TLB remembers. */
SELFTEST(live, remapping_shows_the_new_frame)
{
	uint64_t *at = vmalloc(2 * PAGE_SIZE), value;
	struct pt_leaf first, second;

	REQUIRE(at);
	at[0] = 1;
	at[512] = 2;
	look(&at[0], &first);
	look(&at[512], &second);
	for (int i = 0; i < 100; i++) {
		map(at, second.pa, PAGE_SIZE, DATA);
		EXPECT(arch_probe_read(ptr_to_va(at), &value) && value == 2);
		map(at, first.pa, PAGE_SIZE, DATA);
		EXPECT(arch_probe_read(ptr_to_va(at), &value) && value == 1);
	}
	unmap(at, PAGE_SIZE);
	EXPECT(is_hole((char *)at) && can_read(&at[512]));
	vfree(at);
}

SELFTEST(live, protection_holds)
{
	uint64_t *at = vmalloc(4 * PAGE_SIZE), value;

	REQUIRE(at);
	at[512] = 7;
	protect(&at[512], 2 * PAGE_SIZE, PT_WRITE, 0);
	EXPECT(!arch_probe_write(ptr_to_va(&at[512]), 8));
	EXPECT(!arch_probe_write(ptr_to_va(&at[1535]), 8));
	EXPECT(arch_probe_write(ptr_to_va(&at[511]), 8));
	EXPECT(arch_probe_write(ptr_to_va(&at[1536]), 8));
	EXPECT(arch_probe_read(ptr_to_va(&at[512]), &value) && value == 7);
	protect(&at[512], 2 * PAGE_SIZE, 0, PT_WRITE | PT_DIRTY);
	EXPECT(arch_probe_write(ptr_to_va(&at[512]), 8) && READ_ONCE(at[512]) == 8);
	vfree(at);
}

/* Accessed and dirty come from the hardware, or a fault asks for them; they never stay behind. */
SELFTEST(live, flags_tell_what_happened)
{
	uint64_t *at = vmalloc(PAGE_SIZE);
	struct pt_leaf leaf;
	bool ok;

	REQUIRE(at);
	look(at, &leaf);
	map(at, leaf.pa, PAGE_SIZE, PT_GLOBAL | PT_WRITE);
	ok = can_read(at);
	EXPECT(ok == cpu_has_hafdbs());
	EXPECT(look(at, &leaf) == PTE_LEAF && !(leaf.prot & PT_YOUNG) == !ok);
	protect(at, PAGE_SIZE, 0, PT_YOUNG);
	EXPECT(can_read(at));
	EXPECT(look(at, &leaf) == PTE_LEAF && !(leaf.prot & PT_DIRTY));
	ok = arch_probe_write(ptr_to_va(at), 1);
	EXPECT(look(at, &leaf) == PTE_LEAF && !(leaf.prot & PT_DIRTY) == !ok);
	EXPECT(ok || !cpu_has_hafdbs());
	protect(at, PAGE_SIZE, 0, PT_DIRTY);
	EXPECT(arch_probe_write(ptr_to_va(at), 1));
	vfree(at);
}

/* A 2 MiB block, and what is left of it after a page was taken out. */
SELFTEST(live, a_block_is_split)
{
	char *range = vmalloc(2 * SZ_2M), *at = (char *)ALIGN_UP((uintptr_t)range, SZ_2M);
	struct page *block = alloc_pages(GFP_KERNEL, 9);
	struct pt_leaf leaf;

	if (!range || !block) {
		selftest_skip("memory is too small or too fragmented for 2 MiB");
		goto out;
	}
	map(at, page_to_pa(block), SZ_2M, DATA);
	EXPECT(look(at, &leaf) == PTE_LEAF && leaf.level == 1);
	for (unsigned i = 0; i < PT_ENTRIES; i++)
		*(uint64_t *)(at + i * PAGE_SIZE) = i;
	unmap(at + 5 * PAGE_SIZE, PAGE_SIZE);
	EXPECT(look(at, &leaf) == PTE_LEAF && leaf.level == 0);
	EXPECT(is_hole(at + 5 * PAGE_SIZE));
	for (unsigned i = 0; i < PT_ENTRIES; i++) {
		uint64_t value;

		if (i != 5)
			EXPECT(arch_probe_read(ptr_to_va(at + i * PAGE_SIZE), &value) &&
			       value == i);
	}
out:
	if (range)
		vfree(range);
	if (block)
		free_pages(block, 9);
}
