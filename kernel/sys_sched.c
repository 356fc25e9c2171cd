// SPDX-License-Identifier: BSD-2-Clause
/* System calls about scheduling. There is one policy, SCHED_OTHER, with nice values. */
#include <arch/uaccess.h>
#include <linux/membarrier.h>
#include <twofold/irq.h>
#include <twofold/syscall.h>

#include "sched.h"

int64_t sys_sched_yield(void)
{
	sched_yield();
	return 0;
}

int64_t sys_sched_setaffinity(uint64_t pid, uint64_t len, uint64_t mask)
{
	struct task *t;
	uint64_t cores = 0;
	int64_t err;

	if (copy_from_user(&cores, UPTR(mask), MIN(len, sizeof(cores))))
		return -EFAULT;
	t = task_find(pid ? (int)pid : current->tid);
	if (!t)
		return -ESRCH;
	err = sched_set_affinity(t, cores);
	task_put(t);
	return err;
}

int64_t sys_sched_getaffinity(uint64_t pid, uint64_t len, uint64_t mask)
{
	struct task *t;
	uint64_t cores;

	if (len < sizeof(cores) || len % sizeof(cores))
		return -EINVAL;
	t = task_find(pid ? (int)pid : current->tid);
	if (!t)
		return -ESRCH;
	cores = t->affinity & (nr_cpus == 64 ? ~0ull : BIT(nr_cpus) - 1);
	task_put(t);
	return copy_to_user(UPTR(mask), &cores, sizeof(cores)) ? -EFAULT : (int64_t)sizeof(cores);
}

static int64_t check_task(uint64_t pid)
{
	struct task *t;

	if ((int)pid < 0)
		return -EINVAL;
	t = task_find(pid ? (int)pid : current->tid);
	if (!t)
		return -ESRCH;
	task_put(t);
	return 0;
}

int64_t sys_sched_setscheduler(uint64_t pid, uint64_t policy, uint64_t param)
{
	uint32_t priority;

	if (get_user_u32(&priority, UPTR(param)))
		return -EFAULT;
	if (policy != SCHED_NORMAL || priority)
		return -EINVAL;
	return check_task(pid);
}

int64_t sys_sched_getscheduler(uint64_t pid)
{
	int64_t err = check_task(pid);

	return err ? err : SCHED_NORMAL;
}

int64_t sys_sched_setparam(uint64_t pid, uint64_t param)
{
	return sys_sched_setscheduler(pid, SCHED_NORMAL, param);
}

int64_t sys_sched_getparam(uint64_t pid, uint64_t param)
{
	int64_t err = check_task(pid);

	return err ? err : put_user_u32(UPTR(param), 0);
}

int64_t sys_sched_get_priority_max(uint64_t policy)
{
	return policy == SCHED_NORMAL || policy == SCHED_BATCH || policy == SCHED_IDLE ? 0
										       : -EINVAL;
}

int64_t sys_sched_get_priority_min(uint64_t policy)
{
	return sys_sched_get_priority_max(policy);
}

int64_t sys_sched_rr_get_interval(uint64_t pid, uint64_t interval)
{
	int64_t err = check_task(pid);

	return err ? err : timespec_to_user(interval, SCHED_SLICE);
}

struct nice_request {
	uint64_t which;
	int id;
	int nice, best; /* to set; the least found */
	bool set, found;
};

static bool wants(const struct nice_request *r, const struct process *p)
{
	switch (r->which) {
	case PRIO_PGRP:
		return p->pgid == (r->id ? r->id : current->process->pgid);
	case PRIO_USER:
		return p->uid == (r->id ? (uint32_t)r->id : current->process->uid);
	default:
		return false;
	}
}

static void nice_task(struct nice_request *r, struct task *t)
{
	if (r->set)
		sched_set_nice(t, r->nice);
	r->best = MIN(r->best, t->nice);
	r->found = true;
}

static int64_t for_priority(struct nice_request *r)
{
	struct process *p;
	struct task *t;

	if (r->which > PRIO_USER)
		return -EINVAL;
	spin_lock(&tasks_lock);
	if (r->which == PRIO_PROCESS) {
		t = task_find_locked(r->id ? r->id : current->tid);
		if (t)
			nice_task(r, t);
	}
	LIST_FOREACH(p, &all_processes, all)
	if (wants(r, p))
		LIST_FOREACH(t, &p->threads, thread_link)
	nice_task(r, t);
	spin_unlock(&tasks_lock);
	return r->found ? 0 : -ESRCH;
}

int64_t sys_setpriority(uint64_t which, uint64_t who, uint64_t nice)
{
	struct nice_request r = {.which = which, .id = (int)who, .nice = (int)nice, .set = true};

	return for_priority(&r);
}

/* As the system call has it: 20 - nice, so that it is never negative. */
int64_t sys_getpriority(uint64_t which, uint64_t who)
{
	struct nice_request r = {.which = which, .id = (int)who, .best = 19};
	int64_t err = for_priority(&r);

	return err ? err : 20 - r.best;
}

int64_t sys_getcpu(uint64_t cpu, uint64_t node)
{
	if (cpu && put_user_u32(UPTR(cpu), cpu_id()))
		return -EFAULT;
	return node ? put_user_u32(UPTR(node), 0) : 0;
}

static void barrier(void *unused)
{
	(void)unused;
	smp_mb();
}

int64_t sys_membarrier(uint64_t cmd, uint64_t flags)
{
	if (flags)
		return -EINVAL;
	switch (cmd) {
	case MEMBARRIER_CMD_QUERY:
		return MEMBARRIER_CMD_GLOBAL | MEMBARRIER_CMD_PRIVATE_EXPEDITED |
		       MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED;
	case MEMBARRIER_CMD_GLOBAL:
	case MEMBARRIER_CMD_PRIVATE_EXPEDITED:
		smp_mb();
		irq_call_others(barrier, NULL);
		return 0;
	case MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED:
		return 0;
	}
	return -EINVAL;
}
