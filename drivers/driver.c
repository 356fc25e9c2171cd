// SPDX-License-Identifier: BSD-2-Clause
/* Matches drivers with nodes of the device tree. */
#include <twofold/log.h>
#include "devtree-internal.h"

extern const struct driver drivers_start[], drivers_end[];

static bool matches(const struct driver *driver, const struct dt_node *node)
{
	for (const char *const *c = driver->compatible; *c; c++)
		if (dt_compatible(node, *c))
			return true;
	return false;
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
}
