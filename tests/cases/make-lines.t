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

for board in raspi3 raspi4; do
	try BOARD=$board all
	is "BOARD=$board fails" "$([ "$status" != 0 ] && wc -l <"$out")" 1
	like "BOARD=$board says why" "BOARD=$board is not there yet"
done
try BOARD=toaster run
is "unknown BOARD fails in one line" "$([ "$status" != 0 ] && wc -l <"$out")" 1
like "unknown BOARD is named, and so are known ones" 'BOARD=toaster.*virt'
try BOOT=uboot run
like "BOOT=uboot says why" 'BOOT=uboot is not there yet'
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
boot CMD=true MEM=8M
like "too little RAM is said so" '^run: MEM=8M: at least 16M'
boot APPEND=selftest=nosuch
is "an unknown suite fails" "$status" 1
like "and the known ones are named" '^Bail out! selftest=nosuch .*buddy'
PATH=$RUNDIR/bin tools/run CMD=true >"$out" 2>&1
like "no QEMU: said so" '^run: no qemu-system-aarch64'
done_testing
