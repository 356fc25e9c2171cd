/* SPDX-License-Identifier: BSD-2-Clause */
/* What the pins of a BCM2835, 2837 or 2711 are used for. */
#ifndef TWOFOLD_GPIO_H
#define TWOFOLD_GPIO_H

#include <twofold/devtree.h>

/* The numbers of GPFSELn's fields, and of the binding's brcm,function. */
enum gpio_function {
	GPIO_INPUT,
	GPIO_OUTPUT,
	GPIO_ALT5,
	GPIO_ALT4,
	GPIO_ALT0,
	GPIO_ALT1,
	GPIO_ALT2,
	GPIO_ALT3,
};
/* The numbers of the binding's brcm,pull. */
enum gpio_pull { GPIO_PULL_NONE, GPIO_PULL_DOWN, GPIO_PULL_UP };

/* -ENODEV: the device tree has no such controller; -EINVAL: it has no such pin. May sleep. */
int gpio_function(unsigned pin, enum gpio_function function);
int gpio_pull(unsigned pin, enum gpio_pull pull);
/* The function that a pin has now, or as above. */
int gpio_function_get(unsigned pin);
/*
 * Sets the pins as the node's pinctrl-0 says, if it says anything. -EINVAL with a log line where
 * that is nonsense: pins before it may be set.
 */
int gpio_select_pins(const struct dt_node *node);

#endif
