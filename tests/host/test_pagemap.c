// SPDX-License-Identifier: BSD-2-Clause
/* Page maps and interval trees against plain arrays. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <twofold/errno.h>
#include <twofold/pagemap.h>
#include <twofold/slab.h>
#include <twofold/span.h>

#include "shim.h"

#define WINDOW 2048u

/* A few windows of indices far apart; the last one ends with the last index there is. */
static const uint32_t bases[] = {0, 0x3f80, 0x7fffffc0u, UINT32_MAX - WINDOW + 1};

struct shadow {
	struct pagemap map;
	entry_t entries[ARRAY_SIZE(bases)][WINDOW];
};

static entry_t *shadow_at(struct shadow *s, uint32_t *index)
{
	unsigned w = (unsigned)shim_random(ARRAY_SIZE(bases)), i = (unsigned)shim_random(WINDOW);

	*index = bases[w] + i;
	return &s->entries[w][i];
}

static void set(struct shadow *s)
{
	uint32_t index;
	entry_t *at = shadow_at(s, &index);
	entry_t value = shim_random(2) ? (entry_t)shim_random(UINT32_MAX - 1) + 1 : ENTRY_NONE;

	assert_int_equal(pagemap_set(&s->map, index, value), 0);
	*at = value;
}

static void add(struct shadow *s)
{
	uint32_t index;
	entry_t *at = shadow_at(s, &index), value = (entry_t)shim_random(1000) + 1, asked = value;

	if (*at) {
		assert_int_equal(pagemap_add(&s->map, index, &asked), -EEXIST);
		assert_int_equal(asked, *at);
	} else {
		assert_int_equal(pagemap_add(&s->map, index, &asked), 0);
		*at = value;
	}
}

static void take(struct shadow *s)
{
	struct pagemap_item items[PAGEMAP_LEAF];
	unsigned w = (unsigned)shim_random(ARRAY_SIZE(bases));
	uint32_t from = (uint32_t)shim_random(WINDOW), n, seen = from;
	uint32_t to = from + (uint32_t)shim_random(MIN(WINDOW - from, 300u));
	uint64_t index = bases[w] + from;

	while ((n = pagemap_take(&s->map, &index, bases[w] + to, items)))
		for (uint32_t i = 0; i < n; i++) {
			uint32_t at = items[i].index - bases[w];

			for (; seen < at; seen++)
				assert_int_equal(s->entries[w][seen], ENTRY_NONE);
			assert_int_equal(items[i].entry, s->entries[w][at]);
			s->entries[w][at] = ENTRY_NONE;
		}
	for (; seen <= to; seen++)
		assert_int_equal(s->entries[w][seen], ENTRY_NONE);
}

static void read_some(struct shadow *s)
{
	unsigned w = (unsigned)shim_random(ARRAY_SIZE(bases));
	uint32_t n = 1 + (uint32_t)shim_random(PAGEMAP_LEAF),
		 from = (uint32_t)shim_random(WINDOW - n);
	entry_t got[PAGEMAP_LEAF];

	pagemap_read(&s->map, bases[w] + from, n, got);
	assert_memory_equal(got, &s->entries[w][from], n * sizeof(entry_t));
}

/* All entries, in order, by the iterator; and each by itself. */
static void compare_all(struct shadow *s)
{
	uint64_t next = 0;

	for (unsigned w = 0; w < ARRAY_SIZE(bases); w++)
		for (uint32_t i = 0; i < WINDOW; i++) {
			uint32_t at = (uint32_t)next;

			assert_int_equal(pagemap_get(&s->map, bases[w] + i), s->entries[w][i]);
			if (!s->entries[w][i])
				continue;
			assert_int_equal(pagemap_next(&s->map, &at, UINT32_MAX), s->entries[w][i]);
			assert_int_equal(at, bases[w] + i);
			next = (uint64_t)at + 1;
		}
	if (next <= UINT32_MAX) {
		uint32_t at = (uint32_t)next;

		assert_int_equal(pagemap_next(&s->map, &at, UINT32_MAX), ENTRY_NONE);
	}
}

static void random_operations_match_an_array(void **state)
{
	struct shadow *s = calloc(1, sizeof(*s));

	(void)state;
	shim_seed(1);
	for (unsigned i = 0; i < 100000; i++) {
		switch (shim_random(8)) {
		case 0:
			add(s);
			break;
		case 1:
			read_some(s);
			break;
		case 2:
			if (shim_random(4) == 0)
				take(s);
			break;
		default:
			set(s);
		}
		if (i % 5000 == 0)
			compare_all(s);
	}
	compare_all(s);
	for (unsigned w = 0; w < ARRAY_SIZE(bases); w++)
		for (uint32_t i = 0; i < WINDOW; i++)
			pagemap_set(&s->map, bases[w] + i, ENTRY_NONE);
	assert_int_equal(pagemap_nodes(), 0); /* the last entry takes the last node with it */
	free(s);
}

static void a_failed_set_changes_nothing(void **state)
{
	struct pagemap map;
	uint64_t nodes;
	int err;

	(void)state;
	for (long n = 0;; n++) {
		pagemap_init(&map);
		assert_int_equal(pagemap_set(&map, 5, 55), 0);
		nodes = pagemap_nodes();
		shim_fail_alloc_after(n);
		err = pagemap_set(&map, 0x80000005u, 66);
		shim_fail_alloc_after(-1);
		assert_int_equal(pagemap_get(&map, 5), 55);
		if (!err)
			break;
		assert_int_equal(err, -ENOMEM);
		assert_int_equal(pagemap_get(&map, 0x80000005u), ENTRY_NONE);
		assert_int_equal(pagemap_set(&map, 5, ENTRY_NONE), 0);
		assert_true(pagemap_nodes() <= nodes);
		pagemap_fini(&map);
		assert_int_equal(pagemap_nodes(), 0);
	}
	assert_int_equal(pagemap_get(&map, 0x80000005u), 66);
	pagemap_fini(&map);
	assert_int_equal(pagemap_nodes(), 0);
}

static void what_is_reserved_can_be_filled(void **state)
{
	entry_t from[PAGEMAP_LEAF] = {7, 0, 9};
	struct pagemap map;

	(void)state;
	pagemap_init(&map);
	assert_int_equal(pagemap_reserve(&map, 1000), 0);
	assert_int_equal(pagemap_reserve(&map, 900000), 0);
	shim_fail_alloc_after(0);
	pagemap_fill(&map, 960, from, PAGEMAP_LEAF);
	assert_int_equal(pagemap_set(&map, 900001, 3), 0);
	shim_fail_alloc_after(-1);
	assert_int_equal(pagemap_get(&map, 960), 7);
	assert_int_equal(pagemap_get(&map, 962), 9);
	assert_int_equal(pagemap_set(&map, 960, ENTRY_NONE), 0);
	assert_int_equal(pagemap_set(&map, 962, ENTRY_NONE), 0);
	assert_int_equal(pagemap_get(&map, 900001), 3);
	pagemap_fini(&map);
	assert_int_equal(pagemap_nodes(), 0);
}

/* ---- intervals ---- */

#define SPANS 200

static struct span spans[SPANS];
static bool in_tree[SPANS];

static void compare_overlaps(const struct span_tree *tree, uint32_t first, uint32_t last)
{
	unsigned found = 0, expected = 0;
	uint32_t before = 0;

	for (unsigned i = 0; i < SPANS; i++)
		expected += in_tree[i] && spans[i].first <= last && spans[i].last >= first;
	for (struct span *s = span_find(tree, first, last); s; s = span_next(s, first, last)) {
		assert_true(s->first <= last && s->last >= first);
		assert_true(s->first >= before);
		before = s->first;
		found++;
	}
	assert_int_equal(found, expected);
}

static void overlaps_are_all_found_in_order(void **state)
{
	struct span_tree tree = RB_INITIALIZER(&tree);

	(void)state;
	shim_seed(2);
	for (unsigned i = 0; i < 20000; i++) {
		unsigned n = (unsigned)shim_random(SPANS);
		uint32_t first = (uint32_t)shim_random(1000);

		if (in_tree[n]) {
			span_remove(&tree, &spans[n]);
		} else {
			spans[n].first = (uint32_t)shim_random(1000);
			spans[n].last = spans[n].first + (uint32_t)shim_random(i % 3 ? 10 : 300);
			span_insert(&tree, &spans[n]);
		}
		in_tree[n] = !in_tree[n];
		compare_overlaps(&tree, first, first + (uint32_t)shim_random(50));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_operations_match_an_array),
		cmocka_unit_test(a_failed_set_changes_nothing),
		cmocka_unit_test(what_is_reserved_can_be_filled),
		cmocka_unit_test(overlaps_are_all_found_in_order),
	};

	shim_boot(64 * SZ_1M);
	pagemap_setup();
	return cmocka_run_group_tests_name("pagemap", tests, NULL, NULL);
}
