// SPDX-License-Identifier: BSD-2-Clause
/* Text in two columns, ARM's left and x86's right, and text wrapped to the width. */
#define _GNU_SOURCE
#include "contrast.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COLUMN ((WIDTH - 3) / 2) /* " | " between them */
#define MOST_LINES 64

static char text[2][MOST_LINES][COLUMN + 1];
static unsigned used[2];

/* How much of text to put on a line of `room` columns: up to a space, or all that fits. */
static size_t piece(const char *at, size_t room)
{
	size_t n = strlen(at);

	if (n <= room)
		return n;
	for (n = room; n && at[n] != ' '; n--)
		;
	return n ? n : room;
}

static void add_line(enum side side, unsigned indent, const char *at, size_t n)
{
	if (used[side] < MOST_LINES)
		snprintf(text[side][used[side]++], COLUMN + 1, "%*s%.*s", (int)indent, "", (int)n,
			 at);
}

void column_add(enum side side, unsigned indent, const char *format, ...)
{
	va_list args;
	char *whole;
	size_t n;
	int length;

	va_start(args, format);
	length = vasprintf(&whole, format, args);
	va_end(args);
	if (length < 0)
		die("no memory");
	for (const char *at = whole; *at; at += n + (at[n] == ' ')) {
		n = piece(at, COLUMN - indent);
		add_line(side, indent, at, n);
		if (at == whole)
			indent += 2;
	}
	free(whole);
}

void columns_flush(void)
{
	unsigned n = used[ARM] > used[X86] ? used[ARM] : used[X86];

	for (unsigned i = 0; i < n; i++) {
		const char *left = i < used[ARM] ? text[ARM][i] : "";
		const char *right = i < used[X86] ? text[X86][i] : "";

		printf("%-*s |%s%s\n", COLUMN, left, *right ? " " : "", right);
	}
	used[ARM] = used[X86] = 0;
}

void columns_rule(void)
{
	columns_flush();
	for (int i = 0; i < COLUMN * 2 + 3; i++)
		putchar(i == COLUMN + 1 ? '+' : '-');
	putchar('\n');
}

void print_wrapped(const char *first, unsigned indent, const char *whole)
{
	size_t column = strlen(first), n;

	fputs(first, stdout);
	for (const char *at = whole; *at; at += n + (at[n] == ' ')) {
		n = piece(at, WIDTH - column);
		printf("%.*s\n", (int)n, at);
		if (at[n])
			printf("%*s", (int)indent, "");
		column = indent;
	}
	if (!*whole)
		putchar('\n');
}
