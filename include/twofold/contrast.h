/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The twin, and what the two machines are compared by. With twin=on (the default) each address
 * space, the kernel's too, has a second tree in x86-64's format, changed by the same operations at
 * the same moments under the same locks. Nothing walks it but software (and, in `make oracle`, a
 * real x86-64 MMU): it is never live, and what fails in it never fails the live side.
 */
#ifndef TWOFOLD_CONTRAST_H
#define TWOFOLD_CONTRAST_H

#include <arch/pt_live.h> /* twin_pt_*: the other format's walker */
#include <twofold/pt.h>

struct mm;

extern bool twin_enabled; /* twin=on|off; settled before the first address space is made */

/* The kernel's own tree in the other format; kernel_pt_lock. root 0: no twin. */
extern struct pt kernel_twin;

/* main(): reads twin=; builds kernel_twin from kernel_pt, and makes it the upper half of each tree
 * in its format. */
void twin_init(void);

/*
 * Makes the twin say again what the live tree says, for readers: entries that it had no memory for,
 * accessed and dirty flags that hardware set in the live tree. Takes mm->pt_lock, in steps; may
 * sleep. False: still no memory, mm->twin_lost entries are missing.
 * True, and nothing done, where twins are off.
 */
bool twin_sync(struct mm *mm);
/* The same for what the live tree says of one page; of all where there is no twin yet. */
bool twin_sync_page(struct mm *mm, uint64_t va);
bool twin_sync_kernel(void); /* the same for kernel_twin; kernel_pt_lock held */
uint64_t kernel_twin_lost(void);

/* Faults that a CPU without FEAT_HAFDBS takes and x86 does not. */
struct flag_faults {
	uint64_t access_flag; /* only the accessed flag was missing */
	uint64_t dirty;	      /* a write to a page that was writable but clean */
};

/* Sums over all address spaces, the kernel's and those that are gone included. */
struct contrast_totals {
	struct pt_stats live, twin;
	struct flag_faults faults;
	uint64_t twin_pages, twin_peak; /* table frames now and at most */
	uint64_t twin_lost;	/* entries gone without, ever; twin_sync() may have made them */
	uint64_t twin_failures; /* allocations of table frames that failed */
};
/* Takes a spinlock (RANK_FAMILIES); the numbers are read while they change. */
void contrast_totals(struct contrast_totals *totals);

/* ---- one line for each fault of a chosen process (kernel/explain.c) ---- */
#define EXPLAIN_NONE 0
#define EXPLAIN_ALL (-1)
/* The process explained (tgid), EXPLAIN_ALL or EXPLAIN_NONE: explain=1, /proc/contrast/explain. */
extern int explain_pid;

#endif
