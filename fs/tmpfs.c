// SPDX-License-Identifier: BSD-2-Clause
/*
 * tmpfs: the root, /tmp and /dev. Names are kept in a hash table that grows with its directory; an
 * entry holds a reference to its inode, so a file lives as long as a name or an open file has it.
 */
#include "internal.h"
#include <linux/magic.h>

struct entry {
	struct entry *chain;
	TAILQ_ENTRY(entry) link;
	struct inode *inode;
	uint64_t cookie; /* position for readdir: grows with each entry made */
	uint32_t hash;
	char name[];
};

#define FIRST_BUCKETS 8u
struct directory {
	TAILQ_HEAD(, entry) entries; /* oldest first */
	struct entry **table;
	uint32_t buckets, count;
	uint64_t next_cookie;
	struct entry *first[FIRST_BUCKETS];
};

static const struct inode_ops dir_ops, link_ops, node_ops;

/* FNV-1a. */
static uint32_t hash_name(const char *name)
{
	uint32_t hash = 2166136261u;

	while (*name)
		hash = (hash ^ (uint8_t)*name++) * 16777619u;
	return hash ^ hash >> 15;
}

static struct entry **find_slot(struct directory *d, const char *name, uint32_t hash)
{
	struct entry **p = &d->table[hash & (d->buckets - 1)];

	while (*p && ((*p)->hash != hash || strcmp((*p)->name, name)))
		p = &(*p)->chain;
	return p;
}

static struct entry *find(struct directory *d, const char *name)
{
	return *find_slot(d, name, hash_name(name));
}

/* Four times as many buckets; without memory the chains just get longer. */
static void grow(struct directory *d)
{
	uint32_t buckets = d->buckets * 4;
	struct entry **table = kzalloc(buckets * sizeof(*table), GFP_KERNEL), *e;

	if (!table)
		return;
	TAILQ_FOREACH(e, &d->entries, link)
	{
		struct entry **p = &table[e->hash & (buckets - 1)];

		e->chain = *p;
		*p = e;
	}
	if (d->table != d->first)
		kfree(d->table);
	d->table = table;
	d->buckets = buckets;
}

/* Paths are put together from directories' names, which are their entries'. */
static void set_name(struct inode *inode, const char *name)
{
	if (!S_ISDIR(inode->mode))
		return;
	spin_lock(&name_lock);
	inode->name = name;
	spin_unlock(&name_lock);
}

/* Enters `inode` (reference taken over on success) under a name that is not there yet. */
static int enter(struct inode *dir, const char *name, struct inode *inode)
{
	struct directory *d = dir->data;
	size_t len = strlen(name) + 1;
	struct entry *e, **slot;

	if (!dir->nlink)
		return -ENOENT;
	e = kmalloc(sizeof(*e) + len, GFP_KERNEL);
	if (!e)
		return -ENOMEM;
	if (d->count >= 2 * d->buckets)
		grow(d);
	memcpy(e->name, name, len);
	e->hash = hash_name(name);
	e->inode = inode;
	e->cookie = d->next_cookie++;
	slot = &d->table[e->hash & (d->buckets - 1)];
	e->chain = *slot;
	*slot = e;
	TAILQ_INSERT_TAIL(&d->entries, e, link);
	d->count++;
	set_name(inode, e->name);
	inode_touch(dir);
	return 0;
}

/* Takes the entry out; the caller drops the inode's reference, then frees the entry. */
static void leave(struct inode *dir, struct entry *e)
{
	struct directory *d = dir->data;

	*find_slot(d, e->name, e->hash) = e->chain;
	TAILQ_REMOVE(&d->entries, e, link);
	d->count--;
	inode_touch(dir);
}

static int init_directory(struct inode *inode, struct inode *parent)
{
	struct directory *d = kzalloc(sizeof(*d), GFP_KERNEL);

	if (!d)
		return -ENOMEM;
	TAILQ_INIT(&d->entries);
	d->table = d->first;
	d->buckets = FIRST_BUCKETS;
	d->next_cookie = DIR_FIRST_COOKIE;
	inode->data = d;
	inode->nlink = 2;
	inode->ops = &dir_ops;
	inode->fops = &dir_fops;
	inode->parent = parent;
	if (parent && parent != inode) {
		inode_get(parent);
		parent->nlink++;
	}
	return 0;
}

static struct inode *make_inode(struct inode *dir, uint32_t mode, uint64_t rdev)
{
	struct inode *inode = inode_alloc(dir->sb, mode);
	int err = 0;

	if (!inode)
		return ERR_PTR(-ENOMEM);
	inode->ops = &node_ops;
	inode->rdev = rdev;
	if (S_ISDIR(mode))
		err = init_directory(inode, dir);
	else if (S_ISREG(mode))
		err = tmpfs_file_init(inode);
	else if (S_ISLNK(mode))
		inode->ops = &link_ops;
	else if (S_ISFIFO(mode))
		inode->fops = &pipe_fops;
	if (!err)
		return inode;
	inode_put(inode);
	return ERR_PTR(err);
}

static struct inode *tmpfs_lookup(struct inode *dir, const char *name)
{
	struct entry *e = find(dir->data, name);

	if (!e)
		return ERR_PTR(-ENOENT);
	inode_get(e->inode);
	return e->inode;
}

/* An inode that got no name: as if it had never been. */
static void discard(struct inode *dir, struct inode *inode)
{
	if (S_ISDIR(inode->mode))
		dir->nlink--;
	inode_put(inode);
}

static struct inode *tmpfs_create_node(struct inode *dir, const char *name, uint32_t mode,
				       uint64_t rdev)
{
	struct inode *inode = make_inode(dir, mode, rdev);
	int err;

	if (IS_ERR(inode))
		return inode;
	err = enter(dir, name, inode);
	if (err) {
		discard(dir, inode);
		return ERR_PTR(err);
	}
	inode_get(inode);
	return inode;
}

static int tmpfs_symlink(struct inode *dir, const char *name, const char *target)
{
	struct inode *inode = make_inode(dir, S_IFLNK | 0777, 0);
	size_t len = strlen(target);
	int err;

	if (IS_ERR(inode))
		return PTR_ERR(inode);
	inode->size = len;
	inode->data = kmalloc(len + 1, GFP_KERNEL);
	err = inode->data ? 0 : -ENOMEM;
	if (!err) {
		memcpy(inode->data, target, len + 1);
		err = enter(dir, name, inode);
	}
	if (err)
		inode_put(inode);
	return err;
}

static ssize_t tmpfs_readlink(struct inode *inode, char *buf, size_t size)
{
	size_t len = MIN((size_t)inode->size, size - 1);

	memcpy(buf, inode->data, len);
	buf[len] = '\0';
	return (ssize_t)len;
}

static int tmpfs_link(struct inode *dir, const char *name, struct inode *inode)
{
	int err;

	if (find(dir->data, name))
		return -EEXIST;
	inode_get(inode);
	err = enter(dir, name, inode);
	if (err) {
		inode_put(inode);
		return err;
	}
	__atomic_fetch_add(&inode->nlink, 1, __ATOMIC_RELAXED);
	inode->ctime = time_realtime_ns();
	return 0;
}

/* Marks an empty directory as gone, so that nothing is made in it any more. */
static int close_directory(struct inode *dir, struct inode *victim)
{
	const struct directory *d = victim->data;
	int err = 0;

	mutex_lock(&victim->lock);
	if (d->count)
		err = -ENOTEMPTY;
	else if (victim->covered_by)
		err = -EBUSY;
	else
		victim->nlink = 0;
	mutex_unlock(&victim->lock);
	if (err)
		return err;
	dir->nlink--;
	set_name(victim, NULL);
	return 0;
}

/* The inode behind an entry is about to lose that name. */
static int lose_name(struct inode *dir, struct inode *inode)
{
	if (S_ISDIR(inode->mode)) {
		int err = close_directory(dir, inode);

		if (err)
			return err;
	} else {
		__atomic_fetch_sub(&inode->nlink, 1, __ATOMIC_RELAXED);
	}
	inode->ctime = time_realtime_ns();
	return 0;
}

static int tmpfs_unlink(struct inode *dir, const char *name, bool rmdir)
{
	struct entry *e = find(dir->data, name);
	int err;

	if (!e)
		return -ENOENT;
	if (rmdir != S_ISDIR(e->inode->mode))
		return rmdir ? -ENOTDIR : -EISDIR;
	err = lose_name(dir, e->inode);
	if (err)
		return err;
	leave(dir, e);
	inode_put(e->inode);
	kfree(e);
	return 0;
}

/* Puts `inode` in the place of what an entry names now, as far as rename(2) allows. */
static int replace(struct inode *from, struct inode *to, struct entry *old, struct inode *inode)
{
	struct inode *victim = old->inode;
	int err;

	if (S_ISDIR(inode->mode) && !S_ISDIR(victim->mode))
		return -ENOTDIR;
	if (!S_ISDIR(inode->mode) && S_ISDIR(victim->mode))
		return -EISDIR;
	if (victim == from)
		return -ENOTEMPTY;
	err = lose_name(to, victim);
	if (err)
		return err;
	old->inode = inode;
	set_name(inode, old->name);
	inode_touch(to);
	inode_put(victim);
	return 0;
}

/* A directory that moved has another parent. */
static void change_parent(struct inode *inode, struct inode *from, struct inode *to)
{
	if (!S_ISDIR(inode->mode) || from == to)
		return;
	inode_get(to);
	to->nlink++;
	from->nlink--;
	spin_lock(&name_lock);
	inode->parent = to;
	spin_unlock(&name_lock);
	inode_put(from);
}

static int tmpfs_rename(struct inode *from, const char *name, struct inode *to,
			const char *new_name)
{
	struct entry *e = find(from->data, name), *old = find(to->data, new_name);
	struct inode *inode;
	int err;

	if (!e)
		return -ENOENT;
	inode = e->inode;
	if (old && old->inode == inode)
		return 0;
	err = old ? replace(from, to, old, inode) : enter(to, new_name, inode);
	if (err)
		return err;
	change_parent(inode, from, to);
	leave(from, e);
	kfree(e);
	inode->ctime = time_realtime_ns();
	return 0;
}

static int tmpfs_readdir(struct inode *dir, uint64_t *pos, dir_emit_t emit, void *arg)
{
	struct directory *d = dir->data;
	struct entry *e;

	if (!dir_emit_dots(dir, pos, emit, arg))
		return 0;
	TAILQ_FOREACH(e, &d->entries, link)
	{
		if (e->cookie < *pos)
			continue;
		if (!emit(arg, e->name, e->inode->ino, e->inode->mode & S_IFMT, e->cookie + 1))
			return 0;
		*pos = e->cookie + 1;
	}
	return 0;
}

static void free_directory(struct inode *inode)
{
	struct directory *d = inode->data;

	if (d && d->table != d->first)
		kfree(d->table);
	kfree(d);
}

static void free_link(struct inode *inode)
{
	kfree(inode->data);
}

static const struct inode_ops dir_ops = {
	.lookup = tmpfs_lookup,
	.create = tmpfs_create_node,
	.unlink = tmpfs_unlink,
	.link = tmpfs_link,
	.rename = tmpfs_rename,
	.symlink = tmpfs_symlink,
	.readdir = tmpfs_readdir,
	.destroy = free_directory,
};

static const struct inode_ops link_ops = {
	.readlink = tmpfs_readlink,
	.destroy = free_link,
};

static const struct inode_ops node_ops = {0};

/* Nobody uses the file system any more: takes the tree apart, deepest entries first. */
static void tmpfs_kill(struct superblock *sb)
{
	struct inode *dir = sb->root;

	while (dir) {
		struct directory *d = dir->data;
		struct entry *e = TAILQ_FIRST(&d->entries);

		if (!e) {
			dir = dir == sb->root ? NULL : dir->parent;
			continue;
		}
		if (S_ISDIR(e->inode->mode) && ((struct directory *)e->inode->data)->count) {
			dir = e->inode;
			continue;
		}
		e->inode->nlink = 0;
		set_name(e->inode, NULL);
		leave(dir, e);
		inode_put(e->inode);
		kfree(e);
	}
}

struct superblock *tmpfs_create(const char *type, uint64_t max_bytes)
{
	struct superblock *sb = sb_alloc(type, TMPFS_MAGIC);
	struct inode *root = sb ? inode_alloc(sb, S_IFDIR | 0755) : NULL;

	if (!root || init_directory(root, root)) {
		if (root) {
			root->ops = &node_ops;
			inode_put(root);
		}
		if (sb)
			sb_put(sb);
		return NULL;
	}
	sb->max_bytes = max_bytes;
	sb->root = root;
	sb->kill = tmpfs_kill;
	return sb;
}
