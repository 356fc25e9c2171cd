// SPDX-License-Identifier: BSD-2-Clause
/* What GICv2 and GICv3 share. */
#include "gic.h"
#include <twofold/errno.h>
#include <twofold/log.h>
#include <twofold/vmalloc.h>

/* Specifiers of the arm,gic bindings: kind, number within it, trigger. */
#define KIND_SPI 0
#define KIND_PPI 1
#define TRIGGER_EDGE 3 /* rising or falling; 4 and 8 are level */

static uint32_t edge[GIC_LINES / 32 + 1];

int gic_translate(const uint32_t *cells, unsigned nr)
{
	unsigned line;

	if (nr < 3)
		return -EINVAL;
	if (cells[0] == KIND_SPI && cells[1] < GIC_LINES - GIC_FIRST_SPI)
		line = GIC_FIRST_SPI + cells[1];
	else if (cells[0] == KIND_PPI && cells[1] < GIC_FIRST_SPI - GIC_FIRST_PPI)
		line = GIC_FIRST_PPI + cells[1];
	else
		return -EINVAL;
	if (cells[2] & TRIGGER_EDGE)
		edge[line / 32] |= 1u << line % 32;
	return (int)line;
}

unsigned gic_nr_lines(const void *dist)
{
	unsigned lines = 32 * ((mmio_read32(dist + GICD_TYPER) & 0x1f) + 1);

	return MIN(lines, GIC_LINES);
}

void gic_reset_lines(void *base, unsigned first, unsigned end)
{
	for (unsigned line = first; line < end; line += 32)
		mmio_write32(base + GICD_ICENABLER + line / 8, ~0u);
	for (unsigned line = first; line < end; line += 4)
		mmio_write32(base + GICD_IPRIORITYR + line, GIC_PRIORITY * 0x01010101u);
	for (unsigned line = MAX(first, GIC_FIRST_SPI); line < end; line += 16)
		mmio_write32(base + GICD_ICFGR + line / 4, 0);
}

void gic_enable_line(void *base, unsigned line)
{
	void *config = base + GICD_ICFGR + line / 16 * 4;
	uint32_t bit = 2u << line % 16 * 2;

	if (edge[line / 32] & 1u << line % 32)
		mmio_write32(config, mmio_read32(config) | bit);
	else if (line >= GIC_FIRST_SPI)
		mmio_write32(config, mmio_read32(config) & ~bit);
	mmio_write32(base + GICD_ISENABLER + line / 32 * 4, 1u << line % 32);
}

void gic_disable_line(void *base, unsigned line)
{
	mmio_write32(base + GICD_ICENABLER + line / 32 * 4, 1u << line % 32);
}

void *gic_map(const struct dt_node *node, unsigned i)
{
	uint64_t size;
	paddr_t start;
	void *base = NULL;

	if (dt_reg(node, i, &start, &size) == 0)
		base = ioremap(start, size);
	if (!base)
		pr_err("gic: cannot reach register window %u", i);
	return base;
}
