// SPDX-License-Identifier: BSD-2-Clause
/* Trees for `contrast tlb`: entries as the kernel writes them, at addresses that are made up. */
#include "tlb.h"
#include <arch/arm64/ptfmt.h>
#include <arch/x86_64/ptfmt.h>
#include <stdlib.h>
#include <string.h>

#define PROT (PT_WRITE | PT_USER)

static uint64_t make_leaf(enum side side, int level, uint64_t pa)
{
	return side == ARM ? arm64_leaf(level, PADDR(pa), PROT)
			   : x86_64_leaf(level, PADDR(pa), PROT);
}

static uint64_t make_table(enum side side, uint64_t pa)
{
	return side == ARM ? arm64_table(PADDR(pa)) : x86_64_table(PADDR(pa));
}

uint64_t *forest_entry(const struct forest *forest, paddr_t pa)
{
	uint64_t table = (pa.pa - FOREST_TABLES) / PAGE_SIZE;

	if (pa.pa < FOREST_TABLES || table >= forest->n)
		return NULL;
	return &forest->tables[table][pa.pa % PAGE_SIZE / sizeof(uint64_t)];
}

/* The table that an entry of the one at `table` names, made where there is none. */
static size_t go_down(struct forest *forest, size_t table, unsigned index)
{
	uint64_t *entry = &forest->tables[table][index];

	if (!*entry)
		*entry = make_table(forest->side, FOREST_TABLES + forest->n++ * PAGE_SIZE);
	return ((*entry & GENMASK(47, 12)) - FOREST_TABLES) / PAGE_SIZE;
}

static void map_page(struct forest *forest, int page_level, uint64_t page)
{
	uint64_t pa = page * PT_SPAN(page_level), va = FOREST_VA + pa;
	size_t table = 0;

	for (int level = PT_LEVELS - 1; level > page_level; level--)
		table = go_down(forest, table, va / PT_SPAN(level) % PT_ENTRIES);
	forest->tables[table][va / PT_SPAN(page_level) % PT_ENTRIES] =
		make_leaf(forest->side, page_level, pa);
}

/* As many as the pages can need: at each level one for each 512 below, and one begun. */
static size_t most_tables(const struct setup *setup)
{
	size_t n = 1;

	for (int level = setup->page_level; level < PT_LEVELS - 1; level++)
		n += setup->pages / (PT_SPAN(level + 1) / PT_SPAN(setup->page_level)) + 1;
	return n;
}

void forest_plant(struct forest *forest, enum side side, const struct setup *setup)
{
	forest->side = side;
	forest->n = 1;
	forest->tables = calloc(most_tables(setup), PAGE_SIZE);
	if (!forest->tables)
		die("no memory for the tables");
	for (uint64_t page = 0; page < setup->pages; page++)
		map_page(forest, setup->page_level, page);
}

void forest_fell(struct forest *forest)
{
	free(forest->tables);
}
