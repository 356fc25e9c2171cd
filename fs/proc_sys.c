// SPDX-License-Identifier: BSD-2-Clause
/* /proc about the machine and the kernel, in Linux's formats. */
#include "proc.h"
#include <twofold/block.h>
#include <twofold/irq.h>
#include <twofold/params.h>
#include <twofold/utsname.h>

#define PID_MAX 32768

/* HWCAP_* bits 0 to 21 (asm/hwcap.h), by Linux's names. */
static const char *const hwcap_names[] = {
	"fp",	   "asimd", "evtstrm", "aes",	"pmull",    "sha1",   "sha2", "crc32",
	"atomics", "fphp",  "asimdhp", "cpuid", "asimdrdm", "jscvt",  "fcma", "lrcpc",
	"dcpop",   "sha3",  "sm3",     "sm4",	"asimddp",  "sha512",
};

static int uptime_show(struct seq *s, void *arg)
{
	uint64_t up = time_ns() / (NSEC_PER_SEC / 100), idle = 0;

	(void)arg;
	for (unsigned i = 0; i < nr_cpus; i++)
		idle += READ_ONCE(cpus[i].idle->utime) / (NSEC_PER_SEC / 100);
	seq_printf(s, "%lu.%02lu %lu.%02lu\n", (unsigned long)(up / 100), (unsigned long)(up % 100),
		   (unsigned long)(idle / 100), (unsigned long)(idle % 100));
	return 0;
}

struct thread_counts {
	unsigned running, all;
	int last_pid;
};

static bool count_threads(struct process *p, void *arg)
{
	struct thread_counts *c = arg;

	c->all += p->nr_threads;
	c->last_pid = MAX(c->last_pid, p->pid);
	return true;
}

static int loadavg_show(struct seq *s, void *arg)
{
	struct thread_counts c = {.running = sched_nr_running()};
	uint64_t load[3];

	(void)arg;
	sched_loadavg(load);
	process_for_each(count_threads, &c);
	for (unsigned i = 0; i < 3; i++)
		seq_printf(s, "%lu.%02lu ", (unsigned long)(load[i] >> 16),
			   (unsigned long)((load[i] & 0xffff) * 100 >> 16));
	seq_printf(s, "%u/%u %d\n", c.running, c.all, c.last_pid);
	return 0;
}

/* One row of /proc/stat: all that was not idle counts as user time. */
static void cpu_row(struct seq *s, const char *name, uint64_t idle, uint64_t all)
{
	uint64_t busy = all > idle ? all - idle : 0;

	seq_printf(s, "%s %lu 0 0 %lu 0 0 0 0 0 0\n", name, (unsigned long)(busy / NS_PER_TICK),
		   (unsigned long)(idle / NS_PER_TICK));
}

static uint64_t idle_ns(unsigned cpu, uint64_t now)
{
	const struct task *idle = cpus[cpu].idle;
	uint64_t ns = READ_ONCE(idle->utime);

	if (idle->on_cpu)
		ns += now - MIN(now, READ_ONCE(idle->run_start));
	return MIN(ns, now);
}

static uint64_t nr_interrupts(void)
{
	uint64_t counts[NR_CPUS], sum = 0;
	const char *name;

	for (unsigned i = 0; irq_row(i, &name, counts); i++)
		for (unsigned cpu = 0; cpu < nr_cpus; cpu++)
			sum += counts[cpu];
	return sum;
}

static int stat_show(struct seq *s, void *arg)
{
	struct thread_counts c = {0};
	uint64_t now = time_ns(), idle = 0;
	char name[8];

	(void)arg;
	for (unsigned i = 0; i < nr_cpus; i++)
		idle += idle_ns(i, now);
	cpu_row(s, "cpu ", idle, now * nr_cpus);
	for (unsigned i = 0; i < nr_cpus; i++) {
		snprintf(name, sizeof(name), "cpu%u", i);
		cpu_row(s, name, idle_ns(i, now), now);
	}
	process_for_each(count_threads, &c);
	seq_printf(s, "intr %lu\n", (unsigned long)nr_interrupts());
	seq_printf(s, "ctxt %lu\n", (unsigned long)sched_nr_switches());
	seq_printf(s, "btime %lu\n", (unsigned long)((time_realtime_ns() - now) / NSEC_PER_SEC));
	seq_printf(s, "processes %d\n", c.last_pid);
	seq_printf(s, "procs_running %u\nprocs_blocked 0\n", sched_nr_running());
	return 0;
}

static int version_show(struct seq *s, void *arg)
{
	(void)arg;
	seq_printf(s, "%s version %s %s\n", UTS_SYSNAME, UTS_RELEASE, UTS_VERSION);
	return 0;
}

static int text_show(struct seq *s, void *arg)
{
	seq_printf(s, "%s\n", (const char *)arg);
	return 0;
}

static int cmdline_show(struct seq *s, void *arg)
{
	(void)arg;
	seq_printf(s, "%s\n", params_line());
	return 0;
}

/* MIDR_EL1 (Arm ARM D17.2.100): implementer, variant, architecture, part, revision. */
static int cpuinfo_show(struct seq *s, void *arg)
{
	uint64_t hwcap = cpu_hwcap();

	(void)arg;
	for (unsigned i = 0; i < nr_cpus; i++) {
		uint64_t midr = cpu_midr(i);

		seq_printf(s, "processor\t: %u\nBogoMIPS\t: %lu.%02lu\nFeatures\t:", i,
			   (unsigned long)(cycle_hz() / 500000),
			   (unsigned long)(cycle_hz() / 5000 % 100));
		for (unsigned bit = 0; bit < ARRAY_SIZE(hwcap_names); bit++)
			if (hwcap & BIT(bit))
				seq_printf(s, " %s", hwcap_names[bit]);
		seq_printf(s, "\nCPU implementer\t: 0x%02x\nCPU architecture: 8\n",
			   (unsigned)(midr >> 24) & 0xff);
		seq_printf(s, "CPU variant\t: 0x%x\nCPU part\t: 0x%03x\nCPU revision\t: %u\n\n",
			   (unsigned)(midr >> 20) & 0xf, (unsigned)(midr >> 4) & 0xfff,
			   (unsigned)midr & 0xf);
	}
	return 0;
}

static int interrupts_show(struct seq *s, void *arg)
{
	uint64_t counts[NR_CPUS];
	const char *name;

	(void)arg;
	seq_printf(s, "     ");
	for (unsigned cpu = 0; cpu < nr_cpus; cpu++)
		seq_printf(s, "      CPU%u ", cpu);
	seq_printf(s, "\n");
	for (unsigned i = 0; irq_row(i, &name, counts); i++) {
		seq_printf(s, "%3u: ", i);
		for (unsigned cpu = 0; cpu < nr_cpus; cpu++)
			seq_printf(s, "%10lu ", (unsigned long)counts[cpu]);
		seq_printf(s, "  %s\n", name);
	}
	return 0;
}

static int filesystems_show(struct seq *s, void *arg)
{
	(void)arg;
	seq_printf(s, "nodev\tproc\nnodev\ttmpfs\nnodev\tdevtmpfs\n");
	return 0;
}

static unsigned dev_major(const struct block_device *dev)
{
	return (unsigned)(dev->rdev >> 8) & 0xfff;
}

static unsigned dev_minor(const struct block_device *dev)
{
	return (unsigned)((dev->rdev & 0xff) | (dev->rdev >> 12 & 0xfff00));
}

/* Linux's columns, and one more for partitions: their type. */
static int partitions_show(struct seq *s, void *arg)
{
	struct block_device *dev = NULL;

	(void)arg;
	seq_printf(s, "major minor  #blocks  name\n\n");
	while ((dev = block_next(dev)))
		seq_printf(s, "%4u  %7u %10lu %s%s%s\n", dev_major(dev), dev_minor(dev),
			   (unsigned long)(dev->sectors / 2), dev->name, dev->whole ? " " : "",
			   dev->type);
	return 0;
}

/* Times are not kept: zeros, in Linux's columns. What was merged is not counted again. */
static int diskstats_show(struct seq *s, void *arg)
{
	struct block_device *dev = NULL;

	(void)arg;
	while ((dev = block_next(dev)))
		seq_printf(s, "%4u %7u %s %lu %lu %lu 0 %lu %lu %lu 0 0 0 0 0 0 0 0 0 0\n",
			   dev_major(dev), dev_minor(dev), dev->name,
			   (unsigned long)(dev->reads - dev->read_merges),
			   (unsigned long)dev->read_merges, (unsigned long)dev->sectors_read,
			   (unsigned long)(dev->writes - dev->write_merges),
			   (unsigned long)dev->write_merges, (unsigned long)dev->sectors_written);
	return 0;
}

static int pid_max_show(struct seq *s, void *arg)
{
	(void)arg;
	seq_printf(s, "%d\n", PID_MAX);
	return 0;
}

static int hostname_show(struct seq *s, void *arg)
{
	char name[__NEW_UTS_LEN + 1];

	(void)arg;
	hostname_get(name);
	seq_printf(s, "%s\n", name);
	return 0;
}

/* The first line is the name; one that is too long is cut, as in Linux. */
static ssize_t hostname_store(const char *text, size_t len, void *arg)
{
	size_t n = 0;

	(void)arg;
	while (n < len && n < __NEW_UTS_LEN && text[n] && text[n] != '\n')
		n++;
	hostname_set(text, n);
	return (ssize_t)len;
}

void proc_sys_init(void)
{
	proc_register("uptime", uptime_show, NULL, NULL);
	proc_register("loadavg", loadavg_show, NULL, NULL);
	proc_register("stat", stat_show, NULL, NULL);
	proc_register("version", version_show, NULL, NULL);
	proc_register("cmdline", cmdline_show, NULL, NULL);
	proc_register("cpuinfo", cpuinfo_show, NULL, NULL);
	proc_register("interrupts", interrupts_show, NULL, NULL);
	proc_register("mounts", mounts_show, NULL, NULL);
	proc_register("filesystems", filesystems_show, NULL, NULL);
	proc_register("partitions", partitions_show, NULL, NULL);
	proc_register("diskstats", diskstats_show, NULL, NULL);
	proc_register("sys/kernel/ostype", text_show, NULL, UTS_SYSNAME);
	proc_register("sys/kernel/osrelease", text_show, NULL, UTS_RELEASE);
	proc_register("sys/kernel/version", text_show, NULL, UTS_VERSION);
	proc_register("sys/kernel/hostname", hostname_show, hostname_store, NULL);
	proc_register("sys/kernel/domainname", text_show, NULL, UTS_DOMAINNAME);
	proc_register("sys/kernel/pid_max", pid_max_show, NULL, NULL);
}
