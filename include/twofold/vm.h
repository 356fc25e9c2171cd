/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Address spaces. The truth is here, the page tables are a cache of it that may be forgotten:
 *
 *   mm            an address space: areas in a tree, two page-table trees, counters
 *   vm_area       a range with one protection, backed by a file's object, an anonymous one, or both
 *   vm_object     what memory *is*: page index -> frame or swap slot. A file's page cache, tmpfs,
 *                 or the anonymous pages of one or more areas
 *   rmap          a family of objects that may hold the same page: an anonymous object and all its
 *                 copies made after fork; a file's object alone. Reverse mapping goes
 *                 page -> family -> objects that hold it at page->index -> areas -> addresses
 *
 * fork attaches the child's areas to the parent's anonymous objects and marks both sides `cow`;
 * the child's tables start empty. The first write through a `cow` area whose object another
 * area covers too gives that area an object of its own with the same entries (each page's refs,
 * each slot's count, one more); a page with more than one holder is copied before it is written. An
 * entry lives as long as some area covers it.
 *
 * Anonymous index of va: (va >> PAGE_SHIFT) + area->anon_delta, modulo 2^32: it stays the same
 * when areas split, merge, grow or move. No area spans more than VM_AREA_MAX.
 *
 * Locks: mm->lock (areas; faults read, changes write) -> rmap->lock (a family's maps, lists of
 * areas, pages' identity) -> mm->pt_lock (tables). Nobody sleeps with the latter two.
 */
#ifndef TWOFOLD_VM_H
#define TWOFOLD_VM_H

#include <bsd/sys/tree.h>
#include <sys/queue.h>
#include <twofold/contrast.h>
#include <twofold/pagemap.h>
#include <twofold/pt.h>
#include <twofold/span.h>
#include <twofold/wait.h>

struct file;
struct vm_area;
struct vm_object;

#define VM_AREA_MAX (8ull << 40)

struct rmap {
	spinlock_t lock; /* RANK_RMAP. Type-stable memory: lock, then see if it is still yours */
	uint32_t refs;	 /* objects, and swapoff at work, under lock */
	LIST_HEAD(, vm_object) objects;
	TAILQ_ENTRY(rmap) all; /* every family, under families_lock */
	uint32_t seen;	       /* by which swapoff last */
	bool anon;	       /* private memory: RANK_RMAP; else files' and shared: RANK_RMAP_2 */
};

struct object_ops {
	/* Fills a locked page from where the object's data lies, and zeroes what is past its end.
	 * May sleep. Errors: -EIO. NULL: a page that is not there is zeros. */
	int (*fill)(struct vm_object *object, struct page *page);
	/* The file's size in bytes now; a fault on a page wholly past it is SIGBUS. */
	uint64_t (*size)(const struct vm_object *object);
};

struct vm_object {
	struct rmap *rmap;
	struct pagemap pages;
	/* that map it, by page index: spans are areas' anon_span, object_span */
	struct span_tree areas;
	LIST_ENTRY(vm_object) sibling;
	const struct object_ops *ops; /* NULL: anonymous */
	void *owner;		      /* an inode; NULL: lives as long as an area does */
	uint32_t nr_pages, nr_slots;  /* entries of each kind */
	uint8_t gauge;		      /* what its pages count as: NR_ANON, NR_FILE, NR_SHMEM */
};

/* Area flags. */
#define VMA_SHARED 0x01u    /* writes go to the object that all see */
#define VMA_COW 0x02u	    /* the anonymous object may be another's too: copy it before writing */
#define VMA_GROWSDOWN 0x04u /* a stack: grows down to mm->stack_limit, above a guard gap */
#define VMA_IO 0x08u	    /* remap_pfn_range(): leaves only, nothing to fault in */
#define VMA_STACK 0x10u	    /* names, for /proc/PID/maps */
#define VMA_HEAP 0x20u
#define VMA_VDSO 0x40u
#define VMA_NORESERVE 0x80u
#define VMA_LOCKED 0x100u /* mlock: faulted in at once, not evicted */
#define VMA_DONTFORK 0x200u
#define VMA_WIPEONFORK 0x400u
#define VMA_FORKED 0x800u /* was `cow` once: a hint that writes find pages there already */

struct vm_area {
	uint64_t start, end; /* user addresses, page-aligned */
	uint8_t prot;	     /* PROT_READ | PROT_WRITE | PROT_EXEC */
	/* what mprotect may give: a shared file opened read-only has no WRITE */
	uint8_t max_prot;
	uint16_t flags;
	uint32_t anon_delta;
	bool copies; /* a hint, any reader may set it: its last write fault had a page to copy */
	struct mm *mm;
	/* of `anon`; set once, with it. Its lock guards which object that is */
	struct rmap *family;
	struct vm_object *anon;	  /* or NULL: nothing private yet */
	struct vm_object *object; /* of the file, or of shared anonymous memory; or NULL */
	struct file *file;	  /* holds a reference; or NULL */
	uint64_t pgoff;		  /* page of `object` at start; VMA_IO: frame number at start */
	RB_ENTRY(vm_area) node;
	TAILQ_ENTRY(vm_area) in_order;
	uint64_t gap, max_gap; /* free bytes below it; the most below any area of its subtree */
	struct span anon_span, object_span; /* in the object's tree, under its rmap->lock */
};

RB_HEAD(vm_area_tree, vm_area);
TAILQ_HEAD(vm_area_list, vm_area);

struct mm {
	struct rwsem lock;
	struct vm_area_tree areas;
	struct vm_area_list area_list; /* the same, by address */
	struct vm_area *last;	       /* the area found last; any reader may store it */
	uint32_t nr_areas;
	int32_t refs;

	spinlock_t pt_lock; /* RANK_PT: both trees, and what is counted of them */
	struct pt pt;
	struct pt twin;	    /* in the other format; root 0: none */
	uint64_t twin_lost; /* entries that the twin lacks, at most (twin_sync() counts them) */
	struct flag_faults flag_faults;

	uint64_t mmap_base; /* top of where mmap looks first, downwards */
	uint64_t brk_start, brk;
	uint64_t stack_top, stack_limit; /* limit in bytes */
	uint64_t arg_start, arg_end, env_start, env_end, vdso;
	struct file *exe;

	/* In pages, but for faults; changed atomically or under pt_lock. */
	uint64_t total_vm;
	uint64_t rss_peak; /* without what stands now: mm_rss_peak() */
	uint64_t min_faults, maj_faults, swap_ins, swap_outs;
	int32_t oom_score_adj;
	bool oom_victim;
	LIST_ENTRY(mm) all; /* every address space (mm/totals.c) */
};

/* Resident pages, now and at most: leaves of the tables, the zero page's included. */
static inline uint64_t mm_rss(const struct mm *mm)
{
	return READ_ONCE(mm->pt.stats.leaves);
}

static inline uint64_t mm_rss_peak(const struct mm *mm)
{
	return MAX(mm->rss_peak, mm_rss(mm));
}

void vm_init(void);

/* ---- address spaces (mm/mm.c) ---- */
struct mm *mm_create(void);	       /* NULL: no memory */
struct mm *mm_fork(struct mm *parent); /* NULL: no memory; the parent is as it was but slower */
void mm_get(struct mm *mm);
void mm_put(struct mm *mm); /* the last one unmaps all; may sleep */

/* How many of its leaves are pages of files or of shared memory. Takes pt_lock; walks them all. */
uint64_t mm_shared_pages(struct mm *mm);

/* ---- system calls' work (mm/mmap.c): Linux's arguments, results and errno ---- */
struct map_request {
	uint64_t addr, len;
	int prot, flags;   /* PROT_*, MAP_* */
	struct file *file; /* NULL: anonymous; else an extra reference is taken */
	uint64_t pgoff;
	unsigned vma_flags; /* VMA_* to set besides */
};
int64_t mm_map(struct mm *mm, const struct map_request *req); /* address or -errno */
int mm_unmap(struct mm *mm, uint64_t addr, uint64_t len);
int mm_protect(struct mm *mm, uint64_t addr, uint64_t len, int prot);
int64_t mm_remap(struct mm *mm, uint64_t old, uint64_t old_len, uint64_t new_len, int flags,
		 uint64_t new_addr);
int mm_advise(struct mm *mm, uint64_t addr, uint64_t len, int advice);
int64_t mm_brk(struct mm *mm, uint64_t brk);
int mm_mincore(struct mm *mm, uint64_t addr, uint64_t len, uptr_t vec);
int mm_msync(struct mm *mm, uint64_t addr, uint64_t len, int flags);
int mm_lock_range(struct mm *mm, uint64_t addr, uint64_t len, bool lock);
/* Maps device memory or reserved frames for a user at once. mm->lock not held. */
int64_t remap_pfn_range(struct mm *mm, uint64_t addr, pfn_t pfn, uint64_t len, prot_t prot);

/* ---- areas (mm/area.c); mm->lock held ---- */
struct vm_area *area_find(struct mm *mm, uint64_t addr); /* the first with end > addr, or NULL */
static inline struct vm_area *area_first(struct mm *mm)
{
	return TAILQ_FIRST(&mm->area_list);
}

static inline struct vm_area *area_next(struct vm_area *area)
{
	return TAILQ_NEXT(area, in_order);
}

/* One line of /proc/PID/maps for the area, newline included; returns its length as snprintf. */
int area_describe(const struct vm_area *area, char *buf, size_t size);
/* Parts of it: "rw-p", and the file's path (in `path`, if need be), "[stack]" ... or "". */
void area_rights(const struct vm_area *area, char rights[5]);
const char *area_name(const struct vm_area *area, char *path, size_t size);
/* What the area holds for a page, whatever the tables say: its own, else its object's. */
entry_t area_entry(const struct vm_area *area, uint64_t va);

/* ---- faults (mm/fault.c) ---- */
#define FAULT_WRITE 1u
#define FAULT_EXEC 2u
#define FAULT_ACCESS_FLAG 4u /* the hardware said: only the accessed flag is missing */

/* What was mapped, by the cases in the head of mm/fault.c. */
enum fault_did {
	DID_NOTHING,
	DID_ACCESSED,	 /* the accessed flag was set */
	DID_ZERO_PAGE,	 /* the zero page, read-only */
	DID_FRESH_PAGE,	 /* a page of zeros of its own */
	DID_OWN_PAGE,	 /* its private page, for reading */
	DID_OBJECT_PAGE, /* a page of a file, or of shared memory */
	DID_OBJECT_COPY, /* a private copy of a file's page */
	DID_COW_COPY,	 /* a copy of a private page that others have too */
	DID_COW_REUSE,	 /* its private page, made writable where it is */
	DID_DEVICE,
	NR_FAULT_DIDS
};

/* How a fault ended: by a signal, or by what was done about it. */
struct fault_signal {
	int signo, code; /* SIGSEGV: SEGV_MAPERR, SEGV_ACCERR; SIGBUS: BUS_ADRERR, BUS_OBJERR */
	const char *why;
	struct fault_told {
		uint8_t did;		   /* enum fault_did */
		bool major, swapped, grew; /* it read; from a slot; the stack grew first */
	} told;				   /* 0 returned */
};
#define FAULT_SIGNAL(n, c, w) ((struct fault_signal){.signo = (n), .code = (c), .why = (w)})
/*
 * Handles a fault of a user address. No locks held; sleeps. 0: retry the access, *sig says what was
 * done. -EFAULT: *sig says what Linux would send. -ENOMEM: the task was killed for memory, or will
 * be.
 */
int mm_fault(struct mm *mm, uint64_t addr, unsigned access, struct fault_signal *sig);
/* Faults in [addr, addr+len) (MAP_POPULATE, mlock). 0, -ENOMEM, -EFAULT. */
int mm_populate(struct mm *mm, uint64_t addr, uint64_t len, bool write);
/*
 * The frame behind a user address, with a reference, faulted in as needed: for /proc/PID/mem,
 * ptrace-like readers and exec's copying into a new stack. NULL: not mapped. mm->lock not held;
 * sleeps.
 */
struct page *mm_get_page(struct mm *mm, uint64_t addr, bool write);

/* ---- user memory that a device works on (mm/pin.c) ---- */
/*
 * The pages from `addr`, page-aligned, on, each with a reference, faulted in as needed: up to n of
 * them, until one that cannot be had. Returns how many. Not 0: mm->lock is held for reading until
 * mm_unpin_pages(), and the caller must not fault meanwhile. `write`: the device may write to them.
 * Sleeps.
 */
unsigned mm_pin_pages(struct mm *mm, uint64_t addr, unsigned n, bool write, struct page *pages[]);
void mm_unpin_pages(struct mm *mm, struct page *pages[], unsigned n); /* the array is used up */

/* ---- objects and the page cache (mm/object.c, mm/filemap.c) ---- */
struct vm_object *object_create(const struct object_ops *ops, void *owner); /* or NULL */
/* The owner goes: drops all pages and slots; areas that still map it keep it alive. */
void object_release(struct vm_object *object);
/*
 * The page at `index`, up to date, with a reference; reads or swaps it in, makes it if absent.
 * ERR_PTR: -EIO, -ENOMEM. Sleeps.
 */
struct page *object_get_page(struct vm_object *object, uint64_t index);
/* Puts frames that hold file data already (the loader's archive) in the object, uncopied. The
 * frames are PG_RESERVED. -ENOMEM. */
int object_adopt(struct vm_object *object, uint64_t index, paddr_t pa, uint64_t nr_pages);
/* Drops pages from `first` to `last` inclusive, unmapping them everywhere. */
void object_truncate(struct vm_object *object, uint64_t first, uint64_t last);
/* Brings back into memory every page whose entry in some object names a slot of [first, last]: for
 * swapoff, once nothing is written there any more. Sleeps. 0, -ENOMEM, -EIO, -EINTR. */
int objects_swap_in(uint32_t first, uint32_t last);

/* ---- reverse mapping (mm/rmap.c): page held by a reference and page->rmap->lock held ---- */
/*
 * Locks the family that the page belongs to now; NULL when it belongs to none. trylock: for
 * reclaim, NULL also when somebody else holds it.
 */
struct rmap *page_lock_rmap(struct page *page, bool trylock);
/*
 * Reclaim's work on the tables of many pages. The address space whose turn it is stays locked from
 * page to page; when it is another's turn, and at rmap_flush(), its TLBs forget what was unmapped,
 * once for all of it. rmap_flush() comes before the family is unlocked.
 */
struct rmap_batch {
	struct mm *mm; /* pt_lock held; NULL: none, as at the start */
};
void rmap_flush(struct rmap_batch *batch);

struct page_use {
	unsigned holders; /* objects */
	unsigned mapped;  /* leaves */
	bool young;	  /* one was accessed since last asked; that is cleared */
	bool locked;	  /* an area that shows it is VMA_LOCKED */
};
void rmap_look(struct rmap_batch *batch, const struct page *page, struct page_use *use);
/*
 * Takes the page out of every table, leaving `token` (0: none). After rmap_flush() nobody writes to
 * it by a mapping, and if anybody did it is PG_DIRTY. As long as an object holds it, it may be
 * mapped again once its family is unlocked.
 */
void rmap_unmap(struct rmap_batch *batch, const struct page *page, uint32_t token);
/* Others than `holders` objects, the swap cache and the caller (one) have references. */
bool rmap_has_visitors(const struct page *page, unsigned holders);
/*
 * The page, in no table any more, leaves the objects that hold it, `holders` in number, and the
 * swap cache; its slot, if it has one, takes its place. Their references are dropped.
 */
void rmap_release(struct rmap_batch *batch, struct page *page, unsigned holders);

/* Machine-wide counts for /proc/meminfo and /proc/vmstat (mm/vmstat.c): summed over cores. */
enum vm_event {
	PGFAULT,
	PGMAJFAULT,
	PGALLOC,
	PGFREE,
	PSWPIN,
	PSWPOUT,
	PGPGIN,
	PGPGOUT,
	PGACTIVATE,
	PGDEACTIVATE,
	PGSCAN_KSWAPD,
	PGSCAN_DIRECT,
	PGSTEAL_KSWAPD,
	PGSTEAL_DIRECT,
	PGROTATED,
	ALLOCSTALL,
	KSWAPD_WAKE,
	SWAP_RA,
	SWAP_RA_HIT,
	SWAP_CLEAN_DROP,
	OOM_KILL,
	COW_COPY,
	COW_REUSE,
	ZERO_PAGE_MAP,
	FAULT_AROUND,
	DROP_PAGECACHE,
	PT_PAGES_ALLOC,
	PT_PAGES_FREE,
	TWIN_ALLOC_FAIL, /* tables of twins that could not be had */
	TWIN_LOST,	 /* entries that twins went without for that */
	NR_VM_EVENTS
};
extern const char *const vm_event_names[NR_VM_EVENTS]; /* Linux's names where it has one */
#define VM_EVENTS_STRIDE 32 /* a power of two: the address is found by a shift */
_Static_assert(NR_VM_EVENTS <= VM_EVENTS_STRIDE, "their place");
extern uint64_t vm_events[NR_CPUS][VM_EVENTS_STRIDE];
uint64_t vm_event_sum(enum vm_event e);

static inline void count_vm_event(enum vm_event e)
{
	vm_events[cpu_id()][e]++;
}

static inline void count_vm_events(enum vm_event e, uint64_t n)
{
	vm_events[cpu_id()][e] += n;
}

/* Gauges, in pages: changed by atomic adds. */
enum vm_gauge {
	NR_ANON,
	NR_FILE,
	NR_SHMEM,
	NR_TABLES,
	NR_TWIN_TABLES,
	NR_KSTACKS,
	NR_DIRTY,
	NR_WRITEBACK,
	NR_VM_GAUGES
};
extern int64_t vm_gauges[NR_VM_GAUGES];

extern int64_t twin_tables_peak; /* the most that NR_TWIN_TABLES ever was */
void count_twin_tables(int64_t n);

static inline void vm_gauge_add(enum vm_gauge g, int64_t n)
{
	__atomic_fetch_add(&vm_gauges[g], n, __ATOMIC_RELAXED);
}

#endif
