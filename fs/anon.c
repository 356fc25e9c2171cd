// SPDX-License-Identifier: BSD-2-Clause
/* Files that no directory names: what a system call hands out as a descriptor. */
#include "internal.h"
#include <linux/magic.h>

static struct superblock *anonfs;

static const struct inode_ops anon_inode_ops = {0};

void anon_init(void)
{
	anonfs = sb_alloc("anon_inodefs", ANON_INODE_FS_MAGIC);
	if (!anonfs)
		panic("no memory for anonymous files");
}

struct file *file_anonymous(const struct file_ops *fops, void *data)
{
	struct inode *inode = inode_alloc(anonfs, 0600);
	struct file *file;

	if (!inode)
		return ERR_PTR(-ENOMEM);
	inode->ops = &anon_inode_ops; /* no fops: /proc/PID/fd/N does not open it again */
	file = file_alloc(inode, fops, O_RDWR);
	if (IS_ERR(file))
		return file;
	file->data = data;
	file->stream = true;
	return file;
}
