// SPDX-License-Identifier: BSD-2-Clause
/* Code that may fault for good, and where it goes on then. A score of entries: no need to sort. */
#include "trap.h"

/*
 * Each is relative to its own place; made by `guard` in usercopy.S, and in semihosting.c.
 * Bit 0 of fixup: a probe.
 */
struct extable_entry {
	int32_t start, end, fixup;
};

extern const struct extable_entry __ex_table_start[], __ex_table_end[];

static uint64_t resolve(const int32_t *rel)
{
	return (uint64_t)(uintptr_t)rel + (uint64_t)(int64_t)*rel;
}

uint64_t extable_find(uint64_t pc, bool *probe)
{
	for (const struct extable_entry *e = __ex_table_start; e < __ex_table_end; e++) {
		if (pc < resolve(&e->start) || pc >= resolve(&e->end))
			continue;
		*probe = e->fixup & 1;
		return resolve(&e->fixup) & ~1ull;
	}
	return 0;
}
