#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Cards that are not as they should be, or not there: one clear line, and the rest goes on.
. "$(dirname "$0")/../lib.sh"

card=$RUNDIR/card.img
kept() { # what swap must never touch
	"$top/tools/mkcard" "$@" "$card" && cp --sparse=always "$card" "$card.old"
}

go() { # WHAT [NAME=VALUE]...
	what=$1
	shift
	boot BOARD=raspi3 DISK="$card" CMD='cat /proc/swaps; echo alive' "$@"
	is "$what: boots and works" "$status" 0
}

boot BOARD=raspi3 SWAP=0 CMD='echo alive'
is "no card: boots and works" "$status" 0
is "no card: a line for each host" "$(grep -c 'mmc[01]: SDH.*: no card' "$out")" 2
like "no card: no swap, which is said" 'no disk: no swap'

kept --table none --swap 16M
go "no partition table"
like "no partition table: one line" 'init: no swap: /dev/mmcblk0 has no partition table'
unlike "no partition table: no swap, though all of it looks like it" '^/dev/mmc'
ok "no partition table: unchanged" cmp "$card" "$card.old"
go "no partition table, but named" APPEND=swap=/dev/mmcblk0
like "no partition table, but named: is swap" '^/dev/mmcblk0 '

kept --no-header --swap 16M
go "foreign header"
is "foreign header: one line" "$(grep -c 'mmcblk0p2 is not swap: no swap header' "$out")" 1
unlike "foreign header: not used" '^/dev/mmc'
ok "foreign header: unchanged" cmp "$card" "$card.old"
go "foreign header, but named" APPEND=swap=/dev/mmcblk0p2
like "foreign header, but named: refused" 'mmcblk0p2 refused: it has no swap header'

# A swap header in a partition that is something else.
kept --swap 16M
printf '\203' | dd of="$card" bs=1 seek=466 conv=notrunc 2>/dev/null
go "a swap header in another's partition"
like "a swap header in another's partition: type is 0x83" 'mmcblk0p2: 16 MiB, type 0x83'
unlike "a swap header in another's partition: left alone" '^/dev/mmc'
like "a swap header in another's partition: one line" 'no swap: .* no partition of type Linux swap'
done_testing
