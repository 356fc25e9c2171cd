/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One access at a time, made by this core and predicted by the software MMU: address translation
 * instructions, real loads, stores and fetches at EL1 and EL0. What comes of each (physical
 * address, attributes or ESR and FAR, and the entries as they are afterwards) must be the same.
 */
#ifndef TARGET_MMU_PROBE_H
#define TARGET_MMU_PROBE_H

#include <arch/irqflags.h>
#include <twofold/softmmu.h>

/* A way to touch an address. */
struct mmu_way {
	const char *name;
	enum mmu_access access;
	unsigned el;
	bool unprivileged;	    /* LDTR, STTR */
	uint64_t (*at)(vaddr_t va); /* gives PAR_EL1; NULL: a real access */
	bool obeys_pan;
};

#define NR_MMU_WAYS 14
extern const struct mmu_way mmu_ways[NR_MMU_WAYS];

/* Control bits in force while probing; the rest is as the kernel runs. */
struct mmu_settings {
	bool pan;	   /* PSTATE.PAN */
	bool ha, hd, hpd0; /* TCR_EL1 */
	bool wxn;	   /* SCTLR_EL1 */
};

/* Whether this CPU has what the settings ask for. */
bool mmu_settings_possible(const struct mmu_settings *set);

struct mmu_session {
	const struct mmu_settings *set;
	vaddr_t user_stubs; /* where EL0 finds a copy of mmu_stubs; 0: EL0 loads and stores nothing
			     */
	/* What is reached is somebody's: nothing is stored there. */
	bool look_only;
	/* mmu_begin()'s */
	struct arm64_mmu mmu;
	irqflags_t flags;
	uint64_t tcr, sctlr;
};

/* This core with interrupts masked, the settings in force and an empty TLB, until mmu_end(). */
void mmu_begin(struct mmu_session *s);
void mmu_end(struct mmu_session *s);
/* This core's TLB forgets the address, under any ASID, tables included. */
void mmu_forget(vaddr_t va);

/* May this way be tried on this CPU, from here? */
bool mmu_way_possible(const struct mmu_session *s, const struct mmu_way *way);
/* What the software MMU says; entries stay as they are. */
void mmu_predict(const struct mmu_session *s, const struct mmu_way *way, vaddr_t va,
		 struct mmu_result *result);
/* Does it and compares. The TLB must not know the address. Left out: real accesses of devices, and
 * fetches that would succeed where no MMU_SVC stands. */
void mmu_probe(const struct mmu_session *s, const struct mmu_way *way, vaddr_t va);
/* A real access, and nothing predicted: true if it was made, and of the memory at pa. */
bool mmu_try(const struct mmu_session *s, const struct mmu_way *way, vaddr_t va, paddr_t pa);
/* All ways that are possible, one after another; but no instruction of address translation where it
 * could set flags (HA, HD): the entries may be somebody's. */
void mmu_probe_all(const struct mmu_session *s, vaddr_t va);

#define MMU_SVC(imm) (0xd4000001u | (uint32_t)(imm) << 5) /* Arm ARM C6.2, SVC */
/* Fills a frame with code and data that tell where they lie. */
void mmu_fill(paddr_t page);
#define MMU_STUBS_SIZE 32
extern const char mmu_stubs[MMU_STUBS_SIZE];

/* Since mmu_tally_begin(). mmu_tally_end() prints them; false: some differed. */
void mmu_tally_begin(void);
bool mmu_tally_end(void);

#endif
