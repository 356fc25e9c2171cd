// SPDX-License-Identifier: BSD-2-Clause
/* Exceptions that the kernel itself takes: user accesses that fault, and its own mistakes. */
#include <arch/irqflags.h>
#include <arch/sysreg.h>
#include <twofold/log.h>
#include <twofold/task.h>
#include <twofold/vmalloc.h>

#include "trap.h"

#define PSTATE_I BIT(7)

static void __noreturn panic_abort(const struct trapframe *tf, uint64_t esr, uint64_t far)
{
	const char *access = esr & ESR_WNR ? "write" : "read";
	const char *range = is_kernel_address(far) ? vmalloc_describe(VADDR(far)) : NULL;

	if (ESR_EC(esr) == EC_IABT_EL1)
		access = "execution";
	panic_trap(tf, "kernel %s of %#lx: level %u %s, ESR %#lx%s%s%s",
		   access, (unsigned long)far, ESR_FSC(esr) % 4, esr_fault_name(esr),
		   (unsigned long)esr, range ? " (" : "", range ? range : "", range ? ")" : "");
}

/* A checked routine touched user memory. 0: it may try again. */
static int user_access_fault(const struct trapframe *tf, uint64_t esr, uint64_t addr)
{
	struct fault_signal sig;
	int err;

	if (is_kernel_address(addr) || FSC_TYPE(esr) > FSC_PERMISSION || !current->mm)
		return -1;
	/* With interrupts masked it could not sleep, and would read as a hang. */
	if (tf->pstate & PSTATE_I)
		panic_abort(tf, esr, addr);
	irq_enable();
	err = trap_fault(esr, addr, &sig);
	irq_disable();
	return err;
}

void trap_el1_sync(struct trapframe *tf, uint64_t esr, uint64_t far)
{
	bool probe;
	uint64_t fixup = extable_find(tf->pc, &probe);

	if (ESR_EC(esr) == EC_UNKNOWN && fixup) { /* HLT, with no semihosting listener */
		tf->pc = fixup;
		return;
	}
	if (ESR_EC(esr) == EC_DABT_EL1 && fixup) {
		if (probe || user_access_fault(tf, esr, far))
			tf->pc = fixup;
		return;
	}
	if (ESR_EC(esr) == EC_DABT_EL1 || ESR_EC(esr) == EC_IABT_EL1)
		panic_abort(tf, esr, far);
	panic_trap(tf, "kernel %s, ESR %#lx", esr_class_name(esr), (unsigned long)esr);
}

void trap_stack_overflow(struct trapframe *tf, uint64_t far)
{
	panic_trap(tf, "kernel stack overflow: sp %#lx, stack %p to %p, fault at %#lx",
		   (unsigned long)tf->sp, current->stack, (char *)current->stack + KSTACK_SIZE,
		   (unsigned long)far);
}

void trap_bad(struct trapframe *tf, unsigned vector, uint64_t esr, uint64_t far)
{
	static const char *const kinds[] = {"synchronous exception", "IRQ", "FIQ", "SError"};
	static const char *const origins[] = {"EL1 on SP_EL0", "EL1", "EL0", "AArch32 EL0"};

	panic_trap(tf, "unexpected %s from %s: %s, ESR %#lx, FAR %#lx", kinds[vector % 4],
		   origins[vector / 4 % 4], esr_class_name(esr), (unsigned long)esr,
		   (unsigned long)far);
}
