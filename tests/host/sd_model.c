// SPDX-License-Identifier: BSD-2-Clause
/* See sd_model.h. */
#include <string.h>

#include <twofold/errno.h>
#include <twofold/log.h>
#include <twofold/task.h>

#include "sd_model.h"
#include "shim.h"

#define RCA 0x4567u
#define ACMD 64
#define STATUS_ERROR_PARAMETER BIT(31)
#define STATUS_WP BIT(26)
#define STATUS_ILLEGAL BIT(22)
#define STATUS_ECC BIT(21)
#define STATUS_READY BIT(8)
#define STATUS_APP BIT(5)

enum state { IDLE, READY, IDENT, STANDBY, TRANSFER, SENDING, RECEIVING, PROGRAMMING };

struct model_card model_card;
uint8_t model_data[MODEL_DATA_BLOCKS][SD_BLOCK];
unsigned model_count[128];
uint32_t model_most_blocks, model_hz;
unsigned model_width;

static struct {
	enum state state;
	bool app, selected_wide, fast;
	uint32_t rca, status, counted;
	unsigned power_up, busy;
} card;

static struct {
	unsigned index, after, times;
	int err;
} failure;

static bool host_high_speed;
static uint64_t now;

uint64_t time_ns(void)
{
	return now;
}

void sched_sleep_ns(uint64_t ns)
{
	now += ns;
}

void model_insert(enum model_kind kind, uint64_t sectors)
{
	model_card = (struct model_card){
		.kind = kind,
		.sectors = sectors,
		.set_block_count = true,
		.high_speed = kind != CARD_V1,
		.wide = true,
		.power_up = 3,
		.busy = 2,
		.bad_write = UINT64_MAX,
		.bad_read = UINT64_MAX,
		.protected_block = UINT64_MAX,
		.max_hz = 50000000,
	};
	memset(model_count, 0, sizeof(model_count));
	memset(model_data, 0, sizeof(model_data));
	memset(&failure, 0, sizeof(failure));
	model_most_blocks = 0;
}

void model_fail(unsigned index, unsigned after, unsigned times, int err)
{
	failure.index = index;
	failure.after = model_count[index] + after;
	failure.times = times;
	failure.err = err;
}

static bool fails(unsigned index)
{
	return failure.times && failure.index == index && model_count[index] > failure.after &&
	       failure.times--;
}

/* ---- its registers ---- */

static void put_bits(uint32_t raw[4], unsigned hi, unsigned lo, uint64_t value)
{
	for (unsigned bit = lo; bit <= hi; bit++, value >>= 1)
		if (value & 1)
			raw[3 - bit / 32] |= 1u << bit % 32;
}

static void get_csd(uint32_t raw[4])
{
	bool high = model_card.kind >= CARD_SDHC;

	memset(raw, 0, 16);
	put_bits(raw, 103, 96, 0x32);
	put_bits(raw, 95, 84, model_card.high_speed ? 0x5b5 : 0x1b5);
	put_bits(raw, 12, 12, model_card.write_protected);
	put_bits(raw, 83, 80, 9);
	if (high) {
		put_bits(raw, 127, 126, 1);
		put_bits(raw, 69, 48, model_card.sectors / 1024 - 1);
	} else {
		put_bits(raw, 49, 47, 7); /* units of 512 blocks */
		put_bits(raw, 73, 62, model_card.sectors / 512 - 1);
	}
}

static void get_cid(uint32_t raw[4])
{
	memset(raw, 0, 16);
	put_bits(raw, 127, 120, 0x03);
	put_bits(raw, 119, 104, 'S' << 8 | 'D');
	put_bits(raw, 103, 64, 0x4d4f44454cull); /* MODEL */
	put_bits(raw, 55, 24, 0x12345678);
	put_bits(raw, 19, 12, 24);
	put_bits(raw, 11, 8, 7);
}

static void get_scr(uint8_t *buf)
{
	memset(buf, 0, 8);
	buf[0] = model_card.kind == CARD_V1 ? 0 : 2;
	buf[1] = model_card.wide ? 5 : 1;
	buf[3] = model_card.set_block_count ? 2 : 0;
}

static void get_switch_status(uint8_t *buf, uint32_t arg)
{
	bool wanted = (arg & 15) == 1 && model_card.high_speed;

	memset(buf, 0, 64);
	buf[13] = model_card.high_speed ? 3 : 1;
	buf[16] = wanted;
	if (arg >> 31 && wanted)
		card.fast = true;
}

/* ---- its data ---- */

/* The lines and the clock are such that both sides understand each other. */
static bool understood(void)
{
	bool wide = model_width == 4;

	return wide == card.selected_wide && model_hz <= (card.fast ? 50000000u : 25000000u) &&
	       host_high_speed <= card.fast && model_hz <= model_card.max_hz;
}

static int move_block(const struct sd_data *data, uint64_t block, void *buf)
{
	if (block >= model_card.sectors) {
		card.status |= STATUS_ERROR_PARAMETER;
		return -ETIMEDOUT;
	}
	if (data->write && block == model_card.protected_block) {
		card.status |= STATUS_WP;
		return 0;
	}
	if (block == (data->write ? model_card.bad_write : model_card.bad_read)) {
		card.status |= STATUS_ECC;
		return data->write ? 0 : -ETIMEDOUT;
	}
	CHECK(block >= model_card.first && block - model_card.first < MODEL_DATA_BLOCKS);
	if (data->write)
		memcpy(model_data[block - model_card.first], buf, SD_BLOCK);
	else
		memcpy(buf, model_data[block - model_card.first], SD_BLOCK);
	return 0;
}

/* Up to `blocks` of them. */
static int move_blocks(const struct sd_data *data, uint64_t first, uint32_t blocks)
{
	unsigned seg = 0;
	uint32_t at = 0;

	for (uint32_t i = 0; i < blocks; i++) {
		int err = move_block(data, first + i, (char *)data->segs[seg].buf + at);

		if (err)
			return err;
		at += SD_BLOCK;
		if (at == data->segs[seg].len) {
			seg++;
			at = 0;
		}
	}
	return 0;
}

static void check_data(const struct sd_data *data, bool multiple)
{
	uint64_t bytes = 0;

	CHECK(data && data->block_size == SD_BLOCK && data->nr_segs <= SD_MAX_SEGS);
	for (unsigned i = 0; i < data->nr_segs; i++) {
		CHECK(data->segs[i].len && data->segs[i].len % SD_BLOCK == 0);
		bytes += data->segs[i].len;
	}
	CHECK(bytes == (uint64_t)data->blocks * SD_BLOCK);
	CHECK(data->blocks && (multiple || data->blocks == 1));
	model_most_blocks = MAX(model_most_blocks, data->blocks);
}

static int transfer(const struct sd_command *cmd, const struct sd_data *data, bool fail)
{
	bool multiple = cmd->index == 18 || cmd->index == 25, write = cmd->index >= 24;
	bool high = model_card.kind >= CARD_SDHC;
	uint64_t first = high ? cmd->arg : cmd->arg / SD_BLOCK;
	int err;

	check_data(data, multiple);
	CHECK(data->write == write && (high || cmd->arg % SD_BLOCK == 0));
	card.state = write ? RECEIVING : SENDING;
	if (!understood())
		return -EILSEQ;
	err = move_blocks(data, first, fail ? data->blocks / 2 : data->blocks);
	if (fail || err)
		return err ? err : failure.err;
	if (multiple && card.counted != data->blocks)
		return 0; /* until it is stopped */
	card.state = write ? PROGRAMMING : TRANSFER;
	return 0;
}

static int send_register(const struct sd_command *cmd, const struct sd_data *data, bool fail)
{
	CHECK(data && !data->write && data->blocks == 1 && data->nr_segs == 1);
	CHECK(data->segs[0].len == data->block_size);
	if (fail)
		return failure.err;
	if (!understood())
		return -EILSEQ;
	if (data->block_size == 8)
		get_scr(data->segs[0].buf);
	else
		get_switch_status(data->segs[0].buf, cmd->arg);
	return 0;
}

/* ---- commands ---- */

static int answer_status(struct sd_command *cmd)
{
	cmd->response[0] = card.status | (uint32_t)card.state << 9 | (card.app ? STATUS_APP : 0) |
			   (card.state == TRANSFER ? (uint32_t)STATUS_READY : 0);
	card.status = 0;
	return 0;
}

static int illegal(void)
{
	card.status |= STATUS_ILLEGAL;
	return -ETIMEDOUT;
}

static int power_up(struct sd_command *cmd)
{
	bool high = model_card.kind >= CARD_SDHC;

	if (card.state != IDLE || model_card.kind == CARD_SDIO)
		return illegal();
	/* A host that does not know high capacity never sees such a card ready. */
	if (++card.power_up >= model_card.power_up && (!high || cmd->arg & BIT(30))) {
		card.state = READY;
		cmd->response[0] = 0x80ff8000 | (high ? (uint32_t)BIT(30) : 0);
	} else {
		cmd->response[0] = 0x00ff8000;
	}
	return 0;
}

static int to(enum state from, enum state state, struct sd_command *cmd)
{
	if (card.state != from)
		return illegal();
	answer_status(cmd);
	card.state = state;
	return 0;
}

static int app_command(struct sd_command *cmd, const struct sd_data *data, bool fail)
{
	switch (cmd->index) {
	case 6:
		if (card.state != TRANSFER)
			return illegal();
		card.selected_wide = cmd->arg == 2;
		return answer_status(cmd);
	case 41:
		return power_up(cmd);
	case 51:
		return card.state == TRANSFER ? send_register(cmd, data, fail) : illegal();
	default:
		return illegal();
	}
}

static int stop(struct sd_command *cmd)
{
	if (card.state != SENDING && card.state != RECEIVING)
		return illegal();
	return to(card.state, card.state == SENDING ? TRANSFER : PROGRAMMING, cmd);
}

/* Busy for some of these. */
static int send_status(struct sd_command *cmd)
{
	if (cmd->arg >> 16 != card.rca || card.state < STANDBY)
		return illegal();
	if (card.state == PROGRAMMING && ++card.busy >= model_card.busy) {
		card.state = TRANSFER;
		card.busy = 0;
	}
	return answer_status(cmd);
}

static int identify(struct sd_command *cmd)
{
	switch (cmd->index) {
	case 0:
		memset(&card, 0, sizeof(card));
		return 0;
	case 2:
		if (card.state != READY)
			return illegal();
		card.state = IDENT;
		get_cid(cmd->response);
		return 0;
	case 3:
		if (card.state != IDENT)
			return illegal();
		card.state = STANDBY;
		card.rca = RCA;
		cmd->response[0] = RCA << 16;
		return 0;
	case 5:
		return model_card.kind == CARD_SDIO ? 0 : illegal();
	case 8:
		cmd->response[0] = cmd->arg & 0xfff;
		return model_card.kind == CARD_V1 || model_card.kind == CARD_SDIO ? illegal() : 0;
	default:
		if (card.state != STANDBY || cmd->arg >> 16 != card.rca)
			return illegal();
		get_csd(cmd->response);
		return 0;
	}
}

static int command(struct sd_command *cmd, const struct sd_data *data, bool fail)
{
	if (card.app) {
		card.app = false;
		return app_command(cmd, data, fail);
	}
	switch (cmd->index) {
	case 0:
	case 2:
	case 3:
	case 5:
	case 8:
	case 9:
		return identify(cmd);
	case 6:
		return card.state == TRANSFER ? send_register(cmd, data, fail) : illegal();
	case 7:
		return cmd->arg >> 16 == card.rca ? to(STANDBY, TRANSFER, cmd) : illegal();
	case 12:
		return stop(cmd);
	case 13:
		return send_status(cmd);
	case 16:
		return cmd->arg == SD_BLOCK ? to(TRANSFER, TRANSFER, cmd) : illegal();
	case 23:
		if (!model_card.set_block_count || card.state != TRANSFER)
			return illegal();
		card.counted = cmd->arg;
		return answer_status(cmd);
	case 17:
	case 18:
	case 24:
	case 25:
		if (card.state != TRANSFER)
			return illegal();
		answer_status(cmd);
		return transfer(cmd, data, fail);
	case 55:
		if (model_card.kind == CARD_SDIO || (card.rca && cmd->arg >> 16 != card.rca))
			return illegal();
		card.app = true;
		return answer_status(cmd);
	default:
		return illegal();
	}
}

static int model_command(struct sd_host *host, struct sd_command *cmd, const struct sd_data *data)
{
	unsigned index = cmd->index + (card.app ? ACMD : 0);
	bool fail;
	int err;

	(void)host;
	CHECK(index < ARRAY_SIZE(model_count));
	model_count[index]++;
	if (model_card.kind == CARD_NONE || model_card.removed)
		return -ETIMEDOUT;
	CHECK(card.state >= STANDBY || model_hz <= 400000);
	fail = fails(index);
	if (fail && !data)
		return failure.err;
	err = command(cmd, data, fail);
	if (cmd->index != 23)
		card.counted = 0;
	return err;
}

/* ---- the host ---- */

static int model_reset(struct sd_host *host)
{
	(void)host;
	memset(&card, 0, sizeof(card));
	model_width = 1;
	model_hz = 0;
	host_high_speed = false;
	return 0;
}

static uint32_t model_set_clock(struct sd_host *host, uint32_t hz)
{
	(void)host;
	return model_hz = hz;
}

static void model_set_bus(struct sd_host *host, unsigned width, bool high_speed)
{
	(void)host;
	model_width = width;
	host_high_speed = high_speed;
}

static void model_recover(struct sd_host *host)
{
	(void)host;
}

static bool model_present(struct sd_host *host)
{
	(void)host;
	return true; /* it has no switch, as on the boards */
}

static bool model_protected(struct sd_host *host)
{
	(void)host;
	return false;
}

static const struct sd_host_ops model_ops = {
	.reset = model_reset,
	.command = model_command,
	.set_clock = model_set_clock,
	.set_bus = model_set_bus,
	.recover = model_recover,
	.card_present = model_present,
	.write_protected = model_protected,
};

struct sd_host model_host = {
	.ops = &model_ops,
	.kind = "model",
	.name = "mmc0",
	.width = 4,
	.max_hz = 50000000,
};
