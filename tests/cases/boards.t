#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The Pis at a shell: status, cores, either UART, mem=, and power-off where nobody listens to a
# status. Then a tree in which much is wrong: a line for each, and the rest goes on.
. "$(dirname "$0")/../lib.sh"

edit() { # TREE NODE PROPERTY TYPE VALUE...
	tree=$1 node=$2 property=$3 type=$4
	shift 4
	fdtput -t "$type" "$tree" "$node" "$property" "$@"
}

both() {
	boot BOARD="$1" CMD='nproc; exit 7'
	is "$1: the status comes back" "$status" 7
	like "$1: four cores" '^4$'

	cp "$O/board/$1.dtb" "$RUNDIR/pl011.dtb"
	edit "$RUNDIR/pl011.dtb" /chosen stdout-path s serial1
	echo 'echo typed' >"$RUNDIR/typed"
	"$top/tools/run" BOARD="$1" DTB="$RUNDIR/pl011.dtb" TIMEOUT=60 <"$RUNDIR/typed" >"$out" 2>&1
	is "$1: powered off by the watchdog" $? 0
	like "$1: and said so" 'going down by the watchdog'
	like "$1: the PL011 is the console" 'console: ttyAMA0 at /soc/serial@7e201000'
	like "$1: which takes input" '^typed'

	boot BOARD="$1" MEM=64M CMD='head -1 /proc/meminfo; contrast fault device'
	is "$1: MEM is a limit" "$status" 0
	like "$1: of so much RAM" 'MemTotal: +6[0-9]{4} kB'
	like "$1: a device's page faults in again" "^  kernel +mapped the device's page again"
}

for board in raspi3 raspi4; do
	if "$top/tools/run" --which BOARD=$board >"$out" 2>&1; then
		echo "# $(cat "$out")"
		both $board
	else
		count=$((count + 1))
		echo "ok $count - $board # SKIP $(cat "$out")"
	fi
done

# mem= below what the loader has placed.
boot APPEND=mem=64M CMD='head -1 /proc/meminfo'
is "mem= keeps the initramfs" "$status" 0
boot APPEND=mem=4M CMD=true
is "mem= has a least value" "$status" 0
like "which is said" 'mem=4096K is too little'

tree=$RUNDIR/wrong.dtb
cp "$O/board/raspi3.dtb" "$tree"
edit "$tree" /cpus/cpu@1 enable-method s telepathy
edit "$tree" /cpus/cpu@2 cpu-release-addr x 77 77777778
edit "$tree" /cpus/cpu@3 cpu-release-addr x 0 800
edit "$tree" /soc/interrupt-controller@7e00b200 reg x 7e00b200
edit "$tree" /soc/watchdog@7e100000 reg x 12345678 4
edit "$tree" /soc/gpio@7e200000 status s perhaps
edit "$tree" /chosen stdout-path s nowhere
fdtput -d "$tree" /soc/mailbox@7e00b880 compatible
boot BOARD=raspi3 DTB="$tree" CMD='nproc; exit 5'
is "a tree full of errors: it boots" "$status" 5
like "on the core that there is" '^1$'
like "enable-method" 'enable-method "telepathy" is unknown'
like "a release address out of memory" 'core 0x2: cpu-release-addr 0x7777777778 cannot be'
like "one where nobody waits" 'core 0x3 does not start: error -110'
like "a UART whose interrupts go nowhere" 'mini-uart: no interrupt, so no input'
like "a reg that does not fit" '/soc/interrupt-controller@7e00b200: reg of 4 bytes does not fit'
like "a reg out of the bus" '/soc/watchdog@7e100000: 0x12345678 is out of reach'
like "a stdout-path to nowhere" 'stdout-path names nowhere'

cp "$O/board/raspi3.dtb" "$tree"
edit "$tree" /soc/interrupt-controller@40000000 status s disabled
TIMEOUT=10 boot BOARD=raspi3 DTB="$tree" CMD=true
like "without interrupts: said so" 'no interrupt controller that we know'
done_testing
