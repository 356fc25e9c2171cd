// SPDX-License-Identifier: BSD-2-Clause
/*
 * Tables of descriptors. Changes take the table's lock; look-ups by the only task that uses a table
 * do not, for nobody else can change it meanwhile.
 */
#include "internal.h"
#include <linux/resource.h>

#define FIRST_SIZE 64u
#define MAX_SIZE (SZ_1M / 2) /* what one kmalloc() can hold */

struct fd_table {
	int32_t refs;
	spinlock_t lock;     /* RANK_FILES */
	unsigned size;	     /* room; a multiple of 64 */
	unsigned end;	     /* all that are open lie below; files[] means nothing from here on */
	unsigned first_free; /* none is free below */
	struct file **files;
	uint64_t *cloexec; /* a bit each */
	struct file *first_files[FIRST_SIZE];
	uint64_t first_cloexec;
};

struct fd_table *fd_table_create(void)
{
	struct fd_table *t = kmalloc(sizeof(*t), GFP_KERNEL);

	if (!t)
		return NULL;
	t->refs = 1;
	spin_lock_init(&t->lock, RANK_FILES);
	t->size = FIRST_SIZE;
	t->end = t->first_free = 0;
	t->files = t->first_files;
	t->cloexec = &t->first_cloexec;
	t->first_cloexec = 0;
	return t;
}

static void free_arrays(struct file **files, uint64_t *cloexec, const struct fd_table *t)
{
	if (files == t->first_files)
		return;
	kfree(files);
	kfree(cloexec);
}

/* Makes room for descriptor `fd`, lock not held. 0, -EMFILE, -ENOMEM. */
static int grow(struct fd_table *t, unsigned fd)
{
	unsigned size = FIRST_SIZE;
	struct file **files;
	uint64_t *cloexec;

	while (size <= fd)
		size *= 2;
	if (size > MAX_SIZE)
		return -EMFILE;
	files = kmalloc(size * sizeof(*files), GFP_KERNEL);
	cloexec = kzalloc(size / 8, GFP_KERNEL);
	if (!files || !cloexec) {
		kfree(files);
		kfree(cloexec);
		return -ENOMEM;
	}
	spin_lock(&t->lock);
	if (t->size < size) {
		memcpy(files, t->files, t->end * sizeof(*files));
		memcpy(cloexec, t->cloexec, t->size / 8);
		files = __atomic_exchange_n(&t->files, files, __ATOMIC_RELAXED);
		cloexec = __atomic_exchange_n(&t->cloexec, cloexec, __ATOMIC_RELAXED);
		t->size = size;
	}
	spin_unlock(&t->lock);
	free_arrays(files, cloexec, t);
	return 0;
}

static void set_bit(struct fd_table *t, unsigned fd, bool on)
{
	if (on)
		t->cloexec[fd / 64] |= BIT(fd % 64);
	else
		t->cloexec[fd / 64] &= ~BIT(fd % 64);
}

struct fd_table *fd_table_copy(struct fd_table *from)
{
	struct fd_table *t = fd_table_create();

	if (!t)
		return NULL;
	spin_lock(&from->lock);
	while (t->size < from->size) {
		unsigned last = from->size - 1;

		spin_unlock(&from->lock);
		if (grow(t, last)) {
			fd_table_put(t);
			return NULL;
		}
		spin_lock(&from->lock);
	}
	for (unsigned i = 0; i < from->end; i++)
		if ((t->files[i] = from->files[i]))
			file_get(t->files[i]);
	memcpy(t->cloexec, from->cloexec, from->size / 8);
	t->end = from->end;
	t->first_free = from->first_free;
	spin_unlock(&from->lock);
	return t;
}

void fd_table_get(struct fd_table *t)
{
	__atomic_fetch_add(&t->refs, 1, __ATOMIC_RELAXED);
}

void fd_table_put(struct fd_table *t)
{
	if (!t || __atomic_sub_fetch(&t->refs, 1, __ATOMIC_ACQ_REL))
		return;
	for (unsigned i = 0; i < t->end; i++)
		if (t->files[i])
			file_put(t->files[i]);
	free_arrays(t->files, t->cloexec, t);
	kfree(t);
}

static struct file *take(struct fd_table *t, unsigned fd)
{
	struct file *file;

	spin_lock(&t->lock);
	file = fd < t->end ? t->files[fd] : NULL;
	if (file) {
		t->files[fd] = NULL;
		set_bit(t, fd, false);
		t->first_free = MIN(t->first_free, fd);
		while (t->end && !t->files[t->end - 1])
			t->end--;
	}
	spin_unlock(&t->lock);
	return file;
}

void fd_table_exec(struct fd_table *t)
{
	for (unsigned i = 0; i < t->end; i++) {
		struct file *file = t->cloexec[i / 64] & BIT(i % 64) ? take(t, i) : NULL;

		if (file)
			file_put(file);
		else if (!t->cloexec[i / 64])
			i |= 63;
	}
}

static unsigned fd_limit(void)
{
	return current->process
		       ? (unsigned)MIN(current->process->rlimits[RLIMIT_NOFILE][0], MAX_SIZE)
		       : MAX_SIZE;
}

/* Puts it in a place that there is room for. t->lock held. Returns what was there. */
static struct file *put_file(struct fd_table *t, unsigned fd, struct file *file, bool cloexec)
{
	struct file *old;

	while (t->end <= fd)
		t->files[t->end++] = NULL;
	old = t->files[fd];
	t->files[fd] = file;
	set_bit(t, fd, cloexec);
	return old;
}

int fd_install(struct file *file, bool cloexec, int lowest)
{
	struct fd_table *t = current->files;
	unsigned limit = fd_limit(), fd;

	if ((unsigned)lowest >= limit)
		return -EINVAL;
	for (;;) {
		int err;

		spin_lock(&t->lock);
		for (fd = MAX((unsigned)lowest, t->first_free); fd < t->end && t->files[fd]; fd++)
			;
		if (fd < t->size || fd >= limit)
			break;
		spin_unlock(&t->lock);
		err = grow(t, fd);
		if (err)
			return err;
	}
	if (fd < limit) {
		put_file(t, fd, file, cloexec);
		if ((unsigned)lowest <= t->first_free)
			t->first_free = fd + 1;
	}
	spin_unlock(&t->lock);
	return fd < limit ? (int)fd : -EMFILE;
}

int fd_replace(struct file *file, int fd, bool cloexec)
{
	struct fd_table *t = current->files;
	struct file *old;

	if ((unsigned)fd >= fd_limit())
		return -EBADF;
	while ((unsigned)fd >= t->size) {
		int err = grow(t, (unsigned)fd);

		if (err)
			return err;
	}
	spin_lock(&t->lock);
	old = put_file(t, (unsigned)fd, file, cloexec);
	spin_unlock(&t->lock);
	if (old)
		file_put(old);
	return fd;
}

struct file *fd_get_of(struct fd_table *t, int fd)
{
	struct file *file;

	spin_lock(&t->lock);
	file = (unsigned)fd < t->end ? t->files[fd] : NULL;
	if (file)
		file_get(file);
	spin_unlock(&t->lock);
	return file;
}

struct file *fd_get(int fd)
{
	return current->files ? fd_get_of(current->files, fd) : NULL;
}

struct fd_ref fd_borrow(int fd)
{
	struct fd_table *t = current->files;

	if (unlikely(!t))
		return (struct fd_ref){0};
	if (unlikely(__atomic_load_n(&t->refs, __ATOMIC_ACQUIRE) != 1)) {
		struct file *file = fd_get_of(t, fd);

		return (struct fd_ref){file, file != NULL};
	}
	return (struct fd_ref){(unsigned)fd < t->end ? t->files[fd] : NULL, false};
}

int fd_close(int fd)
{
	struct file *file = take(current->files, (unsigned)fd);

	if (!file)
		return -EBADF;
	file_put(file);
	return 0;
}

bool fd_cloexec(int fd)
{
	struct fd_table *t = current->files;
	bool on;

	spin_lock(&t->lock);
	on = (unsigned)fd < t->end && (t->cloexec[fd / 64] & BIT(fd % 64));
	spin_unlock(&t->lock);
	return on;
}

void fd_set_cloexec(int fd, bool on)
{
	struct fd_table *t = current->files;

	spin_lock(&t->lock);
	if ((unsigned)fd < t->end && t->files[fd])
		set_bit(t, (unsigned)fd, on);
	spin_unlock(&t->lock);
}

void fd_close_range(unsigned first, unsigned last, bool only_mark)
{
	struct fd_table *t = current->files;

	for (unsigned fd = first; fd <= last && fd < t->end; fd++) {
		if (only_mark)
			fd_set_cloexec((int)fd, true);
		else
			fd_close((int)fd);
	}
}

int fd_next(struct fd_table *t, int from)
{
	int fd;

	spin_lock(&t->lock);
	for (fd = from; (unsigned)fd < t->end && !t->files[fd]; fd++)
		;
	if ((unsigned)fd >= t->end)
		fd = -1;
	spin_unlock(&t->lock);
	return fd;
}
