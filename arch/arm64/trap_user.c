// SPDX-License-Identifier: BSD-2-Clause
/* Exceptions that a program takes: page faults, and what becomes a signal, as from Linux. */
#include <arch/sysreg.h>
#include <linux/signal.h>
#include <twofold/errno.h>
#include <twofold/explain.h>
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
		return FAULT_SIGNAL(SIGBUS, BUS_ADRALN, "misaligned");
	return FAULT_SIGNAL(SIGBUS, BUS_OBJERR, esr_fault_name(esr));
}

/* What a fault comes to: as mm_fault(), -EFAULT with *sig for those that never get there. */
static inline int handle_fault(uint64_t esr, uint64_t addr, struct fault_signal *sig)
{
	if (unlikely(FSC_TYPE(esr) > FSC_PERMISSION)) {
		*sig = hard_fault(esr);
		return -EFAULT;
	}
	if (unlikely(is_kernel_address(addr))) {
		*sig = FAULT_SIGNAL(SIGSEGV, SEGV_MAPERR, NULL);
		return -EFAULT;
	}
	return mm_fault(current->mm, addr, esr_access(esr), sig);
}

static enum mmu_access told_access(uint64_t esr)
{
	unsigned access = esr_access(esr);

	if (ESR_EC(esr) == EC_PC_ALIGN)
		return MMU_EXEC;
	return access & FAULT_EXEC ? MMU_EXEC : access & FAULT_WRITE ? MMU_WRITE : MMU_READ;
}

static struct fault_story story_of(uint64_t esr, uint64_t far, uint64_t va)
{
	unsigned class = ESR_EC(esr);
	bool is_abort = class != EC_PC_ALIGN && class != EC_SP_ALIGN;

	return (struct fault_story){
		.exception = esr_class_name(esr),
		.fault = is_abort ? esr_fault_name(esr) : "",
		.arm_level =
			is_abort && FSC_TYPE(esr) <= FSC_PERMISSION ? (int)(ESR_FSC(esr) % 4) : -1,
		.esr = esr,
		.far = far,
		.va = va,
		.access = told_access(esr),
		.user = class != EC_DABT_EL1,
		.misaligned = !is_abort || ESR_FSC(esr) == FSC_ALIGNMENT,
	};
}

static __attribute__((noinline)) int handle_fault_aloud(uint64_t esr, uint64_t far, uint64_t addr,
							struct fault_signal *sig)
{
	struct fault_story story = story_of(esr, far, far);
	int err;

	explain_before(&story);
	err = handle_fault(esr, addr, sig);
	explain_after(&story, err, sig);
	return err;
}

static inline uint64_t fault_address(uint64_t esr, uint64_t far)
{
	return esr & ESR_FNV ? 0 : untag(far);
}

int trap_fault(uint64_t esr, uint64_t far, struct fault_signal *sig)
{
	uint64_t addr = fault_address(esr, far);

	return unlikely(fault_is_explained()) ? handle_fault_aloud(esr, far, addr, sig)
					      : handle_fault(esr, addr, sig);
}

/* A PC or an SP that is not a multiple of 4, or of 16. */
static void alignment_fault(uint64_t esr, uint64_t far, uint64_t va)
{
	const struct fault_signal sig = FAULT_SIGNAL(SIGBUS, BUS_ADRALN, "misaligned");

	if (fault_is_explained()) {
		struct fault_story story = story_of(esr, far, va);

		explain_before(&story);
		explain_after(&story, -EFAULT, &sig);
	}
	signal_fault(SIGBUS, BUS_ADRALN, va);
}

/* What is not just a fault of one of the program's pages; or somebody wants to hear of it. */
static __attribute__((noinline)) void odd_fault(struct trapframe *tf, uint64_t esr, uint64_t far)
{
	struct fault_signal sig;

	if (trap_fault(esr, far, &sig) == -EFAULT)
		fault_signal(tf, esr, fault_address(esr, far), &sig);
}

void trap_user_fault(struct trapframe *tf, uint64_t esr, uint64_t far)
{
	struct fault_signal sig;

	if (unlikely(FSC_TYPE(esr) > FSC_PERMISSION || is_kernel_address(far) ||
		     fault_is_explained()))
		odd_fault(tf, esr, far);
	else if (unlikely(mm_fault(current->mm, untag(far), esr_access(esr), &sig) == -EFAULT))
		fault_signal(tf, esr, untag(far), &sig);
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
		alignment_fault(esr, far, far);
		break;
	case EC_SP_ALIGN:
		alignment_fault(esr, far, tf->sp);
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
