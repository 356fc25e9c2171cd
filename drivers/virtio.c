// SPDX-License-Identifier: BSD-2-Clause
/* The split virtqueue (virtio 1.2, 2.7), without indirect descriptors or event indices. */
#include "virtio.h"
#include <arch/cpu.h>
#include <twofold/errno.h>

void vq_init(struct virtqueue *vq, void *memory, unsigned entries)
{
	vring_init(&vq->ring, entries, memory, PAGE_SIZE);
	for (unsigned i = 0; i < entries; i++)
		vq->ring.desc[i].next = (uint16_t)(i + 1);
	vq->free_head = 0;
	vq->nr_free = (uint16_t)entries;
	vq->avail_idx = 0;
	vq->used_idx = 0;
}

void vq_end(struct virtqueue *vq, const struct vq_chain *c)
{
	struct vring_desc *last = &vq->ring.desc[c->last];

	last->flags &= (uint16_t)~VRING_DESC_F_NEXT;
	vq->free_head = last->next;
	vq->nr_free -= (uint16_t)c->nr;
	vq->ring.avail->ring[vq->avail_idx++ & (vq->ring.num - 1)] = c->head;
}

bool vq_publish(struct virtqueue *vq)
{
	dma_wmb(); /* descriptors and ring before the index */
	WRITE_ONCE(vq->ring.avail->idx, vq->avail_idx);
	dma_mb(); /* the index before the look at the flag, and before a notification */
	return !(READ_ONCE(vq->ring.used->flags) & VRING_USED_F_NO_NOTIFY);
}

int vq_used(struct virtqueue *vq)
{
	uint32_t id;

	if (vq->used_idx == READ_ONCE(vq->ring.used->idx))
		return -ENOENT;
	dma_rmb(); /* the index before the entry, and before what the device wrote elsewhere */
	id = vq->ring.used->ring[vq->used_idx++ & (vq->ring.num - 1)].id;
	return id < vq->ring.num ? (int)id : -EIO;
}

void vq_free(struct virtqueue *vq, unsigned head)
{
	struct vring_desc *desc = &vq->ring.desc[head];
	unsigned nr = 1;

	for (; desc->flags & VRING_DESC_F_NEXT; nr++)
		desc = &vq->ring.desc[desc->next];
	desc->next = vq->free_head;
	vq->free_head = (uint16_t)head;
	vq->nr_free += (uint16_t)nr;
}
