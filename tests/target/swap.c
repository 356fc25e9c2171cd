// SPDX-License-Identifier: BSD-2-Clause
/*
 * Swap, on the first disk that carries a swap header: what goes out comes back byte for byte, to
 * each of those who shared it; clean pages are written once; what the disk changed is noticed.
 */
#include <linux/mman.h>
#include <linux/signal.h>
#include <twofold/errno.h>
#include <twofold/selftest.h>
#include <twofold/swap_area.h>
#include <twofold/task.h>
#include <twofold/vm.h>

#define PAGES 512u

/* An address space with one anonymous area of PAGES pages, on a disk of swap. */
struct fixture {
	struct block_device *disk;
	struct mm *mm;
	uint64_t addr;
	uint64_t others; /* slots that are not of this address space: files of tmpfs are in them */
};

static uint64_t slots_used(void)
{
	return swap_total_pages() - swap_free_pages();
}

/* Reclaims until nothing that goes to swap is in memory. */
static void push_all_out(void)
{
	uint64_t active, inactive, file;

	for (unsigned tries = 0; tries < 100; tries++) {
		reclaim_direct(GFP_KERNEL, 0);
		lru_counts(&active, &inactive, &file, &file);
		if (!active && !inactive)
			return;
	}
}

static struct block_device *start_swap(void)
{
	for (struct block_device *d = block_next(NULL); d; d = block_next(d))
		if (swap_on(d, d->name, -1) == 0)
			return d;
	return NULL;
}

static bool setup(struct fixture *f)
{
	struct map_request req = {.len = PAGES * PAGE_SIZE,
				  .prot = PROT_READ | PROT_WRITE,
				  .flags = MAP_PRIVATE | MAP_ANONYMOUS};

	f->disk = start_swap();
	if (!f->disk) {
		selftest_skip("no disk with a swap header");
		return false;
	}
	push_all_out();
	f->others = slots_used();
	f->mm = mm_create();
	EXPECT(f->mm);
	if (!f->mm)
		return false;
	f->addr = (uint64_t)mm_map(f->mm, &req);
	return true;
}

/* The address space's slots go with it. */
static void teardown(struct fixture *f)
{
	mm_put(f->mm);
	EXPECT(slots_used() <= f->others);
	EXPECT(swap_off(f->disk) == 0);
}

static uint64_t pattern(unsigned page, unsigned salt)
{
	return (page + 1) * 0x9e3779b97f4a7c15ull + salt;
}

static bool write_page(struct mm *mm, uint64_t addr, unsigned i, unsigned salt)
{
	struct page *page = mm_get_page(mm, addr + i * PAGE_SIZE, true);
	uint64_t *words = page ? page_to_ptr(page) : NULL;

	if (!page)
		return false;
	for (unsigned w = 0; w < PAGE_SIZE / 8; w++)
		words[w] = pattern(i, salt) + w;
	page_set_flag(page, PG_DIRTY); /* reclaim may have cleaned it while we wrote */
	put_page(page);
	return true;
}

static bool page_holds(struct mm *mm, uint64_t addr, unsigned i, unsigned salt)
{
	struct page *page = mm_get_page(mm, addr + i * PAGE_SIZE, false);
	const uint64_t *words = page ? page_to_ptr(page) : NULL;
	bool same = page != NULL;

	for (unsigned w = 0; same && w < PAGE_SIZE / 8; w++)
		same = words[w] == pattern(i, salt) + w;
	if (page)
		put_page(page);
	return same;
}

static bool fill(const struct fixture *f, struct mm *mm, unsigned salt)
{
	bool ok = true;

	for (unsigned i = 0; i < PAGES; i++)
		ok &= write_page(mm, f->addr, i, salt);
	return ok;
}

static bool holds(const struct fixture *f, struct mm *mm, unsigned salt)
{
	bool ok = true;

	for (unsigned i = 0; i < PAGES; i++)
		ok &= page_holds(mm, f->addr, i, salt);
	return ok;
}

/* Reclaims until nothing of the address space is resident. */
static bool push_out(struct mm *mm)
{
	for (unsigned tries = 0; tries < 200 && mm_rss(mm); tries++)
		reclaim_direct(GFP_KERNEL, 0);
	return mm_rss(mm) == 0;
}

SELFTEST(swap, pages_come_back_as_they_went)
{
	struct fixture f;

	if (!setup(&f))
		return;
	EXPECT(fill(&f, f.mm, 1));
	EXPECT(push_out(f.mm));
	EXPECT(slots_used() - f.others >= PAGES);
	EXPECT(holds(&f, f.mm, 1));
	teardown(&f);
}

SELFTEST(swap, a_page_shared_by_fork_comes_back_to_both)
{
	struct mm *child;
	struct fixture f;

	if (!setup(&f))
		return;
	EXPECT(fill(&f, f.mm, 2));
	child = mm_fork(f.mm);
	REQUIRE(child);
	EXPECT(push_out(f.mm));
	EXPECT(holds(&f, child, 2));
	EXPECT(fill(&f, child, 3));
	EXPECT(holds(&f, f.mm, 2));
	EXPECT(push_out(f.mm) && push_out(child));
	EXPECT(holds(&f, child, 3));
	EXPECT(holds(&f, f.mm, 2));
	mm_put(child);
	teardown(&f);
}

SELFTEST(swap, a_clean_page_is_not_written_again)
{
	struct fixture f;
	uint64_t drops;

	if (!setup(&f))
		return;
	EXPECT(fill(&f, f.mm, 4));
	EXPECT(push_out(f.mm));
	EXPECT(holds(&f, f.mm, 4));
	drops = vm_event_sum(SWAP_CLEAN_DROP);
	EXPECT(push_out(f.mm));
	EXPECT(vm_event_sum(SWAP_CLEAN_DROP) - drops >= PAGES);
	teardown(&f);
}

SELFTEST(swap, a_changed_page_is_written_again)
{
	struct fixture f;

	if (!setup(&f))
		return;
	EXPECT(fill(&f, f.mm, 5));
	EXPECT(push_out(f.mm));
	EXPECT(holds(&f, f.mm, 5));
	EXPECT(fill(&f, f.mm, 6));
	EXPECT(push_out(f.mm));
	EXPECT(holds(&f, f.mm, 6));
	teardown(&f);
}

SELFTEST(swap, swapoff_brings_everything_back)
{
	struct fixture f;

	if (!setup(&f))
		return;
	EXPECT(fill(&f, f.mm, 7));
	EXPECT(push_out(f.mm));
	EXPECT(swap_off(f.disk) == 0);
	EXPECT(swap_total_pages() == 0);
	EXPECT(holds(&f, f.mm, 7));
	mm_put(f.mm);
}

/* Changes a word of the page in its slot, behind the kernel's back. */
static bool corrupt_slot(const struct fixture *f, unsigned i)
{
	struct pt_leaf leaf;
	struct page *buffer;
	bool ok;

	if (pt_query(&f->mm->pt, VADDR(f->addr + i * PAGE_SIZE), &leaf) != PTE_SOFT)
		return false;
	buffer = alloc_page(GFP_KERNEL);
	if (!buffer)
		return false;
	ok = block_rw(f->disk, BIO_READ, slot_sector((slot_t)leaf.token), page_to_ptr(buffer),
		      SECTOR_SIZE) == 0;
	*(uint64_t *)page_to_ptr(buffer) ^= 1;
	ok &= block_rw(f->disk, BIO_WRITE, slot_sector((slot_t)leaf.token), page_to_ptr(buffer),
		       SECTOR_SIZE) == 0;
	put_page(buffer);
	return ok;
}

SELFTEST(swap, what_the_disk_changed_is_a_bus_error)
{
	struct fault_signal sig = {0};
	struct fixture f;

	if (!setup(&f))
		return;
	EXPECT(fill(&f, f.mm, 8));
	EXPECT(push_out(f.mm));
	EXPECT(corrupt_slot(&f, 9));
	EXPECT(mm_fault(f.mm, f.addr + 9 * PAGE_SIZE, 0, &sig) == -EFAULT);
	EXPECT(sig.signo == SIGBUS);
	EXPECT(page_holds(f.mm, f.addr, 10, 8));
	teardown(&f);
}

SELFTEST(swap, an_area_is_used_once)
{
	struct fixture f;

	if (!setup(&f))
		return;
	EXPECT(swap_on(f.disk, f.disk->name, -1) == -EBUSY);
	teardown(&f);
	EXPECT(swap_off(f.disk) == -EINVAL);
}
