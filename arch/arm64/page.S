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

func copy_page
	add	x18, x1, #PAGE_SIZE
1:	.rept	2
	ldp	x2, x3, [x1]
	ldp	x4, x5, [x1, #16]
	ldp	x6, x7, [x1, #32]
	ldp	x8, x9, [x1, #48]
	ldp	x10, x11, [x1, #64]
	ldp	x12, x13, [x1, #80]
	ldp	x14, x15, [x1, #96]
	ldp	x16, x17, [x1, #112]
	stp	x2, x3, [x0]
	stp	x4, x5, [x0, #16]
	stp	x6, x7, [x0, #32]
	stp	x8, x9, [x0, #48]
	stp	x10, x11, [x0, #64]
	stp	x12, x13, [x0, #80]
	stp	x14, x15, [x0, #96]
	stp	x16, x17, [x0, #112]
	add	x1, x1, #128
	add	x0, x0, #128
	.endr
	cmp	x1, x18
	b.lo	1b
	ret
endfunc copy_page
