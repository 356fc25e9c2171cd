/* SPDX-License-Identifier: BSD-2-Clause */
/* What drivers/devtree.c keeps of the tree, for the two files that build on it. */
#ifndef DEVTREE_INTERNAL_H
#define DEVTREE_INTERNAL_H

#include <twofold/devtree.h>

/* Cells per address and size where a node says nothing (Devicetree Specification, 2.3.5). */
#define DT_DEFAULT_ADDR_CELLS 2
#define DT_DEFAULT_SIZE_CELLS 1

struct dt_node {
	const struct dt_node *parent; /* NULL: the root */
	const char *name;	      /* in the blob, as all pointers here */
	const char *compatible;	      /* strings one after the other; NULL */
	const char *device_type;      /* NULL */
	const uint8_t *reg;
	int offset; /* in the structure block */
	int compatible_len, reg_len;
	uint32_t phandle, interrupt_parent; /* the latter inherited; 0: none */
	uint8_t addr_cells, size_cells;	    /* of the node's children */
	bool enabled;
};

/* The kept nodes in the tree's order; from NULL: the root. NULL past the last. */
const struct dt_node *dt_next(const struct dt_node *from);
/* A property that is one NUL-terminated string: NULL where absent, or (logged) where it is not. */
const char *dt_string(const struct dt_node *node, const char *name);
/* A number of one or two cells; false where absent, or (logged) of another size. */
bool dt_u64(const struct dt_node *node, const char *name, uint64_t *value);
/* reg's i-th address as the parent counts (no `ranges`): cores. -ENOENT, -EINVAL. */
int dt_reg_raw(const struct dt_node *node, unsigned i, uint64_t *start, uint64_t *size);
/* Logs "devtree: PATH: WHAT". */
void dt_complain(const struct dt_node *node, const char *fmt, ...) __printf(2, 3);
/* Fills `machine` from the table. */
void dt_gather(void);

#endif
