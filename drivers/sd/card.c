// SPDX-License-Identifier: BSD-2-Clause
/* Making a card ready: who is there, what can it do, as fast as both sides can. */
#include <twofold/errno.h>
#include <twofold/log.h>
#include <twofold/slab.h>
#include <twofold/string.h>
#include <twofold/task.h>

#include "sd.h"

#define GO_IDLE_STATE 0
#define ALL_SEND_CID 2
#define SEND_RELATIVE_ADDR 3
#define IO_SEND_OP_COND 5
#define SWITCH_FUNC 6
#define SELECT_CARD 7
#define SEND_IF_COND 8
#define SEND_CSD 9
#define SEND_STATUS 13
#define SET_BLOCKLEN 16
#define APP_CMD 55
#define ACMD_SET_BUS_WIDTH 6
#define ACMD_SD_SEND_OP_COND 41
#define ACMD_SEND_SCR 51

#define IDENTIFY_HZ 400000u
#define HIGH_SPEED_HZ 50000000u
#define CLASS_SWITCH BIT(10)

/* SEND_IF_COND (4.3.13): 2.7 to 3.6 V, and a pattern that comes back. */
#define IF_COND 0x1aau
/* OCR (5.1) */
#define OCR_VOLTAGES 0x00ff8000u /* 2.7 to 3.6 V */
#define OCR_HIGH_CAPACITY (uint32_t) BIT(30)
#define OCR_READY (uint32_t) BIT(31)

/* SWITCH_FUNC (4.3.10): leave the groups as they are, but for the access mode. */
#define SWITCH_CHECK 0x00fffff1u
#define SWITCH_SET (uint32_t)(BIT(31) | SWITCH_CHECK)
#define SWITCH_STATUS_SIZE 64

/* Card status (4.10.1) */
#define STATUS_OUT_OF_RANGE BIT(31)
#define STATUS_ADDRESS_ERROR BIT(30)
#define STATUS_BLOCK_LEN_ERROR BIT(29)
#define STATUS_WP_VIOLATION BIT(26)
#define STATUS_ECC_FAILED BIT(21)
#define STATUS_CC_ERROR BIT(20)
#define STATUS_ERROR BIT(19)
#define STATUS_READY BIT(8)
#define STATUS_STATE(status) ((status) >> 9 & 15)
#define STATE_TRANSFER 4

#define POWER_UP_NS NSEC_PER_SEC   /* ACMD41 until ready (4.2.3) */
#define BUSY_NS (3 * NSEC_PER_SEC) /* 250 ms by 4.6.2.2, and cards that take longer */
#define NAP_NS (NSEC_PER_MSEC / 20)

static int command(struct sd_host *host, unsigned index, uint32_t arg, unsigned kind,
		   struct sd_command *cmd)
{
	*cmd = (struct sd_command){.index = (uint8_t)index, .kind = (uint8_t)kind, .arg = arg};
	return host->ops->command(host, cmd, NULL);
}

/* The same where the answer is of no interest. */
static int simple_command(struct sd_host *host, unsigned index, uint32_t arg, unsigned kind)
{
	struct sd_command cmd;

	return command(host, index, arg, kind, &cmd);
}

static int app_command(struct sd_card *card, unsigned index, uint32_t arg, unsigned kind,
		       struct sd_command *cmd)
{
	int err = simple_command(card->host, APP_CMD, card->rca, SD_R1);

	return err ? err : command(card->host, index, arg, kind, cmd);
}

/* Reads one block of less than a sector. */
static int read_register(struct sd_host *host, unsigned index, uint32_t arg, void *buf,
			 uint32_t size)
{
	struct sd_command cmd = {.index = (uint8_t)index, .kind = SD_R1, .arg = arg};
	struct sd_seg seg = {buf, size};
	struct sd_data data = {.block_size = size, .blocks = 1, .segs = &seg, .nr_segs = 1};
	int err = host->ops->command(host, &cmd, &data);

	return err ? err : sd_status_error(cmd.response[0]);
}

int sd_status_error(uint32_t status)
{
	if (status & STATUS_WP_VIOLATION)
		return -EROFS;
	if (status & (STATUS_OUT_OF_RANGE | STATUS_ADDRESS_ERROR | STATUS_BLOCK_LEN_ERROR |
		      STATUS_ECC_FAILED | STATUS_CC_ERROR | STATUS_ERROR))
		return -EIO;
	return 0;
}

static int read_status(struct sd_card *card, uint32_t *status)
{
	struct sd_command cmd;
	int err = command(card->host, SEND_STATUS, card->rca, SD_R1, &cmd);

	*status = cmd.response[0];
	return err;
}

int sd_wait_ready(struct sd_card *card)
{
	uint64_t deadline = time_ns() + BUSY_NS, nap = NAP_NS;
	uint32_t status;
	int err, failed = 0;

	for (;;) {
		err = read_status(card, &status);
		if (err)
			return err;
		if (!failed)
			failed = sd_status_error(status); /* said once, by the first answer */
		if (status & STATUS_READY && STATUS_STATE(status) == STATE_TRANSFER)
			return failed;
		if (time_ns() > deadline)
			return -ETIMEDOUT;
		sched_sleep_ns(nap);
		nap = MIN(2 * nap, NSEC_PER_MSEC);
	}
}

/* ---- who is there ---- */

/* Cards from version 2.00 on answer; older ones, and empty sockets, do not. */
static bool knows_interface_condition(struct sd_host *host)
{
	struct sd_command cmd;

	if (!command(host, SEND_IF_COND, IF_COND, SD_R7, &cmd))
		return (cmd.response[0] & 0xfff) == IF_COND;
	host->ops->recover(host);
	return false;
}

/* Until the card is powered up; *ocr tells what it is. -ENOMEDIUM: nobody answers. */
static int power_up(struct sd_card *card, bool version2, uint32_t *ocr)
{
	uint32_t arg = OCR_VOLTAGES | (version2 ? OCR_HIGH_CAPACITY : 0);
	uint64_t deadline = time_ns() + POWER_UP_NS;
	struct sd_command cmd;
	bool answered = false;

	for (;;) {
		int err = app_command(card, ACMD_SD_SEND_OP_COND, arg, SD_R3, &cmd);

		if (err && !answered)
			return -ENOMEDIUM;
		if (err)
			return err;
		answered = true;
		*ocr = cmd.response[0];
		if (*ocr & OCR_READY)
			return 0;
		if (time_ns() > deadline)
			return -ETIMEDOUT;
		sched_sleep_ns(NSEC_PER_MSEC);
	}
}

static bool is_sdio(struct sd_host *host)
{
	host->ops->recover(host);
	return !simple_command(host, IO_SEND_OP_COND, 0, SD_R3);
}

static int find(struct sd_card *card)
{
	struct sd_host *host = card->host;
	uint32_t ocr = 0;
	bool version2;
	int err = host->ops->reset(host);

	if (err)
		return err;
	host->ops->set_clock(host, IDENTIFY_HZ);
	sched_sleep_ns(NSEC_PER_MSEC); /* 74 clocks, and power (6.4.1) */
	simple_command(host, GO_IDLE_STATE, 0, SD_R0);
	version2 = knows_interface_condition(host);
	err = power_up(card, version2, &ocr);
	if (err == -ENOMEDIUM && is_sdio(host))
		return -EOPNOTSUPP;
	card->block_addressed = ocr & OCR_HIGH_CAPACITY;
	return err;
}

/* ---- what it can do ---- */

static const char *kind_of(const struct sd_card *card)
{
	if (!card->block_addressed)
		return "SD";
	/* 32 GiB is where SDXC begins (3.3.2) */
	return card->csd.sectors > 32 * SZ_1G / SD_BLOCK ? "SDXC" : "SDHC";
}

/* It gets an address, tells about itself, and is chosen. */
static int address(struct sd_card *card)
{
	struct sd_host *host = card->host;
	struct sd_command cmd;
	int err = command(host, ALL_SEND_CID, 0, SD_R2, &cmd);

	if (err)
		return err;
	sd_parse_cid(cmd.response, &card->cid);
	err = command(host, SEND_RELATIVE_ADDR, 0, SD_R6, &cmd);
	if (err)
		return err;
	card->rca = cmd.response[0] & 0xffff0000;
	err = command(host, SEND_CSD, card->rca, SD_R2, &cmd);
	if (!err)
		err = sd_parse_csd(cmd.response, &card->csd);
	if (err)
		return err;
	card->kind = kind_of(card);
	err = simple_command(host, SELECT_CARD, card->rca, SD_R1B);
	if (!err)
		err = sd_wait_ready(card);
	if (!err && !card->block_addressed)
		err = simple_command(host, SET_BLOCKLEN, SD_BLOCK, SD_R1);
	return err;
}

static int read_scr(struct sd_card *card, uint8_t *buf)
{
	int err = simple_command(card->host, APP_CMD, card->rca, SD_R1);

	if (!err)
		err = read_register(card->host, ACMD_SEND_SCR, 0, buf, 8);
	if (!err)
		sd_parse_scr(buf, &card->scr);
	return err;
}

static int widen(struct sd_card *card)
{
	struct sd_command cmd;
	int err;

	if (card->host->width < 4 || !card->scr.wide)
		return 0;
	err = app_command(card, ACMD_SET_BUS_WIDTH, 2, SD_R1, &cmd);
	if (!err)
		card->host->ops->set_bus(card->host, 4, false);
	return err;
}

/* The status that comes back (4.3.10.4), high bits first: bit 401: group 1 knows function 1; bits
 * 379 to 376: the function that group 1 has now. */
static bool knows_high_speed(const uint8_t *status)
{
	return status[(511 - 401) / 8] & 2;
}

static bool has_high_speed(const uint8_t *status)
{
	return (status[(511 - 376) / 8] & 15) == 1;
}

/* Cards since 1.10 can be asked. One that would rather not stays at default speed. */
static int speed_up(struct sd_card *card, uint8_t *buf)
{
	struct sd_host *host = card->host;
	int err;

	if (host->max_hz <= card->csd.max_hz || !card->scr.spec ||
	    !(card->csd.classes & CLASS_SWITCH))
		return 0;
	err = read_register(host, SWITCH_FUNC, SWITCH_CHECK, buf, SWITCH_STATUS_SIZE);
	if (err || !knows_high_speed(buf))
		return err;
	err = read_register(host, SWITCH_FUNC, SWITCH_SET, buf, SWITCH_STATUS_SIZE);
	card->high_speed = !err && has_high_speed(buf);
	return err;
}

static int configure(struct sd_card *card, uint8_t *buf)
{
	struct sd_host *host = card->host;
	int err = address(card);

	if (err)
		return err;
	card->hz = host->ops->set_clock(host, MIN(card->csd.max_hz, host->max_hz));
	err = read_scr(card, buf);
	if (!err)
		err = widen(card);
	if (!err)
		err = speed_up(card, buf);
	if (err)
		return err;
	if (card->high_speed) {
		host->ops->set_bus(host, card->scr.wide ? host->width : 1, true);
		card->hz = host->ops->set_clock(host, MIN(HIGH_SPEED_HZ, host->max_hz));
	}
	card->read_only = card->csd.write_protected || host->ops->write_protected(host);
	return sd_wait_ready(card);
}

int sd_identify(struct sd_host *host, struct sd_card *card)
{
	uint8_t *buf; /* not of the stack: it may be moved by DMA */
	int err;

	*card = (struct sd_card){.host = host};
	if (!host->ops->card_present(host))
		return -ENOMEDIUM;
	err = find(card);
	if (err == -EOPNOTSUPP)
		pr_info("%s: an SDIO device, no memory card: left alone", host->name);
	if (err)
		return err;
	buf = kmalloc(SWITCH_STATUS_SIZE, GFP_KERNEL);
	err = buf ? configure(card, buf) : -ENOMEM;
	kfree(buf);
	if (err)
		pr_err("%s: a card is there, but does not work: error %d", host->name, err);
	return err;
}
