// SPDX-License-Identifier: BSD-2-Clause
/*
 * setitimer(ITIMER_REAL), and with it alarm(). The timer's interrupt cannot send signals, which
 * takes locks that are not for interrupts: it wakes a thread that does.
 */
#include <arch/uaccess.h>
#include <linux/time.h>
#include <twofold/syscall.h>

#include "sched.h"

static struct wait_queue alarm_queue;
static bool alarm_waiting; /* some process has alarm_due */

static void alarm_expired(struct timer *timer)
{
	container_of(timer, struct process, itimer_real)->alarm_due = true;
	__atomic_store_n(&alarm_waiting, true, __ATOMIC_RELEASE);
	wake_all(&alarm_queue);
}

/* Sets the timer off again where it repeats. */
static void rearm(struct process *p)
{
	uint64_t now = time_ns(), next = p->itimer_real.expires + p->itimer_interval;

	if (p->itimer_interval)
		timer_arm(&p->itimer_real, next > now ? next : now + p->itimer_interval);
}

static bool send_alarm(struct process *p, void *unused)
{
	static const siginfo_t info = {.si_signo = SIGALRM, .si_code = SI_KERNEL};

	(void)unused;
	if (!READ_ONCE(p->alarm_due))
		return true;
	spin_lock(&tasks_lock);
	p->alarm_due = false;
	if (!p->zombie) {
		rearm(p);
		signal_send_locked(p, NULL, SIGALRM, &info);
	}
	spin_unlock(&tasks_lock);
	return true;
}

static void alarm_thread(void *unused)
{
	(void)unused;
	for (;;) {
		wait_event(&alarm_queue,
			   __atomic_exchange_n(&alarm_waiting, false, __ATOMIC_ACQUIRE));
		process_for_each(send_alarm, NULL);
	}
}

void itimer_start_thread(void)
{
	wait_queue_init(&alarm_queue);
	CHECK(!IS_ERR(kthread_create("alarm", alarm_thread, NULL)));
}

/* tasks_lock held. */
void itimer_cancel(struct process *p)
{
	p->itimer_interval = 0;
	if (p->itimer_real.fn)
		timer_cancel(&p->itimer_real);
}

static struct itimerval get_timer(struct process *p)
{
	uint64_t now = time_ns(), left = 0;

	if (p->itimer_real.armed)
		left = p->itimer_real.expires > now ? p->itimer_real.expires - now : 1000;
	return (struct itimerval){
		.it_interval = {.tv_sec = (long)(p->itimer_interval / NSEC_PER_SEC),
				.tv_usec = (long)(p->itimer_interval % NSEC_PER_SEC / 1000)},
		.it_value = {.tv_sec = (long)(left / NSEC_PER_SEC),
			     .tv_usec = (long)(left % NSEC_PER_SEC / 1000)},
	};
}

static int to_ns(uint64_t *ns, const struct __kernel_old_timeval *tv)
{
	if (tv->tv_sec < 0 || tv->tv_usec < 0 || tv->tv_usec >= 1000000)
		return -EINVAL;
	*ns = (uint64_t)MIN(tv->tv_sec, 1l << 32) * NSEC_PER_SEC + (uint64_t)tv->tv_usec * 1000;
	return 0;
}

static void set_timer(struct process *p, uint64_t value, uint64_t interval)
{
	itimer_cancel(p);
	p->alarm_due = false;
	p->itimer_interval = interval;
	p->itimer_real.fn = alarm_expired;
	if (value)
		timer_arm(&p->itimer_real, time_ns() + value);
}

int64_t sys_setitimer(uint64_t which, uint64_t value, uint64_t old)
{
	struct process *p = current->process;
	uint64_t first = 0, interval = 0;
	struct itimerval tv, before;

	if (which != ITIMER_REAL)
		return -EINVAL;
	if (value) {
		if (copy_from_user(&tv, UPTR(value), sizeof(tv)))
			return -EFAULT;
		if (to_ns(&first, (const void *)&tv.it_value) ||
		    to_ns(&interval, (const void *)&tv.it_interval))
			return -EINVAL;
	}
	spin_lock(&tasks_lock);
	before = get_timer(p);
	set_timer(p, first, interval);
	spin_unlock(&tasks_lock);
	return old && copy_to_user(UPTR(old), &before, sizeof(before)) ? -EFAULT : 0;
}

int64_t sys_getitimer(uint64_t which, uint64_t value)
{
	struct itimerval now;

	if (which != ITIMER_REAL)
		return -EINVAL;
	spin_lock(&tasks_lock);
	now = get_timer(current->process);
	spin_unlock(&tasks_lock);
	return copy_to_user(UPTR(value), &now, sizeof(now));
}
