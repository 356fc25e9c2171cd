// SPDX-License-Identifier: BSD-2-Clause
/*
 * /proc/lock_stat: how contended spinlocks are. After a heading a line for each kind, which is a
 * rank of the lock order: its name, acquisitions that found the lock held, looks at it meanwhile.
 * Any write clears them, as `0` does in Linux.
 */
#include "proc.h"

static int lock_stat_show(struct seq *s, void *unused)
{
	struct lock_stat stat;

	(void)unused;
	seq_printf(s, "%-20s %12s %14s\n", "class name", "contentions", "spins");
	for (unsigned rank = RANK_NONE; rank < NR_RANKS; rank++) {
		stat = lock_stat_read((enum lock_rank)rank);
		seq_printf(s, "%-20s %12lu %14lu\n", stat.name, (unsigned long)stat.contended,
			   (unsigned long)stat.spins);
	}
	return 0;
}

static ssize_t lock_stat_store(const char *text, size_t len, void *unused)
{
	(void)text;
	(void)unused;
	lock_stat_clear();
	return (ssize_t)len;
}

void proc_lock_init(void)
{
	proc_register("lock_stat", lock_stat_show, lock_stat_store, NULL);
}
