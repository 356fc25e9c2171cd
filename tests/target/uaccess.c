// SPDX-License-Identifier: BSD-2-Clause
/* User copies: what is there moves, what is not is -EFAULT, and nothing else happens. */
#include <arch/uaccess.h>
#include <linux/mman.h>
#include <twofold/errno.h>
#include <twofold/selftest.h>
#include <twofold/string.h>
#include <twofold/task.h>

/* An address space for the case: a page that can be written, one that is PROT_NONE, one read-only.
 */
static struct mm *mm;
static uint64_t base;

#define PAGES 3
#define HOLE (base + PAGE_SIZE)
#define READ_ONLY (base + 2 * PAGE_SIZE)

static bool setup(void)
{
	struct map_request req = {.len = PAGES * PAGE_SIZE,
				  .prot = PROT_READ | PROT_WRITE,
				  .flags = MAP_PRIVATE | MAP_ANONYMOUS};
	int64_t at;

	mm = mm_create();
	if (!mm)
		return false;
	at = mm_map(mm, &req);
	if (at < 0)
		return false;
	base = (uint64_t)at;
	if (mm_protect(mm, HOLE, PAGE_SIZE, PROT_NONE) ||
	    mm_protect(mm, READ_ONLY, PAGE_SIZE, PROT_READ))
		return false;
	current->mm = mm;
	mmu_switch(&mm->pt);
	return true;
}

static void teardown(void)
{
	current->mm = NULL;
	mmu_switch(NULL);
	mm_put(mm);
}

SELFTEST(uaccess, what_is_written_is_read_back)
{
	char out[300], in[300];

	REQUIRE(setup());
	for (unsigned i = 0; i < sizeof(out); i++)
		out[i] = (char)(i * 7 + 1);
	/* Every alignment of the user's side, every small size, and some large ones. */
	for (unsigned offset = 0; offset < 16; offset++)
		for (unsigned n = 0; n <= sizeof(out); n += n < 40 ? 1 : 65) {
			memset(in, 0, sizeof(in));
			EXPECT(copy_to_user(UPTR(base + offset), out, n) == 0);
			EXPECT(copy_from_user(in, UPTR(base + offset), n) == 0);
			EXPECT(!memcmp(in, out, n));
			EXPECT(n == sizeof(in) || in[n] == 0);
		}
	teardown();
}

SELFTEST(uaccess, bad_addresses_are_efault)
{
	static const uint64_t bad[] = {
		0,	     8,		 USER_MIN - 8,	USER_END, USER_END - 4, 0x0000900000000000,
		DIRECT_BASE, IMAGE_BASE, UINT64_MAX - 7};
	uint64_t value = 0;
	uint32_t seen;
	char c[16] = "";

	REQUIRE(setup());
	for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
		EXPECT(copy_from_user(c, UPTR(bad[i]), 8) == -EFAULT);
		EXPECT(copy_to_user(UPTR(bad[i]), c, 8) == -EFAULT);
		EXPECT(clear_user(UPTR(bad[i]), 8) == -EFAULT);
		EXPECT(get_user_u64(&value, UPTR(bad[i])) == -EFAULT);
		EXPECT(put_user_u64(UPTR(bad[i]), 1) == -EFAULT);
		EXPECT(strncpy_from_user(c, UPTR(bad[i]), sizeof(c)) == -EFAULT);
		EXPECT(cmpxchg_user_u32(UPTR(bad[i]), 0, 1, &seen) == -EFAULT);
	}
	teardown();
}

SELFTEST(uaccess, kernel_memory_is_out_of_reach)
{
	static uint64_t secret = 42;
	uint64_t stolen = 0;

	REQUIRE(setup());
	EXPECT(get_user_u64(&stolen, UPTR(&secret)) == -EFAULT);
	EXPECT(put_user_u64(UPTR(&secret), 1) == -EFAULT);
	EXPECT(stolen == 0 && READ_ONCE(secret) == 42);
	teardown();
}

SELFTEST(uaccess, protection_is_obeyed)
{
	char c[8] = "1234567";

	REQUIRE(setup());
	EXPECT(copy_from_user(c, UPTR(HOLE), 1) == -EFAULT);
	EXPECT(copy_to_user(UPTR(HOLE), c, 1) == -EFAULT);
	EXPECT(copy_from_user(c, UPTR(READ_ONLY), sizeof(c)) == 0);
	EXPECT(copy_to_user(UPTR(READ_ONLY), c, sizeof(c)) == -EFAULT);
	teardown();
}

SELFTEST(uaccess, partial_copies_count_to_the_fault)
{
	char c[64];

	REQUIRE(setup());
	memset(c, 'x', sizeof(c));
	for (size_t before = 0; before <= 33; before++) {
		uptr_t at = UPTR(HOLE - before);

		EXPECT(copy_to_user_partial(at, c, sizeof(c)) <= before);
		EXPECT(copy_from_user_partial(c, at, sizeof(c)) <= before);
		EXPECT(copy_from_user_partial(c, at, before) == before);
	}
	teardown();
}

SELFTEST(uaccess, strings_end_at_nul_or_limit)
{
	char c[16];

	REQUIRE(setup());
	EXPECT(copy_to_user(UPTR(base), "hello", 6) == 0);
	EXPECT(strncpy_from_user(c, UPTR(base), sizeof(c)) == 5 && !strcmp(c, "hello"));
	EXPECT(strncpy_from_user(c, UPTR(base), 6) == 5);
	EXPECT(strncpy_from_user(c, UPTR(base), 5) == -ENAMETOOLONG);
	EXPECT(copy_to_user(UPTR(HOLE - 3), "abc", 3) == 0);
	EXPECT(strncpy_from_user(c, UPTR(HOLE - 3), sizeof(c)) == -EFAULT);
	EXPECT(copy_to_user(UPTR(HOLE - 3), "ab", 3) == 0);
	EXPECT(strncpy_from_user(c, UPTR(HOLE - 3), sizeof(c)) == 2);
	teardown();
}

/* Every alignment, length and limit, with all kinds of bytes around the NUL; and close to a hole.
 */
SELFTEST(uaccess, strings_of_every_length)
{
	char out[40], in[40];
	unsigned wrong = 0;

	REQUIRE(setup());
	for (unsigned offset = 0; offset < 9; offset++)
		for (unsigned len = 0; len < 32; len++) {
			uint64_t at = offset < 8 ? base + offset : HOLE - len - 1;

			for (unsigned i = 0; i < sizeof(out); i++)
				out[i] = i == len ? '\0' : i % 3 ? '\x80' : '\x01';
			REQUIRE(copy_to_user(UPTR(at), out, offset < 8 ? sizeof(out) : len + 1) ==
				0);
			memset(in, 'x', sizeof(in));
			wrong += strncpy_from_user(in, UPTR(at), len + 1) != (ssize_t)len;
			wrong += memcmp(in, out, len + 1) != 0 || in[len + 1] != 'x';
			wrong += strncpy_from_user(in, UPTR(at), sizeof(in)) != (ssize_t)len;
			wrong += memcmp(in, out, len + 1) != 0;
			wrong += strncpy_from_user(in, UPTR(at), len) != -ENAMETOOLONG;
		}
	EXPECT(wrong == 0);
	teardown();
}

SELFTEST(uaccess, clearing_clears_just_that)
{
	char in[300];
	unsigned wrong = 0;

	REQUIRE(setup());
	for (unsigned offset = 1; offset < 10; offset++)
		for (unsigned n = 0; n < 280; n += n < 80 ? 1 : 67) {
			memset(in, 'x', sizeof(in));
			REQUIRE(copy_to_user(UPTR(base), in, sizeof(in)) == 0);
			EXPECT(clear_user(UPTR(base + offset), n) == 0);
			REQUIRE(copy_from_user(in, UPTR(base), sizeof(in)) == 0);
			for (unsigned i = 0; i < sizeof(in); i++)
				wrong += (i >= offset && i < offset + n) != !in[i];
		}
	EXPECT(wrong == 0);
	EXPECT(clear_user(UPTR(HOLE - 100), 200) == -EFAULT);
	teardown();
}

SELFTEST(uaccess, compare_and_exchange)
{
	uint32_t seen = 0, now = 0;
	int err;

	REQUIRE(setup());
	EXPECT(put_user_u32(UPTR(base), 5) == 0);
	do
		err = cmpxchg_user_u32(UPTR(base), 5, 6, &seen);
	while (err == -EAGAIN);
	EXPECT(err == 0 && seen == 5);
	EXPECT(get_user_u32(&now, UPTR(base)) == 0 && now == 6);
	do
		err = cmpxchg_user_u32(UPTR(base), 5, 7, &seen);
	while (err == -EAGAIN);
	EXPECT(err == 0 && seen == 6);
	EXPECT(get_user_u32(&now, UPTR(base)) == 0 && now == 6);
	teardown();
}
