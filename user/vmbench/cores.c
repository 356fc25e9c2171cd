// SPDX-License-Identifier: BSD-2-Clause
/*
 * Cores that fault at once, in one address space and in one each: how often the kernel's locks were
 * taken, by /proc/lock_stat, which counts for each kind of lock.
 */
#include "vmbench.h"
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>

#define LOCK_STAT "/proc/lock_stat"
#define MAX_CORES 4u
#define FAULTS 8192ul /* of each core */
#define RUNS 5u
#define MAX_LOCKS 40u

struct lock_count {
	char name[24];
	uint64_t contended[RUNS], spins[RUNS];
};

static struct lock_count locks[MAX_LOCKS];
static unsigned nr_locks;

/* Shared by all workers, processes too. */
static struct start {
	unsigned ready, cores;
} * start;

static void pin(unsigned core)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(core, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		die("sched_setaffinity");
}

/* All of them begin when the last is there. */
static void work(unsigned core)
{
	char *p;

	pin(core);
	p = map(FAULTS);
	__atomic_fetch_add(&start->ready, 1, __ATOMIC_ACQ_REL);
	while (__atomic_load_n(&start->ready, __ATOMIC_ACQUIRE) < start->cores)
		sched_yield();
	write_all(p, FAULTS, PAGE);
	unmap(p, FAULTS);
}

static void *thread(void *core)
{
	work((unsigned)(uintptr_t)core);
	return NULL;
}

static void fault_in_one_space(void)
{
	pthread_t threads[MAX_CORES];

	for (uintptr_t i = 0; i < start->cores; i++)
		if (pthread_create(&threads[i], NULL, thread, (void *)i))
			die("pthread_create");
	for (unsigned i = 0; i < start->cores; i++)
		pthread_join(threads[i], NULL);
}

static void fault_in_own_spaces(void)
{
	pid_t children[MAX_CORES];

	for (unsigned i = 0; i < start->cores; i++) {
		children[i] = fork_or_die();
		if (!children[i]) {
			work(i);
			_exit(0);
		}
	}
	for (unsigned i = 0; i < start->cores; i++)
		wait_child(children[i]);
}

static void lock_stat_clear(void)
{
	int fd = open(LOCK_STAT, O_WRONLY);

	if (fd < 0 || write(fd, "0", 1) != 1)
		die(LOCK_STAT);
	close(fd);
}

static struct lock_count *find_lock(const char *name)
{
	for (unsigned i = 0; i < nr_locks; i++)
		if (!strcmp(locks[i].name, name))
			return &locks[i];
	if (nr_locks == MAX_LOCKS)
		die("kinds of locks");
	strcpy(locks[nr_locks].name, name);
	return &locks[nr_locks++];
}

/* A line for each kind of lock: its name, contended acquisitions, spins. */
static void lock_stat_read(unsigned run)
{
	FILE *f = fopen(LOCK_STAT, "r");
	unsigned long contended, spins;
	char line[128], name[24];

	if (!f)
		die(LOCK_STAT);
	while (fgets(line, sizeof(line), f)) {
		struct lock_count *lock;

		if (sscanf(line, "%23s %lu %lu", name, &contended, &spins) != 3)
			continue;
		lock = find_lock(name);
		lock->contended[run] = contended;
		lock->spins[run] = spins;
	}
	fclose(f);
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static double median(uint64_t counts[RUNS])
{
	qsort(counts, RUNS, sizeof(counts[0]), compare);
	return (double)counts[RUNS / 2];
}

/* What no run contended for is left out. */
static void tell_locks(const char *how, unsigned cores)
{
	double contended, spins, all = 0;
	char name[64];

	for (unsigned i = 0; i < nr_locks; i++) {
		contended = median(locks[i].contended);
		spins = median(locks[i].spins);
		all += contended;
		if (!contended)
			continue;
		snprintf(name, sizeof(name), "%s-%u/%s", how, cores, locks[i].name);
		tell("cores", name, contended, "contended");
		strcat(name, "-spins");
		tell("cores", name, spins, "spins");
	}
	snprintf(name, sizeof(name), "%s-%u/all", how, cores);
	tell("cores", name, all, "contended");
}

static void measure_cores(const char *how, void (*fault)(void), unsigned cores)
{
	nr_locks = 0;
	memset(locks, 0, sizeof(locks));
	for (unsigned run = 0; run < RUNS; run++) {
		*start = (struct start){0, cores};
		lock_stat_clear();
		fault();
		lock_stat_read(run);
	}
	tell_locks(how, cores);
}

static size_t cores_at_once(void)
{
	unsigned online = (unsigned)sysconf(_SC_NPROCESSORS_ONLN);

	start = (void *)map_fd(PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1);
	for (unsigned cores = 1; cores <= MAX_CORES && cores <= online; cores *= 2) {
		measure_cores("one-space", fault_in_one_space, cores);
		measure_cores("own-spaces", fault_in_own_spaces, cores);
	}
	return 1;
}

const struct bench cores_benches[] = {
	{"cores", "faults-at-once", "", cores_at_once, BENCH_NAMED | BENCH_ONCE | BENCH_PRINTS},
	{0},
};
