// SPDX-License-Identifier: BSD-2-Clause
/* Open files: their life, and moving bytes between them and memory. */
#include "internal.h"

static struct kmem_cache *file_cache;

void file_init(void)
{
	file_cache = kmem_cache_create("filp", sizeof(struct file), 0, SLAB_PANIC, NULL);
}

struct file *file_alloc(struct inode *inode, const struct file_ops *ops, uint32_t flags)
{
	struct file *file = kmem_cache_alloc(file_cache, GFP_KERNEL | GFP_ZERO);

	if (!file) {
		inode_put(inode);
		return ERR_PTR(-ENOMEM);
	}
	file->refs = 1;
	file->flags = flags;
	file->ops = ops;
	file->inode = inode;
	mutex_init(&file->pos_lock);
	sb_get(inode->sb);
	return file;
}

/* A device's operations come from who registered it, all others' from the file system. */
static const struct file_ops *find_ops(struct inode *inode, uint32_t flags, void **data)
{
	static const struct file_ops path_only;

	if (flags & O_PATH)
		return &path_only;
	if (S_ISCHR(inode->mode) || S_ISBLK(inode->mode))
		return dev_find(inode->mode, inode->rdev, data);
	return inode->fops;
}

struct file *file_open_inode(struct inode *inode, char *path, uint32_t flags)
{
	void *data = NULL;
	const struct file_ops *ops = find_ops(inode, flags, &data);
	struct file *file;
	int err;

	if (!ops) {
		inode_put(inode);
		kfree(path);
		return ERR_PTR(-ENXIO);
	}
	file = file_alloc(inode, ops, flags);
	if (IS_ERR(file)) {
		kfree(path);
		return file;
	}
	file->data = data;
	file->path = path;
	file->stream = S_ISCHR(inode->mode) || S_ISFIFO(inode->mode);
	err = ops->open ? ops->open(inode, file) : 0;
	if (err) {
		static const struct file_ops failed;

		file->ops = &failed; /* what did not open is not released */
		file_put(file);
		return ERR_PTR(err);
	}
	file->flags &= ~(uint32_t)(O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_CLOEXEC);
	return file;
}

void file_get(struct file *file)
{
	__atomic_fetch_add(&file->refs, 1, __ATOMIC_RELAXED);
}

void file_put(struct file *file)
{
	struct superblock *sb = file->inode->sb;

	if (__atomic_sub_fetch(&file->refs, 1, __ATOMIC_ACQ_REL))
		return;
	if (file->ops->release)
		file->ops->release(file);
	inode_put(file->inode);
	sb_put(sb);
	kfree(file->path);
	kmem_cache_free(file_cache, file);
}

const char *file_path(const struct file *file, char *buf, size_t size)
{
	if (file->path)
		snprintf(buf, size, "%s%s", file->path, file->inode->nlink ? "" : " (deleted)");
	else if (file->inode->sb)
		snprintf(buf, size, "%s:[%lu]", file->inode->sb->type, file->inode->ino);
	else /* the one file that is in no file system: kernel/vdso.c */
		strlcpy(buf, "[vdso]", size);
	return buf;
}

ssize_t iobuf_put(struct iobuf *io, const void *from, size_t n)
{
	n = MIN(n, io->left);
	if (io->kernel)
		memcpy((void *)io->base, from, n);
	else if (n && (n = copy_to_user_partial(UPTR(io->base), from, n)) == 0)
		return -EFAULT;
	io->base += n;
	io->left -= n;
	return (ssize_t)n;
}

ssize_t iobuf_get(struct iobuf *io, void *to, size_t n)
{
	n = MIN(n, io->left);
	if (io->kernel)
		memcpy(to, (const void *)io->base, n);
	else if (n && (n = copy_from_user_partial(to, UPTR(io->base), n)) == 0)
		return -EFAULT;
	io->base += n;
	io->left -= n;
	return (ssize_t)n;
}

ssize_t file_read_iobuf(struct file *file, struct iobuf *io, uint64_t *pos)
{
	if ((file->flags & (O_ACCMODE | O_PATH)) == O_WRONLY || (file->flags & O_PATH))
		return -EBADF;
	if (S_ISDIR(file->inode->mode))
		return -EISDIR;
	if (!file->ops->read)
		return -EINVAL;
	return file->ops->read(file, io, pos);
}

ssize_t file_write_iobuf(struct file *file, struct iobuf *io, uint64_t *pos)
{
	if ((file->flags & O_ACCMODE) == O_RDONLY)
		return -EBADF;
	if (!file->ops->write)
		return -EINVAL;
	return file->ops->write(file, io, pos);
}

ssize_t file_read_kernel(struct file *file, void *buf, size_t len, uint64_t pos)
{
	struct iobuf io = {.kernel = true, .base = (uintptr_t)buf, .left = len};
	ssize_t n, done = 0;

	while (io.left && (n = file_read_iobuf(file, &io, &pos)) != 0) {
		if (n < 0)
			return done ? done : n;
		done += n;
	}
	return done;
}

int inode_truncate(struct inode *inode, uint64_t size)
{
	int err;

	if (S_ISDIR(inode->mode))
		return -EISDIR;
	if (!S_ISREG(inode->mode) || (int64_t)size < 0)
		return -EINVAL;
	if (!inode->ops->truncate)
		return 0; /* as Linux: echo >/proc/... works */
	mutex_lock(&inode->lock);
	err = inode->ops->truncate(inode, size);
	mutex_unlock(&inode->lock);
	return err;
}
