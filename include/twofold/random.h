/* SPDX-License-Identifier: BSD-2-Clause */
/* Random bytes. kernel/random.c says what they are good for. */
#ifndef TWOFOLD_RANDOM_H
#define TWOFOLD_RANDOM_H

#include <stddef.h>

void random_bytes(void *buf, size_t len); /* may sleep */

#endif
