// SPDX-License-Identifier: BSD-2-Clause
/*
 * Caches of objects of one size. Alloc and free push and pop this core's own list (slab_alloc(),
 * slab_free()); here is what happens when that is empty or too long: objects move between it and
 * their slabs in batches, under the cache's lock.
 */
#include <twofold/errno.h>
#include <twofold/params.h>
#include <twofold/string.h>

#include "slab_internal.h"

#define EMPTY_KEPT 2	 /* slabs with nothing in use that a cache keeps */
#define SLAB_ENOUGH 4	 /* objects in a slab that make its order worth while */
#define WASTE_SHARE 8	 /* at most 1/8 of a slab may be left over, if an order does that */
#define REPORT_OBJECTS 8 /* of those left over at destroy */

LIST_HEAD(cache_list, kmem_cache);
static struct cache_list caches = LIST_HEAD_INITIALIZER(caches);
static spinlock_t caches_lock = SPINLOCK_INIT(RANK_SLABS);
static uint64_t all_frames;

/* ---- slabs: cache->lock held ---- */

static struct page_list *slab_list(struct kmem_cache *cache, const struct page *slab)
{
	unsigned nr_free = slab_nr_free(slab);

	if (!nr_free)
		return &cache->full;
	return nr_free == slab_capacity(cache, slab) ? &cache->empty : &cache->partial;
}

static void *slab_pop(struct kmem_cache *cache, struct page *slab)
{
	char *base = page_to_ptr(slab);
	void *p = base + ((slab->index >> 16) << 3);
	char *next = *slab_link(cache, p);
	unsigned left = slab_nr_free(slab) - 1;

	slab->index = (left ? (uint32_t)((next - base) >> 3) << 16 : 0) | left;
	cache->slab_free--;
	return p;
}

static void slab_push(struct kmem_cache *cache, struct page *slab, void *p)
{
	char *base = page_to_ptr(slab);
	unsigned nr_free = slab_nr_free(slab);

	*slab_link(cache, p) = nr_free ? base + ((slab->index >> 16) << 3) : NULL;
	slab->index = (uint32_t)(((char *)p - base) >> 3) << 16 | (nr_free + 1);
	cache->slab_free++;
}

/* Gives an empty slab's frames back. */
static void slab_discard(struct kmem_cache *cache, struct page *slab)
{
	unsigned order = slab->order;

	page_list_del(&cache->empty, slab);
	cache->objects -= slab_capacity(cache, slab);
	cache->slab_free -= slab_capacity(cache, slab);
	cache->frames -= BIT(order);
	__atomic_fetch_sub(&all_frames, BIT(order), __ATOMIC_RELAXED);
	for (unsigned i = 0; i < BIT(order); i++)
		slab[i].flags = 0;
	free_pages(slab, order);
}

static void slab_put(struct kmem_cache *cache, void *p)
{
	struct page *slab = slab_head(p);
	struct page_list *from = slab_list(cache, slab), *to;

	slab_push(cache, slab, p);
	to = slab_list(cache, slab);
	if (from == to)
		return;
	page_list_del(from, slab);
	page_list_add(to, slab);
	if (to == &cache->empty && to->count > EMPTY_KEPT && !(cache->flags & SLAB_TYPESTABLE))
		slab_discard(cache, slab);
}

static void *slab_get(struct kmem_cache *cache)
{
	struct page_list *from = cache->partial.first ? &cache->partial : &cache->empty, *to;
	struct page *slab;
	void *p;

	if (!from->first)
		return NULL;
	slab = pfn_to_page(from->first);
	p = slab_pop(cache, slab);
	to = slab_list(cache, slab);
	if (to != from) {
		page_list_del(from, slab);
		page_list_add(to, slab);
	}
	return p;
}

/* ---- new slabs ---- */

static struct page *slab_frames(struct kmem_cache *cache, gfp_t gfp)
{
	struct page *slab = NULL;

	gfp &= ~GFP_ZERO;
	if (cache->order > cache->min_order)
		slab = alloc_pages(gfp & ~GFP_WAIT, cache->order);
	return slab ? slab : alloc_pages(gfp, cache->min_order);
}

/* Cuts a new slab into free objects, the lowest first. */
static void slab_cut(struct kmem_cache *cache, struct page *slab)
{
	unsigned order = slab->order, n = slab_capacity(cache, slab);
	char *p = (char *)page_to_ptr(slab) + (size_t)n * cache->stride;

	for (unsigned i = 0; i < BIT(order); i++) {
		slab[i].flags = (uint32_t)BIT(PG_SLAB);
		slab[i].cache = cache;
		slab[i].order = order;
	}
	for (void *next = NULL; n-- > 0; next = p) {
		p -= cache->stride;
		if (cache->flags & SLAB_DEBUG)
			slab_debug_new(cache, p);
		if (cache->ctor)
			cache->ctor(p);
		*slab_link(cache, p) = next;
	}
}

static bool slab_grow(struct kmem_cache *cache, gfp_t gfp)
{
	struct page *slab = slab_frames(cache, gfp);
	unsigned n;

	if (!slab)
		return false;
	n = slab_capacity(cache, slab);
	slab_cut(cache, slab);
	__atomic_fetch_add(&all_frames, BIT(slab->order), __ATOMIC_RELAXED);
	spin_lock(&cache->lock);
	slab->index = n;
	cache->objects += n;
	cache->slab_free += n;
	cache->frames += BIT(slab->order);
	page_list_add(&cache->empty, slab);
	spin_unlock(&cache->lock);
	return true;
}

/* ---- between this core's list and the slabs ---- */

/* Takes one object, and half a list more for this core. */
static void *refill(struct kmem_cache *cache)
{
	struct slab_cpu *cpu = &cache->cpu[cpu_id()];
	void *p, *more;

	spin_lock(&cache->lock);
	p = slab_get(cache);
	while (p && cpu->count < cache->limit / 2 && (more = slab_get(cache))) {
		*slab_link(cache, more) = cpu->free;
		cpu->free = more;
		cpu->count++;
	}
	spin_unlock(&cache->lock);
	return p;
}

/* Returns all but the `keep` most recently freed objects of a core's list to their slabs. */
static void flush(struct kmem_cache *cache, struct slab_cpu *cpu, unsigned keep)
{
	void **tail = &cpu->free, *p;

	if (cpu->count <= keep)
		return;
	for (unsigned i = 0; i < keep; i++)
		tail = slab_link(cache, *tail);
	p = *tail;
	*tail = NULL;
	cpu->count = keep;
	spin_lock(&cache->lock);
	while (p) {
		void *next = *slab_link(cache, p);

		slab_put(cache, p);
		p = next;
	}
	spin_unlock(&cache->lock);
}

void *slab_alloc_slow(struct kmem_cache *cache, gfp_t gfp, size_t requested, uintptr_t caller)
{
	void *p;

	while (!(p = refill(cache)))
		if (!slab_grow(cache, gfp))
			return NULL;
	if (cache->flags & SLAB_DEBUG)
		slab_debug_alloc(cache, p, requested, caller);
	return p;
}

void slab_free_slow(struct kmem_cache *cache, void *p, uintptr_t caller)
{
	struct slab_cpu *cpu = &cache->cpu[cpu_id()];

	if (cache->flags & SLAB_DEBUG) {
		if (!slab_debug_free(cache, p, caller))
			return;
		spin_lock(&cache->lock);
		slab_put(cache, p);
		spin_unlock(&cache->lock);
		return;
	}
	if (p == cpu->free)
		panic("slab %s: double free of %p by %#lx", cache->name, p, (unsigned long)caller);
	flush(cache, cpu, cache->limit / 2);
	slab_free(cache, p, caller);
}

void *kmem_cache_alloc(struct kmem_cache *cache, gfp_t gfp)
{
	void *p = slab_alloc(cache, gfp, cache->size, (uintptr_t)__builtin_return_address(0));

	if (p && (gfp & GFP_ZERO))
		return memset(p, 0, cache->size);
	return p;
}

void kmem_cache_free(struct kmem_cache *cache, void *object)
{
	DCHECK(page_flag(virt_to_page(object), PG_SLAB));
	DCHECK((cache->flags & SLAB_DEBUG) || virt_to_page(object)->cache == cache);
	slab_free(cache, object, (uintptr_t)__builtin_return_address(0));
}

/* ---- caches ---- */

/* The smallest order that wastes little and has a few objects; else the largest. */
static uint8_t best_order(size_t stride, uint8_t min_order)
{
	for (uint8_t order = min_order; order < SLAB_MAX_ORDER; order++) {
		size_t size = PAGE_SIZE << order;

		if (size / stride >= SLAB_ENOUGH && size % stride <= size / WASTE_SHARE)
			return order;
	}
	return SLAB_MAX_ORDER;
}

/* How many free objects a core keeps: fewer of the larger. */
static uint32_t cpu_limit(size_t size)
{
	if (size >= 4096)
		return 4;
	if (size >= 1024)
		return 8;
	return size >= 256 ? 32 : 64;
}

bool slab_cache_setup(struct kmem_cache *cache, const char *name, size_t size, size_t align,
		      unsigned flags, void (*ctor)(void *))
{
	align = MAX(align, sizeof(void *));
	if (!size || size > PAGE_SIZE << SLAB_MAX_ORDER || (align & (align - 1)) ||
	    align > PAGE_SIZE << SLAB_MAX_ORDER)
		return false;
	cache->name = name;
	cache->size = (uint32_t)size;
	cache->flags = flags | (slab_debug_all ? SLAB_DEBUG : 0);
	cache->ctor = ctor;
	if (cache->flags & SLAB_DEBUG) {
		slab_debug_layout(cache, align);
	} else {
		bool keep = ctor || (flags & SLAB_TYPESTABLE);

		cache->link = keep ? (uint32_t)ALIGN_UP(size, sizeof(void *)) : 0;
		size = MAX(size, (size_t)cache->link + sizeof(void *));
		cache->stride = (uint32_t)ALIGN_UP(size, align);
		cache->limit = cpu_limit(cache->stride);
	}
	while (PAGE_SIZE << cache->min_order < cache->stride)
		cache->min_order++;
	if (cache->min_order > SLAB_MAX_ORDER)
		return false;
	cache->order = best_order(cache->stride, cache->min_order);
	spin_lock_init(&cache->lock, RANK_SLAB);
	spin_lock(&caches_lock);
	LIST_INSERT_HEAD(&caches, cache, all);
	spin_unlock(&caches_lock);
	return true;
}

struct kmem_cache *kmem_cache_create(const char *name, size_t size, size_t align, unsigned flags,
				     void (*ctor)(void *))
{
	struct kmem_cache *cache = kzalloc(sizeof(*cache), GFP_KERNEL);

	if (cache && slab_cache_setup(cache, name, size, align, flags, ctor))
		return cache;
	kfree(cache);
	if (flags & SLAB_PANIC)
		panic("slab %s: cannot be made", name);
	return NULL;
}

static bool object_in_use(struct kmem_cache *cache, struct page *slab, void *p)
{
	unsigned n = slab_nr_free(slab);
	void *free = (char *)page_to_ptr(slab) + ((slab->index >> 16) << 3);

	if (cache->flags & SLAB_DEBUG)
		return slab_debug_in_use(cache, p);
	for (; n-- > 0; free = *slab_link(cache, free))
		if (free == p)
			return false;
	return true;
}

/* Logs the objects of a list of slabs that were never freed, up to *max of them. */
static void report_left(struct kmem_cache *cache, const struct page_list *list, unsigned *max)
{
	for (pfn_t pfn = list->first; pfn && *max; pfn = pfn_to_page(pfn)->next) {
		struct page *slab = pfn_to_page(pfn);
		char *p = page_to_ptr(slab);

		for (unsigned i = slab_capacity(cache, slab); i-- > 0 && *max; p += cache->stride) {
			if (!object_in_use(cache, slab, p))
				continue;
			pr_err("slab %s: object %p was never freed", cache->name, (void *)p);
			if (cache->flags & SLAB_DEBUG)
				slab_debug_history(cache, p);
			--*max;
		}
	}
}

/* Nobody uses the cache any more, so that other cores' lists may be touched. */
int kmem_cache_destroy(struct kmem_cache *cache)
{
	unsigned max = REPORT_OBJECTS;
	bool busy;

	spin_lock(&caches_lock);
	LIST_REMOVE(cache, all);
	spin_unlock(&caches_lock);
	for (unsigned i = 0; i < NR_CPUS; i++)
		flush(cache, &cache->cpu[i], 0);
	spin_lock(&cache->lock);
	busy = cache->partial.first || cache->full.first;
	if (busy) {
		pr_err("slab %s: %llu objects left", cache->name,
		       (unsigned long long)(cache->objects - cache->slab_free));
		report_left(cache, &cache->full, &max);
		report_left(cache, &cache->partial, &max);
	}
	while (!busy && cache->empty.first)
		slab_discard(cache, pfn_to_page(cache->empty.first));
	spin_unlock(&cache->lock);
	if (!busy) {
		kfree(cache);
		return 0;
	}
	spin_lock(&caches_lock);
	LIST_INSERT_HEAD(&caches, cache, all);
	spin_unlock(&caches_lock);
	return -EBUSY;
}

uint64_t slab_shrink(void)
{
	struct kmem_cache *cache;
	uint64_t before = slab_pages();

	spin_lock(&caches_lock);
	LIST_FOREACH(cache, &caches, all) {
		flush(cache, &cache->cpu[cpu_id()], 0);
		if (cache->flags & SLAB_TYPESTABLE)
			continue;
		spin_lock(&cache->lock);
		while (cache->empty.first)
			slab_discard(cache, pfn_to_page(cache->empty.first));
		spin_unlock(&cache->lock);
	}
	spin_unlock(&caches_lock);
	before -= MIN(before, slab_pages());
	return before;
}

uint64_t slab_pages(void)
{
	return __atomic_load_n(&all_frames, __ATOMIC_RELAXED);
}

static void fill_row(struct kmem_cache *cache, struct slab_row *row)
{
	uint64_t idle = 0;

	for (unsigned cpu = 0; cpu < NR_CPUS; cpu++)
		idle += READ_ONCE(cache->cpu[cpu].count);
	spin_lock(&cache->lock);
	idle = MIN(idle + cache->slab_free, cache->objects);
	*row = (struct slab_row){
		.name = cache->name,
		.active = cache->objects - idle,
		.total = cache->objects,
		.size = cache->stride,
		.per_slab = (unsigned)(PAGE_SIZE << cache->order) / cache->stride,
		.pages_per_slab = 1u << cache->order,
		.active_slabs = cache->partial.count + cache->full.count,
		.slabs = cache->partial.count + cache->full.count + cache->empty.count,
	};
	spin_unlock(&cache->lock);
}

bool slab_row(unsigned i, struct slab_row *row)
{
	struct kmem_cache *cache;

	spin_lock(&caches_lock);
	LIST_FOREACH(cache, &caches, all)
		if (i-- == 0)
			break;
	if (cache)
		fill_row(cache, row);
	spin_unlock(&caches_lock);
	return cache != NULL;
}

void slab_init(void)
{
	slab_debug_all = param_bool("slab_debug", false);
	kmalloc_init();
}
