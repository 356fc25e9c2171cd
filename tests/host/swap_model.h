/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Around the real sources of swap and address spaces: a disk in host memory whose requests are
 * under way until somebody sleeps, and fail or change data where a test wants it; processes
 * for the OOM killer; a clock that only sleeping moves.
 */
#ifndef SWAP_MODEL_H
#define SWAP_MODEL_H

#include <twofold/block.h>
#include <twofold/swap_area.h>
#include <twofold/vm.h>

#define DISK_PAGES 2048u

void model_boot(uint64_t ram);

/* ---- the disk ---- */
extern struct block_device disk, other_disk; /* the other one is small, and never fails */
uint8_t *disk_page(uint32_t page);
void disk_format(uint32_t pages); /* writes a swap header */
/* A request that reads or writes this page fails. */
void disk_break(enum bio_op op, uint32_t page, bool broken);
void disk_break_all(enum bio_op op, bool broken);
extern unsigned disk_reads, disk_writes, disk_most_in_flight; /* requests; a test may clear them */
extern unsigned disk_pages_written;
/* Called before a request takes effect, while its task sleeps. */
extern void (*disk_at_work)(const struct bio *bio);

/* ---- tasks ---- */
#define NR_TASKS 8
void model_new_tasks(void);  /* which have done nothing yet; number 0 runs */
void model_task(unsigned i); /* this one runs from now on */

/* ---- sleeping ---- */
uint64_t time_ns(void);
extern void (*at_schedule)(void); /* called where the task gives up the core */
extern void (*at_sleep)(void);	  /* called where it sleeps for a time */
extern bool model_interrupted;	  /* signal_pending() */

/* ---- memory ---- */
extern long model_vzalloc_left; /* vzalloc() fails after so many; -1: never */
extern long model_vmalloced;	/* ranges not yet freed */

/* ---- processes ---- */
/* Process `pid` has this address space (NULL: it is gone). */
void model_process(int pid, struct mm *mm);
extern int model_killed[8]; /* pids that got SIGKILL, in order */
extern unsigned model_nr_killed;

#endif
