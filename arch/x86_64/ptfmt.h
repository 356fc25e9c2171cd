/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The x86-64 table format: 4-level paging, PML4E to PTE (Intel SDM volume 3, 4.5; formats in
 * table 4-15 to 4-20). Pure functions of 64-bit values; nothing here touches memory or a register.
 *
 *   63 62  59 58  52 51                          12 11   9 8   7    6 5  4   3   2  1  0
 *  +--+------+------+------------------------------+------+-+------+-+-+---+---+--+--+-+
 *  |NX| PK   |  sw  |       physical address       |  sw  |G|PS/PAT|D|A|PCD|PWT|US|RW|P|
 *  +--+------+------+------------------------------+------+-+------+-+-+---+---+--+--+-+
 *
 * Writable and clean is RW = 1, D = 0, and the CPU sets A and D itself. That a user page is not
 * executable by the kernel is SMEP's doing, not the entry's. RW = 0 with D = 1 is a shadow-stack
 * page where CR4.CET is on: here it is off, and the pair means written, then write-protected.
 */
#ifndef ARCH_X86_64_PTFMT_H
#define ARCH_X86_64_PTFMT_H

#include "flush.h"
#include <twofold/pt.h>

/* SDM 3A, table 4-20 (PTE), 4-17 (PDE of a 2 MiB page), 4-15 (PDPTE of a 1 GiB page). */
#define X86_64_PTE_P BIT(0)  /* present */
#define X86_64_PTE_RW BIT(1) /* writable */
#define X86_64_PTE_US BIT(2) /* ring 3 too */
#define X86_64_PTE_PWT BIT(3)
#define X86_64_PTE_PCD BIT(4)
#define X86_64_PTE_A BIT(5) /* accessed */
#define X86_64_PTE_D BIT(6) /* dirty */
#define X86_64_PTE_PS                                                                              \
	BIT(7) /* levels 1 and 2: a leaf; in a PTE this bit is PAT; in a PML4E reserved */
#define X86_64_PTE_PAT_LARGE BIT(12) /* PAT of a leaf of level 1 or 2; the address is above it */
#define X86_64_PTE_G BIT(8)	     /* global */
#define X86_64_PTE_ADDR GENMASK(51, 12)
#define X86_64_PTE_NX BIT(63)
/*
 * A token in an entry that is not present: inverted in the address bits, so that what a CPU with
 * the L1 Terminal Fault flaw may look up in its cache is no frame that exists (Intel, "L1 Terminal
 * Fault", 4.1). Bit 9 keeps the entry from being zero; bits 5 and 6 stay clear, for some CPUs set
 * them by mistake.
 */
#define X86_64_PTE_SOFT BIT(9)
#define X86_64_TOKEN_MASK GENMASK(PT_TOKEN_BITS - 1, 0)

/*
 * Memory types by PAT entry (SDM 3A, 12.12): PAT bit clear, PCD and PWT choose. Entry 2 resets to
 * UC-, which is uncached already; with this IA32_PAT (reset value but for entries 2 and 6) it is
 * write-combining, the counterpart of ARM's normal non-cacheable.
 */
#define X86_64_PAT_NORMAL 0ull				    /* WB */
#define X86_64_PAT_NOCACHE X86_64_PTE_PCD		    /* entry 2: WC */
#define X86_64_PAT_DEVICE (X86_64_PTE_PCD | X86_64_PTE_PWT) /* entry 3: UC */
#define X86_64_PAT_VALUE 0x0001040600010406ull

/* May a leaf live at this level? A PML4E cannot be one. */
static inline bool x86_64_leaf_ok(int level)
{
	return level <= 2;
}

/* Canonical: bits 63 to 47 equal. */
static inline bool x86_64_va_ok(vaddr_t va)
{
	uint64_t top = va.va >> 47;

	return top == 0 || top == 0x1ffff;
}

/* Reserved bits set in a present entry fault: address bits below a block's size, PS in a PML4E. */
static inline enum pte_kind x86_64_kind(pte_t pte, int level)
{
	uint64_t low = X86_64_PTE_ADDR & (PT_SPAN(level) - 1) & ~X86_64_PTE_PAT_LARGE;

	if (!(pte & X86_64_PTE_P))
		return pte ? PTE_SOFT : PTE_EMPTY;
	if (level == 0)
		return PTE_LEAF;
	if (!(pte & X86_64_PTE_PS))
		return PTE_TABLE;
	return x86_64_leaf_ok(level) && !(pte & low) ? PTE_LEAF : PTE_SOFT;
}

static inline pte_t x86_64_leaf(int level, paddr_t pa, prot_t prot)
{
	uint64_t p = prot;
	pte_t pte = pa.pa | X86_64_PTE_P | (level ? X86_64_PTE_PS : 0);

	_Static_assert(PT_WRITE == BIT(0) && PT_EXEC == BIT(1) && PT_USER == BIT(2) &&
			       PT_GLOBAL == BIT(3) && PT_YOUNG == BIT(4) && PT_DIRTY == BIT(5) &&
			       PT_NOCACHE == BIT(6) && PT_DEVICE == BIT(7),
		       "what the shifts rely on");
	pte |= (p & PT_WRITE) << 1;		 /* RW */
	pte |= p & PT_USER;			 /* US */
	pte |= (p & (PT_YOUNG | PT_DIRTY)) << 1; /* A, D */
	pte |= (p & PT_GLOBAL) << 5;		 /* G */
	pte |= ((p >> 6 | p >> 7) & 1) << 4;	 /* PCD: NOCACHE and DEVICE */
	pte |= (p & PT_DEVICE) >> 4;		 /* PWT: DEVICE */
	return pte | (~p & PT_EXEC) << 62;	 /* NX */
}

static inline prot_t x86_64_prot(pte_t pte, int level)
{
	prot_t prot = (pte & X86_64_PTE_RW) >> 1 | (pte & X86_64_PTE_US);

	(void)level;
	prot |= (pte & (X86_64_PTE_A | X86_64_PTE_D)) >> 1;
	prot |= (pte & X86_64_PTE_G) >> 5;
	prot |= pte & X86_64_PTE_NX ? 0 : PT_EXEC;
	if (pte & X86_64_PTE_PCD)
		prot |= pte & X86_64_PTE_PWT ? PT_DEVICE : PT_NOCACHE;
	return prot;
}

/* Writable, user, executable: the leaves decide. Accessed, or the CPU would write to it. */
static inline pte_t x86_64_table(paddr_t pa)
{
	return pa.pa | X86_64_PTE_A | X86_64_PTE_US | X86_64_PTE_RW | X86_64_PTE_P;
}

static inline paddr_t x86_64_addr(pte_t pte, int level)
{
	uint64_t mask = X86_64_PTE_ADDR;

	if (level && pte & X86_64_PTE_PS)
		mask &= ~(PT_SPAN(level) - 1);
	return PADDR(pte & mask);
}

/* A present entry may be replaced by any other, and flushed after (SDM 3A, 4.10.4.2). */
static inline bool x86_64_break_first(void)
{
	return false;
}

/*
 * Rights that grow need no flush: a fault that a stale entry causes drops it (4.10.4.3). Nor do A
 * and D as they are set, nor A as it is cleared, by Linux's custom; but D does as it is cleared, or
 * the CPU would not set it again.
 */
static inline bool x86_64_must_flush(prot_t old, prot_t new)
{
	return (old & ~new & ~PT_YOUNG) || ((old ^ new) & (PT_TYPE | PT_GLOBAL));
}

/* token: PT_TOKEN_BITS bits. */
static inline pte_t x86_64_soft(uint64_t token)
{
	return (~token & X86_64_TOKEN_MASK) << 12 | X86_64_PTE_SOFT;
}

static inline uint64_t x86_64_token(pte_t pte)
{
	return ~pte >> 12 & X86_64_TOKEN_MASK;
}

#endif
