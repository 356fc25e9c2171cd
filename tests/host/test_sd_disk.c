// SPDX-License-Identifier: BSD-2-Clause
/* A card as a disk: the queue, runs of requests, partitions of it, and whose error it is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <twofold/block.h>
#include <twofold/errno.h>
#include <twofold/log.h>
#include <twofold/page.h>
#include <twofold/task.h>

#include "sd_model.h"
#include "shim.h"

#define RAM (64 * SZ_1M)
#define SECTORS (8 * SZ_1G / SD_BLOCK)
#define PAGE_SECTORS (PAGE_SIZE / SD_BLOCK)
#define MAX_BIOS 64
#define MAX_PAGES 16 /* of one */

static struct sd_card card;
static struct block_device *disk;
static void (*thread)(void *arg);
static void *thread_arg;
static jmp_buf idle;

static struct bio bios[MAX_BIOS];
static unsigned nr_bios, nr_done;
static unsigned done_order[MAX_BIOS];
static uint8_t *memory; /* of all of them */

/* ---- the kernel around it ---- */

struct task *kthread_create(const char *name, void (*fn)(void *), void *arg)
{
	static struct task task;

	(void)name;
	thread = fn;
	thread_arg = arg;
	return &task;
}

void blockdev_register(struct block_device *dev)
{
	disk = dev;
}

/* The thread has nothing to do. */
void schedule(void)
{
	longjmp(idle, 1);
}

static void work(void)
{
	if (!setjmp(idle))
		thread(thread_arg);
}

/* ---- requests ---- */

static void done(struct bio *bio)
{
	done_order[nr_done++] = (unsigned)(bio - bios);
}

static uint8_t *memory_of(unsigned i)
{
	return memory + (size_t)i * MAX_PAGES * PAGE_SIZE;
}

static struct bio *submit_to(struct block_device *dev, enum bio_op op, uint64_t page,
			     unsigned pages)
{
	struct bio *bio = &bios[nr_bios];

	bio->op = op;
	bio->dev = dev;
	bio->sector = page * PAGE_SECTORS;
	bio->nr_segs = pages;
	for (unsigned i = 0; i < pages; i++)
		bio->segs[i] = (struct bio_seg){
			ptr_to_pa(memory_of(nr_bios) + (size_t)i * PAGE_SIZE), PAGE_SIZE};
	bio->done = done;
	nr_bios++;
	block_submit(bio);
	return bio;
}

static struct bio *submit(enum bio_op op, uint64_t page, unsigned pages)
{
	return submit_to(disk, op, page, pages);
}

static int boot(void **state)
{
	(void)state;
	shim_boot(RAM);
	memory = page_to_ptr(alloc_pages(GFP_KERNEL, MAX_ORDER)); /* 64 times 16 pages */
	model_insert(CARD_SDHC, SECTORS);
	assert_int_equal(sd_identify(&model_host, &card), 0);
	assert_int_equal(sd_disk_create(&card), 0);
	return 0;
}

static int fresh(void **state)
{
	(void)state;
	model_insert(CARD_SDHC, SECTORS);
	assert_int_equal(sd_identify(&model_host, &card), 0);
	memset(bios, 0, sizeof(bios));
	nr_bios = nr_done = 0;
	disk->read_merges = disk->write_merges = disk->errors = 0;
	shim_log_clear();
	return 0;
}

static void expect_order(unsigned n, const unsigned *order)
{
	assert_int_equal(nr_done, n);
	assert_memory_equal(done_order, order, n * sizeof(*order));
}

/* ---- tests ---- */

static void the_disk_is_the_card(void **state)
{
	(void)state;
	assert_string_equal(disk->name, "mmcblk0");
	assert_int_equal(disk->sectors, SECTORS);
	assert_int_equal(disk->rdev, 179 << 8);
	assert_false(disk->read_only);
}

static void neighbours_are_one_command(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 4; i++)
		memset(memory_of(i), 'a' + (int)i, MAX_PAGES * PAGE_SIZE);
	submit(BIO_WRITE, 8, 4);
	submit(BIO_WRITE, 40, 4); /* elsewhere */
	submit(BIO_WRITE, 12, 4);
	submit(BIO_WRITE, 16, 2);
	work();
	expect_order(4, (const unsigned[]){0, 2, 3, 1});
	assert_int_equal(model_count[25], 2);
	assert_int_equal(disk->write_merges, 2);
	assert_int_equal(model_data[8 * PAGE_SECTORS][0], 'a');
	assert_int_equal(model_data[12 * PAGE_SECTORS][0], 'c');
	assert_int_equal(model_data[18 * PAGE_SECTORS - 1][SD_BLOCK - 1], 'd');
	assert_int_equal(model_data[18 * PAGE_SECTORS][0], 0);
	assert_int_equal(model_data[40 * PAGE_SECTORS][0], 'b');
}

/* 30 requests of 128 blocks each in a row. */
static void commands_are_bounded(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 30; i++)
		submit(BIO_READ, i * MAX_PAGES, MAX_PAGES);
	work();
	assert_int_equal(nr_done, 30);
	assert_int_equal(model_most_blocks, SD_MAX_BLOCKS);
	assert_int_equal(model_count[18],
			 DIV_ROUND_UP(30 * MAX_PAGES * PAGE_SECTORS, SD_MAX_BLOCKS));
	for (unsigned i = 0; i < 30; i++)
		assert_int_equal(bios[i].error, 0);
}

static void a_large_request_is_several_commands(void **state)
{
	struct bio *bio = &bios[nr_bios++];

	(void)state;
	*bio = (struct bio){.op = BIO_READ, .dev = disk, .sector = 8, .nr_segs = 3, .done = done};
	for (unsigned i = 0; i < 3; i++)
		bio->segs[i] =
			(struct bio_seg){ptr_to_pa(memory), disk->max_seg_len - i * SD_BLOCK};
	block_submit(bio);
	work();
	assert_int_equal(bio->error, 0);
	assert_int_equal(model_count[18], 3);
	assert_int_equal(model_most_blocks, SD_MAX_BLOCKS);
}

static void only_whose_block_is_bad_fails(void **state)
{
	(void)state;
	model_card.bad_write = 13 * PAGE_SECTORS + 3;
	for (unsigned i = 0; i < 4; i++)
		memset(memory_of(i), 'a' + (int)i, MAX_PAGES * PAGE_SIZE);
	submit(BIO_WRITE, 8, 4);
	submit(BIO_WRITE, 12, 4);
	submit(BIO_WRITE, 16, 4);
	work();
	assert_int_equal(nr_done, 3);
	assert_int_equal(bios[0].error, 0);
	assert_int_equal(bios[1].error, -EIO);
	assert_int_equal(bios[2].error, 0);
	assert_int_equal(disk->errors, 1);
	assert_int_equal(model_data[16 * PAGE_SECTORS][0], 'c');
	assert_int_equal(model_data[8 * PAGE_SECTORS][0], 'a');
}

static void nothing_passes_a_flush(void **state)
{
	(void)state;
	submit(BIO_WRITE, 8, 1);
	submit(BIO_FLUSH, 0, 0);
	submit(BIO_WRITE, 9, 1);
	submit(BIO_READ, 30, 1);
	work();
	expect_order(4, (const unsigned[]){0, 1, 3, 2});
	assert_int_equal(disk->write_merges, 0);
}

static void reads_pass_writes_but_not_for_ever(void **state)
{
	unsigned at = 0;

	(void)state;
	submit(BIO_WRITE, 8, 1);
	for (unsigned i = 0; i < 20; i++)
		submit(BIO_READ, 100 + 2 * i, 1);
	work();
	assert_int_equal(nr_done, 21);
	while (done_order[at])
		at++;
	assert_int_equal(at, 8);
}

static void a_partition_is_a_part(void **state)
{
	struct block_device part = *disk;

	(void)state;
	part.whole = disk;
	part.start = 100 * PAGE_SECTORS;
	part.sectors = 10 * PAGE_SECTORS;
	part.reads = part.writes = 0;
	memset(memory_of(0), 'p', PAGE_SIZE);
	submit_to(&part, BIO_WRITE, 9, 1);
	submit_to(&part, BIO_WRITE, 10, 1);
	submit_to(&part, BIO_READ, 9, 2);
	work();
	assert_int_equal(bios[0].error, 0);
	assert_int_equal(bios[1].error, -EINVAL);
	assert_int_equal(bios[2].error, -EINVAL);
	assert_int_equal(model_data[109 * PAGE_SECTORS][0], 'p');
	assert_int_equal(model_data[110 * PAGE_SECTORS][0], 0);
	assert_int_equal(part.writes, 1);
}

/* Last: this card is gone. */
static void a_removed_card_fails_everything(void **state)
{
	(void)state;
	model_card.removed = true;
	submit(BIO_WRITE, 8, 1);
	submit(BIO_WRITE, 9, 1);
	submit(BIO_READ, 8, 1);
	submit(BIO_FLUSH, 0, 0);
	work();
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(bios[i].error, -ENOMEDIUM);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test_setup(the_disk_is_the_card, fresh),
	cmocka_unit_test_setup(neighbours_are_one_command, fresh),
	cmocka_unit_test_setup(commands_are_bounded, fresh),
	cmocka_unit_test_setup(a_large_request_is_several_commands, fresh),
	cmocka_unit_test_setup(only_whose_block_is_bad_fails, fresh),
	cmocka_unit_test_setup(nothing_passes_a_flush, fresh),
	cmocka_unit_test_setup(reads_pass_writes_but_not_for_ever, fresh),
	cmocka_unit_test_setup(a_partition_is_a_part, fresh),
	cmocka_unit_test_setup(a_removed_card_fails_everything, fresh),
};

int main(void)
{
	return cmocka_run_group_tests_name("sd_disk", tests, boot, NULL);
}
