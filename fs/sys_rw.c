// SPDX-License-Identifier: BSD-2-Clause
/* System calls that move bytes and positions. */
#include "internal.h"
#include <linux/uio.h>
#include <twofold/syscall.h>

#define MAX_RW (INT32_MAX & PAGE_MASK) /* what one call moves at most, as Linux's MAX_RW_COUNT */
#define FAST_IOV 8
#define SENDFILE_CHUNK (4 * PAGE_SIZE)

enum direction { READ_IN, WRITE_OUT };

static inline ssize_t move(struct file *file, enum direction dir, struct iobuf *io, uint64_t *pos)
{
	return dir == READ_IN ? file_read_iobuf(file, io, pos) : file_write_iobuf(file, io, pos);
}

/* Several segments in turn; a stream is read only until it gave something, so as not to wait for
 * more. */
static ssize_t move_all(struct file *file, enum direction dir, const struct iovec *iov, size_t nr,
			uint64_t *pos)
{
	ssize_t done = 0;

	for (size_t i = 0; i < nr && done < (ssize_t)MAX_RW; i++) {
		size_t want = MIN((size_t)iov[i].iov_len, (size_t)(MAX_RW - done));
		struct iobuf io = {.base = (uintptr_t)iov[i].iov_base, .left = want};
		ssize_t n = want ? move(file, dir, &io, pos) : 0;

		if (n < 0)
			return done ? done : n;
		done += n;
		if ((size_t)n < want || (n && dir == READ_IN && file->stream))
			break;
	}
	return done;
}

/* The file's own position only needs its lock where the file is shared; streams have none. */
static bool lock_pos(struct fd_ref ref)
{
	if (ref.file->stream || (!ref.counted && READ_ONCE(ref.file->refs) == 1))
		return false;
	mutex_lock(&ref.file->pos_lock);
	return true;
}

static inline int64_t single(uint64_t fd, enum direction dir, uint64_t buf, uint64_t count)
{
	struct fd_ref ref = fd_borrow((int)fd);
	struct iobuf io = {.base = buf, .left = MIN(count, MAX_RW)};
	bool locked;
	ssize_t n;

	if (unlikely(!ref.file))
		return -EBADF;
	locked = lock_pos(ref);
	n = move(ref.file, dir, &io, &ref.file->pos);
	if (locked)
		mutex_unlock(&ref.file->pos_lock);
	fd_release(ref);
	return n;
}

int64_t sys_read(uint64_t fd, uint64_t buf, uint64_t count)
{
	return single(fd, READ_IN, buf, count);
}

int64_t sys_write(uint64_t fd, uint64_t buf, uint64_t count)
{
	return single(fd, WRITE_OUT, buf, count);
}

static int64_t vectored(uint64_t fd, enum direction dir, uint64_t ua, uint64_t nr)
{
	struct iovec fast[FAST_IOV], *iov = fast;
	struct fd_ref ref;
	bool locked;
	int64_t n;

	if (nr > UIO_MAXIOV)
		return -EINVAL;
	ref = fd_borrow((int)fd);
	if (!ref.file)
		return -EBADF;
	if (nr > FAST_IOV)
		iov = kmalloc(nr * sizeof(*iov), GFP_KERNEL);
	n = iov ? copy_from_user(iov, UPTR(ua), nr * sizeof(*iov)) : -ENOMEM;
	if (!n) {
		locked = lock_pos(ref);
		n = move_all(ref.file, dir, iov, nr, &ref.file->pos);
		if (locked)
			mutex_unlock(&ref.file->pos_lock);
	}
	if (iov != fast)
		kfree(iov);
	fd_release(ref);
	return n;
}

int64_t sys_readv(uint64_t fd, uint64_t iov, uint64_t nr)
{
	return vectored(fd, READ_IN, iov, nr);
}

int64_t sys_writev(uint64_t fd, uint64_t iov, uint64_t nr)
{
	return vectored(fd, WRITE_OUT, iov, nr);
}

static int64_t positioned(uint64_t fd, enum direction dir, uint64_t buf, uint64_t count,
			  uint64_t pos)
{
	struct fd_ref ref = fd_borrow((int)fd);
	struct iobuf io = {.base = buf, .left = MIN(count, MAX_RW)};
	int64_t n;

	if (!ref.file)
		return -EBADF;
	if ((int64_t)pos < 0)
		n = -EINVAL;
	else if (ref.file->stream)
		n = -ESPIPE;
	else
		n = move(ref.file, dir, &io, &pos);
	fd_release(ref);
	return n;
}

int64_t sys_pread64(uint64_t fd, uint64_t buf, uint64_t count, uint64_t pos)
{
	return positioned(fd, READ_IN, buf, count, pos);
}

int64_t sys_pwrite64(uint64_t fd, uint64_t buf, uint64_t count, uint64_t pos)
{
	return positioned(fd, WRITE_OUT, buf, count, pos);
}

static int64_t seek(struct file *file, int64_t offset, int whence)
{
	int64_t size = (int64_t)READ_ONCE(file->inode->size), base = 0;

	switch (whence) {
	case SEEK_SET:
		break;
	case SEEK_CUR:
		base = (int64_t)file->pos;
		break;
	case SEEK_END:
		base = size;
		break;
	case SEEK_DATA: /* a file without holes, as far as we tell */
	case SEEK_HOLE:
		if (offset < 0 || offset >= size)
			return -ENXIO;
		offset = whence == SEEK_DATA ? offset : size;
		break;
	default:
		return -EINVAL;
	}
	if (__builtin_add_overflow(base, offset, &offset) || offset < 0)
		return -EINVAL;
	file->pos = (uint64_t)offset;
	return offset;
}

int64_t sys_lseek(uint64_t fd, uint64_t offset, uint64_t whence)
{
	struct fd_ref ref = fd_borrow((int)fd);
	struct file *file = ref.file;
	int64_t pos;

	if (!file)
		return -EBADF;
	if (file->ops->seek) {
		mutex_lock(&file->pos_lock);
		pos = file->ops->seek(file, (int64_t)offset, (int)whence);
		mutex_unlock(&file->pos_lock);
	} else if (file->stream) {
		pos = -ESPIPE;
	} else {
		mutex_lock(&file->pos_lock);
		pos = seek(file, (int64_t)offset, (int)whence);
		mutex_unlock(&file->pos_lock);
	}
	fd_release(ref);
	return pos;
}

/* Through a kernel buffer; *pos moves by what arrived. */
static ssize_t send(struct file *out, struct file *in, uint64_t *pos, size_t count, char *buf)
{
	ssize_t done = 0, n = 0, written = 0;

	while ((size_t)done < count) {
		uint64_t at = *pos;
		struct iobuf io = {.kernel = true, .base = (uintptr_t)buf};

		io.left = MIN(count - (size_t)done, SENDFILE_CHUNK);
		n = file_read_iobuf(in, &io, &at);
		if (n <= 0)
			break;
		io = (struct iobuf){.kernel = true, .base = (uintptr_t)buf, .left = (size_t)n};
		for (written = 0; io.left; done += written, *pos += (uint64_t)written) {
			written = file_write_iobuf(out, &io, &out->pos);
			if (written <= 0)
				return done ? done : written;
		}
	}
	return done ? done : n;
}

static int64_t sendfile(struct file *out, struct file *in, uint64_t offset, uint64_t count)
{
	uint64_t pos = in->pos;
	char *buf;
	int64_t n;

	if (in->stream || (out->flags & O_APPEND))
		return -EINVAL;
	if (offset && get_user_u64(&pos, UPTR(offset)))
		return -EFAULT;
	if ((int64_t)pos < 0)
		return -EINVAL;
	buf = kmalloc(SENDFILE_CHUNK, GFP_KERNEL);
	if (!buf)
		return -ENOMEM;
	n = send(out, in, &pos, MIN(count, MAX_RW), buf);
	kfree(buf);
	if (!offset)
		in->pos = pos;
	else if (put_user_u64(UPTR(offset), pos))
		return -EFAULT;
	return n;
}

int64_t sys_sendfile(uint64_t out, uint64_t in, uint64_t offset, uint64_t count)
{
	struct fd_ref to = fd_borrow((int)out), from = fd_borrow((int)in);
	int64_t n = to.file && from.file ? sendfile(to.file, from.file, offset, count) : -EBADF;

	fd_release(from);
	fd_release(to);
	return n;
}
