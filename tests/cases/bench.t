#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# make bench: the table's form, what is refused; and what it rests on. No figure fails a test.
. "$(dirname "$0")/../lib.sh"
cd "$top" || exit 1

BENCH=syscall,floor,cores,kernel PEER=none tools/bench </dev/null >"$out" 2>&1
is "status" "$?" 0
like "a heading" '^instructions +per +twofold +twin=on +Linux lean +Linux +floor +ratio +to reach$'
like "an operation, in both configurations" '^  null-syscall +call +[0-9.,]+ +[0-9.,]+ +- +- +- +- +100'
like "a floor" '^  page-clear +page +1[0-9][0-9] '
like "contention for locks" '^  one-space-4/all +contended +[0-9]'
like "the kernel's own parts" '^  frame-core-list +pair +[1-9]'
is "all in the tab-separated file" "$(grep -c '	' "$RUNDIR/bench.tsv")" \
	"$(python3 -c 'import json,sys; print(1 + len(json.load(open(sys.argv[1]))["rows"]))' "$RUNDIR/bench.json")"

BENCH=fault,nonsense PEER=none tools/bench </dev/null >"$out" 2>&1
is "an unknown group fails in one line" "$? $(wc -l <"$out")" "1 1"
like "and the known ones are named" '^bench: BENCH=nonsense: known: .*fault'
PEER=windows tools/bench </dev/null >"$out" 2>&1
like "so is an unknown peer" '^bench: PEER=windows'

# A kernel that does not even start.
mkdir -p "$RUNDIR/o/user"
cp "$O/user/vmbench" "$O/user/outgrow" "$RUNDIR/o/user"
O=$RUNDIR/o BENCH=syscall PEER=none tools/bench </dev/null >"$out" 2>&1
is "a boot that fails is a failure" "$?" 1
like "it is said" '^bench: FAILED on twofold 512M: QEMU ended with status 1; it said:'
like "with its output" '^  \| qemu-system-aarch64: could not load kernel'

boot ICOUNT=1 SWAP=0 CMD='perftest && vmbench nothing'
is "vmbench refuses what it does not know" "$status" 2
like "the counters of instructions" '^perftest: all passed'
like "vmbench names it" '^vmbench: nothing is called nothing'
done_testing
