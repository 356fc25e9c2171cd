/* SPDX-License-Identifier: BSD-2-Clause */
/* Ways to power off and to restart, where PSCI has none. kernel/power.c */
#ifndef TWOFOLD_POWER_H
#define TWOFOLD_POWER_H

/* Both are called with the other cores still running, from any context; they return if in vain. */
struct power_ops {
	const char *name;
	void (*off)(void);
	void (*restart)(void);
};

void power_register(const struct power_ops *ops); /* a driver's, at boot; the last one stays */

#endif
