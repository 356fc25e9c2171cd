// SPDX-License-Identifier: BSD-2-Clause
/* What the CPUs make of the entries on the way to an address: the software MMUs are asked. */
#include "fields.h"
#include "walk.h"
#include "words.h"
#include <arch/arm64/ptfmt.h>
#include <arch/x86_64/control.h>
#include <stdio.h>
#include <string.h>

/* TCR_EL1 (Arm ARM D19.2.139): the hardware sets the accessed flag, and the dirty state. */
#define TCR_HA BIT(39)
#define TCR_HD BIT(40)

static enum pte_kind kind_of(enum side side, const struct tree_entry *e)
{
	return side == ARM ? arm64_kind(e->value, e->level) : x86_64_kind(e->value, e->level);
}

static enum entry layout_of(enum side side, const struct tree_entry *e)
{
	switch (kind_of(side, e)) {
	case PTE_TABLE:
		return ENTRY_TABLE;
	case PTE_LEAF:
		return ENTRY_LEAF;
	default:
		return ENTRY_INVALID;
	}
}

static const char *kind_words(enum side side, const struct tree_entry *e)
{
	static const char *const leaves[] = {"page", "2 MiB block", "1 GiB block", "block"};

	switch (kind_of(side, e)) {
	case PTE_EMPTY:
		return "empty";
	case PTE_SOFT:
		return e->value & 1 ? "reserved encoding" : "software's";
	case PTE_TABLE:
		return "table";
	default:
		return leaves[e->level];
	}
}

/* Wide enough to be an address, which is told elsewhere. */
static bool is_address(const struct field *f)
{
	return f->high - f->low >= 35;
}

void entry_flags(enum side side, const struct tree_entry *e, char *buf, size_t size)
{
	const struct layout *layout = &layouts[side][layout_of(side, e)];
	size_t n = (size_t)snprintf(buf, size, "%s:", kind_words(side, e));

	for (size_t i = 0; i < layout->n && n < size; i++) {
		const struct field *f = &layout->fields[i];
		uint64_t value = e->value >> f->low & (~0ull >> (63 - (f->high - f->low)));

		if (!value || (is_address(f) && layout_of(side, e) != ENTRY_INVALID))
			continue;
		if (f->high == f->low)
			n += (size_t)snprintf(buf + n, size - n, " %s", f->name);
		else
			n += (size_t)snprintf(buf + n, size - n,
					      value < 10 ? " %s=%llu" : " %s=%#llx", f->name,
					      (unsigned long long)value);
	}
	if (n < size && buf[n - 1] == ':')
		buf[n - 1] = '\0';
}

/* ---- asking ---- */

static bool load(void *arg, paddr_t pa, uint64_t *value)
{
	const struct tree *tree = arg;

	for (unsigned i = 0; i < tree->n; i++)
		if (tree->entries[i].at == pa.pa) {
			*value = tree->entries[i].value;
			return true;
		}
	return false;
}

/* One access. `hardware_flags`: as if ARM's CPU set AF and dirty state itself. */
static void ask(const struct walk *walk, enum side side, enum mmu_access access, bool user,
		bool hardware_flags, struct mmu_result *result)
{
	struct tree tree = walk->trees[side];
	const struct mmu_memory memory = {.load = load, .arg = &tree};
	const struct control *c = &walk->control;
	struct arm64_mmu arm = {.ttbr0 = tree.root,
				.ttbr1 = tree.root,
				.tcr = c->tcr,
				.sctlr = c->sctlr,
				.mair = c->mair,
				.pan = c->pan,
				.has_pan = c->pan,
				.hafdbs = c->hafdbs};
	struct x86_64_mmu x86 = x86_64_mmu_on(PADDR(tree.root));

	if (hardware_flags) {
		arm.hafdbs = true;
		arm.tcr |= TCR_HA | TCR_HD;
	}
	x86.pat = c->pat;
	if (side == ARM)
		arm64_mmu_access(&arm, &memory, VADDR(walk->va), access, user ? 0 : 1, false,
				 result);
	else
		x86_64_mmu_access(&x86, &memory, VADDR(walk->va), access, user ? 3 : 0, result);
}

static void accept(struct verdict *v, enum side side, const struct mmu_result *r)
{
	v->mapped = true;
	v->pa = r->pa.pa;
	v->level = r->level;
	v->memory = side == ARM ? mair_words(r->memory_type) : pat_words(r->memory_type);
}

/* Why some of it costs a fault first, or is not allowed. */
static const char *note_of(const struct walk *walk, enum side side, bool user, const bool late[3])
{
	const struct tree *tree = &walk->trees[side];
	const struct tree_entry *leaf = tree->n ? &tree->entries[tree->n - 1] : NULL;

	if (!leaf || kind_of(side, leaf) != PTE_LEAF)
		return "";
	if (side == X86)
		return !user && leaf->value & X86_64_PTE_US ? "(a user page: SMAP, SMEP)" : "";
	if (late[MMU_READ])
		return "(AF clear: the first access faults)";
	if (late[MMU_WRITE])
		return "(clean: the first write faults)";
	if (!user && leaf->value & ARM64_PTE_AP_EL0)
		return walk->control.pan ? "(a user page: PAN)"
					 : "(a user page; the CPU lacks PAN)";
	return "";
}

static void find_rights(const struct walk *walk, enum side side, bool user, struct verdict *v)
{
	struct rights *rights = user ? &v->user : &v->kernel;
	struct mmu_result now, with_flags;
	bool late[3] = {false, false, false};

	for (enum mmu_access access = MMU_READ; access <= MMU_EXEC; access++) {
		ask(walk, side, access, user, false, &now);
		ask(walk, side, access, user, true, &with_flags);
		rights->may[access] = with_flags.ok;
		late[access] = with_flags.ok && !now.ok;
		if (with_flags.ok)
			accept(v, side, &with_flags);
	}
	rights->note = note_of(walk, side, user, late);
}

void judge(const struct walk *walk, enum side side, struct verdict *v)
{
	struct mmu_result read;

	*v = (struct verdict){0};
	find_rights(walk, side, false, v);
	find_rights(walk, side, true, v);
	ask(walk, side, MMU_READ, true, false, &read);
	if (read.ok)
		return;
	if (side == ARM)
		esr_words(read.esr, v->fault, sizeof(v->fault));
	else
		vector_words(read.vector, read.error, v->fault, sizeof(v->fault));
}
