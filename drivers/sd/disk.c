// SPDX-License-Identifier: BSD-2-Clause
/*
 * A card as a disk, mmcblkN. A thread of its own takes requests off the queue, those that follow
 * each other on the card as one run, and moves each run by as few commands as can be: cards are
 * slow to begin and fast to go on. Programmed I/O is thus done by a task, with interrupts on.
 */
#include <twofold/errno.h>
#include <twofold/log.h>
#include <twofold/page.h>
#include <twofold/slab.h>
#include <twofold/task.h>

#include "sd.h"

#define MMC_MAJOR 179 /* Linux: MMC_BLOCK_MAJOR */
#define MINORS 16     /* of a disk: itself and its partitions */
#define MAX_DISKS 16
#define SEG_LEN_MAX (SD_MAX_BLOCKS * SD_BLOCK)

struct sd_disk {
	struct block_device disk;
	struct sd_card *card;
	spinlock_t lock; /* RANK_BLOCK: the queue */
	struct bio_queue queue;
	struct wait_queue wait; /* the thread, for requests */
};

/* Where in a run of requests the next command begins. */
struct cursor {
	const struct bio *bio;
	unsigned seg;
	uint32_t done; /* bytes of that segment */
};

static void submit(struct block_device *disk, struct bio *bio)
{
	struct sd_disk *d = disk->driver;
	irqflags_t flags = spin_lock_irqsave(&d->lock);

	STAILQ_INSERT_TAIL(&d->queue.waiting, bio, link);
	spin_unlock_irqrestore(&d->lock, flags);
	wake_one(&d->wait);
}

static const struct block_ops sd_disk_ops = {.submit = submit};

/* Fills segs[] for one command from the cursor on; returns blocks, 0 at the end. */
static uint32_t gather(struct cursor *at, struct sd_seg segs[SD_MAX_SEGS], unsigned *nr)
{
	uint32_t room = SEG_LEN_MAX;

	*nr = 0;
	while (at->bio && room && *nr < SD_MAX_SEGS) {
		const struct bio_seg *seg = &at->bio->segs[at->seg];
		uint32_t len = MIN(seg->len - at->done, room);

		segs[(*nr)++] = (struct sd_seg){(char *)pa_to_ptr(seg->pa) + at->done, len};
		room -= len;
		at->done += len;
		if (at->done < seg->len)
			break;
		at->done = 0;
		if (++at->seg < at->bio->nr_segs)
			continue;
		at->seg = 0;
		at->bio = STAILQ_NEXT(at->bio, link);
	}
	return (SEG_LEN_MAX - room) / SD_BLOCK;
}

/* The run that begins with this request. */
static int move(struct sd_card *card, const struct bio *first)
{
	struct cursor at = {.bio = first};
	struct sd_seg segs[SD_MAX_SEGS];
	uint64_t sector = first->sector;
	uint32_t blocks;
	unsigned nr;
	int err = 0;

	while (!err && (blocks = gather(&at, segs, &nr))) {
		err = sd_transfer(card, first->op == BIO_WRITE, sector, segs, nr, blocks);
		sector += blocks;
	}
	return err;
}

/* What is written is on the card when its busy signal ends: there is nothing to flush. */
static int work_on(struct sd_card *card, const struct bio *first)
{
	if (first->op == BIO_FLUSH)
		return card->gone ? -ENOMEDIUM : 0;
	return move(card, first);
}

/* A run that fails is done again request by request: only whose blocks are bad shall know. */
static void work_on_run(struct sd_card *card, struct bio_list *run)
{
	struct bio *bio = STAILQ_FIRST(run);
	bool one = !STAILQ_NEXT(bio, link);
	int err = work_on(card, bio);

	while ((bio = STAILQ_FIRST(run))) {
		STAILQ_REMOVE_HEAD(run, link);
		STAILQ_NEXT(bio, link) = NULL; /* a run of its own from here on */
		block_end(bio, err && !one ? work_on(card, bio) : err);
	}
}

static bool take_run(struct sd_disk *d, struct bio_list *run)
{
	irqflags_t flags = spin_lock_irqsave(&d->lock);

	bio_take_run(&d->queue, run, SD_MAX_BLOCKS);
	spin_unlock_irqrestore(&d->lock, flags);
	return !STAILQ_EMPTY(run);
}

static void serve(void *arg)
{
	struct sd_disk *d = arg;
	struct bio_list run = STAILQ_HEAD_INITIALIZER(run);

	for (;;) {
		wait_event(&d->wait, take_run(d, &run));
		work_on_run(d->card, &run);
		cond_resched();
	}
}

static void introduce(const struct sd_disk *d)
{
	const struct sd_card *card = d->card;
	const struct sd_cid *cid = &card->cid;
	const struct sd_host *host = card->host;

	pr_info("%s: %s: %s%s card, %u kHz, %u lines", host->name, host->kind,
		card->high_speed ? "high speed " : "", card->kind, card->hz / 1000,
		card->scr.wide ? host->width : 1);
	pr_info("%s: %s %s (%02x/%s, %u/%u, serial %08x), %lu MiB%s", d->disk.name, host->name,
		cid->product, cid->manufacturer, cid->oem, cid->month, cid->year, cid->serial,
		(unsigned long)(card->csd.sectors / (SZ_1M / SD_BLOCK)),
		card->read_only ? ", write-protected" : "");
}

int sd_disk_create(struct sd_card *card)
{
	static unsigned nr_disks;
	struct sd_disk *d = nr_disks < MAX_DISKS ? kzalloc(sizeof(*d), GFP_KERNEL) : NULL;
	struct task *thread;
	char name[16];

	if (!d)
		return -ENOMEM;
	d->card = card;
	spin_lock_init(&d->lock, RANK_BLOCK);
	STAILQ_INIT(&d->queue.waiting);
	wait_queue_init(&d->wait);
	snprintf(name, sizeof(name), "mmcqd/%u", nr_disks);
	thread = kthread_create(name, serve, d);
	if (IS_ERR(thread)) {
		kfree(d);
		return PTR_ERR(thread);
	}
	d->disk.ops = &sd_disk_ops;
	d->disk.driver = d;
	d->disk.sectors = card->csd.sectors;
	d->disk.read_only = card->read_only;
	d->disk.block_size = SD_BLOCK;
	d->disk.max_segs = BIO_MAX_SEGS;
	d->disk.max_seg_len = SEG_LEN_MAX;
	d->disk.rdev = MMC_MAJOR << 8 | nr_disks * MINORS;
	snprintf(d->disk.name, sizeof(d->disk.name), "mmcblk%u", nr_disks++);
	introduce(d);
	block_register(&d->disk);
	return 0;
}
