// SPDX-License-Identifier: BSD-2-Clause
/* See vm_model.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arch/uaccess.h>
#include <linux/fcntl.h>
#include <twofold/errno.h>
#include <twofold/fs.h>
#include <twofold/log.h>
#include <twofold/slab.h>
#include <twofold/swap.h>

#include "shim.h"
#include "tlb_model.h"
#include "vm_model.h"

bool cpu_sets_dirty, model_swap_broken;
void (*model_while_writing)(void);

/* ---- the CPU ---- */

static void expect_no_complaint(void)
{
	const char *complaint = tlb_complaint();

	if (complaint)
		panic("TLB model: %s", complaint);
}

/* The byte behind addr if the access would not fault. */
static uint8_t *translate(struct mm *mm, uint64_t addr, bool write)
{
	struct pt_leaf leaf;

	if (pt_query(&mm->pt, VADDR(addr), &leaf) != PTE_LEAF || !(leaf.prot & PT_USER) ||
	    !(leaf.prot & PT_YOUNG))
		return NULL;
	if (write && !(leaf.prot & PT_WRITE))
		return NULL;
	if (write && !(leaf.prot & PT_DIRTY)) {
		if (!cpu_sets_dirty)
			return NULL;
		pt_protect(&mm->pt, VADDR(addr & PAGE_MASK), PAGE_SIZE, 0, PT_DIRTY);
	}
	CHECK(!write || pa_to_pfn(leaf.pa) != page_to_pfn(zero_page));
	return pa_to_ptr(leaf.pa);
}

static int cpu_access(struct mm *mm, uint64_t addr, unsigned access, uint8_t **byte,
		      struct fault_signal *sig)
{
	for (unsigned tries = 0; tries < 8; tries++) {
		struct pt_leaf leaf;
		bool young_only;
		int err;

		*byte = translate(mm, addr, access & FAULT_WRITE);
		if (*byte)
			return 0;
		young_only = pt_query(&mm->pt, VADDR(addr), &leaf) == PTE_LEAF &&
			     !(leaf.prot & PT_YOUNG);
		err = mm_fault(mm, addr, access | (young_only ? FAULT_ACCESS_FLAG : 0), sig);
		tlb_check();
		expect_no_complaint();
		CHECK(!this_cpu()->nr_locks && !mm->lock.count);
		if (err)
			return err;
	}
	panic("%#llx faults for ever", (unsigned long long)addr);
}

int cpu_read(struct mm *mm, uint64_t addr, uint8_t *value, struct fault_signal *sig)
{
	uint8_t *byte;
	int err = cpu_access(mm, addr, 0, &byte, sig);

	if (!err)
		*value = *byte;
	return err;
}

int cpu_write(struct mm *mm, uint64_t addr, uint8_t value, struct fault_signal *sig)
{
	uint8_t *byte;
	int err = cpu_access(mm, addr, FAULT_WRITE, &byte, sig);

	if (!err)
		*byte = value;
	return err;
}

static struct mm *watched(struct mm *mm)
{
	if (mm)
		tlb_watch(&mm->pt, &tlb_arm64);
	return mm;
}

struct mm *model_mm(void)
{
	return watched(mm_create());
}

struct mm *model_fork(struct mm *mm)
{
	struct mm *child = watched(mm_fork(mm));

	tlb_check();
	expect_no_complaint();
	return child;
}

/* Kernel copies to users in these tests go to the test's own memory. */
int copy_to_user(uptr_t to, const void *from, size_t n)
{
	memcpy((void *)(uintptr_t)to.ua, from, n);
	return 0;
}

/* ---- files ---- */

static struct inode inodes[NR_MODEL_FILES];
static struct file files[NR_MODEL_FILES];

uint8_t model_file_byte(uint64_t pos)
{
	return (uint8_t)(pos * 7 + (pos >> PAGE_SHIFT));
}

static int fill(struct vm_object *object, struct page *page)
{
	uint8_t *p = page_to_ptr(page);
	const struct inode *inode = object->owner;

	for (uint64_t i = 0, pos = (uint64_t)page->index << PAGE_SHIFT; i < PAGE_SIZE; i++, pos++)
		p[i] = pos < inode->size ? model_file_byte(pos) : 0;
	return 0;
}

static uint64_t file_size(const struct vm_object *object)
{
	return ((const struct inode *)object->owner)->size;
}

static const struct object_ops file_ops = {fill, file_size}, tmpfs_ops = {NULL, file_size};

struct file *model_file(enum model_file which)
{
	return &files[which];
}

struct vm_object *model_object(enum model_file which)
{
	return inodes[which].object;
}

void model_set_size(enum model_file which, uint64_t bytes)
{
	inodes[which].size = bytes;
	object_truncate(inodes[which].object, DIV_ROUND_UP(bytes, PAGE_SIZE), UINT64_MAX);
	tlb_check();
	expect_no_complaint();
}

void model_drop_files(void)
{
	for (unsigned i = 0; i < NR_MODEL_FILES; i++)
		object_truncate(inodes[i].object, 0, UINT64_MAX);
}

long model_file_refs(void)
{
	return files[FILE_FILLED].refs + files[FILE_TMPFS].refs;
}

void file_get(struct file *file)
{
	file->refs++;
}

void file_put(struct file *file)
{
	CHECK(file->refs-- > 0);
}

const char *file_path(const struct file *file, char *buf, size_t size)
{
	snprintf(buf, size, "/file%u", (unsigned)(file - files));
	return buf;
}

/* ---- swap ---- */

#define SLOTS 4096

static struct {
	uint8_t data[PAGE_SIZE];
	unsigned count;
	struct page *page;
} slots[SLOTS];

static void slot_put(slot_t slot)
{
	CHECK(slots[slot].count);
	slots[slot].count--;
}

long model_slots_used(void)
{
	long n = 0;

	for (unsigned i = 1; i < SLOTS; i++)
		n += slots[i].count != 0;
	return n;
}

uint64_t swap_total_pages(void)
{
	return SLOTS - 1;
}

void swap_dup(slot_t slot)
{
	CHECK(slots[slot].count);
	slots[slot].count++;
}

void swap_cache_drop(struct page *page)
{
	slot_t slot = page->slot;

	if (!page_flag(page, PG_SWAPCACHE))
		return;
	CHECK(slots[slot].page == page);
	slots[slot].page = NULL;
	page_clear_flag(page, PG_SWAPCACHE);
	page->slot = SLOT_NONE;
	slot_put(slot);
	put_page(page);
}

void swap_free(slot_t slot)
{
	slot_put(slot);
	if (slots[slot].count == 1 && slots[slot].page && !slots[slot].page->rmap)
		swap_cache_drop(slots[slot].page);
}

void swap_page_dirtied(struct page *page)
{
	swap_cache_drop(page);
}

static void cache(slot_t slot, struct page *page)
{
	slots[slot].page = page;
	slots[slot].count++;
	page->slot = slot;
	page_set_flag(page, PG_SWAPCACHE);
	get_page(page);
}

struct page *swap_cache_find(slot_t slot)
{
	if (slots[slot].page)
		get_page(slots[slot].page);
	return slots[slot].page;
}

struct page *swap_in(slot_t slot, bool *read)
{
	struct page *page = slots[slot].page;

	CHECK(slots[slot].count && !this_cpu()->nr_locks);
	if (model_swap_broken)
		return ERR_PTR(-EIO);
	if (page) {
		get_page(page);
		return page;
	}
	page = alloc_page(GFP_USER);
	if (!page)
		return ERR_PTR(-ENOMEM);
	*read = true;
	memcpy(page_to_ptr(page), slots[slot].data, PAGE_SIZE);
	page_set_flag(page, PG_UPTODATE);
	page_set_flag(page, PG_SWAPBACKED);
	cache(slot, page);
	lru_add(page);
	return page;
}

/* Whoever was read in may be mapped with its neighbours. */
bool swap_streams(void)
{
	return true;
}

struct page *swap_read_ahead(slot_t slot)
{
	return shim_random(2) ? swap_cache_find(slot) : NULL;
}

void lru_add(struct page *page)
{
	CHECK(!page_set_flag(page, PG_LRU));
}

void lru_add_fresh(struct page *page, uint32_t flags)
{
	page->flags |= flags;
	lru_add(page);
}

void swap_cache_hand_over(struct page *page, unsigned n)
{
	slots[page->slot].count += n; /* before the cache lets go of it */
	swap_cache_drop(page);
}

/* Out of all tables; false where somebody may be at it. */
static bool unmap(struct page *page, struct page_use *use, uint32_t token)
{
	struct rmap_batch tables = {NULL};

	rmap_look(&tables, page, use);
	if (!use->locked)
		rmap_unmap(&tables, page, token);
	rmap_flush(&tables);
	return !use->locked && !rmap_has_visitors(page, use->holders);
}

static bool release(struct page *page, const struct page_use *use)
{
	struct rmap_batch tables = {NULL};

	rmap_release(&tables, page, use->holders);
	rmap_flush(&tables);
	return true;
}

/* What the slot holds when the page goes is what the page holds. */
static bool swap_out(struct page *page)
{
	struct page_use use;

	if (!page_flag(page, PG_SWAPCACHE)) {
		slot_t slot = 1;

		while (slot < SLOTS && slots[slot].count)
			slot++;
		CHECK(slot < SLOTS);
		cache(slot, page);
		page_set_flag(page, PG_DIRTY);
	}
	if (!unmap(page, &use, page->slot))
		return false;
	if (page_clear_flag(page, PG_DIRTY))
		memcpy(slots[page->slot].data, page_to_ptr(page), PAGE_SIZE);
	else
		CHECK(!memcmp(slots[page->slot].data, page_to_ptr(page), PAGE_SIZE));
	if (model_while_writing) {
		struct rmap *family = page->rmap;

		spin_unlock(&family->lock);
		model_while_writing();
		spin_lock(&family->lock);
	}
	return unmap(page, &use, page->slot) && !page_flag(page, PG_DIRTY) && release(page, &use);
}

static bool evict(struct page *page)
{
	struct rmap_batch tables = {NULL};
	struct page_use use;

	rmap_look(&tables, page, &use);
	rmap_flush(&tables);
	if (!use.mapped && shim_random(2))
		return false;
	if (page_flag(page, PG_SWAPBACKED))
		return swap_out(page);
	return unmap(page, &use, 0) && !page_flag(page, PG_DIRTY) && release(page, &use);
}

bool model_evict(struct mm *mm, uint64_t addr)
{
	struct pt_leaf leaf;
	struct rmap *family;
	struct page *page;
	bool ok = false;

	if (pt_query(&mm->pt, VADDR(addr), &leaf) != PTE_LEAF)
		return false;
	page = pfn_to_page(pa_to_pfn(leaf.pa));
	if (page == zero_page || page_flag(page, PG_RESERVED))
		return false;
	get_page(page);
	family = page_lock_rmap(page, false);
	if (family) {
		ok = evict(page);
		spin_unlock(&family->lock);
	}
	put_page(page);
	tlb_check();
	expect_no_complaint();
	return ok;
}

void reclaim_pages(struct page *const pages[], unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct rmap *family = page_lock_rmap(pages[i], false);

		if (family) {
			evict(pages[i]);
			spin_unlock(&family->lock);
		}
		put_page(pages[i]);
	}
}

void lru_deactivate(struct page *page)
{
	put_page(page);
}

/* ---- the rest ---- */

uint64_t model_objects(const char *const names[], unsigned n)
{
	struct slab_row row;
	uint64_t sum = 0;

	for (unsigned i = 0; slab_row(i, &row); i++)
		for (unsigned k = 0; k < n; k++)
			sum += !strcmp(row.name, names[k]) ? row.active : 0;
	return sum;
}

void model_boot(uint64_t ram)
{
	shim_boot(ram);
	vm_init();
	for (unsigned i = 0; i < NR_MODEL_FILES; i++) {
		inodes[i].object =
			object_create(i == FILE_FILLED ? &file_ops : &tmpfs_ops, &inodes[i]);
		inodes[i].ino = 100 + i;
		files[i].inode = &inodes[i];
		files[i].flags = O_RDWR;
	}
}
