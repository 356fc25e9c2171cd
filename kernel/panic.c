// SPDX-License-Identifier: BSD-2-Clause
/* The end that nobody wanted: says why, shows where, stops everything. */
#include <arch/irqflags.h>
#include <twofold/irq.h>
#include <twofold/log.h>
#include <twofold/logbuf.h>
#include <twofold/task.h>

#define STOP_WAIT_US 100000

static uint32_t panicking; /* the core, plus one */
struct trapframe panic_frames[NR_CPUS];

static void __noreturn park(void)
{
	for (;;)
		cpu_wait_irq();
}

static bool others_online(void)
{
	for (unsigned cpu = 0; cpu < nr_cpus; cpu++)
		if (cpu != cpu_id() && READ_ONCE(cpus[cpu].online))
			return true;
	return false;
}

/* So that what they do meanwhile, and print, does not spoil the report. Those with interrupts
 * masked do not hear it: they are given up on. */
static void stop_others(void)
{
	for (unsigned cpu = 0; cpu < nr_cpus; cpu++)
		if (cpu != cpu_id() && cpus[cpu].online)
			irq_send(cpu, IPI_STOP);
	for (unsigned us = 0; us < STOP_WAIT_US && others_online(); us++)
		udelay(1);
}

static void report(const struct trapframe *tf, const char *fmt, va_list args)
{
	char why[256];

	vsnprintf(why, sizeof(why), fmt, args);
	log_printf(LOG_EMERG, "panic: %s", why);
	if (current)
		log_printf(LOG_EMERG, "core %u, task %d (%s)", cpu_id(), current->tid,
			   current->comm);
	show_registers(tf);
	show_system_registers();
	backtrace(tf);
}

static void __noreturn vpanic(const struct trapframe *tf, const char *fmt, va_list args)
{
	uint32_t nobody = 0, me = cpu_id() + 1;
	bool first;

	irq_disable();
	first = __atomic_compare_exchange_n(&panicking, &nobody, me, false, __ATOMIC_ACQ_REL,
					    __ATOMIC_ACQUIRE);
	if (!first && nobody != me)
		park(); /* another core tells its story */
	if (first) {
		stop_others();
		log_panic_mode();
		report(tf, fmt, args);
	}
	/* Not first: the report itself failed. */
	power_off(1);
}

void panic_with_frame(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vpanic(&panic_frames[cpu_id()], fmt, args);
}

void panic_trap(const struct trapframe *tf, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vpanic(tf, fmt, args);
}
