// SPDX-License-Identifier: BSD-2-Clause
/*
 * The local interrupt controller of BCM2836 and BCM2837 (Broadcom, "ARM Quad A7 core", QA7_rev3.4):
 * for each core its timers, four mailboxes, and, for one of them, what the GPU's controller
 * (irq-armctrl.c) has. Cores are numbered as in MPIDR, affinity level 0.
 */
#include <arch/mmio.h>
#include <twofold/errno.h>
#include <twofold/irq.h>
#include <twofold/log.h>
#include <twofold/vmalloc.h>

#define LOCAL_CONTROL 0x00   /* 0: the counter runs by the crystal, by steps of 1 */
#define LOCAL_PRESCALER 0x08 /* the counter's rate is the crystal's, times this, by 2^31 */
#define PRESCALER_ONE BIT(31)
#define GPU_ROUTING 0x0c     /* bits 1:0: the core that gets the GPU's IRQ */
#define TIMER_CONTROL 0x40   /* one for each core: bit n lets timer n's IRQ through */
#define MAILBOX_CONTROL 0x50 /* ... mailbox n's */
#define IRQ_SOURCE 0x60	     /* ... what is pending */
#define MAILBOX_SET 0x80     /* four for each core */
#define MAILBOX_CLEAR 0xc0   /* reads what is set, clears what is written */

#define NR_TIMERS 4u
#define LINE_MAILBOX0 4u
#define LINE_GPU 8u
#define NR_LINES 10u

static void *regs;

static unsigned hw_core(unsigned cpu)
{
	return cpus[cpu].mpidr & 3;
}

static int translate(const uint32_t *cells, unsigned nr)
{
	return nr && (cells[0] < NR_TIMERS || cells[0] == LINE_GPU) ? (int)cells[0] : -EINVAL;
}

/* Timers: on this core. Its register is written by nobody else. */
static void set_timer(unsigned line, bool on)
{
	void *control = regs + TIMER_CONTROL + 4 * hw_core(cpu_id());
	uint32_t old = mmio_read32(control), bit = 1u << line;

	mmio_write32(control, on ? old | bit : old & ~bit);
}

static void enable(unsigned line)
{
	if (line < NR_TIMERS)
		set_timer(line, true);
	else
		mmio_write32(regs + GPU_ROUTING, hw_core(0));
}

/* The GPU's line has no mask of its own: its controller has one for each source. */
static void disable(unsigned line)
{
	if (line < NR_TIMERS)
		set_timer(line, false);
}

static void take_ipis(unsigned core)
{
	void *mailbox = regs + MAILBOX_CLEAR + 16 * core;
	uint32_t set = mmio_read32(mailbox);

	mmio_write32(mailbox, set); /* first: IPI_STOP does not return */
	smp_rmb();		    /* see what the sender wrote before it sent */
	for (unsigned ipi = 0; ipi < NR_IPIS; ipi++)
		if (set & 1u << ipi)
			irq_ipi((enum ipi)ipi);
}

static void handle(void)
{
	unsigned core = hw_core(cpu_id());
	uint32_t pending;

	while ((pending = mmio_read32(regs + IRQ_SOURCE + 4 * core) & ((1u << NR_LINES) - 1))) {
		unsigned line = (unsigned)__builtin_ctz(pending);

		if (line == LINE_MAILBOX0)
			take_ipis(core);
		else
			irq_dispatch(line);
	}
}

static void send_ipi(unsigned cpu, enum ipi ipi)
{
	smp_wmb();
	mmio_write32(regs + MAILBOX_SET + 16 * hw_core(cpu), 1u << ipi);
}

static void init_cpu(void)
{
	unsigned core = hw_core(cpu_id());

	mmio_write32(regs + TIMER_CONTROL + 4 * core, 0);
	mmio_write32(regs + MAILBOX_CLEAR + 16 * core, ~0u);
	mmio_write32(regs + MAILBOX_CONTROL + 4 * core, 1);
}

static const struct irq_chip bcm2836 = {
	.end = NR_LINES,
	.translate = translate,
	.enable = enable,
	.disable = disable,
	.handle = handle,
	.send_ipi = send_ipi,
	.init_cpu = init_cpu,
};

/* The counter's rate is what the firmware's stub sets and CNTFRQ_EL0 says; other loaders do not. */
int bcm2836_probe(const struct dt_node *node)
{
	uint64_t size;
	paddr_t start;

	if (dt_reg(node, 0, &start, &size) || size < 0x100)
		return -ENXIO;
	regs = ioremap(start, size);
	if (!regs)
		return -ENOMEM;
	mmio_write32(regs + LOCAL_CONTROL, 0);
	mmio_write32(regs + LOCAL_PRESCALER, PRESCALER_ONE);
	irq_register_chip(&bcm2836, node);
	pr_info("irq: BCM2836 local controller");
	return 0;
}
