// SPDX-License-Identifier: BSD-2-Clause
/*
 * The software MMUs and the table formats: two readings of the same manuals. On random trees that
 * mm/pt.c builds by ptfmt.h, an access must come out as the walker's own look-up says, flags and
 * all. And on memory full of noise, a walk must stay where the entries lead it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <twofold/softmmu.h>

#include "arch/arm64/ptfmt.h"
#include "arch/x86_64/ptfmt.h"
#include "shim.h"

#define RAM_SIZE (64 * SZ_1M)
#define FRAMES_BASE 0x1000000000ull /* that leaves name: not RAM */
#define NR_TREES 20
#define NR_MAPPINGS 200
#define NR_PROBES 5000

/* ---- both machines ---- */

struct probe {
	uint64_t va;
	enum mmu_access access;
	bool user;
};

static paddr_t root;
static bool flags_by_hardware; /* ARM: FEAT_HAFDBS, and on */

static void access_arm64(const struct mmu_memory *memory, const struct probe *p,
			 struct mmu_result *r)
{
	const struct arm64_mmu mmu = {
		.ttbr0 = root.pa,
		.ttbr1 = root.pa,
		.tcr = 0x580100010 | (flags_by_hardware ? 3ull << 39 : 0), /* HA, HD */
		.sctlr = 1,
		.mair = ARM64_MAIR_VALUE,
		.hafdbs = flags_by_hardware,
		.has_pan = true,
		.pan = true,
	};

	arm64_mmu_access(&mmu, memory, VADDR(p->va), p->access, !p->user, false, r);
}

static void access_x86_64(const struct mmu_memory *memory, const struct probe *p,
			  struct mmu_result *r)
{
	const struct x86_64_mmu mmu = {
		.cr0 = 0x80010001, /* PG, WP, PE */
		.cr3 = root.pa,
		.cr4 = 0x3000a0, /* SMAP, SMEP, PGE, PAE */
		.efer = 0xd00,	 /* NXE, LMA, LME */
		.pat = X86_64_PAT_VALUE,
		.maxphyaddr = 46,
		.page_1g = true,
	};

	x86_64_mmu_access(&mmu, memory, VADDR(p->va), p->access, p->user ? 3 : 0, r);
}

/* DFSC of 0b0001LL; #PF with P = 0. */
static bool not_mapped_arm64(const struct mmu_result *r)
{
	return !r->ok && (r->esr & 0x3f) == 4 + (3u - (unsigned)r->level);
}

static bool not_mapped_x86_64(const struct mmu_result *r)
{
	return !r->ok && r->vector == 14 && !(r->error & 1);
}

/* Permission faults, and what ARM without FEAT_HAFDBS leaves to software. */
static bool refused_arm64(const struct mmu_result *r)
{
	return !r->ok && (r->esr >> 3 & 7) == 1;
}

static bool refused_x86_64(const struct mmu_result *r)
{
	return !r->ok && r->vector == 14 && (r->error & 9) == 1;
}

static const struct machine {
	const char *name;
	bool marks; /* YOUNG and DIRTY without a fault, even with flags_by_hardware off */
	uint8_t types[3];
	void (*access)(const struct mmu_memory *memory, const struct probe *p,
		       struct mmu_result *r);
	bool (*not_mapped)(const struct mmu_result *r);
	bool (*refused)(const struct mmu_result *r);
	int (*init)(struct pt *pt, asid_t asid);
	void (*fini)(struct pt *pt);
	int (*map)(struct pt *pt, vaddr_t va, paddr_t pa, size_t size, prot_t prot);
	int (*unmap)(struct pt *pt, vaddr_t va, size_t size);
	prot_t (*set_soft)(struct pt *pt, vaddr_t va, uint64_t token);
	enum pte_kind (*query)(const struct pt *pt, vaddr_t va, struct pt_leaf *out);
} machines[] = {
#define OPS(f)                                                                                     \
	.name = #f, .access = access_##f, .not_mapped = not_mapped_##f, .refused = refused_##f,    \
	.init = f##_pt_init, .fini = f##_pt_fini, .map = f##_pt_map, .unmap = f##_pt_unmap,        \
	.set_soft = f##_pt_set_soft, .query = f##_pt_query
	{OPS(arm64), .marks = false, .types = {0xff, 0x44, 0x04}},
	{OPS(x86_64), .marks = true, .types = {6, 1, 0}},
};

/* ---- random trees ---- */

static bool load_ram(void *arg, paddr_t pa, uint64_t *value)
{
	(void)arg;
	if (pa.pa < SHIM_RAM_BASE || pa.pa >= SHIM_RAM_BASE + RAM_SIZE)
		fail_msg("a walk left RAM: %#lx", pa.pa);
	*value = *(uint64_t *)pa_to_ptr(pa);
	return true;
}

static bool update_ram(void *arg, paddr_t pa, uint64_t old, uint64_t new)
{
	uint64_t *entry = pa_to_ptr(pa);

	(void)arg;
	assert_int_equal(*entry, old);
	*entry = new;
	return true;
}

static const struct mmu_memory ram = {load_ram, update_ram, NULL};

/* Of one half, near edges of each level, so that mappings meet. */
static uint64_t random_va(bool user)
{
	static const uint64_t edges[] = {0x7f0000000000, 0x40000000, 0x8000000000 - SZ_1G};
	uint64_t window = shim_random(2) ? 4 * SZ_2M : 3 * SZ_1G;
	uint64_t va = edges[shim_random(ARRAY_SIZE(edges))] + (shim_random(window) & PAGE_MASK);

	return user ? va : va | GENMASK(63, 46); /* past the direct map, which is never split */
}

static prot_t random_prot(void)
{
	static const prot_t types[] = {PT_NORMAL, PT_NOCACHE, PT_DEVICE};

	return (prot_t)shim_random(PT_NOCACHE) | types[shim_random(3)];
}

static void grow_tree(const struct machine *m, struct pt *pt)
{
	static const uint64_t sizes[] = {PAGE_SIZE, 16 * PAGE_SIZE, SZ_2M, SZ_1G};

	for (unsigned i = 0; i < NR_MAPPINGS; i++) {
		uint64_t size = sizes[shim_random(ARRAY_SIZE(sizes))];
		uint64_t align = shim_random(4) ? size : PAGE_SIZE;
		vaddr_t va = VADDR(ALIGN_DOWN(random_va(pt->user), align));
		paddr_t pa = PADDR(FRAMES_BASE + ALIGN_DOWN(shim_random(64 * SZ_1G), align));
		struct pt_leaf at;

		assert_int_equal(m->map(pt, va, pa, size, random_prot()), 0);
		va = VADDR(random_va(pt->user));
		if (m->query(pt, va, &at) == PTE_EMPTY || at.level == 0)
			m->set_soft(pt, va, 1 + shim_random(BIT(PT_TOKEN_BITS) - 1));
		if (!shim_random(8))
			assert_int_equal(
				m->unmap(pt, VADDR(ALIGN_DOWN(random_va(pt->user), SZ_2M)), SZ_2M),
				0);
	}
}

/* What prot_t promises (docs/pagetables.md), SMEP, SMAP and PAN being on. */
static bool promised(const struct machine *m, prot_t prot, const struct probe *p)
{
	bool user_page = prot & PT_USER, marks = m->marks || flags_by_hardware;

	if (user_page != p->user)
		return false;
	if (!marks && !(prot & PT_YOUNG))
		return false;
	if (p->access == MMU_WRITE)
		return prot & PT_WRITE && (marks || prot & PT_DIRTY);
	return p->access == MMU_READ || prot & PT_EXEC;
}

static void check_leaf(const struct machine *m, const struct pt *pt, const struct probe *p,
		       const struct pt_leaf *before, const struct mmu_result *r)
{
	bool ok = promised(m, before->prot, p);
	prot_t prot = before->prot;
	struct pt_leaf after;

	if (r->ok != ok || (!ok && !m->refused(r)))
		fail_msg("%s: prot %#x at level %d, access %d, user %d: ok %d, ESR %#lx, error %#x",
			 m->name, prot, before->level, p->access, p->user, r->ok, r->esr, r->error);
	if (ok) {
		prot |= PT_YOUNG | (p->access == MMU_WRITE ? PT_DIRTY : 0);
		assert_int_equal(r->pa.pa, before->pa.pa);
		assert_int_equal(r->memory_type, m->types[(prot & PT_TYPE) / PT_NOCACHE]);
		assert_int_equal(r->global, !!(prot & PT_GLOBAL));
	}
	if (!m->marks && !flags_by_hardware)
		prot = before->prot;
	assert_int_equal(m->query(pt, VADDR(p->va), &after), PTE_LEAF);
	assert_int_equal(after.prot, prot);
}

/* Every leaf that can be asked for, by what was asked for, not by what the format reads back. */
static void check_encodings(const struct machine *m)
{
	const unsigned combinations = 3 * PT_NOCACHE * 3 * 2; /* prot, access, user */
	struct pt pt;

	assert_int_equal(m->init(&pt, 0), 0);
	pt.user = true;
	pt.live = false;
	root = pt.root;
	for (unsigned i = 0; i < 3 * combinations; i++) {
		struct probe p = {SZ_1G, (enum mmu_access)(i % 3), i / 3 % 2};
		struct pt_leaf leaf = {PADDR(FRAMES_BASE), i / 6 % (3 * PT_NOCACHE), 0,
				       (int)(i / combinations)};
		struct mmu_result r;

		assert_int_equal(m->map(&pt, VADDR(p.va), leaf.pa, PT_SPAN(leaf.level), leaf.prot),
				 0);
		m->access(&ram, &p, &r);
		assert_int_equal(r.level, leaf.level);
		check_leaf(m, &pt, &p, &leaf, &r);
	}
	m->fini(&pt);
}

struct seen {
	unsigned faults, pages[PT_LEVELS]; /* by level */
};

static void probe_tree(const struct machine *m, const struct pt *pt, struct seen *seen)
{
	struct probe p = {random_va(pt->user) + shim_random(PAGE_SIZE),
			  (enum mmu_access)shim_random(3), shim_random(2)};
	struct pt_leaf leaf;
	enum pte_kind kind = m->query(pt, VADDR(p.va), &leaf);
	struct mmu_result r;

	m->access(&ram, &p, &r);
	assert_int_equal(r.level, leaf.level);
	assert_int_equal(r.loads, PT_LEVELS - leaf.level);
	if (kind == PTE_LEAF)
		check_leaf(m, pt, &p, &leaf, &r);
	else if (!m->not_mapped(&r))
		fail_msg("%s: %#lx of kind %d: ok %d, ESR %#lx, error %#x", m->name, p.va, kind,
			 r.ok, r.esr, r.error);
	if (r.ok)
		seen->pages[r.level]++;
	else
		seen->faults++;
}

static void check_trees(const struct machine *m)
{
	struct seen seen = {0};

	for (unsigned tree = 0; tree < NR_TREES; tree++) {
		struct pt pt;

		assert_int_equal(m->init(&pt, 0), 0);
		pt.user = tree & 1;
		pt.live = false;
		root = pt.root;
		grow_tree(m, &pt);
		for (unsigned i = 0; i < NR_PROBES; i++)
			probe_tree(m, &pt, &seen);
		m->fini(&pt);
	}
	assert_true(seen.faults > NR_PROBES);
	for (int level = 0; level <= 2; level++)
		assert_true(seen.pages[level] > NR_PROBES / 10);
}

/* 512 GiB where they would fit into one entry, if the root could hold leaves. */
static void check_widest(const struct machine *m)
{
	const struct probe p = {PT_SPAN(3) + SZ_1G + 0x123, MMU_READ, true};
	struct mmu_result r;
	struct pt pt;

	assert_int_equal(m->init(&pt, 0), 0);
	pt.user = true;
	pt.live = false;
	root = pt.root;
	assert_int_equal(
		m->map(&pt, VADDR(PT_SPAN(3)), PADDR(PT_SPAN(3)), PT_SPAN(3), PT_USER | PT_YOUNG),
		0);
	m->access(&ram, &p, &r);
	assert_true(r.ok);
	assert_int_equal(r.level, 2);
	assert_int_equal(r.pa.pa, p.va);
	m->fini(&pt);
}

static void arm64_agrees_with_its_format(void **state)
{
	(void)state;
	flags_by_hardware = false;
	check_encodings(&machines[0]);
	check_widest(&machines[0]);
	check_trees(&machines[0]);
}

static void arm64_agrees_when_hardware_sets_flags(void **state)
{
	(void)state;
	flags_by_hardware = true;
	check_encodings(&machines[0]);
	check_widest(&machines[0]);
	check_trees(&machines[0]);
}

static void x86_64_agrees_with_its_format(void **state)
{
	(void)state;
	flags_by_hardware = false;
	check_encodings(&machines[1]);
	check_widest(&machines[1]);
	check_trees(&machines[1]);
}

/* ---- noise ---- */

#define NR_NOISE_WALKS 200000

static uint64_t noise_seed, table; /* the table that the next load must be in */

static uint64_t mixed(uint64_t x)
{
	x = (x ^ x >> 31) * 0x7fb5d329728ea185;
	x = (x ^ x >> 27) * 0x81dadef4bc2dd44d;
	return x ^ x >> 33;
}

/* Mostly valid, mostly a table, mostly without reserved bits: or walks would end at the root. */
static bool load_noise(void *arg, paddr_t pa, uint64_t *value)
{
	uint64_t noise = mixed(pa.pa ^ noise_seed), dice = mixed(noise);

	(void)arg;
	assert_int_equal(pa.pa & PAGE_MASK, table);
	assert_int_equal(pa.pa % sizeof(uint64_t), 0);
	*value = noise | (dice & 7 ? 3 : 0);
	if (dice & 0x70)
		*value &= ~(GENMASK(51, 40) | BIT(7));
	table = *value & GENMASK(47, 12);
	return dice >> 60;
}

static bool update_noise(void *arg, paddr_t pa, uint64_t old, uint64_t new)
{
	(void)arg;
	assert_int_equal((old ^ new) & GENMASK(47, 12), 0);
	assert_int_not_equal(old, new);
	assert_int_equal(pa.pa % sizeof(uint64_t), 0);
	return true;
}

static void check_noise(const struct machine *m)
{
	static const struct mmu_memory noise = {load_noise, update_noise, NULL};
	unsigned reached = 0;

	for (unsigned i = 0; i < NR_NOISE_WALKS; i++) {
		struct probe p = {shim_random(BIT(47)), (enum mmu_access)shim_random(3),
				  shim_random(2)};
		struct mmu_result r;

		noise_seed = mixed(i);
		table = root.pa = shim_random(BIT(40)) & PAGE_MASK;
		m->access(&noise, &p, &r);
		assert_true(r.loads >= 1 && r.loads <= PT_LEVELS);
		assert_true(r.nr_steps + 1 >= r.loads && r.nr_steps <= r.loads);
		assert_int_equal(r.level, PT_LEVELS - (int)r.loads);
		reached += r.ok;
	}
	assert_true(reached > NR_NOISE_WALKS / 100);
}

static void a_walk_reads_only_where_entries_lead(void **state)
{
	(void)state;
	flags_by_hardware = true;
	check_noise(&machines[0]);
	check_noise(&machines[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(arm64_agrees_with_its_format),
		cmocka_unit_test(arm64_agrees_when_hardware_sets_flags),
		cmocka_unit_test(x86_64_agrees_with_its_format),
		cmocka_unit_test(a_walk_reads_only_where_entries_lead),
	};

	shim_boot(RAM_SIZE);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
