// SPDX-License-Identifier: BSD-2-Clause
/* Reads ELF64 headers (System V ABI, chapters 4 and 5) and trusts nothing in them. */
#include <elf.h>
#include <linux/mman.h>
#include <twofold/elf.h>
#include <twofold/layout.h>
#include <twofold/string.h>

const char elf_needs_interpreter[] = "it needs a dynamic linker: link it with -static";

static const char *check_header(const Elf64_Ehdr *h, uint64_t len, uint64_t file_size)
{
	if (h->e_ident[EI_CLASS] != ELFCLASS64 || h->e_ident[EI_DATA] != ELFDATA2LSB)
		return "not a 64-bit little-endian ELF file";
	if (h->e_machine != EM_AARCH64)
		return "for another machine, not aarch64";
	if (h->e_ident[EI_VERSION] != EV_CURRENT || h->e_version != EV_CURRENT)
		return "unknown ELF version";
	if (h->e_type != ET_EXEC && h->e_type != ET_DYN)
		return "not an executable";
	if (h->e_phentsize != sizeof(Elf64_Phdr) || !h->e_phnum)
		return "bad program headers";
	if (h->e_phoff > file_size || h->e_phnum * sizeof(Elf64_Phdr) > file_size - h->e_phoff)
		return "truncated before the program headers";
	if (h->e_phoff > len || h->e_phnum * sizeof(Elf64_Phdr) > len - h->e_phoff)
		return "program headers not at the front of the file";
	return NULL;
}

static int segment_prot(uint32_t flags)
{
	return (flags & PF_R ? PROT_READ : 0) | (flags & PF_W ? PROT_WRITE : 0) |
	       (flags & PF_X ? PROT_EXEC : 0);
}

static const char *check_segment(const Elf64_Phdr *ph, uint64_t file_size)
{
	if (ph->p_filesz > ph->p_memsz)
		return "a segment is larger in the file than in memory";
	if (ph->p_vaddr >= USER_END || ph->p_memsz > USER_END - ph->p_vaddr)
		return "a segment lies outside user space";
	if (ph->p_offset > file_size || ph->p_filesz > file_size - ph->p_offset)
		return "truncated: a segment lies past the end of the file";
	if ((ph->p_vaddr ^ ph->p_offset) & (PAGE_SIZE - 1))
		return "a segment's address and offset differ within the page";
	if (ph->p_filesz < ph->p_memsz && ph->p_filesz && !(ph->p_flags & PF_W))
		return "a read-only segment has zeros after its data";
	if (ph->p_align & (ph->p_align - 1))
		return "a segment's alignment is not a power of two";
	return NULL;
}

static const char *add_segment(struct elf_image *image, const Elf64_Phdr *ph, uint64_t file_size)
{
	const char *error = check_segment(ph, file_size);

	if (error)
		return error;
	if (!ph->p_memsz)
		return NULL;
	if (image->nr_segments == ELF_MAX_SEGMENTS)
		return "too many segments";
	if (!image->nr_segments)
		image->start = ALIGN_DOWN(ph->p_vaddr, PAGE_SIZE);
	else if (ALIGN_DOWN(ph->p_vaddr, PAGE_SIZE) < image->end)
		return "segments overlap or descend";
	image->end = ALIGN_UP(ph->p_vaddr + ph->p_memsz, PAGE_SIZE);
	image->align = MAX(image->align, ph->p_align);
	image->segments[image->nr_segments++] = (struct elf_segment){
		.vaddr = ph->p_vaddr,
		.memsz = ph->p_memsz,
		.offset = ph->p_offset,
		.filesz = ph->p_filesz,
		.prot = segment_prot(ph->p_flags),
	};
	return NULL;
}

/* The program headers' own address, for AT_PHDR: where a segment that holds them puts them. */
static void find_phdrs(struct elf_image *image, const Elf64_Ehdr *h)
{
	uint64_t size = h->e_phnum * sizeof(Elf64_Phdr);

	for (unsigned i = 0; i < image->nr_segments; i++) {
		const struct elf_segment *s = &image->segments[i];

		if (h->e_phoff >= s->offset && h->e_phoff - s->offset <= s->filesz &&
		    size <= s->filesz - (h->e_phoff - s->offset))
			image->phdrs = s->vaddr + h->e_phoff - s->offset;
	}
}

static const char *check_image(const struct elf_image *image)
{
	if (!image->nr_segments)
		return "nothing to load";
	if (!image->pie && image->start < USER_MIN)
		return "linked below the lowest user address";
	if (image->pie && (image->align > SZ_1G || image->end > (uint64_t)USER_END / 4))
		return "too large to be placed";
	for (unsigned i = 0; i < image->nr_segments; i++) {
		const struct elf_segment *s = &image->segments[i];

		if ((s->prot & PROT_EXEC) && image->entry >= s->vaddr &&
		    image->entry - s->vaddr < s->memsz)
			return NULL;
	}
	return "the entry point is in no executable segment";
}

const char *elf_check(const void *data, size_t len, uint64_t file_size, struct elf_image *image)
{
	Elf64_Ehdr h;
	const char *error;

	memset(image, 0, offsetof(struct elf_image, segments));
	image->align = PAGE_SIZE;
	if (len < SELFMAG || memcmp(data, ELFMAG, SELFMAG))
		return "neither an ELF file nor a script";
	if (len < sizeof(h))
		return "truncated ELF header";
	memcpy(&h, data, sizeof(h));
	error = check_header(&h, len, file_size);
	if (error)
		return error;
	image->entry = h.e_entry;
	image->nr_phdrs = h.e_phnum;
	image->pie = h.e_type == ET_DYN;
	for (unsigned i = 0; i < h.e_phnum && !error; i++) {
		Elf64_Phdr ph;

		memcpy(&ph, (const char *)data + h.e_phoff + i * sizeof(ph), sizeof(ph));
		if (ph.p_type == PT_INTERP)
			error = elf_needs_interpreter;
		else if (ph.p_type == PT_LOAD)
			error = add_segment(image, &ph, file_size);
	}
	if (error)
		return error;
	find_phdrs(image, &h);
	return check_image(image);
}
