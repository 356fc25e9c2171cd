/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Block devices as mm/ and fs/ see them: read or write these pages at these sectors, then call me.
 */
#ifndef TWOFOLD_BLOCK_H
#define TWOFOLD_BLOCK_H

#include <sys/queue.h>
#include <twofold/addr.h>
#include <twofold/lock.h>

#define SECTOR_SIZE 512u
#define BIO_MAX_SEGS 64
#define MAX_PARTITIONS 15 /* of a disk; /dev has 16 minor numbers for each */

enum bio_op { BIO_READ, BIO_WRITE, BIO_FLUSH };

struct bio_seg {
	paddr_t pa;
	uint32_t len; /* bytes, a multiple of SECTOR_SIZE */
};

/*
 * One request. The submitter owns it, and its pages, until `done` is called. Device and sector are
 * the whole disk's then, if they were a partition's.
 */
struct bio {
	enum bio_op op;
	struct block_device *dev;
	uint64_t sector;
	unsigned nr_segs;
	struct bio_seg segs[BIO_MAX_SEGS];
	/* when done: 0, -EIO, -EROFS, -EINVAL (past the end), -ENOMEDIUM */
	int error;
	/* from an interrupt handler: wakes, never sleeps or frees */
	void (*done)(struct bio *bio);
	void *private;		/* the submitter's */
	STAILQ_ENTRY(bio) link; /* the driver's */
	uint32_t driver_tag;	/* the driver's */
};
STAILQ_HEAD(bio_list, bio);

struct block_ops {
	/* Starts the request, or queues it; never sleeps. Errors arrive by bio->done as well. */
	void (*submit)(struct block_device *dev, struct bio *bio);
	/*
	 * Completes what is finished without an interrupt (panic, single-stepped boot). May be
	 * NULL.
	 */
	void (*poll)(struct block_device *dev);
};

struct block_device {
	char name[16]; /* vda, vdb, mmcblk0, mmcblk0p2 */
	uint64_t sectors;
	bool read_only;
	unsigned max_segs;    /* of one request, at most BIO_MAX_SEGS */
	uint32_t max_seg_len; /* bytes of one segment, at least PAGE_SIZE */
	uint32_t block_size;  /* bytes that it reads or writes at once: requests are multiples */
	uint64_t rdev;	      /* of /dev/NAME: major << 8 | minor */
	const struct block_ops *ops;
	void *driver;
	struct block_device *whole; /* of a partition; NULL: this is a whole disk */
	uint64_t start;		    /* of a partition: its first sector there */
	char type[40];		    /* of a partition: "0x82", or a GPT type's GUID */
	uint64_t reads, writes, sectors_read, sectors_written, errors; /* /proc/diskstats */
	uint64_t read_merges, write_merges; /* requests done together with the one before */
	SLIST_ENTRY(block_device) link;
};

/* Registers a device for good; it appears as /dev/NAME. */
void block_register(struct block_device *dev);
struct block_device *block_find(const char *name);	   /* "vda" or "/dev/vda"; NULL */
struct block_device *block_next(struct block_device *dev); /* NULL: the first */
/* Adds memory to a request that has op, dev and sector; what follows the last segment's lengthens
 * it. False: the device takes no more at once. */
bool bio_add(struct bio *bio, paddr_t pa, uint32_t len);
/* Checks bounds and alignment, counts, hands over to the driver. Never sleeps. */
void block_submit(struct bio *bio);
/* The driver's: counts and sets the error, calls done. No lock held; the bio is gone afterwards. */
void block_end(struct bio *bio, int error);
/*
 * A driver's queue, where a command costs more than what it moves. Reads come before writes, for
 * which nobody waits as much, but only so many times in a row; nothing passes a flush.
 */
struct bio_queue {
	struct bio_list waiting;
	unsigned passed; /* reads that were taken before the write that waits longest */
};
/* Takes a request off, and those that go on where it ends, up to `max` sectors; none: empty. */
void bio_take_run(struct bio_queue *queue, struct bio_list *run, uint64_t max);
/* Submits and sleeps until done; returns bio->error. */
int block_do(struct bio *bio);
/* Reads or writes `len` bytes (whole sectors) of direct-mapped memory; sleeps. */
int block_rw(struct block_device *dev, enum bio_op op, uint64_t sector, void *buf, size_t len);
int block_flush(struct block_device *dev); /* what was written is on the medium; sleeps */

/* kernel/blockdev.c: makes /dev/NAME, and finds the partitions of a whole disk. */
void blockdev_register(struct block_device *dev);

#endif
