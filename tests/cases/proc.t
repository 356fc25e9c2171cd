#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# /proc in Linux's formats, so that busybox reads it.
. "$(dirname "$0")/../lib.sh"

boot MEM=128M CMD='cat /proc/meminfo; free'
is "status" "$status" 0
for field in MemTotal MemFree MemAvailable Buffers Cached SwapTotal SwapFree; do
	like "meminfo: $field" "^$field: +[0-9]+ kB\$"
done
is "MemTotal is most of 128 MiB" \
	"$(awk '/^MemTotal:/ {print ($2 > 110000 && $2 <= 131072)}' "$out")" 1
is "SwapTotal is the disk less its header" "$(awk '/^SwapTotal:/ {print $2}' "$out")" 262140
like "free: memory" '^Mem: +[1-9]'
like "free: swap" '^Swap: +262140 '

boot CMD='cat /proc/self/maps; cat /proc/vmstat; cat /proc/buddyinfo; cat /proc/slabinfo; cat /proc/swaps'
is "status" "$status" 0
like "maps: the program's text" '^[0-9a-f]+-[0-9a-f]+ r-xp [0-9a-f]{8} [0-9a-f:]+ [0-9]+ +/bin/busybox$'
like "maps: the stack" ' rw-p 00000000 00:00 0 +\[stack\]$'
like "vmstat: faults" '^pgfault [1-9]'
like "buddyinfo" '^Node 0, zone +(DMA|Normal)( +[0-9]+){11} *$'
like "slabinfo: its version" '^slabinfo - version: 2\.1$'
like "swaps: the header line" '^Filename\s+Type\s+Size\s+Used\s+Priority$'

boot CMD='ls -l /proc/self/fd </dev/null >/tmp/fds; cat /tmp/fds; cat /proc/sys/vm/drop_caches'
is "what is only written cannot be read" "$status" 1
like "it is denied" 'drop_caches.*: Permission denied'
like "fd: opened for reading" '^lr-x------ .* 0 -> /dev/null$'
like "fd: opened for writing" '^l-wx------ .* 1 -> /tmp/fds$'

boot CMD='swapoff -a; swapon -a && cat /proc/swaps; grep " /tmp " /proc/mounts; df /tmp
	mount -t tmpfs -o size=4kx none /files'
like "a size that is none is refused" '^mount: .* on /files failed: Invalid argument'
like "fstab: swapon -a finds the disk" '^/dev/vda +partition'
is "a tmpfs is limited to what mounts says, in whole pages" \
	"$(sed -n 's/.*,size=\([0-9]*\)k.*/\1/p' "$out")" "$(awk '/^tmpfs +[0-9]/ {print $2}' "$out")"

boot CMD='cat /proc/self/status /proc/cpuinfo /proc/uptime /proc/mounts; ps; uptime' SMP=4
is "what ps and uptime read" "$status" 0
done_testing
