// SPDX-License-Identifier: BSD-2-Clause
/* A program's root, working directory and umask. A task without them walks from the very root. */
#include "internal.h"

struct inode *root_inode;

struct fs_context *fs_context_create(void)
{
	struct fs_context *c = kzalloc(sizeof(*c), GFP_KERNEL);

	if (!c)
		return NULL;
	c->refs = 1;
	spin_lock_init(&c->lock, RANK_FILES);
	c->umask = 022;
	fs_context_set(c, &c->root, root_inode);
	fs_context_set(c, &c->cwd, root_inode);
	return c;
}

struct fs_context *fs_context_copy(struct fs_context *from)
{
	struct fs_context *c = kzalloc(sizeof(*c), GFP_KERNEL);
	struct inode *root, *cwd;

	if (!c)
		return NULL;
	c->refs = 1;
	spin_lock_init(&c->lock, RANK_FILES);
	c->umask = from->umask;
	root = fs_context_inode(from, &from->root);
	cwd = fs_context_inode(from, &from->cwd);
	fs_context_set(c, &c->root, root);
	fs_context_set(c, &c->cwd, cwd);
	inode_put(root);
	inode_put(cwd);
	return c;
}

void fs_context_get(struct fs_context *c)
{
	__atomic_fetch_add(&c->refs, 1, __ATOMIC_RELAXED);
}

void fs_context_put(struct fs_context *c)
{
	if (!c || __atomic_sub_fetch(&c->refs, 1, __ATOMIC_ACQ_REL))
		return;
	fs_context_set(c, &c->root, NULL);
	fs_context_set(c, &c->cwd, NULL);
	kfree(c);
}

struct inode *fs_context_inode(struct fs_context *c, struct inode **which)
{
	struct inode *inode;

	spin_lock(&c->lock);
	inode = *which;
	inode_get(inode);
	spin_unlock(&c->lock);
	return inode;
}

void fs_context_set(struct fs_context *c, struct inode **which, struct inode *inode)
{
	struct superblock *sb;
	struct inode *old;

	if (inode) {
		inode_get(inode);
		sb_get(inode->sb);
	}
	spin_lock(&c->lock);
	old = *which;
	*which = inode;
	spin_unlock(&c->lock);
	if (!old)
		return;
	sb = old->sb;
	inode_put(old);
	sb_put(sb);
}

struct inode *fs_get_root(void)
{
	struct fs_context *c = current->fs;

	if (c)
		return fs_context_inode(c, &c->root);
	inode_get(root_inode);
	return root_inode;
}

struct inode *fs_get_cwd(void)
{
	struct fs_context *c = current->fs;

	return c ? fs_context_inode(c, &c->cwd) : fs_get_root();
}

uint32_t fs_umask(void)
{
	return current->fs ? current->fs->umask : 0;
}
