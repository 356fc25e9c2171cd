// SPDX-License-Identifier: BSD-2-Clause
/* Exceptions that a program takes: page faults, and what becomes a signal, as from Linux. */
#include <arch/sysreg.h>
#include <linux/signal.h>
#include <twofold/errno.h>
#include <twofold/log.h>
#include <twofold/task.h>

#include "trap.h"

static const char *access_name(uint64_t esr)
{
	unsigned access = esr_access(esr);

	return access & FAULT_EXEC ? "exec" : access & FAULT_WRITE ? "write" : "read";
}

static const char *reason(const struct fault_signal *sig)
{
	if (sig->signo == SIGSEGV)
		return sig->code == SEGV_ACCERR ? "no permission" : "no mapping";
	return sig->why ? sig->why : "no memory there";
}

/* One line for a program that will die of it. */
static void fault_signal(const struct trapframe *tf, uint64_t esr, uint64_t addr,
			 const struct fault_signal *sig)
{
	if (signal_is_default(sig->signo))
		pr_info("%s[%d]: %s at %lx pc %lx sp %lx: %s, %s", current->comm,
			current->process->pid, sig->signo == SIGSEGV ? "segfault" : "bus error",
			(unsigned long)addr, (unsigned long)tf->pc, (unsigned long)tf->sp,
			access_name(esr), reason(sig));
	signal_fault(sig->signo, sig->code, addr);
}

/* Aborts that no page table can help. */
static struct fault_signal hard_fault(uint64_t esr)
{
	if (ESR_FSC(esr) == FSC_ALIGNMENT)
		return (struct fault_signal){SIGBUS, BUS_ADRALN, "misaligned"};
	return (struct fault_signal){SIGBUS, BUS_OBJERR, esr_fault_name(esr)};
}

void trap_user_fault(struct trapframe *tf, uint64_t esr, uint64_t addr)
{
	struct fault_signal sig = {SIGSEGV, SEGV_MAPERR, NULL};

	if (esr & ESR_FNV)
		addr = 0;
	addr = untag(addr);
	if (FSC_TYPE(esr) > FSC_PERMISSION)
		sig = hard_fault(esr);
	else if (!is_kernel_address(addr) &&
		 mm_fault(current->mm, addr, esr_access(esr), &sig) != -EFAULT)
		return;
	fault_signal(tf, esr, addr, &sig);
}

/* FP exceptions that were trapped: the ISS says which (TFV, then one bit each). */
static int fp_code(uint64_t esr)
{
	if (!(esr & BIT(23)))
		return FPE_FLTUNK;
	if (esr & BIT(0))
		return FPE_FLTINV;
	if (esr & BIT(1))
		return FPE_FLTDIV;
	if (esr & BIT(2))
		return FPE_FLTOVF;
	if (esr & BIT(3))
		return FPE_FLTUND;
	return esr & BIT(4) ? FPE_FLTRES : FPE_FLTUNK;
}

void trap_el0_sync(struct trapframe *tf, uint64_t esr, uint64_t far)
{
	switch (ESR_EC(esr)) {
	case EC_IABT_EL0:
	case EC_DABT_EL0:
		trap_user_fault(tf, esr, far);
		break;
	case EC_PC_ALIGN:
		signal_fault(SIGBUS, BUS_ADRALN, far);
		break;
	case EC_SP_ALIGN:
		signal_fault(SIGBUS, BUS_ADRALN, tf->sp);
		break;
	case EC_FP_EXC32:
	case EC_FP_EXC64:
		signal_fault(SIGFPE, fp_code(esr), tf->pc);
		break;
	case EC_BREAKPOINT_EL0:
	case EC_WATCHPOINT_EL0:
		signal_fault(SIGTRAP, TRAP_HWBKPT, tf->pc);
		break;
	case EC_STEP_EL0:
		signal_fault(SIGTRAP, TRAP_TRACE, tf->pc);
		break;
	case EC_BKPT32:
	case EC_BRK64:
		signal_fault(SIGTRAP, TRAP_BRKPT, tf->pc);
		break;
	default: /* undefined, a trapped register, an illegal state */
		signal_fault(SIGILL, ILL_ILLOPC, tf->pc);
	}
}
