/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * User memory, byte for byte as EL0 itself may: LDTR and STTR. A stretch of code that may fault
 * for good is named in .ex_table with where to go on then. A block that faults is tried again
 * byte by byte, so that what is left is exact.
 */
#include <arch/asm.h>

#define EFAULT 14
#define EAGAIN 11

	/* [start, end) may fault; arch/arm64/extable.c reads this. probe = 1: not a user access. */
	.macro	guard, start, end, fixup, probe=0
	.pushsection .ex_table, "a"
	.long	\start - ., \end - ., \fixup - . + \probe
	.popsection
	.endm

	.text

/* size_t user_copy_in(void *to, uptr_t from, size_t n): bytes that could not be read. */
func user_copy_in
	subs	x2, x2, #64
	b.lo	3f
1:	ldtr	x3, [x1]
	ldtr	x4, [x1, #8]
	ldtr	x5, [x1, #16]
	ldtr	x6, [x1, #24]
	ldtr	x7, [x1, #32]
	ldtr	x8, [x1, #40]
	ldtr	x9, [x1, #48]
	ldtr	x10, [x1, #56]
2:	stp	x3, x4, [x0]
	stp	x5, x6, [x0, #16]
	stp	x7, x8, [x0, #32]
	stp	x9, x10, [x0, #48]
	add	x1, x1, #64
	add	x0, x0, #64
	subs	x2, x2, #64
	b.hs	1b
3:	add	x2, x2, #64
4:	subs	x2, x2, #8
	b.lo	7f
5:	ldtr	x3, [x1]
6:	str	x3, [x0], #8
	add	x1, x1, #8
	b	4b
7:	add	x2, x2, #8
	cbz	x2, 10f
8:	ldtrb	w3, [x1]
9:	strb	w3, [x0], #1
	add	x1, x1, #1
	subs	x2, x2, #1
	b.ne	8b
10:	mov	x0, x2
	ret
11:	add	x2, x2, #64
	b	8b
	guard	1b, 2b, 11b
	guard	5b, 6b, 7b
	guard	8b, 9b, 10b
endfunc user_copy_in

/* size_t user_copy_out(uptr_t to, const void *from, size_t n): bytes that could not be written. */
func user_copy_out
	subs	x2, x2, #64
	b.lo	3f
1:	ldp	x3, x4, [x1]
	ldp	x5, x6, [x1, #16]
	ldp	x7, x8, [x1, #32]
	ldp	x9, x10, [x1, #48]
2:	sttr	x3, [x0]
	sttr	x4, [x0, #8]
	sttr	x5, [x0, #16]
	sttr	x6, [x0, #24]
	sttr	x7, [x0, #32]
	sttr	x8, [x0, #40]
	sttr	x9, [x0, #48]
	sttr	x10, [x0, #56]
12:	add	x1, x1, #64
	add	x0, x0, #64
	subs	x2, x2, #64
	b.hs	1b
3:	add	x2, x2, #64
4:	subs	x2, x2, #8
	b.lo	7f
	ldr	x3, [x1]
5:	sttr	x3, [x0]
6:	add	x1, x1, #8
	add	x0, x0, #8
	b	4b
7:	add	x2, x2, #8
	cbz	x2, 10f
8:	ldrb	w3, [x1], #1
9:	sttrb	w3, [x0]
13:	add	x0, x0, #1
	subs	x2, x2, #1
	b.ne	8b
10:	mov	x0, x2
	ret
11:	add	x2, x2, #64
	b	8b
	guard	2b, 12b, 11b
	guard	5b, 6b, 7b
	guard	9b, 13b, 10b
endfunc user_copy_out

/* size_t user_clear(uptr_t to, size_t n): bytes that could not be cleared. */
func user_clear
	subs	x1, x1, #64
	b.lo	3f
1:	.irp	at, 0, 8, 16, 24, 32, 40, 48, 56
	sttr	xzr, [x0, #\at]
	.endr
2:	add	x0, x0, #64
	subs	x1, x1, #64
	b.hs	1b
3:	add	x1, x1, #64
4:	subs	x1, x1, #8
	b.lo	7f
5:	sttr	xzr, [x0]
6:	add	x0, x0, #8
	b	4b
7:	add	x1, x1, #8
	cbz	x1, 10f
8:	sttrb	wzr, [x0]
9:	add	x0, x0, #1
	subs	x1, x1, #1
	b.ne	8b
10:	mov	x0, x1
	ret
11:	add	x1, x1, #64
	b	8b
	guard	1b, 2b, 11b
	guard	5b, 6b, 7b
	guard	8b, 9b, 10b
endfunc user_clear

/*
 * ssize_t user_strncpy(char *to, uptr_t from, size_t size): length, size if no NUL, -EFAULT. Eight
 * bytes at a time where they lie in one page, so that none past the string's own pages is touched;
 * what follows the NUL in them is copied too, inside the buffer.
 */
func user_strncpy
	mov	x3, xzr
	mov	x6, #0x0101010101010101
1:	add	x5, x1, x3
	and	x7, x5, #0xfff
	sub	x8, x2, x3
	cmp	x7, #0xff8
	ccmp	x8, #8, #0, ls		/* not in one page: as if fewer than 8 were left */
	b.lo	4f
2:	ldtr	x4, [x5]
3:	str	x4, [x0, x3]
	sub	x7, x4, x6		/* bit 7 of the first byte that is 0, and maybe of later */
	bic	x7, x7, x4		/* ones, is left over */
	ands	x7, x7, x6, lsl #7
	add	x3, x3, #8
	b.eq	1b
	rbit	x7, x7
	clz	x7, x7
	sub	x3, x3, #8
	add	x0, x3, x7, lsr #3
	ret
4:	cbz	x8, 7f
5:	ldtrb	w4, [x5]
6:	strb	w4, [x0, x3]
	cbz	w4, 7f
	add	x3, x3, #1
	b	1b
7:	mov	x0, x3
	ret
	guard	2b, 3b, user_fault
	guard	5b, 6b, user_fault
endfunc user_strncpy

user_fault:
	mov	x0, #-EFAULT
	ret

	/* int get_user_uN(uintN_t *value, uptr_t from), put_user_uN(uptr_t to, uintN_t value) */
	.macro	accessors, bits, reg
func get_user_u\bits
1:	ldtr	\reg, [x1]
2:	str	\reg, [x0]
	mov	x0, xzr
	ret
	guard	1b, 2b, user_fault
endfunc get_user_u\bits
	.endm
	.macro	put_accessors, bits, reg
func put_user_u\bits
1:	sttr	\reg, [x0]
2:	mov	x0, xzr
	ret
	guard	1b, 2b, user_fault
endfunc put_user_u\bits
	.endm
	accessors 32, w2
	accessors 64, x2
	put_accessors 32, w1
	put_accessors 64, x1

/* int user_cmpxchg(uint64_t at, uint32_t old, uint32_t new, uint32_t *seen); PAN is off. */
func user_cmpxchg
1:	ldxr	w4, [x0]
	cmp	w4, w1
	b.ne	2f
	stlxr	w5, w2, [x0]
	cbnz	w5, 3f
2:	dmb	ish
	str	w4, [x3]
	mov	x0, xzr
	ret
3:	mov	x0, #-EAGAIN
	ret
	guard	1b, 2b, user_fault
endfunc user_cmpxchg

/* bool arch_probe_read(vaddr_t va, uint64_t *value), bool arch_probe_write(vaddr_t, uint64_t) */
func arch_probe_read
1:	ldr	x2, [x0]
2:	str	x2, [x1]
	mov	w0, #1
	ret
	guard	1b, 2b, probe_fault, 1
endfunc arch_probe_read

func arch_probe_write
1:	str	x1, [x0]
2:	mov	w0, #1
	ret
	guard	1b, 2b, probe_fault, 1
endfunc arch_probe_write

probe_fault:
	mov	w0, wzr
	ret
