// SPDX-License-Identifier: BSD-2-Clause
/* Registers and call chains in words. Trusts no pointer: it runs when things are broken. */
#include <arch/context.h>
#include <arch/sysreg.h>
#include <arch/uaccess.h>
#include <twofold/boot.h>
#include <twofold/log.h>

#include "boot.h"

#define MAX_FRAMES 32

/* Made by tools/ksyms, sorted by address; offsets are from _image, and into the names. */
extern const uint32_t ksyms_count, ksyms_offsets[], ksyms_names_off[];
extern const char ksyms_names[];

static bool is_text(uint64_t addr)
{
	return (addr >= (uintptr_t)_text && addr < (uintptr_t)_etext) ||
	       (addr >= (uintptr_t)__init_begin && addr < (uintptr_t)__inittext_end);
}

/* The last symbol at or before `offset`; there is one. */
static uint32_t find_symbol(uint64_t offset)
{
	uint32_t lo = 0, hi = ksyms_count;

	while (hi - lo > 1) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (ksyms_offsets[mid] <= offset)
			lo = mid;
		else
			hi = mid;
	}
	return lo;
}

const char *ksym_name(uint64_t addr, char *buf, size_t size)
{
	uint64_t offset = addr - (uintptr_t)_image, end;
	uint32_t i;

	if (!is_text(addr) || !ksyms_count || ksyms_offsets[0] > offset) {
		snprintf(buf, size, "?");
		return buf;
	}
	i = find_symbol(offset);
	end = i + 1 < ksyms_count ? ksyms_offsets[i + 1] : (uint64_t)(__inittext_end - _image);
	snprintf(buf, size, "%s+%#lx/%#lx", &ksyms_names[ksyms_names_off[i]],
		 (unsigned long)(offset - ksyms_offsets[i]),
		 (unsigned long)(end - ksyms_offsets[i]));
	return buf;
}

static void show_frame(uint64_t pc)
{
	char name[96];

	pr_err("  [<%016lx>] %s", (unsigned long)pc, ksym_name(pc, name, sizeof(name)));
}

/* Frame records (AAPCS64 6.4.6): the caller's record, and the return address. They ascend. */
static void walk_frames(uint64_t fp)
{
	for (int i = 0; i < MAX_FRAMES && fp && fp % 8 == 0; i++) {
		uint64_t next, lr;

		if (!arch_probe_read(VADDR(fp), &next) || !arch_probe_read(VADDR(fp + 8), &lr))
			return;
		if (!is_text(lr) || lr == (uintptr_t)kthread_start) /* where threads begin */
			return;
		show_frame(lr - 4); /* the call, not what follows it */
		if (next <= fp)
			return;
		fp = next;
	}
}

void backtrace(const struct trapframe *tf)
{
	pr_err("call trace:");
	show_frame(tf->pc);
	if (is_text(tf->x[30]) && tf->x[30] - 4 != tf->pc)
		show_frame(tf->x[30] - 4);
	walk_frames(tf->x[29]);
}

void show_registers(const struct trapframe *tf)
{
	char name[96];

	pr_err("pc  %016lx  %s", (unsigned long)tf->pc, ksym_name(tf->pc, name, sizeof(name)));
	pr_err("lr  %016lx  %s", (unsigned long)tf->x[30],
	       ksym_name(tf->x[30], name, sizeof(name)));
	pr_err("sp  %016lx  pstate %08lx", (unsigned long)tf->sp, (unsigned long)tf->pstate);
	for (int i = 0; i < 30; i += 3)
		pr_err("x%-2d %016lx  x%-2d %016lx  x%-2d %016lx", i, (unsigned long)tf->x[i],
		       i + 1, (unsigned long)tf->x[i + 1], i + 2, (unsigned long)tf->x[i + 2]);
}

void show_system_registers(void)
{
	pr_err("SCTLR_EL1 %016lx  TCR_EL1   %016lx", read_sysreg(sctlr_el1), read_sysreg(tcr_el1));
	pr_err("TTBR0_EL1 %016lx  TTBR1_EL1 %016lx", read_sysreg(ttbr0_el1),
	       read_sysreg(ttbr1_el1));
	pr_err("last exception: ESR_EL1 %08lx  FAR_EL1 %016lx", read_sysreg(esr_el1),
	       read_sysreg(far_el1));
}
