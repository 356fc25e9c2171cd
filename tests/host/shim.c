// SPDX-License-Identifier: BSD-2-Clause
/* What the kernel sources want from a machine, in the host's terms. See shim.h. */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <twofold/log.h>
#include <twofold/params.h>
#include <twofold/slab.h>
#include <twofold/swap.h>
#include <twofold/wait.h>

#include "shim.h"

#define __weak __attribute__((weak))
#define ARENA_ALIGN (PAGE_SIZE << MAX_ORDER)
#define PANIC_STATUS 42

uint64_t host_direct_base; /* <arch/mmu.h>: where physical address 0 would be */

/* ---- RAM ---- */

void shim_back(uint64_t base, uint64_t size)
{
	static void *old;
	static uint64_t old_size;
	uint64_t start = ALIGN_DOWN(base, ARENA_ALIGN);
	char *p;

	if (old)
		munmap(old, old_size);
	old_size = ALIGN_UP(base + size, ARENA_ALIGN) - start + ARENA_ALIGN;
	old = mmap(NULL, old_size, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (old == MAP_FAILED) {
		perror("shim: mmap");
		exit(1);
	}
	p = (char *)ALIGN_UP((uintptr_t)old, ARENA_ALIGN);
	host_direct_base = (uintptr_t)p - start;
}

void __weak slab_init(void)
{
}

void shim_boot(uint64_t size)
{
	shim_back(SHIM_RAM_BASE, size);
	frames_add_ram(PADDR(SHIM_RAM_BASE), size, 0);
	frames_init();
	slab_init();
}

void clear_page(void *page)
{
	memset(page, 0, PAGE_SIZE);
}

void copy_page(void *to, const void *from)
{
	memcpy(to, from, PAGE_SIZE);
}

/* CRC-32C, bit by bit: reflected polynomial 0x82f63b78. */
uint32_t page_crc(const void *page)
{
	const uint8_t *p = page;
	uint32_t crc = ~0u;

	for (size_t i = 0; i < PAGE_SIZE; i++) {
		crc ^= p[i];
		for (int bit = 0; bit < 8; bit++)
			crc = (crc >> 1) ^ (crc & 1 ? 0x82f63b78 : 0);
	}
	return ~crc;
}

/* ---- cores ---- */

struct cpu cpus[NR_CPUS] = {{.id = 0, .online = true}};
unsigned nr_cpus = 1;
__thread struct cpu *host_cpu = &cpus[0];

void shim_set_cpu(unsigned id)
{
	host_cpu = &cpus[id];
	host_cpu->id = id;
	host_cpu->online = true;
	if (nr_cpus <= id)
		nr_cpus = id + 1;
}

uint64_t __weak cycle_counter(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

uint64_t __weak cycle_hz(void)
{
	return 1000000000;
}

/* Nothing here caches anything. */
void dcache_clean_inval(const void *p, size_t len)
{
	(void)p;
	(void)len;
}

void dcache_clean(const void *p, size_t len)
{
	dcache_clean_inval(p, len);
}

void dcache_inval(const void *p, size_t len)
{
	dcache_clean_inval(p, len);
}

void icache_sync(const void *p, size_t len)
{
	dcache_clean_inval(p, len);
}

/* ---- locks ---- */

void spin_lock_slow(spinlock_t *lock)
{
	time_t start = time(NULL);

	while (!spin_take(lock)) {
		if (time(NULL) - start > 20)
			panic("spinlock %p is never released", (void *)lock);
		sched_yield();
	}
}

#ifdef DEBUG
void lock_rank_push(spinlock_t *lock)
{
	struct cpu *cpu = this_cpu();

	if (cpu->nr_locks && lock->rank <= cpu->lock_ranks[cpu->nr_locks - 1])
		panic("lock order: rank %u taken under rank %u", lock->rank,
		      cpu->lock_ranks[cpu->nr_locks - 1]);
	CHECK(cpu->nr_locks < ARRAY_SIZE(cpu->lock_ranks));
	cpu->lock_addrs[cpu->nr_locks] = (uintptr_t)lock;
	cpu->lock_ranks[cpu->nr_locks++] = lock->rank;
}

void lock_rank_pop(spinlock_t *lock)
{
	struct cpu *cpu = this_cpu();
	unsigned i = cpu->nr_locks;

	while (i > 0 && cpu->lock_addrs[i - 1] != (uintptr_t)lock)
		i--;
	if (!i)
		panic("a spinlock is released that is not held");
	for (cpu->nr_locks--; i <= cpu->nr_locks; i++) {
		cpu->lock_addrs[i - 1] = cpu->lock_addrs[i];
		cpu->lock_ranks[i - 1] = cpu->lock_ranks[i];
	}
}
#endif

/* ---- log, panic, parameters ---- */

static char log_text[1 << 16];
static size_t log_len;
static int panic_pipe = -1;

const char *shim_log(void)
{
	return log_text;
}

void shim_log_clear(void)
{
	log_len = 0;
	log_text[0] = '\0';
}

void log_printf(enum log_level level, const char *fmt, ...)
{
	char text[512];
	va_list args;
	int len;

	(void)level;
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	if (getenv("SHIM_LOG"))
		fprintf(stderr, "# %s\n", text);
	len = snprintf(log_text + log_len, sizeof(log_text) - log_len, "%s\n", text);
	log_len = MIN(log_len + (size_t)len, sizeof(log_text) - 1);
}

void panic(const char *fmt, ...)
{
	char text[512];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	if (panic_pipe >= 0) {
		if (write(panic_pipe, text, strlen(text)) < 0)
			perror("shim: write");
		_exit(PANIC_STATUS);
	}
	fprintf(stderr, "panic: %s\n", text);
	abort();
}

bool shim_child(void (*fn)(void))
{
	int status;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		fn();
		fflush(NULL);
		_exit(0);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

bool shim_panics(void (*fn)(void), const char *text)
{
	char said[512] = "";
	int fds[2], status;
	ssize_t len;
	pid_t pid;

	fflush(NULL);
	if (pipe(fds) || (pid = fork()) < 0)
		return false;
	if (pid == 0) {
		panic_pipe = fds[1];
		fn();
		_exit(0);
	}
	close(fds[1]);
	len = read(fds[0], said, sizeof(said) - 1);
	close(fds[0]);
	waitpid(pid, &status, 0);
	if (len > 0 && WIFEXITED(status) && WEXITSTATUS(status) == PANIC_STATUS &&
	    strstr(said, text))
		return true;
	fprintf(stderr, "expected panic \"%s\", got \"%s\", status %#x\n", text, said, status);
	return false;
}

static struct {
	char name[32], value[64];
} params[16];

void shim_param(const char *name, const char *value)
{
	for (unsigned i = 0; i < ARRAY_SIZE(params); i++)
		if (!params[i].name[0] || !strcmp(params[i].name, name)) {
			snprintf(params[i].name, sizeof(params[i].name), "%s", name);
			snprintf(params[i].value, sizeof(params[i].value), "%s", value);
			return;
		}
	panic("shim: too many parameters");
}

bool __weak param_string(const char *name, char *buf, size_t size)
{
	for (unsigned i = 0; i < ARRAY_SIZE(params); i++)
		if (!strcmp(params[i].name, name)) {
			snprintf(buf, size, "%s", params[i].value);
			return true;
		}
	return false;
}

bool __weak param_bool(const char *name, bool dflt)
{
	char value[64];

	if (!param_string(name, value, sizeof(value)))
		return dflt;
	return !value[0] || value[0] == '1' || value[0] == 'y' || !strcmp(value, "on");
}

uint64_t __weak param_size(const char *name, uint64_t dflt)
{
	char value[64];

	return param_string(name, value, sizeof(value)) ? strtoull(value, NULL, 0) : dflt;
}

size_t __weak strlcpy(char *to, const char *from, size_t size)
{
	snprintf(to, size, "%s", from);
	return strlen(from);
}

/* xorshift64*: never 0 */
static uint64_t random_state = 1;

void shim_seed(uint64_t seed)
{
	random_state = (seed + 1) * 0x9e3779b97f4a7c15;
}

uint64_t shim_random(uint64_t n)
{
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return (random_state * 0x2545f4914f6cdd1d >> 11) % n;
}

/* ---- allocations that fail ---- */

static long fail_after = -1;
static bool failed;

void shim_fail_alloc_after(long n)
{
	fail_after = n;
	failed = false;
}

bool shim_alloc_failed(void)
{
	return failed;
}

static bool fails(void)
{
	if (fail_after < 0)
		return false;
	if (fail_after > 0) {
		fail_after--;
		return false;
	}
	failed = true;
	return true;
}

/* The linker's --wrap sends calls here; weak, for tests that are linked without it. */
struct page *__wrap_alloc_pages(gfp_t gfp, unsigned order);
void *__wrap_kmem_cache_alloc(struct kmem_cache *cache, gfp_t gfp);
void *__wrap_kmalloc(size_t size, gfp_t gfp);
struct page *__weak __real_alloc_pages(gfp_t gfp, unsigned order);
void *__weak __real_kmem_cache_alloc(struct kmem_cache *cache, gfp_t gfp);
void *__weak __real_kmalloc(size_t size, gfp_t gfp);

struct page *__wrap_alloc_pages(gfp_t gfp, unsigned order)
{
	return fails() ? NULL : __real_alloc_pages(gfp, order);
}

void *__wrap_kmem_cache_alloc(struct kmem_cache *cache, gfp_t gfp)
{
	return fails() ? NULL : __real_kmem_cache_alloc(cache, gfp);
}

void *__wrap_kmalloc(size_t size, gfp_t gfp)
{
	return fails() ? NULL : __real_kmalloc(size, gfp);
}

/* ---- stand-ins for what a test does not link ---- */

void __weak kswapd_wake(struct zone *zone)
{
	(void)zone;
}

unsigned __weak reclaim_direct(gfp_t gfp, unsigned order)
{
	(void)gfp;
	(void)order;
	return 0;
}

bool __weak oom_kill(gfp_t gfp, unsigned order)
{
	(void)gfp;
	(void)order;
	return false;
}

uint64_t __weak slab_shrink(void)
{
	return 0;
}

void __weak lru_del_pages(struct page *const pages[], unsigned n)
{
	while (n--)
		page_clear_flag(pages[n], PG_LRU);
}

bool __weak signal_pending(void)
{
	return false;
}

bool __weak fatal_signal_pending(void)
{
	return false;
}

/* One thread: whoever would wait would wait for ever. */
void __weak schedule(void)
{
	panic("a host test went to sleep");
}

void __weak wait_queue_init(struct wait_queue *wq)
{
	spin_lock_init(&wq->lock, RANK_WAIT);
	TAILQ_INIT(&wq->waiters);
}

void __weak wait_prepare(struct wait_queue *wq, struct waiter *w, bool interruptible)
{
	(void)wq;
	(void)w;
	(void)interruptible;
}

void __weak wait_finish(struct wait_queue *wq, struct waiter *w)
{
	(void)wq;
	(void)w;
}

void __weak wake_all(struct wait_queue *wq)
{
	(void)wq;
}

void __weak wake_one(struct wait_queue *wq)
{
	(void)wq;
}

struct wait_queue *__weak wait_hash(const void *what)
{
	static struct wait_queue wq;

	(void)what;
	return &wq;
}

void __weak mutex_init(struct mutex *m)
{
	*m = (struct mutex){0};
}

/* A held mutex has the core for its owner. */
void __weak mutex_lock(struct mutex *m)
{
	CHECK(!m->owner);
	m->owner = (struct task *)this_cpu();
}

bool __weak mutex_trylock(struct mutex *m)
{
	if (m->owner)
		return false;
	mutex_lock(m);
	return true;
}

void __weak mutex_unlock(struct mutex *m)
{
	CHECK(m->owner);
	m->owner = NULL;
}

void __weak rwsem_init(struct rwsem *s)
{
	*s = (struct rwsem){0};
}

void __weak rwsem_read_slow(struct rwsem *s)
{
	panic("rwsem %p: a reader would wait for ever", (void *)s);
}

void __weak rwsem_wake(struct rwsem *s)
{
	(void)s;
}

void __weak down_write(struct rwsem *s)
{
	CHECK(s->count == 0);
	s->count = -1;
}

void __weak up_write(struct rwsem *s)
{
	CHECK(s->count == -1);
	s->count = 0;
}
