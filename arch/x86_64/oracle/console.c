// SPDX-License-Identifier: BSD-2-Clause
/* Words out on COM1, and the way off: ACPI's PM1a control port of QEMU's q35. */
#include <twofold/string.h>

#include "oracle.h"

#define COM1 0x3f8
#define LINE_STATUS (COM1 + 5)
#define TRANSMIT_EMPTY 0x20
#define PM1A_CNT 0x604
#define SLEEP_S5 0x2000 /* SLP_EN, SLP_TYP 0 */

static void outb(uint16_t port, uint8_t value)
{
	asm volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static uint8_t inb(uint16_t port)
{
	uint8_t value;

	asm volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
	return value;
}

void console_init(void)
{
	outb(COM1 + 3, 3); /* 8N1; the emulated line has no rate */
}

static void put(char c)
{
	while (!(inb(LINE_STATUS) & TRANSMIT_EMPTY))
		;
	outb(COM1, (uint8_t)c);
}

static void vprint(const char *fmt, va_list args)
{
	char line[512];

	vsnprintf(line, sizeof(line), fmt, args);
	for (const char *p = line; *p; p++)
		put(*p);
}

void print(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vprint(fmt, args);
	va_end(args);
}

void power_off(void)
{
	asm volatile("outw %0, %1" : : "a"((uint16_t)SLEEP_S5), "Nd"((uint16_t)PM1A_CNT));
	for (;;)
		asm volatile("cli; hlt");
}

void panic(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	print("oracle: panic: ");
	vprint(fmt, args);
	print("\n");
	va_end(args);
	power_off();
}
