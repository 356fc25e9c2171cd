// SPDX-License-Identifier: BSD-2-Clause
/* CRC-32C of a page (RFC 3720, section 12.1: polynomial 0x1edc6f41, reflected 0x82f63b78). */
#include <arch/cpu.h>
#include <arch/sysreg.h>

#define POLYNOMIAL 0x82f63b78u

#define CRC_16_BYTES(at)                                                                           \
	"ldp %1, %2, [%3, #" #at "]\n\tcrc32cx %w0, %w0, %1\n\tcrc32cx %w0, %w0, %2\n\t"

static uint32_t crc_hardware(const uint64_t *words)
{
	uint32_t crc = ~0u;
	uint64_t low, high;

	for (const uint64_t *end = words + PAGE_SIZE / sizeof(*words); words < end; words += 16)
		__asm__(".arch_extension crc\n\t"
			CRC_16_BYTES(0) CRC_16_BYTES(16) CRC_16_BYTES(32) CRC_16_BYTES(48)
			CRC_16_BYTES(64) CRC_16_BYTES(80) CRC_16_BYTES(96) CRC_16_BYTES(112)
			: "+&r"(crc), "=&r"(low), "=&r"(high)
			: "r"(words), "m"(*(const uint64_t(*)[16])words));
	return ~crc;
}

/* Eight bytes a step: row k of the table is the CRC of a byte with k bytes of zeros behind it. */
static uint32_t table[8][256];
static bool table_ready;

static void make_table(void)
{
	for (uint32_t i = 0; i < 256; i++) {
		uint32_t crc = i;

		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? POLYNOMIAL : 0);
		table[0][i] = crc;
	}
	for (uint32_t i = 0; i < 256; i++)
		for (int k = 1; k < 8; k++)
			table[k][i] = table[k - 1][i] >> 8 ^ table[0][table[k - 1][i] & 0xff];
	__atomic_store_n(&table_ready, true, __ATOMIC_RELEASE);
}

static uint32_t crc_table(const uint64_t *words)
{
	uint32_t crc = ~0u;

	/* Cores that do this at once write the same values. */
	if (!__atomic_load_n(&table_ready, __ATOMIC_ACQUIRE))
		make_table();
	for (unsigned i = 0; i < PAGE_SIZE / sizeof(uint64_t); i++) {
		uint64_t w = words[i] ^ crc;

		crc = 0;
		for (int k = 0; k < 8; k++)
			crc ^= table[7 - k][w >> (8 * k) & 0xff];
	}
	return ~crc;
}

uint32_t page_crc(const void *page)
{
	return id_field(id_aa64isar0_el1, 16) ? crc_hardware(page) : crc_table(page);
}
