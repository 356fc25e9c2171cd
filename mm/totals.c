// SPDX-License-Identifier: BSD-2-Clause
/* What all address spaces have cost so far, by table format. */
#include "vm_internal.h"

static LIST_HEAD(, mm) mms = LIST_HEAD_INITIALIZER(mms);
static spinlock_t mms_lock = SPINLOCK_INIT(RANK_FAMILIES); /* the list, and: */
static struct contrast_totals of_the_dead;

static void add_stats(struct pt_stats *sum, const struct pt_stats *stats)
{
	for (unsigned level = 0; level < PT_LEVELS; level++)
		sum->tables[level] += READ_ONCE(stats->tables[level]);
	sum->leaves += READ_ONCE(stats->leaves);
	sum->stores += READ_ONCE(stats->stores);
	sum->bbm += READ_ONCE(stats->bbm);
	sum->flushes += READ_ONCE(stats->flushes);
	for (unsigned kind = 0; kind < NR_FLUSH_KINDS; kind++)
		sum->flush[kind] += READ_ONCE(stats->flush[kind]);
}

static void add_mm(struct contrast_totals *sum, const struct mm *mm)
{
	add_stats(&sum->live, &mm->pt.stats);
	add_stats(&sum->twin, &mm->twin.stats);
	sum->faults.access_flag += READ_ONCE(mm->flag_faults.access_flag);
	sum->faults.dirty += READ_ONCE(mm->flag_faults.dirty);
}

void totals_begin(struct mm *mm)
{
	spin_lock(&mms_lock);
	LIST_INSERT_HEAD(&mms, mm, all);
	spin_unlock(&mms_lock);
}

void totals_end(struct mm *mm)
{
	spin_lock(&mms_lock);
	LIST_REMOVE(mm, all);
	add_mm(&of_the_dead, mm);
	spin_unlock(&mms_lock);
}

void contrast_totals(struct contrast_totals *totals)
{
	const struct mm *mm;

	spin_lock(&mms_lock);
	*totals = of_the_dead;
	LIST_FOREACH(mm, &mms, all)
		add_mm(totals, mm);
	spin_unlock(&mms_lock);
	add_stats(&totals->live, &kernel_pt.stats);
	add_stats(&totals->twin, &kernel_twin.stats);
	totals->twin_pages = (uint64_t)MAX(READ_ONCE(vm_gauges[NR_TWIN_TABLES]), 0);
	totals->twin_peak = (uint64_t)READ_ONCE(twin_tables_peak);
	totals->twin_lost = vm_event_sum(TWIN_LOST);
	totals->twin_failures = vm_event_sum(TWIN_ALLOC_FAIL);
}
