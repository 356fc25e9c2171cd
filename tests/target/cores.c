// SPDX-License-Identifier: BSD-2-Clause
/* The same work on every core at once. */
#include <twofold/task.h>

#include "cores.h"

static void (*work)(unsigned core);
static unsigned ready, done, expected;

static void worker(void *arg)
{
	/* All start together; a core whose thread could not be made is not waited for. */
	__atomic_fetch_add(&ready, 1, __ATOMIC_ACQ_REL);
	while (__atomic_load_n(&ready, __ATOMIC_ACQUIRE) <
	       __atomic_load_n(&expected, __ATOMIC_ACQUIRE))
		sched_yield();
	work((unsigned)(uintptr_t)arg);
	__atomic_fetch_add(&done, 1, __ATOMIC_ACQ_REL);
}

bool on_every_core(void (*fn)(unsigned core))
{
	unsigned made = 0;

	work = fn;
	ready = done = 0;
	expected = nr_cpus;
	for (unsigned cpu = 0; cpu < nr_cpus; cpu++)
		if (!IS_ERR(kthread_create_on(cpu, "selftest", worker, (void *)(uintptr_t)cpu)))
			made++;
	__atomic_store_n(&expected, made, __ATOMIC_RELEASE);
	while (__atomic_load_n(&done, __ATOMIC_ACQUIRE) < made)
		sched_sleep_ns(1000000);
	return made == nr_cpus;
}
