/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a kernel that lived on these tables would have in x86-64's control registers (Intel SDM
 * volume 3A, 2.5, and 2.2.1 for IA32_EFER): all that protects is on.
 */
#ifndef ARCH_X86_64_CONTROL_H
#define ARCH_X86_64_CONTROL_H

#include <arch/x86_64/ptfmt.h>
#include <twofold/softmmu.h>

#define X86_64_CR0_VALUE (BIT(0) /* PE */ | BIT(16) /* WP */ | BIT(31) /* PG */)
#define X86_64_CR4_VALUE                                                                           \
	(BIT(5) /* PAE */ | BIT(7) /* PGE */ | BIT(20) /* SMEP */ | BIT(21) /* SMAP */)
#define X86_64_EFER_VALUE (BIT(8) /* LME */ | BIT(10) /* LMA */ | BIT(11) /* NXE */)
#define X86_64_MAXPHYADDR 52 /* the most there can be: no address is refused that some CPU takes   \
			      */

static inline struct x86_64_mmu x86_64_mmu_on(paddr_t root)
{
	return (struct x86_64_mmu){
		.cr0 = X86_64_CR0_VALUE,
		.cr3 = root.pa,
		.cr4 = X86_64_CR4_VALUE,
		.efer = X86_64_EFER_VALUE,
		.pat = X86_64_PAT_VALUE,
		.maxphyaddr = X86_64_MAXPHYADDR,
		.page_1g = true,
	};
}

#endif
