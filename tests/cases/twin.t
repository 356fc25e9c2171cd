#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# twin=on costs outgrow less than 15 % more instructions than twin=off; off has no tables; what is
# neither is named.
. "$(dirname "$0")/../lib.sh"

ask='outgrow 48M; s=$?; grep TwinTables /proc/meminfo; exit $s'

# The instructions from EL0 on, which are nanoseconds here: no disk, or the clock would jump ahead
# whenever nothing is left to do but wait for it.
instructions() {
	awk '/boot: [0-9]+ ns/ { for (i = 1; i < NF; i++) if ($i == "boot:") boot = $(i + 1) }
	     /init exited/ { gsub(/[^0-9.]/, "", $2); end = $2 }
	     END { print int((end * 1e9 - boot) / 1000) }' "$out"
}

boot ICOUNT=1 SMP=1 MEM=128M SWAP=0 CMD="$ask" APPEND='twin=on'
is "on: status" "$status" 0
like "on: there are tables" '^TwinTables: +[1-9][0-9]* kB'
on=$(instructions)
boot ICOUNT=1 SMP=1 MEM=128M SWAP=0 CMD="$ask" APPEND='twin=off'
is "off: status" "$status" 0
like "off: there are none" '^TwinTables: +0 kB'
off=$(instructions)
echo "# $on thousand instructions with twins, $off without"
is "less than 15 % more" "$([ "$off" -gt 1000 ] && [ "$((on * 100))" -lt "$((off * 115))" ] && echo yes)" yes

boot SMP=1 CMD='grep TwinTables /proc/meminfo' APPEND='twin=maybe selftest=twin'
is "the suite passes" "$status" 0
like "a wrong value is named" 'twin=maybe is neither on nor off: on'
done_testing
