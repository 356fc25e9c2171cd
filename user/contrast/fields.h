/* SPDX-License-Identifier: BSD-2-Clause */
/* The two entry formats, field by field, under the manuals' names. */
#ifndef CONTRAST_FIELDS_H
#define CONTRAST_FIELDS_H

#include <stddef.h>
#include <stdint.h>

struct field {
	uint8_t high, low;
	const char *name;
	const char *purpose;
	const char *other; /* its counterpart in the other format; NULL: it has none */
};

enum entry { ENTRY_TABLE, ENTRY_LEAF, ENTRY_INVALID, NR_ENTRIES };

/* All 64 bits of one kind of entry, from the top down. */
struct layout {
	const char *title;
	const struct field *fields;
	size_t n;
};

extern const struct layout layouts[2][NR_ENTRIES]; /* by enum side */

#endif
