// SPDX-License-Identifier: BSD-2-Clause
/*
 * clone, and with it fork, vfork and threads. Everything that can fail is done before the new task
 * has an id; from then on nothing is undone. Sharing of signal handlers comes with sharing the
 * process (CLONE_THREAD); CLONE_SIGHAND alone gives a copy.
 */
#include <twofold/fs.h>
#include <twofold/string.h>
#include <twofold/syscall.h>

#include "sched.h"

#define CLONE_IGNORED (CLONE_PTRACE | CLONE_SYSVSEM | CLONE_DETACHED | CLONE_UNTRACED | CLONE_IO)
#define CLONE_KNOWN                                                                                \
	(CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_VFORK | CLONE_PARENT |          \
	 CLONE_THREAD | CLONE_SETTLS | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID |                \
	 CLONE_CHILD_SETTID | CLONE_CLEAR_SIGHAND | CLONE_IGNORED)

struct clone_request {
	uint64_t flags; /* without the exit signal */
	int exit_signal;
	uint64_t stack, tls, parent_tid, child_tid;
};

static int check_flags(const struct clone_request *r)
{
	if (r->flags & ~(uint64_t)CLONE_KNOWN)
		return -EINVAL;
	if ((r->flags & CLONE_THREAD) && !(r->flags & CLONE_SIGHAND))
		return -EINVAL;
	if ((r->flags & CLONE_SIGHAND) && !(r->flags & CLONE_VM))
		return -EINVAL;
	if ((r->flags & CLONE_SIGHAND) && (r->flags & CLONE_CLEAR_SIGHAND))
		return -EINVAL;
	if (r->exit_signal < 0 || r->exit_signal > NR_SIGNALS)
		return -EINVAL;
	return 0;
}

static int copy_files(struct task *t, uint64_t flags)
{
	if (flags & CLONE_FILES) {
		fd_table_get(current->files);
		t->files = current->files;
		t->files_shared = current->files_shared = true;
	} else {
		t->files = fd_table_copy(current->files);
	}
	if (flags & CLONE_FS) {
		fs_context_get(current->fs);
		t->fs = current->fs;
	} else {
		t->fs = fs_context_copy(current->fs);
	}
	return t->files && t->fs ? 0 : -ENOMEM;
}

static int copy_mm(struct task *t, uint64_t flags)
{
	if (!(flags & CLONE_VM)) {
		t->mm = mm_fork(current->mm);
		return t->mm ? 0 : -ENOMEM;
	}
	mm_get(current->mm);
	t->mm = current->mm;
	return 0;
}

static int copy_process(struct task *t, const struct clone_request *r)
{
	struct process *p = current->process;

	if (r->flags & CLONE_THREAD) {
		process_get(p);
		t->process = p;
		return 0;
	}
	t->process = process_alloc(p);
	if (!t->process)
		return -ENOMEM;
	t->process->exit_signal = r->exit_signal;
	if (r->flags & CLONE_CLEAR_SIGHAND)
		signal_exec(t->process);
	return 0;
}

static void discard(struct task *t)
{
	if (t->files)
		fd_table_put(t->files);
	if (t->fs)
		fs_context_put(t->fs);
	if (t->mm)
		mm_put(t->mm);
	task_put(t);
}

static void copy_task(struct task *t, const struct clone_request *r)
{
	t->affinity = current->affinity;
	t->nice = current->nice;
	t->blocked = current->blocked;
	t->vforked = r->flags & CLONE_VFORK;
	arch_fp_save(current->fp);
	*t->fp = *current->fp;
	if (!(r->flags & CLONE_VM) || (r->flags & CLONE_VFORK)) {
		t->altstack_sp = current->altstack_sp;
		t->altstack_size = current->altstack_size;
		t->altstack_flags = current->altstack_flags;
	}
	if (r->flags & CLONE_CHILD_CLEARTID)
		t->clear_child_tid = r->child_tid;
	if (r->flags & CLONE_CHILD_SETTID) {
		t->set_child_tid = r->child_tid;
		t->work = true;
	}
	arch_init_user(t, task_trapframe(current), r->stack, r->tls, r->flags & CLONE_SETTLS);
}

/* A new process takes its place in the tree. tasks_lock held. */
static void link_process(struct task *t, const struct clone_request *r)
{
	struct process *p = t->process, *me = current->process;
	bool sibling = r->flags & CLONE_PARENT;

	process_get(p); /* for the tree, until it is waited for */
	p->pid = t->tid;
	p->pgid = me->pgid;
	p->sid = me->sid;
	p->tty = me->tty;
	p->parent = sibling && me->parent ? me->parent : me;
	if (sibling)
		p->exit_signal = me->exit_signal;
	LIST_INSERT_HEAD(&p->parent->children, p, sibling);
	LIST_INSERT_HEAD(&all_processes, p, all);
}

/* Gives the task its id and makes it known. -EAGAIN; -ERESTARTNOINTR: take the signal first. */
static int publish(struct task *t, const struct clone_request *r)
{
	int err = 0;

	spin_lock(&tasks_lock);
	if (fatal_signal_pending() || ((r->flags & CLONE_THREAD) && t->process->group_exit)) {
		err = -ERESTARTNOINTR;
	} else {
		t->tid = pid_alloc();
		err = t->tid < 0 ? t->tid : 0;
	}
	if (!err) {
		task_hash(t);
		if (!(r->flags & CLONE_THREAD))
			link_process(t, r);
		LIST_INSERT_HEAD(&t->process->threads, t, thread_link);
		t->process->nr_threads++;
		if (t->process->stopped)
			t->work = true;
	}
	spin_unlock(&tasks_lock);
	return err;
}

static int64_t do_clone(const struct clone_request *r)
{
	struct task *t;
	int err = check_flags(r), tid;

	if (err)
		return err;
	t = task_alloc(current->comm);
	if (!t)
		return -ENOMEM;
	if (task_alloc_fp(t) || copy_process(t, r) || copy_files(t, r->flags) ||
	    copy_mm(t, r->flags)) {
		discard(t);
		return -ENOMEM;
	}
	copy_task(t, r);
	err = publish(t, r);
	if (err) {
		discard(t);
		return err;
	}
	tid = t->tid;
	if (r->flags & CLONE_PARENT_SETTID) /* a bad address is the program's own affair */
		err = put_user_u32(UPTR(r->parent_tid), (uint32_t)tid);
	if (!(r->flags & CLONE_VFORK)) {
		sched_wake(t);
		return tid;
	}
	task_get(t);
	sched_wake(t);
	wait_event_killable(wait_hash(t), READ_ONCE(t->vfork_done));
	task_put(t);
	return tid;
}

void vfork_release(struct task *t)
{
	if (!t->vforked)
		return;
	t->vforked = false;
	WRITE_ONCE(t->vfork_done, true);
	wake_all(wait_hash(t));
}

int64_t sys_clone(uint64_t flags, uint64_t stack, uint64_t parent_tid, uint64_t tls,
		  uint64_t child_tid)
{
	struct clone_request r = {
		.flags = flags & 0xffffff00, /* 32 bits, less CSIGNAL */
		.exit_signal = (int)(flags & CSIGNAL),
		.stack = stack,
		.tls = tls,
		.parent_tid = parent_tid,
		.child_tid = child_tid,
	};

	return do_clone(&r);
}

/* Whether the user's [at, at + len) is all zeros. */
static int user_zeros(uptr_t at, uint64_t len)
{
	for (uint64_t i = 0; i < len; i++) {
		char c;

		if (copy_from_user(&c, uptr_add(at, i), 1))
			return -EFAULT;
		if (c)
			return -E2BIG;
	}
	return 0;
}

int64_t sys_clone3(uint64_t args, uint64_t size)
{
	struct clone_args a = {0};
	struct clone_request r;
	int err;

	if (size < CLONE_ARGS_SIZE_VER0)
		return -EINVAL;
	if (size > PAGE_SIZE)
		return -E2BIG;
	if (copy_from_user(&a, UPTR(args), MIN(size, sizeof(a))))
		return -EFAULT;
	if (size > sizeof(a)) {
		err = user_zeros(UPTR(args + sizeof(a)), size - sizeof(a));
		if (err)
			return err;
	}
	if ((a.flags & CSIGNAL) || a.set_tid || a.set_tid_size || a.cgroup ||
	    a.exit_signal > NR_SIGNALS || !a.stack != !a.stack_size)
		return -EINVAL;
	if ((a.flags & (CLONE_THREAD | CLONE_PARENT)) && a.exit_signal)
		return -EINVAL;
	r = (struct clone_request){
		.flags = a.flags,
		.exit_signal = (int)a.exit_signal,
		.stack = a.stack + a.stack_size,
		.tls = a.tls,
		.parent_tid = a.parent_tid,
		.child_tid = a.child_tid,
	};
	return do_clone(&r);
}
