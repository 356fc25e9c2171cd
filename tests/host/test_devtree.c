// SPDX-License-Identifier: BSD-2-Clause
/* The device tree reader on trees as loaders give them, and on broken ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <libfdt.h>
#include <twofold/devtree.h>
#include <twofold/errno.h>
#include <twofold/log.h>

#define BLOB_SIZE 16384

static char *blob; /* malloc()ed, so that a read past its end is seen */
static char log_text[65536];

void log_printf(enum log_level level, const char *fmt, ...)
{
	size_t len = strlen(log_text);
	va_list args;

	(void)level;
	va_start(args, fmt);
	vsnprintf(log_text + len, sizeof(log_text) - len, fmt, args);
	va_end(args);
	strncat(log_text, "\n", sizeof(log_text) - strlen(log_text) - 1);
}

static bool logged(const char *what)
{
	return strstr(log_text, what);
}

/* ---- building trees ---- */

static void ok(int err)
{
	if (err < 0)
		fail_msg("libfdt: %s", fdt_strerror(err));
}

static void begin(const char *name)
{
	ok(fdt_begin_node(blob, name));
}

static void end(void)
{
	ok(fdt_end_node(blob));
}

static void prop_cells(const char *name, unsigned n, ...)
{
	uint32_t cells[128];
	va_list args;

	va_start(args, n);
	for (unsigned i = 0; i < n; i++)
		cells[i] = cpu_to_fdt32(va_arg(args, uint32_t));
	va_end(args);
	ok(fdt_property(blob, name, cells, (int)n * 4));
}

static void prop_string(const char *name, const char *value)
{
	ok(fdt_property_string(blob, name, value));
}

/* An open root with two address and two size cells. */
static void start_tree(void)
{
	free(blob);
	blob = calloc(1, BLOB_SIZE);
	log_text[0] = '\0';
	ok(fdt_create(blob, BLOB_SIZE));
	ok(fdt_add_reservemap_entry(blob, 0x80000000, 0x1000));
	ok(fdt_finish_reservemap(blob));
	begin("");
	prop_string("model", "a test");
	prop_string("compatible", "test,machine");
	prop_cells("#address-cells", 1, 2);
	prop_cells("#size-cells", 1, 2);
}

static void add_memory(uint64_t start, uint64_t size)
{
	char name[32];

	snprintf(name, sizeof(name), "memory@%lx", (unsigned long)start);
	begin(name);
	prop_string("device_type", "memory");
	prop_cells("reg", 4, (uint32_t)(start >> 32), (uint32_t)start, (uint32_t)(size >> 32),
		   (uint32_t)size);
	end();
}

static int read_tree(void)
{
	end();
	ok(fdt_finish(blob));
	return dt_init(blob, BLOB_SIZE);
}

static int teardown(void **state)
{
	(void)state;
	free(blob);
	blob = NULL;
	return 0;
}

/* ---- trees that are as they should be ---- */

static void memory_and_reservations(void **state)
{
	(void)state;
	start_tree();
	add_memory(0x100000000, 0x10000000);
	add_memory(0x40000000, 0x8000800); /* the last half page is no page */
	begin("reserved-memory");
	prop_cells("#address-cells", 1, 2);
	prop_cells("#size-cells", 1, 2);
	ok(fdt_property(blob, "ranges", NULL, 0));
	begin("fw@41000000");
	prop_cells("reg", 4, 0, 0x41000000, 0, 0x2000);
	end();
	begin("secure@42000000");
	prop_cells("reg", 4, 0, 0x42000000, 0, 0x100000);
	ok(fdt_property(blob, "no-map", NULL, 0));
	end();
	begin("cma");
	prop_cells("size", 2, 0, 0x100000);
	end();
	end();
	assert_int_equal(read_tree(), 0);
	assert_string_equal(machine.model, "a test");
	assert_int_equal(machine.nr_ram, 2);
	assert_int_equal(machine.ram[0].start.pa, 0x40000000);
	assert_int_equal(machine.ram[0].size, 0x8000000);
	assert_int_equal(machine.ram[1].start.pa, 0x100000000);
	assert_int_equal(machine.nr_reserved, 3);
	assert_int_equal(machine.reserved[0].start.pa, 0x41000000);
	assert_false(machine.reserved[0].no_map);
	assert_int_equal(machine.reserved[1].start.pa, 0x42000000);
	assert_int_equal(machine.reserved[1].size, 0x100000);
	assert_true(machine.reserved[1].no_map);
	assert_int_equal(machine.reserved[2].start.pa, 0x80000000);
	assert_false(machine.reserved[2].no_map);
	assert_true(logged("/reserved-memory/cma has no address"));
}

static void chosen(void **state)
{
	static const uint8_t seed[48] = {1, 2, 3};

	(void)state;
	start_tree();
	add_memory(0x40000000, 0x8000000);
	begin("chosen");
	prop_string("bootargs", "quiet mem=64M");
	prop_cells("linux,initrd-start", 2, 0, 0x41000000); /* as two cells, */
	prop_cells("linux,initrd-end", 1, 0x41001000);	    /* and as one */
	prop_string("stdout-path", "serial0:115200n8");
	ok(fdt_property(blob, "rng-seed", seed, sizeof(seed)));
	ok(fdt_property(blob, "kaslr-seed", seed, sizeof(seed)));
	end();
	begin("aliases");
	prop_string("serial0", "/soc/uart@1000");
	end();
	assert_int_equal(read_tree(), 0);
	assert_string_equal(machine.bootargs, "quiet mem=64M");
	assert_int_equal(machine.ram[0].size, 0x8000000);
	dt_limit_ram(PADDR(0x40200000), 0x600000);
	assert_int_equal(machine.nr_ram, 1);
	assert_int_equal(machine.ram[0].size, 0x4000000);
	assert_int_equal(machine.initrd_start.pa, 0x41000000);
	assert_int_equal(machine.initrd_end.pa, 0x41001000);
	assert_string_equal(machine.stdout_path, "/soc/uart@1000");
	assert_int_equal(machine.rng_seed_len, 64);
	assert_memory_equal(machine.rng_seed, seed, 48);
	assert_string_equal(log_text, "");
}

static void console_without_stdout_path(void **state)
{
	(void)state;
	start_tree();
	begin("chosen");
	prop_string("stdout-path", "nowhere");
	end();
	begin("aliases");
	prop_string("serial0", "/soc/uart@1000");
	end();
	assert_int_equal(read_tree(), 0);
	assert_string_equal(machine.stdout_path, "/soc/uart@1000");
	assert_true(logged("stdout-path names nowhere, which is no alias"));
}

/* Two banks, cut in the first: what the loader placed above stays, in whole pages. */
static void mem_keeps_what_is_in_use(void **state)
{
	(void)state;
	start_tree();
	add_memory(0x40000000, 0x4000000);
	add_memory(0x100000000, 0x4000000);
	begin("chosen");
	prop_string("bootargs", "mem=4M mem=17M");
	prop_cells("linux,initrd-start", 2, 1, 0x1000800);
	prop_cells("linux,initrd-end", 2, 1, 0x1001801);
	end();
	assert_int_equal(read_tree(), 0);
	dt_limit_ram(PADDR(0x40f00000), 0x400000); /* the cut goes through it */
	assert_int_equal(machine.nr_ram, 3);
	assert_int_equal(machine.ram[0].start.pa, 0x40000000);
	assert_int_equal(machine.ram[0].size, 0x1100000);
	assert_int_equal(machine.ram[1].start.pa, 0x41100000);
	assert_int_equal(machine.ram[1].size, 0x200000);
	assert_int_equal(machine.ram[2].start.pa, 0x101000000);
	assert_int_equal(machine.ram[2].size, 0x2000);
	assert_string_equal(log_text, "");
}

static void mem_too_small_is_said_so(void **state)
{
	(void)state;
	start_tree();
	add_memory(0x40000000, 0x8000000);
	begin("chosen");
	prop_string("bootargs", "mem=4M");
	end();
	assert_int_equal(read_tree(), 0);
	dt_limit_ram(PADDR(0x40200000), 0x200000);
	assert_int_equal(machine.ram[0].size, DT_LEAST_RAM);
	assert_true(logged("mem=4096K is too little"));
}

static void dma_addresses_are_the_bus_own(void **state)
{
	const struct dt_node *dev;
	uint64_t bus = 0;

	(void)state;
	start_tree();
	begin("soc");
	prop_cells("#address-cells", 1, 1);
	prop_cells("#size-cells", 1, 1);
	prop_cells("dma-ranges", 8, 0xc0000000, 0, 0, 0x3f000000, 0x10000000, 1, 0, 0x1000);
	begin("bus");
	prop_cells("#address-cells", 1, 1);
	prop_cells("#size-cells", 1, 1);
	ok(fdt_property(blob, "dma-ranges", NULL, 0)); /* the same addresses */
	begin("dev");
	prop_string("compatible", "test,dev");
	end();
	end();
	end();
	begin("free");
	prop_string("compatible", "test,free");
	end();
	assert_int_equal(read_tree(), 0);
	dev = dt_find(NULL, "test,dev");
	assert_int_equal(dt_dma_address(dev, PADDR(0x1234000), 0x1000, &bus), 0);
	assert_int_equal(bus, 0xc1234000);
	assert_int_equal(dt_dma_address(dev, PADDR(0x100000fff), 1, &bus), 0);
	assert_int_equal(bus, 0x10000fff);
	assert_int_equal(dt_dma_address(dev, PADDR(0x3effffff), 2, &bus), -EINVAL); /* past it */
	assert_int_equal(dt_dma_address(dev, PADDR(0x80000000), 1, &bus), -EINVAL);
	assert_int_equal(dt_dma_address(dt_find(NULL, "test,free"), PADDR(0x180000000), 1, &bus),
			 0);
	assert_int_equal(bus, 0x180000000);
}

/* A node that others point at is kept, whatever else it lacks: groups of pins. */
static void what_a_phandle_means_is_there(void **state)
{
	(void)state;
	start_tree();
	begin("gpio");
	prop_string("compatible", "test,gpio");
	begin("pins");
	prop_cells("phandle", 1, 9);
	end();
	begin("unused");
	end();
	end();
	assert_int_equal(read_tree(), 0);
	assert_ptr_equal(dt_phandle(9), dt_find_path("/gpio/pins"));
	assert_null(dt_find_path("/gpio/unused"));
}

static void addresses_go_through_every_bus(void **state)
{
	static const char both[] = "test,uart2\0test,uart";
	const struct dt_node *uart;
	char path[64];
	uint64_t size;
	paddr_t start;

	(void)state;
	start_tree();
	begin("soc");
	prop_cells("#address-cells", 1, 1);
	prop_cells("#size-cells", 1, 1);
	prop_cells("ranges", 8, 0x7e000000, 0, 0x3f000000, 0x1000000, 0x40000000, 1, 0, 0x1000);
	begin("bus@100000");
	prop_cells("#address-cells", 1, 1);
	prop_cells("#size-cells", 1, 1);
	prop_cells("ranges", 3, 0, 0x7e100000, 0x10000);
	begin("uart@1000");
	ok(fdt_property(blob, "compatible", both, sizeof(both)));
	prop_cells("reg", 4, 0x1000, 0x200, 0x20000, 0x10);
	end();
	end();
	end();
	assert_int_equal(read_tree(), 0);
	uart = dt_find(NULL, "test,uart");
	assert_non_null(uart);
	assert_true(dt_compatible(uart, "test,uart2"));
	assert_false(dt_compatible(uart, "test"));
	assert_ptr_equal(uart, dt_find_path("/soc/bus@100000/uart@1000"));
	assert_ptr_equal(uart, dt_find_path("/soc/bus/uart"));
	assert_null(dt_find_path("/soc/bus/uart@2000"));
	assert_null(dt_find_path("soc"));
	assert_string_equal(dt_path(uart, path, sizeof(path)), "/soc/bus@100000/uart@1000");
	assert_int_equal(dt_reg(uart, 0, &start, &size), 0);
	assert_int_equal(start.pa, 0x3f101000);
	assert_int_equal(size, 0x200);
	assert_int_equal(dt_reg(uart, 2, &start, &size), -ENOENT);
	assert_false(logged("uart"));
	assert_int_equal(dt_reg(uart, 1, &start, &size), -EINVAL); /* past the bus's window */
	assert_true(logged("/soc/bus@100000/uart@1000: 0x20000 is out of reach"));
}

static void disabled_nodes_are_not_there(void **state)
{
	(void)state;
	start_tree();
	begin("off");
	prop_string("compatible", "test,off");
	prop_string("status", "disabled");
	begin("below");
	prop_string("compatible", "test,below");
	end();
	end();
	begin("on");
	prop_string("compatible", "test,on");
	prop_string("status", "okay");
	end();
	assert_int_equal(read_tree(), 0);
	assert_null(dt_find(NULL, "test,off"));
	assert_null(dt_find(NULL, "test,below"));
	assert_non_null(dt_find(NULL, "test,on"));
}

static void interrupt_parent_is_inherited(void **state)
{
	(void)state;
	start_tree();
	prop_cells("interrupt-parent", 1, 7);
	begin("gic");
	prop_string("compatible", "test,gic");
	prop_cells("phandle", 1, 7);
	end();
	begin("soc");
	begin("dev");
	prop_string("compatible", "test,dev");
	end();
	end();
	assert_int_equal(read_tree(), 0);
	assert_ptr_equal(dt_parent_interrupt(dt_find(NULL, "test,dev")), dt_find(NULL, "test,gic"));
	assert_null(dt_phandle(8));
}

static void add_cpu(unsigned reg, const char *method)
{
	char name[16];

	snprintf(name, sizeof(name), "cpu@%x", reg);
	begin(name);
	prop_string("device_type", "cpu");
	prop_cells("reg", 1, reg);
	if (method)
		prop_string("enable-method", method);
	prop_cells("cpu-release-addr", 2, 0, 0xd8 + 8 * reg);
	end();
}

static void cores(void **state)
{
	(void)state;
	start_tree();
	add_memory(0, 0x1000);
	begin("psci");
	prop_string("compatible", "arm,psci-0.2");
	prop_string("method", "smc");
	end();
	begin("cpus");
	prop_cells("#address-cells", 1, 1);
	prop_cells("#size-cells", 1, 0);
	add_cpu(0, "psci");
	add_cpu(1, "spin-table");
	add_cpu(0x100, NULL);
	add_cpu(0x101, "magic");
	for (unsigned i = 4; i < 9; i++)
		add_cpu(i, "psci");
	end();
	assert_int_equal(read_tree(), 0);
	assert_true(machine.has_psci);
	assert_false(machine.psci_hvc);
	assert_int_equal(machine.nr_cpus, NR_CPUS);
	assert_int_equal(machine.cpus[0].method, DT_CPU_PSCI);
	assert_int_equal(machine.cpus[1].method, DT_CPU_SPIN);
	assert_int_equal(machine.cpus[1].release.pa, 0xe0);
	assert_int_equal(machine.cpus[2].mpidr, 0x100);
	assert_int_equal(machine.cpus[2].method, DT_CPU_NONE);
	assert_true(logged("/cpus/cpu@101: enable-method \"magic\" is unknown"));
	assert_true(logged("/cpus/cpu@8: more than 8 cores"));
}

static void add_spin_cpu(uint32_t reg, uint32_t release)
{
	begin("cpu");
	prop_string("device_type", "cpu");
	prop_cells("reg", 1, reg);
	prop_string("enable-method", "spin-table");
	prop_cells("cpu-release-addr", 2, 0, release);
	end();
}

/* The word is written to: nobody else may have it, and memory must be there. */
static void release_words_are_kept_free(void **state)
{
	(void)state;
	start_tree(); /* which reserves a page at 0x80000000 */
	add_memory(0, 0x100000);
	begin("cpus");
	prop_cells("#address-cells", 1, 1);
	prop_cells("#size-cells", 1, 0);
	add_spin_cpu(1, 0xe0);
	add_spin_cpu(2, 0x80000ff8);
	add_spin_cpu(3, 0x80001000);
	add_spin_cpu(4, 0xe4);
	end();
	assert_int_equal(read_tree(), 0);
	assert_int_equal(machine.cpus[0].method, DT_CPU_SPIN);
	assert_int_equal(machine.cpus[1].method, DT_CPU_SPIN);
	assert_int_equal(machine.cpus[2].method, DT_CPU_NONE);
	assert_int_equal(machine.cpus[3].method, DT_CPU_NONE);
	assert_int_equal(machine.nr_reserved, 2);
	assert_int_equal(machine.reserved[0].start.pa, 0xe0);
	assert_int_equal(machine.reserved[0].size, 8);
	assert_true(logged("core 0x3: cpu-release-addr 0x80001000 cannot be"));
	assert_true(logged("core 0x4: cpu-release-addr 0xe4 cannot be"));
}

/* ---- broken ones ---- */

static void no_tree(void **state)
{
	static const char junk[64] = "not a device tree";

	(void)state;
	log_text[0] = '\0';
	assert_int_equal(dt_init(NULL, 0), -EINVAL);
	assert_int_equal(dt_init(junk, sizeof(junk)), -EINVAL);
	assert_true(logged("unusable: FDT_ERR_BADMAGIC"));
	assert_int_equal(dt_size(), 0);
	assert_int_equal(machine.nr_ram, 0);
	assert_string_equal(machine.bootargs, "");
	assert_null(dt_find(NULL, "test,machine"));
	assert_null(dt_find_path("/"));
}

static void cut_anywhere(void **state)
{
	(void)state;
	start_tree();
	add_memory(0x40000000, 0x8000000);
	assert_int_equal(read_tree(), 0);
	for (size_t size = 0; size < fdt_totalsize(blob); size++) {
		char *cut = malloc(size ? size : 1);

		memcpy(cut, blob, size);
		assert_int_equal(dt_init(cut, size), -EINVAL);
		if (size >= sizeof(struct fdt_header)) { /* a header that hides the cut */
			fdt_set_totalsize(cut, size);
			dt_init(cut, size);
		}
		free(cut);
	}
}

static void what_came_before_the_damage_stays(void **state)
{
	int offset;

	(void)state;
	start_tree();
	add_memory(0x40000000, 0x8000000);
	begin("late");
	end();
	assert_int_equal(read_tree(), 0);
	offset = fdt_path_offset(blob, "/late");
	*(uint32_t *)(blob + fdt_off_dt_struct(blob) + offset) = cpu_to_fdt32(77); /* no such tag */
	assert_int_equal(dt_init(blob, BLOB_SIZE), -EINVAL);
	assert_true(logged("unusable: FDT_ERR_BADSTRUCTURE"));
	assert_int_equal(machine.nr_ram, 1);
}

static void nonsense_properties(void **state)
{
	static const uint8_t bytes[5] = {1, 2, 3, 4, 5};
	const struct dt_node *dev;
	uint64_t size;
	paddr_t start;

	(void)state;
	start_tree();
	begin("memory@0");
	prop_string("device_type", "memory");
	ok(fdt_property(blob, "reg", bytes, sizeof(bytes)));
	end();
	add_memory(0xfffffffffffff000, 0x2000);
	add_memory(0x100000000000, 0x1000);
	begin("chosen");
	ok(fdt_property(blob, "bootargs", "no end", 6));
	ok(fdt_property(blob, "linux,initrd-start", bytes, sizeof(bytes)));
	prop_string("stdout-path", "serial9");
	end();
	begin("dev");
	prop_string("compatible", "test,dev");
	prop_cells("#address-cells", 1, 99);
	ok(fdt_property(blob, "phandle", bytes, sizeof(bytes)));
	ok(fdt_property(blob, "status", NULL, 0)); /* not "okay" */
	end();
	begin("bus");
	prop_cells("#address-cells", 1, 3);
	prop_cells("#size-cells", 1, 0);
	begin("pci");
	prop_string("compatible", "test,pci");
	prop_cells("reg", 3, 1, 2, 3);
	end();
	end();
	begin("psci");
	prop_string("compatible", "arm,psci-1.0");
	prop_string("method", "prayer");
	end();
	assert_int_equal(read_tree(), 0);
	assert_int_equal(machine.nr_ram, 0);
	assert_true(logged("/memory@0: reg of 5 bytes does not fit 2 + 2 cells"));
	assert_true(logged("/memory@fffffffffffff000: RAM at 0xfffffffffffff000"));
	assert_true(logged("/memory@100000000000: RAM at 0x100000000000"));
	assert_true(logged("/chosen: bootargs is not a string"));
	assert_true(logged("/chosen: linux,initrd-start is of 5 bytes"));
	assert_true(logged("/chosen: stdout-path names serial9, which is no alias"));
	assert_true(logged("/dev: #address-cells is 99"));
	assert_true(logged("/dev: phandle is of 5 bytes"));
	assert_true(logged("/psci: method is neither hvc nor smc"));
	assert_true(logged("no RAM"));
	assert_null(machine.stdout_path);
	assert_null(dt_find(NULL, "test,dev"));
	assert_false(machine.has_psci);
	dev = dt_find(NULL, "test,pci");
	assert_int_equal(dt_reg(dev, 0, &start, &size), -EINVAL);
	assert_true(logged("/bus/pci: reg of 12 bytes does not fit 3 + 0 cells"));
}

static void initrd_outside_ram(void **state)
{
	(void)state;
	start_tree();
	add_memory(0x40000000, 0x8000000);
	begin("chosen");
	prop_cells("linux,initrd-start", 1, 0x47fff000);
	prop_cells("linux,initrd-end", 1, 0x48001000);
	end();
	assert_int_equal(read_tree(), 0);
	assert_true(logged("/chosen: initrd 0x47fff000 to 0x48001000 is not in RAM"));
	assert_int_equal(machine.initrd_end.pa, 0);
}

static void more_than_the_arrays_hold(void **state)
{
	(void)state;
	start_tree();
	for (unsigned i = 0; i < DT_MAX_RANGES + 1; i++)
		add_memory(0x40000000 + i * 0x2000ul, 0x1000);
	assert_int_equal(read_tree(), 0);
	assert_int_equal(machine.nr_ram, DT_MAX_RANGES);
	assert_true(logged("more than 32 ranges of RAM: 0x40040000 is left alone"));
}

static void more_nodes_than_the_table_holds(void **state)
{
	(void)state;
	start_tree();
	for (unsigned i = 0; i < 1030; i++) {
		begin("n");
		end();
	}
	add_memory(0x40000000, 0x1000);
	assert_int_equal(read_tree(), 0);
	assert_true(logged("/: no room in the table of nodes for n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(memory_and_reservations, teardown),
		cmocka_unit_test_teardown(chosen, teardown),
		cmocka_unit_test_teardown(console_without_stdout_path, teardown),
		cmocka_unit_test_teardown(mem_keeps_what_is_in_use, teardown),
		cmocka_unit_test_teardown(mem_too_small_is_said_so, teardown),
		cmocka_unit_test_teardown(dma_addresses_are_the_bus_own, teardown),
		cmocka_unit_test_teardown(what_a_phandle_means_is_there, teardown),
		cmocka_unit_test_teardown(addresses_go_through_every_bus, teardown),
		cmocka_unit_test_teardown(disabled_nodes_are_not_there, teardown),
		cmocka_unit_test_teardown(interrupt_parent_is_inherited, teardown),
		cmocka_unit_test_teardown(cores, teardown),
		cmocka_unit_test_teardown(release_words_are_kept_free, teardown),
		cmocka_unit_test(no_tree),
		cmocka_unit_test_teardown(cut_anywhere, teardown),
		cmocka_unit_test_teardown(what_came_before_the_damage_stays, teardown),
		cmocka_unit_test_teardown(nonsense_properties, teardown),
		cmocka_unit_test_teardown(initrd_outside_ram, teardown),
		cmocka_unit_test_teardown(more_than_the_arrays_hold, teardown),
		cmocka_unit_test_teardown(more_nodes_than_the_table_holds, teardown),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("devtree", tests, NULL, NULL);
}
