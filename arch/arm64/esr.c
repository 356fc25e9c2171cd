// SPDX-License-Identifier: BSD-2-Clause
/* Exception syndromes in words, for those who read a panic. Arm ARM D19.2.40. */
#include "trap.h"

const char *esr_class_name(uint64_t esr)
{
	switch (ESR_EC(esr)) {
	case EC_UNKNOWN:
		return "undefined instruction";
	case EC_FP:
		return "FP/SIMD access trap";
	case EC_ILLEGAL_STATE:
		return "illegal execution state";
	case EC_SYSREG:
		return "system register trap";
	case EC_IABT_EL0:
	case EC_IABT_EL1:
		return "instruction abort";
	case EC_PC_ALIGN:
		return "misaligned PC";
	case EC_DABT_EL0:
	case EC_DABT_EL1:
		return "data abort";
	case EC_SP_ALIGN:
		return "misaligned SP";
	case EC_FP_EXC64:
		return "FP exception";
	case EC_SERROR:
		return "SError";
	case EC_BRK64:
		return "BRK";
	default:
		return "unexpected exception";
	}
}

const char *esr_fault_name(uint64_t esr)
{
	static const char *const names[] = {"address size fault", "translation fault",
					    "access flag fault", "permission fault"};

	if (ESR_FSC(esr) < 4 * 4)
		return names[ESR_FSC(esr) / 4];
	switch (ESR_FSC(esr)) {
	case 0x10:
		return "external abort";
	case 0x14 ... 0x17:
		return "external abort on a table walk";
	case 0x18:
	case 0x1c ... 0x1f:
		return "memory error";
	case FSC_ALIGNMENT:
		return "alignment fault";
	case 0x30:
		return "TLB conflict";
	default:
		return "fault";
	}
}
