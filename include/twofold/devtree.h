/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The device tree, read through libfdt. Scanning is slow (some 100 k instructions a walk), so it is
 * walked once: dt_init() keeps a small table of nodes with what drivers ask for. Bad properties are
 * logged with the node's path and skipped.
 */
#ifndef TWOFOLD_DEVTREE_H
#define TWOFOLD_DEVTREE_H

#include <twofold/addr.h>
#include <twofold/layout.h>

struct dt_node; /* one enabled node with a `compatible` property, or a cpu */

/* Checks the blob (header, size, structure): -EINVAL with a log line. Keeps it where it lies. */
int dt_init(const void *blob, size_t max_size);
const void *dt_blob(void);
size_t dt_size(void);

/* What boot needs, gathered in that one walk. */
struct dt_range {
	paddr_t start;
	uint64_t size;
	unsigned node; /* numa-node-id, 0 if none */
	/* reserved: the kernel must not map it as normal memory, nor speculate into it */
	bool no_map;
};
#define DT_MAX_RANGES 32
struct dt_machine {
	char model[64];
	/* /memory; memreserve and /reserved-memory */
	struct dt_range ram[DT_MAX_RANGES], reserved[DT_MAX_RANGES];
	unsigned nr_ram, nr_reserved;
	const char *bootargs;		  /* "" where absent */
	paddr_t initrd_start, initrd_end; /* 0, 0: none */
	const char *stdout_path;	  /* without options, aliases resolved; NULL */
	struct dt_cpu {
		uint64_t mpidr;
		enum { DT_CPU_NONE, DT_CPU_PSCI, DT_CPU_SPIN } method;
		paddr_t release; /* spin table's cpu-release-addr */
	} cpus[NR_CPUS];
	unsigned nr_cpus; /* more than NR_CPUS are logged and left alone */
	bool psci_hvc;	  /* the conduit: HVC, else SMC */
	bool has_psci;
	uint8_t rng_seed[64]; /* /chosen rng-seed, kaslr-seed */
	unsigned rng_seed_len;
};
extern struct dt_machine machine;

/*
 * Obeys mem= on the command line: of `machine`'s RAM the lowest part stays, of that size but at
 * least DT_LEAST_RAM, and beyond it, as in Linux, the pages of the initramfs and of the image.
 */
#define DT_LEAST_RAM (16 * SZ_1M)
void dt_limit_ram(paddr_t image, uint64_t size);

/* The next enabled node after `from` (NULL: the first) whose compatible list holds `compatible`. */
const struct dt_node *dt_find(const struct dt_node *from, const char *compatible);
const struct dt_node *dt_find_path(const char *path);
const struct dt_node *dt_phandle(uint32_t phandle);
const struct dt_node *dt_parent_interrupt(const struct dt_node *node);
const char *dt_path(const struct dt_node *node, char *buf, size_t size);
bool dt_compatible(const struct dt_node *node, const char *compatible);
/*
 * The i-th reg entry as a CPU physical address, `ranges` of the parents applied. -ENOENT, -EINVAL.
 */
int dt_reg(const struct dt_node *node, unsigned i, paddr_t *start, uint64_t *size);
/*
 * What the device must put on its bus to reach [pa, pa + size) in memory: `dma-ranges` of its
 * parents applied. -EINVAL: it cannot reach all of it.
 */
int dt_dma_address(const struct dt_node *node, paddr_t pa, uint64_t size, uint64_t *bus);
/* The raw property; its length in bytes in *len. NULL where absent. Big-endian cells: dt_cell(). */
const void *dt_prop(const struct dt_node *node, const char *name, int *len);
uint32_t dt_u32(const struct dt_node *node, const char *name, uint32_t dflt);

static inline uint32_t dt_cell(const void *prop, unsigned i)
{
	const uint8_t *b = (const uint8_t *)prop + 4 * i;

	return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

/* A driver: probed once for each enabled node that matches, in link order within a stage. */
struct driver {
	const char *name;
	const char *const *compatible; /* NULL-terminated */
	/* 0, or negative errno: logged with the node's path */
	int (*probe)(const struct dt_node *node);
};
#define DRIVER(name_)                                                                              \
	static const struct driver driver_##name_                                                  \
		__attribute__((used, section(".drivers"), aligned(8)))
void drivers_probe(void); /* all but interrupt controllers, timer and the boot console */

#endif
