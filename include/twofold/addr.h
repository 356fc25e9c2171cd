/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Addresses. Physical and virtual ones are different struct types, so that mixing them does not
 * compile. A user pointer is a third: only the routines of <arch/uaccess.h> look behind it.
 */
#ifndef TWOFOLD_ADDR_H
#define TWOFOLD_ADDR_H

#include <twofold/types.h>

typedef struct {
	uint64_t pa;
} paddr_t;

typedef struct {
	uint64_t va;
} vaddr_t;

/* An address that a user program gave: unchecked, may be anything. */
typedef struct {
	uint64_t ua;
} uptr_t;

#define PADDR(x) ((paddr_t){(uint64_t)(x)})
#define VADDR(x) ((vaddr_t){(uint64_t)(x)})
#define UPTR(x) ((uptr_t){(uint64_t)(x)})

typedef uint32_t pfn_t; /* frame number: physical address >> PAGE_SHIFT; 16 TiB of it */

static inline vaddr_t va_add(vaddr_t va, uint64_t bytes)
{
	return VADDR(va.va + bytes);
}

static inline paddr_t pa_add(paddr_t pa, uint64_t bytes)
{
	return PADDR(pa.pa + bytes);
}

static inline uptr_t uptr_add(uptr_t p, uint64_t bytes)
{
	return UPTR(p.ua + bytes);
}

static inline pfn_t pa_to_pfn(paddr_t pa)
{
	return (pfn_t)(pa.pa >> PAGE_SHIFT);
}

static inline paddr_t pfn_to_pa(pfn_t pfn)
{
	return PADDR((uint64_t)pfn << PAGE_SHIFT);
}

static inline vaddr_t ptr_to_va(const volatile void *p)
{
	return VADDR((uintptr_t)p);
}

static inline void *va_to_ptr(vaddr_t va)
{
	return (void *)(uintptr_t)va.va;
}

#endif
