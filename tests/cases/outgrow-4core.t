#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# A program touches, verifies and keeps twice the RAM, with 4 core(s).
. "$(dirname "$0")/../lib.sh"
TIMEOUT=300

boot SMP=4 MEM=128M SWAP=512M CMD='outgrow 256M; s=$?; grep -E "^(pswpin|pswpout) " /proc/vmstat; cat /proc/swaps; exit $s'
is "exit status" "$status" 0
like "the report" '^outgrow: every byte verified; [0-9]+ minor and [1-9][0-9]* major faults'
like "pages were swapped out" '^pswpout [1-9][0-9]{4}'
like "pages were swapped in" '^pswpin [1-9][0-9]{4}'
like "the swap disk is listed" '^/dev/vda .*partition'
unlike "no panic" 'panic|CHECK\('

boot SMP=4 MEM=64M SWAP=256M CMD='i=0; while [ $i -lt 4 ]; do outgrow 24M & i=$((i + 1)); done; wait; outgrow-pie 80M'
is "four at once, then a position-independent one" "$status" 0
is "all five say that every byte was verified" "$(grep -c '^outgrow: every byte verified' "$out")" 5
unlike "nothing was killed or wrong" '[Oo]ut of memory|killed|FAILED|panic'
done_testing
