// SPDX-License-Identifier: BSD-2-Clause
/*
 * Suite "mmu": this core's MMU against the software MMU and against the format, entry by entry, in
 * a tree made for it: every combination of permission bits, at every level, in each direction of
 * access, with PAN, hardware flags and the rest on and off.
 */
#include <arch/at.h>
#include <twofold/page.h>
#include <twofold/selftest.h>
#include <twofold/string.h>

#include "arch/arm64/ptfmt.h"
#include "mmu_probe.h"

/* Descriptor bits, by Arm ARM D8.3 and not by ptfmt.h. */
#define TYPE_BLOCK 1ull
#define TYPE_PAGE 3ull
#define TYPE_TABLE 3ull
#define ATTR(n) ((uint64_t)(n) << 2)
#define AP(n) ((uint64_t)(n) << 6)
#define SH(n) ((uint64_t)(n) << 8)
#define AF BIT(10)
#define NG BIT(11)
#define DBM BIT(51)
#define PXN BIT(53)
#define UXN BIT(54)
#define PXNTABLE BIT(59)
#define UXNTABLE BIT(60)
#define APTABLE(n) ((uint64_t)(n) << 61)
#define PLAIN (SH(3) | NG)

/* Two of the root's entries, so that nothing done to one path touches the other. */
#define PROBE_BASE (5 * PT_SPAN(3) + 7 * PT_SPAN(2))
#define STUBS_AT (9 * PT_SPAN(3))

static const struct mmu_settings settings[] = {
	{0},
	{.pan = true},
	{.ha = true},
	{.ha = true, .pan = true},
	{.ha = true, .hd = true},
	{.ha = true, .hd = true, .pan = true},
	{.wxn = true},
	{.wxn = true, .ha = true, .hd = true, .pan = true},
};

/*
 * The tables on the way to one page, and what stands in them. A leaf of any level leads to the
 * same frame, `target`, at the same address.
 */
static struct {
	struct pt pt; /* root and ASID: what mmu_switch() wants */
	uint64_t *tables[PT_LEVELS], *stub_tables[PT_LEVELS - 1];
	paddr_t target, stubs;
	vaddr_t va;
} tree;

static uint64_t table_to(const void *table)
{
	return ptr_to_pa(table).pa | TYPE_TABLE;
}

static uint64_t *slot(int level)
{
	return &tree.tables[level][tree.va.va / PT_SPAN(level) % PT_ENTRIES];
}

/* Tables down to the last level, whatever stood there. */
static void link_tables(void)
{
	for (int level = PT_LEVELS - 1; level > 0; level--)
		mmu_store(slot(level), table_to(tree.tables[level - 1]));
}

static void link_stubs(void)
{
	mmu_store(&tree.tables[PT_LEVELS - 1][STUBS_AT / PT_SPAN(3)],
		  table_to(tree.stub_tables[2]));
	mmu_store(tree.stub_tables[2], table_to(tree.stub_tables[1]));
	mmu_store(tree.stub_tables[1], table_to(tree.stub_tables[0]));
	/* EL0 may read and execute, nobody write. */
	mmu_store(tree.stub_tables[0], tree.stubs.pa | PLAIN | AP(3) | AF | PXN | TYPE_PAGE);
}

static void *new_frame(void)
{
	struct page *page = alloc_page(GFP_KERNEL | GFP_ZERO);

	return page ? page_to_ptr(page) : NULL;
}

static void free_frame(void *p)
{
	if (p)
		free_pages(virt_to_page(p), 0);
}

static void tree_free(void)
{
	for (int level = 0; level < PT_LEVELS; level++)
		free_frame(tree.tables[level]);
	for (int level = 0; level < PT_LEVELS - 1; level++)
		free_frame(tree.stub_tables[level]);
	if (tree.target.pa)
		free_frame(pa_to_ptr(tree.target));
	if (tree.stubs.pa)
		free_frame(pa_to_ptr(tree.stubs));
}

static bool tree_make(void)
{
	void *target = new_frame(), *stubs = new_frame();
	bool ok = target && stubs;

	memset(&tree, 0, sizeof(tree));
	tree.target = target ? ptr_to_pa(target) : PADDR(0);
	tree.stubs = stubs ? ptr_to_pa(stubs) : PADDR(0);
	for (int level = 0; level < PT_LEVELS; level++)
		ok &= !!(tree.tables[level] = new_frame());
	for (int level = 0; level < PT_LEVELS - 1; level++)
		ok &= !!(tree.stub_tables[level] = new_frame());
	if (!ok) {
		tree_free();
		return false;
	}
	tree.pt.root = ptr_to_pa(tree.tables[PT_LEVELS - 1]);
	tree.va = VADDR(PROBE_BASE + tree.target.pa % PT_SPAN(2) + 0x150);
	mmu_fill(tree.target);
	memcpy(stubs, mmu_stubs, MMU_STUBS_SIZE);
	icache_sync(stubs, MMU_STUBS_SIZE);
	link_tables();
	link_stubs();
	return true;
}

/* This core on the tree, until leave(). */
static void enter(struct mmu_session *s, const struct mmu_settings *set)
{
	*s = (struct mmu_session){.set = set, .user_stubs = VADDR(STUBS_AT)};
	mmu_switch(&tree.pt);
	mmu_begin(s);
}

/* The TLB is emptied last: the tree may have held global entries. */
static void leave(struct mmu_session *s)
{
	mmu_switch(NULL);
	mmu_end(s);
}

/* ---- one entry, all ways ---- */

/* The entry is as given before each access, and no TLB knows another. */
static void probe_way(const struct mmu_session *s, const struct mmu_way *way, uint64_t *at,
		      uint64_t entry)
{
	if (!mmu_way_possible(s, way))
		return;
	mmu_store(at, entry);
	mmu_forget(tree.va);
	mmu_probe(s, way, tree.va);
}

static void probe_entry(const struct mmu_session *s, uint64_t *at, uint64_t entry)
{
	for (unsigned i = 0; i < NR_MMU_WAYS; i++)
		probe_way(s, &mmu_ways[i], at, entry);
}

/* A large block leads to more than RAM, perhaps to devices as well; only `target` is touched. */
static uint64_t block_address(int level)
{
	return tree.target.pa & ~(PT_SPAN(level) - 1);
}

/* AP, UXN, PXN, AF and DBM from the low bits of n. */
#define NR_RIGHTS 64u
static uint64_t rights(unsigned n)
{
	return AP(n & 3) | (n & 4 ? UXN : 0) | (n & 8 ? PXN : 0) | (n & 16 ? AF : 0) |
	       (n & 32 ? DBM : 0);
}

/* Every value of bits 1:0 but a table, which would lead into the frame, and a block in the root,
 * which has a case of its own. */
static void probe_level(const struct mmu_session *s, int level)
{
	for (uint64_t type = 0; type <= 3; type++) {
		if ((type == TYPE_TABLE && level > 0) || (type == TYPE_BLOCK && level == 3))
			continue;
		for (unsigned n = 0; n < NR_RIGHTS; n++)
			probe_entry(s, slot(level),
				    block_address(level) | PLAIN | rights(n) | type);
	}
	mmu_store(slot(level), 0);
	link_tables();
	mmu_forget(tree.va);
}

/* AP x UXN x PXN x AF x DBM x valid x level, EL0 and EL1, in each setting the CPU has. */
SELFTEST(mmu, every_permission_is_as_predicted)
{
	struct mmu_session s;

	REQUIRE(tree_make());
	mmu_tally_begin();
	for (unsigned i = 0; i < ARRAY_SIZE(settings); i++) {
		if (!mmu_settings_possible(&settings[i]))
			continue;
		for (int level = 0; level < PT_LEVELS; level++) {
			enter(&s, &settings[i]);
			probe_level(&s, level);
			leave(&s);
		}
	}
	EXPECT(mmu_tally_end());
	tree_free();
}

/* What the format leaves of a swapped page: an entry on which every access faults. */
SELFTEST(mmu, tokens_fault)
{
	static const struct mmu_settings plain;
	struct mmu_session s;

	REQUIRE(tree_make());
	mmu_tally_begin();
	enter(&s, &plain);
	for (int level = 0; level < PT_LEVELS; level++) {
		for (unsigned bit = 0; bit < PT_TOKEN_BITS; bit++)
			probe_entry(&s, slot(level), arm64_soft(BIT(bit)));
		mmu_forget(tree.va);
		EXPECT(at_s1e1r(tree.va) & PAR_F);
		link_tables();
	}
	leave(&s);
	EXPECT(mmu_tally_end());
	tree_free();
}

/* D8.3.1: without FEAT_LPA2's TCR_EL1.DS that encoding is reserved, and faults as an empty entry.
 */
SELFTEST(mmu, a_block_in_the_root_faults)
{
	static const struct mmu_settings plain;
	const uint64_t entry = block_address(3) | PLAIN | AF | TYPE_BLOCK;
	struct mmu_session s;
	bool lenient;

	REQUIRE(tree_make());
	enter(&s, &plain);
	mmu_store(slot(3), entry);
	mmu_forget(tree.va);
	lenient = !(at_s1e1r(tree.va) & PAR_F);
	mmu_tally_begin();
	if (!lenient)
		probe_entry(&s, slot(3), entry);
	leave(&s);
	if (lenient)
		selftest_skip("this emulator takes it for a leaf of 512 GiB");
	else
		EXPECT(mmu_tally_end());
	tree_free();
}

/* ---- what tables take away (D8.4.3, hierarchical control) ---- */

static void probe_limits(const struct mmu_session *s, int level, uint64_t limits)
{
	mmu_store(slot(level), table_to(tree.tables[level - 1]) | limits);
	for (unsigned n = 0; n < 16; n++)
		probe_entry(s, slot(0), block_address(0) | PLAIN | AF | rights(n) | TYPE_PAGE);
}

SELFTEST(mmu, tables_take_rights_away)
{
	static const struct mmu_settings with[] = {{0}, {.pan = true}, {.hpd0 = true}};
	struct mmu_session s;

	REQUIRE(tree_make());
	mmu_tally_begin();
	for (unsigned i = 0; i < ARRAY_SIZE(with); i++)
		for (int level = 1; level < PT_LEVELS && mmu_settings_possible(&with[i]); level++) {
			enter(&s, &with[i]);
			for (unsigned n = 0; n < 16; n++)
				probe_limits(&s, level,
					     APTABLE(n & 3) | (n & 4 ? UXNTABLE : 0) |
						     (n & 8 ? PXNTABLE : 0));
			link_tables();
			leave(&s);
		}
	EXPECT(mmu_tally_end());
	tree_free();
}

/* ---- addresses and attributes: nothing is accessed, for what is named may not be memory ---- */

static void translate(const struct mmu_session *s, uint64_t *at, uint64_t entry)
{
	for (unsigned i = 0; i < NR_MMU_WAYS; i++)
		if (mmu_ways[i].at)
			probe_way(s, &mmu_ways[i], at, entry);
}

/* Each output address bit, in leaves and in tables; beyond the CPU's own it is an address size
 * fault. A table where there is no memory is an external abort, which need not be synchronous. */
static void translate_addresses(const struct mmu_session *s, int level)
{
	uint64_t leaf = PLAIN | AF | (level ? TYPE_BLOCK : TYPE_PAGE);

	for (int bit = PAGE_SHIFT + 9 * level; bit < 48 && arm64_leaf_ok(level); bit++)
		translate(s, slot(level), BIT(bit) | leaf);
	for (unsigned bit = s->mmu.pa_bits; bit < 48 && level; bit++)
		translate(s, slot(level), BIT(bit) | table_to(tree.tables[level - 1]));
	mmu_store(slot(level), 0);
	link_tables();
}

static void translate_attributes(const struct mmu_session *s, int level)
{
	uint64_t leaf = block_address(level) | NG | AF | (level ? TYPE_BLOCK : TYPE_PAGE);

	for (unsigned n = 0; n < 32; n++)
		translate(s, slot(level), leaf | ATTR(n % 8) | SH(n / 8));
	mmu_store(slot(level), 0);
	link_tables();
}

SELFTEST(mmu, every_address_and_attribute_is_as_predicted)
{
	static const struct mmu_settings plain;
	struct mmu_session s;

	REQUIRE(tree_make());
	mmu_tally_begin();
	enter(&s, &plain);
	for (int level = 0; level < PT_LEVELS; level++) {
		if (arm64_leaf_ok(level))
			translate_attributes(&s, level);
		translate_addresses(&s, level);
	}
	leave(&s);
	EXPECT(mmu_tally_end());
	tree_free();
}

/* Outside both halves, at their ends, and with a tag in the top byte (TCR_EL1.TBI0). */
SELFTEST(mmu, addresses_outside_the_halves_fault)
{
	static const uint64_t top[] = {0x0001, 0x0080, 0x0100, 0x7f00, 0x8000, 0xff00,
				       0xff7f, 0xff80, 0xfffe, 0xfeff, 0x00ff, 0x5aff};
	static const struct mmu_settings plain;
	struct mmu_session s;

	REQUIRE(tree_make());
	mmu_tally_begin();
	enter(&s, &plain);
	mmu_store(slot(0), block_address(0) | PLAIN | AF | AP(1) | TYPE_PAGE);
	mmu_probe_all(&s, tree.va);
	for (unsigned i = 0; i < ARRAY_SIZE(top); i++) {
		mmu_probe_all(&s, VADDR(tree.va.va | top[i] << 48));
		mmu_probe_all(&s, VADDR(top[i] << 48 | 0xfffffffffff8));
	}
	leave(&s);
	EXPECT(mmu_tally_end());
	tree_free();
}

/* ---- leaves of the format do what their prot_t promises; no software MMU is asked ---- */

/* By the words of <twofold/pt.h> alone. */
static bool promised(const struct mmu_session *s, const struct mmu_way *way, prot_t p)
{
	bool user = p & PT_USER, privileged = way->el == 1;

	if (!(p & PT_YOUNG) && !s->set->ha)
		return false;
	if (!privileged && !user)
		return false;
	if (way->access == MMU_EXEC)
		return (p & PT_EXEC) && privileged != user;
	if (privileged && user && s->set->pan && way->obeys_pan)
		return false;
	return way->access == MMU_READ || ((p & PT_WRITE) && ((p & PT_DIRTY) || s->set->hd));
}

/* What the format reads in the entry afterwards. */
static prot_t left_behind(const struct mmu_session *s, const struct mmu_way *way, prot_t p, bool ok)
{
	if (ok && s->set->ha)
		p |= PT_YOUNG;
	if (ok && way->access == MMU_WRITE)
		p |= PT_DIRTY;
	return p;
}

static bool keeps_promise(const struct mmu_session *s, const struct mmu_way *way, int level,
			  prot_t p)
{
	uint64_t entry = arm64_leaf(level, PADDR(block_address(level)), p);
	bool ok = promised(s, way, p), made;
	prot_t after;

	mmu_store(slot(level), entry);
	mmu_forget(tree.va);
	made = mmu_try(s, way, tree.va, pa_add(tree.target, tree.va.va % PAGE_SIZE));
	after = arm64_prot(mmu_load(slot(level)), level);
	if (!ok) /* a walk may say young even so (D8.5.1) */
		after = s->set->ha ? (after & ~PT_YOUNG) | (p & PT_YOUNG) : after;
	if (made == ok && after == left_behind(s, way, p, ok))
		return true;
	selftest_note("%s of a leaf of level %d, prot %#x: %s, then prot %#x", way->name, level, p,
		      made ? "made" : "not made", after);
	return false;
}

SELFTEST(mmu, leaves_keep_their_promises)
{
	unsigned kept = 0, broken = 0;
	struct mmu_session s;

	REQUIRE(tree_make());
	for (unsigned i = 0; i < ARRAY_SIZE(settings); i++)
		for (int level = 0; arm64_leaf_ok(level); level++) {
			if (!mmu_settings_possible(&settings[i]) || settings[i].wxn)
				continue;
			enter(&s, &settings[i]);
			for (prot_t p = 0; p < PT_NOCACHE && broken < 10; p++)
				for (unsigned w = 0; w < NR_MMU_WAYS; w++)
					if (!mmu_ways[w].at)
						*(keeps_promise(&s, &mmu_ways[w], level, p)
							  ? &kept
							  : &broken) += 1;
			mmu_store(slot(level), 0);
			link_tables();
			leave(&s);
		}
	selftest_note("%u accesses as promised, %u not", kept, broken);
	EXPECT(kept && !broken);
	tree_free();
}
