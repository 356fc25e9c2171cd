#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The twin's trees, the software MMU and ptfmt.h, held against an x86-64 CPU: the short form.
. "$(dirname "$0")/../lib.sh"

"$top/tools/oracle" --brief </dev/null >"$out" 2>&1
status=$?
sed 's/^/# /' "$out"
for tree in kernel busy forked copied swapped '1000 random trees' 'ptfmt.h'; do
	probes=$(sed -nE "s/^oracle: $tree: .* ([0-9]+) probes, ([0-9]+) agreed.*/\1 = \2/p" "$out")
	ok "$tree: probes = agreed: $probes" test "$probes" -a "${probes% = *}" = "${probes#* = }"
done
like "it says so: $(tail -n 1 "$out")" '^oracle: [1-9][0-9]* probes, [1-9][0-9]* agreed, 0 differ \((TCG|KVM)\)$'
is "status" "$status" 0

done_testing
