/* SPDX-License-Identifier: BSD-2-Clause */
/* System registers by name, and fields of ID registers. */
#ifndef ARCH_SYSREG_H
#define ARCH_SYSREG_H

#include <stdint.h>

#define read_sysreg(reg)                                                                           \
	({                                                                                         \
		uint64_t sysreg_;                                                                  \
		__asm__ volatile("mrs %0, " #reg : "=r"(sysreg_));                                 \
		sysreg_;                                                                           \
	})
#define write_sysreg(reg, value)                                                                   \
	__asm__ volatile("msr " #reg ", %x0" ::"rZ"((uint64_t)(value)) : "memory")

/* A four-bit field of an ID register, by its lowest bit. */
#define id_field(reg, shift) ((unsigned)(read_sysreg(reg) >> (shift)) & 0xf)

static inline void isb(void)
{
	__asm__ volatile("isb" ::: "memory");
}

/* MSR PAN, #1 (Arm ARM C5.2.19), spelled out: assemblers want -march=armv8.1-a for the name. */
#define PAN_SET ".inst 0xd500419f"
#define PAN_CLEAR ".inst 0xd500409f"

#endif
