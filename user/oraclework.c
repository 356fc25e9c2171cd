// SPDX-License-Identifier: BSD-2-Clause
/*
 * oraclework: leaves processes behind whose page tables `make oracle` holds against an x86-64 CPU,
 * and says where they are. They are still there when the machine goes off, and so are their tables.
 *
 *   swapped   its pages were pushed out by another program's; then it came back to one half
 *   busy      areas of every kind, size and protection, at the edges of tables
 *   forked    has a child, and pages that both have
 *   copied    that child: wrote to the first half of the pages, read a quarter
 *
 * Lines for the reader: `oraclework: tree NAME ROOT`, and `oraclework: stamp NAME START END TAG`:
 * the first word of each page there is its own address, exclusive-or TAG.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096ul
#define MIB (1ul << 20)
#define SWAPPED_SIZE (4 * MIB)
#define FORKED_SIZE (2 * MIB)
#define SPARSE_SIZE (16 * MIB)
#define MAX_STAMPS 64
#define ATTEMPTS 8
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)

struct stamp {
	const char *name;
	uint64_t start, end, tag;
};

/* What the processes tell the one that prints; shared. */
static struct board {
	struct stamp stamps[MAX_STAMPS];
	unsigned nr_stamps;
} * board;

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static char *map_at(uintptr_t where, size_t size, int prot, int flags)
{
	void *p = mmap((void *)where, size, prot, flags, -1, 0);

	if (p == MAP_FAILED)
		die("oraclework: mmap");
	return p;
}

static char *map(size_t size)
{
	return map_at(0, size, PROT_READ | PROT_WRITE, ANON);
}

/* Writes to each page from `start` on. */
static void stamp(char *start, size_t size, uint64_t tag)
{
	for (char *p = start; p < start + size; p += PAGE)
		*(volatile uint64_t *)p = (uintptr_t)p ^ tag;
}

static void touch(const volatile char *start, size_t size)
{
	for (size_t i = 0; i < size; i += PAGE)
		(void)start[i];
}

/* Has it be checked by the oracle, too. */
static void promise(const char *name, const char *start, size_t size, uint64_t tag)
{
	struct stamp *s = &board->stamps[board->nr_stamps++];

	if (board->nr_stamps > MAX_STAMPS)
		die("oraclework: too many stamps");
	*s = (struct stamp){name, (uintptr_t)start, (uintptr_t)start + size, tag};
}

static void stamp_and_promise(const char *name, char *start, size_t size, uint64_t tag)
{
	stamp(start, size, tag);
	promise(name, start, size, tag);
}

/* ---- processes that stay ---- */

struct helper {
	pid_t pid;
	int in, out; /* to it and from it: a byte is "go on" and "done" */
};

static int my_in, my_out;

static void say_done(void)
{
	if (write(my_out, "", 1) != 1)
		die("oraclework: write");
}

static void wait_for_go(void)
{
	char byte;

	if (read(my_in, &byte, 1) != 1)
		exit(1);
}

static void await(const struct helper *h)
{
	char byte;

	if (read(h->out, &byte, 1) != 1)
		die("oraclework: a process ended too early");
}

static struct helper start(void (*run)(void))
{
	int to[2], from[2];
	struct helper h;

	if (pipe(to) || pipe(from))
		die("oraclework: pipe");
	h = (struct helper){.pid = fork(), .in = to[1], .out = from[0]};
	if (h.pid < 0)
		die("oraclework: fork");
	if (h.pid)
		return h;
	my_in = to[0];
	my_out = from[1];
	run();
	say_done();
	for (;;)
		pause();
}

static void swapped(void)
{
	char *p = map(SWAPPED_SIZE);

	stamp(p, SWAPPED_SIZE, 1);
	say_done();
	wait_for_go();
	stamp(p, SWAPPED_SIZE / 2, 1);
	for (size_t i = SWAPPED_SIZE / 2; i < SWAPPED_SIZE; i += 64 * PAGE)
		touch(p + i, PAGE);
	promise("swapped", p, SWAPPED_SIZE, 1);
}

/* Touches more than there is: what lay idle goes to the swap disk. */
static void outgrow(void)
{
	struct sysinfo info;
	size_t size;

	if (sysinfo(&info))
		die("oraclework: sysinfo");
	size = (info.totalram * info.mem_unit + SWAPPED_SIZE * 2) & -PAGE;
	stamp(map(size), size, 2);
	exit(0);
}

/* Of a process, in bytes. */
static size_t swapped_out(pid_t pid)
{
	char path[64], line[128];
	size_t kib = 0;
	FILE *status;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	status = fopen(path, "r");
	if (!status)
		die(path);
	while (fgets(line, sizeof(line), status))
		if (sscanf(line, "VmSwap: %zu kB", &kib) == 1)
			break;
	fclose(status);
	return kib << 10;
}

/* Until most of its memory is out: what goes first is the kernel's choice. */
static void push_out(pid_t pid)
{
	for (int i = 0; swapped_out(pid) < SWAPPED_SIZE / 8 * 7; i++) {
		int status;

		if (waitpid(start(outgrow).pid, &status, 0) < 0 || status || i == ATTEMPTS) {
			fprintf(stderr, "oraclework: %zu bytes swapped out, status %x\n",
				swapped_out(pid), status);
			exit(1);
		}
	}
}

/* Areas whose pages' protection changed after they were written. */
static void protect(void)
{
	static const int prots[] = {PROT_READ, PROT_READ | PROT_EXEC, PROT_NONE,
				    PROT_READ | PROT_WRITE, PROT_READ | PROT_WRITE | PROT_EXEC};

	for (unsigned i = 0; i < 40; i++) {
		size_t size = (1 + i % 7) * PAGE;
		char *p = map(size + PAGE);

		munmap(p + size, PAGE); /* a hole between any two */
		stamp_and_promise("busy", p, size, 0x100 + i);
		if (mprotect(p, size, prots[i % 5]))
			die("oraclework: mprotect");
		if (prots[i % 5] & PROT_READ) /* what became executable is mapped anew */
			touch(p, size);
	}
}

/* The ends of tables of each level, and of user space. */
static void edges(void)
{
	static const uintptr_t at[] = {0x10000, 0x3ffff000, 0x7fffff000, 0x7ffffff000,
				       0x7f8000000000};

	for (unsigned i = 0; i < sizeof(at) / sizeof(at[0]); i++)
		stamp_and_promise(
			"busy",
			map_at(at[i], 3 * PAGE, PROT_READ | PROT_WRITE, ANON | MAP_FIXED_NOREPLACE),
			3 * PAGE, 0x200 + i);
}

/* A program's pages, some read, some written; the zero page; one page here and there. */
static void files_and_zeroes(void)
{
	int fd = open("/bin/busybox", O_RDONLY);
	volatile char *file, *zeroes = map(8 * PAGE);
	char *sparse = map(SPARSE_SIZE);

	file = mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	if (fd < 0 || file == MAP_FAILED)
		die("oraclework: /bin/busybox");
	for (size_t i = 0; i < MIB; i += 2 * PAGE)
		(void)file[i];
	for (size_t i = 0; i < MIB; i += 16 * PAGE)
		file[i] = 1;
	for (size_t i = 0; i < 8 * PAGE; i += 2 * PAGE)
		(void)zeroes[i];
	for (size_t i = 0; i < SPARSE_SIZE; i += 33 * PAGE)
		stamp(sparse + i, PAGE, 3);
	stamp(map_at(0, 9 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS), 5 * PAGE, 4);
}

static void busy(void)
{
	protect();
	edges();
	files_and_zeroes();
}

static char *common;

static void copied(void)
{
	stamp_and_promise("copied", common, FORKED_SIZE / 2, 6);
	for (size_t i = FORKED_SIZE / 2; i < FORKED_SIZE; i += 2 * PAGE)
		(void)*(volatile char *)(common + i);
	promise("copied", common + FORKED_SIZE / 2, FORKED_SIZE / 2, 5);
}

static struct helper child;

/* It is a child's parent, and tells its own that child's number. */
static void forked(void)
{
	common = map(FORKED_SIZE);
	stamp_and_promise("forked", common, FORKED_SIZE, 5);
	child = start(copied);
	await(&child);
	if (write(my_out, &child.pid, sizeof(child.pid)) != sizeof(child.pid))
		die("oraclework: write");
}

/* ---- what is printed ---- */

static uint64_t root_of(pid_t pid)
{
	FILE *roots = fopen("/proc/contrast/roots", "r");
	uint64_t root = 0, arm, x86;
	int number;

	if (!roots)
		die("oraclework: /proc/contrast/roots");
	while (fscanf(roots, "%d %*s %li %li %*u", &number, &arm, &x86) == 3)
		if (number == pid)
			root = x86;
	fclose(roots);
	if (root)
		return root;
	fprintf(stderr, "oraclework: process %d has no x86-64 tree (twin=off?)\n", pid);
	exit(1);
}

static void show(const char *name, pid_t pid)
{
	printf("oraclework: tree %s %#lx\n", name, root_of(pid));
	for (unsigned i = 0; i < board->nr_stamps; i++) {
		const struct stamp *s = &board->stamps[i];

		if (!strcmp(s->name, name))
			printf("oraclework: stamp %s %#lx %#lx %#lx\n", name, s->start, s->end,
			       s->tag);
	}
}

int main(void)
{
	struct helper swapper, worker, parent;
	pid_t grandchild;

	signal(SIGHUP, SIG_IGN); /* it comes when the terminal's session ends: they stay */
	board = (void *)map_at(0, sizeof(*board), PROT_READ | PROT_WRITE,
			       MAP_SHARED | MAP_ANONYMOUS);
	swapper = start(swapped);
	await(&swapper);
	push_out(swapper.pid);
	if (write(swapper.in, "", 1) != 1)
		die("oraclework: write");
	await(&swapper);
	worker = start(busy);
	await(&worker);
	parent = start(forked);
	if (read(parent.out, &grandchild, sizeof(grandchild)) != sizeof(grandchild))
		die("oraclework: read");
	await(&parent);
	show("kernel", 0);
	show("busy", worker.pid);
	show("forked", parent.pid);
	show("copied", grandchild);
	show("swapped", swapper.pid);
	return 0;
}
