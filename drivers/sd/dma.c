// SPDX-License-Identifier: BSD-2-Clause
/* Memory as a device's DMA sees it, and caches, which it does not see. */
#include <arch/cpu.h>
#include <twofold/errno.h>
#include <twofold/page.h>

#include "dma.h"

void sd_dma_window(const struct dt_node *node, struct sd_dma_window *window)
{
	const struct dt_range *ram = &machine.ram[0];

	*window = (struct sd_dma_window){.start = 1};
	for (uint64_t size = ram->size; machine.nr_ram && size >= PAGE_SIZE; size /= 2) {
		uint64_t bus;

		if (dt_dma_address(node, ram->start, size, &bus))
			continue;
		if (bus + size - 1 > UINT32_MAX)
			continue;
		*window = (struct sd_dma_window){
			.start = ram->start.pa, .end = ram->start.pa + size, .bus = bus};
		return;
	}
}

bool sd_dma_reaches(const struct sd_dma_window *window, const void *p, uint32_t len)
{
	uint64_t pa = ptr_to_pa(p).pa;

	return pa >= window->start && pa + len <= window->end;
}

uint32_t sd_dma_bus(const struct sd_dma_window *window, const void *p)
{
	return (uint32_t)(ptr_to_pa(p).pa - window->start + window->bus);
}

bool sd_dma_possible(const struct sd_dma_window *window, const struct sd_data *data)
{
	if (data->block_size != SD_BLOCK)
		return false;
	for (unsigned i = 0; i < data->nr_segs; i++)
		if (!sd_dma_reaches(window, data->segs[i].buf, data->segs[i].len) ||
		    (uintptr_t)data->segs[i].buf % DMA_ALIGN)
			return false;
	return true;
}

void sd_dma_before(const struct sd_data *data)
{
	for (unsigned i = 0; i < data->nr_segs; i++)
		dcache_clean_inval(data->segs[i].buf, data->segs[i].len);
}

/* Lines that the core fetched meanwhile, of its own accord, are stale. */
void sd_dma_after(const struct sd_data *data)
{
	for (unsigned i = 0; !data->write && i < data->nr_segs; i++)
		dcache_inval(data->segs[i].buf, data->segs[i].len);
}
