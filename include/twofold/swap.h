/* SPDX-License-Identifier: BSD-2-Clause */
/* Swap areas, the swap cache, reclaim. Slots are 31-bit numbers, as a pagemap's entries hold them.
 */
#ifndef TWOFOLD_SWAP_H
#define TWOFOLD_SWAP_H

#include <twofold/block.h>
#include <twofold/pagemap.h>

struct mm;

typedef uint32_t slot_t; /* area in bits 30:28, page of the area in bits 27:0 (0 is the header:
			    never a slot) */
#define SLOT_NONE 0u
#define MAX_SWAP_AREAS 8u

/* ---- areas (mm/swap.c) ---- */
void swap_init(void);
/*
 * Reads and checks the header that mkswap writes (SWAPSPACE2, version 1, 4 KiB pages, bad pages,
 * last page within the device). -EINVAL with a log line that says what is wrong; -EBUSY in use;
 * -ENOMEM. priority: -1 chooses the next lower one, as Linux does.
 */
int swap_on(struct block_device *dev, const char *name, int priority);
/* Brings every page back, then lets go. -EINVAL not in use; -ENOMEM no room; -EIO what is there
 * cannot be read; -EINTR. After an error the area goes on as before. */
int swap_off(struct block_device *dev);
struct swap_row {
	char name[32];
	uint64_t size, used; /* in pages */
	int priority;
};
bool swap_row(unsigned i, struct swap_row *row); /* the i-th area of /proc/swaps */
uint64_t swap_total_pages(void);
uint64_t swap_free_pages(void);

/* ---- slots: each object entry that names a slot holds one count, the swap cache one too ---- */
void swap_dup(slot_t slot);  /* one more holder; rmap lock of the copier held */
void swap_free(slot_t slot); /* one less; frees slot and cached page with the last holder; rmap lock
				held */

/* ---- the swap cache: a page that is in memory and in its slot ---- */
/* The page cached for a slot, with a reference (it may still be PG_LOCKED: being read), or NULL. */
struct page *swap_cache_find(slot_t slot);
/*
 * Reads a slot, and its used neighbours (readahead), into the swap cache; returns the page, up to
 * date, with a reference. ERR_PTR: -ENOMEM; -EAGAIN: the slot was freed meanwhile, look again;
 * -EIO: the device failed or the checksum is wrong (logged: SIGBUS). *read becomes true if it went
 * to the device itself: a major fault, where to wait for another's read is a minor one, as what
 * readahead brought is. Sleeps; no spinlock held. The
 * caller locks its family, checks that its entry still names the slot, and then puts the page in
 * place of it (page->index and ->rmap are set then, under that lock).
 */
struct page *swap_in(slot_t slot, bool *read);
/* The task's faults go through swap in order. */
bool swap_streams(void);
/* A page that readahead brought for a stream of faults, verified, with a reference; NULL: there is
 * none for this slot. */
struct page *swap_read_ahead(slot_t slot);
/* The page was, or will be, written to by its only holder: its slot no longer holds the same, and
 * is given up, unless the page is just being written there. PG_DIRTY is set, rmap lock held. */
void swap_page_dirtied(struct page *page);
/* The page leaves the swap cache, and n objects' entries name its slot instead. rmap lock held. */
void swap_cache_hand_over(struct page *page, unsigned n);
/* Drops the page from the swap cache (its reference and its slot count) as its last object lets go;
 * one that is being written stays until that is done. rmap lock held. */
void swap_cache_drop(struct page *page);

/* ---- page lists and reclaim (mm/lru.c, mm/reclaim.c) ---- */
void lru_add(struct page *page); /* a fresh page becomes reclaimable; the caller holds a reference,
				    or its family's lock */
/* The same for a page that nobody else knows yet: it gets these flags too, at once. */
void lru_add_fresh(struct page *page, uint32_t flags);
/* By put_page() of the last reference; those of the pages that are listed. */
void lru_del_pages(struct page *const pages[], unsigned n);
void lru_mark_accessed(struct page *page); /* read or written through a system call */
/* MADV_COLD: next in turn for reclaim, if not used till then. Takes over the caller's reference. */
void lru_deactivate(struct page *page);
void lru_counts(uint64_t *active_anon, uint64_t *inactive_anon, uint64_t *active_file,
		uint64_t *inactive_file);

void reclaim_init(void); /* the policy that `reclaim=` names */
void kswapd_start(void);
void kswapd_wake(struct zone *zone); /* cheap; from alloc_pages() below the low watermark */
/*
 * Frees at least a few frames, by writing to swap if need be. Returns how many. 0: nothing to be
 * had, though the last looks spared no page for being in use; or the caller is being killed.
 * Sleeps.
 */
unsigned reclaim_direct(gfp_t gfp, unsigned order);
/* Ends the process whose end frees most, and says why (Linux's badness: rss + swap + tables,
 * oom_score_adj). False when there is none left to kill. Sleeps until memory came back or a moment
 * passed. */
bool oom_kill(gfp_t gfp, unsigned order);
void oom_init(void);
int64_t oom_badness(const struct mm *mm); /* for /proc/PID/oom_score; 0: exempt */
/*
 * MADV_PAGEOUT: takes out those of n pages, at most SWAP_BATCH, that are mapped once, whatever
 * their age; the rest stay. Takes over the caller's references. Sleeps.
 */
#define SWAP_BATCH 32u /* pages written at once */
void reclaim_pages(struct page *const pages[], unsigned n);
void reclaim_drop_caches(void); /* /proc/sys/vm/drop_caches */

#endif
