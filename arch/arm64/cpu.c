// SPDX-License-Identifier: BSD-2-Clause
/* What cores are and can do. ID registers: Arm ARM D19.2, by name. */
#include <arch/asm.h>
#include <arch/context.h>
#include <arch/irqflags.h>
#include <arch/sysreg.h>
#include <asm/hwcap.h>
#include <twofold/time.h>

#include "boot.h"

#define CNTV_ENABLE 1	      /* CNTV_CTL_EL0 */
#define NAPS_PER_SECOND 20000 /* 50 us each */

struct cpu cpus[NR_CPUS];
unsigned nr_cpus = 1;
char emergency_stacks[NR_CPUS][EMERGENCY_STACK] __aligned(EMERGENCY_STACK);

static uint64_t midrs[NR_CPUS];
static bool has_pan;

extern char vectors[];

void cpu_start(struct cpu *cpu)
{
	write_sysreg(tpidr_el1, (uintptr_t)cpu);
	write_sysreg(vbar_el1, (uintptr_t)vectors);
	write_sysreg(tpidrro_el0, 0);
	isb();
	mmu_no_user();
	/* The identity map may still be in the TLB: it was not global, but had ASID 0. */
	__asm__ volatile("tlbi vmalle1\n\tdsb nsh\n\tisb" ::: "memory");
	has_pan = id_field(id_aa64mmfr1_el1, 20) != 0;
	if (has_pan)
		__asm__ volatile(PAN_SET ::: "memory");
	midrs[cpu->id] = read_sysreg(midr_el1);
	__asm__ volatile("msr daifclr, #4" ::: "memory"); /* SError */
}

bool cpu_has_pan(void)
{
	return has_pan;
}

bool cpu_has_haf(void)
{
	return id_field(id_aa64mmfr1_el1, 0) >= 1;
}

bool cpu_has_hafdbs(void)
{
	return id_field(id_aa64mmfr1_el1, 0) >= 2;
}

uint64_t cpu_midr(unsigned cpu)
{
	return midrs[cpu];
}

/* A field's value from `min` on means a feature; 0xf in the FP fields means none. */
#define FEATURE(reg, shift, min, cap) (id_field(reg, shift) >= (min) ? (uint64_t)(cap) : 0)

uint64_t cpu_hwcap(void)
{
	uint64_t caps = HWCAP_FP | HWCAP_ASIMD; /* always there on what Linux/arm64 runs on */

	if (id_field(id_aa64pfr0_el1, 16) == 1)
		caps |= HWCAP_FPHP | HWCAP_ASIMDHP;
	return caps | FEATURE(id_aa64isar0_el1, 4, 1, HWCAP_AES) |
	       FEATURE(id_aa64isar0_el1, 4, 2, HWCAP_PMULL) |
	       FEATURE(id_aa64isar0_el1, 8, 1, HWCAP_SHA1) |
	       FEATURE(id_aa64isar0_el1, 12, 1, HWCAP_SHA2) |
	       FEATURE(id_aa64isar0_el1, 12, 2, HWCAP_SHA512) |
	       FEATURE(id_aa64isar0_el1, 16, 1, HWCAP_CRC32) |
	       FEATURE(id_aa64isar0_el1, 20, 2, HWCAP_ATOMICS) |
	       FEATURE(id_aa64isar0_el1, 28, 1, HWCAP_ASIMDRDM) |
	       FEATURE(id_aa64isar0_el1, 32, 1, HWCAP_SHA3) |
	       FEATURE(id_aa64isar0_el1, 44, 1, HWCAP_ASIMDDP) |
	       FEATURE(id_aa64isar1_el1, 0, 1, HWCAP_DCPOP) |
	       FEATURE(id_aa64isar1_el1, 12, 1, HWCAP_JSCVT) |
	       FEATURE(id_aa64isar1_el1, 16, 1, HWCAP_FCMA) |
	       FEATURE(id_aa64isar1_el1, 20, 1, HWCAP_LRCPC);
}

/*
 * By this core's virtual timer, which then goes on as it was; a deadline that passed still fires.
 */
void cpu_nap(void)
{
	irqflags_t flags = irq_save();
	uint64_t ctl = read_sysreg(cntv_ctl_el0), cval = read_sysreg(cntv_cval_el0);

	write_sysreg(cntv_cval_el0, cycle_counter() + cycle_hz() / NAPS_PER_SECOND);
	write_sysreg(cntv_ctl_el0, CNTV_ENABLE);
	isb();
	cpu_wait_irq();
	write_sysreg(cntv_ctl_el0, 0);
	write_sysreg(cntv_cval_el0, cval);
	write_sysreg(cntv_ctl_el0, ctl);
	isb();
	irq_restore(flags);
}

uint64_t cycle_counter(void)
{
	isb(); /* not read early, by speculation */
	return read_sysreg(cntvct_el0);
}

uint64_t cycle_hz(void)
{
	return read_sysreg(cntfrq_el0);
}
