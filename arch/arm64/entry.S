/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Exceptions: the vectors, and the way back. The trapframe lies on the kernel stack; coming from
 * EL0 that is its very top, for the way to EL0 leaves the stack empty.
 */
#include <arch/asm.h>
#include <twofold/errno.h>

	/* x0 to x29 and their place in the frame. */
	.macro	each_pair, insn
	\insn	x0, x1, [sp]
	\insn	x2, x3, [sp, #16]
	\insn	x4, x5, [sp, #32]
	\insn	x6, x7, [sp, #48]
	\insn	x8, x9, [sp, #64]
	\insn	x10, x11, [sp, #80]
	\insn	x12, x13, [sp, #96]
	\insn	x14, x15, [sp, #112]
	\insn	x16, x17, [sp, #128]
	\insn	x18, x19, [sp, #144]
	\insn	x20, x21, [sp, #160]
	\insn	x22, x23, [sp, #176]
	\insn	x24, x25, [sp, #192]
	\insn	x26, x27, [sp, #208]
	\insn	x28, x29, [sp, #224]
	.endm

	.macro	save_registers
	sub	sp, sp, #TRAPFRAME_SIZE
	each_pair stp
	.endm

	/* The rest of the frame; x21: the stack pointer before. Clobbers x22, x23. */
	.macro	save_state
	mrs	x22, elr_el1
	mrs	x23, spsr_el1
	stp	x30, x21, [sp, #240]
	stp	x22, x23, [sp, #TF_PC]
	.endm

	.macro	from_el0
	mrs	x21, sp_el0
	save_state
	mov	x29, xzr		/* call chains end here */
	.endm

	.macro	from_el1
	add	x21, sp, #TRAPFRAME_SIZE
	save_state
	mov	x24, #-1
	str	x24, [sp, #TF_SYSCALL]
	.endm

	/* Interrupts masked. SP_EL0 comes back only where it is the program's. */
	.macro	restore_and_return, el
	ldp	x22, x23, [sp, #TF_PC]
	ldp	x30, x21, [sp, #240]
	msr	elr_el1, x22
	msr	spsr_el1, x23
	.if	\el == 0
	msr	sp_el0, x21
	.endif
	each_pair ldp
	add	sp, sp, #TRAPFRAME_SIZE
	eret
	dsb	nsh			/* no speculation past ERET */
	isb
	.endm

	.macro	vector, target
	.balign	128
	save_registers
	b	\target
	.endm

	.macro	bad, what
	.balign	128
	save_registers
	add	x21, sp, #TRAPFRAME_SIZE
	mov	x1, #\what
	b	bad_exception
	.endm

	.text
	.balign	2048
	.global	vectors
vectors:
	bad	0			/* with SP_EL0, which the kernel never uses */
	bad	1
	bad	2
	bad	3
	.balign	128
	b	el1_sync
	vector	el1_irq
	bad	6
	bad	7
	vector	el0_sync
	vector	el0_irq
	bad	10
	bad	11
	bad	12			/* AArch32 */
	bad	13
	bad	14
	bad	15

bad_exception:
	save_state
	mov	x0, sp
	mrs	x2, esr_el1
	mrs	x3, far_el1
	bl	trap_bad

/*
 * How one gets here: docs/boot.md. Calls and data aborts, most of all there is, go their way at
 * once: ESR_EL1.EC (bits 31:26) 0x15, 0x24. A call finds its arguments where the program put them.
 */
el0_sync:
	from_el0
	mrs	x9, esr_el1
	lsr	w10, w9, #26
	cmp	w10, #0x15
	b.ne	el0_fault
	stp	x0, x8, [sp, #TF_ORIG_X0]
	msr	daifclr, #7
	cmp	x8, #NR_CALLS
	b.hs	1f
	adr_l	x10, syscalls
	ldr	x10, [x10, x8, lsl #3]
	cbz	x10, 1f
	blr	x10
2:	str	x0, [sp]
	add	x1, x0, #ERESTART_RESTARTBLOCK
	cmp	x1, #(ERESTART_RESTARTBLOCK - ERESTARTSYS)
	b.hi	ret_to_user
	bl	syscall_restarts
	b	ret_to_user
1:	mov	x0, x8
	bl	syscall_unknown
	b	2b

el0_fault:
	mov	x24, #-1
	str	x24, [sp, #TF_SYSCALL]
	mov	x0, sp
	mov	x1, x9
	mrs	x2, far_el1
	msr	daifclr, #7
	cmp	w10, #0x24
	b.ne	1f
	bl	trap_user_fault
	b	ret_to_user
1:	bl	trap_el0_sync
	b	ret_to_user

el0_irq:
	from_el0
	mov	x24, #-1
	str	x24, [sp, #TF_SYSCALL]
	bl	irq_entry
	b	ret_to_user

/* A new user thread's first code: x0 is the task that ran before, the stack holds its trapframe. */
func ret_from_fork
	mov	x29, xzr
	bl	sched_switch_done
	bl	boot_done
	/* Falls through. */
endfunc ret_from_fork
	mov	x29, xzr
func ret_to_user
	msr	daifset, #3
	mrs	x0, tpidr_el1
	ldr	x1, [x0]
	ldrb	w2, [x0, #:lo12:CPU_NEED_RESCHED]
	ldrb	w3, [x1, #:lo12:TASK_WORK]
	orr	w2, w2, w3
	cbnz	w2, 1f
	restore_and_return 0
1:	msr	daifclr, #3
	mov	x0, sp
	bl	task_work
	b	ret_to_user
endfunc ret_to_user

el1_irq:
	from_el1
	bl	irq_entry
	restore_and_return 1

/*
 * Has the stack run into its guard page? Then pushing would fault again, without end. SP_EL0 is
 * saved already and so is free, and so are this core's scratch words.
 */
el1_sync:
	msr	sp_el0, x0
	mrs	x0, tpidr_el1
	str	x1, [x0, #CPU_SCRATCH]
	ldr	x1, [x0]
	cbz	x1, 1f			/* before there are tasks */
	ldr	x1, [x1, #:lo12:TASK_STACK]
	sub	x1, sp, x1
	add	x1, x1, #(4096 - TRAPFRAME_SIZE)
	lsr	x1, x1, #12
	cbz	x1, el1_overflow
1:	ldr	x1, [x0, #CPU_SCRATCH]
	mrs	x0, sp_el0
	save_registers
	from_el1
	mov	x0, sp
	mrs	x1, esr_el1
	mrs	x2, far_el1
	bl	trap_el1_sync
	msr	daifset, #3
	restore_and_return 1

el1_overflow:
	str	x2, [x0, #CPU_SCRATCH + 8]
	mov	x1, sp
	str	x1, [x0, #CPU_SCRATCH + 16]
	ldr	w1, [x0, #:lo12:CPU_ID]
	adr_l	x2, emergency_stacks+EMERGENCY_STACK
	add	x2, x2, x1, lsl #EMERGENCY_SHIFT
	mov	sp, x2
	ldr	x2, [x0, #CPU_SCRATCH + 8]
	ldr	x1, [x0, #CPU_SCRATCH]
	mrs	x0, sp_el0
	save_registers
	mrs	x24, tpidr_el1
	ldr	x21, [x24, #CPU_SCRATCH + 16]
	save_state
	mov	x0, sp
	mrs	x1, far_el1
	bl	trap_stack_overflow
