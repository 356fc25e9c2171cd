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

	/* With nobody listening HLT is undefined: go on behind it. */
	__asm__ volatile("1:	hlt	#0xf000\n"
			 "2:\n"
			 "	.pushsection .ex_table, \"a\"\n"
			 "	.balign	4\n"
			 "	.word	1b - ., 2b - ., 2b - .\n"
			 "	.popsection"
			 : "+r"(x0)
			 : "r"(x1)
			 : "memory");
}
