// SPDX-License-Identifier: BSD-2-Clause
/*
 * What arch/x86_64/ptfmt.h promises of each leaf, held against the CPU directly: no software MMU
 * has a say. Every prot_t at every level, every access; then tokens, which must fault.
 */
#include <arch/x86_64/ptfmt.h>

#include "oracle.h"

#define VA 0x0000123456789000 /* other indices at every level */

/* The way to VA: the slot of the level under test, and the root that leads there. */
struct path {
	paddr_t root;
	uint64_t *slot;
};

static struct path make_path(int level)
{
	struct path path = {.root = pool_frame()};
	paddr_t table = path.root;

	for (int l = PT_LEVELS - 1;; l--) {
		path.slot = &view(table)[VA >> (PAGE_SHIFT + 9 * l) & (PT_ENTRIES - 1)];
		if (l == level)
			return path;
		table = pool_frame();
		*path.slot = x86_64_table(table);
	}
}

/* The page that VA is in, where each level's leaf points; all of it memory. */
static paddr_t target(int level)
{
	static const uint64_t targets[] = {0x15555000, 0x15600000, SZ_1G};

	return PADDR(targets[level]);
}

static bool allowed(prot_t prot, const struct probe *p)
{
	bool user = prot & PT_USER;
	bool data = p->cpl == 3 ? user : !user || p->ac || !cpu.smap;

	switch (p->access) {
	case MMU_READ:
		return data;
	case MMU_WRITE:
		return data && prot & PT_WRITE;
	default:
		return prot & PT_EXEC && (p->cpl == 3 ? user : !user || !cpu.smep);
	}
}

/* A page fault with the error code that the access has; `why`: ERROR_P, or nothing is there. */
static bool as_promised(const struct probe *p, const struct outcome *got, uint32_t why)
{
	uint32_t error = why | (p->access == MMU_WRITE ? ERROR_W : 0) |
			 (p->cpl == 3 ? ERROR_U : 0) | (p->access == MMU_EXEC ? ERROR_I : 0);

	return !got->ok && got->vector == VECTOR_PF && got->error == error && got->cr2 == p->va;
}

static void count(bool agreed)
{
	session.score.probes++;
	session.score.agreed += agreed;
}

/* A fault may leave the accessed flag either way (SDM volume 3A, 4.8). */
static bool flags_kept(prot_t was, prot_t is, const struct probe *p, bool ok)
{
	if (!ok)
		return is == was || is == (was | PT_YOUNG);
	return is == (was | PT_YOUNG | (p->access == MMU_WRITE ? PT_DIRTY : 0));
}

/* What the CPU took for a leaf that leads to pa must read as one. */
static bool decoded(uint64_t entry, int level)
{
	return x86_64_kind(entry, level) == PTE_LEAF &&
	       x86_64_addr(entry, level).pa == target(level).pa;
}

/* Nothing is run that reading shows to be somewhere else: it might never come back. */
static bool may_run(const struct probe *p, const paddr_t *pa)
{
	struct probe look = {.va = p->va, .access = MMU_READ, .cpl = p->cpl, .ac = true};

	return p->access != MMU_EXEC || probe_make(&look, pa).at_pa;
}

static void judge_leaf(const struct path *path, int level, prot_t prot, const struct probe *p)
{
	uint64_t offset = p->va & (PT_SPAN(level) - 1);
	paddr_t pa = pa_add(target(level), offset);
	bool ok = allowed(prot, p);
	struct outcome got = {0};
	prot_t now;
	bool agreed;

	*path->slot = x86_64_leaf(level, target(level), prot);
	if (!ok || may_run(p, &pa)) {
		*path->slot = x86_64_leaf(level, target(level), prot);
		got = probe_make(p, ok ? &pa : NULL);
	}
	now = x86_64_prot(*path->slot, level);
	agreed = got.ok == ok && (ok ? got.at_pa : as_promised(p, &got, ERROR_P)) &&
		 flags_kept(prot, now, p, ok) && decoded(*path->slot, level);
	count(agreed);
	if (!agreed)
		probe_differs(p,
			      "level %d, prot %#x: %s promised; entry %#lx; CPU: %s, error %#x; "
			      "now prot %#x",
			      level, prot, ok ? "access" : "fault", *path->slot,
			      !got.ok		 ? "fault"
			      : got.at_pa || !ok ? "access"
						 : "elsewhere",
			      got.error, now);
}

static void judge_token(const struct path *path, uint64_t token, const struct probe *p)
{
	struct outcome got;
	bool agreed;

	*path->slot = x86_64_soft(token);
	got = probe_make(p, NULL);
	agreed = as_promised(p, &got, 0);
	count(agreed);
	if (!agreed)
		probe_differs(p, "token %#lx: no fault, or error %#x", token, got.error);
}

/* The three accesses, from ring 3, and from ring 0 with EFLAGS.AC clear and set. */
static struct probe nth_probe(unsigned n, int level)
{
	/* Inside of what is memory in a 1 GiB block, too. */
	uint64_t inside = random64() & (MIN(PT_SPAN(level), 32 * SZ_1M) - 8);

	return (struct probe){
		.va = ALIGN_DOWN(VA, PT_SPAN(level)) + inside,
		.access = (enum mmu_access)(n % 3),
		.cpl = n < 3 ? 3 : 0,
		.ac = n >= 6,
	};
}

static void judge_level(int level)
{
	struct path path = make_path(level);
	struct controls all = {true, cpu.smep, cpu.smap, true, true};
	struct probe p;
	paddr_t root;

	CHECK(view_adopt(path.root, &root));
	session_load(&all, root);
	for (unsigned n = 0; n < (cpu.smap ? 9 : 6); n++) {
		for (prot_t prot = 0; prot <= PT_ALL; prot++) {
			if ((prot & PT_TYPE) == PT_TYPE)
				continue;
			p = nth_probe(n, level);
			judge_leaf(&path, level, prot, &p);
		}
		for (unsigned bit = 0; bit <= PT_TOKEN_BITS; bit++) {
			p = nth_probe(n, level);
			judge_token(&path, BIT(bit) - 1, &p);
			judge_token(&path, BIT(bit) & (BIT(PT_TOKEN_BITS) - 1), &p);
		}
	}
	session.score.mappings[level] += PT_ALL + 1 - (PT_ALL + 1) / 4;
}

void format_judge(void)
{
	session_begin("ptfmt.h");
	pool_reset();
	for (int level = 0; level < PT_LEVELS; level++)
		if (x86_64_leaf_ok(level))
			judge_level(level);
	session_end();
}
