/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of /proc share. Nodes are made at boot and stay; inodes come and go with look-ups.
 */
#ifndef FS_PROC_H
#define FS_PROC_H

#include "internal.h"
#include <kernel/sched.h>

#define USER_HZ 100 /* clock ticks as /proc gives them */
#define NS_PER_TICK (NSEC_PER_SEC / USER_HZ)
#define KIB(pages) ((unsigned long)((pages) * (PAGE_SIZE / SZ_1K)))

/* What an inode of /proc/PID is; inode->data points at one. */
struct pid_node {
	struct process *process;
	const struct pid_entry *entry;
	int fd; /* /proc/PID/fd/N */
};

/* A name in /proc/PID. */
struct pid_entry {
	const char *name;
	uint32_t mode;
	proc_show_t show; /* gets the process */
	proc_store_t store;
	struct inode *(*follow)(struct process *p, int fd); /* links: referenced, or ERR_PTR */
	int (*link_text)(struct process *p, int fd, char *buf, size_t size);
	const struct inode_ops *dir; /* directories */
};

/* An inode for a node that a look-up found, given the directory it is in. */
struct inode *proc_inode(struct inode *dir, uint32_t mode, const struct inode_ops *ops,
			 const struct file_ops *fops, void *data);
/* A write to a /proc file as one string for `store`. */
ssize_t proc_store(struct iobuf *io, proc_store_t store, void *arg);
/* /proc/PID as seen from the root: the look-up and the listing of numbers. fs/proc_pid.c */
struct inode *proc_pid_lookup(struct inode *root, const char *name);
bool proc_pid_list(uint64_t *pos, dir_emit_t emit, void *arg);
void proc_register_pid_file(const char *name, proc_show_t show, proc_store_t store);
#define PID_COOKIE 0x10000u /* positions of processes in the root: this + pid */

/* A file whose opens have a state of their own. */
void proc_register_fops(const char *path, uint32_t mode, const struct file_ops *fops);

/* The trees of an address space in both formats, as /proc/PID/pagetable shows them. */
int pagetable_show(struct seq *s, void *process); /* fs/proc_pagetable.c */
int kernel_pagetable_show(struct seq *s, void *unused);

void proc_mm_init(void);
void proc_sys_init(void);
void proc_task_init(void);
void proc_contrast_init(void);
void proc_lock_init(void);

#endif
