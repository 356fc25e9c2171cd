// SPDX-License-Identifier: BSD-2-Clause
/*
 * virtio disks (virtio 1.2, 5.2). A request is a chain of a header, the data's segments and a
 * status byte; up to a ring full of them is under way, the rest waits in order. Header and status
 * lie in an array that is indexed as the descriptors are, by the chain's head.
 *
 * Names: vda, vdb, ... in the order of the device tree, as Linux gives them. (QEMU's virt fills its
 * slots from the last one down, so that there the last -device is vda.)
 */
#include "virtio.h"
#include <linux/virtio_blk.h>
#include <linux/virtio_mmio.h>
#include <twofold/block.h>
#include <twofold/errno.h>
#include <twofold/irq.h>
#include <twofold/log.h>
#include <twofold/slab.h>

#define MAX_DISKS 26
#define VIRTBLK_MAJOR 254 /* Linux gives it the first free dynamic one, which this is */
#define MINORS 16	  /* of a disk: itself and its partitions */
#define SEG_LEN_MAX (1u << 22)

#define WANTED                                                                                     \
	(BIT(VIRTIO_BLK_F_SIZE_MAX) | BIT(VIRTIO_BLK_F_SEG_MAX) | BIT(VIRTIO_BLK_F_RO) |           \
	 BIT(VIRTIO_BLK_F_BLK_SIZE) | BIT(VIRTIO_BLK_F_FLUSH))

#define CONFIG32(dev, field) virtio_config32(dev, offsetof(struct virtio_blk_config, field))

/* The device reads the header and writes the status. 32 bytes, so that none crosses a page. */
struct request {
	struct virtio_blk_outhdr header;
	uint8_t status;
} __aligned(32);

struct virtio_blk {
	struct virtio_device dev;
	struct block_device disk;
	spinlock_t lock; /* RANK_BLOCK: all below */
	struct virtqueue vq;
	struct bio_list waiting; /* for descriptors */
	bool broken;		 /* the device broke the rules: everything is -EIO from now on */
	struct request *requests;
	struct bio *started[VIRTIO_QUEUE_MAX]; /* by head; NULL: none */
};

static const uint32_t request_type[] = {
	[BIO_READ] = VIRTIO_BLK_T_IN,
	[BIO_WRITE] = VIRTIO_BLK_T_OUT,
	[BIO_FLUSH] = VIRTIO_BLK_T_FLUSH,
};

/* ---- starting requests; blk->lock held ---- */

static void start(struct virtio_blk *blk, struct bio *bio)
{
	uint16_t data_flags = bio->op == BIO_READ ? VRING_DESC_F_WRITE : 0;
	struct vq_chain chain = vq_begin(&blk->vq);
	struct request *request = &blk->requests[chain.head];
	paddr_t pa = ptr_to_pa(request);

	request->header.type = request_type[bio->op];
	request->header.ioprio = 0;
	request->header.sector = bio->op == BIO_FLUSH ? 0 : bio->sector;
	request->status = VIRTIO_BLK_S_IOERR;
	vq_add(&blk->vq, &chain, pa, sizeof(request->header), 0);
	for (unsigned i = 0; i < bio->nr_segs; i++)
		vq_add(&blk->vq, &chain, bio->segs[i].pa, bio->segs[i].len, data_flags);
	vq_add(&blk->vq, &chain, pa_add(pa, offsetof(struct request, status)), 1,
	       VRING_DESC_F_WRITE);
	vq_end(&blk->vq, &chain);
	blk->started[chain.head] = bio;
}

/* Starts what waits, as far as descriptors last. */
static void start_waiting(struct virtio_blk *blk)
{
	struct bio *bio;
	bool any = false;

	while ((bio = STAILQ_FIRST(&blk->waiting)) && blk->vq.nr_free >= bio->nr_segs + 2) {
		STAILQ_REMOVE_HEAD(&blk->waiting, link);
		start(blk, bio);
		any = true;
	}
	if (any && vq_publish(&blk->vq))
		virtio_notify(&blk->dev, &blk->vq);
}

static void submit(struct block_device *disk, struct bio *bio)
{
	struct virtio_blk *blk = disk->driver;
	bool now = bio->op == BIO_FLUSH && !virtio_has(&blk->dev, VIRTIO_BLK_F_FLUSH);
	irqflags_t flags;
	int err = 0; /* of what is over at once: without the feature there is no cache to flush */

	flags = spin_lock_irqsave(&blk->lock);
	if (blk->broken) {
		now = true;
		err = -EIO;
	} else if (!now) {
		STAILQ_INSERT_TAIL(&blk->waiting, bio, link);
		start_waiting(blk);
	}
	spin_unlock_irqrestore(&blk->lock, flags);
	if (now)
		block_end(bio, err);
}

/* ---- finishing them ---- */

static int error_of(uint8_t status)
{
	switch (status) {
	case VIRTIO_BLK_S_OK:
		return 0;
	case VIRTIO_BLK_S_UNSUPP:
		return -EOPNOTSUPP;
	default:
		return -EIO;
	}
}

/* Moves a finished request to `over`; bio->error is kept there until it is told. */
static void finish(struct virtio_blk *blk, unsigned head, int err, struct bio_list *over)
{
	struct bio *bio = blk->started[head];

	blk->started[head] = NULL;
	bio->error = err;
	STAILQ_INSERT_TAIL(over, bio, link);
}

/* Nothing that it says can be trusted any more. It might still write to pages that it was given. */
static void give_up(struct virtio_blk *blk, struct bio_list *over)
{
	struct bio *bio;

	pr_err("virtio-blk: %s broke the rules: no more of it", blk->disk.name);
	blk->broken = true;
	virtio_fail(&blk->dev);
	for (unsigned head = 0; head < blk->vq.ring.num; head++)
		if (blk->started[head])
			finish(blk, head, -EIO, over);
	while ((bio = STAILQ_FIRST(&blk->waiting))) {
		STAILQ_REMOVE_HEAD(&blk->waiting, link);
		bio->error = -EIO;
		STAILQ_INSERT_TAIL(over, bio, link);
	}
}

static void collect(struct virtio_blk *blk, bool needs_reset, struct bio_list *over)
{
	int head;

	if (blk->broken)
		return;
	while ((head = vq_used(&blk->vq)) >= 0 && blk->started[head]) {
		finish(blk, (unsigned)head, error_of(READ_ONCE(blk->requests[head].status)), over);
		vq_free(&blk->vq, (unsigned)head);
	}
	if (head != -ENOENT || needs_reset)
		give_up(blk, over);
	else
		start_waiting(blk);
}

/* The submitters are told with no lock held: they may submit again. */
static void complete(struct virtio_blk *blk, bool needs_reset)
{
	struct bio_list over = STAILQ_HEAD_INITIALIZER(over);
	irqflags_t flags = spin_lock_irqsave(&blk->lock);
	struct bio *bio;

	collect(blk, needs_reset, &over);
	spin_unlock_irqrestore(&blk->lock, flags);
	while ((bio = STAILQ_FIRST(&over))) {
		STAILQ_REMOVE_HEAD(&over, link);
		block_end(bio, bio->error);
	}
}

static void interrupt(void *arg)
{
	struct virtio_blk *blk = arg;
	uint32_t why = virtio_interrupt_status(&blk->dev);

	complete(blk, (why & VIRTIO_MMIO_INT_CONFIG) && virtio_needs_reset(&blk->dev));
}

static void poll(struct block_device *disk)
{
	complete(disk->driver, false);
}

static const struct block_ops virtio_blk_ops = {
	.submit = submit,
	.poll = poll,
};

/* ---- finding the disk ---- */

/* 0; -EINVAL: the device says what cannot be. */
static int read_config(struct virtio_blk *blk)
{
	struct block_device *disk = &blk->disk;
	struct virtio_device *dev = &blk->dev;
	uint32_t max = blk->vq.ring.num - 2;

	disk->sectors = virtio_config64(dev, offsetof(struct virtio_blk_config, capacity));
	disk->read_only = virtio_has(dev, VIRTIO_BLK_F_RO);
	disk->block_size = SECTOR_SIZE;
	disk->max_seg_len = SEG_LEN_MAX;
	if (virtio_has(dev, VIRTIO_BLK_F_BLK_SIZE))
		disk->block_size = CONFIG32(dev, blk_size);
	if (virtio_has(dev, VIRTIO_BLK_F_SIZE_MAX))
		disk->max_seg_len = MIN(SEG_LEN_MAX, CONFIG32(dev, size_max));
	if (virtio_has(dev, VIRTIO_BLK_F_SEG_MAX))
		max = MIN(max, CONFIG32(dev, seg_max));
	disk->max_segs = MIN(max, (uint32_t)BIO_MAX_SEGS);
	if (disk->block_size < SECTOR_SIZE || disk->block_size > PAGE_SIZE ||
	    disk->block_size & (disk->block_size - 1) || disk->max_seg_len < PAGE_SIZE ||
	    !disk->max_segs) {
		pr_err("virtio-blk: blocks of %u bytes, %u segments of %u: cannot use that",
		       disk->block_size, disk->max_segs, disk->max_seg_len);
		return -EINVAL;
	}
	return 0;
}

static int set_up(struct virtio_blk *blk)
{
	int err = virtio_start(&blk->dev, WANTED);

	if (!err)
		err = virtio_make_queue(&blk->dev, &blk->vq, 0);
	if (!err && blk->vq.ring.num < 4)
		err = -EINVAL;
	if (!err)
		err = read_config(blk);
	if (err)
		return err;
	blk->requests = kzalloc(blk->vq.ring.num * sizeof(struct request), GFP_KERNEL);
	if (!blk->requests)
		return -ENOMEM;
	return irq_request(irq_of_node(blk->dev.node, 0), interrupt, blk, blk->disk.name);
}

int virtio_blk_probe(const struct virtio_device *found)
{
	static unsigned nr_disks;
	struct virtio_blk *blk;
	int err;

	if (nr_disks == MAX_DISKS)
		return -ENOSPC;
	blk = kzalloc(sizeof(*blk), GFP_KERNEL);
	if (!blk)
		return -ENOMEM;
	blk->dev = *found;
	blk->disk.ops = &virtio_blk_ops;
	blk->disk.driver = blk;
	blk->disk.rdev = VIRTBLK_MAJOR << 8 | nr_disks * MINORS;
	snprintf(blk->disk.name, sizeof(blk->disk.name), "vd%c", 'a' + nr_disks);
	spin_lock_init(&blk->lock, RANK_BLOCK);
	STAILQ_INIT(&blk->waiting);
	err = set_up(blk);
	if (err) {
		virtio_fail(&blk->dev); /* its memory stays: the device may know it already */
		return err;
	}
	nr_disks++;
	virtio_run(&blk->dev);
	pr_info("virtio-blk: %s: %lu MiB%s, %u entries, %s", blk->disk.name,
		(unsigned long)(blk->disk.sectors / (SZ_1M / SECTOR_SIZE)),
		blk->disk.read_only ? ", read-only" : "", blk->vq.ring.num,
		blk->dev.legacy ? "legacy" : "modern");
	block_register(&blk->disk);
	return 0;
}
