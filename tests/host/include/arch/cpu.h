/* SPDX-License-Identifier: BSD-2-Clause */
/* A core, as the host tests play it: each thread is the core that shim_set_cpu() made it. */
#ifndef ARCH_CPU_H
#define ARCH_CPU_H

#include <twofold/layout.h>
#include <twofold/types.h>

struct task;

struct cpu {
	struct task *current;
	unsigned id;
	struct task *idle;
	bool online;
	bool need_resched;
	unsigned irq_depth;
#ifdef DEBUG
	unsigned nr_locks;
	uint32_t lock_ranks[16];
	uintptr_t lock_addrs[16];
#endif
};

extern struct cpu cpus[NR_CPUS];
extern unsigned nr_cpus;
extern __thread struct cpu *host_cpu;

static inline struct cpu *this_cpu(void)
{
	return host_cpu;
}

static inline unsigned cpu_id(void)
{
	return this_cpu()->id;
}

#define current (this_cpu()->current)

static inline void cpu_relax(void)
{
}

static inline void smp_mb(void)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

static inline void smp_wmb(void)
{
	__atomic_thread_fence(__ATOMIC_RELEASE);
}

static inline void smp_rmb(void)
{
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
}

#define dma_mb smp_mb
#define dma_wmb smp_wmb
#define dma_rmb smp_rmb

void dcache_clean_inval(const void *p, size_t len);
void dcache_clean(const void *p, size_t len);
void dcache_inval(const void *p, size_t len);
void icache_sync(const void *p, size_t len);

void clear_page(void *page);
void copy_page(void *to, const void *from);
uint32_t page_crc(const void *page);

uint64_t cycle_counter(void);
uint64_t cycle_hz(void);

#endif
