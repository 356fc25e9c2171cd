# SPDX-License-Identifier: BSD-2-Clause
# twofold: `make help` lists goals and variables.

# --- What a user may set ---------------------------------------------------------------------
BOARD ?= virt
BOOT ?= direct
CPU ?=
MEM ?=
SMP ?=
SWAP ?= 256M
CMD ?=
FILES ?=
APPEND ?=
ICOUNT ?= 0
DISK ?=
FIRMWARE ?=
GIC ?= 2
VIRTIO ?= modern
O ?= build
PKG ?= $(O)/pkg
CROSS_COMPILE ?= aarch64-linux-gnu-
LLVM ?= 0
DEBUG ?= 0
V ?= 0
DEPS ?= yes
TESTS ?=
FUZZ_SECONDS ?= 60

MAKEFLAGS += --no-builtin-rules --no-builtin-variables
.DELETE_ON_ERROR:
.SECONDARY:
Q := $(if $(filter 1,$V),,@)

# Values travel to tools/run in the environment exactly as they were typed: $(value) keeps make
# from expanding a `$`, and no shell line ever contains them.
TF_CMD := $(value CMD)
TF_FILES := $(value FILES)
TF_APPEND := $(value APPEND)
TF_DISK := $(value DISK)
TF_FIRMWARE := $(value FIRMWARE)
export TF_CMD TF_FILES TF_APPEND TF_DISK TF_FIRMWARE
unexport CMD FILES APPEND DISK FIRMWARE
export O BOARD BOOT CPU MEM SMP SWAP ICOUNT GIC VIRTIO DEPS TESTS FUZZ_SECONDS CROSS_COMPILE PKG

# --- Goals -----------------------------------------------------------------------------------
.DEFAULT_GOAL := all
.PHONY: all run test test-build debug-build llvm-build gdb bench image fuzz clean distclean help
.PHONY: FORCE
.PHONY: boards-build deps-build deps-run deps-test deps-fuzz deps-gdb deps-pi deps-raspi3 deps-raspi4
.PHONY: deps-image deps-uboot deps-bench

ifneq ($(filter-out clean distclean help,$(or $(MAKECMDGOALS),all)),)
ifeq ($(filter virt raspi3 raspi4,$(BOARD)),)
$(error unknown BOARD=$(BOARD); known: virt, raspi3, raspi4)
endif
ifneq ($(filter-out 0 1,$(LLVM) $(DEBUG) $(V)),)
$(error LLVM=$(LLVM) DEBUG=$(DEBUG) V=$(V): each is 0 or 1)
endif
ifneq ($(filter-out yes no,$(DEPS)),)
$(error DEPS=$(DEPS): yes or no)
endif
ifeq ($(filter direct uboot,$(BOOT)),)
$(error unknown BOOT=$(BOOT); known: direct, uboot)
endif
ifneq ($(filter image,$(MAKECMDGOALS)),)
ifeq ($(BOARD),virt)
$(error make image writes a card for a board: BOARD=raspi3 or BOARD=raspi4)
endif
endif
endif

all: $(O)/Image
	@echo "$< is ready: make run boots it"

# What BOARD and BOOT need beside image and initramfs: a Pi its device tree, a Pi 4 a QEMU that knows
# it, U-Boot itself.
PIS := raspi3 raspi4
board := $(if $(filter $(PIS),$(BOARD)),$(BOARD:%=$(O)/board/%.dtb) deps-$(BOARD)) \
	$(if $(filter uboot,$(BOOT)),deps-uboot)

run: $(O)/Image $(O)/initramfs.cpio $(board) | deps-run
	$(Q)tools/run

gdb: $(O)/Image $(O)/initramfs.cpio $(board) | deps-gdb
	$(Q)tools/run --gdb

test: test-build
	$(Q)tests/run

test-build: $(O)/Image $(O)/initramfs.cpio host-tests oracle-image debug-build llvm-build boards-build | deps-test

# Both Pis. What cannot be downloaded is named by tests/run, which skips what needs it.
boards-build: $(PIS:%=$(O)/board/%.dtb) | deps-test
	$(Q)tools/deps qemu '$(PKG)/qemu' || true
	$(Q)tools/deps linux '$(PKG)/linux' || true
	$(Q)tools/deps uboot '$(PKG)/uboot' || true

# The same kernel with costly checks, and built by clang: each in a build folder of its own.
debug-build llvm-build: %-build: | deps-test
	$(Q)+$(MAKE) --no-print-directory O='$(O)/$*' PKG='$(PKG)' $($*-build) '$(O)/$*/Image'
debug-build := DEBUG=1
llvm-build := LLVM=1

fuzz: fuzz-targets | deps-fuzz
	$(Q)tests/fuzz/run

# What a Pi's card needs, but for the firmware.
image: $(O)/Image $(O)/initramfs.cpio $(filter deps-uboot,$(board)) | deps-image
	$(Q)tools/image

clean:
	@echo "clean: removing what was built in $(O); downloaded packages stay"
	$(Q)if [ -d '$(O)' ]; then find '$(O)' -mindepth 1 -maxdepth 1 ! -name pkg -exec rm -rf {} +; fi

distclean:
	@echo "distclean: removing $(O)"
	$(Q)rm -rf '$(O)'

help:
	@cat tools/help.txt

# Names and installs what is missing; quick when nothing is.
deps-build:
	$(Q)tools/deps build $(if $(filter 1,$(LLVM)),llvm)
	$(Q)tools/deps target '$(PKG)'
deps-run deps-test deps-fuzz deps-gdb deps-pi deps-image deps-bench: deps-%:
	$(Q)tools/deps $*
deps-raspi3: deps-pi
deps-raspi4: deps-pi
	$(Q)tools/deps qemu '$(PKG)/qemu'
deps-uboot: deps-image
	$(Q)tools/deps uboot '$(PKG)/uboot'
# One after the other: two at once would meet at dpkg's lock.
deps-run: | deps-build
deps-pi: | deps-run
deps-bench: | deps-run
deps-image: | deps-pi
deps-test: | deps-image
deps-gdb: | $(if $(strip $(board)),deps-pi,deps-run)
deps-fuzz: | deps-test

# The recipe of a file that records a command line, and is touched only when that changes.
define keep-if-same
$(Q)mkdir -p $(@D) && if ! printf '%s\n' "$$COMMAND" | cmp -s - $@; then \
	printf '%s\n' "$$COMMAND" >$@; fi
endef

$(O)/board/%.dtb: board/%.dts | deps-pi
	@echo "  DTC     $@"
	$(Q)mkdir -p $(@D) && dtc -Wno-unit_address_vs_reg -I dts -O dtb -o $@ $<

# --- Rules -----------------------------------------------------------------------------------
include tools/kernel.mk
include tools/user.mk
include tools/oracle.mk
include tools/bench.mk
include tests/host/build.mk
