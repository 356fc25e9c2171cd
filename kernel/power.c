// SPDX-License-Identifier: BSD-2-Clause
/* The end: off, or again. */
#include <twofold/log.h>
#include <twofold/params.h>
#include <twofold/power.h>
#include <twofold/psci.h>
#include <twofold/semihosting.h>
#include <twofold/string.h>
#include <twofold/task.h>

static const struct power_ops *ops;

void power_register(const struct power_ops *new_ops)
{
	ops = new_ops;
}

static void __noreturn halt(const char *why)
{
	pr_notice("power: %s: halted", why);
	irq_disable();
	for (;;)
		cpu_wait_irq();
}

/* Only where the harness asks for it: nobody else listens. Where it, too, does not, the
 * instruction traps, panics, and comes here a second time. */
static void exit_by_semihosting(int status)
{
	static bool tried;
	char how[16];

	if (tried || !param_string("exit", how, sizeof(how)) || strcmp(how, "semihosting"))
		return;
	tried = true;
	semihosting_exit(status);
}

void power_off(int status)
{
	exit_by_semihosting(status);
	psci_system_off();
	if (ops) {
		pr_notice("power: done: going down by %s", ops->name);
		ops->off();
	}
	halt("no way to power off");
}

void power_restart(void)
{
	psci_system_reset();
	if (ops)
		ops->restart();
	halt("no way to restart");
}
