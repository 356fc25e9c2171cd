/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Software MMUs: what a CPU does with one access, worked out from the tables as the manuals say
 * (Arm ARM DDI 0487, D8; Intel SDM volume 3A, chapter 4). They read entries as the hardware does,
 * not through arch/<format>/ptfmt.h, so that each checks the other.
 *
 * Pure: all memory is behind struct mmu_memory, all control bits in the CPU's struct. Any number
 * may run at once. Built into the kernel, host tests, the oracle and user programs.
 */
#ifndef TWOFOLD_SOFTMMU_H
#define TWOFOLD_SOFTMMU_H

#include <twofold/pt.h>

enum mmu_access { MMU_READ, MMU_WRITE, MMU_EXEC };

/* Memory as a table walk sees it. */
struct mmu_memory {
	/* *value becomes the entry at pa. False: nothing is there. */
	bool (*load)(void *arg, paddr_t pa, uint64_t *value);
	/* Replaces old by new at once. False: it was not old any more, the walk starts over. NULL:
	 * accessed and dirty bits are told in the result only. */
	bool (*update)(void *arg, paddr_t pa, uint64_t old, uint64_t new);
	void *arg;
};

/* One entry that a walk read, and what it is after the access. */
struct mmu_step {
	paddr_t at;
	uint64_t was, is;
};

struct mmu_result {
	bool ok;     /* the access is made, at pa; else it faults */
	paddr_t pa;  /* ok */
	int level;   /* of the last entry read, 3 (root) to 0; -1: the walk did not begin */
	uint8_t memory_type; /* ok: ARM's MAIR byte, or x86's PAT type (0 UC, 1 WC, 6 WB ...) */
	bool writable, executable; /* ok: for this privilege, by entries and control bits */
	bool global;
	unsigned loads, updates;   /* memory references that the walk made */
	unsigned nr_steps;
	struct mmu_step steps[PT_LEVELS]; /* from the root down */
	/* The fault, in the machine's own words. */
	uint64_t esr, far;	/* ARM: ESR_EL1 (EC, IL, WnR, DFSC or IFSC) and FAR_EL1 */
	uint8_t vector;		/* x86: 14 #PF, 13 #GP */
	uint32_t error;		/* x86: its error code */
	uint64_t cr2;		/* x86: #PF only */
};

/* Stage 1 of the EL1&0 regime, 4 KiB granule, T0SZ and T1SZ as given, no LPA2, no FEAT_S1PIE. */
struct arm64_mmu {
	uint64_t ttbr0, ttbr1, tcr, sctlr, mair; /* as the registers */
	bool pan;	/* PSTATE.PAN */
	bool hafdbs;	/* the CPU has FEAT_HAFDBS: TCR_EL1.HA and HD mean something */
	bool has_pan;	/* the CPU has FEAT_PAN */
};

/* el: 0 or 1; an LDTR or STTR at EL1 is el 0 for data with `el1_unpriv`, which only the ESR's EC
 * shows. */
void arm64_mmu_access(const struct arm64_mmu *mmu, const struct mmu_memory *memory, vaddr_t va,
		      enum mmu_access access, unsigned el, bool el1_unpriv,
		      struct mmu_result *result);

/* 4-level paging (CR4.LA57 = 0), long mode. */
struct x86_64_mmu {
	uint64_t cr0, cr3, cr4, efer, pat; /* as the registers */
	bool ac;		 /* EFLAGS.AC: SMAP's exception */
	unsigned maxphyaddr;	 /* CPUID 80000008H:EAX[7:0]; bits above are reserved */
	bool page_1g;		 /* CPUID 80000001H:EDX[26] */
};

/* cpl: 0 or 3. PKU and CET are off. */
void x86_64_mmu_access(const struct x86_64_mmu *mmu, const struct mmu_memory *memory, vaddr_t va,
		       enum mmu_access access, unsigned cpl, struct mmu_result *result);

#endif
