// SPDX-License-Identifier: BSD-2-Clause
/* From the MMU switch to main(), and the direct map. */
#include <arch/sysreg.h>
#include <twofold/boot.h>
#include <twofold/devtree.h>
#include <twofold/log.h>
#include <twofold/page.h>
#include <twofold/vmalloc.h>

#include "boot.h"

#define DTB_MAGIC 0xd00dfeed
#define DTB_MAX SZ_2M /* Linux's limit: Documentation/arch/arm64/booting.rst */
#define MPIDR_AFFINITY 0xff00ffffffull
#define FIXMAP_DEVICE_BASE (FIXMAP_BASE + FIXMAP_SIZE - (FIXMAP_DEVICES + 1) * PAGE_SIZE)

_Static_assert(DTB_MAX + PAGE_SIZE <= FIXMAP_DEVICE_BASE - FIXMAP_BASE, "fixmap");

paddr_t image_pa(const void *p)
{
	CHECK(p >= (const void *)_image && p <= (const void *)_end);
	return PADDR((uintptr_t)p - IMAGE_BASE + early_roots.image);
}

static void kernel_map(uint64_t va, uint64_t pa, uint64_t size, prot_t prot)
{
	boot_map(early_roots.kernel, VADDR(va), PADDR(pa), size, prot);
	mmu_publish(true);
}

void *fixmap_device(paddr_t pa)
{
	static unsigned used;
	uint64_t va = FIXMAP_DEVICE_BASE + used++ * PAGE_SIZE;

	CHECK(used <= FIXMAP_DEVICES);
	kernel_map(va, pa.pa & PAGE_MASK, PAGE_SIZE, KERNEL_RW | PT_DEVICE);
	return va_to_ptr(VADDR(va + pa.pa % PAGE_SIZE));
}

/* Maps its first page, to learn its size, then the rest. 0: there is no tree at `dtb`. */
static size_t map_dtb(paddr_t dtb)
{
	uint64_t start = dtb.pa & PAGE_MASK, first = start + PAGE_SIZE;
	const uint32_t *header = va_to_ptr(VADDR(FIXMAP_BASE + dtb.pa % PAGE_SIZE));
	uint64_t size, end;

	if (!dtb.pa || dtb.pa % sizeof(uint64_t))
		return 0;
	kernel_map(FIXMAP_BASE, start, PAGE_SIZE, KERNEL_RO);
	if (__builtin_bswap32(header[0]) != DTB_MAGIC)
		return 0;
	size = __builtin_bswap32(header[1]);
	if (size > DTB_MAX)
		return 0;
	end = ALIGN_UP(dtb.pa + size, PAGE_SIZE);
	if (end > first)
		kernel_map(FIXMAP_BASE + PAGE_SIZE, first, end - first, KERNEL_RO);
	return size;
}

void boot_main(paddr_t dtb)
{
	struct cpu *cpu = this_cpu();
	size_t size;

	cpu->mpidr = read_sysreg(mpidr_el1) & MPIDR_AFFINITY;
	cpu->boot_stack = boot_stack;
	cpu->online = true;
	size = map_dtb(dtb);
	main(size ? va_to_ptr(VADDR(FIXMAP_BASE + dtb.pa % PAGE_SIZE)) : NULL, size, dtb);
}

/* The part of [start, end) in [lo, hi), in the direct map. */
static void map_within(uint64_t start, uint64_t end, uint64_t lo, uint64_t hi, prot_t prot)
{
	start = MAX(start, lo);
	end = MIN(end, hi);
	if (start < end)
		kernel_map(direct_map_va(PADDR(start)).va, start, end - start, prot);
}

/*
 * Text and constants are read-only here too: they are cut out of the large leaves around them
 * now, for good, and nothing is ever split.
 */
static void map_ram_range(uint64_t start, uint64_t end)
{
	uint64_t text = image_pa(_image).pa, etext = image_pa(_etext).pa;
	uint64_t rodata = image_pa(_rodata).pa, erodata = image_pa(_erodata).pa;

	map_within(start, end, 0, text, KERNEL_RW);
	map_within(start, end, text, etext, KERNEL_RO);
	map_within(start, end, etext, rodata, KERNEL_RW);
	map_within(start, end, rodata, erodata, KERNEL_RO);
	map_within(start, end, erodata, DIRECT_END - DIRECT_BASE, KERNEL_RW);
}

/*
 * What the device tree wants `no-map` stays out, in whole pages: a cached mapping is enough for a
 * core to read there by speculation, which a secure range may answer with an error.
 */
static void map_but_holes(uint64_t start, uint64_t end)
{
	for (unsigned i = 0; i < machine.nr_reserved; i++) { /* ascending; they may overlap */
		const struct dt_range *hole = &machine.reserved[i];

		if (!hole->no_map || hole->start.pa + hole->size <= start)
			continue;
		map_ram_range(start, MIN(end, hole->start.pa & PAGE_MASK));
		start = ALIGN_UP(hole->start.pa + hole->size, PAGE_SIZE);
	}
	map_ram_range(start, end);
}

bool in_direct_map(paddr_t pa)
{
	uint64_t page = pa.pa & PAGE_MASK;
	bool mapped = false;
	paddr_t start;
	uint64_t size;

	for (unsigned i = 0; frames_ram_range(i, &start, &size); i++)
		mapped |= page >= start.pa && page < start.pa + size;
	for (unsigned i = 0; i < machine.nr_reserved; i++) {
		const struct dt_range *hole = &machine.reserved[i];

		if (hole->no_map && page + PAGE_SIZE > hole->start.pa &&
		    page < hole->start.pa + hole->size)
			mapped = false;
	}
	return mapped;
}

void arch_map_ram(void)
{
	paddr_t start;
	uint64_t size;

	for (unsigned i = 0; frames_ram_range(i, &start, &size); i++)
		map_but_holes(start.pa, start.pa + size);
	kernel_pt.root = PADDR(early_roots.kernel);
	kernel_pt.live = true;
	for (int l = 0; l < PT_LEVELS; l++)
		kernel_pt.stats.tables[l] = early_roots.nr_tables[l];
	kernel_pt.stats.leaves = early_roots.nr_leaves;
}

/*
 * Frees boot's own text and data, and the tables that nobody needed. The latter stay mapped at the
 * image's address, writable as in the direct map. The identity map is in no core's TTBR0 any more;
 * its few tables stay, for cores that PSCI starts later.
 */
void arch_boot_finish(void)
{
	uint64_t init = (uint64_t)(__init_end - __init_begin);
	char *tables = boot_tables + early_roots.tables_used * PAGE_SIZE;

	if (init) {
		CHECK(kernel_pt_unmap(ptr_to_va(__init_begin), init) == 0);
		frames_release(image_pa(__init_begin), init);
	}
	frames_release(image_pa(tables), (uint64_t)(boot_tables_end - tables));
}
