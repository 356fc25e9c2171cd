#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Partition tables of each kind, on a virtio disk: where swap goes, and where it does not.
. "$(dirname "$0")/../lib.sh"

disk=$RUNDIR/disk.img
go() { # WHAT PARTITION
	boot MEM=64M DISK="$disk" CMD='cat /proc/swaps /proc/partitions; outgrow 64M'
	is "$1: works" "$status" 0
	like "$1: swap is there" "^/dev/$2 +partition"
	is "$1: and nowhere else" "$(grep -c '^/dev/' "$out")" 1
	like "$1: and is used" '^outgrow: every byte verified.* [1-9][0-9]+ out'
}

"$top/tools/mkcard" --swap 64M "$disk"
head -c 17825792 "$disk" | md5sum >"$RUNDIR/before"
go "MBR" vda2
like "MBR: Linux's columns, and the type" '^ *254 +2 +65536 vda2 0x82$'
is "MBR: the rest is untouched" "$(head -c 17825792 "$disk" | md5sum)" "$(cat "$RUNDIR/before")"

"$top/tools/mkcard" --swap 64M --table logical "$disk"
go "logical" vda5

"$top/tools/mkcard" --swap 64M --table gpt "$disk"
go "GPT" vda2
printf 'x' | dd of="$disk" bs=1 seek=600 conv=notrunc 2>/dev/null
go "GPT, damaged" vda2
like "GPT, damaged: one line" 'vda: the GPT is damaged: its copy at the end'
printf 'x' | dd of="$disk" bs=1 seek=$(($(stat -c %s "$disk") - 500)) conv=notrunc 2>/dev/null
boot DISK="$disk" CMD='cat /proc/swaps'
is "GPT, both damaged: works" "$status" 0
like "GPT, both damaged: one line" 'vda: the GPT and its copy are damaged: no partitions'
unlike "GPT, both damaged: no swap" '^/dev/'

"$top/tools/mkcard" --swap 64M --table none "$disk"
go "no table: all of it" vda
done_testing
