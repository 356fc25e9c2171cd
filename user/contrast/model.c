// SPDX-License-Identifier: BSD-2-Clause
/*
 * A set-associative TLB and a walk cache before a software MMU, both replaced least recently used.
 * The walk cache holds entries that name tables, by the entry's own physical address, as AMD's page
 * walk cache does (Bhargava et al., ASPLOS 2008, 2.3); leaves always come from memory.
 *
 * Writes need a dirty page: where the TLB's entry is not, x86's CPU walks again to set D, and so
 * does ARM's with FEAT_HAFDBS; another faults, and the kernel sets it. The same goes for A and AF.
 */
#include "tlb.h"
#include <arch/arm64/ptfmt.h>
#include <arch/x86_64/control.h>
#include <stdlib.h>

/* TCR_EL1 (Arm ARM D19.2.139): T0SZ, T1SZ 16; EPD1; IPS 48 bits; HA, HD. SCTLR_EL1.M. */
#define TCR_VALUE (16ull | 16ull << 16 | BIT(23) | 2ull << 30 | 5ull << 32)
#define TCR_HA_HD (BIT(39) | BIT(40))
#define SCTLR_M BIT(0)

/* Both kinds of cache: `tag` is what is looked up, 0 where nothing is. */
struct line {
	uint64_t tag, used;
	bool dirty;
};

struct cache {
	struct line *lines;
	unsigned sets, ways;
	uint64_t clock;
};

struct machine {
	const struct setup *setup;
	struct forest forest;
	struct cache tlb, walks;
	struct arm64_mmu arm;
	struct x86_64_mmu x86;
	struct score score;
};

static void cache_init(struct cache *cache, unsigned entries, unsigned ways)
{
	cache->ways = ways;
	cache->sets = entries / ways;
	cache->clock = 0;
	cache->lines = calloc(entries ? entries : 1, sizeof(struct line));
	if (!cache->lines)
		die("no memory");
}

/* The line that has tag, or else the one to replace; NULL: the cache has no lines. */
static struct line *cache_find(struct cache *cache, uint64_t tag, uint64_t set)
{
	struct line *first, *oldest;

	if (!cache->sets)
		return NULL;
	first = oldest = &cache->lines[set % cache->sets * cache->ways];
	cache->clock++;
	for (struct line *l = first; l < first + cache->ways; l++) {
		if (l->tag == tag) {
			l->used = cache->clock;
			return l;
		}
		if (l->used < oldest->used)
			oldest = l;
	}
	return oldest;
}

static void cache_fill(struct cache *cache, struct line *line, uint64_t tag, bool dirty)
{
	*line = (struct line){.tag = tag, .used = cache->clock, .dirty = dirty};
}

/* ---- memory, as walks see it ---- */

/* All tables lie above all pages here, so an entry's address tells what it names. */
static bool names_table(uint64_t entry)
{
	return (entry & GENMASK(47, 12)) >= FOREST_TABLES;
}

static bool load(void *arg, paddr_t pa, uint64_t *value)
{
	struct machine *m = arg;
	const uint64_t *entry = forest_entry(&m->forest, pa);
	struct line *line;

	if (!entry)
		return false;
	*value = *entry;
	line = names_table(*entry) ? cache_find(&m->walks, pa.pa, 0) : NULL;
	if (line) {
		if (line->tag == pa.pa) {
			m->score.cached++;
			return true;
		}
		cache_fill(&m->walks, line, pa.pa, false);
	}
	m->score.loads++;
	return true;
}

static bool update(void *arg, paddr_t pa, uint64_t old, uint64_t new)
{
	struct machine *m = arg;
	uint64_t *entry = forest_entry(&m->forest, pa);

	if (!entry || *entry != old)
		return false;
	*entry = new;
	m->score.updates++;
	return true;
}

/* ---- accesses ---- */

static void ask(struct machine *m, uint64_t va, bool write, struct mmu_result *result)
{
	const struct mmu_memory memory = {.load = load, .update = update, .arg = m};
	enum mmu_access access = write ? MMU_WRITE : MMU_READ;

	if (m->forest.side == ARM)
		arm64_mmu_access(&m->arm, &memory, VADDR(va), access, 0, false, result);
	else
		x86_64_mmu_access(&m->x86, &memory, VADDR(va), access, 3, result);
}

/* What the kernel does about a flag that only it can set. */
static void set_flags(struct machine *m, const struct mmu_result *fault, bool write)
{
	const struct mmu_step *last = &fault->steps[fault->nr_steps - 1];
	uint64_t *entry = forest_entry(&m->forest, last->at);
	prot_t prot = arm64_prot(*entry, fault->level) | PT_YOUNG | (write ? PT_DIRTY : 0);

	*entry = arm64_leaf(fault->level, arm64_addr(*entry, fault->level), prot);
	m->score.faults++;
}

/* The walk of an access that the TLB cannot serve; is the page dirty now? */
static bool walk(struct machine *m, uint64_t va, bool write)
{
	struct mmu_result result;
	uint64_t leaf;

	ask(m, va, write, &result);
	if (!result.ok && m->forest.side == ARM) {
		set_flags(m, &result, write);
		ask(m, va, write, &result);
	}
	if (!result.ok || result.pa.pa != va - FOREST_VA)
		die("the software MMU went astray at %#llx", (unsigned long long)va);
	leaf = result.steps[result.nr_steps - 1].is;
	return (m->forest.side == ARM ? arm64_prot(leaf, result.level)
				      : x86_64_prot(leaf, result.level)) &
	       PT_DIRTY;
}

static void access_page(struct machine *m, uint64_t page, bool write)
{
	uint64_t va = FOREST_VA + page * PT_SPAN(m->setup->page_level);
	struct line *line = cache_find(&m->tlb, va, page);

	if (line->tag == va && (line->dirty || !write)) {
		m->score.hits++;
		return;
	}
	m->score.misses++;
	cache_fill(&m->tlb, line, va, walk(m, va, write));
}

static void set_registers(struct machine *m)
{
	m->arm = (struct arm64_mmu){
		.ttbr0 = FOREST_TABLES,
		.tcr = TCR_VALUE | (m->setup->hafdbs ? TCR_HA_HD : 0),
		.sctlr = SCTLR_M,
		.mair = ARM64_MAIR_VALUE,
		.hafdbs = m->setup->hafdbs,
	};
	m->x86 = x86_64_mmu_on(PADDR(FOREST_TABLES));
}

void replay(const struct setup *setup, enum side side, enum trace trace, struct score *score)
{
	struct machine m = {.setup = setup};
	struct accesses accesses;

	forest_plant(&m.forest, side, setup);
	cache_init(&m.tlb, setup->entries, setup->ways);
	cache_init(&m.walks, setup->walk_cache, setup->walk_cache ? setup->walk_cache : 1);
	set_registers(&m);
	trace_begin(&accesses, trace, setup->pages);
	for (uint64_t i = 0; i < setup->count; i++) {
		bool write;
		uint64_t page = trace_next(&accesses, &write);

		access_page(&m, page, write);
	}
	*score = m.score;
	trace_end(&accesses);
	free(m.tlb.lines);
	free(m.walks.lines);
	forest_fell(&m.forest);
}
