// SPDX-License-Identifier: BSD-2-Clause
/* Matches drivers with nodes of the device tree. */
#include "devtree-internal.h"
#include <twofold/block.h>
#include <twofold/log.h>
#include <twofold/time.h>

extern const struct driver drivers_start[], drivers_end[];

static bool matches(const struct driver *driver, const struct dt_node *node)
{
	for (const char *const *c = driver->compatible; *c; c++)
		if (dt_compatible(node, *c))
			return true;
	return false;
}

/* Nothing here is needed, but who misses it should know why. */
static void say_what_is_missing(void)
{
	if (!block_next(NULL))
		pr_notice("drivers: no disk: no swap");
	if (time_realtime_ns() < 366 * 86400 * NSEC_PER_SEC)
		pr_notice("drivers: no real-time clock: the date starts in 1970");
}

void drivers_probe(void)
{
	const struct dt_node *node = NULL;
	char path[64];

	while ((node = dt_next(node))) {
		for (const struct driver *d = drivers_start; d < drivers_end; d++) {
			int err = matches(d, node) ? d->probe(node) : 0;

			if (err)
				pr_err("%s: %s: error %d", d->name,
				       dt_path(node, path, sizeof(path)), err);
		}
	}
	say_what_is_missing();
}
