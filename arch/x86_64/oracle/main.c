// SPDX-License-Identifier: BSD-2-Clause
/*
 * Words on the command line, in any order:
 *
 *   random=N seed=N   trees of random entries
 *   format            what ptfmt.h promises
 *   tree=NAME:ROOT    a tree in memory; after `kernel`, without the upper half that it shares
 *   stamp=NAME:START:END:TAG   what the pages of that tree hold (struct stamp)
 *   brief             sample where control bits other than all are on
 *
 * The last line of what is printed says how many probes agreed.
 */
#include <twofold/string.h>

#include "oracle.h"

#define START_INFO_MAGIC 0x336ec578
#define MAP_RAM 1
#define MAX_TREES 16
#define MAX_STAMPS 128

/* xen/include/public/arch-x86/hvm/start_info.h, version 1. */
struct start_info {
	uint32_t magic, version, flags, nr_modules;
	uint64_t modules, cmdline, rsdp, memmap;
	uint32_t memmap_entries, reserved;
};

struct map_entry {
	uint64_t addr, size;
	uint32_t type, reserved;
};

static char command_line[8192];
static struct {
	bool brief, format;
	unsigned random;
	uint64_t seed;
	struct tree trees[MAX_TREES];
	unsigned nr_trees;
	struct stamp stamps[MAX_STAMPS];
	unsigned nr_stamps;
} options = {.seed = 1};

/* Where the RAM ends in which the image lies. */
static uint64_t ram_end(const struct start_info *info)
{
	const struct map_entry *map = (const void *)view(PADDR(info->memmap));

	for (unsigned i = 0; i < info->memmap_entries; i++)
		if (map[i].type == MAP_RAM && map[i].addr <= IMAGE_PA &&
		    map[i].addr + map[i].size > IMAGE_PA)
			return MIN(map[i].addr + map[i].size, (uint64_t)VIEW_SIZE);
	panic("the loader's map has no memory at %#x", IMAGE_PA);
}

/* Cuts `text` at its first colon; what follows it. */
static char *after_colon(char *text)
{
	char *colon = strchr(text, ':');

	CHECK(colon);
	*colon = '\0';
	return colon + 1;
}

/* tree=NAME:ROOT; `text` stays where it is. */
static void add_tree(char *text)
{
	struct tree *tree = &options.trees[options.nr_trees];
	const char *root = after_colon(text);

	CHECK(options.nr_trees < MAX_TREES);
	*tree = (struct tree){.name = text, .root = PADDR(strtoul(root, NULL, 0))};
	CHECK(IS_ALIGNED(tree->root.pa, PAGE_SIZE) && tree->root.pa);
	if (options.nr_trees && !strcmp(options.trees[0].name, "kernel"))
		tree->shared = options.trees[0].root;
	options.nr_trees++;
}

static void add_stamp(char *name)
{
	char *start = after_colon(name), *end = after_colon(start), *tag = after_colon(end);

	CHECK(options.nr_stamps < MAX_STAMPS);
	options.stamps[options.nr_stamps++] = (struct stamp){
		.tree = name,
		.start = strtoul(start, NULL, 0),
		.end = strtoul(end, NULL, 0),
		.tag = strtoul(tag, NULL, 0),
	};
}

static void parse_word(char *word)
{
	if (!strcmp(word, "brief"))
		options.brief = true;
	else if (!strcmp(word, "format"))
		options.format = true;
	else if (!strncmp(word, "random=", 7))
		options.random = (unsigned)strtoul(word + 7, NULL, 0);
	else if (!strncmp(word, "seed=", 5))
		options.seed = strtoul(word + 5, NULL, 0);
	else if (!strncmp(word, "tree=", 5))
		add_tree(word + 5);
	else if (!strncmp(word, "stamp=", 6))
		add_stamp(word + 6);
	else
		panic("unknown word %s on the command line", word);
}

static void parse(char *p)
{
	while (*p) {
		char *word = p;

		while (*p && *p != ' ')
			p++;
		if (*p)
			*p++ = '\0';
		if (*word)
			parse_word(word);
	}
}

static void judge_trees(void)
{
	for (unsigned i = 0; i < options.nr_trees; i++) {
		struct tree *tree = &options.trees[i];

		tree->every = options.brief ? 64 : 1;
		session_begin(tree->name);
		tree_judge(tree, ALL_CHOICES);
		for (unsigned n = 0; n < options.nr_stamps; n++)
			if (!strcmp(options.stamps[n].tree, tree->name))
				stamp_judge(tree, &options.stamps[n]);
		session_end();
	}
}

static void describe(void)
{
	print("oracle: x86-64 MMU by %s: %u physical address bits,%s%s%s%s; seed %lu\n",
	      cpu.emulator, cpu.maxphyaddr, cpu.smep ? " SMEP" : "", cpu.smap ? " SMAP" : "",
	      cpu.nx ? " NX" : "", cpu.page_1g ? " 1 GiB pages" : "", options.seed);
}

static void conclude(void)
{
	uint64_t differ = total.probes - total.agreed;

	if (total.flawed)
		print("oracle: %lu error codes with RSVD lacked P, as always here; the manual "
		      "wants it\n",
		      total.flawed);
	if (total.flags_free)
		print("oracle: in faulting walks %lu entries had the other accessed flag, as it "
		      "may be\n",
		      total.flags_free);
	print("oracle: %lu probes, %lu agreed, %lu differ (%s)\n", total.probes, total.agreed,
	      differ, cpu.emulator);
}

void oracle_main(const struct start_info *at)
{
	const struct start_info *info = (const void *)view(PADDR((uintptr_t)at));

	console_init();
	cpu_init();
	CHECK(info->magic == START_INFO_MAGIC && info->version >= 1);
	strlcpy(command_line, (const char *)view(PADDR(info->cmdline)), sizeof(command_line));
	view_init(ram_end(info));
	parse(command_line);
	random_seed(options.seed);
	describe();
	if (!cpu_check())
		panic("traps do not arrive here as on an x86-64 CPU");
	if (options.format)
		format_judge();
	judge_trees();
	if (options.random)
		random_trees(options.random, options.brief);
	conclude();
	power_off();
}
