// SPDX-License-Identifier: BSD-2-Clause
/* Any bytes as a device tree: read in, then every question asked of every node. */
#include "../../drivers/devtree-internal.h"
#include <stdlib.h>
#include <string.h>
#include <twofold/log.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

void log_printf(enum log_level level, const char *fmt, ...)
{
	char line[256];
	va_list args;

	(void)level;
	va_start(args, fmt);
	vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
}

static void ask(const struct dt_node *node)
{
	char path[256];
	uint64_t size;
	paddr_t start;

	dt_find_path(dt_path(node, path, sizeof(path)));
	dt_path(node, path, 8);
	dt_compatible(node, "arm,pl011");
	dt_parent_interrupt(node);
	for (unsigned i = 0; dt_reg(node, i, &start, &size) == 0; i++)
		;
	dt_u32(node, "#interrupt-cells", 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct dt_node *node = NULL;
	uint64_t *blob = malloc(size + 1); /* aligned, as the kernel maps it */

	memcpy(blob, data, size);
	dt_init(blob, size);
	while ((node = dt_next(node)))
		ask(node);
	free(blob);
	return 0;
}
