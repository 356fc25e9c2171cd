// SPDX-License-Identifier: BSD-2-Clause
/* What only some boards have: a Pi's firmware and pins. */
#include <twofold/devtree.h>
#include <twofold/errno.h>
#include <twofold/gpio.h>
#include <twofold/irq.h>
#include <twofold/mailbox.h>
#include <twofold/selftest.h>

#define SPARE_PIN 40u /* the headphones: not on the header, where something might drive it */
#define NO_SUCH_PIN 60u

/* Reading the answer from stale cache lines would give the question's 0. */
SELFTEST(board, the_firmware_knows_its_clocks)
{
	uint32_t hz = 0;
	int err = mailbox_clock_rate(MAILBOX_CLOCK_EMMC, &hz);

	if (err == -ENODEV) {
		selftest_skip("no firmware with a mailbox");
		return;
	}
	EXPECT(err == 0);
	EXPECT(hz >= 1000000 && hz <= 1000000000);
	EXPECT(mailbox_property(0, &hz, MAILBOX_MAX_VALUES + 1) == -EINVAL);
}

SELFTEST(board, a_pin_takes_a_function)
{
	int before = gpio_function_get(SPARE_PIN), neighbour = gpio_function_get(SPARE_PIN + 1);

	if (before == -ENODEV) {
		selftest_skip("no pins");
		return;
	}
	for (int function = GPIO_INPUT; function <= GPIO_ALT3; function++) {
		EXPECT(gpio_function(SPARE_PIN, (enum gpio_function)function) == 0);
		EXPECT(gpio_function_get(SPARE_PIN) == function);
		EXPECT(gpio_function_get(SPARE_PIN + 1) == neighbour);
	}
	EXPECT(gpio_pull(SPARE_PIN, GPIO_PULL_UP) == 0);
	EXPECT(gpio_pull(SPARE_PIN, GPIO_PULL_NONE) == 0);
	EXPECT(gpio_function(SPARE_PIN, (enum gpio_function)before) == 0);
	EXPECT(gpio_function(NO_SUCH_PIN, GPIO_INPUT) == -EINVAL);
}

/* Each of the nested controller's banks has its own range: no two sources share a line. */
SELFTEST(board, devices_of_a_pi_have_lines_of_their_own)
{
	static const char *const devices[] = {"brcm,bcm2835-aux-uart", "arm,pl011",
					      "brcm,bcm2835-mbox"};
	int lines[ARRAY_SIZE(devices)];

	if (!dt_find(NULL, "brcm,bcm2835-mbox")) {
		selftest_skip("no Pi");
		return;
	}
	for (unsigned i = 0; i < ARRAY_SIZE(devices); i++) {
		const struct dt_node *node = dt_find(NULL, devices[i]);

		REQUIRE(node);
		lines[i] = irq_of_node(node, 0);
		EXPECT(lines[i] >= 32); /* above those of the cores' own */
		for (unsigned other = 0; other < i; other++)
			EXPECT(lines[i] != lines[other]);
	}
}
