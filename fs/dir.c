// SPDX-License-Identifier: BSD-2-Clause
/* Directories as open files: their position is the cookie of the next entry. */
#include "internal.h"

bool dir_emit_dots(struct inode *dir, uint64_t *pos, dir_emit_t emit, void *arg)
{
	if (*pos == 0) {
		if (!emit(arg, ".", dir->ino, S_IFDIR, 1))
			return false;
		*pos = 1;
	}
	if (*pos == 1) {
		if (!emit(arg, "..", dir->parent->ino, S_IFDIR, DIR_FIRST_COOKIE))
			return false;
		*pos = DIR_FIRST_COOKIE;
	}
	return true;
}

static int64_t dir_seek(struct file *file, int64_t offset, int whence)
{
	if (whence == SEEK_CUR)
		offset += (int64_t)file->pos;
	else if (whence != SEEK_SET)
		return -EINVAL;
	if (offset < 0)
		return -EINVAL;
	file->pos = (uint64_t)offset;
	return offset;
}

const struct file_ops dir_fops = {.seek = dir_seek};
