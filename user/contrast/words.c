// SPDX-License-Identifier: BSD-2-Clause
#include "words.h"
#include <stdio.h>

/* Arm ARM D19.2.40, ESR_EL1: EC, and the ISS of aborts. */
#define ESR_EC(esr) ((unsigned)((esr) >> 26 & 0x3f))
#define ESR_FSC(esr) ((unsigned)((esr)&0x3f))
#define ESR_WNR 0x40u
#define ESR_CM 0x100u
#define EC_IABT_EL0 0x20
#define EC_IABT_EL1 0x21
#define EC_PC_ALIGN 0x22
#define EC_DABT_EL0 0x24
#define EC_DABT_EL1 0x25
#define EC_SP_ALIGN 0x26
#define FSC_EXTERNAL 0x10
#define FSC_ALIGNMENT 0x21
#define FSC_ACCESS_FLAG 2 /* of bits 5:2 */

/* SDM volume 3A, 4.7: the error code of #PF. */
#define PF_P 0x01u
#define PF_WR 0x02u
#define PF_US 0x04u
#define PF_RSVD 0x08u
#define PF_ID 0x10u
#define VECTOR_GP 13
#define VECTOR_PF 14

static bool is_abort(uint64_t esr)
{
	unsigned ec = ESR_EC(esr);

	return ec == EC_IABT_EL0 || ec == EC_IABT_EL1 || ec == EC_DABT_EL0 || ec == EC_DABT_EL1;
}

static const char *class_words(unsigned ec)
{
	switch (ec) {
	case EC_IABT_EL0:
	case EC_IABT_EL1:
		return "instruction abort";
	case EC_DABT_EL0:
	case EC_DABT_EL1:
		return "data abort";
	case EC_PC_ALIGN:
		return "PC alignment fault";
	case EC_SP_ALIGN:
		return "SP alignment fault";
	default:
		return "other exception";
	}
}

/* DFSC and IFSC: 0bTTTTLL for what tables say. */
static void fsc_words(unsigned fsc, char *buf, size_t size)
{
	static const char *const kinds[] = {"address size", "translation", "access flag",
					    "permission"};

	if (fsc < 16)
		snprintf(buf, size, "%s fault, level %u", kinds[fsc / 4], fsc % 4);
	else if (fsc == FSC_EXTERNAL)
		snprintf(buf, size, "external abort");
	else if (fsc == FSC_ALIGNMENT)
		snprintf(buf, size, "alignment fault");
	else if (fsc >= 0x14 && fsc <= 0x17)
		snprintf(buf, size, "external abort on the walk, level %u", fsc - 0x14);
	else
		snprintf(buf, size, "fault status %#x", fsc);
}

void esr_words(uint64_t esr, char *buf, size_t size)
{
	unsigned ec = ESR_EC(esr);
	bool data = ec == EC_DABT_EL0 || ec == EC_DABT_EL1;
	char fault[40];

	if (!is_abort(esr)) {
		snprintf(buf, size, "%s (EC %#x)", class_words(ec), ec);
		return;
	}
	fsc_words(ESR_FSC(esr), fault, sizeof(fault));
	snprintf(buf, size, "%s (EC %#x), %s (%s %#04x)%s", class_words(ec), ec, fault,
		 data ? "DFSC" : "IFSC", ESR_FSC(esr),
		 !data				      ? ""
		 : (esr & ESR_WNR) && !(esr & ESR_CM) ? ", WnR 1: write"
						      : ", WnR 0: read");
}

bool esr_is_alignment(uint64_t esr)
{
	return is_abort(esr) && ESR_FSC(esr) == FSC_ALIGNMENT;
}

bool esr_is_pc_alignment(uint64_t esr)
{
	return ESR_EC(esr) == EC_PC_ALIGN;
}

bool esr_is_access_flag(uint64_t esr)
{
	return is_abort(esr) && ESR_FSC(esr) >> 2 == FSC_ACCESS_FLAG;
}

void vector_words(unsigned vector, uint32_t error, char *buf, size_t size)
{
	if (vector == VECTOR_GP)
		snprintf(buf, size, "#GP, error code %#x: the address is not canonical", error);
	else if (vector == VECTOR_PF)
		snprintf(buf, size, "#PF, error code %#x: %s %s, %s", error,
			 error & PF_US ? "user" : "supervisor",
			 error & PF_ID	 ? "fetch"
			 : error & PF_WR ? "write"
					 : "read",
			 error & PF_RSVD ? "a reserved bit is set"
			 : error & PF_P	 ? "protection"
					 : "not present");
	else
		snprintf(buf, size, "vector %u, error code %#x", vector, error);
}

/* Arm ARM D19.2.101, MAIR_EL1. */
const char *mair_words(uint8_t attr)
{
	switch (attr) {
	case 0x00:
		return "Device-nGnRnE";
	case 0x04:
		return "Device-nGnRE";
	case 0x08:
		return "Device-nGRE";
	case 0x0c:
		return "Device-GRE";
	case 0x44:
		return "Normal, non-cacheable";
	case 0xbb:
		return "Normal, write-through";
	case 0xff:
		return "Normal, write-back, allocating";
	default:
		return attr & 0xf0 ? "Normal, of other cacheability" : "Device";
	}
}

/* SDM volume 3A, table 12-10. */
const char *pat_words(uint8_t type)
{
	switch (type) {
	case 0:
		return "uncached (UC)";
	case 1:
		return "write-combining (WC)";
	case 4:
		return "write-through (WT)";
	case 5:
		return "write-protected (WP)";
	case 6:
		return "write-back (WB)";
	case 7:
		return "uncached unless an MTRR says WC (UC-)";
	default:
		return "reserved";
	}
}
