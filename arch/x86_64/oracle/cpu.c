// SPDX-License-Identifier: BSD-2-Clause
/* Segments and traps (Intel SDM volume 3A, 3.4.5, 6.14, 7.7), control registers, CPUID. */
#include <twofold/string.h>

#include "oracle.h"

#define MSR_EFER 0xc0000080
#define MSR_PAT 0x277
#define GATE_INTERRUPT 0x8e00 /* present, type 14; DPL in bits 13 and 14 */
#define GATE_DPL3 0x6000
#define TSS_AVAILABLE 0x89

struct gate {
	uint16_t offset_low, selector, type, offset_middle;
	uint32_t offset_high, zero;
};

struct tss {
	uint32_t reserved;
	uint64_t rsp0;
	uint8_t rest[92];
} __packed;

struct table_register {
	uint16_t limit;
	uint64_t base;
} __packed;

extern const char trap_stubs[], trap_done_stub[];
extern char trap_stack_end[];
extern const uint64_t view_pml4;

struct cpu cpu;
static struct gate idt[DONE_VECTOR + 1] __aligned(16);
static struct tss tss __aligned(16);
static uint64_t gdt[7] = {
	[KERNEL_CS / 8] = 0x00af9b000000ffff,
	[KERNEL_DS / 8] = 0x00cf93000000ffff,
	[USER_DS / 8] = 0x00cff3000000ffff,
	[USER_CS / 8] = 0x00affb000000ffff,
};

static void cpuid(uint32_t leaf, uint32_t subleaf, uint32_t r[4])
{
	asm volatile("cpuid"
		     : "=a"(r[0]), "=b"(r[1]), "=c"(r[2]), "=d"(r[3])
		     : "a"(leaf), "c"(subleaf));
}

static uint64_t rdmsr(uint32_t msr)
{
	uint32_t low, high;

	asm volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr));
	return low | (uint64_t)high << 32;
}

static void wrmsr(uint32_t msr, uint64_t value)
{
	asm volatile("wrmsr" : : "c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)));
}

static void set_gate(unsigned vector, const char *stub, bool from_ring3)
{
	uint64_t offset = (uintptr_t)stub;

	idt[vector] = (struct gate){
		.offset_low = (uint16_t)offset,
		.offset_middle = (uint16_t)(offset >> 16),
		.offset_high = (uint32_t)(offset >> 32),
		.selector = KERNEL_CS,
		.type = GATE_INTERRUPT | (from_ring3 ? GATE_DPL3 : 0),
	};
}

static void init_traps(void)
{
	uint64_t base = (uintptr_t)&tss;
	struct table_register gdtr = {sizeof(gdt) - 1, (uintptr_t)gdt};
	struct table_register idtr = {sizeof(idt) - 1, (uintptr_t)idt};

	for (unsigned vector = 0; vector < 32; vector++)
		set_gate(vector, trap_stubs + vector * TRAP_STUB_SIZE, vector == VECTOR_BP);
	set_gate(DONE_VECTOR, trap_done_stub, true);
	tss.rsp0 = (uintptr_t)trap_stack_end;
	gdt[TSS_SELECTOR / 8] = (sizeof(tss) - 1) | (base & 0xffffff) << 16 |
				(uint64_t)TSS_AVAILABLE << 40 | (base >> 24 & 0xff) << 56;
	gdt[TSS_SELECTOR / 8 + 1] = base >> 32;
	asm volatile("lgdt %0; lidt %1; ltr %w2"
		     :
		     : "m"(gdtr), "m"(idtr), "r"(TSS_SELECTOR)
		     : "memory");
}

static void identify(void)
{
	static char signature[13];
	uint32_t r[4];

	cpuid(7, 0, r);
	cpu.smep = r[1] & BIT(7);
	cpu.smap = r[1] & BIT(20);
	cpuid(0x80000001, 0, r);
	cpu.nx = r[3] & BIT(20);
	cpu.page_1g = r[3] & BIT(26);
	cpuid(0x80000008, 0, r);
	cpu.maxphyaddr = r[0] & 0xff;
	cpuid(0x40000000, 0, r);
	memcpy(signature, &r[1], 12);
	cpu.emulator = !strcmp(signature, "TCGTCGTCGTCG")    ? "TCG"
		       : !strncmp(signature, "KVMKVMKVM", 9) ? "KVM"
							     : "hardware";
}

void cpu_init(void)
{
	init_traps();
	identify();
}

void cpu_set(const struct controls *controls, paddr_t root, struct x86_64_mmu *mmu)
{
	uint64_t efer = rdmsr(MSR_EFER) & ~EFER_NXE;

	asm volatile("mov %%cr0, %0" : "=r"(mmu->cr0));
	asm volatile("mov %%cr4, %0" : "=r"(mmu->cr4));
	mmu->cr0 = (mmu->cr0 & ~CR0_WP) | (controls->wp ? CR0_WP : 0);
	mmu->cr4 &= ~(CR4_PGE | CR4_SMEP | CR4_SMAP);
	mmu->cr4 |= (controls->smep ? CR4_SMEP : 0) | (controls->smap ? CR4_SMAP : 0) |
		    (controls->pge ? CR4_PGE : 0);
	mmu->efer = efer | (controls->nxe ? EFER_NXE : 0);
	mmu->cr3 = root.pa;
	mmu->pat = rdmsr(MSR_PAT);
	mmu->maxphyaddr = cpu.maxphyaddr;
	mmu->page_1g = cpu.page_1g;
	mmu->ac = false;
	/* PGE off first: that forgets global translations too (SDM volume 3A, 4.10.4.1). */
	asm volatile("mov %0, %%cr4" : : "r"(mmu->cr4 & ~CR4_PGE) : "memory");
	wrmsr(MSR_EFER, mmu->efer);
	asm volatile("mov %0, %%cr0" : : "r"(mmu->cr0) : "memory");
	asm volatile("mov %0, %%cr3" : : "r"(mmu->cr3) : "memory");
	asm volatile("mov %0, %%cr4" : : "r"(mmu->cr4) : "memory");
}

void cpu_leave(void)
{
	asm volatile("mov %0, %%cr3" : : "r"(view_pml4) : "memory");
}
