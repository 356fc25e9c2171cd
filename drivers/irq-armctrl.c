// SPDX-License-Identifier: BSD-2-Clause
/*
 * The interrupt controller of the VideoCore's peripherals (BCM2835 ARM Peripherals, 7), nested in
 * the local one: three banks, of which the first is of the ARM side and has 8 lines.
 */
#include <arch/mmio.h>
#include <twofold/errno.h>
#include <twofold/irq.h>
#include <twofold/log.h>
#include <twofold/vmalloc.h>

#define FIRST_LINE 32u /* ours, after the local controller's */
#define NR_BANKS 3u
#define BANK_LINES 32u
#define BASIC_LINES 8u

/* Pending (of what is enabled), enable, disable: by bank. */
static const uint8_t pending_reg[NR_BANKS] = {0x00, 0x04, 0x08};
static const uint8_t enable_reg[NR_BANKS] = {0x18, 0x10, 0x14};
static const uint8_t disable_reg[NR_BANKS] = {0x24, 0x1c, 0x20};
#define FIQ_CONTROL 0x0c

static void *regs;

static int translate(const uint32_t *cells, unsigned nr)
{
	if (nr < 2 || cells[0] >= NR_BANKS || cells[1] >= (cells[0] ? BANK_LINES : BASIC_LINES))
		return -EINVAL;
	return (int)(FIRST_LINE + cells[0] * BANK_LINES + cells[1]);
}

static void write_bit(const uint8_t *bank_regs, unsigned line)
{
	unsigned i = line - FIRST_LINE;

	mmio_write32(regs + bank_regs[i / BANK_LINES], 1u << i % BANK_LINES);
}

static void enable(unsigned line)
{
	write_bit(enable_reg, line);
}

static void disable(unsigned line)
{
	write_bit(disable_reg, line);
}

/* The first bank also sums up the others, and repeats some of their lines: not looked at. */
static void handle(void *unused)
{
	(void)unused;
	for (unsigned bank = 0; bank < NR_BANKS; bank++) {
		uint32_t pending = mmio_read32(regs + pending_reg[bank]);

		if (!bank)
			pending &= (1u << BASIC_LINES) - 1;
		for (; pending; pending &= pending - 1)
			irq_dispatch(FIRST_LINE + bank * BANK_LINES +
				     (unsigned)__builtin_ctz(pending));
	}
}

static const struct irq_chip armctrl = {
	.first = FIRST_LINE,
	.end = FIRST_LINE + NR_BANKS * BANK_LINES,
	.translate = translate,
	.enable = enable,
	.disable = disable,
};

/* Whatever the loader left enabled is none of ours. The firmware has registers of its own. */
int armctrl_probe(const struct dt_node *node)
{
	uint64_t size;
	paddr_t start;

	if (dt_reg(node, 0, &start, &size) || size <= disable_reg[0])
		return -ENXIO;
	regs = ioremap(start, size);
	if (!regs)
		return -ENOMEM;
	for (unsigned bank = 0; bank < NR_BANKS; bank++)
		mmio_write32(regs + disable_reg[bank], ~0u);
	mmio_write32(regs + FIQ_CONTROL, 0);
	irq_register_chip(&armctrl, node);
	return irq_request(irq_of_node(node, 0), handle, NULL, "irq-armctrl");
}
