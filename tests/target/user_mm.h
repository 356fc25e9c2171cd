/* SPDX-License-Identifier: BSD-2-Clause */
/* A user address space under a kernel thread: its accesses go through the tables and fault. */
#ifndef TARGET_USER_MM_H
#define TARGET_USER_MM_H

#include <arch/uaccess.h>
#include <linux/mman.h>
#include <twofold/selftest.h>
#include <twofold/task.h>
#include <twofold/vm.h>

/* An empty one, of which the calling thread now sees the lower half; NULL: no memory. */
struct mm *user_mm_begin(void);
void user_mm_end(struct mm *mm); /* drops it */
void user_mm_use(struct mm *mm); /* sees this one from now on; NULL: none */

/* mmap of n anonymous pages anywhere; 0: it failed. */
uint64_t user_map(struct mm *mm, unsigned pages, int prot, int flags);

static inline bool user_store(uint64_t addr, uint64_t value)
{
	return put_user_u64(UPTR(addr), value) == 0;
}

/* What is there; 0xbad where it cannot be read. */
static inline uint64_t user_load(uint64_t addr)
{
	uint64_t value;

	return get_user_u64(&value, UPTR(addr)) ? 0xbad : value;
}

#endif
