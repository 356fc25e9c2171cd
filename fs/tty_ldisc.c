// SPDX-License-Identifier: BSD-2-Clause
/* The line discipline: editing of lines, echo, signals from the keyboard; as Linux's n_tty shows
 * it. */
#include "tty.h"

static void set_mark(struct tty *tty, uint64_t at, bool on)
{
	uint64_t *word = &tty->marks[at % TTY_BUF / 64];

	*word = on ? *word | BIT(at % 64) : *word & ~BIT(at % 64);
}

static bool marked(const struct tty *tty, uint64_t at)
{
	return tty->marks[at % TTY_BUF / 64] & BIT(at % 64);
}

static char at(const struct tty *tty, uint64_t i)
{
	return tty->buf[i % TTY_BUF];
}

static bool is_char(const struct tty *tty, unsigned which, uint8_t c)
{
	return tty->termios.c_cc[which] && tty->termios.c_cc[which] == c;
}

static bool is_control(uint8_t c)
{
	return c < ' ' || c == 0x7f;
}

static bool is_continuation(const struct tty *tty, uint8_t c)
{
	return (tty->termios.c_iflag & IUTF8) && (c & 0xc0) == 0x80;
}

/* ---- echo ---- */

/* A byte as the user sees it: ^C for control characters with ECHOCTL. */
static void echo_char(struct tty *tty, uint8_t c)
{
	char text[2] = {'^', (char)(c ^ 0x40)};

	if (is_control(c) && c != '\n' && c != '\t' && tty_lflag(tty, ECHOCTL))
		tty_output(tty, text, 2);
	else
		tty_output(tty, (const char *)&c, 1);
}

static void echo(struct tty *tty, uint8_t c)
{
	if (tty_lflag(tty, ECHO) || (c == '\n' && tty_lflag(tty, ECHONL) && tty_lflag(tty, ICANON)))
		echo_char(tty, c);
}

/* Columns that a byte takes on the screen when it stands at `column`. */
static unsigned width(const struct tty *tty, uint8_t c, unsigned column)
{
	if (c == '\t')
		return (column | 7) + 1 - column;
	if (is_control(c))
		return tty_lflag(tty, ECHOCTL) ? 2 : 0;
	return is_continuation(tty, c) ? 0 : 1;
}

/* The width of the line's byte at `end`, for which the ones before it matter. */
static unsigned width_at(const struct tty *tty, uint64_t end)
{
	unsigned column = tty->line_column;

	for (uint64_t i = tty->canon; i < end; i++)
		column += width(tty, (uint8_t)at(tty, i), column);
	return width(tty, (uint8_t)at(tty, end), column);
}

/* ---- editing ---- */

/* Takes the last character of the line off; its bytes, if it has several. */
static void rub_out(struct tty *tty)
{
	unsigned columns;

	while (tty->head > tty->canon + 1 && is_continuation(tty, (uint8_t)at(tty, tty->head - 1)))
		tty->head--;
	tty->head--;
	columns = width_at(tty, tty->head);
	if (!tty_lflag(tty, ECHO) || !tty_lflag(tty, ECHOE))
		return;
	if (at(tty, tty->head) == '\t')
		while (columns--)
			tty_output(tty, "\b", 1);
	else
		while (columns--)
			tty_output(tty, "\b \b", 3);
}

static bool is_word(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       c == '_' || (c & 0x80);
}

static void erase_char(struct tty *tty, uint8_t c)
{
	if (tty->head == tty->canon)
		return;
	rub_out(tty);
	if (tty_lflag(tty, ECHO) && !tty_lflag(tty, ECHOE))
		echo_char(tty, c);
}

static void erase_word(struct tty *tty)
{
	while (tty->head > tty->canon && !is_word(at(tty, tty->head - 1)))
		rub_out(tty);
	while (tty->head > tty->canon && is_word(at(tty, tty->head - 1)))
		rub_out(tty);
}

static void kill_line(struct tty *tty, uint8_t c)
{
	if (tty_lflag(tty, ECHO) &&
	    !(tty_lflag(tty, ECHOK) && tty_lflag(tty, ECHOKE) && tty_lflag(tty, ECHOE))) {
		tty->head = tty->canon;
		echo_char(tty, c);
		if (tty_lflag(tty, ECHOK))
			echo_char(tty, '\n');
		return;
	}
	while (tty->head > tty->canon)
		rub_out(tty);
}

static void reprint(struct tty *tty, uint8_t c)
{
	if (!tty_lflag(tty, ECHO))
		return;
	echo_char(tty, c);
	echo_char(tty, '\n');
	for (uint64_t i = tty->canon; i < tty->head; i++)
		echo_char(tty, (uint8_t)at(tty, i));
}

/* ---- storing ---- */

static void store(struct tty *tty, uint8_t c, bool ends_line)
{
	tty->buf[tty->head % TTY_BUF] = (char)c;
	set_mark(tty, tty->head, ends_line);
	tty->head++;
	if (!ends_line && tty_lflag(tty, ICANON))
		return;
	tty->canon = tty->head;
	wake_all(&tty->read_wq);
}

/* Text; the last place is kept for the end of the line. */
static void store_text(struct tty *tty, uint8_t c)
{
	if (tty->head - tty->tail >= TTY_BUF - 1) {
		if (tty->termios.c_iflag & IMAXBEL)
			tty_output(tty, "\a", 1);
		return;
	}
	if (tty->head == tty->canon)
		tty->line_column = tty->column;
	echo(tty, c);
	store(tty, c, false);
}

static void store_end(struct tty *tty, uint8_t c, bool eof)
{
	if (tty->head - tty->tail >= TTY_BUF)
		return;
	if (!eof)
		echo(tty, c);
	store(tty, eof ? '\0' : c, true);
}

/* ---- one byte received ---- */

/* Ctrl-C, Ctrl-\ and Ctrl-Z: 0 if it is none of them. */
static int signal_of(const struct tty *tty, uint8_t c)
{
	if (!tty_lflag(tty, ISIG))
		return 0;
	if (is_char(tty, VINTR, c))
		return SIGINT;
	if (is_char(tty, VQUIT, c))
		return SIGQUIT;
	return is_char(tty, VSUSP, c) ? SIGTSTP : 0;
}

static void receive_signal(struct tty *tty, uint8_t c, int sig)
{
	if (!tty_lflag(tty, NOFLSH))
		ldisc_flush(tty);
	tty_stop(tty, false);
	echo(tty, c);
	tty_signal(tty, sig);
}

/* What canonical mode does with special characters; true: done. */
static bool edit(struct tty *tty, uint8_t c)
{
	bool extended = tty_lflag(tty, IEXTEN);

	if (is_char(tty, VERASE, c)) {
		erase_char(tty, c);
	} else if (is_char(tty, VKILL, c)) {
		kill_line(tty, c);
	} else if (extended && is_char(tty, VWERASE, c)) {
		erase_word(tty);
	} else if (extended && is_char(tty, VREPRINT, c)) {
		reprint(tty, c);
	} else if (c == '\n' || is_char(tty, VEOL, c) || (extended && is_char(tty, VEOL2, c))) {
		store_end(tty, c, false);
	} else if (is_char(tty, VEOF, c)) {
		store_end(tty, c, true);
	} else {
		return false;
	}
	return true;
}

/* Flow control; true: the byte was for that. */
static bool receive_flow(struct tty *tty, uint8_t c)
{
	if (!(tty->termios.c_iflag & IXON))
		return false;
	if (!is_char(tty, VSTART, c) && !is_char(tty, VSTOP, c)) {
		if (tty->stopped && (tty->termios.c_iflag & IXANY))
			tty_stop(tty, false);
		return false;
	}
	tty_stop(tty, !is_char(tty, VSTART, c));
	return true;
}

void ldisc_receive(struct tty *tty, uint8_t c)
{
	unsigned iflag = tty->termios.c_iflag;
	int sig;

	if (iflag & ISTRIP)
		c &= 0x7f;
	if (tty->literal) {
		tty->literal = false;
		store_text(tty, c);
		return;
	}
	if (receive_flow(tty, c))
		return;
	sig = signal_of(tty, c);
	if (sig) {
		receive_signal(tty, c, sig);
		return;
	}
	if (c == '\r' && (iflag & IGNCR))
		return;
	if (c == '\r' && (iflag & ICRNL))
		c = '\n';
	else if (c == '\n' && (iflag & INLCR))
		c = '\r';
	if (tty_lflag(tty, ICANON) && tty_lflag(tty, IEXTEN) && is_char(tty, VLNEXT, c)) {
		tty->literal = true;
		if (tty_lflag(tty, ECHO) && tty_lflag(tty, ECHOCTL))
			tty_output(tty, "^\b", 2);
		return;
	}
	if (!tty_lflag(tty, ICANON) || !edit(tty, c))
		store_text(tty, c);
}

/* ---- reading ---- */

void ldisc_flush(struct tty *tty)
{
	tty->tail = tty->canon = tty->head;
	tty->literal = false;
}

void ldisc_set_canonical(struct tty *tty, bool canonical)
{
	if (canonical) {
		memset(tty->marks, 0, sizeof(tty->marks));
		if (tty->head != tty->tail)
			set_mark(tty, tty->head - 1, true);
	}
	tty->canon = tty->head;
	wake_all(&tty->read_wq);
}

bool ldisc_readable(const struct tty *tty)
{
	uint64_t there = tty->canon - tty->tail, least = 1;

	if (!tty_lflag(tty, ICANON) && !tty->termios.c_cc[VTIME] && tty->termios.c_cc[VMIN])
		least = tty->termios.c_cc[VMIN];
	return there >= least;
}

static bool at_eof_mark(const struct tty *tty)
{
	return tty->tail != tty->canon && marked(tty, tty->tail) && !at(tty, tty->tail);
}

/* Up to the end of the line into buf; *last: there it is. */
static size_t take_line(struct tty *tty, char *buf, size_t room, bool *last)
{
	size_t n = 0;

	while (!*last && n < room && tty->tail != tty->canon) {
		*last = marked(tty, tty->tail);
		if (!at_eof_mark(tty))
			buf[n++] = at(tty, tty->tail);
		tty->tail++;
	}
	return n;
}

static size_t take_raw(struct tty *tty, char *buf, size_t room)
{
	size_t n = 0;

	while (n < room && tty->tail != tty->canon)
		buf[n++] = at(tty, tty->tail++);
	return n;
}

ssize_t ldisc_read(struct tty *tty, struct iobuf *io, bool *eof)
{
	bool canonical = tty_lflag(tty, ICANON), last = false;
	ssize_t done = 0, moved;
	char buf[64];

	while (io->left && !last) {
		size_t room = MIN(io->left, sizeof(buf));
		size_t n = canonical ? take_line(tty, buf, room, &last) : take_raw(tty, buf, room);

		if (!n)
			break;
		moved = iobuf_put(io, buf, n);
		if (moved < 0)
			return done ? done : moved;
		done += moved;
	}
	if (canonical && !last && done && at_eof_mark(tty))
		tty->tail++; /* the end of this text, not of the next read */
	*eof = last && !done;
	return done;
}
