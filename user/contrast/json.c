// SPDX-License-Identifier: BSD-2-Clause
/* A JSON writer: knows how deep it is, and whether a comma is due. */
#define _GNU_SOURCE
#include "contrast.h"
#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define DEEPEST 8

static char closing[DEEPEST];
static bool first = true;
static unsigned depth;

static void put_string(const char *text)
{
	putchar('"');
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			printf("\\%c", *text);
		else if ((unsigned char)*text < ' ')
			printf("\\u%04x", *text);
		else
			putchar(*text);
	}
	putchar('"');
}

static void put_key(const char *key)
{
	if (!first)
		fputs(depth == 1 ? ",\n " : ", ", stdout);
	first = false;
	if (!key)
		return;
	put_string(key);
	fputs(": ", stdout);
}

void json_open(const char *key, char bracket)
{
	put_key(key);
	putchar(bracket);
	assert(depth < DEEPEST);
	closing[depth++] = bracket == '{' ? '}' : ']';
	first = true;
}

void json_close(void)
{
	putchar(closing[--depth]);
	first = depth == 0;
	if (!depth)
		putchar('\n');
}

void json_number(const char *key, uint64_t value)
{
	put_key(key);
	printf("%" PRIu64, value);
}

void json_ratio(const char *key, double value)
{
	put_key(key);
	printf("%.4f", value);
}

void json_bool(const char *key, bool value)
{
	put_key(key);
	fputs(value ? "true" : "false", stdout);
}

void json_null(const char *key)
{
	put_key(key);
	fputs("null", stdout);
}

void json_hex(const char *key, uint64_t value)
{
	put_key(key);
	printf("\"0x%" PRIx64 "\"", value);
}

void json_string(const char *key, const char *format, ...)
{
	va_list args;
	char *text;
	int n;

	va_start(args, format);
	n = vasprintf(&text, format, args);
	va_end(args);
	if (n < 0)
		die("no memory");
	put_key(key);
	put_string(text);
	free(text);
}
