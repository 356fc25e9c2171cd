// SPDX-License-Identifier: BSD-2-Clause
/* System calls on the working directory, and reading directories. */
#include "internal.h"
#include <twofold/syscall.h>

/* What getdents64 gives; the UAPI headers leave it to libc. */
struct dirent64 {
	uint64_t ino, next;
	uint16_t length;
	uint8_t type; /* the S_IFMT bits, shifted: DT_DIR, ... */
	char name[NAME_MAX + 1];
};

struct dirent_buffer {
	uint64_t at, left;
	int err; /* why we stopped */
};

static bool emit_dirent(void *arg, const char *name, uint64_t ino, unsigned type, uint64_t next)
{
	struct dirent_buffer *b = arg;
	struct dirent64 d = {.ino = ino, .next = next, .type = (uint8_t)(type >> 12)};
	size_t name_len = strlen(name) + 1;

	d.length = (uint16_t)ALIGN_UP(offsetof(struct dirent64, name) + name_len, 8);
	if (d.length > b->left) {
		b->err = -EINVAL;
		return false;
	}
	memcpy(d.name, name, name_len);
	b->err = copy_to_user(UPTR(b->at), &d, d.length);
	if (b->err)
		return false;
	b->at += d.length;
	b->left -= d.length;
	return true;
}

int64_t sys_getdents64(uint64_t fd, uint64_t dirent, uint64_t size)
{
	struct dirent_buffer b = {.at = dirent, .left = (uint32_t)size};
	struct fd_ref ref = fd_borrow((int)fd);
	struct inode *dir;
	int err;

	if (!ref.file)
		return -EBADF;
	dir = ref.file->inode;
	if (!S_ISDIR(dir->mode) || (ref.file->flags & O_PATH)) {
		fd_release(ref);
		return S_ISDIR(dir->mode) ? -EBADF : -ENOTDIR;
	}
	mutex_lock(&ref.file->pos_lock);
	mutex_lock(&dir->lock);
	err = dir->nlink ? dir->ops->readdir(dir, &ref.file->pos, emit_dirent, &b) : -ENOENT;
	mutex_unlock(&dir->lock);
	mutex_unlock(&ref.file->pos_lock);
	fd_release(ref);
	if (b.at != dirent)
		return (int64_t)(b.at - dirent);
	return err ? err : b.err;
}

/* Makes `inode` (reference used up) the root or the working directory. */
static int64_t move_to(struct inode **which, struct inode *inode)
{
	int err = 0;

	if (IS_ERR(inode))
		return PTR_ERR(inode);
	if (!S_ISDIR(inode->mode))
		err = -ENOTDIR;
	else if (!inode_permission(inode, MAY_EXEC))
		err = -EACCES;
	else
		fs_context_set(current->fs, which, inode);
	inode_put(inode);
	return err;
}

int64_t sys_chdir(uint64_t path)
{
	return move_to(&current->fs->cwd, user_lookup(AT_FDCWD, path, true, 0));
}

int64_t sys_chroot(uint64_t path)
{
	return move_to(&current->fs->root, user_lookup(AT_FDCWD, path, true, 0));
}

int64_t sys_fchdir(uint64_t fd)
{
	struct fd_ref ref = fd_borrow((int)fd);
	int64_t err;

	if (!ref.file)
		return -EBADF;
	inode_get(ref.file->inode);
	err = move_to(&current->fs->cwd, ref.file->inode);
	fd_release(ref);
	return err;
}

int64_t sys_getcwd(uint64_t buf, uint64_t size)
{
	struct inode *cwd = fs_get_cwd();
	char *path = cwd->nlink ? path_of(cwd, NULL) : ERR_PTR(-ENOENT);
	int64_t len;

	inode_put(cwd);
	if (IS_ERR(path) || !path)
		return path ? PTR_ERR(path) : -ENOMEM;
	len = (int64_t)strlen(path) + 1;
	if ((uint64_t)len > size)
		len = -ERANGE;
	else if (copy_to_user(UPTR(buf), path, (size_t)len))
		len = -EFAULT;
	kfree(path);
	return len;
}

int64_t sys_umask(uint64_t mask)
{
	return __atomic_exchange_n(&current->fs->umask, (uint32_t)mask & 0777, __ATOMIC_RELAXED);
}
