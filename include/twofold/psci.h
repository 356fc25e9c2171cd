/* SPDX-License-Identifier: BSD-2-Clause */
/* Power State Coordination Interface: firmware's calls for cores and power (Arm DEN 0022). */
#ifndef TWOFOLD_PSCI_H
#define TWOFOLD_PSCI_H

#include <twofold/addr.h>

/* Starts the core with this MPIDR at `entry` (physical, MMU off) with `context` in its x0. Any
 * context. -ENODEV: no PSCI; -EINVAL, -EBUSY (already on), -EIO as firmware says. */
int psci_cpu_on(uint64_t mpidr, paddr_t entry, uint64_t context);
/* Both return only where there is no PSCI, or firmware refuses. */
void psci_system_off(void);
void psci_system_reset(void);

#endif
