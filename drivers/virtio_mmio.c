// SPDX-License-Identifier: BSD-2-Clause
/* virtio over MMIO: version 2 (virtio 1.2, 4.2.2), and version 1, the legacy one (4.2.4), which is
 * what QEMU's virt gives unless it is told force-legacy=false. */
#include "virtio.h"
#include <arch/mmio.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_mmio.h>
#include <twofold/errno.h>
#include <twofold/log.h>
#include <twofold/page.h>
#include <twofold/vmalloc.h>

#define MAGIC 0x74726976u /* "virt" */

static uint32_t reg_read(const struct virtio_device *dev, unsigned offset)
{
	return mmio_read32(dev->regs + offset);
}

static void reg_write(const struct virtio_device *dev, unsigned offset, uint32_t value)
{
	mmio_write32(dev->regs + offset, value);
}

static void add_status(const struct virtio_device *dev, uint32_t bits)
{
	reg_write(dev, VIRTIO_MMIO_STATUS, reg_read(dev, VIRTIO_MMIO_STATUS) | bits);
}

/* ---- features ---- */

static uint64_t offered_features(const struct virtio_device *dev)
{
	uint64_t features = 0;

	for (unsigned word = 0; word < (dev->legacy ? 1 : 2); word++) {
		reg_write(dev, VIRTIO_MMIO_DEVICE_FEATURES_SEL, word);
		features |= (uint64_t)reg_read(dev, VIRTIO_MMIO_DEVICE_FEATURES) << 32 * word;
	}
	return features;
}

static void accept_features(const struct virtio_device *dev)
{
	for (unsigned word = 0; word < (dev->legacy ? 1 : 2); word++) {
		reg_write(dev, VIRTIO_MMIO_DRIVER_FEATURES_SEL, word);
		reg_write(dev, VIRTIO_MMIO_DRIVER_FEATURES, (uint32_t)(dev->features >> 32 * word));
	}
}

int virtio_start(struct virtio_device *dev, uint64_t wanted)
{
	reg_write(dev, VIRTIO_MMIO_STATUS, 0);
	while (reg_read(dev, VIRTIO_MMIO_STATUS))
		cpu_relax(); /* the reset is over when it reads 0 */
	add_status(dev, VIRTIO_CONFIG_S_ACKNOWLEDGE);
	add_status(dev, VIRTIO_CONFIG_S_DRIVER);
	dev->features = offered_features(dev) & (wanted | BIT(VIRTIO_F_VERSION_1));
	if (!dev->legacy && !virtio_has(dev, VIRTIO_F_VERSION_1))
		return -ENODEV;
	accept_features(dev);
	if (dev->legacy) {
		reg_write(dev, VIRTIO_MMIO_GUEST_PAGE_SIZE, PAGE_SIZE);
		return 0;
	}
	add_status(dev, VIRTIO_CONFIG_S_FEATURES_OK);
	return reg_read(dev, VIRTIO_MMIO_STATUS) & VIRTIO_CONFIG_S_FEATURES_OK ? 0 : -ENODEV;
}

void virtio_run(struct virtio_device *dev)
{
	add_status(dev, VIRTIO_CONFIG_S_DRIVER_OK);
}

void virtio_fail(struct virtio_device *dev)
{
	add_status(dev, VIRTIO_CONFIG_S_FAILED);
}

bool virtio_needs_reset(const struct virtio_device *dev)
{
	return reg_read(dev, VIRTIO_MMIO_STATUS) & VIRTIO_CONFIG_S_NEEDS_RESET;
}

/* ---- queues ---- */

static void write_address(const struct virtio_device *dev, unsigned low, const void *part)
{
	uint64_t pa = ptr_to_pa(part).pa;

	reg_write(dev, low, (uint32_t)pa);
	reg_write(dev, low + 4, (uint32_t)(pa >> 32));
}

/* Tells the device where the ring is. */
static void hand_over(const struct virtio_device *dev, const struct vring *ring)
{
	reg_write(dev, VIRTIO_MMIO_QUEUE_NUM, ring->num);
	if (dev->legacy) {
		reg_write(dev, VIRTIO_MMIO_QUEUE_ALIGN, PAGE_SIZE);
		reg_write(dev, VIRTIO_MMIO_QUEUE_PFN, pa_to_pfn(ptr_to_pa(ring->desc)));
		return;
	}
	write_address(dev, VIRTIO_MMIO_QUEUE_DESC_LOW, ring->desc);
	write_address(dev, VIRTIO_MMIO_QUEUE_AVAIL_LOW, ring->avail);
	write_address(dev, VIRTIO_MMIO_QUEUE_USED_LOW, ring->used);
	reg_write(dev, VIRTIO_MMIO_QUEUE_READY, 1);
}

int virtio_make_queue(struct virtio_device *dev, struct virtqueue *vq, unsigned index)
{
	unsigned entries, max, order = 0;
	struct page *pages;

	reg_write(dev, VIRTIO_MMIO_QUEUE_SEL, index);
	max = reg_read(dev, VIRTIO_MMIO_QUEUE_NUM_MAX);
	if (!max)
		return -ENXIO;
	for (entries = VIRTIO_QUEUE_MAX; entries > max;)
		entries /= 2;
	while (PAGE_SIZE << order < vring_size(entries, PAGE_SIZE))
		order++;
	pages = alloc_pages(GFP_KERNEL | GFP_ZERO, order);
	if (!pages)
		return -ENOMEM;
	vq_init(vq, page_to_ptr(pages), entries);
	vq->index = index;
	hand_over(dev, &vq->ring);
	return 0;
}

void virtio_notify(struct virtio_device *dev, const struct virtqueue *vq)
{
	reg_write(dev, VIRTIO_MMIO_QUEUE_NOTIFY, vq->index);
}

uint32_t virtio_interrupt_status(struct virtio_device *dev)
{
	uint32_t status = reg_read(dev, VIRTIO_MMIO_INTERRUPT_STATUS);

	reg_write(dev, VIRTIO_MMIO_INTERRUPT_ACK, status);
	return status;
}

/* ---- configuration space ---- */

uint32_t virtio_config32(const struct virtio_device *dev, unsigned offset)
{
	return reg_read(dev, VIRTIO_MMIO_CONFIG + offset);
}

/* Two reads, again if the device changed its configuration between them (2.5.1). */
uint64_t virtio_config64(const struct virtio_device *dev, unsigned offset)
{
	uint32_t low, high, generation;

	do {
		generation = dev->legacy ? 0 : reg_read(dev, VIRTIO_MMIO_CONFIG_GENERATION);
		low = virtio_config32(dev, offset);
		high = virtio_config32(dev, offset + 4);
	} while (!dev->legacy && generation != reg_read(dev, VIRTIO_MMIO_CONFIG_GENERATION));
	return (uint64_t)high << 32 | low;
}

/* ---- finding devices ---- */

/* QEMU's virt has 32 slots of 512 bytes, most of them empty: those of one page are mapped once. */
static void *map_slot(paddr_t start)
{
	static paddr_t page;
	static void *mapped;

	if (!mapped || page.pa != ALIGN_DOWN(start.pa, PAGE_SIZE)) {
		page = PADDR(ALIGN_DOWN(start.pa, PAGE_SIZE));
		mapped = ioremap(page, PAGE_SIZE);
	}
	return mapped ? mapped + start.pa % PAGE_SIZE : NULL;
}

static int virtio_mmio_probe(const struct dt_node *node)
{
	struct virtio_device dev = {.node = node};
	uint32_t version;
	uint64_t size;
	paddr_t start;

	if (dt_reg(node, 0, &start, &size) || size <= VIRTIO_MMIO_CONFIG)
		return -ENXIO;
	dev.regs = map_slot(start);
	if (!dev.regs)
		return -ENOMEM;
	if (reg_read(&dev, VIRTIO_MMIO_MAGIC_VALUE) != MAGIC)
		return -ENODEV;
	dev.id = reg_read(&dev, VIRTIO_MMIO_DEVICE_ID);
	if (!dev.id)
		return 0; /* an empty slot */
	version = reg_read(&dev, VIRTIO_MMIO_VERSION);
	if (version != 1 && version != 2)
		return -ENODEV;
	dev.legacy = version == 1;
	if (dev.id == VIRTIO_ID_BLOCK)
		return virtio_blk_probe(&dev);
	pr_info("virtio: no driver for device type %u", dev.id);
	return 0;
}

static const char *const virtio_mmio_compatible[] = {"virtio,mmio", NULL};

DRIVER(virtio_mmio) = {
	.name = "virtio-mmio",
	.compatible = virtio_mmio_compatible,
	.probe = virtio_mmio_probe,
};
