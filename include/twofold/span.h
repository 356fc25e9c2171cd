/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An interval tree: which areas cover a page index of an object. Spans are inclusive, may overlap
 * and be equal. The lock of the object's family guards the tree. Cost: logarithmic per result.
 */
#ifndef TWOFOLD_SPAN_H
#define TWOFOLD_SPAN_H

#include <bsd/sys/tree.h>
#include <twofold/types.h>

struct span {
	RB_ENTRY(span) node;
	uint32_t first, last;
	uint32_t max; /* the greatest `last` of its subtree */
};

RB_HEAD(span_tree, span);

void span_insert(struct span_tree *tree, struct span *span);
void span_remove(struct span_tree *tree, struct span *span);
void span_set_last(struct span *span, uint32_t last); /* of one that is in a tree */
/* The spans that overlap [first, last], by ascending start; NULL after the last one. */
struct span *span_find(const struct span_tree *tree, uint32_t first, uint32_t last);
struct span *span_next(struct span *span, uint32_t first, uint32_t last);

#endif
