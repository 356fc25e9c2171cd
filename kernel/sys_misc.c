// SPDX-License-Identifier: BSD-2-Clause
/* System calls about the machine, and the odd ones. */
#include <arch/uaccess.h>
#include <linux/capability.h>
#include <linux/prctl.h>
#include <linux/reboot.h>
#include <linux/sysinfo.h>
#include <twofold/logbuf.h>
#include <twofold/page.h>
#include <twofold/slab.h>
#include <twofold/string.h>
#include <twofold/swap.h>
#include <twofold/syscall.h>
#include <twofold/utsname.h>

#include "sched.h"

#define PER_LINUX 0
#define PERSONALITY_QUERY 0xffffffffu

static char hostname[__NEW_UTS_LEN + 1] = "twofold"; /* under tasks_lock */

void hostname_get(char name[__NEW_UTS_LEN + 1])
{
	spin_lock(&tasks_lock);
	memcpy(name, hostname, sizeof(hostname));
	spin_unlock(&tasks_lock);
}

int hostname_set(const char *name, size_t len)
{
	char new[sizeof(hostname)] = "";

	if (len > __NEW_UTS_LEN)
		return -EINVAL;
	memcpy(new, name, len);
	spin_lock(&tasks_lock);
	memcpy(hostname, new, sizeof(hostname));
	spin_unlock(&tasks_lock);
	return 0;
}

int64_t sys_uname(uint64_t buf)
{
	struct new_utsname names = {
		.sysname = UTS_SYSNAME,
		.release = UTS_RELEASE,
		.version = UTS_VERSION,
		.machine = UTS_MACHINE,
		.domainname = UTS_DOMAINNAME,
	};

	hostname_get(names.nodename);
	return copy_to_user(UPTR(buf), &names, sizeof(names));
}

int64_t sys_sethostname(uint64_t name, uint64_t len)
{
	char new[__NEW_UTS_LEN];

	if (current->process->uid)
		return -EPERM;
	if (len > sizeof(new))
		return -EINVAL;
	if (copy_from_user(new, UPTR(name), len))
		return -EFAULT;
	return hostname_set(new, len);
}

static bool count_process(struct process *p, void *count)
{
	(void)p;
	++*(unsigned short *)count;
	return true;
}

int64_t sys_sysinfo(uint64_t info)
{
	struct sysinfo si = {
		.uptime = (long)(time_ns() / NSEC_PER_SEC),
		.totalram = frames_managed() * PAGE_SIZE,
		.freeram = frames_free() * PAGE_SIZE,
		.totalswap = swap_total_pages() * PAGE_SIZE,
		.freeswap = swap_free_pages() * PAGE_SIZE,
		.mem_unit = 1, /* as on Linux, whose programs may not look at it */
	};
	uint64_t load[3];

	process_for_each(count_process, &si.procs);
	sched_loadavg(load);
	for (int i = 0; i < 3; i++)
		si.loads[i] = load[i];
	si.sharedram = (unsigned long)MAX(vm_gauges[NR_SHMEM], 0l) * PAGE_SIZE;
	return copy_to_user(UPTR(info), &si, sizeof(si));
}

/* syslog(2)'s commands. */
enum {
	LOG_CLOSE,
	LOG_OPEN,
	LOG_READ,
	LOG_READ_ALL,
	LOG_READ_CLEAR,
	LOG_CLEAR,
	LOG_CONSOLE_OFF,
	LOG_CONSOLE_ON,
	LOG_CONSOLE_LEVEL,
	LOG_SIZE_UNREAD,
	LOG_SIZE_BUFFER
};

#define LOG_BUFFER (64 * SZ_1K) /* the ring's size; see log.c */

/* The last `len` bytes of the log, as a whole number of lines. */
static int64_t read_log(uint64_t buf, uint64_t len, uint64_t since)
{
	char *text = kmalloc(LOG_BUFFER, GFP_KERNEL);
	uint64_t pos = since;
	size_t have, skip = 0;

	if (!text)
		return -ENOMEM;
	have = log_read(text, LOG_BUFFER, &pos);
	if (have > len) {
		skip = have - len;
		while (skip < have && text[skip - 1] != '\n')
			skip++;
	}
	have -= skip;
	if (copy_to_user(UPTR(buf), text + skip, have))
		have = (size_t)-EFAULT;
	kfree(text);
	return (int64_t)have;
}

static uint64_t log_end(void)
{
	uint64_t pos = 0;
	char c[64];

	while (log_read(c, sizeof(c), &pos))
		;
	return pos;
}

int64_t sys_syslog(uint64_t type, uint64_t buf, uint64_t len)
{
	static uint64_t cleared, was_read;
	int64_t result;

	switch (type) {
	case LOG_CLOSE:
	case LOG_OPEN:
		return 0;
	case LOG_READ:
		result = (int)len < 0 || !buf ? -EINVAL : read_log(buf, len, was_read);
		if (result > 0)
			was_read = log_end();
		return result;
	case LOG_READ_ALL:
	case LOG_READ_CLEAR:
		result = (int)len < 0 || !buf ? -EINVAL : read_log(buf, len, cleared);
		if (result >= 0 && type == LOG_READ_CLEAR)
			cleared = log_end();
		return result;
	case LOG_CLEAR:
		cleared = log_end();
		return 0;
	case LOG_CONSOLE_OFF:
		log_set_console_level(LOG_EMERG + 1);
		return 0;
	case LOG_CONSOLE_ON:
		log_set_console_level(LOG_INFO + 1);
		return 0;
	case LOG_CONSOLE_LEVEL:
		if (len < 1 || len > 8)
			return -EINVAL;
		log_set_console_level((unsigned)len);
		return 0;
	case LOG_SIZE_UNREAD:
		return (int64_t)(log_end() - was_read);
	case LOG_SIZE_BUFFER:
		return LOG_BUFFER;
	}
	return -EINVAL;
}

int64_t sys_reboot(uint64_t magic1, uint64_t magic2, uint64_t cmd, uint64_t arg)
{
	(void)arg;
	if (current->process->uid)
		return -EPERM;
	if ((uint32_t)magic1 != LINUX_REBOOT_MAGIC1 ||
	    ((uint32_t)magic2 != LINUX_REBOOT_MAGIC2 && (uint32_t)magic2 != LINUX_REBOOT_MAGIC2A &&
	     (uint32_t)magic2 != LINUX_REBOOT_MAGIC2B && (uint32_t)magic2 != LINUX_REBOOT_MAGIC2C))
		return -EINVAL;
	switch ((uint32_t)cmd) {
	case LINUX_REBOOT_CMD_CAD_ON:
	case LINUX_REBOOT_CMD_CAD_OFF:
		return 0;
	case LINUX_REBOOT_CMD_RESTART:
	case LINUX_REBOOT_CMD_RESTART2:
		pr_notice("restarting\n");
		power_restart();
	case LINUX_REBOOT_CMD_HALT:
	case LINUX_REBOOT_CMD_POWER_OFF:
		pr_notice("powering off\n");
		power_off(0);
	}
	return -EINVAL;
}

static int64_t set_name(uint64_t at)
{
	char name[sizeof(current->comm)] = "";
	ssize_t len = strncpy_from_user(name, UPTR(at), sizeof(name) - 1);

	if (len < 0 && len != -ENAMETOOLONG)
		return len;
	name[sizeof(name) - 1] = '\0';
	memcpy(current->comm, name, sizeof(name));
	if (current->tid == current->process->pid)
		memcpy(current->process->comm, name, sizeof(name));
	return 0;
}

int64_t sys_prctl(uint64_t option, uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4)
{
	struct process *p = current->process;

	(void)a2;
	(void)a3;
	(void)a4;
	switch (option) {
	case PR_SET_NAME:
		return set_name(a1);
	case PR_GET_NAME:
		return copy_to_user(UPTR(a1), current->comm, sizeof(current->comm));
	case PR_SET_DUMPABLE:
		if (a1 > 1)
			return -EINVAL;
		p->dumpable = a1;
		return 0;
	case PR_GET_DUMPABLE:
		return p->dumpable;
	case PR_CAPBSET_READ:
		return a1 <= CAP_LAST_CAP ? 1 : -EINVAL;
	}
	return -EINVAL;
}

int64_t sys_personality(uint64_t persona)
{
	return (uint32_t)persona == PERSONALITY_QUERY || persona == PER_LINUX ? PER_LINUX : -EINVAL;
}

static int64_t set_limit(struct process *p, unsigned resource, const uint64_t new[2])
{
	uint64_t *limit = p->rlimits[resource];

	if (new[0] > new[1])
		return -EINVAL;
	if (new[1] > limit[1] && current->process->uid)
		return -EPERM;
	limit[0] = new[0];
	limit[1] = new[1];
	if (resource == RLIMIT_STACK && p == current->process)
		current->mm->stack_limit = MIN(new[0], (uint64_t)USER_END / 2);
	return 0;
}

int64_t sys_prlimit64(uint64_t pid, uint64_t resource, uint64_t new_limit, uint64_t old_limit)
{
	uint64_t new[2], old[2];
	struct process *p;
	int64_t err = 0;

	if (resource >= RLIM_NLIMITS)
		return -EINVAL;
	if (new_limit && copy_from_user(new, UPTR(new_limit), sizeof(new)))
		return -EFAULT;
	p = process_find(pid ? (int)pid : current->process->pid);
	if (!p)
		return -ESRCH;
	memcpy(old, p->rlimits[resource], sizeof(old));
	if (new_limit)
		err = set_limit(p, (unsigned)resource, new);
	process_put(p);
	if (!err && old_limit && copy_to_user(UPTR(old_limit), old, sizeof(old)))
		err = -EFAULT;
	return err;
}

int64_t sys_getrlimit(uint64_t resource, uint64_t limit)
{
	if (resource >= RLIM_NLIMITS)
		return -EINVAL;
	return copy_to_user(UPTR(limit), current->process->rlimits[resource], 16);
}

int64_t sys_setrlimit(uint64_t resource, uint64_t limit)
{
	uint64_t new[2];

	if (resource >= RLIM_NLIMITS)
		return -EINVAL;
	if (copy_from_user(new, UPTR(limit), sizeof(new)))
		return -EFAULT;
	return set_limit(current->process, (unsigned)resource, new);
}

int64_t sys_rseq(uint64_t area, uint64_t len, uint64_t flags, uint64_t sig)
{
	(void)area;
	(void)len;
	(void)flags;
	(void)sig;
	return -ENOSYS;
}
