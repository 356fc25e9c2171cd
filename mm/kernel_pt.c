// SPDX-License-Identifier: BSD-2-Clause
/* The kernel's own tree. Boot (arch) gives it its root; vmalloc and ioremap change it later. */
#include <twofold/vmalloc.h>

struct pt kernel_pt = {.live = true};
spinlock_t kernel_pt_lock = SPINLOCK_INIT(RANK_KPT);
