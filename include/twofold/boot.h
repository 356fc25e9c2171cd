/* SPDX-License-Identifier: BSD-2-Clause */
/* The seam between entry code, main() and the machine. */
#ifndef TWOFOLD_BOOT_H
#define TWOFOLD_BOOT_H

#include <twofold/addr.h>

/*
 * Called by the entry code on the boot core: MMU and caches on, image mapped at IMAGE_BASE, the
 * device tree at `dtb` (fixmap, read-only; NULL: the loader gave none that looks like one),
 * interrupts masked, this_cpu() valid. Does not return.
 */
void main(const void *dtb, size_t dtb_max, paddr_t dtb_pa) __attribute__((noreturn));

/* The direct map: all RAM of `machine` but what is reserved as `no-map`, at its final granularity,
 * image text and rodata read-only. */
void arch_map_ram(void);
bool in_direct_map(paddr_t pa);
/* Boot is over: the identity map and what else only boot needed goes. */
void arch_boot_finish(void);

/* Linker script: the image, loaded, from _image to _end; its parts page-aligned. */
extern char _image[], _text[], _etext[], _rodata[], _erodata[], _data[], _end[];
/* The initramfs inside the image, page-aligned; empty if none was linked in. */
extern const char initramfs_start[], initramfs_end[];

#endif
