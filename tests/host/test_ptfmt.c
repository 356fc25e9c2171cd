// SPDX-License-Identifier: BSD-2-Clause
/* The laws of both table formats, counted through every combination of attribute bits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void law(int holds, const char *text, const char *file, int line)
{
	if (!holds)
		_assert_true(0, text, file, line);
}

#define LAW(cond) law(!!(cond), #cond, __FILE__, __LINE__)
#include "tests/pt_laws.h"

/* Every bit that is no address bit in both formats: 63:51 and 11:0. */
#define COMBINATIONS(f)                                                                            \
	for (uint64_t high = 0; high < 1 << 13; high++)                                            \
		for (uint64_t low = 0; low < 1 << 12; low++)                                       \
	f(high << 51 | low)

#define TESTS(f)                                                                                   \
	static void f##_leaves_round_trip(void **state)                                            \
	{                                                                                          \
		(void)state;                                                                       \
		f##_law_leaves();                                                                  \
	}                                                                                          \
	static void f##_tables_permit_all(void **state)                                            \
	{                                                                                          \
		(void)state;                                                                       \
		f##_law_tables();                                                                  \
	}                                                                                          \
	static void f##_tokens_fault_and_round_trip(void **state)                                  \
	{                                                                                          \
		(void)state;                                                                       \
		f##_law_tokens();                                                                  \
	}                                                                                          \
	static void f##_every_value_has_a_kind(void **state)                                       \
	{                                                                                          \
		(void)state;                                                                       \
		COMBINATIONS(f##_law_any);                                                         \
		for (int bit = 12; bit < 52; bit++)                                                \
			for (uint64_t low = 0; low < 1 << 12; low++) {                             \
				f##_law_any(BIT(bit) | low);                                       \
				f##_law_any((~BIT(bit) & PAGE_MASK) | low);                        \
			}                                                                          \
	}

TESTS(arm64)
TESTS(x86_64)

static void addresses_have_their_halves(void **state)
{
	(void)state;
	law_addresses();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(arm64_leaves_round_trip),
		cmocka_unit_test(arm64_tables_permit_all),
		cmocka_unit_test(arm64_tokens_fault_and_round_trip),
		cmocka_unit_test(arm64_every_value_has_a_kind),
		cmocka_unit_test(x86_64_leaves_round_trip),
		cmocka_unit_test(x86_64_tables_permit_all),
		cmocka_unit_test(x86_64_tokens_fault_and_round_trip),
		cmocka_unit_test(x86_64_every_value_has_a_kind),
		cmocka_unit_test(addresses_have_their_halves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
