/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Inside the slab allocator (slab.c, kmalloc.c, slab_debug.c).
 *
 * A slab is 2^order frames cut into objects `stride` bytes apart. Its head page holds, beside
 * ->cache, in ->index the first free object (offset / 8, high half) and how many are free (low
 * half); each page of it knows ->order, and so its head. Free objects are chained by a word at
 * `link`: inside the object, or behind it where its contents must survive being free.
 */
#ifndef MM_SLAB_INTERNAL_H
#define MM_SLAB_INTERNAL_H

#include <sys/queue.h>
#include <twofold/log.h>
#include <twofold/slab.h>

#define SLAB_MAX_ORDER 3

/* One core's own free objects, of whatever slabs. */
struct slab_cpu {
	void *free;
	uint32_t count;
} __aligned(64);

struct kmem_cache {
	struct slab_cpu cpu[NR_CPUS];
	uint32_t size;	 /* as asked for */
	uint32_t stride; /* from object to object */
	uint32_t link;	 /* where in a free object the next one's address is */
	uint32_t limit;	 /* longest per-CPU list; 0: none (SLAB_DEBUG) */
	uint32_t flags;
	uint8_t order, min_order; /* of a new slab; where memory is short */
	void (*ctor)(void *);
	const char *name;

	spinlock_t lock; /* RANK_SLAB: what follows, and every slab's ->index */
	struct page_list partial, full, empty;
	uint64_t objects, slab_free; /* all; those free in slabs (the rest: in use or a core's) */
	uint64_t frames;

	LIST_ENTRY(kmem_cache) all;
};

/* SLAB_DEBUG: behind the object and its red zone. */
struct slab_track {
	uint32_t state;	    /* TRACK_FREE or TRACK_USED */
	uint32_t requested; /* bytes asked for: kmalloc() asks for less than its class has */
	uintptr_t alloc_by, free_by; /* return addresses of the last alloc and free */
	uint16_t alloc_cpu, free_cpu;
	uint32_t allocs; /* times given out */
};

static inline struct page *slab_head(const void *p)
{
	struct page *page = virt_to_page(p);

	return page - (page_to_pfn(page) & (BIT(page->order) - 1));
}

static inline unsigned slab_nr_free(const struct page *slab)
{
	return slab->index & 0xffff;
}

static inline unsigned slab_capacity(const struct kmem_cache *cache, const struct page *slab)
{
	return (unsigned)(PAGE_SIZE << slab->order) / cache->stride;
}

static inline void **slab_link(const struct kmem_cache *cache, void *p)
{
	return (void **)((char *)p + cache->link);
}

void *slab_alloc_slow(struct kmem_cache *cache, gfp_t gfp, size_t requested, uintptr_t caller);
void slab_free_slow(struct kmem_cache *cache, void *p, uintptr_t caller);

/* `requested` bytes of an object are the caller's; `caller`: the return address to remember. */
static inline void *slab_alloc(struct kmem_cache *cache, gfp_t gfp, size_t requested,
			       uintptr_t caller)
{
	struct slab_cpu *cpu = &cache->cpu[cpu_id()];
	void *p = cpu->free;

	if (unlikely(!p))
		return slab_alloc_slow(cache, gfp, requested, caller);
	cpu->free = *slab_link(cache, p);
	cpu->count--;
	return p;
}

static inline void slab_free(struct kmem_cache *cache, void *p, uintptr_t caller)
{
	struct slab_cpu *cpu = &cache->cpu[cpu_id()];

	if (unlikely(cpu->count >= cache->limit || p == cpu->free)) {
		slab_free_slow(cache, p, caller);
		return;
	}
	*slab_link(cache, p) = cpu->free;
	cpu->free = p;
	cpu->count++;
}

/* Sets up a cache whose memory the caller has; false where the size cannot be. */
bool slab_cache_setup(struct kmem_cache *cache, const char *name, size_t size, size_t align,
		      unsigned flags, void (*ctor)(void *));
void kmalloc_init(void);

/* ---- SLAB_DEBUG (slab_debug.c); the object is not on any list ---- */

extern bool slab_debug_all; /* `slab_debug` on the command line */

/* Makes room for red zone, link and track; sets link and stride. */
void slab_debug_layout(struct kmem_cache *cache, size_t align);
void slab_debug_new(struct kmem_cache *cache, void *p);
/* Says so if it was written to while free. */
void slab_debug_alloc(struct kmem_cache *cache, void *p, size_t requested, uintptr_t caller);
/* False: it must not be freed (it is free already, or no object of this cache). */
bool slab_debug_free(struct kmem_cache *cache, void *p, uintptr_t caller);
/* Logs who had it last. */
void slab_debug_history(const struct kmem_cache *cache, const void *p);
bool slab_debug_in_use(const struct kmem_cache *cache, const void *p);
size_t slab_debug_requested(const struct kmem_cache *cache, const void *p);

#endif
