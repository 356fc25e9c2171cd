// SPDX-License-Identifier: BSD-2-Clause
/*
 * Before the MMU is judged: is this a CPU that delivers traps? Some hypervisors that do without
 * hardware support do not, and then no disagreement would mean anything.
 */
#include <twofold/string.h>

#include "oracle.h"

/* A root with one entry that the CPU must refuse: PS is reserved in a PML4E. */
static paddr_t refused_root(void)
{
	paddr_t root = pool_frame();

	view(root)[0] = ENTRY_P | ENTRY_PS;
	return root;
}

static bool faults(const struct probe *p, uint32_t error)
{
	struct outcome got = probe_make(p, NULL);

	return !got.ok && got.vector == VECTOR_PF && got.error == error && got.cr2 == p->va;
}

/* Entry 1 of the root is empty. */
static bool check_not_present(void)
{
	struct probe user = {.va = BIT(39) + 0x123, .access = MMU_WRITE, .cpl = 3};
	struct probe supervisor = {.va = BIT(40) + 0x456, .access = MMU_READ};

	return faults(&user, ERROR_W | ERROR_U) && faults(&supervisor, 0);
}

/* The oracle's own word, which ring 0 may read, and run INT3 in. */
static bool check_success(void)
{
	static uint64_t word;
	paddr_t pa = PADDR((uintptr_t)&word - VIEW_BASE);
	struct probe p = {.va = (uintptr_t)&word};

	for (p.access = MMU_READ; p.access <= MMU_EXEC; p.access++)
		if (!probe_make(&p, &pa).at_pa)
			return false;
	return true;
}

/*
 * RSVD is only set together with P (SDM volume 3A, 4.7). QEMU's TCG lost P in release 7.2. Where
 * it is so, it must be so always.
 */
static void check_reserved(void)
{
	struct probe p = {.va = 0x789, .access = MMU_READ};

	cpu.no_p_with_rsvd = !strcmp(cpu.emulator, "TCG") && faults(&p, ERROR_RSVD);
}

bool cpu_check(void)
{
	static const struct controls all_off;
	paddr_t root;
	bool ok;

	session_begin("check");
	CHECK(view_adopt(refused_root(), &root));
	session_load(&all_off, root);
	ok = check_not_present() && check_success();
	check_reserved();
	cpu_leave();
	pool_reset();
	return ok;
}
