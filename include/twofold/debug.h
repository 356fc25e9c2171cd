/* SPDX-License-Identifier: BSD-2-Clause */
/* What only DEBUG=1 builds do to frames as they come and go; nothing in others. */
#ifndef TWOFOLD_DEBUG_H
#define TWOFOLD_DEBUG_H

#include <twofold/log.h>
#include <twofold/page.h>
#include <twofold/string.h>

/* Whoever reads a frame that is not its own, or not yet written, sees one of these. */
#define POISON_ALLOCATED 0x5a
#define POISON_FREE 0xfe

#ifdef DEBUG
static inline void poison(struct page *page, unsigned order, int byte)
{
	memset(page_to_ptr(page), byte, PAGE_SIZE << order);
}

static inline void check_may_sleep(void)
{
	CHECK(!this_cpu()->nr_locks && !this_cpu()->irq_depth);
}
#else
static inline void poison(struct page *page, unsigned order, int byte)
{
	(void)page, (void)order, (void)byte;
}

static inline void check_may_sleep(void)
{
}
#endif

#endif
