/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of fs/ share among themselves. */
#ifndef FS_INTERNAL_H
#define FS_INTERNAL_H

#include <linux/fcntl.h>
#include <linux/limits.h>
#include <twofold/errno.h>
#include <twofold/fs.h>
#include <twofold/log.h>
#include <twofold/slab.h>
#include <twofold/string.h>
#include <twofold/task.h>

#include <linux/fs.h>
#undef NR_FILE /* ours is a gauge of vm.h */

#define MAY_EXEC 1
#define MAY_WRITE 2
#define MAY_READ 4

#define S_ALLUGO 07777u

/* ---- inodes (fs/inode.c) ---- */
void inode_init(void);
/* A fresh inode, referenced, link count 1, times now; NULL: no memory. */
struct inode *inode_alloc(struct superblock *sb, uint32_t mode);
void inode_touch(struct inode *inode); /* contents changed: mtime and ctime */
struct superblock *sb_alloc(const char *type, uint64_t magic); /* users 1; NULL: no memory */
void sb_get(struct superblock *sb);
void sb_put(struct superblock *sb); /* the last user: the file system goes */
/* The lock of directories' names and parents, and of mounts; held for pointer walks only. */
extern spinlock_t name_lock;
extern struct mutex
	rename_lock; /* the tree's shape, while something moves from directory to directory */
/* The absolute path of `name` in `dir` (NULL: of the directory itself), kmalloc'd; NULL: no memory.
 */
char *path_of(struct inode *dir, const char *name);

/* ---- path walks (fs/namei.c) ---- */
struct walk {
	struct inode *root; /* ".." and links starting with "/" end here; referenced */
	struct inode *at;   /* the directory reached; referenced */
	const char *rest;   /* of the path, after `name` */
	char *link_text;    /* a link's text and what followed it; NULL before the first link */
	unsigned links;
	/* A link of the kernel's own (inode_ops.follow) came last: `at` is its target, link_text
	 * its text. */
	bool arrived;
	bool slash; /* the last name has a slash after it: must be a directory */
	char name[NAME_MAX + 1];
};

int walk_start(struct walk *w, int dirfd, const char *path);
void walk_end(struct walk *w);
/* To the last component: at is its directory, name its name ("." for "/" and ""). */
int walk_to_last(struct walk *w);
/* What `name` is in `at`, mounts crossed; referenced. */
struct inode *walk_step(struct walk *w);
/* Goes on at a link's target; consumes the reference to link. */
int walk_follow(struct walk *w, struct inode *link);
/* All the way: the inode that the path names, referenced. */
struct inode *walk_all(struct walk *w, bool follow);
/* walk_start() and walk_to_last() for making or removing an entry; walk_end() only on success. */
int walk_parent(struct walk *w, int dirfd, const char *path);
bool name_is_dots(const char *name);
/* As path_lookup(), of a user's string; AT_EMPTY_PATH in flags lets an empty one mean dirfd. */
struct inode *user_lookup(int dirfd, uint64_t path, bool follow, int flags);

/* ---- files (fs/file.c) ---- */
void file_init(void);
/* A file on `inode`, whose reference it takes over even when it fails. */
struct file *file_alloc(struct inode *inode, const struct file_ops *ops, uint32_t flags);
/* Opens an inode that was looked up or made (reference taken over); path kmalloc'd or NULL, too. */
struct file *file_open_inode(struct inode *inode, char *path, uint32_t flags);
ssize_t file_read_iobuf(struct file *file, struct iobuf *io, uint64_t *pos);
ssize_t file_write_iobuf(struct file *file, struct iobuf *io, uint64_t *pos);
int inode_truncate(struct inode *inode, uint64_t size);

/* ---- descriptors (fs/fdtable.c) ---- */
/*
 * The file behind a descriptor for one system call, as cheaply as can be: a table that only this
 * task uses needs no lock and no reference. fd_release() with the same struct when done.
 */
struct fd_ref {
	struct file *file; /* NULL: bad descriptor */
	bool counted;
};
struct fd_ref fd_borrow(int fd);
static inline void fd_release(struct fd_ref ref)
{
	if (ref.counted)
		file_put(ref.file);
}
int fd_replace(struct file *file, int fd,
	       bool cloexec); /* dup3; consumes the reference on success */
int fd_close(int fd);
bool fd_cloexec(int fd);
void fd_set_cloexec(int fd, bool on);
void fd_close_range(unsigned first, unsigned last, bool only_mark);
/* The n-th or next open descriptor of a table; -1: none. For /proc/PID/fd. */
int fd_next(struct fd_table *t, int from);
struct file *fd_get_of(struct fd_table *t, int fd); /* referenced; NULL */

/* ---- working directories (fs/fs_context.c) ---- */
struct fs_context {
	int32_t refs;
	spinlock_t lock; /* RANK_FILES */
	struct inode *root, *cwd;
	uint32_t umask;
};
extern struct inode *root_inode; /* what kernel threads walk from */
struct inode *fs_get_root(void); /* of the current task, referenced */
struct inode *fs_get_cwd(void);
uint32_t fs_umask(void);
/* Reads and sets a context's root or cwd (`which` points at it); reading gives a reference. */
struct inode *fs_context_inode(struct fs_context *c, struct inode **which);
void fs_context_set(struct fs_context *c, struct inode **which, struct inode *inode);

/* ---- mounts (fs/mount.c) ---- */
/* Puts sb's root on the directory at `on`, referenced by the caller. 0, -ENOTDIR, -EBUSY, -EINVAL.
 */
int mount_on(struct superblock *sb, struct inode *on);
struct inode *mount_cross(struct inode *inode); /* reference passed on: what is on top of it */
int mounts_show(struct seq *s, void *unused);	/* /proc/mounts */
struct inode *mount_up(struct inode *dir, struct inode *root); /* "..", referenced */

/* ---- file systems ---- */
struct superblock *tmpfs_create(const char *type, uint64_t max_bytes); /* or NULL */
struct superblock *devtmpfs_create(void);
struct superblock *proc_create(void);
/* A regular file of tmpfs (fs/tmpfs_file.c). */
int tmpfs_file_init(struct inode *inode); /* makes its object: 0, -ENOMEM */
/* Writes at *pos, inode->lock held. Bytes written, -ENOSPC, -EFBIG, -ENOMEM, -EFAULT, -EIO. */
ssize_t tmpfs_write_at(struct inode *inode, struct iobuf *io, uint64_t *pos);

/* Directories of any file system (fs/dir.c): position is the next entry's cookie; 0 is ".", 1 "..".
 */
extern const struct file_ops dir_fops;
#define DIR_FIRST_COOKIE 2u
bool dir_emit_dots(struct inode *dir, uint64_t *pos, dir_emit_t emit, void *arg);

void dev_init(void);
/* The operations of a device node, or NULL; *data is for file->data. */
const struct file_ops *dev_find(uint32_t mode, uint64_t rdev, void **data);
void proc_init(void);
int tty_foreground(const struct tty *tty); /* the process group; 0: none */
void tty_init(void);
void pipe_init(void);
void anon_init(void); /* fs/anon.c */
extern const struct file_ops pipe_fops;				   /* of FIFOs, too */
int64_t pipe_fcntl(struct file *file, unsigned cmd, uint64_t arg); /* F_GETPIPE_SZ, F_SETPIPE_SZ */

/* ---- growing buffers (fs/seq.c) ---- */
struct seq *seq_open(proc_show_t show, void *arg); /* or NULL */
void seq_close(struct seq *s);
/* Reads the text, which is printed anew by each read at position 0. -ENOMEM, -EFAULT, show's
 * errors. */
ssize_t seq_read(struct seq *s, struct iobuf *io, uint64_t *pos);

#endif
