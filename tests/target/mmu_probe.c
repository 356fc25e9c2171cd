// SPDX-License-Identifier: BSD-2-Clause
/* See mmu_probe.h. Syndromes: Arm ARM D19.2.40; control bits: D19.2, by register name. */
#include <arch/at.h>
#include <arch/context.h>
#include <twofold/boot.h>
#include <twofold/page.h>
#include <twofold/selftest.h>
#include <twofold/string.h>

#include "mmu_probe.h"

#define TCR_TBI0 BIT(37)
#define TCR_HA BIT(39)
#define TCR_HD BIT(40)
#define TCR_HPD0 BIT(41)
#define SCTLR_WXN BIT(19)

#define SPSR_EL0 0ull	       /* M: EL0t, AArch64 */
#define SPSR_EL1 5ull	       /* M: EL1h */
#define SPSR_MASKED (0xf << 6) /* D, A, I, F */
#define SPSR_PAN BIT(22)

#define ESR_EC_SHIFT 26
#define ESR_EC_SVC 0x15u
#define ESR_SVC_IMM GENMASK(15, 0)

#define MAIR_NORMAL_NC 0x44

#define LEAF_AF BIT(10) /* D8.3 */
#define LEAF_SH GENMASK(9, 8)

#define SHOWN 10 /* differences told in full */

/* What mmu_enter.S takes and gives. */
struct probe_frame {
	uint64_t va, value, pc, pstate;
	uint64_t esr, far, elr;
};
_Static_assert(offsetof(struct probe_frame, pc) == 16 && offsetof(struct probe_frame, esr) == 32 &&
		       offsetof(struct probe_frame, elr) == 48,
	       "mmu_enter.S");

void mmu_probe_enter(struct probe_frame *p);

const struct mmu_way mmu_ways[NR_MMU_WAYS] = {
	{.name = "EL1 load", .access = MMU_READ, .el = 1, .obeys_pan = true},
	{.name = "EL1 store", .access = MMU_WRITE, .el = 1, .obeys_pan = true},
	{.name = "EL1 fetch", .access = MMU_EXEC, .el = 1, .obeys_pan = true},
	{.name = "EL0 load", .access = MMU_READ},
	{.name = "EL0 store", .access = MMU_WRITE},
	{.name = "EL0 fetch", .access = MMU_EXEC},
	{.name = "LDTR", .access = MMU_READ, .unprivileged = true, .obeys_pan = true},
	{.name = "STTR", .access = MMU_WRITE, .unprivileged = true, .obeys_pan = true},
	{.name = "AT S1E1R", .access = MMU_READ, .el = 1, .at = at_s1e1r},
	{.name = "AT S1E1W", .access = MMU_WRITE, .el = 1, .at = at_s1e1w},
	{.name = "AT S1E0R", .access = MMU_READ, .at = at_s1e0r},
	{.name = "AT S1E0W", .access = MMU_WRITE, .at = at_s1e0w},
	{.name = "AT S1E1RP", .access = MMU_READ, .el = 1, .at = at_s1e1rp, .obeys_pan = true},
	{.name = "AT S1E1WP", .access = MMU_WRITE, .el = 1, .at = at_s1e1wp, .obeys_pan = true},
};

static struct {
	unsigned agreed, differ, excused, left_out;
} tally;

/* ---- this core, for a while ---- */

bool mmu_settings_possible(const struct mmu_settings *set)
{
	unsigned hafdbs = id_field(id_aa64mmfr1_el1, 0);

	return (!set->pan || cpu_has_pan()) && (!set->ha || hafdbs >= 1) &&
	       (!set->hd || hafdbs >= 2) && (!set->hpd0 || id_field(id_aa64mmfr1_el1, 12) >= 1);
}

/* TLBs may hold copies of the control bits (D8.13): all entries go. */
static void set_control(uint64_t tcr, uint64_t sctlr)
{
	write_sysreg(tcr_el1, tcr);
	write_sysreg(sctlr_el1, sctlr);
	__asm__ volatile("isb\n\ttlbi vmalle1\n\tdsb nsh\n\tisb" ::: "memory");
}

/* PARange; above 48 bits there is nothing that 4 KiB descriptors can say without FEAT_LPA2. */
static unsigned pa_bits(void)
{
	static const uint8_t bits[] = {32, 36, 40, 42, 44, 48};

	return bits[MIN(id_field(id_aa64mmfr0_el1, 0), ARRAY_SIZE(bits) - 1)];
}

void mmu_begin(struct mmu_session *s)
{
	uint64_t tcr, sctlr;

	s->flags = irq_save();
	s->tcr = read_sysreg(tcr_el1);
	s->sctlr = read_sysreg(sctlr_el1);
	tcr = (s->tcr & ~(TCR_HA | TCR_HD)) | (s->set->ha ? TCR_HA : 0) |
	      (s->set->hd ? TCR_HD : 0) | (s->set->hpd0 ? TCR_HPD0 : 0);
	sctlr = s->sctlr | (s->set->wxn ? SCTLR_WXN : 0);
	set_control(tcr, sctlr);
	s->mmu = (struct arm64_mmu){
		.ttbr0 = read_sysreg(ttbr0_el1),
		.ttbr1 = read_sysreg(ttbr1_el1),
		.tcr = tcr,
		.sctlr = sctlr,
		.mair = read_sysreg(mair_el1),
		.hafdbs = cpu_has_hafdbs(),
		.has_pan = cpu_has_pan(),
		.has_epan = id_field(id_aa64mmfr1_el1, 20) >= 3,
		.pa_bits = pa_bits(),
	};
}

void mmu_end(struct mmu_session *s)
{
	set_control(s->tcr, s->sctlr);
	irq_restore(s->flags);
}

void mmu_forget(vaddr_t va)
{
	__asm__ volatile("dsb nshst\n\ttlbi vaae1, %0\n\tdsb nsh\n\tisb" ::"r"(va.va >> PAGE_SHIFT &
									       GENMASK(43, 0))
			 : "memory");
}

/* ---- what is expected ---- */

/* Tables are in RAM, and a leaf that is looked at as a table may be anywhere. */
static bool load_entry(void *arg, paddr_t pa, uint64_t *value)
{
	(void)arg;
	if (!in_direct_map(pa))
		return false;
	*value = mmu_load(pa_to_ptr(pa));
	return true;
}

void mmu_predict(const struct mmu_session *s, const struct mmu_way *way, vaddr_t va,
		 struct mmu_result *result)
{
	const struct mmu_memory memory = {.load = load_entry};
	struct arm64_mmu mmu = s->mmu;

	mmu.pan = s->set->pan && way->obeys_pan;
	arm64_mmu_access(&mmu, &memory, va, way->access, way->el, way->unprivileged, result);
}

static bool is_device(const struct mmu_result *r)
{
	return !(r->memory_type & 0xf0); /* MAIR_EL1: 0b0000dd00 */
}

/*
 * D19.2, PAR_EL1.SH: device and non-cacheable memory is told as outer shareable (2), whatever the
 * leaf says; QEMU 7.2 tells what the leaf says.
 */
static bool shareability_as_told(uint64_t par, const struct mmu_result *r)
{
	uint64_t leaf = (r->steps[r->nr_steps - 1].was & LEAF_SH) >> 8, sh = (par & PAR_SH) >> 7;

	return sh == leaf || (sh == 2 && (is_device(r) || r->memory_type == MAIR_NORMAL_NC));
}

/* ---- what happens ---- */

static uint64_t content(paddr_t pa)
{
	return MMU_SVC(pa.pa / sizeof(uint64_t) & 0xffff) | (pa.pa >> PAGE_SHIFT) << 32;
}

void mmu_fill(paddr_t page)
{
	uint64_t *p = pa_to_ptr(page);

	for (unsigned i = 0; i < PAGE_SIZE / sizeof(*p); i++)
		p[i] = content(pa_add(page, i * sizeof(*p)));
	icache_sync(p, PAGE_SIZE);
}

static vaddr_t stub(const struct mmu_session *s, const struct mmu_way *way)
{
	vaddr_t base = way->el || way->unprivileged ? ptr_to_va(mmu_stubs) : s->user_stubs;

	return va_add(base, 8 * (2 * way->unprivileged + (way->access == MMU_WRITE)));
}

/* What a branch puts into the PC: the tag goes on the way (D8.8, TCR_EL1.TBI0; TBI1 is clear). */
static vaddr_t branch_address(const struct mmu_session *s, vaddr_t va)
{
	return s->mmu.tcr & TCR_TBI0 && !(va.va & BIT(55)) ? VADDR(va.va & GENMASK(55, 0)) : va;
}

static void enter(const struct mmu_session *s, const struct mmu_way *way, struct probe_frame *p)
{
	p->pc = way->access == MMU_EXEC ? p->va : stub(s, way).va;
	p->pstate = SPSR_MASKED | (way->el || way->unprivileged ? SPSR_EL1 : SPSR_EL0);
	if (s->set->pan && way->obeys_pan)
		p->pstate |= SPSR_PAN;
	mmu_probe_enter(p);
}

static bool faulted_as(const struct probe_frame *p, const struct mmu_result *r)
{
	return p->esr == r->esr && p->far == r->far && p->elr == p->pc;
}

/* It came to the SVC behind the access; or, a fetch, to the SVC that stands there. */
static bool went_through(const struct probe_frame *p, enum mmu_access access)
{
	return p->esr >> ESR_EC_SHIFT == ESR_EC_SVC &&
	       p->elr == p->pc + (access == MMU_EXEC ? 4 : 8);
}

static bool fetched(const struct probe_frame *p, uint64_t word)
{
	return MMU_SVC(p->esr & ESR_SVC_IMM) == (uint32_t)word;
}

/* Makes the access. True: it was made, and of *word; what was there comes back. */
static bool make_access(const struct mmu_session *s, const struct mmu_way *way,
			struct probe_frame *p, uint64_t *word)
{
	uint64_t before = READ_ONCE(*word), after;

	p->value = ~before;
	enter(s, way, p);
	after = READ_ONCE(*word);
	if (way->access == MMU_WRITE && after != before)
		WRITE_ONCE(*word, before);
	if (!went_through(p, way->access))
		return false;
	if (way->access == MMU_EXEC)
		return fetched(p, before);
	return way->access == MMU_READ ? p->value == before : after == ~before;
}

bool mmu_try(const struct mmu_session *s, const struct mmu_way *way, vaddr_t va, paddr_t pa)
{
	struct probe_frame p = {.va = va.va};

	return make_access(s, way, &p, pa_to_ptr(pa));
}

static bool accessed_as(const struct mmu_session *s, const struct mmu_way *way,
			struct probe_frame *p, const struct mmu_result *r)
{
	uint64_t nowhere = 0;

	if (r->ok)
		return make_access(s, way, p, pa_to_ptr(r->pa));
	return !make_access(s, way, p, &nowhere) && faulted_as(p, r);
}

static bool translated_as(uint64_t par, const struct mmu_result *r)
{
	if (r->ok)
		return !(par & PAR_F) && (par & PAR_PA) == (r->pa.pa & PAR_PA) &&
		       par >> 56 == r->memory_type && shareability_as_told(par, r);
	return (par & PAR_F) && (par & PAR_FST) >> 1 == (r->esr & 0x3f);
}

/*
 * Where TCR_EL1.HA is set the accessed flag may be set by a walk that ends in a permission fault,
 * and by speculation (D8.5.1); what an address translation instruction sets is its own affair.
 */
static bool entries_as_told(const struct mmu_session *s, const struct mmu_way *way,
			    const struct mmu_result *r)
{
	uint64_t ignored = s->set->ha && !r->ok ? LEAF_AF : 0;

	for (unsigned i = 0; i < r->nr_steps && !(way->at && s->set->ha); i++)
		if ((mmu_load(pa_to_ptr(r->steps[i].at)) ^ r->steps[i].is) & ~ignored)
			return false;
	return true;
}

/*
 * Where hardware manages the dirty state, a clean page of a writable leaf counts as writable for
 * all permissions, fetches too: EL1 may not execute what EL0 may write, nobody under WXN (D8.4.1,
 * the effective value of AP[2]). QEMU so far takes it for read-only until it is written.
 */
static bool excused(const struct mmu_session *s, const struct mmu_way *way, vaddr_t va,
		    const struct probe_frame *p)
{
	struct mmu_session other = *s;
	struct mmu_result r;

	if (way->access != MMU_EXEC || !s->set->hd)
		return false;
	other.mmu.tcr &= ~TCR_HD;
	mmu_predict(&other, way, va, &r);
	return r.ok && went_through(p, MMU_EXEC) && fetched(p, *(uint64_t *)pa_to_ptr(r.pa));
}

/* ---- both ---- */

bool mmu_way_possible(const struct mmu_session *s, const struct mmu_way *way)
{
	if (way->at)
		return !way->obeys_pan || id_field(id_aa64mmfr1_el1, 20) >= 2;
	return way->el || way->unprivileged || way->access == MMU_EXEC || s->user_stubs.va;
}

/* Nothing else is run: it comes back at once. */
static bool is_svc(uint32_t insn)
{
	return (insn & ~MMU_SVC(0xffff)) == 0 && (insn & MMU_SVC(0)) == MMU_SVC(0);
}

static bool harmless(const struct mmu_session *s, const struct mmu_way *way,
		     const struct mmu_result *r)
{
	if (way->at || !r->ok)
		return true;
	if (is_device(r) || !in_direct_map(r->pa))
		return false;
	if (way->access == MMU_EXEC)
		return is_svc(*(uint32_t *)pa_to_ptr(r->pa));
	return way->access == MMU_READ || !s->look_only;
}

static void tell(const struct mmu_session *s, const struct mmu_way *way, vaddr_t va,
		 const struct mmu_result *r, const struct probe_frame *p, uint64_t par)
{
	const struct mmu_settings *set = s->set;

	selftest_note("%s at %#lx differs; PAN %d HA %d HD %d HPD0 %d WXN %d", way->name,
		      (unsigned long)va.va, set->pan, set->ha, set->hd, set->hpd0, set->wxn);
	for (unsigned i = 0; i < r->nr_steps; i++)
		selftest_note("  entry %#lx, to be %#lx, is %#lx", (unsigned long)r->steps[i].was,
			      (unsigned long)r->steps[i].is,
			      (unsigned long)mmu_load(pa_to_ptr(r->steps[i].at)));
	if (r->ok)
		selftest_note("  to reach %#lx, type %#x", (unsigned long)r->pa.pa, r->memory_type);
	else
		selftest_note("  to fault: ESR %#lx FAR %#lx", (unsigned long)r->esr,
			      (unsigned long)r->far);
	if (way->at)
		selftest_note("  PAR is %#lx", (unsigned long)par);
	else
		selftest_note("  ESR is %#lx FAR %#lx ELR %#lx value %#lx", (unsigned long)p->esr,
			      (unsigned long)p->far, (unsigned long)p->elr,
			      (unsigned long)p->value);
}

/* The instruction obeys PSTATE.PAN as it stands; the kernel runs with it set. */
static uint64_t translate(const struct mmu_session *s, const struct mmu_way *way, vaddr_t va)
{
	bool lift = s->mmu.has_pan && !s->set->pan;
	uint64_t par;

	if (lift)
		__asm__ volatile(PAN_CLEAR ::: "memory");
	par = way->at(va);
	if (lift)
		__asm__ volatile(PAN_SET ::: "memory");
	return par;
}

void mmu_probe(const struct mmu_session *s, const struct mmu_way *way, vaddr_t va)
{
	struct probe_frame p;
	struct mmu_result r;
	uint64_t par = 0;
	bool same;

	if (way->access == MMU_EXEC)
		va = branch_address(s, va);
	p = (struct probe_frame){.va = va.va};
	mmu_predict(s, way, va, &r);
	if (!harmless(s, way, &r)) {
		tally.left_out++;
		return;
	}
	if (way->at) {
		par = translate(s, way, va);
		same = translated_as(par, &r);
	} else {
		same = accessed_as(s, way, &p, &r);
	}
	if (same && entries_as_told(s, way, &r))
		tally.agreed++;
	else if (excused(s, way, va, &p))
		tally.excused++;
	else if (tally.differ++ < SHOWN)
		tell(s, way, va, &r, &p, par);
}

void mmu_probe_all(const struct mmu_session *s, vaddr_t va)
{
	for (const struct mmu_way *way = mmu_ways; way < mmu_ways + NR_MMU_WAYS; way++) {
		if (!mmu_way_possible(s, way) || (way->at && s->set->ha))
			continue;
		mmu_forget(va);
		mmu_probe(s, way, va);
	}
}

void mmu_tally_begin(void)
{
	memset(&tally, 0, sizeof(tally));
}

bool mmu_tally_end(void)
{
	selftest_note("%u probes agreed, %u differ", tally.agreed, tally.differ);
	if (tally.left_out)
		selftest_note("%u left out: they would do something to what is not ours",
			      tally.left_out);
	if (tally.excused)
		selftest_note("%u fetches from clean pages excused, as QEMU makes them",
			      tally.excused);
	return tally.agreed && !tally.differ;
}
