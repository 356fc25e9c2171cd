// SPDX-License-Identifier: BSD-2-Clause
/* Swapping, and the disks themselves. Here time says nothing: instructions are counted. */
#include "vmbench.h"
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/swap.h>
#include <sys/sysinfo.h>

#define SCATTERED (1ul << 20) /* of this range, for scattered(): more pages than there are */
#define RANDOM_READS 2048ul
#define BEYOND 4096ul /* pages written when memory is full */

static const char *const disks[] = {"/dev/vda", "/dev/vdb"};
static const char *scratch_disk;

/* The mark that mkswap leaves at the end of the first page. */
static bool is_swap(int fd)
{
	char mark[10];

	return pread(fd, mark, sizeof(mark), PAGE - sizeof(mark)) == sizeof(mark) &&
	       !memcmp(mark, "SWAPSPACE2", sizeof(mark));
}

/* Kernels do not agree which of two disks comes first. */
void disks_start(void)
{
	for (size_t i = 0; i < sizeof(disks) / sizeof(disks[0]); i++) {
		int fd = open(disks[i], O_RDONLY);

		if (fd < 0)
			continue;
		if (!is_swap(fd))
			scratch_disk = disks[i];
		else if (swapon(disks[i], 0) && errno != EBUSY)
			die("swapon");
		close(fd);
	}
}

static int open_scratch(void)
{
	int fd = scratch_disk ? open(scratch_disk, O_RDWR | O_DIRECT) : -1;

	if (fd < 0)
		die("scratch disk");
	return fd;
}

/* ---- swap: a working set twice the free memory, so that each page in means one out ---- */

static size_t free_pages(void)
{
	struct sysinfo info;

	if (sysinfo(&info))
		die("sysinfo");
	return info.freeram * info.mem_unit / PAGE;
}

static uint64_t major_faults(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return (uint64_t)usage.ru_majflt;
}

/* Each page once, fresh, while another must be written for it. */
static size_t swap_out(void)
{
	size_t pages = free_pages();
	char *p = map(2 * pages);

	write_all(p, pages, PAGE);
	meter_start();
	write_all(p + pages * PAGE, pages, PAGE);
	meter_stop();
	unmap(p, 2 * pages);
	return pages;
}

/* Round the working set in order: whoever is next is out. `before` decides if they are clean. */
static size_t swap_round(void (*before)(char *, size_t, size_t),
			 void (*measured)(char *, size_t, size_t))
{
	size_t pages = 2 * free_pages();
	char *p = map(pages);

	write_all(p, pages, PAGE);
	before(p, pages, PAGE);
	meter_start();
	measured(p, pages, PAGE);
	meter_stop();
	unmap(p, pages);
	return pages;
}

static size_t swap_in_clean(void)
{
	return swap_round(read_pages, read_pages);
}

static size_t swap_in_dirty(void)
{
	return swap_round(write_all, write_all);
}

/* A few in a scattered order: the neighbours of one that was read would be there by readahead. */
static size_t swap_in_random(void)
{
	size_t pages = 2 * free_pages();
	char *p = map(pages);
	uint64_t majors;

	write_all(p, pages, PAGE);
	majors = major_faults();
	meter_start();
	for (size_t i = 0; i < RANDOM_READS; i++)
		(void)*(volatile char *)(p + scattered(i, SCATTERED) % pages * PAGE);
	meter_stop();
	majors = major_faults() - majors;
	unmap(p, pages);
	return majors;
}

/* ---- memory filled to the brim, however much there is ---- */

/*
 * Memory is filled, and then more of it is written: what each of these pages costs, with the page
 * that must leave for it.
 */
static size_t reclaim(void)
{
	size_t full = free_pages();
	char *p;

	p = map(full + BEYOND);
	write_all(p, full, PAGE);
	meter_start();
	write_all(p + full * PAGE, BEYOND, PAGE);
	meter_stop();
	unmap(p, full + BEYOND);
	return BEYOND;
}

/* A program that touches and verifies more than the memory of a small machine. */
static size_t outgrow(void)
{
	pid_t child;

	meter_start();
	child = fork_or_die();
	if (!child) {
		execl("/bin/outgrow", "outgrow", "192M", NULL);
		_exit(127);
	}
	wait_child(child);
	meter_stop();
	return 1;
}

/* ---- disks ---- */

static size_t disk(bool writes, size_t size, size_t times)
{
	int fd = open_scratch();
	char *p = map(size / PAGE);

	write_all(p, size / PAGE, PAGE);
	meter_start();
	for (size_t i = 0; i < times; i++) {
		ssize_t n = writes ? pwrite(fd, p, size, i * size) : pread(fd, p, size, i * size);

		if (n != (ssize_t)size)
			die(scratch_disk);
	}
	meter_stop();
	close(fd);
	unmap(p, size / PAGE);
	return times * size / PAGE;
}

static size_t disk_read_4k(void)
{
	return disk(false, PAGE, 256);
}

static size_t disk_read_64k(void)
{
	return disk(false, 16 * PAGE, 64);
}

static size_t disk_read_1m(void)
{
	return disk(false, MIB, 16);
}

static size_t disk_write_4k(void)
{
	return disk(true, PAGE, 256);
}

static size_t disk_write_64k(void)
{
	return disk(true, 16 * PAGE, 64);
}

static size_t disk_write_1m(void)
{
	return disk(true, MIB, 16);
}

const struct bench disk_benches[] = {
	{"swap", "swap-out", "page", swap_out, BENCH_SWAP},
	{"swap", "swap-in-clean", "page", swap_in_clean, BENCH_SWAP},
	{"swap", "swap-in-dirty", "page", swap_in_dirty, BENCH_SWAP},
	{"swap", "swap-in-random", "fault", swap_in_random, BENCH_SWAP},
	{"twin", "outgrow", "run", outgrow, BENCH_SWAP},
	{"reclaim", "reclaim", "page", reclaim, BENCH_COUNT | BENCH_ONCE | BENCH_NAMED},
	{"disk", "read-4K", "page", disk_read_4k, BENCH_COUNT | BENCH_PLAIN},
	{"disk", "read-64K", "page", disk_read_64k, BENCH_COUNT | BENCH_PLAIN},
	{"disk", "read-1M", "page", disk_read_1m, BENCH_COUNT | BENCH_PLAIN},
	{"disk", "write-4K", "page", disk_write_4k, BENCH_COUNT | BENCH_PLAIN},
	{"disk", "write-64K", "page", disk_write_64k, BENCH_COUNT | BENCH_PLAIN},
	{"disk", "write-1M", "page", disk_write_1m, BENCH_COUNT | BENCH_PLAIN},
	{0},
};
