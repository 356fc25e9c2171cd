# SPDX-License-Identifier: BSD-2-Clause
# make bench: measured against Linux. docs/performance.md

# Which groups; none: no other kernel; the operation whose instructions are told by function.
BENCH ?=
PEER ?= linux
PROFILE ?=
export BENCH PEER PROFILE

bench-kernels := $(O)/Image $(O)/user/vmbench $(O)/user/outgrow

bench: $(bench-kernels) $(O)/user/vmbench.elf | deps-bench
ifneq ($(PROFILE),)
	$(Q)tools/profile
else
	$(Q)[ '$(PEER)' = none ] || tools/deps linux '$(PKG)/linux'
	$(Q)tools/bench
endif

# The same program with its symbols: the shipped one is stripped, and lies at the same addresses.
$(O)/user/vmbench.elf: $(O)/user/vmbench
	$(Q)$(USER_CC) $(USER_CFLAGS) -static -o $@ $(call folder-objects,vmbench) \
		$(filter-out -s,$(USER_LDFLAGS))
