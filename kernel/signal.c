// SPDX-License-Identifier: BSD-2-Clause
/*
 * Signals: sending, and taking them on the way to EL0.
 *
 * A pending signal is a bit in its process's or thread's set; details, where there are any, wait in
 * the queue beside it. Both change under the process's sig_lock. Senders hold tasks_lock as well,
 * for the list of threads. A signal that ends the whole program is made a SIGKILL for each thread
 * at once: SIGKILL in a thread's set always means that the thread ends on its way to EL0.
 */
#include <arch/uaccess.h>
#include <asm/unistd.h>
#include <twofold/irq.h>
#include <twofold/slab.h>
#include <twofold/string.h>
#include <twofold/syscall.h>

#include "sched.h"

#define DEFAULT_IGNORED (SIG_BIT(SIGCHLD) | SIG_BIT(SIGURG) | SIG_BIT(SIGWINCH) | SIG_BIT(SIGCONT))
#define DEFAULT_STOPS (SIG_BIT(SIGSTOP) | SIG_BIT(SIGTSTP) | SIG_BIT(SIGTTIN) | SIG_BIT(SIGTTOU))
#define SYNCHRONOUS                                                                                \
	(SIG_BIT(SIGSEGV) | SIG_BIT(SIGBUS) | SIG_BIT(SIGILL) | SIG_BIT(SIGTRAP) |                 \
	 SIG_BIT(SIGFPE) | SIG_BIT(SIGSYS))
#define HANDLER_DEFAULT ((uint64_t)SIG_DFL)
#define HANDLER_IGNORE ((uint64_t)SIG_IGN)

static struct kmem_cache *sigqueue_cache;

void signal_init(void)
{
	sigqueue_cache =
		kmem_cache_create("sigqueue", sizeof(struct sigqueue), 8, SLAB_PANIC, NULL);
}

/* What the current task would not take now. */
static uint64_t blocked_now(const struct task *t)
{
	return t->blocked & ~t->sigwait;
}

bool signal_pending(void)
{
	const struct task *t = current;

	if (!t->process)
		return false;
	return ((READ_ONCE(t->pending) | READ_ONCE(t->process->pending)) & ~blocked_now(t)) ||
	       READ_ONCE(t->process->stopped);
}

bool fatal_signal_pending(void)
{
	return READ_ONCE(current->pending) & SIG_BIT(SIGKILL);
}

bool signal_is_default(int sig)
{
	return current->process->actions[sig].handler == HANDLER_DEFAULT;
}

/* ---- sending; tasks_lock held ---- */

void signal_kick(struct task *t, bool fatal)
{
	enum task_state state;

	t->work = true;
	smp_mb(); /* pending, before we see whether it sleeps */
	state = READ_ONCE(t->state);
	if (state == TASK_INTERRUPTIBLE ||
	    (fatal && (state == TASK_KILLABLE || state == TASK_STOPPED)))
		sched_wake(t);
	else if (state == TASK_RUNNABLE && t->on_cpu && t->cpu != cpu_id())
		irq_send(t->cpu, IPI_RESCHEDULE);
}

void signal_kill_threads(struct process *p, int code)
{
	struct task *t;

	if (p->group_exit)
		return;
	p->group_exit = true;
	p->exit_code = code;
	LIST_FOREACH(t, &p->threads, thread_link) {
		__atomic_fetch_or(&t->pending, SIG_BIT(SIGKILL), __ATOMIC_RELAXED);
		signal_kick(t, true);
	}
}

void signal_flush(struct sigqueue_head *queue, uint64_t *pending, uint64_t set)
{
	struct sigqueue *q, *next;

	*pending &= ~set;
	for (q = STAILQ_FIRST(queue); q; q = next) {
		next = STAILQ_NEXT(q, link);
		if (!(set & SIG_BIT(q->info.si_signo)))
			continue;
		STAILQ_REMOVE(queue, q, sigqueue, link);
		kmem_cache_free(sigqueue_cache, q);
	}
}

static void flush_process(struct process *p, uint64_t set)
{
	struct task *t;

	spin_lock(&p->sig_lock);
	signal_flush(&p->queue, &p->pending, set);
	LIST_FOREACH(t, &p->threads, thread_link)
		signal_flush(&t->queue, &t->pending, set);
	spin_unlock(&p->sig_lock);
}

static void continue_process(struct process *p)
{
	struct task *t;

	flush_process(p, DEFAULT_STOPS);
	if (!p->stopped)
		return;
	p->stopped = false;
	p->continued = true;
	LIST_FOREACH(t, &p->threads, thread_link)
		if (t->state == TASK_STOPPED)
			sched_wake(t);
	signal_notify_parent(p, CLD_CONTINUED, SIGCONT);
	wake_all(&p->parent->wait_children);
}

/* PID 1 gets only what it asked for. */
static bool is_ignored(const struct process *p, const struct task *t, int sig)
{
	uint64_t handler = p->actions[sig].handler;

	if (t && (t->blocked & SIG_BIT(sig)))
		return false;
	if (handler == HANDLER_DEFAULT)
		return (DEFAULT_IGNORED & SIG_BIT(sig)) || p == init_process;
	return handler == HANDLER_IGNORE;
}

static void fill_info(siginfo_t *to, int sig, const siginfo_t *from)
{
	if (from) {
		*to = *from;
		return;
	}
	memset(to, 0, sizeof(*to));
	to->si_signo = sig;
	if (!current->process) {
		to->si_code = SI_KERNEL;
		return;
	}
	to->si_code = SI_USER;
	to->si_pid = current->process->pid;
	to->si_uid = current->process->uid;
}

/* Adds to a set and its queue. sig_lock held. -EAGAIN: a real-time signal found no memory. */
static int queue_signal(struct sigqueue_head *queue, uint64_t *pending, int sig,
			const siginfo_t *info)
{
	struct sigqueue *q;

	if (sig < SIGRTMIN && (*pending & SIG_BIT(sig)))
		return 0;
	q = kmem_cache_alloc(sigqueue_cache, GFP_NOWAIT);
	if (q) {
		fill_info(&q->info, sig, info);
		STAILQ_INSERT_TAIL(queue, q, link);
	} else if (sig >= SIGRTMIN) {
		return -EAGAIN;
	}
	__atomic_fetch_or(pending, SIG_BIT(sig), __ATOMIC_RELAXED);
	return 0;
}

/* A thread that would take the signal now, or NULL: they will look when they unblock it. */
static struct task *choose_thread(struct process *p, int sig)
{
	struct task *t, *taker = NULL;

	LIST_FOREACH(t, &p->threads, thread_link) {
		if (blocked_now(t) & SIG_BIT(sig))
			continue;
		if (!taker || t->tid == p->pid || t->state == TASK_INTERRUPTIBLE)
			taker = t;
	}
	return taker;
}

/* Whether the signal ends the program, no matter which thread takes it. */
static bool ends_program(const struct process *p, const struct task *taker, int sig)
{
	if (sig == SIGKILL)
		return true;
	return taker && !(taker->blocked & SIG_BIT(sig)) && p != init_process &&
	       p->actions[sig].handler == HANDLER_DEFAULT &&
	       !((DEFAULT_IGNORED | DEFAULT_STOPS) & SIG_BIT(sig));
}

/* To thread t, or (NULL) to any. */
int signal_send_locked(struct process *p, struct task *t, int sig, const siginfo_t *info)
{
	struct task *taker;
	int err = 0;

	if (p->zombie || p->group_exit)
		return 0;
	if (sig == SIGCONT)
		continue_process(p);
	else if (DEFAULT_STOPS & SIG_BIT(sig))
		flush_process(p, SIG_BIT(SIGCONT));
	if (sig == SIGKILL && p == init_process)
		return 0;
	if (is_ignored(p, t ? t : LIST_FIRST(&p->threads), sig))
		return 0;
	taker = t && !(blocked_now(t) & SIG_BIT(sig)) ? t : t ? NULL : choose_thread(p, sig);
	if (ends_program(p, taker, sig)) {
		signal_kill_threads(p, sig);
		return 0;
	}
	spin_lock(&p->sig_lock);
	if (t)
		err = queue_signal(&t->queue, &t->pending, sig, info);
	else
		err = queue_signal(&p->queue, &p->pending, sig, info);
	spin_unlock(&p->sig_lock);
	if (!err && taker)
		signal_kick(taker, false);
	return err;
}

int signal_process(struct process *p, int sig, const siginfo_t *info)
{
	int err;

	spin_lock(&tasks_lock);
	err = signal_send_locked(p, NULL, sig, info);
	spin_unlock(&tasks_lock);
	return err;
}

int signal_task(struct task *t, int sig, const siginfo_t *info)
{
	int err;

	spin_lock(&tasks_lock);
	err = signal_send_locked(t->process, t, sig, info);
	spin_unlock(&tasks_lock);
	return err;
}

int signal_group(int pgid, int sig, const siginfo_t *info)
{
	struct process *p;
	int err = -ESRCH;

	spin_lock(&tasks_lock);
	LIST_FOREACH(p, &all_processes, all)
		if (p->pgid == pgid) {
			int sent = sig ? signal_send_locked(p, NULL, sig, info) : 0;

			err = err && err != -ESRCH ? err : sent;
		}
	spin_unlock(&tasks_lock);
	return err;
}

/* SIGCHLD, or what clone asked for, to the parent. code: CLD_*. */
void signal_notify_parent(struct process *p, int code, int status)
{
	struct process *parent = p->parent;
	int sig = code == CLD_EXITED || code == CLD_KILLED ? p->exit_signal : SIGCHLD;
	siginfo_t info = {0};

	if (!parent)
		return;
	if ((code == CLD_STOPPED || code == CLD_CONTINUED) &&
	    (parent->actions[SIGCHLD].flags & SA_NOCLDSTOP))
		return;
	info.si_signo = sig;
	info.si_code = code;
	info.si_pid = p->pid;
	info.si_uid = p->uid;
	info.si_status = status;
	info.si_utime = (long)(process_cputime(p) / (NSEC_PER_SEC / 100));
	signal_send_locked(parent, NULL, sig, &info);
}

/* Nobody of the session is left outside the group who could continue it. `but` does not count. */
bool signal_group_orphaned(int pgid, const struct process *but)
{
	struct process *p;

	LIST_FOREACH(p, &all_processes, all)
		if (p != but && p->pgid == pgid && !p->zombie && p->parent && p->parent != but &&
		    p->parent->pgid != pgid && p->parent->sid == p->sid)
			return false;
	return true;
}

/* ---- taking ---- */

/* The lowest of a set, those that the program's own instructions caused first. */
static int first_of(uint64_t set)
{
	if (set & SYNCHRONOUS)
		set &= SYNCHRONOUS;
	return set ? __builtin_ctzll(set) + 1 : 0;
}

static int take_from(struct sigqueue_head *queue, uint64_t *pending, uint64_t set, siginfo_t *info)
{
	int sig = first_of(*pending & set);
	struct sigqueue *q, *mine = NULL;
	bool more = false;

	if (!sig)
		return 0;
	STAILQ_FOREACH(q, queue, link)
		if (q->info.si_signo == sig) {
			more = mine;
			if (mine)
				break;
			mine = q;
		}
	if (!more)
		__atomic_fetch_and(pending, ~SIG_BIT(sig), __ATOMIC_RELAXED);
	if (!mine) {
		memset(info, 0, sizeof(*info));
		info->si_signo = sig;
		return sig;
	}
	*info = mine->info;
	STAILQ_REMOVE(queue, mine, sigqueue, link);
	kmem_cache_free(sigqueue_cache, mine);
	return sig;
}

int signal_take(uint64_t set, siginfo_t *info)
{
	struct process *p = current->process;
	int sig;

	spin_lock(&p->sig_lock);
	sig = take_from(&current->queue, &current->pending, set, info);
	if (!sig)
		sig = take_from(&p->queue, &p->pending, set, info);
	spin_unlock(&p->sig_lock);
	return sig;
}

void signal_set_blocked(uint64_t mask)
{
	struct process *p = current->process;

	spin_lock(&p->sig_lock);
	current->blocked = mask & ~UNBLOCKABLE;
	spin_unlock(&p->sig_lock);
	if (signal_pending())
		current->work = true;
}

void signal_fault(int sig, int code, uint64_t addr)
{
	struct process *p = current->process;
	struct sigaction_k *action = &p->actions[sig];
	siginfo_t info = {0};

	info.si_signo = sig;
	info.si_code = code;
	info.si_addr = (void *)addr;
	spin_lock(&tasks_lock);
	if (action->handler == HANDLER_IGNORE || (current->blocked & SIG_BIT(sig))) {
		action->handler = HANDLER_DEFAULT;
		current->blocked &= ~SIG_BIT(sig);
	}
	if (action->handler == HANDLER_DEFAULT)
		signal_kill_threads(p, sig);
	else
		signal_send_locked(p, current, sig, &info);
	spin_unlock(&tasks_lock);
}

void signal_exec(struct process *p)
{
	spin_lock(&p->sig_lock);
	for (uint64_t acted = p->acted; acted; acted &= acted - 1) {
		struct sigaction_k *action = &p->actions[__builtin_ctzll(acted) + 1];

		*action = (struct sigaction_k){.handler = action->handler == HANDLER_IGNORE
								  ? HANDLER_IGNORE
								  : HANDLER_DEFAULT};
	}
	spin_unlock(&p->sig_lock);
}

/* ---- on the way to EL0 ---- */

static void __noreturn die(void)
{
	struct process *p = current->process;

	if (!p->group_exit && !p->exec_task)
		process_exit(SIGKILL);
	task_exit();
}

/* Sleeps while the process is stopped. */
static void stay_stopped(struct process *p)
{
	while (READ_ONCE(p->stopped) && !fatal_signal_pending()) {
		current->state = TASK_STOPPED;
		smp_mb(); /* pairs with signal_kick() and continue_process()'s lock */
		if (READ_ONCE(p->stopped) && !fatal_signal_pending())
			schedule();
		current->state = TASK_RUNNABLE;
	}
}

/* The default action of a stop signal. Those of the terminal do nothing to an orphaned group. */
static void stop_process(struct process *p, int sig)
{
	struct task *t;

	spin_lock(&tasks_lock);
	if (p->group_exit || (sig != SIGSTOP && signal_group_orphaned(p->pgid, NULL))) {
		spin_unlock(&tasks_lock);
		return;
	}
	p->stopped = true;
	p->reported_stop = p->continued = false;
	p->stop_signal = sig;
	LIST_FOREACH(t, &p->threads, thread_link)
		if (t != current)
			signal_kick(t, false);
	signal_notify_parent(p, CLD_STOPPED, sig);
	wake_all(&p->parent->wait_children);
	spin_unlock(&tasks_lock);
}

/* A call that a signal cut short: done again as if nothing had been, or -EINTR. */
static void restart_syscall(struct trapframe *tf, const struct sigaction_k *action)
{
	int64_t result = (int64_t)tf->x[0];
	bool again;

	if (tf->syscall == UINT64_MAX || result > -ERESTARTSYS || result < -ERESTART_RESTARTBLOCK)
		return;
	switch (-result) {
	case ERESTARTSYS:
		again = !action || (action->flags & SA_RESTART);
		break;
	case ERESTARTNOINTR:
		again = true;
		break;
	case ERESTARTNOHAND:
	case ERESTART_RESTARTBLOCK:
		again = !action;
		break;
	default:
		return;
	}
	tf->syscall = UINT64_MAX;
	if (!again) {
		tf->x[0] = (uint64_t)-EINTR;
		return;
	}
	tf->x[0] = tf->orig_x0;
	if (result == -ERESTART_RESTARTBLOCK)
		tf->x[8] = __NR_restart_syscall;
	tf->pc -= 4;
}

static void run_handler(struct trapframe *tf, int sig, const siginfo_t *info)
{
	struct process *p = current->process;
	uint64_t mask = current->restore_blocked ? current->saved_blocked : current->blocked;
	struct sigaction_k action;

	spin_lock(&p->sig_lock);
	action = p->actions[sig];
	if (action.flags & SA_RESETHAND)
		p->actions[sig].handler = HANDLER_DEFAULT;
	spin_unlock(&p->sig_lock);
	restart_syscall(tf, &action);
	if (arch_signal_frame(tf, sig, &action, info, mask)) {
		pr_info("%s[%d]: no stack for the handler of signal %d\n", current->comm,
			current->tid, sig);
		process_exit(SIGSEGV);
	}
	current->restore_blocked = false;
	mask = current->blocked | action.mask;
	signal_set_blocked(action.flags & SA_NODEFER ? mask : mask | SIG_BIT(sig));
}

/* Takes signals until one has a handler: true; false: there is none left. */
static bool take_signals(struct trapframe *tf)
{
	struct process *p = current->process;
	siginfo_t info;
	int sig;

	while (signal_pending()) {
		uint64_t handler;

		if (fatal_signal_pending())
			die();
		if (READ_ONCE(p->stopped)) {
			stay_stopped(p);
			continue;
		}
		sig = signal_take(~current->blocked, &info);
		if (!sig) /* another thread took it */
			return false;
		handler = p->actions[sig].handler;
		if (handler == HANDLER_IGNORE)
			continue;
		if (handler != HANDLER_DEFAULT) {
			run_handler(tf, sig, &info);
			return true;
		}
		if ((DEFAULT_IGNORED & SIG_BIT(sig)) || p == init_process)
			continue;
		if (DEFAULT_STOPS & SIG_BIT(sig))
			stop_process(p, sig);
		else
			process_exit(sig);
	}
	return false;
}

void task_work(struct trapframe *tf)
{
	current->work = false;
	smp_mb(); /* what comes after this look sets it again */
	if (this_cpu()->need_resched)
		schedule();
	if (current->set_child_tid) {
		uint64_t at = current->set_child_tid;

		current->set_child_tid = 0;
		if (put_user_u32(UPTR(at), (uint32_t)current->tid))
			pr_debug("%s: bad address for its thread id\n", current->comm);
	}
	if (take_signals(tf))
		return;
	restart_syscall(tf, NULL);
	if (current->restore_blocked) {
		current->restore_blocked = false;
		signal_set_blocked(current->saved_blocked);
	}
}
