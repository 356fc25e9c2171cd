/* SPDX-License-Identifier: BSD-2-Clause */
/* Interrupt masking on this core: DAIF.I and .F (Arm ARM C5.2.3). */
#ifndef ARCH_IRQFLAGS_H
#define ARCH_IRQFLAGS_H

#include <stdbool.h>
#include <stdint.h>

typedef uint64_t irqflags_t;

static inline irqflags_t irq_save(void)
{
	irqflags_t flags;

	__asm__ volatile("mrs %0, daif\n\tmsr daifset, #3" : "=r"(flags)::"memory");
	return flags;
}

static inline void irq_restore(irqflags_t flags)
{
	__asm__ volatile("msr daif, %0" ::"r"(flags) : "memory");
}

static inline void irq_enable(void)
{
	__asm__ volatile("msr daifclr, #3" ::: "memory");
}

static inline void irq_disable(void)
{
	__asm__ volatile("msr daifset, #3" ::: "memory");
}

static inline bool irqs_enabled(void)
{
	irqflags_t flags;

	__asm__ volatile("mrs %0, daif" : "=r"(flags));
	return !(flags & 0x80);
}

#endif
