// SPDX-License-Identifier: BSD-2-Clause
/*
 * contrast fault: a child makes the access while /proc/contrast/explain records its faults, and
 * /proc/contrast/faults says afterwards what each machine makes of it.
 */
#define _GNU_SOURCE
#include "fault.h"
#include "words.h"
#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define EXPLAIN PROC "/contrast/explain"
#define FAULTS PROC "/contrast/faults"

/* A line of /proc/contrast/faults. */
struct record {
	bool found;
	uint64_t va, esr, far, error, cr2;
	char vector[8], did[32], signal[32];
};

static struct attempt *attempt;
static sigjmp_buf after;

/* ---- in the child ---- */

static void on_signal(int signo, siginfo_t *info, void *context)
{
	(void)context;
	attempt->signo = signo;
	attempt->code = info->si_code;
	siglongjmp(after, 1);
}

static void catch_signals(void)
{
	struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO};

	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGBUS, &action, NULL);
}

static void record_me(void)
{
	char what[32];

	attempt->pid = getpid();
	snprintf(what, sizeof(what), "record %d", attempt->pid);
	if (!file_write(EXPLAIN, what))
		die("%s: %m", EXPLAIN);
}

__attribute__((noreturn)) static void make_attempt(const struct kind *kind)
{
	if (kind->prepare(attempt)) {
		catch_signals();
		record_me();
		if (sigsetjmp(after, 1) == 0)
			kind->access(attempt);
		attempt->made = true;
	}
	if (attempt->helper)
		kill(attempt->helper, SIGKILL);
	_exit(0);
}

/* ---- what came of it ---- */

static bool parse_record(const char *line, int *pid, struct record *r)
{
	char error[20], cr2[20];

	if (sscanf(line,
		   "%*u %d %*s %" SCNx64 " %*s %" SCNx64 " %" SCNx64 " %7s %19s %19s %31s %31s",
		   pid, &r->va, &r->esr, &r->far, r->vector, error, cr2, r->did, r->signal) != 9)
		return false;
	r->error = strtoull(error, NULL, 0);
	r->cr2 = strtoull(cr2, NULL, 0);
	return true;
}

/* The first fault of the process in the page of the attempt: what is mapped by it may fault too. */
static void find_record(struct record *found)
{
	const uint64_t page = ~0xfffull, at = (uintptr_t)attempt->at;
	struct lines lines;
	struct record r;
	int pid;

	*found = (struct record){0};
	if (!lines_read(&lines, FAULTS, NULL))
		die("%s: %m", FAULTS);
	for (size_t i = 0; i < lines.n && !found->found; i++) {
		if (!parse_record(lines.line[i], &pid, &r))
			die("%s: cannot read \"%s\"", FAULTS, lines.line[i]);
		if (pid == attempt->pid && !((r.va ^ at) & page)) {
			*found = r;
			found->found = true;
		}
	}
	lines_free(&lines);
}

/* Whatever was explained before is explained again. */
static void run(const struct kind *kind, struct record *record)
{
	struct lines before;
	pid_t child;

	memset(attempt, 0, sizeof(*attempt));
	fflush(stdout);
	if (!lines_read(&before, EXPLAIN, NULL))
		die("%s: %m", EXPLAIN);
	child = fork();
	if (child == 0)
		make_attempt(kind);
	if (child < 0 || waitpid(child, NULL, 0) != child)
		die("fork: %m");
	/* Recording someone who is gone goes back to none, too. */
	if (before.n && !file_write(EXPLAIN, before.line[0]) && !file_write(EXPLAIN, "0"))
		die("%s: %m", EXPLAIN);
	lines_free(&before);
	find_record(record);
}

/* ---- telling ---- */

static const struct {
	const char *word, *sentence;
} deeds[] = {
	{"nothing", "found it done already"},
	{"access-flag", "set the accessed flag"},
	{"zero-page", "mapped the page of zeros that all share, read-only"},
	{"fresh-page", "mapped a fresh page of zeros"},
	{"own-page", "mapped the page that is there"},
	{"object-page", "mapped the page of the file"},
	{"object-copy", "mapped a copy of the file's page"},
	{"cow-copy", "mapped a copy of the page, which another process has too"},
	{"cow-reuse", "made the page writable where it is"},
	{"dirty", "marked the page dirty"},
	{"device", "mapped the device's page again"},
	{"signal", "sent "},
	{"killed", "ran out of memory, and killed it"},
};

static const char *deed(const char *word)
{
	for (size_t i = 0; i < sizeof(deeds) / sizeof(deeds[0]); i++)
		if (strcmp(deeds[i].word, word) == 0)
			return deeds[i].sentence;
	return word;
}

/* "own-page,swap,major" and kin, in words. */
static void kernel_words(const struct record *r, char *buf, size_t size)
{
	char did[sizeof(r->did)];

	memcpy(did, r->did, sizeof(did));
	did[strcspn(did, ",")] = '\0';
	snprintf(buf, size, "%s%s%s%s%s", strstr(r->did, ",stack") ? "grew the stack, " : "",
		 strstr(r->did, ",swap") ? "brought the page back from swap, " : "", deed(did),
		 strcmp(r->signal, "-") == 0 ? "" : r->signal,
		 strstr(r->did, ",major") ? " (a major fault: it waited for the disk)" : "");
}

/* Why x86 takes no fault where ARM takes one. */
static const char *why_none(const struct record *r)
{
	if (esr_is_pc_alignment(r->esr))
		return "no fault: an instruction may begin at any byte";
	if (esr_is_alignment(r->esr))
		return "no fault: any alignment will do (but for EFLAGS.AC: #AC)";
	if (esr_is_access_flag(r->esr))
		return "no fault: the CPU sets A itself";
	return strcmp(r->did, "dirty") == 0 ? "no fault: the CPU sets D itself" : "no fault";
}

static void print_arm(const struct record *r)
{
	char words[128], text[256];

	esr_words(r->esr, words, sizeof(words));
	snprintf(text, sizeof(text), "%s; ESR_EL1 %#" PRIx64 ", FAR_EL1 %#" PRIx64, words, r->esr,
		 r->far);
	print_wrapped("  ARM     ", 10, text);
}

static void print_x86(const struct record *r)
{
	char words[96], text[160];

	if (strcmp(r->vector, "none") == 0) {
		print_wrapped("  x86     ", 10, why_none(r));
	} else if (strcmp(r->vector, "off") == 0) {
		print_wrapped("  x86     ", 10, "not known: twin=off");
	} else {
		unsigned vector = (unsigned)atoi(r->vector);

		vector_words(vector, (uint32_t)r->error, words, sizeof(words));
		snprintf(text, sizeof(text),
			 vector == 14 ? "%s; CR2 %#" PRIx64 : "%s; CR2 as it was", words, r->cr2);
		print_wrapped("  x86     ", 10, text);
	}
}

static void print_kind(const struct kind *kind, const struct record *r)
{
	char text[160], heading[48];

	snprintf(heading, sizeof(heading), "%s: ", kind->name);
	print_wrapped(heading, 2, kind->what);
	if (*attempt->why) {
		print_wrapped("  not provoked: ", 10, attempt->why);
	} else if (!r->found) {
		print_wrapped("  ARM     ", 10,
			      attempt->made ? "no fault: the CPU sets the flag itself (FEAT_HAFDBS)"
					    : "nothing recorded, and the process died");
	} else {
		print_arm(r);
		print_x86(r);
		kernel_words(r, text, sizeof(text));
		print_wrapped("  kernel  ", 10, text);
	}
}

static void json_record(const struct record *r)
{
	char words[128];

	json_open("arm64", '{');
	json_hex("esr", r->esr);
	json_hex("far", r->far);
	esr_words(r->esr, words, sizeof(words));
	json_string("words", "%s", words);
	json_close();
	json_open("x86_64", '{');
	json_string("vector", "%s", r->vector);
	json_hex("error", r->error);
	json_hex("cr2", r->cr2);
	json_close();
	json_string("did", "%s", r->did);
	json_string("signal", "%s", r->signal);
}

static void json_kind(const struct kind *kind, const struct record *r)
{
	json_open(NULL, '{');
	json_string("kind", "%s", kind->name);
	json_hex("va", (uintptr_t)attempt->at);
	json_bool("fault", r->found);
	if (*attempt->why)
		json_string("not_provoked", "%s", attempt->why);
	if (r->found)
		json_record(r);
	json_close();
}

static void tell(const struct kind *kind)
{
	struct record record;

	run(kind, &record);
	if (json)
		json_kind(kind, &record);
	else
		print_kind(kind, &record);
}

static const struct kind *find_kind(const char *name)
{
	for (size_t i = 0; i < nr_kinds; i++)
		if (strcmp(kinds[i].name, name) == 0)
			return &kinds[i];
	fprintf(stderr, "contrast: no such kind of fault as %s; there are\n", name);
	for (size_t i = 0; i < nr_kinds; i++)
		fprintf(stderr, "  %-15s  %s\n", kinds[i].name, kinds[i].what);
	usage();
}

int cmd_fault(int argc, char **argv)
{
	for (int i = 0; i < argc; i++)
		find_kind(argv[i]);
	attempt = mmap(NULL, sizeof(*attempt), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		       -1, 0);
	if (attempt == MAP_FAILED)
		die("%m");
	if (json) {
		json_open(NULL, '{');
		json_string("command", "fault");
		json_open("faults", '[');
	}
	for (int i = 0; i < argc; i++)
		tell(find_kind(argv[i]));
	for (size_t i = 0; !argc && i < nr_kinds; i++)
		tell(&kinds[i]);
	if (json) {
		json_close();
		json_close();
	}
	return 0;
}
