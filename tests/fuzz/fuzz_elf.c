// SPDX-License-Identifier: BSD-2-Clause
/* Any bytes as an ELF file: what elf_check() accepts can be mapped without a further look. */
#include <stdint.h>
#include <stdlib.h>

#include <twofold/elf.h>
#include <twofold/layout.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int holds)
{
	if (!holds)
		abort();
}

static void check_segment(const struct elf_segment *s, uint64_t file_size, uint64_t *end)
{
	require(s->memsz && s->filesz <= s->memsz);
	require(s->offset <= file_size && s->filesz <= file_size - s->offset);
	require((s->vaddr & (PAGE_SIZE - 1)) == (s->offset & (PAGE_SIZE - 1)));
	require(ALIGN_DOWN(s->vaddr, PAGE_SIZE) >= *end);
	require(s->vaddr < USER_END && s->memsz <= USER_END - s->vaddr);
	*end = ALIGN_UP(s->vaddr + s->memsz, PAGE_SIZE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t window = MIN(size, (size_t)ELF_HEADER_WINDOW);
	struct elf_image image;
	uint64_t end = 0;

	if (elf_check(data, window, size, &image))
		return 0;
	require(image.nr_segments > 0 && image.nr_segments <= ELF_MAX_SEGMENTS);
	for (unsigned i = 0; i < image.nr_segments; i++)
		check_segment(&image.segments[i], size, &end);
	require(image.end == end && image.start <= image.entry && image.entry < end);
	require(image.pie || image.start >= USER_MIN);
	require(!(image.align & (image.align - 1)) && image.align >= PAGE_SIZE);
	require(!image.phdrs || (image.phdrs >= image.start && image.phdrs < end));
	return 0;
}
