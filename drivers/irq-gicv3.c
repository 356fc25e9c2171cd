// SPDX-License-Identifier: BSD-2-Clause
/*
 * GICv3 (IHI 0069): a distributor for shared lines, a redistributor for each core's own, and an
 * interface of system registers. With affinity routing, without LPIs. The entry code has let
 * EL1 use the system registers (ICC_SRE_EL2) where it came from EL2.
 */
#include "gic.h"
#include <twofold/errno.h>
#include <twofold/lock.h>
#include <twofold/log.h>
#include <twofold/vmalloc.h>

/* GICD_CTLR as seen without access to the secure side, 12.9.4; with one security state bit 1 is
 * group 1 and bit 0 group 0, which no line is in. */
#define CTLR_ENABLE (BIT(4) | BIT(1) | BIT(0)) /* ARE, both groups */
#define CTLR_RWP BIT(31)
#define GICD_IROUTER 0x6000

/* A redistributor is two frames of 64 KiB: control, and lines 0 to 31 (12.10). */
#define GICR_FRAME 0x10000ul
#define GICR_CTLR 0x00
#define GICR_TYPER 0x08
#define GICR_WAKER 0x14
#define TYPER_LAST BIT(4)
#define TYPER_VLPIS BIT(1) /* two frames more */
#define WAKER_SLEEP BIT(1)
#define WAKER_CHILDREN_ASLEEP BIT(2)
#define RWP_CTLR BIT(3)

#define ICC_SRE_EL1 "S3_0_C12_C12_5"
#define ICC_CTLR_EL1 "S3_0_C12_C12_4"
#define ICC_PMR_EL1 "S3_0_C4_C6_0"
#define ICC_BPR1_EL1 "S3_0_C12_C12_3"
#define ICC_IGRPEN1_EL1 "S3_0_C12_C12_7"
#define ICC_IAR1_EL1 "S3_0_C12_C12_0"
#define ICC_EOIR1_EL1 "S3_0_C12_C12_1"
#define ICC_SGI1R_EL1 "S3_0_C12_C11_5"
#define IAR_ID_MASK 0xffffffu

#define READ_ICC(reg)                                                                              \
	({                                                                                         \
		uint64_t value_;                                                                   \
		__asm__ volatile("mrs %0, " reg : "=r"(value_)::"memory");                         \
		value_;                                                                            \
	})
#define WRITE_ICC(reg, value)                                                                      \
	__asm__ volatile("msr " reg ", %x0\n\tisb" ::"rZ"((uint64_t)(value)) : "memory")

static void *dist;
static struct redist {
	void *base;
	uint32_t affinity; /* Aff3.Aff2.Aff1.Aff0, a byte each */
} redists[NR_CPUS];
static unsigned nr_redists;
static void *lines_of[NR_CPUS];			  /* each core's frame of lines 0 to 31 */
static spinlock_t lock = SPINLOCK_INIT(RANK_IRQ); /* read-modify-write of shared registers */

static uint32_t affinity_of(uint64_t mpidr)
{
	return (uint32_t)((mpidr >> 32 & 0xff) << 24 | (mpidr & 0xffffff));
}

/* Until writes to CTLR and ICENABLER have taken effect. */
static void wait_rwp(void *reg, uint64_t bit)
{
	while (mmio_read32(reg) & bit)
		cpu_relax();
}

static void enable(unsigned line)
{
	irqflags_t flags = spin_lock_irqsave(&lock);

	if (line < GIC_FIRST_SPI) {
		gic_enable_line(lines_of[cpu_id()], line);
	} else {
		mmio_write64(dist + GICD_IROUTER + 8 * line, cpus[0].mpidr & 0xff00ffffff);
		gic_enable_line(dist, line);
	}
	spin_unlock_irqrestore(&lock, flags);
}

static void disable(unsigned line)
{
	gic_disable_line(line < GIC_FIRST_SPI ? lines_of[cpu_id()] : dist, line);
}

static void handle(void)
{
	for (;;) {
		uint32_t line = READ_ICC(ICC_IAR1_EL1) & IAR_ID_MASK;

		if (line >= GIC_LINES)
			return;
		/* Acknowledged before the device is looked at. */
		__asm__ volatile("dsb sy" ::: "memory");
		if (line < GIC_FIRST_PPI) {
			WRITE_ICC(ICC_EOIR1_EL1, line); /* first: IPI_STOP does not return */
			irq_ipi((enum ipi)line);
		} else {
			irq_dispatch(line);
			WRITE_ICC(ICC_EOIR1_EL1, line);
		}
	}
}

/* ICC_SGI1R_EL1, 12.2.14: a bit of TargetList for Aff0 modulo 16, RS for the sixteens. */
static void send_ipi(unsigned cpu, enum ipi ipi)
{
	uint64_t mpidr = cpus[cpu].mpidr, aff0 = mpidr & 0xff;

	/* What was written for the receiver comes first. */
	__asm__ volatile("dsb ishst" ::: "memory");
	WRITE_ICC(ICC_SGI1R_EL1, (mpidr >> 32 & 0xff) << 48 | (aff0 >> 4) << 44 |
					 (mpidr >> 16 & 0xff) << 32 | (uint64_t)ipi << 24 |
					 (mpidr >> 8 & 0xff) << 16 | 1ull << (aff0 & 15));
}

static void wake_redistributor(void *base)
{
	mmio_write32(base + GICR_WAKER, mmio_read32(base + GICR_WAKER) & ~WAKER_SLEEP);
	wait_rwp(base + GICR_WAKER, WAKER_CHILDREN_ASLEEP);
}

static void init_redistributor(void *base)
{
	void *lines = base + GICR_FRAME;

	wake_redistributor(base);
	gic_reset_lines(lines, 0, GIC_FIRST_SPI);
	wait_rwp(base + GICR_CTLR, RWP_CTLR);
	mmio_write32(lines + GICD_IGROUPR, ~0u);
	mmio_write32(lines + GICD_ISENABLER, BIT(NR_IPIS) - 1);
	lines_of[cpu_id()] = lines;
}

static void init_cpu(void)
{
	uint32_t affinity = affinity_of(this_cpu()->mpidr);
	unsigned i = 0;

	while (i < nr_redists && redists[i].affinity != affinity)
		i++;
	if (i == nr_redists)
		panic("gicv3: core %u (affinity %#x) has no redistributor", cpu_id(), affinity);
	init_redistributor(redists[i].base);
	WRITE_ICC(ICC_SRE_EL1, READ_ICC(ICC_SRE_EL1) | 1);
	WRITE_ICC(ICC_PMR_EL1, GIC_PRIORITY_MASK);
	WRITE_ICC(ICC_BPR1_EL1, 0);
	WRITE_ICC(ICC_CTLR_EL1, 0); /* EOIR drops the priority and deactivates */
	WRITE_ICC(ICC_IGRPEN1_EL1, 1);
}

static const struct irq_chip gicv3 = {
	.end = GIC_LINES,
	.translate = gic_translate,
	.enable = enable,
	.disable = disable,
	.handle = handle,
	.send_ipi = send_ipi,
	.init_cpu = init_cpu,
};

/* Keeps the redistributor mapped if it is one of our cores'. */
static void add_redist(void *base, uint64_t typer)
{
	uint32_t affinity = (uint32_t)(typer >> 32);

	for (unsigned i = 0; i < machine.nr_cpus; i++) {
		if (affinity_of(machine.cpus[i].mpidr) == affinity && nr_redists < NR_CPUS) {
			redists[nr_redists++] = (struct redist){base, affinity};
			return;
		}
	}
	vunmap_range(base);
}

/* One region of redistributors, side by side. Mapped one by one: QEMU's region is 15 MiB. */
static void scan_region(paddr_t start, uint64_t size, uint64_t stride)
{
	uint64_t typer = 0;

	for (uint64_t at = 0; at + 2 * GICR_FRAME <= size && !(typer & TYPER_LAST);) {
		void *base;

		if (nr_redists == machine.nr_cpus)
			return;
		base = ioremap(pa_add(start, at), 2 * GICR_FRAME);
		if (!base)
			return;
		typer = mmio_read64(base + GICR_TYPER);
		add_redist(base, typer);
		at += stride ? stride : (typer & TYPER_VLPIS ? 4 : 2) * GICR_FRAME;
	}
}

static void find_redistributors(const struct dt_node *node)
{
	unsigned regions = dt_u32(node, "#redistributor-regions", 1);
	uint64_t size, stride = dt_u32(node, "redistributor-stride", 0);
	paddr_t start;

	for (unsigned i = 0; i < regions && dt_reg(node, 1 + i, &start, &size) == 0; i++)
		scan_region(start, size, stride);
}

int gicv3_probe(const struct dt_node *node)
{
	unsigned lines;

	dist = gic_map(node, 0);
	if (!dist)
		return -ENXIO;
	lines = gic_nr_lines(dist);
	mmio_write32(dist + GICD_CTLR, 0);
	wait_rwp(dist + GICD_CTLR, CTLR_RWP);
	gic_reset_lines(dist, GIC_FIRST_SPI, lines);
	for (unsigned line = GIC_FIRST_SPI; line < lines; line += 32)
		mmio_write32(dist + GICD_IGROUPR + line / 8, ~0u);
	mmio_write32(dist + GICD_CTLR, CTLR_ENABLE);
	wait_rwp(dist + GICD_CTLR, CTLR_RWP);
	find_redistributors(node);
	irq_register_chip(&gicv3, node);
	pr_info("irq: GICv3, %u lines, %u redistributors", lines, nr_redists);
	return 0;
}
