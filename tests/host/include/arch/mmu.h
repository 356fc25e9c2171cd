/* SPDX-License-Identifier: BSD-2-Clause */
/* The host's machine layer of page tables: entries are stored under the eyes of tlb_model.c. */
#ifndef ARCH_MMU_H
#define ARCH_MMU_H

#include <twofold/addr.h>
#include <twofold/layout.h>

struct pt;

extern uint64_t host_direct_base; /* shim.c: the host pointer to physical address 0 */

static inline vaddr_t direct_map_va(paddr_t pa)
{
	return VADDR(pa.pa + host_direct_base);
}

static inline paddr_t direct_map_pa(vaddr_t va)
{
	return PADDR(va.va - host_direct_base);
}

paddr_t image_pa(const void *p);

static inline uint64_t mmu_load(const uint64_t *slot)
{
	return __atomic_load_n(slot, __ATOMIC_RELAXED);
}

void mmu_store(uint64_t *slot, uint64_t entry);
uint64_t mmu_exchange(uint64_t *slot, uint64_t entry);
bool mmu_compare_store(uint64_t *slot, uint64_t old, uint64_t entry);
void mmu_publish(bool kernel);
void mmu_flush(uint64_t asid, vaddr_t va, uint64_t size, bool tables);
void mmu_switch(struct pt *pt);
unsigned mmu_running(const struct pt *pt, bool *here);
void mmu_release(struct pt *pt);

#endif
