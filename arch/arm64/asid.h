/* SPDX-License-Identifier: BSD-2-Clause */
/* Address space identifiers: tags of TLB entries, fewer than there may be address spaces. */
#ifndef ARM64_ASID_H
#define ARM64_ASID_H

#include <twofold/pt.h>

#define ASID_MASK 0xffffull /* the hardware's part of asid_t; the rest counts generations */

/* The hardware ASID under which this core may use pt from now on; forgets stale entries first. */
uint64_t asid_get(struct pt *pt);

#endif
