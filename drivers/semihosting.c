// SPDX-License-Identifier: BSD-2-Clause
/* Semihosting for AArch64 (Arm's semihosting specification, 2.0: HLT 0xf000, operation in w0). */
#include <twofold/semihosting.h>
#include <twofold/types.h>

#define SYS_EXIT_EXTENDED 0x20
#define ADP_STOPPED_APPLICATION_EXIT 0x20026

void semihosting_exit(int status)
{
	uint64_t block[2] = {ADP_STOPPED_APPLICATION_EXIT, (uint64_t)status};
	register uint64_t x0 __asm__("x0") = SYS_EXIT_EXTENDED;
	register uint64_t *x1 __asm__("x1") = block;

	__asm__ volatile("hlt #0xf000" : "+r"(x0) : "r"(x1) : "memory");
}
