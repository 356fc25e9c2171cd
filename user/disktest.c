// SPDX-License-Identifier: BSD-2-Clause
/*
 * disktest DEVICE: a disk as a file of any offset and length, read into and written from memory of
 * every kind. What the device holds is overwritten. Each check names the law; the last line is
 * "disktest: N checks, N failed".
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096ul
#define SECTOR 512ul
#define SPAN (1ul << 20) /* of the device, that is used */
#define ROUNDS 300
#define FORKS 100

static int checks, failed, fd;
static uint64_t size;

static void check(bool holds, const char *what, int line)
{
	checks++;
	if (holds)
		return;
	failed++;
	printf("disktest: line %d: %s (errno %d)\n", line, what, errno);
}

#define CHECK(what, cond) check(cond, what, __LINE__)
#define FAILS(call, error)                                                                         \
	check((errno = 0, (call) == -1) && errno == (error), #call " fails with " #error, __LINE__)

static char *map(size_t pages, int prot)
{
	char *p = mmap(NULL, pages * PAGE, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		exit(2);
	return p;
}

static uint32_t next_random(void)
{
	static uint64_t state = 1;

	state = state * 6364136223846793005 + 1442695040888963407;
	return (uint32_t)(state >> 33);
}

/* Half of the time whole sectors. */
static size_t any_below(size_t limit)
{
	size_t n = next_random() % limit;

	return next_random() % 2 ? n & ~(SECTOR - 1) : n;
}

/* The device beside an array; memory and device meet at all offsets. */
static void test_any_offset(void)
{
	char *model = map(SPAN / PAGE, PROT_READ | PROT_WRITE);
	char *buffer = map(SPAN / PAGE + 1, PROT_READ | PROT_WRITE);
	bool same = true;

	for (size_t i = 0; i < SPAN; i++)
		model[i] = (char)next_random();
	CHECK("all of it is written at once", pwrite(fd, model, SPAN, 0) == (ssize_t)SPAN);
	for (int i = 0; i < ROUNDS; i++) {
		size_t len = any_below(i % 10 ? 3 * PAGE : SPAN / 2), at = any_below(SPAN - len);
		char *p = buffer + any_below(PAGE);

		if (i % 3) {
			same &= pread(fd, p, len, (off_t)at) == (ssize_t)len;
			same &= !memcmp(p, model + at, len);
			continue;
		}
		memset(p, i, len);
		memset(model + at, i, len);
		same &= pwrite(fd, p, len, (off_t)at) == (ssize_t)len;
	}
	CHECK("what is read is what was written", same);
	munmap(buffer, SPAN + PAGE);
	buffer = map(SPAN / PAGE, PROT_READ | PROT_WRITE);
	CHECK("memory that was never touched is read into",
	      pread(fd, buffer, SPAN, 0) == (ssize_t)SPAN);
	CHECK("and holds it all", !memcmp(buffer, model, SPAN));
	munmap(buffer, SPAN);
	munmap(model, SPAN);
}

static bool all(const char *p, char c, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (p[i] != c)
			return false;
	return true;
}

static void put(char c, size_t len)
{
	char *p = map(len / PAGE, PROT_READ | PROT_WRITE);

	memset(p, c, len);
	CHECK("a pattern is written", pwrite(fd, p, len, 0) == (ssize_t)len);
	munmap(p, len);
}

static void test_zero_page(void)
{
	char *p = map(4, PROT_READ | PROT_WRITE);

	put('x', 4 * PAGE);
	CHECK("memory that was never touched is written", pwrite(fd, p, 2 * PAGE, 0) == 2 * PAGE);
	CHECK("and read into where it was only looked at",
	      p[2 * PAGE] == 0 && pread(fd, p + 2 * PAGE, PAGE, 2 * PAGE) == PAGE);
	CHECK("zeros came out",
	      all(p, 0, 2 * PAGE) && pread(fd, p, PAGE, 0) == PAGE && all(p, 0, PAGE));
	CHECK("what was read is there", all(p + 2 * PAGE, 'x', PAGE));
	CHECK("other zeros still are", all(p + 3 * PAGE, 0, PAGE));
	munmap(p, 4 * PAGE);
}

/* Runs in a child; true if it said so. */
static bool in_child(bool (*fn)(char *), char *p)
{
	pid_t pid = fork();
	int status;

	if (!pid)
		_exit(fn(p) ? 0 : 1);
	return waitpid(pid, &status, 0) == pid && status == 0;
}

static bool reads_x(char *p)
{
	return pread(fd, p, 4 * PAGE, 0) == 4 * PAGE && all(p, 'x', 4 * PAGE);
}

static void test_fork(void)
{
	char *p = map(4, PROT_READ | PROT_WRITE);
	int to_child[2];
	pid_t pid;
	int status = 1;
	char go;

	put('x', 4 * PAGE);
	memset(p, 'o', 4 * PAGE);
	CHECK("a child reads into its memory", in_child(reads_x, p));
	CHECK("its parent's is as it was", all(p, 'o', 4 * PAGE));
	if (pipe(to_child))
		exit(2);
	pid = fork();
	if (!pid)
		_exit(read(to_child[0], &go, 1) == 1 && all(p, 'o', 4 * PAGE) ? 0 : 1);
	CHECK("a parent reads into its memory", reads_x(p));
	CHECK("its child is told", write(to_child[1], "g", 1) == 1);
	CHECK("and finds its own as it was", waitpid(pid, &status, 0) == pid && !status);
	close(to_child[0]);
	close(to_child[1]);
	munmap(p, 4 * PAGE);
}

static void test_rights(void)
{
	char *p = map(4, PROT_READ | PROT_WRITE);
	int file = open("/tmp/disktest", O_RDWR | O_CREAT | O_TRUNC, 0600);
	char *private, c;

	put('x', 4 * PAGE);
	munmap(p + 2 * PAGE, PAGE);
	CHECK("a hole ends a read", pread(fd, p, 3 * PAGE, 0) == 2 * PAGE && all(p, 'x', 2 * PAGE));
	FAILS(pread(fd, p + 2 * PAGE, PAGE, 0), EFAULT);
	CHECK("and a write", pwrite(fd, p, 3 * PAGE, 0) == 2 * PAGE);
	FAILS(pwrite(fd, p + 2 * PAGE, PAGE, 0), EFAULT);
	mprotect(p, PAGE, PROT_READ);
	FAILS(pread(fd, p, PAGE, 0), EFAULT);
	CHECK("what cannot be written can be read", pwrite(fd, p, PAGE, 0) == PAGE);
	mprotect(p, PAGE, PROT_NONE);
	FAILS(pwrite(fd, p, PAGE, 0), EFAULT);
	FAILS(pread(fd, (char *)(1ul << 47), PAGE, 0), EFAULT);
	FAILS(pread(fd, (char *)(0xfffful << 48), PAGE, 0), EFAULT);
	FAILS(pread(fd, (char *)((1ul << 48) | (uintptr_t)(p + PAGE)), PAGE, 0), EFAULT);
	CHECK("a file is made", !ftruncate(file, PAGE));
	private = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0);
	CHECK("a private mapping of it is read into",
	      pread(fd, private, PAGE, 0) == PAGE && all(private, 'x', PAGE));
	CHECK("the file knows nothing of that", pread(file, &c, 1, 0) == 1 && c == 0);
	munmap(private, PAGE);
	close(file);
	munmap(p, 4 * PAGE);
}

static void test_end(void)
{
	char *p = map(2, PROT_READ | PROT_WRITE);

	CHECK("it says its size", !ioctl(fd, BLKGETSIZE64, &size) && size >= 2 * SPAN);
	CHECK("a read ends with it", pread(fd, p, 2 * PAGE, (off_t)(size - PAGE)) == PAGE);
	CHECK("beyond is nothing", pread(fd, p, PAGE, (off_t)size) == 0);
	CHECK("a write ends with it", pwrite(fd, p, 2 * PAGE, (off_t)(size - PAGE)) == PAGE);
	FAILS(pwrite(fd, p, PAGE, (off_t)size), ENOSPC);
	munmap(p, 2 * PAGE);
}

/* ---- fork while the device works on a page ---- */

#define LONG_READ (63 * PAGE + SECTOR)

/* Sectors are read up to the front of this page while another thread writes to its end. */
static char *hot;
static volatile bool over;

static void *writer(void *arg)
{
	for (unsigned i = 0; !over; i++)
		((volatile char *)hot)[PAGE - 1] = (char)i;
	return arg;
}

static void *reader(void *arg)
{
	bool *right = arg;
	char *start = hot + SECTOR - LONG_READ;

	for (unsigned i = 0; !over; i++) {
		if (pread(fd, start, LONG_READ, (off_t)(i % 2 * SECTOR)) != LONG_READ)
			*right = false;
		if (!all(hot, (char)('a' + i % 2), SECTOR))
			*right = false;
	}
	return arg;
}

/* The child's page is its own: nothing may arrive in it any more. */
static bool is_left_alone(char *p)
{
	memset(p, 'c', SECTOR);
	for (int i = 0; i < 20; i++) {
		sched_yield();
		if (!all(p, 'c', SECTOR))
			return false;
	}
	return true;
}

static void test_fork_meanwhile(void)
{
	pthread_t threads[2];
	bool right = true, alone = true;

	hot = map(64, PROT_READ | PROT_WRITE) + 63 * PAGE;
	memset(hot, 'a', SECTOR);
	memset(hot + SECTOR, 'b', SECTOR);
	CHECK("two sectors are written", pwrite(fd, hot, 2 * SECTOR, 63 * PAGE) == 2 * SECTOR);
	if (pthread_create(&threads[0], NULL, writer, NULL) ||
	    pthread_create(&threads[1], NULL, reader, &right))
		exit(2);
	for (int i = 0; i < FORKS; i++)
		alone &= in_child(is_left_alone, hot);
	over = true;
	pthread_join(threads[0], NULL);
	pthread_join(threads[1], NULL);
	CHECK("fork takes nothing from a read under way", right);
	CHECK("which gives nothing to the child", alone);
}

int main(int argc, char **argv)
{
	fd = argc == 2 ? open(argv[1], O_RDWR | O_DIRECT) : -1;
	if (fd < 0) {
		fprintf(stderr, "disktest: %s: cannot be opened\n", argc == 2 ? argv[1] : "DEVICE");
		return 2;
	}
	test_end();
	test_any_offset();
	test_zero_page();
	test_fork();
	test_rights();
	test_fork_meanwhile();
	printf("disktest: %d checks, %d failed\n", checks, failed);
	return failed != 0;
}
