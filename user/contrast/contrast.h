/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of `contrast` share. Each command prints for a reader, or one JSON object. */
#ifndef CONTRAST_H
#define CONTRAST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WIDTH 100 /* columns that output keeps within */
#define PROC "/proc"

/* ---- commands: argv without the command's name; the program's exit status ---- */
int cmd_walk(int argc, char **argv);
int cmd_map(int argc, char **argv);
int cmd_fault(int argc, char **argv);
int cmd_cost(int argc, char **argv);
int cmd_bits(int argc, char **argv);
int cmd_tlb(int argc, char **argv);

extern bool json; /* -j */

/* Wrong arguments: says how it is used, exits with 2. */
__attribute__((noreturn)) void usage(void);
/* What cannot go on: "contrast: ...", exits with 1. */
__attribute__((noreturn, format(printf, 1, 2))) void die(const char *format, ...);
/* A number, all of the text, as strtoull() reads it; else usage(). */
uint64_t parse_number(const char *text, int base, uint64_t least, uint64_t most);
/* A process id; 0 where argc is 0, usage() where there is more than one. */
int parse_pid(int argc, char **argv);

/* ---- files of "key value ..." lines (lines.c) ---- */
struct lines {
	char *text; /* all of them, malloc'd, with '\0' in place of newlines */
	char **line;
	size_t n;
};

/* Reads a file to its end; what != NULL is written to it first, through the same descriptor.
 * False: errno says why. */
bool lines_read(struct lines *lines, const char *path, const char *what);
/* Writes a file; false: errno. */
bool file_write(const char *path, const char *what);
void lines_free(struct lines *lines);
/* What follows "key " in a line; NULL: it is another key's. */
const char *line_value(const char *line, const char *key);

/* ---- JSON (json.c): nested objects and arrays; commas are its own ---- */
void json_open(const char *key, char bracket); /* '{' or '['; key NULL in arrays and at the top */
void json_close(void);
void json_number(const char *key, uint64_t value);
void json_ratio(const char *key, double value);
void json_bool(const char *key, bool value);
void json_null(const char *key);
/* 64-bit values are strings, "0x...": JSON's numbers are doubles to most readers. */
void json_hex(const char *key, uint64_t value);
__attribute__((format(printf, 2, 3))) void json_string(const char *key, const char *format, ...);

/* ---- two columns side by side (columns.c) ---- */
enum side { ARM, X86 };
/* Adds a line to one column, wrapped at its width; `indent` columns in. */
__attribute__((format(printf, 3, 4))) void column_add(enum side side, unsigned indent,
						      const char *format, ...);
/* Prints what both columns have, the shorter one filled up. */
void columns_flush(void);
void columns_rule(void);

/* Prints text wrapped within WIDTH: `first` begins it, later lines are indented by `indent`. */
void print_wrapped(const char *first, unsigned indent, const char *text);

#endif
