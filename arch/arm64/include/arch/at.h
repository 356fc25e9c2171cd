/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Address translation instructions: what this core's MMU makes of an address, without an access
 * (Arm ARM C5.5, AT S1E0R and kin; D19.2, PAR_EL1). They may set the accessed flag and the dirty
 * state where TCR_EL1.HA and HD are on. Interrupts masked, or an exception may change PAR_EL1.
 */
#ifndef ARCH_AT_H
#define ARCH_AT_H

#include <arch/sysreg.h>
#include <twofold/addr.h>

#define PAR_F BIT(0)		 /* it would fault: */
#define PAR_FST GENMASK(6, 1)	 /* the fault status code */
#define PAR_SH GENMASK(8, 7)	 /* no fault: shareability, */
#define PAR_PA GENMASK(47, 12)	 /* the page's address, */
#define PAR_ATTR GENMASK(63, 56) /* and a byte as in MAIR_EL1 */

/* By encoding: assemblers want -march=armv8.2-a for the names of the last two. */
#define ARCH_AT(name, crm, op2)                                                                    \
	static inline uint64_t at_##name(vaddr_t va)                                               \
	{                                                                                          \
		__asm__ volatile("sys #0, c7, c" #crm ", #" #op2 ", %0\n\tisb" ::"r"(va.va)        \
				 : "memory");                                                      \
		return read_sysreg(par_el1);                                                       \
	}
ARCH_AT(s1e1r, 8, 0)
ARCH_AT(s1e1w, 8, 1)
ARCH_AT(s1e0r, 8, 2)
ARCH_AT(s1e0w, 8, 3)
/* FEAT_PAN2: as EL1's own accesses, PSTATE.PAN obeyed. */
ARCH_AT(s1e1rp, 9, 0)
ARCH_AT(s1e1wp, 9, 1)
#undef ARCH_AT

#endif
