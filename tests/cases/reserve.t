#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# More RAM than the host has: its memory is taken only as the guest touches it (reserve=off).
. "$(dirname "$0")/../lib.sh"

for memory in 20 64; do
	boot SMP=4 MEM=${memory}G SWAP=0 CMD='free -m; outgrow 256M'
	is "$memory GiB: status" "$status" 0
	like "$memory GiB: every byte verified" '^outgrow: every byte verified'
	is "$memory GiB: MemTotal is nearly all of it" \
		"$(awk -v m=$((memory * 1024)) '/^Mem:/ {print ($2 > m * 0.97 && $2 <= m)}' "$out")" 1
done
done_testing
