// SPDX-License-Identifier: BSD-2-Clause
/*
 * Mounts. A mounted root and the directory below it point at each other and hold each other; these
 * links change under name_lock.
 */
#include "internal.h"
#include <linux/mount.h>
#include <twofold/params.h>
#include <twofold/syscall.h>

/* umount2(2)'s flags; the UAPI headers leave them to libc. */
#define MNT_FORCE 1u
#define MNT_DETACH 2u
#define UMOUNT_NOFOLLOW 8u

#define TYPE_MAX 32
#define TMPFS_SHARE 2 /* a tmpfs without size= may hold half of RAM, as in Linux */

static TAILQ_HEAD(, superblock) mounts = TAILQ_HEAD_INITIALIZER(mounts);
static struct mutex mount_lock; /* the list, and who mounts where */

struct inode *mount_cross(struct inode *inode)
{
	struct inode *top;

	spin_lock(&name_lock);
	for (top = inode; top->covered_by; top = top->covered_by)
		;
	inode_get(top);
	spin_unlock(&name_lock);
	inode_put(inode);
	return top;
}

struct inode *mount_up(struct inode *dir, struct inode *root)
{
	spin_lock(&name_lock);
	while (dir != root && dir->parent == dir && dir->covers)
		dir = dir->covers;
	if (dir != root)
		dir = dir->parent;
	inode_get(dir);
	spin_unlock(&name_lock);
	return mount_cross(dir);
}

int mount_on(struct superblock *sb, struct inode *on)
{
	int err = 0;

	if (!S_ISDIR(on->mode))
		return -ENOTDIR;
	if (!on->ops->create && on != on->sb->root) /* /proc makes an inode for each look-up */
		return -EINVAL;
	inode_get(on);
	inode_get(sb->root);
	sb_get(on->sb);
	mutex_lock(&mount_lock);
	spin_lock(&name_lock);
	if (on->covered_by || !on->nlink)
		err = -EBUSY;
	else {
		on->covered_by = sb->root;
		sb->root->covers = on;
	}
	spin_unlock(&name_lock);
	if (!err)
		TAILQ_INSERT_TAIL(&mounts, sb, link);
	mutex_unlock(&mount_lock);
	if (err) {
		sb_put(on->sb);
		inode_put(sb->root);
		inode_put(on);
	}
	return err;
}

static int unmount(struct inode *root, unsigned flags)
{
	struct superblock *sb = root->sb;
	struct inode *on = root->covers;

	if (!on || sb->root != root)
		return -EINVAL;
	if (!(flags & MNT_DETACH) && __atomic_load_n(&sb->users, __ATOMIC_ACQUIRE) != 1)
		return -EBUSY;
	TAILQ_REMOVE(&mounts, sb, link);
	spin_lock(&name_lock);
	on->covered_by = NULL;
	root->covers = NULL;
	spin_unlock(&name_lock);
	inode_put(root);
	sb_put(on->sb);
	inode_put(on);
	sb_put(sb);
	return 0;
}

/* A tmpfs as large as size= says, in whole pages; half of RAM without it. */
static struct superblock *create_tmpfs(const char *options)
{
	uint64_t ram = frames_managed() * PAGE_SIZE, bytes = ram / TMPFS_SHARE;
	const char *size = strstr(options, "size="), *end;

	if (size) {
		size += strlen("size=");
		bytes = parse_size(size, &end);
		if (end > size && *end == '%') {
			bytes = ram / 100 * bytes;
			end++;
		}
		if (end == size || (*end && *end != ','))
			return ERR_PTR(-EINVAL);
	}
	return tmpfs_create("tmpfs", ALIGN_UP(bytes, PAGE_SIZE));
}

static struct superblock *create(const char *type, const char *options)
{
	struct superblock *sb;

	if (!strcmp(type, "proc"))
		sb = proc_create();
	else if (!strcmp(type, "devtmpfs"))
		sb = devtmpfs_create();
	else if (!strcmp(type, "tmpfs"))
		sb = create_tmpfs(options);
	else
		return ERR_PTR(-ENODEV);
	return sb ? sb : ERR_PTR(-ENOMEM);
}

/* Mounts of boot: the directory is made first. */
static void boot_mount(const char *path, const char *type, uint32_t mode)
{
	struct inode *on = root_inode->ops->create(root_inode, path + 1, S_IFDIR | 0755, 0);
	struct superblock *sb = create(type, "");

	if (IS_ERR(on) || IS_ERR(sb) || mount_on(sb, on))
		panic("no memory for %s", path);
	sb->root->mode = S_IFDIR | mode;
	inode_put(on);
}

void fs_init(void)
{
	struct superblock *rootfs;

	mutex_init(&mount_lock);
	inode_init();
	file_init();
	pipe_init();
	anon_init();
	rootfs = tmpfs_create("rootfs", 0);
	if (!rootfs)
		panic("no memory for the root");
	root_inode = rootfs->root;
	TAILQ_INSERT_TAIL(&mounts, rootfs, link);
	dev_init();
	tty_init();
	proc_init();
	boot_mount("/dev", "devtmpfs", 0755);
	boot_mount("/proc", "proc", 0555);
	boot_mount("/tmp", "tmpfs", 01777);
}

/* A short string argument; "" for a null pointer. */
static int string_arg(char *buf, size_t size, uint64_t ua)
{
	ssize_t len;

	buf[0] = '\0';
	if (!ua)
		return 0;
	len = strncpy_from_user(buf, UPTR(ua), size);
	return len == -ENAMETOOLONG ? -EINVAL : len < 0 ? (int)len : 0;
}

int64_t sys_mount(uint64_t source, uint64_t target, uint64_t type, uint64_t flags, uint64_t data)
{
	char name[TYPE_MAX], options[128];
	struct superblock *sb;
	struct inode *on;
	int err;

	(void)source;
	if (flags & (MS_REMOUNT | MS_BIND | MS_MOVE))
		return -EINVAL;
	err = string_arg(name, sizeof(name), type);
	if (!err)
		err = string_arg(options, sizeof(options), data);
	if (err)
		return err;
	on = user_lookup(AT_FDCWD, target, true, 0);
	if (IS_ERR(on))
		return PTR_ERR(on);
	sb = create(name, options);
	err = IS_ERR(sb) ? PTR_ERR(sb) : mount_on(sb, on);
	if (err && !IS_ERR(sb))
		sb_put(sb);
	inode_put(on);
	return err;
}

int64_t sys_umount2(uint64_t target, uint64_t flags)
{
	struct inode *root;
	int err;

	if (flags & ~(uint64_t)(MNT_FORCE | MNT_DETACH | UMOUNT_NOFOLLOW))
		return -EINVAL;
	root = user_lookup(AT_FDCWD, target, !(flags & UMOUNT_NOFOLLOW), 0);
	if (IS_ERR(root))
		return PTR_ERR(root);
	mutex_lock(&mount_lock);
	err = unmount(root, (unsigned)flags);
	mutex_unlock(&mount_lock);
	inode_put(root);
	return err;
}

int mounts_show(struct seq *s, void *arg)
{
	struct superblock *sb;

	(void)arg;
	mutex_lock(&mount_lock);
	TAILQ_FOREACH(sb, &mounts, link)
	{
		char *path = path_of(sb->root, NULL);

		seq_printf(s, "%s %s %s rw", sb->type, path ? path : "?", sb->type);
		if (sb->max_bytes)
			seq_printf(s, ",size=%luk", (unsigned long)(sb->max_bytes / SZ_1K));
		seq_printf(s, " 0 0\n");
		kfree(path);
	}
	mutex_unlock(&mount_lock);
	return 0;
}
