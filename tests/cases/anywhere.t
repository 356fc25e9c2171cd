#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The image runs from any 4 KiB-aligned address, entered at EL1 or EL2, with the initramfs that is
# inside it: QEMU's loader device puts it there raw, and a jump to it into the first core's way.
. "$(dirname "$0")/../lib.sh"

# start NAME MACHINE ADDRESS JUMP...: 16 bytes of code for "x0 = 0x40000000 (QEMU's device tree); br ADDRESS"
start() {
	printf 'echo "hello $((6 * 7))"\nexit\n' |
		timeout 120 qemu-system-aarch64 -M "virt,$2" -cpu cortex-a72 -m 128M -smp 2 \
			-nodefaults -no-reboot -display none -monitor none -serial stdio \
			-device loader,file="$O/Image",addr="$3",force-raw=on \
			-device loader,addr=0x47000000,data="$4",data-len=8 \
			-device loader,addr=0x47000008,data="$5",data-len=8 \
			-device loader,addr=0x47000000,cpu-num=0 >"$out.raw" 2>&1
	status=$?
	tr -d '\r' <"$out.raw" >"$out"
	is "$1: powers off" "$status" 0
	like "$1: the shell answers" '^hello 42$'
}

# movz x0, #0x4000, lsl 16; movz x1, #high, lsl 16; movk x1, #low; br x1
start "EL1, 0x40a01000" virtualization=off 0x40a01000 0xd2a81401d2a80000 0xd61f0020f2820001
start "EL1, 0x41fff000" virtualization=off 0x41fff000 0xd2a83fe1d2a80000 0xd61f0020f29e0001
start "EL2, 0x40a01000" virtualization=on 0x40a01000 0xd2a81401d2a80000 0xd61f0020f2820001
start "EL2, GIC v3" virtualization=on,gic-version=3 0x40200000 0xd2a80401d2a80000 0xd61f0020f2800001
done_testing
