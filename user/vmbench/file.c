// SPDX-License-Identifier: BSD-2-Clause
/* Faults on the pages of a file in tmpfs. */
#include "vmbench.h"
#include <fcntl.h>

#define FILE_PATH "/tmp/vmbench.file"
#define FILE_PAGES 1024ul

static int open_file(void)
{
	int fd = open(FILE_PATH, O_RDWR | O_CREAT, 0600);

	if (fd < 0 || ftruncate(fd, FILE_PAGES * PAGE))
		die(FILE_PATH);
	return fd;
}

static size_t on_file(int flags, void (*measured)(char *, size_t, size_t))
{
	int fd = open_file();
	char *fill = map_fd(FILE_PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd), *p;

	write_all(fill, FILE_PAGES, PAGE);
	unmap(fill, FILE_PAGES);
	p = map_fd(FILE_PAGES * PAGE, PROT_READ | PROT_WRITE, flags, fd);
	meter_start();
	measured(p, FILE_PAGES, PAGE);
	meter_stop();
	unmap(p, FILE_PAGES);
	close(fd);
	return FILE_PAGES;
}

static size_t file_private_read(void)
{
	return on_file(MAP_PRIVATE, read_pages);
}

static size_t file_private_random(void)
{
	return on_file(MAP_PRIVATE, write_scattered);
}

static size_t file_private_write(void)
{
	return on_file(MAP_PRIVATE, write_all);
}

static size_t file_shared_read(void)
{
	return on_file(MAP_SHARED, read_pages);
}

static size_t file_shared_write(void)
{
	return on_file(MAP_SHARED, write_all);
}

const struct bench file_benches[] = {
	{"file", "file-private-read", "page", file_private_read, 0},
	{"file", "file-private-write", "page", file_private_write, 0},
	{"file", "file-private-random", "page", file_private_random, 0},
	{"file", "file-shared-read", "page", file_shared_read, 0},
	{"file", "file-shared-write", "page", file_shared_write, 0},
	{0},
};
