/* SPDX-License-Identifier: BSD-2-Clause */
/* Switching between tasks, FP/SIMD state, and the page of code that every program sees. */
#include <arch/asm.h>

	.arch	armv8-a+fp+simd
	.text

/* x0: the task that stops, x1: the one that goes on. Returns, on the other's stack, who stopped. */
func switch_context
	mov	x9, sp
	stp	x19, x20, [x0]
	stp	x21, x22, [x0, #16]
	stp	x23, x24, [x0, #32]
	stp	x25, x26, [x0, #48]
	stp	x27, x28, [x0, #64]
	stp	x29, x30, [x0, #80]
	str	x9, [x0, #96]
	ldp	x19, x20, [x1]
	ldp	x21, x22, [x1, #16]
	ldp	x23, x24, [x1, #32]
	ldp	x25, x26, [x1, #48]
	ldp	x27, x28, [x1, #64]
	ldp	x29, x30, [x1, #80]
	ldr	x9, [x1, #96]
	mov	sp, x9
	ret
endfunc switch_context

	.macro	each_fp_pair, insn
	\insn	q0, q1, [x0]
	\insn	q2, q3, [x0, #32]
	\insn	q4, q5, [x0, #64]
	\insn	q6, q7, [x0, #96]
	\insn	q8, q9, [x0, #128]
	\insn	q10, q11, [x0, #160]
	\insn	q12, q13, [x0, #192]
	\insn	q14, q15, [x0, #224]
	\insn	q16, q17, [x0, #256]
	\insn	q18, q19, [x0, #288]
	\insn	q20, q21, [x0, #320]
	\insn	q22, q23, [x0, #352]
	\insn	q24, q25, [x0, #384]
	\insn	q26, q27, [x0, #416]
	\insn	q28, q29, [x0, #448]
	\insn	q30, q31, [x0, #480]
	.endm

func arch_fp_save
	each_fp_pair stp
	mrs	x1, fpsr
	mrs	x2, fpcr
	add	x0, x0, #512
	stp	w1, w2, [x0]
	ret
endfunc arch_fp_save

func arch_fp_load
	each_fp_pair ldp
	add	x0, x0, #512
	ldp	w1, w2, [x0]
	msr	fpsr, x1
	msr	fpcr, x2
	ret
endfunc arch_fp_load

	/* Unwinders know a signal frame by these two instructions, and look at the one before. */
	.section .rodata.vdso, "a"
	.balign	4096
	.global	vdso_page
vdso_page:
	nop
	mov	x8, #139		/* __NR_rt_sigreturn */
	svc	#0
	.balign	4096
