// SPDX-License-Identifier: BSD-2-Clause
/* The machine layer of page tables: stores, barriers and TLB maintenance (Arm ARM D8.13, D8.14). */
#include <arch/sysreg.h>
#include <twofold/page.h>
#include <twofold/pt.h>

#include "arch/arm64/flush.h"
#include "asid.h"
#include "boot.h"

#define TLBI_ASID_SHIFT 48
#define TLBI_VA_MASK GENMASK(43, 0) /* VA[55:12] */

#define tlbi(op, arg) __asm__ volatile("tlbi " #op ", %0" ::"r"(arg) : "memory")

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
	for (; pages; pages--, operand++)
		tlbi(vaae1is, operand);
}

void mmu_flush(uint64_t asid, vaddr_t va, uint64_t size, bool tables)
{
	uint64_t tag = (asid & ASID_MASK) << TLBI_ASID_SHIFT;
	uint64_t operand = tag | (va.va >> PAGE_SHIFT & TLBI_VA_MASK);
	struct flush f = {.pages = size >> PAGE_SHIFT, .kernel = va.va >> 63, .tagged = tag};
	enum pt_flush kind = arm64_flush_kind(&f);

	__asm__ volatile("dsb ishst" ::: "memory");
	if (likely(f.pages == 1 && tag && !tables))
		tlbi(vale1is, operand);
	else if (kind == FLUSH_ALL)
		__asm__ volatile("tlbi vmalle1is" ::: "memory");
	else if (kind == FLUSH_SPACE)
		tlbi(aside1is, tag);
	else if (f.kernel || f.tagged)
		flush_pages(operand, f.pages, tables);
	else
		flush_any_asid(operand, f.pages);
	__asm__ volatile("dsb ish" ::: "memory");
	if (f.kernel)
		isb();
}

static uint64_t empty_table[PT_ENTRIES] __aligned(4096);

/* What each core has in its lower half; written by that core. */
static struct pt *running[NR_CPUS];

void mmu_no_user(void)
{
	WRITE_ONCE(running[cpu_id()], NULL);
	write_sysreg(ttbr0_el1, image_pa(empty_table).pa);
	isb();
}

void mmu_switch(struct pt *pt)
{
	if (!pt) {
		mmu_no_user();
		return;
	}
	WRITE_ONCE(running[cpu_id()], pt);
	WRITE_ONCE(pt->ran, true);
	write_sysreg(ttbr0_el1, pt->root.pa | asid_get(pt) << TLBI_ASID_SHIFT);
	isb();
}

unsigned mmu_running(const struct pt *pt, bool *here)
{
	unsigned cores = 0;

	for (unsigned cpu = 0; cpu < nr_cpus; cpu++)
		cores += READ_ONCE(running[cpu]) == pt;
	*here = running[cpu_id()] == pt;
	return cores - *here;
}

/* Its ASID is taken at most until the generation ends: nothing to give back. */
void mmu_release(struct pt *pt)
{
	if ((read_sysreg(ttbr0_el1) & GENMASK(47, 1)) == pt->root.pa)
		mmu_no_user();
}
