/* SPDX-License-Identifier: BSD-2-Clause */
/* The oracle judges trees that others made: it has formats, and no walker of its own. */
#ifndef ARCH_PT_LIVE_H
#define ARCH_PT_LIVE_H

#endif
