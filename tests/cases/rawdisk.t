#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# A disk as a file: any offset and length, from and to memory of every kind.
. "$(dirname "$0")/../lib.sh"

disk=$RUNDIR/raw.img
truncate -s 4M "$disk"
for cores in 1 4; do
	boot CMD='disktest /dev/vda' SMP=$cores DISK="$disk"
	is "status, $cores cores" "$status" 0
	like "every check holds, $cores cores" '^disktest: [0-9]{2} checks, 0 failed$'
done
done_testing
