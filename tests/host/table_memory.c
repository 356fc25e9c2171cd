// SPDX-License-Identifier: BSD-2-Clause
#include <string.h>

#include "table_memory.h"

uint64_t tables[PT_LEVELS][PT_ENTRIES];
unsigned table_loads, table_updates;
void (*table_race)(void);

static uint64_t *entry_at(paddr_t pa)
{
	if (pa.pa < TABLES_PA || pa.pa >= TABLES_PA + sizeof(tables))
		return NULL;
	return &tables[0][0] + (pa.pa - TABLES_PA) / sizeof(uint64_t);
}

static bool load(void *arg, paddr_t pa, uint64_t *value)
{
	const uint64_t *entry = entry_at(pa);

	(void)arg;
	table_loads++;
	if (entry)
		*value = *entry;
	return entry;
}

static bool update(void *arg, paddr_t pa, uint64_t old, uint64_t new)
{
	uint64_t *entry = entry_at(pa);
	void (*race)(void) = table_race;

	(void)arg;
	table_race = NULL;
	if (race)
		race();
	if (*entry != old)
		return false;
	*entry = new;
	table_updates++;
	return true;
}

const struct mmu_memory table_memory = {load, update, NULL};

void table_memory_reset(void)
{
	memset(tables, 0, sizeof(tables));
	table_loads = table_updates = 0;
	table_race = NULL;
}

uint64_t *table_entry(uint64_t va, int level)
{
	return &tables[PT_LEVELS - 1 - level][va >> (PAGE_SHIFT + 9 * level) & (PT_ENTRIES - 1)];
}

void table_path(uint64_t va, const uint64_t entries[PT_LEVELS])
{
	for (int level = 0; level < PT_LEVELS; level++)
		*table_entry(va, level) = entries[PT_LEVELS - 1 - level];
}
