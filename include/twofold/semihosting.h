/* SPDX-License-Identifier: BSD-2-Clause */
/* Semihosting: calls to the debugger, or emulator, that the machine runs under. */
#ifndef TWOFOLD_SEMIHOSTING_H
#define TWOFOLD_SEMIHOSTING_H

/* Ends the emulator with this status. Where nobody listens it is an undefined instruction. */
void semihosting_exit(int status);

#endif
