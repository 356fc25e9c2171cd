// SPDX-License-Identifier: BSD-2-Clause
/* The kernel's own tree: boot gives it its root (arch), vmalloc and ioremap most of its changes. */
#include <twofold/log.h>
#include <twofold/pt.h>

struct pt kernel_pt = {.live = true};
spinlock_t kernel_pt_lock = SPINLOCK_INIT(RANK_KPT);

/* A writable page counts as written. */
static prot_t kernel_prot(prot_t prot)
{
	return prot | PT_GLOBAL | PT_YOUNG | (prot & PT_WRITE ? PT_DIRTY : 0);
}

int kernel_map(vaddr_t va, paddr_t pa, size_t size, prot_t prot)
{
	int err;

	spin_lock(&kernel_pt_lock);
	err = pt_map(&kernel_pt, va, pa, size, kernel_prot(prot));
	spin_unlock(&kernel_pt_lock);
	return err;
}

void kernel_unmap(vaddr_t va, size_t size)
{
	int err;

	spin_lock(&kernel_pt_lock);
	err = pt_unmap(&kernel_pt, va, size);
	spin_unlock(&kernel_pt_lock);
	CHECK(!err);
}

void kernel_protect(vaddr_t va, size_t size, prot_t clear, prot_t set)
{
	int err;

	set = set & PT_WRITE ? set | PT_DIRTY : set;
	spin_lock(&kernel_pt_lock);
	err = pt_protect(&kernel_pt, va, size, clear, set);
	spin_unlock(&kernel_pt_lock);
	CHECK(!err);
}
