// SPDX-License-Identifier: BSD-2-Clause
/*
 * Unpacks the initramfs into the root. Whole pages of data that lie on a page boundary become the
 * file's pages where they are; all else is copied.
 */
#include "cpio.h"
#include "internal.h"

/* Files with several names: the first name seen stands for the others, within one archive. */
struct linked {
	uint32_t ino, dev_major, dev_minor;
	unsigned archive;
	struct inode *inode; /* referenced */
	SLIST_ENTRY(linked) link;
};

struct unpack {
	bool adopt;
	SLIST_HEAD(, linked) linked;
	unsigned files;
	uint64_t adopted; /* bytes */
};

static struct linked *find_linked(struct unpack *u, const struct cpio_entry *e)
{
	struct linked *l;

	SLIST_FOREACH(l, &u->linked, link)
	if (l->ino == e->ino && l->archive == e->archive && l->dev_major == e->dev_major &&
	    l->dev_minor == e->dev_minor)
		return l;
	return NULL;
}

static int remember_linked(struct unpack *u, const struct cpio_entry *e, struct inode *inode)
{
	struct linked *l = kmalloc(sizeof(*l), GFP_KERNEL);

	if (!l)
		return -ENOMEM;
	inode_get(inode);
	*l = (struct linked){e->ino, e->dev_major, e->dev_minor, e->archive, inode, {NULL}};
	SLIST_INSERT_HEAD(&u->linked, l, link);
	return 0;
}

static void forget_linked(struct unpack *u)
{
	struct linked *l;

	while ((l = SLIST_FIRST(&u->linked))) {
		SLIST_REMOVE_HEAD(&u->linked, link);
		inode_put(l->inode);
		kfree(l);
	}
}

/* Fills an empty file: adopts whole pages, copies the rest. */
static int fill(struct unpack *u, struct inode *inode, const struct cpio_entry *e)
{
	uint64_t pages =
		u->adopt && IS_ALIGNED((uintptr_t)e->data, PAGE_SIZE) ? e->size >> PAGE_SHIFT : 0;
	uint64_t pos = pages << PAGE_SHIFT;
	struct iobuf io = {.kernel = true};
	ssize_t n = 0;
	int err = 0;

	if (pages)
		err = object_adopt(inode->object, 0, ptr_to_pa(e->data), pages);
	if (err)
		return err;
	u->adopted += pos;
	io.base = (uintptr_t)e->data + pos;
	io.left = e->size - pos;
	mutex_lock(&inode->lock);
	inode->size = pos;
	if (io.left)
		n = tmpfs_write_at(inode, &io, &pos);
	mutex_unlock(&inode->lock);
	return n < 0 ? (int)n : io.left ? -ENOSPC : 0;
}

/* Replaces what an earlier archive left under this name, unless both are directories. */
static int make_way(struct inode *dir, const char *name, uint32_t mode, struct inode **there)
{
	struct inode *old = dir->ops->lookup(dir, name);

	*there = NULL;
	if (IS_ERR(old))
		return PTR_ERR(old) == -ENOENT ? 0 : PTR_ERR(old);
	if (S_ISDIR(mode) && S_ISDIR(old->mode)) {
		*there = old;
		return 0;
	}
	inode_put(old);
	return dir->ops->unlink(dir, name, S_ISDIR(old->mode));
}

/* A symbolic link's text is the member's data. */
static int make_symlink(struct inode *dir, const char *name, const struct cpio_entry *e)
{
	char *text;
	int err;

	if (!e->size || e->size >= PATH_MAX)
		return -ENAMETOOLONG;
	text = kmalloc(e->size + 1, GFP_KERNEL);
	if (!text)
		return -ENOMEM;
	memcpy(text, e->data, e->size);
	text[e->size] = '\0';
	err = dir->ops->symlink(dir, name, text);
	kfree(text);
	return err;
}

static void set_attributes(struct inode *inode, const struct cpio_entry *e)
{
	inode->mode = (inode->mode & S_IFMT) | (e->mode & S_ALLUGO);
	inode->uid = e->uid;
	inode->gid = e->gid;
	inode->atime = inode->mtime = inode->ctime = e->mtime * NSEC_PER_SEC;
}

/* A node under a free name; NULL: none was needed. Locked directory. */
static struct inode *make_node(struct unpack *u, struct inode *dir, const char *name,
			       const struct cpio_entry *e)
{
	bool several = S_ISREG(e->mode) && e->nlink > 1;
	struct linked *l = several ? find_linked(u, e) : NULL;
	struct inode *inode;
	int err;

	if (S_ISLNK(e->mode)) {
		err = make_symlink(dir, name, e);
		return err ? ERR_PTR(err) : NULL;
	}
	if (l) {
		err = dir->ops->link(dir, name, l->inode);
		if (err)
			return ERR_PTR(err);
		inode_get(l->inode);
		return l->inode;
	}
	inode = dir->ops->create(dir, name, e->mode, MKDEV_STAT(e->rdev_major, e->rdev_minor));
	if (several && !IS_ERR(inode) && remember_linked(u, e, inode)) {
		inode_put(inode);
		return ERR_PTR(-ENOMEM);
	}
	return inode;
}

static int make_entry(struct unpack *u, struct walk *w, const struct cpio_entry *e)
{
	struct inode *dir = w->at, *inode = NULL;
	int err;

	mutex_lock(&dir->lock);
	err = make_way(dir, w->name, e->mode, &inode);
	if (!err && !inode)
		inode = make_node(u, dir, w->name, e);
	mutex_unlock(&dir->lock);
	if (err || !inode || IS_ERR(inode))
		return err ? err : inode ? PTR_ERR(inode) : 0;
	if (inode->covered_by)
		inode = mount_cross(inode);
	/* Of a file's several names one has the data, most often the last. */
	if (S_ISREG(inode->mode) && e->size)
		err = inode->size ? -EEXIST : fill(u, inode, e);
	set_attributes(inode, e);
	inode_put(inode);
	return err;
}

/* A member: 0, or why it could not be made. */
static int unpack_entry(struct unpack *u, const struct cpio_entry *e)
{
	uint32_t type = e->mode & S_IFMT;
	struct walk w;
	int err;

	if (!*e->name) { /* the root itself */
		root_inode->mode = S_IFDIR | (e->mode & S_ALLUGO);
		return 0;
	}
	if (type != S_IFREG && type != S_IFDIR && type != S_IFLNK && type != S_IFCHR &&
	    type != S_IFBLK && type != S_IFIFO)
		return -EINVAL;
	err = walk_parent(&w, AT_FDCWD, e->name);
	if (err)
		return err;
	err = name_is_dots(w.name) ? -EINVAL : make_entry(u, &w, e);
	walk_end(&w);
	return err;
}

int initramfs_unpack(const void *archive, size_t size, bool adopt)
{
	struct unpack u = {.adopt = adopt};
	struct cpio_reader r;
	struct cpio_entry e;
	int ret, err = 0;

	cpio_start(&r, archive, size);
	while ((ret = cpio_next(&r, &e)) > 0) {
		int failed = unpack_entry(&u, &e);

		u.files += !failed;
		if (!failed)
			continue;
		pr_err("initramfs: %s, at %zu: error %d", e.name, e.offset, failed);
		err = failed;
		if (failed == -ENOMEM || failed == -ENOSPC)
			break;
	}
	if (ret < 0) {
		pr_err("initramfs: at %zu of %zu: %s", r.error_at, size, r.error);
		err = -EINVAL;
	}
	forget_linked(&u);
	pr_info("initramfs: %u files, %luK mapped where they lie", u.files,
		(unsigned long)(u.adopted / SZ_1K));
	return err;
}
