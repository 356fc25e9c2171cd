// SPDX-License-Identifier: BSD-2-Clause
/* The machine layer of page tables: stores, barriers and TLB maintenance (Arm ARM D8.13, D8.14). */
#include <arch/sysreg.h>
#include <twofold/page.h>
#include <twofold/pt.h>

#include "asid.h"
#include "boot.h"

/* More pages than this: the whole ASID (or all kernel entries) is cheaper than one by one. */
#define FLUSH_MAX_PAGES 64
#define TLBI_ASID_SHIFT 48
#define TLBI_VA_MASK GENMASK(43, 0) /* VA[55:12] */

#define tlbi(op, arg) __asm__ volatile("tlbi " #op ", %0" ::"r"(arg) : "memory")

/* For a program's entries the ERET that takes us back is the context synchronisation; LDTR in the
 * kernel that misses one faults again, and finds it. */
void mmu_publish(bool kernel)
{
	__asm__ volatile("dsb ishst" ::: "memory");
	if (kernel)
		isb();
}

static void flush_pages(uint64_t operand, uint64_t pages, bool tables)
{
	for (; pages; pages--, operand++) {
		if (tables)
			tlbi(vae1is, operand);
		else
			tlbi(vale1is, operand);
	}
}

/* Addresses of a space that has no ASID yet: some core may be about to give it one. */
static void flush_any_asid(uint64_t operand, uint64_t pages)
{
	if (pages > FLUSH_MAX_PAGES)
		__asm__ volatile("tlbi vmalle1is" ::: "memory");
	else
		for (; pages; pages--, operand++)
			tlbi(vaae1is, operand);
}

void mmu_flush(uint64_t asid, vaddr_t va, uint64_t size, bool tables)
{
	uint64_t tag = (asid & ASID_MASK) << TLBI_ASID_SHIFT, pages = size >> PAGE_SHIFT;
	uint64_t operand = tag | (va.va >> PAGE_SHIFT & TLBI_VA_MASK);
	bool kernel = va.va >> 63;

	__asm__ volatile("dsb ishst" ::: "memory");
	if (!kernel && !tag)
		flush_any_asid(operand, pages);
	else if (pages <= FLUSH_MAX_PAGES)
		flush_pages(operand, pages, tables);
	else if (kernel)
		__asm__ volatile("tlbi vmalle1is" ::: "memory");
	else
		tlbi(aside1is, tag);
	__asm__ volatile("dsb ish" ::: "memory");
	if (kernel)
		isb();
}

static uint64_t empty_table[PT_ENTRIES] __aligned(4096);

void mmu_no_user(void)
{
	write_sysreg(ttbr0_el1, image_pa(empty_table).pa);
	isb();
}

void mmu_switch(struct pt *pt)
{
	if (!pt) {
		mmu_no_user();
		return;
	}
	write_sysreg(ttbr0_el1, pt->root.pa | asid_get(pt) << TLBI_ASID_SHIFT);
	isb();
}

/* Its ASID is taken at most until the generation ends: nothing to give back. */
void mmu_release(struct pt *pt)
{
	if ((read_sysreg(ttbr0_el1) & GENMASK(47, 1)) == pt->root.pa)
		mmu_no_user();
}
