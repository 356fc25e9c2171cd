/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What both machines make of an address, and of a fault: the software MMUs asked about the trees of
 * an address space (kernel/contrast.c), and faults told in words (kernel/explain.c).
 */
#ifndef TWOFOLD_EXPLAIN_H
#define TWOFOLD_EXPLAIN_H

#include <twofold/contrast.h>
#include <twofold/fs.h>
#include <twofold/softmmu.h>

/* ---- the two MMUs ---- */

/* This core's registers, with `user_root` in TTBR0. arch/arm64/contrast.c */
struct arm64_mmu arm64_mmu_now(paddr_t user_root);

/*
 * What each MMU does with an access by a program (`user`), or by the kernel on its behalf (PAN off,
 * EFLAGS.AC set). Tables stay as they are. Takes their locks; none of these may be held.
 */
void contrast_arm64(struct mm *mm, uint64_t va, enum mmu_access access, bool user,
		    struct mmu_result *result);
/* False: there is no twin. */
bool contrast_x86_64(struct mm *mm, uint64_t va, enum mmu_access access, bool user,
		     struct mmu_result *result);

/* twin_sync() and twin_sync_kernel() where they are needed. May sleep; for who holds no spinlock.
 */
void contrast_sync(struct mm *mm);
void contrast_sync_kernel(void);

/* What a leaf says, one letter each, '-' where it does not: r w x u(ser) g(lobal) a(ccessed)
 * d(irty), and its memory type: W write-back, N non-cached, D device. */
#define PROT_LETTERS 9
void prot_letters(prot_t prot, char letters[PROT_LETTERS]);

/* ---- faults told ---- */

/* A fault as the hardware reported it, and what the trees said before anybody handled it. */
struct fault_story {
	/* by the trap code */
	const char *exception; /* "data abort" */
	const char *fault;     /* "translation fault", or "" */
	int arm_level;	       /* Arm's number, or -1 */
	uint64_t esr, far;
	uint64_t va; /* as the program gave it, tag and all */
	enum mmu_access access;
	bool user;	 /* taken from EL0; else in a system call */
	bool misaligned; /* of no concern to x86 */
	/* by explain_before() */
	bool twin;	       /* there is one */
	bool old, clean;       /* a leaf is there: not accessed; writable but not written to */
	struct mmu_result x86; /* if there is a twin */
	char place[120];       /* the area, and what it has there, in words */
};

/* explain=1 or a process id; before the first program. */
void explain_init(void);
bool explain_wanted(void); /* somebody wants to hear of the current task's faults */

static inline bool fault_is_explained(void)
{
	return unlikely(explain_pid != EXPLAIN_NONE) && explain_wanted();
}

/* Looks at the fault before it is handled; no lock held; sleeps. */
void explain_before(struct fault_story *story);
/* Logs it and keeps it for /proc/contrast/faults. err as from mm_fault(). */
void explain_after(const struct fault_story *story, int err, const struct fault_signal *sig);
/* The files of /proc/contrast about it. */
ssize_t explain_store(const char *text, size_t len, void *unused);
int explain_show(struct seq *s, void *unused);
int faults_show(struct seq *s, void *unused);

#endif
