#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The card on each way to it that QEMU has: what is written arrives, and swap comes back.
. "$(dirname "$0")/../lib.sh"
TIMEOUT=200

# A pattern of 3 MiB to the first partition, which begins at 1 MiB, and back in odd pieces.
pattern=$RUNDIR/files/pattern
mkdir -p "$RUNDIR/files"
seq 1 1000000 | head -c 3145728 >"$pattern"
sum=$(md5sum <"$pattern" | cut -d' ' -f1)
copy='dd if=/files/pattern of=/dev/mmcblk0p1 bs=96k 2>/dev/null &&
dd if=/dev/mmcblk0p1 bs=12345 2>/dev/null | head -c 3145728 | md5sum'

route() { # WHAT HOST BOARD DTB
	card=$RUNDIR/card.img
	"$top/tools/mkcard" --swap 64M "$card"
	boot BOARD="$3" DTB="$4" DISK="$card" FILES="$RUNDIR/files" \
		CMD="$copy; grep mmc /proc/interrupts; cat /proc/swaps"
	is "$1: works" "$status" 0
	like "$1: found there" "mmc[01]: $2: high speed SD card"
	like "$1: read as written" "^$sum"
	ok "$1: written to where it belongs" cmp -n 3145728 -i 1048576:0 "$card" "$pattern"
	like "$1: swap is on the partition for it" '^/dev/mmcblk0p2 +partition'
}

swaps() { # WHAT BOARD DTB
	boot BOARD="$2" DTB="$3" MEM=64M SWAP=128M CMD='outgrow 72M && grep mmcblk0 /proc/diskstats'
	is "$1: swaps to the card" "$status" 0
	like "$1: and verifies" '^outgrow: every byte verified.* [1-9][0-9]+ out'
	ok "$1: writes are clustered: 16 sectors and more at a time" \
		awk '$3 == "mmcblk0" && $8 && $10 / $8 >= 16 { found = 1 } END { exit !found }' "$out"
}

tree=$O/board/raspi3.dtb
route "SDHOST, DMA" SDHOST raspi3 "$tree"
like "SDHOST, DMA: its interrupts come" '^ *[0-9]+: +[1-9][0-9]* .* mmc0$'
swaps "SDHOST, DMA" raspi3 "$tree"

cp "$tree" "$RUNDIR/port.dtb"
fdtput -d "$RUNDIR/port.dtb" /soc/mmc@7e202000 dmas
route "SDHOST, word by word" SDHOST raspi3 "$RUNDIR/port.dtb"

cp "$tree" "$RUNDIR/arasan.dtb"
fdtput -t s "$RUNDIR/arasan.dtb" /soc/mmc@7e202000 status disabled
route "Arasan, DMA" SDHCI raspi3 "$RUNDIR/arasan.dtb"
swaps "Arasan, DMA" raspi3 "$RUNDIR/arasan.dtb"
fdtput -d "$RUNDIR/arasan.dtb" /soc/mmc@7e300000 dmas
route "Arasan, word by word" SDHCI raspi3 "$RUNDIR/arasan.dtb"

# With DEBUG=1 it sleeps until the interrupt even where the emulator is ready at once.
if [ -e "$O/debug/Image" ]; then
	tree=$RUNDIR/arasan.dtb
	boot O="$O/debug" BOARD=raspi3 DTB="$tree" SWAP=16M CMD='head -c 99999 /dev/mmcblk0 | wc -c;
		grep mmc0 /proc/interrupts'
	is "Arasan, DEBUG=1: works" "$status" 0
	like "Arasan, DEBUG=1: woken by interrupts" '^ *[0-9]+: +[1-9][0-9]* .* mmc0$'
	unlike "Arasan, DEBUG=1: none is missing" 'interrupt does not come'
fi

# A tree that says nothing of pins, and has no other host.
cp "$O/board/raspi3.dtb" "$RUNDIR/nopins.dtb"
fdtput -d "$RUNDIR/nopins.dtb" /soc/mmc@7e202000 pinctrl-0
fdtput -t s "$RUNDIR/nopins.dtb" /soc/mmc@7e300000 status disabled
boot BOARD=raspi3 DTB="$RUNDIR/nopins.dtb" SWAP=16M CMD='cat /proc/swaps'
is "no pins in the tree: works" "$status" 0
like "no pins in the tree: the socket's are tried" 'mmc0: SDHOST: .* card'

if "$top/tools/run" --which BOARD=raspi4 >"$out" 2>&1; then
	route "raspi4" SDHCI raspi4 "$O/board/raspi4.dtb"
	swaps "raspi4" raspi4 "$O/board/raspi4.dtb"
else
	count=$((count + 1))
	echo "ok $count - raspi4 # SKIP $(cat "$out")"
fi

# High capacity: addresses are blocks. The swap partition ends beyond 2 GiB.
"$top/tools/mkcard" --swap 3G "$RUNDIR/card.img"
boot BOARD=raspi3 DISK="$RUNDIR/card.img" CMD='echo end | dd of=/dev/mmcblk0 bs=1 \
	seek=4294967292 2>/dev/null; cat /proc/swaps'
is "SDHC: works" "$status" 0
like "SDHC: is one" 'high speed SDHC card'
like "SDHC: its swap" '^/dev/mmcblk0p2 +partition[[:space:]]+3145724'
is "SDHC: the last bytes" "$(tail -c 4 "$RUNDIR/card.img")" end
done_testing
