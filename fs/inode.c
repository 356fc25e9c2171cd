// SPDX-License-Identifier: BSD-2-Clause
/* Inodes, superblocks, permissions, and the path that a directory is at. */
#include "internal.h"

spinlock_t name_lock = SPINLOCK_INIT(RANK_FS);
struct mutex rename_lock;

static struct kmem_cache *inode_cache;
static uint64_t next_dev = 1;

void inode_init(void)
{
	mutex_init(&rename_lock);
	inode_cache = kmem_cache_create("inode_cache", sizeof(struct inode), 0, SLAB_PANIC, NULL);
}

struct superblock *sb_alloc(const char *type, uint64_t magic)
{
	struct superblock *sb = kzalloc(sizeof(*sb), GFP_KERNEL);

	if (!sb)
		return NULL;
	sb->type = type;
	sb->magic = magic;
	sb->dev = __atomic_fetch_add(&next_dev, 1, __ATOMIC_RELAXED);
	sb->next_ino = 1;
	sb->users = 1;
	sb->inodes = 1; /* one more, for as long as there are users */
	return sb;
}

static void sb_drop_inode(struct superblock *sb)
{
	if (__atomic_sub_fetch(&sb->inodes, 1, __ATOMIC_ACQ_REL) == 0)
		kfree(sb);
}

void sb_get(struct superblock *sb)
{
	__atomic_fetch_add(&sb->users, 1, __ATOMIC_RELAXED);
}

void sb_put(struct superblock *sb)
{
	if (__atomic_sub_fetch(&sb->users, 1, __ATOMIC_ACQ_REL))
		return;
	if (sb->kill)
		sb->kill(sb);
	if (sb->root)
		inode_put(sb->root);
	sb_drop_inode(sb);
}

struct inode *inode_alloc(struct superblock *sb, uint32_t mode)
{
	struct inode *inode = kmem_cache_alloc(inode_cache, GFP_KERNEL | GFP_ZERO);

	if (!inode)
		return NULL;
	inode->sb = sb;
	__atomic_fetch_add(&sb->inodes, 1, __ATOMIC_RELAXED);
	inode->ino = __atomic_fetch_add(&sb->next_ino, 1, __ATOMIC_RELAXED);
	inode->mode = mode;
	inode->nlink = 1;
	inode->refs = 1;
	if (current->process) {
		inode->uid = current->process->uid;
		inode->gid = current->process->gid;
	}
	mutex_init(&inode->lock);
	inode->atime = inode->mtime = inode->ctime = time_realtime_ns();
	return inode;
}

void inode_touch(struct inode *inode)
{
	inode->mtime = inode->ctime = time_realtime_ns();
}

void inode_get(struct inode *inode)
{
	__atomic_fetch_add(&inode->refs, 1, __ATOMIC_RELAXED);
}

/* A loop, for a directory that goes may be the last that held its parent. */
void inode_put(struct inode *inode)
{
	while (inode && __atomic_sub_fetch(&inode->refs, 1, __ATOMIC_ACQ_REL) == 0) {
		struct inode *parent = inode->parent != inode ? inode->parent : NULL;
		struct superblock *sb = inode->sb;

		if (inode->ops->destroy)
			inode->ops->destroy(inode);
		if (inode->object)
			object_release(inode->object);
		kmem_cache_free(inode_cache, inode);
		sb_drop_inode(sb);
		inode = parent;
	}
}

bool inode_permission(const struct inode *inode, int mask)
{
	uint32_t uid = current->process ? current->process->uid : 0;
	uint32_t bits = inode->mode;

	if (uid == 0)
		return !(mask & MAY_EXEC) || S_ISDIR(inode->mode) || (inode->mode & 0111);
	if (uid == inode->uid)
		bits >>= 6;
	else if (current->process->gid == inode->gid)
		bits >>= 3;
	return (bits & (uint32_t)mask) == (uint32_t)mask;
}

/* The directory whose entry *dir is, mounts seen through; NULL: *dir is `root`. */
static struct inode *name_parent(struct inode **dir, const struct inode *root)
{
	while (*dir != root && (*dir)->parent == *dir && (*dir)->covers)
		*dir = (*dir)->covers;
	return *dir == root || (*dir)->parent == *dir ? NULL : (*dir)->parent;
}

/* Writes the path so that it ends before `end`, as far as it fits into `room` bytes; its length. */
static size_t path_backwards(struct inode *dir, const char *name, char *end, size_t room)
{
	const struct inode *root = current->fs ? current->fs->root : root_inode;
	struct inode *up;
	size_t len = 0;

	do {
		size_t n = name ? strlen(name) : 0;

		if (n && len + n + 1 <= room) {
			memcpy(end - len - n, name, n);
			end[-(ptrdiff_t)(len + n) - 1] = '/';
		}
		len += n ? n + 1 : 0;
		up = name_parent(&dir, root);
		name = dir->name;
		dir = up;
	} while (up);
	return len;
}

char *path_of(struct inode *dir, const char *name)
{
	size_t room = 60, len;
	char *buf;

	for (;;) {
		buf = kmalloc(room + 2, GFP_KERNEL);
		if (!buf)
			return NULL;
		spin_lock(&name_lock);
		len = path_backwards(dir, name, buf + room, room);
		spin_unlock(&name_lock);
		if (len <= room)
			break;
		kfree(buf);
		room = len;
	}
	memmove(buf, buf + room - len, len);
	if (!len)
		buf[len++] = '/';
	buf[len] = '\0';
	return buf;
}
