// SPDX-License-Identifier: BSD-2-Clause
/* What no kernel can do without: a page cleared, a page copied. */
#include "vmbench.h"

/* By DC ZVA, whose block is 64 bytes on the cores that are measured. */
static void clear_pages(char *p, size_t pages, size_t stride)
{
	(void)stride;
	for (char *end = p + pages * PAGE; p < end; p += 512)
		__asm__ volatile("dc zva, %0\n\tdc zva, %1\n\tdc zva, %2\n\tdc zva, %3\n\t"
				 "dc zva, %4\n\tdc zva, %5\n\tdc zva, %6\n\tdc zva, %7"
				 :
				 : "r"(p), "r"(p + 64), "r"(p + 128), "r"(p + 192), "r"(p + 256),
				   "r"(p + 320), "r"(p + 384), "r"(p + 448)
				 : "memory");
}

static size_t floor_clear(void)
{
	uint64_t dczid;

	__asm__("mrs %0, dczid_el0" : "=r"(dczid));
	if (dczid != 4) {
		errno = ENOTSUP;
		die("DC ZVA of 64 bytes");
	}
	return on_fresh_pages(write_all, clear_pages);
}

#define COPY_64(at)                                                                                \
	"ldp x2, x3, [%1, #" #at "]\n\tldp x4, x5, [%1, #" #at " + 16]\n\t"                        \
	"ldp x6, x7, [%1, #" #at " + 32]\n\tldp x8, x9, [%1, #" #at " + 48]\n\t"                   \
	"stp x2, x3, [%0, #" #at "]\n\tstp x4, x5, [%0, #" #at " + 16]\n\t"                        \
	"stp x6, x7, [%0, #" #at " + 32]\n\tstp x8, x9, [%0, #" #at " + 48]\n\t"

static void copy_halves(char *p, size_t pages, size_t stride)
{
	char *to = p, *from = p + pages / 2 * stride;

	for (char *end = from; to < end; to += 256, from += 256)
		__asm__ volatile(COPY_64(0) COPY_64(64) COPY_64(128) COPY_64(192)
				 :
				 : "r"(to), "r"(from)
				 : "x2", "x3", "x4", "x5", "x6", "x7", "x8", "x9", "memory");
}

static size_t floor_copy(void)
{
	return on_fresh_pages(write_all, copy_halves) / 2;
}

const struct bench floor_benches[] = {
	{"floor", "page-clear", "page", floor_clear, BENCH_PLAIN},
	{"floor", "page-copy", "page", floor_copy, BENCH_PLAIN},
	{0},
};
