// SPDX-License-Identifier: BSD-2-Clause
/* A core's own registers, set before its MMU is on. Fields: Arm ARM D19.2, by register name. */
#include <arch/sysreg.h>

#include "boot.h"
#include "ptfmt.h"

#define SCTLR_RES1 (BIT(29) | BIT(28) | BIT(22) | BIT(20) | BIT(11) | BIT(8) | BIT(7))
#define SCTLR_M BIT(0)
#define SCTLR_C BIT(2)
#define SCTLR_SA BIT(3)	 /* SP alignment, EL1 ... */
#define SCTLR_SA0 BIT(4) /* ... and EL0 */
#define SCTLR_I BIT(12)
#define SCTLR_DZE BIT(14)  /* EL0 may DC ZVA, */
#define SCTLR_UCT BIT(15)  /* read CTR_EL0, */
#define SCTLR_NTWI BIT(16) /* WFI, */
#define SCTLR_NTWE BIT(18) /* WFE, */
#define SCTLR_UCI BIT(26)  /* and maintain caches. SPAN (23) clear: exceptions set PAN */

#define TCR_SIZE_48 (16ull | 16ull << 16)				/* T0SZ, T1SZ */
#define TCR_WALKS_WB (1ull << 8 | 1ull << 10 | 1ull << 24 | 1ull << 26) /* IRGN, ORGN: WBWA */
#define TCR_WALKS_ISH (3ull << 12 | 3ull << 28) /* SH0, SH1: inner shareable */
#define TCR_TG1_4K (2ull << 30)
#define TCR_IPS_SHIFT 32
#define TCR_AS BIT(36) /* 16-bit ASIDs */
#define TCR_TBI0 BIT(37)
#define TCR_HA BIT(39)
#define TCR_HD BIT(40)
#define IPS_48_BITS 5u

#define CPACR_FPEN (3ull << 20) /* FP/SIMD untrapped */
#define CNTKCTL_EL0VCTEN BIT(1)

#define PMCR_E BIT(0)
#define PMCR_P BIT(1)
#define PMCR_C BIT(2)
#define PMCR_LC BIT(6)
#define PMU_INST_RETIRED 0x08
#define PMUSERENR_ALL 0xf

static uint64_t tcr_value(void)
{
	uint64_t tcr = TCR_SIZE_48 | TCR_WALKS_WB | TCR_WALKS_ISH | TCR_TG1_4K | TCR_TBI0;
	unsigned pa_range = id_field(id_aa64mmfr0_el1, 0);
	unsigned hafdbs = id_field(id_aa64mmfr1_el1, 0);

	tcr |= (uint64_t)MIN(pa_range, IPS_48_BITS) << TCR_IPS_SHIFT;
	if (id_field(id_aa64mmfr0_el1, 4) == 2)
		tcr |= TCR_AS;
	if (hafdbs >= 1)
		tcr |= TCR_HA;
	if (hafdbs >= 2)
		tcr |= TCR_HD;
	return tcr;
}

/* Programs may count cycles and instructions: event counter 0 starts as INST_RETIRED. */
static void pmu_setup(void)
{
	unsigned version = id_field(id_aa64dfr0_el1, 8);
	unsigned counters;

	if (version == 0 || version == 0xf)
		return;
	counters = (read_sysreg(pmcr_el0) >> 11) & 0x1f;
	write_sysreg(pmcr_el0, PMCR_E | PMCR_P | PMCR_C | PMCR_LC);
	write_sysreg(pmintenclr_el1, 0xffffffff);
	write_sysreg(pmccfiltr_el0, 0);
	if (counters)
		write_sysreg(pmevtyper0_el0, PMU_INST_RETIRED);
	write_sysreg(pmcntenset_el0, BIT(31) | (counters ? 1 : 0));
	write_sysreg(pmuserenr_el0, PMUSERENR_ALL);
}

uint64_t early_cpu_setup(void)
{
	write_sysreg(cpacr_el1, CPACR_FPEN);
	write_sysreg(mdscr_el1, 0);
	write_sysreg(cntkctl_el1, CNTKCTL_EL0VCTEN);
	pmu_setup();
	write_sysreg(mair_el1, ARM64_MAIR_VALUE);
	write_sysreg(tcr_el1, tcr_value());
	write_sysreg(ttbr0_el1, early_roots.identity);
	write_sysreg(ttbr1_el1, early_roots.kernel);
	__asm__ volatile("isb\n\ttlbi vmalle1\n\tdsb nsh\n\tisb" ::: "memory");
	return SCTLR_RES1 | SCTLR_M | SCTLR_C | SCTLR_SA | SCTLR_SA0 | SCTLR_I | SCTLR_DZE |
	       SCTLR_UCT | SCTLR_NTWI | SCTLR_NTWE | SCTLR_UCI;
}
