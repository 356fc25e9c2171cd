// SPDX-License-Identifier: BSD-2-Clause
/* The terminal as a file: /dev/console, /dev/tty, /dev/ttyAMA0; and its thread, ttyd. */
#include "tty.h"
#include <twofold/console.h>

#define WRITE_CHUNK 128u
#define RX_SIZE 1024u
#define DECISECOND (NSEC_PER_SEC / 10)

struct tty console_tty;

/* What arrived and ttyd has not seen yet. */
static struct {
	spinlock_t lock; /* RANK_BLOCK, irqsave: the UART's interrupt handler fills it */
	unsigned head, tail;
	char buf[RX_SIZE];
	struct wait_queue wq;
} rx;

void tty_rx(char c)
{
	irqflags_t flags = spin_lock_irqsave(&rx.lock);

	if (rx.head - rx.tail < RX_SIZE)
		rx.buf[rx.head++ % RX_SIZE] = c;
	spin_unlock_irqrestore(&rx.lock, flags);
	wake_all(&rx.wq);
}

/* A break is a zero byte, as with neither IGNBRK nor BRKINT set. */
void tty_rx_break(void)
{
	tty_rx('\0');
}

static size_t take_received(char *buf, size_t room)
{
	irqflags_t flags = spin_lock_irqsave(&rx.lock);
	size_t n = 0;

	while (n < room && rx.tail != rx.head)
		buf[n++] = rx.buf[rx.tail++ % RX_SIZE];
	spin_unlock_irqrestore(&rx.lock, flags);
	return n;
}

static void ttyd(void *arg)
{
	struct tty *tty = arg;
	char buf[64];
	size_t n;

	for (;;) {
		wait_event(&rx.wq, READ_ONCE(rx.head) != READ_ONCE(rx.tail));
		n = take_received(buf, sizeof(buf));
		mutex_lock(&tty->lock);
		for (size_t i = 0; i < n; i++)
			ldisc_receive(tty, (uint8_t)buf[i]);
		mutex_unlock(&tty->lock);
	}
}

/* Sleeps for input without the lock. 0: look again; -EAGAIN: `deadline` passed; -ERESTARTSYS. */
static int wait_input(struct tty *tty, uint64_t deadline)
{
	struct waiter w;
	bool late = false;

	wait_prepare(&tty->read_wq, &w, true);
	mutex_unlock(&tty->lock);
	if (!signal_pending())
		late = !schedule_until(deadline);
	wait_finish(&tty->read_wq, &w);
	mutex_lock(&tty->lock);
	if (signal_pending())
		return -ERESTARTSYS;
	return late ? -EAGAIN : 0;
}

/* How many bytes a raw read waits for, and how long (termios(3), non-canonical mode). */
static size_t raw_minimum(const struct tty *tty, size_t want, ssize_t done, uint64_t *deadline)
{
	uint8_t min = tty->termios.c_cc[VMIN], time = tty->termios.c_cc[VTIME];

	*deadline = UINT64_MAX;
	if (time && (!min || done)) /* for the first byte, or between two */
		*deadline = time_ns() + time * DECISECOND;
	if (!min)
		return time ? 1 : 0;
	return MIN((size_t)min, want);
}

static ssize_t read_raw(struct tty *tty, struct file *file, struct iobuf *io)
{
	size_t want = io->left;
	ssize_t done = 0, n = 0;
	uint64_t deadline;
	bool eof;

	for (;;) {
		n = ldisc_read(tty, io, &eof);
		if (n < 0)
			break;
		done += n;
		if ((size_t)done >= raw_minimum(tty, want, done, &deadline))
			break;
		if (file->flags & O_NONBLOCK) {
			n = -EAGAIN;
			break;
		}
		n = wait_input(tty, deadline);
		if (n == -EAGAIN) /* VTIME is over: no error */
			n = 0, want = 0;
		if (n || !want || tty_lflag(tty, ICANON))
			break;
	}
	return done ? done : n;
}

static ssize_t read_line(struct tty *tty, struct file *file, struct iobuf *io)
{
	bool eof = false;
	ssize_t n;
	int err;

	for (;;) {
		n = ldisc_read(tty, io, &eof);
		if (n || eof)
			return n;
		if (file->flags & O_NONBLOCK)
			return -EAGAIN;
		err = wait_input(tty, UINT64_MAX);
		if (err)
			return err;
		if (!tty_lflag(tty, ICANON))
			return read_raw(tty, file, io);
	}
}

static ssize_t tty_read(struct file *file, struct iobuf *io, uint64_t *pos)
{
	struct tty *tty = file->data;
	ssize_t n;
	int err;

	(void)pos;
	if (!io->left)
		return 0;
	mutex_lock(&tty->lock);
	err = tty_check_foreground(tty, SIGTTIN);
	if (err)
		n = err;
	else
		n = tty_lflag(tty, ICANON) ? read_line(tty, file, io) : read_raw(tty, file, io);
	mutex_unlock(&tty->lock);
	return n;
}

/* While Ctrl-S holds output: 0 when it flows, or -EAGAIN, -ERESTARTSYS. */
static int wait_flow(struct tty *tty, const struct file *file)
{
	if (likely(!READ_ONCE(tty->stopped)))
		return 0;
	if (file->flags & O_NONBLOCK)
		return -EAGAIN;
	return wait_event_interruptible(&tty->write_wq, !READ_ONCE(tty->stopped)) ? -ERESTARTSYS
										  : 0;
}

static ssize_t tty_write(struct file *file, struct iobuf *io, uint64_t *pos)
{
	struct tty *tty = file->data;
	char text[WRITE_CHUNK];
	ssize_t done = 0, n;
	int err = tty_lflag(tty, TOSTOP) ? tty_check_foreground(tty, SIGTTOU) : 0;

	(void)pos;
	while (!err && io->left) {
		err = wait_flow(tty, file);
		if (err)
			break;
		n = iobuf_get(io, text, sizeof(text));
		if (n < 0)
			return done ? done : n;
		tty_output(tty, text, (size_t)n);
		done += n;
		if (signal_pending() && io->left)
			err = -ERESTARTSYS;
	}
	return done ? done : err;
}

static unsigned tty_poll(struct file *file, struct poll_table *pt)
{
	struct tty *tty = file->data;
	unsigned ready = 0;

	poll_wait(pt, &tty->read_wq);
	poll_wait(pt, &tty->write_wq);
	mutex_lock(&tty->lock);
	ready |= ldisc_readable(tty) ? POLLIN | POLLRDNORM : 0;
	ready |= !tty->stopped ? POLLOUT | POLLWRNORM : 0;
	mutex_unlock(&tty->lock);
	return ready;
}

/* TCSETS and kin: the first `size` bytes of a termios2; those of a plain termios lack the speeds.
 */
static int64_t set_termios(struct tty *tty, uint64_t arg, size_t size, bool flush)
{
	struct termios2 new = tty->termios;
	bool was_canonical = tty_lflag(tty, ICANON);
	int err = tty_check_foreground(tty, SIGTTOU);

	if (err)
		return err;
	if (copy_from_user(&new, UPTR(arg), size))
		return -EFAULT;
	if (flush)
		ldisc_flush(tty);
	tty->termios = new;
	if (tty_lflag(tty, ICANON) != was_canonical)
		ldisc_set_canonical(tty, !was_canonical);
	if (!(new.c_iflag &IXON))
		tty_stop(tty, false);
	return 0;
}

static int64_t set_size(struct tty *tty, uint64_t arg)
{
	struct winsize size;

	if (copy_from_user(&size, UPTR(arg), sizeof(size)))
		return -EFAULT;
	if (memcmp(&size, &tty->size, sizeof(size))) {
		tty->size = size;
		tty_signal(tty, SIGWINCH);
	}
	return 0;
}

static int64_t flow(struct tty *tty, uint64_t arg)
{
	if (arg > TCION)
		return -EINVAL;
	if (arg == TCOOFF || arg == TCOON)
		tty_stop(tty, arg == TCOOFF);
	return 0;
}

static int64_t flush(struct tty *tty, uint64_t arg)
{
	if (arg > TCIOFLUSH)
		return -EINVAL;
	if (arg != TCOFLUSH)
		ldisc_flush(tty);
	return 0;
}

static int64_t ioctl_locked(struct tty *tty, unsigned cmd, uint64_t arg)
{
	switch (cmd) {
	case TCGETS:
		return copy_to_user(UPTR(arg), &tty->termios, sizeof(struct termios));
	case TCGETS2:
		return copy_to_user(UPTR(arg), &tty->termios, sizeof(struct termios2));
	case TCSETS:
	case TCSETSW:
	case TCSETSF:
		return set_termios(tty, arg, sizeof(struct termios), cmd == TCSETSF);
	case TCSETS2:
	case TCSETSW2:
	case TCSETSF2:
		return set_termios(tty, arg, sizeof(struct termios2), cmd == TCSETSF2);
	case TIOCGWINSZ:
		return copy_to_user(UPTR(arg), &tty->size, sizeof(tty->size));
	case TIOCSWINSZ:
		return set_size(tty, arg);
	case TCFLSH:
		return flush(tty, arg);
	case TCXONC:
		return flow(tty, arg);
	case TCSBRK:
	case TCSBRKP:
		return 0; /* output is out by the time that write() returns */
	case FIONREAD:
		return put_user_u32(UPTR(arg), (uint32_t)(tty->canon - tty->tail));
	case TIOCOUTQ:
	case TIOCGETD: /* N_TTY is 0 */
		return put_user_u32(UPTR(arg), 0);
	default:
		return tty_job_ioctl(tty, cmd, arg);
	}
}

static int64_t tty_ioctl(struct file *file, unsigned cmd, uint64_t arg)
{
	struct tty *tty = file->data;
	int64_t ret;

	mutex_lock(&tty->lock);
	ret = ioctl_locked(tty, cmd, arg);
	mutex_unlock(&tty->lock);
	return ret;
}

/* As in Linux: opening the console does not make it the controlling terminal, opening a tty may. */
static int tty_open(struct inode *inode, struct file *file)
{
	(void)inode;
	if (!(file->flags & O_NOCTTY))
		tty_adopt(file->data);
	return 0;
}

/* /dev/tty: whichever terminal controls the caller. */
static int tty_open_own(struct inode *inode, struct file *file)
{
	(void)inode;
	file->data = current->process ? current->process->tty : NULL;
	return file->data ? 0 : -ENXIO;
}

#define TTY_FOPS .read = tty_read, .write = tty_write, .poll = tty_poll, .ioctl = tty_ioctl

static const struct file_ops console_fops = {TTY_FOPS};
static const struct file_ops tty_fops = {.open = tty_open, TTY_FOPS};
static const struct file_ops own_tty_fops = {.open = tty_open_own, TTY_FOPS};

/* Linux's numbers: ttyAMA0 is 204,64, ttyS0 4,64. */
static void register_uart(void)
{
	const char *name = console_name();

	if (name)
		dev_register(name, S_IFCHR | 0620,
			     !strncmp(name, "ttyS", 4) ? MKDEV_STAT(4, 64) : MKDEV_STAT(204, 64),
			     &tty_fops, &console_tty);
}

/* Linux's settings of a fresh terminal. */
static const struct termios2 initial_termios = {
	.c_iflag = ICRNL | IXON,
	.c_oflag = OPOST | ONLCR,
	.c_cflag = B115200 | CS8 | CREAD | HUPCL | CLOCAL,
	.c_lflag = ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN,
	.c_cc = {[VINTR] = 'C' - '@',
		 [VQUIT] = '\\' - '@',
		 [VERASE] = 0x7f,
		 [VKILL] = 'U' - '@',
		 [VEOF] = 'D' - '@',
		 [VMIN] = 1,
		 [VSTART] = 'Q' - '@',
		 [VSTOP] = 'S' - '@',
		 [VSUSP] = 'Z' - '@',
		 [VREPRINT] = 'R' - '@',
		 [VDISCARD] = 'O' - '@',
		 [VWERASE] = 'W' - '@',
		 [VLNEXT] = 'V' - '@'},
	.c_ispeed = 115200,
	.c_ospeed = 115200,
};

void tty_init(void)
{
	struct tty *tty = &console_tty;

	spin_lock_init(&rx.lock, RANK_BLOCK);
	wait_queue_init(&rx.wq);
	mutex_init(&tty->lock);
	mutex_init(&tty->out_lock);
	wait_queue_init(&tty->read_wq);
	wait_queue_init(&tty->write_wq);
	tty->termios = initial_termios;
	dev_register("console", S_IFCHR | 0600, MKDEV_STAT(5, 1), &console_fops, tty);
	dev_register("tty", S_IFCHR | 0666, MKDEV_STAT(5, 0), &own_tty_fops, NULL);
	register_uart();
	if (IS_ERR(kthread_create("ttyd", ttyd, tty)))
		panic("no memory for ttyd");
}
