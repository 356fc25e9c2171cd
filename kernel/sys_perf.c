// SPDX-License-Identifier: BSD-2-Clause
/*
 * perf_event_open(2) for what a whole core counts: cycles, and instructions retired. No sampling,
 * no groups, no single tasks.
 *
 * A core's counters run all the time. That of instructions may be 32 bits wide: when it wraps there
 * is an interrupt, for a timer would count itself where time runs ahead of work. Everything about a
 * core's counters happens on that core, with interrupts masked.
 */
#include <arch/pmu.h>
#include <arch/uaccess.h>
#include <linux/perf_event.h>
#include <twofold/fs.h>
#include <twofold/irq.h>
#include <twofold/slab.h>
#include <twofold/string.h>
#include <twofold/syscall.h>

#include "sched.h"

struct core {
	uint64_t wraps;
	unsigned users;
};

static struct core cores[NR_CPUS];
static int wrap_line = -ENODEV; /* each core's own interrupt */

struct event {
	struct mutex lock;
	unsigned cpu;
	enum pmu_counter counter;
	bool enabled;
	uint64_t count; /* up to when it was enabled last */
	uint64_t from;	/* the core's count then */
};

static void wrapped(void *unused)
{
	(void)unused;
	pmu_read(PMU_INSTRUCTIONS, &cores[cpu_id()].wraps);
}

static void add_user(struct core *core, void *unused)
{
	(void)unused;
	if (core->users++)
		return;
	if (wrap_line >= 0)
		irq_enable_local(wrap_line);
	pmu_notify_wraps(true);
}

static void drop_user(struct core *core, void *unused)
{
	(void)unused;
	if (--core->users == 0)
		pmu_notify_wraps(false);
}

struct reading {
	enum pmu_counter counter;
	uint64_t value;
};

static void take_reading(struct core *core, void *arg)
{
	struct reading *reading = arg;

	reading->value = pmu_read(reading->counter, &core->wraps);
}

/* One interrupt for each core (a Pi 4) is more than we handle. */
void perf_init(void)
{
	const struct dt_node *node = dt_find(NULL, "arm,armv8-pmuv3");
	int line = node && irq_of_node(node, 1) < 0 ? irq_of_node(node, 0) : -ENODEV;

	if (line >= 0 && !irq_request(line, wrapped, NULL, "arm-pmu"))
		wrap_line = line;
}

/* ---- doing something on a given core ---- */

struct errand {
	unsigned cpu;
	void (*fn)(struct core *core, void *arg);
	void *arg;
};

static void run_if_mine(void *arg)
{
	const struct errand *errand = arg;

	if (errand->cpu == cpu_id())
		errand->fn(&cores[errand->cpu], errand->arg);
}

static void on_core(unsigned cpu, void (*fn)(struct core *, void *), void *arg)
{
	struct errand errand = {cpu, fn, arg};
	irqflags_t flags;

	if (cpu != cpu_id()) { /* and stays so: nobody preempts the kernel */
		irq_call_others(run_if_mine, &errand);
		return;
	}
	flags = irq_save();
	run_if_mine(&errand);
	irq_restore(flags);
}

/* ---- events: lock held ---- */

static uint64_t core_count(const struct event *event)
{
	struct reading reading = {.counter = event->counter};

	on_core(event->cpu, take_reading, &reading);
	return reading.value;
}

static uint64_t event_count(const struct event *event)
{
	return event->count + (event->enabled ? core_count(event) - event->from : 0);
}

static void event_enable(struct event *event, bool enable)
{
	if (event->enabled == enable)
		return;
	if (enable)
		event->from = core_count(event);
	else
		event->count = event_count(event);
	event->enabled = enable;
}

static void event_reset(struct event *event)
{
	event->count = 0;
	if (event->enabled)
		event->from = core_count(event);
}

/* ---- as a file ---- */

static ssize_t perf_read(struct file *file, struct iobuf *io, uint64_t *pos)
{
	struct event *event = file->data;
	uint64_t count;

	(void)pos;
	if (io->left < sizeof(count))
		return -ENOSPC;
	mutex_lock(&event->lock);
	count = event_count(event);
	mutex_unlock(&event->lock);
	return iobuf_put(io, &count, sizeof(count));
}

static int64_t perf_ioctl(struct file *file, unsigned cmd, uint64_t arg)
{
	struct event *event = file->data;
	int64_t err = 0;

	(void)arg; /* of groups: an event is its own */
	mutex_lock(&event->lock);
	if (cmd == PERF_EVENT_IOC_RESET)
		event_reset(event);
	else if (cmd == PERF_EVENT_IOC_ENABLE || cmd == PERF_EVENT_IOC_DISABLE)
		event_enable(event, cmd == PERF_EVENT_IOC_ENABLE);
	else
		err = -ENOTTY;
	mutex_unlock(&event->lock);
	return err;
}

static void perf_release(struct file *file)
{
	struct event *event = file->data;

	on_core(event->cpu, drop_user, NULL);
	kfree(event);
}

static const struct file_ops perf_fops = {
	.read = perf_read,
	.ioctl = perf_ioctl,
	.release = perf_release,
};

/* ---- the call ---- */

/* As Linux reads it: an older, shorter one ends in zeros; of a longer one we must not miss much. */
static int attr_from_user(struct perf_event_attr *attr, uint64_t ua)
{
	uint32_t size;
	uint8_t more;

	if (copy_from_user(&size, UPTR(ua + offsetof(struct perf_event_attr, size)), sizeof(size)))
		return -EFAULT;
	if (!size)
		size = PERF_ATTR_SIZE_VER0;
	if (size < PERF_ATTR_SIZE_VER0 || size > PAGE_SIZE)
		return -E2BIG;
	memset(attr, 0, sizeof(*attr));
	if (copy_from_user(attr, UPTR(ua), MIN(size, sizeof(*attr))))
		return -EFAULT;
	for (uint64_t i = sizeof(*attr); i < size; i++) {
		if (copy_from_user(&more, UPTR(ua + i), sizeof(more)))
			return -EFAULT;
		if (more)
			return -E2BIG;
	}
	return 0;
}

/* The counter that is meant, or why there is none. */
static int attr_counter(const struct perf_event_attr *attr)
{
	int counter = -ENOENT;

	if (attr->type == PERF_TYPE_HARDWARE && attr->config == PERF_COUNT_HW_INSTRUCTIONS)
		counter = PMU_INSTRUCTIONS;
	else if (attr->type == PERF_TYPE_HARDWARE && attr->config == PERF_COUNT_HW_CPU_CYCLES)
		counter = PMU_CYCLES;
	if (counter < 0 || !pmu_has((enum pmu_counter)counter))
		return -ENOENT;
	if (counter == PMU_INSTRUCTIONS && wrap_line < 0)
		return -ENOENT;
	if (attr->sample_period || attr->exclude_user || attr->exclude_kernel || attr->exclude_idle)
		return -EOPNOTSUPP;
	return attr->read_format ? -EINVAL : counter;
}

static int open_event(const struct event *like, bool enable, bool cloexec)
{
	struct event *event = kmalloc(sizeof(*event), GFP_KERNEL);
	struct file *file;
	int fd;

	if (!event)
		return -ENOMEM;
	*event = *like;
	mutex_init(&event->lock);
	on_core(event->cpu, add_user, NULL);
	event_enable(event, enable);
	file = file_anonymous(&perf_fops, event);
	if (IS_ERR(file)) {
		on_core(event->cpu, drop_user, NULL);
		kfree(event);
		return PTR_ERR(file);
	}
	fd = fd_install(file, cloexec, 0);
	if (fd < 0)
		file_put(file);
	return fd;
}

int64_t sys_perf_event_open(uint64_t uattr, uint64_t pid, uint64_t cpu, uint64_t group,
			    uint64_t flags)
{
	struct perf_event_attr attr;
	struct event event = {.cpu = (unsigned)cpu};
	int counter = attr_from_user(&attr, uattr);

	if (counter)
		return counter;
	if (current->process->uid)
		return -EACCES;
	if (flags & ~(uint64_t)PERF_FLAG_FD_CLOEXEC)
		return -EINVAL;
	counter = attr_counter(&attr);
	if (counter < 0)
		return counter;
	if ((int)pid != -1 || (int)group != -1)
		return -EOPNOTSUPP;
	if (event.cpu >= nr_cpus)
		return -EINVAL;
	event.counter = (enum pmu_counter)counter;
	return open_event(&event, !attr.disabled, flags & PERF_FLAG_FD_CLOEXEC);
}
