#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Processes, threads and signals as programs see them, on one core and on four.
. "$(dirname "$0")/../lib.sh"

for cores in 1 4; do
	boot CMD='forktest && threads && sigtest' SMP=$cores
	is "status, $cores cores" "$status" 0
	for program in forktest threads sigtest; do
		like "$program, $cores cores" "^$program: ok\$"
	done
done

# The end of a session's leader: a trap in what it leaves in the foreground.
boot CMD='setsid -c sh -c "(trap \"read x </dev/tty || echo hung up; exit\" HUP; : >/tmp/ready
	while :; do sleep 1; done) & while [ ! -e /tmp/ready ]; do :; done"; sleep 3'
like "SIGHUP for the foreground group, which has no terminal any more" '^hung up$'

boot CMD='hostname elsewhere; cat /proc/sys/kernel/hostname; echo there >/proc/sys/kernel/hostname; uname -n
	echo "$(cat /proc/sys/kernel/osrelease) $(uname -r)"'
like "sethostname shows in /proc" '^elsewhere$'
like "and the other way round" '^there$'
like "the release is one" '^([^ ]+) \1$'

STATUS=1 boot APPEND=init=/none
like "a panic says why" 'panic: init: cannot run /none'
like "its caller's registers: pc" 'pc  [0-9a-f]{16}  init_start\+'
like "and what the call preserves" 'x18 [0-9a-f]{16}  x19 [0-9a-f]{16}  x20 [0-9a-f]{16}'
like "those of the machine" 'SCTLR_EL1 [0-9a-f]{16}'
like "the call chain" '\] init_thread\+'
done_testing
