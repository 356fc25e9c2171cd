// SPDX-License-Identifier: BSD-2-Clause
/*
 * What an x86-64 CPU does with one access: 4-level paging, Intel SDM volume 3A, chapter 4
 * (325384). Written from the manual alone; ptfmt.h is the other reading of it.
 */
#include <twofold/softmmu_walk.h>

/* 4.5.4, tables 4-15 to 4-20. */
#define ENTRY_P BIT(0)
#define ENTRY_RW BIT(1)
#define ENTRY_US BIT(2)
#define ENTRY_PWT BIT(3)
#define ENTRY_PCD BIT(4)
#define ENTRY_A BIT(5)
#define ENTRY_D BIT(6)
#define ENTRY_PS BIT(7)
#define ENTRY_PAT_PTE BIT(7)
#define ENTRY_PAT_LARGE BIT(12)
#define ENTRY_G BIT(8)
#define ENTRY_ADDRESS GENMASK(51, 12)
#define ENTRY_XD BIT(63)

/* 2.5 and 2.2.1: control bits. */
#define CR0_WP BIT(16)
#define CR4_PGE BIT(7)
#define CR4_SMEP BIT(20)
#define CR4_SMAP BIT(21)
#define EFER_NXE BIT(11)

/* 4.7, figure 4-12: the error code of a page fault. */
#define ERROR_P 0x01u
#define ERROR_WR 0x02u
#define ERROR_US 0x04u
#define ERROR_RSVD 0x08u
#define ERROR_ID 0x10u

/* 6.15. */
#define VECTOR_GP 13
#define VECTOR_PF 14

struct walk {
	const struct x86_64_mmu *mmu;
	const struct mmu_memory *memory;
	struct mmu_result *result;
	uint64_t va;
	enum mmu_access access;
	bool user;
	uint64_t all; /* AND of the entries so far: U/S and R/W hold if every level grants them */
	uint64_t any; /* OR: XD holds if one level says so */
};

/* The walk is over. `why`: P and RSVD; the other bits of the error code tell of the access. */
static bool page_fault(struct walk *w, uint32_t why)
{
	bool xd = w->mmu->efer & EFER_NXE, smep = w->mmu->cr4 & CR4_SMEP;

	w->result->vector = VECTOR_PF;
	w->result->cr2 = w->va;
	w->result->error = why | (w->access == MMU_WRITE ? ERROR_WR : 0) |
			   (w->user ? ERROR_US : 0) |
			   (w->access == MMU_EXEC && (xd || smep) ? ERROR_ID : 0);
	return true;
}

/* 4.5.4: the bits that must be zero in a present entry. */
static uint64_t reserved_bits(const struct x86_64_mmu *mmu, int level, uint64_t entry)
{
	uint64_t bits = GENMASK(51, 12) & ~(BIT(mmu->maxphyaddr) - 1);

	if (!(mmu->efer & EFER_NXE))
		bits |= ENTRY_XD;
	if (level == 3 || (level == 2 && !mmu->page_1g))
		bits |= ENTRY_PS;
	else if (level > 0 && entry & ENTRY_PS)
		bits |= (PT_SPAN(level) - 1) & GENMASK(51, 13);
	return bits;
}

/* 4.6.1: what this privilege may do. An address is a user's if U/S is 1 in every entry. */
static struct mmu_rights rights(const struct walk *w)
{
	const struct x86_64_mmu *mmu = w->mmu;
	bool user_page = w->all & ENTRY_US;
	struct mmu_rights r = {true, w->all & ENTRY_RW, !(w->any & ENTRY_XD)};

	if (w->user)
		return user_page ? r : (struct mmu_rights){0};
	if (!(mmu->cr0 & CR0_WP))
		r.write = true;
	if (user_page && mmu->cr4 & CR4_SMAP && !mmu->ac)
		r.read = r.write = false;
	if (user_page && mmu->cr4 & CR4_SMEP)
		r.exec = false;
	return r;
}

/* 4.9.2: PAT, PCD and PWT of the leaf choose a byte of IA32_PAT. */
static uint8_t pat_type(const struct x86_64_mmu *mmu, uint64_t leaf, int level)
{
	bool pat = leaf & (level ? ENTRY_PAT_LARGE : ENTRY_PAT_PTE);
	unsigned index = pat << 2 | !!(leaf & ENTRY_PCD) << 1 | !!(leaf & ENTRY_PWT);

	return mmu->pat >> (8 * index) & 7;
}

/* The walk has come to a page. False: its entry changed meanwhile. */
static bool reach(struct walk *w, int level, uint64_t leaf)
{
	uint64_t offset = PT_SPAN(level) - 1;
	struct mmu_rights r = rights(w);

	if (!mmu_allows(r, w->access))
		return page_fault(w, ERROR_P);
	/* 4.8: accessed, and dirty on a write. */
	if (!mmu_update(w->memory, w->result,
			leaf | ENTRY_A | (w->access == MMU_WRITE ? ENTRY_D : 0)))
		return false;
	w->result->ok = true;
	w->result->pa = PADDR((leaf & ENTRY_ADDRESS & ~offset) | (w->va & offset));
	w->result->memory_type = pat_type(w->mmu, leaf, level);
	w->result->writable = r.write;
	w->result->executable = r.exec;
	w->result->global = leaf & ENTRY_G && w->mmu->cr4 & CR4_PGE;
	return true;
}

/* False: an entry changed while the walk was at it, and it must start over. */
static bool walk(struct walk *w)
{
	uint64_t entry = w->mmu->cr3;

	w->result->nr_steps = 0;
	w->all = ~0ull;
	w->any = 0;
	for (int level = PT_LEVELS - 1;; level--) {
		uint64_t index = w->va >> (PAGE_SHIFT + 9 * level) & (PT_ENTRIES - 1);
		uint64_t at = (entry & ENTRY_ADDRESS) + index * sizeof(entry);

		if (!mmu_load(w->memory, w->result, level, at, &entry))
			return page_fault(w, ERROR_P | ERROR_RSVD);
		if (!(entry & ENTRY_P))
			return page_fault(w, 0);
		if (entry & reserved_bits(w->mmu, level, entry))
			return page_fault(w, ERROR_P | ERROR_RSVD);
		w->all &= entry;
		w->any |= entry;
		if (level == 0 || entry & ENTRY_PS)
			return reach(w, level, entry);
		if (!mmu_update(w->memory, w->result, entry | ENTRY_A))
			return false;
	}
}

/* 3.3.7.1 (volume 1): bits 63 to 47 are equal. */
static bool canonical(uint64_t va)
{
	return (uint64_t)((int64_t)(va << 16) >> 16) == va;
}

void x86_64_mmu_access(const struct x86_64_mmu *mmu, const struct mmu_memory *memory, vaddr_t va,
		       enum mmu_access access, unsigned cpl, struct mmu_result *result)
{
	struct walk w = {.mmu = mmu,
			 .memory = memory,
			 .result = result,
			 .va = va.va,
			 .access = access,
			 .user = cpl == 3};

	*result = (struct mmu_result){.level = -1};
	if (!canonical(va.va)) {
		result->vector = VECTOR_GP;
		return;
	}
	while (!walk(&w))
		;
}
