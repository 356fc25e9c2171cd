// SPDX-License-Identifier: BSD-2-Clause
/*
 * The mini-UART of BCM2835 and its kin (BCM2835 ARM Peripherals, 2.2, as its errata correct it).
 * Its speed hangs on the core clock and is as the firmware left it (config.txt: enable_uart=1). It
 * reports neither breaks nor framing errors.
 */
#include <arch/irqflags.h>
#include <arch/mmio.h>
#include <arch/mmu.h>
#include <twofold/console.h>
#include <twofold/errno.h>
#include <twofold/irq.h>
#include <twofold/log.h>

#define AUX_ENABLES 0x04 /* of the block that the mini-UART is part of */
#define ENABLE_MINI_UART 1u

#define AUX_MU_IO 0x00
#define AUX_MU_IER 0x04
/* Without bits 3:2, which the manual reserves, received data does not interrupt (errata, p. 12). */
#define IER_RX (BIT(0) | 3u << 2)
#define IER_TX BIT(1)
#define AUX_MU_LCR 0x0c
#define LCR_8BIT 3u
#define AUX_MU_LSR 0x14
#define LSR_RX_READY BIT(0)
#define LSR_TX_ROOM BIT(5)
#define AUX_MU_CNTL 0x20
#define CNTL_ENABLE 3u /* receiver, transmitter */

static void *base;
static const struct dt_node *uart_node;

/* Writes what fits in the FIFO. */
static size_t put_some(const char *buf, size_t len)
{
	size_t n = 0;

	while (n < len && mmio_read32(base + AUX_MU_LSR) & LSR_TX_ROOM)
		mmio_write32(base + AUX_MU_IO, (uint8_t)buf[n++]);
	return n;
}

static void mini_putc(char c)
{
	size_t put;

	do {
		console_tx_enter();
		put = put_some(&c, 1);
		console_tx_leave();
	} while (!put);
}

static void set_tx_interrupt(bool on)
{
	uint32_t ier = mmio_read32(base + AUX_MU_IER);

	mmio_write32(base + AUX_MU_IER, on ? ier | IER_TX : ier & ~IER_TX);
}

static size_t mini_write(const char *buf, size_t len)
{
	size_t n;

	console_tx_enter();
	n = put_some(buf, len);
	if (n < len)
		set_tx_interrupt(true);
	console_tx_leave();
	return n;
}

static void receive(void)
{
	while (mmio_read32(base + AUX_MU_LSR) & LSR_RX_READY)
		tty_rx((char)mmio_read32(base + AUX_MU_IO));
}

/* The line is shared with two SPI masters: it may be theirs, and then nothing is found here. */
static void mini_interrupt(void *unused)
{
	bool asked;

	(void)unused;
	receive();
	console_tx_enter();
	asked = mmio_read32(base + AUX_MU_IER) & IER_TX &&
		mmio_read32(base + AUX_MU_LSR) & LSR_TX_ROOM;
	if (asked)
		set_tx_interrupt(false);
	console_tx_leave();
	if (asked)
		tty_tx_ready();
}

static void mini_start_rx(void)
{
	int line = irq_of_node(uart_node, 0);
	int err = line < 0 ? line : irq_request(line, mini_interrupt, NULL, "mini-uart");
	irqflags_t flags;

	if (err) {
		pr_err("mini-uart: no interrupt, so no input: error %d", err);
		return;
	}
	flags = irq_save();
	receive(); /* what was typed during boot */
	console_tx_enter();
	mmio_write32(base + AUX_MU_IER, mmio_read32(base + AUX_MU_IER) | IER_RX);
	console_tx_leave();
	irq_restore(flags);
}

static const struct uart_ops mini_ops = {
	.putc = mini_putc,
	.write = mini_write,
	.start_rx = mini_start_rx,
};

/* The block's own register gives the UART its clock: without, there is nothing to read here. */
static void switch_on(void)
{
	const struct dt_node *aux = dt_find(NULL, "brcm,bcm2835-aux");
	uint64_t size;
	paddr_t start;
	void *enables;

	if (!aux || dt_reg(aux, 0, &start, &size))
		return;
	enables = fixmap_device(pa_add(start, AUX_ENABLES));
	mmio_write32(enables, mmio_read32(enables) | ENABLE_MINI_UART);
}

int mini_uart_console_init(const struct dt_node *node)
{
	uint64_t size;
	paddr_t start;

	if (dt_reg(node, 0, &start, &size))
		return -ENXIO;
	switch_on();
	base = fixmap_device(start);
	uart_node = node;
	mmio_write32(base + AUX_MU_IER, 0);
	mmio_write32(base + AUX_MU_LCR, LCR_8BIT);
	mmio_write32(base + AUX_MU_CNTL, CNTL_ENABLE);
	console_register(&mini_ops, "ttyS0");
	return 0;
}
