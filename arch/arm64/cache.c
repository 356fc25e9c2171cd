// SPDX-License-Identifier: BSD-2-Clause
/* Cache maintenance by address (Arm ARM D7.5). Line sizes: CTR_EL0. */
#include <arch/cpu.h>
#include <arch/sysreg.h>

#define CTR_IDC BIT(28) /* instruction fetches see data without cleaning to the PoU */
#define CTR_DIC BIT(29) /* ... and without invalidating the instruction cache */
#define CTR_L1IP_SHIFT 14
#define CTR_L1IP_PIPT 3

/* MIDR_EL1: implementer, architecture, part number. */
#define MIDR_MODEL 0xff0ffff0u
#define MIDR_CORTEX_A53 0x410fd030u

#define for_each_line(op, start, end, line)                                                        \
	for (uintptr_t at_ = ALIGN_DOWN(start, line); at_ < (end); at_ += (line))                  \
	__asm__ volatile(op ", %0" ::"r"(at_) : "memory")

static uintptr_t dcache_line(void)
{
	return 4ul << ((read_sysreg(ctr_el0) >> 16) & 0xf);
}

static void dsb_sy(void)
{
	__asm__ volatile("dsb sy" ::: "memory");
}

void dcache_clean_inval(const void *p, size_t len)
{
	uintptr_t start = (uintptr_t)p, line = dcache_line();

	for_each_line("dc civac", start, start + len, line);
	dsb_sy();
}

/*
 * A53s may lose a plain clean (early ones by errata 819472, 824069, 826319, 827319, later ones by
 * 855873, unless firmware has set CPUACTLR_EL1.ENDCCASCI; Arm ARM-EPM-048406): invalidates too.
 */
void dcache_clean(const void *p, size_t len)
{
	dcache_clean_inval(p, len);
}

/* A line that is only partly ours is written back first. */
void dcache_inval(const void *p, size_t len)
{
	uintptr_t start = (uintptr_t)p, end = start + len, line = dcache_line();

	if (start % line)
		__asm__ volatile("dc civac, %0" ::"r"(start) : "memory");
	if (end % line)
		__asm__ volatile("dc civac, %0" ::"r"(end) : "memory");
	for_each_line("dc ivac", ALIGN_UP(start, line), ALIGN_DOWN(end, line), line);
	dsb_sy();
}

/* To where instruction fetches see it; on an A53 as in dcache_clean(), for the same reason. */
static void clean_to_unification(uintptr_t start, uintptr_t end)
{
	if ((read_sysreg(midr_el1) & MIDR_MODEL) == MIDR_CORTEX_A53)
		for_each_line("dc civac", start, end, dcache_line());
	else
		for_each_line("dc cvau", start, end, dcache_line());
}

void icache_sync(const void *p, size_t len)
{
	uintptr_t start = (uintptr_t)p, end = start + len;
	uint64_t ctr = read_sysreg(ctr_el0);

	if (!(ctr & CTR_IDC))
		clean_to_unification(start, end);
	__asm__ volatile("dsb ish" ::: "memory");
	if (!(ctr & CTR_DIC)) {
		/* Programs execute it at another address: that is one line only in a PIPT cache. */
		if ((ctr >> CTR_L1IP_SHIFT & 3) == CTR_L1IP_PIPT)
			for_each_line("ic ivau", start, end, 4ul << (ctr & 0xf));
		else
			__asm__ volatile("ic ialluis" ::: "memory");
		__asm__ volatile("dsb ish" ::: "memory");
	}
	isb();
}
