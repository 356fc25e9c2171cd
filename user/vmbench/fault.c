// SPDX-License-Identifier: BSD-2-Clause
/* First touches of anonymous memory, and giving it back. */
#include "vmbench.h"

size_t on_fresh_pages(void (*before)(char *, size_t, size_t),
		      void (*measured)(char *, size_t, size_t))
{
	char *p = map(PAGES);

	if (before)
		before(p, PAGES, PAGE);
	meter_start();
	measured(p, PAGES, PAGE);
	meter_stop();
	unmap(p, PAGES);
	return PAGES;
}

void read_pages(char *p, size_t pages, size_t stride)
{
	read_all(p, pages, stride);
}

static size_t anon_write(void)
{
	return on_fresh_pages(NULL, write_all);
}

static size_t zero_read(void)
{
	return on_fresh_pages(NULL, read_pages);
}

static size_t write_after_read(void)
{
	return on_fresh_pages(read_pages, write_all);
}

void write_scattered(char *p, size_t pages, size_t stride)
{
	for (size_t i = 0; i < pages; i++)
		*(volatile char *)(p + scattered(i, pages) * stride) = 1;
}

static size_t anon_random(void)
{
	return on_fresh_pages(NULL, write_scattered);
}

static size_t anon_sparse(void)
{
	size_t pages = SPARSE_TOUCHES * SPARSE_STRIDE / PAGE;
	char *p = map(pages);

	meter_start();
	write_all(p, SPARSE_TOUCHES, SPARSE_STRIDE);
	meter_stop();
	unmap(p, pages);
	return SPARSE_TOUCHES;
}

static void dontneed(char *p, size_t pages, size_t stride)
{
	if (madvise(p, pages * stride, MADV_DONTNEED))
		die("madvise");
}

/* Each in another area, far from the last one. */
static size_t read_across_areas(void)
{
	const size_t prime = 7919; /* so that none comes twice */

	dontneed(areas_made, areas, PAGE);
	meter_start();
	for (size_t i = 0; i < areas; i++)
		(void)*(volatile char *)(areas_made + i * prime % areas * PAGE);
	meter_stop();
	return areas;
}

static size_t unmap_resident(void)
{
	char *p = map(PAGES);

	write_all(p, PAGES, PAGE);
	meter_start();
	unmap(p, PAGES);
	meter_stop();
	return PAGES;
}

static size_t dontneed_resident(void)
{
	return on_fresh_pages(write_all, dontneed);
}

const struct bench fault_benches[] = {
	{"fault", "anon-write", "page", anon_write, 0},
	{"fault", "zero-read", "page", zero_read, 0},
	{"fault", "write-after-read", "page", write_after_read, 0},
	{"fault", "anon-sparse", "page", anon_sparse, 0},
	{"fault", "anon-random", "page", anon_random, 0},
	{"fault", "read-across-areas", "page", read_across_areas, BENCH_AREAS},
	{"unmap", "munmap", "page", unmap_resident, 0},
	{"unmap", "dontneed", "page", dontneed_resident, 0},
	{0},
};
