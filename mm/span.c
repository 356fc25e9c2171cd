// SPDX-License-Identifier: BSD-2-Clause
/* Interval trees: a red-black tree by start, each node knowing the greatest end of its subtree. */
#include <twofold/span.h>

static inline uint32_t max_of(const struct span *s)
{
	uint32_t max = s->last;

	if (RB_LEFT(s, node) && RB_LEFT(s, node)->max > max)
		max = RB_LEFT(s, node)->max;
	if (RB_RIGHT(s, node) && RB_RIGHT(s, node)->max > max)
		max = RB_RIGHT(s, node)->max;
	return max;
}

#undef RB_AUGMENT
#define RB_AUGMENT(x) ((x)->max = max_of(x))

/* Equal starts are told apart by address: any order will do, as long as it is one. */
static int compare(const struct span *a, const struct span *b)
{
	if (a->first != b->first)
		return a->first < b->first ? -1 : 1;
	return a < b ? -1 : a > b;
}

RB_GENERATE_INTERNAL(span_tree, span, node, compare, static __attribute__((unused)))

/*
 * In a tree that is right. A span enters and leaves the tree as if it ended at 0, so that inserting
 * and removing, whose rotations keep what they turn, leave it right.
 */
void span_set_last(struct span *span, uint32_t last)
{
	uint32_t max;

	span->last = last;
	for (; span && (max = max_of(span)) != span->max; span = RB_PARENT(span, node))
		span->max = max;
}

void span_insert(struct span_tree *tree, struct span *span)
{
	uint32_t last = span->last;

	span->last = span->max = 0;
	RB_INSERT(span_tree, tree, span);
	span_set_last(span, last);
}

void span_remove(struct span_tree *tree, struct span *span)
{
	uint32_t last = span->last;

	span_set_last(span, 0);
	RB_REMOVE(span_tree, tree, span);
	span->last = last;
}

/* The leftmost overlapping span of a subtree whose max is at least `first`; or NULL. */
static struct span *leftmost(struct span *s, uint32_t first, uint32_t last)
{
	for (;;) {
		struct span *left = RB_LEFT(s, node), *right = RB_RIGHT(s, node);

		if (left && left->max >= first) {
			/* It holds a span that ends late enough; if that starts too late, all
			 * others do. */
			s = left;
			continue;
		}
		if (s->first > last)
			return NULL;
		if (s->last >= first)
			return s;
		if (!right || right->max < first)
			return NULL;
		s = right;
	}
}

struct span *span_find(const struct span_tree *tree, uint32_t first, uint32_t last)
{
	struct span *root = RB_ROOT(tree);

	if (!root || root->max < first)
		return NULL;
	return leftmost(root, first, last);
}

struct span *span_next(struct span *span, uint32_t first, uint32_t last)
{
	for (;;) {
		struct span *right = RB_RIGHT(span, node), *child;

		if (right && right->max >= first)
			return leftmost(right, first, last);
		do {
			child = span;
			span = RB_PARENT(span, node);
			if (!span)
				return NULL;
		} while (child == RB_RIGHT(span, node));
		if (span->first > last)
			return NULL;
		if (span->last >= first)
			return span;
	}
}
