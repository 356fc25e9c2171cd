// SPDX-License-Identifier: BSD-2-Clause
/* GICv2 (IHI 0048B): one distributor, a memory-mapped interface of each core. */
#include "gic.h"
#include <twofold/errno.h>
#include <twofold/lock.h>
#include <twofold/log.h>

#define GICD_SGIR 0xf00
#define SGIR_TARGETS_SHIFT 16

#define GICC_CTLR 0x00
#define GICC_PMR 0x04
#define GICC_BPR 0x08
#define GICC_IAR 0x0c
#define GICC_EOIR 0x10
#define IAR_ID_MASK 0x3ffu /* bits 12:10: who sent an SGI */

static void *dist, *cpu_if;
static uint8_t target_of[NR_CPUS]; /* the core's bit in the distributor's target fields */
static spinlock_t lock = SPINLOCK_INIT(RANK_IRQ); /* read-modify-write of the distributor */

static void enable(unsigned line)
{
	irqflags_t flags = spin_lock_irqsave(&lock);

	if (line >= GIC_FIRST_SPI)
		mmio_write8(dist + GICD_ITARGETSR + line, target_of[0]);
	gic_enable_line(dist, line);
	spin_unlock_irqrestore(&lock, flags);
}

static void disable(unsigned line)
{
	gic_disable_line(dist, line);
}

static void handle(void)
{
	for (;;) {
		uint32_t iar = mmio_read32(cpu_if + GICC_IAR), line = iar & IAR_ID_MASK;

		if (line >= GIC_LINES)
			return;
		if (line < GIC_FIRST_PPI) {
			mmio_write32(cpu_if + GICC_EOIR, iar); /* first: IPI_STOP does not return */
			smp_rmb(); /* see what the sender wrote before it sent */
			irq_ipi((enum ipi)line);
		} else {
			irq_dispatch(line);
			mmio_write32(cpu_if + GICC_EOIR, iar);
		}
	}
}

static void send_ipi(unsigned cpu, enum ipi ipi)
{
	smp_wmb();
	mmio_write32(dist + GICD_SGIR, (uint32_t)target_of[cpu] << SGIR_TARGETS_SHIFT | ipi);
}

static void init_cpu(void)
{
	/* The target registers of lines 0 to 31 are banked and read as this core's own bit. */
	target_of[cpu_id()] = mmio_read8(dist + GICD_ITARGETSR);
	gic_reset_lines(dist, 0, GIC_FIRST_SPI);
	for (unsigned ipi = 0; ipi < NR_IPIS; ipi++)
		mmio_write32(dist + GICD_ISENABLER, 1u << ipi);
	mmio_write32(cpu_if + GICC_PMR, GIC_PRIORITY_MASK);
	mmio_write32(cpu_if + GICC_BPR, 0);
	mmio_write32(cpu_if + GICC_CTLR, 1);
}

static const struct irq_chip gicv2 = {
	.end = GIC_LINES,
	.translate = gic_translate,
	.enable = enable,
	.disable = disable,
	.handle = handle,
	.send_ipi = send_ipi,
	.init_cpu = init_cpu,
};

int gicv2_probe(const struct dt_node *node)
{
	unsigned lines;

	dist = gic_map(node, 0);
	cpu_if = gic_map(node, 1);
	if (!dist || !cpu_if)
		return -ENXIO;
	lines = gic_nr_lines(dist);
	mmio_write32(dist + GICD_CTLR, 0);
	gic_reset_lines(dist, GIC_FIRST_SPI, lines);
	mmio_write32(dist + GICD_CTLR, 1);
	irq_register_chip(&gicv2, node);
	pr_info("irq: GICv2, %u lines", lines);
	return 0;
}
