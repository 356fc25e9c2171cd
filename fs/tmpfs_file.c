// SPDX-License-Identifier: BSD-2-Clause
/*
 * Regular files of tmpfs: their contents are the pages of an object, swapped out like any anonymous
 * memory. read and write copy between the program and the page itself. The page may be evicted
 * while a copy sleeps in a fault; a write then went to a frame that nobody looks at any more and is
 * done again.
 */
#include "internal.h"
#include <twofold/swap.h>

#define MAX_FILE_SIZE (BIT(32) << PAGE_SHIFT) /* an object's index has 32 bits */
#define BLOCKS_PER_PAGE (PAGE_SIZE / 512)

static uint64_t file_size(const struct vm_object *object)
{
	return READ_ONCE(((const struct inode *)object->owner)->size);
}

static const struct object_ops object_ops = {.size = file_size};

/*
 * Brings what the file is charged for up to date with what it has, mapped pages included. Any
 * number may do so at once: each charges for the difference that it made.
 */
static void account(struct inode *inode)
{
	uint64_t pages = (uint64_t)inode->object->nr_pages + inode->object->nr_slots;
	uint64_t blocks = pages * BLOCKS_PER_PAGE, before;

	if (blocks == READ_ONCE(inode->blocks))
		return;
	before = __atomic_exchange_n(&inode->blocks, blocks, __ATOMIC_RELAXED);
	__atomic_fetch_add(&inode->sb->used_bytes, (blocks - before) * 512, __ATOMIC_RELAXED);
}

static entry_t entry_at(struct vm_object *object, uint64_t index)
{
	entry_t entry;

	spin_lock(&object->rmap->lock);
	entry = pagemap_get(&object->pages, (uint32_t)index);
	spin_unlock(&object->rmap->lock);
	return entry;
}

/* Whether the file has as many pages as its size needs: no look-up is needed to know that one is
 * there. */
static bool is_dense(const struct inode *inode)
{
	const struct vm_object *object = inode->object;

	return (uint64_t)object->nr_pages + object->nr_slots >=
	       DIV_ROUND_UP(inode->size, PAGE_SIZE);
}

/* The page to read from, referenced: a hole's is the zero page, and stays a hole. */
static struct page *page_for_read(struct inode *inode, uint64_t index)
{
	if (!is_dense(inode) && entry_at(inode->object, index) == ENTRY_NONE) {
		get_page(zero_page);
		return zero_page;
	}
	return object_get_page(inode->object, index);
}

static ssize_t tmpfs_read(struct file *file, struct iobuf *io, uint64_t *pos)
{
	struct inode *inode = file->inode;
	ssize_t done = 0, n;

	while (io->left) {
		uint64_t size = READ_ONCE(inode->size), offset = *pos % PAGE_SIZE;
		size_t want = MIN(io->left, PAGE_SIZE - offset);
		struct page *page;

		if (*pos >= size)
			break;
		page = page_for_read(inode, *pos >> PAGE_SHIFT);
		if (IS_ERR(page))
			return done ? done : PTR_ERR(page);
		want = MIN(want, size - *pos);
		n = iobuf_put(io, (char *)page_to_ptr(page) + offset, want);
		if (page != zero_page)
			lru_mark_accessed(page);
		put_page(page);
		if (n < 0)
			return done ? done : n;
		*pos += (uint64_t)n;
		done += n;
		if ((size_t)n < want)
			break;
		cond_resched();
	}
	return done;
}

/* The page was written to: dirty, if it still is the object's; false: write again. */
static bool commit(struct vm_object *object, uint64_t index, struct page *page)
{
	bool ours;

	spin_lock(&object->rmap->lock);
	ours = pagemap_get(&object->pages, (uint32_t)index) == page_to_pfn(page);
	if (ours) {
		if (!page_flag(page, PG_DIRTY))
			page_set_flag(page, PG_DIRTY);
		if (page_flag(page, PG_SWAPCACHE))
			swap_page_dirtied(page);
	}
	spin_unlock(&object->rmap->lock);
	return ours;
}

/* Up to the end of one page. */
static ssize_t write_page(struct inode *inode, struct iobuf *io, uint64_t pos, size_t want)
{
	uint64_t index = pos >> PAGE_SHIFT;

	for (;;) {
		struct page *page = object_get_page(inode->object, index);
		struct iobuf before = *io;
		bool ours;
		ssize_t n;

		if (IS_ERR(page))
			return PTR_ERR(page);
		n = iobuf_get(io, (char *)page_to_ptr(page) + pos % PAGE_SIZE, want);
		ours = commit(inode->object, index, page);
		if (ours && !page_flag(page, PG_RESERVED))
			lru_mark_accessed(page);
		put_page(page);
		if (ours)
			return n;
		*io = before;
	}
}

/* Whether one more page may be made at `index`. */
static bool has_room(struct inode *inode, uint64_t index)
{
	const struct superblock *sb = inode->sb;

	return !sb->max_bytes || READ_ONCE(sb->used_bytes) + PAGE_SIZE <= sb->max_bytes ||
	       entry_at(inode->object, index) != ENTRY_NONE;
}

ssize_t tmpfs_write_at(struct inode *inode, struct iobuf *io, uint64_t *pos)
{
	ssize_t done = 0, n = 0;

	while (io->left) {
		size_t want = MIN(io->left, PAGE_SIZE - *pos % PAGE_SIZE);

		if (*pos >= MAX_FILE_SIZE)
			n = -EFBIG;
		else if (!has_room(inode, *pos >> PAGE_SHIFT))
			n = -ENOSPC;
		else
			n = write_page(inode, io, *pos, want);
		if (n < 0)
			break;
		account(inode);
		*pos += (uint64_t)n;
		done += n;
		if (*pos > inode->size)
			WRITE_ONCE(inode->size, *pos);
		if ((size_t)n < want)
			break;
		cond_resched();
	}
	if (!done)
		return n;
	inode_touch(inode);
	return done;
}

static ssize_t tmpfs_write(struct file *file, struct iobuf *io, uint64_t *pos)
{
	struct inode *inode = file->inode;
	ssize_t n;

	mutex_lock(&inode->lock);
	if (file->flags & O_APPEND)
		*pos = inode->size;
	n = tmpfs_write_at(inode, io, pos);
	mutex_unlock(&inode->lock);
	return n;
}

/* What lies after the new end in its page reads as zeros should the file grow again. */
static int zero_tail(struct inode *inode, uint64_t size)
{
	uint64_t index = size >> PAGE_SHIFT, offset = size % PAGE_SIZE;
	bool ours;

	if (!offset || entry_at(inode->object, index) == ENTRY_NONE)
		return 0;
	do {
		struct page *page = object_get_page(inode->object, index);

		if (IS_ERR(page))
			return PTR_ERR(page);
		memset((char *)page_to_ptr(page) + offset, 0, PAGE_SIZE - offset);
		ours = commit(inode->object, index, page);
		put_page(page);
	} while (!ours);
	return 0;
}

static int tmpfs_truncate(struct inode *inode, uint64_t size)
{
	uint64_t old = inode->size;
	int err;

	if (size > MAX_FILE_SIZE)
		return -EFBIG;
	if (size < old) {
		err = zero_tail(inode, size);
		if (err)
			return err;
	}
	WRITE_ONCE(inode->size, size);
	if (size < old)
		object_truncate(inode->object, DIV_ROUND_UP(size, PAGE_SIZE), UINT32_MAX);
	account(inode);
	inode_touch(inode);
	return 0;
}

static void free_file(struct inode *inode)
{
	__atomic_fetch_sub(&inode->sb->used_bytes, inode->blocks * 512, __ATOMIC_RELAXED);
}

static const struct inode_ops file_inode_ops = {
	.truncate = tmpfs_truncate,
	.refresh = account,
	.destroy = free_file,
};

static const struct file_ops file_ops = {
	.read = tmpfs_read,
	.write = tmpfs_write,
};

int tmpfs_file_init(struct inode *inode)
{
	inode->ops = &file_inode_ops;
	inode->fops = &file_ops;
	inode->object = object_create(&object_ops, inode);
	return inode->object ? 0 : -ENOMEM;
}
