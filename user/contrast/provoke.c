// SPDX-License-Identifier: BSD-2-Clause
/* Every kind of fault that a program can take, one access each. */
#define _GNU_SOURCE
#include "fault.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096ul
#define TEMPLATE "/tmp/contrast.XXXXXX"
/* In the lower half for ARM's 48 bits, in neither for x86's 47. */
#define NON_CANONICAL 0x0000900000000000

static bool cannot(struct attempt *a, const char *why)
{
	snprintf(a->why, sizeof(a->why), "%s", why);
	return false;
}

/* Fresh pages, nothing touched. */
static bool map_pages(struct attempt *a, unsigned pages, int prot, int flags)
{
	void *at = mmap(NULL, pages * PAGE, prot, flags | MAP_ANONYMOUS, -1, 0);

	if (at == MAP_FAILED)
		return cannot(a, strerror(errno));
	a->at = at;
	return true;
}

static void do_read(struct attempt *a)
{
	(void)*a->at;
}

static void do_write(struct attempt *a)
{
	*a->at = 1;
}

static void do_call(struct attempt *a)
{
	((void (*)(void))(uintptr_t)a->at)();
}

/* ---- each kind's stage ---- */

static bool untouched(struct attempt *a)
{
	return map_pages(a, 1, PROT_READ | PROT_WRITE, MAP_PRIVATE);
}

static bool read_only(struct attempt *a)
{
	if (!map_pages(a, 1, PROT_READ, MAP_PRIVATE))
		return false;
	do_read(a);
	return true;
}

static bool no_execute(struct attempt *a)
{
	if (!untouched(a))
		return false;
	do_write(a);
	return true;
}

/* The first page of the kernel that is mapped with this letter in its rights; 0: none. */
static uint64_t kernel_page(char letter)
{
	uint64_t va, found = 0;
	struct lines lines;
	char prot[12];

	if (!lines_read(&lines, PROC "/contrast/kernel", NULL))
		return 0;
	for (size_t i = 0; i < lines.n && !found; i++)
		if (sscanf(lines.line[i], "run %" SCNx64 " %*s 0 %*u %11s", &va, prot) == 2 &&
		    strchr(prot, letter))
			found = va;
	lines_free(&lines);
	return found;
}

static bool kernel_address(struct attempt *a)
{
	a->at = (char *)kernel_page('x');
	return a->at || cannot(a, "where the kernel's text is, is not known");
}

static bool non_canonical(struct attempt *a)
{
	a->at = (char *)NON_CANONICAL;
	return true;
}

static bool zero_page(struct attempt *a)
{
	if (!untouched(a))
		return false;
	do_read(a);
	return true;
}

static bool guard_page(struct attempt *a)
{
	if (!map_pages(a, 2, PROT_READ | PROT_WRITE, MAP_PRIVATE))
		return false;
	a->at[PAGE] = 1;
	return mprotect((void *)a->at, PAGE, PROT_NONE) == 0 || cannot(a, strerror(errno));
}

static bool unmapped(struct attempt *a)
{
	return no_execute(a) && (munmap((void *)a->at, PAGE) == 0 || cannot(a, strerror(errno)));
}

/* A child that has the page too, and waits to be killed. */
static bool forked(struct attempt *a)
{
	if (!no_execute(a))
		return false;
	a->helper = fork();
	if (a->helper == 0)
		for (;;)
			pause();
	return a->helper > 0 || cannot(a, strerror(errno));
}

static bool is_swapped(const struct attempt *a)
{
	struct lines lines;
	bool swapped = false;
	const char *state;
	char what[32];

	snprintf(what, sizeof(what), "%#lx\n", (unsigned long)(uintptr_t)a->at);
	if (!lines_read(&lines, PROC "/contrast/walk", what))
		return false;
	for (size_t i = 0; i < lines.n; i++)
		if ((state = line_value(lines.line[i], "state")))
			swapped = strncmp(state, "swapped", 7) == 0;
	lines_free(&lines);
	return swapped;
}

static bool swapped(struct attempt *a)
{
	if (!no_execute(a))
		return false;
	if (madvise((void *)a->at, PAGE, MADV_PAGEOUT))
		return cannot(a, strerror(errno));
	return is_swapped(a) || cannot(a, "the page was not swapped out: is there a swap area?");
}

/* Clearing the flag flushes no TLB, for a stale entry does no harm; losing a right does. */
static bool not_accessed(struct attempt *a)
{
	if (!no_execute(a))
		return false;
	if (madvise((void *)a->at, PAGE, MADV_COLD) || mprotect((void *)a->at, PAGE, PROT_READ))
		return cannot(a, strerror(errno));
	return true;
}

/* Shared memory that was only read is mapped writable, and clean. */
static bool clean(struct attempt *a)
{
	if (!map_pages(a, 1, PROT_READ | PROT_WRITE, MAP_SHARED))
		return false;
	do_read(a);
	return true;
}

static bool past_end(struct attempt *a)
{
	char name[] = TEMPLATE;
	int fd = mkstemp(name);
	void *at;

	if (fd < 0)
		return cannot(a, strerror(errno));
	unlink(name);
	at = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0);
	close(fd);
	a->at = at;
	return at != MAP_FAILED || cannot(a, strerror(errno));
}

static bool misaligned(struct attempt *a)
{
	if (!no_execute(a))
		return false;
	a->at += 12; /* eight bytes from here on cross 16: no CPU's exclusives do that */
	return true;
}

static void do_exclusive(struct attempt *a)
{
#ifdef __aarch64__
	uint64_t value;

	__asm__ volatile("ldxr %0, [%1]" : "=r"(value) : "r"(a->at) : "memory");
	__asm__ volatile("clrex");
#else
	(void)a;
#endif
}

static bool misaligned_pc(struct attempt *a)
{
	a->at = (char *)(uintptr_t)do_read + 2;
	return true;
}

/* ---- a device ---- */

/* The physical address of a page of registers that the kernel drives; 0: none is known. */
static uint64_t find_device(void)
{
	uint64_t va = kernel_page('D'), value, pa = 0;
	struct lines lines;
	char what[32];

	snprintf(what, sizeof(what), "%#" PRIx64 "\n", va);
	if (!va || !lines_read(&lines, PROC "/contrast/walk", what))
		return 0;
	for (size_t i = 0; i < lines.n; i++)
		if (sscanf(lines.line[i], "arm64 entry 0 %*i %" SCNx64, &value) == 1)
			pa = value & 0xfffffffff000;
	lines_free(&lines);
	return pa;
}

/* Leaves of device memory are not inherited: a child faults them in again. */
static bool device(struct attempt *a)
{
	uint64_t pa = find_device();
	int fd = open("/dev/mem", O_RDONLY | O_CLOEXEC), status;
	void *at;

	if (fd < 0 || !pa)
		return cannot(a, pa ? strerror(errno) : "no page of device registers is known");
	at = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, (off_t)pa);
	close(fd);
	if (at == MAP_FAILED)
		return cannot(a, strerror(errno));
	/* The last words of a page are no register that minds being read. */
	a->at = (char *)at + 0xff0;
	a->helper = fork();
	if (a->helper > 0) { /* the child of this one goes on */
		waitpid(a->helper, &status, 0);
		_exit(0);
	}
	a->helper = 0;
	return true;
}

static void do_read_register(struct attempt *a)
{
	(void)*(volatile uint32_t *)a->at;
}

const struct kind kinds[] = {
	{"not-present", "first write to a page of anonymous memory", untouched, do_write},
	{"zero-page", "first read of a page of anonymous memory", untouched, do_read},
	{"read-only", "write to memory mapped PROT_READ", read_only, do_write},
	{"no-execute", "call into memory mapped without PROT_EXEC", no_execute, do_call},
	{"kernel", "read of the kernel's text", kernel_address, do_read},
	{"non-canonical", "read of an address with bits 63:47 not all equal", non_canonical,
	 do_read},
	{"misaligned", "LDXR of eight bytes across a 16-byte boundary", misaligned, do_exclusive},
	{"misaligned-pc", "call of an address that is no multiple of four", misaligned_pc, do_call},
	{"guard-page", "write to a PROT_NONE page, as below a stack", guard_page, do_write},
	{"unmapped", "write where a page was unmapped", unmapped, do_write},
	{"copy-on-write", "write to a page that a forked child has too", forked, do_write},
	{"zero-page-write", "write to a page that was only read", zero_page, do_write},
	{"swapped", "read of a page that MADV_PAGEOUT swapped out", swapped, do_read},
	{"access-flag", "read of a page whose accessed flag MADV_COLD took", not_accessed, do_read},
	{"dirty", "write to shared memory that was only read: writable, but clean", clean,
	 do_write},
	{"past-end", "read of a mapped file past its end", past_end, do_read},
	{"device", "read of a device's registers, mapped before a fork", device, do_read_register},
};
const size_t nr_kinds = sizeof(kinds) / sizeof(kinds[0]);
