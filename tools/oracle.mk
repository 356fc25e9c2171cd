# SPDX-License-Identifier: BSD-2-Clause
# The oracle: an x86-64 image that holds the twin's trees against a real x86-64 MMU.
#
#   X86_PTFMT=header   judge this copy of arch/x86_64/ptfmt.h instead of the tree's own

X86_PTFMT ?=
X86_CROSS := $(if $(filter x86_64,$(shell uname -m)),,x86_64-linux-gnu-)
X86_CC := $(X86_CROSS)gcc
ORACLE := arch/x86_64/oracle
ORACLE_CFLAGS := -m64 -ffreestanding -fpie -mno-red-zone -mgeneral-regs-only -fcf-protection=none \
	-std=gnu17 -O2 -g -Wall -Wextra -Werror -Wstrict-prototypes -Wvla -fno-stack-protector \
	-fno-strict-aliasing -fno-common -fno-asynchronous-unwind-tables \
	-fno-tree-loop-distribute-patterns -I$(ORACLE)/include -Iinclude -I.
ORACLE_LDFLAGS := -m64 -nostdlib -static -no-pie -Wl,--build-id=none -Wl,-z,noexecstack \
	-Wl,-z,max-page-size=4096
ORACLE_OBJS := $(patsubst %,$(O)/oracle/%.o,$(basename $(wildcard $(ORACLE)/*.S $(ORACLE)/*.c) \
	arch/x86_64/softmmu.c kernel/printf.c kernel/string.c))

.PHONY: oracle oracle-image oracle-random deps-oracle

# Boots the target, takes its memory, and lets the x86-64 CPU judge: the full form.
oracle: $(O)/Image $(O)/initramfs.cpio oracle-image | deps-run
	$(Q)tools/oracle

# Without the target: random trees, and what ptfmt.h promises.
oracle-random: oracle-image
	$(Q)tools/oracle --random

oracle-image: $(O)/oracle.elf

deps-oracle: | deps-build
	$(Q)tools/deps oracle oracle-$(if $(X86_CROSS),cross,native)

$(O)/oracle.flags: export COMMAND := $(X86_CC) $(ORACLE_CFLAGS) $(ORACLE_LDFLAGS) $(ORACLE_OBJS)
$(O)/oracle.flags: FORCE
	$(keep-if-same)

# The one file that knows the format: with another header only this is built anew.
$(O)/oracle-format.flags: export COMMAND := $(X86_PTFMT)
$(O)/oracle-format.flags: FORCE
	$(keep-if-same)
$(O)/oracle/$(ORACLE)/format.o: $(O)/oracle-format.flags
$(O)/oracle/$(ORACLE)/format.o: private ORACLE_CFLAGS += $(X86_PTFMT:%=-include % -iquote arch/x86_64)

define oracle-compile
@echo "  X86     $<"
@mkdir -p $(@D)
$(Q)$(X86_CC) $(ORACLE_CFLAGS) -MMD -MP
endef

$(O)/oracle/%.o: %.c $(O)/oracle.flags | deps-oracle
	$(oracle-compile) -c -o $@ $<

$(O)/oracle/%.o: %.S $(O)/oracle.flags | deps-oracle
	$(oracle-compile) -c -o $@ $<

$(O)/oracle.lds: $(ORACLE)/oracle.lds $(O)/oracle.flags | deps-oracle
	$(Q)$(X86_CC) $(ORACLE_CFLAGS) -E -P -x c -D__ASSEMBLER__ -MMD -MF $@.d -MT $@ -o $@ $<

$(O)/oracle.elf: $(ORACLE_OBJS) $(O)/oracle.lds
	@echo "  LD      $@"
	$(Q)$(X86_CC) $(ORACLE_LDFLAGS) -Wl,-T,$(O)/oracle.lds -o $@ $(filter %.o,$^)

-include $(ORACLE_OBJS:.o=.d) $(O)/oracle.lds.d
