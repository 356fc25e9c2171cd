// SPDX-License-Identifier: BSD-2-Clause
/*
 * SD Host Controllers by the standard (SD Host Controller Simplified Specification 3.00; section
 * numbers are its): the Arasan one of BCM2835 and kin, and the BCM2711's EMMC2. Both take accesses
 * of 32 bits only (BCM2835 ARM Peripherals, chapter 5), so registers here are as wide, and hold
 * what the standard has in several. Data moves by ADMA2 where the controller says that it has it,
 * else through the data port: by the DMA engine if the device tree gives it one, or word by word.
 */
#include <arch/cpu.h>
#include <arch/mmio.h>
#include <twofold/errno.h>
#include <twofold/irq.h>
#include <twofold/log.h>
#include <twofold/mailbox.h>
#include <twofold/page.h>
#include <twofold/slab.h>
#include <twofold/string.h>
#include <twofold/task.h>
#include <twofold/vmalloc.h>

#include "dma_bcm2835.h"

#define BLOCKS 0x04 /* count (31:16), size (11:0) */
#define ARGUMENT 0x08
#define COMMAND 0x0c /* command (31:16), transfer mode (15:0) */
#define MODE_DMA 0x0001u
#define MODE_COUNT 0x0002u
#define MODE_READ 0x0010u
#define MODE_MULTIPLE 0x0020u
#define CMD_RSP_136 0x00010000u
#define CMD_RSP_48 0x00020000u
#define CMD_RSP_48_BUSY 0x00030000u
#define CMD_CRC 0x00080000u
#define CMD_INDEX 0x00100000u
#define CMD_DATA 0x00200000u
#define CMD_ABORT 0x00c00000u
#define RESPONSE 0x10
#define DATA_PORT 0x20
#define STATE 0x24
#define STATE_CMD_INHIBIT 0x00000001u
#define STATE_DAT_INHIBIT 0x00000002u
#define STATE_INSERTED 0x00010000u
#define CONTROL 0x28 /* host control 1 (7:0), power control (15:8) */
#define CONTROL_4_BITS 0x00000002u
#define CONTROL_HIGH_SPEED 0x00000004u
#define CONTROL_ADMA2 0x00000010u
#define CONTROL_POWER_3V3 0x00000f00u
#define CLOCK 0x2c /* clock control (15:0), timeout control (23:16), software reset (31:24) */
#define CLOCK_INTERNAL 0x00000001u
#define CLOCK_STABLE 0x00000002u
#define CLOCK_CARD 0x00000004u
#define CLOCK_TIMEOUT 0x000e0000u /* the longest */
#define RESET_ALL 0x01000000u
#define RESET_CMD 0x02000000u
#define RESET_DAT 0x04000000u
#define INT_STATUS 0x30
#define INT_ENABLE 0x34 /* what is shown in INT_STATUS */
#define INT_SIGNAL 0x38 /* what of that interrupts */
#define INT_COMMAND 0x00000001u
#define INT_TRANSFER 0x00000002u
#define INT_WRITE_READY 0x00000010u
#define INT_READ_READY 0x00000020u
#define INT_ERROR 0x00008000u
#define INT_TIMEOUTS 0x00110000u  /* command, data */
#define INT_CHECKSUMS 0x006e0000u /* CRC, end bit, index of the answer; CRC, end bit of data */
#define INT_ERRORS 0x03ff0000u
#define INT_WANTED                                                                                 \
	(INT_COMMAND | INT_TRANSFER | INT_WRITE_READY | INT_READ_READY | INT_ERROR | INT_ERRORS)
#define CAPABILITIES 0x40
#define CAP_BASE_MHZ(caps) ((caps) >> 8 & 0xff)
#define CAP_ADMA2 0x00080000u
#define ADMA_ADDRESS 0x58
#define VERSION 0xfc /* (23:16): 0: 1.00, 1: 2.00, 2: 3.00 */
#define VERSION_3 2u

#define COMMAND_NS NSEC_PER_SEC
#define DATA_NS (3 * NSEC_PER_SEC) /* a block, with all the card's own delays */
#define RESET_NS (100 * NSEC_PER_MSEC)
#define STOP_TRANSMISSION 12

/* A line of an ADMA2 table (1.13.4), 32-bit addresses. */
#define ADMA_VALID 1u
#define ADMA_END 2u
#define ADMA_TRANSFER 0x20u
#define ADMA_MAX_LEN 32768u
struct adma_line {
	uint16_t what, len;
	uint32_t address;
};
#define ADMA_LINES (PAGE_SIZE / sizeof(struct adma_line))

struct sdhci_kind {
	const char *compatible;
	unsigned clock; /* the firmware's name for it */
	/*
	 * BCM2835's: a write is lost that comes within two, or four, cycles of the card's clock
	 * after another one: the two clock domains (Linux: sdhci-iproc.c says four). Not for the
	 * data port.
	 */
	bool slow_writes;
	bool no_high_speed_bit; /* its timing bit must stay off (Linux: sdhci-iproc.c) */
	bool no_card_detect;
	enum gpio_function socket; /* by which it gets the card */
};

struct sdhci {
	struct sd_host host;
	const struct sdhci_kind *kind;
	char *base;
	uint32_t base_hz, hz;
	uint32_t control; /* CONTROL, less the way of DMA */
	uint32_t wanted;  /* INT_...: what is waited for */
	unsigned version;
	bool has_adma;
	struct bcm_dma *engine;
	struct adma_line *table; /* a page */
	struct sd_dma_window window;
};

static struct sdhci *of(struct sd_host *host)
{
	return container_of(host, struct sdhci, host);
}

static uint32_t get(const struct sdhci *h, unsigned reg)
{
	return mmio_read32(h->base + reg);
}

static void set(const struct sdhci *h, unsigned reg, uint32_t value)
{
	mmio_write32(h->base + reg, value);
	if (h->kind->slow_writes && h->hz)
		udelay(DIV_ROUND_UP(4000000, h->hz));
}

static bool wait_clear(const struct sdhci *h, unsigned reg, uint32_t bits, uint64_t ns)
{
	return sd_poll(h->base + reg, bits, 0, ns);
}

/* ---- clock, lines, reset ---- */

/* The divisor's field: from 3.00 on half of any even number to 2046, before that of a power of two
 * (2.2.14). */
static uint32_t divisor_for(const struct sdhci *h, uint32_t hz)
{
	uint32_t half = DIV_ROUND_UP(h->base_hz, 2 * hz);

	if (hz >= h->base_hz)
		return 0;
	if (h->version >= VERSION_3)
		return MIN(half, 1023u);
	for (uint32_t power = 1; power < 128; power *= 2)
		if (power >= half)
			return power;
	return 128;
}

static uint32_t sdhci_set_clock(struct sd_host *host, uint32_t hz)
{
	struct sdhci *h = of(host);
	uint32_t divisor = divisor_for(h, hz);
	uint32_t clock =
		CLOCK_TIMEOUT | CLOCK_INTERNAL | (divisor & 0xff) << 8 | (divisor & 0x300) >> 2;

	set(h, CLOCK, CLOCK_TIMEOUT);
	h->hz = h->base_hz / (divisor ? 2 * divisor : 1);
	set(h, CLOCK, clock);
	/* 150 us by 3.2.1; longer is a fault that shows as commands without answers */
	sd_poll(h->base + CLOCK, CLOCK_STABLE, CLOCK_STABLE, RESET_NS);
	set(h, CLOCK, clock | CLOCK_CARD);
	return h->hz;
}

static void sdhci_set_bus(struct sd_host *host, unsigned width, bool high_speed)
{
	struct sdhci *h = of(host);

	h->control = CONTROL_POWER_3V3;
	if (width == 4)
		h->control |= CONTROL_4_BITS;
	if (high_speed && !h->kind->no_high_speed_bit)
		h->control |= CONTROL_HIGH_SPEED;
	set(h, CONTROL, h->control);
}

static int sdhci_reset(struct sd_host *host)
{
	struct sdhci *h = of(host);

	h->hz = 0;
	set(h, CLOCK, RESET_ALL);
	if (!wait_clear(h, CLOCK, RESET_ALL, RESET_NS)) {
		pr_err("%s: the controller cannot be reset", host->name);
		return -EIO;
	}
	sdhci_set_bus(host, 1, false);
	set(h, INT_ENABLE, INT_WANTED);
	set(h, INT_SIGNAL, 0);
	set(h, INT_STATUS, ~0u);
	return 0;
}

/* Both lines' state machines start again (3.10.1); what they were at is forgotten. */
static void sdhci_recover(struct sd_host *host)
{
	struct sdhci *h = of(host);

	set(h, CLOCK, (get(h, CLOCK) & ~RESET_ALL) | RESET_CMD | RESET_DAT);
	if (!wait_clear(h, CLOCK, RESET_CMD | RESET_DAT, RESET_NS))
		pr_err("%s: the controller's lines cannot be reset", host->name);
	set(h, INT_STATUS, ~0u);
}

static bool sdhci_card_present(struct sd_host *host)
{
	struct sdhci *h = of(host);

	return h->kind->no_card_detect || (get(h, STATE) & STATE_INSERTED) ||
	       dt_prop(host->node, "broken-cd", NULL) || dt_prop(host->node, "non-removable", NULL);
}

/* The boards have sockets for micro SD, whose cards have no switch. */
static bool sdhci_write_protected(struct sd_host *host)
{
	(void)host;
	return false;
}

/* ---- waiting ---- */

static void sdhci_enable_irq(struct sd_host *host, bool on)
{
	struct sdhci *h = of(host);

	set(h, INT_SIGNAL, on ? h->wanted | INT_ERRORS : 0);
}

/* The line may be another device's too. */
static void sdhci_interrupt(void *host)
{
	struct sdhci *h = of(host);

	if (!(get(h, INT_STATUS) & get(h, INT_SIGNAL)))
		return;
	set(h, INT_SIGNAL, 0);
	sd_interrupt(host);
}

static bool something_happened(struct sd_host *host)
{
	struct sdhci *h = of(host);

	return get(h, INT_STATUS) & (h->wanted | INT_ERROR | INT_ERRORS);
}

static int error_of(uint32_t status)
{
	if (status & INT_TIMEOUTS)
		return -ETIMEDOUT;
	return status & INT_CHECKSUMS ? -EILSEQ : -EIO;
}

/* Waits for one of the events, and takes note of it. */
static int wait_for(struct sdhci *h, uint32_t event, uint64_t ns)
{
	uint32_t status;

	h->wanted = event;
	if (!sd_wait(&h->host, something_happened, ns))
		return -ETIMEDOUT;
	status = get(h, INT_STATUS);
	if (status & (INT_ERROR | INT_ERRORS)) {
		set(h, INT_STATUS, status);
		return error_of(status);
	}
	set(h, INT_STATUS, event);
	return 0;
}

/* ---- data ---- */

static int move_block(struct sdhci *h, const struct sd_data *data, uint32_t *words)
{
	int err = wait_for(h, data->write ? INT_WRITE_READY : INT_READ_READY, DATA_NS);

	for (uint32_t i = 0; !err && i < data->block_size / 4; i++) {
		if (data->write)
			mmio_write32(h->base + DATA_PORT, words[i]);
		else
			words[i] = mmio_read32(h->base + DATA_PORT);
	}
	return err;
}

static int move_by_port(struct sdhci *h, const struct sd_data *data)
{
	for (unsigned i = 0; i < data->nr_segs; i++) {
		char *at = data->segs[i].buf, *end = at + data->segs[i].len;

		for (; at < end; at += data->block_size) {
			int err = move_block(h, data, (uint32_t *)at);

			if (err)
				return err;
			cond_resched();
		}
	}
	return 0;
}

static void make_table(struct sdhci *h, const struct sd_data *data)
{
	struct adma_line *line = h->table;

	for (unsigned i = 0; i < data->nr_segs; i++) {
		uint32_t address = sd_dma_bus(&h->window, data->segs[i].buf), len;

		for (uint32_t left = data->segs[i].len; left; left -= len, address += len) {
			len = MIN(left, ADMA_MAX_LEN);
			CHECK(line < h->table + ADMA_LINES);
			*line++ = (struct adma_line){ADMA_TRANSFER | ADMA_VALID, (uint16_t)len,
						     address};
		}
	}
	line[-1].what |= ADMA_END;
	dcache_clean(h->table, PAGE_SIZE);
}

/* The table's place, and the way of DMA; before the command. */
static void prepare_adma(struct sdhci *h, const struct sd_data *data)
{
	make_table(h, data);
	sd_dma_before(data);
	set(h, CONTROL, h->control | CONTROL_ADMA2);
	set(h, ADMA_ADDRESS, sd_dma_bus(&h->window, h->table));
}

static bool engine_ready(struct sd_host *host)
{
	return bcm_dma_done(of(host)->engine) || something_happened(host);
}

static int move_by_engine(struct sdhci *h, const struct sd_data *data)
{
	bool in_time;
	int err;

	h->wanted = 0; /* but errors: the engine has an interrupt of its own */
	bcm_dma_start(h->engine, data, data->blocks * data->block_size);
	in_time = sd_wait(&h->host, engine_ready, DATA_NS);
	err = bcm_dma_finish(h->engine, data);
	if (get(h, INT_STATUS) & (INT_ERROR | INT_ERRORS))
		return error_of(get(h, INT_STATUS));
	return in_time ? err : -ETIMEDOUT;
}

static int finish_data(struct sdhci *h, const struct sd_data *data, bool adma)
{
	int err = 0;

	if (!adma && h->engine && bcm_dma_possible(h->engine, data))
		err = move_by_engine(h, data);
	else if (!adma)
		err = move_by_port(h, data);
	if (!err)
		err = wait_for(h, INT_TRANSFER, DATA_NS);
	if (adma)
		sd_dma_after(data);
	return err;
}

/* ---- commands ---- */

static uint32_t command_bits(const struct sd_command *cmd)
{
	uint32_t bits = (uint32_t)cmd->index << 24;

	if (cmd->kind & SD_RSP_136)
		bits |= CMD_RSP_136;
	else if (cmd->kind & SD_RSP_BUSY)
		bits |= CMD_RSP_48_BUSY;
	else if (cmd->kind & SD_RSP_PRESENT)
		bits |= CMD_RSP_48;
	if (cmd->kind & SD_RSP_CRC)
		bits |= CMD_CRC;
	if (cmd->kind & SD_RSP_INDEX)
		bits |= CMD_INDEX;
	if (cmd->index == STOP_TRANSMISSION)
		bits |= CMD_ABORT;
	return bits;
}

static uint32_t mode_bits(const struct sd_data *data, bool adma)
{
	uint32_t bits = CMD_DATA | (data->write ? 0 : MODE_READ) | (adma ? MODE_DMA : 0);

	return data->blocks > 1 ? bits | MODE_MULTIPLE | MODE_COUNT : bits;
}

/* The long one comes without its checksum, bits 127 to 8 at the bottom (2.2.6). */
static void read_response(const struct sdhci *h, struct sd_command *cmd)
{
	uint32_t raw[4];

	for (unsigned i = 0; i < 4; i++)
		raw[i] = get(h, RESPONSE + 4 * i);
	if (!(cmd->kind & SD_RSP_136)) {
		cmd->response[0] = raw[0];
		return;
	}
	for (unsigned i = 0; i < 4; i++)
		cmd->response[i] = raw[3 - i] << 8 | (i < 3 ? raw[2 - i] >> 24 : 0);
}

/* The lines that the command needs are free (2.2.9). */
static int wait_idle(const struct sdhci *h, const struct sd_command *cmd, bool data)
{
	uint32_t busy = STATE_CMD_INHIBIT;

	if ((data || cmd->kind & SD_RSP_BUSY) && cmd->index != STOP_TRANSMISSION)
		busy |= STATE_DAT_INHIBIT;
	return wait_clear(h, STATE, busy, COMMAND_NS) ? 0 : -ETIMEDOUT;
}

static int sdhci_command(struct sd_host *host, struct sd_command *cmd, const struct sd_data *data)
{
	struct sdhci *h = of(host);
	bool adma = data && h->has_adma && sd_dma_possible(&h->window, data);
	uint32_t bits = command_bits(cmd);
	int err = wait_idle(h, cmd, data);

	if (err)
		return err;
	set(h, INT_STATUS, ~0u);
	if (data) {
		set(h, BLOCKS, data->blocks << 16 | data->block_size);
		bits |= mode_bits(data, adma);
		if (adma)
			prepare_adma(h, data);
	}
	set(h, ARGUMENT, cmd->arg);
	set(h, COMMAND, bits);
	err = wait_for(h, INT_COMMAND, COMMAND_NS);
	if (err)
		return err;
	read_response(h, cmd);
	if (data)
		return finish_data(h, data, adma);
	return cmd->kind & SD_RSP_BUSY ? wait_for(h, INT_TRANSFER, DATA_NS) : 0;
}

static const struct sd_host_ops sdhci_ops = {
	.reset = sdhci_reset,
	.command = sdhci_command,
	.set_clock = sdhci_set_clock,
	.set_bus = sdhci_set_bus,
	.recover = sdhci_recover,
	.card_present = sdhci_card_present,
	.write_protected = sdhci_write_protected,
	.enable_irq = sdhci_enable_irq,
	.interrupt = sdhci_interrupt,
};

/* ---- finding it ---- */

static const struct sdhci_kind kinds[] = {
	{"brcm,bcm2711-emmc2", MAILBOX_CLOCK_EMMC2, false, false, false, GPIO_INPUT},
	{"brcm,bcm2835-mmc", MAILBOX_CLOCK_EMMC, true, true, true, GPIO_ALT3},
	{"brcm,bcm2835-sdhci", MAILBOX_CLOCK_EMMC, true, true, true, GPIO_ALT3},
};

static const struct sdhci_kind *kind_of(const struct dt_node *node)
{
	for (unsigned i = 0; i < ARRAY_SIZE(kinds); i++)
		if (dt_compatible(node, kinds[i].compatible))
			return &kinds[i];
	return NULL;
}

/* The firmware set the clock, and knows; the controller's own idea of it is a constant. */
static void find_clock(struct sdhci *h, uint32_t caps)
{
	int err = mailbox_clock_rate(h->kind->clock, &h->base_hz);

	if (!err && h->base_hz)
		return;
	h->base_hz = CAP_BASE_MHZ(caps) * 1000000;
	pr_warn("%s: the firmware does not tell the clock (error %d): %u MHz by the controller",
		h->host.name, err, h->base_hz / 1000000);
}

/* Its table must be where it can read it. */
static void find_dma(struct sdhci *h, uint32_t caps)
{
	sd_dma_window(h->host.node, &h->window);
	if (!(caps & CAP_ADMA2)) {
		h->engine = bcm_dma_get(&h->host, DATA_PORT);
		return;
	}
	h->table = kmalloc(PAGE_SIZE, GFP_KERNEL);
	h->has_adma = h->table && sd_dma_reaches(&h->window, h->table, PAGE_SIZE);
}

static int sdhci_probe(const struct dt_node *node)
{
	struct sdhci *h;
	uint64_t size;
	paddr_t start;
	uint32_t caps;
	int err = dt_reg(node, 0, &start, &size);

	if (err)
		return err;
	h = kzalloc(sizeof(*h), GFP_KERNEL);
	if (!h)
		return -ENOMEM;
	h->base = ioremap(start, size);
	if (!h->base) {
		kfree(h);
		return -ENOMEM;
	}
	h->kind = kind_of(node);
	h->host.ops = &sdhci_ops;
	h->host.kind = "SDHCI";
	sd_host_init(&h->host, node);
#ifdef DEBUG
	h->host.sleeps_first = true;
#endif
	caps = get(h, CAPABILITIES);
	h->version = get(h, VERSION) >> 16 & 0xff;
	find_clock(h, caps);
	if (!h->base_hz) {
		vunmap_range(h->base);
		kfree(h);
		return -ENXIO;
	}
	find_dma(h, caps);
	sd_host_start(&h->host, h->kind->socket);
	return 0;
}

static const char *const sdhci_compatible[] = {"brcm,bcm2711-emmc2", "brcm,bcm2835-mmc",
					       "brcm,bcm2835-sdhci", NULL};

DRIVER(sdhci) = {
	.name = "sdhci",
	.compatible = sdhci_compatible,
	.probe = sdhci_probe,
};
