/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TARGET_CORES_H
#define TARGET_CORES_H

#include <twofold/types.h>

/*
 * Runs fn(core) in a kernel thread on every core at once, and waits for all to end. False: a
 * thread could not be made (those that could have ended). Give each core a share of the work, not
 * a fixed amount: on an emulator with fewer cores of its own a contended lock costs a time slice.
 */
bool on_every_core(void (*fn)(unsigned core));

#endif
