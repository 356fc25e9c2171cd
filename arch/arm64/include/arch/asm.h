/* SPDX-License-Identifier: BSD-2-Clause */
/* What assembly files share. Offsets into structs are link-time symbols made by offsets.c. */
#ifndef ARCH_ASM_H
#define ARCH_ASM_H

#define TRAPFRAME_SIZE 288 /* sizeof(struct trapframe); offsets.c checks these */
#define TF_SP 248
#define TF_PC 256
#define TF_PSTATE 264
#define TF_ORIG_X0 272
#define TF_SYSCALL 280

#define NR_CALLS 448 /* entries of syscalls[] */
#define CPU_SCRATCH 8 /* in struct cpu */

#define EMERGENCY_SHIFT 12
#define EMERGENCY_STACK (1 << EMERGENCY_SHIFT) /* a core's, for reporting a kernel stack overflow */

#ifdef __ASSEMBLER__

	.macro	adr_l, reg, sym
	adrp	\reg, \sym
	add	\reg, \reg, :lo12:\sym
	.endm

	.macro	mov_l, reg, value
	movz	\reg, #(\value) & 0xffff
	movk	\reg, #((\value) >> 16) & 0xffff, lsl #16
	.endm

	.macro	func, name
	.global	\name
	.type	\name, %function
	.balign	16
\name:
	.endm

	.macro	endfunc, name
	.size	\name, . - \name
	.endm

#endif
#endif
