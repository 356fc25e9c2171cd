// SPDX-License-Identifier: BSD-2-Clause
/* The generic timer's virtual comparator, one per core (Arm ARM D12.2). */
#include <twofold/devtree.h>
#include <twofold/errno.h>
#include <twofold/irq.h>
#include <twofold/time.h>

/* Linux's binding arm,arch_timer: secure, physical, virtual, hypervisor. */
#define VIRTUAL_INTERRUPT 2

/* CNTV_CTL_EL0 (Arm ARM D19.12.18) */
#define CTL_ENABLE 1ul

int clockevent_init(void)
{
	const struct dt_node *node = dt_find(NULL, "arm,armv8-timer");

	if (!node) /* trees that 32-bit kernels read as well: a Pi 3's */
		node = dt_find(NULL, "arm,armv7-timer");
	return node ? irq_of_node(node, VIRTUAL_INTERRUPT) : -ENODEV;
}

void clockevent_program(uint64_t counter)
{
	if (counter == UINT64_MAX) {
		__asm__ volatile("msr cntv_ctl_el0, xzr\n\tisb");
		return;
	}
	__asm__ volatile("msr cntv_cval_el0, %0\n\t"
			 "msr cntv_ctl_el0, %1\n\t"
			 "isb" ::"r"(counter),
			 "r"(CTL_ENABLE));
}
