/* SPDX-License-Identifier: BSD-2-Clause */
/* What the walks of both software MMUs are made of. Not for their users. */
#ifndef TWOFOLD_SOFTMMU_WALK_H
#define TWOFOLD_SOFTMMU_WALK_H

#include <twofold/softmmu.h>

struct mmu_rights {
	bool read, write, exec;
};

static inline bool mmu_allows(struct mmu_rights rights, enum mmu_access access)
{
	switch (access) {
	case MMU_READ:
		return rights.read;
	case MMU_WRITE:
		return rights.write;
	default:
		return rights.exec;
	}
}

/* The next entry of the walk. False: no memory is there. */
static inline bool mmu_load(const struct mmu_memory *memory, struct mmu_result *result, int level,
			    uint64_t at, uint64_t *entry)
{
	result->level = level;
	result->loads++;
	if (!memory->load(memory->arg, PADDR(at), entry))
		return false;
	result->steps[result->nr_steps++] = (struct mmu_step){PADDR(at), *entry, *entry};
	return true;
}

/* The hardware makes the last entry read `new`. False: it changed meanwhile. */
static inline bool mmu_update(const struct mmu_memory *memory, struct mmu_result *result,
			      uint64_t new)
{
	struct mmu_step *step = &result->steps[result->nr_steps - 1];

	if (step->was == new)
		return true;
	if (memory->update && !memory->update(memory->arg, step->at, step->was, new))
		return false;
	result->updates++;
	step->is = new;
	return true;
}

#endif
