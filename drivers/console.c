// SPDX-License-Identifier: BSD-2-Clause
/* The console: finds its UART through /chosen's stdout-path, and is what the log writes to. */
#include <arch/cpu.h>
#include <arch/irqflags.h>
#include <twofold/console.h>
#include <twofold/devtree.h>
#include <twofold/log.h>
#include <twofold/logbuf.h>

static const struct {
	const char *compatible;
	int (*init)(const struct dt_node *node);
} uarts[] = {
	{"arm,pl011", pl011_console_init},
	{"brcm,bcm2835-aux-uart", mini_uart_console_init},
};

/* Looks at tx_busy; far longer than anybody writes what fits in a FIFO. */
#define PATIENCE 100000u

static uint32_t tx_busy;
static const struct uart_ops *uart;
static const char *uart_name;

void console_tx_enter(void)
{
	for (unsigned i = 0; i < PATIENCE; i++) {
		if (!__atomic_exchange_n(&tx_busy, 1, __ATOMIC_ACQUIRE))
			return;
		cpu_relax();
	}
}

void console_tx_leave(void)
{
	__atomic_store_n(&tx_busy, 0, __ATOMIC_RELEASE);
}

void console_register(const struct uart_ops *ops, const char *name)
{
	uart = ops;
	uart_name = name;
	log_replay();
}

const char *console_name(void)
{
	return uart_name;
}

/* stdout-path's node; where that says nothing, the first UART that we know. */
static const struct dt_node *find_uart(unsigned *which)
{
	const struct dt_node *node = machine.stdout_path ? dt_find_path(machine.stdout_path) : NULL;

	for (*which = 0; *which < ARRAY_SIZE(uarts); (*which)++)
		if (node && dt_compatible(node, uarts[*which].compatible))
			return node;
	for (*which = 0; *which < ARRAY_SIZE(uarts); (*which)++)
		if ((node = dt_find(NULL, uarts[*which].compatible)))
			return node;
	return NULL;
}

void console_early_init(void)
{
	const struct dt_node *node;
	char path[64];
	unsigned which;
	int err;

	if (!dt_find_path("/")) /* no tree at all: that was logged */
		return;
	node = find_uart(&which);
	if (!node) {
		pr_warn("console: no UART that we know: the log stays in memory");
		return;
	}
	err = uarts[which].init(node);
	if (err)
		pr_err("console: %s: error %d", dt_path(node, path, sizeof(path)), err);
	else
		pr_info("console: %s at %s", uart_name, dt_path(node, path, sizeof(path)));
}

void console_puts(const char *s, size_t len)
{
	if (!uart)
		return;
	for (; len--; s++) {
		if (*s == '\n')
			uart->putc('\r');
		uart->putc(*s);
	}
}

size_t console_transmit(const char *buf, size_t len)
{
	irqflags_t flags;

	if (!uart)
		return len;
	flags = irq_save();
	len = uart->write(buf, len);
	irq_restore(flags);
	return len;
}

void console_start(void)
{
	if (uart)
		uart->start_rx();
}
