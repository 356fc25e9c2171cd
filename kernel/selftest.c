// SPDX-License-Identifier: BSD-2-Clause
/*
 * The on-target test runner: KTAP version 1 on the console, one nested list a suite
 * (docs.kernel.org/dev-tools/ktap.html). The linker gathers the cases in .selftests.
 */
#include <twofold/errno.h>
#include <twofold/logbuf.h>
#include <twofold/selftest.h>
#include <twofold/string.h>

extern const struct selftest selftests_start[], selftests_end[];

static struct {
	unsigned passed, failed, skipped;
} totals;

static bool case_failed;
static const char *skip_reason;

static void report(const char *fmt, ...) __printf(1, 2);
static void report(const char *fmt, ...)
{
	char line[200];
	va_list args;
	int len;

	va_start(args, fmt);
	len = vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	console_write(line, MIN((size_t)len, sizeof(line) - 1));
}

void selftest_fail(const char *file, int line, const char *what)
{
	case_failed = true;
	report("    # %s:%d: %s is false\n", file, line, what);
}

void selftest_note(const char *fmt, ...)
{
	char text[160];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	report("    # %s\n", text);
}

void selftest_skip(const char *why)
{
	skip_reason = why;
}

/* Whether `which` ("all" or a comma-separated list) names the suite. */
static bool chosen(const char *which, const char *suite)
{
	size_t len = strlen(suite);

	if (!strcmp(which, "all"))
		return strcmp(suite, "bench") != 0; /* figures, not laws */
	for (const char *p = which; p; p = strchr(p, ',') ? strchr(p, ',') + 1 : NULL)
		if (!strncmp(p, suite, len) && (p[len] == ',' || !p[len]))
			return true;
	return false;
}

/* The cases of one suite stand together: they come from one file. */
static const struct selftest *suite_end(const struct selftest *t)
{
	const struct selftest *end = t;

	while (end < selftests_end && !strcmp(end->suite, t->suite))
		end++;
	return end;
}

static bool run_case(const struct selftest *t, unsigned number)
{
	case_failed = false;
	skip_reason = NULL;
	t->run();
	if (case_failed)
		totals.failed++;
	else if (skip_reason)
		totals.skipped++;
	else
		totals.passed++;
	report("    %s %u %s%s%s\n", case_failed ? "not ok" : "ok", number, t->name,
	       skip_reason && !case_failed ? " # SKIP " : "",
	       skip_reason && !case_failed ? skip_reason : "");
	return !case_failed;
}

static void run_suite(const struct selftest *t, const struct selftest *end, unsigned number)
{
	bool ok = true;

	report("    KTAP version 1\n    # Subtest: %s\n    1..%u\n", t->suite, (unsigned)(end - t));
	for (const struct selftest *c = t; c < end; c++)
		ok &= run_case(c, (unsigned)(c - t) + 1);
	report("%s %u %s\n", ok ? "ok" : "not ok", number, t->suite);
}

static unsigned count_suites(const char *which)
{
	unsigned n = 0;

	for (const struct selftest *t = selftests_start; t < selftests_end; t = suite_end(t))
		n += chosen(which, t->suite);
	return n;
}

int selftest_run(const char *which)
{
	unsigned suites = count_suites(which), number = 0;

	if (!suites) {
		report("Bail out! selftest=%s names no suite; there are:", which);
		for (const struct selftest *t = selftests_start; t < selftests_end; t = suite_end(t))
			report(" %s", t->suite);
		report("\n");
		return -EINVAL;
	}
	report("KTAP version 1\n1..%u\n", suites);
	for (const struct selftest *t = selftests_start; t < selftests_end; t = suite_end(t))
		if (chosen(which, t->suite))
			run_suite(t, suite_end(t), ++number);
	report("# selftest: %u passed, %u failed", totals.passed, totals.failed);
	report(totals.skipped ? ", %u skipped\n" : "\n", totals.skipped);
	return (int)totals.failed;
}
