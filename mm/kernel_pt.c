// SPDX-License-Identifier: BSD-2-Clause
/* The kernel's own tree. Boot (arch) gives it its root; what changes it later comes through here,
 * so that its twin is kept. */
#include "twin.h"
#include <twofold/vmalloc.h>

struct pt kernel_pt = {.live = true};
spinlock_t kernel_pt_lock = SPINLOCK_INIT(RANK_KPT);

int kernel_pt_map(vaddr_t va, paddr_t pa, size_t size, prot_t prot)
{
	int err;

	spin_lock(&kernel_pt_lock);
	err = pt_map(&kernel_pt, va, pa, size, prot);
	if (!err && twin_exists(&kernel_twin))
		kernel_twin_map(va.va, pa, size, prot);
	spin_unlock(&kernel_pt_lock);
	return err;
}

int kernel_pt_unmap(vaddr_t va, size_t size)
{
	int err;

	spin_lock(&kernel_pt_lock);
	err = pt_unmap(&kernel_pt, va, size);
	if (!err && twin_exists(&kernel_twin))
		kernel_twin_unmap(va.va, size);
	spin_unlock(&kernel_pt_lock);
	return err;
}
