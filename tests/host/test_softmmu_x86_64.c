// SPDX-License-Identifier: BSD-2-Clause
/*
 * The x86-64 software MMU against the Intel SDM (volume 3A, chapter 4): entries, control registers
 * and results in numbers, written by hand from its tables; each combination of permission bits
 * against the text of 4.6.1.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "table_memory.h"

#define VA 0x0000123456789abcull
#define PA 0x40000000ull

#define P 0x1ull
#define RW 0x2ull
#define US 0x4ull
#define PWT 0x8ull
#define PCD 0x10ull
#define A 0x20ull
#define D 0x40ull
#define PS 0x80ull
#define PAT 0x80ull
#define PAT_LARGE 0x1000ull
#define G 0x100ull
#define XD (1ull << 63)

#define WP (1ull << 16)
#define PGE (1ull << 7)
#define SMEP (1ull << 20)
#define SMAP (1ull << 21)
#define NXE (1ull << 11)

/* A table that grants everything: 0x27 is P, RW, US, A. */
#define T(i) (TABLE_PA(i) | 0x27)

static const struct x86_64_mmu usual = {
	.cr0 = 0x80010001, /* PG, WP, PE */
	.cr3 = TABLE_PA(0),
	.cr4 = 0xa0,		      /* PGE, PAE */
	.efer = 0xd00,		      /* NXE, LMA, LME */
	.pat = 0x0007040600070406ull, /* as reset */
	.maxphyaddr = 40,
	.page_1g = true,
};

static struct x86_64_mmu mmu;
static struct mmu_result r;

static int reset(void **state)
{
	(void)state;
	mmu = usual;
	table_memory_reset();
	return 0;
}

static void access_at(uint64_t va, enum mmu_access access, unsigned cpl)
{
	x86_64_mmu_access(&mmu, &table_memory, VADDR(va), access, cpl, &r);
}

static void path(uint64_t e3, uint64_t e2, uint64_t e1, uint64_t e0)
{
	table_path(VA, (const uint64_t[]){e3, e2, e1, e0});
}

/* Tables that grant everything, down to this leaf. */
static void path_to(int level, uint64_t leaf)
{
	path(T(1), level == 2 ? leaf : T(2), level == 1 ? leaf : T(3), leaf);
}

#define ALLOWED (~0u)
#define R MMU_READ
#define W MMU_WRITE
#define X MMU_EXEC

/* Error codes: 1 P, 2 W/R, 4 U/S, 8 RSVD, 16 I/D (4.7). */
static const struct law {
	const char *text;
	uint64_t entries[PT_LEVELS];
	unsigned access, cpl;
	uint32_t error;
	uint64_t cr4; /* more than usual */
} laws[] = {
	{"a PML4E not present", {T(1) & ~P}, R, 0, .error = 0},
	{"a PDPTE not present", {T(1)}, R, 3, .error = 4},
	{"a PDE not present", {T(1), T(2)}, W, 3, .error = 6},
	{"a PTE not present", {T(1), T(2), T(3)}, W, 0, .error = 2},
	{"a fetch, and I/D for NXE is on", {T(1), T(2), T(3)}, X, 3, .error = 0x14},
	{"not present: other bits do not matter", {~P}, R, 0, .error = 0},
	{"a user page", {T(1), T(2), T(3), PA | P | RW | US}, W, 3, .error = ALLOWED},
	{"a supervisor page, by the PTE", {T(1), T(2), T(3), PA | P | RW}, R, 3, .error = 5},
	{"a supervisor page, by the PDE", {T(1), T(2), T(3) & ~US, PA | 0x7}, R, 3, .error = 5},
	{"a supervisor page, by the PML4E", {T(1) & ~US, T(2), T(3), PA | 0x7}, W, 3, .error = 7},
	{"read-only, by the PTE", {T(1), T(2), T(3), PA | P | US}, W, 3, .error = 7},
	{"read-only, by the PDPTE", {T(1), T(2) & ~RW, T(3), PA | 0x7}, W, 3, .error = 7},
	{"read-only for the supervisor, too", {T(1), T(2), T(3), PA | P}, W, 0, .error = 3},
	{"execute-disable, by the PTE", {T(1), T(2), T(3), PA | 0x7 | XD}, X, 3, .error = 0x15},
	{"execute-disable, by the PML4E", {T(1) | XD, T(2), T(3), PA | 0x7}, X, 0, .error = 0x11},
	{"execute-disable is no matter of data",
	 {T(1), T(2), T(3), PA | 0x7 | XD},
	 R,
	 3,
	 .error = ALLOWED},
	{"SMEP: the supervisor fetches from a user page",
	 {T(1), T(2), T(3), PA | 0x7},
	 X,
	 0,
	 0x11,
	 SMEP},
	{"SMEP: one level without U/S is enough",
	 {T(1), T(2) & ~US, T(3), PA | 0x7},
	 X,
	 0,
	 ALLOWED,
	 SMEP},
	{"SMAP: the supervisor reads a user page",
	 {T(1), T(2), T(3), PA | 0x7},
	 R,
	 0,
	 .error = 1,
	 .cr4 = SMAP},
	{"SMAP: the supervisor writes a user page",
	 {T(1), T(2), T(3), PA | 0x7},
	 W,
	 0,
	 .error = 3,
	 .cr4 = SMAP},
	{"SMAP is no matter of fetches",
	 {T(1), T(2), T(3), PA | 0x7},
	 X,
	 0,
	 .error = ALLOWED,
	 .cr4 = SMAP},
	{"not present comes before rights above it", {T(1) & ~(US | RW), 0}, W, 3, .error = 6},
	{"a reserved bit in the PML4E", {T(1) | PS, T(2), T(3), PA | 0x7}, R, 0, .error = 9},
	{"a reserved bit in the PTE", {T(1), T(2), T(3), BIT(40) | 0x7}, W, 3, .error = 0xf},
	{"a reserved bit comes before rights", {T(1), T(2), T(3), BIT(51) | P}, W, 3, .error = 0xf},
	{"not present comes before a reserved bit below",
	 {T(1), 0, T(3) | BIT(40)},
	 R,
	 0,
	 .error = 0},
	{"a reserved bit comes before not present below", {T(1) | BIT(40), 0}, R, 0, .error = 9},
	{"a 2 MiB page's low address bits",
	 {T(1), T(2), PA | BIT(13) | PS | 0x7},
	 R,
	 0,
	 .error = 9},
	{"a 1 GiB page's low address bits", {T(1), PA | BIT(29) | PS | 0x7}, R, 0, .error = 9},
	{"a table where no memory is", {BIT(39) | 0x27}, X, 3, .error = 0x1d},
};

static void faults_have_the_manuals_codes(void **state)
{
	(void)state;
	for (const struct law *l = laws; l < laws + ARRAY_SIZE(laws); l++) {
		reset(NULL);
		mmu.cr4 |= l->cr4;
		table_path(VA, l->entries);
		access_at(VA, l->access, l->cpl);
		if (r.ok != (l->error == ALLOWED) || (!r.ok && r.error != l->error))
			fail_msg("%s: ok %d, error %#x, not %#x", l->text, r.ok, r.error, l->error);
		assert_int_equal(r.vector, r.ok ? 0 : 14);
		assert_int_equal(r.cr2, r.ok ? 0 : VA);
		assert_int_equal(r.loads, table_loads);
		assert_int_equal(r.updates, table_updates);
	}
}

static void id_in_the_error_code_needs_nxe_or_smep(void **state)
{
	(void)state;
	mmu.efer &= ~NXE;
	access_at(VA, MMU_EXEC, 3);
	assert_int_equal(r.error, 4);
	mmu.cr4 |= SMEP;
	access_at(VA, MMU_EXEC, 3);
	assert_int_equal(r.error, 0x14);
}

static void addresses_are_canonical_or_gp(void **state)
{
	static const struct {
		uint64_t va;
		bool canonical;
	} edges[] = {
		{0, true},
		{0x00007fffffffffff, true},
		{0x0000800000000000, false},
		{0x0001000000000000, false},
		{0x8000000000000000, false},
		{0xffff000000000000, false},
		{0xffff7fffffffffff, false},
		{0xffff800000000000, true},
		{0xffffffffffffffff, true},
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(edges); i++) {
		access_at(edges[i].va, MMU_READ, i & 1 ? 3 : 0);
		assert_false(r.ok);
		assert_int_equal(r.vector, edges[i].canonical ? 14 : 13);
		assert_int_equal(r.cr2, edges[i].canonical ? edges[i].va : 0);
		assert_int_equal(r.loads, edges[i].canonical ? 1 : 0);
		assert_int_equal(r.level, edges[i].canonical ? 3 : -1);
	}
	access_at(BIT(47), MMU_EXEC, 3);
	assert_int_equal(r.error, 0);
}

static void a_page_is_reached_in_as_many_loads_as_levels(void **state)
{
	static const uint64_t offsets[] = {0xabc, 0x189abc, 0x16789abc};

	(void)state;
	for (int level = 0; level <= 2; level++) {
		path_to(level, PA | 0x67 | (level ? PS : 0));
		access_at(VA, MMU_WRITE, 3);
		assert_true(r.ok);
		assert_int_equal(r.pa.pa, PA + offsets[level]);
		assert_int_equal(r.level, level);
		assert_int_equal(r.loads, 4 - level);
		assert_int_equal(r.nr_steps, 4 - level);
		assert_int_equal(r.updates, 0);
	}
}

static void accessed_and_dirty_are_set_where_the_walk_went(void **state)
{
	(void)state;
	path(T(1) & ~A, T(2) & ~A, T(3), PA | 0x7);
	access_at(VA, MMU_READ, 3);
	assert_true(r.ok);
	assert_int_equal(r.updates, 3);
	assert_int_equal(*table_entry(VA, 3), T(1));
	assert_int_equal(*table_entry(VA, 2), T(2));
	assert_int_equal(*table_entry(VA, 0), PA | 0x7 | A);
	assert_int_equal(r.steps[0].was, T(1) & ~A);
	assert_int_equal(r.steps[0].is, T(1));
	assert_int_equal(r.steps[0].at.pa, TABLE_PA(0) + 8 * (VA >> 39));
	access_at(VA, MMU_READ, 3);
	assert_int_equal(r.updates, 0);
	access_at(VA, MMU_WRITE, 3);
	assert_int_equal(r.updates, 1);
	assert_int_equal(*table_entry(VA, 0), PA | 0x7 | A | D);
	assert_int_equal(*table_entry(VA, 1), T(3)); /* D is ignored in a table's entry */
	assert_int_equal(table_updates, 4);
}

static void a_fault_marks_the_tables_passed_and_not_the_page(void **state)
{
	(void)state;
	path(T(1) & ~A, T(2) & ~A, T(3) & ~A, PA | P | US);
	access_at(VA, MMU_WRITE, 3);
	assert_int_equal(r.error, 7);
	assert_int_equal(r.updates, 3);
	assert_int_equal(*table_entry(VA, 1), T(3));
	assert_int_equal(*table_entry(VA, 0), PA | P | US);
}

static void without_update_memory_stays_as_it_is(void **state)
{
	struct mmu_memory look = table_memory;

	(void)state;
	look.update = NULL;
	path(T(1) & ~A, T(2), T(3), PA | 0x7);
	x86_64_mmu_access(&mmu, &look, VADDR(VA), MMU_WRITE, 3, &r);
	assert_true(r.ok);
	assert_int_equal(r.updates, 2);
	assert_int_equal(r.steps[3].is, PA | 0x67);
	assert_int_equal(*table_entry(VA, 3), T(1) & ~A);
	assert_int_equal(*table_entry(VA, 0), PA | 0x7);
}

static void unmap(void)
{
	*table_entry(VA, 0) = 0;
}

static void map_elsewhere(void)
{
	*table_entry(VA, 0) = 2 * PA | 0x7;
}

static void an_entry_that_changes_meanwhile_is_read_again(void **state)
{
	(void)state;
	path_to(0, PA | 0x7 | XD);
	table_race = map_elsewhere;
	access_at(VA, MMU_WRITE, 3);
	assert_true(r.ok && r.executable); /* nothing is left of the first walk */
	assert_int_equal(r.pa.pa, 2 * PA + 0xabc);
	assert_int_equal(r.loads, 8);
	assert_int_equal(r.nr_steps, 4);
	assert_int_equal(*table_entry(VA, 0), 2 * PA | 0x67);
	path_to(0, PA | 0x7);
	table_race = unmap;
	access_at(VA, MMU_READ, 0);
	assert_false(r.ok);
	assert_int_equal(r.error, 0);
	assert_int_equal(*table_entry(VA, 0), 0);
}

static void pat_pcd_pwt_choose_the_memory_type(void **state)
{
	(void)state;
	mmu.pat = 0x0706050400010406; /* entries 7 to 0, each another */
	for (int level = 0; level <= 2; level++)
		for (unsigned i = 0; i < 8; i++) {
			uint64_t pat = level ? PAT_LARGE | PS : PAT;

			path_to(level, PA | 0x7 | (level ? PS : 0) | (i & 1 ? PWT : 0) |
					       (i & 2 ? PCD : 0) | (i & 4 ? pat : 0));
			access_at(VA, MMU_READ, 3);
			assert_true(r.ok);
			assert_int_equal(r.memory_type, "\6\4\1\0\4\5\6\7"[i]);
			assert_int_equal(r.pa.pa & ~0x3fffffffull, PA);
		}
}

static void global_needs_pge(void **state)
{
	(void)state;
	path_to(0, PA | 0x7 | G);
	access_at(VA, MMU_READ, 0);
	assert_true(r.global);
	mmu.cr4 &= ~PGE;
	access_at(VA, MMU_READ, 0);
	assert_false(r.global);
	mmu.cr4 |= PGE;
	path(T(1) | G, T(2) | G, T(3) | G, PA | 0x7);
	access_at(VA, MMU_READ, 0);
	assert_false(r.global); /* only a leaf's G counts */
}

/* Tables 4-15 to 4-20: what must be 0 in a present entry; `leaf`: PS is set, or it is a PTE. */
static bool is_reserved(int level, bool leaf, unsigned bit)
{
	if (bit == 63)
		return !(mmu.efer & NXE);
	if (bit >= 52)
		return false;
	if (bit >= mmu.maxphyaddr)
		return true;
	if (bit == 7)
		return level == 3 || (level == 2 && !mmu.page_1g);
	if (!leaf || level == 0)
		return false;
	return bit >= 13 && bit <= (level == 2 ? 29 : 20);
}

static void check_reserved(int level, bool leaf)
{
	const uint64_t base = leaf ? (level ? PS : 0) | 0x27 : T(4 - level);

	for (unsigned bit = 7; bit < 64; bit++) {
		bool large = level && ((base | BIT(bit)) & PS);
		bool bad = is_reserved(level, large || !level, bit) ||
			   (large && is_reserved(level, true, 7));
		/* What is a table's address below becomes a large page's. */
		uint64_t entry = (bit == 7 ? base & ~GENMASK(51, 12) : base) | BIT(bit);

		path(T(1), T(2), T(3), PA | 0x7);
		*table_entry(VA, level) = entry;
		access_at(VA, MMU_READ, 3);
		/* A table elsewhere is not there: its level says that this entry was passed. */
		if (bad != (!r.ok && r.level == level && r.error == 0xd))
			fail_msg("level %d, entry %#lx: error %#x at level %d", level, entry,
				 r.error, r.level);
	}
}

static void reserved_bits_fault_and_no_other(void **state)
{
	static const unsigned widths[] = {36, 39, 40, 46, 52};

	(void)state;
	for (unsigned i = 0; i < 4 * ARRAY_SIZE(widths); i++) {
		mmu.maxphyaddr = widths[i / 4];
		mmu.page_1g = i & 1;
		mmu.efer = i & 2 ? usual.efer : usual.efer & ~NXE;
		for (int level = 0; level < PT_LEVELS; level++) {
			check_reserved(level, level == 0);
			if (level == 1 || level == 2)
				check_reserved(level, true);
		}
	}
}

/* ---- 4.6.1, each sentence of it ---- */

struct bits {
	unsigned user, write, disabled; /* in how many of n entries */
	unsigned n;
};

static bool supervisor_may(const struct bits *b, enum mmu_access access)
{
	bool user_mode_address = b->user == b->n;

	switch (access) {
	case MMU_READ:
		return !user_mode_address || !(mmu.cr4 & SMAP) || mmu.ac;
	case MMU_WRITE:
		if (mmu.cr0 & WP && b->write < b->n)
			return false;
		return !user_mode_address || !(mmu.cr4 & SMAP) || mmu.ac;
	default:
		if (user_mode_address && mmu.cr4 & SMEP)
			return false;
		return b->disabled == 0;
	}
}

static bool user_may(const struct bits *b, enum mmu_access access)
{
	if (b->user < b->n)
		return false;
	if (access == MMU_WRITE)
		return b->write == b->n;
	return access == MMU_READ || b->disabled == 0;
}

/* Gives each of the entries three of the bits of `combination`. */
static void set_entries(unsigned combination, struct bits *b)
{
	int leaf = 4 - (int)b->n;

	path_to(leaf, PA | 0x60 | P | (leaf ? PS : 0));
	for (int level = 3; level >= leaf; level--, combination >>= 3) {
		uint64_t *entry = table_entry(VA, level);

		*entry &= ~(RW | US);
		*entry |= (combination & 1 ? RW : 0) | (combination & 2 ? US : 0) |
			  (combination & 4 ? XD : 0);
		b->write += combination & 1;
		b->user += combination >> 1 & 1;
		b->disabled += combination >> 2 & 1;
	}
}

static void check_access(const struct bits *b, enum mmu_access access, unsigned cpl)
{
	bool may = cpl ? user_may(b, access) : supervisor_may(b, access);
	uint32_t error = 1 | (access == MMU_WRITE ? 2 : 0) | (cpl ? 4 : 0);

	if (!(mmu.efer & NXE) && b->disabled) {
		may = false;
		error |= 8;
	}
	if (access == MMU_EXEC && (mmu.efer & NXE || mmu.cr4 & SMEP))
		error |= 16;
	access_at(VA, access, cpl);
	if (r.ok != may || r.error != (may ? 0 : error))
		fail_msg("user %u write %u disabled %u of %u, cr0 %#lx cr4 %#lx efer %#lx ac %d: "
			 "access %d of ring %u: error %#x, not %#x",
			 b->user, b->write, b->disabled, b->n, mmu.cr0, mmu.cr4, mmu.efer, mmu.ac,
			 access, cpl, r.ok ? 0 : r.error, may ? 0 : error);
	if (!may)
		return;
	assert_int_equal(r.executable, (cpl ? user_may : supervisor_may)(b, MMU_EXEC));
	assert_int_equal(r.writable, (cpl ? user_may : supervisor_may)(b, MMU_WRITE));
}

static void check_all_modes(const struct bits *b)
{
	for (unsigned mode = 0; mode < 32; mode++) {
		mmu.cr0 = mode & 1 ? usual.cr0 : usual.cr0 & ~WP;
		mmu.cr4 = usual.cr4 | (mode & 2 ? SMEP : 0) | (mode & 4 ? SMAP : 0);
		mmu.efer = mode & 8 ? usual.efer : usual.efer & ~NXE;
		mmu.ac = mode & 16;
		for (enum mmu_access access = MMU_READ; access <= MMU_EXEC; access++) {
			check_access(b, access, 0);
			check_access(b, access, 3);
		}
	}
}

static void rights_are_what_all_levels_grant_in_every_mode(void **state)
{
	(void)state;
	for (unsigned n = 2; n <= PT_LEVELS; n++)
		for (unsigned combination = 0; combination < 1u << (3 * n); combination++) {
			struct bits b = {.n = n};

			set_entries(combination, &b);
			check_all_modes(&b);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(faults_have_the_manuals_codes, reset),
		cmocka_unit_test_setup(id_in_the_error_code_needs_nxe_or_smep, reset),
		cmocka_unit_test_setup(addresses_are_canonical_or_gp, reset),
		cmocka_unit_test_setup(a_page_is_reached_in_as_many_loads_as_levels, reset),
		cmocka_unit_test_setup(accessed_and_dirty_are_set_where_the_walk_went, reset),
		cmocka_unit_test_setup(a_fault_marks_the_tables_passed_and_not_the_page, reset),
		cmocka_unit_test_setup(without_update_memory_stays_as_it_is, reset),
		cmocka_unit_test_setup(an_entry_that_changes_meanwhile_is_read_again, reset),
		cmocka_unit_test_setup(pat_pcd_pwt_choose_the_memory_type, reset),
		cmocka_unit_test_setup(global_needs_pge, reset),
		cmocka_unit_test_setup(reserved_bits_fault_and_no_other, reset),
		cmocka_unit_test_setup(rights_are_what_all_levels_grant_in_every_mode, reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
