/* SPDX-License-Identifier: BSD-2-Clause */
/* How an invalidation is made on ARM: mmu_flush() goes by it, and so do the counts. */
#ifndef ARCH_ARM64_FLUSH_H
#define ARCH_ARM64_FLUSH_H

#include <twofold/pt.h>

/* More pages than this: the whole ASID (or all entries) is cheaper than one by one. */
#define ARM64_FLUSH_MAX_PAGES 64

/* By TLBI VAE1IS and kin, ASIDE1IS, or VMALLE1IS. */
static inline enum pt_flush arm64_flush_kind(const struct flush *f)
{
	if (f->pages <= ARM64_FLUSH_MAX_PAGES)
		return FLUSH_PAGE;
	return f->kernel || !f->tagged ? FLUSH_ALL : FLUSH_SPACE;
}

/* Instructions: each goes to all cores of the inner shareable domain by itself (Arm ARM D8.14). */
static inline void arm64_count_flush(uint64_t count[NR_FLUSH_KINDS], const struct flush *f)
{
	enum pt_flush kind = arm64_flush_kind(f);
	uint64_t n = kind == FLUSH_PAGE ? f->pages : 1;

	count[kind] += n;
	count[FLUSH_REMOTE] += n;
}

#endif
