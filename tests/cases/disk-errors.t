#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# A swap disk with bad places: the log names the slot, the program that needs what was there gets
# SIGBUS, nobody else is harmed, and the machine lives on.
. "$(dirname "$0")/../lib.sh"
TIMEOUT=200

fails() { # read|write SLOT...: such requests fail with EIO when they touch these slots
	type=$1
	shift
	for slot; do
		printf '%s\n' '[inject-error]' "event = \"${type}_aio\"" "iotype = \"$type\"" \
			'errno = "5"' "sector = \"$((slot * 8))\"" ''
	done >"$RUNDIR/rules"
	export BLKDEBUG="$RUNDIR/rules"
}

alive='s=$?; echo s=$s; outgrow 8M; echo alive; exit $s'

fails read 1000 1001 3000
boot MEM=64M SWAP=256M CMD="outgrow 96M; $alive"
like "unreadable: the log names a slot" 'swap: /dev/vda: cannot read slot (1000|1001|3000): '
like "unreadable: the program gets SIGBUS, which is said" 'outgrow\[[0-9]+\]: bus error at '
like "unreadable: and ends" '^outgrow: a worker was killed by signal 7$'
like "unreadable: outgrow fails" '^s=[1-9]'
like "unreadable: the machine lives on" '^alive$'
unlike "unreadable: what was read is right" 'holds 0x|panic|CHECK\('

fails write 1000 1001 3000
boot MEM=64M SWAP=256M CMD="outgrow 96M; $alive"
like "unwritable: the log names a slot" 'swap: /dev/vda: slot (1000|1001|3000) cannot be written'
is "unwritable: the page goes elsewhere, and the program notices nothing" "$status" 0
like "unwritable: every byte was verified" '^outgrow: every byte verified'
unlike "unwritable: nothing was killed or wrong" 'SIG|killed|panic|CHECK\('

fails read 0
boot MEM=64M CMD='cat /proc/swaps; swapon /dev/vda; echo s=$?; outgrow 16M'
like "no header can be read: swapon says EIO" 'Input/output error|I/O error'
is "no header can be read: the machine works without swap" "$status" 0
done_testing
