// SPDX-License-Identifier: BSD-2-Clause
/* The slab allocator, live. */
#include <twofold/errno.h>
#include <twofold/selftest.h>
#include <twofold/slab.h>
#include <twofold/string.h>

#include "cores.h"

SELFTEST(slab, kmalloc_is_aligned_and_disjoint)
{
	enum { OBJECTS = 200 };
	unsigned char *p[OBJECTS];

	for (unsigned i = 0; i < OBJECTS; i++) {
		size_t size = 1 + i * 61;

		p[i] = kmalloc(size, GFP_KERNEL);
		REQUIRE(p[i]);
		EXPECT(IS_ALIGNED((uintptr_t)p[i], 8));
		EXPECT(ksize(p[i]) >= size);
		memset(p[i], (int)(i & 0xff), size);
	}
	for (unsigned i = 0; i < OBJECTS; i++) {
		size_t size = 1 + i * 61, same = 0;

		while (same < size && p[i][same] == (i & 0xff))
			same++;
		EXPECT(same == size);
		kfree(p[i]);
	}
	kfree(NULL);
}

SELFTEST(slab, powers_of_two_are_aligned_to_their_size)
{
	for (size_t size = 8; size <= 65536; size *= 2) {
		void *p = kmalloc(size, GFP_KERNEL), *q = kzalloc(size, GFP_KERNEL);

		REQUIRE(p && q);
		EXPECT(IS_ALIGNED((uintptr_t)p, size) && IS_ALIGNED((uintptr_t)q, size));
		EXPECT(!memchr(q, 1, size) && *(char *)q == 0);
		kfree(p);
		kfree(q);
	}
	EXPECT(!kmalloc(~0ul, GFP_KERNEL));
}

static unsigned constructed;

static void construct(void *p)
{
	constructed++;
	*(uint64_t *)p = 0x600d600d600d600d;
}

SELFTEST(slab, type_stable_objects_stay_constructed)
{
	struct kmem_cache *cache =
		kmem_cache_create("selftest-stable", 40, 0, SLAB_TYPESTABLE, construct);
	uint64_t *p[100];
	unsigned made;

	REQUIRE(cache);
	constructed = 0;
	for (unsigned i = 0; i < 100; i++) {
		p[i] = kmem_cache_alloc(cache, GFP_KERNEL);
		REQUIRE(p[i]);
	}
	made = constructed;
	EXPECT(made >= 100);
	for (unsigned i = 0; i < 100; i++)
		kmem_cache_free(cache, p[i]);
	slab_shrink();
	for (unsigned i = 0; i < 100; i++)
		EXPECT(*p[i] == 0x600d600d600d600d);
	p[0] = kmem_cache_alloc(cache, GFP_KERNEL);
	EXPECT(constructed == made);
	kmem_cache_free(cache, p[0]);
	EXPECT(kmem_cache_destroy(cache) == 0);
}

static bool row_of(const char *name, struct slab_row *row)
{
	for (unsigned i = 0; slab_row(i, row); i++)
		if (!strcmp(row->name, name))
			return true;
	return false;
}

SELFTEST(slab, rows_count_what_is_in_use)
{
	struct kmem_cache *cache = kmem_cache_create("selftest-rows", 200, 0, 0, NULL);
	struct slab_row row;
	void *p[30];

	REQUIRE(cache);
	for (unsigned i = 0; i < 30; i++)
		p[i] = kmem_cache_alloc(cache, GFP_KERNEL);
	REQUIRE(row_of("selftest-rows", &row));
	EXPECT(row.active == 30 && row.total >= 30 && row.size >= 200);
	EXPECT(kmem_cache_destroy(cache) == -EBUSY);
	for (unsigned i = 0; i < 30; i++)
		kmem_cache_free(cache, p[i]);
	REQUIRE(row_of("selftest-rows", &row));
	EXPECT(row.active == 0);
	EXPECT(kmem_cache_destroy(cache) == 0);
	EXPECT(!row_of("selftest-rows", &row));
}

/* Each kind of damage is reported once; the machine goes on. */
SELFTEST(slab, debugging_finds_damage)
{
	struct kmem_cache *cache = kmem_cache_create("selftest-damage", 60, 0, SLAB_DEBUG, NULL);
	uint64_t errors = slab_debug_errors();
	unsigned char *p, *q;

	REQUIRE(cache);
	p = kmem_cache_alloc(cache, GFP_KERNEL);
	REQUIRE(p);
	kmem_cache_free(cache, p);
	EXPECT(slab_debug_errors() == errors);

	p = kmem_cache_alloc(cache, GFP_KERNEL);
	p[60] ^= 1;
	kmem_cache_free(cache, p);
	EXPECT(slab_debug_errors() == errors + 1);
	kmem_cache_free(cache, p);
	EXPECT(slab_debug_errors() == errors + 2);
	p[3] ^= 1;
	q = kmem_cache_alloc(cache, GFP_KERNEL);
	EXPECT(q == p && slab_debug_errors() == errors + 3);
	kmem_cache_free(cache, q);
	EXPECT(slab_debug_errors() == errors + 3);
	EXPECT(kmem_cache_destroy(cache) == 0);
}

/* Objects handed from core to core: what one allocates, another frees. */
static struct kmem_cache *shared;
static uint64_t *hand[64];
static unsigned broken;

static void pass_on(unsigned core)
{
	for (unsigned i = 0; i < 4000 / nr_cpus; i++) {
		uint64_t *mine = kmem_cache_alloc(shared, GFP_NOWAIT);

		if (!mine)
			continue;
		mine[0] = mine[3] = (uintptr_t)mine;
		mine = __atomic_exchange_n(&hand[(i * 7 + core * 13) % 64], mine, __ATOMIC_ACQ_REL);
		if (!mine)
			continue;
		if (mine[0] != (uintptr_t)mine || mine[3] != (uintptr_t)mine)
			__atomic_fetch_add(&broken, 1, __ATOMIC_RELAXED);
		kmem_cache_free(shared, mine);
	}
}

SELFTEST(slab, objects_pass_between_cores)
{
	broken = 0;
	shared = kmem_cache_create("selftest-shared", 32, 0, 0, NULL);
	REQUIRE(shared);
	EXPECT(on_every_core(pass_on));
	EXPECT(!broken);
	for (unsigned i = 0; i < 64; i++) {
		if (hand[i])
			kmem_cache_free(shared, hand[i]);
		hand[i] = NULL;
	}
	EXPECT(kmem_cache_destroy(shared) == 0);
}

SELFTEST(slab, empty_slabs_go_back)
{
	enum { OBJECTS = 256 };
	static void *p[OBJECTS];
	uint64_t before, most;

	slab_shrink();
	before = slab_pages();
	for (unsigned i = 0; i < OBJECTS; i++)
		p[i] = kmalloc(1000, GFP_KERNEL);
	most = slab_pages();
	EXPECT(most >= before + OBJECTS / 4 - 8);
	for (unsigned i = 0; i < OBJECTS; i++)
		kfree(p[i]);
	slab_shrink();
	EXPECT(slab_pages() < before + OBJECTS / 16);
}
