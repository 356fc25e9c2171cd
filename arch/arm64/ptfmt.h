/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The ARMv8-A table format: VMSAv8-64 stage 1, 4 KiB granule, 48-bit addresses, four levels
 * (Arm ARM DDI 0487, D8.3 "Translation table descriptor formats"; its level 3 is our level 0).
 * Pure functions of 64-bit values; nothing here touches memory or a register.
 *
 *   63 59 58 55  54   53  52 51   50 48 47                  12 11 10 9  8 7   6   5  4     2 1    0
 *  +-----+-----+----+---+---+---+------+----------------------+--+--+----+---+---+--+-------+----+-+
 *  | ign | sw  |UXN |PXN| C |DBM| res0 |    output address    |nG|AF| SH
 * |AP2|AP1|NS|AttrIdx|type|V|
 *  +-----+-----+----+---+---+---+------+----------------------+--+--+----+---+---+--+-------+----+-+
 *
 * Writable and clean is AP[2] = 1 (read-only) with DBM: a CPU with FEAT_HAFDBS then clears AP[2]
 * itself on the first write, and on any other DBM is as good as a software bit, and mm sees a
 * fault. So DIRTY of a writable leaf is AP[2] = 0. DIRTY of a leaf that lost WRITE is a bit of
 * software's.
 */
#ifndef ARCH_ARM64_PTFMT_H
#define ARCH_ARM64_PTFMT_H

#include "flush.h"
#include <twofold/pt.h>

/* D8.3.1: any level. Bit 1 tells a table (or a page, in the last level) from a block. */
#define ARM64_PTE_VALID BIT(0)
#define ARM64_PTE_TABLE BIT(1)
#define ARM64_PTE_ADDR GENMASK(47, 12)
/* D8.3.1.2, D8.3.2: lower and upper attributes of blocks and pages. */
#define ARM64_PTE_ATTRINDX GENMASK(4, 2) /* which byte of MAIR_EL1 */
#define ARM64_PTE_AP_EL0 BIT(6)		 /* AP[1]: EL0 too */
#define ARM64_PTE_AP_RO BIT(7)		 /* AP[2]: read-only */
#define ARM64_PTE_SH_INNER (3ull << 8)	 /* SH: inner shareable */
#define ARM64_PTE_AF BIT(10)		 /* accessed */
#define ARM64_PTE_NG BIT(11)		 /* not global: tagged with the ASID */
#define ARM64_PTE_DBM BIT(51)		 /* writable; D8.5.3 */
#define ARM64_PTE_PXN BIT(53)		 /* not executable at EL1 */
#define ARM64_PTE_UXN BIT(54)		 /* not executable at EL0 */
/* Bits 58:55 are left to software. */
#define ARM64_PTE_SW_DIRTY BIT(55)
/* An invalid entry that holds a token: the hardware ignores bits 63:1. */
#define ARM64_PTE_SOFT BIT(1)

/* Memory attribute indices, in the order of PT_TYPE's values, and the MAIR_EL1 they need (D19.2).
 */
#define ARM64_MAIR_NORMAL 0u  /* write-back, read- and write-allocate */
#define ARM64_MAIR_NOCACHE 1u /* normal, non-cacheable */
#define ARM64_MAIR_DEVICE 2u  /* Device-nGnRE */
#define ARM64_MAIR_VALUE                                                                           \
	(0xffull << (8 * ARM64_MAIR_NORMAL) | 0x44ull << (8 * ARM64_MAIR_NOCACHE) |                \
	 0x04ull << (8 * ARM64_MAIR_DEVICE))

/* May a leaf live at this level? The root's entries cannot be blocks without FEAT_LPA2. */
static inline bool arm64_leaf_ok(int level)
{
	return level <= 2;
}

/* TTBR0's or TTBR1's range, T0SZ = T1SZ = 16. */
static inline bool arm64_va_ok(vaddr_t va)
{
	uint64_t top = va.va >> 48;

	return top == 0 || top == 0xffff;
}

/* Bits 1:0 = 01 in the root or in the last level is reserved, and faults: not a leaf. */
static inline enum pte_kind arm64_kind(pte_t pte, int level)
{
	if (!(pte & ARM64_PTE_VALID))
		return pte ? PTE_SOFT : PTE_EMPTY;
	if (pte & ARM64_PTE_TABLE)
		return level ? PTE_TABLE : PTE_LEAF;
	return level && arm64_leaf_ok(level) ? PTE_LEAF : PTE_SOFT;
}

/* Every shift below moves one PT_* bit to its place in the descriptor. */
static inline pte_t arm64_leaf(int level, paddr_t pa, prot_t prot)
{
	uint64_t p = prot, write = p & 1, dirty = p >> 5 & 1, user = p >> 2 & 1;
	pte_t pte = pa.pa | ARM64_PTE_VALID | (level ? 0 : ARM64_PTE_TABLE);

	_Static_assert(PT_WRITE == BIT(0) && PT_EXEC == BIT(1) && PT_USER == BIT(2) &&
			       PT_GLOBAL == BIT(3) && PT_YOUNG == BIT(4) && PT_DIRTY == BIT(5) &&
			       PT_NOCACHE == ARM64_MAIR_NOCACHE << 6 &&
			       PT_DEVICE == ARM64_MAIR_DEVICE << 6,
		       "what the shifts rely on");
	pte |= (p & PT_TYPE) >> 4;			 /* AttrIndx */
	pte |= (p & PT_DEVICE) ? 0 : ARM64_PTE_SH_INNER; /* devices: ignored, outer */
	pte |= (p & PT_USER) << 4;			 /* AP[1] */
	pte |= ((write & dirty) ^ 1) << 7;		 /* AP[2] */
	pte |= (p & PT_YOUNG) << 6;			 /* AF */
	pte |= (~p & PT_GLOBAL) << 8;			 /* nG */
	pte |= write << 51;				 /* DBM */
	pte |= (dirty & ~write) << 55;			 /* SW_DIRTY */
	pte |= ARM64_PTE_PXN | ARM64_PTE_UXN;
	/* Executable is for EL0 or for EL1, never both. */
	return pte ^ (p >> 1 & 1) << (53 + user);
}

static inline prot_t arm64_prot(pte_t pte, int level)
{
	unsigned user = pte >> 6 & 1;	  /* AP[1] */
	prot_t prot = pte << 4 & PT_TYPE; /* AttrIndx */

	(void)level;
	prot |= (~pte >> 7 | pte >> 51) & 1;	/* WRITE: not AP[2], or DBM */
	prot |= (~pte >> (53 + user) & 1) << 1; /* EXEC: not PXN, or not UXN */
	prot |= user << 2;
	prot |= ~pte >> 8 & PT_GLOBAL;		    /* not nG */
	prot |= pte >> 6 & PT_YOUNG;		    /* AF */
	prot |= ((~pte >> 7 | pte >> 55) & 1) << 5; /* DIRTY: not AP[2], or SW_DIRTY */
	return prot;
}

/* APTable, UXNTable, PXNTable zero: the leaves decide (D8.3.3). */
static inline pte_t arm64_table(paddr_t pa)
{
	return pa.pa | ARM64_PTE_TABLE | ARM64_PTE_VALID;
}

static inline paddr_t arm64_addr(pte_t pte, int level)
{
	uint64_t mask = ARM64_PTE_ADDR;

	if (level && !(pte & ARM64_PTE_TABLE))
		mask &= ~(PT_SPAN(level) - 1);
	return PADDR(pte & mask);
}

/* A valid entry gives way to another with another address, size, memory type or globality by way of
 * an empty one and a flush: break-before-make (D8.16.1). */
static inline bool arm64_break_first(void)
{
	return true;
}

/* A difference in rights that a TLB must not, or need not, go on ignoring: any but the accessed
 * flag's, which it does not hold. */
static inline bool arm64_must_flush(prot_t old, prot_t new)
{
	return (old ^ new) & ~PT_YOUNG;
}

/* token: PT_TOKEN_BITS bits. */
static inline pte_t arm64_soft(uint64_t token)
{
	return token << 12 | ARM64_PTE_SOFT;
}

static inline uint64_t arm64_token(pte_t pte)
{
	return pte >> 12 & GENMASK(PT_TOKEN_BITS - 1, 0);
}

#endif
