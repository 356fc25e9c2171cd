// SPDX-License-Identifier: BSD-2-Clause
/*
 * Interrupts: from a controller's line to its devices' handlers, and between cores. The cores take
 * them from one controller; others pass theirs on to one of its lines. Each has lines of its own
 * numbers.
 */
#include <twofold/errno.h>
#include <twofold/irq.h>
#include <twofold/lock.h>
#include <twofold/log.h>

#define MAX_LINES 1024
#define MAX_ACTIONS 64
#define MAX_CELLS 4
#define MAX_CHIPS 4

static const struct controller {
	const char *compatible;
	int (*probe)(const struct dt_node *node);
} controllers[] =
	{
		/* The cores' own; a BCM2711 has the last one too, but takes its interrupts from a
		   GIC. */
		{"arm,gic-v3", gicv3_probe},
		{"arm,gic-400", gicv2_probe},
		{"arm,cortex-a15-gic", gicv2_probe},
		{"brcm,bcm2836-l1-intc", bcm2836_probe},
},
  nested[] = {
	  {"brcm,bcm2836-armctrl-ic", armctrl_probe},
};

static const char *const ipi_names[NR_IPIS] = {
	[IPI_RESCHEDULE] = "IPI reschedule",
	[IPI_STOP] = "IPI stop",
	[IPI_CALL] = "IPI call",
};

static struct {
	const struct irq_chip *chip;
	const struct dt_node *node;
} chips[MAX_CHIPS]; /* the cores' own is the first */
static unsigned nr_chips;

static spinlock_t lock = SPINLOCK_INIT(RANK_IRQ); /* actions and action_of, when they change */
static struct irq_action {
	irq_handler_t handler;
	void *arg;
	const char *name;
	uint8_t next; /* of those that share the line; 0: none */
	uint64_t counts[NR_CPUS];
} actions[MAX_ACTIONS]; /* the first is none */
static unsigned nr_actions = 1;
static uint8_t action_of[MAX_LINES];
static uint64_t ipi_counts[NR_IPIS][NR_CPUS];

/* The call that all other cores make now. */
static struct {
	uint32_t busy, pending;
	void (*fn)(void *arg);
	void *arg;
} call;

/* ---- boot ---- */

void irq_register_chip(const struct irq_chip *chip, const struct dt_node *node)
{
	CHECK(nr_chips < MAX_CHIPS && chip->end <= MAX_LINES);
	chips[nr_chips].chip = chip;
	chips[nr_chips].node = node;
	nr_chips++;
}

static void probe(const struct controller *controller)
{
	const struct dt_node *node = dt_find(NULL, controller->compatible);
	int err = node ? controller->probe(node) : 0;
	char path[64];

	if (err)
		pr_err("irq: %s: error %d", dt_path(node, path, sizeof(path)), err);
}

void irq_init(void)
{
	for (unsigned i = 0; i < ARRAY_SIZE(controllers) && !nr_chips; i++)
		probe(&controllers[i]);
	if (!nr_chips)
		panic("irq: no interrupt controller that we know");
	irq_init_cpu();
	for (unsigned i = 0; i < ARRAY_SIZE(nested); i++)
		probe(&nested[i]);
}

void irq_init_cpu(void)
{
	chips[0].chip->init_cpu();
}

/* ---- device-tree specifiers ---- */

/* The i-th entry of interrupts-extended: a phandle and its controller's cells, each. */
static int find_extended(const uint8_t *prop, int len, unsigned i, const uint8_t **cells,
			 unsigned *nr, const struct dt_node **parent)
{
	while (len >= 4) {
		*parent = dt_phandle(dt_cell(prop, 0));
		*nr = *parent ? dt_u32(*parent, "#interrupt-cells", 0) : 0;
		if (!*nr || *nr > MAX_CELLS || len < 4 + 4 * (int)*nr)
			return -EINVAL;
		*cells = prop + 4;
		if (i-- == 0)
			return 0;
		prop += 4 + 4 * *nr;
		len -= 4 + 4 * (int)*nr;
	}
	return -ENOENT;
}

static int find_specifier(const struct dt_node *node, unsigned i, const uint8_t **cells,
			  unsigned *nr, const struct dt_node **parent)
{
	const uint8_t *prop;
	int len;

	prop = dt_prop(node, "interrupts-extended", &len);
	if (prop)
		return find_extended(prop, len, i, cells, nr, parent);
	prop = dt_prop(node, "interrupts", &len);
	if (!prop)
		return -ENOENT;
	*parent = dt_parent_interrupt(node);
	*nr = *parent ? dt_u32(*parent, "#interrupt-cells", 0) : 0;
	if (!*nr || *nr > MAX_CELLS)
		return -EINVAL;
	*cells = prop + 4 * i * *nr;
	return 4 * (i + 1) * *nr <= (unsigned)len ? 0 : -ENOENT;
}

int irq_of_node(const struct dt_node *node, unsigned i)
{
	const struct dt_node *parent;
	uint32_t cells[MAX_CELLS];
	const uint8_t *prop;
	unsigned nr;
	int err = find_specifier(node, i, &prop, &nr, &parent);

	if (err)
		return err;
	for (unsigned c = 0; c < nr; c++)
		cells[c] = dt_cell(prop, c);
	for (unsigned c = 0; c < nr_chips; c++)
		if (chips[c].node == parent)
			return chips[c].chip->translate(cells, nr);
	return -EINVAL;
}

/* ---- lines ---- */

/* Whose line it is; NULL: nobody's. */
static const struct irq_chip *chip_of(unsigned line)
{
	for (unsigned c = 0; c < nr_chips; c++)
		if (line >= chips[c].chip->first && line < chips[c].chip->end)
			return chips[c].chip;
	return NULL;
}

/* 0, -ENOSPC: too many. */
static int add_action(unsigned line, irq_handler_t handler, void *arg, const char *name)
{
	irqflags_t flags = spin_lock_irqsave(&lock);
	int err = nr_actions == MAX_ACTIONS ? -ENOSPC : 0;

	if (!err) {
		actions[nr_actions].handler = handler;
		actions[nr_actions].arg = arg;
		actions[nr_actions].name = name;
		actions[nr_actions].next = action_of[line];
		__atomic_store_n(&action_of[line], (uint8_t)nr_actions, __ATOMIC_RELEASE);
		WRITE_ONCE(nr_actions, nr_actions + 1);
	}
	spin_unlock_irqrestore(&lock, flags);
	return err;
}

int irq_request(int line, irq_handler_t handler, void *arg, const char *name)
{
	const struct irq_chip *chip = line < 0 ? NULL : chip_of((unsigned)line);
	int err = chip ? add_action((unsigned)line, handler, arg, name) : -EINVAL;

	if (!err)
		chip->enable((unsigned)line);
	return err;
}

void irq_enable_local(int line)
{
	chip_of((unsigned)line)->enable((unsigned)line);
}

void irq_dispatch(unsigned line)
{
	unsigned i = line < MAX_LINES ? __atomic_load_n(&action_of[line], __ATOMIC_ACQUIRE) : 0;

	if (unlikely(!i)) {
		const struct irq_chip *chip = chip_of(line);

		pr_err("irq: nobody asked for interrupt %u: disabled", line);
		if (chip)
			chip->disable(line);
	}
	for (; i; i = actions[i].next) {
		actions[i].counts[cpu_id()]++;
		actions[i].handler(actions[i].arg);
	}
}

void irq_entry(void)
{
	this_cpu()->irq_depth++;
	chips[0].chip->handle();
	this_cpu()->irq_depth--;
}

bool irq_row(unsigned i, const char **name, uint64_t counts[NR_CPUS])
{
	unsigned nr = READ_ONCE(nr_actions) - 1;
	const uint64_t *from;

	if (i < nr) {
		*name = actions[i + 1].name;
		from = actions[i + 1].counts;
	} else if (i < nr + NR_IPIS) {
		*name = ipi_names[i - nr];
		from = ipi_counts[i - nr];
	} else {
		return false;
	}
	for (unsigned cpu = 0; cpu < NR_CPUS; cpu++)
		counts[cpu] = READ_ONCE(from[cpu]);
	return true;
}

/* ---- between cores ---- */

static void __noreturn stop_this_cpu(void)
{
	this_cpu()->online = false;
	for (;;)
		cpu_wait_irq(); /* interrupts are masked: it stays here */
}

static void answer_call(void)
{
	call.fn(call.arg);
	__atomic_fetch_sub(&call.pending, 1, __ATOMIC_RELEASE);
}

void irq_ipi(enum ipi ipi)
{
	ipi_counts[ipi][cpu_id()]++;
	switch (ipi) {
	case IPI_RESCHEDULE:
		this_cpu()->need_resched = true;
		break;
	case IPI_CALL:
		answer_call();
		break;
	default:
		stop_this_cpu();
	}
}

void irq_send(unsigned cpu, enum ipi ipi)
{
	chips[0].chip->send_ipi(cpu, ipi);
}

/*
 * One call at a time; who waits for its turn, or for answers, does so with interrupts on and so
 * answers the others. Not a spinlock: handlers that interrupt us may take locks of any rank.
 */
void irq_call_others(void (*fn)(void *), void *arg)
{
	CHECK(irqs_enabled());
	while (__atomic_exchange_n(&call.busy, 1, __ATOMIC_ACQUIRE))
		cpu_relax();
	call.fn = fn;
	call.arg = arg;
	for (unsigned cpu = 0; cpu < NR_CPUS; cpu++) {
		if (cpu == cpu_id() || !cpus[cpu].online)
			continue;
		__atomic_fetch_add(&call.pending, 1, __ATOMIC_RELEASE);
		irq_send(cpu, IPI_CALL);
	}
	while (__atomic_load_n(&call.pending, __ATOMIC_ACQUIRE))
		cpu_relax();
	__atomic_store_n(&call.busy, 0, __ATOMIC_RELEASE);
}
