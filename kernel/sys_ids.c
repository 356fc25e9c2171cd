// SPDX-License-Identifier: BSD-2-Clause
/* Who a process is: its ids, group and session. There is one identity a process, and root may all.
 */
#include <arch/uaccess.h>
#include <twofold/syscall.h>

#include "sched.h"

#define UNCHANGED UINT32_MAX

int64_t sys_getpid(void)
{
	return current->process->pid;
}

int64_t sys_getppid(void)
{
	const struct process *parent;
	int64_t pid;

	spin_lock(&tasks_lock);
	parent = current->process->parent;
	pid = parent ? parent->pid : 0;
	spin_unlock(&tasks_lock);
	return pid;
}

int64_t sys_gettid(void)
{
	return current->tid;
}

int64_t sys_getuid(void)
{
	return current->process->uid;
}

int64_t sys_geteuid(void)
{
	return current->process->uid;
}

int64_t sys_getgid(void)
{
	return current->process->gid;
}

int64_t sys_getegid(void)
{
	return current->process->gid;
}

/* The effective id is what counts; root may take any, others only keep their own. */
static int64_t set_id(uint32_t *id, uint64_t new)
{
	if ((uint32_t) new == UNCHANGED || (uint32_t) new == *id)
		return 0;
	if (current->process->uid)
		return -EPERM;
	*id = (uint32_t) new;
	return 0;
}

int64_t sys_setuid(uint64_t uid)
{
	return (uint32_t)uid == UNCHANGED ? -EINVAL : set_id(&current->process->uid, uid);
}

int64_t sys_setgid(uint64_t gid)
{
	return (uint32_t)gid == UNCHANGED ? -EINVAL : set_id(&current->process->gid, gid);
}

int64_t sys_setreuid(uint64_t ruid, uint64_t euid)
{
	return set_id(&current->process->uid, (uint32_t)euid == UNCHANGED ? ruid : euid);
}

int64_t sys_setregid(uint64_t rgid, uint64_t egid)
{
	return set_id(&current->process->gid, (uint32_t)egid == UNCHANGED ? rgid : egid);
}

int64_t sys_setresuid(uint64_t ruid, uint64_t euid, uint64_t suid)
{
	(void)suid;
	return sys_setreuid(ruid, euid);
}

int64_t sys_setresgid(uint64_t rgid, uint64_t egid, uint64_t sgid)
{
	(void)sgid;
	return sys_setregid(rgid, egid);
}

static int64_t put_three(uint32_t id, uint64_t a, uint64_t b, uint64_t c)
{
	if (put_user_u32(UPTR(a), id) || put_user_u32(UPTR(b), id))
		return -EFAULT;
	return put_user_u32(UPTR(c), id);
}

int64_t sys_getresuid(uint64_t ruid, uint64_t euid, uint64_t suid)
{
	return put_three(current->process->uid, ruid, euid, suid);
}

int64_t sys_getresgid(uint64_t rgid, uint64_t egid, uint64_t sgid)
{
	return put_three(current->process->gid, rgid, egid, sgid);
}

int64_t sys_setfsuid(uint64_t uid)
{
	(void)uid;
	return current->process->uid;
}

int64_t sys_setfsgid(uint64_t gid)
{
	(void)gid;
	return current->process->gid;
}

int64_t sys_getgroups(uint64_t size, uint64_t list)
{
	(void)list;
	return (int)size < 0 ? -EINVAL : 0;
}

/* Groups decide nothing here, so none are kept. */
int64_t sys_setgroups(uint64_t size, uint64_t list)
{
	uint32_t gid;

	if (current->process->uid)
		return -EPERM;
	if (size > 65536)
		return -EINVAL;
	for (uint64_t i = 0; i < size; i++)
		if (copy_from_user(&gid, UPTR(list + 4 * i), sizeof(gid)))
			return -EFAULT;
	return 0;
}

static bool session_has_group(int sid, int pgid)
{
	struct process *p;

	LIST_FOREACH(p, &all_processes, all)
	if (p->pgid == pgid && p->sid == sid)
		return true;
	return false;
}

static int64_t set_group(struct process *p, int pgid)
{
	struct process *me = current->process;

	if (!p || (p != me && p->parent != me))
		return -ESRCH;
	if (p->sid != me->sid || p->sid == p->pid)
		return -EPERM;
	if (p != me && p->did_exec)
		return -EACCES;
	if (pgid != p->pid && !session_has_group(me->sid, pgid))
		return -EPERM;
	p->pgid = pgid;
	return 0;
}

int64_t sys_setpgid(uint64_t pid, uint64_t pgid)
{
	int id = pid ? (int)pid : current->process->pid;
	int group = pgid ? (int)pgid : id;
	int64_t err;

	if (group < 0)
		return -EINVAL;
	spin_lock(&tasks_lock);
	err = set_group(process_find_locked(id), group);
	spin_unlock(&tasks_lock);
	return err;
}

int64_t sys_getpgid(uint64_t pid)
{
	struct process *p;
	int64_t id = -ESRCH;

	if (!pid)
		return current->process->pgid;
	spin_lock(&tasks_lock);
	p = process_find_locked((int)pid);
	if (p)
		id = p->pgid;
	spin_unlock(&tasks_lock);
	return id;
}

int64_t sys_getsid(uint64_t pid)
{
	struct process *p;
	int64_t id = -ESRCH;

	if (!pid)
		return current->process->sid;
	spin_lock(&tasks_lock);
	p = process_find_locked((int)pid);
	if (p)
		id = p->sid;
	spin_unlock(&tasks_lock);
	return id;
}

int64_t sys_setsid(void)
{
	struct process *me = current->process, *p;
	int64_t err = 0;

	spin_lock(&tasks_lock);
	LIST_FOREACH(p, &all_processes, all)
	if (p->pgid == me->pid)
		err = -EPERM;
	if (!err) {
		me->sid = me->pgid = me->pid;
		me->tty = NULL;
	}
	spin_unlock(&tasks_lock);
	return err ? err : me->pid;
}
