// SPDX-License-Identifier: BSD-2-Clause
/*
 * /proc/contrast: the two formats side by side, for programs. Plain text, one item a line:
 *
 *   walk      a question and its answer. Written: ADDR [PID], C numbers; without PID the program
 *             that opened the file. -EINVAL: neither; -ESRCH: no such process, or it has no
 *             address space. Then read, by the same descriptor, from its start:
 *               pid PID
 *               va ADDR
 *               area START END rw-p NAME        or: area none; of the kernel: area NAME
 *               state STATE                     what is true, whatever the tables say: mapped |
 *                                               in memory | swapped AREA SLOT | not touched |
 *                                               no area | kernel | non-canonical
 *               arm64 root PA asid N
 *               arm64 entry LEVEL PA VALUE      from the root, level 3, to where the walk ends
 *               x86_64 root PA                  or: x86_64 off
 *               x86_64 entry LEVEL PA VALUE
 *               control NAME VALUE ...          tcr sctlr mair hafdbs pan of this core; cr0 cr4
 *                                               efer pat of the x86-64 that the twin is for
 *
 *   counters  NAME VALUE: sums over all address spaces, those that are gone included
 *
 *   roots     PID COMM ARM_ROOT X86_ROOT ASID of each process; last `0 kernel ...`; X86_ROOT 0:
 *             twin=off
 *
 *   kernel    the kernel's trees: fs/proc_pagetable.c
 *
 *   explain   whose faults are told: 0, 1 (every process's), `pid N`, or `record N`, which is
 *             `pid N` without the log
 *
 *   faults    the last of them: kernel/explain.c
 */
#include "proc.h"
#include <arch/x86_64/control.h>
#include <twofold/boot.h>
#include <twofold/explain.h>
#include <twofold/swap_area.h>
#include <twofold/vmalloc.h>

#define ASID(pt) ((unsigned)((pt)->asid & 0xffff))

/* ---- walk ---- */

/* An open file's question. */
struct question {
	struct mutex lock;
	struct process *asker, *about; /* referenced; about NULL: nothing asked yet */
	uint64_t va;
	struct seq *answer;
};

/* include/twofold/layout.h, in words. */
static const char *kernel_area(uint64_t va)
{
	const struct {
		uint64_t end;
		const char *name;
	} ranges[] = {
		{DIRECT_BASE, "none"},
		{DIRECT_END, "direct map"},
		{VMALLOC_END, "vmalloc"},
		{FIXMAP_BASE, "none"},
		{FIXMAP_BASE + FIXMAP_SIZE, "fixmap"},
		{(uintptr_t)_image, "none"},
		{(uintptr_t)_text, "image head"},
		{(uintptr_t)_etext, "image text"},
		{(uintptr_t)_rodata, "image init"},
		{(uintptr_t)_erodata, "image rodata"},
		{(uintptr_t)_end, "image data"},
	};

	for (unsigned i = 0; i < ARRAY_SIZE(ranges); i++)
		if (va < ranges[i].end)
			return ranges[i].name;
	return "none";
}

static bool is_kernel(uint64_t va)
{
	return va >= DIRECT_BASE;
}

static bool has_leaf(struct mm *mm, uint64_t va)
{
	struct pt_leaf leaf;
	bool there;

	spin_lock(&mm->pt_lock);
	there = pt_query(&mm->pt, VADDR(va), &leaf) == PTE_LEAF;
	spin_unlock(&mm->pt_lock);
	return there;
}

static void show_state(struct seq *s, struct mm *mm, const struct vm_area *area, uint64_t va)
{
	entry_t entry = area_entry(area, va);
	slot_t slot = entry & ~(uint32_t)ENTRY_SLOT;

	if (has_leaf(mm, va))
		seq_printf(s, "state mapped\n");
	else if (entry_is_slot(entry))
		seq_printf(s, "state swapped %u %u\n", slot >> 28, slot_offset(slot));
	else
		seq_printf(s, "state %s\n", entry ? "in memory" : "not touched");
}

static void show_user_area(struct seq *s, struct mm *mm, uint64_t va)
{
	const struct vm_area *area;
	char rights[5], path[256];
	const char *name;

	down_read(&mm->lock);
	area = area_find(mm, va);
	if (area && va >= area->start) {
		area_rights(area, rights);
		name = area_name(area, path, sizeof(path));
		seq_printf(s, "area %#lx %#lx %s%s%s\n", (unsigned long)area->start,
			   (unsigned long)area->end, rights, *name ? " " : "", name);
		show_state(s, mm, area, va);
	} else {
		seq_printf(s, "area none\nstate no area\n");
	}
	up_read(&mm->lock);
}

static void show_area(struct seq *s, struct mm *mm, uint64_t va)
{
	if (!x86_64_va_ok(VADDR(va)))
		seq_printf(s, "area none\nstate non-canonical\n");
	else if (is_kernel(va))
		seq_printf(s, "area %s\nstate kernel\n", kernel_area(va));
	else
		show_user_area(s, mm, va);
}

static void show_steps(struct seq *s, const char *format, const struct mmu_result *r)
{
	for (unsigned i = 0; i < r->nr_steps; i++)
		seq_printf(s, "%s entry %u %#lx %#lx\n", format, PT_LEVELS - 1 - i,
			   (unsigned long)r->steps[i].at.pa, (unsigned long)r->steps[i].was);
}

static void show_arm64(struct seq *s, struct mm *mm, uint64_t va)
{
	const struct pt *pt = va >> 55 & 1 ? &kernel_pt : &mm->pt;
	struct mmu_result r;

	contrast_arm64(mm, va, MMU_READ, false, &r);
	seq_printf(s, "arm64 root %#lx asid %u\n", (unsigned long)pt->root.pa, ASID(pt));
	show_steps(s, "arm64", &r);
}

static void show_x86_64(struct seq *s, struct mm *mm, uint64_t va)
{
	struct mmu_result r;

	if (!contrast_x86_64(mm, va, MMU_READ, false, &r)) {
		seq_printf(s, "x86_64 off\n");
		return;
	}
	seq_printf(s, "x86_64 root %#lx\n", (unsigned long)mm->twin.root.pa);
	show_steps(s, "x86_64", &r);
}

static void show_control(struct seq *s, const struct mm *mm)
{
	struct arm64_mmu arm = arm64_mmu_now(mm->pt.root);
	struct x86_64_mmu x86 = x86_64_mmu_on(mm->twin.root);

	seq_printf(s, "control tcr %#lx sctlr %#lx mair %#lx hafdbs %d pan %d ",
		   (unsigned long)arm.tcr, (unsigned long)arm.sctlr, (unsigned long)arm.mair,
		   arm.hafdbs, arm.has_pan);
	seq_printf(s, "cr0 %#lx cr4 %#lx efer %#lx pat %#lx\n", (unsigned long)x86.cr0,
		   (unsigned long)x86.cr4, (unsigned long)x86.efer, (unsigned long)x86.pat);
}

static int walk_show(struct seq *s, void *arg)
{
	const struct question *q = arg;
	struct mm *mm;

	if (!q->about)
		return 0;
	mm = process_mm(q->about);
	if (!mm)
		return -ESRCH;
	twin_sync_page(mm, q->va);
	if (is_kernel(q->va))
		contrast_sync_kernel();
	seq_printf(s, "pid %d\nva %#lx\n", q->about->pid, (unsigned long)q->va);
	show_area(s, mm, q->va);
	show_arm64(s, mm, q->va);
	show_x86_64(s, mm, q->va);
	show_control(s, mm);
	mm_put(mm);
	return 0;
}

/* A C number from *text on, and the blanks behind it. */
static bool parse_number(const char **text, uint64_t *n)
{
	char *end;

	*n = strtoul(*text, &end, 0);
	if (end == *text || **text == '-' || **text == '+' || (*end && !strchr(" \t\n", *end)))
		return false;
	while (*end && strchr(" \t\n", *end))
		end++;
	*text = end;
	return true;
}

/* The process that the rest of a question names, referenced; or ERR_PTR. */
static struct process *parse_process(const char *text, struct process *asker)
{
	struct process *p;
	uint64_t pid;

	if (!*text) {
		process_get(asker);
		return asker;
	}
	if (!parse_number(&text, &pid) || *text)
		return ERR_PTR(-EINVAL);
	p = pid <= INT32_MAX ? process_find((int)pid) : NULL;
	return p ? p : ERR_PTR(-ESRCH);
}

static ssize_t walk_store(const char *text, size_t len, void *arg)
{
	struct question *q = arg;
	struct process *about;
	uint64_t va;

	while (*text && strchr(" \t\n", *text))
		text++;
	if (!parse_number(&text, &va))
		return -EINVAL;
	about = parse_process(text, q->asker);
	if (IS_ERR(about))
		return PTR_ERR(about);
	if (q->about)
		process_put(q->about);
	q->about = about;
	q->va = va;
	return (ssize_t)len;
}

static void question_free(struct question *q)
{
	seq_close(q->answer);
	if (q->about)
		process_put(q->about);
	process_put(q->asker);
	kfree(q);
}

static int walk_open(struct inode *inode, struct file *file)
{
	struct question *q;

	(void)inode;
	if (!current->process)
		return -ESRCH;
	q = kzalloc(sizeof(*q), GFP_KERNEL);
	if (!q)
		return -ENOMEM;
	mutex_init(&q->lock);
	q->asker = current->process;
	process_get(q->asker);
	q->answer = seq_open(walk_show, q);
	if (!q->answer) {
		question_free(q);
		return -ENOMEM;
	}
	file->data = q;
	return 0;
}

static void walk_release(struct file *file)
{
	question_free(file->data);
}

static ssize_t walk_read(struct file *file, struct iobuf *io, uint64_t *pos)
{
	struct question *q = file->data;
	ssize_t n;

	mutex_lock(&q->lock);
	n = seq_read(q->answer, io, pos);
	mutex_unlock(&q->lock);
	return n;
}

static ssize_t walk_write(struct file *file, struct iobuf *io, uint64_t *pos)
{
	struct question *q = file->data;
	ssize_t n;

	mutex_lock(&q->lock);
	n = proc_store(io, walk_store, q);
	mutex_unlock(&q->lock);
	if (n > 0)
		*pos = 0; /* the answer is read from its start */
	return n;
}

static const struct file_ops walk_fops = {
	.open = walk_open,
	.release = walk_release,
	.read = walk_read,
	.write = walk_write,
};

/* ---- counters ---- */

static void count(struct seq *s, const char *format, const char *name, uint64_t n)
{
	seq_printf(s, "%s.%s %lu\n", format, name, (unsigned long)n);
}

static void show_stats(struct seq *s, const char *format, const struct pt_stats *t)
{
	static const char *const flushes[NR_FLUSH_KINDS] = {
		[FLUSH_PAGE] = "flush.page",
		[FLUSH_SPACE] = "flush.space",
		[FLUSH_ALL] = "flush.all",
		[FLUSH_REMOTE] = "flush.remote",
	};
	static const char *const tables[PT_LEVELS] = {"tables.0", "tables.1", "tables.2",
						      "tables.3"};

	for (int level = PT_LEVELS - 1; level >= 0; level--)
		count(s, format, tables[level], t->tables[level]);
	count(s, format, "leaves", t->leaves);
	count(s, format, "stores", t->stores);
	count(s, format, "bbm", t->bbm);
	count(s, format, "flushes", t->flushes);
	for (unsigned i = 0; i < NR_FLUSH_KINDS; i++)
		count(s, format, flushes[i], t->flush[i]);
}

static int counters_show(struct seq *s, void *unused)
{
	struct contrast_totals t;

	(void)unused;
	contrast_totals(&t);
	show_stats(s, "arm64", &t.live);
	show_stats(s, "x86_64", &t.twin);
	count(s, "twin", "pages", t.twin_pages);
	count(s, "twin", "peak", t.twin_peak);
	count(s, "twin", "lost", t.twin_lost);
	count(s, "twin", "failures", t.twin_failures);
	count(s, "faults", "access_flag", t.faults.access_flag);
	count(s, "faults", "dirty", t.faults.dirty);
	seq_printf(s, "clock %lu\n", (unsigned long)time_ns());
	return 0;
}

/* ---- roots ---- */

static void show_root(struct seq *s, int pid, const char *comm, const struct pt *live,
		      const struct pt *twin)
{
	seq_printf(s, "%d ", pid);
	for (; *comm; comm++)
		seq_printf(s, "%c", *comm > ' ' ? *comm : '_');
	seq_printf(s, " %#lx %#lx %u\n", (unsigned long)live->root.pa, (unsigned long)twin->root.pa,
		   ASID(live));
}

static bool show_process_root(struct process *p, void *arg)
{
	struct mm *mm = process_mm(p);

	if (!mm)
		return true;
	contrast_sync(mm);
	show_root(arg, p->pid, p->comm, &mm->pt, &mm->twin);
	mm_put(mm);
	return true;
}

/* Whoever reads it wants to walk those trees: they are made complete first. */
static int roots_show(struct seq *s, void *unused)
{
	(void)unused;
	process_for_each(show_process_root, s);
	contrast_sync_kernel();
	show_root(s, 0, "kernel", &kernel_pt, &kernel_twin);
	return 0;
}

void proc_contrast_init(void)
{
	proc_register_fops("contrast/walk", 0666, &walk_fops);
	proc_register("contrast/counters", counters_show, NULL, NULL);
	proc_register("contrast/roots", roots_show, NULL, NULL);
	proc_register("contrast/kernel", kernel_pagetable_show, NULL, NULL);
	proc_register("contrast/explain", explain_show, explain_store, NULL);
	proc_register("contrast/faults", faults_show, NULL, NULL);
	proc_register_pid("pagetable", pagetable_show);
}
