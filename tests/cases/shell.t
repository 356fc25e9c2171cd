#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# What is typed as CMD runs in the shell just so, and its status comes back.
. "$(dirname "$0")/../lib.sh"

boot CMD='echo "a  b"; x=5; echo $x $((x * 2)) `echo back`; echo '\''$x'\'' \\; exit 7'
is "status of exit 7" "$status" 7
like "double quotes keep blanks" '^a  b$'
like "variables, arithmetic, substitution" '^5 10 back$'
like "single quotes keep the dollar" '^\$x \\$'

boot CMD='echo one | tr a-z A-Z; for i in 1 2 3; do echo n$i; done | tail -n 1; ls / | sort | head -n 3'
is "status of a pipeline" "$status" 0
like "pipe" '^ONE$'
like "loop through a pipe" '^n3$'
like "ls sees the root folder" '^bin$'

boot CMD='echo kept >/tmp/f && cat /tmp/f && mkdir /tmp/d && mv /tmp/f /tmp/d && ls /tmp/d && rm -r /tmp/d && ls -A /tmp | wc -l'
is "status of file operations" "$status" 0
like "a file keeps what was written" '^kept$'
like "an empty /tmp afterwards" '^ *0$'

boot CMD='sh -c '\''kill -9 $$'\''; echo status=$?; false'
like "a killed child's status" '^status=137$'
is "status of false" "$status" 1

boot CMD='nosuchprogram'
is "status of a missing program" "$status" 127

boot CMD='kill -SEGV $$'
is "status of a killed shell is 128 and the signal" "$status" 139
done_testing
