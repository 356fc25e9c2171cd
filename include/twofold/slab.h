/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Objects smaller than a page. The per-CPU fast path takes no lock: the kernel is not preemptible,
 * and interrupt handlers never allocate or free. Memory is direct-mapped.
 */
#ifndef TWOFOLD_SLAB_H
#define TWOFOLD_SLAB_H

#include <twofold/page.h>

struct kmem_cache;

#define SLAB_TYPESTABLE 1u /* its pages never go back: a stale pointer still points at this type   \
			    */
#define SLAB_PANIC 2u	   /* creation failing is fatal (boot) */
#define SLAB_DEBUG 4u	   /* checked, as `slab_debug` on the command line does to every cache */

void slab_init(void); /* after frames_init(); reads `slab_debug` of the command line */

/* `ctor` (or NULL) runs once per object when its slab is made, not at each allocation. */
struct kmem_cache *kmem_cache_create(const char *name, size_t size, size_t align, unsigned flags,
				     void (*ctor)(void *));
/* All objects must have been freed: else it says which are left, and returns -EBUSY. */
int kmem_cache_destroy(struct kmem_cache *cache);
void *kmem_cache_alloc(struct kmem_cache *cache, gfp_t gfp); /* gfp as alloc_pages(); or NULL */
void kmem_cache_free(struct kmem_cache *cache, void *object);

/* 8 bytes to 8 KiB from size classes (8 16 32 64 96 128 192 256 512 1k 2k 4k 8k), larger in whole
 * pages up to 4 MiB. Aligned to 8, powers of two to their size. */
void *kmalloc(size_t size, gfp_t gfp);
void kfree(const void *p); /* NULL is fine */
size_t ksize(const void *p);

static inline void *kzalloc(size_t size, gfp_t gfp)
{
	return kmalloc(size, gfp | GFP_ZERO);
}

/* One row of /proc/slabinfo for the i-th cache; false past the last. */
struct slab_row {
	const char *name;
	uint64_t active, total;
	unsigned size, per_slab, pages_per_slab;
	uint64_t active_slabs, slabs;
};
bool slab_row(unsigned i, struct slab_row *row);
/* Frees what empty slabs hold; returns frames. Called by reclaim. */
uint64_t slab_shrink(void);
uint64_t slab_pages(void); /* frames held by all caches */
/* What SLAB_DEBUG found wrong since boot: each was logged with the object's history. */
uint64_t slab_debug_errors(void);

#endif
