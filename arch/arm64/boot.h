/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of early boot share. */
#ifndef ARM64_BOOT_H
#define ARM64_BOOT_H

#include <arch/cpu.h>
#include <twofold/pt.h>

extern char __init_begin[], __inittext_end[], __init_end[], _edata[];
extern char __initramfs_begin[], __initramfs_finish[], __bss_start[];
extern char boot_stack_guard[], boot_stack[], boot_tables[], boot_tables_end[];

/* How the kernel maps its own. YOUNG and DIRTY beforehand: the kernel takes no such faults. */
#define KERNEL_RO (PT_GLOBAL | PT_YOUNG)
#define KERNEL_RX (KERNEL_RO | PT_EXEC)
#define KERNEL_RW (KERNEL_RO | PT_WRITE | PT_DIRTY)

/* Known since early_map(): where the image lies, and the roots of both halves. */
struct early_roots {
	uint64_t image, identity, kernel;
	uint64_t tables_used; /* of boot_tables[] */
	uint64_t nr_tables[PT_LEVELS], nr_leaves; /* of the kernel's tree */
};
extern struct early_roots early_roots;

/* early_map.c. Maps by the largest leaves that fit, with tables out of boot_tables[], where
 * nothing is mapped yet. */
void boot_map(uint64_t root, vaddr_t va, paddr_t pa, uint64_t size, prot_t prot);
void early_map(void);
/* early_cpu.c. MMU off: sets the translation registers; returns SCTLR_EL1 to switch it on with. */
uint64_t early_cpu_setup(void);

/* cpu.c. A core's first C at the image's own addresses: this_cpu(), vectors, PAN; the identity
 * map goes. */
void cpu_start(struct cpu *cpu);
/* boot.c. The boot core goes on to main(). */
void boot_main(paddr_t dtb) __attribute__((noreturn));

/* mmu.c. This core's lower half maps nothing from now on. */
void mmu_no_user(void);

#endif
