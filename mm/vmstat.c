// SPDX-License-Identifier: BSD-2-Clause
/* Machine-wide counts: one row of events per core, summed when asked; gauges. */
#include <twofold/vm.h>

uint64_t vm_events[NR_CPUS][VM_EVENTS_STRIDE];
int64_t vm_gauges[NR_VM_GAUGES];
int64_t twin_tables_peak;

const char *const vm_event_names[NR_VM_EVENTS] = {
	[PGFAULT] = "pgfault",
	[PGMAJFAULT] = "pgmajfault",
	[PGALLOC] = "pgalloc_normal",
	[PGFREE] = "pgfree",
	[PSWPIN] = "pswpin",
	[PSWPOUT] = "pswpout",
	[PGPGIN] = "pgpgin",
	[PGPGOUT] = "pgpgout",
	[PGACTIVATE] = "pgactivate",
	[PGDEACTIVATE] = "pgdeactivate",
	[PGSCAN_KSWAPD] = "pgscan_kswapd",
	[PGSCAN_DIRECT] = "pgscan_direct",
	[PGSTEAL_KSWAPD] = "pgsteal_kswapd",
	[PGSTEAL_DIRECT] = "pgsteal_direct",
	[PGROTATED] = "pgrotated",
	[ALLOCSTALL] = "allocstall_normal",
	[KSWAPD_WAKE] = "pageoutrun",
	[SWAP_RA] = "swap_ra",
	[SWAP_RA_HIT] = "swap_ra_hit",
	[SWAP_CLEAN_DROP] = "swap_clean_drop",
	[OOM_KILL] = "oom_kill",
	[COW_COPY] = "cow_copy",
	[COW_REUSE] = "cow_reuse",
	[ZERO_PAGE_MAP] = "zero_page_map",
	[FAULT_AROUND] = "fault_around",
	[DROP_PAGECACHE] = "drop_pagecache",
	[PT_PAGES_ALLOC] = "pt_pages_alloc",
	[PT_PAGES_FREE] = "pt_pages_free",
	[TWIN_ALLOC_FAIL] = "twin_alloc_fail",
	[TWIN_LOST] = "twin_lost",
};

/* Two cores may miss each other's peak by a table. */
void count_twin_tables(int64_t n)
{
	int64_t now = __atomic_add_fetch(&vm_gauges[NR_TWIN_TABLES], n, __ATOMIC_RELAXED);

	if (now > READ_ONCE(twin_tables_peak))
		WRITE_ONCE(twin_tables_peak, now);
}

uint64_t vm_event_sum(enum vm_event e)
{
	uint64_t sum = 0;

	for (unsigned cpu = 0; cpu < NR_CPUS; cpu++)
		sum += READ_ONCE(vm_events[cpu][e]);
	return sum;
}
