// SPDX-License-Identifier: BSD-2-Clause
/*
 * contrast walk: one address through both trees. /proc/contrast/walk gives the entries; what they
 * mean is fields.c's to say, and what the CPUs would do with them the software MMUs'.
 */
#define _GNU_SOURCE
#include "walk.h"
#include "contrast.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const machine_names[] = {"ARM64: VMSAv8-64, 4 KiB granule, 48 bits",
					    "x86-64: 4-level paging"};
static const char *const root_names[] = {"TTBR", "CR3"};
static const char *const level_names[2][PT_LEVELS] = {{"level 3", "level 2", "level 1", "level 0"},
						      {"PTE", "PDE", "PDPTE", "PML4E"}};
static const char *const index_names[2][PT_LEVELS] = {
	{"L3 index", "L2 index", "L1 index", "L0 index"}, {"PT", "PD", "PDPT", "PML4"}};

/* ---- the reply ---- */

static bool parse_machine(struct tree *tree, const char *text)
{
	struct tree_entry *e = &tree->entries[tree->n];

	if (strcmp(text, "off") == 0)
		return true;
	if (sscanf(text, "root %" SCNx64 " asid %u", &tree->root, &tree->asid) >= 1) {
		tree->there = true;
		return true;
	}
	if (tree->n == PT_LEVELS ||
	    sscanf(text, "entry %d %" SCNx64 " %" SCNx64, &e->level, &e->at, &e->value) != 3 ||
	    e->level < 0 || e->level >= PT_LEVELS)
		return false;
	tree->n++;
	return true;
}

/* Names and values, those to come too. */
static bool parse_control(struct control *c, const char *text)
{
	uint64_t value;
	char name[16];
	char *end;
	int n;

	for (; sscanf(text, "%15s %n", name, &n) == 1; text = end) {
		value = strtoull(text + n, &end, 0);
		if (end == text + n)
			return false;
		if (strcmp(name, "tcr") == 0)
			c->tcr = value;
		else if (strcmp(name, "sctlr") == 0)
			c->sctlr = value;
		else if (strcmp(name, "mair") == 0)
			c->mair = value;
		else if (strcmp(name, "hafdbs") == 0)
			c->hafdbs = value;
		else if (strcmp(name, "pan") == 0)
			c->pan = value;
		else if (strcmp(name, "pat") == 0)
			c->pat = value;
	}
	return !*text;
}

static bool parse_line(struct walk *walk, const char *line)
{
	const char *value;

	if ((value = line_value(line, "arm64")))
		return parse_machine(&walk->trees[ARM], value);
	if ((value = line_value(line, "x86_64")))
		return parse_machine(&walk->trees[X86], value);
	if ((value = line_value(line, "control")))
		return parse_control(&walk->control, value);
	if ((value = line_value(line, "pid")))
		return sscanf(value, "%d", &walk->pid) == 1;
	if ((value = line_value(line, "va")))
		return sscanf(value, "%" SCNx64, &walk->va) == 1;
	if ((value = line_value(line, "area")))
		snprintf(walk->area, sizeof(walk->area), "%s", value);
	else if ((value = line_value(line, "state")))
		snprintf(walk->state, sizeof(walk->state), "%s", value);
	return true; /* keys to come */
}

static void read_walk(struct walk *walk, uint64_t va, int pid)
{
	struct lines lines;
	char what[64];

	snprintf(what, sizeof(what), pid ? "%#" PRIx64 " %d\n" : "%#" PRIx64 "\n", va, pid);
	if (!lines_read(&lines, PROC "/contrast/walk", what)) {
		if (errno == ESRCH)
			die("process %d: %m", pid);
		die("%s/contrast/walk: %m", PROC);
	}
	for (size_t i = 0; i < lines.n; i++)
		if (!parse_line(walk, lines.line[i]))
			die("%s/contrast/walk: cannot read \"%s\"", PROC, lines.line[i]);
	lines_free(&lines);
}

/* ---- what it means ---- */

static const struct {
	const char *state, *words;
} states[] = {
	{"mapped", "mapped"},
	{"in memory",
	 "in memory, and no entry says so: tables are a cache of what the area has, and "
	 "the next access faults the entry back in"},
	{"swapped",
	 "swapped out: the entry keeps the slot, both machines fault on it, and the fault "
	 "handler reads the page back"},
	{"not touched", "not touched: the area promises memory, a page comes with the first access "
			"(demand paging)"},
	{"no area", "unmapped: no area covers it, an access is SIGSEGV"},
	{"kernel", "the kernel's: a program's access is SIGSEGV"},
	{"non-canonical",
	 "not canonical: x86 refuses it (#GP) before it reads a table; ARM finds no entry "
	 "for it"},
};

/* The area and what is there are told of addresses as x86 has them: without a tag. */
static bool is_tagged(const struct walk *walk)
{
	return !(walk->va >> 55 & 1) && walk->va >> 56;
}

static const char *state_words(const struct walk *walk)
{
	if (is_tagged(walk))
		return "tagged: x86 refuses it (#GP) before it reads a table; ARM ignores bits "
		       "63:56 (TBI)";
	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++)
		if (strncmp(walk->state, states[i].state, strlen(states[i].state)) == 0)
			return states[i].words;
	return walk->state;
}

static void write_index(enum side side, uint64_t va, int level)
{
	unsigned low = 12 + 9 * (unsigned)level;

	column_add(side, 2, "bits %2u:%-2u %5u  %s", low + 8, low, (unsigned)(va >> low & 511),
		   index_names[side][level]);
}

static const char *arm_half(const struct walk *walk)
{
	bool upper = walk->va >> 55 & 1;
	uint64_t tag = walk->va >> 56, top = walk->va >> 48 & 0xff;

	if (top != (upper ? 0xff : 0) || (upper && tag != 0xff))
		return "neither half: translation fault";
	if (upper)
		return "TTBR1_EL1, upper half";
	return tag ? "TTBR0_EL1, lower half; a tag in 63:56" : "TTBR0_EL1, lower half";
}

static const char *x86_half(uint64_t va)
{
	if (!va_is_canonical(va))
		return "bits differ: not canonical";
	return va >> 63 ? "canonical, upper half" : "canonical, lower half";
}

static void write_split(const struct walk *walk)
{
	for (enum side side = ARM; side <= X86; side++) {
		unsigned low = side == ARM ? 48 : 47;

		column_add(side, 0, "%s", machine_names[side]);
		column_add(side, 2, "bits 63:%u 0x%04" PRIx64 "  %s", low, walk->va >> low,
			   side == ARM ? arm_half(walk) : x86_half(walk->va));
		for (int level = PT_LEVELS - 1; level >= 0; level--)
			write_index(side, walk->va, level);
		column_add(side, 2, "bits 11:0  0x%03x  offset", (unsigned)(walk->va & 0xfff));
	}
	columns_rule();
}

static void write_root(const struct walk *walk, enum side side)
{
	const struct tree *tree = &walk->trees[side];

	if (!tree->there)
		column_add(side, 0, "no tree: twin=off");
	else if (side == ARM)
		column_add(side, 0, "%s%d_EL1 %#" PRIx64 ", ASID %u", root_names[side],
			   (int)(walk->va >> 55 & 1), tree->root, tree->asid);
	else
		column_add(side, 0, "%s %#" PRIx64, root_names[side], tree->root);
}

static void write_entry(enum side side, const struct tree_entry *e)
{
	char flags[160];

	entry_flags(side, e, flags, sizeof(flags));
	column_add(side, 0, "%s at %#" PRIx64, level_names[side][e->level], e->at);
	column_add(side, 2, "0x%016" PRIx64, e->value);
	column_add(side, 2, "%s", flags);
}

static void write_levels(const struct walk *walk)
{
	write_root(walk, ARM);
	write_root(walk, X86);
	columns_flush();
	for (unsigned i = 0; i < PT_LEVELS; i++) {
		for (enum side side = ARM; side <= X86; side++)
			if (i < walk->trees[side].n)
				write_entry(side, &walk->trees[side].entries[i]);
		columns_flush();
	}
	columns_rule();
}

/* "read write execute", or "nothing". */
static void rights_words(const struct rights *r, char *buf, size_t size)
{
	static const char *const words[] = {"read", "write", "execute"};
	size_t n = 0;

	snprintf(buf, size, "nothing");
	for (int access = MMU_READ; access <= MMU_EXEC; access++)
		if (r->may[access])
			n += (size_t)snprintf(buf + n, size - n, "%s%s", n ? " " : "",
					      words[access]);
}

static void write_rights(enum side side, const struct rights *r, const char *who)
{
	char words[32];

	rights_words(r, words, sizeof(words));
	column_add(side, 0, "%s: %s%s%s", who, words, *r->note ? " " : "", r->note);
}

static void write_verdict(const struct walk *walk, enum side side)
{
	struct verdict v;

	if (!walk->trees[side].there)
		return;
	judge(walk, side, &v);
	write_rights(side, &v.user, side == ARM ? "EL0" : "ring 3");
	write_rights(side, &v.kernel, side == ARM ? "EL1" : "ring 0");
	if (v.mapped) {
		column_add(side, 0, "memory: %s", v.memory);
		column_add(side, 0, "physical address %#" PRIx64 ", %s leaf", v.pa,
			   v.level == 0	  ? "4 KiB"
			   : v.level == 1 ? "2 MiB"
					  : "1 GiB");
	} else {
		column_add(side, 0, "a read by a program: %s", v.fault);
	}
}

static void print_walk(const struct walk *walk)
{
	unsigned area, slot;
	char heading[64];

	snprintf(heading, sizeof(heading), "%#" PRIx64 " of process %d: ", walk->va, walk->pid);
	if (strncmp(walk->state, "kernel", 6) == 0 && strcmp(walk->area, "none") != 0)
		print_wrapped(heading, 2, walk->area);
	else if (strcmp(walk->area, "none") == 0)
		print_wrapped(heading, 2, is_tagged(walk) ? "a tagged address" : "in no area");
	else
		print_wrapped(heading, 2, walk->area);
	if (sscanf(walk->state, "swapped %u %u", &area, &slot) == 2)
		printf("swap area %u, slot %u\n", area, slot);
	print_wrapped("", 0, state_words(walk));
	columns_rule();
	write_split(walk);
	write_levels(walk);
	write_verdict(walk, ARM);
	write_verdict(walk, X86);
	columns_flush();
}

/* ---- JSON ---- */

static void json_rights(const char *key, const struct rights *r)
{
	json_string(key, "%s%s%s", r->may[MMU_READ] ? "r" : "-", r->may[MMU_WRITE] ? "w" : "-",
		    r->may[MMU_EXEC] ? "x" : "-");
}

static void json_verdict(const struct walk *walk, enum side side)
{
	struct verdict v;

	judge(walk, side, &v);
	json_rights("user", &v.user);
	json_rights("kernel", &v.kernel);
	json_bool("mapped", v.mapped);
	if (v.mapped) {
		json_string("memory", "%s", v.memory);
		json_hex("pa", v.pa);
		json_number("page", PT_SPAN(v.level));
	} else {
		json_string("fault", "%s", v.fault);
	}
}

static void json_tree(const struct walk *walk, enum side side)
{
	const struct tree *tree = &walk->trees[side];
	char flags[160];

	if (!tree->there) {
		json_null(side == ARM ? "arm64" : "x86_64");
		return;
	}
	json_open(side == ARM ? "arm64" : "x86_64", '{');
	json_hex("root", tree->root);
	json_open("entries", '[');
	for (unsigned i = 0; i < tree->n; i++) {
		const struct tree_entry *e = &tree->entries[i];

		entry_flags(side, e, flags, sizeof(flags));
		json_open(NULL, '{');
		json_number("level", (uint64_t)e->level);
		json_string("name", "%s", level_names[side][e->level]);
		json_number("index", walk->va >> (12 + 9 * e->level) & 511);
		json_hex("at", e->at);
		json_hex("value", e->value);
		json_string("flags", "%s", flags);
		json_close();
	}
	json_close();
	json_verdict(walk, side);
	json_close();
}

static void json_walk(const struct walk *walk)
{
	json_open(NULL, '{');
	json_string("command", "walk");
	json_hex("va", walk->va);
	json_number("pid", (uint64_t)walk->pid);
	json_string("area", "%s", walk->area);
	json_string("state", "%s", walk->state);
	json_bool("canonical", va_is_canonical(walk->va));
	json_number("offset", walk->va & 0xfff);
	json_tree(walk, ARM);
	json_tree(walk, X86);
	json_close();
}

int cmd_walk(int argc, char **argv)
{
	struct walk walk = {0};
	uint64_t va;

	if (argc < 1)
		usage();
	va = parse_number(argv[0], 16, 0, UINT64_MAX);
	read_walk(&walk, va, parse_pid(argc - 1, argv + 1));
	if (json)
		json_walk(&walk);
	else
		print_walk(&walk);
	return 0;
}
