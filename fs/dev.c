// SPDX-License-Identifier: BSD-2-Clause
/* Device nodes: who answers to which number, and devtmpfs, which shows them all; the memory
 * devices. */
#include "internal.h"
#include <linux/magic.h>
#include <linux/mman.h>
#include <twofold/devtree.h>
#include <twofold/logbuf.h>
#include <twofold/random.h>

#define MEM_MAJOR 1

struct device {
	const char *name;
	uint32_t mode;
	uint64_t rdev;
	const struct file_ops *fops;
	void *data;
	SLIST_ENTRY(device) link;
};

/* Only ever added to, at the head, before the node can be seen: read without a lock. */
static SLIST_HEAD(, device) devices = SLIST_HEAD_INITIALIZER(devices);
#define MAX_DEVTMPFS 8
static struct superblock *devtmpfs[MAX_DEVTMPFS]; /* mounted ones */
static struct mutex lock;			  /* both of them */

const struct file_ops *dev_find(uint32_t mode, uint64_t rdev, void **data)
{
	struct device *d;

	SLIST_FOREACH(d, &devices, link)
	{
		if (d->rdev != rdev || ((d->mode ^ mode) & S_IFMT))
			continue;
		*data = d->data;
		return d->fops;
	}
	return NULL;
}

static void make_node(struct superblock *sb, const struct device *d)
{
	struct inode *dir = sb->root, *node;

	mutex_lock(&dir->lock);
	node = dir->ops->create(dir, d->name, d->mode, d->rdev);
	mutex_unlock(&dir->lock);
	if (IS_ERR(node))
		pr_err("dev: %s: error %d", d->name, PTR_ERR(node));
	else
		inode_put(node);
}

void dev_register(const char *name, uint32_t mode, uint64_t rdev, const struct file_ops *fops,
		  void *data)
{
	struct device *d = kmalloc(sizeof(*d), GFP_KERNEL);

	if (!d) {
		pr_err("dev: no memory for %s", name);
		return;
	}
	*d = (struct device){.name = name, .mode = mode, .rdev = rdev, .fops = fops, .data = data};
	mutex_lock(&lock);
	smp_wmb();
	SLIST_INSERT_HEAD(&devices, d, link);
	for (unsigned i = 0; i < MAX_DEVTMPFS; i++)
		if (devtmpfs[i])
			make_node(devtmpfs[i], d);
	mutex_unlock(&lock);
}

static void (*tmpfs_kill)(struct superblock *sb);

static void devtmpfs_kill(struct superblock *sb)
{
	mutex_lock(&lock);
	for (unsigned i = 0; i < MAX_DEVTMPFS; i++)
		if (devtmpfs[i] == sb)
			devtmpfs[i] = NULL;
	mutex_unlock(&lock);
	tmpfs_kill(sb);
}

static void add_link(struct superblock *sb, const char *name, const char *target)
{
	mutex_lock(&sb->root->lock);
	sb->root->ops->symlink(sb->root, name, target);
	mutex_unlock(&sb->root->lock);
}

struct superblock *devtmpfs_create(void)
{
	struct superblock *sb = tmpfs_create("devtmpfs", 0);
	struct device *d;
	unsigned i;

	if (!sb)
		return NULL;
	tmpfs_kill = sb->kill;
	sb->kill = devtmpfs_kill;
	mutex_lock(&lock);
	for (i = 0; i < MAX_DEVTMPFS && devtmpfs[i]; i++)
		;
	if (i < MAX_DEVTMPFS)
		devtmpfs[i] = sb;
	SLIST_FOREACH(d, &devices, link)
	make_node(sb, d);
	mutex_unlock(&lock);
	add_link(sb, "fd", "/proc/self/fd");
	add_link(sb, "stdin", "/proc/self/fd/0");
	add_link(sb, "stdout", "/proc/self/fd/1");
	add_link(sb, "stderr", "/proc/self/fd/2");
	return sb;
}

/* ---- /dev/null, zero, full, random ---- */

static ssize_t read_nothing(struct file *file, struct iobuf *io, uint64_t *pos)
{
	(void)file;
	(void)io;
	(void)pos;
	return 0;
}

static ssize_t write_anything(struct file *file, struct iobuf *io, uint64_t *pos)
{
	size_t n = io->left;

	(void)file;
	(void)pos;
	io->left = 0;
	return (ssize_t)n;
}

static ssize_t write_full(struct file *file, struct iobuf *io, uint64_t *pos)
{
	(void)file;
	(void)io;
	(void)pos;
	return -ENOSPC;
}

/* Positions mean nothing to these; a seek is fine all the same. */
static int64_t seek_nowhere(struct file *file, int64_t offset, int whence)
{
	(void)file;
	(void)offset;
	(void)whence;
	return 0;
}

/* Fills the caller's buffer page by page: get() gives the bytes of each. */
static ssize_t read_endless(struct iobuf *io, const void *page, void (*get)(void *, size_t))
{
	ssize_t done = 0, n;
	char some[256];

	while (io->left) {
		size_t want = MIN(io->left, page ? PAGE_SIZE : sizeof(some));

		if (get)
			get(some, want);
		n = iobuf_put(io, page ? page : some, want);
		if (n < 0)
			return done ? done : n;
		done += n;
		if ((size_t)n < want || fatal_signal_pending())
			break;
		cond_resched();
	}
	return done;
}

static ssize_t read_zero(struct file *file, struct iobuf *io, uint64_t *pos)
{
	(void)file;
	(void)pos;
	return read_endless(io, page_to_ptr(zero_page), NULL);
}

static ssize_t read_random(struct file *file, struct iobuf *io, uint64_t *pos)
{
	(void)file;
	(void)pos;
	return read_endless(io, NULL, random_bytes);
}

/* A private mapping of /dev/zero is anonymous memory. */
static int map_zero(struct file *file, struct map_request *req)
{
	(void)file;
	req->file = NULL;
	return 0;
}

static const struct file_ops null_fops = {
	.read = read_nothing, .write = write_anything, .seek = seek_nowhere};
static const struct file_ops zero_fops = {
	.read = read_zero, .write = write_anything, .seek = seek_nowhere, .mmap = map_zero};
static const struct file_ops full_fops = {
	.read = read_zero, .write = write_full, .seek = seek_nowhere};
static const struct file_ops random_fops = {
	.read = read_random, .write = write_anything, .seek = seek_nowhere};

/* ---- /dev/mem ---- */

static bool overlaps_ram(pfn_t pfn, uint64_t pages)
{
	for (unsigned i = 0; i < machine.nr_ram; i++) {
		const struct dt_range *ram = &machine.ram[i];
		uint64_t start = ram->start.pa >> PAGE_SHIFT;
		uint64_t end = DIV_ROUND_UP(ram->start.pa + ram->size, PAGE_SIZE);

		if (pfn < end && start < pfn + pages)
			return true;
	}
	return false;
}

/* Device registers, shared; RAM is the kernel's to give. */
static int map_mem(struct file *file, struct map_request *req)
{
	uint64_t pages = req->len >> PAGE_SHIFT;
	bool write = req->prot & PROT_WRITE;
	int64_t at;

	if ((req->flags & MAP_TYPE) == MAP_PRIVATE || req->flags & MAP_FIXED ||
	    req->pgoff + pages > BIT(32))
		return -EINVAL;
	if (overlaps_ram((pfn_t)req->pgoff, pages))
		return -EPERM;
	if ((file->flags & O_ACCMODE) == O_WRONLY || (write && (file->flags & O_ACCMODE) != O_RDWR))
		return -EACCES;
	at = remap_pfn_range(current->mm, req->addr, (pfn_t)req->pgoff, req->len,
			     PT_DEVICE | (write ? PT_WRITE : 0));
	if (at < 0)
		return (int)at;
	req->addr = (uint64_t)at;
	return 1;
}

static const struct file_ops mem_fops = {.seek = seek_nowhere, .mmap = map_mem};

/* ---- /dev/kmsg ---- */

#define KMSG_LINE 256

static ssize_t read_kmsg(struct file *file, struct iobuf *io, uint64_t *pos)
{
	uint64_t at = (uintptr_t)file->data;
	char line[KMSG_LINE];
	size_t len = log_read(line, MIN(io->left, sizeof(line)), &at);
	ssize_t n;

	(void)pos;
	if (!len)
		return file->flags & O_NONBLOCK ? -EAGAIN : 0;
	n = iobuf_put(io, line, len);
	if (n > 0)
		file->data = (void *)(uintptr_t)(at - len + (size_t)n);
	return n;
}

/* A line for the log, "<level>" in front or not. */
static ssize_t write_kmsg(struct file *file, struct iobuf *io, uint64_t *pos)
{
	char line[KMSG_LINE], *text = line;
	enum log_level level = LOG_NOTICE;
	size_t all = io->left;
	ssize_t n = iobuf_get(io, line, sizeof(line) - 1);

	(void)file;
	(void)pos;
	if (n <= 0)
		return n;
	line[n] = '\0';
	if (line[0] == '<' && line[1] >= '0' && line[1] <= '7' && line[2] == '>') {
		level = (enum log_level)(line[1] - '0');
		text += 3;
	}
	log_printf(level, "%s", text);
	return (ssize_t)all;
}

static const struct file_ops kmsg_fops = {.read = read_kmsg, .write = write_kmsg};

void dev_init(void)
{
	mutex_init(&lock);
	dev_register("mem", S_IFCHR | 0600, MKDEV_STAT(MEM_MAJOR, 1), &mem_fops, NULL);
	dev_register("null", S_IFCHR | 0666, MKDEV_STAT(MEM_MAJOR, 3), &null_fops, NULL);
	dev_register("zero", S_IFCHR | 0666, MKDEV_STAT(MEM_MAJOR, 5), &zero_fops, NULL);
	dev_register("full", S_IFCHR | 0666, MKDEV_STAT(MEM_MAJOR, 7), &full_fops, NULL);
	dev_register("random", S_IFCHR | 0666, MKDEV_STAT(MEM_MAJOR, 8), &random_fops, NULL);
	dev_register("urandom", S_IFCHR | 0666, MKDEV_STAT(MEM_MAJOR, 9), &random_fops, NULL);
	dev_register("kmsg", S_IFCHR | 0644, MKDEV_STAT(MEM_MAJOR, 11), &kmsg_fops, NULL);
}
