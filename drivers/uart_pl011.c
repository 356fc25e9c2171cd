// SPDX-License-Identifier: BSD-2-Clause
/* The PL011 UART (ARM DDI 0183, chapter 3). The line's speed is as the firmware left it. */
#include <arch/irqflags.h>
#include <arch/mmio.h>
#include <arch/mmu.h>
#include <twofold/console.h>
#include <twofold/errno.h>
#include <twofold/irq.h>
#include <twofold/log.h>

#define UARTDR 0x00
#define DR_FRAMING 0x100u
#define DR_PARITY 0x200u
#define DR_BREAK 0x400u
#define UARTFR 0x18
#define FR_RXFE 0x10u /* receive FIFO empty */
#define FR_TXFF 0x20u /* transmit FIFO full */
#define UARTLCR_H 0x2c
#define LCR_8BIT 0x60u
#define LCR_FIFO 0x10u
#define UARTCR 0x30
#define CR_ENABLE 0x301u /* UARTEN, TXE, RXE */
#define UARTIFLS 0x34
#define UARTIMSC 0x38
#define UARTMIS 0x40
#define UARTICR 0x44
#define INT_RX 0x010u
#define INT_TX 0x020u
#define INT_RX_TIMEOUT 0x040u
#define INT_BREAK 0x200u
#define INT_ALL 0x7ffu

static void *base;
static const struct dt_node *uart_node;

/* Writes what fits in the FIFO. */
static size_t put_some(const char *buf, size_t len)
{
	size_t n = 0;

	while (n < len && !(mmio_read32(base + UARTFR) & FR_TXFF))
		mmio_write32(base + UARTDR, (uint8_t)buf[n++]);
	return n;
}

static void pl011_putc(char c)
{
	size_t put;

	do {
		console_tx_enter();
		put = put_some(&c, 1);
		console_tx_leave();
	} while (!put);
}

static void mask_tx(bool mask)
{
	uint32_t imsc = mmio_read32(base + UARTIMSC);

	mmio_write32(base + UARTIMSC, mask ? imsc & ~INT_TX : imsc | INT_TX);
}

/* The interrupt comes as the FIFO empties past its level: asked for only when that is full. */
static size_t pl011_write(const char *buf, size_t len)
{
	size_t n;

	console_tx_enter();
	n = put_some(buf, len);
	if (n < len)
		mask_tx(false);
	console_tx_leave();
	return n;
}

static void receive(void)
{
	while (!(mmio_read32(base + UARTFR) & FR_RXFE)) {
		uint32_t data = mmio_read32(base + UARTDR);

		if (data & DR_BREAK)
			tty_rx_break();
		else if (!(data & (DR_FRAMING | DR_PARITY)))
			tty_rx((char)data);
	}
}

static void pl011_interrupt(void *unused)
{
	uint32_t pending = mmio_read32(base + UARTMIS);

	(void)unused;
	mmio_write32(base + UARTICR, pending);
	receive();
	if (pending & INT_TX) {
		console_tx_enter();
		mask_tx(true);
		console_tx_leave();
		tty_tx_ready();
	}
}

static void pl011_start_rx(void)
{
	int line = irq_of_node(uart_node, 0);
	int err = line < 0 ? line : irq_request(line, pl011_interrupt, NULL, "uart-pl011");
	irqflags_t flags;

	if (err) {
		pr_err("pl011: no interrupt, so no input: error %d", err);
		return;
	}
	flags = irq_save();
	receive(); /* what was typed during boot */
	console_tx_enter();
	mmio_write32(base + UARTIFLS, 0); /* receive: from an eighth full; transmit: down to one */
	mmio_write32(base + UARTIMSC,
		     mmio_read32(base + UARTIMSC) | INT_RX | INT_RX_TIMEOUT | INT_BREAK);
	console_tx_leave();
	irq_restore(flags);
}

static const struct uart_ops pl011_ops = {
	.putc = pl011_putc,
	.write = pl011_write,
	.start_rx = pl011_start_rx,
};

int pl011_console_init(const struct dt_node *node)
{
	uint64_t size;
	paddr_t start;

	if (dt_reg(node, 0, &start, &size))
		return -ENXIO;
	base = fixmap_device(start);
	uart_node = node;
	mmio_write32(base + UARTIMSC, 0);
	mmio_write32(base + UARTICR, INT_ALL);
	if ((mmio_read32(base + UARTCR) & CR_ENABLE) != CR_ENABLE) {
		/* Switching the FIFO on empties it: not where something has been typed already. */
		bool typed = !(mmio_read32(base + UARTFR) & FR_RXFE);

		mmio_write32(base + UARTLCR_H, typed ? LCR_8BIT : LCR_8BIT | LCR_FIFO);
		mmio_write32(base + UARTCR, CR_ENABLE);
	}
	console_register(&pl011_ops, "ttyAMA0");
	return 0;
}
