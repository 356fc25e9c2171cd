// SPDX-License-Identifier: BSD-2-Clause
/* A terminal's output: OPOST's translations, the cursor's column, Ctrl-S. */
#include "tty.h"
#include <twofold/console.h>

#define CHUNK 128u

/* Waits for the UART where it is full: it drains always, so no signal ends this. */
static void transmit(struct tty *tty, const char *text, size_t len)
{
	while (len) {
		size_t n = console_transmit(text, len);

		if (!n)
			wait_event(&tty->write_wq, (n = console_transmit(text, len)) != 0);
		text += n;
		len -= n;
	}
}

/* One byte as the terminal wants it, into out; how many bytes that is. */
static size_t process(struct tty *tty, uint8_t c, char *out)
{
	unsigned oflag = tty->termios.c_oflag;
	size_t n = 0;

	if (!(oflag & OPOST)) {
		out[0] = (char)c;
		return 1;
	}
	switch (c) {
	case '\n':
		if (oflag & ONLRET)
			tty->column = 0;
		if (oflag & ONLCR) {
			tty->column = 0;
			out[n++] = '\r';
		}
		break;
	case '\r':
		if ((oflag & ONOCR) && !tty->column)
			return 0;
		if (oflag & OCRNL)
			c = '\n';
		tty->column = 0;
		break;
	case '\t':
		tty->column = (tty->column | 7) + 1;
		break;
	case '\b':
		tty->column -= tty->column > 0;
		break;
	default:
		/* Neither control characters nor UTF-8's further bytes move the cursor. */
		tty->column += c >= ' ' && c != 0x7f && (c & 0xc0) != 0x80;
	}
	out[n++] = (char)c;
	return n;
}

void tty_output(struct tty *tty, const char *text, size_t len)
{
	char out[CHUNK];
	size_t n = 0;

	mutex_lock(&tty->out_lock);
	for (size_t i = 0; i < len; i++) {
		if (n + 2 > sizeof(out)) {
			transmit(tty, out, n);
			n = 0;
		}
		n += process(tty, (uint8_t)text[i], out + n);
	}
	transmit(tty, out, n);
	mutex_unlock(&tty->out_lock);
}

void tty_stop(struct tty *tty, bool stop)
{
	tty->stopped = stop;
	if (!stop)
		wake_all(&tty->write_wq);
}

void tty_tx_ready(void)
{
	wake_all(&console_tty.write_wq);
}
