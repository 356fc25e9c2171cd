// SPDX-License-Identifier: BSD-2-Clause
/* System calls that change directories' entries. */
#include "internal.h"
#include <twofold/syscall.h>

/* A name to be made or removed: its directory is w.at. */
struct target {
	char *path;
	struct walk w;
};

static int target_start(struct target *t, uint64_t dirfd, uint64_t path)
{
	int err;

	t->path = getname(UPTR(path));
	if (IS_ERR(t->path))
		return PTR_ERR(t->path);
	err = walk_parent(&t->w, (int)dirfd, t->path);
	if (err)
		kfree(t->path);
	return err;
}

static void target_end(struct target *t)
{
	walk_end(&t->w);
	kfree(t->path);
}

/* Checks that the name may be made, and locks its directory: 0, or an error and no lock. */
static int create_begin(struct target *t, bool directory)
{
	struct inode *dir = t->w.at, *there;
	int err = 0;

	if (name_is_dots(t->w.name))
		return -EEXIST;
	mutex_lock(&dir->lock);
	there = dir->ops->lookup(dir, t->w.name);
	if (!IS_ERR(there)) {
		inode_put(there);
		err = -EEXIST;
	} else if (PTR_ERR(there) != -ENOENT) {
		err = PTR_ERR(there);
	} else if (t->w.slash && !directory) {
		err = -ENOENT;
	} else if (!inode_permission(dir, MAY_WRITE)) {
		err = -EACCES;
	}
	if (err)
		mutex_unlock(&dir->lock);
	return err;
}

static int64_t make_node(uint64_t dirfd, uint64_t path, uint32_t mode, uint64_t dev)
{
	struct inode *inode;
	struct target t;
	int err = target_start(&t, dirfd, path);

	if (err)
		return err;
	err = create_begin(&t, S_ISDIR(mode));
	if (!err) {
		struct inode *dir = t.w.at;

		inode = dir->ops->create ? dir->ops->create(dir, t.w.name, mode & ~fs_umask(), dev)
					 : ERR_PTR(-EPERM);
		mutex_unlock(&dir->lock);
		if (IS_ERR(inode))
			err = PTR_ERR(inode);
		else
			inode_put(inode);
	}
	target_end(&t);
	return err;
}

int64_t sys_mkdirat(uint64_t dirfd, uint64_t path, uint64_t mode)
{
	return make_node(dirfd, path, S_IFDIR | (mode & 01777), 0);
}

int64_t sys_mknodat(uint64_t dirfd, uint64_t path, uint64_t mode, uint64_t dev)
{
	uint32_t type = mode & S_IFMT ? mode & S_IFMT : S_IFREG;

	if (S_ISDIR(type))
		return -EPERM;
	if (!S_ISREG(type) && !S_ISCHR(type) && !S_ISBLK(type) && !S_ISFIFO(type) &&
	    !S_ISSOCK(type))
		return -EINVAL;
	return make_node(dirfd, path, type | (mode & S_ALLUGO), (uint32_t)dev);
}

int64_t sys_symlinkat(uint64_t target, uint64_t dirfd, uint64_t path)
{
	char *text = getname(UPTR(target));
	struct target t;
	int err;

	if (IS_ERR(text))
		return PTR_ERR(text);
	err = *text ? target_start(&t, dirfd, path) : -ENOENT;
	if (err) {
		kfree(text);
		return err;
	}
	err = create_begin(&t, false);
	if (!err) {
		struct inode *dir = t.w.at;

		err = dir->ops->symlink ? dir->ops->symlink(dir, t.w.name, text) : -EPERM;
		mutex_unlock(&dir->lock);
	}
	target_end(&t);
	kfree(text);
	return err;
}

static int link_inode(struct inode *inode, uint64_t dirfd, uint64_t path)
{
	struct target t;
	int err;

	if (S_ISDIR(inode->mode))
		return -EPERM;
	err = target_start(&t, dirfd, path);
	if (err)
		return err;
	err = t.w.at->sb != inode->sb ? -EXDEV : create_begin(&t, false);
	if (!err) {
		struct inode *dir = t.w.at;

		err = dir->ops->link ? dir->ops->link(dir, t.w.name, inode) : -EPERM;
		mutex_unlock(&dir->lock);
	}
	target_end(&t);
	return err;
}

int64_t sys_linkat(uint64_t olddir, uint64_t oldpath, uint64_t newdir, uint64_t newpath,
		   uint64_t flags)
{
	struct inode *inode;
	int err;

	if (flags & ~(uint64_t)(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	inode = user_lookup((int)olddir, oldpath, flags & AT_SYMLINK_FOLLOW, (int)flags);
	if (IS_ERR(inode))
		return PTR_ERR(inode);
	err = link_inode(inode, newdir, newpath);
	inode_put(inode);
	return err;
}

/* "." and ".." cannot be removed; which error says so depends on how. */
static int remove_dots(const char *name, bool rmdir)
{
	if (!rmdir)
		return -EISDIR;
	return name[1] ? -ENOTEMPTY : -EINVAL;
}

static int remove_name(struct target *t, bool rmdir)
{
	struct inode *dir = t->w.at, *victim;
	int err = 0;

	if (name_is_dots(t->w.name))
		return remove_dots(t->w.name, rmdir);
	if (!inode_permission(dir, MAY_WRITE))
		return -EACCES;
	if (!dir->ops->unlink)
		return -EPERM;
	mutex_lock(&dir->lock);
	if (t->w.slash && !rmdir) {
		victim = dir->ops->lookup(dir, t->w.name);
		err = IS_ERR(victim) ? PTR_ERR(victim) : S_ISDIR(victim->mode) ? -EISDIR : -ENOTDIR;
		if (!IS_ERR(victim))
			inode_put(victim);
	}
	if (!err)
		err = dir->ops->unlink(dir, t->w.name, rmdir);
	mutex_unlock(&dir->lock);
	return err;
}

int64_t sys_unlinkat(uint64_t dirfd, uint64_t path, uint64_t flags)
{
	struct target t;
	int err;

	if (flags & ~(uint64_t)AT_REMOVEDIR)
		return -EINVAL;
	err = target_start(&t, dirfd, path);
	if (err)
		return err;
	err = remove_name(&t, flags & AT_REMOVEDIR);
	target_end(&t);
	return err;
}

/* Whether `dir` lies in `above`, or is it; rename_lock held. */
static bool is_within(const struct inode *dir, const struct inode *above)
{
	while (dir != above && dir->parent != dir)
		dir = dir->parent;
	return dir == above;
}

/* Parents are locked before their children, here as everywhere. */
static void lock_both(struct inode *a, struct inode *b)
{
	bool b_first = a != b && is_within(a, b);

	mutex_lock(b_first ? &b->lock : &a->lock);
	if (a != b)
		mutex_lock(b_first ? &a->lock : &b->lock);
}

static void unlock_both(struct inode *a, struct inode *b)
{
	mutex_unlock(&a->lock);
	if (a != b)
		mutex_unlock(&b->lock);
}

/* What rename(2) forbids, with both directories locked. */
static int rename_check(struct target *from, struct target *to, unsigned flags)
{
	struct inode *inode = from->w.at->ops->lookup(from->w.at, from->w.name), *there;
	int err = 0;

	if (IS_ERR(inode))
		return PTR_ERR(inode);
	there = to->w.at->ops->lookup(to->w.at, to->w.name);
	if (!IS_ERR(there) && (flags & RENAME_NOREPLACE))
		err = -EEXIST;
	else if ((from->w.slash || to->w.slash) && !S_ISDIR(inode->mode))
		err = -ENOTDIR;
	else if (S_ISDIR(inode->mode) && is_within(to->w.at, inode))
		err = -EINVAL;
	else if (!IS_ERR(there) && S_ISDIR(there->mode) && is_within(from->w.at, there))
		err = -ENOTEMPTY;
	else if (inode->covered_by || (!IS_ERR(there) && there->covered_by))
		err = -EBUSY;
	if (!IS_ERR(there))
		inode_put(there);
	inode_put(inode);
	return err;
}

static int rename_targets(struct target *from, struct target *to, unsigned flags)
{
	struct inode *old = from->w.at, *new = to->w.at;
	int err;

	if (name_is_dots(from->w.name) || name_is_dots(to->w.name))
		return -EBUSY;
	if (old->sb != new->sb)
		return -EXDEV;
	if (!old->ops->rename)
		return -EPERM;
	if (!inode_permission(old, MAY_WRITE) || !inode_permission(new, MAY_WRITE))
		return -EACCES;
	mutex_lock(&rename_lock);
	lock_both(old, new);
	err = rename_check(from, to, flags);
	if (!err)
		err = old->ops->rename(old, from->w.name, new, to->w.name);
	unlock_both(old, new);
	mutex_unlock(&rename_lock);
	return err;
}

int64_t sys_renameat2(uint64_t olddir, uint64_t oldpath, uint64_t newdir, uint64_t newpath,
		      uint64_t flags)
{
	struct target from, to;
	int err;

	if (flags & ~(uint64_t)RENAME_NOREPLACE)
		return -EINVAL;
	err = target_start(&from, olddir, oldpath);
	if (err)
		return err;
	err = target_start(&to, newdir, newpath);
	if (!err) {
		err = rename_targets(&from, &to, (unsigned)flags);
		target_end(&to);
	}
	target_end(&from);
	return err;
}

int64_t sys_renameat(uint64_t olddir, uint64_t oldpath, uint64_t newdir, uint64_t newpath)
{
	return sys_renameat2(olddir, oldpath, newdir, newpath, 0);
}
