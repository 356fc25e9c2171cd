// SPDX-License-Identifier: BSD-2-Clause
/* kmalloc: size classes over the slab allocator, whole pages above them. */
#include <twofold/string.h>

#include "slab_internal.h"

static const struct {
	uint16_t size;
	const char *name;
} classes[] = {
	{8, "kmalloc-8"},     {16, "kmalloc-16"},   {32, "kmalloc-32"},	  {64, "kmalloc-64"},
	{128, "kmalloc-128"}, {256, "kmalloc-256"}, {512, "kmalloc-512"}, {1024, "kmalloc-1k"},
	{2048, "kmalloc-2k"}, {4096, "kmalloc-4k"}, {8192, "kmalloc-8k"}, {96, "kmalloc-96"},
	{192, "kmalloc-192"},
};
#define CLASS_96 11
#define CLASS_192 12
#define LARGEST 8192

static struct kmem_cache kmalloc_caches[ARRAY_SIZE(classes)];

void kmalloc_init(void)
{
	for (unsigned i = 0; i < ARRAY_SIZE(classes); i++) {
		size_t size = classes[i].size, align = size & (size - 1) ? 8 : size;

		CHECK(slab_cache_setup(&kmalloc_caches[i], classes[i].name, size, align, 0, NULL));
	}
}

/* size <= LARGEST */
static inline struct kmem_cache *class_of(size_t size)
{
	if (size > 64 && size <= 96)
		return &kmalloc_caches[CLASS_96];
	if (size > 128 && size <= 192)
		return &kmalloc_caches[CLASS_192];
	if (size <= 8)
		return &kmalloc_caches[0];
	return &kmalloc_caches[61 - __builtin_clzl(size - 1)];
}

static void *kmalloc_pages(size_t size, gfp_t gfp)
{
	unsigned order = 52 - (unsigned)__builtin_clzl(size - 1); /* 64 - clz - PAGE_SHIFT */
	struct page *page = alloc_pages(gfp, order);

	return page ? page_to_ptr(page) : NULL;
}

void *kmalloc(size_t size, gfp_t gfp)
{
	void *p;

	if (unlikely(size > LARGEST))
		return kmalloc_pages(size, gfp);
	p = slab_alloc(class_of(size), gfp, size, (uintptr_t)__builtin_return_address(0));
	if (p && (gfp & GFP_ZERO))
		return memset(p, 0, size);
	return p;
}

/* The page that kmalloc() gave p from: a slab's, or the first of a block. */
static struct page *kmalloc_page(const void *p)
{
	struct page *page = virt_to_page(p);

	CHECK(pa_to_pfn(ptr_to_pa(p)) >= min_pfn && pa_to_pfn(ptr_to_pa(p)) < max_pfn);
	CHECK(page_flag(page, PG_SLAB) || IS_ALIGNED((uintptr_t)p, PAGE_SIZE));
	return page;
}

void kfree(const void *p)
{
	struct page *page;

	if (!p)
		return;
	page = kmalloc_page(p);
	if (likely(page_flag(page, PG_SLAB)))
		slab_free(page->cache, (void *)p, (uintptr_t)__builtin_return_address(0));
	else
		free_pages(page, page->order);
}

size_t ksize(const void *p)
{
	struct page *page;

	if (!p)
		return 0;
	page = kmalloc_page(p);
	if (!page_flag(page, PG_SLAB))
		return PAGE_SIZE << page->order;
	if (page->cache->flags & SLAB_DEBUG)
		return slab_debug_requested(page->cache, p);
	return page->cache->size;
}
