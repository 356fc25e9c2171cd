/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The oracle: an x86-64 image that loads page tables into its CPU's CR3, makes accesses through
 * them, and compares what the MMU did with what the software MMU said before. docs/oracle.md.
 * One core, no interrupts; nothing here is called from anywhere else.
 */
#ifndef ORACLE_H
#define ORACLE_H

#include <twofold/log.h>
#include <twofold/softmmu.h>

#include "layout.h"

/* Entries as hardware reads them (SDM volume 3A, 4.5.4): ptfmt.h is among what is judged. */
#define ENTRY_P BIT(0)
#define ENTRY_A BIT(5)
#define ENTRY_D BIT(6)
#define ENTRY_PS BIT(7)
#define ENTRY_ADDRESS GENMASK(51, 12)

/* A page fault's error code (4.7). */
#define ERROR_P 0x01u
#define ERROR_W 0x02u
#define ERROR_U 0x04u
#define ERROR_RSVD 0x08u
#define ERROR_I 0x10u

/* ---- cpu.c ---- */

#define CR0_WP BIT(16)
#define CR4_PGE BIT(7)
#define CR4_SMEP BIT(20)
#define CR4_SMAP BIT(21)
#define EFER_NXE BIT(11)
#define RFLAGS_FIXED BIT(1)
#define RFLAGS_AC BIT(18)
#define VECTOR_BP 3
#define VECTOR_GP 13
#define VECTOR_PF 14

/* What this CPU is, read once from CPUID. */
struct cpu {
	bool smep, smap, nx, page_1g;
	unsigned maxphyaddr;
	const char *emulator; /* "TCG", "KVM", or "hardware" */
	bool no_p_with_rsvd;  /* TCG of QEMU 7.2: see check.c */
};
extern struct cpu cpu;

/* The control bits that a pass chooses. */
struct controls {
	bool wp, smep, smap, nxe, pge;
};

/* Segments, traps, and what CPUID says. */
void cpu_init(void);
/* check.c: do traps arrive as they should, from both rings? Finds no_p_with_rsvd, too. */
bool cpu_check(void);
/* Sets them and CR3 (the tree whose root is at `root`); mmu becomes what the CPU now has. */
void cpu_set(const struct controls *controls, paddr_t root, struct x86_64_mmu *mmu);
/* Back to the tables that the image was booted with. */
void cpu_leave(void);

static inline void invlpg(uint64_t va)
{
	asm volatile("invlpg (%0)" : : "r"(va) : "memory");
}

/* ---- view.c: physical memory, as OWN_SLOT shows it in each tree ---- */

extern const struct mmu_memory view_memory; /* for the software MMU: reads only */

void view_init(uint64_t ram_end);
static inline uint64_t *view(paddr_t pa)
{
	return (uint64_t *)(VIEW_BASE + pa.pa);
}
/* Is it memory that a probe may read, write (it is put back) and run? */
bool view_safe(paddr_t pa);
bool view_has(paddr_t pa);
/* A frame that is zero, from the pool of tables; all of them are free again after pool_reset(). */
paddr_t pool_frame(void);
void pool_reset(void);
/* Makes a tree loadable: a copy of its root with the view in OWN_SLOT. False: the slot is taken. */
bool view_adopt(paddr_t root, paddr_t *copy);

/* ---- random.c ---- */

void random_seed(uint64_t seed);
uint64_t random64(void);
/* 0 to n - 1. */
static inline unsigned random_below(unsigned n)
{
	return (unsigned)(random64() >> 32) % n;
}
/* 1 in n times. */
static inline bool random_once_in(unsigned n)
{
	return random_below(n) == 0;
}

/* ---- probe.c ---- */

/* One access. */
struct probe {
	uint64_t va;
	enum mmu_access access;
	unsigned cpl; /* 0 or 3 */
	bool ac;      /* EFLAGS.AC */
};

/* What the MMU made of it. */
struct outcome {
	bool ok;
	uint8_t vector; /* not ok */
	uint32_t error; /* not ok */
	uint64_t cr2;	/* #PF */
	bool at_pa;	/* ok: it reached the physical address that was predicted */
	uint64_t value; /* ok, MMU_READ */
};

struct score {
	uint64_t mappings[PT_LEVELS]; /* by level */
	uint64_t absent, holes;	      /* absent: not zero, not present: swapped, in the twin */
	uint64_t probes, agreed, skipped;
	uint64_t stamps;     /* read, and right; probes too */
	uint64_t flawed;     /* error codes compared but for the flaw cpu.no_p_with_rsvd */
	uint64_t flags_free; /* faulting walks that set accessed flags, or did not, as they may */
};
extern struct score total;

/* The tree that is loaded, for what is printed. */
struct session {
	const char *name;
	struct controls controls;
	struct x86_64_mmu mmu;
	struct score score;
};
extern struct session session;

/* Starts a tree's score; its end prints one line and adds to the total. */
void session_begin(const char *name);
void session_end(void);
/* Loads a root (of view_adopt()) with these control bits. */
void session_load(const struct controls *controls, paddr_t root);

/* Asks the software MMU, then the CPU, and compares; entries and memory are put back. */
void probe_judge(const struct probe *probe);
/* Only asks the CPU, which is predicted to reach pa, or (no pa) to fault: entries stay as it left
 * them. */
struct outcome probe_make(const struct probe *probe, const paddr_t *pa);
/* A disagreement: the first ones in full. */
void probe_differs(const struct probe *probe, const char *fmt, ...) __printf(2, 3);

/* ---- passes ---- */

struct tree {
	const char *name;
	paddr_t root;
	paddr_t shared; /* entries 256 to 511 that this root has as well are left out; 0: none */
	unsigned every; /* under other control bits than all: one page in so many */
};
/* tree.c: each mapping and each hole beside one, with all control bits on, then with each choice of
 * fewer whose bit in `choices` is set. */
void tree_judge(const struct tree *tree, unsigned choices);
#define ALL_CHOICES ~0u

/*
 * stamp.c: the first word of each page of [start, end) is its address, exclusive-or tag: so the
 * program left it. Ring 0 reads what there is of them through `tree`.
 */
struct stamp {
	const char *tree;
	uint64_t start, end, tag;
};
void stamp_judge(const struct tree *tree, const struct stamp *stamp);

/* random.c: trees of random entries, under some choices each. */
void random_trees(unsigned count, bool brief);

/* format.c: what arch/x86_64/ptfmt.h promises, held against the CPU without the software MMU. */
void format_judge(void);

/* ---- console.c ---- */

void console_init(void);
void print(const char *fmt, ...) __printf(1, 2);
void power_off(void) __noreturn;

#endif
