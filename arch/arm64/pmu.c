// SPDX-License-Identifier: BSD-2-Clause
/* Reading the performance monitors (Arm ARM D8, D19.5); arch/arm64/early_cpu.c started them. */
#include <arch/pmu.h>
#include <arch/sysreg.h>
#include <twofold/types.h>

#define EVENT_INST_RETIRED 0x08
#define PMCR_N(pmcr) (((pmcr) >> 11) & 0x1f) /* event counters */

bool pmu_has(enum pmu_counter counter)
{
	unsigned version = id_field(id_aa64dfr0_el1, 8); /* PMUVer; 0xf: not the architecture's */

	if (version == 0 || version == 0xf)
		return false;
	return counter == PMU_CYCLES || (PMCR_N(read_sysreg(pmcr_el0)) > 0 &&
					 read_sysreg(pmceid0_el0) & BIT(EVENT_INST_RETIRED));
}

void pmu_notify_wraps(bool on)
{
	if (on)
		write_sysreg(pmintenset_el1, BIT(0));
	else
		write_sysreg(pmintenclr_el1, BIT(0));
}

uint64_t pmu_read(enum pmu_counter counter, uint64_t *wraps)
{
	uint64_t count;

	isb(); /* what came before is in the count */
	if (counter == PMU_CYCLES)
		return read_sysreg(pmccntr_el0);
	count = read_sysreg(pmevcntr0_el0);
	if (read_sysreg(pmovsset_el0) & BIT(0)) { /* before or after we read? */
		write_sysreg(pmovsclr_el0, BIT(0));
		isb();
		++*wraps;
		count = read_sysreg(pmevcntr0_el0);
	}
	return *wraps << 32 | (uint32_t)count;
}
