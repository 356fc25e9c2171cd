// SPDX-License-Identifier: BSD-2-Clause
/*
 * Properties by the mailbox between the ARM cores and the VideoCore (BCM2835 ARM Peripherals, 1.3;
 * the firmware's wiki, "Mailboxes" and "Mailbox property interface"). The words are a bus address
 * and, in the low four bits, a channel.
 */
#include <arch/mmio.h>
#include <twofold/boot.h>
#include <twofold/devtree.h>
#include <twofold/errno.h>
#include <twofold/lock.h>
#include <twofold/log.h>
#include <twofold/mailbox.h>
#include <twofold/string.h>
#include <twofold/time.h>
#include <twofold/vmalloc.h>

#define MAIL0_READ 0x00 /* from the VideoCore */
#define MAIL0_STATUS 0x18
#define MAIL1_WRITE 0x20 /* to it */
#define MAIL1_STATUS 0x38
#define STATUS_FULL BIT(31)
#define STATUS_EMPTY BIT(30)

#define CHANNEL_PROPERTY 8u
#define PATIENCE NSEC_PER_SEC

#define REQUEST 0u
#define RESPONSE_OK 0x80000000u
#define TAG_ANSWERED BIT(31)

#define TAG_GET_CLOCK_RATE 0x00030002u

/* The firmware reads and writes it past the caches: no line of it holds anything else. */
static struct {
	uint32_t size, code;
	uint32_t tag, value_size, tag_code;
	uint32_t values[MAILBOX_MAX_VALUES];
	uint32_t end;
} message __aligned(128);

/* message, and the mailbox: an answer takes microseconds. */
static spinlock_t lock = SPINLOCK_INIT(RANK_BLOCK);
static void *regs;
static uint32_t bus_address;

static bool wait_clear(unsigned status, uint32_t bit)
{
	uint64_t limit = time_ns() + PATIENCE;

	while (mmio_read32(regs + status) & bit)
		if (time_ns() > limit)
			return false;
	return true;
}

/* At the first use, by a driver's probe: those come one after the other. */
static int find_mailbox(void)
{
	const struct dt_node *node = dt_find(NULL, "brcm,bcm2835-mbox");
	uint64_t size, bus;
	paddr_t start;

	if (!node)
		return -ENODEV;
	if (dt_dma_address(node, image_pa(&message), sizeof(message), &bus) || bus > UINT32_MAX) {
		pr_err("mailbox: the firmware cannot reach the kernel's memory");
		return -ENODEV;
	}
	if (dt_reg(node, 0, &start, &size) || size <= MAIL1_STATUS)
		return -ENODEV;
	bus_address = (uint32_t)bus;
	regs = ioremap(start, size);
	return regs ? 0 : -ENOMEM;
}

/* Sends `message` and waits until it has been answered in place. */
static int exchange(void)
{
	uint32_t word = bus_address | CHANNEL_PROPERTY;

	dcache_clean_inval(&message, sizeof(message));
	if (!wait_clear(MAIL1_STATUS, STATUS_FULL))
		return -ETIMEDOUT;
	mmio_write32(regs + MAIL1_WRITE, word);
	do { /* what else comes was for somebody before us */
		if (!wait_clear(MAIL0_STATUS, STATUS_EMPTY))
			return -ETIMEDOUT;
	} while (mmio_read32(regs + MAIL0_READ) != word);
	dma_mb();
	dcache_inval(&message, sizeof(message));
	return message.code == RESPONSE_OK && message.tag_code & TAG_ANSWERED ? 0 : -EINVAL;
}

int mailbox_property(uint32_t tag, uint32_t *values, unsigned nr)
{
	int err = nr > MAILBOX_MAX_VALUES ? -EINVAL : regs ? 0 : find_mailbox();
	size_t len = nr * sizeof(*values);

	if (err)
		return err;
	spin_lock(&lock);
	memset(&message, 0, sizeof(message));
	message.size = sizeof(message);
	message.code = REQUEST;
	message.tag = tag;
	message.value_size = (uint32_t)len;
	memcpy(message.values, values, len);
	err = exchange();
	memcpy(values, message.values, len);
	spin_unlock(&lock);
	return err;
}

int mailbox_clock_rate(unsigned clock_id, uint32_t *hz)
{
	uint32_t values[2] = {clock_id, 0};
	int err = mailbox_property(TAG_GET_CLOCK_RATE, values, ARRAY_SIZE(values));

	*hz = values[1];
	return err ? err : *hz ? 0 : -EINVAL;
}
