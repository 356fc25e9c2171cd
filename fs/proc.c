// SPDX-License-Identifier: BSD-2-Clause
/* /proc: the tree of registered files. A file is a function that prints; see proc_register(). */
#include "proc.h"
#include <linux/magic.h>

#define STORE_MAX 128u /* what a write to a file here may hold */

struct proc_node {
	const char *name;
	uint32_t mode;
	uint64_t ino;
	proc_show_t show;
	proc_store_t store;
	const struct file_ops *fops; /* of its own; NULL: show and store */
	void *arg;
	struct proc_node *parent;
	STAILQ_HEAD(, proc_node) children;
	STAILQ_ENTRY(proc_node) link;
};

static struct proc_node root_node = {
	.name = "",
	.mode = S_IFDIR | 0555,
	.ino = 1,
	.children = STAILQ_HEAD_INITIALIZER(root_node.children),
};
static uint64_t next_ino = 2;

static struct proc_node *find_child(struct proc_node *dir, const char *name, size_t len)
{
	struct proc_node *node;

	STAILQ_FOREACH(node, &dir->children, link)
		if (*node->name == *name && !strncmp(node->name, name, len) && !node->name[len])
			return node;
	return NULL;
}

static struct proc_node *add_child(struct proc_node *dir, const char *name, size_t len,
				   uint32_t mode)
{
	struct proc_node *node = kzalloc(sizeof(*node), GFP_KERNEL);
	char *copy = kmalloc(len + 1, GFP_KERNEL);

	if (!node || !copy)
		panic("no memory for /proc/%s", name);
	memcpy(copy, name, len);
	copy[len] = '\0';
	node->name = copy;
	node->mode = mode;
	node->ino = next_ino++;
	node->parent = dir;
	STAILQ_INIT(&node->children);
	STAILQ_INSERT_TAIL(&dir->children, node, link);
	return node;
}

static struct proc_node *add_file(const char *path, uint32_t mode)
{
	struct proc_node *dir = &root_node, *node;
	const char *slash;

	for (; (slash = strchr(path, '/')); path = slash + 1) {
		size_t len = (size_t)(slash - path);

		node = find_child(dir, path, len);
		dir = node ? node : add_child(dir, path, len, S_IFDIR | 0555);
	}
	return add_child(dir, path, strlen(path), S_IFREG | mode);
}

void proc_register(const char *path, proc_show_t show, proc_store_t store, void *arg)
{
	struct proc_node *node = add_file(path, (show ? 0444u : 0) | (store ? 0200u : 0));

	node->show = show;
	node->store = store;
	node->arg = arg;
}

void proc_register_fops(const char *path, uint32_t mode, const struct file_ops *fops)
{
	add_file(path, mode)->fops = fops;
}

struct inode *proc_inode(struct inode *dir, uint32_t mode, const struct inode_ops *ops,
			 const struct file_ops *fops, void *data)
{
	struct inode *inode = inode_alloc(dir->sb, mode);

	if (!inode)
		return ERR_PTR(-ENOMEM);
	inode->uid = inode->gid = 0;
	inode->ops = ops;
	inode->fops = fops;
	inode->data = data;
	if (S_ISDIR(mode)) {
		inode_get(dir);
		inode->parent = dir;
		inode->nlink = 2;
	}
	return inode;
}

ssize_t proc_store(struct iobuf *io, proc_store_t store, void *arg)
{
	size_t all = io->left;
	char text[STORE_MAX];
	ssize_t n;

	if (!store)
		return -EIO;
	if (all >= sizeof(text))
		return -EINVAL;
	n = iobuf_get(io, text, all);
	if (n < 0)
		return n;
	text[n] = '\0';
	n = store(text, (size_t)n, arg);
	return n < 0 ? n : (ssize_t)all;
}

static int node_open(struct inode *inode, struct file *file)
{
	const struct proc_node *node = inode->data;

	if (!node->show && (file->flags & O_ACCMODE) != O_WRONLY)
		return -EACCES; /* root, too: as Linux's sysctl files */
	file->data = seq_open(node->show, node->arg);
	return file->data ? 0 : -ENOMEM;
}

static void node_release(struct file *file)
{
	seq_close(file->data);
}

static ssize_t node_read(struct file *file, struct iobuf *io, uint64_t *pos)
{
	return seq_read(file->data, io, pos);
}

static ssize_t node_write(struct file *file, struct iobuf *io, uint64_t *pos)
{
	const struct proc_node *node = file->inode->data;

	(void)pos;
	return proc_store(io, node->store, node->arg);
}

static const struct file_ops node_fops = {
	.open = node_open,
	.release = node_release,
	.read = node_read,
	.write = node_write,
};

static const struct inode_ops node_dir_ops, node_file_ops = {0}, self_ops;

static struct inode *node_inode(struct inode *dir, struct proc_node *node)
{
	bool is_dir = S_ISDIR(node->mode);
	const struct file_ops *fops = node->fops ? node->fops : is_dir ? &dir_fops : &node_fops;
	struct inode *inode =
		proc_inode(dir, node->mode, is_dir ? &node_dir_ops : &node_file_ops, fops, node);

	if (IS_ERR(inode))
		return inode;
	inode->ino = node->ino;
	inode->name = node->name;
	return inode;
}

static struct inode *node_lookup(struct inode *dir, const char *name)
{
	struct proc_node *parent = dir->data, *node = find_child(parent, name, strlen(name));

	if (node)
		return node_inode(dir, node);
	if (parent != &root_node)
		return ERR_PTR(-ENOENT);
	if (!strcmp(name, "self"))
		return proc_inode(dir, S_IFLNK | 0777, &self_ops, NULL, NULL);
	return proc_pid_lookup(dir, name);
}

static ssize_t self_readlink(struct inode *inode, char *buf, size_t size)
{
	(void)inode;
	if (!current->process)
		return -ENOENT;
	return snprintf(buf, size, "%d", current->process->pid);
}

static const struct inode_ops self_ops = {.readlink = self_readlink};

static int node_readdir(struct inode *dir, uint64_t *pos, dir_emit_t emit, void *arg)
{
	struct proc_node *parent = dir->data, *node;
	uint64_t at = DIR_FIRST_COOKIE;

	if (!dir_emit_dots(dir, pos, emit, arg))
		return 0;
	STAILQ_FOREACH(node, &parent->children, link) {
		if (at++ < *pos)
			continue;
		if (!emit(arg, node->name, node->ino, node->mode & S_IFMT, at))
			return 0;
		*pos = at;
	}
	if (parent != &root_node)
		return 0;
	if (*pos <= at) {
		if (!emit(arg, "self", PID_COOKIE - 1, S_IFLNK, PID_COOKIE))
			return 0;
		*pos = PID_COOKIE;
	}
	proc_pid_list(pos, emit, arg);
	return 0;
}

static const struct inode_ops node_dir_ops = {.lookup = node_lookup, .readdir = node_readdir};

struct superblock *proc_create(void)
{
	struct superblock *sb = sb_alloc("proc", PROC_SUPER_MAGIC);
	struct inode *root;

	if (!sb)
		return NULL;
	root = inode_alloc(sb, S_IFDIR | 0555);
	if (!root) {
		sb_put(sb);
		return NULL;
	}
	root->ino = root_node.ino;
	root->ops = &node_dir_ops;
	root->fops = &dir_fops;
	root->data = &root_node;
	root->parent = root;
	root->nlink = 2;
	sb->root = root;
	return sb;
}

void proc_init(void)
{
	proc_mm_init();
	proc_sys_init();
	proc_task_init();
	proc_contrast_init();
	proc_lock_init();
}
