/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An SD card and its host in one, below the real protocol code: a state machine that takes commands
 * only where the specification allows them (4.8.1), answers as slowly as a card may, and fails
 * where a test wants it. A clock that only sleeping moves.
 */
#ifndef SD_MODEL_H
#define SD_MODEL_H

#include "drivers/sd/sd.h"

#define MODEL_DATA_BLOCKS 4096u /* that it really has, from model_card.first on */

enum model_kind { CARD_NONE, CARD_V1, CARD_SDSC, CARD_SDHC, CARD_SDXC, CARD_SDIO };

extern struct model_card {
	enum model_kind kind;
	uint64_t sectors, first;
	bool set_block_count, high_speed, wide, write_protected;
	unsigned power_up;	      /* ACMD41 it takes */
	unsigned busy;		      /* CMD13 it takes after a write */
	uint64_t bad_write, bad_read; /* a block that is; UINT64_MAX: none */
	uint64_t protected_block;
	bool removed;
	uint32_t max_hz; /* above it checksums are wrong */
} model_card;

extern struct sd_host model_host;
extern uint8_t model_data[MODEL_DATA_BLOCKS][SD_BLOCK];

/* What came since model_insert(), by command; ACMDs from 64 on. */
extern unsigned model_count[128];
extern uint32_t model_most_blocks; /* of one command */
extern uint32_t model_hz;
extern unsigned model_width;

void model_insert(enum model_kind kind, uint64_t sectors);
/* From the `after`-th command `index` on, the next `times` fail with `err`, half-way. */
void model_fail(unsigned index, unsigned after, unsigned times, int err);

#endif
