#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# An initramfs that ends too early, or is none: said in a line, and the machine goes off in order.
. "$(dirname "$0")/../lib.sh"
export STATUS=1

for bytes in 60 4500 100000; do
	head -c "$bytes" "$O/initramfs.cpio" >"$RUNDIR/short.cpio"
	boot INITRD="$RUNDIR/short.cpio"
	like "$bytes bytes: the log says that it is broken" 'initramfs.*(broken|truncated|short|corrupt)'
	is "$bytes bytes: off with a failing status" "$([ "$status" -ne 0 ] && [ "$status" -ne 124 ] && echo yes)" yes
	unlike "$bytes bytes: no fault in the kernel" 'CHECK\(|Oops|data abort'
done
yes garbage | head -c 70000 >"$RUNDIR/short.cpio"
boot INITRD="$RUNDIR/short.cpio"
like "garbage: the log says that it is broken" 'initramfs.*(broken|truncated|short|corrupt)'
is "garbage: off with a failing status" "$([ "$status" -ne 0 ] && [ "$status" -ne 124 ] && echo yes)" yes
done_testing
