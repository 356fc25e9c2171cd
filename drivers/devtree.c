// SPDX-License-Identifier: BSD-2-Clause
/*
 * The device tree: one walk of the blob fills a table of the nodes that somebody may ask for, all
 * questions are answered from that. It runs before there is an allocator, so the table is static;
 * strings and properties stay in the blob. What the tree says is not trusted: a bad property is
 * logged with its node's path and is as if it were not there.
 */
#include "devtree-internal.h"
#include <libfdt.h>
#include <twofold/errno.h>
#include <twofold/log.h>
#include <twofold/string.h>

#define MAX_NODES 1024 /* open ones included; a Pi 4's tree, as its firmware has it, some 600 */
#define PATH_SIZE 128

static const void *fdt;
static struct dt_node nodes[MAX_NODES];
static unsigned nr_nodes;

/* ---- the walk ---- */

static bool is_string(const char *s, int len)
{
	return len > 0 && s[len - 1] == '\0';
}

static struct dt_node *push_node(const struct dt_node *parent, int offset)
{
	const char *name = fdt_get_name(fdt, offset, NULL);
	struct dt_node *node;

	if (!name)
		return NULL;
	if (nr_nodes == MAX_NODES) {
		dt_complain(parent, "no room in the table of nodes for %s", name);
		return NULL;
	}
	node = &nodes[nr_nodes++];
	*node = (struct dt_node){
		.parent = parent,
		.name = name,
		.offset = offset,
		.interrupt_parent = parent ? parent->interrupt_parent : 0,
		.addr_cells = DT_DEFAULT_ADDR_CELLS,
		.size_cells = DT_DEFAULT_SIZE_CELLS,
		.enabled = true,
	};
	return node;
}

/* Will anybody look for it? One with a phandle is what some other node means. The top level holds
 * /chosen, /aliases, /cpus, /memory and the like. */
static bool worth_keeping(const struct dt_node *node)
{
	if (!node->enabled)
		return false;
	return node->compatible || node->device_type || node->phandle || !node->parent ||
	       !node->parent->parent || !strcmp(node->parent->name, "reserved-memory");
}

/* The node is complete: forgets it if it is of no use and has no child that is. */
static void pop_node(const struct dt_node *node)
{
	if (node == &nodes[nr_nodes - 1] && !worth_keeping(node))
		nr_nodes--;
}

static uint32_t cell_of(const struct dt_node *node, const char *name, const void *data, int len,
			uint32_t dflt)
{
	if (len != 4) {
		dt_complain(node, "%s is of %d bytes, not 4", name, len);
		return dflt;
	}
	return dt_cell(data, 0);
}

static uint8_t cell_count_of(const struct dt_node *node, const char *name, const void *data,
			     int len, uint8_t dflt)
{
	uint32_t count = cell_of(node, name, data, len, dflt);

	if (count > 4) {
		dt_complain(node, "%s is %u: cannot be", name, count);
		return dflt;
	}
	return (uint8_t)count;
}

static const char *string_of(const struct dt_node *node, const char *name, const char *s, int len)
{
	if (is_string(s, len))
		return s;
	dt_complain(node, "%s is not a string", name);
	return NULL;
}

static void node_property(struct dt_node *node, int offset)
{
	const char *name, *s;
	const void *data;
	int len;

	data = fdt_getprop_by_offset(fdt, offset, &name, &len);
	if (!data) {
		dt_complain(node, "a property cannot be read: %s", fdt_strerror(len));
	} else if (!strcmp(name, "reg")) {
		node->reg = data;
		node->reg_len = len;
	} else if (!strcmp(name, "compatible")) {
		node->compatible = string_of(node, name, data, len);
		node->compatible_len = node->compatible ? len : 0;
	} else if (!strcmp(name, "status")) {
		s = string_of(node, name, data, len);
		node->enabled = s && (!strcmp(s, "okay") || !strcmp(s, "ok"));
	} else if (!strcmp(name, "phandle") || !strcmp(name, "linux,phandle")) {
		node->phandle = cell_of(node, name, data, len, 0);
	} else if (!strcmp(name, "interrupt-parent")) {
		node->interrupt_parent = cell_of(node, name, data, len, node->interrupt_parent);
	} else if (!strcmp(name, "#address-cells")) {
		node->addr_cells = cell_count_of(node, name, data, len, DT_DEFAULT_ADDR_CELLS);
	} else if (!strcmp(name, "#size-cells")) {
		node->size_cells = cell_count_of(node, name, data, len, DT_DEFAULT_SIZE_CELLS);
	} else if (!strcmp(name, "device_type")) {
		node->device_type = string_of(node, name, data, len);
	}
}

/* 0, or libfdt's error; what came before it is in the table all the same. */
static int walk(void)
{
	struct dt_node *node = NULL, *child;
	unsigned skipped = 0; /* depth below `node` that is not looked at */
	int offset = 0, next;

	for (;; offset = next) {
		switch (fdt_next_tag(fdt, offset, &next)) {
		case FDT_BEGIN_NODE:
			if (!node && nr_nodes)
				return -FDT_ERR_BADSTRUCTURE; /* a second root */
			child = skipped || (node && !node->enabled) ? NULL
								    : push_node(node, offset);
			if (child)
				node = child;
			else
				skipped++;
			break;
		case FDT_END_NODE:
			if (skipped) {
				skipped--;
				break;
			}
			if (!node)
				return -FDT_ERR_BADSTRUCTURE;
			child = node;
			node = (struct dt_node *)child->parent;
			pop_node(child);
			break;
		case FDT_PROP:
			if (!node)
				return -FDT_ERR_BADSTRUCTURE;
			if (!skipped)
				node_property(node, offset);
			break;
		case FDT_END:
			if (next < 0)
				return next;
			return node || !nr_nodes ? -FDT_ERR_BADSTRUCTURE : 0;
		default: /* FDT_NOP */
			break;
		}
	}
}

static int check_blob(const void *blob, size_t max_size)
{
	if (!blob || max_size < sizeof(struct fdt_header))
		return -FDT_ERR_TRUNCATED;
	if (fdt_magic(blob) != FDT_MAGIC)
		return -FDT_ERR_BADMAGIC;
	if (fdt_totalsize(blob) > max_size)
		return -FDT_ERR_TRUNCATED;
	return fdt_check_header(blob);
}

int dt_init(const void *blob, size_t max_size)
{
	int err = check_blob(blob, max_size);

	nr_nodes = 0;
	fdt = NULL;
	if (!err) {
		fdt = blob;
		err = walk();
	}
	if (err)
		pr_err("devtree: the loader's device tree is unusable: %s", fdt_strerror(err));
	dt_gather();
	return err ? -EINVAL : 0;
}

const void *dt_blob(void)
{
	return fdt;
}

size_t dt_size(void)
{
	return fdt ? fdt_totalsize(fdt) : 0;
}

/* ---- nodes ---- */

const struct dt_node *dt_next(const struct dt_node *from)
{
	const struct dt_node *next = from ? from + 1 : nodes;

	return next < nodes + nr_nodes ? next : NULL;
}

bool dt_compatible(const struct dt_node *node, const char *compatible)
{
	const char *s = node->compatible;

	for (int left = node->compatible_len; left > 0;) {
		int len = (int)strlen(s) + 1; /* the last byte of the list is a NUL */

		if (!strcmp(s, compatible))
			return true;
		s += len;
		left -= len;
	}
	return false;
}

const struct dt_node *dt_find(const struct dt_node *from, const char *compatible)
{
	const struct dt_node *node = from;

	while ((node = dt_next(node)))
		if (dt_compatible(node, compatible))
			return node;
	return NULL;
}

/* A path's component may leave out the unit address: "/soc/serial" finds serial@7e201000. */
static bool name_matches(const char *name, const char *want, size_t len)
{
	return !strncmp(name, want, len) &&
	       (name[len] == '\0' || (name[len] == '@' && !memchr(want, '@', len)));
}

static const struct dt_node *find_child(const struct dt_node *parent, const char *name, size_t len)
{
	const struct dt_node *node = parent;

	while ((node = dt_next(node)))
		if (node->parent == parent && name_matches(node->name, name, len))
			return node;
	return NULL;
}

const struct dt_node *dt_find_path(const char *path)
{
	const struct dt_node *node = dt_next(NULL);

	while (node && *path) {
		const char *end;

		if (*path++ != '/')
			return NULL;
		end = strchr(path, '/');
		if (!end)
			end = path + strlen(path);
		if (end != path)
			node = find_child(node, path, (size_t)(end - path));
		path = end;
	}
	return node;
}

const struct dt_node *dt_phandle(uint32_t phandle)
{
	const struct dt_node *node = NULL;

	while (phandle && (node = dt_next(node)))
		if (node->phandle == phandle)
			return node;
	return NULL;
}

const struct dt_node *dt_parent_interrupt(const struct dt_node *node)
{
	return dt_phandle(node->interrupt_parent);
}

const char *dt_path(const struct dt_node *node, char *buf, size_t size)
{
	char *p = buf + size;

	*--p = '\0';
	for (; node && node->parent; node = node->parent) {
		size_t len = strlen(node->name);

		if ((size_t)(p - buf) < len + 1)
			break;
		p -= len;
		memcpy(p, node->name, len);
		*--p = '/';
	}
	return *p ? p : "/";
}

void dt_complain(const struct dt_node *node, const char *fmt, ...)
{
	char path[PATH_SIZE], what[PATH_SIZE];
	va_list args;

	va_start(args, fmt);
	vsnprintf(what, sizeof(what), fmt, args);
	va_end(args);
	pr_warn("devtree: %s: %s", dt_path(node, path, sizeof(path)), what);
}

/* ---- properties ---- */

const void *dt_prop(const struct dt_node *node, const char *name, int *len)
{
	const void *data;
	int unused;

	data = fdt_getprop(fdt, node->offset, name, len ? len : &unused);
	if (!data && len)
		*len = 0;
	return data;
}

uint32_t dt_u32(const struct dt_node *node, const char *name, uint32_t dflt)
{
	const void *data;
	int len;

	data = dt_prop(node, name, &len);
	return data ? cell_of(node, name, data, len, dflt) : dflt;
}

const char *dt_string(const struct dt_node *node, const char *name)
{
	const char *s;
	int len;

	s = dt_prop(node, name, &len);
	return s ? string_of(node, name, s, len) : NULL;
}

/* A number of up to two cells. */
static uint64_t number(const uint8_t *p, unsigned cells)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < cells; i++)
		value = value << 32 | dt_cell(p, i);
	return value;
}

bool dt_u64(const struct dt_node *node, const char *name, uint64_t *value)
{
	const uint8_t *data;
	int len;

	data = dt_prop(node, name, &len);
	if (!data)
		return false;
	if (len != 4 && len != 8) {
		dt_complain(node, "%s is of %d bytes, neither 4 nor 8", name, len);
		return false;
	}
	*value = number(data, (unsigned)len / 4);
	return true;
}

int dt_reg_raw(const struct dt_node *node, unsigned i, uint64_t *start, uint64_t *size)
{
	unsigned addr_cells, size_cells, entry;

	if (!node->reg || !node->parent)
		return -ENOENT;
	addr_cells = node->parent->addr_cells;
	size_cells = node->parent->size_cells;
	entry = 4 * (addr_cells + size_cells);
	if (!addr_cells || addr_cells > 2 || size_cells > 2 || (unsigned)node->reg_len % entry) {
		dt_complain(node, "reg of %d bytes does not fit %u + %u cells", node->reg_len,
			    addr_cells, size_cells);
		return -EINVAL;
	}
	if (i >= (unsigned)node->reg_len / entry)
		return -ENOENT;
	*start = number(node->reg + i * entry, addr_cells);
	*size = number(node->reg + i * entry + 4 * addr_cells, size_cells);
	return 0;
}

/* A bus's address map, `ranges` or `dma-ranges`, cut into entries. */
struct bus_map {
	const uint8_t *entry, *end;
	unsigned child, parent, size; /* cells of an entry's three numbers */
};

/* 0; -ENOENT: no such property; -EINVAL: nonsense. An empty one has no entries: nothing changes. */
static int bus_map_of(const struct dt_node *bus, const char *name, struct bus_map *map)
{
	unsigned cells = bus->addr_cells + bus->parent->addr_cells + bus->size_cells;
	int len;

	map->entry = dt_prop(bus, name, &len);
	if (!map->entry)
		return -ENOENT;
	map->end = map->entry + len;
	map->child = bus->addr_cells;
	map->parent = bus->parent->addr_cells;
	map->size = bus->size_cells;
	if (!len)
		return 0;
	if (map->child > 2 || map->parent > 2 || map->size > 2 || !cells ||
	    (unsigned)len % (4 * cells))
		return -EINVAL;
	return 0;
}

struct bus_range {
	uint64_t child, parent, size;
};

static bool next_range(struct bus_map *map, struct bus_range *range)
{
	const uint8_t *p = map->entry;

	if (p == map->end)
		return false;
	range->child = number(p, map->child);
	p += 4 * map->child;
	range->parent = number(p, map->parent);
	p += 4 * map->parent;
	range->size = number(p, map->size);
	map->entry = p + 4 * map->size;
	return true;
}

/* Through one bus: from its children's addresses to its own parent's. */
static int translate(const struct dt_node *bus, uint64_t *addr)
{
	struct bus_range range;
	struct bus_map map;

	if (bus_map_of(bus, "ranges", &map))
		return -EINVAL; /* its children cannot be reached from above */
	if (map.entry == map.end)
		return 0;
	while (next_range(&map, &range)) {
		if (*addr >= range.child && *addr - range.child < range.size) {
			*addr = range.parent + (*addr - range.child);
			return 0;
		}
	}
	return -EINVAL;
}

int dt_reg(const struct dt_node *node, unsigned i, paddr_t *start, uint64_t *size)
{
	uint64_t addr;
	int err = dt_reg_raw(node, i, &addr, size);

	if (err)
		return err;
	for (const struct dt_node *bus = node->parent; bus->parent; bus = bus->parent) {
		err = translate(bus, &addr);
		if (err) {
			dt_complain(node, "%#lx is out of reach: ranges of %s", (unsigned long)addr,
				    bus->name);
			return err;
		}
	}
	*start = PADDR(addr);
	return 0;
}

/*
 * The other way: from the parent's addresses to those that the bus's children use. Without the
 * property they are the same (Linux takes a bus without it so; Devicetree Specification 2.3.9).
 */
static int translate_dma(const struct dt_node *bus, uint64_t *addr, uint64_t len)
{
	struct bus_range range;
	struct bus_map map;
	int err = bus_map_of(bus, "dma-ranges", &map);

	if (err == -ENOENT || (!err && map.entry == map.end))
		return 0;
	while (!err && next_range(&map, &range)) {
		if (*addr >= range.parent && len <= range.size &&
		    *addr - range.parent <= range.size - len) {
			*addr = range.child + (*addr - range.parent);
			return 0;
		}
	}
	return -EINVAL;
}

/* From the root's side down to the device's bus. */
int dt_dma_address(const struct dt_node *node, paddr_t pa, uint64_t size, uint64_t *bus)
{
	const struct dt_node *above = NULL;
	uint64_t addr = pa.pa;

	while (above != node->parent) {
		const struct dt_node *next = node->parent;

		while (next->parent != above)
			next = next->parent;
		if (above && translate_dma(next, &addr, size))
			return -EINVAL;
		above = next;
	}
	*bus = addr;
	return 0;
}
