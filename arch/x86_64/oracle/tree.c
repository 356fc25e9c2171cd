// SPDX-License-Identifier: BSD-2-Clause
/*
 * One tree: each mapping and each hole beside one, from ring 0 and ring 3, read, written and run,
 * under every choice of control bits. What a mapping is, is read from the entries themselves:
 * whatever is not zero and leads to no table is a target.
 */
#include "oracle.h"

#define ROOT (PT_LEVELS - 1)
#define HALF (PT_ENTRIES / 2)
#define CHOICES 32     /* of control bits */
#define PAGES_INSIDE 5 /* of a block: first, second, middle, last, and one at random */

/* One pass over a tree. */
struct pass {
	const struct tree *tree;
	paddr_t root;	/* the one that is loaded */
	unsigned every; /* one page in so many */
	bool count;	/* mappings and holes: in the first pass only */
	bool fresh;	/* accessed and dirty flags are cleared first */
};

static uint64_t load(paddr_t table, unsigned index)
{
	return view(table)[index];
}

/* All that can be done to one page. EFLAGS.AC means something in ring 0, and with SMAP. */
static void judge_page(const struct pass *pass, uint64_t va)
{
	if (pass->every > 1 && !random_once_in(pass->every))
		return;
	for (enum mmu_access access = MMU_READ; access <= MMU_EXEC; access++) {
		probe_judge(&(struct probe){.va = va, .access = access, .cpl = 3});
		probe_judge(&(struct probe){.va = va, .access = access, .cpl = 0});
		if (session.controls.smap)
			probe_judge(&(struct probe){.va = va, .access = access, .ac = true});
	}
}

static void judge_leaf(const struct pass *pass, uint64_t *slot, int level, uint64_t va)
{
	uint64_t pages = PT_SPAN(level) >> PAGE_SHIFT, was = *slot;
	uint64_t inside[PAGES_INSIDE] = {0, 1, pages / 2, pages - 1, random_below((unsigned)pages)};

	if (pass->fresh && was & ENTRY_P)
		*slot &= ~(ENTRY_A | ENTRY_D);
	for (unsigned i = 0; i < (level ? PAGES_INSIDE : 1); i++)
		judge_page(pass, va + (inside[i] << PAGE_SHIFT));
	*slot = was;
	if (pass->count) {
		session.score.mappings[level] += was & ENTRY_P;
		session.score.absent += !(was & ENTRY_P);
	}
}

/* The pages of an empty entry that its neighbours end at; a token is probed as a leaf is. */
static void judge_hole(const struct pass *pass, int level, uint64_t va, bool after, bool before)
{
	if (after)
		judge_page(pass, va);
	if (before && (level || !after))
		judge_page(pass, va + PT_SPAN(level) - PAGE_SIZE);
	if (pass->count)
		session.score.holes += after || before;
}

static uint64_t slot_va(uint64_t va, int level, unsigned index)
{
	va += index * PT_SPAN(level);
	return (uint64_t)((int64_t)(va << 16) >> 16); /* canonical */
}

static bool left_out(const struct pass *pass, unsigned index, uint64_t entry)
{
	if (index == OWN_SLOT)
		return true;
	return index >= HALF && pass->tree->shared.pa && entry == load(pass->tree->shared, index);
}

/* A table that lies in memory, and no reserved bit of the entry says otherwise. */
static bool is_table(uint64_t entry, int level)
{
	return level && entry & ENTRY_P && !(entry & ENTRY_PS) &&
	       view_has(PADDR(entry & ENTRY_ADDRESS));
}

/* Of all entries, but for accessed flags, which a CPU may set on speculation. */
static uint64_t digest(paddr_t table, int level)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < PT_ENTRIES; i++) {
		uint64_t entry = view(table)[i];

		if (level == ROOT && i == OWN_SLOT)
			continue;
		sum = (sum << 1 | sum >> 63) ^ (entry & ~ENTRY_A);
		if (is_table(entry, level))
			sum += digest(PADDR(entry & ENTRY_ADDRESS), level - 1);
	}
	return sum;
}

static void judge_table(const struct pass *pass, paddr_t table, int level, uint64_t va);

static void judge_below(const struct pass *pass, uint64_t *slot, int level, uint64_t va)
{
	uint64_t was = *slot;

	if (pass->fresh)
		*slot &= ~ENTRY_A;
	judge_table(pass, PADDR(was & ENTRY_ADDRESS), level - 1, va);
	*slot = was;
}

static void judge_table(const struct pass *pass, paddr_t table, int level, uint64_t va)
{
	for (unsigned i = 0; i < PT_ENTRIES; i++) {
		uint64_t *slot = &view(table)[i], entry = *slot, at = slot_va(va, level, i);

		if (level == ROOT && left_out(pass, i, entry))
			continue;
		if (is_table(entry, level))
			judge_below(pass, slot, level, at);
		else if (entry)
			judge_leaf(pass, slot, level, at);
		else
			judge_hole(pass, level, at, i == 0 || slot[-1],
				   i == PT_ENTRIES - 1 || slot[1]);
	}
}

/* Both sides of both edges of what is canonical. */
static void judge_edges(const struct pass *pass)
{
	judge_page(pass, BIT(47) - PAGE_SIZE);
	judge_page(pass, BIT(47));
	judge_page(pass, -BIT(47) - PAGE_SIZE);
	judge_page(pass, -BIT(47));
	judge_page(pass, BIT(63));
	if (pass->count)
		session.score.holes += 3;
}

static void run_pass(const struct pass *pass, const struct controls *controls)
{
	session_load(controls, pass->root);
	judge_table(pass, pass->root, ROOT, 0);
	judge_edges(pass);
}

/* Choice 0 has all bits that the CPU knows; each bit of `choice` takes one away. False: there was
 * none to take. */
static bool choose(unsigned choice, struct controls *c)
{
	*c = (struct controls){
		.wp = !(choice & 1),
		.smep = cpu.smep && !(choice & 2),
		.smap = cpu.smap && !(choice & 4),
		.nxe = cpu.nx && !(choice & 8),
		.pge = !(choice & 16),
	};
	return !(choice & 2 && !cpu.smep) && !(choice & 4 && !cpu.smap) && !(choice & 8 && !cpu.nx);
}

/* With all control bits: as the entries are, then with flags cleared. Then with fewer bits. */
static void run_passes(struct pass *pass, unsigned choices)
{
	struct controls controls;

	choose(0, &controls);
	run_pass(pass, &controls);
	pass->count = false;
	pass->fresh = true;
	run_pass(pass, &controls);
	pass->fresh = false;
	pass->every = pass->tree->every;
	for (unsigned choice = 1; choice < CHOICES; choice++)
		if (choices >> choice & 1 && choose(choice, &controls))
			run_pass(pass, &controls);
}

void tree_judge(const struct tree *tree, unsigned choices)
{
	struct pass pass = {.tree = tree, .every = 1, .count = true};
	uint64_t before;

	session.name = tree->name;
	if (!view_adopt(tree->root, &pass.root))
		panic("%s: entry %u of its root is taken", tree->name, OWN_SLOT);
	before = digest(pass.root, ROOT);
	run_passes(&pass, choices);
	session.score.probes++;
	if (digest(pass.root, ROOT) == before)
		session.score.agreed++;
	else
		print("oracle: DIFFERS: %s: entries off the way of every probe changed\n",
		      tree->name);
}
