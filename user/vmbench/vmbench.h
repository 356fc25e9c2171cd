/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of vmbench share. */
#ifndef VMBENCH_H
#define VMBENCH_H

#define _GNU_SOURCE
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096ul
#define MIB (1024ul * 1024ul)
#define PAGES 4096ul /* of most regions: 16 MiB */
#define SPARSE_STRIDE (2 * MIB)
#define SPARSE_TOUCHES 256ul

/* ---- the meter: what lies between meter_start() and meter_stop() is added up (meter.c) ---- */

extern struct meter {
	uint64_t begun, total;
	int perf; /* descriptor; -1: count by the clock */
	uint64_t ns_per_tick;
} meter;

uint64_t clock_ns(void);
/* A profiler finds these two by their names. */
void meter_start(void);
void meter_stop(void);
/* Counts what this core retires from now on, the kernel's instructions and other tasks' too. */
bool meter_by_instructions(void);
void meter_by_clock(void);

/* ---- operations ---- */

#define BENCH_COUNT 1u	 /* waits for a disk: count instructions, not time */
#define BENCH_ONCE 2u	 /* no round before the one that counts */
#define BENCH_PLAIN 4u	 /* has nothing to do with areas: is not done again with more of them */
#define BENCH_NAMED 8u	 /* only where it is asked for: wants a machine of its own */
#define BENCH_PRINTS 16u /* several figures, which it prints itself by tell() */
#define BENCH_AREAS 32u	 /* only with more areas */
#define BENCH_SWAP (BENCH_COUNT | BENCH_ONCE | BENCH_NAMED)

/* run() does the operation some times, measured, and returns how many times. */
struct bench {
	const char *group, *name, *unit;
	size_t (*run)(void);
	unsigned flags;
};

/* Each ends with an empty one. */
extern const struct bench call_benches[], fault_benches[], file_benches[], fork_benches[],
	area_benches[], disk_benches[], cores_benches[], floor_benches[];

/* So many areas of a page each were made besides, one after the other from there on. */
extern size_t areas;
extern char *areas_made;

/* A line of the report. */
void tell(const char *group, const char *name, double value, const char *unit);

/* Turns swap on; knows afterwards which disk may be overwritten. */
void disks_start(void);

/* ---- helpers: whatever fails ends the program ---- */

void die(const char *what);
char *map_fd(size_t size, int prot, int flags, int fd);
char *map(size_t pages); /* private, anonymous, not reserved */
void unmap(char *p, size_t pages);
void protect(char *p, size_t pages, int prot);
/* One byte of each page: `pages` times, `stride` apart. */
void write_all(char *p, size_t pages, size_t stride);
void read_all(const char *p, size_t pages, size_t stride);
/* Each page once in a scattered order; pages is a power of two. */
size_t scattered(size_t i, size_t pages);
void read_pages(char *p, size_t pages, size_t stride);
void write_scattered(char *p, size_t pages, size_t stride);
void wait_child(pid_t pid);
pid_t fork_or_die(void);
/* Measures something done to PAGES fresh pages, and takes them away again; returns PAGES. */
size_t on_fresh_pages(void (*before)(char *, size_t, size_t),
		      void (*measured)(char *, size_t, size_t));

#endif
