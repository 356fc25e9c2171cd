/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * panic(): keeps the registers that its caller had, before C code uses them, then goes on with
 * the same arguments. All but x16 and x17 stay as they were, and those a call may change anyway
 * (AAPCS64 6.1.1).
 */
#include <arch/asm.h>

	.text
func panic
	mrs	x16, tpidr_el1
	ldr	w16, [x16, #:lo12:CPU_ID]
	mov	x17, #TRAPFRAME_SIZE
	mul	x16, x16, x17
	adr_l	x17, panic_frames
	add	x16, x16, x17
	stp	x0, x1, [x16]
	stp	x2, x3, [x16, #16]
	stp	x4, x5, [x16, #32]
	stp	x6, x7, [x16, #48]
	stp	x8, x9, [x16, #64]
	stp	x10, x11, [x16, #80]
	stp	x12, x13, [x16, #96]
	stp	x14, x15, [x16, #112]
	stp	xzr, xzr, [x16, #128]
	stp	x18, x19, [x16, #144]
	stp	x20, x21, [x16, #160]
	stp	x22, x23, [x16, #176]
	stp	x24, x25, [x16, #192]
	stp	x26, x27, [x16, #208]
	stp	x28, x29, [x16, #224]
	mov	x9, sp
	stp	x30, x9, [x16, #240]
	sub	x9, x30, #4			/* the call */
	/* PSTATE as an exception would save it: each part comes at its place in SPSR_EL1. */
	mrs	x10, nzcv
	mrs	x11, daif
	orr	x10, x10, x11
	mrs	x11, CurrentEL
	orr	x10, x10, x11
	mrs	x11, spsel
	orr	x10, x10, x11
	stp	x9, x10, [x16, #TF_PC]
	b	panic_with_frame
endfunc panic
