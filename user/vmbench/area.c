// SPDX-License-Identifier: BSD-2-Clause
/* Calls that change areas. */
#include "vmbench.h"

static size_t map_unmap(void)
{
	meter_start();
	for (int i = 0; i < 256; i++)
		unmap(map(1), 1);
	meter_stop();
	return 256;
}

static size_t map_touch_unmap(void)
{
	meter_start();
	for (int i = 0; i < 256; i++) {
		char *p = map(1);

		write_all(p, 1, PAGE);
		unmap(p, 1);
	}
	meter_stop();
	return 256;
}

/* A resident page between two that nobody may touch: its area is its own. */
static size_t protect_own(void)
{
	char *p = map(3);

	protect(p, 1, PROT_NONE);
	protect(p + 2 * PAGE, 1, PROT_NONE);
	write_all(p + PAGE, 1, PAGE);
	meter_start();
	for (int i = 0; i < 128; i++) {
		protect(p + PAGE, 1, PROT_READ);
		protect(p + PAGE, 1, PROT_READ | PROT_WRITE);
	}
	meter_stop();
	unmap(p, 3);
	return 256;
}

/* The middle of an area becomes one of its own, and then is not any more. */
static size_t protect_split(void)
{
	char *p = map(3);

	write_all(p, 3, PAGE);
	meter_start();
	for (int i = 0; i < 128; i++) {
		protect(p + PAGE, 1, PROT_READ);
		protect(p + PAGE, 1, PROT_READ | PROT_WRITE);
	}
	meter_stop();
	unmap(p, 3);
	return 128;
}

static char *remap(char *p, size_t from, size_t to, int flags, char *where)
{
	p = mremap(p, from * PAGE, to * PAGE, flags, where);
	if (p == MAP_FAILED)
		die("mremap");
	return p;
}

static size_t remap_in_place(void)
{
	char *p = map(16);

	unmap(p + 8 * PAGE, 8); /* room to grow into */
	write_all(p, 8, PAGE);
	meter_start();
	for (int i = 0; i < 128; i++) {
		remap(p, 8, 16, 0, NULL);
		remap(p, 16, 8, 0, NULL);
	}
	meter_stop();
	unmap(p, 8);
	return 128;
}

static size_t remap_move(void)
{
	char *from = map(1), *to = map(1);

	write_all(from, 1, PAGE);
	unmap(to, 1);
	meter_start();
	for (int i = 0; i < 128; i++) {
		char *at = remap(from, 1, 1, MREMAP_MAYMOVE | MREMAP_FIXED, to);

		to = from;
		from = at;
	}
	meter_stop();
	unmap(from, 1);
	return 128;
}

static void set_brk(char *end)
{
	if ((char *)syscall(SYS_brk, end) != end)
		die("brk");
}

static size_t brk_grow(void)
{
	char *end = sbrk(0);

	meter_start();
	for (size_t i = 1; i <= 128; i++)
		set_brk(end + i * PAGE);
	meter_stop();
	set_brk(end);
	return 128;
}

static size_t brk_shrink(void)
{
	char *end = sbrk(0);

	set_brk(end + 128 * PAGE);
	write_all(end, 128, PAGE);
	meter_start();
	for (size_t i = 128; i-- > 0;)
		set_brk(end + i * PAGE);
	meter_stop();
	return 128;
}

const struct bench area_benches[] = {
	{"area", "mmap-munmap", "pair", map_unmap, 0},
	{"area", "mmap-touch-munmap", "pair", map_touch_unmap, 0},
	{"area", "mprotect-own", "call", protect_own, 0},
	{"area", "mprotect-split", "pair", protect_split, 0},
	{"area", "mremap-in-place", "pair", remap_in_place, 0},
	{"area", "mremap-move", "move", remap_move, 0},
	{"area", "brk-grow", "page", brk_grow, 0},
	{"area", "brk-shrink", "page", brk_shrink, 0},
	{0},
};
