/* SPDX-License-Identifier: BSD-2-Clause */
/* Exception syndromes (Arm ARM D19.2.40, ESR_EL1), and what the trap code shares. */
#ifndef ARM64_TRAP_H
#define ARM64_TRAP_H

#include <arch/context.h>
#include <twofold/vm.h>

#define ESR_EC(esr) ((unsigned)((esr) >> 26) & 0x3f)
#define ESR_FSC(esr) ((unsigned)(esr)&0x3f)
#define ESR_WNR BIT(6)	/* data abort by a write */
#define ESR_CM BIT(8)	/* by cache maintenance, which counts as a write and is none */
#define ESR_FNV BIT(10) /* FAR_EL1 is not valid */

enum esr_class {
	EC_UNKNOWN = 0x00,
	EC_FP = 0x07,
	EC_ILLEGAL_STATE = 0x0e,
	EC_SYSREG = 0x18,
	EC_IABT_EL0 = 0x20,
	EC_IABT_EL1 = 0x21,
	EC_PC_ALIGN = 0x22,
	EC_DABT_EL0 = 0x24,
	EC_DABT_EL1 = 0x25,
	EC_SP_ALIGN = 0x26,
	EC_FP_EXC32 = 0x28,
	EC_FP_EXC64 = 0x2c,
	EC_SERROR = 0x2f,
	EC_BREAKPOINT_EL0 = 0x30,
	EC_STEP_EL0 = 0x32,
	EC_WATCHPOINT_EL0 = 0x34,
	EC_BKPT32 = 0x38,
	EC_BRK64 = 0x3c,
};

/* Fault status codes without their level. */
#define FSC_TYPE(esr) (ESR_FSC(esr) & 0x3c)
#define FSC_ADDRESS_SIZE 0x00
#define FSC_TRANSLATION 0x04
#define FSC_ACCESS_FLAG 0x08
#define FSC_PERMISSION 0x0c
#define FSC_ALIGNMENT 0x21

/* What the syndrome says, in words. */
const char *esr_class_name(uint64_t esr);
const char *esr_fault_name(uint64_t esr);

/* Where to go on after a fault at `pc`, or 0. *probe: not an access to user memory at all. */
uint64_t extable_find(uint64_t pc, bool *probe);

/* From entry.S. */
void trap_el0_sync(struct trapframe *tf, uint64_t esr, uint64_t far);
void trap_el1_sync(struct trapframe *tf, uint64_t esr, uint64_t far);
void trap_stack_overflow(struct trapframe *tf, uint64_t far) __attribute__((noreturn));
void trap_bad(struct trapframe *tf, unsigned vector, uint64_t esr, uint64_t far)
	__attribute__((noreturn));
/* trap_user.c: an abort, by a program or in a system call: as mm_fault(), and -EFAULT for those
 * that never get there. Told, where somebody wants to hear of it. Interrupts on; sleeps. */
int trap_fault(uint64_t esr, uint64_t far, struct fault_signal *sig);

/* How an abort accessed memory, as mm_fault() wants it. */
static inline unsigned esr_access(uint64_t esr)
{
	unsigned access = esr & ESR_WNR ? FAULT_WRITE : 0; /* RES0 for an instruction abort */

	if (unlikely(esr & ESR_CM))
		access = 0;
	if (FSC_TYPE(esr) == FSC_ACCESS_FLAG)
		access |= FAULT_ACCESS_FLAG;
	if (ESR_EC(esr) == EC_IABT_EL0)
		access |= FAULT_EXEC;
	return access;
}

/* A program's address without its tag (top byte ignored: TCR_EL1.TBI0); bit 55 tells the half. */
static inline uint64_t untag(uint64_t addr)
{
	return (uint64_t)((int64_t)(addr << 8) >> 8);
}

static inline bool is_kernel_address(uint64_t addr)
{
	return addr >> 55 & 1;
}

#endif
