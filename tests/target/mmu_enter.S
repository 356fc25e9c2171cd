/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Accesses whose exception is the result: with vectors of their own, so that the kernel's handlers
 * see none of them. What runs in between changes x2 only.
 */
#include <arch/asm.h>

	.text
	.balign	2048
probe_vectors:
	.rept	16
	.balign	128
	b	probe_caught
	.endr

/* void mmu_probe_enter(struct probe_frame *): mmu_probe.c checks the offsets. */
func mmu_probe_enter
	mrs	x7, vbar_el1
	adr_l	x3, probe_vectors
	msr	vbar_el1, x3
	ldp	x1, x2, [x0]
	ldp	x3, x4, [x0, #16]
	msr	elr_el1, x3
	msr	spsr_el1, x4
	isb
	eret
probe_caught:
	mrs	x3, esr_el1
	mrs	x4, far_el1
	mrs	x5, elr_el1
	str	x2, [x0, #8]
	stp	x3, x4, [x0, #32]
	str	x5, [x0, #48]
	msr	vbar_el1, x7
	isb
	ret
endfunc mmu_probe_enter

	/* An access of [x1] by x2, and back; run here at EL1, from a copy at EL0. */
	.macro	stub, insn
	\insn	x2, [x1]
	svc	#0
	.endm

	.balign	8
	.global	mmu_stubs
mmu_stubs:
	stub	ldr
	stub	str
	stub	ldtr
	stub	sttr
