// SPDX-License-Identifier: BSD-2-Clause
/* The cases of mm/fault.c's table, met by real accesses: kernel threads with a user's lower half.
 */
#include <linux/signal.h>
#include <twofold/errno.h>
#include <twofold/fs.h>

#include "cores.h"
#include "user_mm.h"

#define RW (PROT_READ | PROT_WRITE)

static struct pt_leaf leaf_at(struct mm *mm, uint64_t addr)
{
	struct pt_leaf leaf;

	spin_lock(&mm->pt_lock);
	if (pt_query(&mm->pt, VADDR(addr), &leaf) != PTE_LEAF)
		leaf = (struct pt_leaf){.level = -1};
	spin_unlock(&mm->pt_lock);
	return leaf;
}

SELFTEST(faults, reading_untouched_memory_maps_the_zero_page)
{
	int32_t refs = zero_page->refs;
	struct mm *mm = user_mm_begin();
	uint64_t at = user_map(mm, 8, RW, MAP_PRIVATE);

	for (unsigned i = 0; i < 8; i++)
		EXPECT(user_load(at + i * PAGE_SIZE) == 0);
	EXPECT(leaf_at(mm, at).pa.pa == page_to_pa(zero_page).pa);
	EXPECT(user_store(at + 8, 7) && user_load(at + 8) == 7 && user_load(at) == 0);
	EXPECT(leaf_at(mm, at).pa.pa != page_to_pa(zero_page).pa);
	EXPECT(user_load(at + PAGE_SIZE + 8) == 0);
	EXPECT(zero_page->refs == refs);
	user_mm_end(mm);
}

SELFTEST(faults, a_write_gets_a_fresh_page_of_zeros)
{
	struct mm *mm = user_mm_begin();
	uint64_t at = user_map(mm, 64, RW, MAP_PRIVATE), sum = 0;
	int64_t anon = vm_gauges[NR_ANON];

	for (unsigned i = 0; i < 64; i++)
		EXPECT(user_store(at + i * PAGE_SIZE, i + 1));
	EXPECT(vm_gauges[NR_ANON] == anon + 64);
	EXPECT(leaf_at(mm, at).prot & PT_DIRTY);
	for (unsigned off = 0; off < PAGE_SIZE; off += 8)
		sum += user_load(at + 63 * PAGE_SIZE + off);
	EXPECT(sum == 64);
	EXPECT(mm_unmap(mm, at, 64 * PAGE_SIZE) == 0);
	EXPECT(vm_gauges[NR_ANON] == anon);
	EXPECT(mm_rss(mm) == 0);
	user_mm_end(mm);
}

static bool faults_with(struct mm *mm, uint64_t addr, unsigned access, int signo, int code)
{
	struct fault_signal sig = {0};

	return mm_fault(mm, addr, access, &sig) == -EFAULT && sig.signo == signo &&
	       sig.code == code;
}

SELFTEST(faults, what_is_not_allowed_says_what_linux_says)
{
	struct mm *mm = user_mm_begin();
	uint64_t at = user_map(mm, 3, PROT_READ, MAP_PRIVATE);

	EXPECT(!user_store(at, 1));
	EXPECT(faults_with(mm, at, FAULT_WRITE, SIGSEGV, SEGV_ACCERR));
	EXPECT(faults_with(mm, at, FAULT_EXEC, SIGSEGV, SEGV_ACCERR));
	EXPECT(mm_protect(mm, at + PAGE_SIZE, PAGE_SIZE, PROT_NONE) == 0);
	EXPECT(user_load(at + PAGE_SIZE) == 0xbad);
	EXPECT(faults_with(mm, at + PAGE_SIZE, 0, SIGSEGV, SEGV_ACCERR));
	EXPECT(mm_unmap(mm, at + 2 * PAGE_SIZE, PAGE_SIZE) == 0);
	EXPECT(user_load(at + 2 * PAGE_SIZE) == 0xbad);
	EXPECT(faults_with(mm, at + 2 * PAGE_SIZE, 0, SIGSEGV, SEGV_MAPERR));
	EXPECT(user_load(0) == 0xbad && user_load(USER_END) == 0xbad);
	EXPECT(user_load(DIRECT_BASE) == 0xbad);
	user_mm_end(mm);
}

SELFTEST(faults, rights_that_go_go_at_once)
{
	struct mm *mm = user_mm_begin();
	uint64_t at = user_map(mm, 4, RW, MAP_PRIVATE);

	for (unsigned i = 0; i < 4; i++)
		EXPECT(user_store(at + i * PAGE_SIZE, i));
	EXPECT(mm_protect(mm, at, 4 * PAGE_SIZE, PROT_READ) == 0);
	for (unsigned i = 0; i < 4; i++)
		EXPECT(!user_store(at + i * PAGE_SIZE, 9) && user_load(at + i * PAGE_SIZE) == i);
	EXPECT(mm_protect(mm, at, 4 * PAGE_SIZE, RW) == 0);
	for (unsigned i = 0; i < 4; i++)
		EXPECT(user_store(at + i * PAGE_SIZE, 9) && user_load(at + i * PAGE_SIZE) == 9);
	EXPECT(mm->nr_areas == 1);
	user_mm_end(mm);
}

SELFTEST(faults, the_accessed_flag_comes_back)
{
	struct mm *mm = user_mm_begin();
	uint64_t at = user_map(mm, 1, RW, MAP_PRIVATE);

	EXPECT(user_store(at, 5));
	spin_lock(&mm->pt_lock);
	EXPECT(pt_test_clear(&mm->pt, VADDR(at), PT_YOUNG | PT_DIRTY) & PT_DIRTY);
	spin_unlock(&mm->pt_lock);
	EXPECT(!(leaf_at(mm, at).prot & (PT_YOUNG | PT_DIRTY)));
	EXPECT(user_load(at) == 5);
	EXPECT(leaf_at(mm, at).prot & PT_YOUNG && !(leaf_at(mm, at).prot & PT_DIRTY));
	EXPECT(user_store(at, 6));
	EXPECT(leaf_at(mm, at).prot & PT_DIRTY);
	user_mm_end(mm);
}

SELFTEST(faults, a_stack_grows_on_demand)
{
	struct mm *mm = user_mm_begin();
	uint64_t at = user_map(mm, 1, RW, MAP_PRIVATE | MAP_GROWSDOWN), top = at + PAGE_SIZE;

	EXPECT(user_store(top - 64 * PAGE_SIZE, 3) && user_load(top - 64 * PAGE_SIZE) == 3);
	EXPECT(user_store(top - mm->stack_limit, 4));
	EXPECT(!user_store(top - mm->stack_limit - 8, 4));
	EXPECT(mm->nr_areas == 1);
	user_mm_end(mm);
}

SELFTEST(faults, leaves_may_be_forgotten)
{
	struct mm *mm = user_mm_begin();
	uint64_t at = user_map(mm, 256, RW, MAP_PRIVATE);

	for (unsigned i = 0; i < 256; i++)
		EXPECT(user_store(at + i * PAGE_SIZE, i * 3));
	spin_lock(&mm->pt_lock);
	EXPECT(pt_unmap(&mm->pt, VADDR(at), 256 * PAGE_SIZE) == 0);
	spin_unlock(&mm->pt_lock);
	for (unsigned i = 0; i < 256; i++)
		EXPECT(user_load(at + i * PAGE_SIZE) == i * 3);
	user_mm_end(mm);
}

SELFTEST(faults, a_moved_area_keeps_its_contents)
{
	struct mm *mm = user_mm_begin();
	uint64_t at = user_map(mm, 8, RW, MAP_PRIVATE);
	int64_t to;

	for (unsigned i = 0; i < 8; i++)
		EXPECT(user_store(at + i * PAGE_SIZE, i + 100));
	user_map(mm, 1, PROT_NONE, MAP_PRIVATE | MAP_NORESERVE); /* below; the area above is full */
	to = mm_remap(mm, at, 8 * PAGE_SIZE, 64 * PAGE_SIZE, MREMAP_MAYMOVE, 0);
	REQUIRE(to > 0);
	for (unsigned i = 0; i < 8; i++)
		EXPECT(user_load((uint64_t)to + i * PAGE_SIZE) == i + 100);
	EXPECT(user_load((uint64_t)to + 8 * PAGE_SIZE) == 0);
	EXPECT((uint64_t)to == at || user_load(at) == 0xbad);
	user_mm_end(mm);
}

/* A file in the object's terms: its pages say their index; three and a half of them. */
#define FILE_SIZE (3 * PAGE_SIZE + PAGE_SIZE / 2)

static int fill(struct vm_object *object, struct page *page)
{
	uint64_t *words = page_to_ptr(page);

	(void)object;
	for (unsigned i = 0; i < PAGE_SIZE / 8; i++)
		words[i] = page->index * PAGE_SIZE + i * 8 < FILE_SIZE ? page->index + 1 : 0;
	return page->index == 2 ? -EIO : 0;
}

static uint64_t size(const struct vm_object *object)
{
	(void)object;
	return FILE_SIZE;
}

static const struct object_ops ops = {fill, size};

SELFTEST(faults, file_pages_come_from_the_page_cache)
{
	struct inode inode = {.object = object_create(&ops, &inode), .refs = 1};
	struct file file = {.refs = 2, .inode = &inode, .flags = 2 /* O_RDWR */};
	struct map_request req = {
		.len = 8 * PAGE_SIZE, .prot = RW, .flags = MAP_PRIVATE, .file = &file};
	struct mm *mm = user_mm_begin();
	int64_t private, shared;
	uint64_t p, s;

	REQUIRE(inode.object && mm);
	private = mm_map(mm, &req);
	req.flags = MAP_SHARED;
	shared = mm_map(mm, &req);
	REQUIRE(private > 0 && shared > 0);
	p = (uint64_t) private;
	s = (uint64_t)shared;
	EXPECT(user_load(p) == 1 && user_load(p + PAGE_SIZE) == 2);
	EXPECT(user_store(s, 77) && user_load(p) == 77);
	EXPECT(user_store(p, 88) && user_load(s) == 77 && user_load(p) == 88);
	EXPECT(user_load(s + 2 * PAGE_SIZE) == 0xbad);
	EXPECT(faults_with(mm, s + 2 * PAGE_SIZE, 0, SIGBUS, BUS_ADRERR));
	EXPECT(user_load(s + 3 * PAGE_SIZE) == 4 && user_load(s + 4 * PAGE_SIZE - 8) == 0);
	EXPECT(faults_with(mm, s + 4 * PAGE_SIZE, 0, SIGBUS, BUS_ADRERR));
	user_mm_end(mm);
	EXPECT(file.refs == 2);
	object_release(inode.object);
}

/* ---- all cores, one address space ---- */

#define SHARED_PAGES 512u

static struct mm *shared_mm;
static uint64_t shared_at;

/* Each core adds one to its own word of each page; all fault on the same pages at once. */
static void touch_all(unsigned core)
{
	user_mm_use(shared_mm);
	for (unsigned i = 0; i < SHARED_PAGES; i++) {
		uint64_t word = shared_at + i * PAGE_SIZE + core * 8;

		EXPECT(user_load(word) == 0);
		EXPECT(user_store(word, i + core + 1));
	}
	user_mm_use(NULL);
}

SELFTEST(faults, all_cores_fault_on_the_same_pages)
{
	int64_t anon = vm_gauges[NR_ANON];

	shared_mm = user_mm_begin();
	REQUIRE(shared_mm);
	shared_at = user_map(shared_mm, SHARED_PAGES, RW, MAP_PRIVATE);
	EXPECT(on_every_core(touch_all));
	for (unsigned i = 0; i < SHARED_PAGES; i++)
		for (unsigned core = 0; core < nr_cpus; core++)
			EXPECT(user_load(shared_at + i * PAGE_SIZE + core * 8) == i + core + 1);
	EXPECT(vm_gauges[NR_ANON] == anon + SHARED_PAGES);
	user_mm_end(shared_mm);
	EXPECT(vm_gauges[NR_ANON] == anon);
}

static bool unmapping;

/* Core 0 maps, forgets and unmaps what the others touch all the while. */
static void touch_while_it_changes(unsigned core)
{
	user_mm_use(shared_mm);
	if (core == 0) {
		for (unsigned i = 0; i < 200; i++) {
			EXPECT(mm_advise(shared_mm, shared_at, 32 * PAGE_SIZE, MADV_DONTNEED) == 0);
			EXPECT(mm_protect(shared_mm, shared_at + 8 * PAGE_SIZE, 8 * PAGE_SIZE,
					  i & 1 ? PROT_READ : RW) == 0);
		}
		__atomic_store_n(&unmapping, false, __ATOMIC_RELEASE);
	}
	for (unsigned i = 0; __atomic_load_n(&unmapping, __ATOMIC_ACQUIRE); i++) {
		uint64_t word = shared_at + i % 32 * PAGE_SIZE + core * 8;
		uint64_t value = user_load(word);

		EXPECT(value == 0 || value == core);
		user_store(word, core);
		cond_resched();
	}
	user_mm_use(NULL);
}

SELFTEST(faults, faults_race_with_changes)
{
	shared_mm = user_mm_begin();
	REQUIRE(shared_mm);
	shared_at = user_map(shared_mm, 32, RW, MAP_PRIVATE);
	unmapping = true;
	EXPECT(on_every_core(touch_while_it_changes));
	user_mm_end(shared_mm);
}
