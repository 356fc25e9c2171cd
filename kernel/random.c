// SPDX-License-Identifier: BSD-2-Clause
/*
 * getrandom's generator: ChaCha20 (RFC 8439, 2.3), some blocks ahead. Its key is replaced by its
 * own output each time, and what is given out is forgotten, so that it cannot be computed again
 * from what is left. It is seeded from the device tree's rng-seed and the cycle counter, and from
 * nothing else: without a seed from the loader it is good for hashing and shuffling, not for
 * secrets.
 */
#include <arch/uaccess.h>
#include <linux/random.h>
#include <twofold/devtree.h>
#include <twofold/random.h>
#include <twofold/string.h>
#include <twofold/syscall.h>

#include "sched.h"

#define BLOCK 64
#define KEY_WORDS 8

static struct mutex lock;
static uint32_t key[KEY_WORDS];
static uint8_t pool[4 * BLOCK]; /* to be given out; zeros where it has been */
static size_t used = sizeof(pool);

static uint32_t rotate(uint32_t x, int n)
{
	return x << n | x >> (32 - n);
}

static inline void quarter_round(uint32_t *a, uint32_t *b, uint32_t *c, uint32_t *d)
{
	*a += *b;
	*d = rotate(*d ^ *a, 16);
	*c += *d;
	*b = rotate(*b ^ *c, 12);
	*a += *b;
	*d = rotate(*d ^ *a, 8);
	*c += *d;
	*b = rotate(*b ^ *c, 7);
}

/* A column round, then a diagonal one: written out, so that the state stays in registers. */
static inline void double_round(uint32_t x[16])
{
	quarter_round(&x[0], &x[4], &x[8], &x[12]);
	quarter_round(&x[1], &x[5], &x[9], &x[13]);
	quarter_round(&x[2], &x[6], &x[10], &x[14]);
	quarter_round(&x[3], &x[7], &x[11], &x[15]);
	quarter_round(&x[0], &x[5], &x[10], &x[15]);
	quarter_round(&x[1], &x[6], &x[11], &x[12]);
	quarter_round(&x[2], &x[7], &x[8], &x[13]);
	quarter_round(&x[3], &x[4], &x[9], &x[14]);
}

static void chacha_block(uint8_t out[BLOCK], uint64_t counter)
{
	static const char constant[16] = {'e', 'x', 'p', 'a', 'n', 'd', ' ', '3',
					  '2', '-', 'b', 'y', 't', 'e', ' ', 'k'};
	uint32_t in[16], x[16];

	memcpy(in, constant, sizeof(constant));
	memcpy(in + 4, key, sizeof(key));
	in[12] = (uint32_t)counter;
	in[13] = (uint32_t)(counter >> 32);
	in[14] = in[15] = 0;
	__builtin_memcpy(x, in, sizeof(x));
	for (int i = 0; i < 10; i++)
		double_round(x);
	for (int i = 0; i < 16; i++)
		x[i] += in[i];
	memcpy(out, x, sizeof(x));
}

void random_init(void)
{
	uint64_t now = cycle_counter();

	mutex_init(&lock);
	memcpy(key, &now, sizeof(now));
	for (unsigned i = 0; i < machine.rng_seed_len; i++)
		((uint8_t *)key)[i % sizeof(key)] ^= machine.rng_seed[i];
	memset(machine.rng_seed, 0, sizeof(machine.rng_seed));
}

/* Takes the pool's first n bytes that are left, at most all, and forgets them. */
static size_t take(void *to, size_t n)
{
	n = MIN(n, sizeof(pool) - used);
	memcpy(to, pool + used, n);
	memset(pool + used, 0, n);
	used += n;
	return n;
}

/* Half of the first block becomes the next key. */
static void refill(void)
{
	for (unsigned i = 0; i < sizeof(pool) / BLOCK; i++)
		chacha_block(pool + i * BLOCK, i);
	used = 0;
	take(key, sizeof(key));
}

void random_bytes(void *buf, size_t len)
{
	uint8_t *to = buf;

	mutex_lock(&lock);
	while (len) {
		size_t n = take(to, len);

		if (!n)
			refill();
		to += n;
		len -= n;
	}
	mutex_unlock(&lock);
}

int64_t sys_getrandom(uint64_t buf, uint64_t len, uint64_t flags)
{
	uint8_t chunk[256];
	uint64_t done = 0;

	if (flags & ~(uint64_t)(GRND_NONBLOCK | GRND_RANDOM | GRND_INSECURE))
		return -EINVAL;
	len = MIN(len, (uint64_t)INT32_MAX & PAGE_MASK);
	while (done < len) {
		size_t n = MIN(len - done, (uint64_t)sizeof(chunk));

		random_bytes(chunk, n);
		if (copy_to_user(UPTR(buf + done), chunk, n))
			return done ? (int64_t)done : -EFAULT;
		done += n;
		cond_resched();
		if (signal_pending() && done < len)
			break;
	}
	return (int64_t)done;
}
