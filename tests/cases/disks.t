#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# No disk, a disk that is not swap, a disk that another machine uses.
. "$(dirname "$0")/../lib.sh"

boot SWAP=0 CMD='cat /proc/swaps; swapon /dev/vda; echo s=$?; awk "/^SwapTotal/ {print \$1, \$2}" /proc/meminfo'
is "no disk: boots and works" "$status" 0
like "no disk: swapon fails" '^s=[1-9]'
like "no disk: no swap" '^SwapTotal: 0$'

disk=$RUNDIR/plain.img
yes 'not a swap header' | head -c 1048576 >"$disk"
boot DISK="$disk" CMD='swapon /dev/vda; echo s=$?; head -c 5 /dev/vda'
is "not swap: boots and works" "$status" 0
like "not swap: one line says so at boot" 'is not swap'
like "not swap: swapon says EINVAL" 'Invalid argument'
like "not swap: the disk is still readable" '^not a'
is "not swap: the disk is unchanged" "$(yes 'not a swap header' | head -c 1048576 | cmp - "$disk" 2>&1)" ''

# A header that lies about its size, and one of another version.
truncate -s 1M "$disk" && mkswap=$(PATH=$PATH:/sbin:/usr/sbin command -v mkswap)
"$mkswap" -f "$disk" >/dev/null 2>&1
printf '\377\377\377\177' | dd of="$disk" bs=1 seek=1028 conv=notrunc 2>/dev/null
boot DISK="$disk" CMD='echo alive; awk "/^SwapTotal/ {print \$1, \$2}" /proc/meminfo'
is "swap header larger than the disk: boots" "$status" 0
like "swap header larger than the disk: refused or cut to size" '^SwapTotal: (0|1020)$'

qemu-system-aarch64 -M virt -nodefaults -display none -S -serial none -monitor none \
	-drive "file=$disk,if=none,format=raw,id=d" -device virtio-blk-device,drive=d </dev/null &
holder=$!
sleep 2
boot DISK="$disk" CMD='echo never'
kill "$holder"
is "occupied: fails" "$status" 1
is "occupied: one line" "$(wc -l <"$out")" 1
like "occupied: which, and what to do" "^run: $disk is in use by another QEMU"
done_testing
