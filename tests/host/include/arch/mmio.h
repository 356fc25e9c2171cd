/* SPDX-License-Identifier: BSD-2-Clause */
/* Device registers, as a test's model of the device plays them. Only 32 bits wide. */
#ifndef ARCH_MMIO_H
#define ARCH_MMIO_H

#include <twofold/types.h>

uint32_t mmio_read32(const volatile void *reg);
void mmio_write32(volatile void *reg, uint32_t value);

#endif
