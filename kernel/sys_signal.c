// SPDX-License-Identifier: BSD-2-Clause
/* System calls about signals. */
#include <arch/uaccess.h>
#include <twofold/syscall.h>

#include "sched.h"

#define SIGSET_SIZE 8

static bool valid_signal(uint64_t sig)
{
	return sig >= 1 && sig <= NR_SIGNALS;
}

static siginfo_t user_info(int sig, int code)
{
	siginfo_t info = {0};

	info.si_signo = sig;
	info.si_code = code;
	info.si_pid = current->process->pid;
	info.si_uid = current->process->uid;
	return info;
}

/* kill(-1): everybody but init and the caller. */
static int64_t kill_all(int sig, const siginfo_t *info)
{
	struct process *p;
	int64_t err = -ESRCH;

	spin_lock(&tasks_lock);
	LIST_FOREACH(p, &all_processes, all)
		if (p != init_process && p != current->process) {
			err = 0;
			if (sig)
				signal_send_locked(p, NULL, sig, info);
		}
	spin_unlock(&tasks_lock);
	return err;
}

static int64_t kill_one(int pid, int sig, const siginfo_t *info)
{
	struct process *p;
	int64_t err = -ESRCH;

	spin_lock(&tasks_lock);
	p = process_find_locked(pid);
	if (p)
		err = sig ? signal_send_locked(p, NULL, sig, info) : 0;
	spin_unlock(&tasks_lock);
	return err;
}

int64_t sys_kill(uint64_t pid, uint64_t sig)
{
	siginfo_t info = user_info((int)sig, SI_USER);
	int id = (int)pid;

	if ((unsigned)sig > NR_SIGNALS)
		return -EINVAL;
	if (id > 0)
		return kill_one(id, (int)sig, &info);
	if (id == -1)
		return kill_all((int)sig, &info);
	if (id == INT32_MIN)
		return -ESRCH;
	return signal_group(id ? -id : current->process->pgid, (int)sig, &info);
}

/* tgid 0: any. */
static int64_t kill_thread(int tgid, int tid, int sig, const siginfo_t *info)
{
	struct task *t;
	int64_t err = -ESRCH;

	spin_lock(&tasks_lock);
	t = task_find_locked(tid);
	if (t && t->process && (!tgid || t->process->pid == tgid))
		err = sig ? signal_send_locked(t->process, t, sig, info) : 0;
	spin_unlock(&tasks_lock);
	return err;
}

int64_t sys_tkill(uint64_t tid, uint64_t sig)
{
	siginfo_t info = user_info((int)sig, SI_TKILL);

	if ((int)tid <= 0 || (unsigned)sig > NR_SIGNALS)
		return -EINVAL;
	return kill_thread(0, (int)tid, (int)sig, &info);
}

int64_t sys_tgkill(uint64_t tgid, uint64_t tid, uint64_t sig)
{
	siginfo_t info = user_info((int)sig, SI_TKILL);

	if ((int)tid <= 0 || (int)tgid <= 0 || (unsigned)sig > NR_SIGNALS)
		return -EINVAL;
	return kill_thread((int)tgid, (int)tid, (int)sig, &info);
}

/* Only the kernel's own codes are not for programs to forge, except towards themselves. */
static int info_from_user(siginfo_t *info, uint64_t at, int pid, int sig)
{
	if (copy_from_user(info, UPTR(at), sizeof(*info)))
		return -EFAULT;
	if ((unsigned)sig > NR_SIGNALS)
		return -EINVAL;
	info->si_signo = sig;
	if ((info->si_code >= 0 || info->si_code == SI_TKILL) && pid != current->process->pid)
		return -EPERM;
	return 0;
}

int64_t sys_rt_sigqueueinfo(uint64_t pid, uint64_t sig, uint64_t info)
{
	siginfo_t si;
	int err = info_from_user(&si, info, (int)pid, (int)sig);

	return err ? err : kill_one((int)pid, (int)sig, &si);
}

int64_t sys_rt_tgsigqueueinfo(uint64_t tgid, uint64_t tid, uint64_t sig, uint64_t info)
{
	siginfo_t si;
	int err;

	if ((int)tgid <= 0 || (int)tid <= 0)
		return -EINVAL;
	err = info_from_user(&si, info, (int)tgid, (int)sig);
	return err ? err : kill_thread((int)tgid, (int)tid, (int)sig, &si);
}

/* Linux's struct sigaction on arm64: handler, flags, restorer, mask. */
struct user_sigaction {
	uint64_t handler, flags, restorer, mask;
};

int64_t sys_rt_sigaction(uint64_t sig, uint64_t act, uint64_t old, uint64_t size)
{
	struct process *p = current->process;
	struct user_sigaction new, was;
	struct sigaction_k *action;

	if (size != SIGSET_SIZE || !valid_signal(sig) || (act && (UNBLOCKABLE & SIG_BIT(sig))))
		return -EINVAL;
	if (act && copy_from_user(&new, UPTR(act), sizeof(new)))
		return -EFAULT;
	action = &p->actions[sig];
	spin_lock(&p->sig_lock);
	was = (struct user_sigaction){action->handler, action->flags, action->restorer,
				      action->mask};
	if (act) {
		*action = (struct sigaction_k){new.handler, new.flags, new.restorer,
					       new.mask & ~UNBLOCKABLE};
		p->acted |= SIG_BIT(sig);
	}
	spin_unlock(&p->sig_lock);
	return old && copy_to_user(UPTR(old), &was, sizeof(was)) ? -EFAULT : 0;
}

int64_t sys_rt_sigprocmask(uint64_t how, uint64_t set, uint64_t old, uint64_t size)
{
	uint64_t was = current->blocked, mask;

	if (size != SIGSET_SIZE)
		return -EINVAL;
	if (set) {
		if (get_user_u64(&mask, UPTR(set)))
			return -EFAULT;
		if (how > SIG_SETMASK)
			return -EINVAL;
		signal_set_blocked(how == SIG_BLOCK	? was | mask
				   : how == SIG_UNBLOCK ? was & ~mask
							: mask);
	}
	return old ? put_user_u64(UPTR(old), was) : 0;
}

int64_t sys_rt_sigpending(uint64_t set, uint64_t size)
{
	const struct task *t = current;

	if (size > SIGSET_SIZE)
		return -EINVAL;
	return put_user_u64(UPTR(set), (t->pending | t->process->pending) & t->blocked);
}

int signal_set_temporary_mask(uint64_t ua, uint64_t size)
{
	uint64_t mask;

	if (!ua)
		return 0;
	if (size != SIGSET_SIZE)
		return -EINVAL;
	if (get_user_u64(&mask, UPTR(ua)))
		return -EFAULT;
	current->saved_blocked = current->blocked;
	current->restore_blocked = true;
	signal_set_blocked(mask);
	return 0;
}

void signal_restore_mask(void)
{
	if (!current->restore_blocked)
		return;
	current->restore_blocked = false;
	signal_set_blocked(current->saved_blocked);
}

int64_t sys_rt_sigsuspend(uint64_t set, uint64_t size)
{
	int err = set ? signal_set_temporary_mask(set, size) : -EFAULT;

	if (err)
		return err;
	for (;;) {
		current->state = TASK_INTERRUPTIBLE;
		smp_mb(); /* pairs with signal_kick() */
		if (signal_pending())
			break;
		schedule();
	}
	current->state = TASK_RUNNABLE;
	return -ERESTARTNOHAND;
}

/* The number of a signal of `set`, taken; 0 after the deadline; -EINTR for another signal. */
static int wait_for_signal(uint64_t set, uint64_t deadline, siginfo_t *info)
{
	bool in_time = true;
	int sig;

	for (;;) {
		sig = signal_take(set, info);
		if (sig || !in_time)
			return sig;
		current->state = TASK_INTERRUPTIBLE;
		smp_mb(); /* pairs with signal_kick() */
		if (!signal_pending()) {
			in_time = schedule_until(deadline);
			continue;
		}
		current->state = TASK_RUNNABLE;
		sig = signal_take(set, info);
		return sig ? sig : -EINTR;
	}
}

int64_t sys_rt_sigtimedwait(uint64_t set, uint64_t info, uint64_t timeout, uint64_t size)
{
	uint64_t mask, deadline = UINT64_MAX, ns;
	siginfo_t si;
	int sig, err;

	if (size != SIGSET_SIZE)
		return -EINVAL;
	if (get_user_u64(&mask, UPTR(set)))
		return -EFAULT;
	if (timeout) {
		err = timespec_from_user(&ns, timeout);
		if (err)
			return err;
		deadline = time_ns() + ns < ns ? UINT64_MAX : time_ns() + ns;
	}
	mask &= ~UNBLOCKABLE;
	current->sigwait = mask;
	sig = wait_for_signal(mask, deadline, &si);
	current->sigwait = 0;
	if (sig <= 0)
		return sig ? sig : -EAGAIN;
	return info && copy_to_user(UPTR(info), &si, sizeof(si)) ? -EFAULT : sig;
}

int64_t sys_rt_sigreturn(void)
{
	struct trapframe *tf = task_trapframe(current);
	uint64_t mask;

	if (arch_sigreturn(tf, &mask))
		signal_fault(SIGSEGV, SI_KERNEL, tf->sp);
	else
		signal_set_blocked(mask);
	tf->syscall = UINT64_MAX; /* what x0 holds now is no system call's result */
	return (int64_t)tf->x[0];
}

static bool on_altstack(const struct task *t, uint64_t sp)
{
	return sp > t->altstack_sp && sp - t->altstack_sp <= t->altstack_size;
}

int64_t sys_sigaltstack(uint64_t stack, uint64_t old)
{
	struct task *t = current;
	bool active = on_altstack(t, task_trapframe(t)->sp);
	stack_t new, was = {
			     .ss_sp = (void *)t->altstack_sp,
			     .ss_size = t->altstack_size,
			     .ss_flags = t->altstack_size ? (active ? SS_ONSTACK : 0) : SS_DISABLE,
		     };

	if (stack) {
		if (copy_from_user(&new, UPTR(stack), sizeof(new)))
			return -EFAULT;
		if (active)
			return -EPERM;
		if (new.ss_flags & ~(SS_DISABLE | SS_ONSTACK | (int)SS_AUTODISARM))
			return -EINVAL;
		if (!(new.ss_flags &SS_DISABLE) && new.ss_size < MINSIGSTKSZ)
			return -ENOMEM;
		t->altstack_flags = new.ss_flags;
		t->altstack_sp = new.ss_flags &SS_DISABLE ? 0 : (uint64_t) new.ss_sp;
		t->altstack_size = new.ss_flags &SS_DISABLE ? 0 : new.ss_size;
	}
	return old && copy_to_user(UPTR(old), &was, sizeof(was)) ? -EFAULT : 0;
}

int64_t sys_restart_syscall(void)
{
	return current->restart ? current->restart() : -EINTR;
}
