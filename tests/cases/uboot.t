#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The same image by way of U-Boot: it places the kernel, the initramfs and the device tree where it
# likes, and hands over the command line.
. "$(dirname "$0")/../lib.sh"
: "${PKG:=$O/pkg}"

if [ ! -e "$PKG/uboot/.complete" ]; then
	echo "1..1"
	echo "ok 1 - U-Boot # SKIP no $PKG/uboot: it could not be fetched"
	exit 0
fi

boot BOOT=uboot SWAP=64M APPEND='a=${fdt_addr} b="$c" d'\''e \f' \
	CMD='cat /proc/swaps /proc/cmdline; nproc; exit 7'
is "virt: the status comes back" "$status" 7
like "virt: by U-Boot" 'U-Boot 20[0-9]{2}\.'
like "virt: its initramfs is mapped where it lies" 'initramfs: .* mapped where they lie'
like "virt: swap is on the second disk" '^/dev/vdb +partition[[:space:]]+65532'
like "virt: the command line arrives" '^exit=semihosting .*a=\$\{fdt_addr\} b="\$c" d'\''e \\f$'
like "virt: all cores" '^4$'

mkdir -p "$RUNDIR/files"
head -c 20000000 /dev/urandom >"$RUNDIR/files/big"
sum=$(md5sum <"$RUNDIR/files/big" | cut -d' ' -f1)
boot BOOT=uboot SWAP=0 SMP=1 GIC=3 VIRTIO=legacy MEM=256M FILES="$RUNDIR/files" \
	CMD='cat /proc/swaps; md5sum /files/big'
is "virt, other devices: works" "$status" 0
like "virt, other devices: FILES arrive" "^$sum"
unlike "virt, SWAP=0: none" '^/dev/'
boot BOOT=uboot MEM=128M FILES="$RUNDIR/files" CMD=true
is "virt, more than it can load: fails" "$status" 1
like "virt, more than it can load: said so" '^run: MEM=128M: .* U-Boot needs [0-9]+M$'

printf 'echo first; x=piped\necho "$x $((40 + 2))"\n' >"$RUNDIR/typed"
TIMEOUT=60 "$top/tools/run" BOOT=uboot SWAP=0 <"$RUNDIR/typed" >"$out.raw" 2>&1
status=$?
tr -d '\r' <"$out.raw" >"$out"
is "input from a pipe: ends with it" "$status" 0
like "input from a pipe: does not stop U-Boot" '^piped 42$'

pi() {
	boot BOARD="$1" BOOT=uboot SWAP=64M MEM=64M CMD='cat /proc/swaps; nproc; exit 7'
	is "$1: the status comes back" "$status" 7
	like "$1: by U-Boot" '^Retrieving file: /Image'
	like "$1: its initramfs is mapped where it lies" 'initramfs: .* mapped where they lie'
	like "$1: swap is on the same card" '^/dev/mmcblk0p2 +partition[[:space:]]+65532'
	like "$1: all cores" '^4$'
}

for board in raspi3 raspi4; do
	if "$top/tools/run" --which BOARD=$board >"$out" 2>&1; then
		pi $board
	else
		count=$((count + 1))
		echo "ok $count - $board # SKIP $(cat "$out")"
	fi
done

"$top/tools/mkcard" --swap 16M "$RUNDIR/empty.img"
boot BOARD=raspi3 BOOT=uboot DISK="$RUNDIR/empty.img" CMD=true
is "nothing on the card: fails" "$status" 1
like "nothing on the card: said so" '^run: U-Boot found nothing that it could boot$'
done_testing
