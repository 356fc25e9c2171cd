// SPDX-License-Identifier: BSD-2-Clause
/* /proc about memory, in Linux's formats: meminfo, vmstat, buddyinfo, zoneinfo, slabinfo, swaps. */
#include "proc.h"
#include <twofold/swap.h>
#include <twofold/vmalloc.h>

#define SWAPS_NAME_COLUMNS 40

struct lru_pages {
	uint64_t active_anon, inactive_anon, active_file, inactive_file;
};

static struct lru_pages get_lru(void)
{
	struct lru_pages lru;

	lru_counts(&lru.active_anon, &lru.inactive_anon, &lru.active_file, &lru.inactive_file);
	return lru;
}

static uint64_t gauge(enum vm_gauge g)
{
	int64_t n = __atomic_load_n(&vm_gauges[g], __ATOMIC_RELAXED);

	return n > 0 ? (uint64_t)n : 0; /* cores add in any order */
}

static void line(struct seq *s, const char *name, uint64_t kib)
{
	seq_printf(s, "%-15s %8lu kB\n", name, (unsigned long)kib);
}

static void pages_line(struct seq *s, const char *name, uint64_t pages)
{
	line(s, name, KIB(pages));
}

static uint64_t sum_low_watermarks(void)
{
	uint64_t low = 0;

	for (unsigned i = 0; i < nr_zones; i++)
		low += zones[i].low;
	return low;
}

static void meminfo_lru(struct seq *s, const struct lru_pages *lru)
{
	pages_line(s, "Active:", lru->active_anon + lru->active_file);
	pages_line(s, "Inactive:", lru->inactive_anon + lru->inactive_file);
	pages_line(s, "Active(anon):", lru->active_anon);
	pages_line(s, "Inactive(anon):", lru->inactive_anon);
	pages_line(s, "Active(file):", lru->active_file);
	pages_line(s, "Inactive(file):", lru->inactive_file);
	pages_line(s, "Unevictable:", 0);
	pages_line(s, "Mlocked:", 0);
}

static void meminfo_kernel(struct seq *s)
{
	line(s, "KReclaimable:", 0);
	pages_line(s, "Slab:", slab_pages());
	line(s, "SReclaimable:", 0);
	pages_line(s, "SUnreclaim:", slab_pages());
	pages_line(s, "KernelStack:", gauge(NR_KSTACKS));
	pages_line(s, "PageTables:", gauge(NR_TABLES));
	pages_line(s, "TwinTables:", gauge(NR_TWIN_TABLES));
	line(s, "Bounce:", 0);
	line(s, "WritebackTmp:", 0);
	pages_line(s, "CommitLimit:", swap_total_pages() + frames_managed() / 2);
	pages_line(s, "Committed_AS:",
		   gauge(NR_ANON) + gauge(NR_SHMEM) + swap_total_pages() - swap_free_pages());
	line(s, "VmallocTotal:", (VMALLOC_END - VMALLOC_BASE) / SZ_1K);
	line(s, "VmallocUsed:", vmalloc_used() / SZ_1K);
	line(s, "VmallocChunk:", 0);
	line(s, "PageMap:", pagemap_nodes() / SZ_1K);
}

static int meminfo_show(struct seq *s, void *arg)
{
	struct lru_pages lru = get_lru();
	uint64_t free = frames_free(), low = sum_low_watermarks();
	uint64_t available = free + lru.active_file + lru.inactive_file;

	(void)arg;
	pages_line(s, "MemTotal:", frames_managed());
	pages_line(s, "MemFree:", free);
	pages_line(s, "MemAvailable:", available > low ? available - low : 0);
	pages_line(s, "Buffers:", 0);
	pages_line(s, "Cached:", gauge(NR_FILE) + gauge(NR_SHMEM));
	pages_line(s, "SwapCached:", 0);
	meminfo_lru(s, &lru);
	pages_line(s, "SwapTotal:", swap_total_pages());
	pages_line(s, "SwapFree:", swap_free_pages());
	pages_line(s, "Dirty:", gauge(NR_DIRTY));
	pages_line(s, "Writeback:", gauge(NR_WRITEBACK));
	pages_line(s, "AnonPages:", gauge(NR_ANON));
	pages_line(s, "Mapped:", gauge(NR_FILE));
	pages_line(s, "Shmem:", gauge(NR_SHMEM));
	meminfo_kernel(s);
	return 0;
}

static void count(struct seq *s, const char *name, uint64_t n)
{
	seq_printf(s, "%s %lu\n", name, (unsigned long)n);
}

static int vmstat_show(struct seq *s, void *arg)
{
	struct lru_pages lru = get_lru();

	(void)arg;
	count(s, "nr_free_pages", frames_free());
	count(s, "nr_inactive_anon", lru.inactive_anon);
	count(s, "nr_active_anon", lru.active_anon);
	count(s, "nr_inactive_file", lru.inactive_file);
	count(s, "nr_active_file", lru.active_file);
	count(s, "nr_anon_pages", gauge(NR_ANON));
	count(s, "nr_file_pages", gauge(NR_FILE) + gauge(NR_SHMEM));
	count(s, "nr_shmem", gauge(NR_SHMEM));
	count(s, "nr_dirty", gauge(NR_DIRTY));
	count(s, "nr_writeback", gauge(NR_WRITEBACK));
	count(s, "nr_slab_unreclaimable", slab_pages());
	count(s, "nr_page_table_pages", gauge(NR_TABLES));
	count(s, "nr_twin_table_pages", gauge(NR_TWIN_TABLES));
	seq_printf(s, "nr_kernel_stack %lu\n", KIB(gauge(NR_KSTACKS)));
	for (unsigned i = 0; i < NR_VM_EVENTS; i++)
		count(s, vm_event_names[i], vm_event_sum(i));
	return 0;
}

static int buddyinfo_show(struct seq *s, void *arg)
{
	(void)arg;
	for (unsigned i = 0; i < nr_zones; i++) {
		seq_printf(s, "Node %u, zone %8s ", zones[i].node, zones[i].name);
		for (unsigned order = 0; order <= MAX_ORDER; order++)
			seq_printf(s, "%6u ", READ_ONCE(zones[i].free[order].count));
		seq_printf(s, "\n");
	}
	return 0;
}

static int zoneinfo_show(struct seq *s, void *arg)
{
	(void)arg;
	for (unsigned i = 0; i < nr_zones; i++) {
		const struct zone *z = &zones[i];

		seq_printf(s, "Node %u, zone %8s\n", z->node, z->name);
		seq_printf(s, "  pages free     %lu\n", (unsigned long)READ_ONCE(z->nr_free));
		seq_printf(s, "        min      %lu\n", (unsigned long)z->min);
		seq_printf(s, "        low      %lu\n", (unsigned long)z->low);
		seq_printf(s, "        high     %lu\n", (unsigned long)z->high);
		seq_printf(s, "        spanned  %lu\n", (unsigned long)(z->end - z->start));
		seq_printf(s, "        managed  %lu\n", (unsigned long)z->managed);
		seq_printf(s, "  start_pfn:           %lu\n", (unsigned long)z->start);
	}
	return 0;
}

static int slabinfo_show(struct seq *s, void *arg)
{
	struct slab_row r;

	(void)arg;
	seq_printf(s, "slabinfo - version: 2.1\n"
		      "# name            <active_objs> <num_objs> <objsize> <objperslab> "
		      "<pagesperslab> : tunables <limit> <batchcount> <sharedfactor> : slabdata "
		      "<active_slabs> <num_slabs> <sharedavail>\n");
	for (unsigned i = 0; slab_row(i, &r); i++) {
		seq_printf(s, "%-17s %6lu %6lu %6u %4u %4u", r.name, (unsigned long)r.active,
			   (unsigned long)r.total, r.size, r.per_slab, r.pages_per_slab);
		seq_printf(s, " : tunables %4u %4u %4u : slabdata %6lu %6lu %6u\n", 0, 0, 0,
			   (unsigned long)r.active_slabs, (unsigned long)r.slabs, 0);
	}
	return 0;
}

static int swaps_show(struct seq *s, void *arg)
{
	struct swap_row r;

	(void)arg;
	seq_printf(s, "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n");
	for (unsigned i = 0; swap_row(i, &r); i++) {
		unsigned long size = KIB(r.size), used = KIB(r.used);

		seq_printf(s, "%-*s%s\t%lu\t%s%lu\t%s%d\n", SWAPS_NAME_COLUMNS, r.name, "partition",
			   size, size < 10000000 ? "\t" : "", used, used < 10000000 ? "\t" : "",
			   r.priority);
	}
	return 0;
}

static ssize_t drop_caches_store(const char *text, size_t len, void *arg)
{
	unsigned long what = strtoul(text, NULL, 10);

	(void)arg;
	if (what < 1 || what > 3)
		return -EINVAL;
	if (what & 1)
		reclaim_drop_caches();
	if (what & 2)
		slab_shrink();
	return (ssize_t)len;
}

/* A number that is what it is. */
static int constant_show(struct seq *s, void *arg)
{
	seq_printf(s, "%lu\n", (unsigned long)(uintptr_t)arg);
	return 0;
}

static int min_free_show(struct seq *s, void *arg)
{
	uint64_t min = 0;

	(void)arg;
	for (unsigned i = 0; i < nr_zones; i++)
		min += zones[i].min;
	seq_printf(s, "%lu\n", KIB(min));
	return 0;
}

void proc_mm_init(void)
{
	proc_register("meminfo", meminfo_show, NULL, NULL);
	proc_register("vmstat", vmstat_show, NULL, NULL);
	proc_register("buddyinfo", buddyinfo_show, NULL, NULL);
	proc_register("zoneinfo", zoneinfo_show, NULL, NULL);
	proc_register("slabinfo", slabinfo_show, NULL, NULL);
	proc_register("swaps", swaps_show, NULL, NULL);
	proc_register("sys/vm/drop_caches", NULL, drop_caches_store, NULL);
	proc_register("sys/vm/overcommit_memory", constant_show, NULL, (void *)1);
	proc_register("sys/vm/mmap_min_addr", constant_show, NULL, (void *)USER_MIN);
	proc_register("sys/vm/min_free_kbytes", min_free_show, NULL, NULL);
}
