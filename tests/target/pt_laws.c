// SPDX-License-Identifier: BSD-2-Clause
/* Suite "tables": the laws of both formats, and both walkers kept in step, on this CPU. */
#include <twofold/pt.h>
#include <twofold/selftest.h>

#define LAW(cond) EXPECT(cond)
#include "tests/pt_laws.h"

/* All of the low attribute bits with each of the high ones. */
#define COMBINATIONS(f)                                                                            \
	for (int bit = 51; bit < 64; bit++)                                                        \
		for (uint64_t low = 0; low < 1 << 12; low++)                                       \
	f(BIT(bit) | low)

SELFTEST(tables, arm64_leaves_round_trip)
{
	arm64_law_leaves();
}

SELFTEST(tables, arm64_tables_permit_all)
{
	arm64_law_tables();
}

SELFTEST(tables, arm64_tokens_fault_and_round_trip)
{
	arm64_law_tokens();
}

SELFTEST(tables, arm64_every_value_has_a_kind)
{
	COMBINATIONS(arm64_law_any);
}

SELFTEST(tables, x86_64_leaves_round_trip)
{
	x86_64_law_leaves();
}

SELFTEST(tables, x86_64_tables_permit_all)
{
	x86_64_law_tables();
}

SELFTEST(tables, x86_64_tokens_fault_and_round_trip)
{
	x86_64_law_tokens();
}

SELFTEST(tables, x86_64_every_value_has_a_kind)
{
	COMBINATIONS(x86_64_law_any);
}

SELFTEST(tables, addresses_have_their_halves)
{
	law_addresses();
}

/* ---- the walkers: one history, two formats, the same story ---- */

#define WINDOW_PAGES 1024u
#define WINDOW (PT_SPAN(3) - SZ_2M) /* on both sides of a 512 GiB boundary */
#define STEPS 2000

static uint64_t random(uint64_t n)
{
	static uint64_t state = 88172645463325252;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state % n;
}

static void step_both(struct pt *arm, struct pt *x86)
{
	uint64_t page = random(WINDOW_PAGES), n = 1 + random(random(4) ? 4 : 600);
	vaddr_t va = VADDR(WINDOW + page * PAGE_SIZE);
	prot_t p = (prot_t)random(PT_NOCACHE) & ~PT_GLOBAL, q = (prot_t)random(PT_NOCACHE);
	paddr_t pa = PADDR(SZ_1G + random(8) * SZ_2M + page * PAGE_SIZE);
	size_t size = MIN(n, WINDOW_PAGES - page) * PAGE_SIZE;

	switch (random(6)) {
	case 0:
		EXPECT(!arm64_pt_unmap(arm, va, size) && !x86_64_pt_unmap(x86, va, size));
		break;
	case 1:
		EXPECT(!arm64_pt_protect(arm, va, size, p, q & ~PT_GLOBAL) &&
		       !x86_64_pt_protect(x86, va, size, p, q & ~PT_GLOBAL));
		break;
	case 2:
		EXPECT(arm64_pt_test_clear(arm, va, PT_YOUNG) ==
		       x86_64_pt_test_clear(x86, va, PT_YOUNG));
		break;
	case 3:
		EXPECT(!arm64_pt_map(arm, va, pa, PAGE_SIZE, p) &&
		       !x86_64_pt_map(x86, va, pa, PAGE_SIZE, p));
		EXPECT(arm64_pt_set_soft(arm, va, page + 1) == p &&
		       x86_64_pt_set_soft(x86, va, page + 1) == p);
		break;
	default:
		EXPECT(!arm64_pt_map(arm, va, pa, size, p) && !x86_64_pt_map(x86, va, pa, size, p));
	}
}

static bool same_story(const struct pt *arm, const struct pt *x86)
{
	struct pt_leaf a, x;

	for (unsigned i = 0; i < WINDOW_PAGES; i++) {
		vaddr_t va = VADDR(WINDOW + i * PAGE_SIZE);

		if (arm64_pt_query(arm, va, &a) != x86_64_pt_query(x86, va, &x) ||
		    a.pa.pa != x.pa.pa || a.prot != x.prot || a.token != x.token ||
		    a.level != x.level)
			return false;
	}
	return arm->stats.leaves == x86->stats.leaves &&
	       arm->stats.tables[0] == x86->stats.tables[0] &&
	       arm->stats.tables[1] == x86->stats.tables[1] &&
	       arm->stats.tables[2] == x86->stats.tables[2];
}

SELFTEST(tables, both_walkers_tell_the_same)
{
	struct pt arm, x86;

	REQUIRE(!arm64_pt_init(&arm, 0));
	REQUIRE(!x86_64_pt_init(&x86, 0));
	EXPECT(arm.live && !x86.live);
	for (unsigned i = 0; i < STEPS; i++) {
		step_both(&arm, &x86);
		if (i % 100 == 0)
			EXPECT(same_story(&arm, &x86));
	}
	EXPECT(same_story(&arm, &x86));
	arm64_pt_fini(&arm);
	x86_64_pt_fini(&x86);
	EXPECT(!arm.stats.leaves && !x86.stats.leaves);
	EXPECT(!arm.stats.tables[0] && !arm.stats.tables[1] && !arm.stats.tables[2]);
	EXPECT(!x86.stats.tables[0] && !x86.stats.tables[1] && !x86.stats.tables[2]);
}
