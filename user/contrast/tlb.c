// SPDX-License-Identifier: BSD-2-Clause
/* contrast tlb: arguments, and the scores of each trace on each machine. */
#include "tlb.h"
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define MOST_PAGES (1u << 20)
#define MOST_BYTES FOREST_TABLES /* their physical addresses end where the tables' begin */

static const char *const page_names[] = {"4K", "2M", "1G"};

static unsigned find_name(const char *name, const char *const *names, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (strcmp(name, names[i]) == 0)
			return i;
	fprintf(stderr, "contrast: %s: no such choice\n", name);
	usage();
}

static void check(const struct setup *setup)
{
	if (setup->entries % setup->ways) {
		fprintf(stderr, "contrast: %u entries are no multiple of %u ways\n", setup->entries,
			setup->ways);
		usage();
	}
	if (setup->pages * PT_SPAN(setup->page_level) > MOST_BYTES) {
		fprintf(stderr, "contrast: %" PRIu64 " pages of %s are more than 32 TiB\n",
			setup->pages, page_names[setup->page_level]);
		usage();
	}
}

/* -1: all traces. */
static int parse(int argc, char **argv, struct setup *setup)
{
	static const struct option options[] = {
		{"trace", required_argument, NULL, 't'},
		{"page", required_argument, NULL, 'p'},
		{"pages", required_argument, NULL, 'n'},
		{"entries", required_argument, NULL, 'e'},
		{"ways", required_argument, NULL, 'w'},
		{"walk-cache", required_argument, NULL, 'c'},
		{"count", required_argument, NULL, 'a'},
		{"hafdbs", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	int option, trace = -1;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 't')
			trace = (int)find_name(optarg, trace_names, NR_TRACES);
		else if (option == 'p')
			setup->page_level = (int)find_name(optarg, page_names, 3);
		else if (option == 'n')
			setup->pages = parse_number(optarg, 0, 1, MOST_PAGES);
		else if (option == 'e')
			setup->entries = (unsigned)parse_number(optarg, 0, 1, 1 << 16);
		else if (option == 'w')
			setup->ways = (unsigned)parse_number(optarg, 0, 1, 1 << 16);
		else if (option == 'c')
			setup->walk_cache = (unsigned)parse_number(optarg, 0, 0, 1 << 16);
		else if (option == 'a')
			setup->count = parse_number(optarg, 0, 1, 100000000);
		else if (option == 'h')
			setup->hafdbs = true;
		else
			usage();
	}
	if (optind != argc)
		usage();
	return trace;
}

/* ---- for a reader ---- */

/* A size in the largest unit that divides it. */
static const char *size_text(uint64_t bytes, char buf[16])
{
	static const char units[] = "BKMGT";
	unsigned unit = 0;

	while (bytes && bytes % 1024 == 0 && unit < 4) {
		bytes /= 1024;
		unit++;
	}
	snprintf(buf, 16, "%" PRIu64 "%c", bytes, units[unit]);
	return buf;
}

static void print_heading(const struct setup *s)
{
	char size[16];

	printf("%" PRIu64 " pages of %s (%s), %" PRIu64 " accesses, every fourth a write\n",
	       s->pages, page_names[s->page_level],
	       size_text(s->pages * PT_SPAN(s->page_level), size), s->count);
	printf("TLB: %u entries, %u ways; walk cache: %u entries; ARM64 %s FEAT_HAFDBS\n\n",
	       s->entries, s->ways, s->walk_cache, s->hafdbs ? "with" : "without");
	printf("%-7s %-7s %9s %9s %7s %9s %9s %9s %10s %9s\n", "trace", "machine", "hits", "misses",
	       "hit %", "loads", "cached", "loads per", "flags set", "flag");
	printf("%-7s %-7s %9s %9s %7s %9s %9s %9s %10s %9s\n", "", "", "", "", "", "of tables",
	       "loads", "access", "by the CPU", "faults");
}

static void print_score(const struct setup *setup, enum side side, enum trace trace,
			const struct score *s)
{
	printf("%-7s %-7s %9" PRIu64 " %9" PRIu64 " %7.2f %9" PRIu64 " %9" PRIu64
	       " %9.3f %10" PRIu64 " %9" PRIu64 "\n",
	       side == ARM ? trace_names[trace] : "", side == ARM ? "ARM64" : "x86-64", s->hits,
	       s->misses, 100.0 * (double)s->hits / (double)setup->count, s->loads, s->cached,
	       (double)s->loads / (double)setup->count, s->updates, s->faults);
}

static const struct reach {
	const char *page;
	uint64_t size;
	bool arm_only; /* 16 leaves with the Contiguous bit */
} reaches[] = {
	{"4K", PT_SPAN(0), false},	{"64K", 16 * PT_SPAN(0), true}, {"2M", PT_SPAN(1), false},
	{"32M", 16 * PT_SPAN(1), true}, {"1G", PT_SPAN(2), false},
};

static void print_reach(const struct setup *s)
{
	char size[16];

	printf("\nreach of %u entries:", s->entries);
	for (size_t i = 0; i < ARRAY_SIZE(reaches); i++)
		printf("%s %s%s %s", i ? "," : "", reaches[i].page, reaches[i].arm_only ? "*" : "",
		       size_text(reaches[i].size * s->entries, size));
	printf("   (* ARM64 only: Contiguous)\n");
}

/* ---- JSON ---- */

static void json_score(const struct setup *setup, enum side side, const struct score *s)
{
	json_open(side == ARM ? "arm64" : "x86_64", '{');
	json_number("hits", s->hits);
	json_number("misses", s->misses);
	json_ratio("hit_rate", (double)s->hits / (double)setup->count);
	json_number("loads", s->loads);
	json_number("cached_loads", s->cached);
	json_number("flag_updates", s->updates);
	json_number("flag_faults", s->faults);
	json_close();
}

static void json_setup(const struct setup *s)
{
	json_open("setup", '{');
	json_number("page", PT_SPAN(s->page_level));
	json_number("pages", s->pages);
	json_number("count", s->count);
	json_number("entries", s->entries);
	json_number("ways", s->ways);
	json_number("walk_cache", s->walk_cache);
	json_bool("hafdbs", s->hafdbs);
	json_close();
}

static void json_reach(const struct setup *s)
{
	json_open("reach", '[');
	for (size_t i = 0; i < ARRAY_SIZE(reaches); i++) {
		json_open(NULL, '{');
		json_number("page", reaches[i].size);
		json_number("bytes", reaches[i].size * s->entries);
		json_bool("x86_64", !reaches[i].arm_only);
		json_close();
	}
	json_close();
}

static void tell(const struct setup *setup, enum trace trace)
{
	struct score score;

	if (json) {
		json_open(NULL, '{');
		json_string("trace", "%s", trace_names[trace]);
	}
	for (enum side side = ARM; side <= X86; side++) {
		replay(setup, side, trace, &score);
		if (json)
			json_score(setup, side, &score);
		else
			print_score(setup, side, trace, &score);
	}
	if (json)
		json_close();
}

int cmd_tlb(int argc, char **argv)
{
	struct setup setup = {
		.pages = 4096, .count = 20000, .entries = 64, .ways = 4, .walk_cache = 32};
	int trace = parse(argc + 1, argv - 1, &setup); /* getopt wants a name before them */

	check(&setup);
	if (json) {
		json_open(NULL, '{');
		json_string("command", "tlb");
		json_setup(&setup);
		json_open("traces", '[');
	} else {
		print_heading(&setup);
	}
	for (int t = 0; t < NR_TRACES; t++)
		if (trace < 0 || t == trace)
			tell(&setup, (enum trace)t);
	if (!json) {
		print_reach(&setup);
		return 0;
	}
	json_close();
	json_reach(&setup);
	json_close();
	return 0;
}
