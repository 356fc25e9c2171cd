// SPDX-License-Identifier: BSD-2-Clause
/*
 * The DMA engine (BCM2835 ARM Peripherals, chapter 4). A channel works through a chain of control
 * blocks; between memory and a FIFO it is paced by that device's request line (DREQ). All
 * addresses are those of the VideoCore's bus.
 */
#include <arch/cpu.h>
#include <arch/mmio.h>
#include <twofold/errno.h>
#include <twofold/irq.h>
#include <twofold/log.h>
#include <twofold/page.h>
#include <twofold/slab.h>
#include <twofold/vmalloc.h>

#include "dma_bcm2835.h"

/* Registers of a channel */
#define CHANNEL(n) ((n)*0x100)
#define CS 0x00
#define CS_ACTIVE 0x00000001u
#define CS_END 0x00000002u
#define CS_INT 0x00000004u
#define CS_ERROR 0x00000100u
#define CS_PRIORITY 0x00880000u /* 8 of 15, in panic too */
#define CS_WAIT_WRITES 0x10000000u
#define CS_RESET 0x80000000u
#define CONBLK_AD 0x04
#define DEBUG_ERRORS 0x20
#define DEBUG_CLEAR 0x00000007u
/* 4.5: channels 7 to 14 are slower, and shorter of breath. */
#define FULL_CHANNELS 0x7fu

#define TI_INTEN 0x001u
#define TI_WAIT_RESP 0x008u
#define TI_DEST_INC 0x010u
#define TI_DEST_DREQ 0x040u
#define TI_SRC_INC 0x100u
#define TI_SRC_DREQ 0x400u
#define TI_PERMAP(dreq) ((dreq) << 16)

struct control_block {
	uint32_t info, source, dest, length, stride, next, reserved[2];
};
_Static_assert(sizeof(struct control_block) == 32, "as the engine reads and aligns it");
#define CONTROL_BLOCKS (PAGE_SIZE / sizeof(struct control_block))

struct bcm_dma {
	struct sd_host *host;
	char *base; /* of the channel */
	uint32_t dreq, fifo;
	struct control_block *blocks; /* a page */
	struct sd_dma_window window;
};

static void stop(struct bcm_dma *dma)
{
	mmio_write32(dma->base + CS, CS_RESET);
	mmio_write32(dma->base + DEBUG_ERRORS, DEBUG_CLEAR);
}

static void interrupt(void *arg)
{
	struct bcm_dma *dma = arg;

	if (!(mmio_read32(dma->base + CS) & CS_INT))
		return;
	mmio_write32(dma->base + CS, CS_INT | CS_END);
	sd_interrupt(dma->host);
}

bool bcm_dma_possible(const struct bcm_dma *dma, const struct sd_data *data)
{
	return data->nr_segs <= CONTROL_BLOCKS && sd_dma_possible(&dma->window, data);
}

static struct control_block block_for(const struct bcm_dma *dma, const struct sd_data *data,
				      const void *buf, uint32_t len)
{
	uint32_t memory = sd_dma_bus(&dma->window, buf);
	struct control_block b = {.length = len};

	b.info = TI_WAIT_RESP | TI_PERMAP(dma->dreq) |
		 (data->write ? TI_SRC_INC | TI_DEST_DREQ : TI_DEST_INC | TI_SRC_DREQ);
	b.source = data->write ? memory : dma->fifo;
	b.dest = data->write ? dma->fifo : memory;
	return b;
}

void bcm_dma_start(struct bcm_dma *dma, const struct sd_data *data, uint32_t bytes)
{
	struct control_block *b = dma->blocks;

	for (unsigned i = 0; i < data->nr_segs && bytes; i++, b++) {
		uint32_t len = MIN(data->segs[i].len, bytes);

		*b = block_for(dma, data, data->segs[i].buf, len);
		b->next = sd_dma_bus(&dma->window, b + 1);
		bytes -= len;
	}
	b[-1].next = 0;
	b[-1].info |= TI_INTEN;
	dcache_clean(dma->blocks, PAGE_SIZE);
	sd_dma_before(data);
	mmio_write32(dma->base + CONBLK_AD, sd_dma_bus(&dma->window, dma->blocks));
	mmio_write32(dma->base + CS, CS_ACTIVE | CS_PRIORITY | CS_WAIT_WRITES);
}

bool bcm_dma_done(const struct bcm_dma *dma)
{
	uint32_t cs = mmio_read32(dma->base + CS);

	return !(cs & CS_ACTIVE) || cs & CS_ERROR;
}

int bcm_dma_finish(struct bcm_dma *dma, const struct sd_data *data)
{
	uint32_t cs = mmio_read32(dma->base + CS);

	if (cs & (CS_ACTIVE | CS_ERROR))
		stop(dma);
	sd_dma_after(data);
	return cs & (CS_ACTIVE | CS_ERROR) ? -EIO : 0;
}

/* ---- finding it ---- */

static uint32_t taken; /* channels */

/* One of those that the firmware leaves to us: the first, for its interrupt is its own. */
static int pick_channel(const struct dt_node *engine)
{
	uint32_t free = dt_u32(engine, "brcm,dma-channel-mask", 0) & FULL_CHANNELS & ~taken;
	int channel = free ? __builtin_ctz(free) : -ENODEV;

	if (free)
		taken |= 1u << channel;
	return channel;
}

static int set_up_channel(struct bcm_dma *dma, const struct dt_node *engine, unsigned channel,
			  char *registers)
{
	dma->base = registers + CHANNEL(channel);
	stop(dma);
	return irq_request(irq_of_node(engine, channel), interrupt, dma, dma->host->name);
}

static int take_channel(struct bcm_dma *dma, const struct dt_node *engine, paddr_t start,
			uint64_t size)
{
	int err = -ENOMEM, channel = pick_channel(engine);
	char *registers;

	if (channel < 0)
		return channel;
	registers = ioremap(start, size);
	if (registers)
		err = set_up_channel(dma, engine, (unsigned)channel, registers);
	if (!err)
		return 0;
	vunmap_range(registers);
	taken &= ~(1u << channel);
	return err;
}

static int set_up(struct bcm_dma *dma, const struct dt_node *engine, const void *reg)
{
	uint64_t size;
	paddr_t start;
	int err = dt_reg(engine, 0, &start, &size);

	if (err)
		return err;
	sd_dma_window(engine, &dma->window);
	dma->fifo += dt_cell(reg, 0);
	dma->blocks = kmalloc(PAGE_SIZE, GFP_KERNEL);
	if (!dma->blocks)
		return -ENOMEM;
	if (!sd_dma_reaches(&dma->window, dma->blocks, PAGE_SIZE))
		return -EINVAL;
	return take_channel(dma, engine, start, size);
}

struct bcm_dma *bcm_dma_get(struct sd_host *host, uint32_t fifo)
{
	int len, reg_len;
	const void *dmas = dt_prop(host->node, "dmas", &len);
	const void *reg = dt_prop(host->node, "reg", &reg_len);
	const struct dt_node *engine = len >= 8 ? dt_phandle(dt_cell(dmas, 0)) : NULL;
	struct bcm_dma *dma;
	int err;

	if (!engine || reg_len < 4 || !dt_compatible(engine, "brcm,bcm2835-dma"))
		return NULL;
	dma = kzalloc(sizeof(*dma), GFP_KERNEL);
	if (!dma)
		return NULL;
	dma->host = host;
	dma->dreq = dt_cell(dmas, 1) & 31;
	dma->fifo = fifo;
	err = set_up(dma, engine, reg);
	if (!err)
		return dma;
	pr_warn("%s: no DMA: error %d", host->name, err);
	kfree(dma->blocks);
	kfree(dma);
	return NULL;
}
