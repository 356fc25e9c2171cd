# SPDX-License-Identifier: BSD-2-Clause
# Programs that ship with the kernel, and the initramfs that holds them.

# Ordinary programs want a hosted compiler with its libc, whatever builds the kernel.
USER_CROSS := $(if $(findstring linux,$(CROSS_COMPILE)),$(CROSS_COMPILE),aarch64-linux-gnu-)
USER_CC := $(USER_CROSS)gcc
# Segments at page granularity: the kernel maps them from where the loader put the archive.
USER_CFLAGS := -std=gnu17 -O2 -g -Wall -Wextra -Werror -pthread
USER_LDFLAGS := -s -Wl,-z,max-page-size=4096 -Wl,--build-id=none

# A program is user/NAME.c, or all of user/NAME/*.c and what NAME-sources adds from the kernel.
FOLDER_PROGRAMS := $(patsubst user/%/main.c,%,$(wildcard user/*/main.c))
PROGRAMS := $(filter-out init,$(patsubst user/%.c,%,$(wildcard user/*.c))) $(FOLDER_PROGRAMS)
contrast-sources := arch/arm64/softmmu.c arch/x86_64/softmmu.c
# The same source once more as a static position-independent executable.
PIE_PROGRAMS := $(filter outgrow-pie,$(PROGRAMS:%=%-pie))
BUSYBOX = $(firstword $(wildcard $(PKG)/bin/busybox $(PKG)/usr/bin/busybox))

$(O)/user.flags: export COMMAND := $(USER_CC) $(USER_CFLAGS) $(USER_LDFLAGS) $(PROGRAMS)
$(O)/user.flags: FORCE
	$(keep-if-same)

$(O)/user/%: user/%.c $(O)/user.flags | deps-build
	@echo "  USER    $@"
	@mkdir -p $(@D)
	$(Q)$(USER_CC) $(USER_CFLAGS) -MMD -MP -MF $@.d -static -o $@ $< $(USER_LDFLAGS)

$(O)/user/%-pie: user/%.c $(O)/user.flags | deps-build
	@echo "  USER    $@"
	@mkdir -p $(@D)
	$(Q)$(USER_CC) $(USER_CFLAGS) -MMD -MP -MF $@.d -fPIE -static-pie -o $@ $< $(USER_LDFLAGS)

FOLDER_CFLAGS := -Iinclude -Iarch/arm64/include -I.
folder-objects = $(patsubst %.c,$(O)/user/obj/%.o,$(wildcard user/$1/*.c) $($1-sources))

$(O)/user/obj/%.o: %.c $(O)/user.flags | deps-build
	@mkdir -p $(@D)
	$(Q)$(USER_CC) $(USER_CFLAGS) $(FOLDER_CFLAGS) -MMD -MP -c -o $@ $<

define folder-program
$(O)/user/$1: $(call folder-objects,$1)
	@echo "  USER    $$@"
	$(Q)$(USER_CC) $(USER_CFLAGS) -static -o $$@ $$^ $(USER_LDFLAGS)
-include $(patsubst %.o,%.d,$(call folder-objects,$1))
endef
$(foreach program,$(FOLDER_PROGRAMS),$(eval $(call folder-program,$(program))))

# One list in tools/mkcpio's words: the fixed part, programs, and busybox under its many names.
$(O)/initramfs.list: export COMMAND := $(PROGRAMS) $(PIE_PROGRAMS)
$(O)/initramfs.list: tools/initramfs.list tools/applets $(O)/user.flags | deps-build
	$(Q)mkdir -p $(@D)
	$(Q){ cat tools/initramfs.list; echo "file /init $(O)/user/init 755"; \
		echo "file /bin/busybox $(BUSYBOX) 755"; \
		for name in $$COMMAND; do echo "file /bin/$$name $(O)/user/$$name 755"; done; \
		grep -v '^#' tools/applets | xargs -n 1 printf 'slink /bin/%s busybox\n'; } >$@

$(O)/initramfs.cpio: $(O)/initramfs.list tools/mkcpio $(wildcard user/etc/*) $(O)/user/init \
		$(PROGRAMS:%=$(O)/user/%) $(PIE_PROGRAMS:%=$(O)/user/%)
	@echo "  CPIO    $@"
	$(Q)tools/mkcpio -o $@ $<

-include $(wildcard $(O)/user/*.d)
