#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# More than RAM and swap together: the OOM killer ends it, says why, and the machine lives on.
. "$(dirname "$0")/../lib.sh"
TIMEOUT=300

for smp in 1 4; do
	boot SMP=$smp MEM=64M SWAP=64M CMD='outgrow 512M; echo s=$?; echo alive; outgrow 16M; exit $?'
	like "$smp cores: killed" 'killed by signal 9|^s=137$'
	like "$smp cores: it failed" '^s=[1-9]'
	like "$smp cores: the log says why" '[Oo]ut of memory.*outgrow|outgrow.*[Oo]ut of memory'
	like "$smp cores: the machine lives on" '^alive$'
	is "$smp cores: and has its memory back" "$status" 0
done

boot MEM=64M SWAP=0 CMD='outgrow 512M; echo s=$?; echo alive'
like "without swap: killed" 'killed by signal 9|^s=137$'
like "without swap: it failed" '^s=[1-9]'
like "without swap: the machine lives on" '^alive$'
done_testing
