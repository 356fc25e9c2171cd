/* SPDX-License-Identifier: BSD-2-Clause */
/* What a core is to the rest of the kernel. The host build has a header of the same name. */
#ifndef ARCH_CPU_H
#define ARCH_CPU_H

#include <twofold/layout.h>
#include <twofold/types.h>

struct task;

/* One per core; TPIDR_EL1 points at it. The first members are known to assembly (entry.S). */
struct cpu {
	struct task *curr;   /* the running task: `current` */
	uint64_t scratch[3]; /* vectors: kernel stack overflow check */
	unsigned id;	     /* 0 to nr_cpus - 1; 0 booted the machine */
	uint64_t mpidr;
	struct task *idle;
	bool online;
	bool need_resched; /* look at the run queue on the way to EL0 */
	void *boot_stack;  /* KSTACK_SIZE bytes: what the core came up on, its idle task's from then
			      on */
	unsigned irq_depth;
#ifdef DEBUG
	unsigned nr_locks;
	uint32_t lock_ranks[16];
	uintptr_t lock_addrs[16];
#endif
};

extern struct cpu cpus[NR_CPUS];
extern unsigned nr_cpus; /* that came up */

/* Valid until the next sleep. volatile: a task may wake on another core. */
static inline struct cpu *this_cpu(void)
{
	struct cpu *cpu;

	__asm__ volatile("mrs %0, tpidr_el1" : "=r"(cpu));
	return cpu;
}

static inline unsigned cpu_id(void)
{
	return this_cpu()->id;
}

#define current (this_cpu()->curr)

static inline void cpu_relax(void)
{
	__asm__ volatile("yield" ::: "memory");
}

/* Sleeps until an interrupt is pending, masked or not (Arm ARM D1.6: WFI). */
static inline void cpu_wait_irq(void)
{
	__asm__ volatile("dsb sy\n\twfi" ::: "memory");
}

/* Sleeps while *p is not 0: a store to it wakes us (WFE, the exclusive monitor). May wake early. */
static inline void cpu_wait_zero(const uint32_t *p)
{
	uint32_t now;

	__asm__ volatile("sevl\n\twfe\n\tldxr %w0, [%1]\n\tcbz %w0, 1f\n\twfe\n1:"
			 : "=&r"(now)
			 : "r"(p)
			 : "memory");
}

/*
 * Sleeps some ten microseconds, or until an interrupt is pending, masked or not. Unlike WFE, which
 * emulators pass over, it gives the host's core away. Needs this core's timer interrupt, so not
 * in an interrupt handler, whose priority holds it back.
 */
void cpu_nap(void);

/* Orders normal memory between cores (inner shareable). */
static inline void smp_mb(void)
{
	__asm__ volatile("dmb ish" ::: "memory");
}

static inline void smp_wmb(void)
{
	__asm__ volatile("dmb ishst" ::: "memory");
}

static inline void smp_rmb(void)
{
	__asm__ volatile("dmb ishld" ::: "memory");
}

/* Orders memory against devices and their DMA (outer shareable, full system). */
static inline void dma_mb(void)
{
	__asm__ volatile("dmb osh" ::: "memory");
}

static inline void dma_wmb(void)
{
	__asm__ volatile("dmb oshst" ::: "memory");
}

static inline void dma_rmb(void)
{
	__asm__ volatile("dmb oshld" ::: "memory");
}

/* Cleans and invalidates [p, p+len) to the point of coherency, for devices that do not snoop. */
void dcache_clean_inval(const void *p, size_t len);
void dcache_clean(const void *p, size_t len);
void dcache_inval(const void *p, size_t len);
/* After writing instructions: clean D to PoU, invalidate I (Arm ARM B2.4.4). Direct-map pointer. */
void icache_sync(const void *p, size_t len);

/* The page copy and clear: whole pages, direct map. Clear by DC ZVA where allowed.
 * arch/arm64/page.S */
void clear_page(void *page);
void copy_page(void *to, const void *from);
/* CRC-32C (Castagnoli) of one page: by CRC32CX where ID_AA64ISAR0_EL1.CRC32 says so, else by table.
 */
uint32_t page_crc(const void *page);

/* Free-running virtual counter and its frequency in Hz (CNTVCT_EL0, CNTFRQ_EL0). */
uint64_t cycle_counter(void);
uint64_t cycle_hz(void);

#endif
