// SPDX-License-Identifier: BSD-2-Clause
/*
 * contrast cost: a program's worth of /proc/contrast/counters. They are sums over all address
 * spaces: whatever else runs meanwhile counts as well.
 */
#define _GNU_SOURCE
#include "contrast.h"
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define COUNTERS PROC "/contrast/counters"
#define MOST 64

struct counter {
	char name[32];
	uint64_t value;
};

struct counters {
	size_t n;
	struct counter counter[MOST];
};

/* In the order they are shown. */
static const struct {
	const char *name, *what;
} rows[] = {
	{"tables.3", "root tables"},
	{"tables.2", "tables, second level"},
	{"tables.1", "tables, third level"},
	{"tables.0", "tables, last level"},
	{"leaves", "leaves"},
	{"stores", "entries stored"},
	{"bbm", "break-before-make sequences"},
	{"flushes", "flushes"},
	{"flush.page", "invalidations, a page (TLBI VA, INVLPG)"},
	{"flush.space", "invalidations, a space (TLBI ASID, PCID)"},
	{"flush.all", "invalidations, all (TLBI VMALL, CR3)"},
	{"flush.remote", "to other cores (broadcast, interrupt)"},
};

static void read_counters(struct counters *counters)
{
	struct lines lines;

	if (!lines_read(&lines, COUNTERS, NULL))
		die("%s: %m", COUNTERS);
	counters->n = 0;
	for (size_t i = 0; i < lines.n && i < MOST; i++) {
		struct counter *c = &counters->counter[i];

		if (sscanf(lines.line[i], "%31s %" SCNu64, c->name, &c->value) != 2)
			die("%s: cannot read \"%s\"", COUNTERS, lines.line[i]);
		counters->n++;
	}
	lines_free(&lines);
}

static uint64_t value_of(const struct counters *counters, const char *format, const char *name)
{
	char full[64];

	snprintf(full, sizeof(full), "%s%s%s", format, *format ? "." : "", name);
	for (size_t i = 0; i < counters->n; i++)
		if (strcmp(counters->counter[i].name, full) == 0)
			return counters->counter[i].value;
	return 0;
}

/* Runs the program; its status as a shell says it. */
static int run(char **argv)
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		if (json) /* the object alone is on our output */
			dup2(STDERR_FILENO, STDOUT_FILENO);
		execvp(argv[0], argv);
		fprintf(stderr, "contrast: %s: %m\n", argv[0]);
		_exit(errno == ENOENT ? 127 : 126);
	}
	if (pid < 0)
		die("fork: %m");
	signal(SIGINT, SIG_IGN);
	if (waitpid(pid, &status, 0) != pid)
		die("waitpid: %m");
	signal(SIGINT, SIG_DFL);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void print_side(const struct counters *before, const struct counters *after,
		       const char *format, const char *name)
{
	uint64_t was = value_of(before, format, name), is = value_of(after, format, name);

	printf(" |%8" PRIu64 " %8" PRIu64 " %+8" PRId64, was, is, (int64_t)(is - was));
}

static void print_cost(const struct counters *before, const struct counters *after, bool twin)
{
	uint64_t ns = value_of(after, "", "clock") - value_of(before, "", "clock");

	printf("%-41s | %-25s | %s\n%-41s", "", "ARM64", twin ? "x86-64" : "x86-64: twin=off", "");
	printf(" |%8s %8s %8s |%8s %8s %8s\n", "before", "after", "change", "before", "after",
	       "change");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		printf("%-41s", rows[i].what);
		print_side(before, after, "arm64", rows[i].name);
		print_side(before, after, "x86_64", rows[i].name);
		putchar('\n');
	}
	printf("faults that only ARM takes: access flag %+" PRId64 ", dirty %+" PRId64 "\n",
	       (int64_t)(value_of(after, "faults", "access_flag") -
			 value_of(before, "faults", "access_flag")),
	       (int64_t)(value_of(after, "faults", "dirty") - value_of(before, "faults", "dirty")));
	printf("twin: %" PRIu64 " pages of tables now, %" PRIu64 " at most; %" PRIu64
	       " entries ever without memory, %" PRIu64 " failed allocations\n",
	       value_of(after, "twin", "pages"), value_of(after, "twin", "peak"),
	       value_of(after, "twin", "lost"), value_of(after, "twin", "failures"));
	printf("clock: %" PRIu64 " ns (instructions, with ICOUNT=1)\n", ns);
}

static void json_counters(const char *key, const struct counters *counters)
{
	json_open(key, '{');
	for (size_t i = 0; i < counters->n; i++)
		json_number(counters->counter[i].name, counters->counter[i].value);
	json_close();
}

int cmd_cost(int argc, char **argv)
{
	struct counters before, after;
	int status;

	if (!argc)
		usage();
	read_counters(&before);
	status = run(argv);
	read_counters(&after);
	if (json) {
		json_open(NULL, '{');
		json_string("command", "cost");
		json_number("status", (uint64_t)status);
		json_counters("before", &before);
		json_counters("after", &after);
		json_close();
	} else {
		print_cost(&before, &after, value_of(&after, "twin", "peak") != 0);
	}
	return status;
}
