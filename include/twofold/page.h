/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Physical memory: one struct page (32 bytes) per 4 KiB frame in the flat array `memmap`, zones,
 * the buddy allocator. A zeroed struct page is a frame inside a larger free block or one that the
 * kernel never had; so setting up the array is clearing it.
 */
#ifndef TWOFOLD_PAGE_H
#define TWOFOLD_PAGE_H

#include <arch/mmu.h>
#include <twofold/addr.h>
#include <twofold/layout.h>
#include <twofold/lock.h>

struct kmem_cache;
struct rmap;

/* Bits of page->flags, changed by page_set_flag() and kin only (atomic), read by page_flag(). */
enum page_flag {
	PG_LOCKED,     /* being read in: contents and identity are the locker's */
	PG_UPTODATE,   /* contents are valid */
	PG_ERROR,      /* the last read or write failed */
	PG_DIRTY,      /* differs from the copy in its slot or file */
	PG_WRITEBACK,  /* being written */
	PG_LRU,	       /* on one of the page lists */
	PG_ACTIVE,     /* on (or bound for) the active list */
	PG_REFERENCED, /* second chance */
	PG_SWAPCACHE,  /* page->slot names its swap slot */
	PG_READAHEAD,  /* read before anybody asked for it */
	PG_SWAPBACKED, /* goes to swap: anonymous memory, tmpfs */
	PG_BUDDY,      /* head of a free block of page->order pages; PG_* above are clear */
	PG_PCP,	       /* free, on a per-CPU list */
	PG_SLAB,       /* page->cache owns it */
	PG_TABLE,      /* a translation table, ARM or x86 */
	PG_RESERVED,   /* never given to the buddy allocator: image, loader's files, firmware */
	/* instruction caches agree with its contents, as long as it is not PG_DIRTY */
	PG_ICACHE,
};

/*
 * Who may touch what: `refs` is atomic. `rmap`, `index`, `slot` belong to the object that holds
 * the page and change under page->rmap->lock (a page just allocated is its allocator's alone).
 * `next`, `prev` belong to the list that the page is on and change under that list's lock.
 */
struct page {
	uint32_t flags;
	int32_t refs; /* holders: each object entry, the swap cache, and whoever works on it now */
	union {
		struct rmap *rmap;	  /* the family of objects that may hold it, or NULL */
		struct kmem_cache *cache; /* PG_SLAB */
		void *private;
	};
	uint32_t index; /* page index inside its object, modulo 2^32; a slab: its owner's use */
	union {
		uint32_t slot;	/* PG_SWAPCACHE: see swap.h */
		uint32_t order; /* PG_BUDDY, and the head of an allocated block */
	};
	pfn_t next, prev; /* links of a page list; 0 ends it */
};

_Static_assert(sizeof(struct page) == 32, "32 bytes a frame");

extern struct page *memmap;    /* biased: memmap[pfn] is the page of frame pfn */
extern pfn_t min_pfn, max_pfn; /* frames of RAM lie in [min_pfn, max_pfn), holes included */
extern struct page *zero_page; /* all zeros, shared, read-only, never freed */

static inline struct page *pfn_to_page(pfn_t pfn)
{
	return &memmap[pfn];
}

static inline pfn_t page_to_pfn(const struct page *page)
{
	return (pfn_t)(page - memmap);
}

static inline paddr_t page_to_pa(const struct page *page)
{
	return pfn_to_pa(page_to_pfn(page));
}

static inline bool pfn_valid(pfn_t pfn)
{
	return pfn >= min_pfn && pfn < max_pfn;
}

/* The direct map. phys_to_virt() is for RAM; devices go through ioremap(). */
static inline void *pa_to_ptr(paddr_t pa)
{
	return va_to_ptr(direct_map_va(pa));
}

static inline void *page_to_ptr(const struct page *page)
{
	return pa_to_ptr(page_to_pa(page));
}

static inline paddr_t ptr_to_pa(const void *direct_map_ptr)
{
	return direct_map_pa(ptr_to_va(direct_map_ptr));
}

static inline struct page *virt_to_page(const void *direct_map_ptr)
{
	return pfn_to_page(pa_to_pfn(ptr_to_pa(direct_map_ptr)));
}

static inline bool page_flag(const struct page *page, enum page_flag flag)
{
	return __atomic_load_n(&page->flags, __ATOMIC_RELAXED) & BIT(flag);
}

/* Each returns the bit's old value. */
static inline bool page_set_flag(struct page *page, enum page_flag flag)
{
	return __atomic_fetch_or(&page->flags, (uint32_t)BIT(flag), __ATOMIC_ACQ_REL) & BIT(flag);
}

static inline bool page_clear_flag(struct page *page, enum page_flag flag)
{
	return __atomic_fetch_and(&page->flags, ~(uint32_t)BIT(flag), __ATOMIC_ACQ_REL) & BIT(flag);
}

/* ---- boot: what the machine has (mm/frames.c) ---- */

#define MAX_RAM_RANGES 32

/*
 * Tells of RAM and of what in it is taken, before frames_init(). Bytes: neither need be aligned;
 * ranges may overlap; a reservation may lie outside RAM. RAM past the last frame number, or after
 * MAX_RAM_RANGES, is left out with a warning. Frame 0 is never given out: 0 ends a page list.
 */
void frames_add_ram(paddr_t start, uint64_t size, unsigned node);
void frames_reserve(paddr_t start, uint64_t size);
/* early_alloc() stays below `end`: what the direct map covers so far. No limit unless told. */
void frames_set_early_limit(paddr_t end);
/*
 * Early memory: from the ranges above, zeroed, before frames_init(); never freed. Panics where
 * there is none. The frames given lie in memory that the direct map already covers.
 */
void *early_alloc(size_t size, size_t align);
/* The i-th range of RAM, ascending, disjoint, whole pages; false past the last. */
bool frames_ram_range(unsigned i, paddr_t *start, uint64_t *size);
/* Makes memmap, zones and free lists. The direct map covers all RAM by then. */
void frames_init(void);
/* Gives the reserved frames that lie wholly inside to the allocator: init sections, an embedded
 * initramfs not used. */
void frames_release(paddr_t start, uint64_t size);

/* ---- allocation (mm/buddy.c) ---- */

#define MAX_ORDER 10 /* 2^10 pages: 4 MiB */

typedef unsigned int gfp_t;
#define GFP_NOWAIT 0u  /* never sleeps, never digs into the reserve: NULL when low */
#define GFP_WAIT 1u    /* may sleep, reclaim, write to swap */
#define GFP_RESERVE 2u /* may take the frames below the min watermark */
#define GFP_ZERO 4u    /* cleared */
#define GFP_DMA 8u     /* below 1 GiB */
#define GFP_MOVE 16u   /* user memory: falls back to other nodes and zones first */
#define GFP_KERNEL GFP_WAIT
#define GFP_USER (GFP_WAIT | GFP_MOVE)

/*
 * 2^order frames, aligned to their size, refs 1 on the first; NULL when there are none. With
 * GFP_WAIT no spinlock may be held: it wakes kswapd below the low watermark, and below min it
 * reclaims by itself (reclaim_direct(), swap.h) and as a last resort has the OOM killer free
 * memory; NULL then only when the caller itself is being killed, nobody is left to kill, or
 * order > 3. A page given has no flags, rmap NULL, index 0; order in ->order.
 */
struct page *alloc_pages(gfp_t gfp, unsigned order);
void free_pages(struct page *page, unsigned order); /* refs must be 0 or 1 */

static inline struct page *alloc_page(gfp_t gfp)
{
	return alloc_pages(gfp, 0);
}

static inline void get_page(struct page *page)
{
	__atomic_fetch_add(&page->refs, 1, __ATOMIC_RELAXED);
}

/* A reference only if somebody still holds one: for those who met the page on a list. */
bool get_page_unless_free(struct page *page);
/* Drops a reference; the last one takes it off the page lists and frees it. Single pages only:
 * a page that was in the swap cache no longer knows an order. */
void put_page(struct page *page);
/* The same for n pages; the array is used up. Frames side by side are freed as the blocks that they
 * make up. */
void put_pages(struct page *pages[], unsigned n);

enum zone_id { ZONE_DMA, ZONE_NORMAL, NR_ZONES };
#define MAX_NODES 4

/* A page list: page->next and ->prev link it. Its lock is that of what it belongs to. */
struct page_list {
	pfn_t first, last;
	uint32_t count;
};

/* At the front. */
static inline void page_list_add(struct page_list *list, struct page *page)
{
	pfn_t pfn = page_to_pfn(page);

	page->prev = 0;
	page->next = list->first;
	if (list->first)
		pfn_to_page(list->first)->prev = pfn;
	else
		list->last = pfn;
	list->first = pfn;
	list->count++;
}

static inline void page_list_add_tail(struct page_list *list, struct page *page)
{
	pfn_t pfn = page_to_pfn(page);

	page->next = 0;
	page->prev = list->last;
	if (list->last)
		pfn_to_page(list->last)->next = pfn;
	else
		list->first = pfn;
	list->last = pfn;
	list->count++;
}

static inline void page_list_del(struct page_list *list, struct page *page)
{
	if (page->prev)
		pfn_to_page(page->prev)->next = page->next;
	else
		list->first = page->next;
	if (page->next)
		pfn_to_page(page->next)->prev = page->prev;
	else
		list->last = page->prev;
	page->next = page->prev = 0;
	list->count--;
}

/* The oldest, or NULL. */
static inline struct page *page_list_pop_tail(struct page_list *list)
{
	struct page *page;

	if (!list->last)
		return NULL;
	page = pfn_to_page(list->last);
	page_list_del(list, page);
	return page;
}

struct zone {
	spinlock_t lock; /* RANK_ZONE: free lists and counts */
	const char *name;
	unsigned node;
	enum zone_id id;
	pfn_t start, end;	 /* frames [start, end), holes included */
	uint64_t managed;	 /* frames that the allocator was ever given */
	uint64_t nr_free;	 /* on the free lists, per-CPU lists not counted */
	uint64_t min, low, high; /* watermarks, in frames */
	/* per-CPU lists: longest, and how many move at once */
	uint32_t pcp_high, pcp_batch;
	struct page_list free[MAX_ORDER + 1]; /* count is in blocks */
	struct zone_cpu {
		struct page_list pages; /* order 0, this core's: no lock, never from interrupts;
					 * a stack by ->next: `last` and ->prev are not used */
	} __aligned(64) cpu[NR_CPUS];
};

extern struct zone zones[MAX_NODES * NR_ZONES];
extern unsigned nr_zones; /* those that have frames; in fallback order for node 0 */

struct zone *page_zone(const struct page *page);
/* Sets the watermarks and the per-CPU list lengths from what the zones manage. */
void zones_set_watermarks(void);
/* Free frames and managed frames over all zones, per-CPU lists included. */
uint64_t frames_free(void);
uint64_t frames_managed(void);
/* Returns this core's per-CPU lists to the free lists (before measuring, before OOM). */
void drain_local_pages(void);
/* True where the zone would stay above `mark` after giving 2^order frames. */
bool zone_watermark_ok(const struct zone *zone, unsigned order, uint64_t mark);

#endif
