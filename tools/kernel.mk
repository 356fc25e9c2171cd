# SPDX-License-Identifier: BSD-2-Clause
# The kernel: objects, two-pass link, Image.

ifeq ($(LLVM),1)
CC := clang --target=aarch64-linux-gnu
LD := ld.lld
NM := llvm-nm
OBJCOPY := llvm-objcopy
else
CC := $(CROSS_COMPILE)gcc
LD := $(CROSS_COMPILE)ld
NM := $(CROSS_COMPILE)nm
OBJCOPY := $(CROSS_COMPILE)objcopy
# gcc makes calls to memset out of loops even when freestanding: in memset itself, too.
CC_FLAGS := -fno-tree-loop-distribute-patterns
# A bare-metal toolchain lacks the UAPI headers, elf.h and sys/queue.h.
ifeq ($(findstring linux,$(CROSS_COMPILE)),)
CC_FLAGS += -idirafter /usr/aarch64-linux-gnu/include -idirafter /usr/include
endif
endif

KINCLUDES := -Iinclude -Iarch/arm64/include -I. -isystem $(PKG)/usr/include \
	-isystem $(PKG)/usr/include/aarch64-linux-gnu
# Errata 835769 and 843419 of the Cortex-A53 are for compiler and linker to avoid.
KFLAGS := -ffreestanding -fno-pic -fno-pie -march=armv8-a -mgeneral-regs-only \
	-mno-outline-atomics -mfix-cortex-a53-835769 -g $(KINCLUDES)
KCFLAGS := $(KFLAGS) -std=gnu17 -O2 -Wall -Wextra -Werror -Wstrict-prototypes -Wvla \
	-fno-omit-frame-pointer -fno-stack-protector -fno-strict-aliasing -fno-common \
	-fno-asynchronous-unwind-tables -ffunction-sections -fdata-sections $(CC_FLAGS) \
	$(if $(filter 1,$(DEBUG)),-DDEBUG)
KLDFLAGS := -static -nostdlib --build-id=none --fix-cortex-a53-843419 --gc-sections \
	-z max-page-size=4096 -z noexecstack

# mm/pt.c is the one file that is compiled twice: once for each table format.
FORMATS := arm64 x86_64
KSOURCES := $(wildcard boot/*.S arch/arm64/*.S arch/arm64/*.c mm/*.c kernel/*.c fs/*.c \
	drivers/*.c drivers/sd/*.c board/*.c tests/target/*.c tests/target/*.S) arch/x86_64/softmmu.c
KOBJS := $(patsubst %,$(O)/%.o,$(basename $(filter-out mm/pt.c,$(KSOURCES)))) \
	$(FORMATS:%=$(O)/mm/pt-%.o) $(O)/initramfs.o
LIBFDT = $(PKG)/usr/lib/aarch64-linux-gnu/libfdt.a

# Rewritten only when the command lines change, so that whatever depends on it is rebuilt then.
$(O)/kernel.flags: export COMMAND := $(CC) $(KCFLAGS) $(LD) $(KLDFLAGS) $(KOBJS)
$(O)/kernel.flags: FORCE
	$(keep-if-same)

define compile
@echo "  CC      $<"
@mkdir -p $(@D)
$(Q)$(CC) $(KCFLAGS) -MMD -MP
endef

$(O)/%.o: %.c $(O)/kernel.flags | deps-build
	$(compile) -c -o $@ $<

$(O)/%.o: %.S $(O)/kernel.flags | deps-build
	$(compile) -c -o $@ $<

# Runs before the MMU is on, where an unaligned access faults.
$(O)/arch/arm64/early%.o: private KCFLAGS += -mstrict-align

$(FORMATS:%=$(O)/mm/pt-%.o): $(O)/mm/pt-%.o: mm/pt.c $(O)/kernel.flags | deps-build
	$(compile) -DPT_FMT=$* -include arch/$*/ptfmt.h -c -o $@ $<

$(O)/kernel.lds: boot/kernel.lds $(O)/kernel.flags | deps-build
	$(Q)$(CC) $(KINCLUDES) -E -P -x c -D__ASSEMBLER__ -MMD -MF $@.d -MT $@ -o $@ $<

# The table for backtraces changes no text address, so a second link with the table made from
# the first is the last one; that they agree is checked.
define link
$(Q)$(LD) $(KLDFLAGS) -T $(O)/kernel.lds -o $@ $(filter %.o,$^) $(LIBFDT)
endef

$(O)/ksyms0.S: tools/ksyms | deps-build
	$(Q)mkdir -p $(@D) && tools/ksyms </dev/null >$@

$(O)/ksyms1.S: $(O)/twofold.pass1.elf
	$(Q)$(NM) $< | tools/ksyms >$@

$(O)/ksyms%.o: $(O)/ksyms%.S $(O)/kernel.flags
	$(Q)$(CC) $(KFLAGS) -c -o $@ $<

$(O)/twofold.pass1.elf: $(KOBJS) $(O)/ksyms0.o $(O)/kernel.lds
	$(link)

$(O)/twofold.elf: $(KOBJS) $(O)/ksyms1.o $(O)/kernel.lds
	@echo "  LD      $@"
	$(link)
	$(Q)$(NM) $@ | tools/ksyms | cmp -s - $(O)/ksyms1.S || \
		{ echo "$@: the symbol table moved text: is .ksyms before it?" >&2; exit 1; }

$(O)/Image: $(O)/twofold.elf
	@echo "  IMAGE   $@"
	$(Q)$(OBJCOPY) -O binary $< $@

# The initramfs that is there when the loader gives none, page-aligned: files are mapped in place.
$(O)/initramfs.S: tools/kernel.mk
	$(Q)mkdir -p $(@D)
	$(Q)printf '%s\n' '.section .initramfs, "a"' '.balign 4096' \
		'.global initramfs_start, initramfs_end' 'initramfs_start:' \
		'.incbin "$(O)/initramfs.cpio"' '.balign 4096' 'initramfs_end:' >$@

$(O)/initramfs.o: $(O)/initramfs.S $(O)/initramfs.cpio $(O)/kernel.flags
	$(Q)$(CC) $(KFLAGS) -c -o $@ $<

-include $(patsubst %.o,%.d,$(KOBJS)) $(O)/kernel.lds.d
