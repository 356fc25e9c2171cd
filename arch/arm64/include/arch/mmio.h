/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Device registers, through Device memory (ioremap(), fixmap). Single loads and stores with a
 * plain base register: a hypervisor can emulate no other form. Not ordered against normal memory:
 * see dma_wmb() and kin.
 */
#ifndef ARCH_MMIO_H
#define ARCH_MMIO_H

#include <twofold/types.h>

static inline uint32_t mmio_read32(const volatile void *reg)
{
	uint32_t value;

	__asm__ volatile("ldr %w0, [%1]" : "=r"(value) : "r"(reg) : "memory");
	return value;
}

static inline void mmio_write32(volatile void *reg, uint32_t value)
{
	__asm__ volatile("str %w0, [%1]" ::"rZ"(value), "r"(reg) : "memory");
}

static inline uint64_t mmio_read64(const volatile void *reg)
{
	uint64_t value;

	__asm__ volatile("ldr %0, [%1]" : "=r"(value) : "r"(reg) : "memory");
	return value;
}

static inline void mmio_write64(volatile void *reg, uint64_t value)
{
	__asm__ volatile("str %x0, [%1]" ::"rZ"(value), "r"(reg) : "memory");
}

static inline uint8_t mmio_read8(const volatile void *reg)
{
	uint32_t value;

	__asm__ volatile("ldrb %w0, [%1]" : "=r"(value) : "r"(reg) : "memory");
	return (uint8_t)value;
}

static inline void mmio_write8(volatile void *reg, uint8_t value)
{
	__asm__ volatile("strb %w0, [%1]" ::"rZ"((uint32_t)value), "r"(reg) : "memory");
}

#endif
