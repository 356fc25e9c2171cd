/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Files. An inode is a file's identity and contents, reached by path through its parent; an open
 * `file` adds position and mode. Paths arrive as kernel strings (see getname()).
 *
 * Lifetime: inodes and files are counted. inode->lock (a mutex) guards a directory's entries and
 * a file's size; contents are guarded by their object.
 */
#ifndef TWOFOLD_FS_H
#define TWOFOLD_FS_H

#include <arch/uaccess.h>
#include <linux/poll.h>
#include <linux/stat.h>
#include <twofold/vm.h>

/* <linux/stat.h> leaves these to libc where one of its headers was seen first. */
#ifndef S_IFMT
#define S_IFMT 0170000
#define S_IFSOCK 0140000
#define S_IFLNK 0120000
#define S_IFREG 0100000
#define S_IFBLK 0060000
#define S_IFDIR 0040000
#define S_IFCHR 0020000
#define S_IFIFO 0010000
#define S_ISLNK(m) (((m)&S_IFMT) == S_IFLNK)
#define S_ISREG(m) (((m)&S_IFMT) == S_IFREG)
#define S_ISDIR(m) (((m)&S_IFMT) == S_IFDIR)
#define S_ISCHR(m) (((m)&S_IFMT) == S_IFCHR)
#define S_ISBLK(m) (((m)&S_IFMT) == S_IFBLK)
#define S_ISFIFO(m) (((m)&S_IFMT) == S_IFIFO)
#define S_ISSOCK(m) (((m)&S_IFMT) == S_IFSOCK)
#endif

struct inode;
struct file;
struct poll_table;

/* A buffer in user or kernel memory, advanced as bytes move: what read and write work on. */
struct iobuf {
	bool kernel;
	uint64_t base; /* user or kernel address of the next byte */
	size_t left;
};
/* Moves up to n bytes to/from it; returns bytes moved, or -EFAULT if none could be. */
ssize_t iobuf_put(struct iobuf *io, const void *from, size_t n);
ssize_t iobuf_get(struct iobuf *io, void *to, size_t n);

/* Takes one entry: type is S_IFDIR, ..., next its cookie. */
typedef bool (*dir_emit_t)(void *arg, const char *name, uint64_t ino, unsigned type, uint64_t next);

struct inode_ops {
	/* Directory operations; dir->lock held. Names are NUL-terminated, no slash, at most 255. */
	struct inode *(*lookup)(struct inode *dir, const char *name); /* referenced, or ERR_PTR */
	struct inode *(*create)(struct inode *dir, const char *name, uint32_t mode, uint64_t rdev);
	int (*unlink)(struct inode *dir, const char *name, bool rmdir);
	int (*link)(struct inode *dir, const char *name, struct inode *inode);
	int (*rename)(struct inode *from, const char *name, struct inode *to, const char *new_name);
	int (*symlink)(struct inode *dir, const char *name, const char *target);
	/* Calls emit for each entry from *pos on, "." and ".." included, and moves *pos behind it;
	 * stops when emit returns false: it had no room for that one. */
	int (*readdir)(struct inode *dir, uint64_t *pos, dir_emit_t emit, void *arg);
	ssize_t (*readlink)(struct inode *inode, char *buf, size_t size);
	int (*truncate)(struct inode *inode, uint64_t size);
	void (*destroy)(struct inode *inode); /* last reference gone */
	void (*refresh)(struct inode *inode); /* before stat: sizes or times that are computed */
	/* A link into the kernel (/proc/PID/exe, fd/N): what it leads to, referenced, or ERR_PTR.
	 * NULL: an ordinary link, whose text is a path. */
	struct inode *(*follow)(struct inode *inode);
};

struct file_ops {
	int (*open)(struct inode *inode, struct file *file);
	void (*release)(struct file *file);
	ssize_t (*read)(struct file *file, struct iobuf *io, uint64_t *pos);
	ssize_t (*write)(struct file *file, struct iobuf *io, uint64_t *pos);
	int64_t (*ioctl)(struct file *file, unsigned cmd, uint64_t arg);
	/* POLLIN ... ready now; registers with pt */
	unsigned (*poll)(struct file *file, struct poll_table *pt);
	/* Prepares to be mapped; NULL: an inode with an object can be, others are -ENODEV. A device
	 * may map at once by remap_pfn_range: returns 1 when it did. */
	int (*mmap)(struct file *file, struct map_request *req);
	int64_t (*seek)(struct file *file, int64_t offset, int whence);
};

struct inode {
	const struct inode_ops *ops;
	const struct file_ops *fops;
	struct superblock *sb;
	uint64_t ino, rdev, size;
	uint32_t mode, uid, gid, nlink;
	uint64_t atime, mtime, ctime; /* realtime ns */
	uint64_t blocks;	      /* of 512 bytes, as stat gives them */
	int32_t refs;
	struct mutex lock;
	struct vm_object *object; /* regular files' page cache; NULL */
	struct inode *parent;	  /* directories: the one above (counted); root: itself */
	/* directories: in `parent`; the file system's, under its name lock */
	const char *name;
	struct inode *covered_by; /* a mount's root sits on this directory; NULL */
	struct inode *covers;	  /* a mount's root: the directory below; NULL */
	void *data;		  /* the file system's */
};

/*
 * A mounted file system; it goes when nobody uses it (open files, directories) and no inode is
 * left.
 */
struct superblock {
	const char *type; /* rootfs tmpfs proc devtmpfs */
	uint64_t magic, dev, next_ino;
	uint64_t max_bytes, used_bytes; /* of file data; max_bytes 0: no limit */
	struct inode *root;
	int32_t users;	/* the mount, open files, working directories */
	int32_t inodes; /* alive */
	/* no user left: drops the tree; NULL: nothing to drop */
	void (*kill)(struct superblock *sb);
	TAILQ_ENTRY(superblock) link; /* in order of mounting */
};

struct file {
	int32_t refs;
	uint32_t flags; /* O_* */
	const struct file_ops *ops;
	struct inode *inode;
	uint64_t pos;
	struct mutex pos_lock;
	bool stream; /* no position: pipes, terminals */
	void *data;
	char *path; /* as opened, absolute; for /proc/PID/{maps,exe,fd}; NULL for pipes */
};

struct poll_table; /* fs/poll.c */
void poll_wait(struct poll_table *pt, struct wait_queue *wq);

/* ---- mounting and boot ---- */
void fs_init(void); /* rootfs, then /dev, /proc, /tmp mounted */
/* Unpacks newc archives (several may follow each other, NUL-padded) into the root. Data that lies
 * on page boundaries is adopted, not copied. A broken archive: -EINVAL and a log line with the
 * offset; what came before it stays. */
int initramfs_unpack(const void *archive, size_t size, bool adopt);

/* ---- paths; all may sleep ---- */
/*
 * A kernel copy of a user's path, to be freed by kfree(); ERR_PTR: -EFAULT, -ENAMETOOLONG, -ENOMEM.
 */
char *getname(uptr_t path);
struct file *file_open(const char *path, int flags, uint32_t mode); /* from the kernel; ERR_PTR */
struct file *file_open_at(int dirfd, const char *path, int flags, uint32_t mode);
/* One that no directory names, read-write, without a position; ERR_PTR: `data` is the caller's. */
struct file *file_anonymous(const struct file_ops *fops, void *data);
struct inode *path_lookup(int dirfd, const char *path, bool follow); /* referenced; ERR_PTR */
void inode_get(struct inode *inode);
void inode_put(struct inode *inode);
void file_get(struct file *file);
void file_put(struct file *file);
const char *file_path(const struct file *file, char *buf, size_t size);
/* Reads `len` bytes at `pos` into kernel memory; returns bytes read. */
ssize_t file_read_kernel(struct file *file, void *buf, size_t len, uint64_t pos);
bool inode_permission(const struct inode *inode, int mask); /* MAY_EXEC 1, WRITE 2, READ 4 */

/* ---- tables of descriptors and working directories, for clone, exec, exit ---- */
struct fd_table *fd_table_create(void);
struct fd_table *fd_table_copy(struct fd_table *from); /* NULL: no memory */
void fd_table_get(struct fd_table *t);
void fd_table_put(struct fd_table *t);	/* the last one closes all */
void fd_table_exec(struct fd_table *t); /* closes O_CLOEXEC */
/* consumes the reference on success; -EMFILE */
int fd_install(struct file *file, bool cloexec, int lowest);
struct file *fd_get(int fd); /* of the current task, referenced; NULL */
struct fs_context *fs_context_create(void);
struct fs_context *fs_context_copy(struct fs_context *from);
void fs_context_get(struct fs_context *c);
void fs_context_put(struct fs_context *c);

/*
 * ---- system calls of fs/ (names as the table in kernel/syscall.c uses them) are in fs/syscalls.c
 * ----
 */

/* ---- /proc: a file is a function that prints into a growing buffer ---- */
struct seq; /* fs/seq.c */
void seq_printf(struct seq *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void seq_write(struct seq *s, const void *data, size_t len);
typedef int (*proc_show_t)(struct seq *s, void *arg);
typedef ssize_t (*proc_store_t)(const char *text, size_t len, void *arg);
/*
 * "meminfo", "sys/vm/drop_caches", ...: directories are made as needed. store NULL: read-only. Boot
 * only.
 */
void proc_register(const char *path, proc_show_t show, proc_store_t store, void *arg);
/* A file in each /proc/PID: show gets the struct process. */
void proc_register_pid(const char *name, proc_show_t show);

/* The current program ends. If it leads a terminal's session, the foreground group gets SIGHUP and
 * SIGCONT, and the terminal is free. May sleep. */
void tty_session_exit(void);

/* ---- /dev ---- */
/* Device numbers as stat(2) and mknod(2) encode them. */
#define MKDEV_STAT(major, minor)                                                                   \
	(((uint64_t)(major) << 8) | ((minor)&0xffu) | ((uint64_t)((minor) & ~0xffu) << 12))
/*
 * A node, wherever a devtmpfs is mounted; any node of this number leads to fops, with file->data =
 * data.
 */
void dev_register(const char *name, uint32_t mode, uint64_t rdev, const struct file_ops *fops,
		  void *data);

#endif
