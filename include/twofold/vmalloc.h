/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Kernel virtual ranges between VMALLOC_BASE and VMALLOC_END, each with a guard page on both sides.
 */
#ifndef TWOFOLD_VMALLOC_H
#define TWOFOLD_VMALLOC_H

#include <twofold/page.h>
#include <twofold/pt.h>

void vmalloc_init(void);

/* Pages need not be contiguous. May sleep. Writable, not executable, uninitialised; or NULL. */
void *vmalloc(size_t size);
void *vzalloc(size_t size);
/* Frees at once; the range is used again only after the TLBs have forgotten it. */
void vfree(void *p);
/* `size` bytes of device registers at `pa`, strongly ordered, not executable; NULL or a pointer. */
void *ioremap(paddr_t pa, size_t size);
/*
 * Normal memory outside the direct map (`prot` says how), e.g. a loader's file or a frame buffer.
 */
void *vmap_range(paddr_t pa, size_t size, prot_t prot);
void vunmap_range(void *p); /* of ioremap() and vmap_range(): the frames are not freed */
/*
 * KSTACK_SIZE bytes (the lowest address) with an unmapped page below; from a small cache of dead
 * stacks, uncleared. NULL: none. Aligned to twice its size: KSTACK_SIZE's bit is 0 in every address
 * inside, and 1 in those just below. kstack_free() does not sleep.
 */
void *kstack_alloc(void);
void kstack_free(void *stack);
/* Names the range that `va` lies in or just missed ("guard page below kernel stack ..."), for
 * panics; NULL outside vmalloc space. The text lasts until the next call. */
const char *vmalloc_describe(vaddr_t va);
uint64_t vmalloc_used(void); /* bytes in vmalloc() ranges and kernel stacks */

extern spinlock_t kernel_pt_lock; /* RANK_KPT (mm/kernel_pt.c) */
/* kernel_pt and its twin change together, by these two. They take kernel_pt_lock, and flush before
 * they give it up; errors are pt_map()'s and pt_unmap()'s. */
int kernel_pt_map(vaddr_t va, paddr_t pa, size_t size, prot_t prot);
int kernel_pt_unmap(vaddr_t va, size_t size);

#endif
