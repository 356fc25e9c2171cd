// SPDX-License-Identifier: BSD-2-Clause
/*
 * Files whose text a function prints. Printing never allocates: text that does not fit is dropped,
 * and the whole is printed again into a buffer twice as large.
 */
#include "internal.h"
#include <twofold/vmalloc.h>

#define FIRST_SIZE PAGE_SIZE
#define LEAST_MAX_SIZE (4 * SZ_1M)

struct seq {
	struct mutex lock; /* pread() by two at once: the file's position is not locked then */
	proc_show_t show;
	void *arg;
	char *buf;
	size_t size, len;
	bool full;
};

struct seq *seq_open(proc_show_t show, void *arg)
{
	struct seq *s = kzalloc(sizeof(*s), GFP_KERNEL);

	if (!s)
		return NULL;
	mutex_init(&s->lock);
	s->show = show;
	s->arg = arg;
	return s;
}

void seq_close(struct seq *s)
{
	if (!s)
		return;
	vfree(s->buf);
	kfree(s);
}

void seq_printf(struct seq *s, const char *fmt, ...)
{
	va_list args;
	size_t len;

	va_start(args, fmt);
	len = (size_t)vsnprintf(s->buf + s->len, s->size - s->len, fmt, args);
	va_end(args);
	if (len >= s->size - s->len) {
		s->full = true;
		len = s->size - s->len - 1;
	}
	s->len += len;
}

void seq_write(struct seq *s, const void *data, size_t len)
{
	if (len >= s->size - s->len) {
		s->full = true;
		return;
	}
	memcpy(s->buf + s->len, data, len);
	s->len += len;
}

/*
 * A part of the RAM, for what can be told of an address space grows with it: 100 bytes are more
 * than a page's worth of any text.
 */
static size_t max_size(void)
{
	return MAX((frames_managed() << PAGE_SHIFT) / 8, LEAST_MAX_SIZE);
}

static int fill(struct seq *s)
{
	int err;

	if (!s->size)
		s->size = FIRST_SIZE;
	for (;; s->size *= 2) {
		if (s->size > max_size())
			return -ENOMEM;
		if (!s->buf)
			s->buf = vmalloc(s->size);
		if (!s->buf)
			return -ENOMEM;
		s->len = 0;
		s->full = false;
		err = s->show(s, s->arg);
		if (err || !s->full)
			return err;
		vfree(s->buf);
		s->buf = NULL;
	}
}

static ssize_t read_text(struct seq *s, struct iobuf *io, uint64_t *pos)
{
	ssize_t n;

	if (*pos == 0 || !s->buf) {
		int err = fill(s);

		if (err)
			return err;
	}
	if (*pos >= s->len)
		return 0;
	n = iobuf_put(io, s->buf + *pos, s->len - *pos);
	if (n > 0)
		*pos += (uint64_t)n;
	return n;
}

ssize_t seq_read(struct seq *s, struct iobuf *io, uint64_t *pos)
{
	ssize_t n;

	mutex_lock(&s->lock);
	n = read_text(s, io, pos);
	mutex_unlock(&s->lock);
	return n;
}
