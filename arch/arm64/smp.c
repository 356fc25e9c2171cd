// SPDX-License-Identifier: BSD-2-Clause
/*
 * The other cores. One after the other, so that ids have no holes: each gets a stack and a struct
 * cpu, is sent to secondary_entry by firmware (PSCI) or out of a spin table, and is waited for.
 */
#include <arch/context.h>
#include <twofold/boot.h>
#include <twofold/devtree.h>
#include <twofold/errno.h>
#include <twofold/log.h>
#include <twofold/psci.h>
#include <twofold/task.h>
#include <twofold/vmalloc.h>

#define START_TIMEOUT NSEC_PER_SEC

extern char secondary_entry[];

/*
 * Devicetree Specification 3.8.1: the core polls this word, caches off; SEV wakes it. So the word
 * is cleaned to memory, and that is complete (DSB), before the event is sent (Linux:
 * Documentation/arch/arm64/booting.rst).
 */
static int release_from_table(paddr_t release, paddr_t entry)
{
	bool in_image = release.pa >= image_pa(_image).pa && release.pa < image_pa(_end).pa;
	bool mapped = in_direct_map(release); /* else it may be `no-map` RAM, not ioremap()'s */
	uint64_t *word =
		mapped ? pa_to_ptr(release)
		       : vmap_range(release, sizeof(*word), PT_DEVICE | PT_WRITE | PT_DIRTY);

	if (in_image)
		return -EINVAL;
	if (!word)
		return -ENOMEM;
	WRITE_ONCE(*word, entry.pa);
	if (mapped)
		dcache_clean_inval(word, sizeof(*word));
	__asm__ volatile("dsb sy\n\tsev" ::: "memory");
	if (!mapped)
		vunmap_range(word);
	return 0;
}

static int release_core(const struct dt_cpu *core)
{
	paddr_t entry = image_pa(secondary_entry);

	switch (core->method) {
	case DT_CPU_PSCI:
		return psci_cpu_on(core->mpidr, entry, 0);
	case DT_CPU_SPIN:
		return release_from_table(core->release, entry);
	default:
		return -ENODEV;
	}
}

static bool came_up(const struct cpu *cpu)
{
	uint64_t limit = time_ns() + START_TIMEOUT;

	while (!__atomic_load_n(&cpu->idle, __ATOMIC_ACQUIRE)) {
		if (time_ns() > limit)
			return false;
		cpu_relax();
	}
	return true;
}

/* One that comes late is parked: no entry of cpus[] is its own any more. Its stack is lost. */
static int start_core(const struct dt_cpu *core, struct cpu *cpu)
{
	int err;

	cpu->id = (unsigned)(cpu - cpus);
	cpu->mpidr = core->mpidr;
	if (!cpu->boot_stack)
		cpu->boot_stack = kstack_alloc();
	if (!cpu->boot_stack)
		return -ENOMEM;
	/* Its MMU is off when it looks for itself. */
	dcache_clean_inval(cpu, sizeof(*cpu));
	err = release_core(core);
	if (err)
		return err;
	if (came_up(cpu)) {
		cpu->online = true;
		nr_cpus++;
		return 0;
	}
	cpu->mpidr = ~0ull;
	cpu->boot_stack = NULL;
	dcache_clean_inval(cpu, sizeof(*cpu));
	return -ETIMEDOUT;
}

void smp_start(void)
{
	for (unsigned i = 0; i < machine.nr_cpus; i++) {
		const struct dt_cpu *core = &machine.cpus[i];
		int err;

		if (core->mpidr == cpus[0].mpidr)
			continue;
		err = nr_cpus < NR_CPUS ? start_core(core, &cpus[nr_cpus]) : -ENOSPC;
		if (err)
			pr_warn("core %#lx does not start: error %d", (unsigned long)core->mpidr,
				err);
	}
	pr_info("smp: %u of %u core%s online", nr_cpus, machine.nr_cpus,
		machine.nr_cpus == 1 ? "" : "s");
}
