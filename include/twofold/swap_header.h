/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The first page of a swap area, as mkswap(8) of util-linux writes it (Linux: union swap_header).
 */
#ifndef TWOFOLD_SWAP_HEADER_H
#define TWOFOLD_SWAP_HEADER_H

#include <twofold/types.h>

#define SWAP_MAX_BADPAGES 637 /* what fits between the fixed part and the magic */

struct swap_header {
	uint8_t bootbits[1024]; /* a boot loader's, a partition table's */
	uint32_t version, last_page, nr_badpages;
	uint8_t uuid[16];
	char volume[16];
	uint32_t padding[117];
	uint32_t badpages[SWAP_MAX_BADPAGES];
	uint8_t unused[2];
	char magic[10]; /* "SWAPSPACE2", no NUL */
} __packed;
_Static_assert(sizeof(struct swap_header) == 4096, "one page");

/*
 * NULL where the header is good for a device of `device_pages` pages; else what is wrong with it.
 */
const char *swap_header_check(const struct swap_header *h, uint64_t device_pages);

#endif
