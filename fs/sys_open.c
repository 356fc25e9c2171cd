// SPDX-License-Identifier: BSD-2-Clause
/* System calls on descriptors: opening, closing, duplicating, flags. */
#include "internal.h"
#include <asm/ioctls.h>
#include <linux/close_range.h>
#include <twofold/syscall.h>

#define SETFL_MASK (O_APPEND | O_NONBLOCK | O_DIRECT | O_NOATIME)

int64_t sys_openat(uint64_t dirfd, uint64_t path, uint64_t flags, uint64_t mode)
{
	char *name = getname(UPTR(path));
	struct file *file;
	int fd;

	if (IS_ERR(name))
		return PTR_ERR(name);
	file = file_open_at((int)dirfd, name, (int)flags | O_LARGEFILE, (uint32_t)mode);
	kfree(name);
	if (IS_ERR(file))
		return PTR_ERR(file);
	fd = fd_install(file, flags & O_CLOEXEC, 0);
	if (fd < 0)
		file_put(file);
	return fd;
}

int64_t sys_close(uint64_t fd)
{
	return fd_close((int)fd);
}

int64_t sys_close_range(uint64_t first, uint64_t last, uint64_t flags)
{
	if ((unsigned)first > (unsigned)last || (flags & ~(uint64_t)CLOSE_RANGE_CLOEXEC))
		return -EINVAL;
	fd_close_range((unsigned)first, (unsigned)last, flags & CLOSE_RANGE_CLOEXEC);
	return 0;
}

static int64_t dup_from(uint64_t fd, int lowest, bool cloexec)
{
	struct file *file = fd_get((int)fd);
	int new_fd;

	if (!file)
		return -EBADF;
	new_fd = fd_install(file, cloexec, lowest);
	if (new_fd < 0)
		file_put(file);
	return new_fd;
}

int64_t sys_dup(uint64_t fd)
{
	return dup_from(fd, 0, false);
}

int64_t sys_dup3(uint64_t oldfd, uint64_t newfd, uint64_t flags)
{
	struct file *file;
	int fd;

	if ((flags & ~(uint64_t)O_CLOEXEC) || (int)oldfd == (int)newfd)
		return -EINVAL;
	file = fd_get((int)oldfd);
	if (!file)
		return -EBADF;
	fd = fd_replace(file, (int)newfd, flags & O_CLOEXEC);
	if (fd < 0)
		file_put(file);
	return fd;
}

/* Locks between programs are not kept: whoever asks is told that there is none. */
static int64_t get_lock(uint64_t arg)
{
	struct flock lock;

	if (copy_from_user(&lock, UPTR(arg), sizeof(lock)))
		return -EFAULT;
	lock.l_type = F_UNLCK;
	return copy_to_user(UPTR(arg), &lock, sizeof(lock));
}

static int64_t fcntl_file(struct file *file, int fd, unsigned cmd, uint64_t arg)
{
	switch (cmd) {
	case F_DUPFD:
	case F_DUPFD_CLOEXEC:
		return dup_from((uint64_t)fd, (int)arg, cmd == F_DUPFD_CLOEXEC);
	case F_GETFD:
		return fd_cloexec(fd) ? FD_CLOEXEC : 0;
	case F_SETFD:
		fd_set_cloexec(fd, arg & FD_CLOEXEC);
		return 0;
	case F_GETFL:
		return file->flags;
	case F_SETFL:
		file->flags = (file->flags & ~(uint32_t)SETFL_MASK) | ((uint32_t)arg & SETFL_MASK);
		return 0;
	case F_GETLK:
		return get_lock(arg);
	case F_SETLK:
	case F_SETLKW:
	case F_SETOWN:
	case F_GETOWN:
		return 0;
	case F_GETPIPE_SZ:
	case F_SETPIPE_SZ:
		return pipe_fcntl(file, cmd, arg);
	default:
		return -EINVAL;
	}
}

int64_t sys_fcntl(uint64_t fd, uint64_t cmd, uint64_t arg)
{
	struct fd_ref ref = fd_borrow((int)fd);
	int64_t ret = ref.file ? fcntl_file(ref.file, (int)fd, (unsigned)cmd, arg) : -EBADF;

	fd_release(ref);
	return ret;
}

int64_t sys_flock(uint64_t fd, uint64_t op)
{
	struct fd_ref ref = fd_borrow((int)fd);
	bool known = (op & ~(uint64_t)LOCK_NB) == LOCK_SH || (op & ~(uint64_t)LOCK_NB) == LOCK_EX ||
		     (op & ~(uint64_t)LOCK_NB) == LOCK_UN;

	if (!ref.file)
		return -EBADF;
	fd_release(ref);
	return known ? 0 : -EINVAL;
}

static int64_t set_nonblock(struct file *file, uint64_t arg)
{
	uint32_t on;

	if (get_user_u32(&on, UPTR(arg)))
		return -EFAULT;
	file->flags = (file->flags & ~(uint32_t)O_NONBLOCK) | (on ? O_NONBLOCK : 0);
	return 0;
}

static int64_t ioctl_file(struct file *file, int fd, unsigned cmd, uint64_t arg)
{
	switch (cmd) {
	case FIOCLEX:
	case FIONCLEX:
		fd_set_cloexec(fd, cmd == FIOCLEX);
		return 0;
	case FIONBIO:
		return set_nonblock(file, arg);
	case FIONREAD:
		if (!S_ISREG(file->inode->mode))
			break;
		return put_user_u32(UPTR(arg), (uint32_t)(file->inode->size - file->pos));
	}
	return file->ops->ioctl ? file->ops->ioctl(file, cmd, arg) : -ENOTTY;
}

int64_t sys_ioctl(uint64_t fd, uint64_t cmd, uint64_t arg)
{
	struct fd_ref ref = fd_borrow((int)fd);
	int64_t ret = ref.file ? ioctl_file(ref.file, (int)fd, (unsigned)cmd, arg) : -EBADF;

	fd_release(ref);
	return ret;
}
