// SPDX-License-Identifier: BSD-2-Clause
/*
 * Out of memory: nothing is left to reclaim and swap is full. The process whose end frees most is
 * killed, by Linux's measure: resident pages, swapped pages and page tables, in thousandths of all
 * memory shifted by oom_score_adj; -1000 and PID 1 are exempt.
 */
#include <linux/signal.h>
#include <twofold/log.h>
#include <twofold/swap.h>
#include <twofold/task.h>
#include <twofold/time.h>

#define PAGES_TO_KB(n) ((unsigned long)((n) * (PAGE_SIZE / SZ_1K)))
#define KILL_WAIT_MS 2000 /* for a victim to let go, before another is chosen */

static struct mutex oom_mutex;
static uint64_t last_kill; /* time_ns(), under oom_mutex */

struct choice {
	struct process *victim;
	int64_t badness;
	bool dying; /* a victim chosen earlier has not gone yet */
};

/* An estimate, for mm->lock cannot be taken here: what went out and has not come back, but no
 * more than is mapped and not resident. */
static uint64_t swapped_pages(const struct mm *mm)
{
	uint64_t out = mm->swap_outs > mm->swap_ins ? mm->swap_outs - mm->swap_ins : 0;
	uint64_t absent = mm->total_vm > mm_rss(mm) ? mm->total_vm - mm_rss(mm) : 0;

	return MIN(out, absent);
}

static uint64_t table_pages(const struct mm *mm)
{
	uint64_t n = 0;

	for (int level = 0; level < PT_LEVELS; level++)
		n += mm->pt.stats.tables[level];
	return n;
}

int64_t oom_badness(const struct mm *mm)
{
	int64_t points = (int64_t)(mm_rss(mm) + swapped_pages(mm) + table_pages(mm));
	int64_t total = (int64_t)(frames_managed() + swap_total_pages());

	if (mm->oom_score_adj == -1000)
		return 0;
	points += mm->oom_score_adj * total / 1000;
	return MAX(points, 1);
}

static bool consider(struct process *p, void *arg)
{
	struct choice *c = arg;
	struct mm *mm = p->pid == 1 ? NULL : process_mm(p);

	if (!mm)
		return true;
	if (mm->oom_victim) {
		/* One that cannot let go, whatever it waits for, does not keep us from killing
		 * others. */
		if (time_ns() - last_kill < KILL_WAIT_MS * NSEC_PER_MSEC)
			c->dying = true;
	} else if (oom_badness(mm) > c->badness) {
		if (c->victim)
			process_put(c->victim);
		c->victim = process_find(p->pid);
		c->badness = oom_badness(mm);
	}
	mm_put(mm);
	return true;
}

static void say_why(const struct process *p, const struct mm *mm, gfp_t gfp, unsigned order)
{
	pr_err("%s invoked oom-killer: gfp=%#x, order=%u", current->comm, gfp, order);
	pr_err("Mem-Info: free %lukB of %lukB, anon %lukB, file %lukB, page tables %lukB, swap "
	       "free %lukB of %lukB",
	       PAGES_TO_KB(frames_free()), PAGES_TO_KB(frames_managed()),
	       PAGES_TO_KB((uint64_t)vm_gauges[NR_ANON]), PAGES_TO_KB((uint64_t)vm_gauges[NR_FILE]),
	       PAGES_TO_KB((uint64_t)vm_gauges[NR_TABLES]), PAGES_TO_KB(swap_free_pages()),
	       PAGES_TO_KB(swap_total_pages()));
	pr_err("Out of memory: Killed process %d (%s) total-vm:%lukB, rss:%lukB, swap:%lukB, "
	       "pgtables:%lukB, oom_score_adj:%d",
	       p->pid, p->comm, PAGES_TO_KB(mm->total_vm), PAGES_TO_KB(mm_rss(mm)),
	       PAGES_TO_KB(swapped_pages(mm)), PAGES_TO_KB(table_pages(mm)), mm->oom_score_adj);
}

/* All that share the address space must go, or it stays. */
static bool kill_sharer(struct process *p, void *arg)
{
	struct mm *mm = p->pid == 1 ? NULL : process_mm(p);

	if (!mm)
		return true;
	if (mm == arg)
		signal_process(p, SIGKILL, NULL);
	mm_put(mm);
	return true;
}

static void kill(struct process *p, gfp_t gfp, unsigned order)
{
	struct mm *mm = process_mm(p);

	if (mm) {
		say_why(p, mm, gfp, order);
		mm->oom_victim = true;
		last_kill = time_ns();
		count_vm_event(OOM_KILL);
		process_for_each(kill_sharer, mm);
		mm_put(mm);
	}
	process_put(p);
}

static bool memory_came_back(void)
{
	for (unsigned i = 0; i < nr_zones; i++)
		if (zone_watermark_ok(&zones[i], 0, zones[i].low))
			return true;
	return false;
}

static void wait_for_memory(void)
{
	for (unsigned ms = 0; ms < KILL_WAIT_MS && !memory_came_back(); ms += 10) {
		if (fatal_signal_pending())
			return;
		sched_sleep_ns(10 * NSEC_PER_MSEC);
	}
}

void oom_init(void)
{
	mutex_init(&oom_mutex);
}

/* Chooses and kills, unless a victim is still on its way out; false: there is nobody to kill. */
static bool kill_one(gfp_t gfp, unsigned order)
{
	struct choice c = {0};

	process_for_each(consider, &c);
	if (c.victim && !c.dying)
		kill(c.victim, gfp, order);
	else if (c.victim)
		process_put(c.victim);
	return c.victim || c.dying;
}

/* Memory came back, or may: others found some meanwhile, or a last look, by us alone, does. */
static bool can_go_on(gfp_t gfp, unsigned order)
{
	return memory_came_back() || (!order && reclaim_direct(gfp, order));
}

bool oom_kill(gfp_t gfp, unsigned order)
{
	bool go_on, killed = false;

	if (fatal_signal_pending())
		return false;
	mutex_lock(&oom_mutex);
	go_on = can_go_on(gfp, order);
	if (!go_on)
		killed = kill_one(gfp, order);
	mutex_unlock(&oom_mutex);
	if (killed)
		wait_for_memory();
	return go_on || killed;
}
