// SPDX-License-Identifier: BSD-2-Clause
/*
 * The first page tables. early_map() runs with the MMU off, at the address that the image was
 * loaded at: it and what it calls must not use absolute addresses, which the small code model never
 * does. boot_map() serves later too, until there is an allocator: the same code, at the image's own
 * address.
 */
#include <twofold/boot.h>
#include <twofold/log.h>

#include "boot.h"
#include "ptfmt.h"

struct early_roots early_roots;

/* What makes a physical address inside the image a pointer that works now: 0 with the MMU off. */
static uint64_t image_offset(void)
{
	return (uintptr_t)_image - early_roots.image;
}

/* A zeroed table's physical address. */
static uint64_t new_table(void)
{
	uint64_t at = (uintptr_t)boot_tables + early_roots.tables_used++ * PAGE_SIZE;

	CHECK(at < (uintptr_t)boot_tables_end);
	return at - image_offset();
}

/* The entry for va at `level`; tables on the way are made. */
static pte_t *find_slot(uint64_t root, uint64_t va, int level)
{
	uint64_t table = root;

	for (int l = PT_LEVELS - 1;; l--) {
		pte_t *slot = (pte_t *)(table + image_offset()) + (va / PT_SPAN(l)) % PT_ENTRIES;

		if (l == level)
			return slot;
		if (arm64_kind(*slot, l) == PTE_EMPTY) {
			*slot = arm64_table(PADDR(new_table()));
			if (root == early_roots.kernel)
				early_roots.nr_tables[l - 1]++;
		}
		table = arm64_addr(*slot, l).pa;
	}
}

static int largest_leaf(uint64_t addresses, uint64_t size)
{
	int level = PT_LEVELS - 1;

	while (!arm64_leaf_ok(level) || addresses % PT_SPAN(level) || size < PT_SPAN(level))
		level--;
	return level;
}

void boot_map(uint64_t root, vaddr_t va, paddr_t pa, uint64_t size, prot_t prot)
{
	while (size) {
		int level = largest_leaf(va.va | pa.pa, size);
		pte_t *slot = find_slot(root, va.va, level);

		/* On to the table's end: no larger leaf fits before that. */
		do {
			*slot++ = arm64_leaf(level, pa, prot);
			va = va_add(va, PT_SPAN(level));
			pa = pa_add(pa, PT_SPAN(level));
			size -= PT_SPAN(level);
			if (root == early_roots.kernel)
				early_roots.nr_leaves++;
		} while (size >= PT_SPAN(level) && va.va / PT_SPAN(level) % PT_ENTRIES);
	}
}

/* A part of the image, named by symbols: their addresses now are physical ones. */
static void map_part(const char *start, const char *end, prot_t prot)
{
	uint64_t pa = (uintptr_t)start;

	boot_map(early_roots.kernel, VADDR(pa - early_roots.image + IMAGE_BASE), PADDR(pa),
		 (uint64_t)(end - start), prot);
}

void early_map(void)
{
	early_roots.image = (uintptr_t)_image;
	early_roots.identity = new_table();
	early_roots.kernel = new_table();
	early_roots.nr_tables[PT_LEVELS - 1] = 1;
	map_part(_image, _etext, KERNEL_RX);
	map_part(__init_begin, __inittext_end, KERNEL_RX);
	map_part(__inittext_end, __init_end, KERNEL_RW);
	map_part(_rodata, _erodata, KERNEL_RO);
	map_part(_data, _edata, KERNEL_RW);
	map_part(__initramfs_begin, __initramfs_finish, KERNEL_RO);
	map_part(__bss_start, boot_stack_guard, KERNEL_RW);
	map_part(boot_stack, _end, KERNEL_RW);
	/* The page that holds head.S, for the moment of switching. */
	boot_map(early_roots.identity, VADDR(early_roots.image), PADDR(early_roots.image),
		 PAGE_SIZE, KERNEL_RX & ~PT_GLOBAL);
}
