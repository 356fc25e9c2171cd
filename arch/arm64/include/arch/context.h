/* SPDX-License-Identifier: BSD-2-Clause */
/* What the CPU's state looks like in memory: a trap's, a switched-out task's, a task's FP/SIMD. */
#ifndef ARCH_CONTEXT_H
#define ARCH_CONTEXT_H

#include <twofold/types.h>

struct task;

/* Pushed on the kernel stack by the vectors (entry.S knows the offsets). */
struct trapframe {
	uint64_t x[31];
	uint64_t sp;	  /* SP_EL0, or the kernel's own before the trap */
	uint64_t pc;	  /* ELR_EL1 */
	uint64_t pstate;  /* SPSR_EL1 */
	uint64_t orig_x0; /* a system call's first argument, for restarting it */
	uint64_t syscall; /* x8, or -1 when not in a system call */
};

/* Callee-saved registers and what a user thread has outside the trapframe. */
struct arch_context {
	uint64_t x19_x28[10], fp, lr, sp;
	uint64_t tls; /* TPIDR_EL0 */
};

struct arch_fpstate {
	__uint128_t v[32];
	uint32_t fpsr, fpcr;
};

/* Saves the callee-saved state in *from and resumes *to; returns when somebody resumes *from, with
 * the task that ran before us on this core. FP/SIMD, TLS and the user's tables are switched by
 * arch_switch(). */
struct task *switch_context(struct task *from, struct task *to);
/* Everything of a switch: FP/SIMD and TLS of user threads, mmu_switch(), this_cpu()->current,
 * stack. */
struct task *arch_switch(struct task *from, struct task *to);
/* Prepares a new task's context: a kernel thread that calls kthread_start(), ... */
void arch_init_kthread(struct task *t);
/* ... or a user thread that returns to EL0 with a copy of `tf` (x0 = 0; sp and tls replaced if not
 * 0). */
void arch_init_user(struct task *t, const struct trapframe *tf, uint64_t sp, uint64_t tls,
		    bool set_tls);
/* The trapframe of a task that entered from EL0: at the top of its stack. */
struct trapframe *task_trapframe(struct task *t);
/* exec: registers zeroed, entry and stack set, FP/SIMD and TLS reset; current task. */
void arch_exec(struct trapframe *tf, uint64_t entry, uint64_t sp);
void arch_fp_save(struct arch_fpstate *fp); /* the current registers */
void arch_fp_load(const struct arch_fpstate *fp);
/* First code of new tasks, in kernel/sched.c: finishes the switch, then calls the thread's function
 * or returns. */
void sched_switch_done(struct task *prev);
void kthread_start(struct task *prev);
/* The first jump to EL0 of the boot: counts what boot cost, once. */
void boot_done(void);

/* Signal frames (arch/arm64/signal.c), laid out as Linux's rt_sigframe. -EFAULT: the stack is bad.
 */
struct sigaction_k;
int arch_signal_frame(struct trapframe *tf, int sig, const struct sigaction_k *action,
		      const void *siginfo, uint64_t mask);
int arch_sigreturn(struct trapframe *tf, uint64_t *mask); /* the new x0 is in tf; -EFAULT */
/* A page of user code in the image (image_pa()): the signal trampoline, each program's [vdso]. */
const void *arch_vdso_page(void);

/* panic() (arch/arm64/panic.S) puts its caller's registers into its core's frame, all but x16, x17
 * and what the call itself changed, and goes on here. */
extern struct trapframe panic_frames[];
void panic_with_frame(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));
/* panic(), for an exception: the registers and call chain are the trapframe's. */
void panic_trap(const struct trapframe *tf, const char *fmt, ...)
	__attribute__((format(printf, 2, 3), noreturn));
/* Call chain of a trapframe, symbolised, to the log. */
void backtrace(const struct trapframe *tf);
void show_registers(const struct trapframe *tf);
/* This core's, about translation and its last exception. */
void show_system_registers(void);
/* "symbol+0x12/0x80" for a kernel text address. */
const char *ksym_name(uint64_t addr, char *buf, size_t size);

/* Bring-up (arch/arm64/smp.c): starts the other cores as `machine` says; returns when each is
 * online or has failed to (logged). They run secondary_main() (kernel/main.c); one counts as online
 * when its sched_init_cpu() has set cpu->idle. */
void smp_start(void);
void __noreturn secondary_main(void);
/* CPU name, features for the boot log and /proc/cpuinfo. */
bool cpu_has_pan(void);
bool cpu_has_hafdbs(void);
bool cpu_has_haf(void); /* sets the accessed flag itself, if not the dirty state */
uint64_t cpu_midr(unsigned cpu);
uint64_t cpu_hwcap(void);

#endif
