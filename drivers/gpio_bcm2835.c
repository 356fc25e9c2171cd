// SPDX-License-Identifier: BSD-2-Clause
/*
 * Pin functions and pulls (BCM2835 ARM Peripherals, 6.1; BCM2711 ARM Peripherals, 5.2, which pulls
 * by registers of its own).
 */
#include "devtree-internal.h"
#include <arch/mmio.h>
#include <twofold/errno.h>
#include <twofold/gpio.h>
#include <twofold/lock.h>
#include <twofold/time.h>
#include <twofold/vmalloc.h>

#define GPFSEL 0x00 /* ten pins of three bits in each */
#define GPPUD 0x94  /* BCM2835: the pull that the next clock sets */
#define GPPUDCLK 0x98
#define GPIO_PUP_PDN_CNTRL 0xe4 /* BCM2711: sixteen pins of two bits in each */
#define PULL_SETUP_US 1		/* 150 cycles of the core clock, 150 MHz or more */
#define MAX_GROUPS 8u
#define MAX_PINS 64u

static void *regs;
static unsigned nr_pins;
static bool is_2711;
static spinlock_t lock = SPINLOCK_INIT(RANK_BLOCK); /* registers that pins share */

/* At the first use, by a driver's probe: those come one after the other. */
static int find_gpio(void)
{
	const struct dt_node *node = dt_find(NULL, "brcm,bcm2711-gpio");
	uint64_t size;
	paddr_t start;

	if (regs)
		return 0;
	is_2711 = node;
	if (!node)
		node = dt_find(NULL, "brcm,bcm2835-gpio");
	if (!node || dt_reg(node, 0, &start, &size) || size <= GPPUDCLK + 4)
		return -ENODEV;
	nr_pins = is_2711 ? 58 : 54;
	regs = ioremap(start, size);
	return regs ? 0 : -ENOMEM;
}

static int check_pin(unsigned pin)
{
	int err = find_gpio();

	return err ? err : pin < nr_pins ? 0 : -EINVAL;
}

/* Sets a field of `bits` bits for the pin in the array of registers that begins at `reg`. */
static void set_field(unsigned reg, unsigned pin, unsigned bits, uint32_t value)
{
	unsigned per_reg = 32 / bits, shift = pin % per_reg * bits;
	void *at = regs + reg + pin / per_reg * 4;
	uint32_t mask = ((1u << bits) - 1) << shift;

	spin_lock(&lock);
	mmio_write32(at, (mmio_read32(at) & ~mask) | value << shift);
	spin_unlock(&lock);
}

int gpio_function(unsigned pin, enum gpio_function function)
{
	int err = check_pin(pin);

	if (err)
		return err;
	if ((unsigned)function > GPIO_ALT3)
		return -EINVAL;
	set_field(GPFSEL, pin, 3, function);
	return 0;
}

int gpio_function_get(unsigned pin)
{
	int err = check_pin(pin);

	return err ? err : (int)(mmio_read32(regs + GPFSEL + pin / 10 * 4) >> pin % 10 * 3 & 7);
}

/* BCM2835, 6.1: the value, its set-up time, the pin's clock, its hold time, both back to 0. */
static void pull_by_clock(unsigned pin, enum gpio_pull pull)
{
	void *clock = regs + GPPUDCLK + pin / 32 * 4;

	spin_lock(&lock);
	mmio_write32(regs + GPPUD, pull);
	udelay(PULL_SETUP_US);
	mmio_write32(clock, 1u << pin % 32);
	udelay(PULL_SETUP_US);
	mmio_write32(regs + GPPUD, 0);
	mmio_write32(clock, 0);
	spin_unlock(&lock);
}

int gpio_pull(unsigned pin, enum gpio_pull pull)
{
	/* BCM2711's numbers for the same three. */
	static const uint8_t pulls_2711[] = {
		[GPIO_PULL_NONE] = 0, [GPIO_PULL_UP] = 1, [GPIO_PULL_DOWN] = 2};
	int err = check_pin(pin);

	if (err)
		return err;
	if ((unsigned)pull >= ARRAY_SIZE(pulls_2711))
		return -EINVAL;
	if (is_2711)
		set_field(GPIO_PUP_PDN_CNTRL, pin, 2, pulls_2711[pull]);
	else
		pull_by_clock(pin, pull);
	return 0;
}

/* A property with one value for all pins, or one for each; false where it is absent. */
static bool value_for(const struct dt_node *group, const char *name, unsigned i, uint32_t *value)
{
	const void *cells;
	int len;

	cells = dt_prop(group, name, &len);
	if (!cells || len < 4)
		return false;
	*value = dt_cell(cells, 4 * i < (unsigned)len ? i : 0);
	return true;
}

/* Linux's binding brcm,bcm2835-gpio: brcm,pins, brcm,function, brcm,pull. */
static int select_group(const struct dt_node *group)
{
	const void *pins;
	uint32_t value;
	int len, err = 0;

	pins = dt_prop(group, "brcm,pins", &len);
	for (unsigned i = 0; !err && i < MIN((unsigned)len / 4, MAX_PINS); i++) {
		if (value_for(group, "brcm,function", i, &value))
			err = gpio_function(dt_cell(pins, i), value);
		if (!err && value_for(group, "brcm,pull", i, &value))
			err = gpio_pull(dt_cell(pins, i), value);
	}
	if (err)
		dt_complain(group, "not pins that can be set: error %d", err);
	return err;
}

int gpio_select_pins(const struct dt_node *node)
{
	const void *groups;
	int len, err = 0;

	groups = dt_prop(node, "pinctrl-0", &len);
	for (unsigned i = 0; !err && i < MIN((unsigned)len / 4, MAX_GROUPS); i++) {
		const struct dt_node *group = dt_phandle(dt_cell(groups, i));

		if (group)
			err = select_group(group);
		else
			dt_complain(node, "pinctrl-0 names a node that is not there");
	}
	return err;
}
