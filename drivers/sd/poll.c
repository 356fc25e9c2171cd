// SPDX-License-Identifier: BSD-2-Clause
/* Waiting for what no interrupt tells. */
#include <arch/cpu.h>
#include <arch/mmio.h>
#include <twofold/task.h>

#include "sd.h"

#define SPINS 64 /* some microseconds: as long as falling asleep takes */
#define NAP_NS (NSEC_PER_MSEC / 50)

bool sd_poll(const void *reg, uint32_t mask, uint32_t value, uint64_t ns)
{
	uint64_t deadline = time_ns() + ns;

	for (unsigned i = 0; (mmio_read32(reg) & mask) != value; i++) {
		if (time_ns() > deadline)
			return false;
		if (i < SPINS)
			cpu_relax();
		else
			sched_sleep_ns(NAP_NS);
	}
	return true;
}
