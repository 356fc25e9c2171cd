# SPDX-License-Identifier: BSD-2-Clause
# Host tests: the real sources of mm/ and fs/, built for this machine. tests/host/rules.mk says
# which sources a test is made of; this file says how.

HOST_CC := gcc
FUZZ_CC := clang
HOST_CFLAGS := -std=gnu17 -O1 -g -Wall -Wextra -Werror -fno-omit-frame-pointer -DDEBUG \
	-DTWOFOLD_HOST -Itests/host/include -Itests/host -Iinclude -I. \
	-isystem $(PKG)/usr/include -isystem $(PKG)/usr/include/aarch64-linux-gnu
HOST_SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=all

HOST_TESTS := $(patsubst tests/host/test_%.c,%,$(wildcard tests/host/test_*.c))
FUZZERS := $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))

include tests/host/rules.mk

$(O)/host.flags: export COMMAND := $(HOST_CC) $(HOST_CFLAGS) $(HOST_SANITIZE)
$(O)/host.flags: FORCE
	$(keep-if-same)

# Objects are shared between tests: host-gcc for tests and corpus replay, host-clang for fuzzing.
define host-compile
@mkdir -p $(@D)
$(Q)$(1) $(HOST_CFLAGS) $(HOST_SANITIZE) $(2) -MMD -MP -c -o $@ $<
endef

$(O)/host-gcc/%.o: %.c $(O)/host.flags | deps-test deps-build
	$(call host-compile,$(HOST_CC))
$(FORMATS:%=$(O)/host-gcc/mm/pt-%.o): $(O)/host-gcc/mm/pt-%.o: mm/pt.c $(O)/host.flags | deps-test deps-build
	$(call host-compile,$(HOST_CC),-DPT_FMT=$* -include arch/$*/ptfmt.h)
$(O)/host-clang/%.o: %.c $(O)/host.flags | deps-fuzz deps-build
	$(call host-compile,$(FUZZ_CC),-fsanitize=fuzzer-no-link)
$(FORMATS:%=$(O)/host-clang/mm/pt-%.o): $(O)/host-clang/mm/pt-%.o: mm/pt.c $(O)/host.flags | deps-fuzz deps-build
	$(call host-compile,$(FUZZ_CC),-fsanitize=fuzzer-no-link -DPT_FMT=$* -include arch/$*/ptfmt.h)

# $(call host-objects,FOLDER,SOURCES): mm/pt.c stands for both of its formats.
host-objects = $(patsubst %.c,$(O)/$(1)/%.o,$(patsubst mm/pt.c,$(FORMATS:%=mm/pt-%.c),$(2)))

# $(call host-program,FOLDER/NAME,COMPILER,OBJECT FOLDER,SOURCES,LINK FLAGS)
define host-program
$(O)/$(1): $(call host-objects,$(3),$(4)) tests/host/rules.mk
	@echo "  HOST    $$@"
	@mkdir -p $$(@D)
	$(Q)$(2) $(HOST_SANITIZE) -o $$@ $$(filter %.o,$$^) $(5)
-include $(patsubst %.o,%.d,$(call host-objects,$(3),$(4)))
endef

$(foreach t,$(HOST_TESTS),$(eval $(call host-program,host/test_$(t),$(HOST_CC),host-gcc,\
	tests/host/test_$(t).c $($(t)_SRCS),-lcmocka $($(t)_LIBS))))
$(foreach f,$(FUZZERS),$(eval $(call host-program,host/replay_$(f),$(HOST_CC),host-gcc,\
	tests/fuzz/fuzz_$(f).c tests/fuzz/replay.c $($(f)_FUZZ_SRCS),$($(f)_FUZZ_LIBS))))
$(foreach f,$(FUZZERS),$(eval $(call host-program,fuzz/fuzz_$(f),$(FUZZ_CC),host-clang,\
	tests/fuzz/fuzz_$(f).c $($(f)_FUZZ_SRCS),-fsanitize=fuzzer $($(f)_FUZZ_LIBS))))

.PHONY: host-tests fuzz-targets
host-tests: $(HOST_TESTS:%=$(O)/host/test_%) $(FUZZERS:%=$(O)/host/replay_%)
fuzz-targets: $(FUZZERS:%=$(O)/fuzz/fuzz_%)
