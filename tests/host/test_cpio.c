// SPDX-License-Identifier: BSD-2-Clause
/* The reader of initramfs archives: what it accepts, and what it must refuse. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <fs/cpio.h>
#include <twofold/errno.h>

#define ROOM 65536

/* An archive under construction. */
struct archive {
	char bytes[ROOM];
	size_t len, unpadded; /* of what there is; up to the last member's data */
};

static void pad(struct archive *a)
{
	while (a->len % 4)
		a->bytes[a->len++] = '\0';
}

/* A member with the fields that matter, its name's length as given. */
static void member_sized(struct archive *a, const char *magic, const char *name, size_t name_size,
			 unsigned mode, const void *data, size_t size)
{
	a->len += (size_t)sprintf(a->bytes + a->len,
				  "%s%08X%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x", magic,
				  7u, mode, 1u, 2u, 1u, 3u, (unsigned)size, 8u, 9u, 10u, 11u,
				  (unsigned)name_size, 0u);
	memset(a->bytes + a->len, 0, name_size);
	memcpy(a->bytes + a->len, name, strlen(name) < name_size ? strlen(name) : name_size);
	a->len += name_size;
	pad(a);
	memcpy(a->bytes + a->len, data, size);
	a->len += size;
	a->unpadded = a->len;
	pad(a);
}

static void member(struct archive *a, const char *name, const char *text)
{
	member_sized(a, "070701", name, strlen(name) + 1, 0100644, text, strlen(text));
}

static void trailer(struct archive *a)
{
	member(a, "TRAILER!!!", "");
}

/* Reads a copy of exactly `len` bytes, so that the sanitizer sees a read past it. */
static int count(const void *bytes, size_t len, struct cpio_reader *r)
{
	void *copy = malloc(len ? len : 1);
	struct cpio_entry e;
	int n = 0, ret;

	memcpy(copy, bytes, len);
	cpio_start(r, copy, len);
	while ((ret = cpio_next(r, &e)) > 0) {
		assert_true(e.data >= (uint8_t *)copy || !e.size);
		assert_true(!e.size || e.data + e.size <= (uint8_t *)copy + len);
		n++;
	}
	assert_int_equal(cpio_next(r, &e), ret); /* the end stays the end */
	free(copy);
	return ret < 0 ? ret : n;
}

static void expect_error(const struct archive *a, size_t len, const char *why, size_t where)
{
	struct cpio_reader r;

	assert_int_equal(count(a->bytes, len, &r), -EINVAL);
	assert_string_equal(r.error, why);
	assert_int_equal(r.error_at, where);
}

static void test_members_are_given_in_order(void **state)
{
	struct archive a = {.len = 0};
	struct cpio_reader r;
	struct cpio_entry e;

	(void)state;
	member(&a, "bin/one", "1");
	member_sized(&a, "070702", "two", 4, 0120777, "target", 6);
	trailer(&a);
	cpio_start(&r, a.bytes, a.len);
	assert_int_equal(cpio_next(&r, &e), 1);
	assert_string_equal(e.name, "bin/one");
	assert_int_equal(e.size, 1);
	assert_memory_equal(e.data, "1", 1);
	assert_int_equal(e.ino, 7);
	assert_int_equal(e.mode, 0100644);
	assert_int_equal(e.uid, 1);
	assert_int_equal(e.gid, 2);
	assert_int_equal(e.mtime, 3);
	assert_int_equal(e.dev_major, 8);
	assert_int_equal(e.rdev_minor, 11);
	assert_int_equal(cpio_next(&r, &e), 1);
	assert_string_equal(e.name, "two");
	assert_int_equal(e.mode, 0120777);
	assert_memory_equal(e.data, "target", 6);
	assert_int_equal(cpio_next(&r, &e), 0);
}

static void test_empty_and_zeros_hold_nothing(void **state)
{
	struct archive a = {.len = 512};
	struct cpio_reader r;

	(void)state;
	assert_int_equal(count(a.bytes, 0, &r), 0);
	assert_int_equal(count(a.bytes, a.len, &r), 0);
}

static void test_archives_follow_each_other(void **state)
{
	struct archive a = {.len = 0};
	struct cpio_reader r;
	struct cpio_entry e;

	(void)state;
	member(&a, "a", "x");
	trailer(&a);
	a.len += 512 - a.len % 512; /* padded, as cpio writes it */
	member(&a, "b", "y");
	trailer(&a);
	member(&a, "c", "z");
	trailer(&a);
	a.len += 4096;
	assert_int_equal(count(a.bytes, a.len, &r), 3);
	cpio_start(&r, a.bytes, a.len);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(cpio_next(&r, &e), 1);
		assert_int_equal(e.archive, i);
		assert_int_equal(e.name[0], 'a' + (int)i);
	}
}

static void test_names_lose_their_root(void **state)
{
	static const char *const names[][2] = {
		{"/a", "a"}, {"./a", "a"}, {"././/a", "a"}, {".", ""},
		{"./", ""},  {"/", ""},	   {"..a", "..a"},  {".a", ".a"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct archive a = {.len = 0};
		struct cpio_reader r;
		struct cpio_entry e;

		member(&a, names[i][0], "");
		trailer(&a);
		cpio_start(&r, a.bytes, a.len);
		assert_int_equal(cpio_next(&r, &e), 1);
		assert_string_equal(e.name, names[i][1]);
	}
}

static void test_names_may_be_padded(void **state)
{
	struct archive a = {.len = 0};
	struct cpio_reader r;
	struct cpio_entry e;

	(void)state;
	member_sized(&a, "070701", "far", 4096, 0100644, "data", 4);
	trailer(&a);
	cpio_start(&r, a.bytes, a.len);
	assert_int_equal(cpio_next(&r, &e), 1);
	assert_string_equal(e.name, "far");
	assert_memory_equal(e.data, "data", 4);
}

static void test_dotdot_is_refused(void **state)
{
	static const char *const names[] = {"..", "../a", "a/..", "a/../b", "/..", "./../a"};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct archive a = {.len = 0};
		size_t where;

		member(&a, "good", "1");
		where = a.len;
		member(&a, names[i], "");
		trailer(&a);
		expect_error(&a, a.len, "name with \"..\"", where);
	}
}

static void test_missing_trailer_is_an_error(void **state)
{
	struct archive a = {.len = 0};

	(void)state;
	member(&a, "a", "text");
	expect_error(&a, a.len, "no trailer", a.len);
}

static void test_bad_magic_is_an_error(void **state)
{
	static const char *const magics[] = {"070707", "070700", "xxxxxx", "\0\0\0\0\0"};

	(void)state;
	for (size_t i = 0; i < sizeof(magics) / sizeof(magics[0]); i++) {
		struct archive a = {.len = 0};
		size_t where;

		member(&a, "a", "text");
		where = a.len;
		member(&a, "b", "text");
		trailer(&a);
		memcpy(a.bytes + where, magics[i], 6);
		expect_error(&a, a.len, "no newc header", where);
	}
}

static void test_fields_must_be_hexadecimal(void **state)
{
	(void)state;
	for (size_t at = 6; at < 110; at++) {
		struct archive a = {.len = 0};

		member(&a, "a", "text");
		trailer(&a);
		a.bytes[at] = 'g';
		expect_error(&a, a.len, "header field is not a number", 0);
	}
}

/* Field number -> its text, 8 digits. */
static void set_field(struct archive *a, unsigned field, uint32_t value)
{
	char text[9];

	sprintf(text, "%08x", value);
	memcpy(a->bytes + 6 + 8 * field, text, 8);
}

static void test_huge_sizes_are_errors(void **state)
{
	static const uint32_t sizes[] = {4097, 0x7fffffff, 0x80000000, 0xfffffff0, 0xffffffff};

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct archive a = {.len = 0};

		member(&a, "a", "text");
		trailer(&a);
		set_field(&a, 6, sizes[i]);
		expect_error(&a, a.len, "data cut short", 0);
		set_field(&a, 6, 4);
		set_field(&a, 11, sizes[i]);
		expect_error(&a, a.len, "name too long or absent", 0);
	}
}

static void test_name_without_end_is_an_error(void **state)
{
	struct archive a = {.len = 0};

	(void)state;
	member_sized(&a, "070701", "abcd", 4, 0100644, "", 0);
	trailer(&a);
	expect_error(&a, a.len, "name without its end", 0);
	set_field(&a, 11, 0);
	expect_error(&a, a.len, "name too long or absent", 0);
}

/* Cut anywhere, it gives the members that are whole, then an error; never a byte beyond. */
static void test_every_truncation(void **state)
{
	struct archive a = {.len = 0};
	struct cpio_reader r;
	size_t first, second;

	(void)state;
	member(&a, "first", "some data");
	first = a.unpadded;
	member(&a, "second", "more");
	second = a.unpadded;
	trailer(&a);
	a.unpadded -= 3; /* what follows the trailer's name is padding */
	for (size_t len = 1; len < a.unpadded; len++) {
		void *copy = malloc(len);
		struct cpio_entry e;
		int n = 0;

		memcpy(copy, a.bytes, len);
		cpio_start(&r, copy, len);
		while (cpio_next(&r, &e) > 0)
			n++;
		assert_non_null(r.error);
		assert_int_equal(n, (len >= first) + (len >= second));
		free(copy);
	}
	assert_int_equal(count(a.bytes, a.unpadded, &r), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_members_are_given_in_order),
		cmocka_unit_test(test_empty_and_zeros_hold_nothing),
		cmocka_unit_test(test_archives_follow_each_other),
		cmocka_unit_test(test_names_lose_their_root),
		cmocka_unit_test(test_names_may_be_padded),
		cmocka_unit_test(test_dotdot_is_refused),
		cmocka_unit_test(test_missing_trailer_is_an_error),
		cmocka_unit_test(test_bad_magic_is_an_error),
		cmocka_unit_test(test_fields_must_be_hexadecimal),
		cmocka_unit_test(test_huge_sizes_are_errors),
		cmocka_unit_test(test_name_without_end_is_an_error),
		cmocka_unit_test(test_every_truncation),
	};

	return cmocka_run_group_tests_name("cpio", tests, NULL, NULL);
}
