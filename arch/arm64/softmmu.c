// SPDX-License-Identifier: BSD-2-Clause
/*
 * What an ARMv8-A CPU does with one access: VMSAv8-64, stage 1 of EL1&0, 4 KiB granule (Arm ARM
 * DDI 0487, D8). Written from the manual alone; ptfmt.h is the other reading of it. Levels are
 * counted as everywhere here: ARM's level 3 is 0.
 */
#include <twofold/softmmu_walk.h>

/* D8.3.1: descriptors. */
#define DESC_VALID BIT(0)
#define DESC_TABLE BIT(1) /* a table, or a page in the last level */
#define DESC_ADDRESS GENMASK(47, 12)
#define DESC_ATTRINDX(desc) ((desc) >> 2 & 7)
#define DESC_AP1 BIT(6) /* EL0 too */
#define DESC_AP2 BIT(7) /* read-only */
#define DESC_AF BIT(10)
#define DESC_NG BIT(11)
#define DESC_DBM BIT(51)
#define DESC_PXN BIT(53)
#define DESC_UXN BIT(54)
/* D8.3.2: what a table's descriptor takes away from all below it. */
#define DESC_PXNTABLE BIT(59)
#define DESC_UXNTABLE BIT(60)
#define DESC_APTABLE0 BIT(61) /* not EL0 */
#define DESC_APTABLE1 BIT(62) /* read-only */

/* D19.2.139, TCR_EL1; `half` is 0 or 1. */
#define TCR_TSZ(tcr, half) ((tcr) >> (16 * (half)) & 0x3f)
#define TCR_EPD(tcr, half) ((tcr) >> (7 + 16 * (half)) & 1)
#define TCR_TBI(tcr, half) ((tcr) >> (37 + (half)) & 1)
#define TCR_HPD(tcr, half) ((tcr) >> (41 + (half)) & 1)
#define TCR_IPS(tcr) ((tcr) >> 32 & 7)
#define TCR_HA BIT(39)
#define TCR_HD BIT(40)
#define TSZ_MIN 16
#define TSZ_MAX 39

/* D19.2.118, SCTLR_EL1. */
#define SCTLR_M BIT(0)
#define SCTLR_I BIT(12)
#define SCTLR_WXN BIT(19)
#define SCTLR_EPAN BIT(57)

/* D19.2.145, TTBR0_EL1: ASID above, CnP in bit 0. */
#define TTBR_BADDR GENMASK(47, 1)
#define TTBR_ALIGN_BITS 6 /* no table is aligned to less than 64 bytes */

/* D19.2.40, ESR_EL1. */
#define EC_IABT_EL0 0x20ull
#define EC_IABT_EL1 0x21ull
#define EC_DABT_EL0 0x24ull
#define EC_DABT_EL1 0x25ull
#define ESR_EC_SHIFT 26
#define ESR_IL BIT(25)
#define ESR_WNR BIT(6)
/* DFSC and IFSC, with ARM's level in bits 1:0. */
#define FSC_ADDRESS_SIZE 0x00u
#define FSC_TRANSLATION 0x04u
#define FSC_ACCESS_FLAG 0x08u
#define FSC_PERMISSION 0x0cu
#define FSC_WALK_ABORT 0x14u
#define ROOT (PT_LEVELS - 1) /* ARM's level 0 */

/* D19.2.107, MAIR_EL1's encodings: what there is without tables (D8.2.12). */
#define ATTR_DEVICE_NGNRNE 0x00
#define ATTR_NORMAL_NC 0x44
#define ATTR_NORMAL_WT 0xaa

struct walk {
	const struct arm64_mmu *mmu;
	const struct mmu_memory *memory;
	struct mmu_result *result;
	uint64_t va;
	enum mmu_access access;
	unsigned el;
	bool el1_unpriv;
	unsigned half;	    /* which of TTBR0 and TTBR1 */
	unsigned pa_bits;   /* of what tables may name */
	uint64_t hierarchy; /* OR of the tables' descriptors, unless TCR_EL1.HPD */
};

/* The walk is over. */
static bool fault(struct walk *w, unsigned fsc, int level)
{
	bool el0 = w->el == 0 && !w->el1_unpriv;
	uint64_t ec = el0 ? EC_DABT_EL0 : EC_DABT_EL1;

	if (w->access == MMU_EXEC)
		ec = el0 ? EC_IABT_EL0 : EC_IABT_EL1;
	w->result->far = w->va;
	w->result->esr = ec << ESR_EC_SHIFT | ESR_IL | (w->access == MMU_WRITE ? ESR_WNR : 0) |
			 fsc | (unsigned)(ROOT - level);
	return true;
}

/* PARange, IPS (D19.2.64): 0 is 32 bits ... 5 is 48. Above 48 there is nothing without LPA. */
static unsigned output_bits(const struct arm64_mmu *mmu)
{
	static const uint8_t bits[] = {32, 36, 40, 42, 44, 48, 48, 48};
	unsigned cpu = mmu->pa_bits ? mmu->pa_bits : 48;

	return MIN(cpu, (unsigned)bits[TCR_IPS(mmu->tcr)]);
}

/* D8.5.3: a clean page that the hardware makes writable by clearing AP[2]. */
static bool dirty_managed(const struct arm64_mmu *mmu, uint64_t leaf)
{
	return mmu->hafdbs && mmu->tcr & TCR_HA && mmu->tcr & TCR_HD && leaf & DESC_DBM;
}

/* D8.4.1: what this privilege may do. AP[2] of a page that the hardware can dirty counts as 0. */
static struct mmu_rights rights(const struct walk *w, uint64_t leaf)
{
	const struct arm64_mmu *mmu = w->mmu;
	uint64_t table = w->hierarchy;
	bool el0 = leaf & DESC_AP1 && !(table & DESC_APTABLE0);
	bool write = !(table & DESC_APTABLE1) && (!(leaf & DESC_AP2) || dirty_managed(mmu, leaf));
	bool exec0 = !(leaf & DESC_UXN) && !(table & DESC_UXNTABLE);
	/* D8.4.2: what EL0 can write, EL1 cannot execute. */
	bool exec1 = !(leaf & DESC_PXN) && !(table & DESC_PXNTABLE) && !(el0 && write);
	struct mmu_rights r = {true, write, exec1};

	if (w->el == 0)
		r = (struct mmu_rights){el0, el0 && write, exec0};
	if (mmu->sctlr & SCTLR_WXN && r.write)
		r.exec = false;
	/* D8.4.3: EL1 keeps its hands off what EL0 reads, and by EPAN off what EL0 executes. */
	if (w->el == 1 && mmu->has_pan && mmu->pan &&
	    (el0 || (mmu->has_epan && mmu->sctlr & SCTLR_EPAN && exec0)))
		r.read = r.write = false;
	return r;
}

/* D8.5: the descriptor after the access. */
static uint64_t with_flags(const struct walk *w, uint64_t leaf)
{
	leaf |= DESC_AF;
	if (w->access == MMU_WRITE && dirty_managed(w->mmu, leaf))
		leaf &= ~DESC_AP2;
	return leaf;
}

/* The walk has come to a block or page; faults in the order of D8.15. False: its descriptor
 * changed meanwhile. */
static bool reach(struct walk *w, int level, uint64_t leaf)
{
	uint64_t offset = PT_SPAN(level) - 1, pa = leaf & DESC_ADDRESS & ~offset;
	struct mmu_rights r = rights(w, leaf);

	if (pa >> w->pa_bits)
		return fault(w, FSC_ADDRESS_SIZE, level);
	if (!(leaf & DESC_AF) && !(w->mmu->hafdbs && w->mmu->tcr & TCR_HA))
		return fault(w, FSC_ACCESS_FLAG, level);
	if (!mmu_allows(r, w->access))
		return fault(w, FSC_PERMISSION, level);
	if (!mmu_update(w->memory, w->result, with_flags(w, leaf)))
		return false;
	w->result->ok = true;
	w->result->pa = PADDR(pa | (w->va & offset));
	w->result->memory_type = w->mmu->mair >> (8 * DESC_ATTRINDX(leaf)) & 0xff;
	w->result->writable = r.write;
	w->result->executable = r.exec;
	w->result->global = !(leaf & DESC_NG);
	return true;
}

/* D8.2.5: the first table, whose size and so alignment follow from how many bits it resolves. */
static uint64_t first_table(const struct walk *w, unsigned va_bits, int level)
{
	uint64_t base = (w->half ? w->mmu->ttbr1 : w->mmu->ttbr0) & TTBR_BADDR;
	unsigned align = va_bits - (PAGE_SHIFT + 9 * level) + 3;

	return ALIGN_DOWN(base, BIT(MAX(align, (unsigned)TTBR_ALIGN_BITS)));
}

/* False: a descriptor changed while the walk was at it, and it must start over. */
static bool walk(struct walk *w)
{
	unsigned va_bits = 64 - TCR_TSZ(w->mmu->tcr, w->half);
	int level = (int)(va_bits - PAGE_SHIFT - 1) / 9;
	uint64_t table = first_table(w, va_bits, level), va = w->va & (BIT(va_bits) - 1), entry;

	w->result->nr_steps = 0;
	w->hierarchy = 0;
	if (table >> w->pa_bits)
		return fault(w, FSC_ADDRESS_SIZE, ROOT);
	for (;; level--) {
		uint64_t index = va >> (PAGE_SHIFT + 9 * level) & (PT_ENTRIES - 1);

		if (!mmu_load(w->memory, w->result, level, table + index * sizeof(entry), &entry))
			return fault(w, FSC_WALK_ABORT, level);
		if (!(entry & DESC_VALID))
			return fault(w, FSC_TRANSLATION, level);
		/* Reserved: a block in the root, and what is no page in the last level. */
		if (!(entry & DESC_TABLE) && (level == ROOT || level == 0))
			return fault(w, FSC_TRANSLATION, level);
		if (!(entry & DESC_TABLE) || level == 0)
			return reach(w, level, entry);
		table = entry & DESC_ADDRESS;
		if (table >> w->pa_bits)
			return fault(w, FSC_ADDRESS_SIZE, level);
		if (!TCR_HPD(w->mmu->tcr, w->half))
			w->hierarchy |= entry;
	}
}

/* The address without its tag, where TCR_EL1.TBI has one ignored (D8.8). */
static uint64_t untagged(const struct walk *w)
{
	if (TCR_TBI(w->mmu->tcr, w->half))
		return (uint64_t)((int64_t)(w->va << 8) >> 8);
	return w->va;
}

/* D8.2.4: is it in the half's range, and the half in use? */
static bool in_range(const struct walk *w)
{
	uint64_t tsz = TCR_TSZ(w->mmu->tcr, w->half);
	int64_t va = (int64_t)untagged(w);

	return tsz >= TSZ_MIN && tsz <= TSZ_MAX && va >> (64 - tsz) == -(int64_t)w->half &&
	       !TCR_EPD(w->mmu->tcr, w->half);
}

/* D8.2.12: stage 1 is off; what the address says is where it goes. */
static bool flat(struct walk *w)
{
	unsigned cpu_bits = w->mmu->pa_bits ? w->mmu->pa_bits : 48;
	/* Bits 63:56 are no address under TBI, and bit 55 is not copied into them. */
	uint64_t pa = TCR_TBI(w->mmu->tcr, w->half) ? w->va & GENMASK(55, 0) : w->va;

	if (pa >> cpu_bits)
		return fault(w, FSC_ADDRESS_SIZE, ROOT);
	w->result->ok = w->result->writable = w->result->executable = w->result->global = true;
	w->result->pa = PADDR(pa);
	w->result->memory_type = ATTR_DEVICE_NGNRNE;
	if (w->access == MMU_EXEC)
		w->result->memory_type = w->mmu->sctlr & SCTLR_I ? ATTR_NORMAL_WT : ATTR_NORMAL_NC;
	return true;
}

void arm64_mmu_access(const struct arm64_mmu *mmu, const struct mmu_memory *memory, vaddr_t va,
		      enum mmu_access access, unsigned el, bool el1_unpriv,
		      struct mmu_result *result)
{
	struct walk w = {.mmu = mmu,
			 .memory = memory,
			 .result = result,
			 .va = va.va,
			 .access = access,
			 .el = el,
			 .el1_unpriv = el1_unpriv,
			 .half = va.va >> 55 & 1,
			 .pa_bits = output_bits(mmu)};

	*result = (struct mmu_result){.level = -1};
	if (!(mmu->sctlr & SCTLR_M))
		flat(&w);
	else if (!in_range(&w))
		fault(&w, FSC_TRANSLATION, ROOT);
	else
		while (!walk(&w))
			;
}
