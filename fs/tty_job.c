// SPDX-License-Identifier: BSD-2-Clause
/* Sessions and process groups at a terminal: who controls it, and who is in the foreground. */
#include "tty.h"

static bool is_leader(const struct process *p)
{
	return p->pid == p->sid;
}

void tty_signal(struct tty *tty, int sig)
{
	siginfo_t info = {.si_signo = sig, .si_code = SI_KERNEL};

	if (tty->pgrp)
		signal_group(tty->pgrp, sig, &info);
}

int tty_foreground(const struct tty *tty)
{
	return READ_ONCE(tty->pgrp);
}

static bool is_ignored(int sig)
{
	return (current->blocked & BIT(sig - 1)) ||
	       current->process->actions[sig].handler == (uintptr_t)SIG_IGN;
}

struct group_search {
	int pgid, sid;
	bool found;
};

/* Whether a group that the terminal could stop has someone outside it, in its session, to continue
 * it. */
static bool has_guardian(struct process *p, void *arg)
{
	struct group_search *s = arg;
	const struct process *parent = p->parent;

	if (p->pgid == s->pgid && parent && parent->pgid != s->pgid && parent->sid == s->sid)
		s->found = true;
	return !s->found;
}

int tty_check_foreground(struct tty *tty, int sig)
{
	struct process *p = current->process;
	struct group_search search;

	if (!p || p->tty != tty || !tty->pgrp || p->pgid == tty->pgrp)
		return 0;
	if (is_ignored(sig))
		return sig == SIGTTIN ? -EIO : 0;
	search = (struct group_search){.pgid = p->pgid, .sid = p->sid};
	process_for_each(has_guardian, &search);
	if (!search.found)
		return -EIO; /* stopped, it would stay so for ever */
	signal_group(p->pgid, sig, NULL);
	return -ERESTARTSYS;
}

static bool forget_tty(struct process *p, void *arg)
{
	struct tty *tty = arg;

	if (p->tty == tty && p->sid == tty->session)
		p->tty = NULL;
	return true;
}

/* Whether the session that has the terminal still has its leader. */
static bool session_alive(const struct tty *tty)
{
	struct process *p = tty->session ? process_find(tty->session) : NULL;
	bool alive = p && p->sid == tty->session && !p->zombie;

	if (p)
		process_put(p);
	return alive;
}

static void take_tty(struct tty *tty, struct process *p)
{
	process_for_each(forget_tty, tty);
	p->tty = tty;
	tty->session = p->sid;
	tty->pgrp = p->pgid;
}

void tty_adopt(struct tty *tty)
{
	struct process *p = current->process;

	mutex_lock(&tty->lock);
	if (p && is_leader(p) && !p->tty && !session_alive(tty))
		take_tty(tty, p);
	mutex_unlock(&tty->lock);
}

/* TIOCSCTTY; `steal` by root takes it from another session. */
static int set_controlling(struct tty *tty, bool steal)
{
	struct process *p = current->process;

	if (is_leader(p) && p->tty == tty && tty->session == p->sid)
		return 0;
	if (!is_leader(p) || p->tty)
		return -EPERM;
	if (session_alive(tty) && (!steal || p->uid != 0))
		return -EPERM;
	take_tty(tty, p);
	return 0;
}

/* The session has no terminal any more: who is in the foreground is told. */
static void end_session(struct tty *tty)
{
	tty_signal(tty, SIGHUP);
	tty_signal(tty, SIGCONT);
	process_for_each(forget_tty, tty);
	tty->session = tty->pgrp = 0;
}

/* TIOCNOTTY. */
static int give_up(struct tty *tty)
{
	struct process *p = current->process;

	if (p->tty != tty)
		return -ENOTTY;
	if (is_leader(p))
		end_session(tty);
	p->tty = NULL;
	return 0;
}

void tty_session_exit(void)
{
	struct process *p = current->process;
	struct tty *tty = p->tty;

	if (!tty || !is_leader(p))
		return;
	mutex_lock(&tty->lock);
	if (p->tty == tty && tty->session == p->sid)
		end_session(tty);
	mutex_unlock(&tty->lock);
}

static bool find_in_session(struct process *p, void *arg)
{
	struct group_search *s = arg;

	if (p->pgid == s->pgid)
		s->found = p->sid == s->sid;
	return !s->found;
}

static int set_foreground(struct tty *tty, uint64_t arg)
{
	struct process *p = current->process;
	struct group_search search = {.sid = p->sid};
	uint32_t pgid;
	int err;

	if (p->tty != tty || tty->session != p->sid)
		return -ENOTTY;
	err = tty_check_foreground(tty, SIGTTOU);
	if (err)
		return err;
	if (get_user_u32(&pgid, UPTR(arg)))
		return -EFAULT;
	if ((int)pgid < 0)
		return -EINVAL;
	search.pgid = (int)pgid;
	process_for_each(find_in_session, &search);
	if (!search.found)
		return -EPERM;
	tty->pgrp = (int)pgid;
	return 0;
}

int64_t tty_job_ioctl(struct tty *tty, unsigned cmd, uint64_t arg)
{
	bool ours = current->process && current->process->tty == tty;

	if (!current->process)
		return -ENOTTY;
	switch (cmd) {
	case TIOCSCTTY:
		return set_controlling(tty, arg == 1);
	case TIOCNOTTY:
		return give_up(tty);
	case TIOCSPGRP:
		return set_foreground(tty, arg);
	case TIOCGPGRP:
		return ours ? put_user_u32(UPTR(arg), (uint32_t)tty->pgrp) : -ENOTTY;
	case TIOCGSID:
		return ours ? put_user_u32(UPTR(arg), (uint32_t)tty->session) : -ENOTTY;
	default:
		return -ENOTTY;
	}
}
