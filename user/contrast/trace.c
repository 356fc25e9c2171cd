// SPDX-License-Identifier: BSD-2-Clause
/* Access traces for `contrast tlb`. */
#include "tlb.h"
#include <stdlib.h>

#define STRIDE 17 /* pages: odd, so that all sets of a TLB are met */

const char *const trace_names[NR_TRACES] = {"seq", "stride", "random", "zipf"};

/* Marsaglia's xorshift64. */
static uint64_t next_random(struct accesses *a)
{
	a->seed ^= a->seed << 13;
	a->seed ^= a->seed >> 7;
	a->seed ^= a->seed << 17;
	return a->seed;
}

/* Page k, counted from 1, has weight 1/k. */
static double *zipf_weights(uint64_t pages)
{
	double *cumulative = malloc(pages * sizeof(double)), sum = 0;

	if (!cumulative)
		die("no memory");
	for (uint64_t i = 0; i < pages; i++)
		cumulative[i] = sum += 1.0 / (double)(i + 1);
	return cumulative;
}

void trace_begin(struct accesses *a, enum trace trace, uint64_t pages)
{
	*a = (struct accesses){.trace = trace, .pages = pages, .seed = 0x9e3779b97f4a7c15};
	if (trace == TRACE_ZIPF)
		a->cumulative = zipf_weights(pages);
}

void trace_end(struct accesses *a)
{
	free(a->cumulative);
}

static uint64_t next_zipf(struct accesses *a)
{
	double wanted = (double)(next_random(a) >> 11) / 0x1p53 * a->cumulative[a->pages - 1];
	uint64_t low = 0, high = a->pages - 1;

	while (low < high) {
		uint64_t middle = (low + high) / 2;

		if (a->cumulative[middle] < wanted)
			low = middle + 1;
		else
			high = middle;
	}
	/* Popular pages are not neighbours. */
	return low * 2654435761u % a->pages;
}

uint64_t trace_next(struct accesses *a, bool *write)
{
	uint64_t n = a->at++;

	*write = n % 4 == 3;
	switch (a->trace) {
	case TRACE_STRIDE:
		return n * STRIDE % a->pages;
	case TRACE_RANDOM:
		return next_random(a) % a->pages;
	case TRACE_ZIPF:
		return next_zipf(a);
	default: /* 16 accesses to each page in turn */
		return n / 16 % a->pages;
	}
}
