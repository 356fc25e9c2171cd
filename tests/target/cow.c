// SPDX-License-Identifier: BSD-2-Clause
/* Copy-on-write, met by real accesses: address spaces and their forks under kernel threads. */
#include <twofold/errno.h>

#include "cores.h"
#include "user_mm.h"

#define PAGES 200u
#define RW (PROT_READ | PROT_WRITE)

static uint64_t word_of(uint64_t at, unsigned page)
{
	return at + page * PAGE_SIZE + page % 500 * 8;
}

static void fill(uint64_t at, uint64_t salt)
{
	for (unsigned i = 0; i < PAGES; i++)
		EXPECT(user_store(word_of(at, i), i + salt));
}

static bool holds(uint64_t at, unsigned first, unsigned n, uint64_t salt)
{
	for (unsigned i = first; i < first + n; i++)
		if (user_load(word_of(at, i)) != i + salt)
			return false;
	return true;
}

SELFTEST(cow, parent_and_child_part_page_by_page)
{
	int64_t anon = vm_gauges[NR_ANON];
	struct mm *parent = user_mm_begin(), *child;
	uint64_t at = user_map(parent, PAGES, RW, MAP_PRIVATE);

	fill(at, 1000);
	child = mm_fork(parent);
	REQUIRE(child);
	EXPECT(vm_gauges[NR_ANON] == anon + PAGES);
	for (unsigned i = 0; i < 50; i++)
		EXPECT(user_store(word_of(at, i), i + 2000)); /* the parent's quarter */
	user_mm_use(child);
	EXPECT(holds(at, 0, PAGES, 1000));
	for (unsigned i = 50; i < 100; i++)
		EXPECT(user_store(word_of(at, i), i + 3000)); /* the child's */
	EXPECT(vm_gauges[NR_ANON] == anon + PAGES + 100);
	user_mm_use(parent);
	EXPECT(holds(at, 0, 50, 2000) && holds(at, 50, PAGES - 50, 1000));
	user_mm_use(child);
	EXPECT(holds(at, 0, 50, 1000) && holds(at, 50, 50, 3000) && holds(at, 100, 100, 1000));
	user_mm_use(parent);
	mm_put(child);
	EXPECT(vm_gauges[NR_ANON] == anon + PAGES);
	EXPECT(holds(at, 0, 50, 2000) && holds(at, 50, PAGES - 50, 1000));
	user_mm_end(parent);
	EXPECT(vm_gauges[NR_ANON] == anon);
}

SELFTEST(cow, the_last_holder_does_not_copy)
{
	struct mm *parent = user_mm_begin(), *child;
	uint64_t at = user_map(parent, PAGES, RW, MAP_PRIVATE), copies;

	fill(at, 1);
	child = mm_fork(parent);
	REQUIRE(child);
	mm_put(child);
	copies = vm_event_sum(COW_COPY);
	fill(at, 2);
	EXPECT(vm_event_sum(COW_COPY) == copies);
	EXPECT(holds(at, 0, PAGES, 2));
	user_mm_end(parent);
}

SELFTEST(cow, a_fork_costs_areas_not_pages)
{
	struct mm *parent = user_mm_begin(), *child;
	uint64_t at = user_map(parent, PAGES, RW, MAP_PRIVATE);

	fill(at, 1);
	child = mm_fork(parent);
	REQUIRE(child);
	EXPECT(child->pt.stats.leaves == 0 && child->pt.stats.tables[0] == 0);
	user_mm_use(child);
	EXPECT(user_load(word_of(at, 16)) == 17);
	EXPECT(child->pt.stats.leaves > 1); /* neighbours came along */
	user_mm_use(parent);
	mm_put(child);
	user_mm_end(parent);
}

SELFTEST(cow, shared_memory_is_not_copied)
{
	struct mm *parent = user_mm_begin(), *child;
	uint64_t at = user_map(parent, 4, RW, MAP_SHARED);

	EXPECT(user_store(at, 1));
	child = mm_fork(parent);
	REQUIRE(child);
	EXPECT(user_store(at, 2) && user_store(at + PAGE_SIZE, 3));
	user_mm_use(child);
	EXPECT(user_load(at) == 2 && user_load(at + PAGE_SIZE) == 3);
	EXPECT(user_store(at + 2 * PAGE_SIZE, 4));
	user_mm_use(parent);
	EXPECT(user_load(at + 2 * PAGE_SIZE) == 4);
	user_mm_end(parent);
	user_mm_use(child);
	EXPECT(user_load(at) == 2); /* as long as anybody maps it */
	user_mm_end(child);
}

SELFTEST(cow, generations_keep_apart)
{
	enum { GENERATIONS = 12 };
	struct mm *mm[GENERATIONS] = {user_mm_begin()};
	uint64_t at = user_map(mm[0], PAGES, RW, MAP_PRIVATE);
	int64_t anon = vm_gauges[NR_ANON];

	fill(at, 0);
	/* Each is the last one's child, and changes the page of its own number. */
	for (unsigned g = 1; g < GENERATIONS; g++) {
		mm[g] = mm_fork(mm[g - 1]);
		REQUIRE(mm[g]);
		user_mm_use(mm[g]);
		EXPECT(user_store(word_of(at, g), 10000 + g));
	}
	for (unsigned g = 0; g < GENERATIONS; g++) {
		user_mm_use(mm[g]);
		for (unsigned i = 0; i < PAGES; i++)
			EXPECT(user_load(word_of(at, i)) == (i && i <= g ? 10000 + i : i));
	}
	/* The middle ones go first. */
	for (unsigned i = 0; i < GENERATIONS; i++)
		user_mm_end(mm[(i + GENERATIONS / 2) % GENERATIONS]);
	EXPECT(vm_gauges[NR_ANON] == anon);
}

SELFTEST(cow, forgetting_is_ones_own_affair)
{
	struct mm *parent = user_mm_begin(), *child;
	uint64_t at = user_map(parent, PAGES, RW, MAP_PRIVATE);

	fill(at, 5);
	child = mm_fork(parent);
	REQUIRE(child);
	EXPECT(mm_advise(parent, at, 20 * PAGE_SIZE, MADV_DONTNEED) == 0);
	EXPECT(user_load(word_of(at, 3)) == 0 && holds(at, 20, PAGES - 20, 5));
	user_mm_use(child);
	EXPECT(holds(at, 0, PAGES, 5));
	EXPECT(mm_unmap(child, at, 100 * PAGE_SIZE) == 0);
	user_mm_use(parent);
	mm_put(child);
	EXPECT(holds(at, 20, PAGES - 20, 5));
	user_mm_end(parent);
}

/* ---- all cores ---- */

static struct mm *family[NR_CPUS];
static uint64_t family_at;

/* Each core in a child of the same parent writes every page, while the others do. */
static void write_all(unsigned core)
{
	user_mm_use(family[core]);
	EXPECT(holds(family_at, 0, PAGES, 7));
	fill(family_at, 100 * (core + 1));
	EXPECT(holds(family_at, 0, PAGES, 100 * (core + 1)));
	user_mm_end(family[core]);
}

SELFTEST(cow, all_cores_copy_the_same_pages)
{
	struct mm *parent = user_mm_begin();
	int64_t anon = vm_gauges[NR_ANON];

	family_at = user_map(parent, PAGES, RW, MAP_PRIVATE);
	fill(family_at, 7);
	for (unsigned i = 0; i < nr_cpus; i++) {
		family[i] = mm_fork(parent);
		REQUIRE(family[i]);
	}
	EXPECT(on_every_core(write_all));
	EXPECT(holds(family_at, 0, PAGES, 7));
	EXPECT(vm_gauges[NR_ANON] == anon + PAGES);
	user_mm_end(parent);
	EXPECT(vm_gauges[NR_ANON] == anon);
}

static struct mm *forking;
static unsigned writers;

/* Core 0 forks while the other threads of the program write. */
static void write_through_forks(unsigned core)
{
	user_mm_use(forking);
	if (core == 0) {
		for (unsigned i = 0; i < 20; i++) {
			struct mm *child = mm_fork(forking);

			EXPECT(child);
			if (child)
				mm_put(child);
		}
		__atomic_store_n(&writers, 0, __ATOMIC_RELEASE);
	}
	for (uint64_t n = 1; __atomic_load_n(&writers, __ATOMIC_ACQUIRE); n++) {
		uint64_t word = family_at + n % PAGES * PAGE_SIZE + core * 8;

		EXPECT(user_store(word, n) && user_load(word) == n);
		cond_resched();
	}
	user_mm_use(NULL);
}

SELFTEST(cow, threads_write_while_one_forks)
{
	forking = user_mm_begin();
	REQUIRE(forking);
	family_at = user_map(forking, PAGES, RW, MAP_PRIVATE);
	writers = 1;
	EXPECT(on_every_core(write_through_forks));
	user_mm_end(forking);
}
