/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What an invalidation would take on x86-64, as Linux makes it (arch/x86/mm/tlb.c,
 * flush_tlb_mm_range() and flush_tlb_kernel_range()): no instruction reaches another core's TLB, so
 * each core that runs in the address space now gets an interrupt and does it for itself. A space
 * that runs nowhere is flushed when a core next switches to it, once, however much has changed.
 */
#ifndef ARCH_X86_64_FLUSH_H
#define ARCH_X86_64_FLUSH_H

#include <twofold/pt.h>

/* Linux's tlb_single_page_flush_ceiling: up to so many by INVLPG, which drops the space's walk
 * caches too (SDM 3A, 4.10.4.1); else the PCID by a write of CR3, or all for the kernel. */
#define X86_64_FLUSH_MAX_PAGES 33

/* Instructions on all cores together; FLUSH_REMOTE: interrupts. */
static inline void x86_64_count_flush(uint64_t count[NR_FLUSH_KINDS], const struct flush *f)
{
	uint64_t cores = f->here + f->others;

	if (!cores)
		count[FLUSH_SPACE] += f->ran;
	else if (f->pages <= X86_64_FLUSH_MAX_PAGES)
		count[FLUSH_PAGE] += cores * f->pages;
	else
		count[f->kernel ? FLUSH_ALL : FLUSH_SPACE] += cores;
	count[FLUSH_REMOTE] += f->others;
}

#endif
