#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Mistakes sown into the format headers, one at a time: of the laws, the software MMU (what leaves
# promise) and a real MMU (the oracle's x86-64 CPU; for a few, this kernel's own suites on ARM) two
# at least must see each. The header as it is passes them all.
. "$(dirname "$0")/../lib.sh"
. "$top/tests/seeded/judge.sh"
case ${PKG:=$O/pkg} in
/*) packages=$PKG ;;
*) packages=$top/$PKG ;;
esac

judge_format arm64 target >"$RUNDIR/arm64.verdicts" &
judge_format x86_64 oracle >"$RUNDIR/x86_64.verdicts"
wait

for format in arm64 x86_64; do
	while IFS=: read -r name verdict; do
		seen=$(echo "$verdict" | grep -o 'fails,' | wc -l)
		if [ "$name" = as-it-is ]; then
			[ "$(echo "$verdict" | grep -o 'passes,' | wc -l)" = 3 ]
		else
			[ "$seen" -ge 2 ]
		fi
		result $? "$format, $name: ${verdict%, }"
	done <"$RUNDIR/$format.verdicts"
done
tried=$((count - 2)) # and the two as they are
is "every mistake was tried" "$tried" "$(grep -c '^[ax]' "$top/tests/seeded/mistakes")"
done_testing
