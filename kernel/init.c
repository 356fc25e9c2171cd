// SPDX-License-Identifier: BSD-2-Clause
/* The first program. It is built here, in a kernel thread, and handed over to a task of its own. */
#include <linux/fcntl.h>
#include <twofold/fs.h>
#include <twofold/string.h>
#include <twofold/syscall.h>

#include "sched.h"

/* Descriptors 0, 1 and 2 on the console. */
static void open_console(void)
{
	struct file *console = file_open("/dev/console", O_RDWR, 0);

	if (IS_ERR(console)) {
		pr_warn("init: no /dev/console: %d\n", PTR_ERR(console));
		return;
	}
	for (int fd = 0; fd < 3; fd++) {
		file_get(console);
		if (fd_install(console, false, fd) != fd)
			panic("init: no descriptor for the console");
	}
	file_put(console);
}

static struct process *make_process(void)
{
	struct process *p = process_alloc(NULL);

	if (!p)
		return NULL;
	process_get(p);
	p->pid = p->pgid = p->sid = 1;
	spin_lock(&tasks_lock);
	LIST_INSERT_HEAD(&all_processes, p, all);
	init_process = p;
	spin_unlock(&tasks_lock);
	return p;
}

/* What the kernel thread put on to load the program now belongs to t. */
static void hand_over(struct task *t, const struct trapframe *tf)
{
	struct task *me = current;

	arch_init_user(t, tf, 0, 0, true);
	spin_lock(&tasks_lock);
	t->mm = me->mm;
	t->files = me->files;
	t->fs = me->fs;
	t->fp = me->fp;
	t->process = me->process;
	strlcpy(t->comm, me->comm, sizeof(t->comm));
	t->altstack_flags = SS_DISABLE;
	me->mm = NULL;
	me->files = NULL;
	me->fs = NULL;
	me->fp = NULL;
	me->process = NULL;
	t->tid = 1;
	task_hash(t);
	LIST_INSERT_HEAD(&t->process->threads, t, thread_link);
	t->process->nr_threads = 1;
	spin_unlock(&tasks_lock);
	mmu_switch(NULL);
}

void init_start(const char *path)
{
	static const char *const envp[] = {"HOME=/root", "PATH=/bin:/sbin:/usr/bin:/usr/sbin",
					   "TERM=linux", NULL};
	const char *const argv[] = {path, NULL};
	struct task *t = task_alloc("init");
	struct trapframe tf = {0};
	int err;

	random_init();
	vdso_init();
	itimer_start_thread();
	sched_loadavg_start();
	if (!t || task_alloc_fp(current))
		panic("init: no memory");
	current->files = fd_table_create();
	current->fs = fs_context_create();
	current->process = make_process();
	if (!current->files || !current->fs || !current->process)
		panic("init: no memory");
	open_console();
	err = exec_kernel(&tf, path, argv, envp);
	if (err)
		panic("init: cannot run %s: error %d", path, err);
	hand_over(t, &tf);
	sched_wake(t);
}
