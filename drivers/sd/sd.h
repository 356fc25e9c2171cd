/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SD memory cards (SD Specifications Part 1, Physical Layer Simplified Specification 6.00; section
 * numbers are its): what a host controller does for a card, and what the rest knows of a card.
 * Everything here runs in tasks and may sleep; a host is used by one task at a time.
 */
#ifndef DRIVERS_SD_H
#define DRIVERS_SD_H

#include <twofold/block.h>
#include <twofold/devtree.h>
#include <twofold/gpio.h>
#include <twofold/wait.h>

#define SD_BLOCK SECTOR_SIZE
/*
 * Blocks of one command. Bounded: the controllers' counters are, and a reader waits for the command
 * before his (256 KiB are 10 ms at 25 MB/s).
 */
#define SD_MAX_BLOCKS 512u
#define SD_MAX_SEGS 64u

/* What a response looks like (4.9): its checksum and command index are checked where it has them.
 */
#define SD_RSP_PRESENT 1u
#define SD_RSP_136 2u
#define SD_RSP_CRC 4u
#define SD_RSP_INDEX 8u
#define SD_RSP_BUSY 16u
#define SD_R0 0u
#define SD_R1 (SD_RSP_PRESENT | SD_RSP_CRC | SD_RSP_INDEX)
#define SD_R1B (SD_R1 | SD_RSP_BUSY)
#define SD_R2 (SD_RSP_PRESENT | SD_RSP_136 | SD_RSP_CRC)
#define SD_R3 SD_RSP_PRESENT /* R4 too */
#define SD_R6 SD_R1
#define SD_R7 SD_R1

struct sd_command {
	uint8_t index;
	uint8_t kind; /* SD_R... */
	uint32_t arg;
	/* [0]: bits 39 to 8. SD_R2: bits 127 to 0, the highest first; the checksum may be missing.
	 */
	uint32_t response[4];
};

/* Memory of whole blocks, direct-mapped. */
struct sd_seg {
	void *buf;
	uint32_t len; /* bytes, a multiple of the block size */
};

struct sd_data {
	bool write;
	uint32_t block_size; /* bytes, a multiple of 4, at most SD_BLOCK */
	uint32_t blocks;
	const struct sd_seg *segs;
	unsigned nr_segs;
};

struct sd_host;

struct sd_host_ops {
	/* The controller as after power-on, the card too; one data line, no clock. */
	int (*reset)(struct sd_host *host);
	/*
	 * Sends the command and moves its data, if `data` is not NULL. 0; -ETIMEDOUT: no answer;
	 * -EILSEQ: a wrong checksum; -EIO: something else.
	 */
	int (*command)(struct sd_host *host, struct sd_command *cmd, const struct sd_data *data);
	/* The fastest clock that is not above `hz`; returns what it is. */
	uint32_t (*set_clock)(struct sd_host *host, uint32_t hz);
	/* 1 or 4 data lines; the timing of high speed (6.6.4). */
	void (*set_bus)(struct sd_host *host, unsigned width, bool high_speed);
	/* After an error: stops what is under way; the controller takes commands again. */
	void (*recover)(struct sd_host *host);
	/* Its card-detect and write-protect switches; where it has none: true, false. */
	bool (*card_present)(struct sd_host *host);
	bool (*write_protected)(struct sd_host *host);
	/* Asks for, or no longer asks for, an interrupt when something happens. */
	void (*enable_irq)(struct sd_host *host, bool on);
	void (*interrupt)(void *host); /* the handler: no longer asks, sd_interrupt() */
};

struct sd_host {
	const struct sd_host_ops *ops;
	const struct dt_node *node;
	const char *kind;   /* "SDHCI", for people */
	char name[8];	    /* mmc0 */
	unsigned width;	    /* data lines */
	uint32_t max_hz;    /* what it and its board can do */
	bool irq;	    /* it has a working interrupt; else it is looked at now and then */
	unsigned irqs_lost; /* that should have come */
	bool irq_seen;	    /* since it was asked for */
	bool sleeps_first;  /* for tests on emulators, which are ready before anybody looks */
	struct wait_queue wait;
};

/* ---- host.c ---- */
/* Fills in the node's bus-width and max-frequency, and the rest of *host but ops and kind. */
void sd_host_init(struct sd_host *host, const struct dt_node *node);
/*
 * Routes its pins as the device tree says, looks for a card, and makes it a disk. Where the tree
 * says nothing, no card answers and no other host has one, the pins of the card's socket are tried
 * with the function `socket` (GPIO_INPUT: are not). There is no card, or one of no use: that is
 * said.
 */
void sd_host_start(struct sd_host *host, enum gpio_function socket);
/* Sleeps until ready(host) or for `ns`; false: it is not ready, and time is up. */
bool sd_wait(struct sd_host *host, bool (*ready)(struct sd_host *host), uint64_t ns);
/* For the drivers' interrupt handlers, once the cause is masked. */
void sd_interrupt(struct sd_host *host);

/* ---- poll.c ---- */
/* Looks at a register, soon only now and then, until (it & mask) == value; false: not in `ns`. */
bool sd_poll(const void *reg, uint32_t mask, uint32_t value, uint64_t ns);

/* ---- registers.c: what the card says of itself ---- */
struct sd_cid { /* 5.2 */
	uint8_t manufacturer;
	char oem[3], product[6]; /* text; unprintable bytes are '?' */
	uint8_t revision;	 /* two BCD digits */
	uint32_t serial;
	unsigned year, month;
};

struct sd_csd { /* 5.3 */
	uint64_t sectors;
	uint32_t max_hz; /* at default speed */
	uint16_t classes;
	bool write_protected; /* by PERM_ or TMP_WRITE_PROTECT */
};

struct sd_scr {	       /* 5.6 */
	unsigned spec; /* SD_SPEC: 0: 1.01, 1: 1.10, 2: 2.00 or later */
	bool wide;     /* four data lines */
	bool set_block_count;
};

void sd_parse_cid(const uint32_t raw[4], struct sd_cid *cid);
/* -EINVAL: a structure or a capacity that we do not know. */
int sd_parse_csd(const uint32_t raw[4], struct sd_csd *csd);
void sd_parse_scr(const uint8_t raw[8], struct sd_scr *scr);

/* ---- card.c ---- */
struct sd_card {
	struct sd_host *host;
	const char *kind;     /* SD, SDHC, SDXC */
	bool block_addressed; /* addresses are blocks, not bytes */
	bool high_speed;
	bool read_only;
	bool gone;    /* removed, or dead: said already */
	uint32_t rca; /* in its place: the upper half of arguments */
	uint32_t hz;
	struct sd_cid cid;
	struct sd_csd csd;
	struct sd_scr scr;
};

/*
 * From power-on to data transfer (4.2). -ENOMEDIUM: nobody there; -EOPNOTSUPP: it is no SD memory
 * card; -EINVAL, -EIO, -ETIMEDOUT, -EILSEQ: one that does not work; these are said.
 */
int sd_identify(struct sd_host *host, struct sd_card *card);
/* The bits of a card's status (4.10.1) that mean that the command failed. */
int sd_status_error(uint32_t status);
/* Waits until the card is done with what it got. */
int sd_wait_ready(struct sd_card *card);

/* ---- transfer.c ---- */
/*
 * Reads or writes at most SD_MAX_BLOCKS blocks by one command, and again when that fails. 0, -EIO,
 * -EROFS; -ENOMEDIUM: the card is gone, for good.
 */
int sd_transfer(struct sd_card *card, bool write, uint64_t sector, const struct sd_seg *segs,
		unsigned nr_segs, uint32_t blocks);

/* ---- disk.c ---- */
/* The card becomes mmcblkN; it keeps *card. -ENOMEM. */
int sd_disk_create(struct sd_card *card);

#endif
