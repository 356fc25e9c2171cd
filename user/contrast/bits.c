// SPDX-License-Identifier: BSD-2-Clause
/* contrast bits: what fields.c says. */
#include "contrast.h"
#include "fields.h"
#include <stdio.h>
#include <string.h>

#define PURPOSE 50

/* One field; its purpose over as many lines as it needs. */
static void print_field(const struct field *f)
{
	const char *at = f->purpose, *other = f->other ? f->other : "- none -";
	char bits[8];

	snprintf(bits, sizeof(bits), f->high == f->low ? "%u" : "%u:%u", f->high, f->low);
	printf("  %-6s %-11s", bits, f->name);
	for (size_t n; *at; at += n + (at[n] == ' ')) {
		n = strlen(at);
		if (n > PURPOSE)
			for (n = PURPOSE; at[n] != ' '; n--)
				;
		if (at != f->purpose)
			printf("%20s", "");
		if (at == f->purpose)
			printf("%-*.*s  %s\n", PURPOSE, (int)n, at, other);
		else
			printf("%.*s\n", (int)n, at);
	}
}

static void print_layouts(void)
{
	const char *rule = "";

	for (int entry = 0; entry < NR_ENTRIES; entry++)
		for (int side = 0; side < 2; side++) {
			const struct layout *layout = &layouts[side][entry];

			printf("%s%s\n  %-6s %-11s%-*s  %s\n", rule, layout->title, "bits", "name",
			       PURPOSE, "what for", side == ARM ? "on x86-64" : "on ARM");
			for (size_t i = 0; i < layout->n; i++)
				print_field(&layout->fields[i]);
			rule = "\n";
		}
}

static void write_json(void)
{
	static const char *const names[] = {"table", "leaf", "invalid"};

	json_open(NULL, '{');
	json_string("command", "bits");
	json_open("fields", '[');
	for (int side = 0; side < 2; side++)
		for (int entry = 0; entry < NR_ENTRIES; entry++)
			for (size_t i = 0; i < layouts[side][entry].n; i++) {
				const struct field *f = &layouts[side][entry].fields[i];

				json_open(NULL, '{');
				json_string("format", side == ARM ? "arm64" : "x86_64");
				json_string("entry", "%s", names[entry]);
				json_number("high", f->high);
				json_number("low", f->low);
				json_string("name", "%s", f->name);
				json_string("purpose", "%s", f->purpose);
				if (f->other)
					json_string("counterpart", "%s", f->other);
				else
					json_null("counterpart");
				json_close();
			}
	json_close();
	json_close();
}

int cmd_bits(int argc, char **argv)
{
	(void)argv;
	if (argc)
		usage();
	if (json)
		write_json();
	else
		print_layouts();
	return 0;
}
