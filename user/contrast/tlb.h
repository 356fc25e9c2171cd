/* SPDX-License-Identifier: BSD-2-Clause */
/* What a TLB and walk caches make of a trace, on each machine (tlb.c, model.c, forest.c, trace.c).
 */
#ifndef CONTRAST_TLB_H
#define CONTRAST_TLB_H

#include "contrast.h"
#include <twofold/softmmu.h>

enum trace { TRACE_SEQ, TRACE_STRIDE, TRACE_RANDOM, TRACE_ZIPF, NR_TRACES };
extern const char *const trace_names[NR_TRACES];

struct setup {
	int page_level; /* 0: 4 KiB, 1: 2 MiB, 2: 1 GiB */
	uint64_t pages, count;
	unsigned entries, ways, walk_cache;
	bool hafdbs;
};

/* ---- traces: the same numbers on every run ---- */
struct accesses {
	enum trace trace;
	uint64_t pages, at, seed;
	double *cumulative; /* zipf */
};

void trace_begin(struct accesses *a, enum trace trace, uint64_t pages);
/* The page of the next access; every fourth is a write. */
uint64_t trace_next(struct accesses *a, bool *write);
void trace_end(struct accesses *a);

/* ---- a tree of real entries in this program's memory ---- */
#define FOREST_VA 0x100000000000     /* the first page's address */
#define FOREST_TABLES 0x200000000000 /* physical addresses that tables pretend to have */

struct forest {
	enum side side;
	uint64_t (*tables)[PT_ENTRIES];
	size_t n;
};

/* Maps setup->pages pages from FOREST_VA on, to physical address 0 on, neither accessed nor dirty.
 */
void forest_plant(struct forest *forest, enum side side, const struct setup *setup);
void forest_fell(struct forest *forest);
/* The entry at a pretended physical address; NULL: no table is there. */
uint64_t *forest_entry(const struct forest *forest, paddr_t pa);

/* ---- the model ---- */
struct score {
	uint64_t hits, misses;
	uint64_t loads;	  /* table entries that came from memory */
	uint64_t cached;  /* that the walk cache had */
	uint64_t updates; /* entries that the CPU wrote accessed and dirty into */
	uint64_t faults;  /* that the kernel had to take to set them */
};

void replay(const struct setup *setup, enum side side, enum trace trace, struct score *score);

#endif
