// SPDX-License-Identifier: BSD-2-Clause
/* Is this a swap area? Pure: no device, no kernel state. */
#include <twofold/string.h>
#include <twofold/swap_header.h>

static bool bad_pages_ok(const struct swap_header *h)
{
	for (uint32_t i = 0; i < h->nr_badpages; i++)
		if (h->badpages[i] == 0 || h->badpages[i] > h->last_page)
			return false;
	return true;
}

const char *swap_header_check(const struct swap_header *h, uint64_t device_pages)
{
	if (memcmp(h->magic, "SWAPSPACE2", 10)) {
		if (!memcmp(h->magic, "SWAP-SPACE", 10))
			return "it has the old header (version 0); run mkswap again";
		return "it has no swap header; run mkswap";
	}
	if (h->version == 0x01000000)
		return "its header has the other byte order";
	if (h->version != 1)
		return "its header has an unknown version";
	if (h->last_page == 0)
		return "its header says that it is empty";
	if (h->last_page >= device_pages)
		return "its header says more pages than the device has";
	if (h->nr_badpages > SWAP_MAX_BADPAGES || !bad_pages_ok(h))
		return "its list of bad pages is broken";
	if (h->nr_badpages >= h->last_page)
		return "all its pages are bad";
	return NULL;
}
