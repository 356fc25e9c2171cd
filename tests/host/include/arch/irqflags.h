/* SPDX-License-Identifier: BSD-2-Clause */
/* The host has no interrupts: they count as enabled, and masking them does nothing. */
#ifndef ARCH_IRQFLAGS_H
#define ARCH_IRQFLAGS_H

#include <stdbool.h>
#include <stdint.h>

typedef uint64_t irqflags_t;

static inline irqflags_t irq_save(void)
{
	return 0;
}

static inline void irq_restore(irqflags_t flags)
{
	(void)flags;
}

static inline void irq_enable(void)
{
}

static inline void irq_disable(void)
{
}

static inline bool irqs_enabled(void)
{
	return true;
}

#endif
