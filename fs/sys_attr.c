// SPDX-License-Identifier: BSD-2-Clause
/* System calls that change what a file is: mode, owner, times, size. */
#include "internal.h"
#include <linux/fadvise.h>
#include <linux/falloc.h>
#include <twofold/syscall.h>

/* utimensat(2)'s special nanoseconds; the UAPI headers leave them to libc. */
#define UTIME_NOW ((1l << 30) - 1)
#define UTIME_OMIT ((1l << 30) - 2)

/* One change: fn gets the inode and the call's arguments. */
typedef int (*change_t)(struct inode *inode, const uint64_t *args);

static int64_t change_fd(uint64_t fd, change_t change, const uint64_t *args)
{
	struct fd_ref ref = fd_borrow((int)fd);
	int64_t err;

	if (!ref.file)
		return -EBADF;
	err = ref.file->flags & O_PATH ? -EBADF : change(ref.file->inode, args);
	fd_release(ref);
	return err;
}

static int64_t change_path(uint64_t dirfd, uint64_t path, uint64_t flags, change_t change,
			   const uint64_t *args)
{
	struct inode *inode =
		user_lookup((int)dirfd, path, !(flags & AT_SYMLINK_NOFOLLOW), (int)flags);
	int64_t err;

	if (IS_ERR(inode))
		return PTR_ERR(inode);
	err = change(inode, args);
	inode_put(inode);
	return err;
}

/* Only the owner and root may. */
static bool may_change(const struct inode *inode)
{
	const struct process *p = current->process;

	return !p || p->uid == 0 || p->uid == inode->uid;
}

static int change_mode(struct inode *inode, const uint64_t *args)
{
	if (!may_change(inode))
		return -EPERM;
	inode->mode = (inode->mode & S_IFMT) | (args[0] & S_ALLUGO);
	inode->ctime = time_realtime_ns();
	return 0;
}

static int change_owner(struct inode *inode, const uint64_t *args)
{
	if (!may_change(inode))
		return -EPERM;
	if ((uint32_t)args[0] != UINT32_MAX)
		inode->uid = (uint32_t)args[0];
	if ((uint32_t)args[1] != UINT32_MAX)
		inode->gid = (uint32_t)args[1];
	inode->ctime = time_realtime_ns();
	return 0;
}

int64_t sys_fchmod(uint64_t fd, uint64_t mode)
{
	return change_fd(fd, change_mode, (uint64_t[]){mode});
}

int64_t sys_fchmodat(uint64_t dirfd, uint64_t path, uint64_t mode)
{
	return change_path(dirfd, path, 0, change_mode, (uint64_t[]){mode});
}

int64_t sys_fchown(uint64_t fd, uint64_t uid, uint64_t gid)
{
	return change_fd(fd, change_owner, (uint64_t[]){uid, gid});
}

int64_t sys_fchownat(uint64_t dirfd, uint64_t path, uint64_t uid, uint64_t gid, uint64_t flags)
{
	if (flags & ~(uint64_t)(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	return change_path(dirfd, path, flags, change_owner, (uint64_t[]){uid, gid});
}

static int change_times(struct inode *inode, const uint64_t *args)
{
	if (!may_change(inode))
		return -EPERM;
	if (args[0] != UINT64_MAX)
		inode->atime = args[0];
	if (args[1] != UINT64_MAX)
		inode->mtime = args[1];
	inode->ctime = time_realtime_ns();
	return 0;
}

/* A struct timespec of utimensat as ns; UINT64_MAX: leave as it is. */
static int read_time(const int64_t ts[2], uint64_t now, uint64_t *ns)
{
	if (ts[1] == UTIME_NOW)
		*ns = now;
	else if (ts[1] == UTIME_OMIT)
		*ns = UINT64_MAX;
	else if (ts[1] < 0 || ts[1] >= (int64_t)NSEC_PER_SEC)
		return -EINVAL;
	else
		*ns = (uint64_t)ts[0] * NSEC_PER_SEC + (uint64_t)ts[1];
	return 0;
}

int64_t sys_utimensat(uint64_t dirfd, uint64_t path, uint64_t times, uint64_t flags)
{
	uint64_t now = time_realtime_ns(), args[2] = {now, now};
	int64_t ts[2][2];

	if (flags & ~(uint64_t)(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	if (times) {
		if (copy_from_user(ts, UPTR(times), sizeof(ts)))
			return -EFAULT;
		if (read_time(ts[0], now, &args[0]) || read_time(ts[1], now, &args[1]))
			return -EINVAL;
	}
	if (!path) /* futimens() */
		return change_fd(dirfd, change_times, args);
	return change_path(dirfd, path, flags, change_times, args);
}

static int change_size(struct inode *inode, const uint64_t *args)
{
	if (!inode_permission(inode, MAY_WRITE))
		return -EACCES;
	return inode_truncate(inode, args[0]);
}

int64_t sys_truncate(uint64_t path, uint64_t size)
{
	if ((int64_t)size < 0)
		return -EINVAL;
	return change_path((uint64_t)AT_FDCWD, path, 0, change_size, (uint64_t[]){size});
}

/* Calls change() on the regular file behind a descriptor open for writing. */
static int64_t change_written(uint64_t fd, change_t change, const uint64_t *args, int not_writable)
{
	struct fd_ref ref = fd_borrow((int)fd);
	int64_t err;

	if (!ref.file)
		return -EBADF;
	if ((ref.file->flags & O_ACCMODE) == O_RDONLY)
		err = not_writable;
	else
		err = change(ref.file->inode, args);
	fd_release(ref);
	return err;
}

static int truncate_file(struct inode *inode, const uint64_t *args)
{
	return S_ISREG(inode->mode) ? inode_truncate(inode, args[0]) : -EINVAL;
}

int64_t sys_ftruncate(uint64_t fd, uint64_t size)
{
	return (int64_t)size < 0 ? -EINVAL
				 : change_written(fd, truncate_file, (uint64_t[]){size}, -EINVAL);
}

/* Grows the file; its pages come when they are touched. */
static int extend_file(struct inode *inode, const uint64_t *args)
{
	int err = 0;

	if (S_ISFIFO(inode->mode))
		return -ESPIPE;
	if (!S_ISREG(inode->mode) || !inode->ops->truncate)
		return -ENODEV;
	mutex_lock(&inode->lock);
	if (args[0] > inode->size)
		err = inode->ops->truncate(inode, args[0]);
	mutex_unlock(&inode->lock);
	return err;
}

int64_t sys_fallocate(uint64_t fd, uint64_t mode, uint64_t offset, uint64_t len)
{
	uint64_t end = offset + len;

	if ((int64_t)offset < 0 || (int64_t)len <= 0)
		return -EINVAL;
	if ((int64_t)end < 0)
		return -EFBIG;
	if (mode & ~(uint64_t)FALLOC_FL_KEEP_SIZE)
		return -EOPNOTSUPP;
	return change_written(fd, extend_file, (uint64_t[]){mode ? 0 : end}, -EBADF);
}

/* Files live in memory: there is nothing to write back, and no advice to take. */
static int64_t check_fd(uint64_t fd)
{
	struct fd_ref ref = fd_borrow((int)fd);

	fd_release(ref);
	return ref.file ? 0 : -EBADF;
}

int64_t sys_fadvise64(uint64_t fd, uint64_t offset, uint64_t len, uint64_t advice)
{
	struct fd_ref ref = fd_borrow((int)fd);
	int64_t err = 0;

	(void)offset;
	if (!ref.file)
		return -EBADF;
	if (ref.file->stream)
		err = -ESPIPE;
	else if (advice > POSIX_FADV_NOREUSE || (int64_t)len < 0)
		err = -EINVAL;
	fd_release(ref);
	return err;
}

int64_t sys_fsync(uint64_t fd)
{
	return check_fd(fd);
}

int64_t sys_fdatasync(uint64_t fd)
{
	return check_fd(fd);
}

int64_t sys_syncfs(uint64_t fd)
{
	return check_fd(fd);
}

int64_t sys_sync(void)
{
	return 0;
}
