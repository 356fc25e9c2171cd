/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The terminal on the console's UART. Received bytes go from the interrupt handler into a small
 * ring; the thread ttyd takes them through the line discipline, which edits, echoes and sends
 * signals, so that Ctrl-C works with no reader.
 */
#ifndef FS_TTY_H
#define FS_TTY_H

#include "internal.h"
#include <asm/ioctls.h>
#include <asm/termios.h>

#define TTY_BUF 4096u /* as Linux: a line is at most this long */

struct tty {
	struct mutex lock; /* all below but for what has its own */
	struct termios2 termios;
	struct winsize size;
	int session, pgrp; /* 0: none */

	/* Input: [tail, canon) may be read, [canon, head) is the line being edited; counted for
	 * ever. */
	uint64_t head, canon, tail;
	uint64_t marks[TTY_BUF / 64]; /* a bit each: ends a line; with '\0': ends the file */
	char buf[TTY_BUF];
	bool literal;	      /* the next byte is text, whatever it is (VLNEXT) */
	unsigned line_column; /* where the line being edited began on the screen */
	struct wait_queue read_wq;

	struct mutex out_lock; /* output's order, and column */
	unsigned column;
	bool stopped; /* Ctrl-S */
	struct wait_queue write_wq;
};

extern struct tty console_tty;

static inline bool tty_lflag(const struct tty *tty, unsigned flag)
{
	return tty->termios.c_lflag & flag;
}

/* ---- fs/tty_ldisc.c; tty->lock held ---- */
void ldisc_receive(struct tty *tty, uint8_t c); /* may sleep for output */
void ldisc_flush(struct tty *tty);
/* The mode changed: what is there stays readable. */
void ldisc_set_canonical(struct tty *tty, bool canonical);
/* Bytes that a read would give now; in raw mode none below VMIN. */
bool ldisc_readable(const struct tty *tty);
/* Gives up to one line, or what there is in raw mode. Bytes moved; 0 with *eof: Ctrl-D. -EFAULT. */
ssize_t ldisc_read(struct tty *tty, struct iobuf *io, bool *eof);

/* ---- fs/tty_out.c ---- */
/* Text through output processing to the UART; out_lock taken inside. Sleeps. */
void tty_output(struct tty *tty, const char *text, size_t len);
void tty_stop(struct tty *tty, bool stop); /* Ctrl-S, Ctrl-Q */

/* ---- fs/tty_job.c ---- */
int64_t tty_job_ioctl(struct tty *tty, unsigned cmd, uint64_t arg); /* -ENOTTY: not one of these */
/* The current program may use the terminal now: 0; else it was sent `sig`: -ERESTARTSYS, or -EIO.
 */
int tty_check_foreground(struct tty *tty, int sig);
void tty_signal(struct tty *tty, int sig); /* to the foreground group */
void tty_adopt(struct tty *tty);	   /* an open by a session leader without a terminal */

#endif
