// SPDX-License-Identifier: BSD-2-Clause
/*
 * Faults told for both machines, in two lines of the log:
 *
 *   explain: sh[12] write 0x7ffffe08: ARM data abort, translation fault level 3 (ESR 0x92000047);
 *                                     never touched, in 7ffde000-7ffff000 rw-p [stack]
 *   explain: sh[12]   x86 #PF error 0x6 (user write, not present), CR2 0x7ffffe08; kernel: mapped
 *                                     a fresh page of zeros (minor)
 *
 * and in one line of /proc/contrast/faults each, the last 64 of them, oldest first, in columns:
 *
 *   seq pid comm va access esr far vector error cr2 did signal
 *
 *   seq     counts from 1
 *   comm    spaces and control characters are '_'
 *   va      as the program gave it, tag and all, in hexadecimal, as are esr, far, error, cr2
 *   access  read, write or exec
 *   vector  13 or 14; none: x86 does not fault; off: there is no twin. error and cr2 are '-' where
 *           x86 has none
 *   did     enum fault_did in one word, and after commas: swap (from a slot), major (it was read),
 *           stack (which grew first); signal; killed (no memory); efault (a system call's result)
 *   signal  SIGSEGV/SEGV_MAPERR and kin, or '-'
 */
#include <twofold/errno.h>
#include <twofold/explain.h>
#include <twofold/lock.h>
#include <twofold/log.h>
#include <twofold/params.h>
#include <twofold/string.h>
#include <twofold/swap_area.h>
#include <twofold/task.h>

#define NR_TOLD 64
#define VECTOR_GP 13 /* SDM 3A, table 6-1 */
#define VECTOR_OFF 255

/* #PF's error code (SDM 3A, 4.7). */
#define PF_PRESENT BIT(0)
#define PF_WRITE BIT(1)
#define PF_USER BIT(2)
#define PF_RESERVED BIT(3)
#define PF_FETCH BIT(4)

struct told {
	uint64_t seq, va, esr, far, cr2;
	uint32_t error;
	int pid;
	uint8_t vector; /* 0: x86 does not fault */
	char comm[16], did[32];
	const char *access, *signal;
};

int explain_pid = EXPLAIN_NONE;
static bool quiet; /* only into /proc/contrast/faults */

static spinlock_t told_lock = SPINLOCK_INIT(RANK_EXPLAIN);
static struct told told[NR_TOLD];
static uint64_t nr_told;

/* ---- whose ---- */

bool explain_wanted(void)
{
	int pid = READ_ONCE(explain_pid);

	return current->process && (pid == EXPLAIN_ALL || pid == current->process->pid);
}

/* 0, 1 (every process) or another process's id; false: neither. */
static bool parse_pid(const char *text, int *pid)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (end == text || *text == '-' || (*end && *end != '\n') || n > INT32_MAX)
		return false;
	*pid = n == 1 ? EXPLAIN_ALL : (int)n;
	return true;
}

void explain_init(void)
{
	char value[16];
	int pid;

	if (!param_string("explain", value, sizeof(value)))
		return;
	if (parse_pid(*value ? value : "1", &pid))
		explain_pid = pid;
	else
		pr_warn("explain=%s is neither 0, 1 nor the id of a process", value);
}

ssize_t explain_store(const char *text, size_t len, void *unused)
{
	bool record = !strncmp(text, "record ", 7), one = record || !strncmp(text, "pid ", 4);
	struct process *p;
	int pid;

	(void)unused;
	if (!parse_pid(record ? text + 7 : one ? text + 4 : text, &pid))
		return -EINVAL;
	if (one) {
		pid = pid == EXPLAIN_ALL ? 1 : pid;
		p = process_find(pid);
		if (!p)
			return -ESRCH;
		process_put(p);
	} else if (pid != EXPLAIN_ALL && pid != EXPLAIN_NONE) {
		return -EINVAL;
	}
	WRITE_ONCE(quiet, record);
	WRITE_ONCE(explain_pid, pid);
	return (ssize_t)len;
}

int explain_show(struct seq *s, void *unused)
{
	int pid = READ_ONCE(explain_pid);

	(void)unused;
	if (pid == EXPLAIN_ALL || pid == EXPLAIN_NONE)
		seq_printf(s, "%d\n", pid == EXPLAIN_ALL);
	else
		seq_printf(s, "%s %d\n", READ_ONCE(quiet) ? "record" : "pid", pid);
	return 0;
}

/* ---- before ---- */

/* What the area has for the page. */
static void describe_page(struct fault_story *story, const struct vm_area *area, uint64_t va,
			  char *buf, size_t size)
{
	struct mm *mm = area->mm;
	entry_t entry = area_entry(area, va);
	struct pt_leaf leaf;
	enum pte_kind kind;
	char letters[PROT_LETTERS];
	slot_t slot = entry & ~(uint32_t)ENTRY_SLOT;

	spin_lock(&mm->pt_lock);
	kind = pt_query(&mm->pt, VADDR(va), &leaf);
	spin_unlock(&mm->pt_lock);
	if (kind == PTE_LEAF) {
		story->old = !(leaf.prot & PT_YOUNG);
		story->clean = (leaf.prot & (PT_WRITE | PT_DIRTY)) == PT_WRITE;
		prot_letters(leaf.prot, letters);
		snprintf(buf, size, "entry %s", letters);
	} else if (entry_is_slot(entry)) {
		snprintf(buf, size, "swapped out to area %u slot %u", slot >> 28,
			 slot_offset(slot));
	} else {
		strlcpy(buf, entry ? "in memory, no entry yet" : "never touched", size);
	}
}

/* The part of an address that areas know: ARM ignores its top byte (TCR_EL1.TBI0). */
static uint64_t untagged(uint64_t va)
{
	return va >> 55 & 1 ? va : va & GENMASK(55, 0);
}

static void describe_place(struct fault_story *story, struct mm *mm)
{
	char page[48], rights[5], path[64];
	uint64_t va = untagged(story->va);
	const struct vm_area *area;
	const char *name;

	down_read(&mm->lock);
	area = area_find(mm, va);
	if (!area || va < area->start) {
		strlcpy(story->place, va >> 55 & 1 ? "a kernel address" : "no area there",
			sizeof(story->place));
	} else {
		describe_page(story, area, va, page, sizeof(page));
		area_rights(area, rights);
		name = area_name(area, path, sizeof(path));
		snprintf(story->place, sizeof(story->place), "%s, in %lx-%lx %s%s%s", page,
			 (unsigned long)area->start, (unsigned long)area->end, rights,
			 *name ? " " : "", name);
	}
	up_read(&mm->lock);
}

void explain_before(struct fault_story *story)
{
	struct mm *mm = current->mm;

	story->old = story->clean = false;
	describe_place(story, mm);
	if (READ_ONCE(mm->twin_lost))
		contrast_sync(mm);
	story->twin = contrast_x86_64(mm, story->va, story->access, story->user, &story->x86);
}

/* ---- after ---- */

static const char *access_word(enum mmu_access access)
{
	return access == MMU_EXEC ? "exec" : access == MMU_WRITE ? "write" : "read";
}

static const char *signal_words(const struct fault_signal *sig)
{
	if (sig->signo == SIGSEGV)
		return sig->code == SEGV_ACCERR ? "SIGSEGV/SEGV_ACCERR" : "SIGSEGV/SEGV_MAPERR";
	if (sig->code == BUS_ADRALN)
		return "SIGBUS/BUS_ADRALN";
	return sig->code == BUS_OBJERR ? "SIGBUS/BUS_OBJERR" : "SIGBUS/BUS_ADRERR";
}

static const struct did_words {
	const char *word, *sentence;
} did_words[NR_FAULT_DIDS] = {
	[DID_NOTHING] = {"nothing", "found it done already"},
	[DID_ACCESSED] = {"access-flag", "set the accessed flag"},
	[DID_ZERO_PAGE] = {"zero-page", "mapped the zero page, read-only"},
	[DID_FRESH_PAGE] = {"fresh-page", "mapped a fresh page of zeros"},
	[DID_OWN_PAGE] = {"own-page", "mapped its own page"},
	[DID_OBJECT_PAGE] = {"object-page", "mapped the page of the file"},
	[DID_OBJECT_COPY] = {"object-copy", "copied the file's page"},
	[DID_COW_COPY] = {"cow-copy", "copied the page, which others have too"},
	[DID_COW_REUSE] = {"cow-reuse", "made the page writable where it is"},
	[DID_DEVICE] = {"device", "mapped the device's page again"},
};
static const struct did_words dirty_words = {"dirty", "set the page dirty"};

static const struct did_words *words_of(const struct fault_story *story,
					const struct fault_signal *sig)
{
	bool write = story->access == MMU_WRITE;

	if (story->clean && write &&
	    (sig->told.did == DID_COW_REUSE || sig->told.did == DID_OBJECT_PAGE))
		return &dirty_words;
	return &did_words[sig->told.did];
}

static void kernel_words(const struct fault_story *story, int err, const struct fault_signal *sig,
			 char *buf, size_t size)
{
	if (err == -ENOMEM)
		strlcpy(buf, "no memory: killed", size);
	else if (err)
		strlcpy(buf, story->user ? signal_words(sig) : "the system call gets EFAULT", size);
	else
		snprintf(buf, size, "%s%s%s (%s)", sig->told.grew ? "grew the stack, " : "",
			 sig->told.swapped ? "brought it back from swap, " : "",
			 words_of(story, sig)->sentence, sig->told.major ? "major" : "minor");
}

static void pf_words(uint32_t error, char *buf, size_t size)
{
	snprintf(buf, size, "%s %s, %s", error & PF_USER ? "user" : "supervisor",
		 error & PF_FETCH   ? "fetch"
		 : error & PF_WRITE ? "write"
				    : "read",
		 error & PF_RESERVED  ? "reserved bit set"
		 : error & PF_PRESENT ? "protection"
				      : "not present");
}

static const char *why_no_fault(const struct fault_story *story)
{
	if (story->misaligned && story->access == MMU_EXEC)
		return ": instructions lie anywhere";
	if (story->misaligned)
		return ": any alignment will do (with EFLAGS.AC: #AC)";
	if (story->old)
		return ": it sets A itself";
	if (story->clean && story->access == MMU_WRITE)
		return ": it sets D itself";
	return "";
}

static void x86_words(const struct fault_story *story, char *buf, size_t size)
{
	const struct mmu_result *r = &story->x86;
	char why[48];

	if (!story->twin) {
		strlcpy(buf, "x86 not known (twin=off)", size);
	} else if (r->ok) {
		snprintf(buf, size, "x86 no fault%s", why_no_fault(story));
	} else if (r->vector == VECTOR_GP) {
		snprintf(buf, size, "x86 #GP error %#x (not canonical)", r->error);
	} else {
		pf_words(r->error, why, sizeof(why));
		snprintf(buf, size, "x86 #PF error %#x (%s), CR2 %#lx", r->error, why,
			 (unsigned long)r->cr2);
	}
}

static void log_story(const struct fault_story *story, int err, const struct fault_signal *sig)
{
	char x86[112], did[112], level[16] = "";

	x86_words(story, x86, sizeof(x86));
	kernel_words(story, err, sig, did, sizeof(did));
	if (story->arm_level >= 0)
		snprintf(level, sizeof(level), " level %d", story->arm_level);
	pr_info("explain: %s[%d] %s %#lx%s: ARM %s%s%s%s (ESR %#lx); %s", current->comm,
		current->process->pid, access_word(story->access), (unsigned long)story->va,
		story->user ? "" : " in a system call", story->exception, *story->fault ? ", " : "",
		story->fault, level, (unsigned long)story->esr, story->place);
	pr_info("explain: %s[%d]   %s; kernel: %s", current->comm, current->process->pid, x86, did);
}

static void keep_did(struct told *t, const struct fault_story *story, int err,
		     const struct fault_signal *sig)
{
	t->signal = "-";
	if (err == -ENOMEM) {
		strlcpy(t->did, "killed", sizeof(t->did));
	} else if (err) {
		strlcpy(t->did, story->user ? "signal" : "efault", sizeof(t->did));
		t->signal = story->user ? signal_words(sig) : "-";
	} else {
		snprintf(t->did, sizeof(t->did), "%s%s%s%s", words_of(story, sig)->word,
			 sig->told.swapped ? ",swap" : "", sig->told.major ? ",major" : "",
			 sig->told.grew ? ",stack" : "");
	}
}

static void keep_comm(struct told *t)
{
	strlcpy(t->comm, current->comm, sizeof(t->comm));
	for (char *c = t->comm; *c; c++)
		if (*c <= ' ')
			*c = '_';
}

static void keep(const struct fault_story *story, int err, const struct fault_signal *sig)
{
	struct told t = {
		.va = story->va,
		.esr = story->esr,
		.far = story->far,
		.cr2 = story->x86.cr2,
		.error = story->x86.error,
		.pid = current->process->pid,
		.vector = !story->twin	  ? VECTOR_OFF
			  : story->x86.ok ? 0
					  : story->x86.vector,
		.access = access_word(story->access),
	};

	keep_comm(&t);
	keep_did(&t, story, err, sig);
	spin_lock(&told_lock);
	t.seq = ++nr_told;
	told[t.seq % NR_TOLD] = t;
	spin_unlock(&told_lock);
}

void explain_after(const struct fault_story *story, int err, const struct fault_signal *sig)
{
	if (!READ_ONCE(quiet))
		log_story(story, err, sig);
	keep(story, err, sig);
}

/* ---- /proc/contrast/faults ---- */

static void show_x86(struct seq *s, const struct told *t)
{
	if (!t->vector || t->vector == VECTOR_OFF)
		seq_printf(s, "%s - - ", t->vector ? "off" : "none");
	else if (t->vector == VECTOR_GP)
		seq_printf(s, "%u %#x - ", t->vector, t->error);
	else
		seq_printf(s, "%u %#x %#lx ", t->vector, t->error, (unsigned long)t->cr2);
}

int faults_show(struct seq *s, void *unused)
{
	(void)unused;
	spin_lock(&told_lock);
	for (uint64_t i = nr_told > NR_TOLD ? nr_told - NR_TOLD + 1 : 1; i <= nr_told; i++) {
		const struct told *t = &told[i % NR_TOLD];

		seq_printf(s, "%lu %d %s %#lx %s %#lx %#lx ", (unsigned long)t->seq, t->pid,
			   t->comm, (unsigned long)t->va, t->access, (unsigned long)t->esr,
			   (unsigned long)t->far);
		show_x86(s, t);
		seq_printf(s, "%s %s\n", t->did, t->signal);
	}
	spin_unlock(&told_lock);
	return 0;
}
