// SPDX-License-Identifier: BSD-2-Clause
/*
 * Page maps: radix trees of 64-way nodes. The root spans 64^height indices from `base` on, a
 * multiple of its span; the last level holds entries. A node that was reserved may be empty.
 */
#include <twofold/errno.h>
#include <twofold/log.h>
#include <twofold/pagemap.h>
#include <twofold/slab.h>
#include <twofold/string.h>

#define BITS 6u
#define WAYS PAGEMAP_LEAF
#define MAX_HEIGHT 6u /* 64^6 is more than 2^32 */

struct node {
	void *children[WAYS];
	uint32_t count;
};

static struct kmem_cache *leaf_cache, *node_cache;
static uint64_t bytes;

void pagemap_setup(void)
{
	leaf_cache = kmem_cache_create("pagemap_leaf", sizeof(struct pagemap_entries), 8,
				       SLAB_PANIC, NULL);
	node_cache = kmem_cache_create("pagemap_node", sizeof(struct node), 8, SLAB_PANIC, NULL);
}

uint64_t pagemap_nodes(void)
{
	return __atomic_load_n(&bytes, __ATOMIC_RELAXED);
}

static void *new_node(unsigned height)
{
	void *p = kmem_cache_alloc(height == 1 ? leaf_cache : node_cache, GFP_NOWAIT | GFP_ZERO);

	if (p)
		__atomic_fetch_add(
			&bytes, height == 1 ? sizeof(struct pagemap_entries) : sizeof(struct node),
			__ATOMIC_RELAXED);
	return p;
}

static void free_node(void *p, unsigned height)
{
	__atomic_fetch_sub(&bytes,
			   height == 1 ? sizeof(struct pagemap_entries) : sizeof(struct node),
			   __ATOMIC_RELAXED);
	kmem_cache_free(height == 1 ? leaf_cache : node_cache, p);
}

static inline bool spans(const struct pagemap *map, uint32_t index)
{
	return (uint64_t)(index - map->base) >> (BITS * map->height) == 0;
}

/* Which child of a node at `height` leads to index. Bases are aligned: no subtraction needed. */
static inline unsigned way(uint32_t index, unsigned height)
{
	return (uint64_t)index >> (BITS * (height - 1)) & (WAYS - 1);
}

static inline void remember(struct pagemap *map, uint32_t index, struct pagemap_entries *leaf)
{
	map->recent = leaf;
	map->recent_base = index - index % WAYS;
}

static struct pagemap_entries *walk(const struct pagemap *map, uint32_t index)
{
	void *p = map->root;

	if (!p || !spans(map, index))
		return NULL;
	for (unsigned h = map->height; h > 1 && p; h--)
		p = ((struct node *)p)->children[way(index, h)];
	if (p) /* to look something up changes what is remembered: the lock is held for that too */
		remember((struct pagemap *)map, index, p);
	return p;
}

static inline struct pagemap_entries *find_leaf(const struct pagemap *map, uint32_t index)
{
	if (likely(map->recent && (index ^ map->recent_base) < WAYS))
		return map->recent;
	return walk(map, index);
}

entry_t pagemap_get(const struct pagemap *map, uint32_t index)
{
	const struct pagemap_entries *leaf = find_leaf(map, index);

	return leaf ? leaf->entries[index % WAYS] : ENTRY_NONE;
}

entry_t *pagemap_slot(const struct pagemap *map, uint32_t index)
{
	struct pagemap_entries *leaf = find_leaf(map, index);

	return leaf ? &leaf->entries[index % WAYS] : NULL;
}

void pagemap_read(const struct pagemap *map, uint32_t index, uint32_t n, entry_t *to)
{
	for (uint32_t done = 0, step; done < n; done += step) {
		const struct pagemap_entries *leaf = find_leaf(map, index + done);
		uint32_t at = (index + done) % WAYS;

		step = MIN(n - done, WAYS - at);
		if (leaf)
			memcpy(to + done, leaf->entries + at, step * sizeof(*to));
		else
			memset(to + done, 0, step * sizeof(*to));
	}
}

/* ---- growing ---- */

static uint32_t base_of(uint32_t index, unsigned height)
{
	return (uint32_t)((uint64_t)index >> (BITS * height) << (BITS * height));
}

/* Puts roots over the root until it spans index. */
static int grow(struct pagemap *map, uint32_t index)
{
	if (!map->root) {
		map->height = 1;
		map->base = base_of(index, 1);
		map->root = new_node(1);
		return map->root ? 0 : -ENOMEM;
	}
	while (!spans(map, index)) {
		struct node *root = new_node(map->height + 1u);

		if (!root)
			return -ENOMEM;
		map->height++;
		CHECK(map->height <= MAX_HEIGHT);
		root->children[way(map->base, map->height)] = map->root;
		root->count = 1;
		map->root = root;
		map->base = base_of(map->base, map->height);
	}
	return 0;
}

static bool is_empty(const void *p, unsigned height)
{
	return height == 1 ? ((const struct pagemap_entries *)p)->count == 0
			   : ((const struct node *)p)->count == 0;
}

/* Frees the nodes on the way to index that hold nothing, from the last one upwards. */
static void prune(struct pagemap *map, uint32_t index)
{
	void **path[MAX_HEIGHT + 1];
	unsigned h = map->height;

	map->recent = NULL;
	path[h] = &map->root;
	for (; h > 1; h--) {
		void **link = &((struct node *)*path[h])->children[way(index, h)];

		if (!*link)
			break;
		path[h - 1] = link;
	}
	for (; h <= map->height && is_empty(*path[h], h); h++) {
		free_node(*path[h], h);
		*path[h] = NULL;
		if (h < map->height)
			((struct node *)*path[h + 1])->count--;
	}
}

/* The node for index, made if it is not there; NULL: no memory, and nothing has changed. */
static struct pagemap_entries *make_leaf(struct pagemap *map, uint32_t index)
{
	void **link = &map->root;

	if (likely(map->recent && (index ^ map->recent_base) < WAYS))
		return map->recent;
	if (unlikely(!map->root || !spans(map, index)) && grow(map, index))
		return NULL;
	for (unsigned h = map->height; h > 1; h--) {
		struct node *node = *link;

		link = &node->children[way(index, h)];
		if (*link)
			continue;
		*link = new_node(h - 1);
		if (!*link) {
			prune(map, index);
			return NULL;
		}
		node->count++;
	}
	remember(map, index, *link);
	return *link;
}

int pagemap_reserve(struct pagemap *map, uint32_t index)
{
	return make_leaf(map, index) ? 0 : -ENOMEM;
}

int pagemap_add_slowly(struct pagemap *map, uint32_t index, entry_t *entry)
{
	struct pagemap_entries *leaf = make_leaf(map, index);
	entry_t *slot;

	if (unlikely(!leaf))
		return -ENOMEM;
	slot = &leaf->entries[index % WAYS];
	if (*slot) {
		*entry = *slot;
		return -EEXIST;
	}
	*slot = *entry;
	leaf->count++;
	return 0;
}

int pagemap_set(struct pagemap *map, uint32_t index, entry_t entry)
{
	struct pagemap_entries *leaf = find_leaf(map, index);
	entry_t *slot;

	if (!leaf) {
		if (!entry)
			return 0;
		leaf = make_leaf(map, index);
		if (!leaf)
			return -ENOMEM;
	}
	slot = &leaf->entries[index % WAYS];
	leaf->count += (entry != ENTRY_NONE) - (*slot != ENTRY_NONE);
	*slot = entry;
	if (!leaf->count)
		prune(map, index);
	return 0;
}

void pagemap_fill(struct pagemap *map, uint32_t index, const entry_t *from, uint32_t n)
{
	struct pagemap_entries *leaf = find_leaf(map, index);
	entry_t *to = leaf->entries + index % WAYS;

	CHECK(index % WAYS + n <= WAYS);
	for (uint32_t i = 0; i < n; i++) {
		DCHECK(!to[i]);
		to[i] = from[i];
		leaf->count += from[i] != ENTRY_NONE;
	}
}

/* ---- walking ---- */

/* The first leaf that has an index of [*index, last]; *index moves to the first index in it. */
static struct pagemap_entries *next_leaf(const struct pagemap *map, uint32_t *index, uint32_t last)
{
	uint64_t i = *index, span_end;

	if (!map->root)
		return NULL;
	i = MAX(i, (uint64_t)map->base);
	span_end = map->base + (1ull << (BITS * map->height));
	while (i <= last && i < span_end) {
		void *p = map->root;
		unsigned h = map->height;

		for (; h > 1 && p; h--)
			p = ((struct node *)p)->children[way((uint32_t)i, h)];
		if (p) {
			*index = (uint32_t)i;
			return p;
		}
		/* Nothing below a node at height h: on to what follows its span. */
		i = ((i >> (BITS * h)) + 1) << (BITS * h);
	}
	return NULL;
}

const entry_t *pagemap_leaf(const struct pagemap *map, uint32_t *index, uint32_t last, uint32_t *n)
{
	uint64_t i = *index;

	while (i <= last) {
		uint32_t at = (uint32_t)i, base, end;
		const struct pagemap_entries *leaf = next_leaf(map, &at, last);

		if (!leaf)
			return NULL;
		base = at - at % WAYS;
		end = MIN(last - base, WAYS - 1);
		for (uint32_t w = at - base; w <= end; w++) {
			if (!leaf->entries[w])
				continue;
			*index = base + w;
			*n = end - w + 1;
			return &leaf->entries[w];
		}
		i = (uint64_t)base + WAYS;
	}
	return NULL;
}

entry_t pagemap_next(const struct pagemap *map, uint32_t *index, uint32_t last)
{
	uint32_t n;
	const entry_t *entry = pagemap_leaf(map, index, last, &n);

	return entry ? *entry : ENTRY_NONE;
}

uint32_t pagemap_take(struct pagemap *map, uint64_t *index, uint32_t last,
		      struct pagemap_item items[PAGEMAP_LEAF])
{
	uint32_t n, taken = 0, first = (uint32_t)*index;
	entry_t *entry;
	struct pagemap_entries *leaf;

	if (*index > last)
		return 0;
	entry = (entry_t *)pagemap_leaf(map, &first, last, &n);
	if (!entry)
		return 0;
	for (uint32_t i = 0; i < n; i++) {
		if (!entry[i])
			continue;
		items[taken++] = (struct pagemap_item){first + i, entry[i]};
		entry[i] = ENTRY_NONE;
	}
	leaf = container_of(entry - first % WAYS, struct pagemap_entries, entries);
	leaf->count -= taken;
	if (!leaf->count)
		prune(map, first);
	*index = (uint64_t)first + n;
	return taken;
}

static void free_tree(void *p, unsigned height)
{
	if (height > 1)
		for (unsigned i = 0; i < WAYS; i++)
			if (((struct node *)p)->children[i])
				free_tree(((struct node *)p)->children[i], height - 1);
	free_node(p, height);
}

void pagemap_fini(struct pagemap *map)
{
	if (map->root)
		free_tree(map->root, map->height);
	pagemap_init(map);
}
