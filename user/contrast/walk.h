/* SPDX-License-Identifier: BSD-2-Clause */
/* One address in both trees (walk.c), and what CPUs make of it (judge.c). */
#ifndef CONTRAST_WALK_H
#define CONTRAST_WALK_H

#include "contrast.h"
#include <twofold/softmmu.h>

struct tree_entry {
	int level; /* 3 (root) to 0 */
	uint64_t at, value;
};

struct tree {
	bool there; /* else twin=off */
	uint64_t root;
	unsigned asid;
	unsigned n;
	struct tree_entry entries[PT_LEVELS];
};

struct control {
	uint64_t tcr, sctlr, mair, pat;
	int hafdbs, pan; /* the CPU has them */
};

struct walk {
	int pid;
	uint64_t va;
	char area[256], state[64];
	struct tree trees[2]; /* by enum side */
	struct control control;
};

/* What one privilege may do. */
struct rights {
	bool may[3]; /* by enum mmu_access */
	const char *note;
};

struct verdict {
	struct rights user, kernel;
	bool mapped;
	uint64_t pa;	    /* mapped */
	int level;	    /* mapped: of the leaf */
	const char *memory; /* mapped: its type */
	char fault[96];	    /* not mapped: what a read by a program meets */
};

void judge(const struct walk *walk, enum side side, struct verdict *verdict);

/* An entry's kind and the fields that are set, in the manual's names. */
void entry_flags(enum side side, const struct tree_entry *entry, char *buf, size_t size);

/* x86: bits 63 to 47 equal. */
static inline bool va_is_canonical(uint64_t va)
{
	return va >> 47 == 0 || va >> 47 == 0x1ffff;
}

#endif
