/* SPDX-License-Identifier: BSD-2-Clause */
/* DMA for SD hosts: bus addresses by the device tree's dma-ranges, cache maintenance around it. */
#ifndef DRIVERS_SD_DMA_H
#define DRIVERS_SD_DMA_H

#include "sd.h"

/* Part of a line that somebody else writes to would be lost: no core's lines are longer than this.
 */
#define DMA_ALIGN 64u

/* RAM that a device can reach, and where on its bus that is. Empty: start > end. */
struct sd_dma_window {
	uint64_t start, end, bus;
};

/* As much of the lowest RAM as the node reaches by 32 bits. */
void sd_dma_window(const struct dt_node *node, struct sd_dma_window *window);
bool sd_dma_reaches(const struct sd_dma_window *window, const void *p, uint32_t len);
/* The bus address of memory in the window. */
uint32_t sd_dma_bus(const struct sd_dma_window *window, const void *p);
/* Whole blocks, in the window, in cache lines of their own? */
bool sd_dma_possible(const struct sd_dma_window *window, const struct sd_data *data);
/* Before the device starts; when it is done. */
void sd_dma_before(const struct sd_data *data);
void sd_dma_after(const struct sd_data *data);

#endif
