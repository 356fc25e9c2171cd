// SPDX-License-Identifier: BSD-2-Clause
/*
 * contrast map: what /proc/PID/pagetable says, laid over the areas of /proc/PID/maps. A table page
 * belongs to the first area that has an entry below it.
 */
#include "contrast.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LEVELS 4
#define SPAN(level) (4096ull << (9 * (level)))

struct run {
	uint64_t start, end, count;
	int level;
	bool swapped;
	char prot[12];
};

/* One format's tree. */
struct tree {
	bool there; /* else twin=off */
	uint64_t root, tables[LEVELS], contiguous, lost;
	uint64_t stores, bbm, flushes;
	struct run *runs;
	size_t n;
};

struct map {
	int pid;
	struct tree trees[2]; /* by enum side */
	uint64_t access_flag, dirty;
};

/* What lies in one area. */
struct share {
	uint64_t tables, leaves[LEVELS], swapped;
};

static const char *const formats[] = {"arm64", "x86_64"};

/* ---- reading ---- */

static void add_run(struct tree *tree, const struct run *run)
{
	if (!(tree->n & (tree->n - 1))) {
		size_t room = tree->n ? 2 * tree->n : 1;

		tree->runs = reallocarray(tree->runs, room, sizeof(*run));
		if (!tree->runs)
			die("no memory");
	}
	tree->runs[tree->n++] = *run;
}

static bool parse_run(struct tree *tree, const char *text)
{
	struct run run = {0};
	char kind[12];

	if (sscanf(text, "%" SCNx64 " %" SCNx64 " %d %" SCNu64 " %11s %11s", &run.start, &run.end,
		   &run.level, &run.count, run.prot, kind) != 6 ||
	    run.level < 0 || run.level >= LEVELS)
		return false;
	run.swapped = strcmp(kind, "swapped") == 0;
	add_run(tree, &run);
	return true;
}

static bool parse_tree(struct tree *tree, const char *line)
{
	uint64_t *t = tree->tables;
	const char *value;

	if ((value = line_value(line, "run")))
		return parse_run(tree, value);
	if ((value = line_value(line, "root"))) {
		tree->there = true;
		return sscanf(value, "%" SCNx64, &tree->root) == 1;
	}
	if ((value = line_value(line, "tables")))
		return sscanf(value, "%" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64, &t[3], &t[2],
			      &t[1], &t[0]) == 4;
	if ((value = line_value(line, "stores")))
		return sscanf(value, "%" SCNu64 " bbm %" SCNu64 " flushes %" SCNu64, &tree->stores,
			      &tree->bbm, &tree->flushes) == 3;
	if ((value = line_value(line, "leaves")))
		return sscanf(value, "%*u blocks %*u %*u contiguous %" SCNu64, &tree->contiguous) ==
		       1;
	if ((value = line_value(line, "lost")))
		return sscanf(value, "%" SCNu64, &tree->lost) == 1;
	return true; /* "off", and keys to come */
}

static bool parse_line(struct map *map, struct tree **tree, const char *line)
{
	const char *value = line_value(line, "format");

	if (value) {
		*tree = &map->trees[strcmp(value, formats[X86]) == 0 ? X86 : ARM];
		return true;
	}
	if ((value = line_value(line, "faults")))
		return sscanf(value, "access_flag %" SCNu64 " dirty %" SCNu64, &map->access_flag,
			      &map->dirty) == 2;
	return *tree && parse_tree(*tree, line);
}

static void read_lines(struct lines *lines, int pid, const char *name)
{
	char path[64];

	if (pid)
		snprintf(path, sizeof(path), PROC "/%d/%s", pid, name);
	else
		snprintf(path, sizeof(path), PROC "/self/%s", name);
	if (!lines_read(lines, path, NULL)) {
		if (errno == ENOENT || errno == ESRCH)
			die("process %d: %s", pid, strerror(ESRCH));
		die("%s: %m", path);
	}
}

static void read_map(struct map *map)
{
	struct tree *tree = NULL;
	struct lines lines;

	read_lines(&lines, map->pid, "pagetable");
	for (size_t i = 0; i < lines.n; i++)
		if (!parse_line(map, &tree, lines.line[i]))
			die("pagetable: cannot read \"%s\"", lines.line[i]);
	lines_free(&lines);
	if (!map->trees[ARM].there)
		die("process %d has no address space", map->pid);
}

/* ---- areas ---- */

struct area {
	uint64_t start, end;
	char rights[5];
	const char *name;
};

static bool parse_area(struct area *area, const char *line)
{
	int name = 0;

	if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %*s %*s %*s %n", &area->start, &area->end,
		   area->rights, &name) < 3)
		return false;
	area->name = name ? line + name : "";
	return true;
}

/* Tables of one level that [start, end) needs and that nothing before `from` needed. */
static uint64_t new_tables(uint64_t start, uint64_t end, uint64_t *from, int level)
{
	uint64_t span = SPAN(level + 1);
	uint64_t first = start / span, last = (end - 1) / span, n;

	if (first < *from)
		first = *from;
	n = last + 1 > first ? last + 1 - first : 0;
	if (last + 1 > *from)
		*from = last + 1;
	return n;
}

/* The part of a run that lies in the area; false: none does. */
static bool clip(const struct run *run, const struct area *area, struct run *part)
{
	*part = *run;
	part->start = run->start > area->start ? run->start : area->start;
	part->end = run->end < area->end ? run->end : area->end;
	if (part->start >= part->end)
		return false;
	part->count = (part->end - part->start) / SPAN(run->level);
	return true;
}

/* `from`: for each level the first table that no area had yet. */
static void take_share(const struct tree *tree, const struct area *area, uint64_t from[LEVELS],
		       struct share *share)
{
	struct run run;

	*share = (struct share){0};
	for (size_t i = 0; i < tree->n; i++) {
		if (!clip(&tree->runs[i], area, &run))
			continue;
		*(run.swapped ? &share->swapped : &share->leaves[run.level]) += run.count;
		for (int level = run.level; level < LEVELS - 1; level++)
			share->tables += new_tables(run.start, run.end, &from[level], level);
	}
}

/* ---- a table for a reader ---- */

static void print_share(const struct tree *tree, const struct share *s)
{
	if (!tree->there)
		printf(" | %23s", "off");
	else
		printf(" | %3" PRIu64 " %6" PRIu64 " %4" PRIu64 " %7" PRIu64, s->tables,
		       s->leaves[0], s->leaves[1] + s->leaves[2], s->swapped);
}

/* An area's runs, as ARM's tree has them: the twin says the same. */
static void print_runs(const struct tree *tree, const struct area *area)
{
	static const char *const sizes[LEVELS] = {"4K", "2M", "1G", "?"};
	struct run run;

	for (size_t i = 0; i < tree->n; i++)
		if (clip(&tree->runs[i], area, &run))
			printf("    %012" PRIx64 "-%012" PRIx64 " %-8s %6" PRIu64 " x %s\n",
			       run.start, run.end, run.swapped ? "swapped" : run.prot, run.count,
			       sizes[run.level]);
}

static void print_area(const struct map *map, const struct area *area, const struct share *shares)
{
	char name[24];
	size_t length = strlen(area->name);

	snprintf(name, sizeof(name), "%s%s", length > 15 ? ".." : "",
		 area->name + (length > 15 ? length - 13 : 0));
	printf("%012" PRIx64 "-%012" PRIx64 " %s %-15s", area->start, area->end, area->rights,
	       name);
	print_share(&map->trees[ARM], &shares[ARM]);
	print_share(&map->trees[X86], &shares[X86]);
	putchar('\n');
	print_runs(&map->trees[ARM], area);
}

static void print_totals(const struct map *map)
{
	for (int side = 0; side < 2; side++) {
		const struct tree *t = &map->trees[side];

		if (!t->there) {
			printf("%-6s off (twin=off)\n", formats[side]);
			continue;
		}
		printf("%-6s tables %" PRIu64 " + %" PRIu64 " + %" PRIu64 " + %" PRIu64
		       " from the root down; stores %" PRIu64 ", break-before-make %" PRIu64
		       ", flushes %" PRIu64 "\n",
		       formats[side], t->tables[3], t->tables[2], t->tables[1], t->tables[0],
		       t->stores, t->bbm, t->flushes);
	}
	printf("ranges of 16 pages that ARM's Contiguous bit could join: %" PRIu64
	       "; x86 has no such bit\n",
	       map->trees[ARM].contiguous);
	printf("faults that x86 would not take: access flag %" PRIu64 ", dirty %" PRIu64 "\n",
	       map->access_flag, map->dirty);
	if (map->trees[X86].lost)
		printf("x86_64 lacks %" PRIu64 " entries: no memory for its tables\n",
		       map->trees[X86].lost);
}

static void print_heading(void)
{
	printf("%-46s | %-23s | %s\n%-46s", "", "ARM64", "x86-64",
	       "area, and runs of alike entries");
	for (int side = 0; side < 2; side++)
		printf(" | tab  pages  blk swapped");
	putchar('\n');
}

/* ---- JSON ---- */

static void json_share(const struct tree *tree, const char *key, const struct share *s)
{
	if (!tree->there) {
		json_null(key);
		return;
	}
	json_open(key, '{');
	json_number("tables", s->tables);
	json_number("leaves_4k", s->leaves[0]);
	json_number("leaves_2m", s->leaves[1]);
	json_number("leaves_1g", s->leaves[2]);
	json_number("swapped", s->swapped);
	json_close();
}

static void json_area(const struct map *map, const struct area *area, const struct share *shares)
{
	json_open(NULL, '{');
	json_hex("start", area->start);
	json_hex("end", area->end);
	json_string("rights", "%s", area->rights);
	json_string("name", "%s", area->name);
	for (int side = 0; side < 2; side++)
		json_share(&map->trees[side], formats[side], &shares[side]);
	json_close();
}

static void json_runs(const struct tree *tree)
{
	json_open("runs", '[');
	for (size_t i = 0; i < tree->n; i++) {
		const struct run *run = &tree->runs[i];

		json_open(NULL, '{');
		json_hex("start", run->start);
		json_hex("end", run->end);
		json_number("page", SPAN(run->level));
		json_number("count", run->count);
		json_bool("swapped", run->swapped);
		json_string("prot", "%s", run->prot);
		json_close();
	}
	json_close();
}

static void json_tree(const struct tree *tree, const char *key)
{
	if (!tree->there) {
		json_null(key);
		return;
	}
	json_open(key, '{');
	json_hex("root", tree->root);
	json_open("tables", '[');
	for (int level = LEVELS - 1; level >= 0; level--)
		json_number(NULL, tree->tables[level]);
	json_close();
	json_number("stores", tree->stores);
	json_number("bbm", tree->bbm);
	json_number("flushes", tree->flushes);
	json_number("contiguous", tree->contiguous);
	json_number("lost", tree->lost);
	json_runs(tree);
	json_close();
}

/* ---- both ---- */

static void each_area(const struct map *map, const struct lines *maps)
{
	uint64_t from[2][LEVELS] = {0};
	struct share shares[2];
	struct area area;

	for (size_t i = 0; i < maps->n; i++) {
		if (!parse_area(&area, maps->line[i]))
			die("maps: cannot read \"%s\"", maps->line[i]);
		for (int side = 0; side < 2; side++)
			take_share(&map->trees[side], &area, from[side], &shares[side]);
		if (json)
			json_area(map, &area, shares);
		else
			print_area(map, &area, shares);
	}
}

int cmd_map(int argc, char **argv)
{
	struct map map = {.pid = parse_pid(argc, argv)};
	struct lines maps;

	read_lines(&maps, map.pid, "maps");
	read_map(&map);
	if (!json) {
		print_heading();
		each_area(&map, &maps);
		print_totals(&map);
		return 0;
	}
	json_open(NULL, '{');
	json_string("command", "map");
	json_open("areas", '[');
	each_area(&map, &maps);
	json_close();
	for (int side = 0; side < 2; side++)
		json_tree(&map.trees[side], formats[side]);
	json_number("faults_access_flag", map.access_flag);
	json_number("faults_dirty", map.dirty);
	json_close();
	return 0;
}
