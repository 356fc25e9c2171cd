// SPDX-License-Identifier: BSD-2-Clause
/* The contracts of <arch/uaccess.h> on top of the copying loops of usercopy.S. */
#include <arch/context.h>
#include <arch/sysreg.h>
#include <arch/uaccess.h>
#include <twofold/errno.h>
#include <twofold/layout.h>

#include "trap.h"

/* Each returns how many bytes it could not move. */
size_t user_copy_in(void *to, uptr_t from, size_t n);
size_t user_copy_out(uptr_t to, const void *from, size_t n);
size_t user_clear(uptr_t to, size_t n);
ssize_t user_strncpy(char *to, uptr_t from, size_t size);
int user_cmpxchg(uint64_t at, uint32_t old, uint32_t new, uint32_t *seen);

int copy_from_user(void *to, uptr_t from, size_t n)
{
	return user_copy_in(to, from, n) ? -EFAULT : 0;
}

int copy_to_user(uptr_t to, const void *from, size_t n)
{
	return user_copy_out(to, from, n) ? -EFAULT : 0;
}

int clear_user(uptr_t to, size_t n)
{
	return user_clear(to, n) ? -EFAULT : 0;
}

size_t copy_from_user_partial(void *to, uptr_t from, size_t n)
{
	return n - user_copy_in(to, from, n);
}

size_t copy_to_user_partial(uptr_t to, const void *from, size_t n)
{
	return n - user_copy_out(to, from, n);
}

ssize_t strncpy_from_user(char *to, uptr_t from, size_t size)
{
	ssize_t len = user_strncpy(to, from, size);

	return len >= 0 && (size_t)len == size ? -ENAMETOOLONG : len;
}

/* No exclusives are unprivileged: the address is checked here, and PAN lifted for them. */
int cmpxchg_user_u32(uptr_t at, uint32_t old, uint32_t new, uint32_t *seen)
{
	uint64_t addr = untag(at.ua);
	bool pan = cpu_has_pan();
	int err;

	if (addr % sizeof(uint32_t) || addr >= USER_END)
		return -EFAULT;
	if (pan)
		__asm__ volatile(PAN_CLEAR ::: "memory");
	err = user_cmpxchg(addr, old, new, seen);
	if (pan)
		__asm__ volatile(PAN_SET ::: "memory");
	return err;
}
