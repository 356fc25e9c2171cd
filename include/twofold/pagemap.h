/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A sparse map from page index to what is there: a frame or a swap slot. Radix nodes of 64; a map
 * whose indices lie close together is shallow wherever they lie. The holder's lock guards it.
 */
#ifndef TWOFOLD_PAGEMAP_H
#define TWOFOLD_PAGEMAP_H

#include <twofold/page.h>

typedef uint32_t entry_t; /* 0: nothing; bit 31 clear: a frame number; set: a swap slot */
#define ENTRY_NONE 0u
#define ENTRY_SLOT BIT(31)

static inline bool entry_is_slot(entry_t e)
{
	return e & (entry_t)ENTRY_SLOT;
}

static inline bool entry_is_frame(entry_t e)
{
	return e && !entry_is_slot(e);
}

#define PAGEMAP_LEAF 64u

/* A node of the last level. */
struct pagemap_entries {
	entry_t entries[PAGEMAP_LEAF];
	uint32_t count; /* that are not empty */
};

struct pagemap {
	void *root;
	uint32_t base; /* first index that the root spans */
	uint8_t height;
	struct pagemap_entries *recent; /* the one used last, or NULL ... */
	uint32_t recent_base;		/* ... and its first index */
};

void pagemap_setup(void); /* boot */

static inline void pagemap_init(struct pagemap *map)
{
	*map = (struct pagemap){0};
}

entry_t pagemap_get(const struct pagemap *map, uint32_t index);
/* Sets or (ENTRY_NONE) clears; nodes come by GFP_NOWAIT: -ENOMEM leaves all as it was. Clearing
 * and replacing cannot fail. Empty nodes are freed. */
int pagemap_set(struct pagemap *map, uint32_t index, entry_t entry);
/* The slot of the map itself where `index` has a node already, or NULL: one walk for test and set.
 * Must not be used to clear, nor to fill an empty one. */
entry_t *pagemap_slot(const struct pagemap *map, uint32_t index);
/* The first entry at or after *index, up to and including `last`; ENTRY_NONE: there is none. */
entry_t pagemap_next(const struct pagemap *map, uint32_t *index, uint32_t last);

/* ---- a node at a time: nodes hold the 64 indices from a multiple of 64 on ---- */
struct pagemap_item {
	uint32_t index;
	entry_t entry;
};
int pagemap_add_slowly(struct pagemap *map, uint32_t index, entry_t *entry);
/* Sets an empty index: 0. -EEXIST: *entry is now what stands there. -ENOMEM. One walk. */
static inline int pagemap_add(struct pagemap *map, uint32_t index, entry_t *entry)
{
	struct pagemap_entries *leaf = map->recent;
	entry_t *slot;

	if (unlikely(!leaf || (index ^ map->recent_base) >= PAGEMAP_LEAF))
		return pagemap_add_slowly(map, index, entry);
	slot = &leaf->entries[index % PAGEMAP_LEAF];
	if (unlikely(*slot))
		return pagemap_add_slowly(map, index, entry);
	*slot = *entry;
	leaf->count++;
	return 0;
}
/* Has a node ready for `index`, so that setting any index of the same node cannot fail. -ENOMEM. */
int pagemap_reserve(struct pagemap *map, uint32_t index);
/* The entries from the first one at or after *index on, up to the end of its node or `last`: *n of
 * them, some empty; *index is moved to it. NULL: there is none. Good until the map changes. */
const entry_t *pagemap_leaf(const struct pagemap *map, uint32_t *index, uint32_t last, uint32_t *n);
/* Fills empty indices of one node, which is reserved, with n entries, some of them ENTRY_NONE. */
void pagemap_fill(struct pagemap *map, uint32_t index, const entry_t *from, uint32_t n);
/* Copies n (at most PAGEMAP_LEAF) entries from `index` on, ENTRY_NONE where there is none. */
void pagemap_read(const struct pagemap *map, uint32_t index, uint32_t n, entry_t *to);
/* Removes the entries of the first node that has any at or after *index, up to `last`, and says
 * which; 0: there are no more. *index is where to go on. */
uint32_t pagemap_take(struct pagemap *map, uint64_t *index, uint32_t last,
		      struct pagemap_item items[PAGEMAP_LEAF]);

void pagemap_fini(struct pagemap *map); /* frees the nodes, not what the entries name */
uint64_t pagemap_nodes(void);		/* bytes in nodes over all maps, for /proc/meminfo */

#endif
