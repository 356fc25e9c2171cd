/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of physical memory (early.c, frames.c, buddy.c) tell each other. */
#ifndef MM_PHYS_H
#define MM_PHYS_H

#include <twofold/page.h>

/* A range of bytes [start, end). */
struct mem_range {
	uint64_t start, end;
	unsigned node;
};

/* early.c: the i-th RAM range (whole pages) or reservation (bytes), ascending and disjoint. */
bool early_ram(unsigned i, struct mem_range *out);
bool early_reserved(unsigned i, struct mem_range *out);
/* As early_alloc(), but NULL where there is none. */
void *early_try_alloc(size_t size, size_t align);
/* Leaves out the highest RAM range; false where it is the last one. */
bool early_drop_ram(void);
/* Ends early allocation. */
void early_close(void);

/* The zone of each block of 2^MAX_ORDER frames; biased: block_zone[pfn >> MAX_ORDER]. */
extern uint8_t *block_zone;
#define NO_ZONE 0xff

static inline struct zone *zone_of(pfn_t pfn)
{
	return &zones[block_zone[pfn >> MAX_ORDER]];
}

/* buddy.c: frames [start, end), never given before, become free. */
void buddy_give(pfn_t start, pfn_t end);

#endif
