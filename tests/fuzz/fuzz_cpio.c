// SPDX-License-Identifier: BSD-2-Clause
/* Any bytes as an initramfs: every entry lies inside them, the reader moves on and ends. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <fs/cpio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int holds)
{
	if (!holds)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	volatile uint8_t last = 0;
	struct cpio_reader r;
	struct cpio_entry e;
	size_t before = 0;

	cpio_start(&r, data, size);
	while (cpio_next(&r, &e) > 0) {
		require(r.pos > before && r.pos <= size && e.offset >= before);
		require(strlen(e.name) < CPIO_NAME_MAX && e.name[0] != '/');
		require(!e.size || (e.data >= data && e.size <= size &&
				    (size_t)(e.data - data) <= size - e.size));
		if (e.size)
			last = e.data[e.size - 1];
		before = r.pos;
	}
	require(r.error ? r.error_at <= size : r.pos == size);
	(void)last;
	return 0;
}
