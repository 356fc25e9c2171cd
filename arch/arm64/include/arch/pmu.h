/* SPDX-License-Identifier: BSD-2-Clause */
/* The performance monitors: two counters that run from boot on, on each core. */
#ifndef ARCH_PMU_H
#define ARCH_PMU_H

#include <stdbool.h>
#include <stdint.h>

enum pmu_counter { PMU_CYCLES, PMU_INSTRUCTIONS, NR_PMU_COUNTERS };

/* Whether the CPU (or its emulator, as it runs now) counts that. */
bool pmu_has(enum pmu_counter counter);
/* Interrupts when the 32-bit counter of instructions wraps, on this core: then it must be read. */
void pmu_notify_wraps(bool on);
/* This core's count, in 64 bits: *wraps is the core's, and knows how often the counter wrapped
 * while wraps were notified. Interrupts masked. */
uint64_t pmu_read(enum pmu_counter counter, uint64_t *wraps);

#endif
