/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Self-tests on the target. Each case is a function placed in a linker section, run by
 * `selftest=all` or `selftest=suite,suite` in a kernel thread after boot, reported as KTAP
 * (one subtest list per suite), after which the machine powers off.
 */
#ifndef TWOFOLD_SELFTEST_H
#define TWOFOLD_SELFTEST_H

#include <twofold/log.h>
#include <twofold/types.h>

struct selftest {
	const char *suite, *name;
	void (*run)(void);
};

/* A case. The body may sleep and make kernel threads. Name the law it checks. */
#define SELFTEST(suite_, name_)                                                                    \
	static void selftest_##suite_##_##name_(void);                                             \
	static const struct selftest selftest_entry_##suite_##_##name_                             \
		__attribute__((used, section(".selftests"), aligned(8))) = {                       \
			#suite_, #name_, selftest_##suite_##_##name_};                             \
	static void selftest_##suite_##_##name_(void)

/* Marks the running case failed, with a diagnostic line; the case goes on. */
void selftest_fail(const char *file, int line, const char *what);
/* A diagnostic line of the running case: figures, details. No newline at its end. */
void selftest_note(const char *fmt, ...) __printf(1, 2);
/* Marks the running case skipped, with the reason; return from it afterwards. */
void selftest_skip(const char *why);

#define EXPECT(cond)                                                                               \
	do {                                                                                       \
		if (unlikely(!(cond)))                                                             \
			selftest_fail(__FILE__, __LINE__, #cond);                                  \
	} while (0)

/* The same, and leaves the case. */
#define REQUIRE(cond)                                                                              \
	do {                                                                                       \
		if (unlikely(!(cond))) {                                                           \
			selftest_fail(__FILE__, __LINE__, #cond);                                  \
			return;                                                                    \
		}                                                                                  \
	} while (0)

/* Runs what `which` names and prints KTAP; returns how many failed, -EINVAL for an unknown suite.
 * Last line: "# selftest: N passed, N failed". kernel/selftest.c */
int selftest_run(const char *which);

#endif
