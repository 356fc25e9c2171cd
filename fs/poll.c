// SPDX-License-Identifier: BSD-2-Clause
/*
 * ppoll and pselect6. Each round goes on every file's wait queues, asks each what it is ready for,
 * and sleeps if none is; then it leaves the queues again. A file's poll function may itself sleep
 * for a lock: then the round's sleep ends at once, and the next round looks again.
 */
#include "internal.h"
#include <linux/resource.h>
#include <twofold/syscall.h>

#define QUEUES_PER_FILE 2 /* that a poll function registers at most */
#define FAST_FILES 8
#define ALWAYS (POLLERR | POLLHUP | POLLNVAL)

struct poll_table {
	unsigned used, room;
	struct poll_entry {
		struct wait_queue *wq;
		struct waiter waiter;
	} * entries;
};

void poll_wait(struct poll_table *pt, struct wait_queue *wq)
{
	if (!pt) /* only asked what is ready */
		return;
	CHECK(pt->used < pt->room);
	pt->entries[pt->used].wq = wq;
	wait_prepare(wq, &pt->entries[pt->used].waiter, true);
	pt->used++;
}

static void leave_queues(struct poll_table *pt)
{
	while (pt->used) {
		pt->used--;
		wait_finish(pt->entries[pt->used].wq, &pt->entries[pt->used].waiter);
	}
}

static unsigned ask(struct file *file, struct poll_table *pt)
{
	if (!file->ops->poll)
		return POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM;
	return file->ops->poll(file, pt);
}

/* What one call polls: files[i] is fds[i]'s, or NULL. */
struct poll_set {
	struct pollfd *fds;
	struct file **files;
	unsigned nr;
	struct poll_table table;
};

/* Asks all; registers for those before the first that is ready. Returns how many are. */
static int poll_round(struct poll_set *set)
{
	int ready = 0;

	for (unsigned i = 0; i < set->nr; i++) {
		struct pollfd *fd = &set->fds[i];
		unsigned mask = POLLNVAL;

		if (fd->fd < 0)
			mask = 0;
		else if (set->files[i])
			mask = ask(set->files[i], ready ? NULL : &set->table);
		fd->revents = (short)(mask & ((unsigned short)fd->events | ALWAYS));
		ready += fd->revents != 0;
	}
	return ready;
}

/* Files ready, 0 when `deadline` (time_ns(); UINT64_MAX: none) has passed, or -EINTR. */
static int poll_loop(struct poll_set *set, uint64_t deadline)
{
	for (;;) {
		bool late = false;
		int ready;

		current->state = TASK_INTERRUPTIBLE; /* there may be no queue to go on */
		smp_mb();			     /* before a signal is looked for */
		ready = poll_round(set);
		if (!ready && signal_pending())
			ready = -EINTR;
		if (!ready && deadline)
			late = !schedule_until(deadline);
		leave_queues(&set->table);
		current->state = TASK_RUNNABLE;
		if (ready || !deadline)
			return ready;
		if (late)
			deadline = 0; /* one last look */
	}
}

/* Polls fds[0..nr); the caller's array gets the results. */
static int poll_files(struct pollfd *fds, unsigned nr, uint64_t deadline)
{
	struct poll_entry fast_entries[FAST_FILES * QUEUES_PER_FILE];
	struct file *fast_files[FAST_FILES];
	struct poll_set set = {.fds = fds, .nr = nr, .files = fast_files};
	int ret = -ENOMEM;

	set.table.entries = fast_entries;
	set.table.room = nr * QUEUES_PER_FILE;
	if (nr > FAST_FILES) {
		set.files = kmalloc(nr * sizeof(*set.files), GFP_KERNEL);
		set.table.entries = kmalloc(set.table.room * sizeof(fast_entries[0]), GFP_KERNEL);
	}
	if (set.files && set.table.entries) {
		for (unsigned i = 0; i < nr; i++)
			set.files[i] = fds[i].fd < 0 ? NULL : fd_get(fds[i].fd);
		ret = poll_loop(&set, deadline);
		for (unsigned i = 0; i < nr; i++)
			if (set.files[i])
				file_put(set.files[i]);
	}
	if (nr > FAST_FILES) {
		kfree(set.files);
		kfree(set.table.entries);
	}
	return ret;
}

/* A relative timespec argument as a deadline; 0: do not wait. */
static int get_deadline(uint64_t ua, uint64_t *deadline)
{
	uint64_t ns, now;
	int err;

	*deadline = UINT64_MAX;
	if (!ua)
		return 0;
	err = timespec_from_user(&ns, ua);
	if (err)
		return err;
	now = time_ns();
	*deadline = !ns ? 0 : ns > UINT64_MAX - now ? UINT64_MAX : now + ns;
	return 0;
}

/* Linux writes back what was left of the time. */
static void put_rest(uint64_t ua, uint64_t deadline)
{
	uint64_t now = time_ns();

	if (!ua || deadline == UINT64_MAX)
		return;
	if (timespec_to_user(ua, deadline > now ? deadline - now : 0))
		return; /* as Linux: a time that cannot be written is no error */
}

static unsigned fd_limit(void)
{
	return (unsigned)MIN(current->process->rlimits[RLIMIT_NOFILE][0], (uint64_t)INT32_MAX);
}

/* Ends a call that may have set a signal mask. */
static int64_t finish(int ret)
{
	if (ret == -EINTR)
		return -ERESTARTNOHAND;
	signal_restore_mask();
	return ret;
}

static int poll_user(uint64_t ua, unsigned nr, uint64_t deadline)
{
	struct pollfd fast[FAST_FILES], *fds = fast;
	int ret = -EFAULT;

	if (nr > FAST_FILES)
		fds = kmalloc(nr * sizeof(*fds), GFP_KERNEL);
	if (!fds)
		return -ENOMEM;
	if (!copy_from_user(fds, UPTR(ua), nr * sizeof(*fds)))
		ret = poll_files(fds, nr, deadline);
	if (ret >= 0)
		for (unsigned i = 0; i < nr; i++)
			if (copy_to_user(
				    UPTR(ua + i * sizeof(*fds) + offsetof(struct pollfd, revents)),
				    &fds[i].revents, sizeof(fds[i].revents)))
				ret = -EFAULT;
	if (fds != fast)
		kfree(fds);
	return ret;
}

int64_t sys_ppoll(uint64_t fds, uint64_t nr, uint64_t timeout, uint64_t mask, uint64_t mask_size)
{
	uint64_t deadline;
	int err, ret;

	if ((unsigned)nr > fd_limit())
		return -EINVAL;
	err = get_deadline(timeout, &deadline);
	if (!err)
		err = signal_set_temporary_mask(mask, mask_size);
	if (err)
		return err;
	ret = poll_user(fds, (unsigned)nr, deadline);
	put_rest(timeout, deadline);
	return finish(ret);
}

/* ---- select: three sets of bits, turned into an array for poll and back ---- */

#define SET_MAX 1024u /* bits; more are beyond what programs' fd_set holds */

struct select_sets {
	uint64_t ua[3]; /* in, out, ex: user addresses or 0 */
	uint64_t bits[3][SET_MAX / 64];
};

static const struct {
	unsigned ask, means;
} select_kinds[3] = {
	{POLLIN | POLLRDNORM, POLLIN | POLLRDNORM | POLLHUP | POLLERR},
	{POLLOUT | POLLWRNORM, POLLOUT | POLLWRNORM | POLLERR},
	{POLLPRI, POLLPRI},
};

static int sets_from_user(struct select_sets *s, unsigned nr)
{
	memset(s->bits, 0, sizeof(s->bits));
	for (unsigned k = 0; k < 3; k++)
		if (s->ua[k] && copy_from_user(s->bits[k], UPTR(s->ua[k]), (nr + 63) / 64 * 8))
			return -EFAULT;
	return 0;
}

static int sets_to_user(const struct select_sets *s, unsigned nr)
{
	for (unsigned k = 0; k < 3; k++)
		if (s->ua[k] && copy_to_user(UPTR(s->ua[k]), s->bits[k], (nr + 63) / 64 * 8))
			return -EFAULT;
	return 0;
}

/* An entry for each descriptor that some set names; how many. */
static unsigned sets_to_fds(const struct select_sets *s, unsigned nr, struct pollfd *fds)
{
	unsigned n = 0;

	for (unsigned fd = 0; fd < nr; fd++) {
		unsigned events = 0;

		for (unsigned k = 0; k < 3; k++)
			if (s->bits[k][fd / 64] & BIT(fd % 64))
				events |= select_kinds[k].ask;
		if (events)
			fds[n++] = (struct pollfd){.fd = (int)fd, .events = (short)events};
	}
	return n;
}

/* Leaves the bits of what is ready; how many, or -EBADF. */
static int fds_to_sets(struct select_sets *s, const struct pollfd *fds, unsigned n)
{
	int count = 0;

	for (unsigned i = 0; i < n; i++) {
		unsigned fd = (unsigned)fds[i].fd;

		if (fds[i].revents & POLLNVAL)
			return -EBADF;
		for (unsigned k = 0; k < 3; k++) {
			uint64_t *word = &s->bits[k][fd / 64];

			if (!(*word & BIT(fd % 64)))
				continue;
			if ((unsigned)fds[i].revents & select_kinds[k].means)
				count++;
			else
				*word &= ~BIT(fd % 64);
		}
	}
	return count;
}

static int select_user(struct select_sets *s, unsigned nr, uint64_t deadline)
{
	struct pollfd *fds;
	unsigned n;
	int ret = sets_from_user(s, nr);

	if (ret)
		return ret;
	fds = kmalloc(MAX(nr, 1u) * sizeof(*fds), GFP_KERNEL);
	if (!fds)
		return -ENOMEM;
	n = sets_to_fds(s, nr, fds);
	ret = poll_files(fds, n, deadline);
	if (ret >= 0)
		ret = fds_to_sets(s, fds, n);
	if (ret >= 0 && sets_to_user(s, nr))
		ret = -EFAULT;
	kfree(fds);
	return ret;
}

int64_t sys_pselect6(uint64_t nr, uint64_t in, uint64_t out, uint64_t ex, uint64_t timeout,
		     uint64_t mask)
{
	struct select_sets sets = {.ua = {in, out, ex}};
	uint64_t deadline, mask_arg[2] = {0, 0};
	int err, ret;

	if ((int)nr < 0)
		return -EINVAL;
	if (mask && copy_from_user(mask_arg, UPTR(mask), sizeof(mask_arg)))
		return -EFAULT;
	err = get_deadline(timeout, &deadline);
	if (!err)
		err = signal_set_temporary_mask(mask_arg[0], mask_arg[1]);
	if (err)
		return err;
	ret = select_user(&sets, MIN((unsigned)nr, SET_MAX), deadline);
	put_rest(timeout, deadline);
	return finish(ret);
}
