/* SPDX-License-Identifier: BSD-2-Clause */
/* A few physical pages that hold translation tables made by hand, for the software MMUs to walk. */
#ifndef TABLE_MEMORY_H
#define TABLE_MEMORY_H

#include <twofold/softmmu.h>

#define TABLES_PA 0x10000ull
#define TABLE_PA(i) (TABLES_PA + (i)*PAGE_SIZE)

/* tables[0] is the root, tables[3] the last level. All zero after table_memory_reset(). */
extern uint64_t tables[PT_LEVELS][PT_ENTRIES];

/* Outside the tables nothing is there. An update exchanges, if the old value still stands. */
extern const struct mmu_memory table_memory;
extern unsigned table_loads, table_updates; /* that it saw */
/* Called once before the next update, then forgotten: another CPU comes first. */
extern void (*table_race)(void);

void table_memory_reset(void);
/* The entry for va in the table of its level. */
uint64_t *table_entry(uint64_t va, int level);
/* tables[0] leads to tables[1] and so on for va, by these entries from the root down. */
void table_path(uint64_t va, const uint64_t entries[PT_LEVELS]);

#endif
