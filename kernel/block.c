// SPDX-License-Identifier: BSD-2-Clause
/* The block layer: knows the devices, checks and counts requests, waits for them. */
#include <twofold/block.h>
#include <twofold/errno.h>
#include <twofold/log.h>
#include <twofold/page.h>
#include <twofold/string.h>
#include <twofold/wait.h>

#define READS_FIRST 8 /* reads in a row that may pass a write */

/* Devices come during boot, one after the other, and stay. */
static SLIST_HEAD(, block_device) devices = SLIST_HEAD_INITIALIZER(devices);
static struct block_device *last;

void block_register(struct block_device *dev)
{
	CHECK(dev->max_segs && dev->max_segs <= BIO_MAX_SEGS && dev->max_seg_len >= PAGE_SIZE &&
	      dev->block_size && dev->block_size <= PAGE_SIZE);
	if (last)
		SLIST_INSERT_AFTER(last, dev, link);
	else
		SLIST_INSERT_HEAD(&devices, dev, link);
	last = dev;
	blockdev_register(dev);
}

struct block_device *block_next(struct block_device *dev)
{
	return dev ? SLIST_NEXT(dev, link) : SLIST_FIRST(&devices);
}

struct block_device *block_find(const char *name)
{
	struct block_device *dev;

	if (!strncmp(name, "/dev/", 5))
		name += 5;
	SLIST_FOREACH(dev, &devices, link)
		if (!strcmp(dev->name, name))
			return dev;
	return NULL;
}

bool bio_add(struct bio *bio, paddr_t pa, uint32_t len)
{
	const struct block_device *dev = bio->dev;
	struct bio_seg *next = &bio->segs[bio->nr_segs], *last = next - 1;

	if (bio->nr_segs && last->pa.pa + last->len == pa.pa &&
	    len <= dev->max_seg_len - last->len) {
		last->len += len;
		return true;
	}
	if (bio->nr_segs == dev->max_segs)
		return false;
	*next = (struct bio_seg){pa, len};
	bio->nr_segs++;
	return true;
}

/* Its size in sectors, or -EINVAL, -EROFS. */
static int64_t check_bio(const struct bio *bio)
{
	const struct block_device *dev = bio->dev;
	uint32_t odd = dev->block_size - 1;
	uint64_t bytes = 0;

	if (bio->op == BIO_FLUSH)
		return 0;
	if (bio->op == BIO_WRITE && dev->read_only)
		return -EROFS;
	if (!bio->nr_segs || bio->nr_segs > dev->max_segs || bio->sector * SECTOR_SIZE & odd)
		return -EINVAL;
	for (unsigned i = 0; i < bio->nr_segs; i++) {
		uint32_t len = bio->segs[i].len;

		if (!len || len > dev->max_seg_len || len & odd)
			return -EINVAL;
		bytes += len;
	}
	if (bio->sector > dev->sectors || bytes / SECTOR_SIZE > dev->sectors - bio->sector)
		return -EINVAL;
	return (int64_t)(bytes / SECTOR_SIZE);
}

static void add(uint64_t *counter, uint64_t n)
{
	__atomic_fetch_add(counter, n, __ATOMIC_RELAXED);
}

void block_submit(struct bio *bio)
{
	struct block_device *dev = bio->dev;
	int64_t sectors = check_bio(bio);

	if (sectors < 0) {
		block_end(bio, (int)sectors);
		return;
	}
	if (bio->op == BIO_READ) {
		add(&dev->reads, 1);
		add(&dev->sectors_read, (uint64_t)sectors);
	} else if (bio->op == BIO_WRITE) {
		add(&dev->writes, 1);
		add(&dev->sectors_written, (uint64_t)sectors);
	}
	if (dev->whole) {
		bio->sector += dev->start;
		bio->dev = dev->whole;
		block_submit(bio);
		return;
	}
	dev->ops->submit(dev, bio);
}

static uint64_t sectors_of(const struct bio *bio)
{
	uint64_t bytes = 0;

	for (unsigned i = 0; i < bio->nr_segs; i++)
		bytes += bio->segs[i].len;
	return bytes / SECTOR_SIZE;
}

static struct bio *find_read(struct bio_list *list)
{
	struct bio *bio;

	STAILQ_FOREACH(bio, list, link)
		if (bio->op != BIO_WRITE)
			break;
	return bio && bio->op == BIO_READ ? bio : NULL;
}

/* The request to go on with from `sector` on, of at most `max` sectors; NULL. */
static struct bio *find_next(struct bio_list *list, enum bio_op op, uint64_t sector, uint64_t max)
{
	struct bio *bio;

	STAILQ_FOREACH(bio, list, link) {
		if (bio->op == BIO_FLUSH)
			break;
		if (bio->op == op && bio->sector == sector && sectors_of(bio) <= max)
			return bio;
	}
	return NULL;
}

static struct bio *find_first(struct bio_queue *queue)
{
	struct bio *first = STAILQ_FIRST(&queue->waiting), *read = NULL;

	if (first && first->op == BIO_WRITE && queue->passed < READS_FIRST)
		read = find_read(&queue->waiting);
	queue->passed = read ? queue->passed + 1 : 0;
	return read ? read : first;
}

void bio_take_run(struct bio_queue *queue, struct bio_list *run, uint64_t max)
{
	struct bio *bio = find_first(queue);

	while (bio) {
		uint64_t len = sectors_of(bio), end = bio->sector + len;

		STAILQ_REMOVE(&queue->waiting, bio, bio, link);
		STAILQ_INSERT_TAIL(run, bio, link);
		max -= MIN(len, max);
		if (bio->op == BIO_FLUSH)
			return;
		bio = find_next(&queue->waiting, bio->op, end, max);
		if (bio)
			add(bio->op == BIO_READ ? &bio->dev->read_merges : &bio->dev->write_merges,
			    1);
	}
}

void block_end(struct bio *bio, int error)
{
	if (error)
		add(&bio->dev->errors, 1);
	bio->error = error;
	bio->done(bio);
}

/* Nothing of the bio, which is on the sleeper's stack, is touched once it may be awake. */
static void wake_submitter(struct bio *bio)
{
	bool *done = bio->private;

	__atomic_store_n(done, true, __ATOMIC_RELEASE);
	wake_all(wait_hash(done));
}

int block_do(struct bio *bio)
{
	bool done = false;
	struct wait_queue *wq = wait_hash(&done);

	bio->done = wake_submitter;
	bio->private = &done;
	block_submit(bio);
	wait_event(wq, __atomic_load_n(&done, __ATOMIC_ACQUIRE));
	return bio->error;
}

int block_rw(struct block_device *dev, enum bio_op op, uint64_t sector, void *buf, size_t len)
{
	struct bio bio;
	int err = 0;

	while (len && !err) {
		uint32_t part = (uint32_t)MIN(len, (size_t)ALIGN_DOWN(dev->max_seg_len, PAGE_SIZE));

		bio.op = op;
		bio.dev = dev;
		bio.sector = sector;
		bio.nr_segs = 1;
		bio.segs[0] = (struct bio_seg){ptr_to_pa(buf), part};
		err = block_do(&bio);
		sector += part / SECTOR_SIZE;
		buf = (char *)buf + part;
		len -= part;
	}
	return err;
}

int block_flush(struct block_device *dev)
{
	struct bio bio;

	bio.op = BIO_FLUSH;
	bio.dev = dev;
	bio.sector = 0;
	bio.nr_segs = 0;
	return block_do(&bio);
}
