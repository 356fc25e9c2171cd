// SPDX-License-Identifier: BSD-2-Clause
/*
 * The watchdog in the power management block of BCM2835 and its kin: the only way to reset the
 * chip. Its registers are in no public manual; Linux's drivers/watchdog/bcm2835_wdt.c names them.
 * There is no power switch: for power-off the firmware is told, by a partition that cannot be, to
 * stay down.
 */
#include <arch/mmio.h>
#include <twofold/devtree.h>
#include <twofold/errno.h>
#include <twofold/power.h>
#include <twofold/time.h>
#include <twofold/vmalloc.h>

#define PM_VALUE 0x00ffffffu /* of any register: the byte above is the password's */
#define PM_RSTC 0x1c
#define RSTC_WRCFG_MASK 0x30u
#define RSTC_WRCFG_FULL_RESET 0x20u
#define PM_RSTS 0x20
#define RSTS_PARTITION_HALT 0x555u /* partition 63: every second bit, 0 to 10 */
#define PM_WDOG 0x24
#define WDOG_TICKS 10u	     /* of 16 us */
#define PASSWORD 0x5a000000u /* without it a write is ignored */
#define RESET_SECONDS 1
#define UART_DRAIN_US 10000 /* what its FIFO holds goes out first, at any usual speed */

static void *regs;

static void write_reg(unsigned reg, uint32_t value)
{
	mmio_write32(regs + reg, PASSWORD | value);
}

static void wdt_restart(void)
{
	udelay(UART_DRAIN_US);
	write_reg(PM_WDOG, WDOG_TICKS);
	write_reg(PM_RSTC, (mmio_read32(regs + PM_RSTC) & PM_VALUE & ~RSTC_WRCFG_MASK) |
				   RSTC_WRCFG_FULL_RESET);
	udelay(RESET_SECONDS * 1000000);
}

static void wdt_off(void)
{
	write_reg(PM_RSTS, (mmio_read32(regs + PM_RSTS) & PM_VALUE) | RSTS_PARTITION_HALT);
	wdt_restart();
}

static const struct power_ops wdt_power = {
	.name = "the watchdog",
	.off = wdt_off,
	.restart = wdt_restart,
};

static int wdt_probe(const struct dt_node *node)
{
	uint64_t size;
	paddr_t start;

	if (dt_reg(node, 0, &start, &size) || size < PM_WDOG + 4)
		return -ENXIO;
	regs = ioremap(start, size);
	if (!regs)
		return -ENOMEM;
	power_register(&wdt_power);
	return 0;
}

static const char *const wdt_compatible[] = {"brcm,bcm2835-pm-wdt", NULL};

DRIVER(bcm2835_wdt) = {
	.name = "wdt-bcm2835",
	.compatible = wdt_compatible,
	.probe = wdt_probe,
};
