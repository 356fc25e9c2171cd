#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# What `make image` writes for a card: partition table, files, swap header. Then such a card with
# U-Boot as its kernel8.img, booted.
. "$(dirname "$0")/../lib.sh"
: "${PKG:=$O/pkg}"
export PKG MTOOLS_SKIP_CHECK=1
card=$RUNDIR/raspi3.img

image() { # NAME=VALUE...
	env "$@" "$top/tools/image" >"$out" 2>&1 </dev/null
	status=$?
}
on_card() { # FILE: its contents
	mtype -i "$card@@1M" "::/$1"
}
table() { # OFFSET in the MBR, LENGTH: in hexadecimal
	od -An -tx1 -j "$1" -N "$2" "$card" | tr -d ' \n'
}

mkdir -p "$RUNDIR/files" "$RUNDIR/firmware"
echo mine >"$RUNDIR/files/mine"
for file in bootcode.bin start.elf bcm2837-rpi-3-b.dtb; do
	echo "$file" >"$RUNDIR/firmware/$file"
done
image BOARD=raspi3 SWAP=64M MEM=512MiB TF_APPEND='loglevel=8 x' TF_FIRMWARE="$RUNDIR/firmware"
is "works" "$status" 0
like "what the firmware lacks is named" '^image: it still lacks the firmware: fixup.dat$'
like "what to do next" "^image: .*sudo dd if=$card of=/dev/sdX"
is "the size of a card" "$(($(stat -c %s "$card") & ($(stat -c %s "$card") - 1)))" 0
is "MBR: signature" "$(table 510 2)" 55aa
is "MBR: the first is FAT32, and booted from" "$(table 446 1) $(table 450 1)" "80 0c"
is "MBR: it begins at 1 MiB" "$(table 454 4)" 00080000
is "MBR: the second is swap" "$(table 462 1) $(table 466 1)" "00 82"
start=$(od -An -tu4 -j 470 -N 4 "$card" | tr -d ' ')
ok "MBR: the second begins where the first ends" \
	[ "$start" = $((2048 + $(od -An -tu4 -j 458 -N 4 "$card"))) ]
is "swap: has its header" "$(tail -c +$((start * 512 + 4087)) "$card" | head -c 10)" SWAPSPACE2
is "FAT: is FAT32" "$(tail -c +$((1048576 + 83)) "$card" | head -c 5)" FAT32
on_card kernel8.img >"$RUNDIR/kernel8.img"
ok "kernel8.img is the image" cmp "$RUNDIR/kernel8.img" "$O/Image"
on_card initramfs.cpio >"$RUNDIR/initramfs.cpio"
ok "the initramfs is there" cmp "$RUNDIR/initramfs.cpio" "$O/initramfs.cpio"
is "cmdline.txt" "$(on_card cmdline.txt)" "mem=512M loglevel=8 x"
on_card config.txt >"$out"
like "config.txt: 64 bits" '^arm_64bit=1$'
like "config.txt: the kernel's name" '^kernel=kernel8.img$'
like "config.txt: the initramfs" '^initramfs initramfs.cpio followkernel$'
like "config.txt: the UART" '^enable_uart=1$'
is "the firmware is there" "$(on_card start.elf)" start.elf
is "a tree has the name that the firmware looks for" "$(on_card bcm2710-rpi-3-b.dtb)" \
	bcm2837-rpi-3-b.dtb

boot BOARD=raspi3 DISK="$card" CMD='cat /proc/swaps'
is "the kernel takes the card" "$status" 0
like "and finds its swap" '^/dev/mmcblk0p2 +partition[[:space:]]+65532'

image BOARD=raspi4 SWAP=0
is "raspi4, SWAP=0: works" "$status" 0
card=$RUNDIR/raspi4.img
is "raspi4, SWAP=0: no second partition" "$(table 462 16)" 00000000000000000000000000000000
like "raspi4: its firmware is named" 'lacks the firmware: start4.elf fixup4.dat bcm2711-rpi-4-b.dtb$'
image BOARD=virt
is "virt has no card" "$status $(wc -l <"$out")" "1 1"
for wrong in SWAP=much MEM=much; do
	image BOARD=raspi3 $wrong
	is "$wrong: one line" "$status $(cat "$out")" "1 image: $wrong: not a size (128M, 1G ...)"
done

if [ -e "$PKG/uboot/.complete" ]; then
	card=$RUNDIR/raspi3.img
	image BOARD=raspi3 BOOT=uboot SWAP=64M TF_APPEND=exit=semihosting \
		TF_FILES="$RUNDIR/files" TF_CMD='cat /files/mine /proc/swaps; exit 9'
	is "with U-Boot: works" "$status" 0
	on_card kernel8.img >"$RUNDIR/kernel8.img"
	ok "with U-Boot: that is kernel8.img" \
		cmp "$RUNDIR/kernel8.img" "$PKG/uboot/usr/lib/u-boot/rpi_3/u-boot.bin"
	boot BOARD=raspi3 BOOT=uboot DISK="$card" STATUS=1
	is "with U-Boot: the card boots, runs CMD" "$status" 9
	like "with U-Boot: has FILES" '^mine$'
	like "with U-Boot: swap" '^/dev/mmcblk0p2 +partition[[:space:]]+65532'
else
	count=$((count + 1))
	echo "ok $count - with U-Boot # SKIP no $PKG/uboot: it could not be fetched"
fi
done_testing
