/* SPDX-License-Identifier: BSD-2-Clause */
/* What GICv2 and GICv3 share: specifiers, and the distributor's registers for lines (IHI 0048B 4.3,
 * IHI 0069 12.9; the redistributor has the same for lines below 32). */
#ifndef GIC_H
#define GIC_H

#include <arch/mmio.h>
#include <twofold/irq.h>

#define GIC_FIRST_PPI 16u
#define GIC_FIRST_SPI 32u
#define GIC_LINES 1020u		/* 1020 to 1023 are special: 1023 is "nothing pending" */
#define GIC_PRIORITY 0xa0u	/* of every line: between the mask and the highest */
#define GIC_PRIORITY_MASK 0xf0u /* what the CPU interface lets through: all that is above it */

#define GICD_CTLR 0x000
#define GICD_TYPER 0x004
#define GICD_IGROUPR 0x080
#define GICD_ISENABLER 0x100
#define GICD_ICENABLER 0x180
#define GICD_IPRIORITYR 0x400
#define GICD_ITARGETSR 0x800
#define GICD_ICFGR 0xc00

/* irq_chip.translate. Remembers which lines are edge-triggered. */
int gic_translate(const uint32_t *cells, unsigned nr);
/* Lines that the distributor has, from GICD_TYPER. */
unsigned gic_nr_lines(const void *dist);
/* Disables lines [first, end); level-triggered, of the one priority. first: a multiple of 32. */
void gic_reset_lines(void *base, unsigned first, unsigned end);
/* Sets the trigger as translated, then enables. Under the driver's lock. */
void gic_enable_line(void *base, unsigned line);
void gic_disable_line(void *base, unsigned line);
/* The i-th register window of a controller's node; NULL and a log line where that fails. */
void *gic_map(const struct dt_node *node, unsigned i);

#endif
