/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tasks: a thread of a user program, or of the kernel. Threads of one program share a `struct
 * process` (signals, ids, children); address space, files and directory are shared or not as clone
 * says.
 */
#ifndef TWOFOLD_TASK_H
#define TWOFOLD_TASK_H

#include <arch/context.h>
#include <linux/signal.h>
#include <twofold/time.h>
#include <twofold/vm.h>

struct fd_table;
struct fs_context;

/* KILLABLE: a signal that ends the program wakes it, others do not. */
enum task_state {
	TASK_RUNNABLE,
	TASK_SLEEPING,
	TASK_INTERRUPTIBLE,
	TASK_STOPPED,
	TASK_DEAD,
	TASK_KILLABLE
};

/* A pending signal's details; SIGKILL and what finds no memory travel as a bit only. */
struct sigqueue {
	STAILQ_ENTRY(sigqueue) link;
	siginfo_t info;
};
STAILQ_HEAD(sigqueue_head, sigqueue);

/* One per program (POSIX process). Under RANK_TASKS unless said otherwise. */
struct process {
	int pid, pgid, sid;
	int32_t refs;
	struct process *parent;
	LIST_HEAD(, process) children;
	LIST_ENTRY(process) sibling, all;
	LIST_HEAD(, task) threads;
	unsigned nr_threads;
	bool zombie, group_exit, stopped, continued, reported_stop, did_exec;
	int stop_signal;
	int exit_code;		/* as wait4 reports it */
	struct task *exec_task; /* waits until it is the only thread */
	int exit_signal;
	struct wait_queue wait_children; /* wait4 */
	spinlock_t sig_lock;		 /* RANK_SIGNAL: handlers, pending */
	uint64_t pending;		 /* bit n-1: signal n */
	struct sigqueue_head queue;
	uint64_t rlimits[16][2];
	struct tty *tty;				   /* controlling terminal, or NULL */
	uint64_t utime, stime, cutime, cstime, start_time; /* ns; of threads that are gone */
	uint64_t min_flt, maj_flt, cmin_flt, cmaj_flt;
	struct timer itimer_real;
	uint64_t itimer_interval;
	bool alarm_due;		  /* the timer fired: the alarm thread sends SIGALRM */
	uint64_t maxrss, cmaxrss; /* pages */
	uint32_t uid, gid;
	char comm[16];
	bool dumpable;
	uint64_t acted; /* bit n-1: somebody set an action of signal n; the others are all zeros */
	struct sigaction_k {
		uint64_t handler, flags, restorer, mask;
	} actions[65]; /* last: fork copies it over what need not be cleared */
};

/* Swap readahead for what one task faults on: each follows its own streams. mm/swap_io.c */
struct swap_ra {
	uint32_t last;	 /* slot of the last read */
	uint32_t window; /* slots; 0: nothing read yet */
	uint32_t hits;	 /* pages read ahead that it has wanted since */
};

struct task {
	struct arch_context ctx; /* first: switch_context() knows it */
	struct arch_fpstate *fp; /* user FP/SIMD state; NULL for kernel threads */
	void *stack;		 /* kstack_alloc() */
	int tid;
	int32_t refs;
	volatile enum task_state state;
	volatile bool on_cpu; /* still on its stack, on some core */
	unsigned cpu;	      /* whose run queue it was on last */
	uint64_t affinity;
	uint64_t slice_end, vruntime, run_start, utime, stime; /* utime: all that it ran, in ns */
	int nice;
	bool migrating; /* ran where it may not any more: moves when it is off its stack */
	TAILQ_ENTRY(task) run_link;
	bool queued;

	struct mm *mm;		 /* NULL: kernel thread */
	struct process *process; /* kernel threads: NULL */
	struct fd_table *files;
	struct fs_context *fs; /* root, working directory, umask */
	LIST_ENTRY(task) thread_link;
	LIST_ENTRY(task) all_link; /* of its tid's hash chain */

	uint64_t blocked, saved_blocked; /* signal masks */
	uint64_t sigwait; /* what rt_sigtimedwait waits for: wakes it though blocked */
	bool restore_blocked;
	uint64_t pending; /* of this thread; under the process's sig_lock, as is the queue */
	struct sigqueue_head queue;
	uint64_t altstack_sp, altstack_size;
	int altstack_flags;
	volatile bool work; /* on the way to EL0: signals, reschedule, being killed */

	uint64_t set_child_tid; /* a new task's first act: its id goes there */
	uint64_t clear_child_tid, robust_list;
	bool vforked;	 /* somebody waits until we exec or exit ... */
	bool vfork_done; /* ... which happened */
	bool reclaiming; /* in reclaim: its allocations may use the reserve, and do not reclaim */
	bool faulting_user; /* in a checked user access */
	struct swap_ra swap_ra;
	bool files_shared;	  /* with another task, by CLONE_FILES: exec takes a copy */
	int64_t (*restart)(void); /* what restart_syscall() goes on with */
	uint64_t restart_deadline, restart_rest;
	struct {
		uint64_t addr;
		uint32_t value, bits;
		bool private;
	} restart_futex;
	void (*kthread_fn)(void *);
	void *kthread_arg;
	char comm[16];
};

void sched_init(void);	   /* the boot core becomes task 0, its idle task */
void sched_init_cpu(void); /* the calling core's own stack becomes its idle task; never returns
			      through here twice */
void __noreturn sched_idle(void);
/* A kernel thread, runnable at once on any core; ERR_PTR(-ENOMEM). It ends by returning. */
struct task *kthread_create(const char *name, void (*fn)(void *), void *arg);
struct task *kthread_create_on(unsigned cpu, const char *name, void (*fn)(void *), void *arg);
void sched_yield(void);
void sched_wake(struct task *t); /* any context; a task that is not sleeping is left alone */
/* In two steps, for callers with a lock that the woken task wants: telling another core takes its
 * time. */
uint64_t sched_wake_quietly(struct task *t); /* returns cores to kick */
void sched_kick(uint64_t cores);	     /* after the lock */
void sched_sleep_ns(uint64_t ns);	     /* at least so long; not interruptible */
/* 0, or -EINTR with the rest in *left. */
int sched_sleep_interruptible(uint64_t ns, uint64_t *left);
void sched_tick(void); /* time slice over: from the timer interrupt */
/* A kernel loop that runs long calls this now and then, with no lock held. */
static inline void cond_resched(void)
{
	if (unlikely(this_cpu()->need_resched))
		schedule();
}
unsigned sched_nr_running(void);
/* Cores that the task may run on from now on; -EINVAL: none of them is there. */
int sched_set_affinity(struct task *t, uint64_t mask);
void sched_set_nice(struct task *t, int nice); /* -20 to 19 */
uint64_t sched_nr_switches(void);
void sched_loadavg(uint64_t out[3]); /* fixed point, 16 bits of fraction */

void task_get(struct task *t);
void task_put(struct task *t);
struct process *process_find(int pid); /* with a reference, or NULL */
void process_put(struct process *p);
/* Calls fn for each process, snapshot-wise: p is referenced while fn runs; fn may sleep. Stops when
 * fn returns false. */
void process_for_each(bool (*fn)(struct process *p, void *arg), void *arg);
/* The address space of some thread of p, with a reference (mm_get), or NULL. */
struct mm *process_mm(struct process *p);

/* Starts PID 1 from `path`; does not return to a state without it: panics where it cannot. */
void init_start(const char *path);
/* The process ends; the calling thread does not return. code: exit status << 8, or signal. */
void __noreturn process_exit(int code);
void __noreturn task_exit(void); /* a kernel thread, or the last act of a user thread */

/* ---- signals (kernel/signal.c) ---- */
/* Sends to a process or one thread; info NULL: SI_USER from the current one. 0, -EAGAIN. Any task
 * context, irqs on. */
int signal_process(struct process *p, int sig, const siginfo_t *info);
int signal_task(struct task *t, int sig, const siginfo_t *info);
/* The current program leaves `sig` to its default action: its death by it is worth a log line. */
bool signal_is_default(int sig);
/* To all of a process group or session: -ESRCH. From tty interrupts it is deferred by the tty
 * itself. */
int signal_group(int pgid, int sig, const siginfo_t *info);
/* A fault that cannot be ignored: unblocks and resets it if it must, sends it to the current task.
 */
void signal_fault(int sig, int code, uint64_t addr);
/* On the way to EL0 with current->work set (interrupts on): takes signals, reschedules, dies. */
void task_work(struct trapframe *tf);

/* ---- power (kernel/power.c) ---- */
/* Powers off (PSCI, watchdog, halt); the status reaches the host by semihosting if
 * `exit=semihosting`. */
void __noreturn power_off(int status);
void __noreturn power_restart(void);

/* ---- system calls ---- */
/* kernel/syscall.c, for entry.S, which dispatches by x8 with the arguments where they are. */
int64_t syscall_unknown(uint64_t nr); /* a number that the table lacks: -ENOSYS */
void syscall_restarts(void);	      /* a call of the current task returned -ERESTART... */

#endif
