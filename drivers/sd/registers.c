// SPDX-License-Identifier: BSD-2-Clause
/* The registers by which a card describes itself. */
#include <twofold/errno.h>
#include <twofold/log.h>

#include "sd.h"

/* Bits hi to lo of a register of 128 bits, the highest word first; at most 32 of them. */
static uint32_t bits(const uint32_t raw[4], unsigned hi, unsigned lo)
{
	uint32_t value = 0;

	for (unsigned bit = hi + 1; bit-- > lo;)
		value = value << 1 | (raw[3 - bit / 32] >> (bit % 32) & 1);
	return value;
}

static void text(char *to, const uint32_t raw[4], unsigned hi, unsigned len)
{
	for (unsigned i = 0; i < len; i++) {
		char c = (char)bits(raw, hi - 8 * i, hi - 8 * i - 7);

		to[i] = c < ' ' || c > '~' ? '?' : c;
	}
	to[len] = '\0';
}

void sd_parse_cid(const uint32_t raw[4], struct sd_cid *cid)
{
	cid->manufacturer = (uint8_t)bits(raw, 127, 120);
	text(cid->oem, raw, 119, 2);
	text(cid->product, raw, 103, 5);
	cid->revision = (uint8_t)bits(raw, 63, 56);
	cid->serial = bits(raw, 55, 24);
	cid->year = 2000 + bits(raw, 19, 12);
	cid->month = bits(raw, 11, 8);
}

/* TRAN_SPEED (5.3.2): a value in tenths, and a unit. 0: reserved codes. */
static uint32_t transfer_rate(uint32_t code)
{
	static const uint8_t tenths[16] = {0,  10, 12, 13, 15, 20, 25, 30,
					   35, 40, 45, 50, 55, 60, 70, 80};
	static const uint32_t unit[8] = {10000, 100000, 1000000, 10000000};

	return tenths[code >> 3 & 15] * unit[code & 7];
}

/* Version 1 (5.3.2): a count of units, whose size is a power of two, of blocks, whose size is one.
 */
static uint64_t capacity_v1(const uint32_t raw[4])
{
	uint32_t block_bits = bits(raw, 83, 80), unit_bits = bits(raw, 49, 47) + 2;

	if (block_bits < 9 || block_bits > 11)
		return 0;
	return (uint64_t)(bits(raw, 73, 62) + 1) << (unit_bits + block_bits - 9);
}

/* Version 2 (5.3.3): a count of 512 KiB. */
static uint64_t capacity_v2(const uint32_t raw[4])
{
	return (uint64_t)(bits(raw, 69, 48) + 1) * (512 * SZ_1K / SD_BLOCK);
}

int sd_parse_csd(const uint32_t raw[4], struct sd_csd *csd)
{
	uint32_t version = bits(raw, 127, 126);

	if (version > 1)
		return -EINVAL;
	csd->sectors = version ? capacity_v2(raw) : capacity_v1(raw);
	csd->max_hz = transfer_rate(bits(raw, 103, 96));
	csd->classes = (uint16_t)bits(raw, 95, 84);
	csd->write_protected = bits(raw, 13, 12) != 0;
	return csd->sectors && csd->max_hz ? 0 : -EINVAL;
}

void sd_parse_scr(const uint8_t raw[8], struct sd_scr *scr)
{
	scr->spec = raw[0] & 15;
	scr->wide = raw[1] & 4;
	scr->set_block_count = raw[3] & 2;
}
