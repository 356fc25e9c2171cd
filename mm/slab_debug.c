// SPDX-License-Identifier: BSD-2-Clause
/*
 * SLAB_DEBUG: what an object looks like, from `p` on:
 *
 *   requested bytes   the caller's; poisoned while free (unless a constructor's work must stay)
 *   red zone          up to `link`, at least 8 bytes: written by nobody
 *   link              to the next free object
 *   struct slab_track who had it last
 *   red zone          up to the next object, at least 8 bytes: what runs under its start
 *
 * Damage is logged with the object's history, counted and repaired, so that the machine goes on.
 */
#include <twofold/string.h>

#include "slab_internal.h"

#define RED 0xcc
#define RED_SIZE 8u
#define POISON_NEW 0x5a /* given out, not yet written */
#define POISON_FREE 0x6b
#define TRACK_FREE 0x66726565u
#define TRACK_USED 0x75736564u

bool slab_debug_all;
static uint64_t errors;

uint64_t slab_debug_errors(void)
{
	return __atomic_load_n(&errors, __ATOMIC_RELAXED);
}

void slab_debug_layout(struct kmem_cache *cache, size_t align)
{
	uint32_t end;

	cache->link = (uint32_t)ALIGN_UP(cache->size, RED_SIZE) + RED_SIZE;
	end = cache->link + (uint32_t)(sizeof(void *) + sizeof(struct slab_track)) + RED_SIZE;
	cache->stride = (uint32_t)ALIGN_UP(end, align);
	cache->limit = 0;
}

static struct slab_track *track_of(const struct kmem_cache *cache, const void *p)
{
	return (struct slab_track *)((char *)p + cache->link + sizeof(void *));
}

static bool poisoned(const struct kmem_cache *cache)
{
	return !cache->ctor && !(cache->flags & SLAB_TYPESTABLE);
}

void slab_debug_history(const struct kmem_cache *cache, const void *p)
{
	const struct slab_track *track = track_of(cache, p);

	pr_err("slab %s: object %p: %u of %u bytes, given out %u times", cache->name, p,
	       track->requested, cache->size, track->allocs);
	if (track->allocs)
		pr_err("slab %s:   last allocated by %#lx on core %u", cache->name,
		       (unsigned long)track->alloc_by, track->alloc_cpu);
	if (track->free_by)
		pr_err("slab %s:   last freed by %#lx on core %u", cache->name,
		       (unsigned long)track->free_by, track->free_cpu);
}

static void report(const struct kmem_cache *cache, const void *p, const char *what,
		   uintptr_t caller)
{
	__atomic_fetch_add(&errors, 1, __ATOMIC_RELAXED);
	pr_err("slab %s: %s: object %p, found by %#lx", cache->name, what, p,
	       (unsigned long)caller);
}

/* Reports the first byte of [from, to) of the object that is not `byte`, then repairs them all. */
static void check_bytes(const struct kmem_cache *cache, void *p, int32_t from, int32_t to,
			uint8_t byte, const char *what, uintptr_t caller)
{
	uint8_t *bytes = p;

	for (int32_t i = from; i < to; i++) {
		if (bytes[i] == byte)
			continue;
		report(cache, p, what, caller);
		pr_err("slab %s:   byte %d is %#x, not %#x", cache->name, i, bytes[i], byte);
		slab_debug_history(cache, p);
		memset(bytes + from, byte, (size_t)(to - from));
		return;
	}
}

static bool first_of_slab(const void *p)
{
	return page_to_ptr(slab_head(p)) == p;
}

static void check_red_zones(struct kmem_cache *cache, void *p, uintptr_t caller)
{
	uint32_t requested = MIN(track_of(cache, p)->requested, cache->size);

	check_bytes(cache, p, (int32_t)requested, (int32_t)cache->link, RED, "overrun", caller);
	if (!first_of_slab(p))
		check_bytes(cache, p, -(int32_t)RED_SIZE, 0, RED, "underrun", caller);
}

void slab_debug_new(struct kmem_cache *cache, void *p)
{
	uint32_t end = cache->link + (uint32_t)(sizeof(void *) + sizeof(struct slab_track));

	if (poisoned(cache))
		memset(p, POISON_FREE, cache->size);
	memset((char *)p + cache->size, RED, cache->link - cache->size);
	memset((char *)p + end, RED, cache->stride - end);
	*track_of(cache, p) = (struct slab_track){.state = TRACK_FREE, .requested = cache->size};
}

void slab_debug_alloc(struct kmem_cache *cache, void *p, size_t requested, uintptr_t caller)
{
	struct slab_track *track = track_of(cache, p);

	check_red_zones(cache, p, caller);
	if (poisoned(cache)) {
		check_bytes(cache, p, 0, (int32_t)cache->size, POISON_FREE, "written while free",
			    caller);
		memset(p, POISON_NEW, requested);
		memset((char *)p + requested, RED, cache->link - requested);
	}
	track->state = TRACK_USED;
	track->requested = (uint32_t)requested;
	track->alloc_by = caller;
	track->alloc_cpu = (uint16_t)cpu_id();
	track->allocs++;
}

/* False: p is not the start of an object of this cache. */
static bool is_object(struct kmem_cache *cache, const void *p)
{
	struct page *page = virt_to_page(p);
	size_t offset;

	if (!page_flag(page, PG_SLAB) || page->cache != cache)
		return false;
	offset = (size_t)((const char *)p - (char *)page_to_ptr(slab_head(p)));
	return offset % cache->stride == 0 &&
	       offset / cache->stride < slab_capacity(cache, slab_head(p));
}

bool slab_debug_free(struct kmem_cache *cache, void *p, uintptr_t caller)
{
	struct slab_track *track = track_of(cache, p);

	if (!is_object(cache, p)) {
		report(cache, p, "freed, but no object of this cache", caller);
		return false;
	}
	if (track->state != TRACK_USED) {
		report(cache, p, track->state == TRACK_FREE ? "double free" : "track overwritten",
		       caller);
		slab_debug_history(cache, p);
		if (track->state == TRACK_FREE)
			return false;
		*track = (struct slab_track){.requested = cache->size};
	}
	check_red_zones(cache, p, caller);
	if (poisoned(cache)) {
		memset(p, POISON_FREE, cache->size);
		memset((char *)p + cache->size, RED, cache->link - cache->size);
	}
	track->state = TRACK_FREE;
	track->requested = cache->size;
	track->free_by = caller;
	track->free_cpu = (uint16_t)cpu_id();
	return true;
}

bool slab_debug_in_use(const struct kmem_cache *cache, const void *p)
{
	return track_of(cache, p)->state == TRACK_USED;
}

size_t slab_debug_requested(const struct kmem_cache *cache, const void *p)
{
	return track_of(cache, p)->requested;
}
