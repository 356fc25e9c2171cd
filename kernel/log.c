// SPDX-License-Identifier: BSD-2-Clause
/*
 * The kernel log: a ring of lines, each with a level and a time, echoed to the console. It works
 * before there is a console (what was logged is written out when one comes) and in a panic.
 */
#include <twofold/console.h>
#include <twofold/lock.h>
#include <twofold/log.h>
#include <twofold/logbuf.h>
#include <twofold/params.h>
#include <twofold/string.h>
#include <twofold/time.h>

#define RING_SIZE (64 * SZ_1K)
#define LINE_MAX 256

static spinlock_t log_lock = SPINLOCK_INIT(RANK_LOG);
static char ring[RING_SIZE];
static uint64_t head, tail; /* bytes ever written, bytes ever dropped; RING_SIZE apart at most */
static unsigned console_level = LOG_INFO + 1;
static bool bypass; /* a panic: whoever held the lock may be stopped */

static void ring_put(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		ring[head++ % RING_SIZE] = text[i];
	if (head - tail <= RING_SIZE)
		return;
	tail = head - RING_SIZE;
	while (ring[tail++ % RING_SIZE] != '\n')
		;
}

/* A line as dmesg shows it: "<level>[seconds.micros] text\n". */
static size_t format_line(char *line, enum log_level level, const char *fmt, va_list args)
{
	uint64_t us = time_ns() / 1000;
	int len = snprintf(line, LINE_MAX, "<%u>[%5lu.%06lu] ", level,
			   (unsigned long)(us / 1000000), (unsigned long)(us % 1000000));

	len += vsnprintf(line + len, (size_t)(LINE_MAX - len), fmt, args);
	len = MIN(len, LINE_MAX - 2);
	while (len && line[len - 1] == '\n')
		len--;
	line[len++] = '\n';
	return (size_t)len;
}

void log_printf(enum log_level level, const char *fmt, ...)
{
	char line[LINE_MAX];
	irqflags_t flags = 0;
	va_list args;
	size_t len;

	va_start(args, fmt);
	len = format_line(line, level, fmt, args);
	va_end(args);
	if (!bypass)
		flags = spin_lock_irqsave(&log_lock);
	ring_put(line, len);
	if (level < console_level)
		console_puts(line + 3, len - 3);
	if (!bypass)
		spin_unlock_irqrestore(&log_lock, flags);
}

void log_init(void)
{
	bool quiet = param_bool("quiet", false);

	console_level = (unsigned)param_size("loglevel", quiet ? LOG_WARN : LOG_INFO + 1);
}

void log_set_console_level(unsigned level)
{
	console_level = level;
}

void log_panic_mode(void)
{
	bypass = true;
	console_level = LOG_DEBUG + 1;
}

void console_write(const char *text, size_t len)
{
	irqflags_t flags = spin_lock_irqsave(&log_lock);

	console_puts(text, len);
	spin_unlock_irqrestore(&log_lock, flags);
}

size_t log_read(char *buf, size_t size, uint64_t *pos)
{
	irqflags_t flags = spin_lock_irqsave(&log_lock);
	size_t len = 0;

	*pos = MAX(*pos, tail);
	while (len < size && *pos < head)
		buf[len++] = ring[(*pos)++ % RING_SIZE];
	spin_unlock_irqrestore(&log_lock, flags);
	return len;
}

void log_replay(void)
{
	irqflags_t flags = spin_lock_irqsave(&log_lock);
	char line[LINE_MAX];

	for (uint64_t at = tail; at < head;) {
		size_t len = 0;

		do
			line[len] = ring[at++ % RING_SIZE];
		while (line[len++] != '\n');
		if ((unsigned)(line[1] - '0') < console_level)
			console_puts(line + 3, len - 3);
	}
	spin_unlock_irqrestore(&log_lock, flags);
}
