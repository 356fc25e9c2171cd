// SPDX-License-Identifier: BSD-2-Clause
/*
 * Trees of random entries: any combination of permission, type, flag and ignored bits, leaves at
 * every level, reserved bits set now and then. Addresses lie in the memory that there is.
 */
#include "oracle.h"

#define DATA_START 0x11000000u
#define DATA_END 0x30000000u
#define IGNORED (GENMASK(11, 9) | GENMASK(62, 52)) /* with CR4.PKE = 0 */
#define ATTRIBUTES (IGNORED | GENMASK(6, 1) | BIT(8))
#define NX BIT(63)
#define PAT_LARGE BIT(12)

static uint64_t state;

void random_seed(uint64_t seed)
{
	state = seed;
}

/* SplitMix64 (Steele, Lea, Flood 2014). */
uint64_t random64(void)
{
	uint64_t z = state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

/* What any present entry may have; permissive more often than not, so that walks get far. */
static uint64_t random_attributes(void)
{
	uint64_t entry = random64() & ATTRIBUTES;

	if (!random_once_in(4))
		entry |= BIT(1) | BIT(2);
	if (random_once_in(4))
		entry |= NX;
	if (cpu.maxphyaddr < 52 && random_once_in(32))
		entry |= BIT(cpu.maxphyaddr + random_below(52 - cpu.maxphyaddr));
	return entry;
}

/* Where a leaf points: aligned, or with a reserved bit of its address set. */
static uint64_t random_target(int level)
{
	uint64_t span = PT_SPAN(level), pa = random_once_in(2) ? 0 : SZ_1G;

	if (level < 2)
		pa = ALIGN_DOWN(DATA_START + random64() % (DATA_END - DATA_START), span);
	if (level && random_once_in(8))
		pa |= BIT(13 + random_below(level == 1 ? 8 : 17));
	if (level && random_once_in(2))
		pa |= PAT_LARGE;
	return pa;
}

static uint64_t random_leaf(int level)
{
	uint64_t entry = random_attributes() | random_target(level);

	if (level || random_once_in(2)) /* PAT at level 0 */
		entry |= ENTRY_PS;
	return entry | ENTRY_P;
}

/* Present but for bit 0: whatever else it says must not matter. */
static uint64_t random_absent(int level)
{
	return random_leaf(level) & ~ENTRY_P;
}

static paddr_t random_table(int level);

static uint64_t random_entry(int level)
{
	if (random_once_in(8))
		return random_absent(level);
	if (level == 0 || random_once_in(level == 3 ? 16 : 3))
		return random_leaf(level); /* at level 3 that is reserved */
	return random_attributes() | random_table(level - 1).pa | ENTRY_P;
}

/* A few entries, often at the ends, often side by side. */
static paddr_t random_table(int level)
{
	paddr_t table = pool_frame();
	unsigned entries = 1 + random_below(level ? 3 : 6);
	unsigned at = random_once_in(4) ? 0 : random_below(PT_ENTRIES);

	while (entries--) {
		if (!(level == 3 && at == OWN_SLOT))
			view(table)[at] = random_entry(level);
		at = random_once_in(4) ? PT_ENTRIES - 1 : random_below(PT_ENTRIES);
		if (random_once_in(2) && at)
			at--;
	}
	return table;
}

void random_trees(unsigned count, bool brief)
{
	char name[32];
	struct tree tree = {.name = name, .every = 1};

	session_begin("random trees");
	for (unsigned i = 0; i < count; i++) {
		unsigned choices = brief ? 1u << random_below(32) : ALL_CHOICES;

		snprintf(name, sizeof(name), "random tree %u", i);
		pool_reset();
		tree.root = random_table(3);
		tree_judge(&tree, choices);
	}
	snprintf(name, sizeof(name), "%u random trees", count);
	session.name = name;
	session_end();
}
