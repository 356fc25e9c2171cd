// SPDX-License-Identifier: BSD-2-Clause
/*
 * The ARM software MMU against the Arm ARM (DDI 0487, D8): descriptors, registers and syndromes in
 * numbers, written by hand from its tables; each combination of permission bits against the tables
 * of D8.4.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "table_memory.h"

#define VA 0x0000123456789abcull
#define PA 0x40000000ull
#define ASID 0x0042000000000000ull
#define CNP 1ull

#define T(i) (TABLE_PA(i) | 3)
#define BLOCK (PA | 0x401) /* valid, AF; EL1 reads and writes; all execute, EL0 not reading it */
#define PAGE (PA | 0x403)
#define AF (1ull << 10)
#define NG (1ull << 11)
#define EL0 (1ull << 6)
#define RO (1ull << 7)
#define DBM (1ull << 51)
#define CONTIGUOUS (1ull << 52)
#define PXN (1ull << 53)
#define UXN (1ull << 54)

/* TCR_EL1. */
#define EPD0 (1ull << 7)
#define IPS(n) ((uint64_t)(n) << 32)
#define TBI0 (1ull << 37)
#define TBI1 (1ull << 38)
#define HA (1ull << 39)
#define HD (1ull << 40)
#define HPD0 (1ull << 41)
/* SCTLR_EL1. */
#define M 1ull
#define I (1ull << 12)
#define WXN (1ull << 19)
#define EPAN (1ull << 57)

static const struct arm64_mmu usual = {
	.ttbr0 = TABLE_PA(0) | ASID | CNP,
	.ttbr1 = TABLE_PA(0),
	.tcr = 0x580100010, /* T0SZ, T1SZ 16; TG1 4 KiB; IPS 48 bits */
	.sctlr = M,
	.mair = 0x8877665544332211,
	.hafdbs = true,
	.has_pan = true,
	.has_epan = true,
};

static struct arm64_mmu mmu;
static struct mmu_result r;

static int reset(void **state)
{
	(void)state;
	mmu = usual;
	table_memory_reset();
	return 0;
}

static void access_at(uint64_t va, enum mmu_access access, unsigned el)
{
	arm64_mmu_access(&mmu, &table_memory, VADDR(va), access, el, false, &r);
}

static void path(uint64_t d0, uint64_t d1, uint64_t d2, uint64_t d3)
{
	table_path(VA, (const uint64_t[]){d0, d1, d2, d3});
}

/* level: ours. */
static void path_to(int level, uint64_t leaf)
{
	path(T(1), level == 2 ? leaf : T(2), level == 1 ? leaf : T(3), leaf);
}

#define R MMU_READ
#define W MMU_WRITE
#define X MMU_EXEC

/* ESR_EL1 in full: EC 0x20 (82...), 0x21 (86...), 0x24 (92...), 0x25 (96...), IL; 0x40 is WnR. */
static const struct law {
	const char *text;
	uint64_t entries[PT_LEVELS];
	unsigned access, el;
	uint64_t esr; /* 0: no fault */
	uint64_t tcr; /* other bits than usual */
} laws[] = {
	{"invalid, level 0", {0}, R, 1, .esr = 0x96000004},
	{"invalid, level 1", {T(1)}, R, 0, .esr = 0x92000005},
	{"invalid, level 2", {T(1), T(2)}, W, 0, .esr = 0x92000046},
	{"invalid, level 3", {T(1), T(2), T(3)}, W, 1, .esr = 0x96000047},
	{"a fetch by EL0", {T(1), T(2)}, X, 0, .esr = 0x82000006},
	{"a fetch by EL1", {T(1)}, X, 1, .esr = 0x86000005},
	{"bit 0 clear is invalid, whatever else", {~1ull}, R, 1, .esr = 0x96000004},
	{"no blocks in level 0", {BLOCK}, R, 1, .esr = 0x96000004},
	{"no blocks in level 3", {T(1), T(2), T(3), BLOCK}, R, 1, .esr = 0x96000007},
	{"a page", {T(1), T(2), T(3), PAGE}, W, 1, .esr = 0},
	{"a block in level 2", {T(1), T(2), BLOCK}, W, 1, .esr = 0},
	{"a block in level 1", {T(1), BLOCK}, W, 1, .esr = 0},
	{"access flag, level 1", {T(1), BLOCK & ~AF}, R, 1, .esr = 0x96000009},
	{"access flag, level 2", {T(1), T(2), BLOCK & ~AF}, R, 0, .esr = 0x9200000a},
	{"access flag, level 3", {T(1), T(2), T(3), PAGE & ~AF}, X, 0, .esr = 0x8200000b},
	{"permission, level 1", {T(1), BLOCK | RO}, W, 1, .esr = 0x9600004d},
	{"permission, level 2", {T(1), T(2), BLOCK}, R, 0, .esr = 0x9200000e},
	{"permission, level 3", {T(1), T(2), T(3), PAGE | RO | EL0}, W, 0, .esr = 0x9200004f},
	{"UXN", {T(1), T(2), T(3), PAGE | UXN}, X, 0, .esr = 0x8200000f},
	{"UXN is no matter of EL1", {T(1), T(2), T(3), PAGE | UXN}, X, 1, .esr = 0},
	{"PXN", {T(1), T(2), T(3), PAGE | PXN}, X, 1, .esr = 0x8600000f},
	{"EL0 executes what it cannot read", {T(1), T(2), T(3), PAGE | PXN}, X, 0, .esr = 0},
	{"what EL0 writes EL1 does not execute",
	 {T(1), T(2), T(3), PAGE | EL0},
	 X,
	 1,
	 .esr = 0x8600000f},
	{"address size, table of level 0", {BIT(32) | 3}, R, 1, .esr = 0x96000000, .tcr = IPS(5)},
	{"address size, table of level 1",
	 {T(1), BIT(47) | 3},
	 W,
	 0,
	 .esr = 0x92000041,
	 .tcr = IPS(5)},
	{"address size, table of level 2",
	 {T(1), T(2), BIT(36) | 3},
	 X,
	 0,
	 .esr = 0x82000002,
	 .tcr = IPS(4)},
	{"address size, page",
	 {T(1), T(2), T(3), BIT(40) | PAGE},
	 X,
	 1,
	 .esr = 0x86000003,
	 .tcr = IPS(7)},
	{"address size, block", {T(1), BIT(42) | BLOCK}, R, 1, .esr = 0x96000001, .tcr = IPS(6)},
	{"as wide as IPS says", {T(1), T(2), T(3), BIT(39) | PAGE}, R, 1, .esr = 0, .tcr = IPS(7)},
	{"walk abort, level 1", {BIT(40) | 3}, R, 1, .esr = 0x96000015},
	{"walk abort, level 2", {T(1), BIT(40) | 3}, W, 0, .esr = 0x92000056},
	{"walk abort, level 3", {T(1), T(2), BIT(40) | 3}, X, 0, .esr = 0x82000017},
	{"EPD0: no walk", {T(1), T(2), T(3), PAGE | EL0}, R, 0, .esr = 0x92000004, .tcr = EPD0},
};

static void faults_have_the_manuals_syndromes(void **state)
{
	(void)state;
	for (const struct law *l = laws; l < laws + ARRAY_SIZE(laws); l++) {
		reset(NULL);
		mmu.tcr ^= l->tcr;
		table_path(VA, l->entries);
		access_at(VA, l->access, l->el);
		if (r.ok != !l->esr || r.esr != l->esr)
			fail_msg("%s: ok %d, ESR %#lx, not %#lx", l->text, r.ok, r.esr, l->esr);
		assert_int_equal(r.far, r.ok ? 0 : VA);
		assert_int_equal(r.loads, table_loads);
		assert_int_equal(r.updates, table_updates);
		if (!r.ok && r.level >= 0)
			assert_int_equal(r.esr & 3, 3 - r.level);
	}
}

static void the_first_table_can_be_wrong_too(void **state)
{
	(void)state;
	mmu.ttbr0 = BIT(40);
	access_at(VA, R, 1);
	assert_int_equal(r.esr, 0x96000014);
	assert_int_equal(r.loads, 1);
	mmu.tcr ^= IPS(5 ^ 2);
	access_at(VA, X, 0);
	assert_int_equal(r.esr, 0x82000000);
	assert_int_equal(r.loads, 0);
	assert_int_equal(r.level, -1);
}

static void the_cpus_address_size_caps_ips(void **state)
{
	(void)state;
	path_to(0, BIT(44) | PAGE);
	access_at(VA, R, 1);
	assert_true(r.ok);
	mmu.pa_bits = 44;
	access_at(VA, R, 1);
	assert_int_equal(r.esr, 0x96000003);
	mmu.tcr ^= IPS(5 ^ 7); /* reserved: as wide as there is */
	mmu.pa_bits = 0;
	access_at(VA, R, 1);
	assert_true(r.ok);
}

static void an_unprivileged_load_of_el1_faults_as_el1s(void **state)
{
	(void)state;
	path_to(0, PAGE);
	mmu.pan = true;
	arm64_mmu_access(&mmu, &table_memory, VADDR(VA), W, 0, true, &r);
	assert_int_equal(r.esr, 0x9600004f);
	path_to(0, PAGE | EL0);
	arm64_mmu_access(&mmu, &table_memory, VADDR(VA), W, 0, true, &r);
	assert_true(r.ok); /* and PAN is no matter of it */
}

static void checks_come_in_the_manuals_order(void **state)
{
	static const uint64_t cures[] = {1 /* valid */, BIT(47), AF, RO};
	static const uint64_t esr[] = {0x92000047, 0x92000043, 0x9200004b, 0x9200004f, 0};
	uint64_t page = (PAGE | EL0 | RO | BIT(47)) & ~AF & ~1ull;

	(void)state;
	mmu.tcr ^= IPS(5 ^ 3);
	for (unsigned i = 0; i < ARRAY_SIZE(esr); i++) {
		path_to(0, page);
		access_at(VA, W, 0);
		assert_int_equal(r.esr, esr[i]);
		if (i < ARRAY_SIZE(cures))
			page ^= cures[i];
	}
	assert_true(r.ok);
}

/* Table D8-6 and text of D8.2.5: where the walk starts, for 25 to 48 address bits. */
static int start_level(unsigned tsz)
{
	if (tsz <= 24)
		return 0;
	return tsz <= 33 ? 1 : 2;
}

static void check_size(unsigned tsz, bool high)
{
	uint64_t span = BIT(64 - tsz), last = high ? 0xfffffffffffff123 : span - PAGE_SIZE + 0x123;
	uint64_t first = high ? -span : 0;
	int start = start_level(tsz);

	reset(NULL);
	mmu.tcr &= ~(0x3full << (high ? 16 : 0));
	mmu.tcr |= (uint64_t)tsz << (high ? 16 : 0);
	*(high ? &mmu.ttbr1 : &mmu.ttbr0) = TABLE_PA(start);
	for (int i = start; i < 3; i++) {
		unsigned shift = 39 - 9 * (unsigned)i;

		tables[i][0] = T(i + 1);
		tables[i][(last & (span - 1)) >> shift & 511] = T(i + 1);
	}
	tables[3][0] = tables[3][511] = PAGE;
	access_at(last, W, 1);
	assert_true(r.ok);
	assert_int_equal(r.pa.pa, PA + 0x123);
	assert_int_equal(r.loads, 4 - start);
	access_at(first, R, 1);
	assert_true(r.ok);
	access_at(high ? first - 1 : span, R, 1);
	assert_int_equal(r.esr, 0x96000004);
	assert_int_equal(r.level, -1);
	/* With tables gone, the first level read is the one that is told. */
	memset(tables, 0, sizeof(tables));
	access_at(first, R, 1);
	assert_int_equal(r.esr, 0x96000004 + (unsigned)start);
}

static void tsz_decides_range_and_first_level(void **state)
{
	(void)state;
	for (unsigned tsz = 16; tsz <= 39; tsz++) {
		check_size(tsz, false);
		check_size(tsz, true);
	}
	for (unsigned tsz = 0; tsz < 64; tsz = tsz == 15 ? 40 : tsz + 1) {
		reset(NULL);
		mmu.tcr = (mmu.tcr & ~0x3full) | tsz;
		tables[0][0] = T(1); /* address 0 is in any range */
		access_at(0, R, 1);
		assert_int_equal(r.esr, 0x96000004);
		assert_int_equal(r.loads, 0);
	}
}

static void a_small_first_table_is_aligned_to_its_size(void **state)
{
	(void)state;
	mmu.tcr += 39 - 16; /* 25 bits: 16 entries, 128 bytes */
	mmu.ttbr0 = TABLE_PA(2) + 128;
	tables[2][16 + 15] = T(3);
	tables[3][0] = PAGE;
	access_at(15 * SZ_2M, R, 1);
	assert_true(r.ok);
	mmu.tcr += 33 - 39; /* 31 bits: 2 entries, but no less than 64 bytes */
	mmu.ttbr0 = TABLE_PA(1) + 64;
	tables[1][8 + 1] = BLOCK;
	access_at(SZ_1G, R, 1);
	assert_true(r.ok);
	assert_int_equal(r.steps[0].at.pa, TABLE_PA(1) + 72);
}

static void bit_55_chooses_and_tbi_ignores_the_rest(void **state)
{
	static const struct {
		uint64_t va, tcr;
		bool ok;
	} edges[] = {
		{VA, 0, true},
		{VA | 0x5a00000000000000, 0, false},
		{VA | 0x5a00000000000000, TBI0, true},
		{VA | 0x5a00000000000000, TBI1, false},
		{VA | 0x0001000000000000, TBI0, false},
		{VA | 0xffff000000000000, 0, true},
		{VA | 0x5aff000000000000, 0, false},
		{VA | 0x5aff000000000000, TBI1, true},
		{VA | 0x5aff000000000000, TBI0, false},
		{VA | 0xff7f000000000000, TBI0 | TBI1, false},
		{VA | 0x00ff000000000000, TBI0, false},
		{VA | 0x00fe000000000000, TBI1, false},
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(edges); i++) {
		mmu.tcr = usual.tcr | edges[i].tcr;
		path_to(0, PAGE);
		access_at(edges[i].va, R, 1);
		assert_int_equal(r.ok, edges[i].ok);
		assert_int_equal(r.esr, edges[i].ok ? 0 : 0x96000004);
		assert_int_equal(r.far, edges[i].ok ? 0 : edges[i].va); /* with its tag */
	}
}

static void a_leaf_maps_its_span_contiguous_or_not(void **state)
{
	static const uint64_t offsets[] = {0xabc, 0x189abc, 0x16789abc};

	(void)state;
	for (int level = 0; level <= 2; level++) {
		/* Address bits below a block are no part of it. */
		uint64_t leaf = level ? BLOCK | 0x3000 : PAGE;

		for (int i = 0; i < 2; i++, leaf |= CONTIGUOUS) {
			path_to(level, leaf);
			access_at(VA, W, 1);
			assert_true(r.ok);
			assert_int_equal(r.pa.pa, PA + offsets[level]);
			assert_int_equal(r.level, level);
			assert_int_equal(r.loads, 4 - level);
			assert_int_equal(r.nr_steps, 4 - level);
			assert_int_equal(r.updates, 0);
			assert_int_equal(r.steps[3 - level].was, leaf);
		}
	}
}

static void attrindx_and_ng_come_with_the_leaf(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 8; i++) {
		path_to(0, PAGE | i << 2 | (i & 1 ? NG : 0));
		access_at(VA, R, 1);
		assert_int_equal(r.memory_type, 0x11 * (i + 1));
		assert_int_equal(r.global, !(i & 1));
	}
}

static void ha_and_hd_write_the_flags(void **state)
{
	const uint64_t clean = PAGE | RO | DBM;

	(void)state;
	mmu.tcr |= HA | HD;
	path_to(0, clean & ~AF);
	access_at(VA, R, 1);
	assert_true(r.ok && r.writable);
	assert_int_equal(r.updates, 1);
	assert_int_equal(*table_entry(VA, 0), clean);
	assert_int_equal(*table_entry(VA, 1), T(3)); /* tables have no such flag */
	access_at(VA, R, 1);
	assert_int_equal(r.updates, 0);
	access_at(VA, W, 1);
	assert_int_equal(r.updates, 1);
	assert_int_equal(*table_entry(VA, 0), PAGE | DBM);
	assert_int_equal(r.steps[3].was, clean);
	assert_int_equal(r.steps[3].is, PAGE | DBM);
	path_to(0, clean & ~AF);
	access_at(VA, W, 1);
	assert_int_equal(r.updates, 1); /* both at once */
	assert_int_equal(*table_entry(VA, 0), PAGE | DBM);
}

static void a_fault_writes_no_flag(void **state)
{
	(void)state;
	mmu.tcr |= HA | HD;
	path_to(0, (PAGE | RO | DBM) & ~AF);
	access_at(VA, W, 0);
	assert_int_equal(r.esr, 0x9200004f);
	assert_int_equal(r.updates, 0);
	assert_int_equal(*table_entry(VA, 0), (PAGE | RO | DBM) & ~AF);
}

static void without_update_memory_stays_as_it_is(void **state)
{
	struct mmu_memory look = table_memory;

	(void)state;
	look.update = NULL;
	mmu.tcr |= HA | HD;
	path_to(0, (PAGE | RO | DBM) & ~AF);
	arm64_mmu_access(&mmu, &look, VADDR(VA), W, 1, false, &r);
	assert_true(r.ok);
	assert_int_equal(r.updates, 1);
	assert_int_equal(r.steps[3].is, PAGE | DBM);
	assert_int_equal(*table_entry(VA, 0), (PAGE | RO | DBM) & ~AF);
}

static void unmap(void)
{
	*table_entry(VA, 0) = 0;
}

static void map_elsewhere(void)
{
	*table_entry(VA, 0) = PAGE + PA;
}

static void a_descriptor_that_changes_meanwhile_is_read_again(void **state)
{
	(void)state;
	mmu.tcr |= HA;
	path_to(0, PAGE & ~AF);
	table_race = map_elsewhere;
	access_at(VA, W, 1);
	assert_true(r.ok);
	assert_int_equal(r.pa.pa, 2 * PA + 0xabc);
	assert_int_equal(r.loads, 8);
	assert_int_equal(r.nr_steps, 4);
	assert_int_equal(r.updates, 0);
	path_to(0, PAGE & ~AF);
	table_race = unmap;
	access_at(VA, R, 1);
	assert_int_equal(r.esr, 0x96000007);
	assert_int_equal(*table_entry(VA, 0), 0);
}

static void without_tables_addresses_are_physical(void **state)
{
	(void)state;
	mmu.sctlr &= ~M;
	mmu.pa_bits = 40;
	access_at(0xff12345678, W, 0);
	assert_true(r.ok && r.writable && r.executable);
	assert_int_equal(r.pa.pa, 0xff12345678);
	assert_int_equal(r.memory_type, 0x00); /* Device-nGnRnE */
	assert_int_equal(r.loads, 0);
	access_at(0x1000, X, 1);
	assert_int_equal(r.memory_type, 0x44); /* normal, non-cacheable */
	mmu.sctlr |= I;
	access_at(0x1000, X, 1);
	assert_int_equal(r.memory_type, 0xaa); /* write-through */
	access_at(BIT(40), R, 1);
	assert_int_equal(r.esr, 0x96000000);
	assert_int_equal(r.far, BIT(40));
	access_at(0x5a00000000001000, R, 1);
	assert_int_equal(r.esr, 0x96000000);
	mmu.tcr |= TBI0;
	access_at(0x5a00000000001000, R, 1);
	assert_true(r.ok);
	assert_int_equal(r.pa.pa, 0x1000);
}

/* ---- D8.4: every combination of rights, in every mode ---- */

/* By AP[2:1]: data accesses by EL1 and by EL0. */
static const char *const ap_el1[] = {"rw", "rw", "r", "r"};
static const char *const ap_el0[] = {"", "rw", "", "r"};

struct rights {
	unsigned ap;
	bool uxn, pxn;
};

/* A table's limits, folded into the leaf as if there were one level. */
static struct rights effective(uint64_t leaf, uint64_t table)
{
	struct rights e = {leaf >> 6 & 3, leaf & UXN, leaf & PXN};

	if (leaf & DBM && mmu.hafdbs && (mmu.tcr & (HA | HD)) == (HA | HD))
		e.ap &= 1;
	if (mmu.tcr & HPD0)
		return e;
	if (table & BIT(61))
		e.ap &= 2;
	e.ap |= table >> 61 & 2;
	e.uxn |= table >> 60 & 1;
	e.pxn |= table >> 59 & 1;
	return e;
}

static bool pan_applies(const struct rights *e)
{
	bool el0_data = *ap_el0[e->ap], el0_exec = !e->uxn && mmu.sctlr & EPAN && mmu.has_epan;

	return mmu.pan && mmu.has_pan && (el0_data || el0_exec);
}

static bool may(const struct rights *e, enum mmu_access access, unsigned el)
{
	const char *data = el ? ap_el1[e->ap] : ap_el0[e->ap];

	if (access != MMU_EXEC)
		return strchr(data, access == MMU_READ ? 'r' : 'w') && !(el && pan_applies(e));
	if (el ? e->pxn || e->ap == 1 : e->uxn)
		return false;
	return !(mmu.sctlr & WXN) || !strchr(data, 'w');
}

static void check_access(uint64_t leaf, uint64_t table, enum mmu_access access, unsigned el)
{
	struct rights e = effective(leaf, table);
	uint64_t esr = (access == X ? 0x82000000 : 0x92000000) + el * 0x04000000;
	bool ok = may(&e, access, el), flag = leaf & AF || (mmu.hafdbs && mmu.tcr & HA);
	struct mmu_memory look = table_memory;
	uint64_t after = leaf | AF;

	esr |= (access == W ? 0x40 : 0) | (flag ? 0xf : 0xb);
	look.update = NULL;
	arm64_mmu_access(&mmu, &look, VADDR(VA), access, el, false, &r);
	if (r.ok != (ok && flag) || (!r.ok && r.esr != esr))
		fail_msg("leaf %#lx under %#lx, TCR %#lx SCTLR %#lx PAN %d: access %d of EL%u: "
			 "ok %d, ESR %#lx, not %d, %#lx",
			 leaf, table, mmu.tcr, mmu.sctlr, mmu.pan, access, el, r.ok, r.esr,
			 ok && flag, esr);
	if (!r.ok) {
		assert_int_equal(r.steps[3].is, leaf);
		return;
	}
	if (access == W && leaf & DBM && mmu.hafdbs && mmu.tcr & HA && mmu.tcr & HD)
		after &= ~RO;
	assert_int_equal(r.steps[3].is, after);
	assert_int_equal(r.updates, after != leaf);
	assert_int_equal(r.writable, may(&e, W, el));
	assert_int_equal(r.executable, may(&e, X, el));
}

static void check_leaf(uint64_t leaf, uint64_t table)
{
	for (enum mmu_access access = R; access <= X; access++) {
		check_access(leaf, table, access, 0);
		check_access(leaf, table, access, 1);
	}
}

/* Bits of a combination: AP[2:1], PXN, UXN, DBM, AF of the leaf; 62:59 of one table. */
static void check_all_leaves(int level)
{
	for (unsigned c = 0; c < 1 << 10; c++) {
		uint64_t leaf = PA | 3 | (c & 3) << 6 | (c & 4 ? PXN : 0) | (c & 8 ? UXN : 0) |
				(c & 16 ? DBM : 0) | (c & 32 ? AF : 0);
		uint64_t table = (uint64_t)(c >> 6) << 59;

		path_to(0, leaf);
		*table_entry(VA, level) |= table;
		check_leaf(leaf, table);
	}
}

static void rights_are_the_manuals_in_every_mode(void **state)
{
	static const uint64_t dirty[] = {0, HA, HD, HA | HD};

	(void)state;
	for (unsigned mode = 0; mode < 256; mode++) {
		mmu.tcr = usual.tcr | dirty[mode & 3] | (mode & 4 ? HPD0 : 0);
		mmu.sctlr = M | (mode & 8 ? WXN : 0) | (mode & 16 ? EPAN : 0);
		mmu.pan = mode & 32;
		mmu.has_pan = mmu.has_epan = mode & 64;
		mmu.hafdbs = mode & 128;
		check_all_leaves(1 + (int)mode % 3);
	}
	mmu = usual;
	for (int level = 1; level <= 3; level++)
		check_all_leaves(level);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(faults_have_the_manuals_syndromes, reset),
		cmocka_unit_test_setup(the_first_table_can_be_wrong_too, reset),
		cmocka_unit_test_setup(the_cpus_address_size_caps_ips, reset),
		cmocka_unit_test_setup(an_unprivileged_load_of_el1_faults_as_el1s, reset),
		cmocka_unit_test_setup(checks_come_in_the_manuals_order, reset),
		cmocka_unit_test_setup(tsz_decides_range_and_first_level, reset),
		cmocka_unit_test_setup(a_small_first_table_is_aligned_to_its_size, reset),
		cmocka_unit_test_setup(bit_55_chooses_and_tbi_ignores_the_rest, reset),
		cmocka_unit_test_setup(a_leaf_maps_its_span_contiguous_or_not, reset),
		cmocka_unit_test_setup(attrindx_and_ng_come_with_the_leaf, reset),
		cmocka_unit_test_setup(ha_and_hd_write_the_flags, reset),
		cmocka_unit_test_setup(a_fault_writes_no_flag, reset),
		cmocka_unit_test_setup(without_update_memory_stays_as_it_is, reset),
		cmocka_unit_test_setup(a_descriptor_that_changes_meanwhile_is_read_again, reset),
		cmocka_unit_test_setup(without_tables_addresses_are_physical, reset),
		cmocka_unit_test_setup(rights_are_the_manuals_in_every_mode, reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
