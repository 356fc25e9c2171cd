/* SPDX-License-Identifier: BSD-2-Clause */
/* The DMA engine of BCM2835 and BCM2837, for the one device here that needs it. */
#ifndef DRIVERS_SD_DMA_BCM2835_H
#define DRIVERS_SD_DMA_BCM2835_H

#include "dma.h"

struct bcm_dma;

/*
 * A channel for the device of `host`, as its node's `dmas` asks; `fifo` is its data register, as an
 * offset into its first `reg`. NULL: there is none.
 */
struct bcm_dma *bcm_dma_get(struct sd_host *host, uint32_t fifo);
/* Can it move that? Always in the same window of memory as when asked first. */
bool bcm_dma_possible(const struct bcm_dma *dma, const struct sd_data *data);
/* Moves the first `bytes` of it (a multiple of 4) as the device asks for them, or has them. */
void bcm_dma_start(struct bcm_dma *dma, const struct sd_data *data, uint32_t bytes);
bool bcm_dma_done(const struct bcm_dma *dma);
/* Stops it if it is not done. 0 or -EIO. Then the data is the processor's again. */
int bcm_dma_finish(struct bcm_dma *dma, const struct sd_data *data);

#endif
