/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * virtio (Virtual I/O Device specification 1.2): the split ring (2.7) and the MMIO transport (4.2,
 * the legacy one 4.2.4). A queue's functions are called with its user's lock held.
 */
#ifndef VIRTIO_H
#define VIRTIO_H

#include <linux/virtio_ring.h>
#include <twofold/addr.h>
#include <twofold/devtree.h>

#define VIRTIO_QUEUE_MAX 256u

struct virtio_device {
	void *regs;
	const struct dt_node *node;
	uint32_t id; /* VIRTIO_ID_* */
	bool legacy;
	uint64_t features; /* that both sides have */
};

/* Free descriptors are linked by `next`: the head of that list is the next chain, ready-made. */
struct virtqueue {
	struct vring ring;
	unsigned index;
	uint16_t free_head, nr_free;
	uint16_t avail_idx; /* ours; the device sees it at the next vq_publish() */
	uint16_t used_idx;  /* up to where the used ring was read */
};

/* A chain being made. */
struct vq_chain {
	uint16_t head, last;
	unsigned nr;
};

/* ---- drivers/virtio.c ---- */

/* Lays the ring out in `size` of vring_size() zeroed bytes; entries: a power of two. */
void vq_init(struct virtqueue *vq, void *memory, unsigned entries);

/* Starts a chain; the caller has seen that nr_free suffices. */
static inline struct vq_chain vq_begin(const struct virtqueue *vq)
{
	return (struct vq_chain){.head = vq->free_head, .last = vq->free_head};
}

/* Adds a buffer; flags: VRING_DESC_F_WRITE where the device writes. Those it reads come first. */
static inline void vq_add(struct virtqueue *vq, struct vq_chain *c, paddr_t pa, uint32_t len,
			  uint16_t flags)
{
	struct vring_desc *desc;

	if (c->nr++)
		c->last = vq->ring.desc[c->last].next;
	desc = &vq->ring.desc[c->last];
	desc->addr = pa.pa;
	desc->len = len;
	desc->flags = flags | VRING_DESC_F_NEXT;
}

/* Ends the chain and queues it. */
void vq_end(struct virtqueue *vq, const struct vq_chain *c);
/* Shows the device what is queued; true where it wants to be notified of that. */
bool vq_publish(struct virtqueue *vq);
/* The head of a chain that the device is done with; -ENOENT: none; -EIO: it wrote nonsense. */
int vq_used(struct virtqueue *vq);
void vq_free(struct virtqueue *vq, unsigned head); /* gives a chain's descriptors back */

/* ---- drivers/virtio_mmio.c ---- */

/*
 * Resets the device and agrees on the features in `wanted` (VIRTIO_F_VERSION_1 is seen to). 0;
 * -ENODEV: it will not have them.
 */
int virtio_start(struct virtio_device *dev, uint64_t wanted);
/* Makes queue `index`, of up to VIRTIO_QUEUE_MAX entries. -ENXIO: it has none; -ENOMEM. */
int virtio_make_queue(struct virtio_device *dev, struct virtqueue *vq, unsigned index);
void virtio_run(struct virtio_device *dev);  /* DRIVER_OK: set up, the device may start */
void virtio_fail(struct virtio_device *dev); /* we give it up */
void virtio_notify(struct virtio_device *dev, const struct virtqueue *vq);
/* Reads and acknowledges why it interrupted us: VIRTIO_MMIO_INT_*. */
uint32_t virtio_interrupt_status(struct virtio_device *dev);
bool virtio_needs_reset(const struct virtio_device *dev);
uint32_t virtio_config32(const struct virtio_device *dev, unsigned offset);
uint64_t virtio_config64(const struct virtio_device *dev, unsigned offset);

static inline bool virtio_has(const struct virtio_device *dev, unsigned feature)
{
	return dev->features & BIT(feature);
}

/* ---- drivers/virtio_blk.c ---- */
int virtio_blk_probe(const struct virtio_device *found);

#endif
