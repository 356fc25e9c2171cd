// SPDX-License-Identifier: BSD-2-Clause
/* The slab allocator against a shadow; its debugging finds what it says it finds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <twofold/errno.h>
#include <twofold/slab.h>

#include "shim.h"

#define RAM (64 * SZ_1M)
#define MAX_HELD 3000

static int boot(void **state)
{
	(void)state;
	shim_boot(RAM);
	return 0;
}

/* Empties all caches but the stable ones; then no frame may be missing. */
static uint64_t frames_idle(void)
{
	for (unsigned cpu = 0; cpu < NR_CPUS; cpu++) {
		shim_set_cpu(cpu);
		slab_shrink();
	}
	shim_set_cpu(0);
	return frames_free();
}

static struct held {
	unsigned char *p;
	size_t size;
	unsigned char byte;
} held[MAX_HELD];
static unsigned nr_held;

static void held_fill(unsigned char *p, size_t size)
{
	struct held *h = &held[nr_held++];

	*h = (struct held){p, size, (unsigned char)shim_random(256)};
	memset(p, h->byte, size);
}

/* Nobody else wrote to it. */
static struct held held_take(unsigned i)
{
	struct held h = held[i];

	for (size_t k = 0; k < h.size; k++)
		assert_int_equal(h.p[k], h.byte);
	held[i] = held[--nr_held];
	return h;
}

static size_t random_size(void)
{
	switch (shim_random(4)) {
	case 0:
		return 1 + shim_random(64);
	case 1:
		return 1 + shim_random(1024);
	case 2:
		return 1 + shim_random(9000);
	default:
		return shim_random(20) ? 1 + shim_random(300) : 1 + shim_random(100000);
	}
}

static void kmalloc_once(void)
{
	size_t size = random_size();
	bool zero = shim_random(2);
	unsigned char *p = zero ? kzalloc(size, GFP_NOWAIT) : kmalloc(size, GFP_NOWAIT);

	assert_non_null(p);
	assert_true(IS_ALIGNED((uintptr_t)p, 8));
	if (!(size & (size - 1)))
		assert_true(IS_ALIGNED((uintptr_t)p, MIN(size, PAGE_SIZE)));
	assert_true(ksize(p) >= size);
	for (size_t k = 0; zero && k < size; k++)
		assert_int_equal(p[k], 0);
	held_fill(p, size);
}

/* 100,000 times alloc or free on any core; then every frame is back. */
static void kmalloc_random(void)
{
	uint64_t idle = frames_idle();

	for (unsigned i = 0; i < 100000; i++) {
		bool grow = shim_random(100) < ((i / 10000) % 2 ? 40 : 60);

		shim_set_cpu((unsigned)shim_random(3));
		if (nr_held < MAX_HELD && (grow || !nr_held))
			kmalloc_once();
		else
			kfree(held_take((unsigned)shim_random(nr_held)).p);
	}
	while (nr_held)
		kfree(held_take(nr_held - 1).p);
	kfree(NULL);
	assert_int_equal(frames_idle(), idle);
	assert_int_equal(slab_debug_errors(), 0);
}

static void test_kmalloc_random(void **state)
{
	(void)state;
	kmalloc_random();
}

static void debug_kmalloc_random(void)
{
	shim_param("slab_debug", "");
	shim_boot(RAM);
	kmalloc_random();
}

static void test_kmalloc_classes(void **state)
{
	static const size_t classes[] = {8,   16,  32,	 64,   96,   128, 192,
					 256, 512, 1024, 2048, 4096, 8192};
	unsigned c = 0;

	(void)state;
	for (size_t size = 1; size <= 8192; size++) {
		void *p = kmalloc(size, GFP_KERNEL);

		c += size > classes[c];
		assert_int_equal(ksize(p), classes[c]);
		kfree(p);
	}
	for (size_t size = 8193, want = 16384; want <= 4 * SZ_1M; size = want + 1, want *= 2) {
		void *p = kmalloc(size, GFP_KERNEL);

		assert_int_equal(ksize(p), want);
		assert_true(IS_ALIGNED((uintptr_t)p, want));
		kfree(p);
	}
	assert_null(kmalloc(4 * SZ_1M + 1, GFP_KERNEL));
	assert_null(kmalloc(~0ul, GFP_KERNEL));
	assert_non_null(kmalloc(0, GFP_KERNEL));
}

static unsigned constructed;

static void construct(void *p)
{
	constructed++;
	memset(p, 0xc0, 40);
}

/* The constructor runs once per object; being free does not change what it made. */
static void check_constructed(unsigned flags)
{
	struct kmem_cache *cache =
		kmem_cache_create("built", 40, 16, SLAB_TYPESTABLE | flags, construct);
	unsigned char *p[300];
	unsigned made = 0;
	uint64_t idle;

	constructed = 0;
	for (unsigned round = 0; round < 3; round++) {
		for (unsigned i = 0; i < 300; i++) {
			p[i] = kmem_cache_alloc(cache, GFP_KERNEL);
			assert_true(IS_ALIGNED((uintptr_t)p[i], 16));
			for (unsigned k = 0; k < 40; k++)
				assert_int_equal(p[i][k], 0xc0);
		}
		for (unsigned i = 0; i < 300; i++) {
			kmem_cache_free(cache, p[i]);
			for (unsigned k = 0; k < 40; k++)
				assert_int_equal(p[i][k], 0xc0);
		}
		if (!round)
			made = constructed;
		assert_int_equal(constructed, made);
	}
	assert_true(constructed >= 300);
	/* Their pages stay theirs whatever memory is short of. */
	slab_shrink();
	idle = frames_free();
	for (unsigned i = 0; i < 300; i++)
		for (unsigned k = 0; k < 40; k++)
			assert_int_equal(p[i][k], 0xc0);
	assert_int_equal(kmem_cache_destroy(cache), 0);
	assert_true(frames_free() > idle);
}

static void test_constructor(void **state)
{
	(void)state;
	check_constructed(0);
	check_constructed(SLAB_DEBUG);
}

static bool find_row(const char *name, struct slab_row *row)
{
	for (unsigned i = 0; slab_row(i, row); i++)
		if (!strcmp(row->name, name))
			return true;
	return false;
}

static void test_rows(void **state)
{
	struct kmem_cache *cache = kmem_cache_create("rowed", 700, 0, 0, NULL);
	struct slab_row row;
	void *p[50];

	(void)state;
	for (unsigned i = 0; i < 50; i++)
		p[i] = kmem_cache_alloc(cache, GFP_KERNEL);
	assert_true(find_row("rowed", &row));
	assert_int_equal(row.active, 50);
	assert_true(row.total >= 50 && row.total == row.slabs * row.per_slab);
	assert_true(row.size >= 700 && row.per_slab * row.size <= row.pages_per_slab * PAGE_SIZE);
	for (unsigned i = 0; i < 50; i++)
		kmem_cache_free(cache, p[i]);
	assert_true(find_row("rowed", &row));
	assert_int_equal(row.active, 0);
	assert_int_equal(kmem_cache_destroy(cache), 0);
	assert_false(find_row("rowed", &row));
}

/* What is left is named, and the cache lives on. */
static void test_destroy_reports_leaks(void **state)
{
	struct kmem_cache *cache = kmem_cache_create("leaky", 64, 0, 0, NULL);
	void *p = kmem_cache_alloc(cache, GFP_KERNEL), *q = kmem_cache_alloc(cache, GFP_KERNEL);
	char line[100];

	(void)state;
	kmem_cache_free(cache, q);
	shim_log_clear();
	assert_int_equal(kmem_cache_destroy(cache), -EBUSY);
	snprintf(line, sizeof(line), "object %p was never freed", p);
	assert_non_null(strstr(shim_log(), line));
	snprintf(line, sizeof(line), "object %p was never freed", q);
	assert_null(strstr(shim_log(), line));
	kmem_cache_free(cache, p);
	assert_int_equal(kmem_cache_destroy(cache), 0);
}

static void test_impossible_caches(void **state)
{
	(void)state;
	assert_null(kmem_cache_create("none", 0, 0, 0, NULL));
	assert_null(kmem_cache_create("huge", 40000, 0, 0, NULL));
	assert_null(kmem_cache_create("crooked", 8, 24, 0, NULL));
}

/* One failed allocation after the other: nothing is lost, and at last it works. */
static void test_failing_frames(void **state)
{
	uint64_t idle = frames_idle();
	bool failed;
	long n = 0;

	(void)state;
	do {
		struct kmem_cache *cache;
		void *p = NULL;

		shim_fail_alloc_after(n++);
		cache = kmem_cache_create("unlucky", 3000, 0, 0, NULL);
		if (cache)
			p = kmem_cache_alloc(cache, GFP_KERNEL);
		failed = shim_alloc_failed();
		shim_fail_alloc_after(-1);
		assert_true(p || failed);
		if (p)
			kmem_cache_free(cache, p);
		if (cache)
			assert_int_equal(kmem_cache_destroy(cache), 0);
		assert_int_equal(frames_idle(), idle);
	} while (failed);
	assert_true(n > 2);
}

/* Where no large block is free, a slab of the smallest order will do. */
static void test_fragmented(void **state)
{
	struct kmem_cache *cache = kmem_cache_create("large", 4096, 0, 0, NULL);
	struct page *every[RAM / PAGE_SIZE];
	struct slab_row row;
	unsigned n = 0;
	void *p;

	(void)state;
	while ((every[n] = alloc_page(GFP_RESERVE)))
		n++;
	for (unsigned i = 0; i < n; i++)
		if (page_to_pfn(every[i]) % 2)
			free_pages(every[i], 0);
	p = kmem_cache_alloc(cache, GFP_NOWAIT);
	assert_non_null(p);
	assert_true(find_row("large", &row));
	assert_true(row.pages_per_slab > 1);
	assert_int_equal(row.active, 1);
	kmem_cache_free(cache, p);
	for (unsigned i = 0; i < n; i++)
		if (!(page_to_pfn(every[i]) % 2))
			free_pages(every[i], 0);
	assert_int_equal(kmem_cache_destroy(cache), 0);
}

/* ---- SLAB_DEBUG ---- */

static struct kmem_cache *debug_cache(void)
{
	shim_log_clear();
	return kmem_cache_create("checked", 60, 0, SLAB_DEBUG, NULL);
}

/* One more report, which names the kind of damage and who had the object. */
static void check_report(uint64_t before, const char *what)
{
	assert_int_equal(slab_debug_errors(), before + 1);
	assert_non_null(strstr(shim_log(), "slab checked: "));
	assert_non_null(strstr(shim_log(), what));
	assert_non_null(strstr(shim_log(), "last allocated by 0x"));
}

static void test_debug_overrun(void **state)
{
	struct kmem_cache *cache = debug_cache();
	uint64_t before = slab_debug_errors();
	char *p = kmem_cache_alloc(cache, GFP_KERNEL), *q;

	(void)state;
	p[60] = 1;
	kmem_cache_free(cache, p);
	check_report(before, "overrun");
	/* Repaired: it is not found twice. */
	q = kmem_cache_alloc(cache, GFP_KERNEL);
	kmem_cache_free(cache, q);
	assert_int_equal(slab_debug_errors(), before + 1);
	assert_int_equal(kmem_cache_destroy(cache), 0);
}

static void test_debug_underrun(void **state)
{
	struct kmem_cache *cache = debug_cache();
	uint64_t before = slab_debug_errors();
	char *p = kmem_cache_alloc(cache, GFP_KERNEL), *q = kmem_cache_alloc(cache, GFP_KERNEL);

	(void)state;
	(p > q ? p : q)[-1] = 1;
	kmem_cache_free(cache, p > q ? p : q);
	check_report(before, "underrun");
	kmem_cache_free(cache, p > q ? q : p);
	assert_int_equal(slab_debug_errors(), before + 1);
	assert_int_equal(kmem_cache_destroy(cache), 0);
}

static void test_debug_double_free(void **state)
{
	struct kmem_cache *cache = debug_cache();
	uint64_t before = slab_debug_errors();
	char *p = kmem_cache_alloc(cache, GFP_KERNEL), *q;

	(void)state;
	kmem_cache_free(cache, p);
	kmem_cache_free(cache, p);
	check_report(before, "double free");
	assert_non_null(strstr(shim_log(), "last freed by 0x"));
	/* The second free did not happen: no object is given out twice. */
	p = kmem_cache_alloc(cache, GFP_KERNEL);
	q = kmem_cache_alloc(cache, GFP_KERNEL);
	assert_ptr_not_equal(p, q);
	kmem_cache_free(cache, p);
	kmem_cache_free(cache, q);
	assert_int_equal(kmem_cache_destroy(cache), 0);
}

static void test_debug_use_after_free(void **state)
{
	struct kmem_cache *cache = debug_cache();
	uint64_t before = slab_debug_errors();
	unsigned char *p = kmem_cache_alloc(cache, GFP_KERNEL), *q;

	(void)state;
	kmem_cache_free(cache, p);
	assert_int_equal(p[0], 0x6b);
	p[17] = 0;
	q = kmem_cache_alloc(cache, GFP_KERNEL);
	assert_ptr_equal(p, q);
	check_report(before, "written while free");
	kmem_cache_free(cache, q);
	assert_int_equal(kmem_cache_destroy(cache), 0);
}

static void test_debug_wrong_free(void **state)
{
	struct kmem_cache *cache = debug_cache(), *other = debug_cache();
	uint64_t before = slab_debug_errors();
	char *p = kmem_cache_alloc(cache, GFP_KERNEL);

	(void)state;
	kmem_cache_free(other, p);
	assert_int_equal(slab_debug_errors(), before + 1);
	kmem_cache_free(cache, p + 8);
	assert_int_equal(slab_debug_errors(), before + 2);
	assert_non_null(strstr(shim_log(), "no object of this cache"));
	kmem_cache_free(cache, p);
	assert_int_equal(slab_debug_errors(), before + 2);
	assert_int_equal(kmem_cache_destroy(cache), 0);
	assert_int_equal(kmem_cache_destroy(other), 0);
}

static void test_debug_leak(void **state)
{
	struct kmem_cache *cache = debug_cache();
	void *p = kmem_cache_alloc(cache, GFP_KERNEL);

	(void)state;
	assert_int_equal(kmem_cache_destroy(cache), -EBUSY);
	assert_non_null(strstr(shim_log(), "was never freed"));
	assert_non_null(strstr(shim_log(), "last allocated by 0x"));
	kmem_cache_free(cache, p);
	assert_int_equal(kmem_cache_destroy(cache), 0);
}

/* With `slab_debug`, one byte past what kmalloc() was asked for is seen, class or not. */
static void debug_parameter(void)
{
	char *p;

	shim_param("slab_debug", "");
	shim_boot(RAM);
	p = kmalloc(100, GFP_KERNEL);
	if (ksize(p) != 100)
		exit(1);
	p[100] = 0;
	kfree(p);
	if (slab_debug_errors() != 1 || !strstr(shim_log(), "kmalloc-128: overrun"))
		exit(1);
}

static void fast_double_free(void)
{
	void *p = kmalloc(32, GFP_KERNEL);

	kfree(p);
	kfree(p);
}

static void wild_free(void)
{
	kfree((char *)page_to_ptr(alloc_page(GFP_KERNEL)) + 64);
}

static void test_without_debug(void **state)
{
	(void)state;
	assert_true(shim_panics(fast_double_free, "double free"));
	assert_true(shim_panics(wild_free, "CHECK"));
}

/* Before the others boot this process's machine. */
static void test_debug_parameter(void **state)
{
	(void)state;
	assert_true(shim_child(debug_parameter));
	assert_true(shim_child(debug_kmalloc_random));
	boot(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_debug_parameter),
		cmocka_unit_test(test_kmalloc_random),
		cmocka_unit_test(test_kmalloc_classes),
		cmocka_unit_test(test_constructor),
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_destroy_reports_leaks),
		cmocka_unit_test(test_impossible_caches),
		cmocka_unit_test(test_failing_frames),
		cmocka_unit_test(test_fragmented),
		cmocka_unit_test(test_debug_overrun),
		cmocka_unit_test(test_debug_underrun),
		cmocka_unit_test(test_debug_double_free),
		cmocka_unit_test(test_debug_use_after_free),
		cmocka_unit_test(test_debug_wrong_free),
		cmocka_unit_test(test_debug_leak),
		cmocka_unit_test(test_without_debug),
	};

	return cmocka_run_group_tests_name("slab", tests, NULL, NULL);
}
