// SPDX-License-Identifier: BSD-2-Clause
/*
 * ARM and x86-64 paging side by side, on this machine: it runs on ARM's tables and keeps each
 * address space in x86-64's format too. docs/contrast.md is the guide.
 */
#include "contrast.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool json;

static const struct command {
	const char *name;
	int (*run)(int argc, char **argv);
} commands[] = {
	{"walk", cmd_walk}, {"map", cmd_map},	{"fault", cmd_fault},
	{"cost", cmd_cost}, {"bits", cmd_bits}, {"tlb", cmd_tlb},
};

void usage(void)
{
	fputs("usage: contrast [-j] COMMAND ...            -j: JSON\n"
	      "  walk ADDR [PID]      what each machine's tables say of an address (hexadecimal)\n"
	      "  map [PID]            areas, with table pages and leaves in both formats\n"
	      "  fault [KIND]...      provokes faults, and shows what each machine reports\n"
	      "  cost PROGRAM [ARG]...  runs it, and shows what both formats needed\n"
	      "  bits                 the two entry formats, bit by bit\n"
	      "  tlb [OPTION]...      replays accesses through TLBs and walk caches of given "
	      "sizes\n"
	      "      --trace seq|stride|random|zipf   one of them (all)\n"
	      "      --page 4K|2M|1G  page size (4K)     --pages N   pages touched (4096)\n"
	      "      --entries N      TLB entries (64)   --ways N    associativity (4)\n"
	      "      --walk-cache N   table entries (32) --count N   accesses (20000)\n"
	      "      --hafdbs         ARM's CPU sets AF and dirty state itself\n",
	      stderr);
	exit(2);
}

void die(const char *format, ...)
{
	va_list args;

	fflush(stdout);
	fputs("contrast: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(1);
}

uint64_t parse_number(const char *text, int base, uint64_t least, uint64_t most)
{
	uint64_t value;
	char *end;

	errno = 0;
	value = strtoull(text, &end, base);
	if (end == text || *end || errno || *text == '-' || value < least || value > most) {
		fprintf(stderr, "contrast: %s: not a number that fits here\n", text);
		usage();
	}
	return value;
}

int parse_pid(int argc, char **argv)
{
	if (argc > 1)
		usage();
	return argc ? (int)parse_number(argv[0], 10, 1, INT32_MAX) : 0;
}

int main(int argc, char **argv)
{
	int at = 1;

	if (at < argc && strcmp(argv[at], "-j") == 0) {
		json = true;
		at++;
	}
	for (size_t i = 0; at < argc && i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(argv[at], commands[i].name) != 0)
			continue;
		if (at + 1 < argc && strcmp(argv[at + 1], "-j") == 0) {
			json = true;
			at++;
		}
		return commands[i].run(argc - at - 1, argv + at + 1);
	}
	usage();
}
