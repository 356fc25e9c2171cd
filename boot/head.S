/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where the loader jumps to, and where PSCI or a spin table sends the other cores: EL2 or EL1, MMU
 * off, at any 4 KiB-aligned physical address. Everything before enable_mmu is position-independent,
 * so is the C that it calls (early_*.c), and all of this file fits in the image's first page, which
 * is what the identity map holds. docs/boot.md tells the story.
 */
#include <arch/asm.h>
#include <twofold/layout.h>

	.section .head.text, "ax"
	/* Linux's arm64 Image header (Documentation/arch/arm64/booting.rst). */
	b	primary_entry
	.long	0
	.quad	0			/* text_offset */
	.quad	image_size		/* what must be free there, bss too */
	.quad	0xa			/* flags: little-endian, 4 KiB pages, anywhere */
	.quad	0, 0, 0
	.ascii	"ARM\x64"
	.long	0

primary_entry:
	msr	daifset, #0xf
	mov	x20, x0			/* the device tree */
	bl	drop_to_el1
	/* What the loader left dirty in caches must not overwrite what we store past them. */
	bl	clean_bss
	adr_l	x0, __bss_start
	adr_l	x1, __bss_end
1:	stp	xzr, xzr, [x0], #16
	cmp	x0, x1
	b.lo	1b
	adr_l	x0, boot_stack+KSTACK_SIZE
	mov	sp, x0
	mov	x29, xzr
	bl	early_map
	/* Nor may a stale line hide it once caches are on. */
	bl	clean_bss
	bl	early_cpu_setup
	ldr	x8, =primary_high
	b	enable_mmu

primary_high:
	adr_l	x0, boot_stack+KSTACK_SIZE
	mov	sp, x0
	adr_l	x0, cpus
	bl	cpu_start
	mov	x0, x20
	bl	boot_main

	.global	secondary_entry
secondary_entry:
	msr	daifset, #0xf
	bl	drop_to_el1
	/* Which of cpus[] are we? smp.c has written mpidr and cleaned it to memory. */
	mrs	x0, mpidr_el1
	and	x1, x0, #0xff00000000
	and	x0, x0, #0xffffff
	orr	x0, x0, x1
	adr_l	x1, cpus
	mov	x20, #1
	movz	x3, #:abs_g0:CPU_SIZE
1:	add	x1, x1, x3
	ldr	x2, [x1, #:lo12:CPU_MPIDR]
	cmp	x2, x0
	b.eq	2f
	add	x20, x20, #1
	cmp	x20, #NR_CPUS
	b.lo	1b
park:	wfe				/* given up on before we came */
	b	park
2:	adr_l	x0, emergency_stacks+EMERGENCY_STACK
	add	x0, x0, x20, lsl #EMERGENCY_SHIFT
	mov	sp, x0
	mov	x29, xzr
	bl	early_cpu_setup
	ldr	x8, =secondary_high
	b	enable_mmu

secondary_high:
	adr_l	x0, cpus
	movz	x3, #:abs_g0:CPU_SIZE
	madd	x0, x20, x3, x0
	ldr	x1, [x0, #:lo12:CPU_BOOT_STACK]
	mov	x2, #KSTACK_SIZE
	add	sp, x1, x2
	bl	cpu_start
	bl	secondary_main

/* x0: SCTLR_EL1, x8: where to go on, in the image's own addresses. */
enable_mmu:
	msr	sctlr_el1, x0
	isb
	ic	iallu
	dsb	nsh
	isb
	mov	x30, xzr
	br	x8

/* Cleans and invalidates all that boot writes with caches off. Clobbers x0 to x3. */
clean_bss:
	adr_l	x0, __bss_start
	adr_l	x1, __bss_end
	mrs	x2, ctr_el0
	ubfx	x2, x2, #16, #4		/* DminLine: log2 of words */
	mov	x3, #4
	lsl	x2, x3, x2
1:	dc	civac, x0
	add	x0, x0, x2
	cmp	x0, x1
	b.lo	1b
	dsb	sy
	ret

/* Returns at EL1, MMU off. Register fields: Arm ARM D19.2. Clobbers x0 to x2. */
drop_to_el1:
	mov_l	x1, 0x30d00800		/* SCTLR_EL1: RES1 bits only */
	mrs	x0, CurrentEL
	cmp	x0, #(2 << 2)
	b.eq	1f
	msr	sctlr_el1, x1
	isb
	ret
1:	mov	x0, #(1 << 31)		/* RW: EL1 is AArch64; no traps, no stage 2 */
	msr	hcr_el2, x0
	isb
	msr	sctlr_el1, x1
	mrs	x0, cnthctl_el2
	orr	x0, x0, #3		/* EL1PCEN, EL1PCTEN */
	msr	cnthctl_el2, x0
	msr	cntvoff_el2, xzr
	mov	x0, #0x33ff		/* CPTR_EL2: RES1, TFP clear */
	msr	cptr_el2, x0
	msr	hstr_el2, xzr
	msr	vttbr_el2, xzr
	mrs	x0, midr_el1
	msr	vpidr_el2, x0
	mrs	x0, mpidr_el1
	msr	vmpidr_el2, x0
	mrs	x1, id_aa64dfr0_el1
	ubfx	x1, x1, #8, #4		/* PMUVer: 0 none, 0xf not Arm's */
	sub	x1, x1, #1
	mov	x0, xzr
	cmp	x1, #0xe
	b.hs	2f
	mrs	x0, pmcr_el0
	ubfx	x0, x0, #11, #5		/* MDCR_EL2.HPMN: all N counters are EL1's */
2:	msr	mdcr_el2, x0
	mrs	x0, id_aa64pfr0_el1
	ubfx	x0, x0, #24, #4		/* GIC: system registers there? */
	cbz	x0, 3f
	mrs	x0, S3_4_C12_C9_5	/* ICC_SRE_EL2 */
	mov	x1, #9
	orr	x0, x0, x1		/* SRE, Enable */
	msr	S3_4_C12_C9_5, x0
	isb
	msr	S3_4_C12_C11_0, xzr	/* ICH_HCR_EL2 */
3:	mov	x0, #0x3c5		/* EL1h, DAIF masked */
	msr	spsr_el2, x0
	msr	elr_el2, x30
	eret

	.ltorg
