/* SPDX-License-Identifier: BSD-2-Clause */
/* A page's worth of zeros, a page's worth of copy: what most page faults spend their time on. */
#include <arch/asm.h>

#define PAGE_SIZE 4096

	.text

func clear_page
	mrs	x1, dczid_el0
	add	x2, x0, #PAGE_SIZE
	and	w1, w1, #0x1f		/* DZP, BS: log2 of words */
	cmp	w1, #4
	b.ne	2f
1:	.rept	16			/* 64 bytes each */
	dc	zva, x0
	add	x0, x0, #64
	.endr
	cmp	x0, x2
	b.lo	1b
	ret
2:	stp	xzr, xzr, [x0]		/* no DC ZVA here, or unusual blocks */
	stp	xzr, xzr, [x0, #16]
	stp	xzr, xzr, [x0, #32]
	stp	xzr, xzr, [x0, #48]
	add	x0, x0, #64
	cmp	x0, x2
	b.lo	2b
	ret
endfunc clear_page

/*
 * By SIMD registers, twice as wide as the others. They are the running program's: eight are borrowed
 * and given back. Nothing switches tasks meanwhile.
 */
func copy_page
	sub	sp, sp, #128
	stp	q0, q1, [sp]
	stp	q2, q3, [sp, #32]
	stp	q4, q5, [sp, #64]
	stp	q6, q7, [sp, #96]
	add	x2, x1, #PAGE_SIZE
	.macro	copy_128, at
	ldp	q0, q1, [x1, #\at]
	ldp	q2, q3, [x1, #\at + 32]
	ldp	q4, q5, [x1, #\at + 64]
	ldp	q6, q7, [x1, #\at + 96]
	stp	q0, q1, [x0, #\at]
	stp	q2, q3, [x0, #\at + 32]
	stp	q4, q5, [x0, #\at + 64]
	stp	q6, q7, [x0, #\at + 96]
	.endm
1:	.irp	at, 0, 128, 256, 384
	copy_128 \at
	.endr
	add	x1, x1, #512
	add	x0, x0, #512
	cmp	x1, x2
	b.lo	1b
	ldp	q0, q1, [sp]
	ldp	q2, q3, [sp, #32]
	ldp	q4, q5, [sp, #64]
	ldp	q6, q7, [sp, #96]
	add	sp, sp, #128
	ret
endfunc copy_page
