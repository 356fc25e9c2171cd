/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where the oracle lives. Physically at 1 MiB; virtually in one slot of each PML4 that it judges,
 * which shows the first VIEW_SIZE bytes of physical memory. A slot in the middle of user space,
 * for no program here maps anything there. Plain numbers: assembly and linker script read it too.
 */
#ifndef ORACLE_LAYOUT_H
#define ORACLE_LAYOUT_H

#define OWN_SLOT 200
#define VIEW_BASE 0x640000000000 /* OWN_SLOT << 39 */
#define VIEW_SIZE 0x80000000	 /* what boot_pd in start.S maps */
#define IMAGE_PA 0x100000

/* Segments, in the order that IRETQ and SYSRET want. */
#define KERNEL_CS 0x08
#define KERNEL_DS 0x10
#define USER_DS 0x1b
#define USER_CS 0x23
#define TSS_SELECTOR 0x28

#define TRAP_STUB_SIZE 16
#define DONE_VECTOR 0x80 /* INT by which a probe says that it got through */

#endif
