// SPDX-License-Identifier: BSD-2-Clause
/*
 * PSCI, by HVC or SMC as the device tree's `method` says. Function numbers: Arm DEN 0022, section
 * 5.1; calling convention: Arm DEN 0028 (x0 to x3 in, x0 out, x4 to x17 may be lost).
 */
#include <linux/psci.h>
#include <twofold/devtree.h>
#include <twofold/errno.h>
#include <twofold/log.h>
#include <twofold/psci.h>

#define PSCI_CLOBBERS                                                                              \
	"x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13", "x14", "x15", "x16",       \
		"x17", "memory"

static int32_t psci_call(uint32_t function, uint64_t arg1, uint64_t arg2, uint64_t arg3)
{
	register uint64_t x0 __asm__("x0") = function;
	register uint64_t x1 __asm__("x1") = arg1;
	register uint64_t x2 __asm__("x2") = arg2;
	register uint64_t x3 __asm__("x3") = arg3;

	if (machine.psci_hvc)
		__asm__ volatile("hvc #0" : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3)::PSCI_CLOBBERS);
	else
		__asm__ volatile("smc #0" : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3)::PSCI_CLOBBERS);
	return (int32_t)x0;
}

int psci_cpu_on(uint64_t mpidr, paddr_t entry, uint64_t context)
{
	if (!machine.has_psci)
		return -ENODEV;
	switch (psci_call(PSCI_0_2_FN64_CPU_ON, mpidr, entry.pa, context)) {
	case PSCI_RET_SUCCESS:
		return 0;
	case PSCI_RET_ALREADY_ON:
	case PSCI_RET_ON_PENDING:
		return -EBUSY;
	case PSCI_RET_INVALID_PARAMS:
	case PSCI_RET_INVALID_ADDRESS:
		return -EINVAL;
	default:
		return -EIO;
	}
}

void psci_system_off(void)
{
	if (!machine.has_psci)
		return;
	psci_call(PSCI_0_2_FN_SYSTEM_OFF, 0, 0, 0);
	pr_err("psci: SYSTEM_OFF returned");
}

void psci_system_reset(void)
{
	if (!machine.has_psci)
		return;
	psci_call(PSCI_0_2_FN_SYSTEM_RESET, 0, 0, 0);
	pr_err("psci: SYSTEM_RESET returned");
}
