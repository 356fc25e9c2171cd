// SPDX-License-Identifier: BSD-2-Clause
/*
 * The end of threads and programs, and waiting for it. The last thread makes its process a zombie,
 * which stays in the tree until its parent has waited for it, or is one that does not care.
 */
#include <linux/wait.h>
#include <twofold/fs.h>
#include <twofold/irq.h>
#include <twofold/string.h>
#include <twofold/syscall.h>

#include "sched.h"

#define WAIT_KNOWN (WNOHANG | WUNTRACED | WCONTINUED | __WNOTHREAD | __WCLONE | __WALL)

/* ---- exit ---- */

void task_release_user(void)
{
	if (current->robust_list)
		futex_exit_robust(current->robust_list);
	current->robust_list = 0;
	if (current->clear_child_tid && !put_user_u32(UPTR(current->clear_child_tid), 0))
		futex_wake_address(current->clear_child_tid);
	current->clear_child_tid = 0;
}

/* No thread has its memory any more: none but the current one runs the program. tasks_lock held. */
static bool program_ended(const struct process *p)
{
	struct task *t;

	LIST_FOREACH(t, &p->threads, thread_link)
		if (t->mm)
			return false;
	return true;
}

/* Faults and peak memory are counted by the address space: its program's last thread takes them
 * over. */
static void account_mm(struct process *p, const struct mm *mm)
{
	if (current->vforked) /* they are the parent's */
		return;
	p->min_flt += mm->min_faults;
	p->maj_flt += mm->maj_faults;
	p->maxrss = MAX(p->maxrss, mm_rss_peak(mm));
}

/* True: it was the program's last thread, to which no signal is sent any more. */
static bool release_mm(void)
{
	struct process *p = current->process;
	struct mm *mm = current->mm;
	bool last;

	spin_lock(&tasks_lock);
	current->mm = NULL;
	last = program_ended(p);
	if (last) {
		account_mm(p, mm);
		p->group_exit = true;
	}
	spin_unlock(&tasks_lock);
	mmu_switch(NULL);
	vfork_release(current);
	mm_put(mm);
	return last;
}

static bool group_has_stopped(int pgid, const struct process *but)
{
	struct process *p;

	LIST_FOREACH(p, &all_processes, all)
		if (p != but && p->pgid == pgid && p->stopped)
			return true;
	return false;
}

/* POSIX: a newly orphaned group with a stopped member gets SIGHUP and SIGCONT. */
static void hang_up_orphans(int pgid, const struct process *but)
{
	struct process *p;

	if (!signal_group_orphaned(pgid, but) || !group_has_stopped(pgid, but))
		return;
	LIST_FOREACH(p, &all_processes, all)
		if (p != but && p->pgid == pgid) {
			signal_send_locked(p, NULL, SIGHUP, NULL);
			signal_send_locked(p, NULL, SIGCONT, NULL);
		}
}

/* Takes a zombie out of the tree; the caller puts its reference without the lock. tasks_lock held.
 */
static void unlink_zombie(struct process *p)
{
	LIST_REMOVE(p, sibling);
	LIST_REMOVE(p, all);
	pid_free(p->pid);
}

static void reparent_children(struct process *p)
{
	struct process *child;

	while ((child = LIST_FIRST(&p->children))) {
		LIST_REMOVE(child, sibling);
		LIST_INSERT_HEAD(&init_process->children, child, sibling);
		child->parent = init_process;
		child->exit_signal = SIGCHLD;
		if (child->pgid != p->pgid && child->sid == p->sid)
			hang_up_orphans(child->pgid, p);
		if (child->zombie)
			wake_all(&init_process->wait_children);
	}
}

static bool parent_ignores(const struct process *p)
{
	const struct sigaction_k *action = &p->parent->actions[SIGCHLD];

	return p->exit_signal == SIGCHLD &&
	       (action->handler == (uint64_t)SIG_IGN || (action->flags & SA_NOCLDWAIT));
}

/* The process has no threads any more. True: nobody will wait for it. tasks_lock held. */
static bool become_zombie(struct process *p)
{
	int sig = p->exit_code & 0x7f;
	bool reap;

	p->zombie = true;
	itimer_cancel(p);
	reparent_children(p);
	if (p->parent->pgid != p->pgid && p->parent->sid == p->sid)
		hang_up_orphans(p->pgid, p);
	reap = parent_ignores(p);
	if (p->exit_signal)
		signal_notify_parent(p, sig ? CLD_KILLED : CLD_EXITED,
				     sig ? sig : p->exit_code >> 8 & 0xff);
	wake_all(&p->parent->wait_children);
	if (reap)
		unlink_zombie(p);
	return reap;
}

static void __noreturn init_ended(const struct process *p)
{
	int sig = p->exit_code & 0x7f;

	if (sig)
		pr_err("init was killed by signal %d: powering off\n", sig);
	else
		pr_notice("init exited with status %d: powering off\n", p->exit_code >> 8 & 0xff);
	power_off(sig ? 128 + sig : p->exit_code >> 8 & 0xff);
}

/* Leaves the process. True: it is gone for good, and its tree reference is ours to put. */
static bool leave_process(struct task *t, struct process *p)
{
	bool reap = false;
	struct task *other;

	spin_lock(&tasks_lock);
	task_unhash(t);
	if (t->tid != p->pid)
		pid_free(t->tid);
	LIST_REMOVE(t, thread_link);
	p->utime += t->utime + (time_ns() - t->run_start); /* since it was last switched to, too */
	p->stime += t->stime;
	if (p->pending) /* what this thread was to take, another one takes */
		LIST_FOREACH(other, &p->threads, thread_link)
			signal_kick(other, false);
	if (p->exec_task)
		wake_all(wait_hash(p));
	if (!--p->nr_threads && p != init_process)
		reap = become_zombie(p);
	spin_unlock(&tasks_lock);
	if (p == init_process && !p->nr_threads)
		init_ended(p);
	return reap;
}

static void leave_kthread(struct task *t)
{
	spin_lock(&tasks_lock);
	task_unhash(t);
	pid_free(t->tid);
	spin_unlock(&tasks_lock);
}

void task_exit(void)
{
	struct task *t = current;
	struct process *p = t->process;
	bool last;

	if (!p) {
		leave_kthread(t);
	} else {
		task_release_user();
		last = release_mm();
		fd_table_put(t->files);
		fs_context_put(t->fs);
		if (last)
			tty_session_exit();
		signal_flush(&t->queue, &t->pending, ~0ull);
		if (leave_process(t, p))
			process_put(p);
	}
	t->state = TASK_DEAD;
	schedule();
	panic("a dead task runs");
}

void process_exit(int code)
{
	spin_lock(&tasks_lock);
	signal_kill_threads(current->process, code);
	spin_unlock(&tasks_lock);
	task_exit();
}

int exit_other_threads(void)
{
	struct process *p = current->process;
	struct task *t;
	int err = 0;

	spin_lock(&tasks_lock);
	if (p->group_exit || p->exec_task)
		err = -EINTR;
	else if (p->nr_threads > 1)
		p->exec_task = current;
	LIST_FOREACH(t, &p->threads, thread_link)
		if (!err && t != current) {
			t->pending |= SIG_BIT(SIGKILL);
			signal_kick(t, true);
		}
	spin_unlock(&tasks_lock);
	if (err || !p->exec_task)
		return err;
	err = wait_event_killable(wait_hash(p), READ_ONCE(p->nr_threads) == 1);
	spin_lock(&tasks_lock);
	p->exec_task = NULL;
	if (!err && current->tid != p->pid) {
		task_unhash(current);
		pid_free(current->tid);
		current->tid = p->pid;
		task_hash(current);
	}
	spin_unlock(&tasks_lock);
	return err;
}

int64_t sys_exit(uint64_t code)
{
	struct process *p = current->process;

	if (current->tid == p->pid && !p->group_exit)
		p->exit_code = (int)(code & 0xff) << 8;
	task_exit();
}

int64_t sys_exit_group(uint64_t code)
{
	process_exit((int)(code & 0xff) << 8);
}

/* ---- wait ---- */

struct wait_request {
	int which, id; /* P_ALL, P_PID, P_PGID */
	int options;   /* WEXITED, WSTOPPED (WUNTRACED), WCONTINUED, WNOWAIT, WNOHANG, __W* */
	/* What was found: */
	int pid, uid, code, status; /* code: CLD_*; status: as wait4 gives it */
	struct rusage usage;
};

static bool eligible(const struct wait_request *r, const struct process *p)
{
	if (r->which == P_PID && p->pid != r->id)
		return false;
	if (r->which == P_PGID && p->pgid != r->id)
		return false;
	return (r->options & __WALL) || !(r->options & __WCLONE) == (p->exit_signal == SIGCHLD);
}

static void found(struct wait_request *r, struct process *p, int code, int status)
{
	r->pid = p->pid;
	r->uid = (int)p->uid;
	r->code = code;
	r->status = status;
	rusage_process(p, RUSAGE_BOTH, &r->usage); /* with what it waited for itself */
}

/* The dead child's times and faults become part of its parent's children's. */
static void inherit_usage(struct process *parent, const struct process *p)
{
	parent->cutime += p->utime + p->cutime;
	parent->cstime += p->stime + p->cstime;
	parent->cmin_flt += p->min_flt + p->cmin_flt;
	parent->cmaj_flt += p->maj_flt + p->cmaj_flt;
	parent->cmaxrss = MAX(parent->cmaxrss, MAX(p->maxrss, p->cmaxrss));
}

/* Something to report of this child? *reap: it is out of the tree now. tasks_lock held. */
static bool try_child(struct wait_request *r, struct process *p, bool *reap)
{
	bool keep = r->options & WNOWAIT;

	if (p->zombie && (r->options & WEXITED)) {
		found(r, p, p->exit_code & 0x7f ? CLD_KILLED : CLD_EXITED, p->exit_code);
		if (!keep) {
			inherit_usage(p->parent, p);
			unlink_zombie(p);
			*reap = true;
		}
		return true;
	}
	if (p->stopped && !p->reported_stop && (r->options & WSTOPPED)) {
		found(r, p, CLD_STOPPED, p->stop_signal << 8 | 0x7f);
		p->reported_stop = !keep;
		return true;
	}
	if (p->continued && (r->options & WCONTINUED)) {
		found(r, p, CLD_CONTINUED, 0xffff);
		p->continued = keep;
		return true;
	}
	return false;
}

/* 1: found; 0: nothing yet; -ECHILD: there is nobody to wait for. */
static int scan_children(struct wait_request *r)
{
	struct process *p, *gone = NULL;
	int result = -ECHILD;
	bool reap = false;

	spin_lock(&tasks_lock);
	LIST_FOREACH(p, &current->process->children, sibling) {
		if (!eligible(r, p))
			continue;
		result = 0;
		if (!try_child(r, p, &reap))
			continue;
		result = 1;
		gone = reap ? p : NULL;
		break;
	}
	spin_unlock(&tasks_lock);
	if (gone)
		process_put(gone);
	return result;
}

/* The child's pid, 0 for none (WNOHANG), or an error. */
static int64_t do_wait(struct wait_request *r)
{
	int result, err;

	err = wait_event_interruptible(&current->process->wait_children,
				       (result = scan_children(r)) || (r->options & WNOHANG));
	if (err)
		return -ERESTARTSYS;
	return result < 0 ? result : result ? r->pid : 0;
}

int64_t sys_wait4(uint64_t pid, uint64_t status, uint64_t options, uint64_t rusage)
{
	struct wait_request r = {.which = P_ALL, .id = (int)pid, .options = (int)options | WEXITED};
	int64_t result;

	if ((unsigned)options & ~(unsigned)WAIT_KNOWN)
		return -EINVAL;
	if (r.id == INT32_MIN)
		return -ESRCH;
	if (r.id > 0) {
		r.which = P_PID;
	} else if (r.id != -1) {
		r.which = P_PGID;
		r.id = r.id ? -r.id : current->process->pgid;
	}
	result = do_wait(&r);
	if (result <= 0)
		return result;
	if (status && put_user_u32(UPTR(status), (uint32_t)r.status))
		return -EFAULT;
	if (rusage && copy_to_user(UPTR(rusage), &r.usage, sizeof(r.usage)))
		return -EFAULT;
	return result;
}

/* siginfo's si_status: the exit code, or the signal. */
static int wait_status(const struct wait_request *r)
{
	if (r->code == CLD_CONTINUED)
		return SIGCONT;
	return r->code == CLD_KILLED ? r->status & 0x7f : r->status >> 8 & 0xff;
}

int64_t sys_waitid(uint64_t which, uint64_t id, uint64_t info, uint64_t options, uint64_t rusage)
{
	struct wait_request r = {.which = (int)which, .id = (int)id, .options = (int)options};
	siginfo_t si = {0};
	int64_t result;

	if ((unsigned)options & ~(unsigned)(WAIT_KNOWN | WEXITED | WNOWAIT) ||
	    !(options & (WEXITED | WSTOPPED | WCONTINUED)))
		return -EINVAL;
	if (r.which != P_ALL && r.which != P_PID && r.which != P_PGID)
		return -EINVAL;
	if (r.which != P_ALL && (r.id < 0 || (r.which == P_PID && !r.id)))
		return -EINVAL;
	if (r.which == P_PGID && !r.id)
		r.id = current->process->pgid;
	result = do_wait(&r);
	if (result < 0)
		return result;
	if (result) {
		si.si_signo = SIGCHLD;
		si.si_code = r.code;
		si.si_pid = r.pid;
		si.si_uid = (unsigned)r.uid;
		si.si_status = wait_status(&r);
		if (rusage && copy_to_user(UPTR(rusage), &r.usage, sizeof(r.usage)))
			return -EFAULT;
	}
	if (info && copy_to_user(UPTR(info), &si, sizeof(si)))
		return -EFAULT;
	return 0;
}

int64_t sys_set_tid_address(uint64_t tidptr)
{
	current->clear_child_tid = tidptr;
	return current->tid;
}
