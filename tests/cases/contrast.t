#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# `contrast`: every command, for readers and as JSON, on a CPU without hardware flags and on one
# with them and no twin.
. "$(dirname "$0")/../lib.sh"

# json NAME EXPRESSION: what python says of the object `d` that stands between <<NAME and >>NAME.
json() {
	sed -n "/^<<$1\$/,/^>>$1\$/p" "$out" | sed '1d;$d' |
		python3 -c "import json, sys; d = json.load(sys.stdin); print(($2))" 2>&1
}

# A page that is swapped out stays so while its process is stopped.
swapped='outgrow -j1 100M >/dev/null & at=
	for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
		sleep 0.2
		for p in $(pidof outgrow); do
			kill -STOP $p
			set -- $(contrast map $p | grep " swapped  ")
			[ $# = 0 ] || { at=0x${1%-*}; break 2; }
			kill -CONT $p
		done
	done
	echo "<<swapped"; contrast -j walk $at $p; echo ">>swapped"; contrast walk $at $p
	killall -9 outgrow'
wrong='for a in "" help "walk" "walk x" "walk -1" "walk 1 2 3" "walk 1 x" "map x" "map 1 2" "fault none" \
	"bits 1" cost "tlb x" "tlb --pages 0" "tlb --page 3K" "tlb --entries 6" "tlb --trace" -x; do
		contrast $a 2>/tmp/err; echo "wrong [$a]: $?, $(grep -c ^usage: /tmp/err)"
	done'
show() { # NAME COMMAND...: for readers, and as JSON
	name=$1
	shift
	echo "echo '== text'; contrast $*; echo '== end'
		echo '<<$name'; contrast -j $*; echo '>>$name'"
}

mkdir -p "$RUNDIR/files"
cat >"$RUNDIR/files/script" <<END
$(show text walk 0x400000); $(show hole walk 0x10000000)
$(show kernel walk 0xffffffff80000000); $(show gp walk 0x900000000000)
$(show tagged walk 0x1200000000400000); $(show bare walk 000000400000)
low=\$(grep stack /proc/\$\$/maps); $(show untouched 'walk 0x${low%%-*} $$')
$(show map map); $(show fault fault); $(show bits bits); $(show tlb tlb)
$(show 2m tlb --page 2M --trace stride --entries 1 --ways 1 --walk-cache 0)
$(show hafdbs tlb --trace zipf --hafdbs); $(show cost cost true)
contrast cost sh -c 'exit 3'; echo "status \$?"
contrast cost /none; echo "status \$?"
contrast walk 0 77777; contrast map 77777; echo "status \$?"
cat /proc/contrast/explain
$swapped
$wrong
END
boot MEM=64M FILES="$RUNDIR/files" CMD='sh /files/script'
is "all of them end" "$status" 0
is "everything within 100 columns" \
	"$(sed -n '/^== text$/,/^== end$/p' "$out" | awk 'length > 100' | wc -l)" 0

is "walk: keys" "$(json text 'sorted(d)')" \
	"['area', 'arm64', 'canonical', 'command', 'offset', 'pid', 'state', 'va', 'x86_64']"
is "walk: both reach the same page, in four steps" "$(json text \
	'd["arm64"]["pa"] == d["x86_64"]["pa"], [len(d[m]["entries"]) for m in ("arm64", "x86_64")]')" \
	"(True, [4, 4])"
is "walk: a program's text" "$(json text '[d[m]["user"] for m in ("arm64", "x86_64")]')" \
	"['r-x', 'r-x']"
like "walk: in words" '^EL0: read execute +\| ring 3: read execute$'
is "walk: a hole" "$(json hole 'd["state"], d["arm64"]["mapped"], d["x86_64"]["fault"]')" \
	"('no area', False, '#PF, error code 0x4: user read, not present')"
is "walk: the kernel's text" "$(json kernel \
	'd["area"], [d[m][w] for m in ("arm64", "x86_64") for w in ("user", "kernel")]')" \
	"('image text', ['---', 'r-x', '---', 'r-x'])"
is "walk: not canonical" \
	"$(json gp 'd["canonical"], d["x86_64"]["entries"], d["x86_64"]["fault"][:3]')" \
	"(False, [], '#GP')"
is "walk: a tag" \
	"$(json tagged 'd["canonical"], d["arm64"]["mapped"], d["x86_64"]["fault"][:3]')" \
	"(False, True, '#GP')"
like "walk: a tag, in words" '^tagged: x86 refuses it \(#GP\)'
is "walk: an address as it stands in maps" "$(json bare 'd["va"]')" 0x400000
is "walk: not touched" "$(json untouched 'd["state"], d["arm64"]["mapped"]')" \
	"('not touched', False)"
like "walk: why" '\(demand paging\)$'
is "walk: swapped" "$(json swapped 'd["state"][:10], "token" in d["arm64"]["entries"][-1]["flags"],
	d["x86_64"]["mapped"]')" "('swapped 0 ', True, False)"
like "walk: swapped, in words" '^swap area 0, slot [0-9]+$'

is "map: tables of the areas and the root are all tables" "$(json map \
	'[sum(a[m]["tables"] for a in d["areas"]) + 1 == sum(d[m]["tables"]) for m in ("arm64", "x86_64")]')" \
	"[True, True]"
is "map: the twin maps the same" "$(json map \
	'd["arm64"]["runs"] == d["x86_64"]["runs"] and len(d["arm64"]["runs"]) > 5')" True
is "map: nothing lost" "$(json map 'd["x86_64"]["lost"], d["x86_64"]["bbm"]')" "(0, 0)"

# kind: ESR_EL1, vector and error code of x86, what the kernel did, signal
while read -r kind esr vector error did signal; do
	is "fault: $kind" "$(json fault \
		'[(f["arm64"]["esr"], f["x86_64"]["vector"], f["x86_64"]["error"], f["did"], f["signal"])
		for f in d["faults"] if f["kind"] == "'"$kind"'"]')" \
		"[('$esr', '$vector', '$error', '$did', '$signal')]"
done <<-END
	not-present 0x92000047 14 0x6 fresh-page -
	zero-page 0x92000007 14 0x4 zero-page -
	read-only 0x9200004f 14 0x7 signal SIGSEGV/SEGV_ACCERR
	no-execute 0x8200000f 14 0x15 signal SIGSEGV/SEGV_ACCERR
	kernel 0x9200000f 14 0x5 signal SIGSEGV/SEGV_MAPERR
	non-canonical 0x92000004 13 0x0 signal SIGSEGV/SEGV_MAPERR
	misaligned 0x92000021 none 0x0 signal SIGBUS/BUS_ADRALN
	misaligned-pc 0x8a000000 none 0x0 signal SIGBUS/BUS_ADRALN
	guard-page 0x92000047 14 0x6 signal SIGSEGV/SEGV_ACCERR
	unmapped 0x92000047 14 0x6 signal SIGSEGV/SEGV_MAPERR
	copy-on-write 0x9200004f 14 0x7 cow-copy -
	zero-page-write 0x9200004f 14 0x7 fresh-page -
	swapped 0x92000007 14 0x4 own-page,swap,major -
	access-flag 0x9200000b none 0x0 access-flag -
	dirty 0x9200004f none 0x0 dirty -
	past-end 0x92000007 14 0x4 signal SIGBUS/BUS_ADRERR
	device 0x92000007 14 0x4 device -
END
like "fault: explained as before" '^0$'
unlike "fault: nothing on the console" 'explain:'

is "bits: each bit of each entry once" "$(json bits \
	'all(sum(((2 << f["high"]) - (1 << f["low"])) for f in d["fields"]
		if (f["format"], f["entry"]) == (m, e)) == (1 << 64) - 1
		for m in ("arm64", "x86_64") for e in ("table", "leaf", "invalid"))')" True
is "bits: some have no counterpart" "$(json bits \
	'[f["name"] for f in d["fields"] if f["name"] in ("Contiguous", "PKEY") and not f["counterpart"]]')" \
	"['Contiguous', 'PKEY']"

is "tlb: four traces, every access a hit or a miss" "$(json tlb '[t["trace"] for t in d["traces"]],
	{t[m]["hits"] + t[m]["misses"] for t in d["traces"] for m in ("arm64", "x86_64")}')" \
	"(['seq', 'stride', 'random', 'zipf'], {20000})"
is "tlb: a walk to a 2 MiB leaf is three loads" "$(json 2m \
	'[t["x86_64"]["loads"] / t["x86_64"]["misses"] for t in d["traces"]]')" "[3.0]"
is "tlb: with FEAT_HAFDBS the machines agree" "$(json hafdbs \
	'[t["arm64"] == t["x86_64"] and t["arm64"]["flag_faults"] == 0 for t in d["traces"]]')" "[True]"
is "tlb: without it ARM faults where x86 writes a flag" "$(json tlb \
	'[t["arm64"]["flag_faults"] == t["x86_64"]["flag_updates"] > 0 for t in d["traces"]]')" \
	"[True, True, True, True]"

is "cost: both sides stored entries" "$(json cost \
	'[d["after"][m + ".stores"] > d["before"][m + ".stores"] for m in ("arm64", "x86_64")], d["status"]')" \
	"([True, True], 0)"
like "cost: the program's status" '^status 3$'
like "cost: no such program" '^status 127$'
is "walk, map: no such process" "$(grep -c '^contrast: process 77777: No such process' "$out")" 2

is "wrong arguments: usage, 2" "$(grep -c '^wrong \[.*\]: 2, 1$' "$out")" 18

cat >"$RUNDIR/files/script" <<END
$(show walk walk 0x400000); $(show map map)
$(show fault fault access-flag dirty not-present); $(show cost cost true)
END
boot CPU=max APPEND=twin=off FILES="$RUNDIR/files" CMD='sh /files/script'
is "without a twin: status" "$status" 0
is "within 100 columns" \
	"$(sed -n '/^== text$/,/^== end$/p' "$out" | awk 'length > 100' | wc -l)" 0
is "walk: no twin" "$(json walk 'd["x86_64"], d["arm64"]["user"]')" "(None, 'r-x')"
is "walk: PAN" "$(json walk 'd["arm64"]["kernel"]')" "---"
is "map: no twin" "$(json map 'd["x86_64"], d["areas"][0]["x86_64"]')" "(None, None)"
is "fault: this CPU sets flags itself" \
	"$(json fault '[f["fault"] for f in d["faults"]], d["faults"][2]["x86_64"]["vector"]')" \
	"([False, False, True], 'off')"
is "cost: no twin" "$(json cost 'd["after"]["x86_64.stores"], d["after"]["twin.peak"]')" "(0, 0)"
done_testing
