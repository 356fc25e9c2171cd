// SPDX-License-Identifier: BSD-2-Clause
/*
 * The SDHCI driver on a model of the controller's registers, which holds it to the standard: order
 * of accesses, clocks, ADMA2 tables (which no emulator of a Pi has), cache maintenance, errors.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <arch/mmio.h>
#include <twofold/errno.h>
#include <twofold/irq.h>
#include <twofold/log.h>
#include <twofold/mailbox.h>
#include <twofold/page.h>
#include <twofold/task.h>
#include <twofold/vmalloc.h>

#include "shim.h"

#include "drivers/sd/sdhci.c" /* for its DRIVER() entry, which is static */

#define RAM (16 * SZ_1M)
#define BUS_OFFSET 0xc0000000u /* of the bus that DMA goes by */
#define BASE_HZ 250000000u
#define NR_BLOCKS 64u
#define ADMA2 0x00080000u
#define CMD_READ_SINGLE 17
#define CMD_READ 18
#define CMD_WRITE 25
#define CMD_SEND_CID 2

/* <twofold/devtree.h>: the only node there is. */
struct dt_node {
	const char *compatible;
};
struct dt_machine machine;
static struct dt_node node = {"brcm,bcm2711-emmc2"};

static uint64_t now;
static struct sd_host *host; /* the driver's */
static uint64_t reach = RAM; /* of DMA, in bytes of RAM */

static struct {
	uint32_t reg[64]; /* as stored; what reads otherwise is in read_reg() */
	uint32_t status, caps, version;
	uint32_t fail; /* bits of an error that the next command ends with */
	uint8_t card[NR_BLOCKS * SD_BLOCK];
	uint32_t words, done; /* of the transfer by the port under way */
	bool silent;	      /* answers nothing */
	bool busy;	      /* the lines never come free */
	unsigned commands, port_words, irqs;
} m;

#define EVENT_COMMAND 1u
#define EVENT_TRANSFER 2u
#define EVENT_WRITE_READY 0x10u
#define EVENT_READ_READY 0x20u
#define EVENT_ERROR 0x8000u

static uint32_t reg(unsigned offset)
{
	return m.reg[offset / 4];
}

/* ---- the controller ---- */

/* Follows the table (1.13.4) as bytes of the bus; false: it is no good. */
static bool run_adma(uint32_t bytes, bool write)
{
	uint8_t *at = m.card;

	for (uint32_t line = reg(0x58);; line += 8) {
		uint8_t *table = pa_to_ptr(PADDR((uint64_t)line - BUS_OFFSET + SHIM_RAM_BASE));
		uint16_t what, len;
		uint32_t address;
		void *memory;

		memcpy(&what, table, 2);
		memcpy(&len, table + 2, 2);
		memcpy(&address, table + 4, 4);
		if ((what & 0x31) != 0x21 || !len || len > bytes || address % 4)
			return false;
		memory = pa_to_ptr(PADDR((uint64_t)address - BUS_OFFSET + SHIM_RAM_BASE));
		memcpy(write ? at : memory, write ? memory : at, len);
		at += len;
		bytes -= len;
		if (what & 2)
			return !bytes;
	}
}

static void start_data(uint32_t mode, bool write)
{
	uint32_t size = reg(0x04) & 0xfff, blocks = mode & 0x20 ? reg(0x04) >> 16 : 1;

	CHECK(size * blocks <= sizeof(m.card));
	CHECK(!(mode & 0x20) == (blocks == 1) && !(mode & 0x20) == !(mode & 2));
	CHECK(!(mode & 0x10) == write);
	m.words = size * blocks / 4;
	m.done = 0;
	if (!(mode & 1)) {
		m.status |= write ? EVENT_WRITE_READY : EVENT_READ_READY;
		return;
	}
	CHECK((reg(0x28) & 0x18) == 0x10);
	m.status |= run_adma(size * blocks, write) ? EVENT_TRANSFER : EVENT_ERROR | 0x02000000;
}

static void answer(unsigned index, uint32_t kind)
{
	for (unsigned i = 0; i < 4; i++)
		m.reg[0x10 / 4 + i] = kind == 1 ? 0x11111111 * (i + 1) : 0x00000900 + index;
}

static void start_command(uint32_t value)
{
	unsigned index = value >> 24 & 63;

	CHECK((reg(0x2c) & 5) == 5); /* the clock is on */
	CHECK(!m.status);	     /* nothing is left of the one before */
	m.commands++;
	if (m.silent)
		return;
	if (m.fail) {
		m.status |= EVENT_ERROR | m.fail;
		m.fail = 0;
		return;
	}
	answer(index, value >> 16 & 3);
	m.status |= EVENT_COMMAND;
	if (value & 0x200000)
		start_data(value & 0xffff, index >= 24);
	else if ((value >> 16 & 3) == 3)
		m.status |= EVENT_TRANSFER;
}

static uint32_t *port(void)
{
	uint32_t *word = (uint32_t *)m.card + m.done;

	CHECK(m.done < m.words);
	m.port_words++;
	if (++m.done == m.words)
		m.status |= EVENT_TRANSFER;
	return word;
}

/* A block is through: the next one, if there is one. */
static void next_block(uint32_t ready)
{
	if (m.done < m.words && m.done % ((reg(0x04) & 0xfff) / 4) == 0)
		m.status |= ready;
}

uint32_t mmio_read32(const volatile void *p)
{
	unsigned offset = (unsigned)((uintptr_t)p & 0xff);
	uint32_t value;

	switch (offset) {
	case 0x20:
		value = *port();
		next_block(EVENT_READ_READY);
		return value;
	case 0x24:
		return m.busy ? 0x10003 : 0x10000;
	case 0x2c:
		return reg(0x2c) | (reg(0x2c) & 1) << 1;
	case 0x30:
		return m.status;
	case 0x40:
		return m.caps;
	case 0xfc:
		return m.version << 16;
	default:
		return reg(offset);
	}
}

void mmio_write32(volatile void *p, uint32_t value)
{
	unsigned offset = (unsigned)((uintptr_t)p & 0xff);

	m.reg[offset / 4] = value;
	switch (offset) {
	case 0x0c:
		start_command(value);
		break;
	case 0x20:
		*port() = value;
		next_block(EVENT_WRITE_READY);
		break;
	case 0x2c:
		if (value & 0x01000000)
			memset(m.reg, 0, sizeof(m.reg));
		m.reg[0x2c / 4] &= 0x00ffffff;
		break;
	case 0x30:
		m.status &= ~value;
		break;
	default:
		break;
	}
}

/* ---- the kernel around it ---- */

uint64_t time_ns(void)
{
	return now;
}

void sched_sleep_ns(uint64_t ns)
{
	now += ns;
}

void udelay(uint64_t us)
{
	now += 1000 * us;
}

void *ioremap(paddr_t pa, size_t size)
{
	static uint8_t window[0x200] __aligned(0x100);

	(void)pa;
	(void)size;
	return window;
}

void vunmap_range(void *p)
{
	(void)p;
}

bool dt_compatible(const struct dt_node *n, const char *compatible)
{
	return !strcmp(n->compatible, compatible);
}

int dt_reg(const struct dt_node *n, unsigned i, paddr_t *start, uint64_t *size)
{
	(void)n;
	*start = PADDR(0x7e340000);
	*size = 0x100;
	return i ? -ENOENT : 0;
}

const void *dt_prop(const struct dt_node *n, const char *name, int *len)
{
	(void)n;
	(void)name;
	(void)len;
	return NULL;
}

int dt_dma_address(const struct dt_node *n, paddr_t pa, uint64_t size, uint64_t *bus)
{
	(void)n;
	*bus = pa.pa - SHIM_RAM_BASE + BUS_OFFSET;
	return pa.pa + size <= SHIM_RAM_BASE + reach ? 0 : -EINVAL;
}

int mailbox_clock_rate(unsigned clock_id, uint32_t *hz)
{
	assert_int_equal(clock_id, MAILBOX_CLOCK_EMMC2);
	*hz = BASE_HZ;
	return 0;
}

void sd_host_init(struct sd_host *h, const struct dt_node *n)
{
	h->node = n;
	h->width = 4;
}

void sd_host_start(struct sd_host *h, enum gpio_function socket)
{
	(void)socket;
	host = h;
}

bool sd_wait(struct sd_host *h, bool (*ready)(struct sd_host *host), uint64_t ns)
{
	if (!ready(h))
		now += ns;
	return ready(h);
}

void sd_interrupt(struct sd_host *h)
{
	(void)h;
	m.irqs++;
}

/* This board has no other DMA than the controller's own. */
struct bcm_dma *bcm_dma_get(struct sd_host *h, uint32_t fifo)
{
	(void)h;
	(void)fifo;
	return NULL;
}

bool bcm_dma_possible(const struct bcm_dma *dma, const struct sd_data *data)
{
	(void)dma;
	(void)data;
	return false;
}

void bcm_dma_start(struct bcm_dma *dma, const struct sd_data *data, uint32_t bytes)
{
	(void)dma;
	(void)data;
	(void)bytes;
}

bool bcm_dma_done(const struct bcm_dma *dma)
{
	return dma;
}

int bcm_dma_finish(struct bcm_dma *dma, const struct sd_data *data)
{
	(void)dma;
	(void)data;
	return 0;
}

/* ---- tests ---- */

static uint8_t *memory;

static int boot(void **state)
{
	(void)state;
	shim_boot(RAM);
	machine.nr_ram = 1;
	machine.ram[0] = (struct dt_range){.start = PADDR(SHIM_RAM_BASE), .size = RAM};
	memory = page_to_ptr(alloc_pages(GFP_KERNEL, 4));
	return 0;
}

static int probe(uint32_t caps)
{
	memset(&m, 0, sizeof(m));
	m.caps = caps | 200 << 8;
	m.version = 2;
	reach = RAM;
	shim_log_clear();
	assert_int_equal(driver_sdhci.probe(&node), 0);
	assert_int_equal(host->ops->reset(host), 0);
	host->ops->set_clock(host, 50000000);
	return 0;
}

static int without_dma(void **state)
{
	(void)state;
	return probe(0);
}

static int with_dma(void **state)
{
	(void)state;
	return probe(ADMA2);
}

static int run(unsigned index, bool write, const struct sd_seg *segs, unsigned nr, uint32_t blocks)
{
	struct sd_command cmd = {.index = (uint8_t)index, .kind = SD_R1};
	struct sd_data data = {.write = write,
			       .block_size = SD_BLOCK,
			       .blocks = blocks,
			       .segs = segs,
			       .nr_segs = nr};

	return host->ops->command(host, &cmd, &data);
}

/* 12 blocks there, in three pieces, and back to elsewhere. */
static void there_and_back(void)
{
	const struct sd_seg from[] = {{memory, 5 * SD_BLOCK},
				      {memory + 8 * SD_BLOCK, SD_BLOCK},
				      {memory + 16 * SD_BLOCK, 6 * SD_BLOCK}};
	const struct sd_seg to[] = {{memory + 64 * SD_BLOCK, 12 * SD_BLOCK}};

	for (unsigned i = 0; i < 128 * SD_BLOCK; i++)
		memory[i] = (uint8_t)(i * 7 + i / SD_BLOCK);
	assert_int_equal(run(CMD_WRITE, true, from, 3, 12), 0);
	assert_memory_equal(m.card, memory, 5 * SD_BLOCK);
	assert_memory_equal(m.card + 5 * SD_BLOCK, memory + 8 * SD_BLOCK, SD_BLOCK);
	assert_memory_equal(m.card + 6 * SD_BLOCK, memory + 16 * SD_BLOCK, 6 * SD_BLOCK);
	assert_int_equal(run(CMD_READ, false, to, 1, 12), 0);
	assert_memory_equal(memory + 64 * SD_BLOCK, m.card, 12 * SD_BLOCK);
}

static void blocks_go_by_the_port(void **state)
{
	(void)state;
	there_and_back();
	assert_int_equal(m.port_words, 2 * 12 * SD_BLOCK / 4);
}

static void blocks_go_by_adma(void **state)
{
	(void)state;
	there_and_back();
	assert_int_equal(m.port_words, 0);
}

/* 64 KiB is two lines, for a length of 0 would be 64 KiB to some, and nothing to others. */
static void long_pieces_are_several_lines(void **state)
{
	const struct sd_seg seg = {memory, NR_BLOCKS * SD_BLOCK};

	(void)state;
	memset(memory, 'x', NR_BLOCKS * SD_BLOCK);
	assert_int_equal(run(CMD_WRITE, true, &seg, 1, NR_BLOCKS), 0);
	assert_memory_equal(m.card, memory, sizeof(m.card));
}

static void what_dma_cannot_reach_goes_by_the_port(void **state)
{
	const struct sd_seg odd = {memory + 4, SD_BLOCK};

	(void)state;
	assert_int_equal(run(CMD_READ_SINGLE, false, &odd, 1, 1), 0);
	assert_int_equal(m.port_words, SD_BLOCK / 4);
	memset(&m, 0, sizeof(m));
	m.caps = ADMA2 | 200 << 8;
	reach = PAGE_SIZE; /* not even its own table */
	assert_int_equal(driver_sdhci.probe(&node), 0);
	host->ops->reset(host);
	host->ops->set_clock(host, 50000000);
	there_and_back();
	assert_int_equal(m.port_words, 2 * 12 * SD_BLOCK / 4);
}

static void errors_are_told_apart(void **state)
{
	static const struct {
		uint32_t bit;
		int err;
	} errors[] = {
		{16, -ETIMEDOUT}, {17, -EILSEQ}, {18, -EILSEQ}, {19, -EILSEQ}, {20, -ETIMEDOUT},
		{21, -EILSEQ},	  {22, -EILSEQ}, {23, -EIO},	{24, -EIO},    {25, -EIO},
	};
	const struct sd_seg seg = {memory, SD_BLOCK};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(errors); i++) {
		m.fail = 1u << errors[i].bit;
		assert_int_equal(run(CMD_READ_SINGLE, false, &seg, 1, 1), errors[i].err);
		host->ops->recover(host);
		assert_int_equal(run(CMD_READ_SINGLE, false, &seg, 1, 1), 0);
	}
}

static void silence_ends(void **state)
{
	struct sd_command cmd = {.index = 13, .kind = SD_R1};

	(void)state;
	m.silent = true;
	assert_int_equal(host->ops->command(host, &cmd, NULL), -ETIMEDOUT);
	m.silent = false;
	m.busy = true;
	assert_int_equal(host->ops->command(host, &cmd, NULL), -ETIMEDOUT);
}

static void long_answers_are_put_in_order(void **state)
{
	struct sd_command cmd = {.index = CMD_SEND_CID, .kind = SD_R2};

	(void)state;
	assert_int_equal(host->ops->command(host, &cmd, NULL), 0);
	assert_int_equal(cmd.response[0], 0x44444433);
	assert_int_equal(cmd.response[1], 0x33333322);
	assert_int_equal(cmd.response[2], 0x22222211);
	assert_int_equal(cmd.response[3], 0x11111100);
}

/* Never faster than asked for; half of it at worst where divisors are powers of two. */
static void clocks_are_not_too_fast(void **state)
{
	static const uint32_t rates[] = {400000,   1000000,  6250000,	25000000,
					 26000000, 50000000, 200000000, 250000000};

	(void)state;
	for (unsigned version = 0; version <= 2; version++) {
		without_dma(NULL);
		m.version = version;
		assert_int_equal(driver_sdhci.probe(&node), 0);
		for (unsigned i = 0; i < ARRAY_SIZE(rates); i++) {
			uint32_t hz = host->ops->set_clock(host, rates[i]);

			assert_in_range(hz, 1, MAX(rates[i], BASE_HZ / 256));
			if (version == 2)
				assert_in_range(hz, rates[i] / 2 + 1, rates[i]);
		}
	}
}

static void a_neighbour_s_interrupt_is_not_ours(void **state)
{
	(void)state;
	m.status = EVENT_COMMAND;
	host->ops->interrupt(host);
	assert_int_equal(m.irqs, 0);
	host->ops->enable_irq(host, true);
	m.status = EVENT_ERROR | 0x10000;
	host->ops->interrupt(host);
	assert_int_equal(m.irqs, 1);
	host->ops->interrupt(host); /* masked at its source */
	assert_int_equal(m.irqs, 1);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test_setup(blocks_go_by_the_port, without_dma),
	cmocka_unit_test_setup(blocks_go_by_adma, with_dma),
	cmocka_unit_test_setup(long_pieces_are_several_lines, with_dma),
	cmocka_unit_test_setup(what_dma_cannot_reach_goes_by_the_port, with_dma),
	cmocka_unit_test_setup(errors_are_told_apart, without_dma),
	cmocka_unit_test_setup(silence_ends, without_dma),
	cmocka_unit_test_setup(long_answers_are_put_in_order, without_dma),
	cmocka_unit_test_setup(clocks_are_not_too_fast, without_dma),
	cmocka_unit_test_setup(a_neighbour_s_interrupt_is_not_ours, without_dma),
};

int main(void)
{
	return cmocka_run_group_tests_name("sdhci", tests, boot, NULL);
}
