// SPDX-License-Identifier: BSD-2-Clause
/* Whatever a disk's first page holds, a header that is accepted names only pages of the device. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <twofold/swap_header.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct swap_header h = {0};
	uint64_t device_pages = 1000;

	memcpy(&h, data, size < sizeof(h) ? size : sizeof(h));
	if (swap_header_check(&h, device_pages))
		return 0;
	if (h.last_page == 0 || h.last_page >= device_pages)
		abort();
	for (uint32_t i = 0; i < h.nr_badpages; i++)
		if (h.badpages[i] == 0 || h.badpages[i] > h.last_page)
			abort();
	return 0;
}
