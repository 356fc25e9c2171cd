// SPDX-License-Identifier: BSD-2-Clause
/* Blocks to and from the card, and what to do when they do not get there. */
#include <twofold/errno.h>
#include <twofold/log.h>
#include <twofold/task.h>

#include "sd.h"

#define STOP_TRANSMISSION 12
#define READ_SINGLE_BLOCK 17
#define READ_MULTIPLE_BLOCK 18
#define SET_BLOCK_COUNT 23
#define WRITE_BLOCK 24
#define WRITE_MULTIPLE_BLOCK 25

#define TRIES 4
#define STATUS_TRIES 3
#define BACK_OFF_NS NSEC_PER_MSEC /* before the second try; four times as long before the next */
#define SLOWEST_HZ 6000000u

static int set_block_count(struct sd_card *card, uint32_t blocks)
{
	struct sd_command cmd = {.index = SET_BLOCK_COUNT, .kind = SD_R1, .arg = blocks};
	int err = card->host->ops->command(card->host, &cmd, NULL);

	return err ? err : sd_status_error(cmd.response[0]);
}

/* What is wrong with its answer is known already, or comes with the next status. */
static int stop(struct sd_card *card, bool write)
{
	struct sd_command cmd = {.index = STOP_TRANSMISSION, .kind = write ? SD_R1B : SD_R1};

	return card->host->ops->command(card->host, &cmd, NULL);
}

static int try_once(struct sd_card *card, uint64_t sector, const struct sd_data *data)
{
	bool several = data->blocks > 1, counted = several && card->scr.set_block_count;
	unsigned single = data->write ? WRITE_BLOCK : READ_SINGLE_BLOCK;
	unsigned multiple = data->write ? WRITE_MULTIPLE_BLOCK : READ_MULTIPLE_BLOCK;
	struct sd_command cmd = {
		.index = (uint8_t)(several ? multiple : single),
		.kind = SD_R1,
		.arg = (uint32_t)(card->block_addressed ? sector : sector * SD_BLOCK),
	};
	int err = counted ? set_block_count(card, data->blocks) : 0;

	if (!err)
		err = card->host->ops->command(card->host, &cmd, data);
	if (!err && several && !counted)
		err = stop(card, data->write);
	if (!err)
		err = sd_status_error(cmd.response[0]);
	if (!err && data->write)
		err = sd_wait_ready(card);
	return err;
}

static void is_gone(struct sd_card *card, const char *why)
{
	card->gone = true;
	pr_err("%s: %s: from now on all requests fail", card->host->name, why);
}

/* After a failure: both sides ready for the next try, or the card is given up. */
static int recover(struct sd_card *card, bool write)
{
	struct sd_host *host = card->host;
	int err = -ETIMEDOUT;

	for (unsigned i = 0; err && i < STATUS_TRIES; i++) {
		host->ops->recover(host);
		if (!host->ops->card_present(host)) {
			is_gone(card, "the card was removed");
			return -ENOMEDIUM;
		}
		stop(card, write); /* refused where nothing is to be stopped */
		host->ops->recover(host);
		err = sd_wait_ready(card);
		if (err == -EIO || err == -EROFS)
			err = 0; /* it told what it had to say of the command that failed */
	}
	if (!err)
		return 0;
	is_gone(card, "the card does not answer any more (removed?)");
	return -ENOMEDIUM;
}

/* A checksum that is wrong twice: perhaps the lines are not good for that clock. */
static void slow_down(struct sd_card *card)
{
	if (card->hz <= SLOWEST_HZ)
		return;
	card->hz = card->host->ops->set_clock(card->host, card->hz / 2);
	pr_warn("%s: transfer errors: the clock goes down to %u kHz", card->host->name,
		card->hz / 1000);
}

static int try_again(struct sd_card *card, uint64_t sector, const struct sd_data *data, int err)
{
	uint64_t pause = BACK_OFF_NS;

	for (unsigned i = 1; i < TRIES && err && err != -EROFS; i++) {
		int sick = recover(card, data->write);

		if (sick)
			return sick;
		if (i > 1 && err == -EILSEQ)
			slow_down(card);
		sched_sleep_ns(pause);
		pause *= 4;
		err = try_once(card, sector, data);
	}
	if (err == -EROFS)
		recover(card, data->write);
	return err;
}

int sd_transfer(struct sd_card *card, bool write, uint64_t sector, const struct sd_seg *segs,
		unsigned nr_segs, uint32_t blocks)
{
	struct sd_data data = {.write = write,
			       .block_size = SD_BLOCK,
			       .blocks = blocks,
			       .segs = segs,
			       .nr_segs = nr_segs};
	int err;

	if (card->gone)
		return -ENOMEDIUM;
	err = try_once(card, sector, &data);
	if (err)
		err = try_again(card, sector, &data, err);
	if (!err || err == -ENOMEDIUM)
		return err;
	pr_err("%s: %s of %u blocks at sector %lu failed: %s", card->host->name,
	       write ? "write" : "read", blocks, (unsigned long)sector,
	       err == -EROFS	   ? "they are write-protected"
	       : err == -EILSEQ	   ? "checksum"
	       : err == -ETIMEDOUT ? "no answer"
				   : "the card says so");
	return err == -EROFS ? -EROFS : -EIO;
}
