// SPDX-License-Identifier: BSD-2-Clause
/*
 * Pipes and FIFOs: a ring of 64 KiB whose pages come as they are first needed; the first stays. A
 * sleeper goes on its queue before it lets go of the pipe's lock, so an empty queue seen under the
 * lock means that nobody needs waking.
 */
#include "internal.h"
#include <asm/ioctls.h>
#include <linux/magic.h>
#include <twofold/syscall.h>

#define NR_PAGES 16u
#define PIPE_SIZE (NR_PAGES * PAGE_SIZE)

struct pipe {
	struct mutex lock;
	uint64_t head, tail; /* bytes ever written and read; head - tail of them are in the ring */
	unsigned readers, writers;
	uint64_t readers_ever,
		writers_ever; /* opens, for a FIFO's open to wait for the other side */
	struct wait_queue read_wq, write_wq;
	struct page *pages[NR_PAGES];
};

static struct superblock *pipefs;
static struct kmem_cache *pipe_cache;

void pipe_init(void)
{
	pipe_cache = kmem_cache_create("pipe", sizeof(struct pipe), 0, SLAB_PANIC, NULL);
	pipefs = sb_alloc("pipe", PIPEFS_MAGIC);
	if (!pipefs)
		panic("no memory for pipes");
}

static struct pipe *pipe_alloc(void)
{
	struct pipe *p = kmem_cache_alloc(pipe_cache, GFP_KERNEL | GFP_ZERO);

	if (!p)
		return NULL;
	mutex_init(&p->lock);
	wait_queue_init(&p->read_wq);
	wait_queue_init(&p->write_wq);
	return p;
}

static void pipe_free(struct pipe *p)
{
	for (unsigned i = 0; i < NR_PAGES; i++)
		if (p->pages[i])
			put_page(p->pages[i]);
	kmem_cache_free(pipe_cache, p);
}

/* Lock held, so a waiter that was not there yet will look again before it sleeps. */
static void wake(struct wait_queue *wq)
{
	if (!TAILQ_EMPTY(&wq->waiters))
		wake_all(wq);
}

/* Lets go of the lock while sleeping. -ERESTARTSYS: a signal. */
static int pipe_sleep(struct pipe *p, struct wait_queue *wq)
{
	struct waiter w;
	bool pending;

	wait_prepare(wq, &w, true);
	pending = signal_pending();
	mutex_unlock(&p->lock);
	if (!pending)
		schedule();
	wait_finish(wq, &w);
	mutex_lock(&p->lock);
	return pending ? -ERESTARTSYS : 0;
}

/* Copies out what there is, page by page; drained pages but the first are given back. */
static ssize_t take(struct pipe *p, struct iobuf *io)
{
	ssize_t done = 0, n;

	while (io->left && p->tail != p->head) {
		unsigned slot = (unsigned)(p->tail / PAGE_SIZE % NR_PAGES);
		size_t offset = p->tail % PAGE_SIZE;
		size_t want = MIN(PAGE_SIZE - offset, p->head - p->tail);

		n = iobuf_put(io, (char *)page_to_ptr(p->pages[slot]) + offset, want);
		if (n < 0)
			return done ? done : n;
		p->tail += (uint64_t)n;
		done += n;
		if (p->tail == p->head) /* start over, at the page that is warm */
			p->head = p->tail = ALIGN_UP(p->tail, PIPE_SIZE);
		if (slot && p->tail % PAGE_SIZE == 0 &&
		    p->head - p->tail <= PIPE_SIZE - PAGE_SIZE) {
			put_page(p->pages[slot]); /* and what is written next is not in it yet */
			p->pages[slot] = NULL;
		}
	}
	return done;
}

static ssize_t pipe_read(struct file *file, struct iobuf *io, uint64_t *pos)
{
	struct pipe *p = file->data;
	ssize_t n = 0;

	(void)pos;
	if (!io->left)
		return 0;
	mutex_lock(&p->lock);
	while (p->head == p->tail) {
		if (!p->writers)
			goto out;
		n = file->flags & O_NONBLOCK ? -EAGAIN : pipe_sleep(p, &p->read_wq);
		if (n && p->head == p->tail)
			goto out;
	}
	n = take(p, io);
	wake(&p->write_wq);
out:
	mutex_unlock(&p->lock);
	return n;
}

/* Copies in as much as there is room for. */
static ssize_t put(struct pipe *p, struct iobuf *io)
{
	ssize_t done = 0, n;

	while (io->left && p->head - p->tail < PIPE_SIZE) {
		unsigned slot = (unsigned)(p->head / PAGE_SIZE % NR_PAGES);
		size_t offset = p->head % PAGE_SIZE;
		size_t want = MIN(PAGE_SIZE - offset, PIPE_SIZE - (p->head - p->tail));

		if (!p->pages[slot])
			p->pages[slot] = alloc_page(GFP_KERNEL);
		if (!p->pages[slot])
			return done ? done : -ENOMEM;
		n = iobuf_get(io, (char *)page_to_ptr(p->pages[slot]) + offset, want);
		if (n < 0)
			return done ? done : n;
		p->head += (uint64_t)n;
		done += n;
	}
	return done;
}

/* What is written in one piece must fit in one piece: POSIX's PIPE_BUF. */
static bool has_room(const struct pipe *p, size_t left)
{
	uint64_t room = PIPE_SIZE - (p->head - p->tail);

	return left <= PIPE_BUF ? room >= left : room > 0;
}

static ssize_t pipe_write(struct file *file, struct iobuf *io, uint64_t *pos)
{
	struct pipe *p = file->data;
	ssize_t done = 0, n = 0;
	bool atomic = io->left <= PIPE_BUF;

	(void)pos;
	if (!io->left)
		return 0;
	mutex_lock(&p->lock);
	while (n >= 0 && io->left) {
		if (!p->readers) {
			n = -EPIPE;
		} else if (has_room(p, atomic ? io->left : PIPE_BUF + 1)) {
			n = put(p, io);
			done += n > 0 ? n : 0;
			wake(&p->read_wq);
		} else {
			n = file->flags & O_NONBLOCK ? -EAGAIN : pipe_sleep(p, &p->write_wq);
		}
	}
	mutex_unlock(&p->lock);
	if (n == -EPIPE && !done)
		signal_task(current, SIGPIPE, NULL);
	return done ? done : n;
}

static unsigned pipe_poll(struct file *file, struct poll_table *pt)
{
	struct pipe *p = file->data;
	bool reads = (file->flags & O_ACCMODE) != O_WRONLY;
	bool writes = (file->flags & O_ACCMODE) != O_RDONLY;
	unsigned ready = 0;

	mutex_lock(&p->lock);
	if (reads) {
		poll_wait(pt, &p->read_wq);
		ready |= p->head != p->tail ? POLLIN | POLLRDNORM : 0;
		ready |= !p->writers && p->writers_ever ? POLLHUP : 0;
	}
	if (writes) {
		poll_wait(pt, &p->write_wq);
		ready |= has_room(p, PIPE_BUF) ? POLLOUT | POLLWRNORM : 0;
		ready |= !p->readers ? POLLERR : 0;
	}
	mutex_unlock(&p->lock);
	return ready;
}

static int64_t pipe_ioctl(struct file *file, unsigned cmd, uint64_t arg)
{
	struct pipe *p = file->data;

	if (cmd != FIONREAD)
		return -ENOTTY;
	return put_user_u32(UPTR(arg), (uint32_t)(READ_ONCE(p->head) - READ_ONCE(p->tail)));
}

/* FIFOs share one pipe, found by its inode; the last to close it frees it. */
static void pipe_release(struct file *file)
{
	struct pipe *p = file->data;
	struct inode *inode = file->inode;
	bool last;

	mutex_lock(&inode->lock);
	mutex_lock(&p->lock);
	p->readers -= (file->flags & O_ACCMODE) != O_WRONLY;
	p->writers -= (file->flags & O_ACCMODE) != O_RDONLY;
	last = !p->readers && !p->writers;
	wake(&p->read_wq);
	wake(&p->write_wq);
	mutex_unlock(&p->lock);
	if (last)
		inode->data = NULL;
	mutex_unlock(&inode->lock);
	if (last)
		pipe_free(p);
}

/* Opening one end of a FIFO waits for the other, unless O_NONBLOCK says not to. */
static int wait_for_other(struct pipe *p, const struct file *file)
{
	uint32_t mode = file->flags & O_ACCMODE;
	uint64_t writers = p->writers_ever, readers = p->readers_ever;
	int err = 0;

	if (mode == O_RDONLY && !(file->flags & O_NONBLOCK))
		while (!err && !p->writers && p->writers_ever == writers)
			err = pipe_sleep(p, &p->read_wq);
	if (mode == O_WRONLY && !p->readers && (file->flags & O_NONBLOCK))
		return -ENXIO;
	if (mode == O_WRONLY)
		while (!err && !p->readers && p->readers_ever == readers)
			err = pipe_sleep(p, &p->write_wq);
	return err;
}

/* Counts the file among the pipe's ends; p->lock held. */
static void attach(struct pipe *p, struct file *file)
{
	bool reads = (file->flags & O_ACCMODE) != O_WRONLY;
	bool writes = (file->flags & O_ACCMODE) != O_RDONLY;

	file->data = p;
	p->readers += reads;
	p->readers_ever += reads;
	p->writers += writes;
	p->writers_ever += writes;
	wake(&p->read_wq);
	wake(&p->write_wq);
}

static int fifo_open(struct inode *inode, struct file *file)
{
	struct pipe *p;
	int err;

	mutex_lock(&inode->lock);
	if (!inode->data)
		inode->data = pipe_alloc();
	p = inode->data;
	if (p) {
		mutex_lock(&p->lock);
		attach(p, file);
	}
	mutex_unlock(&inode->lock);
	if (!p)
		return -ENOMEM;
	err = wait_for_other(p, file);
	mutex_unlock(&p->lock);
	if (err)
		pipe_release(file);
	return err;
}

const struct file_ops pipe_fops = {
	.open = fifo_open,
	.release = pipe_release,
	.read = pipe_read,
	.write = pipe_write,
	.ioctl = pipe_ioctl,
	.poll = pipe_poll,
};

static const struct inode_ops pipe_inode_ops = {0};

/* One end of a pipe; what fails leaves `inode` to the caller. */
static struct file *open_end(struct inode *inode, uint32_t flags)
{
	struct file *file;

	inode_get(inode);
	file = file_alloc(inode, &pipe_fops, flags);
	if (IS_ERR(file))
		return file;
	file->stream = true;
	attach(inode->data, file);
	return file;
}

/* Both ends of a new pipe, which goes with the last of them. */
static int open_ends(struct inode *inode, struct file *ends[2], uint32_t flags)
{
	ends[0] = open_end(inode, O_RDONLY | flags);
	if (IS_ERR(ends[0])) {
		pipe_free(inode->data);
		return PTR_ERR(ends[0]);
	}
	ends[1] = open_end(inode, O_WRONLY | flags);
	if (!IS_ERR(ends[1]))
		return 0;
	file_put(ends[0]);
	return PTR_ERR(ends[1]);
}

static int open_pipe(struct file *ends[2], uint32_t flags)
{
	struct inode *inode = inode_alloc(pipefs, S_IFIFO | 0600);
	int err;

	if (!inode)
		return -ENOMEM;
	inode->ops = &pipe_inode_ops;
	inode->fops = &pipe_fops;
	inode->data = pipe_alloc();
	err = inode->data ? open_ends(inode, ends, flags) : -ENOMEM;
	inode_put(inode);
	return err;
}

int64_t sys_pipe2(uint64_t fds, uint64_t flags)
{
	struct file *ends[2] = {NULL, NULL};
	int fd[2], err;

	if (flags & ~(uint64_t)(O_CLOEXEC | O_NONBLOCK | O_DIRECT))
		return -EINVAL;
	err = open_pipe(ends, (uint32_t)flags & O_NONBLOCK);
	if (err)
		return err;
	fd[0] = fd_install(ends[0], flags & O_CLOEXEC, 0);
	fd[1] = fd[0] < 0 ? fd[0] : fd_install(ends[1], flags & O_CLOEXEC, 0);
	if (fd[1] >= 0 && !copy_to_user(UPTR(fds), fd, sizeof(fd)))
		return 0;
	err = fd[1] < 0 ? fd[1] : -EFAULT;
	if (fd[0] < 0)
		file_put(ends[0]);
	else
		fd_close(fd[0]);
	if (fd[1] < 0)
		file_put(ends[1]);
	else
		fd_close(fd[1]);
	return err;
}

int64_t pipe_fcntl(struct file *file, unsigned cmd, uint64_t arg)
{
	if (file->ops != &pipe_fops)
		return -EBADF;
	if (cmd == F_SETPIPE_SZ && arg > SZ_1M)
		return -EPERM;
	return (int64_t)PIPE_SIZE; /* whatever is asked for, it stays so */
}
