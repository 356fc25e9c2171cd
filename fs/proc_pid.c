// SPDX-License-Identifier: BSD-2-Clause
/* /proc/PID: its directory, links and descriptors. What its files say is in fs/proc_task.c. */
#include "proc.h"

#define PID_INO(pid, i) (((uint64_t)(pid) << 20) | BIT(52) | (i))
#define FD_INO 0x1000u /* numbers of fd/N start here */

static const struct inode_ops pid_dir_ops, fd_dir_ops, pid_file_ops, pid_link_ops;
static const struct file_ops pid_file_fops;

/* ---- what a process has open: of its first thread that still has an address space ---- */

static struct task *living_thread(struct process *p)
{
	struct task *t;

	LIST_FOREACH(t, &p->threads, thread_link)
	if (t->mm) /* gives up its files only later */
		return t;
	return NULL;
}

static struct fd_table *process_files(struct process *p)
{
	struct fd_table *files = NULL;
	struct task *t;

	spin_lock(&tasks_lock);
	t = living_thread(p);
	if (t && t->files) {
		files = t->files;
		fd_table_get(files);
	}
	spin_unlock(&tasks_lock);
	return files;
}

static struct fs_context *process_fs(struct process *p)
{
	struct fs_context *fs = NULL;
	struct task *t;

	spin_lock(&tasks_lock);
	t = living_thread(p);
	if (t && t->fs) {
		fs = t->fs;
		fs_context_get(fs);
	}
	spin_unlock(&tasks_lock);
	return fs;
}

static struct file *process_file(struct process *p, int fd)
{
	struct fd_table *files = process_files(p);
	struct file *file = files ? fd_get_of(files, fd) : NULL;

	fd_table_put(files);
	return file;
}

/* ---- links ---- */

static struct inode *directory_of(struct process *p, bool root)
{
	struct fs_context *fs = process_fs(p);
	struct inode *inode;

	if (!fs)
		return ERR_PTR(-ENOENT);
	inode = fs_context_inode(fs, root ? &fs->root : &fs->cwd);
	fs_context_put(fs);
	return inode;
}

static struct inode *follow_cwd(struct process *p, int fd)
{
	(void)fd;
	return directory_of(p, false);
}

static struct inode *follow_root(struct process *p, int fd)
{
	(void)fd;
	return directory_of(p, true);
}

static int directory_text(struct inode *dir, char *buf, size_t size)
{
	char *path;

	if (IS_ERR(dir))
		return PTR_ERR(dir);
	path = path_of(dir, NULL);
	inode_put(dir);
	if (!path)
		return -ENOMEM;
	strlcpy(buf, path, size);
	kfree(path);
	return 0;
}

static int cwd_text(struct process *p, int fd, char *buf, size_t size)
{
	return directory_text(follow_cwd(p, fd), buf, size);
}

static int root_text(struct process *p, int fd, char *buf, size_t size)
{
	return directory_text(follow_root(p, fd), buf, size);
}

/* The program's file, referenced, or NULL. */
static struct file *exe_of(struct process *p)
{
	struct mm *mm = process_mm(p);
	struct file *exe = NULL;

	if (!mm)
		return NULL;
	down_read(&mm->lock);
	exe = mm->exe;
	if (exe)
		file_get(exe);
	up_read(&mm->lock);
	mm_put(mm);
	return exe;
}

static struct inode *file_inode(struct file *file)
{
	struct inode *inode;

	if (!file)
		return ERR_PTR(-ENOENT);
	inode = file->inode;
	inode_get(inode);
	file_put(file);
	return inode;
}

static int file_text(struct file *file, char *buf, size_t size)
{
	if (!file)
		return -ENOENT;
	file_path(file, buf, size);
	file_put(file);
	return 0;
}

static struct inode *follow_exe(struct process *p, int fd)
{
	(void)fd;
	return file_inode(exe_of(p));
}

static int exe_text(struct process *p, int fd, char *buf, size_t size)
{
	(void)fd;
	return file_text(exe_of(p), buf, size);
}

static struct inode *follow_fd(struct process *p, int fd)
{
	return file_inode(process_file(p, fd));
}

static int fd_text(struct process *p, int fd, char *buf, size_t size)
{
	return file_text(process_file(p, fd), buf, size);
}

static const struct pid_entry links[] = {
	{.name = "cwd", .mode = S_IFLNK | 0777, .follow = follow_cwd, .link_text = cwd_text},
	{.name = "exe", .mode = S_IFLNK | 0777, .follow = follow_exe, .link_text = exe_text},
	{.name = "root", .mode = S_IFLNK | 0777, .follow = follow_root, .link_text = root_text},
	{.name = "fd", .mode = S_IFDIR | 0500, .dir = &fd_dir_ops},
};

#define FD_ENTRY(perm) {.mode = S_IFLNK | (perm), .follow = follow_fd, .link_text = fd_text}
/* By access mode: a link's permissions say what the descriptor was opened for. */
static const struct pid_entry fd_entries[] = {
	[O_RDONLY] = FD_ENTRY(0500),
	[O_WRONLY] = FD_ENTRY(0300),
	[O_RDWR] = FD_ENTRY(0700),
};

/* ---- files that others register (proc_register_pid) ---- */

#define MAX_FILES 32
static struct pid_entry files[MAX_FILES];
static unsigned nr_files;

void proc_register_pid_file(const char *name, proc_show_t show, proc_store_t store)
{
	CHECK(nr_files < MAX_FILES);
	files[nr_files++] = (struct pid_entry){.name = name,
					       .mode = S_IFREG | 0444 | (store ? 0200 : 0),
					       .show = show,
					       .store = store};
}

void proc_register_pid(const char *name, proc_show_t show)
{
	proc_register_pid_file(name, show, NULL);
}

/* The i-th name of /proc/PID; NULL past the last. */
static const struct pid_entry *entry_at(unsigned i)
{
	if (i < nr_files)
		return &files[i];
	i -= nr_files;
	return i < ARRAY_SIZE(links) ? &links[i] : NULL;
}

/* ---- inodes ---- */

/* An inode of process p, on which the caller's reference passes. */
static struct inode *pid_inode(struct inode *dir, struct process *p, const struct pid_entry *entry,
			       int fd, uint64_t ino)
{
	uint32_t mode = entry ? entry->mode : S_IFDIR | 0555;
	struct pid_node *node = kmalloc(sizeof(*node), GFP_KERNEL);
	const struct inode_ops *ops = &pid_dir_ops;
	struct inode *inode;

	if (entry)
		ops = S_ISREG(mode) ? &pid_file_ops : S_ISLNK(mode) ? &pid_link_ops : entry->dir;
	inode = node ? proc_inode(dir, mode, ops, S_ISREG(mode) ? &pid_file_fops : &dir_fops, node)
		     : ERR_PTR(-ENOMEM);
	if (IS_ERR(inode)) {
		kfree(node);
		process_put(p);
		return inode;
	}
	*node = (struct pid_node){.process = p, .entry = entry, .fd = fd};
	inode->ino = ino;
	inode->uid = p->uid;
	inode->gid = p->gid;
	inode->name = entry ? entry->name : NULL;
	return inode;
}

static void pid_destroy(struct inode *inode)
{
	struct pid_node *node = inode->data;

	process_put(node->process);
	kfree(node);
}

/* A decimal number and nothing else; -1: it is none. */
static int parse_number(const char *name)
{
	char *end;
	unsigned long n = strtoul(name, &end, 10);

	return *name >= '0' && *name <= '9' && !*end && n <= INT32_MAX ? (int)n : -1;
}

struct inode *proc_pid_lookup(struct inode *root, const char *name)
{
	int pid = parse_number(name);
	struct process *p = pid > 0 ? process_find(pid) : NULL;

	return p ? pid_inode(root, p, NULL, 0, PID_INO(pid, 0)) : ERR_PTR(-ENOENT);
}

struct pid_list {
	uint64_t *pos;
	dir_emit_t emit;
	void *arg;
	bool more;
};

static bool list_pid(struct process *p, void *arg)
{
	struct pid_list *l = arg;
	char name[16];

	if (*l->pos > PID_COOKIE + (uint64_t)p->pid)
		return true;
	snprintf(name, sizeof(name), "%d", p->pid);
	l->more = l->emit(l->arg, name, PID_INO(p->pid, 0), S_IFDIR,
			  PID_COOKIE + (uint64_t)p->pid + 1);
	if (l->more)
		*l->pos = PID_COOKIE + (uint64_t)p->pid + 1;
	return l->more;
}

bool proc_pid_list(uint64_t *pos, dir_emit_t emit, void *arg)
{
	struct pid_list l = {.pos = pos, .emit = emit, .arg = arg, .more = true};

	process_for_each(list_pid, &l);
	return l.more;
}

static struct inode *pid_lookup(struct inode *dir, const char *name)
{
	struct process *p = ((struct pid_node *)dir->data)->process;
	const struct pid_entry *entry;

	for (unsigned i = 0; (entry = entry_at(i)); i++) {
		if (strcmp(entry->name, name))
			continue;
		process_get(p);
		return pid_inode(dir, p, entry, 0, PID_INO(p->pid, i + 1));
	}
	return ERR_PTR(-ENOENT);
}

static int pid_readdir(struct inode *dir, uint64_t *pos, dir_emit_t emit, void *arg)
{
	int pid = ((struct pid_node *)dir->data)->process->pid;
	const struct pid_entry *entry;

	if (!dir_emit_dots(dir, pos, emit, arg))
		return 0;
	for (; (entry = entry_at((unsigned)(*pos - DIR_FIRST_COOKIE))); ++*pos)
		if (!emit(arg, entry->name, PID_INO(pid, *pos - DIR_FIRST_COOKIE + 1),
			  entry->mode & S_IFMT, *pos + 1))
			break;
	return 0;
}

/* ---- /proc/PID/fd ---- */

static struct inode *fd_lookup(struct inode *dir, const char *name)
{
	struct process *p = ((struct pid_node *)dir->data)->process;
	int fd = parse_number(name);
	struct file *file = fd >= 0 ? process_file(p, fd) : NULL;
	unsigned mode;

	if (!file)
		return ERR_PTR(-ENOENT);
	mode = MIN(file->flags & O_ACCMODE, (unsigned)O_RDWR);
	file_put(file);
	process_get(p);
	return pid_inode(dir, p, &fd_entries[mode], fd, PID_INO(p->pid, FD_INO + (unsigned)fd));
}

static int fd_readdir(struct inode *dir, uint64_t *pos, dir_emit_t emit, void *arg)
{
	struct process *p = ((struct pid_node *)dir->data)->process;
	struct fd_table *table;
	char name[16];
	int fd;

	if (!dir_emit_dots(dir, pos, emit, arg))
		return 0;
	table = process_files(p);
	if (!table)
		return 0;
	while ((fd = fd_next(table, (int)(*pos - DIR_FIRST_COOKIE))) >= 0) {
		uint64_t next = (uint64_t)fd + 1 + DIR_FIRST_COOKIE;

		snprintf(name, sizeof(name), "%d", fd);
		if (!emit(arg, name, PID_INO(p->pid, FD_INO + (unsigned)fd), S_IFLNK, next))
			break;
		*pos = next;
	}
	fd_table_put(table);
	return 0;
}

/* ---- operations ---- */

static ssize_t pid_readlink(struct inode *inode, char *buf, size_t size)
{
	const struct pid_node *node = inode->data;
	int err = node->entry->link_text(node->process, node->fd, buf, size);

	return err ? err : (ssize_t)strlen(buf);
}

static struct inode *pid_follow(struct inode *inode)
{
	const struct pid_node *node = inode->data;

	return node->entry->follow(node->process, node->fd);
}

static int pid_open(struct inode *inode, struct file *file)
{
	const struct pid_node *node = inode->data;

	file->data = seq_open(node->entry->show, node->process);
	return file->data ? 0 : -ENOMEM;
}

static void pid_release(struct file *file)
{
	seq_close(file->data);
}

static ssize_t pid_read(struct file *file, struct iobuf *io, uint64_t *pos)
{
	return seq_read(file->data, io, pos);
}

static ssize_t pid_write(struct file *file, struct iobuf *io, uint64_t *pos)
{
	const struct pid_node *node = file->inode->data;

	(void)pos;
	return proc_store(io, node->entry->store, node->process);
}

static const struct file_ops pid_file_fops = {
	.open = pid_open,
	.release = pid_release,
	.read = pid_read,
	.write = pid_write,
};

static const struct inode_ops pid_dir_ops = {
	.lookup = pid_lookup, .readdir = pid_readdir, .destroy = pid_destroy};
static const struct inode_ops fd_dir_ops = {
	.lookup = fd_lookup, .readdir = fd_readdir, .destroy = pid_destroy};
static const struct inode_ops pid_file_ops = {.destroy = pid_destroy};
static const struct inode_ops pid_link_ops = {
	.readlink = pid_readlink, .follow = pid_follow, .destroy = pid_destroy};
