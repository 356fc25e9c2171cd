// SPDX-License-Identifier: BSD-2-Clause
/* Boot, in order. Each line relies on those above it. */
#include <arch/context.h>
#include <twofold/boot.h>
#include <twofold/console.h>
#include <twofold/contrast.h>
#include <twofold/devtree.h>
#include <twofold/errno.h>
#include <twofold/explain.h>
#include <twofold/fs.h>
#include <twofold/irq.h>
#include <twofold/logbuf.h>
#include <twofold/params.h>
#include <twofold/selftest.h>
#include <twofold/slab.h>
#include <twofold/string.h>
#include <twofold/swap.h>
#include <twofold/task.h>
#include <twofold/vmalloc.h>

#define KIB(bytes) ((unsigned long)((bytes) / SZ_1K))

/* Tells the frame allocator what RAM there is and what in it is taken. */
static void add_memory(paddr_t dtb_pa)
{
	dt_limit_ram(image_pa(_image), (uint64_t)(_end - _image));
	for (unsigned i = 0; i < machine.nr_ram; i++)
		frames_add_ram(machine.ram[i].start, machine.ram[i].size, machine.ram[i].node);
	for (unsigned i = 0; i < machine.nr_reserved; i++)
		frames_reserve(machine.reserved[i].start, machine.reserved[i].size);
	frames_reserve(image_pa(_image), (uint64_t)(_end - _image));
	frames_reserve(dtb_pa, dt_size());
	frames_reserve(machine.initrd_start, machine.initrd_end.pa - machine.initrd_start.pa);
}

/* The loader's initramfs, else the one inside the image. */
static void unpack_initramfs(void)
{
	uint64_t size = machine.initrd_end.pa - machine.initrd_start.pa;
	uint64_t embedded = (uint64_t)(initramfs_end - initramfs_start);

	if (!size) {
		initramfs_unpack(pa_to_ptr(image_pa(initramfs_start)), embedded, true);
		return;
	}
	if (initramfs_unpack(pa_to_ptr(machine.initrd_start), size, true))
		pr_err("initramfs: the loader's archive is broken; what came before stays");
	frames_release(image_pa(initramfs_start), ALIGN_UP(embedded, PAGE_SIZE));
}

/* `selftest=all` or `selftest=suite,suite`: run, report, power off. */
static void run_selftests(void)
{
	char which[128];

	if (!param_string("selftest", which, sizeof(which)))
		return;
	power_off(selftest_run(which) == 0 ? 0 : 1);
}

/* The rest of boot, in a thread: from here on it may sleep. Becomes PID 1. */
static void init_thread(void *unused)
{
	char path[128] = "/init";

	(void)unused;
	smp_start();	    /* the other cores */
	drivers_probe();    /* disks, clocks: whatever the device tree names */
	console_start();    /* input */
	kswapd_start();	    /* reclaim in the background */
	unpack_initramfs(); /* the first files */
	run_selftests();
	pr_info("memory: %luK of %luK available", KIB(frames_free() * PAGE_SIZE),
		KIB(frames_managed() * PAGE_SIZE));
	param_string("init", path, sizeof(path));
	init_start(path);
}

void main(const void *dtb, size_t dtb_max, paddr_t dtb_pa)
{
	int err = dt_init(dtb, dtb_max); /* what machine this is */

	params_init(machine.bootargs); /* what the user wants */
	log_init();
	console_early_init(); /* from here on the log is seen */
	if (err)
		panic("no usable device tree at %#lx", (unsigned long)dtb_pa.pa);
	pr_info("twofold on %s, %u core%s", machine.model, machine.nr_cpus,
		machine.nr_cpus == 1 ? "" : "s");
	add_memory(dtb_pa);
	arch_map_ram();	    /* the direct map */
	frames_init();	    /* frames, zones, buddy */
	slab_init();	    /* small objects */
	vmalloc_init();	    /* kernel ranges, stacks */
	vm_init();	    /* address spaces */
	twin_init();	    /* the kernel's tables in the other format, too */
	swap_init();
	sched_init();	    /* this core runs tasks */
	irq_init();
	time_init();
	perf_init();	    /* cores count instructions */
	fs_init();	    /* an empty root, /dev, /proc, /tmp */
	explain_init();	    /* whose faults are told */
	arch_boot_finish();
	kthread_create("init", init_thread, NULL);
	sched_idle();
}

void secondary_main(void)
{
	irq_init_cpu();
	time_init_cpu();
	sched_init_cpu();
	sched_idle();
}
