// SPDX-License-Identifier: BSD-2-Clause
/* See swap_model.h. */
#include <stdio.h>
#include <string.h>

#include <arch/uaccess.h>
#include <twofold/errno.h>
#include <twofold/fs.h>
#include <twofold/log.h>
#include <twofold/swap_header.h>
#include <twofold/task.h>
#include <twofold/vmalloc.h>

#include "shim.h"
#include "swap_model.h"

/* <stdlib.h> and the UAPI's signal.h, which task.h needs, do not get along. */
void *calloc(size_t n, size_t size);
void free(void *p);

/* ---- the disks ---- */

#define OTHER_PAGES 64u
#define NR_OPS 3

static uint8_t disk_data[DISK_PAGES][PAGE_SIZE], other_data[OTHER_PAGES][PAGE_SIZE];
static bool broken[NR_OPS][DISK_PAGES];
static STAILQ_HEAD(, bio) in_flight = STAILQ_HEAD_INITIALIZER(in_flight);
static unsigned nr_in_flight;

unsigned disk_reads, disk_writes, disk_most_in_flight, disk_pages_written;
void (*disk_at_work)(const struct bio *bio);

static void submit(struct block_device *dev, struct bio *bio)
{
	(void)dev;
	STAILQ_INSERT_TAIL(&in_flight, bio, link);
	disk_most_in_flight = MAX(disk_most_in_flight, ++nr_in_flight);
	disk_reads += bio->op == BIO_READ;
	disk_writes += bio->op == BIO_WRITE;
}

static const struct block_ops disk_ops = {.submit = submit};

struct block_device disk = {.name = "vda",
			    .sectors = DISK_PAGES * (PAGE_SIZE / SECTOR_SIZE),
			    .max_segs = BIO_MAX_SEGS,
			    .max_seg_len = PAGE_SIZE,
			    .block_size = SECTOR_SIZE,
			    .ops = &disk_ops,
			    .driver = disk_data};
struct block_device other_disk = {.name = "vdb",
				  .sectors = OTHER_PAGES * (PAGE_SIZE / SECTOR_SIZE),
				  .max_segs = BIO_MAX_SEGS,
				  .max_seg_len = PAGE_SIZE,
				  .block_size = SECTOR_SIZE,
				  .ops = &disk_ops,
				  .driver = other_data};

uint8_t *disk_page(uint32_t page)
{
	return disk_data[page];
}

static void format(uint8_t *data, uint32_t pages)
{
	struct swap_header *h = (struct swap_header *)data;

	memset(h, 0, sizeof(*h));
	h->version = 1;
	h->last_page = pages - 1;
	memcpy(h->magic, "SWAPSPACE2", sizeof(h->magic));
}

void disk_format(uint32_t pages)
{
	format(disk_data[0], pages);
	format(other_data[0], OTHER_PAGES);
}

void disk_break(enum bio_op op, uint32_t page, bool is_broken)
{
	broken[op][page] = is_broken;
}

void disk_break_all(enum bio_op op, bool is_broken)
{
	memset(broken[op], is_broken, sizeof(broken[op]));
}

static void transfer(struct bio *bio)
{
	uint8_t *at = (uint8_t *)bio->dev->driver + bio->sector * SECTOR_SIZE;

	for (unsigned i = 0; i < bio->nr_segs; at += bio->segs[i++].len) {
		void *mem = pa_to_ptr(bio->segs[i].pa);

		if (bio->op == BIO_READ)
			memcpy(mem, at, bio->segs[i].len);
		else
			memcpy(at, mem, bio->segs[i].len);
		disk_pages_written += bio->op == BIO_WRITE;
	}
}

static bool fails(const struct bio *bio)
{
	uint64_t page = bio->sector * SECTOR_SIZE / PAGE_SIZE;

	if (bio->dev != &disk)
		return false;
	for (unsigned i = 0; i < bio->nr_segs; i++)
		if (broken[bio->op][page + i])
			return true;
	return false;
}

static void work_on(struct bio *bio)
{
	bool bad = fails(bio);

	STAILQ_REMOVE(&in_flight, bio, bio, link);
	nr_in_flight--;
	if (disk_at_work)
		disk_at_work(bio);
	if (!bad)
		transfer(bio);
	block_end(bio, bad ? -EIO : 0);
}

/* Everything that is under way ends, in any order. */
static bool disks_work(void)
{
	bool any = !STAILQ_EMPTY(&in_flight);

	while (!STAILQ_EMPTY(&in_flight)) {
		struct bio *bio = STAILQ_FIRST(&in_flight);

		for (uint64_t skip = shim_random(nr_in_flight); skip--;)
			bio = STAILQ_NEXT(bio, link);
		work_on(bio);
	}
	return any;
}

void blockdev_register(struct block_device *dev)
{
	(void)dev;
}

/* ---- tasks ---- */

static struct task tasks[NR_TASKS];

void model_new_tasks(void)
{
	memset(tasks, 0, sizeof(tasks));
	model_task(0);
}

void model_task(unsigned i)
{
	CHECK(i < NR_TASKS);
	current = &tasks[i];
}

/* ---- sleeping ---- */

static uint64_t now;
void (*at_schedule)(void), (*at_sleep)(void);
bool model_interrupted;

uint64_t time_ns(void)
{
	return now;
}

void schedule(void)
{
	CHECK(!this_cpu()->nr_locks);
	this_cpu()->need_resched = at_schedule != NULL;
	if (at_schedule)
		at_schedule();
	else
		CHECK(disks_work()); /* else it would sleep for ever */
	disks_work();
}

void sched_sleep_ns(uint64_t ns)
{
	CHECK(!this_cpu()->nr_locks);
	now += ns;
	if (at_sleep)
		at_sleep();
	disks_work();
}

bool signal_pending(void)
{
	return model_interrupted;
}

/* ---- memory ---- */

long model_vzalloc_left = -1, model_vmalloced;

void *vzalloc(size_t size)
{
	if (model_vzalloc_left == 0)
		return NULL;
	if (model_vzalloc_left > 0)
		model_vzalloc_left--;
	model_vmalloced++;
	return calloc(1, size);
}

void vfree(void *p)
{
	model_vmalloced -= p != NULL;
	free(p);
}

/* ---- processes ---- */

#define NR_PROCESSES 8

static struct process processes[NR_PROCESSES];
static struct mm *process_mms[NR_PROCESSES];
int model_killed[8];
unsigned model_nr_killed;

void model_process(int pid, struct mm *mm)
{
	processes[pid].pid = pid;
	process_mms[pid] = mm;
}

struct process *process_find(int pid)
{
	CHECK(pid > 0 && pid < NR_PROCESSES);
	processes[pid].refs++;
	return &processes[pid];
}

void process_put(struct process *p)
{
	CHECK(p->refs-- > 0);
}

void process_for_each(bool (*fn)(struct process *p, void *arg), void *arg)
{
	for (unsigned i = 1; i < NR_PROCESSES; i++)
		if (process_mms[i] && !fn(&processes[i], arg))
			return;
}

struct mm *process_mm(struct process *p)
{
	struct mm *mm = process_mms[p->pid];

	if (mm)
		mm_get(mm);
	return mm;
}

int signal_process(struct process *p, int sig, const siginfo_t *info)
{
	(void)info;
	CHECK(sig == SIGKILL && model_nr_killed < ARRAY_SIZE(model_killed));
	model_killed[model_nr_killed++] = p->pid;
	return 0;
}

struct task *kthread_create(const char *name, void (*fn)(void *), void *arg)
{
	(void)name;
	(void)fn;
	(void)arg;
	return ERR_PTR(-ENOMEM);
}

/* ---- what address spaces want, and these tests have none of ---- */

void file_get(struct file *file)
{
	file->refs++;
}

void file_put(struct file *file)
{
	file->refs--;
}

const char *file_path(const struct file *file, char *buf, size_t size)
{
	snprintf(buf, size, "%p", (const void *)file);
	return buf;
}

int copy_to_user(uptr_t to, const void *from, size_t n)
{
	memcpy((void *)(uintptr_t)to.ua, from, n);
	return 0;
}

void model_boot(uint64_t ram)
{
	shim_boot(ram);
	model_new_tasks();
	vm_init();
	swap_init();
	disk_format(DISK_PAGES);
}
