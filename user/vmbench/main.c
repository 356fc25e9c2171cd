// SPDX-License-Identifier: BSD-2-Clause
/*
 * What the kernel's memory costs, operation by operation, in instructions: the same static program
 * on this kernel and on Linux, by Linux's system calls alone.
 *
 *     vmbench [-a AREAS,...] [-l] [GROUP or NAME]...
 *
 * -a: with so many other areas (more than once if several are given); -l lists. A line for each
 * operation: `vmbench <TAB> group <TAB> name <TAB> instructions <TAB> unit <TAB> areas`, or
 * `failed` and why.
 *
 * Under QEMU's -icount shift=0 an instruction is a nanosecond of guest time, so CNTVCT_EL0 counts
 * instructions. Where the machine waits for a disk time passes without any: those operations count
 * what the core retired, by perf_event_open(). As process 1 it first mounts and loads what it needs
 * (modules in /modules, in the order of their names), does what the file /plan says, one command
 * line a line, and powers off.
 */
#include "vmbench.h"
#include <dirent.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>

#define PLAN "/plan"
#define MAX_WORDS 32

static const struct bench *const lists[] = {
	call_benches, fault_benches, file_benches,  fork_benches,
	area_benches, disk_benches,  cores_benches, floor_benches,
};

#define MAX_BENCHES 80u

static const struct bench *benches[MAX_BENCHES];
static size_t nr_benches;

size_t areas;
char *areas_made;

void tell(const char *group, const char *name, double value, const char *unit)
{
	printf("vmbench\t%s\t%s\t%.1f\t%s\t%zu\n", group, name, value, unit, areas);
}

/* Areas of one page that cannot merge with each other. */
static void make_areas(size_t n)
{
	areas_made = n ? map(n) : NULL;
	for (size_t i = 0; i < n; i += 2)
		protect(areas_made + i * PAGE, 1, PROT_READ);
}

/* Once for the caches, once for the record. */
static void measure(const struct bench *b)
{
	size_t ops;

	make_areas(areas);
	if (b->flags & BENCH_COUNT && !meter_by_instructions())
		die("perf_event_open");
	if (!(b->flags & BENCH_ONCE))
		b->run();
	meter.total = 0;
	ops = b->run();
	if (!(b->flags & BENCH_PRINTS))
		tell(b->group, b->name, (double)meter.total / (double)ops, b->unit);
	meter_by_clock();
}

/* In a child: one that fails fails alone. */
static int run(const struct bench *b)
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork_or_die();
	if (!pid) {
		measure(b);
		exit(0);
	}
	if (waitpid(pid, &status, 0) != pid)
		die("wait");
	if (!status)
		return 0;
	printf("vmbench\t%s\t%s\tfailed\tstatus %#x\t%zu\n", b->group, b->name, (unsigned)status,
	       areas);
	return 1;
}

static bool is_named(const struct bench *b, const char *word)
{
	return !strcmp(word, b->group) || !strcmp(word, b->name);
}

static bool is_chosen(const struct bench *b, char *const words[])
{
	if (!*words)
		return !(b->flags & BENCH_NAMED);
	for (; *words; words++)
		if (is_named(b, *words))
			return true;
	return false;
}

static bool is_known(const char *word)
{
	for (size_t i = 0; i < nr_benches; i++)
		if (is_named(benches[i], word))
			return true;
	return false;
}

static int run_chosen(char *const words[])
{
	const unsigned unfit = areas ? BENCH_PLAIN : BENCH_AREAS;
	int failed = 0;

	for (size_t i = 0; i < nr_benches; i++)
		if (is_chosen(benches[i], words) && !(benches[i]->flags & unfit))
			failed |= run(benches[i]);
	return failed;
}

static int usage(void)
{
	fputs("usage: vmbench [-a AREAS,...] [-l] [GROUP or NAME]...\n", stderr);
	return 2;
}

static int list(void)
{
	for (size_t i = 0; i < nr_benches; i++)
		printf("%-8s %-20s per %s\n", benches[i]->group, benches[i]->name,
		       benches[i]->unit);
	return 0;
}

/* One command line. */
static int command(int argc, char **argv)
{
	static char none[] = "0";
	char *counts = none, **words;
	int option, failed = 0;

	optind = 0; /* begins anew, as GNU has it */
	while ((option = getopt(argc, argv, "a:l")) >= 0) {
		if (option == 'l')
			return list();
		if (option != 'a')
			return usage();
		counts = optarg;
	}
	words = argv + optind;
	for (char **word = words; *word; word++)
		if (!is_known(*word)) {
			fprintf(stderr, "vmbench: nothing is called %s (-l lists)\n", *word);
			return usage();
		}
	for (char *count = strtok(counts, ","); count; count = strtok(NULL, ",")) {
		areas = strtoul(count, NULL, 0);
		failed |= run_chosen(words);
	}
	return failed;
}

/* ---- as process 1 ---- */

static void load_module(const char *name)
{
	char path[300];
	int fd;

	snprintf(path, sizeof(path), "/modules/%s", name);
	fd = open(path, O_RDONLY);
	if (fd < 0 || (syscall(SYS_finit_module, fd, "", 0) && errno != EEXIST))
		die(path);
	close(fd);
}

static void load_modules(void)
{
	struct dirent **names;
	int n = scandir("/modules", &names, NULL, alphasort);

	for (int i = 0; i < n; i++)
		if (names[i]->d_name[0] != '.')
			load_module(names[i]->d_name);
}

static void mount_at(const char *type, const char *path)
{
	mkdir(path, 0755);
	if (mount(type, path, type, 0, NULL) && errno != EBUSY)
		die(path);
}

static void open_console(void)
{
	int fd = open("/dev/console", O_RDWR);

	for (int std = 0; std < 3 && fd >= 0; std++)
		dup2(fd, std);
}

static void become_init(void)
{
	mount_at("proc", "/proc");
	mount_at("devtmpfs", "/dev");
	mount_at("tmpfs", "/tmp");
	open_console();
	load_modules();
	disks_start();
}

static void tell_boot(uint64_t at_start, const struct sysinfo *info)
{
	tell("boot", "boot-to-user", (double)at_start, "boot");
	tell("boot", "free-memory", (double)(info->freeram * info->mem_unit), "bytes");
}

static void follow(char *line)
{
	char *words[MAX_WORDS + 1] = {"vmbench"};
	int n = 1;

	for (char *word = strtok(line, " "); word && n < MAX_WORDS; word = strtok(NULL, " "))
		words[n++] = word;
	words[n] = NULL;
	command(n, words);
}

static void follow_plan(void)
{
	static char text[4096];
	int fd = open(PLAN, O_RDONLY);
	char *rest = text, *line;

	if (fd < 0 || read(fd, text, sizeof(text) - 1) < 0)
		die(PLAN);
	close(fd);
	while ((line = strsep(&rest, "\n")))
		if (*line)
			follow(line);
	puts("vmbench: done");
	fflush(stdout);
	reboot(RB_POWER_OFF);
}

static void gather_benches(void)
{
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		for (const struct bench *b = lists[i]; b->name && nr_benches < MAX_BENCHES; b++)
			benches[nr_benches++] = b;
}

static uint64_t ns_per_tick(void)
{
	uint64_t hz;

	__asm__("mrs %0, cntfrq_el0" : "=r"(hz));
	return 1000000000ul / hz;
}

int main(int argc, char **argv)
{
	struct sysinfo info;
	uint64_t at_start;

	if (argc == 2 && !strcmp(argv[1], "--exit"))
		return 0;
	meter.ns_per_tick = ns_per_tick();
	at_start = clock_ns();
	gather_benches();
	prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0); /* pages are measured, and both kernels have them */
	if (getpid() != 1)
		return command(argc, argv);
	if (sysinfo(&info)) /* before anything else takes memory */
		die("sysinfo");
	become_init();
	tell_boot(at_start, &info);
	follow_plan();
	return 1;
}
