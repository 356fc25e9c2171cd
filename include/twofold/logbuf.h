/* SPDX-License-Identifier: BSD-2-Clause */
/* The log's other side: for the console, dmesg (syslog(2), /dev/kmsg) and panic. */
#ifndef TWOFOLD_LOGBUF_H
#define TWOFOLD_LOGBUF_H

#include <twofold/types.h>

void log_init(void); /* console level from `loglevel=N` and `quiet` */
void log_set_console_level(unsigned level);
/* No lock from now on, every level to the console: the other cores are stopped. */
void log_panic_mode(void);
/*
 * Copies log text from byte *pos on ("<level>[time] text\n" lines), advances *pos; a *pos
 * that was overwritten moves to the oldest line. Returns bytes copied; 0: nothing new.
 */
size_t log_read(char *buf, size_t size, uint64_t *pos);
/* Writes to the console what was logged before there was one. */
void log_replay(void);
/* Text to the console, not to the ring, unmixed with log lines: self-test reports. */
void console_write(const char *text, size_t len);

#endif
