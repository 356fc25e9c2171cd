// SPDX-License-Identifier: BSD-2-Clause
/*
 * The BCM2835's other host, SDHOST, which has the card on a real Raspberry Pi 3. There is no manual
 * of it; its registers' names and habits are those of Linux's bcm2835-sdhost.c, as facts. Data
 * passes a FIFO of 16 words, by the DMA engine or word by word: while it is full, or empty, the
 * card's clock stands still. Commands tell by no interrupt that they are done.
 */
#include <arch/cpu.h>
#include <arch/mmio.h>
#include <twofold/errno.h>
#include <twofold/log.h>
#include <twofold/mailbox.h>
#include <twofold/slab.h>
#include <twofold/task.h>
#include <twofold/vmalloc.h>

#include "dma_bcm2835.h"

#define SDCMD 0x00
#define CMD_NEW 0x8000u
#define CMD_FAIL 0x4000u
#define CMD_NO_RESPONSE 0x0400u
#define CMD_LONG_RESPONSE 0x0200u
#define CMD_WRITE 0x0080u
#define CMD_READ 0x0040u
#define SDARG 0x04
#define SDTOUT 0x08
#define SDCDIV 0x0c
#define CDIV_MAX 0x7ffu
#define SDRSP 0x10
#define SDHSTS 0x20
#define STS_BUSY_IRQ 0x400u
#define STS_BLOCK_IRQ 0x200u
#define STS_SDIO_IRQ 0x100u
#define STS_IRQS (STS_BUSY_IRQ | STS_BLOCK_IRQ | STS_SDIO_IRQ)
#define STS_DATA_TIMEOUT 0x080u
#define STS_CMD_TIMEOUT 0x040u
#define STS_DATA_CRC 0x020u
#define STS_CMD_CRC 0x010u
#define STS_FIFO_ERROR 0x008u
#define STS_DATA 0x001u
#define STS_ERRORS                                                                                 \
	(STS_DATA_TIMEOUT | STS_CMD_TIMEOUT | STS_DATA_CRC | STS_CMD_CRC | STS_FIFO_ERROR)
#define SDVDD 0x30
#define SDEDM 0x34 /* "emergency debug mode": the state machine and the FIFO */
#define EDM_STATE 0x0000000fu
#define EDM_IDENT_MODE 0x0u
#define EDM_DATA_MODE 0x1u
#define EDM_READ_WAIT 0x4u
#define EDM_WRITE_START 0xau
#define EDM_FILL(edm) ((edm) >> 4 & 0x1f) /* words in the FIFO */
#define EDM_FORCE_DATA_MODE 0x00080000u
#define EDM_THRESHOLDS (4u << 14 | 4u << 9) /* read, write: words */
#define EDM_THRESHOLD_MASK (0x1fu << 14 | 0x1fu << 9)
#define FIFO_WORDS 16u
#define SDHCFG 0x38
#define CFG_BLOCK_IRQ 0x100u
#define CFG_DATA_IRQ 0x010u
/* Keeps it from switching clocks by itself (Linux: sets it always). */
#define CFG_SLOW_CARD 0x008u
#define CFG_4_LINES 0x004u
#define CFG_WIDE_INTERNAL 0x002u
#define SDHBCT 0x3c /* bytes of a block */
#define SDDATA 0x40
#define SDHBLC 0x50 /* blocks */

#define COMMAND_NS NSEC_PER_SEC
#define DATA_NS (3 * NSEC_PER_SEC)
#define POWER_NS (20 * NSEC_PER_MSEC)
/* DMA requests are not in step with the last words of several blocks (Linux: drain_words). */
#define DRAIN_WORDS 3u

struct sdhost {
	struct sd_host host;
	char *base;
	uint32_t base_hz;
	uint32_t config; /* SDHCFG, less interrupts */
	bool writing;	 /* what is under way */
	struct bcm_dma *dma;
	bool dma_active; /* its interrupt tells, not ours */
};

static struct sdhost *of(struct sd_host *host)
{
	return container_of(host, struct sdhost, host);
}

static uint32_t get(const struct sdhost *h, unsigned reg)
{
	return mmio_read32(h->base + reg);
}

static void set(const struct sdhost *h, unsigned reg, uint32_t value)
{
	mmio_write32(h->base + reg, value);
}

/* ---- clock, lines, reset ---- */

static uint32_t sdhost_set_clock(struct sd_host *host, uint32_t hz)
{
	struct sdhost *h = of(host);
	uint32_t divisor = MAX(DIV_ROUND_UP(h->base_hz, hz), 2u);

	divisor = MIN(divisor, CDIV_MAX + 2);
	set(h, SDCDIV, divisor - 2);
	set(h, SDTOUT, h->base_hz / divisor / 2); /* half a second */
	return h->base_hz / divisor;
}

static void sdhost_set_bus(struct sd_host *host, unsigned width, bool high_speed)
{
	struct sdhost *h = of(host);

	(void)high_speed;
	h->config = CFG_WIDE_INTERNAL | CFG_SLOW_CARD | (width == 4 ? CFG_4_LINES : 0);
	set(h, SDHCFG, h->config);
}

static int sdhost_reset(struct sd_host *host)
{
	static const uint8_t zeroed[] = {SDCMD, SDARG, SDCDIV, SDHCFG, SDHBCT, SDHBLC};
	struct sdhost *h = of(host);

	set(h, SDVDD, 0);
	for (unsigned i = 0; i < sizeof(zeroed); i++)
		set(h, zeroed[i], 0);
	set(h, SDHSTS, STS_ERRORS | STS_IRQS);
	set(h, SDEDM, (get(h, SDEDM) & ~EDM_THRESHOLD_MASK) | EDM_THRESHOLDS);
	sched_sleep_ns(POWER_NS);
	set(h, SDVDD, 1);
	sched_sleep_ns(POWER_NS);
	sdhost_set_bus(host, 1, false);
	return 0;
}

/* What is in the FIFO is thrown away, and what comes is not waited for. */
static void sdhost_recover(struct sd_host *host)
{
	struct sdhost *h = of(host);

	set(h, SDEDM, get(h, SDEDM) | EDM_FORCE_DATA_MODE);
	for (unsigned i = 0; i < FIFO_WORDS && EDM_FILL(get(h, SDEDM)); i++)
		get(h, SDDATA);
	set(h, SDHSTS, STS_ERRORS | STS_IRQS);
}

/* Nothing tells the controller of these. */
static bool sdhost_card_present(struct sd_host *host)
{
	(void)host;
	return true;
}

static bool sdhost_write_protected(struct sd_host *host)
{
	(void)host;
	return false;
}

/* ---- waiting ---- */

static void sdhost_enable_irq(struct sd_host *host, bool on)
{
	struct sdhost *h = of(host);

	on = on && !h->dma_active;
	set(h, SDHCFG, h->config | (on ? CFG_DATA_IRQ | CFG_BLOCK_IRQ : 0));
}

static void sdhost_interrupt(void *host)
{
	struct sdhost *h = of(host);
	uint32_t why = get(h, SDHSTS) & (STS_IRQS | STS_DATA);

	if (!why)
		return;
	set(h, SDHCFG, h->config);
	set(h, SDHSTS, why);
	sd_interrupt(host);
}

static int sdhost_error(const struct sdhost *h)
{
	uint32_t status = get(h, SDHSTS);

	if (status & (STS_DATA_TIMEOUT | STS_CMD_TIMEOUT))
		return -ETIMEDOUT;
	if (status & (STS_DATA_CRC | STS_CMD_CRC))
		return -EILSEQ;
	return status & STS_FIFO_ERROR ? -EIO : 0;
}

/* Words in the FIFO that can be read, or places to write to. */
static uint32_t fifo_ready(const struct sdhost *h)
{
	uint32_t fill = EDM_FILL(get(h, SDEDM));

	return h->writing ? FIFO_WORDS - MIN(fill, FIFO_WORDS) : fill;
}

static bool data_ready(struct sd_host *host)
{
	return fifo_ready(of(host)) || sdhost_error(of(host));
}

/* The FIFO is filled or emptied in some microseconds: worth a few looks before one sleeps. */
static int wait_fifo(struct sdhost *h)
{
	for (unsigned i = 0; i < FIFO_WORDS; i++) {
		if (data_ready(&h->host))
			return sdhost_error(h);
		cpu_relax();
	}
	if (!sd_wait(&h->host, data_ready, DATA_NS))
		return -ETIMEDOUT;
	return sdhost_error(h);
}

/* ---- data ---- */

static int move_words(struct sdhost *h, uint32_t *words, uint32_t nr)
{
	while (nr) {
		int err = wait_fifo(h);
		uint32_t n = MIN(nr, fifo_ready(h));

		if (err)
			return err;
		for (nr -= n; n; n--, words++) {
			if (h->writing)
				set(h, SDDATA, *words);
			else
				*words = get(h, SDDATA);
		}
	}
	return 0;
}

/* All but the first `skip` bytes, word by word. */
static int move_by_port(struct sdhost *h, const struct sd_data *data, uint32_t skip)
{
	int err = 0;

	for (unsigned i = 0; i < data->nr_segs && !err; i++) {
		uint32_t len = data->segs[i].len, at = MIN(skip, len), part;

		for (skip -= at; at < len && !err; at += part) {
			part = MIN(len - at, SD_BLOCK);
			err = move_words(h, (uint32_t *)((char *)data->segs[i].buf + at), part / 4);
			cond_resched();
		}
	}
	return err;
}

static bool dma_ready(struct sd_host *host)
{
	return bcm_dma_done(of(host)->dma) || sdhost_error(of(host));
}

static int move_by_dma(struct sdhost *h, const struct sd_data *data)
{
	uint32_t bytes = data->blocks * data->block_size, drain = 0;
	bool in_time;
	int err;

	if (!data->write && data->blocks > 1)
		drain = 4 * DRAIN_WORDS;
	h->dma_active = true;
	bcm_dma_start(h->dma, data, bytes - drain);
	in_time = sd_wait(&h->host, dma_ready, DATA_NS);
	h->dma_active = false;
	err = bcm_dma_finish(h->dma, data);
	if (sdhost_error(h))
		return sdhost_error(h);
	if (!in_time)
		return -ETIMEDOUT;
	return err || !drain ? err : move_by_port(h, data, bytes - drain);
}

/*
 * The state machine goes back to where it takes commands; between blocks of an open-ended transfer
 * it waits for more, and is told that there is none.
 */
static int finish_data(struct sdhost *h)
{
	uint32_t between = h->writing ? EDM_WRITE_START : EDM_READ_WAIT, edm;
	uint64_t deadline = time_ns() + DATA_NS;

	for (;;) {
		int err = sdhost_error(h);

		if (err)
			return err;
		edm = get(h, SDEDM);
		if ((edm & EDM_STATE) == EDM_DATA_MODE || (edm & EDM_STATE) == EDM_IDENT_MODE)
			return 0;
		if ((edm & EDM_STATE) == between) {
			set(h, SDEDM, edm | EDM_FORCE_DATA_MODE);
			return 0;
		}
		if (time_ns() > deadline)
			return -ETIMEDOUT;
		sched_sleep_ns(NSEC_PER_MSEC / 20);
	}
}

static int move_data(struct sdhost *h, const struct sd_data *data)
{
	bool dma = h->dma && bcm_dma_possible(h->dma, data);
	int err = dma ? move_by_dma(h, data) : move_by_port(h, data, 0);

	return err ? err : finish_data(h);
}

/* ---- commands ---- */

static uint32_t command_bits(const struct sd_command *cmd, const struct sd_data *data)
{
	uint32_t bits = CMD_NEW | cmd->index;

	if (!(cmd->kind & SD_RSP_PRESENT))
		bits |= CMD_NO_RESPONSE;
	if (cmd->kind & SD_RSP_136)
		bits |= CMD_LONG_RESPONSE;
	if (data)
		bits |= data->write ? CMD_WRITE : CMD_READ;
	return bits;
}

/* R3 has no checksum, and the controller complains. That the card is busy is seen by its status. */
static int finish_command(struct sdhost *h, struct sd_command *cmd)
{
	int err = 0;

	if (!sd_poll(h->base + SDCMD, CMD_NEW, 0, COMMAND_NS))
		return -ETIMEDOUT;
	if (get(h, SDCMD) & CMD_FAIL)
		err = sdhost_error(h);
	set(h, SDHSTS, STS_ERRORS);
	if (err && !(err == -EILSEQ && !(cmd->kind & SD_RSP_CRC)))
		return err;
	for (unsigned i = 0; i < 4; i++)
		cmd->response[i] = get(h, SDRSP + 4 * (cmd->kind & SD_RSP_136 ? 3 - i : i));
	return 0;
}

static int sdhost_command(struct sd_host *host, struct sd_command *cmd, const struct sd_data *data)
{
	struct sdhost *h = of(host);
	int err;

	if (!sd_poll(h->base + SDCMD, CMD_NEW, 0, COMMAND_NS))
		return -ETIMEDOUT;
	set(h, SDHSTS, STS_ERRORS | STS_IRQS);
	if (data) {
		h->writing = data->write;
		set(h, SDHBCT, data->block_size);
		set(h, SDHBLC, data->blocks);
	}
	set(h, SDARG, cmd->arg);
	set(h, SDCMD, command_bits(cmd, data));
	err = finish_command(h, cmd);
	return err || !data ? err : move_data(h, data);
}

static const struct sd_host_ops sdhost_ops = {
	.reset = sdhost_reset,
	.command = sdhost_command,
	.set_clock = sdhost_set_clock,
	.set_bus = sdhost_set_bus,
	.recover = sdhost_recover,
	.card_present = sdhost_card_present,
	.write_protected = sdhost_write_protected,
	.enable_irq = sdhost_enable_irq,
	.interrupt = sdhost_interrupt,
};

/* ---- finding it ---- */

static int sdhost_probe(const struct dt_node *node)
{
	struct sdhost *h;
	uint64_t size;
	paddr_t start;
	int err = dt_reg(node, 0, &start, &size);

	if (err)
		return err;
	h = kzalloc(sizeof(*h), GFP_KERNEL);
	if (!h)
		return -ENOMEM;
	err = mailbox_clock_rate(MAILBOX_CLOCK_CORE, &h->base_hz);
	if (!err && !h->base_hz)
		err = -EINVAL;
	if (!err)
		h->base = ioremap(start, size);
	if (!h->base) {
		kfree(h);
		return err ? err : -ENOMEM;
	}
	h->host.ops = &sdhost_ops;
	h->host.kind = "SDHOST";
	sd_host_init(&h->host, node);
	h->dma = bcm_dma_get(&h->host, SDDATA);
	sd_host_start(&h->host, GPIO_ALT0);
	return 0;
}

static const char *const sdhost_compatible[] = {"brcm,bcm2835-sdhost", NULL};

DRIVER(sdhost) = {
	.name = "sdhost",
	.compatible = sdhost_compatible,
	.probe = sdhost_probe,
};
