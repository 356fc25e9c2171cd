// SPDX-License-Identifier: BSD-2-Clause
/*
 * Futexes. A waiter is queued before the user's word is read, which may sleep: whoever changes the
 * word and then wakes either finds the waiter, or changed it before it was read.
 *
 * A word in shared memory is known by object and offset, any other by address space and address.
 */
#include <arch/uaccess.h>
#include <linux/futex.h>
#include <twofold/syscall.h>

#include "sched.h"

#define BUCKETS 256
#define MATCH_ALL FUTEX_BITSET_MATCH_ANY
#define ROBUST_LIMIT 2048 /* entries of a robust list that are looked at, as in Linux */

struct futex_key {
	const void *owner; /* struct mm or struct vm_object */
	uint64_t at;
};

struct futex_waiter {
	struct futex_key key;
	struct task *task;
	uint32_t bits;
	bool queued;
	TAILQ_ENTRY(futex_waiter) link;
};

TAILQ_HEAD(futex_bucket, futex_waiter);

/* One lock for all: held for a few steps, and requeueing needs no second one. */
static spinlock_t futex_lock = SPINLOCK_INIT(RANK_FUTEX);
static struct futex_bucket buckets[BUCKETS];

void futex_init(void)
{
	for (unsigned i = 0; i < BUCKETS; i++)
		TAILQ_INIT(&buckets[i]);
}

static struct futex_bucket *bucket_of(const struct futex_key *key)
{
	return &buckets[(key->at + (uintptr_t)key->owner) * 0x9e3779b97f4a7c15 >> 56];
}

static bool same_key(const struct futex_key *a, const struct futex_key *b)
{
	return a->owner == b->owner && a->at == b->at;
}

static int make_key(uint64_t addr, bool private, struct futex_key *key)
{
	struct mm *mm = current->mm;
	struct vm_area *area;

	if (addr & 3)
		return -EINVAL;
	if (addr >= USER_END)
		return -EFAULT;
	*key = (struct futex_key){.owner = mm, .at = addr};
	if (private)
		return 0;
	down_read(&mm->lock);
	area = area_find(mm, addr);
	if (area && area->start <= addr && (area->flags & VMA_SHARED) && area->object)
		*key = (struct futex_key){.owner = area->object,
					  .at = (area->pgoff << PAGE_SHIFT) + addr - area->start};
	up_read(&mm->lock);
	return 0;
}

static void enqueue(struct futex_waiter *w)
{
	spin_lock(&futex_lock);
	w->queued = true;
	TAILQ_INSERT_TAIL(bucket_of(&w->key), w, link);
	spin_unlock(&futex_lock);
}

/* True: nobody had woken it. */
static bool dequeue(struct futex_waiter *w)
{
	bool queued;

	spin_lock(&futex_lock);
	queued = w->queued;
	if (queued)
		TAILQ_REMOVE(bucket_of(&w->key), w, link);
	spin_unlock(&futex_lock);
	return queued;
}

/* Sleeps until woken (0), the deadline, or a signal. */
static int sleep_queued(struct futex_waiter *w, uint64_t deadline)
{
	bool in_time = true;
	int err = 0;

	while (!err) {
		current->state = TASK_INTERRUPTIBLE;
		smp_mb(); /* pairs with the waker's lock and signal_kick() */
		if (!READ_ONCE(w->queued))
			break;
		if (!in_time)
			err = -ETIMEDOUT;
		else if (signal_pending())
			err = deadline == UINT64_MAX ? -ERESTARTSYS : -ERESTART_RESTARTBLOCK;
		else
			in_time = schedule_until(deadline);
	}
	current->state = TASK_RUNNABLE;
	return dequeue(w) ? err : 0;
}

static int64_t futex_wait(uint64_t addr, bool private, uint32_t value, uint32_t bits,
			  uint64_t deadline)
{
	struct futex_waiter w = {.task = current, .bits = bits};
	int err = bits ? make_key(addr, private, &w.key) : -EINVAL;
	uint32_t now;

	if (err)
		return err;
	enqueue(&w);
	err = get_user_u32(&now, UPTR(addr));
	if (!err && now != value)
		err = -EAGAIN;
	if (err)
		return dequeue(&w) ? err : 0;
	return sleep_queued(&w, deadline);
}

/* The rest of a wait with a deadline, which is a point in time by now. */
static int64_t restart_wait(void)
{
	return futex_wait(current->restart_futex.addr, current->restart_futex.private,
			  current->restart_futex.value, current->restart_futex.bits,
			  current->restart_deadline);
}

/* -ERESTART_RESTARTBLOCK: a signal without a handler came; restart_syscall() goes on. */
static int64_t futex_wait_until(uint64_t addr, bool private, uint32_t value, uint32_t bits,
				uint64_t deadline)
{
	int64_t result = futex_wait(addr, private, value, bits, deadline);

	if (result == -ERESTART_RESTARTBLOCK) {
		current->restart = restart_wait;
		current->restart_deadline = deadline;
		current->restart_futex.addr = addr;
		current->restart_futex.private = private;
		current->restart_futex.value = value;
		current->restart_futex.bits = bits;
	}
	return result;
}

/* Wakes up to nr waiters that match; returns how many. */
static int wake_key(const struct futex_key *key, int nr, uint32_t bits)
{
	struct futex_bucket *bucket = bucket_of(key);
	struct futex_waiter *w, *next;
	uint64_t cores = 0;
	int woken = 0;

	spin_lock(&futex_lock);
	for (w = TAILQ_FIRST(bucket); w && woken < nr; w = next) {
		next = TAILQ_NEXT(w, link);
		if (!same_key(&w->key, key) || !(w->bits & bits))
			continue;
		TAILQ_REMOVE(bucket, w, link);
		WRITE_ONCE(w->queued, false);
		cores |= sched_wake_quietly(w->task); /* it leaves only after it had the lock */
		woken++;
	}
	spin_unlock(&futex_lock);
	sched_kick(cores);
	return woken;
}

static int64_t futex_wake(uint64_t addr, bool private, int nr, uint32_t bits)
{
	struct futex_key key;
	int err = bits ? make_key(addr, private, &key) : -EINVAL;

	return err ? err : wake_key(&key, nr, bits);
}

void futex_wake_address(uint64_t addr)
{
	futex_wake(addr, false, 1, MATCH_ALL);
}

/* Moves up to nr waiters to another key. */
static int requeue(const struct futex_key *from, const struct futex_key *to, int nr)
{
	struct futex_bucket *bucket = bucket_of(from);
	struct futex_waiter *w, *next;
	int moved = 0;

	spin_lock(&futex_lock);
	for (w = TAILQ_FIRST(bucket); w && moved < nr; w = next) {
		next = TAILQ_NEXT(w, link);
		if (!same_key(&w->key, from))
			continue;
		TAILQ_REMOVE(bucket, w, link);
		w->key = *to;
		TAILQ_INSERT_TAIL(bucket_of(to), w, link);
		moved++;
	}
	spin_unlock(&futex_lock);
	return moved;
}

static int64_t futex_requeue(uint64_t addr, uint64_t addr2, bool private, int wake, int move,
			     const uint32_t *expect)
{
	struct futex_key key, key2;
	uint32_t now;
	int err, woken, moved = 0;

	if (wake < 0 || move < 0)
		return -EINVAL;
	err = make_key(addr, private, &key);
	if (!err)
		err = make_key(addr2, private, &key2);
	if (err)
		return err;
	if (expect) {
		err = get_user_u32(&now, UPTR(addr));
		if (err)
			return err;
		if (now != *expect)
			return -EAGAIN;
	}
	woken = wake_key(&key, wake, MATCH_ALL);
	if (!same_key(&key, &key2))
		moved = requeue(&key, &key2, move);
	return woken + moved;
}

/* FUTEX_WAKE_OP's operation: op in bits 31:28, comparison 27:24, operand 23:12, compared with 11:0.
 */
static int wake_op_value(uint32_t code, uint32_t old, uint32_t *new)
{
	unsigned op = code >> 28 & 7;
	uint32_t arg = (uint32_t)((int32_t)(code << 8) >> 20);

	if (code >> 28 & FUTEX_OP_OPARG_SHIFT)
		arg = 1u << (arg & 31);
	switch (op) {
	case FUTEX_OP_SET:
		*new = arg;
		return 0;
	case FUTEX_OP_ADD:
		*new = old + arg;
		return 0;
	case FUTEX_OP_OR:
		*new = old | arg;
		return 0;
	case FUTEX_OP_ANDN:
		*new = old & ~arg;
		return 0;
	case FUTEX_OP_XOR:
		*new = old ^ arg;
		return 0;
	}
	return -ENOSYS;
}

static int wake_op_compare(uint32_t code, uint32_t value)
{
	int32_t old = (int32_t)value, arg = (int32_t)(code << 20) >> 20;

	switch (code >> 24 & 15) {
	case FUTEX_OP_CMP_EQ:
		return old == arg;
	case FUTEX_OP_CMP_NE:
		return old != arg;
	case FUTEX_OP_CMP_LT:
		return old < arg;
	case FUTEX_OP_CMP_LE:
		return old <= arg;
	case FUTEX_OP_CMP_GT:
		return old > arg;
	case FUTEX_OP_CMP_GE:
		return old >= arg;
	}
	return -ENOSYS;
}

static int64_t futex_wake_op(uint64_t addr, uint64_t addr2, bool private, int nr, int nr2,
			     uint32_t code)
{
	uint32_t old, new, seen;
	struct futex_key key2;
	int64_t woken;
	int err = make_key(addr2, private, &key2), holds;

	if (err)
		return err;
	do {
		err = get_user_u32(&old, UPTR(addr2));
		if (!err)
			err = wake_op_value(code, old, &new);
		if (!err)
			err = cmpxchg_user_u32(UPTR(addr2), old, new, &seen);
		if (err && err != -EAGAIN)
			return err;
		if (fatal_signal_pending())
			return -EINTR;
	} while (err || seen != old);
	holds = wake_op_compare(code, old);
	if (holds < 0)
		return holds;
	woken = futex_wake(addr, private, nr, MATCH_ALL);
	if (woken < 0 || !holds)
		return woken;
	return woken + futex_wake(addr2, private, nr2, MATCH_ALL);
}

/* FUTEX_WAIT's timeout is a span, FUTEX_WAIT_BITSET's a point in time. */
static int get_deadline(uint64_t *deadline, uint64_t timeout, unsigned op)
{
	uint64_t ns, now = time_ns();
	int err;

	*deadline = UINT64_MAX;
	if (!timeout)
		return 0;
	err = timespec_from_user(&ns, timeout);
	if (err)
		return err;
	if ((op & FUTEX_CMD_MASK) == FUTEX_WAIT)
		*deadline = now + ns < now ? UINT64_MAX : now + ns;
	else if (op & FUTEX_CLOCK_REALTIME)
		*deadline = now + (ns > time_realtime_ns() ? ns - time_realtime_ns() : 0);
	else
		*deadline = ns;
	return 0;
}

int64_t sys_futex(uint64_t addr, uint64_t op, uint64_t val, uint64_t timeout, uint64_t addr2,
		  uint64_t val3)
{
	bool private = op & FUTEX_PRIVATE_FLAG;
	uint32_t expect = (uint32_t)val3;
	uint64_t deadline;
	int err;

	switch (op & FUTEX_CMD_MASK) {
	case FUTEX_WAIT:
		expect = MATCH_ALL;
		__attribute__((fallthrough));
	case FUTEX_WAIT_BITSET:
		err = get_deadline(&deadline, timeout, (unsigned)op);
		if (err)
			return err;
		return futex_wait_until(addr, private, (uint32_t)val, expect, deadline);
	case FUTEX_WAKE:
		return futex_wake(addr, private, (int)val, MATCH_ALL);
	case FUTEX_WAKE_BITSET:
		return futex_wake(addr, private, (int)val, expect);
	case FUTEX_REQUEUE:
		return futex_requeue(addr, addr2, private, (int)val, (int)timeout, NULL);
	case FUTEX_CMP_REQUEUE:
		return futex_requeue(addr, addr2, private, (int)val, (int)timeout, &expect);
	case FUTEX_WAKE_OP:
		return futex_wake_op(addr, addr2, private, (int)val, (int)timeout, expect);
	}
	return -ENOSYS;
}

/* ---- robust lists: mutexes whose owner died are marked so, and a waiter is woken ---- */

static void mark_dead(uint64_t addr)
{
	uint32_t old = 0, seen = 0;

	for (int tries = 0; tries < 100; tries++) {
		if (addr & 3 || get_user_u32(&old, UPTR(addr)) ||
		    (old & FUTEX_TID_MASK) != (uint32_t)current->tid)
			return;
		if (cmpxchg_user_u32(UPTR(addr), old, (old & FUTEX_WAITERS) | FUTEX_OWNER_DIED,
				     &seen) == -EFAULT)
			return;
		if (seen == old)
			break;
	}
	if (old & FUTEX_WAITERS)
		futex_wake(addr, false, 1, MATCH_ALL);
}

/* head: struct robust_list_head: the list, the futex's offset in an entry, the entry being taken.
 */
void futex_exit_robust(uint64_t head)
{
	uint64_t entry, offset, pending;

	if (get_user_u64(&entry, UPTR(head)) || get_user_u64(&offset, UPTR(head + 8)) ||
	    get_user_u64(&pending, UPTR(head + 16)))
		return;
	for (int i = 0; i < ROBUST_LIMIT && (entry & ~1ull) != head; i++) {
		uint64_t this = entry & ~1ull;

		if (get_user_u64(&entry, UPTR(this)))
			return;
		if (this != (pending & ~1ull))
			mark_dead(this + offset);
	}
	if (pending & ~1ull)
		mark_dead((pending & ~1ull) + offset);
}

int64_t sys_set_robust_list(uint64_t head, uint64_t len)
{
	if (len != sizeof(struct robust_list_head))
		return -EINVAL;
	current->robust_list = head;
	return 0;
}

int64_t sys_get_robust_list(uint64_t pid, uint64_t head, uint64_t len)
{
	struct task *t = pid ? task_find((int)pid) : current;
	uint64_t list;

	if (!t)
		return -ESRCH;
	list = t->robust_list;
	if (pid)
		task_put(t);
	if (put_user_u64(UPTR(head), list))
		return -EFAULT;
	return put_user_u64(UPTR(len), sizeof(struct robust_list_head));
}
