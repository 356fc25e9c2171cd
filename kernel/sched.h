/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of kernel/ share about tasks. */
#ifndef KERNEL_SCHED_H
#define KERNEL_SCHED_H

#include <linux/resource.h>
#include <linux/sched.h>
#include <twofold/errno.h>
#include <twofold/log.h>
#include <twofold/random.h>
#include <twofold/task.h>

#define SIG_BIT(sig) (1ull << ((sig)-1))
#define UNBLOCKABLE (SIG_BIT(SIGKILL) | SIG_BIT(SIGSTOP))
#define NR_SIGNALS 64

/* RANK_TASKS: ids, the tree of processes, their lists of threads, groups and sessions. */
extern spinlock_t tasks_lock;
extern struct process *init_process; /* PID 1 */
LIST_HEAD(process_list, process);
extern struct process_list all_processes;

/* ---- sched.c ---- */
#define SCHED_SLICE (10 * NSEC_PER_MSEC)
void sched_init_task(struct task *t, unsigned cpu);
void sched_loadavg_start(void);

/* ---- task.c ---- */
void task_init(void);
/* A task with a stack, no id yet, one reference: what runs it; NULL: no memory. */
struct task *task_alloc(const char *comm);
int task_alloc_fp(struct task *t); /* clears user FP/SIMD state; -ENOMEM */
/* A child process like the current one's, or the first; no id, no thread yet. One reference. */
struct process *process_alloc(const struct process *like);
int pid_alloc(void);		  /* -EAGAIN; tasks_lock held */
void pid_free(int pid);		  /* tasks_lock held */
void task_hash(struct task *t);	  /* by tid; tasks_lock held */
void task_unhash(struct task *t); /* tasks_lock held */
struct task *task_find_locked(int tid);
struct task *task_find(int tid); /* with a reference, or NULL */
struct process *process_find_locked(int pid);
void process_get(struct process *p);
uint64_t process_cputime(struct process *p); /* ns, of living and dead threads; tasks_lock held */

/* ---- fork.c ---- */
void vfork_release(struct task *t); /* its parent goes on */

/* ---- exec.c ---- */
/* Replaces the current program; strings are the kernel's. 0 or the reason why not. */
int exec_kernel(struct trapframe *tf, const char *path, const char *const *argv,
		const char *const *envp);

/* ---- vdso.c ---- */
void vdso_init(void);
int vdso_map(struct mm *mm); /* into a new address space */

/* ---- exit.c ---- */
/* Lets those go who wait for the current task's memory: clear_child_tid, robust futexes. */
void task_release_user(void);
/* Ends all threads but the current one, which may come back with -EINTR: it is to end as well. */
int exit_other_threads(void);

/* ---- signal.c: tasks_lock held ---- */
int signal_send_locked(struct process *p, struct task *t, int sig, const siginfo_t *info);
void signal_kill_threads(struct process *p, int code); /* code as wait4 reports it */
void signal_kick(struct task *t, bool fatal);	       /* has it look at its signals soon */
bool signal_group_orphaned(int pgid, const struct process *but);
void signal_notify_parent(struct process *p, int code, int status);
/* Takes one of `set` from the current task's pending ones: its number, or 0. Takes sig_lock. */
int signal_take(uint64_t set, siginfo_t *info);
void signal_set_blocked(uint64_t mask); /* of the current task; no lock held */
void signal_flush(struct sigqueue_head *queue, uint64_t *pending, uint64_t set);
void signal_init(void);
/* Handlers go back to the default, as exec wants it. */
void signal_exec(struct process *p);

/* ---- itimer.c ---- */
void itimer_cancel(struct process *p);
void itimer_start_thread(void);

/* ---- futex.c ---- */
void futex_init(void);
void futex_wake_address(uint64_t addr);
void futex_exit_robust(uint64_t head);

/* ---- sys_time.c ---- */
struct rusage;
void rusage_process(struct process *p, int who, struct rusage *ru);

/* ---- random.c ---- */
void random_init(void);

#endif
