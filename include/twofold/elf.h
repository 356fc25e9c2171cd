/* SPDX-License-Identifier: BSD-2-Clause */
/* What exec needs to know of an ELF file. Pure: the host's tests and the fuzzer call it as well. */
#ifndef TWOFOLD_ELF_H
#define TWOFOLD_ELF_H

#include <twofold/types.h>

#define ELF_MAX_SEGMENTS 16
#define ELF_HEADER_WINDOW 1024 /* bytes of the file, at most, that elf_check() wants to see */

struct elf_segment {
	uint64_t vaddr, memsz; /* as the file says: not rounded to pages */
	uint64_t offset, filesz;
	int prot; /* PROT_* */
};

struct elf_image {
	uint64_t entry, phdrs; /* addresses; phdrs 0 where no segment holds them */
	unsigned nr_phdrs;
	bool pie;	     /* addresses count from a base that the kernel chooses */
	uint64_t align;	     /* of that base, a power of two */
	uint64_t start, end; /* of all segments, page-aligned */
	unsigned nr_segments;
	struct elf_segment segments[ELF_MAX_SEGMENTS]; /* ascending, no page in two of them */
};

/*
 * Checks the header and program headers in the first `len` bytes of a file of `file_size`. NULL:
 * *image is complete and can be mapped as it stands; else what is wrong with the file, in a few
 * words.
 */
const char *elf_check(const void *data, size_t len, uint64_t file_size, struct elf_image *image);
/* What elf_check() says of a program that wants a dynamic linker. */
extern const char elf_needs_interpreter[];

#endif
