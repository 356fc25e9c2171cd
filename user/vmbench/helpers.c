// SPDX-License-Identifier: BSD-2-Clause
/* What every operation needs, and what a failure of it means: the end. */
#include "vmbench.h"

void die(const char *what)
{
	printf("vmbench: %s: %s\n", what, strerror(errno));
	exit(1);
}

char *map_fd(size_t size, int prot, int flags, int fd)
{
	char *p = mmap(NULL, size, prot, flags, fd, 0);

	if (p == MAP_FAILED)
		die("mmap");
	return p;
}

char *map(size_t pages)
{
	return map_fd(pages * PAGE, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1);
}

void unmap(char *p, size_t pages)
{
	if (munmap(p, pages * PAGE))
		die("munmap");
}

void write_all(char *p, size_t pages, size_t stride)
{
	for (size_t i = 0; i < pages; i++)
		*(volatile char *)(p + i * stride) = 1;
}

void read_all(const char *p, size_t pages, size_t stride)
{
	for (size_t i = 0; i < pages; i++)
		(void)*(const volatile char *)(p + i * stride);
}

size_t scattered(size_t i, size_t pages)
{
	return (i * 2654435761ul + 12345) & (pages - 1);
}

void wait_child(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid || status) {
		printf("vmbench: a child failed\n");
		exit(1);
	}
}

pid_t fork_or_die(void)
{
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	return pid;
}

void protect(char *p, size_t pages, int prot)
{
	if (mprotect(p, pages * PAGE, prot))
		die("mprotect");
}
