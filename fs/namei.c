// SPDX-License-Identifier: BSD-2-Clause
/*
 * Path walks. A walk stands in a directory (`at`) with the rest of the path before it; a symbolic
 * link met on the way is put in front of that rest, so nothing recurses.
 */
#include "internal.h"

#define MAX_LINKS 40 /* as Linux: MAXSYMLINKS */

char *getname(uptr_t path)
{
	char *name = kmalloc(PATH_MAX, GFP_KERNEL);
	ssize_t len;

	if (!name)
		return ERR_PTR(-ENOMEM);
	len = strncpy_from_user(name, path, PATH_MAX);
	if (len < 0) {
		kfree(name);
		return ERR_PTR(len);
	}
	return name;
}

bool name_is_dots(const char *name)
{
	return name[0] == '.' && (!name[1] || (name[1] == '.' && !name[2]));
}

/* Where a path that does not start with a slash starts. */
static struct inode *start_inode(int dirfd)
{
	struct fd_ref ref;
	struct inode *inode;

	if (dirfd == AT_FDCWD)
		return fs_get_cwd();
	ref = fd_borrow(dirfd);
	if (!ref.file)
		return ERR_PTR(-EBADF);
	inode = ref.file->inode;
	inode_get(inode);
	fd_release(ref);
	return inode;
}

int walk_start(struct walk *w, int dirfd, const char *path)
{
	w->root = fs_get_root();
	w->link_text = NULL;
	w->links = 0;
	w->arrived = false;
	w->rest = path;
	w->at = NULL;
	if (*path == '/') {
		w->at = w->root;
		inode_get(w->at);
		return 0;
	}
	if (!*path)
		return -ENOENT;
	w->at = start_inode(dirfd);
	if (IS_ERR(w->at)) {
		int err = PTR_ERR(w->at);

		w->at = NULL;
		return err;
	}
	return 0;
}

void walk_end(struct walk *w)
{
	if (w->at)
		inode_put(w->at);
	inode_put(w->root);
	kfree(w->link_text);
}

/* Takes the next component off the path into w->name; 1 when it is the last one. */
static int next_name(struct walk *w)
{
	const char *p = w->rest;
	size_t len = 0;

	while (*p == '/')
		p++;
	for (; *p && *p != '/'; p++) {
		if (len == NAME_MAX)
			return -ENAMETOOLONG;
		w->name[len++] = *p;
	}
	if (!len)
		w->name[len++] = '.';
	w->name[len] = '\0';
	w->slash = *p == '/';
	while (*p == '/')
		p++;
	w->rest = p;
	return !*p;
}

struct inode *walk_step(struct walk *w)
{
	struct inode *dir = w->at, *inode;

	if (!S_ISDIR(dir->mode))
		return ERR_PTR(-ENOTDIR);
	if (!inode_permission(dir, MAY_EXEC))
		return ERR_PTR(-EACCES);
	if (name_is_dots(w->name)) {
		if (w->name[1])
			return mount_up(dir, w->root);
		inode_get(dir);
		return dir;
	}
	mutex_lock(&dir->lock);
	inode = dir->ops->lookup(dir, w->name);
	mutex_unlock(&dir->lock);
	if (!IS_ERR(inode) && inode->covered_by)
		inode = mount_cross(inode);
	return inode;
}

static int walk_to(struct walk *w, struct inode *inode)
{
	inode_put(w->at);
	w->at = inode;
	return 0;
}

/* Puts the text of a link before the rest of the path. */
static int splice_link(struct walk *w, struct inode *link)
{
	size_t rest_len = strlen(w->rest);
	char *text = kmalloc(PATH_MAX, GFP_KERNEL);
	ssize_t len;

	if (!text)
		return -ENOMEM;
	len = link->ops->readlink(link, text, PATH_MAX - 1);
	if (len > 0 && (size_t)len + rest_len + 2 > PATH_MAX)
		len = -ENAMETOOLONG;
	if (len <= 0) {
		kfree(text);
		return len ? (int)len : -ENOENT;
	}
	if (rest_len || w->slash)
		text[len++] = '/';
	memcpy(text + len, w->rest, rest_len + 1);
	kfree(w->link_text);
	w->rest = w->link_text = text;
	return *text == '/' ? (inode_get(w->root), walk_to(w, w->root)) : 0;
}

/* We are at the target of a link of the kernel's own: its text is the only path there is. */
static void arrive(struct walk *w, struct inode *link)
{
	char *text = kmalloc(PATH_MAX, GFP_KERNEL);

	if (text && link->ops->readlink(link, text, PATH_MAX) <= 0) {
		kfree(text);
		text = NULL;
	}
	kfree(w->link_text);
	w->link_text = text;
	w->rest = "";
	w->arrived = true;
}

int walk_follow(struct walk *w, struct inode *link)
{
	struct inode *target;
	int err;

	if (++w->links > MAX_LINKS) {
		inode_put(link);
		return -ELOOP;
	}
	if (!link->ops->follow) {
		err = splice_link(w, link);
		inode_put(link);
		return err;
	}
	target = link->ops->follow(link);
	if (!IS_ERR(target) && !*w->rest)
		arrive(w, link);
	inode_put(link);
	return IS_ERR(target) ? PTR_ERR(target) : walk_to(w, target);
}

int walk_to_last(struct walk *w)
{
	struct inode *inode;
	int last, err;

	while ((last = next_name(w)) == 0) {
		inode = walk_step(w);
		if (IS_ERR(inode))
			return PTR_ERR(inode);
		err = S_ISLNK(inode->mode) ? walk_follow(w, inode) : walk_to(w, inode);
		if (err)
			return err;
	}
	return last < 0 ? last : 0;
}

int walk_parent(struct walk *w, int dirfd, const char *path)
{
	int err = walk_start(w, dirfd, path);

	if (!err)
		err = walk_to_last(w);
	if (!err && !S_ISDIR(w->at->mode))
		err = -ENOTDIR;
	if (!err && !inode_permission(w->at, MAY_EXEC))
		err = -EACCES;
	if (err)
		walk_end(w);
	return err;
}

struct inode *walk_all(struct walk *w, bool follow)
{
	struct inode *inode;
	int err;

	for (;;) {
		err = walk_to_last(w);
		if (err)
			return ERR_PTR(err);
		inode = walk_step(w);
		if (IS_ERR(inode))
			return inode;
		if (!S_ISLNK(inode->mode) || !(follow || w->slash))
			break;
		err = walk_follow(w, inode);
		if (err)
			return ERR_PTR(err);
		if (w->arrived) {
			inode = w->at;
			inode_get(inode);
			break;
		}
	}
	if (w->slash && !S_ISDIR(inode->mode)) {
		inode_put(inode);
		return ERR_PTR(-ENOTDIR);
	}
	return inode;
}

struct inode *path_lookup(int dirfd, const char *path, bool follow)
{
	struct walk w;
	struct inode *inode;
	int err = walk_start(&w, dirfd, path);

	inode = err ? ERR_PTR(err) : walk_all(&w, follow);
	walk_end(&w);
	return inode;
}

struct inode *user_lookup(int dirfd, uint64_t path, bool follow, int flags)
{
	char *name = getname(UPTR(path));
	struct inode *inode;

	if (IS_ERR(name))
		return (struct inode *)name;
	inode = *name || !(flags & AT_EMPTY_PATH) ? path_lookup(dirfd, name, follow)
						  : start_inode(dirfd);
	kfree(name);
	return inode;
}
