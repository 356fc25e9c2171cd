/* SPDX-License-Identifier: BSD-2-Clause */
/* What the system calls itself: uname(2), /proc/version, /proc/sys/kernel. */
#ifndef TWOFOLD_UTSNAME_H
#define TWOFOLD_UTSNAME_H

#include <linux/utsname.h>
#include <twofold/types.h>

#define UTS_SYSNAME "twofold"
#define UTS_RELEASE "6.1.0-twofold" /* a libc wants to know which Linux it would be */
#define UTS_VERSION "#1 SMP"
#define UTS_MACHINE "aarch64"
#define UTS_DOMAINNAME "(none)"

/* kernel/sys_misc.c. The node's name now, with a final 0. */
void hostname_get(char name[__NEW_UTS_LEN + 1]);
/* `len` bytes, without a final 0. -EINVAL: too long. */
int hostname_set(const char *name, size_t len);

#endif
