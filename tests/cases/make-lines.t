#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# What make says when something is missing or unknown: one clear line.
. "$(dirname "$0")/../lib.sh"
cd "$top" || exit 1
make=$(command -v make)

try() { # one make, its output in $out
	"$make" "$@" </dev/null >"$out" 2>&1
	status=$?
}

try BOARD=toaster run
is "unknown BOARD fails in one line" "$([ "$status" != 0 ] && wc -l <"$out")" 1
like "unknown BOARD is named, and so are known ones" 'BOARD=toaster.*virt'
try BOOT=shoes run
like "unknown BOOT is named, and so are known ones" 'BOOT=shoes.*direct, uboot'
for wrong in LLVM=2 DEBUG=yes DEPS=perhaps; do
	try $wrong all
	is "$wrong fails in one line" "$([ "$status" != 0 ] && wc -l <"$out")" 1
	like "$wrong is named" "$wrong.*(0 or 1|yes or no)"
done
try image
is "image without a board fails in one line" "$([ "$status" != 0 ] && wc -l <"$out")" 1
like "image without a board: which there are" 'BOARD=raspi3 or BOARD=raspi4'
TESTS=none-such O=$RUNDIR tests/run >"$out" 2>&1
is "TESTS without a match fails" "$?" 1
like "TESTS without a match is said so" '^test: no test has .*: none-such$'
try help
is "help works" "$status" 0
like "help names the goals" 'make test'

# A machine without the compiler: only what a bare Debian has is on the path.
mkdir -p "$RUNDIR/bin"
for tool in sh cat sort tr sed mkdir dirname env; do
	ln -sf "$(command -v $tool)" "$RUNDIR/bin/$tool"
done
# Itself, and not a version manager's script in front of it.
ln -sf "$(python3 -c 'import sys; print(sys.executable)')" "$RUNDIR/bin/python3"
PATH=$RUNDIR/bin DEPS=no tools/deps build >"$out" 2>&1
status=$?
is "DEPS=no fails in one line" "$status $(wc -l <"$out")" "1 1"
like "DEPS=no names what is missing" '^deps: missing packages: .*gcc-aarch64-linux-gnu'
DEPS=no tools/deps target "$RUNDIR/pkg" >"$out" 2>&1
like "DEPS=no names packages of the target" '^deps: missing arm64 packages: .*busybox-static'

boot CMD=true ICOUNT=2
like "a bad value is named" '^run: ICOUNT=2'
boot CMD=true CPU=z80
is "a CPU that is not there: one line" "$status $(wc -l <"$out")" "1 1"
like "and it is named" '^run: CPU=z80: QEMU has no such'
boot BOARD=raspi3 SMP=2 CMD=true
like "a Pi's cores cannot be chosen" "^run: SMP=2: QEMU's raspi3b has SMP=4"
boot BOARD=raspi3 MEM=2G CMD=true
like "nor has it more RAM" "^run: MEM=2G: QEMU's raspi3b has 1G"
boot BOARD=raspi3 ICOUNT=1 CMD=true
like "nor one core" "^run: ICOUNT=1 is for one core"
boot CMD=true MEM=8M
like "too little RAM is said so" '^run: MEM=8M: at least 16M'
boot APPEND=selftest=nosuch
is "an unknown suite fails" "$status" 1
like "and the known ones are named" '^Bail out! selftest=nosuch .*buddy'
PATH=$RUNDIR/bin tools/run CMD=true >"$out" 2>&1
like "no QEMU: said so" '^run: no qemu-system-aarch64'
PATH=$RUNDIR/bin tools/run BOARD=raspi4 PKG=/nowhere CMD=true >"$out" 2>&1
like "no QEMU for a board: said so" '^run: BOARD=raspi4: no QEMU here has the machine raspi4b'
done_testing
