// SPDX-License-Identifier: BSD-2-Clause
/* Opening by path: looks up or creates, checks what open(2) checks, makes the file. */
#include "internal.h"

/* The permissions that opening for reading or writing needs. */
static int open_mask(uint32_t flags)
{
	switch (flags & O_ACCMODE) {
	case O_RDONLY:
		return flags & O_TRUNC ? MAY_READ | MAY_WRITE : MAY_READ;
	case O_WRONLY:
		return MAY_WRITE;
	default:
		return MAY_READ | MAY_WRITE;
	}
}

/* What may not be opened so. */
static int may_open(const struct inode *inode, uint32_t flags)
{
	int mask = open_mask(flags);

	if (S_ISLNK(inode->mode))
		return flags & O_PATH ? 0 : -ELOOP;
	if ((flags & O_DIRECTORY) && !S_ISDIR(inode->mode))
		return -ENOTDIR;
	if (flags & O_PATH)
		return 0;
	if (S_ISDIR(inode->mode) && ((mask & MAY_WRITE) || (flags & O_CREAT)))
		return -EISDIR;
	if (S_ISSOCK(inode->mode))
		return -ENXIO;
	return inode_permission(inode, mask) ? 0 : -EACCES;
}

/* The last name of an O_CREAT open: what is there, or a new file (*made). */
static struct inode *lookup_or_create(struct walk *w, uint32_t flags, uint32_t mode, bool *made)
{
	struct inode *dir = w->at, *inode = walk_step(w);

	if (!IS_ERR(inode) && (flags & O_EXCL)) {
		inode_put(inode);
		return ERR_PTR(-EEXIST);
	}
	if (!IS_ERR(inode) || PTR_ERR(inode) != -ENOENT)
		return inode;
	if (w->slash)
		return ERR_PTR(-EISDIR);
	if (!inode_permission(dir, MAY_WRITE))
		return ERR_PTR(-EACCES);
	mutex_lock(&dir->lock);
	inode = dir->ops->lookup(dir, w->name);
	if (!IS_ERR(inode)) { /* somebody was faster */
		mutex_unlock(&dir->lock);
		if (!(flags & O_EXCL))
			return inode;
		inode_put(inode);
		return ERR_PTR(-EEXIST);
	}
	inode = dir->ops->create ? dir->ops->create(dir, w->name, S_IFREG | mode, 0)
				 : ERR_PTR(-EACCES);
	mutex_unlock(&dir->lock);
	*made = !IS_ERR(inode);
	return inode;
}

static struct inode *walk_create(struct walk *w, uint32_t flags, uint32_t mode, bool *made)
{
	struct inode *inode;
	int err;

	for (;;) {
		err = walk_to_last(w);
		if (err)
			return ERR_PTR(err);
		inode = lookup_or_create(w, flags, mode, made);
		if (IS_ERR(inode) || !S_ISLNK(inode->mode) || (flags & O_NOFOLLOW))
			return inode;
		err = walk_follow(w, inode);
		if (err)
			return ERR_PTR(err);
		if (w->arrived) {
			inode_get(w->at);
			return w->at;
		}
	}
}

/* What the file was opened as, for /proc; NULL: nothing that is a path. */
static char *path_opened(const struct walk *w, struct inode *inode)
{
	const char *text = w->link_text;
	char *copy;

	if (S_ISDIR(inode->mode))
		return path_of(inode, NULL);
	if (!w->arrived)
		return path_of(w->at, w->name);
	if (!text || *text != '/')
		return NULL;
	copy = kmalloc(strlen(text) + 1, GFP_KERNEL);
	if (copy)
		memcpy(copy, text, strlen(text) + 1);
	return copy;
}

static struct file *open_walk(struct walk *w, uint32_t flags, uint32_t mode)
{
	bool made = false;
	struct inode *inode = flags & O_CREAT ? walk_create(w, flags, mode, &made)
					      : walk_all(w, !(flags & O_NOFOLLOW));
	int err;

	if (IS_ERR(inode))
		return (struct file *)inode;
	err = made ? 0 : may_open(inode, flags);
	if (!err && (flags & O_TRUNC) && !made && S_ISREG(inode->mode))
		err = inode_truncate(inode, 0);
	if (err) {
		inode_put(inode);
		return ERR_PTR(err);
	}
	return file_open_inode(inode, path_opened(w, inode), flags);
}

struct file *file_open_at(int dirfd, const char *path, int flags, uint32_t mode)
{
	struct file *file;
	struct walk w;
	int err;

	if (flags & O_PATH)
		flags &= O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	if ((flags & O_CREAT) && (flags & O_DIRECTORY))
		return ERR_PTR(-EINVAL);
	err = walk_start(&w, dirfd, path);
	if (flags & O_EXCL && flags & O_CREAT)
		flags |= O_NOFOLLOW;
	file = err ? ERR_PTR(err) : open_walk(&w, (uint32_t)flags, mode & S_ALLUGO & ~fs_umask());
	walk_end(&w);
	return file;
}

struct file *file_open(const char *path, int flags, uint32_t mode)
{
	return file_open_at(AT_FDCWD, path, flags, mode);
}
