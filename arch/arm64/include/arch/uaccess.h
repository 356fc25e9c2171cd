/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The only way the kernel looks at user memory: unprivileged loads and stores (LDTR, STTR:
 * checked as EL0's, so kernel addresses and PROT_NONE fault whatever PAN says), with an exception table for those that
 * fault for good. May sleep (faults are handled as the program's own would be).
 */
#ifndef ARCH_UACCESS_H
#define ARCH_UACCESS_H

#include <twofold/addr.h>

/* 0 or -EFAULT; on -EFAULT some bytes may have moved. */
int __must_check copy_from_user(void *to, uptr_t from, size_t n);
int __must_check copy_to_user(uptr_t to, const void *from, size_t n);
int __must_check clear_user(uptr_t to, size_t n);
/* Bytes that did move before the fault: for read and write, which then return a short count. */
size_t copy_from_user_partial(void *to, uptr_t from, size_t n);
size_t copy_to_user_partial(uptr_t to, const void *from, size_t n);
/* Length without the NUL, or -EFAULT, or -ENAMETOOLONG where there is none within size. */
ssize_t __must_check strncpy_from_user(char *to, uptr_t from, size_t size);
int __must_check get_user_u32(uint32_t *value, uptr_t from);
int __must_check get_user_u64(uint64_t *value, uptr_t from);
int __must_check put_user_u32(uptr_t to, uint32_t value);
int __must_check put_user_u64(uptr_t to, uint64_t value);
/* Atomic compare-and-exchange for futexes: 0 and the old value, or -EFAULT; -EAGAIN: try again. */
int __must_check cmpxchg_user_u32(uptr_t at, uint32_t old, uint32_t new, uint32_t *seen);

/*
 * Kernel addresses that may not be mapped, for self-tests and backtraces: false where it faulted.
 */
bool arch_probe_read(vaddr_t va, uint64_t *value);
bool arch_probe_write(vaddr_t va, uint64_t value);

#endif
