// SPDX-License-Identifier: BSD-2-Clause
/* Debian's libfdt.a is built with the stack protector, which asks for these two. */
#include <twofold/log.h>

extern uintptr_t __stack_chk_guard;
void __stack_chk_fail(void) __noreturn;

uintptr_t __stack_chk_guard = 0x00caf1de2bad57ac; /* a NUL first: no string runs over it */

void __stack_chk_fail(void)
{
	panic("libfdt: a function wrote past its stack frame");
}
