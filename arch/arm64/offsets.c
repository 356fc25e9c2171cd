// SPDX-License-Identifier: BSD-2-Clause
/* Struct offsets for assembly, as absolute symbols: `ldr x0, [x1, :lo12:TASK_STACK]`. */
#include <arch/asm.h>
#include <arch/context.h>
#include <arch/cpu.h>
#include <twofold/task.h>

_Static_assert(sizeof(struct trapframe) == TRAPFRAME_SIZE, "trapframe");
_Static_assert(offsetof(struct trapframe, sp) == TF_SP, "trapframe");
_Static_assert(offsetof(struct trapframe, pc) == TF_PC, "trapframe");
_Static_assert(offsetof(struct trapframe, pstate) == TF_PSTATE, "trapframe");
_Static_assert(offsetof(struct trapframe, orig_x0) == TF_ORIG_X0, "trapframe");
_Static_assert(offsetof(struct trapframe, syscall) == TF_SYSCALL, "trapframe");
_Static_assert(offsetof(struct task, ctx) == 0, "switch_context() takes a task for its context");
_Static_assert(offsetof(struct arch_context, sp) == 96, "switch_context()");
_Static_assert(offsetof(struct arch_fpstate, fpsr) == 512, "arch_fp_save()");
_Static_assert(offsetof(struct task, work) < 4096, "one load reaches it");
_Static_assert(offsetof(struct cpu, curr) == 0, "entry.S");
_Static_assert(offsetof(struct cpu, scratch) == CPU_SCRATCH, "entry.S");

#define OFFSET(name, value) __asm__ volatile(".global " #name "\n.set " #name ", %c0" ::"i"(value))

/* Never called, and dropped from the image: the symbols stay. */
void arch_offsets(void);
void arch_offsets(void)
{
	OFFSET(TASK_STACK, offsetof(struct task, stack));
	OFFSET(TASK_WORK, offsetof(struct task, work));
	OFFSET(CPU_ID, offsetof(struct cpu, id));
	OFFSET(CPU_MPIDR, offsetof(struct cpu, mpidr));
	OFFSET(CPU_BOOT_STACK, offsetof(struct cpu, boot_stack));
	OFFSET(CPU_NEED_RESCHED, offsetof(struct cpu, need_resched));
	OFFSET(CPU_SIZE, sizeof(struct cpu));
}
