// SPDX-License-Identifier: BSD-2-Clause
/* Tasks as the machine sees them: how one starts, and what is switched besides the stack. */
#include <arch/sysreg.h>
#include <twofold/log.h>
#include <twofold/string.h>
#include <twofold/task.h>

void ret_from_fork(void); /* entry.S */

struct trapframe *task_trapframe(struct task *t)
{
	return (struct trapframe *)((char *)t->stack + KSTACK_SIZE) - 1;
}

/* A kernel thread uses no FP registers: a program's stay where they are until the next program. */
struct task *arch_switch(struct task *from, struct task *to)
{
	if (from->fp) {
		arch_fp_save(from->fp);
		from->ctx.tls = read_sysreg(tpidr_el0);
	}
	if (to->fp) {
		arch_fp_load(to->fp);
		write_sysreg(tpidr_el0, to->ctx.tls);
	}
	if (from->mm != to->mm)
		mmu_switch(to->mm ? &to->mm->pt : NULL);
	current = to;
	return switch_context(from, to);
}

void arch_init_kthread(struct task *t)
{
	t->ctx = (struct arch_context){
		.lr = (uintptr_t)kthread_start,
		.sp = (uintptr_t)task_trapframe(t),
	};
}

void arch_init_user(struct task *t, const struct trapframe *tf, uint64_t sp, uint64_t tls,
		    bool set_tls)
{
	struct trapframe *frame = task_trapframe(t);

	if (!set_tls)
		tls = current->fp ? read_sysreg(tpidr_el0) : 0;
	*frame = *tf;
	frame->x[0] = 0;
	if (sp)
		frame->sp = sp;
	t->ctx = (struct arch_context){
		.lr = (uintptr_t)ret_from_fork,
		.sp = (uintptr_t)frame,
		.tls = tls,
	};
}

void arch_exec(struct trapframe *tf, uint64_t entry, uint64_t sp)
{
	*tf = (struct trapframe){.pc = entry, .sp = sp, .syscall = ~0ull};
	memset(current->fp, 0, sizeof(*current->fp));
	arch_fp_load(current->fp);
	write_sysreg(tpidr_el0, 0);
}

/* CNTVCT_EL0 counts from reset; what firmware or the host kept is not ours to subtract. */
void boot_done(void)
{
	static bool done;
	uint64_t count, hz;

	if (likely(done))
		return;
	done = true;
	count = cycle_counter();
	hz = cycle_hz();
	pr_info("boot: %llu ns to EL0 (instructions under ICOUNT=1)",
		(unsigned long long)(count / hz * NSEC_PER_SEC + count % hz * NSEC_PER_SEC / hz));
}
