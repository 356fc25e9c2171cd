// SPDX-License-Identifier: BSD-2-Clause
/* The live machine's control registers, as the software MMU wants them. */
#include <arch/sysreg.h>
#include <twofold/explain.h>

struct arm64_mmu arm64_mmu_now(paddr_t user_root)
{
	return (struct arm64_mmu){
		.ttbr0 = user_root.pa,
		.ttbr1 = read_sysreg(ttbr1_el1),
		.tcr = read_sysreg(tcr_el1),
		.sctlr = read_sysreg(sctlr_el1),
		.mair = read_sysreg(mair_el1),
		/* ID_AA64MMFR1_EL1 (Arm ARM D19.2.65): HAFDBS 2 is flags and dirty state, PAN 3
		 * adds EPAN. */
		.hafdbs = id_field(id_aa64mmfr1_el1, 0) >= 2,
		.has_pan = id_field(id_aa64mmfr1_el1, 20) >= 1,
		.has_epan = id_field(id_aa64mmfr1_el1, 20) >= 3,
	};
}
