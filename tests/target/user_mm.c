// SPDX-License-Identifier: BSD-2-Clause
/* See user_mm.h. */
#include <arch/mmu.h>

#include "user_mm.h"

void user_mm_use(struct mm *mm)
{
	current->mm = mm;
	mmu_switch(mm ? &mm->pt : NULL);
}

struct mm *user_mm_begin(void)
{
	struct mm *mm = mm_create();

	EXPECT(mm);
	if (mm)
		user_mm_use(mm);
	return mm;
}

void user_mm_end(struct mm *mm)
{
	user_mm_use(NULL);
	mm_put(mm);
}

uint64_t user_map(struct mm *mm, unsigned pages, int prot, int flags)
{
	struct map_request req = {
		.len = pages * PAGE_SIZE, .prot = prot, .flags = flags | MAP_ANONYMOUS};
	int64_t at = mm_map(mm, &req);

	EXPECT(at > 0);
	return at > 0 ? (uint64_t)at : 0;
}
