/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Interrupts: controller drivers register themselves; device drivers name their interrupt by the
 * device tree. Devices may share a line: each handler asks its own whether it was meant.
 */
#ifndef TWOFOLD_IRQ_H
#define TWOFOLD_IRQ_H

#include <twofold/devtree.h>

/* interrupts masked on this core; may wake, never sleep */
typedef void (*irq_handler_t)(void *arg);

enum ipi { IPI_RESCHEDULE, IPI_STOP, IPI_CALL, NR_IPIS };

struct irq_chip {
	unsigned first, end; /* its lines, which no other controller has */
	/*
	 * Translates one specifier of an `interrupts` property to the chip's line number; -EINVAL.
	 */
	int (*translate)(const uint32_t *cells, unsigned nr_cells);
	/* routes to core 0 where it is shared; level or edge as translated */
	void (*enable)(unsigned line);
	void (*disable)(unsigned line);
	/* The rest is for the controller that the cores take their interrupts from. */
	/* claims, calls irq_dispatch(line) or irq_ipi(), completes; repeats */
	void (*handle)(void);
	void (*send_ipi)(unsigned cpu, enum ipi ipi);
	void (*init_cpu)(void); /* on each core as it comes up */
};

void irq_init(void); /* finds and starts the interrupt controllers; panics without one */
void irq_init_cpu(void);
void irq_register_chip(const struct irq_chip *chip, const struct dt_node *node);
/* The i-th interrupt of a device-tree node, as a line for irq_request(); -EINVAL, -ENOENT. */
int irq_of_node(const struct dt_node *node, unsigned i);
int irq_request(int line, irq_handler_t handler, void *arg, const char *name); /* and enables it */
void irq_enable_local(int line);  /* a per-core line (timer), on this core */
void irq_dispatch(unsigned line); /* from the chip */
void irq_ipi(enum ipi ipi);	  /* from the chip */
void irq_send(unsigned cpu, enum ipi ipi);
void irq_entry(void); /* from the vectors */
/* Runs fn(arg) on every other core, in their interrupt handlers, and waits. */
void irq_call_others(void (*fn)(void *), void *arg);
/* Row of /proc/interrupts; false past the last. */
bool irq_row(unsigned i, const char **name, uint64_t counts[NR_CPUS]);

/* The controllers' drivers: start the distributor and register the chip. -ENXIO */
int gicv2_probe(const struct dt_node *node);
int gicv3_probe(const struct dt_node *node);
int bcm2836_probe(const struct dt_node *node);
int armctrl_probe(const struct dt_node *node);

#endif
