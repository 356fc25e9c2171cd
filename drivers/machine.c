// SPDX-License-Identifier: BSD-2-Clause
/*
 * What boot needs of the device tree, gathered into `machine`: memory, reservations, /chosen,
 * cores (Devicetree Specification, chapter 3; Linux's bindings for what is named after it).
 */
#include "devtree-internal.h"
#include <libfdt.h>
#include <twofold/errno.h>
#include <twofold/log.h>
#include <twofold/page.h>
#include <twofold/params.h>
#include <twofold/string.h>

#define PA_END (BIT(32) << PAGE_SHIFT) /* pfn_t numbers no more */
#define MPIDR_AFFINITY 0xff00ffffffull /* Arm ARM D19.2.101: Aff3, Aff2 to Aff0 */

struct dt_machine machine;

/* ---- memory ---- */

/* Adds a range, sorted by address; false: the array is full. */
static bool add_range(struct dt_range *ranges, unsigned *nr, struct dt_range range)
{
	unsigned i = *nr;

	if (i == DT_MAX_RANGES)
		return false;
	for (; i && ranges[i - 1].start.pa > range.start.pa; i--)
		ranges[i] = ranges[i - 1];
	ranges[i] = range;
	(*nr)++;
	return true;
}

static void add_ram(const struct dt_node *node, paddr_t start, uint64_t size)
{
	unsigned numa = dt_u32(node, "numa-node-id", 0);
	uint64_t first = ALIGN_UP(start.pa, PAGE_SIZE), end = start.pa + size;

	if (end < start.pa || end > PA_END || start.pa >= PA_END) {
		dt_complain(node, "RAM at %#lx, %#lx bytes, is beyond what frame numbers reach",
			    (unsigned long)start.pa, (unsigned long)size);
		return;
	}
	if (numa >= MAX_NODES) {
		dt_complain(node, "numa-node-id is %u; 0 is taken for it", numa);
		numa = 0;
	}
	end = ALIGN_DOWN(end, PAGE_SIZE);
	if (first < end && !add_range(machine.ram, &machine.nr_ram,
				      (struct dt_range){PADDR(first), end - first, .node = numa}))
		dt_complain(node, "more than %u ranges of RAM: %#lx is left alone", DT_MAX_RANGES,
			    (unsigned long)first);
}

static void reserve(uint64_t start, uint64_t size, bool no_map)
{
	if (!size)
		return;
	if (start + size < start || start + size > PA_END)
		size = start < PA_END ? PA_END - start : 0;
	if (size && !add_range(machine.reserved, &machine.nr_reserved,
			       (struct dt_range){PADDR(start), size, .no_map = no_map}))
		pr_err("devtree: more than %u reserved ranges: %#lx, %#lx bytes, is not kept free",
		       DT_MAX_RANGES, (unsigned long)start, (unsigned long)size);
}

static void gather_memory(const struct dt_node *node)
{
	uint64_t size;
	paddr_t start;

	for (unsigned i = 0; dt_reg(node, i, &start, &size) == 0; i++)
		add_ram(node, start, size);
}

/* A child of /reserved-memory. One that has a size only is for drivers that we have not. */
static void gather_reserved(const struct dt_node *node)
{
	bool no_map = dt_prop(node, "no-map", NULL);
	uint64_t size;
	paddr_t start;

	if (!node->reg)
		pr_info("devtree: /reserved-memory/%s has no address: not reserved", node->name);
	for (unsigned i = 0; dt_reg(node, i, &start, &size) == 0; i++)
		reserve(start.pa, size, no_map);
}

static void gather_memreserve(void)
{
	int n = fdt_num_mem_rsv(dt_blob());
	uint64_t start, size;

	if (n < 0)
		pr_err("devtree: the memory reservation block has no end: ignored");
	for (int i = 0; i < n; i++)
		if (fdt_get_mem_rsv(dt_blob(), i, &start, &size) == 0)
			reserve(start, size, false);
}

/* `mem=SIZE` of the command line, the last one; no limit without it. */
static uint64_t ram_limit(const char *args)
{
	uint64_t limit = UINT64_MAX;
	const char *end;

	for (const char *p = args; (p = strstr(p, "mem=")); p++) {
		uint64_t size = 0;

		if (p != args && p[-1] != ' ')
			continue;
		if (p[4] >= '0' && p[4] <= '9')
			size = parse_size(p + 4, &end);
		if (size)
			limit = size;
		else
			pr_warn("devtree: mem= on the command line is not a size");
	}
	return limit;
}

/* Adds the whole pages that `wanted` touches of what was cut off: `cut`. */
static void keep_part(const struct dt_range *cut, const struct dt_range *wanted)
{
	uint64_t start = MAX(ALIGN_DOWN(wanted->start.pa, PAGE_SIZE), cut->start.pa);
	uint64_t end = MIN(ALIGN_UP(wanted->start.pa + wanted->size, PAGE_SIZE),
			   cut->start.pa + cut->size);
	struct dt_range part = {PADDR(start), end - start, .node = cut->node};

	if (wanted->size && start < end && !add_range(machine.ram, &machine.nr_ram, part))
		pr_err("devtree: more than %u ranges of RAM: %#lx is lost", DT_MAX_RANGES,
		       (unsigned long)start);
}

void dt_limit_ram(paddr_t image, uint64_t size)
{
	uint64_t limit = ram_limit(machine.bootargs);
	const struct dt_range in_use[] = {
		/* whole pages: it shares none with the other */
		{.start = image, .size = size},
		{.start = machine.initrd_start,
		 .size = machine.initrd_end.pa - machine.initrd_start.pa},
	};
	struct dt_range all[DT_MAX_RANGES];
	unsigned nr = machine.nr_ram;

	if (limit < DT_LEAST_RAM) {
		pr_warn("devtree: mem=%luK is too little to run in: %luK is used",
			(unsigned long)(limit / SZ_1K), (unsigned long)(DT_LEAST_RAM / SZ_1K));
		limit = DT_LEAST_RAM;
	}
	memcpy(all, machine.ram, nr * sizeof(all[0]));
	machine.nr_ram = 0;
	for (unsigned i = 0; i < nr; i++) {
		struct dt_range kept = all[i], cut = all[i];

		kept.size = MIN(kept.size, ALIGN_DOWN(limit, PAGE_SIZE));
		cut.start = pa_add(cut.start, kept.size);
		cut.size -= kept.size;
		limit -= kept.size;
		if (kept.size)
			add_range(machine.ram, &machine.nr_ram, kept);
		for (unsigned u = 0; u < ARRAY_SIZE(in_use); u++)
			keep_part(&cut, &in_use[u]);
	}
}

/* ---- /chosen ---- */

static bool in_ram(uint64_t start, uint64_t end)
{
	for (unsigned i = 0; i < machine.nr_ram; i++)
		if (start >= machine.ram[i].start.pa &&
		    end <= machine.ram[i].start.pa + machine.ram[i].size)
			return true;
	return false;
}

static void gather_initrd(const struct dt_node *chosen)
{
	uint64_t start, end;

	if (!dt_u64(chosen, "linux,initrd-start", &start) ||
	    !dt_u64(chosen, "linux,initrd-end", &end) || start == end)
		return;
	if (start > end || !in_ram(start, end)) {
		dt_complain(chosen, "initrd %#lx to %#lx is not in RAM: ignored",
			    (unsigned long)start, (unsigned long)end);
		return;
	}
	machine.initrd_start = PADDR(start);
	machine.initrd_end = PADDR(end);
}

static const char *alias(const char *name)
{
	const struct dt_node *aliases = dt_find_path("/aliases");

	return aliases ? dt_string(aliases, name) : NULL;
}

/* "serial0:115200n8" or "/soc/serial@7e201000": options cut off. NULL, or (logged) too long. */
static const char *stdout_name(const struct dt_node *chosen)
{
	const char *s = dt_string(chosen, "stdout-path");
	static char name[128];
	size_t len;

	if (!s)
		s = dt_string(chosen, "linux,stdout-path");
	if (!s)
		return NULL;
	len = strchr(s, ':') ? (size_t)(strchr(s, ':') - s) : strlen(s);
	if (len >= sizeof(name)) {
		dt_complain(chosen, "stdout-path is too long");
		return NULL;
	}
	memcpy(name, s, len);
	name[len] = '\0';
	return name;
}

/* Aliases are resolved; serial0 where nothing, or nonsense, is said. */
static void gather_stdout(const struct dt_node *chosen)
{
	const char *name = stdout_name(chosen);

	machine.stdout_path = name && name[0] != '/' ? alias(name) : name;
	if (name && !machine.stdout_path)
		dt_complain(chosen, "stdout-path names %s, which is no alias", name);
	if (!machine.stdout_path)
		machine.stdout_path = alias("serial0");
}

static void gather_seed(const struct dt_node *chosen, const char *name)
{
	size_t room = sizeof(machine.rng_seed) - machine.rng_seed_len;
	const void *seed;
	size_t n;
	int len;

	seed = dt_prop(chosen, name, &len);
	if (!seed)
		return;
	n = MIN((size_t)len, room);
	memcpy(machine.rng_seed + machine.rng_seed_len, seed, n);
	machine.rng_seed_len += (unsigned)n;
}

static void gather_chosen(const struct dt_node *chosen)
{
	const char *bootargs = dt_string(chosen, "bootargs");

	if (bootargs)
		machine.bootargs = bootargs;
	gather_initrd(chosen);
	gather_stdout(chosen);
	gather_seed(chosen, "rng-seed");
	gather_seed(chosen, "kaslr-seed");
}

/* ---- cores and firmware ---- */

static void gather_cpu(const struct dt_node *node)
{
	const char *method = dt_string(node, "enable-method");
	struct dt_cpu cpu = {.method = DT_CPU_NONE};
	uint64_t mpidr, release, size;

	if (dt_reg_raw(node, 0, &mpidr, &size)) {
		dt_complain(node, "a core without a usable reg");
		return;
	}
	cpu.mpidr = mpidr & MPIDR_AFFINITY;
	if (method && !strcmp(method, "psci")) {
		cpu.method = DT_CPU_PSCI;
	} else if (method && !strcmp(method, "spin-table")) {
		if (dt_u64(node, "cpu-release-addr", &release)) {
			cpu.method = DT_CPU_SPIN;
			cpu.release = PADDR(release);
		}
	} else if (method) {
		dt_complain(node, "enable-method \"%s\" is unknown", method);
	}
	if (machine.nr_cpus == NR_CPUS)
		dt_complain(node, "more than %u cores: left alone", NR_CPUS);
	else
		machine.cpus[machine.nr_cpus++] = cpu;
}

static bool is_reserved(uint64_t start, uint64_t end)
{
	for (unsigned i = 0; i < machine.nr_reserved; i++)
		if (start >= machine.reserved[i].start.pa &&
		    end <= machine.reserved[i].start.pa + machine.reserved[i].size)
			return true;
	return false;
}

/*
 * A core is let out of its spin table by a store: where memory is, and where nothing else will be.
 * Trees should reserve that word themselves (Devicetree Specification 3.8.1).
 */
static void check_releases(void)
{
	for (unsigned i = 0; i < machine.nr_cpus; i++) {
		struct dt_cpu *cpu = &machine.cpus[i];
		uint64_t word = cpu->release.pa, end = word + sizeof(word);

		if (cpu->method != DT_CPU_SPIN)
			continue;
		if (word % sizeof(word) || !(in_ram(word, end) || is_reserved(word, end))) {
			pr_warn("devtree: core %#lx: cpu-release-addr %#lx cannot be",
				(unsigned long)cpu->mpidr, (unsigned long)word);
			cpu->method = DT_CPU_NONE;
		} else if (!is_reserved(word, end)) {
			reserve(word, sizeof(word), false);
		}
	}
}

/* Version 0.1, whose function numbers are properties, has no power-off: not supported. */
static void gather_psci(void)
{
	const struct dt_node *node = dt_find(NULL, "arm,psci-1.0");
	const char *method;

	if (!node)
		node = dt_find(NULL, "arm,psci-0.2");
	if (!node)
		return;
	method = dt_string(node, "method");
	machine.psci_hvc = method && !strcmp(method, "hvc");
	machine.has_psci = machine.psci_hvc || (method && !strcmp(method, "smc"));
	if (!machine.has_psci)
		dt_complain(node, "method is neither hvc nor smc: no PSCI");
}

static void gather_model(const struct dt_node *root)
{
	const char *model = dt_string(root, "model");

	snprintf(machine.model, sizeof(machine.model), "%s",
		 model ? model : "a machine without a model");
}

static bool is_child_of(const struct dt_node *node, const char *top_level)
{
	return node->parent && node->parent->parent && !node->parent->parent->parent &&
	       !strcmp(node->parent->name, top_level);
}

void dt_gather(void)
{
	const struct dt_node *node = NULL, *chosen;

	machine = (struct dt_machine){.bootargs = ""};
	if (!dt_next(NULL))
		return;
	gather_model(dt_next(NULL));
	gather_memreserve();
	while ((node = dt_next(node))) {
		if (is_child_of(node, "reserved-memory"))
			gather_reserved(node);
		else if (node->device_type && !strcmp(node->device_type, "memory"))
			gather_memory(node);
		else if (node->device_type && !strcmp(node->device_type, "cpu") &&
			 is_child_of(node, "cpus"))
			gather_cpu(node);
	}
	check_releases();
	gather_psci();
	chosen = dt_find_path("/chosen");
	if (chosen)
		gather_chosen(chosen);
	if (!machine.nr_ram)
		pr_err("devtree: no RAM: no usable memory node");
}
