// SPDX-License-Identifier: BSD-2-Clause
/* System calls that tell about files. */
#include "internal.h"
#include <asm/stat.h>
#include <asm/statfs.h>
#include <twofold/syscall.h>

#define STAT_FLAGS (AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH)

static void refresh(struct inode *inode)
{
	if (inode->ops->refresh)
		inode->ops->refresh(inode);
}

static int64_t put_stat(struct inode *inode, uint64_t ua)
{
	struct stat st = {
		.st_dev = inode->sb->dev,
		.st_ino = inode->ino,
		.st_mode = inode->mode,
		.st_uid = inode->uid,
		.st_gid = inode->gid,
		.st_rdev = inode->rdev,
		.st_blksize = PAGE_SIZE,
	};

	refresh(inode);
	st.st_nlink = inode->nlink;
	st.st_size = (long)inode->size;
	st.st_blocks = (long)inode->blocks;
	st.st_atime = (long)(inode->atime / NSEC_PER_SEC);
	st.st_atime_nsec = inode->atime % NSEC_PER_SEC;
	st.st_mtime = (long)(inode->mtime / NSEC_PER_SEC);
	st.st_mtime_nsec = inode->mtime % NSEC_PER_SEC;
	st.st_ctime = (long)(inode->ctime / NSEC_PER_SEC);
	st.st_ctime_nsec = inode->ctime % NSEC_PER_SEC;
	return copy_to_user(UPTR(ua), &st, sizeof(st));
}

int64_t sys_fstat(uint64_t fd, uint64_t stat)
{
	struct fd_ref ref = fd_borrow((int)fd);
	int64_t err;

	if (!ref.file)
		return -EBADF;
	err = put_stat(ref.file->inode, stat);
	fd_release(ref);
	return err;
}

int64_t sys_newfstatat(uint64_t dirfd, uint64_t path, uint64_t stat, uint64_t flags)
{
	struct inode *inode;
	int64_t err;

	if (flags & ~(uint64_t)STAT_FLAGS)
		return -EINVAL;
	inode = user_lookup((int)dirfd, path, !(flags & AT_SYMLINK_NOFOLLOW), (int)flags);
	if (IS_ERR(inode))
		return PTR_ERR(inode);
	err = put_stat(inode, stat);
	inode_put(inode);
	return err;
}

static struct statx_timestamp statx_time(uint64_t ns)
{
	return (struct statx_timestamp){.tv_sec = (int64_t)(ns / NSEC_PER_SEC),
					.tv_nsec = (uint32_t)(ns % NSEC_PER_SEC)};
}

static int64_t put_statx(struct inode *inode, uint64_t ua)
{
	struct statx st = {
		.stx_mask = STATX_BASIC_STATS,
		.stx_blksize = PAGE_SIZE,
		.stx_uid = inode->uid,
		.stx_gid = inode->gid,
		.stx_mode = (uint16_t)inode->mode,
		.stx_ino = inode->ino,
		.stx_rdev_major = (inode->rdev >> 8) & 0xfff,
		.stx_rdev_minor = (inode->rdev & 0xff) | ((inode->rdev >> 12) & 0xfff00),
		.stx_dev_minor = (uint32_t)inode->sb->dev,
	};

	refresh(inode);
	st.stx_nlink = inode->nlink;
	st.stx_size = inode->size;
	st.stx_blocks = inode->blocks;
	st.stx_atime = statx_time(inode->atime);
	st.stx_mtime = statx_time(inode->mtime);
	st.stx_ctime = statx_time(inode->ctime);
	return copy_to_user(UPTR(ua), &st, sizeof(st));
}

int64_t sys_statx(uint64_t dirfd, uint64_t path, uint64_t flags, uint64_t mask, uint64_t statx)
{
	struct inode *inode;
	int64_t err;

	if ((flags & ~(uint64_t)(STAT_FLAGS | AT_STATX_SYNC_TYPE)) || (mask & STATX__RESERVED))
		return -EINVAL;
	inode = user_lookup((int)dirfd, path, !(flags & AT_SYMLINK_NOFOLLOW), (int)flags);
	if (IS_ERR(inode))
		return PTR_ERR(inode);
	err = put_statx(inode, statx);
	inode_put(inode);
	return err;
}

static int64_t read_link(struct inode *inode, uint64_t ua, size_t size)
{
	char *text = kmalloc(PATH_MAX, GFP_KERNEL);
	ssize_t len;

	if (!text)
		return -ENOMEM;
	len = inode->ops->readlink(inode, text, PATH_MAX);
	if (len > 0) {
		len = MIN(len, (ssize_t)size);
		if (copy_to_user(UPTR(ua), text, (size_t)len))
			len = -EFAULT;
	}
	kfree(text);
	return len;
}

int64_t sys_readlinkat(uint64_t dirfd, uint64_t path, uint64_t buf, uint64_t size)
{
	struct inode *inode;
	int64_t len;

	if ((int)size <= 0)
		return -EINVAL;
	inode = user_lookup((int)dirfd, path, false, AT_EMPTY_PATH);
	if (IS_ERR(inode))
		return PTR_ERR(inode);
	len = S_ISLNK(inode->mode) ? read_link(inode, buf, (size_t)size) : -EINVAL;
	inode_put(inode);
	return len;
}

int64_t sys_faccessat2(uint64_t dirfd, uint64_t path, uint64_t mode, uint64_t flags)
{
	struct inode *inode;
	int64_t err;

	if ((mode & ~7ull) ||
	    (flags & ~(uint64_t)(AT_EACCESS | AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)))
		return -EINVAL;
	inode = user_lookup((int)dirfd, path, !(flags & AT_SYMLINK_NOFOLLOW), (int)flags);
	if (IS_ERR(inode))
		return PTR_ERR(inode);
	err = inode_permission(inode, (int)mode) ? 0 : -EACCES;
	inode_put(inode);
	return err;
}

int64_t sys_faccessat(uint64_t dirfd, uint64_t path, uint64_t mode)
{
	return sys_faccessat2(dirfd, path, mode, 0);
}

static int64_t put_statfs(struct inode *inode, uint64_t ua)
{
	const struct superblock *sb = inode->sb;
	uint64_t total = sb->max_bytes ? sb->max_bytes / PAGE_SIZE : frames_managed();
	uint64_t used = MIN(sb->used_bytes / PAGE_SIZE, total);
	struct statfs st = {
		.f_type = (long)sb->magic,
		.f_bsize = PAGE_SIZE,
		.f_frsize = PAGE_SIZE,
		.f_namelen = NAME_MAX,
		.f_fsid = {{(int)sb->dev, 0}},
	};

	if (strcmp(sb->type, "proc")) {
		st.f_blocks = (long)total;
		st.f_bfree = st.f_bavail = (long)(total - used);
	}
	return copy_to_user(UPTR(ua), &st, sizeof(st));
}

int64_t sys_statfs(uint64_t path, uint64_t buf)
{
	struct inode *inode = user_lookup(AT_FDCWD, path, true, 0);
	int64_t err;

	if (IS_ERR(inode))
		return PTR_ERR(inode);
	err = put_statfs(inode, buf);
	inode_put(inode);
	return err;
}

int64_t sys_fstatfs(uint64_t fd, uint64_t buf)
{
	struct fd_ref ref = fd_borrow((int)fd);
	int64_t err;

	if (!ref.file)
		return -EBADF;
	err = put_statfs(ref.file->inode, buf);
	fd_release(ref);
	return err;
}
