// SPDX-License-Identifier: BSD-2-Clause
/*
 * Block devices as files, /dev/NAME: any offset and length, through a bounce buffer, with no cache
 * between (what is read was on the device, what write() took is on its way there).
 */
#include <linux/fcntl.h>
#include <twofold/block.h>
#include <twofold/errno.h>
#include <twofold/fs.h>
#include <twofold/page.h>
#include <twofold/partition.h>

#include <linux/fs.h> /* last: it takes the name NR_FILE for a macro */

#define BOUNCE_ORDER 3
#define BOUNCE_SIZE (PAGE_SIZE << BOUNCE_ORDER)

/* Writers of part of a block read, change and write it: one at a time. */
static struct mutex partial_lock;

/* As dev_register() was given it. */
static struct block_device *device_of(const struct file *file)
{
	return file->data;
}

static uint64_t size_of(const struct block_device *dev)
{
	return dev->sectors * SECTOR_SIZE;
}

/* The blocks around [pos, pos + left), as much as the buffer holds. */
struct piece {
	uint64_t start; /* bytes, a whole block */
	size_t skip;	/* before pos */
	size_t len;	/* of the caller's bytes */
	size_t whole;	/* skip and len, up to a whole block */
};

static struct piece piece_at(const struct block_device *dev, uint64_t pos, size_t left)
{
	struct piece s;

	s.start = ALIGN_DOWN(pos, dev->block_size);
	s.skip = pos - s.start;
	s.len = MIN(left, BOUNCE_SIZE - s.skip);
	s.len = MIN(s.len, size_of(dev) - pos);
	s.whole = ALIGN_UP(s.skip + s.len, dev->block_size);
	return s;
}

static int open_device(struct inode *inode, struct file *file)
{
	(void)inode;
	if (device_of(file)->read_only && (file->flags & O_ACCMODE) != O_RDONLY)
		return -EROFS;
	return 0;
}

/* Bytes moved, or the error if there were none. */
static ssize_t result(size_t done, ssize_t err)
{
	return done ? (ssize_t)done : err;
}

static ssize_t read_device(struct file *file, struct iobuf *io, uint64_t *pos)
{
	struct block_device *dev = device_of(file);
	struct page *page = alloc_pages(GFP_KERNEL, BOUNCE_ORDER);
	size_t done = 0;
	ssize_t err = 0;

	if (!page)
		return -ENOMEM;
	while (io->left && *pos < size_of(dev)) {
		struct piece s = piece_at(dev, *pos, io->left);

		err = block_rw(dev, BIO_READ, s.start / SECTOR_SIZE, page_to_ptr(page), s.whole);
		if (!err)
			err = iobuf_put(io, page_to_ptr(page) + s.skip, s.len);
		if (err <= 0)
			break;
		done += (size_t)err;
		*pos += (uint64_t)err;
	}
	free_pages(page, BOUNCE_ORDER);
	return result(done, err);
}

/* One piece: bytes taken, or an error. */
static ssize_t write_piece(struct block_device *dev, struct iobuf *io, struct piece s, char *bounce)
{
	bool partial = s.skip || s.whole != s.len;
	ssize_t n = 0, err = 0;

	if (partial) {
		mutex_lock(&partial_lock);
		err = block_rw(dev, BIO_READ, s.start / SECTOR_SIZE, bounce, s.whole);
	}
	if (!err)
		n = iobuf_get(io, bounce + s.skip, s.len);
	if (!err && n > 0 && (partial || (size_t)n == s.len))
		err = block_rw(dev, BIO_WRITE, s.start / SECTOR_SIZE, bounce, s.whole);
	else if (!err && n >= 0)
		err = -EFAULT; /* whole blocks, of which some bytes could not be had */
	if (partial)
		mutex_unlock(&partial_lock);
	return err ? err : n;
}

static ssize_t write_device(struct file *file, struct iobuf *io, uint64_t *pos)
{
	struct block_device *dev = device_of(file);
	struct page *page;
	size_t done = 0;
	ssize_t err = 0;

	if (file->flags & O_APPEND)
		*pos = size_of(dev);
	if (io->left && *pos >= size_of(dev))
		return -ENOSPC;
	page = alloc_pages(GFP_KERNEL, BOUNCE_ORDER);
	if (!page)
		return -ENOMEM;
	while (io->left && *pos < size_of(dev)) {
		struct piece s = piece_at(dev, *pos, io->left);

		err = write_piece(dev, io, s, page_to_ptr(page));
		if (err <= 0)
			break;
		done += (size_t)err;
		*pos += (uint64_t)err;
	}
	free_pages(page, BOUNCE_ORDER);
	return result(done, err);
}

static int64_t seek_device(struct file *file, int64_t offset, int whence)
{
	int64_t size = (int64_t)size_of(device_of(file)), base = 0;

	if (whence == SEEK_CUR)
		base = (int64_t)file->pos;
	else if (whence == SEEK_END)
		base = size;
	else if (whence != SEEK_SET)
		return -EINVAL;
	if (__builtin_add_overflow(base, offset, &offset) || offset < 0 || offset > size)
		return -EINVAL;
	file->pos = (uint64_t)offset;
	return offset;
}

static int64_t ioctl_device(struct file *file, unsigned cmd, uint64_t arg)
{
	struct block_device *dev = device_of(file);

	switch (cmd) {
	case BLKGETSIZE64:
		return put_user_u64(UPTR(arg), size_of(dev));
	case BLKGETSIZE:
		return put_user_u64(UPTR(arg), dev->sectors);
	case BLKSSZGET:
	case BLKPBSZGET:
		return put_user_u32(UPTR(arg), dev->block_size);
	case BLKROGET:
		return put_user_u32(UPTR(arg), dev->read_only);
	case BLKFLSBUF:
		return block_flush(dev);
	default:
		return -ENOTTY;
	}
}

static const struct file_ops blockdev_fops = {
	.open = open_device,
	.read = read_device,
	.write = write_device,
	.seek = seek_device,
	.ioctl = ioctl_device,
};

void blockdev_register(struct block_device *dev)
{
	static bool ready;

	if (!ready)
		mutex_init(&partial_lock);
	ready = true;
	dev_register(dev->name, S_IFBLK | 0660, dev->rdev, &blockdev_fops, dev);
	if (!dev->whole)
		partitions_find(dev);
}
