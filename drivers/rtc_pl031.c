// SPDX-License-Identifier: BSD-2-Clause
/* The PL031 real-time clock (ARM DDI 0224, 3.3.1): its first register counts seconds. */
#include <arch/mmio.h>
#include <twofold/devtree.h>
#include <twofold/errno.h>
#include <twofold/log.h>
#include <twofold/time.h>
#include <twofold/vmalloc.h>

static int pl031_probe(const struct dt_node *node)
{
	uint64_t size;
	uint32_t now;
	paddr_t start;
	void *base;

	if (dt_reg(node, 0, &start, &size))
		return -ENXIO;
	base = ioremap(start, PAGE_SIZE);
	if (!base)
		return -ENOMEM;
	now = mmio_read32(base);
	vunmap_range(base);
	time_set_realtime_ns(now * NSEC_PER_SEC);
	pr_info("rtc: pl031 says %u seconds since 1970", now);
	return 0;
}

static const char *const pl031_compatible[] = {"arm,pl031", NULL};

DRIVER(pl031) = {
	.name = "rtc-pl031",
	.compatible = pl031_compatible,
	.probe = pl031_probe,
};
