// SPDX-License-Identifier: BSD-2-Clause
/*
 * Suite "mmu_live": this core's MMU against the software MMU on the trees that the kernel keeps:
 * each mapping and the pages beside it, of the kernel and of an address space with areas of all
 * kinds in it.
 */
#include <linux/fcntl.h>
#include <twofold/errno.h>
#include <twofold/fs.h>
#include <twofold/log.h>
#include <twofold/vmalloc.h>

#include "mmu_probe.h"
#include "user_mm.h"

/* With HA and HD off, where an instruction of address translation changes nothing; then as the
 * kernel runs, real accesses alone. */
static const struct mmu_settings settings[] = {
	{0},
	{.pan = true},
	{.ha = true, .hd = true, .pan = true},
};

/* First, last and one page in between of a leaf; then those beside it. */
static void probe_leaf(const struct mmu_session *s, vaddr_t va, int level)
{
	uint64_t start = va.va & ~(PT_SPAN(level) - 1), end = start + PT_SPAN(level);

	mmu_probe_all(s, VADDR(start));
	if (level > 0) {
		mmu_probe_all(s, VADDR(start + PT_SPAN(level) / 2 + PT_SPAN(level - 1) * 3));
		mmu_probe_all(s, VADDR(end - PAGE_SIZE + 8));
	}
	mmu_probe_all(s, VADDR(start - PAGE_SIZE));
	mmu_probe_all(s, VADDR(end));
}

/* Each leaf or token of [va, end); the tree's lock is held. Returns how many. */
static unsigned probe_range(struct mmu_session *s, const struct pt *pt, vaddr_t va, vaddr_t end)
{
	struct pt_leaf leaf;
	unsigned leaves = 0;

	/* At the top end, 0, the next address wraps. */
	while (va.va && pt_next(pt, &va, end, &leaf)) {
		mmu_begin(s);
		probe_leaf(s, va, leaf.level);
		mmu_end(s);
		va.va = (va.va | (PT_SPAN(leaf.level) - 1)) + 1;
		leaves++;
	}
	return leaves;
}

SELFTEST(mmu_live, the_kernels_own_tree)
{
	struct mmu_session s = {.look_only = true};
	unsigned leaves = 0;

	mmu_tally_begin();
	for (unsigned i = 0; i < ARRAY_SIZE(settings); i++) {
		s.set = &settings[i];
		if (!mmu_settings_possible(s.set))
			continue;
		spin_lock(&kernel_pt_lock);
		leaves = probe_range(&s, &kernel_pt, VADDR(DIRECT_BASE), VADDR(0));
		spin_unlock(&kernel_pt_lock);
	}
	selftest_note("%u leaves", leaves);
	EXPECT(mmu_tally_end() && leaves);
}

/* ---- an address space ---- */

#define PAGES 24u

static void touch(uint64_t addr, unsigned pages, unsigned step, bool write)
{
	for (unsigned i = 0; i < pages; i += step)
		EXPECT(write ? user_store(addr + i * PAGE_SIZE, MMU_SVC(i + 1))
			     : user_load(addr + i * PAGE_SIZE) != 0xbad);
}

/* Pages that were written and may now be executed, as EL0 finds them after its first fetch. */
static bool make_code(struct mm *mm, uint64_t at, unsigned pages)
{
	struct fault_signal sig;

	if (mm_protect(mm, at, pages * PAGE_SIZE, PROT_READ | PROT_EXEC))
		return false;
	for (; pages; pages--, at += PAGE_SIZE)
		if (mm_fault(mm, at, FAULT_EXEC, &sig))
			return false;
	return true;
}

/* Code for EL0, in an area of the address space: written, then made executable. 0: it failed. */
static vaddr_t place_stubs(struct mm *mm)
{
	uint64_t at = user_map(mm, 1, PROT_READ | PROT_WRITE, MAP_PRIVATE);

	if (!at || copy_to_user(UPTR(at), mmu_stubs, MMU_STUBS_SIZE) || !make_code(mm, at, 1))
		return VADDR(0);
	return VADDR(at);
}

static void map_program(struct mm *mm)
{
	struct file *file = file_open("/bin/busybox", O_RDONLY, 0);
	struct map_request req = {.len = PAGES * PAGE_SIZE,
				  .prot = PROT_READ | PROT_EXEC,
				  .flags = MAP_PRIVATE,
				  .file = file};
	int64_t at;

	REQUIRE(!IS_ERR(file));
	at = mm_map(mm, &req);
	file_put(file);
	REQUIRE(at > 0);
	touch((uint64_t)at, PAGES, 3, false);
}

struct areas {
	uint64_t rw, read, shared;
};

/* Written, only read, never touched, write-protected, inaccessible, executable; shared; a file's.
 */
static void fill(struct mm *mm, struct areas *a)
{
	a->rw = user_map(mm, PAGES, PROT_READ | PROT_WRITE, MAP_PRIVATE);
	a->read = user_map(mm, PAGES, PROT_READ | PROT_WRITE, MAP_PRIVATE);
	a->shared = user_map(mm, PAGES, PROT_READ | PROT_WRITE, MAP_SHARED);
	REQUIRE(a->rw && a->read && a->shared);
	touch(a->rw, PAGES, 1, true);
	touch(a->read, PAGES, 2, false);
	touch(a->shared, PAGES, 2, true);
	EXPECT(!mm_protect(mm, a->rw + 4 * PAGE_SIZE, 4 * PAGE_SIZE, PROT_READ));
	EXPECT(!mm_protect(mm, a->rw + 8 * PAGE_SIZE, 4 * PAGE_SIZE, PROT_NONE));
	EXPECT(make_code(mm, a->rw + 12 * PAGE_SIZE, 4));
	map_program(mm);
}

/* What a fork shares until it is written. */
static void fill_child(struct mm *mm, const struct areas *a, vaddr_t stubs)
{
	touch(a->rw, 8, 1, false);
	touch(a->rw, 2, 1, true);
	touch(a->read, PAGES, 3, true);
	touch(a->shared, PAGES, 3, false);
	EXPECT(make_code(mm, stubs.va, 1));
}

/* Its lock held, nobody changes the tables: what is predicted is what is met. */
static void probe_space(struct mm *mm, vaddr_t stubs)
{
	struct mmu_session s = {.user_stubs = stubs};
	unsigned leaves = 0;

	for (unsigned i = 0; i < ARRAY_SIZE(settings); i++) {
		s.set = &settings[i];
		if (!mmu_settings_possible(s.set))
			continue;
		spin_lock(&mm->pt_lock);
		leaves = probe_range(&s, &mm->pt, VADDR(USER_MIN), VADDR(USER_END));
		spin_unlock(&mm->pt_lock);
	}
	selftest_note("%u leaves", leaves);
	EXPECT(leaves >= PAGES);
}

SELFTEST(mmu_live, an_address_space_and_its_fork)
{
	struct mm *mm = user_mm_begin(), *child;
	struct areas areas;
	vaddr_t stubs;

	REQUIRE(mm);
	fill(mm, &areas);
	stubs = place_stubs(mm);
	EXPECT(stubs.va);
	mmu_tally_begin();
	probe_space(mm, stubs);
	child = mm_fork(mm);
	if (child) {
		probe_space(mm, stubs);
		user_mm_use(child);
		fill_child(child, &areas, stubs);
		probe_space(child, stubs);
		user_mm_use(mm);
		mm_put(child);
	}
	EXPECT(child && mmu_tally_end());
	user_mm_end(mm);
}
