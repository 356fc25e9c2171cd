/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The machine layer of page tables: the direct map, entry stores, TLB maintenance, switching.
 * The host build has a header of the same name, whose stores and flushes feed a TLB model.
 */
#ifndef ARCH_MMU_H
#define ARCH_MMU_H

#include <twofold/addr.h>
#include <twofold/layout.h>

struct pt;

static inline vaddr_t direct_map_va(paddr_t pa)
{
	return VADDR(pa.pa + DIRECT_BASE);
}

static inline paddr_t direct_map_pa(vaddr_t va)
{
	return PADDR(va.va - DIRECT_BASE);
}

/* The physical address of something inside the image (its text or data). */
paddr_t image_pa(const void *p);
/*
 * Boot, before there is an allocator: the page of device registers that `pa` lies in, strongly
 * ordered, in the fixmap for good; returns the pointer for `pa` itself. Panics past FIXMAP_DEVICES pages.
 */
#define FIXMAP_DEVICES 15
void *fixmap_device(paddr_t pa);

/* Reads an entry that another core, or the hardware (HAFDBS), may change. */
static inline uint64_t mmu_load(const uint64_t *slot)
{
	return __atomic_load_n(slot, __ATOMIC_RELAXED);
}

/*
 * Stores an entry of a tree that the machine may walk. Must never replace a valid entry by another
 * that differs in output address, size or type: that is put()'s care. No barrier: mmu_publish()
 * after the last.
 * What a table or page holds is visible before the entry that leads there.
 */
static inline void mmu_store(uint64_t *slot, uint64_t entry)
{
	__atomic_store_n(slot, entry, __ATOMIC_RELEASE);
}

/* Swaps an entry atomically: hardware may set flags in between. Returns the old one. */
static inline uint64_t mmu_exchange(uint64_t *slot, uint64_t entry)
{
	return __atomic_exchange_n(slot, entry, __ATOMIC_ACQ_REL);
}

/* Like mmu_store(), but only if *slot still is `old`. */
static inline bool mmu_compare_store(uint64_t *slot, uint64_t old, uint64_t entry)
{
	return __atomic_compare_exchange_n(slot, &old, entry, false, __ATOMIC_ACQ_REL,
					   __ATOMIC_RELAXED);
}

/* Makes stores of new entries visible to all walkers: DSB ISHST, and ISB for the kernel's own. */
static inline void mmu_publish(bool kernel)
{
	/* For a program's entries the ERET that takes us back is the context synchronisation; LDTR
	 * in the kernel that misses one faults again, and finds it. */
	__asm__ volatile("dsb ishst" ::: "memory");
	if (kernel)
		__asm__ volatile("isb" ::: "memory");
}
/*
 * Forgets what the TLBs and walk caches of all cores hold of [va, va+size); complete on return.
 * asid 0: kernel addresses. Over a handful of pages it may forget the whole ASID instead.
 * `tables`: table entries changed too (walk caches; TLBI VAE1IS), else last-level only (VALE1IS).
 */
void mmu_flush(uint64_t asid, vaddr_t va, uint64_t size, bool tables);
/* Makes `pt` the lower half of this core; gives it a current ASID. NULL: no user space (idle). */
void mmu_switch(struct pt *pt);
/* How many other cores have `pt` for their lower half now, and whether this one has. */
unsigned mmu_running(const struct pt *pt, bool *here);
/* An address space dies: its ASID may be reused after the next generation. */
void mmu_release(struct pt *pt);

#endif
