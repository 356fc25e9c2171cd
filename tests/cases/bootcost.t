#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Boot to the first instruction at EL0 at 128 MiB, as the kernel itself counts: under 20 million
# instructions, which are nanoseconds here.
. "$(dirname "$0")/../lib.sh"

boot ICOUNT=1 MEM=128M SWAP=0 CMD=true
is "status" "$status" 0
cost=$(sed -nE 's/.*boot: ([0-9]+) ns to EL0.*/\1/p' "$out")
echo "# $cost instructions"
is "under 20,000,000 instructions" "$([ "${cost:-0}" -gt 100000 ] && [ "$cost" -lt 20000000 ] && echo yes)" yes
first=$cost
boot ICOUNT=1 MEM=128M SWAP=0 CMD=true
is "the same again" "$(sed -nE 's/.*boot: ([0-9]+) ns to EL0.*/\1/p' "$out")" "$first"
done_testing
