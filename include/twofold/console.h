/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The machine's console: a UART driver registers itself; the log writes to it, a tty reads from it.
 */
#ifndef TWOFOLD_CONSOLE_H
#define TWOFOLD_CONSOLE_H

#include <twofold/types.h>

struct dt_node;

struct uart_ops {
	void (*putc)(char c); /* waits for room; any context, under the log's lock */
	/*
	 * As many bytes as fit now; the rest is asked for again after tty_tx_ready(). Interrupts
	 * masked.
	 */
	size_t (*write)(const char *buf, size_t len);
	/* from now on received bytes go to tty_rx(), from the interrupt handler */
	void (*start_rx)(void);
};

/* Before the allocator: finds stdout-path's UART by the device tree and maps it in the fixmap. What
 * was logged before is written out. No UART: the kernel runs on silently. */
void console_early_init(void);
void console_register(const struct uart_ops *ops, const char *name); /* ttyAMA0, ttyS0 */
const char *console_name(void);
void console_puts(const char *s, size_t len); /* "\n" becomes "\r\n"; log's lock held */
void console_start(void);		      /* interrupts on: input flows */
/* The UART's write() for a tty's output, interrupts masked inside; len where there is no UART. */
size_t console_transmit(const char *buf, size_t len);

/* UART drivers: make the node's UART the console. -ENXIO: no usable registers. */
int pl011_console_init(const struct dt_node *node);
int mini_uart_console_init(const struct dt_node *node);
/*
 * The transmitter is one core's, interrupts masked, below the log's lock, which is the last of the
 * ranked ones. Who waits does so for a while only: in a panic its owner may have been stopped.
 */
void console_tx_enter(void);
void console_tx_leave(void);

/* The tty's side (fs/tty.c). */
void tty_rx(char c);	 /* from the UART's interrupt handler: one received byte */
void tty_rx_break(void); /* a break on the line */
void tty_tx_ready(void);

#endif
