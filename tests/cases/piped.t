#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# A session whose input is a pipe: what comes is typed, and its end ends the session.
. "$(dirname "$0")/../lib.sh"

printf 'echo first; x=piped\necho "$x $((40 + 2))"\n' |
	TIMEOUT=240 "$top/tools/run" MEM=128M SWAP=64M >"$out.raw" 2>&1
status=$?
tr -d '\r' <"$out.raw" >"$out"
is "the end of input powers off" "$status" 0
like "the first line ran" '^first$'
like "the second line ran" '^piped 42$'
done_testing
