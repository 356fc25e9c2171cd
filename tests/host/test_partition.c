// SPDX-License-Identifier: BSD-2-Clause
/* Partition tables: good ones, each way in which they lie, and noise. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <twofold/errno.h>
#include <twofold/log.h>
#include <twofold/partition.h>

#include "shim.h"

#define RAM (16 * SZ_1M)
#define SECTORS 8192u
#define SWAP_GUID "0657fd6d-a4ab-43c4-84e5-0933c84b4f4f"
#define NOISE_ROUNDS 3000

static uint8_t data[SECTORS][SECTOR_SIZE];
static uint64_t bad_sector;
static struct block_device *registered[MAX_PARTITIONS];
static unsigned nr_registered;
static struct block_device disk;
static struct partitions found;

int block_rw(struct block_device *dev, enum bio_op op, uint64_t sector, void *buf, size_t len)
{
	CHECK(dev == &disk && op == BIO_READ && len == dev->block_size);
	if (sector + len / SECTOR_SIZE > dev->sectors)
		return -EINVAL;
	if (sector == bad_sector)
		return -EIO;
	memcpy(buf, data[sector], len);
	return 0;
}

void block_register(struct block_device *dev)
{
	registered[nr_registered++] = dev;
}

static int boot(void **state)
{
	(void)state;
	shim_boot(RAM);
	return 0;
}

static int fresh(void **state)
{
	(void)state;
	memset(data, 0, sizeof(data));
	disk = (struct block_device){.name = "mmcblk0",
				     .sectors = SECTORS,
				     .block_size = SECTOR_SIZE,
				     .max_segs = 8,
				     .max_seg_len = PAGE_SIZE,
				     .rdev = 179 << 8};
	bad_sector = UINT64_MAX;
	nr_registered = 0;
	shim_log_clear();
	return 0;
}

/* ---- making tables ---- */

static void put(uint64_t sector, unsigned at, uint64_t value, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++)
		data[sector][at + i] = (uint8_t)(value >> 8 * i);
}

static void put_mbr(uint64_t sector, unsigned entry, uint8_t type, uint32_t start, uint32_t sectors)
{
	put(sector, 446 + 16 * entry + 4, type, 1);
	put(sector, 446 + 16 * entry + 8, start, 4);
	put(sector, 446 + 16 * entry + 12, sectors, 4);
	put(sector, 510, 0xaa55, 2);
}

static uint32_t crc32(const uint8_t *p, size_t len)
{
	uint32_t crc = ~0u;

	for (size_t i = 0; i < 8 * len; i++) {
		uint32_t bit = (crc ^ p[i / 8] >> i % 8) & 1;

		crc = crc >> 1 ^ (bit ? 0xedb88320 : 0);
	}
	return ~crc;
}

#define LAST (SECTORS - 1)
#define ENTRIES 128u

static void seal(uint64_t here, uint64_t entries)
{
	put(here, 88, crc32(data[entries], ENTRIES * 128), 4);
	put(here, 16, 0, 4);
	put(here, 16, crc32(data[here], 92), 4);
}

static void put_header(uint64_t here, uint64_t other, uint64_t entries)
{
	memcpy(data[here], "EFI PART", 8);
	put(here, 8, 0x10000, 4);
	put(here, 12, 92, 4);
	put(here, 24, here, 8);
	put(here, 32, other, 8);
	put(here, 40, 34, 8);
	put(here, 48, LAST - 33, 8);
	put(here, 72, entries, 8);
	put(here, 80, ENTRIES, 4);
	put(here, 84, 128, 4);
	seal(here, entries);
}

static void put_gpt(unsigned entry, uint64_t first, uint64_t last)
{
	/* The GUID's first three fields are little-endian. */
	static const uint8_t swap[16] = {0x6d, 0xfd, 0x57, 0x06, 0xab, 0xa4, 0xc4, 0x43,
					 0x84, 0xe5, 0x09, 0x33, 0xc8, 0x4b, 0x4f, 0x4f};
	const uint64_t tables[] = {2, LAST - 32};

	for (unsigned i = 0; i < 2; i++) {
		uint64_t sector = tables[i] + entry / 4;

		memcpy(data[sector] + entry % 4 * 128, swap, 16);
		put(sector, entry % 4 * 128 + 32, first, 8);
		put(sector, entry % 4 * 128 + 40, last, 8);
	}
	put_mbr(0, 0, 0xee, 1, SECTORS - 1);
	put_header(1, LAST, 2);
	put_header(LAST, 1, LAST - 32);
}

/* ---- checking ---- */

static void expect(enum partition_table table, unsigned nr)
{
	assert_int_equal(partitions_read(&disk, &found), 0);
	assert_int_equal(found.table, table);
	assert_int_equal(found.nr, nr);
}

static void expect_partition(unsigned i, unsigned number, uint64_t start, uint64_t sectors,
			     const char *type)
{
	assert_int_equal(found.list[i].number, number);
	assert_int_equal(found.list[i].start, start);
	assert_int_equal(found.list[i].sectors, sectors);
	assert_string_equal(found.list[i].type, type);
}

static void assert_logged(const char *what)
{
	if (!strstr(shim_log(), what))
		fail_msg("logged \"%s\", not \"%s\"", shim_log(), what);
}

static void assert_quiet(void)
{
	assert_string_equal(shim_log(), "");
}

/* ---- MBR ---- */

static void an_mbr_is_read(void **state)
{
	(void)state;
	put_mbr(0, 0, 0x0c, 64, 1000);
	put_mbr(0, 2, 0x82, 1064, SECTORS - 1064);
	expect(TABLE_MBR, 2);
	expect_partition(0, 1, 64, 1000, "0x0c");
	expect_partition(1, 3, 1064, SECTORS - 1064, "0x82");
	assert_quiet();
}

static void logical_partitions_are_read(void **state)
{
	(void)state;
	put_mbr(0, 0, 0x83, 64, 100);
	put_mbr(0, 1, 0x0f, 1000, 5000);
	put_mbr(1000, 0, 0x82, 10, 400);
	put_mbr(1000, 1, 0x05, 1000, 2000);
	put_mbr(2000, 0, 0x83, 20, 300);
	expect(TABLE_MBR, 3);
	expect_partition(1, 5, 1010, 400, "0x82");
	expect_partition(2, 6, 2020, 300, "0x83");
	assert_quiet();
}

static void a_circle_of_extended_records_ends(void **state)
{
	(void)state;
	put_mbr(0, 1, 0x05, 1000, 5000);
	put_mbr(1000, 0, 0x82, 10, 400);
	put_mbr(1000, 1, 0x05, 0, 2000); /* itself */
	expect(TABLE_MBR, 1);
	assert_logged("chain is broken");
	assert_int_equal(partitions_read(&disk, &found), 0);
	put_mbr(1000, 1, 0x05, SECTORS, 2000); /* past the end */
	expect(TABLE_MBR, 1);
	put_mbr(1000, 1, 0x05, 500, 2000); /* to no record */
	expect(TABLE_MBR, 1);
}

static void no_table_is_no_table(void **state)
{
	(void)state;
	expect(TABLE_NONE, 0);
	put(0, 510, 0xaa55, 2); /* the magic of any boot sector */
	expect(TABLE_NONE, 0);
	memset(data[0] + 446, 'x', 64); /* a boot loader's messages */
	expect(TABLE_NONE, 0);
	put_mbr(0, 0, 0x82, 64, 100);
	disk.sectors = 1;
	expect(TABLE_NONE, 0);
	assert_quiet();
}

static void what_cannot_be_is_left_out(void **state)
{
	static const struct {
		uint32_t start, sectors;
		const char *said;
	} wrong[] = {
		{0, 100, "is not where one can be"},
		{64, 0, "is not where one can be"},
		{SECTORS, 1, "past the end"},
		{SECTORS - 10, 11, "past the end"},
		{UINT32_MAX, UINT32_MAX, "past the end"},
		{64, UINT32_MAX, "past the end"},
		{1099, 10, "overlaps"},
		{900, 101, "overlaps"},
		{900, 1000, "overlaps"},
		{1050, 1, "overlaps"},
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(wrong); i++) {
		fresh(NULL);
		put_mbr(0, 0, 0x0c, 1000, 100);
		put_mbr(0, 1, 0x82, wrong[i].start, wrong[i].sectors);
		put_mbr(0, 2, 0x83, 4000, 100);
		expect(TABLE_MBR, 2);
		expect_partition(1, 3, 4000, 100, "0x83");
		assert_logged(wrong[i].said);
	}
}

/* ---- GPT ---- */

static void a_gpt_is_read(void **state)
{
	(void)state;
	put_gpt(0, 34, 99);
	put_gpt(6, 2000, 2999);
	expect(TABLE_GPT, 2);
	expect_partition(0, 1, 34, 66, SWAP_GUID);
	expect_partition(1, 7, 2000, 1000, SWAP_GUID);
	assert_quiet();
}

static void a_damaged_gpt_has_a_copy(void **state)
{
	(void)state;
	put_gpt(0, 34, 99);
	for (unsigned at = 0; at < 92; at++) {
		data[1][at] ^= 1;
		expect(TABLE_GPT, 1);
		assert_logged("its copy at the end");
		data[1][at] ^= 1;
		shim_log_clear();
	}
	data[20][0] ^= 1; /* an entry */
	expect(TABLE_GPT, 1);
	assert_logged("its copy at the end");
	data[LAST][0] ^= 1;
	shim_log_clear();
	expect(TABLE_BROKEN, 0);
	assert_logged("no partitions");
}

/* Checksums are right, contents are not. */
static void a_gpt_that_lies_is_refused(void **state)
{
	static const struct {
		unsigned at, bytes;
		uint64_t value;
	} lies[] = {
		{12, 4, 0},	  {12, 4, UINT32_MAX}, {24, 8, 2},	 {40, 8, UINT64_MAX},
		{48, 8, SECTORS}, {48, 8, UINT64_MAX}, {72, 8, SECTORS}, {72, 8, UINT64_MAX},
		{80, 4, 0},	  {80, 4, UINT32_MAX}, {84, 4, 0},	 {84, 4, 64},
		{84, 4, 192},	  {84, 4, 0x80000000},
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(lies); i++) {
		fresh(NULL);
		put_gpt(0, 34, 99);
		memset(data[LAST], 0, SECTOR_SIZE);
		put(1, lies[i].at, lies[i].value, lies[i].bytes);
		seal(1, 2);
		expect(TABLE_BROKEN, 0);
	}
}

static void gpt_entries_stay_inside(void **state)
{
	(void)state;
	put_gpt(0, 33, 99);
	put_gpt(1, 100, LAST - 32);
	put_gpt(2, 200, 199);
	put_gpt(3, UINT64_MAX, UINT64_MAX);
	put_gpt(4, 0, UINT64_MAX);
	put_gpt(5, 300, 399);
	put_gpt(6, 399, 400);
	put_gpt(60, 500, 599);
	expect(TABLE_GPT, 1);
	expect_partition(0, 6, 300, 100, SWAP_GUID);
}

static void large_blocks_count_in_blocks(void **state)
{
	(void)state;
	disk.block_size = 4096;
	put_mbr(0, 0, 0x82, 16, 100);
	expect(TABLE_MBR, 1);
	expect_partition(0, 1, 128, 800, "0x82");
	put_mbr(0, 0, 0x82, 16, SECTORS / 8 - 15);
	expect(TABLE_MBR, 0);
}

/* ---- both ---- */

static void a_disk_that_cannot_be_read_says_so(void **state)
{
	(void)state;
	put_gpt(0, 34, 99);
	for (bad_sector = 0; bad_sector < 3; bad_sector++) {
		int err = partitions_read(&disk, &found);

		assert_true(bad_sector ? !err && found.nr == 1 : err == -EIO);
	}
	bad_sector = 0;
	partitions_find(&disk);
	assert_logged("cannot read the partition table");
	assert_int_equal(nr_registered, 0);
}

static void devices_are_named_as_linux_does(void **state)
{
	(void)state;
	put_mbr(0, 1, 0x82, 64, 128);
	disk.read_only = true;
	partitions_find(&disk);
	assert_int_equal(nr_registered, 1);
	assert_string_equal(registered[0]->name, "mmcblk0p2");
	assert_int_equal(registered[0]->rdev, 179 << 8 | 2);
	assert_int_equal(registered[0]->start, 64);
	assert_int_equal(registered[0]->sectors, 128);
	assert_true(registered[0]->read_only);
	strcpy(disk.name, "vda");
	partitions_find(&disk);
	assert_string_equal(registered[1]->name, "vda2");
}

/* Noise, and tables with a few bytes of noise: no crash, and nothing past the end. */
static void noise_does_no_harm(void **state)
{
	(void)state;
	for (unsigned round = 0; round < NOISE_ROUNDS; round++) {
		uint64_t sector = shim_random(4);

		if (round % 100 == 0) {
			fresh(NULL);
			put_mbr(0, 1, 0x05, 100, 5000);
			put_mbr(100, 0, 0x82, 1, 50);
			if (round % 200)
				put_gpt((unsigned)shim_random(128), 34, 99);
		}
		data[sector == 3 ? 100 : sector][shim_random(SECTOR_SIZE)] =
			(uint8_t)shim_random(256);
		put(0, 510, 0xaa55, 2);
		for (unsigned i = 0; i < 4; i++)
			data[0][446 + 16 * i] = 0;
		seal(1, 2);
		shim_log_clear();
		assert_int_equal(partitions_read(&disk, &found), 0);
		for (unsigned i = 0; i < found.nr; i++)
			assert_true(found.list[i].sectors &&
				    found.list[i].start + found.list[i].sectors <= SECTORS);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test_setup(an_mbr_is_read, fresh),
	cmocka_unit_test_setup(logical_partitions_are_read, fresh),
	cmocka_unit_test_setup(a_circle_of_extended_records_ends, fresh),
	cmocka_unit_test_setup(no_table_is_no_table, fresh),
	cmocka_unit_test_setup(what_cannot_be_is_left_out, fresh),
	cmocka_unit_test_setup(a_gpt_is_read, fresh),
	cmocka_unit_test_setup(a_damaged_gpt_has_a_copy, fresh),
	cmocka_unit_test_setup(a_gpt_that_lies_is_refused, fresh),
	cmocka_unit_test_setup(gpt_entries_stay_inside, fresh),
	cmocka_unit_test_setup(large_blocks_count_in_blocks, fresh),
	cmocka_unit_test_setup(a_disk_that_cannot_be_read_says_so, fresh),
	cmocka_unit_test_setup(devices_are_named_as_linux_does, fresh),
	cmocka_unit_test_setup(noise_does_no_harm, fresh),
};

int main(void)
{
	return cmocka_run_group_tests_name("partition", tests, boot, NULL);
}
