// SPDX-License-Identifier: BSD-2-Clause
/* Both software MMUs, asked about the trees of one address space. */
#include <arch/context.h>
#include <arch/mmu.h>
#include <arch/x86_64/control.h>
#include <twofold/explain.h>
#include <twofold/page.h>
#include <twofold/vmalloc.h>

static bool load_entry(void *unused, paddr_t pa, uint64_t *value)
{
	(void)unused;
	if (!pfn_valid(pa_to_pfn(pa)))
		return false;
	*value = mmu_load(pa_to_ptr(pa));
	return true;
}

static const struct mmu_memory memory = {.load = load_entry};

/* A walk from a program's root may end in the kernel's tables. */
static void lock_tables(struct mm *mm)
{
	spin_lock(&mm->pt_lock);
	spin_lock(&kernel_pt_lock);
}

static void unlock_tables(struct mm *mm)
{
	spin_unlock(&kernel_pt_lock);
	spin_unlock(&mm->pt_lock);
}

/* Whether the twin may say less than the live tree, or older flags. */
static bool may_lag(const struct mm *mm)
{
	return cpu_has_haf() || !mm->twin.root.pa || READ_ONCE(mm->twin_lost);
}

void contrast_sync(struct mm *mm)
{
	if (may_lag(mm))
		twin_sync(mm);
}

/* Its leaves are made accessed and dirty: hardware has no flags to set. */
void contrast_sync_kernel(void)
{
	if (!kernel_twin_lost())
		return;
	spin_lock(&kernel_pt_lock);
	twin_sync_kernel();
	spin_unlock(&kernel_pt_lock);
}

void contrast_arm64(struct mm *mm, uint64_t va, enum mmu_access access, bool user,
		    struct mmu_result *result)
{
	struct arm64_mmu mmu = arm64_mmu_now(mm->pt.root);

	lock_tables(mm);
	arm64_mmu_access(&mmu, &memory, VADDR(va), access, user ? 0 : 1, false, result);
	unlock_tables(mm);
}

bool contrast_x86_64(struct mm *mm, uint64_t va, enum mmu_access access, bool user,
		     struct mmu_result *result)
{
	struct x86_64_mmu mmu = x86_64_mmu_on(mm->twin.root);

	if (!mmu.cr3)
		return false;
	mmu.ac = !user;
	lock_tables(mm);
	x86_64_mmu_access(&mmu, &memory, VADDR(va), access, user ? 3 : 0, result);
	unlock_tables(mm);
	return true;
}

void prot_letters(prot_t prot, char letters[PROT_LETTERS])
{
	static const char all[] = "wxugad";

	_Static_assert(PT_WRITE == BIT(0) && PT_EXEC == BIT(1) && PT_USER == BIT(2) &&
			       PT_GLOBAL == BIT(3) && PT_YOUNG == BIT(4) && PT_DIRTY == BIT(5),
		       "in the order of the letters");
	letters[0] = 'r';
	for (unsigned i = 0; i < sizeof(all) - 1; i++)
		letters[1 + i] = prot >> i & 1 ? all[i] : '-';
	letters[7] = prot & PT_DEVICE ? 'D' : prot & PT_NOCACHE ? 'N' : 'W';
	letters[8] = '\0';
}
