/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From PVH's 32-bit entry to oracle_main() in long mode; the way into a probe and out of it.
 * PVH: xen/include/public/arch-x86/hvm/start_info.h. Long mode: Intel SDM volume 3A, 10.8.5.
 */
#include "layout.h"

#define MSR_EFER 0xc0000080
#define EFER_LME 0x100
#define CR0_PE 0x1
#define CR0_WP 0x10000
#define CR0_PG 0x80000000
#define CR4_PAE 0x20

/* Entries of the view: present, writable, accessed, dirty, so that no CPU ever writes to them. */
#define TABLE_US 0x67
#define TABLE 0x63
#define PAGE 0x63
#define BLOCK 0xe3
#define PAGE_US 0x67

	.section .note.pvh, "a", @note
	.long 4, 8, 18			/* XEN_ELFNOTE_PHYS32_ENTRY */
	.asciz "Xen"
	.quad pvh_entry

	.section .boot, "awx"
	.code32
	.global pvh_entry
pvh_entry:				/* ebx: struct hvm_start_info */
	cli
	mov $CR4_PAE, %eax
	mov %eax, %cr4
	mov $boot_pml4, %eax
	mov %eax, %cr3
	mov $MSR_EFER, %ecx
	rdmsr
	or $EFER_LME, %eax
	wrmsr
	mov %cr0, %eax
	or $(CR0_PG | CR0_WP | CR0_PE), %eax
	mov %eax, %cr0
	lgdt boot_gdt_pointer
	ljmp $KERNEL_CS, $1f
	.code64
1:	mov $KERNEL_DS, %eax
	mov %eax, %ss
	mov %eax, %ds
	mov %eax, %es
	movabs $stack_end, %rsp
	mov %ebx, %edi
	xor %ebp, %ebp
	movabs $oracle_main, %rax
	call *%rax

	.balign 8
boot_gdt:
	.quad 0, 0x00af9b000000ffff, 0x00cf93000000ffff
boot_gdt_pointer:
	.word . - boot_gdt - 1
	.long boot_gdt

	/* The view, under slot 0 while booting and under OWN_SLOT for good. */
	.balign 4096
boot_pml4:
	.quad boot_pdpt + TABLE
	.fill OWN_SLOT - 1, 8, 0
	.quad boot_pdpt + TABLE_US
	.fill 511 - OWN_SLOT, 8, 0
boot_pdpt:
	.quad boot_pd + TABLE_US, boot_pd + 4096 + TABLE
	.fill 510, 8, 0
boot_pd:
	.quad boot_pt + TABLE_US
	.set pa, 0x200000
	.rept VIEW_SIZE / 0x200000 - 1
	.quad pa + BLOCK
	.set pa, pa + 0x200000
	.endr
	/* 4 KiB pages below 2 MiB: one of them is for ring 3, and made so by view_init(). */
boot_pt:
	.set pa, 0
	.rept 512
	.quad pa + PAGE
	.set pa, pa + 4096
	.endr

	.data
	.balign 8
	.global view_pml4, view_pt, user_page
view_pml4:
	.quad boot_pml4
view_pt:
	.quad boot_pt
user_page:
	.quad user_page_pa

	.bss
	.balign 16
	.skip 0x8000
stack_end:
	.skip 0x1000
	.global trap_stack_end
trap_stack_end:

/* ---- probes ---- */

/* rsi: where; rdx: what to write; rax: what was read. The same for ring 0 and for ring 3. */
	.macro ACCESSES prefix
	.global \prefix\()_read, \prefix\()_write, \prefix\()_exec
\prefix\()_read:
	mov (%rsi), %rax
	int $DONE_VECTOR
\prefix\()_write:
	mov %rdx, (%rsi)
	int $DONE_VECTOR
\prefix\()_exec:
	xor %eax, %eax			/* astray among zeros, ADD %al, (%rax) soon faults */
	jmp *%rsi
	.endm

	.section .user, "ax"
	.balign 4096
	ACCESSES user

	.text
	ACCESSES supervisor

/*
 * void probe_run(code, va, value, rflags, ring3): runs one of the above and returns after the trap
 * that it ends in, whatever that is; `trap` says.
 */
	.global probe_run
probe_run:
	push %rbx
	push %rbp
	push %r12
	push %r13
	push %r14
	push %r15
	pushfq
	mov %rsp, probe_rsp(%rip)
	test %r8d, %r8d
	jnz 1f
	push %rcx
	popfq
	jmp *%rdi
1:	pushq $USER_DS
	push %rsp			/* ring 3 uses no stack */
	push %rcx
	pushq $USER_CS
	push %rdi
	iretq

/* struct trap: vector, error, rip, cs, rflags, rsp, ss, as they lie on the stack; rax, cr2. */
	.bss
	.balign 8
	.global trap
trap:
	.skip 9 * 8
probe_rsp:
	.skip 8

	.text
	.global trap_stubs, trap_done_stub
	.balign TRAP_STUB_SIZE
trap_stubs:
	.set vector, 0
	.rept 32
	.balign TRAP_STUB_SIZE
	/* Those that push an error code: SDM volume 3A, table 6-1. */
	.if !(vector == 8 || (vector >= 10 && vector <= 14) || vector == 17 || vector == 21)
	pushq $0
	.endif
	pushq $vector
	jmp trap_common
	.set vector, vector + 1
	.endr
	.balign TRAP_STUB_SIZE
trap_done_stub:
	pushq $0
	pushq $DONE_VECTOR

trap_common:
	mov %rax, trap + 56(%rip)
	popq trap(%rip)
	popq trap + 8(%rip)
	popq trap + 16(%rip)
	popq trap + 24(%rip)
	popq trap + 32(%rip)
	popq trap + 40(%rip)
	popq trap + 48(%rip)
	mov %cr2, %rax
	mov %rax, trap + 64(%rip)
	xor %eax, %eax
	xchg %rax, probe_rsp(%rip)
	test %rax, %rax
	jz unexpected_trap
	mov %rax, %rsp
	popfq
	pop %r15
	pop %r14
	pop %r13
	pop %r12
	pop %rbp
	pop %rbx
	ret

	.section .note.GNU-stack, "", @progbits
