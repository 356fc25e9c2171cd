// SPDX-License-Identifier: BSD-2-Clause
/*
 * The formats against the software MMUs: a leaf that arch/<format>/ptfmt.h encodes, behind tables
 * that it encodes, grants each access what its prot_t promises, and no more; at every level, for
 * every prot_t and every address bit. (test_softmmu.c asks whether a tree grants what the
 * format decodes in it; here it is what was asked of the encoder.)
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "arch/arm64/ptfmt.h"
#include "arch/x86_64/ptfmt.h"
#include "table_memory.h"

#define VA 0x0000123456789abcull
#define PA 0x0000002a65c3d000ull /* cut to a level's size */
#define PA_BITS 46

struct format {
	const char *name;
	pte_t (*leaf)(int level, paddr_t pa, prot_t prot);
	prot_t (*prot)(pte_t pte, int level);
	paddr_t (*addr)(pte_t pte, int level);
	pte_t (*table)(paddr_t pa);
	pte_t (*soft)(uint64_t token);
	bool (*leaf_ok)(int level);
	void (*access)(enum mmu_access access, bool user, struct mmu_result *r);
	bool marks; /* the machine sets YOUNG and DIRTY itself */
	uint8_t types[3];
};

static void access_arm64(enum mmu_access access, bool user, bool hafdbs, struct mmu_result *r)
{
	const struct arm64_mmu mmu = {
		.ttbr0 = TABLE_PA(0),
		.tcr = 0x580100010 | 3ull << 39, /* T0SZ, T1SZ, TG1, IPS; HA, HD */
		.sctlr = 1,
		.mair = ARM64_MAIR_VALUE,
		.hafdbs = hafdbs,
		.has_pan = true,
		.pan = true,
	};

	arm64_mmu_access(&mmu, &table_memory, VADDR(VA), access, !user, false, r);
}

static void access_v8_0(enum mmu_access access, bool user, struct mmu_result *r)
{
	access_arm64(access, user, false, r);
}

static void access_hafdbs(enum mmu_access access, bool user, struct mmu_result *r)
{
	access_arm64(access, user, true, r);
}

static void access_x86_64(enum mmu_access access, bool user, struct mmu_result *r)
{
	const struct x86_64_mmu mmu = {
		.cr0 = 0x80010001, /* PG, WP, PE */
		.cr3 = TABLE_PA(0),
		.cr4 = 0x3000a0, /* SMAP, SMEP, PGE, PAE */
		.efer = 0xd00,	 /* NXE, LMA, LME */
		.pat = X86_64_PAT_VALUE,
		.maxphyaddr = PA_BITS,
		.page_1g = true,
	};

	x86_64_mmu_access(&mmu, &table_memory, VADDR(VA), access, user ? 3 : 0, r);
}

#define FORMAT(f) #f, f##_leaf, f##_prot, f##_addr, f##_table, f##_soft, f##_leaf_ok

static const struct format arm64 = {FORMAT(arm64), access_v8_0, false, {0xff, 0x44, 0x04}};
static const struct format arm64_hafdbs = {FORMAT(arm64), access_hafdbs, true, {0xff, 0x44, 0x04}};
static const struct format x86_64 = {FORMAT(x86_64), access_x86_64, true, {6, 1, 0}};

/* Tables down to the level, where `entry` stands. */
static void place(const struct format *f, int level, pte_t entry)
{
	uint64_t entries[PT_LEVELS] = {0};

	for (int l = PT_LEVELS - 1; l > level; l--)
		entries[PT_LEVELS - 1 - l] = f->table(PADDR(TABLE_PA(PT_LEVELS - l)));
	entries[PT_LEVELS - 1 - level] = entry;
	table_path(VA, entries);
}

/* By the words of <twofold/pt.h>; the kernel keeps off user pages (PAN; SMEP and SMAP). */
static bool promised(const struct format *f, prot_t p, enum mmu_access access, bool user)
{
	if (user != !!(p & PT_USER) || !(f->marks || p & PT_YOUNG))
		return false;
	if (access == MMU_WRITE)
		return p & PT_WRITE && (f->marks || p & PT_DIRTY);
	return access == MMU_READ || p & PT_EXEC;
}

static void check(const struct format *f, int level, paddr_t pa, prot_t p, enum mmu_access access,
		  bool user)
{
	bool ok = promised(f, p, access, user);
	struct mmu_result r;
	pte_t entry;

	place(f, level, f->leaf(level, pa, p));
	f->access(access, user, &r);
	if (r.ok != ok)
		fail_msg("%s: level %d, prot %#x, access %d, user %d: %s", f->name, level, p,
			 access, user, r.ok ? "granted" : "refused");
	assert_int_equal(r.level, level);
	if (!ok)
		return;
	assert_int_equal(r.pa.pa, pa.pa + VA % PT_SPAN(level));
	assert_int_equal(r.memory_type, f->types[(p & PT_TYPE) / PT_NOCACHE]);
	assert_int_equal(r.global, !!(p & PT_GLOBAL));
	entry = *table_entry(VA, level);
	assert_int_equal(f->addr(entry, level).pa, pa.pa);
	if (f->marks)
		p |= PT_YOUNG | (access == MMU_WRITE ? PT_DIRTY : 0);
	assert_int_equal(f->prot(entry, level), p);
}

static void check_prots(const struct format *f, int level, paddr_t pa)
{
	for (prot_t p = 0; p <= PT_ALL; p++) {
		if ((p & PT_TYPE) == PT_TYPE)
			continue;
		for (unsigned n = 0; n < 6; n++)
			check(f, level, pa, p, (enum mmu_access)(n % 3), n < 3);
	}
}

static void check_addresses(const struct format *f, int level)
{
	for (int bit = PAGE_SHIFT + 9 * level; bit < PA_BITS; bit++)
		check(f, level, PADDR(BIT(bit)), PT_YOUNG, MMU_READ, false);
}

/* On what stands for a swapped page every access faults as on an empty entry. */
static void check_tokens(const struct format *f, int level)
{
	struct mmu_result r, empty;

	for (unsigned n = 0; n < 3 * PT_TOKEN_BITS; n++) {
		enum mmu_access access = (enum mmu_access)(n % 3);

		place(f, level, 0);
		f->access(access, n & 1, &empty);
		place(f, level, f->soft(BIT(n / 3)));
		f->access(access, n & 1, &r);
		assert_false(r.ok);
		assert_int_equal(r.level, level);
		assert_int_equal(r.esr, empty.esr);
		assert_int_equal(r.error, empty.error);
	}
}

static void check_format(const struct format *f)
{
	table_memory_reset();
	for (int level = 0; level < PT_LEVELS; level++) {
		check_tokens(f, level);
		if (!f->leaf_ok(level))
			continue;
		check_prots(f, level, PADDR(ALIGN_DOWN(PA, PT_SPAN(level))));
		check_addresses(f, level);
	}
}

static void arm64_leaves_grant_what_they_promise(void **state)
{
	(void)state;
	check_format(&arm64);
}

static void arm64_leaves_do_so_where_hardware_sets_flags(void **state)
{
	(void)state;
	check_format(&arm64_hafdbs);
}

static void x86_64_leaves_grant_what_they_promise(void **state)
{
	(void)state;
	check_format(&x86_64);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(arm64_leaves_grant_what_they_promise),
		cmocka_unit_test(arm64_leaves_do_so_where_hardware_sets_flags),
		cmocka_unit_test(x86_64_leaves_grant_what_they_promise),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
