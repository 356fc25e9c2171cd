/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Page tables, in the three layers of docs/pagetables.md: a format (arch/<arch>/ptfmt.h) encodes
 * entries; the walker (mm/pt.c, compiled once per format) moves ranges; the machine (<arch/mmu.h>)
 * stores entries and flushes TLBs. Here is what they share, and the walker's interface.
 */
#ifndef TWOFOLD_PT_H
#define TWOFOLD_PT_H

#include <twofold/addr.h>
#include <twofold/types.h>

typedef uint64_t pte_t; /* an entry of either format, as the hardware reads it */

/*
 * What an entry allows, in no format's terms. Every leaf can be read. PT_USER: from EL0 or
 * ring 3 too. DIRTY without WRITE is legal (a page written, then write-protected).
 */
typedef uint32_t prot_t;
#define PT_WRITE 0x01u
#define PT_EXEC 0x02u
#define PT_USER 0x04u
#define PT_GLOBAL 0x08u	 /* the same in every address space */
#define PT_YOUNG 0x10u	 /* accessed since last cleared */
#define PT_DIRTY 0x20u	 /* written since last cleared */
#define PT_NORMAL 0x00u	 /* memory types: write-back cached ... */
#define PT_NOCACHE 0x40u /* ... normal non-cached ... */
#define PT_DEVICE 0x80u	 /* ... device registers, strongly ordered */
#define PT_TYPE 0xc0u
#define PT_ALL 0xffu

enum pte_kind { PTE_EMPTY, PTE_SOFT, PTE_TABLE, PTE_LEAF };

#define PT_LEVELS 4
#define PT_ENTRIES 512
#define PT_TOKEN_BITS 40 /* of a token, in every format */
/* Bytes that one entry of a level spans; level 0 is the last: 4 KiB, 2 MiB, 1 GiB, 512 GiB. */
#define PT_SPAN(level) (PAGE_SIZE << (9 * (level)))

typedef uint64_t asid_t; /* generation in the high bits, hardware ASID in the low 16; 0: kernel */

/*
 * What having TLBs forget takes, in kinds that both machines have. ARM: TLBI by address, by ASID,
 * of all, and each of them again that went to all cores (IS). x86: INVLPG, one PCID, all by a write
 * of CR3, and interrupts to other cores that run in the address space.
 */
enum pt_flush { FLUSH_PAGE, FLUSH_SPACE, FLUSH_ALL, FLUSH_REMOTE, NR_FLUSH_KINDS };

/* A flush, as arch/<format>/flush.h reckons what it takes. */
struct flush {
	uint64_t pages; /* from the first stale one to the last */
	bool kernel;
	bool tagged;	 /* the address space has an ASID (ARM) */
	bool here;	 /* it runs on this core now (x86, and the next two) */
	unsigned others; /* cores besides that it runs on now */
	bool ran;	 /* it ran somewhere since its last flush while it ran nowhere */
};

/* What one tree has cost so far (the twin compares these). */
struct pt_stats {
	uint64_t tables[PT_LEVELS]; /* now, by level; level 3 is the root */
	uint64_t leaves;	    /* now */
	uint64_t stores, bbm, flushes;
	uint64_t flush[NR_FLUSH_KINDS];
};

struct pt {
	paddr_t root;
	asid_t asid; /* the machine layer's (arch); written under its own lock */
	bool user;   /* the lower half: entries 0 to 255 of the root are ours to free */
	/* the machine may walk it: stores need barriers and flushes (the twin does not) */
	bool live;
	bool ran; /* set by mmu_switch(); cleared by the twin's flush while it runs nowhere */
	struct pt *runs_as; /* a twin's live tree; else NULL */
	/* The last-level table used last, or NULL, and an address in the 2 MiB that it is for: most
	 * changes of one page come where the last one was. */
	uint64_t *recent;
	uint64_t recent_va;
	/* What pt_evict() made stale, up to pt_flush_evicted(); stale_end is 0: nothing. */
	uint64_t stale_start, stale_end;
	struct pt_stats stats;
};

struct pt_leaf {
	paddr_t pa;	/* LEAF: of the byte asked for */
	prot_t prot;	/* LEAF */
	uint64_t token; /* SOFT */
	int level;	/* of the entry found, whatever its kind */
};

/*
 * The walker: arm64_pt_*, x86_64_pt_*, and pt_* for the live one. The caller holds the lock of
 * the address space's tables (RANK_PT, or RANK_KPT for the kernel's). Addresses and sizes are
 * multiples of the page size. Tables are allocated with GFP_NOWAIT: -ENOMEM asks the caller to
 * drop its locks, get memory and try again. A range outside the format's legal addresses, or
 * one that wraps, is -EINVAL. Nothing here sleeps.
 */
#define PT_DECLARE(fmt)                                                                            \
	/* An empty tree. -ENOMEM. */                                                              \
	int fmt##_pt_init(struct pt *pt, asid_t asid);                                             \
	/* Unmaps everything; the empty root stays. Frames that leaves name are not freed. */      \
	void fmt##_pt_clear(struct pt *pt);                                                        \
	/* The same, and frees the root. */                                                        \
	void fmt##_pt_fini(struct pt *pt);                                                         \
	/* Maps [va, va+size) to [pa, pa+size), by the largest leaves that fit, over whatever      \
	 * stood there (by break-before-make where it was valid). All or nothing: -ENOMEM. */      \
	int fmt##_pt_map(struct pt *pt, vaddr_t va, paddr_t pa, size_t size, prot_t prot);         \
	/* Of n pages from va on, in one last-level table, maps those that have a frame (not 0)    \
	 * and no leaf; the other frames become 0. Returns how many. No allocation: where that     \
	 * table is not there, none is mapped. */                                                  \
	unsigned fmt##_pt_fill(struct pt *pt, vaddr_t va, pfn_t frames[], unsigned n,              \
			       prot_t prot);                                                       \
	/* Empties the range, flushes once, then frees the tables that became empty. What was      \
	 * dirty is told to page_mark_dirty(). -ENOMEM only where a block must be split. */        \
	int fmt##_pt_unmap(struct pt *pt, vaddr_t va, size_t size);                                \
	/* Changes attributes of the leaves that are there; flushes where rights shrank. */        \
	int fmt##_pt_protect(struct pt *pt, vaddr_t va, size_t size, prot_t clear, prot_t set);    \
	enum pte_kind fmt##_pt_query(const struct pt *pt, vaddr_t va, struct pt_leaf *out);        \
	/* Clears YOUNG and/or DIRTY of one page; returns the old prot, 0 where no leaf. Clearing  \
	 * YOUNG alone need not flush (a stale TLB entry only delays the next sample). */          \
	prot_t fmt##_pt_test_clear(struct pt *pt, vaddr_t va, prot_t bits);                        \
	/* Replaces a page's leaf by a token (0: an empty entry), flushed on return; returns the   \
	 * old prot (its DIRTY is final), or 0 where there was no leaf. No allocation: where no    \
	 * last-level table is, nothing is stored; no block may be there (CHECK). */               \
	prot_t fmt##_pt_set_soft(struct pt *pt, vaddr_t va, uint64_t token);                       \
	/* For reclaim, which knows the page it looks for, in a user tree: the old prot where the  \
	 * last level maps va to pa, else 0 and nothing is done. test_young() clears YOUNG.        \
	 * evict() leaves a token (0: an empty entry). DIRTY is final then, and told to            \
	 * page_mark_dirty(); but TLBs know nothing of it before flush_evicted(), which must come  \
	 * before the tree's lock is dropped, before the frame is free, and before what it holds   \
	 * is taken for final. */                                                                  \
	prot_t fmt##_pt_test_young(struct pt *pt, vaddr_t va, paddr_t pa);                         \
	prot_t fmt##_pt_evict(struct pt *pt, vaddr_t va, paddr_t pa, uint64_t token);              \
	void fmt##_pt_flush_evicted(struct pt *pt);                                                \
	/* Sets YOUNG of the page that the last level maps at va; the old prot, or 0. */           \
	prot_t fmt##_pt_set_young(struct pt *pt, vaddr_t va);                                      \
	/* The token in the last level for va, or 0. */                                            \
	uint64_t fmt##_pt_token(struct pt *pt, vaddr_t va);                                        \
	/* Copies leaves and tokens of a range to the same addresses in another tree, both sides   \
	 * losing the rights in `clear`. All or nothing: -ENOMEM. */                               \
	int fmt##_pt_copy(struct pt *to, struct pt *from, vaddr_t va, size_t size, prot_t clear);  \
	/* The entry at each level on the way to va, from level 3 down; returns the last level. */ \
	int fmt##_pt_trace(const struct pt *pt, vaddr_t va, pte_t entries[PT_LEVELS]);             \
	/* The first leaf or token at or after *va, below end; false when there is none. */        \
	bool fmt##_pt_next(const struct pt *pt, vaddr_t *va, vaddr_t end, struct pt_leaf *out);    \
	/* A tree whose root entries 256 to 511 each new tree begins with: x86's kernel half; NULL \
	 * where the machine keeps the halves apart. */                                            \
	extern const struct pt *fmt##_pt_kernel_half;

PT_DECLARE(arm64)
PT_DECLARE(x86_64)
#undef PT_DECLARE

/* The live format's walker under the plain names. */
#include <arch/pt_live.h>

/* The kernel's tree; upper half. Its lock is kernel_pt_lock (RANK_KPT, vmalloc.h). */
extern struct pt kernel_pt;

/* The walker found a DIRTY leaf of this frame as it went away or was cleaned (mm/frames.c). */
void page_mark_dirty(paddr_t pa);

#endif
