// SPDX-License-Identifier: BSD-2-Clause
/* What elf_check() accepts, and that each thing that can be wrong with a file has its own refusal.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <elf.h>
#include <sys/mman.h>
#include <twofold/elf.h>
#include <twofold/layout.h>

#define FILE_SIZE 0x3000

/* A sound program: text and data, the latter with zeros after it. */
static struct program {
	Elf64_Ehdr h;
	Elf64_Phdr ph[20];
} sound = {
	.h =
		{
			.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB,
				    EV_CURRENT},
			.e_type = ET_EXEC,
			.e_machine = EM_AARCH64,
			.e_version = EV_CURRENT,
			.e_entry = 0x400100,
			.e_phoff = sizeof(Elf64_Ehdr),
			.e_phentsize = sizeof(Elf64_Phdr),
			.e_phnum = 2,
		},
	.ph =
		{
			{.p_type = PT_LOAD,
			 .p_flags = PF_R | PF_X,
			 .p_vaddr = 0x400000,
			 .p_filesz = 0x1800,
			 .p_memsz = 0x1800,
			 .p_align = 0x1000},
			{.p_type = PT_LOAD,
			 .p_flags = PF_R | PF_W,
			 .p_offset = 0x1800,
			 .p_vaddr = 0x402800,
			 .p_filesz = 0x200,
			 .p_memsz = 0x5000,
			 .p_align = 0x1000},
		},
};

static const char *check(const struct program *p, struct elf_image *image)
{
	return elf_check(p, sizeof(*p) < ELF_HEADER_WINDOW ? sizeof(*p) : ELF_HEADER_WINDOW,
			 FILE_SIZE, image);
}

static void test_sound(void **state)
{
	struct elf_image image;

	(void)state;
	assert_null(check(&sound, &image));
	assert_int_equal(image.nr_segments, 2);
	assert_int_equal(image.entry, 0x400100);
	assert_int_equal(image.phdrs, 0x400000 + sizeof(Elf64_Ehdr));
	assert_int_equal(image.start, 0x400000);
	assert_int_equal(image.end, 0x408000);
	assert_int_equal(image.segments[0].prot, PROT_READ | PROT_EXEC);
	assert_int_equal(image.segments[1].prot, PROT_READ | PROT_WRITE);
	assert_false(image.pie);
}

static void test_pie(void **state)
{
	struct program p = sound;
	struct elf_image image;

	(void)state;
	p.h.e_type = ET_DYN;
	p.h.e_entry = 0x100;
	p.ph[0].p_vaddr = 0;
	p.ph[0].p_align = 0x10000;
	p.ph[1].p_vaddr = 0x2800;
	assert_null(check(&p, &image));
	assert_true(image.pie);
	assert_int_equal(image.start, 0);
	assert_int_equal(image.align, 0x10000);
}

/* Each row spoils one field; the refusal must contain the words. */
#define SPOILED(change, words)                                                                     \
	do {                                                                                       \
		struct program p = sound;                                                          \
		struct elf_image image;                                                            \
		const char *error;                                                                 \
                                                                                                   \
		change;                                                                            \
		error = check(&p, &image);                                                         \
		assert_non_null(error);                                                            \
		if (!strstr(error, words))                                                         \
			fail_msg("%s: \"%s\"", #change, error);                                    \
	} while (0)

static void test_bad_headers(void **state)
{
	(void)state;
	SPOILED(p.h.e_ident[0] = 'x', "neither");
	SPOILED(p.h.e_ident[EI_CLASS] = ELFCLASS32, "64-bit");
	SPOILED(p.h.e_ident[EI_DATA] = ELFDATA2MSB, "little-endian");
	SPOILED(p.h.e_ident[EI_VERSION] = 0, "version");
	SPOILED(p.h.e_version = 2, "version");
	SPOILED(p.h.e_machine = EM_X86_64, "machine");
	SPOILED(p.h.e_type = ET_REL, "executable");
	SPOILED(p.h.e_type = ET_CORE, "executable");
	SPOILED(p.h.e_phentsize = 32, "program headers");
	SPOILED(p.h.e_phnum = 0, "program headers");
	SPOILED(p.h.e_phoff = UINT64_MAX, "truncated");
	SPOILED(p.h.e_phoff = FILE_SIZE - 100, "truncated");
	SPOILED(p.h.e_phoff = 0x1000, "front");
	SPOILED(p.h.e_phnum = 19, "front");
	SPOILED(p.h.e_entry = 0x402900, "entry point");
	SPOILED(p.h.e_entry = 0x401800, "entry point");
	SPOILED(p.h.e_entry = 0, "entry point");
}

static void test_bad_segments(void **state)
{
	(void)state;
	SPOILED(p.ph[0].p_memsz = 0x17ff, "larger");
	SPOILED(p.ph[1].p_filesz = 0x5001, "larger");
	SPOILED(p.ph[1].p_memsz = UINT64_MAX, "outside");
	SPOILED(p.ph[1].p_vaddr = UINT64_MAX - 0x7ff, "outside");
	SPOILED(p.ph[1].p_vaddr = USER_END - 0x800, "outside");
	SPOILED(p.ph[1].p_filesz = 0x2000, "past the end");
	SPOILED(p.ph[1].p_offset = UINT64_MAX - 0x7ff, "past the end");
	SPOILED(p.ph[1].p_offset = 0x1804, "within the page");
	SPOILED(p.ph[1].p_align = 3, "power of two");
	SPOILED(p.ph[1].p_flags = PF_R, "read-only");
	SPOILED(p.ph[1].p_vaddr = 0x401800, "overlap");
	SPOILED(p.ph[1].p_vaddr = 0x200800, "overlap");
	SPOILED(p.ph[0].p_vaddr = 0x8000, "lowest");
	SPOILED(p.ph[0].p_type = p.ph[1].p_type = PT_NOTE, "nothing");
	SPOILED(p.ph[1].p_type = PT_INTERP, "-static");
	SPOILED((p.h.e_type = ET_DYN, p.ph[1].p_vaddr = 0x300000000800, p.h.e_entry = 0x400100),
		"too large");
}

static void test_too_many_segments(void **state)
{
	static const Elf64_Phdr one = {
		.p_type = PT_LOAD, .p_flags = PF_R, .p_filesz = 1, .p_memsz = 1, .p_align = 0x1000};
	struct {
		Elf64_Ehdr h;
		Elf64_Phdr ph[ELF_MAX_SEGMENTS + 1];
	} p = {.h = sound.h};
	struct elf_image image;

	(void)state;
	p.h.e_phnum = ELF_MAX_SEGMENTS + 1;
	p.ph[0] = sound.ph[0];
	for (unsigned i = 1; i <= ELF_MAX_SEGMENTS; i++) {
		p.ph[i] = one;
		p.ph[i].p_vaddr = 0x500000 + i * 0x1000;
	}
	assert_string_equal(elf_check(&p, sizeof(p), FILE_SIZE, &image), "too many segments");
	p.h.e_phnum--;
	assert_null(elf_check(&p, sizeof(p), FILE_SIZE, &image));
}

/* A file cut anywhere is refused, and nothing past the cut is read (the sanitizer watches). */
static void test_truncated(void **state)
{
	struct elf_image image;

	(void)state;
	for (size_t len = 0; len < sizeof(Elf64_Ehdr) + 2 * sizeof(Elf64_Phdr); len++) {
		char *cut = test_malloc(len + !len);

		memcpy(cut, &sound, len);
		assert_non_null(elf_check(cut, len, len, &image));
		test_free(cut);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sound),
		cmocka_unit_test(test_pie),
		cmocka_unit_test(test_bad_headers),
		cmocka_unit_test(test_bad_segments),
		cmocka_unit_test(test_too_many_segments),
		cmocka_unit_test(test_truncated),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
