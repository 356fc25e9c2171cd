// SPDX-License-Identifier: BSD-2-Clause
/* System calls about time, and what time has been used. */
#include <arch/uaccess.h>
#include <linux/time.h>
#include <linux/times.h>
#include <twofold/string.h>
#include <twofold/syscall.h>

#include "sched.h"

#define MAX_SECONDS (INT64_MAX / (int64_t)NSEC_PER_SEC)
#define USER_HZ 100

struct timespec_k {
	int64_t sec, nsec;
};

int timespec_from_user(uint64_t *ns, uint64_t ua)
{
	struct timespec_k ts;

	if (copy_from_user(&ts, UPTR(ua), sizeof(ts)))
		return -EFAULT;
	if (ts.sec < 0 || ts.nsec < 0 || ts.nsec >= (int64_t)NSEC_PER_SEC)
		return -EINVAL;
	if (ts.sec >= MAX_SECONDS)
		*ns = INT64_MAX;
	else
		*ns = (uint64_t)ts.sec * NSEC_PER_SEC + (uint64_t)ts.nsec;
	return 0;
}

int timespec_to_user(uint64_t ua, uint64_t ns)
{
	struct timespec_k ts = {(int64_t)(ns / NSEC_PER_SEC), (int64_t)(ns % NSEC_PER_SEC)};

	return copy_to_user(UPTR(ua), &ts, sizeof(ts));
}

static uint64_t running_since(const struct task *t)
{
	return t == current ? time_ns() - t->run_start : 0;
}

static uint64_t process_time(void)
{
	uint64_t ns;

	spin_lock(&tasks_lock);
	ns = process_cputime(current->process);
	spin_unlock(&tasks_lock);
	return ns + running_since(current);
}

/* -EINVAL: there is no such clock. */
static int read_clock(uint64_t clock, uint64_t *ns)
{
	switch (clock) {
	case CLOCK_REALTIME:
	case CLOCK_REALTIME_COARSE:
	case CLOCK_TAI:
		*ns = time_realtime_ns();
		return 0;
	case CLOCK_MONOTONIC:
	case CLOCK_MONOTONIC_RAW:
	case CLOCK_MONOTONIC_COARSE:
	case CLOCK_BOOTTIME:
		*ns = time_ns();
		return 0;
	case CLOCK_PROCESS_CPUTIME_ID:
		*ns = process_time();
		return 0;
	case CLOCK_THREAD_CPUTIME_ID:
		*ns = current->utime + running_since(current);
		return 0;
	}
	return -EINVAL;
}

int64_t sys_clock_gettime(uint64_t clock, uint64_t ts)
{
	uint64_t ns;
	int err = read_clock(clock, &ns);

	return err ? err : timespec_to_user(ts, ns);
}

int64_t sys_clock_settime(uint64_t clock, uint64_t ts)
{
	uint64_t ns;
	int err;

	if (clock != CLOCK_REALTIME)
		return -EINVAL;
	err = timespec_from_user(&ns, ts);
	if (err)
		return err;
	if (current->process->uid)
		return -EPERM;
	time_set_realtime_ns(ns);
	return 0;
}

int64_t sys_clock_getres(uint64_t clock, uint64_t ts)
{
	uint64_t ns;
	int err = read_clock(clock, &ns);

	return err ? err : ts ? timespec_to_user(ts, 1) : 0;
}

/* Sleeps until `deadline`, which is monotonic; rest: where to say what was left (0: nowhere). */
static int64_t sleep_until(uint64_t deadline, uint64_t rest)
{
	uint64_t now = time_ns(), left;

	if (!sched_sleep_interruptible(deadline > now ? deadline - now : 0, &left))
		return 0;
	if (rest && timespec_to_user(rest, left))
		return -EFAULT;
	current->restart_deadline = deadline;
	current->restart_rest = rest;
	return -ERESTART_RESTARTBLOCK;
}

static int64_t restart_sleep(void)
{
	return sleep_until(current->restart_deadline, current->restart_rest);
}

static uint64_t add_saturating(uint64_t a, uint64_t b)
{
	return a + b < a ? UINT64_MAX : a + b;
}

int64_t sys_clock_nanosleep(uint64_t clock, uint64_t flags, uint64_t request, uint64_t rest)
{
	uint64_t ns, now;
	int64_t err;

	if (clock == CLOCK_THREAD_CPUTIME_ID || read_clock(clock, &now))
		return -EINVAL;
	err = timespec_from_user(&ns, request);
	if (err)
		return err;
	current->restart = restart_sleep;
	if (!(flags & TIMER_ABSTIME))
		return sleep_until(add_saturating(time_ns(), ns), rest);
	err = sleep_until(add_saturating(time_ns(), ns > now ? ns - now : 0), 0);
	return err == -ERESTART_RESTARTBLOCK ? -ERESTARTNOHAND : err;
}

int64_t sys_nanosleep(uint64_t request, uint64_t rest)
{
	return sys_clock_nanosleep(CLOCK_MONOTONIC, 0, request, rest);
}

int64_t sys_gettimeofday(uint64_t tv, uint64_t tz)
{
	static const int32_t utc[2];
	uint64_t us = time_realtime_ns() / 1000;
	int64_t value[2] = {(int64_t)(us / 1000000), (int64_t)(us % 1000000)};

	if (tv && copy_to_user(UPTR(tv), value, sizeof(value)))
		return -EFAULT;
	return tz ? copy_to_user(UPTR(tz), utc, sizeof(utc)) : 0;
}

/* The time zone is taken and forgotten: nothing in the kernel shows local time. */
int64_t sys_settimeofday(uint64_t tv, uint64_t tz)
{
	int64_t value[2];

	(void)tz;
	if (!tv)
		return 0;
	if (copy_from_user(value, UPTR(tv), sizeof(value)))
		return -EFAULT;
	if (value[0] < 0 || value[0] >= MAX_SECONDS || value[1] < 0 || value[1] >= 1000000)
		return -EINVAL;
	if (current->process->uid)
		return -EPERM;
	time_set_realtime_ns((uint64_t)value[0] * NSEC_PER_SEC + (uint64_t)value[1] * 1000);
	return 0;
}

int64_t sys_times(uint64_t tms)
{
	const struct process *p = current->process;
	const uint64_t tick = NSEC_PER_SEC / USER_HZ;
	struct tms t = {
		.tms_utime = (long)(process_time() / tick),
		.tms_cutime = (long)(p->cutime / tick),
		.tms_cstime = (long)(p->cstime / tick),
	};

	if (tms && copy_to_user(UPTR(tms), &t, sizeof(t)))
		return -EFAULT;
	return (int64_t)(time_ns() / tick);
}

static struct __kernel_old_timeval to_timeval(uint64_t ns)
{
	return (struct __kernel_old_timeval){(long)(ns / NSEC_PER_SEC),
					     (long)(ns % NSEC_PER_SEC / 1000)};
}

/* What a process has used; times in ns, maxrss in pages. */
struct used {
	uint64_t utime, stime, min_flt, maj_flt, maxrss;
};

static void add_self(struct used *u, struct process *p)
{
	struct task *t = LIST_FIRST(&p->threads);

	u->utime += process_cputime(p);
	if (p == current->process)
		u->utime += running_since(current);
	u->min_flt += p->min_flt;
	u->maj_flt += p->maj_flt;
	u->maxrss = MAX(u->maxrss, p->maxrss);
	if (!t || !t->mm)
		return;
	u->min_flt += t->mm->min_faults;
	u->maj_flt += t->mm->maj_faults;
	u->maxrss = MAX(u->maxrss, mm_rss_peak(t->mm));
}

static void add_children(struct used *u, const struct process *p)
{
	u->utime += p->cutime;
	u->stime += p->cstime;
	u->min_flt += p->cmin_flt;
	u->maj_flt += p->cmaj_flt;
	u->maxrss = MAX(u->maxrss, p->cmaxrss);
}

/* who: RUSAGE_SELF, _CHILDREN or _BOTH; tasks_lock held. The times of ru are struct timevals, laid
 * out as the kernel's own. */
void rusage_process(struct process *p, int who, struct rusage *ru)
{
	struct __kernel_old_timeval utime, stime;
	struct used u = {0};

	if (who != RUSAGE_CHILDREN)
		add_self(&u, p);
	if (who != RUSAGE_SELF)
		add_children(&u, p);
	utime = to_timeval(u.utime);
	stime = to_timeval(u.stime);
	memset(ru, 0, sizeof(*ru));
	memcpy(&ru->ru_utime, &utime, sizeof(utime));
	memcpy(&ru->ru_stime, &stime, sizeof(stime));
	ru->ru_minflt = (long)u.min_flt;
	ru->ru_majflt = (long)u.maj_flt;
	ru->ru_maxrss = (long)(u.maxrss * (PAGE_SIZE / SZ_1K));
}

int64_t sys_getrusage(uint64_t who, uint64_t usage)
{
	struct rusage ru;

	if ((int)who != RUSAGE_SELF && (int)who != RUSAGE_CHILDREN && (int)who != RUSAGE_THREAD)
		return -EINVAL;
	spin_lock(&tasks_lock);
	rusage_process(current->process,
		       (int)who == RUSAGE_CHILDREN ? RUSAGE_CHILDREN : RUSAGE_SELF, &ru);
	spin_unlock(&tasks_lock);
	if ((int)who == RUSAGE_THREAD) {
		struct __kernel_old_timeval used =
			to_timeval(current->utime + running_since(current));

		memcpy(&ru.ru_utime, &used, sizeof(used));
	}
	return copy_to_user(UPTR(usage), &ru, sizeof(ru));
}
