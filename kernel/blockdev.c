// SPDX-License-Identifier: BSD-2-Clause
/*
 * Block devices as files, /dev/NAME: any offset and length, with no cache between (what is read was
 * on the device, what write() took is on its way there). Whole blocks move between the device and
 * the caller's own pages; what does not lie so, through a bounce buffer.
 */
#include <linux/fcntl.h>
#include <twofold/block.h>
#include <twofold/errno.h>
#include <twofold/fs.h>
#include <twofold/page.h>
#include <twofold/partition.h>
#include <twofold/task.h>

#include <linux/fs.h> /* last: it takes the name NR_FILE for a macro */

#define BOUNCE_ORDER 3
#define BOUNCE_SIZE (PAGE_SIZE << BOUNCE_ORDER)
#define DIRECT_PAGES BIO_MAX_SEGS /* that are pinned at once: one request, wherever they lie */

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

/* Bytes moved, or the error if there were none. */
static ssize_t result(size_t done, ssize_t err)
{
	return done ? (ssize_t)done : err;
}

/* ---- the caller's own pages ---- */

/* Memory of the caller for whole blocks: up to `len` bytes, from `offset` of the first page on. */
struct direct {
	struct page *pages[DIRECT_PAGES];
	unsigned nr;
	size_t offset, len;
};

/* The piece at *pos, if it can go direct: the device's blocks are the unit of all that it does. */
static bool pin_piece(const struct block_device *dev, enum bio_op op, const struct iobuf *io,
		      uint64_t pos, struct direct *d)
{
	d->offset = io->base % PAGE_SIZE;
	d->len = MIN(MIN(io->left, size_of(dev) - pos), DIRECT_PAGES * PAGE_SIZE - d->offset);
	d->len = ALIGN_DOWN(d->len, dev->block_size);
	if (io->kernel || !d->len || (io->base | pos) & (dev->block_size - 1))
		return false;
	d->nr = mm_pin_pages(current->mm, io->base - d->offset,
			     (unsigned)DIV_ROUND_UP(d->offset + d->len, PAGE_SIZE), op == BIO_READ,
			     d->pages);
	if (d->nr)
		d->len = MIN(d->len, d->nr * PAGE_SIZE - d->offset);
	return d->nr;
}

/* As many of the bytes from `done` on as one request takes; returns how many. */
static size_t fill_bio(struct bio *bio, const struct direct *d, size_t done)
{
	size_t start = done;

	bio->nr_segs = 0;
	while (done < d->len) {
		size_t at = d->offset + done, offset = at % PAGE_SIZE;
		uint32_t len = (uint32_t)MIN(PAGE_SIZE - offset, d->len - done);

		if (!bio_add(bio, pa_add(page_to_pa(d->pages[at / PAGE_SIZE]), offset), len))
			break;
		done += len;
	}
	return done - start;
}

/* One piece: bytes moved, or an error; 0: it cannot go this way. */
static ssize_t move_direct(struct block_device *dev, enum bio_op op, struct iobuf *io, uint64_t pos)
{
	struct bio bio;
	struct direct d;
	size_t done = 0, n;
	int err = 0;

	if (!pin_piece(dev, op, io, pos, &d))
		return 0;
	while (done < d.len && !err) {
		bio.op = op;
		bio.dev = dev;
		bio.sector = (pos + done) / SECTOR_SIZE;
		n = fill_bio(&bio, &d, done);
		err = block_do(&bio);
		done += err ? 0 : n;
	}
	mm_unpin_pages(current->mm, d.pages, d.nr);
	io->base += done;
	io->left -= done;
	return result(done, err);
}

/* ---- through a buffer ---- */

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

/* One piece: bytes given, or an error. */
static ssize_t read_piece(struct block_device *dev, struct iobuf *io, struct piece s, char *bounce)
{
	int err = block_rw(dev, BIO_READ, s.start / SECTOR_SIZE, bounce, s.whole);

	return err ? err : iobuf_put(io, bounce + s.skip, s.len);
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

/* One piece; the buffer is made when it is first needed. */
static ssize_t move_bounced(struct block_device *dev, enum bio_op op, struct iobuf *io,
			    uint64_t pos, struct page **bounce)
{
	struct piece s = piece_at(dev, pos, io->left);

	if (!*bounce)
		*bounce = alloc_pages(GFP_KERNEL, BOUNCE_ORDER);
	if (!*bounce)
		return -ENOMEM;
	return op == BIO_READ ? read_piece(dev, io, s, page_to_ptr(*bounce))
			      : write_piece(dev, io, s, page_to_ptr(*bounce));
}

/* ---- the file ---- */

static ssize_t move(struct block_device *dev, enum bio_op op, struct iobuf *io, uint64_t *pos)
{
	struct page *bounce = NULL;
	size_t done = 0;
	ssize_t n = 0;

	while (io->left && *pos < size_of(dev)) {
		n = move_direct(dev, op, io, *pos);
		if (!n)
			n = move_bounced(dev, op, io, *pos, &bounce);
		if (n <= 0)
			break;
		done += (size_t)n;
		*pos += (uint64_t)n;
	}
	if (bounce)
		free_pages(bounce, BOUNCE_ORDER);
	return result(done, n);
}

static ssize_t read_device(struct file *file, struct iobuf *io, uint64_t *pos)
{
	return move(device_of(file), BIO_READ, io, pos);
}

static ssize_t write_device(struct file *file, struct iobuf *io, uint64_t *pos)
{
	struct block_device *dev = device_of(file);

	if (file->flags & O_APPEND)
		*pos = size_of(dev);
	if (io->left && *pos >= size_of(dev))
		return -ENOSPC;
	return move(dev, BIO_WRITE, io, pos);
}

static int open_device(struct inode *inode, struct file *file)
{
	(void)inode;
	if (device_of(file)->read_only && (file->flags & O_ACCMODE) != O_RDONLY)
		return -EROFS;
	return 0;
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
