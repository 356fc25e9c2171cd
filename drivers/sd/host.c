// SPDX-License-Identifier: BSD-2-Clause
/* What all host controllers share: names, waiting for them, and the way from a socket to a disk. */
#include <twofold/errno.h>
#include <twofold/gpio.h>
#include <twofold/irq.h>
#include <twofold/log.h>
#include <twofold/slab.h>
#include <twofold/task.h>

#include "sd.h"

/* Where BCM2835 boards and kin have their card's socket. */
#define SOCKET_FIRST 48u
#define SOCKET_PINS 6u
#define DEFAULT_MAX_HZ 50000000u
#define LOST_NS (20 * NSEC_PER_MSEC) /* when one that waits for an interrupt looks by itself */
#define MAX_LOST 3
#define LOOK_NS (NSEC_PER_MSEC / 50) /* how often one without an interrupt is looked at */

void sd_host_init(struct sd_host *host, const struct dt_node *node)
{
	static unsigned nr_hosts;

	host->node = node;
	host->width = dt_u32(node, "bus-width", 4) >= 4 ? 4 : 1;
	host->max_hz = MIN(dt_u32(node, "max-frequency", DEFAULT_MAX_HZ), DEFAULT_MAX_HZ);
	host->irq = false;
	wait_queue_init(&host->wait);
	snprintf(host->name, sizeof(host->name), "mmc%u", nr_hosts++);
}

void sd_interrupt(struct sd_host *host)
{
	__atomic_store_n(&host->irq_seen, true, __ATOMIC_RELEASE);
	wake_all(&host->wait);
}

/* Sleeps until an interrupt, or for a moment where there is none. */
static void wait_a_bit(struct sd_host *host, uint64_t deadline)
{
	struct waiter waiter;

	if (!host->irq) {
		sched_sleep_ns(LOOK_NS);
		return;
	}
	wait_prepare(&host->wait, &waiter, false);
	__atomic_store_n(&host->irq_seen, false, __ATOMIC_RELAXED);
	host->ops->enable_irq(host, true); /* it comes at once, if its cause is there already */
	schedule_until(MIN(deadline, time_ns() + LOST_NS));
	wait_finish(&host->wait, &waiter);
	host->ops->enable_irq(host, false);
}

/* It was slept through: an interrupt that did not come, for what has happened. */
static void lost_irq(struct sd_host *host)
{
	if (++host->irqs_lost < MAX_LOST)
		return;
	pr_warn("%s: its interrupt does not come: it is looked at now and then", host->name);
	host->irq = false;
}

bool sd_wait(struct sd_host *host, bool (*ready)(struct sd_host *host), uint64_t ns)
{
	uint64_t deadline = time_ns() + ns;

	if (host->irq && host->sleeps_first)
		wait_a_bit(host, deadline);
	while (!ready(host)) {
		if (time_ns() >= deadline)
			return false;
		wait_a_bit(host, deadline);
		if (host->irq && !__atomic_load_n(&host->irq_seen, __ATOMIC_ACQUIRE) && ready(host))
			lost_irq(host);
	}
	return true;
}

/* Only for hosts with a card: others would be woken by their neighbours on a shared line. */
static void start_irq(struct sd_host *host)
{
	int line = irq_of_node(host->node, 0);
	int err = line < 0 ? line : irq_request(line, host->ops->interrupt, host, host->name);

	if (err)
		pr_warn("%s: no interrupt (error %d): it is looked at now and then", host->name,
			err);
	host->irq = !err;
}

/* 0: it has a disk now; -ENOMEDIUM: no card; others are said. */
static int start(struct sd_host *host)
{
	struct sd_card *card = kmalloc(sizeof(*card), GFP_KERNEL);
	int err = card ? sd_identify(host, card) : -ENOMEM;

	if (!err) {
		start_irq(host);
		err = sd_disk_create(card);
	}
	if (err)
		kfree(card);
	return err;
}

/*
 * The pins of the card's socket get this function, and their old ones come back where that did not
 * help.
 */
static int start_on_socket(struct sd_host *host, enum gpio_function function)
{
	int old[SOCKET_PINS], err;

	for (unsigned i = 0; i < SOCKET_PINS; i++) {
		old[i] = gpio_function_get(SOCKET_FIRST + i);
		if (old[i] < 0)
			return -ENOMEDIUM;
	}
	for (unsigned i = 0; i < SOCKET_PINS; i++)
		gpio_function(SOCKET_FIRST + i, function);
	err = start(host);
	for (unsigned i = 0; err && i < SOCKET_PINS; i++)
		gpio_function(SOCKET_FIRST + i, (enum gpio_function)old[i]);
	return err;
}

void sd_host_start(struct sd_host *host, enum gpio_function socket)
{
	bool told = dt_prop(host->node, "pinctrl-0", NULL);
	int err;

	if (told)
		gpio_select_pins(host->node);
	err = start(host);
	if (err == -ENOMEDIUM && !told && socket != GPIO_INPUT && !block_next(NULL))
		err = start_on_socket(host, socket);
	if (err == -ENOMEDIUM)
		pr_info("%s: %s: no card", host->name, host->kind);
}
