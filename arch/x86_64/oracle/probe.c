// SPDX-License-Identifier: BSD-2-Clause
/*
 * One access: what the software MMU says, what the CPU does, and whether they are the same.
 *
 *   read    a random word is put at the predicted physical address, and read through the tree
 *   write   a random word is written through the tree, and looked for there
 *   execute INT3 is put there and jumped to: #BP, with RIP behind it
 *
 * Before each probe INVLPG has the CPU forget the address, and what its walk caches hold of any
 * (SDM volume 3A, 4.10.4.1); afterwards memory and entries are what they were.
 */
#include <twofold/string.h>

#include "oracle.h"

#define INT3 0xcc
#define SHOWN 10 /* disagreements that are printed in full */

struct trap {
	uint64_t vector, error, rip, cs, rflags, rsp, ss, rax, cr2;
};

typedef const char code_t[];
extern code_t user_read, user_write, user_exec, supervisor_read, supervisor_write, supervisor_exec;
extern volatile struct trap trap;
void probe_run(const char *code, uint64_t va, uint64_t value, uint64_t rflags, int ring3);
void unexpected_trap(void);

struct session session;
struct score total;
static uint64_t shown;

void unexpected_trap(void)
{
	panic("vector %lu, error %#lx, at %#lx, cr2 %#lx", trap.vector, trap.error, trap.rip,
	      trap.cr2);
}

static const char *code_of(const struct probe *p)
{
	static const char *const code[2][3] = {
		{supervisor_read, supervisor_write, supervisor_exec},
		{user_read, user_write, user_exec},
	};

	return code[p->cpl == 3][p->access];
}

/* ---- what the CPU does ---- */

/* Where a successful access lands, what was there, and what shows that it landed. */
struct bait {
	volatile uint64_t *word;
	uint64_t old, magic;
};

static void lay(struct bait *bait, const struct probe *p, paddr_t pa)
{
	bait->word = view(PADDR(pa.pa & ~7ull));
	bait->old = *bait->word;
	bait->magic = random64();
	if (p->access == MMU_READ)
		*bait->word = bait->magic;
	else if (p->access == MMU_EXEC)
		*(volatile uint8_t *)view(pa) = INT3;
}

/* Did the access go where the bait was? It is taken away. */
static bool taken(const struct bait *bait, const struct probe *p)
{
	uint64_t now = *bait->word;

	*bait->word = bait->old;
	switch (p->access) {
	case MMU_READ:
		return trap.rax == bait->magic;
	case MMU_WRITE:
		return now == bait->magic;
	default:
		return trap.rip == p->va + 1;
	}
}

struct outcome probe_make(const struct probe *p, const paddr_t *pa)
{
	struct bait bait = {.magic = random64()};
	struct outcome outcome = {0};

	if (pa)
		lay(&bait, p, *pa);
	invlpg(p->va);
	probe_run(code_of(p), p->va, bait.magic, RFLAGS_FIXED | (p->ac ? RFLAGS_AC : 0),
		  p->cpl == 3);
	outcome.ok = trap.vector == (p->access == MMU_EXEC ? VECTOR_BP : DONE_VECTOR);
	if (pa)
		outcome.at_pa = taken(&bait, p) && outcome.ok;
	outcome.value = trap.rax;
	if (outcome.ok)
		return outcome;
	outcome.vector = (uint8_t)trap.vector;
	outcome.error = (uint32_t)trap.error;
	outcome.cr2 = trap.vector == VECTOR_PF ? trap.cr2 : 0;
	return outcome;
}

/* ---- comparing ---- */

static void print_probe(const struct probe *p)
{
	static const char *const names[] = {"read", "write", "execute"};
	const struct controls *c = &session.controls;

	print("oracle: DIFFERS: %s: %s %s at %#lx, with%s%s%s%s%s%s\n", session.name,
	      p->cpl ? "user" : "supervisor", names[p->access], p->va, c->wp ? " WP" : "",
	      c->smep ? " SMEP" : "", c->smap ? " SMAP" : "", c->nxe ? " NXE" : "",
	      c->pge ? " PGE" : "", p->ac ? " AC" : "");
}

void probe_differs(const struct probe *p, const char *fmt, ...)
{
	char text[256];
	va_list args;

	if (shown++ >= SHOWN)
		return;
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	print_probe(p);
	print("oracle:   %s\n", text);
}

static void show_steps(const struct mmu_result *want)
{
	if (shown > SHOWN)
		return;
	for (unsigned i = 0; i < want->nr_steps; i++)
		print("oracle:   level %u entry at %#lx: was %#lx, predicted %#lx, is %#lx\n",
		      3 - i, want->steps[i].at.pa, want->steps[i].was, want->steps[i].is,
		      *view(want->steps[i].at));
}

/* The error code to expect: the predicted one, but for the emulator's known flaw. */
static uint32_t expected_error(const struct mmu_result *want)
{
	bool flaw = cpu.no_p_with_rsvd && want->vector == VECTOR_PF && want->error & ERROR_RSVD;

	session.score.flawed += flaw;
	return flaw ? want->error & ~ERROR_P : want->error;
}

static bool same_outcome(const struct probe *p, const struct mmu_result *want,
			 const struct outcome *got)
{
	if (want->ok == got->ok && want->ok && got->at_pa)
		return true;
	if (want->ok == got->ok && !want->ok && want->vector == got->vector &&
	    expected_error(want) == got->error && want->cr2 == got->cr2)
		return true;
	if (want->ok)
		probe_differs(p, "predicted: reaches %#lx; CPU: vector %u, error %#x, cr2 %#lx%s",
			      want->pa.pa, got->vector, got->error, got->cr2,
			      got->ok ? " (reached something else)" : "");
	else
		probe_differs(p,
			      "predicted: vector %u, error %#x, cr2 %#lx; CPU: %s %u, error %#x, "
			      "cr2 %#lx",
			      want->vector, want->error, want->cr2,
			      got->ok ? "no fault," : "vector", got->vector, got->error, got->cr2);
	return false;
}

/*
 * Accessed and dirty, of each entry on the way. Where the access faults the CPU may have marked as
 * accessed any entry that it used, or none (SDM volume 3A, 4.8: set whenever used for translation,
 * which does not say that the translation succeeds); all else must be as predicted.
 */
static bool same_flags(const struct probe *p, const struct mmu_result *want)
{
	bool same = true;

	for (unsigned i = 0; i < want->nr_steps; i++) {
		const struct mmu_step *step = &want->steps[i];
		uint64_t now = *view(step->at);

		if (now == step->is)
			continue;
		if (!want->ok && !((now ^ step->was) & ~(uint64_t)ENTRY_A)) {
			session.score.flags_free++;
			continue;
		}
		probe_differs(p, "level %u entry at %#lx: predicted %#lx, is %#lx", 3 - i,
			      step->at.pa, step->is, now);
		same = false;
	}
	return same;
}

static void put_back(const struct mmu_result *want)
{
	for (unsigned i = 0; i < want->nr_steps; i++)
		*view(want->steps[i].at) = want->steps[i].was;
}

static bool on_the_way(const struct mmu_result *want, paddr_t pa)
{
	for (unsigned i = 0; i < want->nr_steps; i++)
		if (want->steps[i].at.pa == (pa.pa & ~7ull))
			return true;
	return false;
}

/*
 * The prediction, for a word of p's page in which the bait is no entry of the walk itself (the
 * kernel's direct map shows its own tables). False: what p reaches is not for us to touch.
 */
static bool predict(struct probe *p, struct mmu_result *want)
{
	struct x86_64_mmu mmu = session.mmu;

	mmu.ac = p->ac;
	do {
		p->va = (p->va & PAGE_MASK) | (random64() & (PAGE_SIZE - 8));
		x86_64_mmu_access(&mmu, &view_memory, VADDR(p->va), p->access, p->cpl, want);
	} while (want->ok && on_the_way(want, want->pa));
	return !want->ok || view_safe(want->pa);
}

void probe_judge(const struct probe *probe)
{
	struct probe p = *probe;
	struct mmu_result want;
	struct outcome got;
	bool same;

	if (!predict(&p, &want)) {
		session.score.skipped++;
		return;
	}
	got = probe_make(&p, want.ok ? &want.pa : NULL);
	same = same_outcome(&p, &want, &got);
	if (!same)
		show_steps(&want);
	same &= same_flags(&p, &want);
	put_back(&want);
	session.score.probes++;
	session.score.agreed += same;
}

/* ---- sessions ---- */

void session_begin(const char *name)
{
	session.name = name;
	session.score = (struct score){0};
}

void session_load(const struct controls *controls, paddr_t root)
{
	session.controls = *controls;
	cpu_set(controls, root, &session.mmu);
}

static void print_mappings(const uint64_t mappings[PT_LEVELS])
{
	uint64_t blocks = mappings[1] + mappings[2];

	print("%lu mappings", mappings[0] + blocks);
	if (blocks)
		print(" (%lu of 2 MiB, %lu of 1 GiB)", mappings[1], mappings[2]);
	print(", ");
}

void session_end(void)
{
	const struct score *s = &session.score;

	cpu_leave();
	print("oracle: %s: ", session.name);
	print_mappings(s->mappings);
	if (s->absent)
		print("%lu tokens, ", s->absent);
	print("%lu holes, %lu probes, %lu agreed", s->holes, s->probes, s->agreed);
	if (s->stamps)
		print(", %lu stamps", s->stamps);
	if (s->skipped)
		print(", %lu skipped (the address is not this machine's memory)", s->skipped);
	print("\n");
	total.probes += s->probes;
	total.agreed += s->agreed;
	total.flags_free += s->flags_free;
	total.flawed += s->flawed;
}
