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
	bool ok;    /* the access is made, at pa; else it faults */
	paddr_t pa; /* ok */
	int level;  /* of the last entry asked for, 3 (root) to 0; -1: the walk did not begin */
	uint8_t memory_type; /* ok: ARM's MAIR byte, or x86's PAT type (0 UC, 1 WC, 6 WB ...) */
	/* ok: for this privilege, by entries and control bits. Writable counts what the hardware
	 * makes so by itself: ARM's clean pages under HD. */
	bool writable, executable;
	bool global;
	/* Memory references that the walk made; without update(), updates it would have made. */
	unsigned loads, updates;
	unsigned nr_steps;
	struct mmu_step steps[PT_LEVELS]; /* from the root down, of the walk that counted */
	/* The fault, in the machine's own words. */
	uint64_t esr, far; /* ARM: ESR_EL1 (EC, IL, WnR, DFSC or IFSC) and FAR_EL1 */
	uint8_t vector;	   /* x86: 14 #PF, 13 #GP */
	uint32_t error;	   /* x86: its error code */
	uint64_t cr2;	   /* x86: #PF only */
};

/*
 * Stage 1 of the EL1&0 regime, 4 KiB granule, T0SZ and T1SZ from 16 to 39. Not there: LPA2, LVA,
 * S1PIE, E0PD, TBID, stage 2. Alignment, and what memory types do to an access, are for others.
 *
 * Where the manual leaves a choice: T0SZ out of range faults (translation, level 0); address bits
 * of TTBR below the table's size read as zero; HA sets AF only if the access is made.
 */
struct arm64_mmu {
	uint64_t ttbr0, ttbr1, tcr, sctlr, mair; /* as the registers */
	bool pan;				 /* PSTATE.PAN */
	bool hafdbs;	  /* the CPU has FEAT_HAFDBS: TCR_EL1.HA and HD mean something */
	bool has_pan;	  /* the CPU has FEAT_PAN */
	bool has_epan;	  /* the CPU has FEAT_PAN3: SCTLR_EL1.EPAN means something */
	unsigned pa_bits; /* the CPU's, ID_AA64MMFR0_EL1.PARange: caps TCR_EL1.IPS; 0: 48 */
};

/* el: 0 or 1; an LDTR or STTR at EL1 is el 0 for data with `el1_unpriv`, which only the ESR's EC
 * shows. */
void arm64_mmu_access(const struct arm64_mmu *mmu, const struct mmu_memory *memory, vaddr_t va,
		      enum mmu_access access, unsigned el, bool el1_unpriv,
		      struct mmu_result *result);

/*
 * 4-level paging (CR0.PG and CR4.PAE = 1, CR4.LA57 = 0), long mode. PKU, CET and MTRRs are off.
 *
 * Where the manual leaves a choice: A is set in each table entry that the walk passes, even if
 * the access then faults, and in the leaf only if it does not; so does QEMU, but for 1 GiB leaves,
 * marked first. A table that is not there faults as if its entry were all ones: reserved bits set.
 */
struct x86_64_mmu {
	uint64_t cr0, cr3, cr4, efer, pat; /* as the registers */
	bool ac;			   /* EFLAGS.AC: SMAP's exception */
	unsigned maxphyaddr;		   /* CPUID 80000008H:EAX[7:0]; bits above are reserved */
	bool page_1g;			   /* CPUID 80000001H:EDX[26] */
};

/* cpl: 0 or 3. Not for stack references: a non-canonical one is #SS, not #GP. */
void x86_64_mmu_access(const struct x86_64_mmu *mmu, const struct mmu_memory *memory, vaddr_t va,
		       enum mmu_access access, unsigned cpl, struct mmu_result *result);

#endif
