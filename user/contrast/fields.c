// SPDX-License-Identifier: BSD-2-Clause
/*
 * Arm ARM DDI 0487, D8.3 "Translation table descriptor formats", and Intel SDM volume 3A, 4.5,
 * tables 4-15 to 4-20: stage 1, 4 KiB granule, 48-bit addresses, no FEAT_LPA2; 4-level paging.
 */
#include "fields.h"

#define FIELDS(list) (list), sizeof(list) / sizeof((list)[0])

static const struct field arm_table[] = {
	{63, 63, "NSTable", "Secure state: what is below is Non-secure; here ignored", NULL},
	{62, 61, "APTable", "limits AP of all leaves below: 01 no EL0, 10 no write",
	 "U/S (2), R/W (1)"},
	{60, 60, "UXNTable", "no leaf below is executable at EL0", "XD (63)"},
	{59, 59, "PXNTable", "no leaf below is executable at EL1", NULL},
	{58, 51, "ignored", "left to software", "bits 62:52"},
	{50, 48, "RES0", "zero (address bits with FEAT_LPA)", "reserved above MAXPHYADDR"},
	{47, 12, "NLTA", "address of the next table", "address, bits 51:12"},
	{11, 11, "ignored", "left to software", "bits 11:8"},
	{10, 10, "AF", "ignored (accessed, with FEAT_HAFT)", "A (5)"},
	{9, 2, "ignored", "left to software", NULL},
	{1, 1, "Table", "1: a table; 0 would be a block", "PS (7), inverted"},
	{0, 0, "Valid", "the walk goes on", "P (0)"},
};

static const struct field arm_leaf[] = {
	{63, 63, "ignored", "left to software", NULL},
	{62, 59, "PBHA", "hints to the system's hardware (FEAT_HPDS2)", NULL},
	{58, 56, "SW", "left to software: unused", "bits 58:52"},
	{55, 55, "SW dirty", "left to software: here a leaf that was written, then write-protected",
	 "D (6) with R/W clear"},
	{54, 54, "UXN", "not executable at EL0", "XD (63)"},
	{53, 53, "PXN", "not executable at EL1", "CR4.SMEP, for user pages"},
	{52, 52, "Contiguous", "one of 16 alike, aligned: a TLB may hold them as one", NULL},
	{51, 51, "DBM", "writable; clean while AP[2] is set (FEAT_HAFDBS clears AP[2] on a write)",
	 "R/W (1)"},
	{50, 50, "GP", "indirect branches must land on BTI (FEAT_BTI)", NULL},
	{49, 48, "RES0", "zero (address bits with FEAT_LPA)", "address"},
	{47, 12, "OA",
	 "output address; a block's low bits are zero, but bit 16 is nT, bits 15:12 RES0",
	 "address, bits 51:12"},
	{11, 11, "nG", "not global: the TLB entry is the ASID's", "G (8), inverted"},
	{10, 10, "AF", "accessed; clear: the access faults, unless TCR_EL1.HA",
	 "A (5), never a fault"},
	{9, 8, "SH", "who must see the same: 10 outer, 11 inner shareable", NULL},
	{7, 7, "AP[2]", "read-only", "R/W (1) inverted; D (6)"},
	{6, 6, "AP[1]", "EL0 too", "U/S (2)"},
	{5, 5, "NS", "Secure state: the output is Non-secure; here ignored", NULL},
	{4, 2, "AttrIndx", "memory type: which byte of MAIR_EL1", "PAT, PCD, PWT"},
	{1, 1, "Page", "1: a page, in level 3; 0: a block, in levels 1 and 2", "PS (7), inverted"},
	{0, 0, "Valid", "0: the access faults", "P (0)"},
};

static const struct field arm_invalid[] = {
	{63, 52, "ignored", "left to software: unused", "bits 63:52"},
	{51, 12, "token", "left to software: a swap slot", "bits 51:12, inverted"},
	{11, 2, "ignored", "left to software: unused", "bits 11:10, 8:1"},
	{1, 1, "SW token", "left to software: here a token", "bit 9"},
	{0, 0, "Valid", "0: any access faults", "P (0)"},
};

static const struct field x86_table[] = {
	{63, 63, "XD", "nothing below is executable (EFER.NXE; else reserved)",
	 "UXNTable and PXNTable"},
	{62, 52, "ignored", "left to software", "bits 58:52"},
	{51, 12, "address", "of the next table; reserved from MAXPHYADDR up", "NLTA, bits 47:12"},
	{11, 8, "ignored", "left to software (11: R, with HLAT paging)", "bits 11:2"},
	{7, 7, "PS", "0: a table; in a PML4E reserved", "Table (1), inverted"},
	{6, 6, "ignored", "left to software", "bits 11:2"},
	{5, 5, "A", "the CPU walked through it; it sets it", "AF with FEAT_HAFT only"},
	{4, 4, "PCD", "memory type of the next table: PAT entry, high bit", "TCR_EL1 IRGN, ORGN"},
	{3, 3, "PWT", "memory type of the next table: PAT entry, low bit", "TCR_EL1 IRGN, ORGN"},
	{2, 2, "U/S", "0: nothing below is ring 3's", "APTable[0]"},
	{1, 1, "R/W", "0: nothing below is writable", "APTable[1]"},
	{0, 0, "P", "present: the walk goes on", "Valid (0)"},
};

static const struct field x86_leaf[] = {
	{63, 63, "XD", "not executable, by whomever (EFER.NXE; else reserved)", "UXN and PXN"},
	{62, 59, "PKEY", "protection key, with CR4.PKE or PKS; else left to software", NULL},
	{58, 52, "ignored", "left to software", "bits 58:55"},
	{51, 12, "address", "of the page; of blocks bit 12 is PAT, what is between is reserved",
	 "OA, bits 47:12"},
	{11, 9, "ignored", "left to software", "bits 58:55"},
	{8, 8, "G", "global, with CR4.PGE: a write to CR3 spares it", "nG (11), inverted"},
	{7, 7, "PS/PAT", "in a PTE PAT, memory type; in a PDPTE or PDE PS = 1: a block",
	 "AttrIndx; Page (1) inverted"},
	{6, 6, "D", "written; the CPU sets it", "AP[2] clear with DBM"},
	{5, 5, "A", "accessed; the CPU sets it", "AF (10)"},
	{4, 4, "PCD", "memory type: PAT entry, middle bit", "AttrIndx"},
	{3, 3, "PWT", "memory type: PAT entry, low bit", "AttrIndx"},
	{2, 2, "U/S", "ring 3 too", "AP[1] (6)"},
	{1, 1, "R/W", "writable (by ring 0 always, were CR0.WP clear)", "DBM (51), or AP[2] clear"},
	{0, 0, "P", "present; 0: the access faults", "Valid (0)"},
};

static const struct field x86_invalid[] = {
	{63, 52, "ignored", "left to software: unused", "bits 63:52"},
	{51, 12, "token", "left to software: a swap slot, inverted against L1 Terminal Fault",
	 "bits 51:12"},
	{11, 10, "ignored", "left to software: unused", "bits 11:2"},
	{9, 9, "SW token", "left to software: here a token", "bit 1"},
	{8, 1, "ignored", "left to software: kept clear, some CPUs set A and D by mistake",
	 "bits 11:2"},
	{0, 0, "P", "0: any access faults", "Valid (0)"},
};

const struct layout layouts[2][NR_ENTRIES] = {
	{
		[ENTRY_TABLE] = {"ARM: table descriptor, levels 0 to 2", FIELDS(arm_table)},
		[ENTRY_LEAF] = {"ARM: block (levels 1, 2) or page (level 3)", FIELDS(arm_leaf)},
		[ENTRY_INVALID] = {"ARM: not valid", FIELDS(arm_invalid)},
	},
	{
		[ENTRY_TABLE] = {"x86-64: PML4E, and PDPTE or PDE that names a table",
				 FIELDS(x86_table)},
		[ENTRY_LEAF] = {"x86-64: PDPTE (1 GiB), PDE (2 MiB) or PTE (4 KiB)",
				FIELDS(x86_leaf)},
		[ENTRY_INVALID] = {"x86-64: not present", FIELDS(x86_invalid)},
	},
};
