/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What TLBs and walk caches could hold. A machine may cache any valid entry at any time, so the
 * model takes every valid entry of a watched tree as cached from the moment it is reachable, and
 * what is taken away as stale until a flush covers it. It complains where real hardware could go
 * wrong, which no emulator does:
 *
 * - where the format wants break-before-make: a valid entry replaced by one with another address,
 *   size or memory type, with no empty one and no flush between; or one made while a stale one for
 *   the same addresses may be cached
 * - a table or a frame freed, or a frame written to, while stale entries lead to it
 * - an operation that ends with something stale that the format says must be flushed
 * - a leaf stored over, instead of exchanged: the hardware may have set a flag at that moment
 * - a flush of nothing, or for an ASID that no tree has
 * - an entry changed behind the machine layer's back
 *
 * Trees that are not watched are plain memory.
 */
#ifndef TLB_MODEL_H
#define TLB_MODEL_H

#include <twofold/pt.h>

struct tlb_format {
	enum pte_kind (*kind)(pte_t pte, int level);
	paddr_t (*addr)(pte_t pte, int level);
	prot_t (*prot)(pte_t pte, int level);
	bool (*must_flush)(prot_t old, prot_t new);
	bool break_first; /* valid entries differ only by break-before-make */
};
extern const struct tlb_format tlb_arm64, tlb_x86_64;

/* From now on the machine may walk this tree, and has cached what it holds. User trees get an ASID.
 */
void tlb_watch(struct pt *pt, const struct tlb_format *format);
/* No more; freeing an empty tree's root does the same. */
void tlb_unwatch(struct pt *pt);

/* An operation is over: nothing stale may be left that differs from the tables in more than YOUNG.
 */
void tlb_check(void);
/* Somebody writes to this frame, other than through the tables. */
void tlb_frame_written(paddr_t pa);
/* These frames go back to the allocator (called by the wrapped free_pages()). */
void tlb_frames_freed(pfn_t pfn, unsigned order);
/* As the CPU does: sets flags in a leaf, without telling. */
void tlb_hardware_sets(uint64_t *slot, pte_t pte);
/* Called before each atomic change of an entry, to do just that. NULL: nothing. */
extern void (*tlb_before_change)(uint64_t *slot);

/* The first complaint since last asked, or NULL. */
const char *tlb_complaint(void);
/* Flushes so far. */
extern unsigned long tlb_flushes;

#endif
