/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The address map, in what both machines can say: x86-64's canonical halves inside ARM's two
 * 48-bit ranges (T0SZ = T1SZ = 16). Plain numbers: the linker script and assembly read it too.
 *
 *   0000_0000_0000_0000  user: TTBR0, the lower half of each PML4
 *   0000_7fff_ffff_f000    end of it (one guard page below 2^47)
 *   ffff_8000_0000_0000  direct map: physical address + DIRECT_BASE, 64 TiB
 *   ffff_c000_0000_0000  vmalloc: kernel stacks, vmalloc, ioremap; a guard page between each two
 *   ffff_ffff_0000_0000  fixmap: the device tree and the console before there is an allocator
 *   ffff_ffff_8000_0000  image: text, read-only data, data, wherever it was loaded
 */
#ifndef TWOFOLD_LAYOUT_H
#define TWOFOLD_LAYOUT_H

#define USER_MIN 0x10000 /* mmap_min_addr: page 0 and its neighbours stay unmapped */
#define USER_END 0x7ffffffff000
#define DIRECT_BASE 0xffff800000000000
#define DIRECT_END 0xffffc00000000000
#define VMALLOC_BASE 0xffffc00000000000
#define VMALLOC_END 0xffffe00000000000
#define FIXMAP_BASE 0xffffffff00000000
#define FIXMAP_SIZE 0x00400000
#define IMAGE_BASE 0xffffffff80000000

#define KSTACK_SIZE 0x4000 /* 16 KiB, below it a guard page */
#define NR_CPUS 8

#endif
