#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Through make itself: CMD arrives as typed, and the guest's status decides make's.
. "$(dirname "$0")/../lib.sh"
cd "$top" || exit 1

# -o: what is built stays as it is, for other tests are running on it.
TIMEOUT=120 make -o "$O/Image" -o "$O/initramfs.cpio" O="$O" DEPS=no run \
	CMD='echo "$((6 * 7))" '\''$(shell echo no) #'\''; exit 3' </dev/null >"$out.raw" 2>&1
status=$?
tr -d '\r' <"$out.raw" >"$out"
is "make fails" "$status" 2
like "the guest's status is said" '^run: guest exited with status 3$'
like "dollars, quotes and hashes arrive" '^42 \$\(shell echo no\) #$'
done_testing
