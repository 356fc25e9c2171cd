// SPDX-License-Identifier: BSD-2-Clause
/*
 * Outgrows the machine's RAM: fills more memory than there is with a pattern that depends on the
 * address, reads it back in order and at random, forks, lets parent and child each change
 * another eighth, and verifies every byte of all of it. One worker a core, at once.
 */
#define _GNU_SOURCE /* sched_getaffinity */
#include <errno.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096ul
#define WORDS (PAGE / sizeof(uint64_t))
#define MIB (1024ul * 1024ul)
#define MAX_WORKERS 64

enum { ORIGINAL = 1, PARENTS, CHILDS }; /* which version of a page's pattern */

struct region {
	uint64_t *words;
	size_t pages;
};

static uint64_t pattern(const uint64_t *at, unsigned version)
{
	return ((uintptr_t)at + version) * 0x9e3779b97f4a7c15ull;
}

static void fill_page(uint64_t *page, unsigned version)
{
	for (size_t i = 0; i < WORDS; i++)
		page[i] = pattern(page + i, version);
}

static void check_page(const uint64_t *page, unsigned version)
{
	for (size_t i = 0; i < WORDS; i++) {
		if (page[i] == pattern(page + i, version))
			continue;
		fprintf(stderr, "outgrow: %p holds %#lx, not %#lx\n", (void *)(page + i), page[i],
			pattern(page + i, version));
		exit(1);
	}
}

static uint64_t *page_at(const struct region *r, size_t i)
{
	return r->words + i * WORDS;
}

static void fill_eighth(const struct region *r, unsigned eighth, unsigned version)
{
	for (size_t i = r->pages * eighth / 8; i < r->pages * (eighth + 1) / 8; i++)
		fill_page(page_at(r, i), version);
}

/* Every page, in order; `changed` is the eighth that holds `version`, the rest is original. */
static void check_all(const struct region *r, unsigned changed, unsigned version)
{
	size_t from = r->pages * changed / 8, to = r->pages * (changed + 1) / 8;

	for (size_t i = 0; i < r->pages; i++)
		check_page(page_at(r, i), i >= from && i < to ? version : ORIGINAL);
}

/* Each page once, at random: a full-period step through the next power of two. */
static void check_at_random(const struct region *r)
{
	size_t span = 1, at = 12345;

	while (span < r->pages)
		span *= 2;
	for (size_t i = 0; i < span; i++) {
		at = (at * 1664525 + 1013904223) & (span - 1);
		if (at < r->pages)
			check_page(page_at(r, at), ORIGINAL);
	}
}

static int wait_ok(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid)
		return 1;
	if (WIFSIGNALED(status))
		fprintf(stderr, "outgrow: a worker was killed by signal %d\n", WTERMSIG(status));
	return status != 0;
}

static int fork_and_diverge(const struct region *r)
{
	pid_t child = fork();

	if (child < 0) {
		perror("outgrow: fork");
		return 1;
	}
	if (child == 0) {
		fill_eighth(r, 2, CHILDS);
		check_all(r, 2, CHILDS);
		_exit(0);
	}
	fill_eighth(r, 5, PARENTS);
	check_all(r, 5, PARENTS);
	return wait_ok(child);
}

static int work(size_t bytes)
{
	struct region r = {.pages = bytes / PAGE};

	r.words = mmap(NULL, r.pages * PAGE, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (r.words == MAP_FAILED) {
		perror("outgrow: mmap");
		return 1;
	}
	for (size_t i = 0; i < r.pages; i++)
		fill_page(page_at(&r, i), ORIGINAL);
	for (size_t i = 0; i < r.pages; i++)
		check_page(page_at(&r, i), ORIGINAL);
	check_at_random(&r);
	return fork_and_diverge(&r);
}

/* A counter of /proc/vmstat. */
static unsigned long vmstat(const char *name)
{
	FILE *f = fopen("/proc/vmstat", "r");
	unsigned long value = 0, v;
	char key[64];

	while (f && fscanf(f, "%63s %lu", key, &v) == 2)
		if (!strcmp(key, name))
			value = v;
	if (f)
		fclose(f);
	return value;
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* The smaller of twice the RAM and half of free RAM and swap together. */
static size_t default_size(void)
{
	struct sysinfo s;
	size_t ram, room;

	if (sysinfo(&s)) {
		perror("outgrow: sysinfo");
		exit(1);
	}
	ram = 2 * s.totalram * s.mem_unit;
	room = (s.freeram + s.freeswap) * s.mem_unit / 2;
	return ram < room ? ram : room;
}

__attribute__((noreturn)) static void usage(void)
{
	fprintf(stderr, "usage: outgrow [-j WORKERS] [-m MAX] [SIZE]\n"
			"  SIZE, MAX: bytes, or with K, M or G; MAX caps the default size\n"
			"  WORKERS: processes that share SIZE, one a core by default\n");
	exit(2);
}

static long parse_workers(const char *text)
{
	char *end;
	long n = strtol(text, &end, 10);

	if (end == text || *end || n < 1 || n > MAX_WORKERS) {
		fprintf(stderr, "outgrow: -j %s: 1 to %d workers\n", text, MAX_WORKERS);
		usage();
	}
	return n;
}

static size_t parse_size(const char *text)
{
	char *end;
	size_t n;
	int shift = 0;

	errno = 0;
	n = strtoul(text, &end, 10);
	if (*end == 'K' || *end == 'k')
		shift = 10;
	else if (*end == 'M' || *end == 'm')
		shift = 20;
	else if (*end == 'G' || *end == 'g')
		shift = 30;
	if (shift)
		end++;
	if (end == text || *end || *text == '-' || errno || n > (SIZE_MAX >> 1) >> shift) {
		fprintf(stderr, "outgrow: %s: not a size\n", text);
		usage();
	}
	return n << shift;
}

static long cores(void)
{
	cpu_set_t set;

	return sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;
}

static int run_workers(size_t bytes, long workers)
{
	pid_t pids[workers];
	int failed = 0;

	for (long i = 0; i < workers; i++) {
		pids[i] = fork();
		if (pids[i] < 0) {
			perror("outgrow: fork");
			return 1;
		}
		if (pids[i] == 0)
			_exit(work(bytes / (size_t)workers));
	}
	for (long i = 0; i < workers; i++)
		failed |= wait_ok(pids[i]);
	return failed;
}

int main(int argc, char **argv)
{
	unsigned long ins = vmstat("pswpin"), outs = vmstat("pswpout");
	size_t max = SIZE_MAX, bytes;
	long workers = cores();
	double start = seconds();
	struct rusage ru;
	struct sysinfo s;
	int opt, failed;

	while ((opt = getopt(argc, argv, "j:m:")) != -1) {
		if (opt == 'j')
			workers = parse_workers(optarg);
		else if (opt == 'm')
			max = parse_size(optarg);
		else
			usage();
	}
	if (argc - optind > 1)
		usage();
	bytes = argc > optind ? parse_size(argv[optind]) : default_size();
	if (argc == optind && bytes > max)
		bytes = max;
	if (bytes / (size_t)workers < 8 * PAGE) {
		fprintf(stderr, "outgrow: %zu bytes are too few for %ld workers\n", bytes, workers);
		return 2;
	}
	sysinfo(&s);
	printf("outgrow: %zu MiB in %lu MiB of RAM, %ld worker%s\n", bytes / MIB,
	       s.totalram * s.mem_unit / MIB, workers, workers == 1 ? "" : "s");
	fflush(stdout);
	failed = run_workers(bytes, workers);
	getrusage(RUSAGE_CHILDREN, &ru);
	printf("outgrow: %s; %ld minor and %ld major faults, %lu pages swapped in, %lu out, %.2f s\n",
	       failed ? "FAILED" : "every byte verified", ru.ru_minflt, ru.ru_majflt,
	       vmstat("pswpin") - ins, vmstat("pswpout") - outs, seconds() - start);
	return failed;
}
