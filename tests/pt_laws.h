/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The laws of a table format, for the host (every combination of bits) and for the target (a
 * part of them). LAW(cond) is the includer's. PT_LAWS(f) makes the functions f_law_*() for the
 * format whose functions are f_*(); the few that say what the hardware reads in an entry are
 * written here for each format, from its manual, without the format's own names.
 */
#ifndef PT_LAWS_H
#define PT_LAWS_H

#include "arch/arm64/ptfmt.h"
#include "arch/x86_64/ptfmt.h"

#define FOR_EACH_PROT(p)                                                                           \
	for (prot_t p = 0; p <= PT_ALL; p++)                                                       \
		if ((p & PT_TYPE) != PT_TYPE)

/* Arm ARM D8.3: bits 1:0 are 11 for a table or page, 01 for a block, anything else faults. */
static inline bool arm64_hardware_faults(pte_t e, int level)
{
	return (e & 3) == 0 || (e & 3) == 2 || ((e & 3) == 1 && (level == 0 || level == 3));
}

static inline void arm64_hardware_reads(pte_t e, prot_t p)
{
	bool w = p & PT_WRITE, x = p & PT_EXEC, u = p & PT_USER, d = p & PT_DIRTY;
	unsigned attr = e >> 2 & 7;
	uint8_t mair = (uint8_t)(ARM64_MAIR_VALUE >> (8 * attr));

	LAW((e >> 7 & 1) == !(w && d)); /* AP[2]: read-only until it was written */
	LAW((e >> 51 & 1) == w);	/* DBM: hardware may clear AP[2] */
	LAW((e >> 6 & 1) == u);		/* AP[1] */
	LAW((e >> 54 & 1) == !(u && x));
	LAW((e >> 53 & 1) == !(!u && x));
	LAW((e >> 11 & 1) == !(p & PT_GLOBAL));
	LAW((e >> 10 & 1) == !!(p & PT_YOUNG));
	LAW(mair == ((p & PT_DEVICE) ? 0x04 : (p & PT_NOCACHE) ? 0x44 : 0xff));
	LAW((e >> 8 & 3) == ((p & PT_DEVICE) ? 0 : 3)); /* SH */
	LAW((e & (BIT(5) | BIT(52) | BIT(50) | GENMASK(63, 59))) == 0);
}

static inline bool arm64_hardware_permits(pte_t table)
{
	return (table >> 59) == 0; /* NSTable, APTable, UXNTable, PXNTable */
}

/* SDM 3A 4.5: P; PS in a PML4E is reserved, and so are address bits below a large page's size. */
static inline bool x86_64_hardware_faults(pte_t e, int level)
{
	uint64_t reserved = level == 1 ? 0x1fe000 : level == 2 ? 0x3fffe000 : ~0ull;

	return !(e & 1) || (level > 0 && (e & 0x80) && (e & reserved));
}

static inline void x86_64_hardware_reads(pte_t e, prot_t p)
{
	/* PAT, PCD, PWT choose a byte of IA32_PAT: 6 WB, 1 WC, 0 UC. */
	uint8_t pat = (uint8_t)(X86_64_PAT_VALUE >> (8 * (e >> 3 & 3)));

	LAW((e >> 1 & 1) == !!(p & PT_WRITE));
	LAW((e >> 2 & 1) == !!(p & PT_USER));
	LAW((e >> 5 & 1) == !!(p & PT_YOUNG));
	LAW((e >> 6 & 1) == !!(p & PT_DIRTY));
	LAW((e >> 8 & 1) == !!(p & PT_GLOBAL));
	LAW((e >> 63 & 1) == !(p & PT_EXEC));
	LAW(pat == ((p & PT_DEVICE) ? 0 : (p & PT_NOCACHE) ? 1 : 6));
	LAW((e & GENMASK(62, 52)) == 0);
}

static inline bool x86_64_hardware_permits(pte_t table)
{
	return (table & 6) == 6 && !(table >> 63);
}

#define PT_LAWS(f, addr_bits)                                                                      \
	/* What goes in comes out, and the hardware reads the same. */                             \
	static inline void f##_law_leaf(int level, paddr_t pa)                                     \
	{                                                                                          \
		FOR_EACH_PROT(p)                                                                   \
		{                                                                                  \
			pte_t e = f##_leaf(level, pa, p);                                          \
                                                                                                   \
			LAW(f##_kind(e, level) == PTE_LEAF);                                       \
			LAW(!f##_hardware_faults(e, level));                                       \
			LAW(f##_prot(e, level) == p);                                              \
			LAW(f##_addr(e, level).pa == pa.pa);                                       \
			LAW(e == f##_leaf(level, PADDR(0), p) + pa.pa);                            \
			f##_hardware_reads(e - pa.pa, p);                                          \
		}                                                                                  \
	}                                                                                          \
	/* For every address bit, alone and all of them. */                                        \
	static inline void f##_law_leaves(void)                                                    \
	{                                                                                          \
		for (int level = 0; level < PT_LEVELS; level++) {                                  \
			LAW(f##_leaf_ok(level) == (level < 3));                                    \
			if (!f##_leaf_ok(level))                                                   \
				continue;                                                          \
			f##_law_leaf(level, PADDR(0));                                             \
			f##_law_leaf(level, PADDR(GENMASK((addr_bits)-1, 12 + 9 * level)));        \
			for (int bit = 12 + 9 * level; bit < (addr_bits); bit++)                   \
				f##_law_leaf(level, PADDR(BIT(bit)));                              \
		}                                                                                  \
	}                                                                                          \
	static inline void f##_law_tables(void)                                                    \
	{                                                                                          \
		for (int level = 1; level < PT_LEVELS; level++)                                    \
			for (int bit = 12; bit < (addr_bits); bit++) {                             \
				pte_t e = f##_table(PADDR(BIT(bit)));                              \
                                                                                                   \
				LAW(f##_kind(e, level) == PTE_TABLE);                              \
				LAW(f##_addr(e, level).pa == BIT(bit));                            \
				LAW(f##_hardware_permits(e));                                      \
			}                                                                          \
	}                                                                                          \
	static inline void f##_law_token(uint64_t token)                                           \
	{                                                                                          \
		pte_t e = f##_soft(token);                                                         \
                                                                                                   \
		for (int level = 0; level < PT_LEVELS; level++) {                                  \
			LAW(f##_kind(e, level) == PTE_SOFT);                                       \
			LAW(f##_hardware_faults(e, level));                                        \
		}                                                                                  \
		LAW(f##_token(e) == token);                                                        \
	}                                                                                          \
	static inline void f##_law_tokens(void)                                                    \
	{                                                                                          \
		f##_law_token(0);                                                                  \
		f##_law_token(BIT(PT_TOKEN_BITS) - 1);                                             \
		for (int i = 0; i < PT_TOKEN_BITS; i++)                                            \
			for (int j = 0; j <= i; j++)                                               \
				f##_law_token(BIT(i) | BIT(j));                                    \
	}                                                                                          \
	/* Any 64-bit value: it has one kind, which is what the hardware makes of it; and what a   \
	 * leaf says can be said by us. */                                                         \
	static inline void f##_law_any(pte_t e)                                                    \
	{                                                                                          \
		for (int level = 0; level < PT_LEVELS; level++) {                                  \
			enum pte_kind kind = f##_kind(e, level);                                   \
			prot_t p = f##_prot(e, level);                                             \
			paddr_t pa = f##_addr(e, level);                                           \
                                                                                                   \
			LAW((kind == PTE_EMPTY) == (e == 0));                                      \
			LAW((kind == PTE_TABLE || kind == PTE_LEAF) ==                             \
			    !f##_hardware_faults(e, level));                                       \
			LAW(kind <= PTE_LEAF);                                                     \
			if (kind == PTE_LEAF)                                                      \
				LAW(f##_prot(f##_leaf(level, pa, p), level) == p &&                \
				    f##_addr(f##_leaf(level, pa, p), level).pa == pa.pa);          \
		}                                                                                  \
	}

PT_LAWS(arm64, 48)
PT_LAWS(x86_64, 52)

static inline void law_addresses(void)
{
	LAW(arm64_va_ok(VADDR(0)) && x86_64_va_ok(VADDR(0)));
	LAW(arm64_va_ok(VADDR(~0ull)) && x86_64_va_ok(VADDR(~0ull)));
	LAW(arm64_va_ok(VADDR(BIT(47) - 1)) && x86_64_va_ok(VADDR(BIT(47) - 1)));
	LAW(arm64_va_ok(VADDR(BIT(47))) && !x86_64_va_ok(VADDR(BIT(47))));
	LAW(arm64_va_ok(VADDR(BIT(48) - 1)) && !arm64_va_ok(VADDR(BIT(48))));
	LAW(arm64_va_ok(VADDR(-BIT(48))) && !arm64_va_ok(VADDR(-BIT(48) - 1)));
	LAW(x86_64_va_ok(VADDR(-BIT(47))) && !x86_64_va_ok(VADDR(-BIT(47) - 1)));
	for (int bit = 48; bit < 64; bit++) {
		LAW(!arm64_va_ok(VADDR(BIT(bit))) && !x86_64_va_ok(VADDR(BIT(bit))));
		LAW(!arm64_va_ok(VADDR(~BIT(bit))) && !x86_64_va_ok(VADDR(~BIT(bit))));
	}
}

#endif
