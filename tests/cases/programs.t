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
done_testing
