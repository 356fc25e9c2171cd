/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The machine under the host tests: RAM that the direct map points into, cores, log, panic, and
 * allocations that fail on demand. What a test links itself takes the place of the shim's stand-in
 * (those are weak): reclaim, the OOM killer, signals, sleeping.
 */
#ifndef SHIM_H
#define SHIM_H

#include <twofold/page.h>

#define SHIM_RAM_BASE 0x40000000ul

/*
 * Backs physical [base, base + size) with zeroed host memory, forgetting what was backed before.
 * Tells the allocator nothing. Pages never touched cost nothing.
 */
void shim_back(uint64_t base, uint64_t size);
/* The usual machine: `size` bytes of RAM at SHIM_RAM_BASE, frames and slab. Once a process. */
void shim_boot(uint64_t size);

void shim_set_cpu(unsigned id); /* the calling thread is this core from now on */
/* Gives the command line a parameter; before what reads it. */
void shim_param(const char *name, const char *value);

/*
 * After n more allocations that succeed, all fail until called with -1. Counts what goes through
 * alloc_pages(), kmem_cache_alloc() and kmalloc() across source files; the test is linked with
 * SHIM_WRAP of rules.mk.
 */
void shim_fail_alloc_after(long n);
bool shim_alloc_failed(void); /* whether one was made to fail since then */

const char *shim_log(void); /* all lines logged since the last shim_log_clear() */
void shim_log_clear(void);

/* Runs fn in a child process; true if it returned. */
bool shim_child(void (*fn)(void));
/* True if fn, in a child process, panics with a message that holds `text`. */
bool shim_panics(void (*fn)(void), const char *text);

/* A repeatable random number below n; another sequence for each seed. */
void shim_seed(uint64_t seed);
uint64_t shim_random(uint64_t n);

#endif
