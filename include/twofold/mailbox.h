/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The Raspberry Pi firmware's property mailbox: questions to the VideoCore (the firmware's wiki,
 * "Mailbox property interface"). Not from interrupt handlers. -ENODEV where the device tree has no
 * mailbox, -ETIMEDOUT where the firmware does not answer, -EINVAL where it knows no such thing.
 */
#ifndef TWOFOLD_MAILBOX_H
#define TWOFOLD_MAILBOX_H

#include <twofold/types.h>

#define MAILBOX_MAX_VALUES 16u

/* Unique clock IDs. */
#define MAILBOX_CLOCK_EMMC 1u /* Arasan's */
#define MAILBOX_CLOCK_CORE 4u /* SDHOST's, the mini-UART's */
#define MAILBOX_CLOCK_EMMC2 12u

/* One tag: `nr` words go there, as many come back. */
int mailbox_property(uint32_t tag, uint32_t *values, unsigned nr);
/* A clock's rate now, in Hz: as the firmware, of whatever version, has set it. */
int mailbox_clock_rate(unsigned clock_id, uint32_t *hz);

#endif
