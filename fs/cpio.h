/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading cpio archives in the "newc" format (070701, and 070702, whose checksums are ignored).
 * Pure: no memory but the archive's is looked at, none is allocated; it runs on the host as well.
 */
#ifndef FS_CPIO_H
#define FS_CPIO_H

#include <twofold/types.h>

#define CPIO_NAME_MAX 4096 /* with its NUL and padding: PATH_MAX */

struct cpio_entry {
	const char *name; /* NUL-terminated, without leading "/" and "./"; "" for the root */
	const uint8_t *data;
	uint64_t size;
	uint32_t ino, mode, uid, gid, nlink, mtime, dev_major, dev_minor, rdev_major, rdev_minor;
	size_t offset;	  /* of its header in the archive */
	unsigned archive; /* which of several, from 0: hard links do not cross them */
};

struct cpio_reader {
	const uint8_t *base;
	size_t size, pos;
	unsigned archive;
	bool inside;	   /* an archive has begun and its trailer has not come */
	const char *error; /* after -EINVAL: why, and where */
	size_t error_at;
};

void cpio_start(struct cpio_reader *r, const void *base, size_t size);
/* 1 and the next entry; 0 at the end; -EINVAL where the archive is broken, every time from then on.
 */
int cpio_next(struct cpio_reader *r, struct cpio_entry *e);

#endif
