/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files that implement swap share (swap*.c, reclaim.c). */
#ifndef TWOFOLD_SWAP_AREA_H
#define TWOFOLD_SWAP_AREA_H

#include <twofold/swap.h>

#define SWAP_CLUSTER 256u /* slots: 1 MiB */

struct swap_slot {
	uint32_t crc;	/* of the page as written */
	pfn_t page;	/* in the swap cache; 0: none */
	uint16_t count; /* holders */
};

struct swap_area {
	spinlock_t lock;
	struct block_device *dev; /* NULL: this area is not in use */
	char name[32];
	int priority;
	bool writable; /* gives slots; swapoff stops that first */
	uint32_t nr_slots, nr_free;
	uint32_t nr_bad; /* never used: the header's own, those it names, retired ones */
	uint32_t nr_retired;
	uint32_t next[NR_CPUS]; /* where the core's next slot is looked for; start of a cluster: in
				   any */
	struct swap_slot *slots;
	uint16_t *cluster_free; /* free slots of each cluster */
};

static inline uint32_t slot_offset(slot_t slot)
{
	return slot & (uint32_t)(BIT(28) - 1);
}

static inline uint64_t slot_sector(slot_t slot)
{
	return (uint64_t)slot_offset(slot) * (PAGE_SIZE / SECTOR_SIZE);
}

#define COUNT_BAD UINT16_MAX /* a slot never to be used: named by the header, or a write failed */

extern struct swap_area swap_areas[MAX_SWAP_AREAS];

struct swap_area *swap_area_of(slot_t slot);
/* swap_cache_find(), with the checksum of what was written to the slot. */
struct page *swap_cache_find_crc(slot_t slot, uint32_t *crc);
/* Of what will be written: the slot's only holder is the cache, and its page PG_WRITEBACK. */
void swap_slot_set_crc(slot_t slot, uint32_t crc);

void slot_becomes_free(struct swap_area *a, uint32_t offset); /* area lock held */

/* Gives the page a slot and puts it in the swap cache; false where swap is full. Family lock held.
 */
bool swap_cache_add(struct page *page);
/* The same, if what it holds is known to be right. */
struct page *swap_cache_find_ready(slot_t slot);
/* Puts a page that is about to be read into the cache of a used slot, and says what its checksum
 * must be; false if there is one already, or the slot was freed meanwhile. */
bool swap_cache_reserve(slot_t slot, struct page *page, uint32_t *crc);
/* Drops a page that no object holds (readahead that nobody wanted), if only the cache and the
 * caller hold it. No family lock needed, here and below. */
bool swap_cache_drop_unused(struct page *page);
/* Drops a page that no object holds, if none names its slot either. */
bool swap_cache_drop_orphan(struct page *page);
/* The same for what is cached for each of n slots in a row, at most 64. */
void swap_cache_drop_orphans(slot_t first, unsigned n);
/* A write to its slot failed: the page leaves the cache, the slot is never used again. The family
 * is locked, or there is none; PG_WRITEBACK is clear. */
void swap_cache_retire(struct page *page);

/* Writes up to SWAP_BATCH pages of the swap cache to their slots, checksummed, neighbours in one
 * request, all requests at a time; sleeps until all are done. Pages are PG_WRITEBACK. Bit i of the
 * result: page i failed, by itself too. */
uint32_t swap_write(struct page *const pages[], unsigned nr);

#endif
