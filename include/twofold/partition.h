/* SPDX-License-Identifier: BSD-2-Clause */
/* Partition tables: MBR (with extended partitions) and GPT (UEFI specification 2.10, chapter 5). */
#ifndef TWOFOLD_PARTITION_H
#define TWOFOLD_PARTITION_H

#include <twofold/block.h>

enum partition_table { TABLE_NONE, TABLE_MBR, TABLE_GPT, TABLE_BROKEN };

struct partition {
	unsigned number; /* from 1; logical ones of an MBR from 5 */
	uint64_t start, sectors;
	char type[40]; /* "0x82", or a GUID in lower case */
};

struct partitions {
	enum partition_table table;
	unsigned nr;
	struct partition list[MAX_PARTITIONS];
};

/*
 * Reads a disk's table. A table is not trusted: entries that are empty, reach past the end of the
 * disk, over the table or over an entry before them are left out, each with a log line. Sleeps.
 * 0, -ENOMEM, or an error of reading.
 */
int partitions_read(struct block_device *disk, struct partitions *found);

/* Reads the table and registers what is in it as block devices, NAMEn or NAMEpn. Sleeps. */
void partitions_find(struct block_device *disk);

#endif
