// SPDX-License-Identifier: BSD-2-Clause
/* What the files of /proc/PID say, in Linux's formats. Each function gets the process. */
#include "proc.h"
#include <linux/mman.h>
#include <linux/resource.h>

/* A process at one moment. */
struct snapshot {
	char state;
	int ppid;
	unsigned threads, cpu;
	int nice;
	uint64_t cpu_ns, pending, blocked;
	struct mm *mm; /* referenced, or NULL */
};

static char state_letter(const struct process *p)
{
	const struct task *t;
	char state = p->zombie ? 'Z' : 'S';

	LIST_FOREACH(t, &p->threads, thread_link)
	{
		if (t->state == TASK_RUNNABLE)
			return 'R';
		if (t->state == TASK_STOPPED)
			state = 'T';
		else if (t->state == TASK_SLEEPING || t->state == TASK_KILLABLE)
			state = 'D';
	}
	return state;
}

static struct snapshot snapshot(struct process *p)
{
	struct snapshot s = {0};
	const struct task *t;

	spin_lock(&tasks_lock);
	s.state = state_letter(p);
	s.ppid = p->parent ? p->parent->pid : 0;
	s.threads = p->nr_threads;
	s.cpu_ns = process_cputime(p);
	s.pending = p->pending;
	t = LIST_FIRST(&p->threads);
	if (t) {
		s.cpu = t->cpu;
		s.nice = t->nice;
		s.blocked = t->blocked;
	}
	spin_unlock(&tasks_lock);
	s.mm = process_mm(p);
	return s;
}

static void snapshot_end(const struct snapshot *s)
{
	if (s->mm)
		mm_put(s->mm);
}

/* The signals ignored, or caught by a handler. */
static uint64_t signals(const struct process *p, bool caught)
{
	uint64_t set = 0;

	for (unsigned sig = 1; sig <= NR_SIGNALS; sig++) {
		uint64_t handler = p->actions[sig].handler;

		if (caught ? handler > (uintptr_t)SIG_IGN : handler == (uintptr_t)SIG_IGN)
			set |= SIG_BIT(sig);
	}
	return set;
}

static unsigned long ticks(uint64_t ns)
{
	return (unsigned long)(ns / NS_PER_TICK);
}

static void stat_memory(struct seq *s, const struct process *p, const struct mm *mm)
{
	seq_printf(s, "%lu %lu %lu ", mm ? (unsigned long)(mm->total_vm << PAGE_SHIFT) : 0,
		   mm ? (unsigned long)mm_rss(mm) : 0, (unsigned long)p->rlimits[RLIMIT_RSS][0]);
	seq_printf(s, "1 1 %lu 0 0 ", mm ? (unsigned long)mm->stack_top : 0);
}

static int stat_show(struct seq *s, void *arg)
{
	struct process *p = arg;
	struct snapshot t = snapshot(p);
	const struct mm *mm = t.mm;

	seq_printf(s, "%d (%s) %c %d %d %d ", p->pid, p->comm, t.state, t.ppid, p->pgid, p->sid);
	seq_printf(s, "%d %d 0 ", p->tty ? (int)MKDEV_STAT(204, 64) : 0,
		   p->tty ? tty_foreground(p->tty) : -1);
	seq_printf(s, "%lu %lu %lu %lu ", (unsigned long)(p->min_flt + (mm ? mm->min_faults : 0)),
		   (unsigned long)p->cmin_flt,
		   (unsigned long)(p->maj_flt + (mm ? mm->maj_faults : 0)),
		   (unsigned long)p->cmaj_flt);
	seq_printf(s, "%lu %lu %lu %lu ", ticks(t.cpu_ns), 0ul, ticks(p->cutime), ticks(p->cstime));
	seq_printf(s, "%d %d %u 0 %lu ", 20 + t.nice, t.nice, t.threads, ticks(p->start_time));
	stat_memory(s, p, mm);
	seq_printf(s, "%lu %lu %lu %lu ", (unsigned long)(t.pending & INT32_MAX),
		   (unsigned long)(t.blocked & INT32_MAX),
		   (unsigned long)(signals(p, false) & INT32_MAX),
		   (unsigned long)(signals(p, true) & INT32_MAX));
	seq_printf(s, "0 0 0 %d %u 0 0 0 0 0 ", p->exit_signal, t.cpu);
	seq_printf(s, "0 0 %lu %lu %lu %lu %lu %d\n", mm ? (unsigned long)mm->brk_start : 0,
		   mm ? (unsigned long)mm->arg_start : 0, mm ? (unsigned long)mm->arg_end : 0,
		   mm ? (unsigned long)mm->env_start : 0, mm ? (unsigned long)mm->env_end : 0,
		   p->exit_code);
	snapshot_end(&t);
	return 0;
}

static const char *state_name(char state)
{
	switch (state) {
	case 'R':
		return "running";
	case 'D':
		return "disk sleep";
	case 'T':
		return "stopped";
	case 'Z':
		return "zombie";
	default:
		return "sleeping";
	}
}

/* Pages of one kind in an address space. */
struct sizes {
	uint64_t data, stack, text, swap;
};

static struct sizes mm_sizes(struct mm *mm)
{
	const struct vm_object *last = NULL;
	struct sizes n = {0};
	struct vm_area *a;

	down_read(&mm->lock);
	for (a = area_first(mm); a; a = area_next(a)) {
		uint64_t pages = (a->end - a->start) >> PAGE_SHIFT;

		if (a->flags & VMA_STACK)
			n.stack += pages;
		else if (a->prot & PROT_EXEC)
			n.text += pages;
		else if ((a->prot & PROT_WRITE) && !(a->flags & VMA_SHARED))
			n.data += pages;
		if (a->anon && a->anon != last)
			n.swap += a->anon->nr_slots;
		last = a->anon;
	}
	up_read(&mm->lock);
	return n;
}

static void status_memory(struct seq *s, struct mm *mm)
{
	struct sizes n = mm_sizes(mm);

	seq_printf(s, "VmPeak:\t%8lu kB\nVmSize:\t%8lu kB\n", KIB(mm->total_vm), KIB(mm->total_vm));
	seq_printf(s, "VmHWM:\t%8lu kB\nVmRSS:\t%8lu kB\n", KIB(mm_rss_peak(mm)),
		   KIB(mm_rss(mm)));
	seq_printf(s, "VmData:\t%8lu kB\nVmStk:\t%8lu kB\nVmExe:\t%8lu kB\nVmLib:\t%8lu kB\n",
		   KIB(n.data), KIB(n.stack), KIB(n.text), 0ul);
	seq_printf(s, "VmSwap:\t%8lu kB\n", KIB(n.swap));
}

static int status_show(struct seq *s, void *arg)
{
	struct process *p = arg;
	struct snapshot t = snapshot(p);

	seq_printf(s, "Name:\t%s\nState:\t%c (%s)\n", p->comm, t.state, state_name(t.state));
	seq_printf(s, "Tgid:\t%d\nNgid:\t0\nPid:\t%d\nPPid:\t%d\nTracerPid:\t0\n", p->pid, p->pid,
		   t.ppid);
	seq_printf(s, "Uid:\t%u\t%u\t%u\t%u\n", p->uid, p->uid, p->uid, p->uid);
	seq_printf(s, "Gid:\t%u\t%u\t%u\t%u\n", p->gid, p->gid, p->gid, p->gid);
	if (t.mm)
		status_memory(s, t.mm);
	seq_printf(s, "Threads:\t%u\n", t.threads);
	seq_printf(s, "ShdPnd:\t%016lx\nSigBlk:\t%016lx\nSigIgn:\t%016lx\nSigCgt:\t%016lx\n",
		   (unsigned long)t.pending, (unsigned long)t.blocked,
		   (unsigned long)signals(p, false), (unsigned long)signals(p, true));
	snapshot_end(&t);
	return 0;
}

static int statm_show(struct seq *s, void *arg)
{
	struct mm *mm = process_mm(arg);
	struct sizes n;

	if (!mm) {
		seq_printf(s, "0 0 0 0 0 0 0\n");
		return 0;
	}
	n = mm_sizes(mm);
	seq_printf(s, "%lu %lu %lu %lu 0 %lu 0\n", (unsigned long)mm->total_vm,
		   (unsigned long)mm_rss(mm), (unsigned long)mm_shared_pages(mm),
		   (unsigned long)n.text, (unsigned long)(n.data + n.stack));
	mm_put(mm);
	return 0;
}

static int maps_show(struct seq *s, void *arg)
{
	struct mm *mm = process_mm(arg);
	struct vm_area *area;
	char line[400];

	if (!mm)
		return 0;
	down_read(&mm->lock);
	for (area = area_first(mm); area; area = area_next(area)) {
		int len = area_describe(area, line, sizeof(line));

		seq_write(s, line, MIN((size_t)len, sizeof(line) - 1));
	}
	up_read(&mm->lock);
	mm_put(mm);
	return 0;
}

/* Another program's memory, page by page, as far as it is there. */
static void copy_range(struct seq *s, struct mm *mm, uint64_t start, uint64_t end)
{
	while (start < end) {
		size_t offset = start % PAGE_SIZE, n = MIN(end - start, PAGE_SIZE - offset);
		struct page *page = mm_get_page(mm, start, false);

		if (!page)
			return;
		seq_write(s, (char *)page_to_ptr(page) + offset, n);
		put_page(page);
		start += n;
	}
}

static int cmdline_show(struct seq *s, void *arg)
{
	struct mm *mm = process_mm(arg);

	if (!mm)
		return 0;
	copy_range(s, mm, mm->arg_start, mm->arg_end);
	mm_put(mm);
	return 0;
}

static int environ_show(struct seq *s, void *arg)
{
	struct mm *mm = process_mm(arg);

	if (!mm)
		return 0;
	copy_range(s, mm, mm->env_start, mm->env_end);
	mm_put(mm);
	return 0;
}

static int comm_show(struct seq *s, void *arg)
{
	seq_printf(s, "%s\n", ((struct process *)arg)->comm);
	return 0;
}

static int oom_score_adj_show(struct seq *s, void *arg)
{
	struct mm *mm = process_mm(arg);

	seq_printf(s, "%d\n", mm ? mm->oom_score_adj : 0);
	if (mm)
		mm_put(mm);
	return 0;
}

static ssize_t oom_score_adj_store(const char *text, size_t len, void *arg)
{
	struct mm *mm;
	char *end;
	long adj = (long)strtoul(text, &end, 10);

	if (end == text || (*end && *end != '\n') || adj < -1000 || adj > 1000)
		return -EINVAL;
	mm = process_mm(arg);
	if (!mm)
		return -ESRCH;
	mm->oom_score_adj = (int32_t)adj;
	mm_put(mm);
	return (ssize_t)len;
}

void proc_task_init(void)
{
	proc_register_pid("stat", stat_show);
	proc_register_pid("status", status_show);
	proc_register_pid("statm", statm_show);
	proc_register_pid("maps", maps_show);
	proc_register_pid("cmdline", cmdline_show);
	proc_register_pid("environ", environ_show);
	proc_register_pid("comm", comm_show);
	proc_register_pid("mounts", mounts_show);
	proc_register_pid_file("oom_score_adj", oom_score_adj_show, oom_score_adj_store);
}
