// SPDX-License-Identifier: BSD-2-Clause
/* Tasks and processes: their memory, their ids, how they are found. */
#include <twofold/log.h>
#include <twofold/slab.h>
#include <twofold/string.h>
#include <twofold/syscall.h>
#include <twofold/vmalloc.h>

#include "sched.h"

#define PID_MAX 32768
#define PID_WRAP 300 /* ids below it are not used again */
#define TID_HASH 256

spinlock_t tasks_lock = SPINLOCK_INIT(RANK_TASKS);
struct process *init_process;
struct process_list all_processes = LIST_HEAD_INITIALIZER(all_processes);

static LIST_HEAD(, task) tid_hash[TID_HASH];
static uint64_t pid_map[PID_MAX / 64];
static int last_pid = 1; /* 1 is kept for init */
static bool pid_wrapped;
static struct kmem_cache *task_cache, *process_cache, *fp_cache;

void task_init(void)
{
	task_cache = kmem_cache_create("task", sizeof(struct task), 16, SLAB_PANIC, NULL);
	process_cache = kmem_cache_create("process", sizeof(struct process), 16, SLAB_PANIC, NULL);
	fp_cache = kmem_cache_create("fpstate", sizeof(struct arch_fpstate), 16, SLAB_PANIC, NULL);
	signal_init();
	futex_init();
}

/* Whether some process group or session still goes by this number. */
static bool pid_names_group(int pid)
{
	struct process *p;

	LIST_FOREACH(p, &all_processes, all)
		if (p->pgid == pid || p->sid == pid)
			return true;
	return false;
}

int pid_alloc(void)
{
	for (int tries = 0; tries < PID_MAX; tries++) {
		if (++last_pid >= PID_MAX) {
			last_pid = PID_WRAP;
			pid_wrapped = true;
		}
		if (pid_map[last_pid / 64] & BIT(last_pid % 64))
			continue;
		if (pid_wrapped && pid_names_group(last_pid))
			continue;
		pid_map[last_pid / 64] |= BIT(last_pid % 64);
		return last_pid;
	}
	return -EAGAIN;
}

void pid_free(int pid)
{
	pid_map[pid / 64] &= ~BIT(pid % 64);
}

void task_hash(struct task *t)
{
	LIST_INSERT_HEAD(&tid_hash[t->tid % TID_HASH], t, all_link);
}

void task_unhash(struct task *t)
{
	LIST_REMOVE(t, all_link);
}

struct task *task_find_locked(int tid)
{
	struct task *t;

	LIST_FOREACH(t, &tid_hash[(unsigned)tid % TID_HASH], all_link)
		if (t->tid == tid)
			return t;
	return NULL;
}

struct task *task_find(int tid)
{
	struct task *t;

	spin_lock(&tasks_lock);
	t = task_find_locked(tid);
	if (t)
		task_get(t);
	spin_unlock(&tasks_lock);
	return t;
}

struct task *task_alloc(const char *comm)
{
	struct task *t = kmem_cache_alloc(task_cache, GFP_KERNEL | GFP_ZERO);

	if (!t)
		return NULL;
	t->stack = kstack_alloc();
	if (!t->stack) {
		kmem_cache_free(task_cache, t);
		return NULL;
	}
	t->refs = 1;
	t->affinity = ~0ull;
	STAILQ_INIT(&t->queue);
	strlcpy(t->comm, comm, sizeof(t->comm));
	sched_init_task(t, cpu_id());
	return t;
}

int task_alloc_fp(struct task *t)
{
	t->fp = kmem_cache_alloc(fp_cache, GFP_KERNEL | GFP_ZERO);
	return t->fp ? 0 : -ENOMEM;
}

void task_get(struct task *t)
{
	__atomic_fetch_add(&t->refs, 1, __ATOMIC_RELAXED);
}

void task_put(struct task *t)
{
	if (__atomic_sub_fetch(&t->refs, 1, __ATOMIC_ACQ_REL))
		return;
	if (t->process)
		process_put(t->process);
	if (t->fp)
		kmem_cache_free(fp_cache, t->fp);
	kstack_free(t->stack);
	kmem_cache_free(task_cache, t);
}

static void default_rlimits(struct process *p)
{
	for (unsigned i = 0; i < ARRAY_SIZE(p->rlimits); i++)
		p->rlimits[i][0] = p->rlimits[i][1] = RLIM64_INFINITY;
	p->rlimits[RLIMIT_STACK][0] = 8 * SZ_1M;
	p->rlimits[RLIMIT_NOFILE][0] = 1024;
	p->rlimits[RLIMIT_NOFILE][1] = 4096;
	p->rlimits[RLIMIT_CORE][0] = 0;
	p->rlimits[RLIMIT_NICE][0] = p->rlimits[RLIMIT_NICE][1] = 0;
	p->rlimits[RLIMIT_RTPRIO][0] = p->rlimits[RLIMIT_RTPRIO][1] = 0;
}

struct process *process_alloc(const struct process *like)
{
	struct process *p = kmem_cache_alloc(process_cache, GFP_KERNEL);

	if (!p)
		return NULL;
	memset(p, 0, like ? offsetof(struct process, actions) : sizeof(*p));
	p->refs = 1;
	LIST_INIT(&p->children);
	LIST_INIT(&p->threads);
	STAILQ_INIT(&p->queue);
	wait_queue_init(&p->wait_children);
	spin_lock_init(&p->sig_lock, RANK_SIGNAL);
	p->exit_signal = SIGCHLD;
	p->start_time = time_ns();
	p->dumpable = true;
	if (!like) {
		default_rlimits(p);
		return p;
	}
	p->acted = like->acted;
	memcpy(p->actions, like->actions, sizeof(p->actions));
	memcpy(p->rlimits, like->rlimits, sizeof(p->rlimits));
	memcpy(p->comm, like->comm, sizeof(p->comm));
	p->uid = like->uid;
	p->gid = like->gid;
	return p;
}

void process_get(struct process *p)
{
	__atomic_fetch_add(&p->refs, 1, __ATOMIC_RELAXED);
}

void process_put(struct process *p)
{
	if (!__atomic_sub_fetch(&p->refs, 1, __ATOMIC_ACQ_REL))
		kmem_cache_free(process_cache, p);
}

struct process *process_find_locked(int pid)
{
	struct process *p;

	LIST_FOREACH(p, &all_processes, all)
		if (p->pid == pid)
			return p;
	return NULL;
}

struct process *process_find(int pid)
{
	struct process *p;

	spin_lock(&tasks_lock);
	p = process_find_locked(pid);
	if (p)
		process_get(p);
	spin_unlock(&tasks_lock);
	return p;
}

/* The process with the least id above `pid`, referenced, or NULL. */
static struct process *process_after(int pid)
{
	struct process *p, *best = NULL;

	spin_lock(&tasks_lock);
	LIST_FOREACH(p, &all_processes, all)
		if (p->pid > pid && (!best || p->pid < best->pid))
			best = p;
	if (best)
		process_get(best);
	spin_unlock(&tasks_lock);
	return best;
}

void process_for_each(bool (*fn)(struct process *p, void *arg), void *arg)
{
	bool more = true;
	int pid = 0;

	while (more) {
		struct process *p = process_after(pid);

		if (!p)
			return;
		pid = p->pid;
		more = fn(p, arg);
		process_put(p);
	}
}

struct mm *process_mm(struct process *p)
{
	struct mm *mm = NULL;
	struct task *t;

	spin_lock(&tasks_lock);
	LIST_FOREACH(t, &p->threads, thread_link) {
		mm = t->mm;
		if (mm) {
			mm_get(mm);
			break;
		}
	}
	spin_unlock(&tasks_lock);
	return mm;
}

uint64_t process_cputime(struct process *p)
{
	uint64_t ns = p->utime + p->stime;
	struct task *t;

	LIST_FOREACH(t, &p->threads, thread_link)
		ns += t->utime + t->stime;
	return ns;
}

static struct task *start_kthread(struct task *t, void (*fn)(void *), void *arg)
{
	if (!t)
		return ERR_PTR(-ENOMEM);
	t->kthread_fn = fn;
	t->kthread_arg = arg;
	arch_init_kthread(t);
	spin_lock(&tasks_lock);
	t->tid = pid_alloc();
	if (t->tid > 0)
		task_hash(t);
	spin_unlock(&tasks_lock);
	if (t->tid < 0) {
		task_put(t);
		return ERR_PTR(-ENOMEM);
	}
	sched_wake(t);
	return t;
}

struct task *kthread_create(const char *name, void (*fn)(void *), void *arg)
{
	return start_kthread(task_alloc(name), fn, arg);
}

struct task *kthread_create_on(unsigned cpu, const char *name, void (*fn)(void *), void *arg)
{
	struct task *t = task_alloc(name);

	if (t) {
		t->affinity = BIT(cpu);
		sched_init_task(t, cpu);
	}
	return start_kthread(t, fn, arg);
}
