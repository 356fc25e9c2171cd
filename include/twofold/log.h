/* SPDX-License-Identifier: BSD-2-Clause */
/* The kernel log, assertions, panic. Any context, any lock held; the log's own lock is the last. */
#ifndef TWOFOLD_LOG_H
#define TWOFOLD_LOG_H

#include <stdarg.h>
#include <twofold/types.h>

enum log_level {
	LOG_EMERG,
	LOG_ALERT,
	LOG_CRIT,
	LOG_ERR,
	LOG_WARN,
	LOG_NOTICE,
	LOG_INFO,
	LOG_DEBUG
};

/*
 * Appends a line to the log ring and, where its level is below the console level (`loglevel=N`,
 * `quiet`), writes it to the console. Formats as printf: d i u x X o c s p %, widths, precision,
 * flags - 0 + # space, lengths hh h l ll z.
 */
void log_printf(enum log_level level, const char *fmt, ...) __printf(2, 3);
int vsnprintf(char *buf, size_t size, const char *fmt, va_list args);
int snprintf(char *buf, size_t size, const char *fmt, ...) __printf(3, 4);

#define pr_err(...) log_printf(LOG_ERR, __VA_ARGS__)
#define pr_warn(...) log_printf(LOG_WARN, __VA_ARGS__)
#define pr_notice(...) log_printf(LOG_NOTICE, __VA_ARGS__)
#define pr_info(...) log_printf(LOG_INFO, __VA_ARGS__)
#define pr_debug(...) log_printf(LOG_DEBUG, __VA_ARGS__)

/* Says why, prints registers and a backtrace, stops the other cores, powers off. */
void panic(const char *fmt, ...) __printf(1, 2) __noreturn;

/* Always on: a state that must not be. */
#define CHECK(cond)                                                                                \
	do {                                                                                       \
		if (unlikely(!(cond)))                                                             \
			panic("%s:%d: CHECK(%s) failed", __FILE__, __LINE__, #cond);               \
	} while (0)

/* In DEBUG=1 builds: what would cost too much otherwise. Evaluated nowhere else. */
#ifdef DEBUG
#define DCHECK(cond) CHECK(cond)
#else
#define DCHECK(cond) ((void)sizeof(!(cond)))
#endif

#endif
