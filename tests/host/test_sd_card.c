// SPDX-License-Identifier: BSD-2-Clause
/* SD cards: what they say of themselves, getting them ready, moving blocks, and all that fails. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <twofold/errno.h>
#include <twofold/log.h>
#include <twofold/time.h>

#include "sd_model.h"
#include "shim.h"

#define RAM (16 * SZ_1M)
#define GIB_SECTORS (SZ_1G / SD_BLOCK)
#define RANDOM_OPS 3000

static struct sd_card card;

static int boot(void **state)
{
	(void)state;
	shim_boot(RAM);
	return 0;
}

static void insert(enum model_kind kind, uint64_t sectors)
{
	model_insert(kind, sectors);
	shim_log_clear();
	assert_int_equal(sd_identify(&model_host, &card), 0);
}

static void assert_logged(const char *what)
{
	if (!strstr(shim_log(), what))
		fail_msg("logged \"%s\", not \"%s\"", shim_log(), what);
}

static unsigned lines(void)
{
	unsigned n = 0;

	for (const char *p = shim_log(); *p; p++)
		n += *p == '\n';
	return n;
}

/* ---- registers ---- */

static void capacities_are_read(void **state)
{
	/* A card of 8 GB: 15160 units of 512 KiB. */
	const uint32_t high[4] = {0x400e0032, 0x5b590000, 0x3b377f80, 0x0a404000};
	/* One of 2 GB: C_SIZE 3795, C_SIZE_MULT 7, blocks of 1024 bytes. */
	const uint32_t standard[4] = {0x002e0032, 0x5b5a03b4, 0xc0038000, 0x16800000};
	uint32_t unknown[4] = {0x800e0032, 0x5b590000, 0x3b377f80, 0x0a404000};
	struct sd_csd csd;

	(void)state;
	assert_int_equal(sd_parse_csd(high, &csd), 0);
	assert_int_equal(csd.sectors, 15160 * 1024);
	assert_int_equal(csd.max_hz, 25000000);
	assert_int_equal(csd.classes, 0x5b5);
	assert_false(csd.write_protected);
	assert_int_equal(sd_parse_csd(standard, &csd), 0);
	assert_int_equal(csd.sectors, 3796ul * 512 * 1024 / SD_BLOCK);
	assert_int_equal(sd_parse_csd(unknown, &csd), -EINVAL);
}

static void nonsense_in_a_csd_is_refused(void **state)
{
	uint32_t raw[4] = {0x002e0032, 0x5b5a03b4, 0xc0038000, 0x16800000};
	struct sd_csd csd;

	(void)state;
	raw[0] = 0x002e0000; /* a reserved transfer rate */
	assert_int_equal(sd_parse_csd(raw, &csd), -EINVAL);
	raw[0] |= 0x32;
	assert_int_equal(sd_parse_csd(raw, &csd), 0);
	raw[1] = 0x5b5803b4; /* blocks of 256 bytes */
	assert_int_equal(sd_parse_csd(raw, &csd), -EINVAL);
	raw[1] = 0x5b5c03b4; /* of 4096 */
	assert_int_equal(sd_parse_csd(raw, &csd), -EINVAL);
}

static void either_write_protection_counts(void **state)
{
	uint32_t raw[4] = {0x400e0032, 0x5b590000, 0x3b377f80, 0x0a404000};
	struct sd_csd csd;

	(void)state;
	for (unsigned bit = 12; bit <= 13; bit++) {
		raw[3] = 0x0a404000 | 1u << bit;
		assert_int_equal(sd_parse_csd(raw, &csd), 0);
		assert_true(csd.write_protected);
	}
}

static void names_are_text(void **state)
{
	const uint32_t raw[4] = {0x03534453, 0x43303847, 0x80123456, 0x7800c9ab};
	const uint32_t odd[4] = {0x03007f53, 0x0a303847, 0x80123456, 0x7800c9ab};
	struct sd_cid cid;

	(void)state;
	sd_parse_cid(raw, &cid);
	assert_int_equal(cid.manufacturer, 3);
	assert_string_equal(cid.oem, "SD");
	assert_string_equal(cid.product, "SC08G");
	assert_int_equal(cid.revision, 0x80);
	assert_int_equal(cid.serial, 0x12345678);
	assert_int_equal(cid.year, 2012);
	assert_int_equal(cid.month, 9);
	sd_parse_cid(odd, &cid);
	assert_string_equal(cid.oem, "??");
	assert_string_equal(cid.product, "S?08G");
}

/* ---- getting ready ---- */

static void each_kind_of_card_is_made_ready(void **state)
{
	static const struct {
		enum model_kind kind;
		uint64_t sectors;
		const char *name;
		bool block_addressed;
		uint32_t hz;
	} cards[] = {
		{CARD_V1, GIB_SECTORS / 4, "SD", false, 25000000},
		{CARD_SDSC, GIB_SECTORS, "SD", false, 50000000},
		{CARD_SDHC, 8 * GIB_SECTORS, "SDHC", true, 50000000},
		{CARD_SDXC, 64 * GIB_SECTORS, "SDXC", true, 50000000},
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(cards); i++) {
		insert(cards[i].kind, cards[i].sectors);
		assert_string_equal(card.kind, cards[i].name);
		assert_int_equal(card.csd.sectors, cards[i].sectors);
		assert_int_equal(card.block_addressed, cards[i].block_addressed);
		assert_int_equal(card.hz, cards[i].hz);
		assert_int_equal(model_hz, cards[i].hz);
		assert_int_equal(model_width, 4);
		assert_false(card.read_only);
	}
}

static void the_host_s_limits_hold(void **state)
{
	(void)state;
	model_host.width = 1;
	model_host.max_hz = 20000000;
	insert(CARD_SDHC, 8 * GIB_SECTORS);
	assert_int_equal(model_width, 1);
	assert_int_equal(model_hz, 20000000);
	assert_false(card.high_speed);
	model_host.width = 4;
	model_host.max_hz = 50000000;
}

static void a_card_of_one_line_stays_so(void **state)
{
	(void)state;
	model_insert(CARD_SDHC, GIB_SECTORS * 8);
	model_card.wide = false;
	assert_int_equal(sd_identify(&model_host, &card), 0);
	assert_int_equal(model_width, 1);
	assert_int_equal(card.hz, 50000000);
}

static void an_empty_socket_is_empty(void **state)
{
	(void)state;
	model_insert(CARD_NONE, 0);
	shim_log_clear();
	assert_int_equal(sd_identify(&model_host, &card), -ENOMEDIUM);
	assert_int_equal(lines(), 0);
}

static void sdio_is_left_alone(void **state)
{
	(void)state;
	model_insert(CARD_SDIO, 0);
	shim_log_clear();
	assert_int_equal(sd_identify(&model_host, &card), -EOPNOTSUPP);
	assert_logged("SDIO");
	assert_int_equal(lines(), 1);
}

static void a_card_that_is_never_ready_is_given_up(void **state)
{
	(void)state;
	model_insert(CARD_SDHC, 8 * GIB_SECTORS);
	model_card.power_up = 100000;
	assert_int_equal(sd_identify(&model_host, &card), -ETIMEDOUT);
	assert_in_range(model_count[64 + 41], 100, 2000);
}

static void a_write_protected_card_is_read_only(void **state)
{
	(void)state;
	model_insert(CARD_SDHC, 8 * GIB_SECTORS);
	model_card.write_protected = true;
	assert_int_equal(sd_identify(&model_host, &card), 0);
	assert_true(card.read_only);
}

/* Whatever command fails for good: it ends, with an error or with a card that is slower. */
static void whichever_command_fails_identification_ends(void **state)
{
	(void)state;
	for (unsigned index = 2; index < 128; index++) {
		model_insert(CARD_SDHC, 8 * GIB_SECTORS);
		model_fail(index, 0, 1000000, -ETIMEDOUT);
		shim_log_clear();
		if (sd_identify(&model_host, &card))
			assert_in_range(lines(), 0, 1);
		else
			assert_true(!model_count[index] || index == 8);
	}
}

/* ---- blocks ---- */

static uint8_t buf[SD_MAX_BLOCKS * SD_BLOCK];

static int transfer(bool write, uint64_t sector, uint32_t blocks)
{
	struct sd_seg segs[2] = {{buf, SD_BLOCK}, {buf + SD_BLOCK, (blocks - 1) * SD_BLOCK}};

	return sd_transfer(&card, write, sector, segs, blocks > 1 ? 2 : 1, blocks);
}

static void fill(uint8_t seed, uint32_t blocks)
{
	for (uint32_t i = 0; i < blocks * SD_BLOCK; i++)
		buf[i] = (uint8_t)(seed + i * 7 + i / SD_BLOCK);
}

/* Against a shadow, with a failure now and then that a second or third try gets over. */
static void what_is_written_is_read(void **state)
{
	static uint8_t shadow[MODEL_DATA_BLOCKS][SD_BLOCK];
	static const unsigned failing[] = {12, 13, 17, 18, 23, 24, 25};
	static const int errors[] = {-ETIMEDOUT, -EILSEQ, -EIO};

	(void)state;
	for (unsigned kind = CARD_V1; kind <= CARD_SDXC; kind++) {
		insert(kind, kind >= CARD_SDHC ? 64 * GIB_SECTORS : GIB_SECTORS);
		model_card.set_block_count = card.scr.set_block_count = kind & 1;
		model_card.first = card.csd.sectors - MODEL_DATA_BLOCKS;
		memset(shadow, 0, sizeof(shadow));
		for (unsigned op = 0; op < RANDOM_OPS / 4; op++) {
			uint32_t blocks = 1 + (uint32_t)shim_random(op % 8 ? 20 : SD_MAX_BLOCKS);
			uint64_t at = shim_random(MODEL_DATA_BLOCKS - blocks + 1);
			bool write = shim_random(2);

			if (shim_random(4) == 0)
				model_fail(failing[shim_random(7)], 0, 1 + op % 2,
					   errors[shim_random(3)]);
			fill((uint8_t)op, blocks);
			assert_int_equal(transfer(write, model_card.first + at, blocks), 0);
			if (write)
				memcpy(shadow[at], buf, blocks * SD_BLOCK);
			else
				assert_memory_equal(shadow[at], buf, blocks * SD_BLOCK);
		}
		assert_memory_equal(shadow, model_data, sizeof(shadow));
		assert_in_range(model_most_blocks, 100, SD_MAX_BLOCKS);
	}
}

static void several_blocks_are_counted_or_stopped(void **state)
{
	(void)state;
	insert(CARD_SDHC, 8 * GIB_SECTORS);
	assert_int_equal(transfer(true, 0, 8), 0);
	assert_int_equal(model_count[25], 1);
	assert_int_equal(model_count[23], 1);
	assert_int_equal(model_count[12], 0);
	card.scr.set_block_count = model_card.set_block_count = false;
	assert_int_equal(transfer(false, 0, 8), 0);
	assert_int_equal(model_count[18], 1);
	assert_int_equal(model_count[23], 1);
	assert_int_equal(model_count[12], 1);
	assert_int_equal(transfer(false, 0, 1), 0);
	assert_int_equal(model_count[17], 1);
	assert_int_equal(model_count[12], 1);
}

static void a_wrong_checksum_is_tried_again_and_slower(void **state)
{
	(void)state;
	insert(CARD_SDHC, 8 * GIB_SECTORS);
	model_fail(18, 0, 1, -EILSEQ);
	assert_int_equal(transfer(false, 0, 8), 0);
	assert_int_equal(model_hz, 50000000);
	assert_int_equal(lines(), 0);
	model_card.max_hz = 30000000; /* what lies between is worse than it was */
	assert_int_equal(transfer(false, 0, 8), 0);
	assert_int_equal(model_hz, 25000000);
	assert_logged("clock goes down to 25000 kHz");
	assert_int_equal(lines(), 1);
	assert_false(card.gone);
}

static void a_bad_block_is_an_error_and_nothing_more(void **state)
{
	(void)state;
	insert(CARD_SDHC, 8 * GIB_SECTORS);
	model_card.bad_read = 5;
	assert_int_equal(transfer(false, 0, 8), -EIO);
	assert_logged("read of 8 blocks at sector 0 failed");
	assert_int_equal(lines(), 1);
	model_card.bad_write = 6;
	assert_int_equal(transfer(true, 0, 8), -EIO);
	assert_logged("write of 8 blocks at sector 0 failed");
	assert_int_equal(lines(), 2);
	assert_false(card.gone);
	assert_int_equal(transfer(true, 8, 8), 0);
	assert_int_equal(transfer(false, 8, 8), 0);
}

static void tries_are_bounded_and_further_apart(void **state)
{
	uint64_t start;

	(void)state;
	insert(CARD_SDHC, 8 * GIB_SECTORS);
	model_fail(17, 0, 1000, -ETIMEDOUT);
	start = time_ns();
	assert_int_equal(transfer(false, 0, 1), -EIO);
	assert_int_equal(model_count[17], 4);
	assert_in_range(time_ns() - start, 21 * NSEC_PER_MSEC, 40 * NSEC_PER_MSEC);
}

static void a_removed_card_is_said_once(void **state)
{
	unsigned commands;

	(void)state;
	insert(CARD_SDHC, 8 * GIB_SECTORS);
	assert_int_equal(transfer(true, 0, 8), 0);
	model_card.removed = true;
	assert_int_equal(transfer(true, 0, 8), -ENOMEDIUM);
	assert_logged("removed");
	commands = model_count[13];
	model_card.removed = false; /* another one, perhaps */
	assert_int_equal(transfer(false, 0, 8), -ENOMEDIUM);
	assert_int_equal(model_count[13], commands);
	assert_int_equal(lines(), 1);
}

static void protected_blocks_are_said_to_be(void **state)
{
	(void)state;
	insert(CARD_SDHC, 8 * GIB_SECTORS);
	model_card.protected_block = 3;
	assert_int_equal(transfer(true, 0, 8), -EROFS);
	assert_logged("write-protected");
	assert_int_equal(model_count[25], 1);
	assert_int_equal(transfer(true, 8, 8), 0);
}

static void a_card_that_stays_busy_is_given_up(void **state)
{
	(void)state;
	insert(CARD_SDHC, 8 * GIB_SECTORS);
	model_card.busy = 10000000;
	assert_int_equal(transfer(true, 0, 8), -ENOMEDIUM);
	assert_true(card.gone);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(capacities_are_read),
	cmocka_unit_test(nonsense_in_a_csd_is_refused),
	cmocka_unit_test(either_write_protection_counts),
	cmocka_unit_test(names_are_text),
	cmocka_unit_test(each_kind_of_card_is_made_ready),
	cmocka_unit_test(the_host_s_limits_hold),
	cmocka_unit_test(a_card_of_one_line_stays_so),
	cmocka_unit_test(an_empty_socket_is_empty),
	cmocka_unit_test(sdio_is_left_alone),
	cmocka_unit_test(a_card_that_is_never_ready_is_given_up),
	cmocka_unit_test(a_write_protected_card_is_read_only),
	cmocka_unit_test(whichever_command_fails_identification_ends),
	cmocka_unit_test(what_is_written_is_read),
	cmocka_unit_test(several_blocks_are_counted_or_stopped),
	cmocka_unit_test(a_wrong_checksum_is_tried_again_and_slower),
	cmocka_unit_test(a_bad_block_is_an_error_and_nothing_more),
	cmocka_unit_test(tries_are_bounded_and_further_apart),
	cmocka_unit_test(a_removed_card_is_said_once),
	cmocka_unit_test(protected_blocks_are_said_to_be),
	cmocka_unit_test(a_card_that_stays_busy_is_given_up),
};

int main(void)
{
	return cmocka_run_group_tests_name("sd_card", tests, boot, NULL);
}
