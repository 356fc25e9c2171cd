#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# /proc/contrast and /proc/PID/pagetable, read from the shell; wrong questions; faults told.
. "$(dirname "$0")/../lib.sh"

# What it says for $1, from the line "== $1" to the next.
section() {
	awk -v "name=== $1" '$0 == name {on = 1; next} /^== / {on = 0} on' "$out"
}
# The value of a line "KEY VALUE" of the section.
value() { # SECTION KEY
	section "$1" | awk -v "key=$2" 'index($0, key " ") == 1 {print substr($0, length(key) + 2); exit}'
}
matches() { # WHAT SECTION REGEXP
	section "$2" | grep -Eq -- "$3"
	result $? "$1"
}

mkdir -p "$RUNDIR/files"
cat >"$RUNDIR/files/walk" <<'EOF'
ask() { echo "== $1"; shift; exec 3<>/proc/contrast/walk; echo "$@" >&3 && cat <&3; exec 3<&-; }
text=0x$(sed -n '/r-xp.*busybox/s/-.*//p' /proc/self/maps | head -n 1)
stack=0x$(sed -n '/stack/s/-.*//p' /proc/self/maps)
ask text $text
ask init $text 1
ask untouched $((stack - stack % 4096))
ask hole 0x10000
ask kernel 0xffff800044000000
ask image 0xffffffff80000000
ask noncanonical 0x0000800000000000
ask tagged 0x1200000000400000
for wrong in hello "" "1 2 3" "0x400000 x" -5 "1 -1" 0x; do ask "wrong $wrong" "$wrong"; done
ask nobody 0x400000 32000
echo "== again"; exec 3<>/proc/contrast/walk
echo 0x10000 >&3; cat <&3; echo $text >&3; cat <&3
echo "== unasked"; cat /proc/contrast/walk
echo "== end"
EOF

boot FILES="$RUNDIR/files" CMD='sh /files/walk 2>&1'
is "walk: status" "$status" 0
for who in text init; do
	matches "$who: its area" $who '^area 0x[0-9a-f]+ 0x[0-9a-f]+ r-xp /(bin/busybox|init)$'
	matches "$who: mapped" $who '^state mapped$'
	for format in arm64 x86_64; do
		matches "$who: root of $format" $who "^$format root 0x[0-9a-f]+000"
		is "$who: four entries of $format" \
			"$(section $who | grep -c "^$format entry [3210] 0x[0-9a-f]* 0x[0-9a-f]*$")" 4
	done
	matches "$who: control registers" $who '^control tcr 0x[0-9a-f]+ .* cr4 0x[0-9a-f]+ '
done
is "the other process is the one that was named" "$(value init pid)" 1
page() { # SECTION FORMAT MASK: the address in the last entry
	set -- "$(section "$1" | awk -v "f=$2" '$1 == f && $2 == "entry" {v = $5} END {print v}')" "$3"
	printf '%x' $(($1 & $2))
}
is "both formats lead to one frame" "$(page text arm64 0xfffffffff000)" \
	"$(page text x86_64 0xfffffffff000)"
matches "untouched: it says so" untouched '^state not touched$'
matches "untouched: in the stack" untouched '^area .* rw-p \[stack\]$'
is "hole: no area" "$(value hole area), $(value hole state)" "none, no area"
is "kernel: the direct map" "$(value kernel area), $(value kernel state)" "direct map, kernel"
is "kernel: a block of 2 MiB ends the walk" \
	"$(section kernel | awk '$2 == "entry" {l[$1] = $3} END {print l["arm64"], l["x86_64"]}')" "1 1"
matches "image: named" image '^area image'
is "non-canonical: said" "$(value noncanonical state)" non-canonical
is "non-canonical: x86-64 reads no entry" "$(section noncanonical | grep -c '^x86_64 entry')" 0
matches "non-canonical: ARM does" noncanonical '^arm64 entry 3 '
is "tagged: ARM walks, x86-64 does not" \
	"$(section tagged | awk '$2 == "entry" {n[$1]++} END {print n["arm64"] + 0, n["x86_64"] + 0}')" \
	"4 0"
is "wrong questions are refused" "$(grep -c 'write error: Invalid argument' "$out")" 7
matches "a process that is not there" nobody 'No such process'
is "one descriptor asks again" "$(section again | grep '^state' | tr '\n' ,)" \
	"state no area,state mapped,"
is "nothing asked, nothing said" "$(section unasked | wc -l)" 0

boot CMD='echo == self; cat /proc/self/pagetable; echo == kernel; cat /proc/contrast/kernel
	echo == counters; cat /proc/contrast/counters; echo == roots; cat /proc/contrast/roots
	echo == modes; ls -l /proc/contrast; echo == end'
is "pagetable: status" "$status" 0
for format in arm64 x86_64; do
	awk -v "f=$format" '$1 == "format" {on = $2 == f} $1 == "==" {on = 0} on' "$out" \
		>"$RUNDIR/$format"
	matches "$format: a block of it" self "^format $format\$"
	is "$format: runs hold as many leaves as it has" \
		"$(awk '$1 == "run" && $7 == "leaf" {n += $5} $1 == "leaves" {print n == $2; n = 0}' \
			"$RUNDIR/$format" | tr '\n' ' ')" "1 1 "
	ok "$format: program text is read, executed, not written" \
		grep -Eq '^run .* r-xu-a-W leaf$' "$RUNDIR/$format"
	ok "$format: four levels of tables" grep -Eq '^tables 1 [1-9][0-9]* [1-9][0-9]* [1-9]' \
		"$RUNDIR/$format"
	matches "counters: $format" counters "^$format.stores [1-9]"
	matches "counters: tables of $format" counters "^$format.tables.0 [1-9]"
done
is "both formats have the same runs" \
	"$(awk '$1 == "run" && $2 !~ /ffff/' "$RUNDIR/arm64" | sort | uniq -u)" \
	"$(awk '$1 == "run" && $2 !~ /ffff/' "$RUNDIR/x86_64" | sort | uniq -u)"
is "nothing is lost" "$(awk '$1 == "lost"' "$out" | sort -u)" "lost 0"
is "x86-64 needs no break-before-make" "$(value counters x86_64.bbm)" 0
matches "the kernel's direct map is blocks" kernel '^run 0xffff8000[0-9a-f]+ .* 1 [0-9]+ rw--gadW leaf'
matches "roots: init" roots '^1 init 0x[0-9a-f]+000 0x[0-9a-f]+000 [0-9]+$'
matches "roots: the kernel" roots '^0 kernel 0x[0-9a-f]+000 0x[0-9a-f]+000 0$'
matches "modes: anybody may ask" modes '^-rw-rw-rw- .* walk$'

boot CMD='cat /proc/self/pagetable /proc/contrast/roots
	exec 3<>/proc/contrast/walk; echo 0x400000 >&3; cat <&3' APPEND=twin=off
like "twin=off: no second tree" '^off$'
like "twin=off: walk says so" '^x86_64 off$'
like "twin=off: roots say so" '^0 kernel 0x[0-9a-f]+ 0 0$'

cat >"$RUNDIR/files/faults" <<'EOF'
cd /proc/contrast
echo "== wrong"
for wrong in "" x 2 -1 "pid" "pid x" 99999999999; do echo "$wrong" >explain; done
echo "pid 32000" >explain
echo "== now"
cat explain
echo 1 >explain; cat explain
sh -c 'exec true'
echo "pid $$" >explain; cat explain
(x=$(seq 1 2000)); x=$(seq 1 20000); : ${#x}
echo 0 >explain; cat explain
echo "== faults"
cat faults
echo "== end"
EOF
boot FILES="$RUNDIR/files" CMD='sh /files/faults 2>&1'
is "faults: status" "$status" 0
is "explain: wrong values are refused" "$(section wrong | grep -c 'write error: Invalid argument')" 7
is "explain: a process that is not there" "$(section wrong | grep -c 'No such process')" 1
is "explain: reads as it was set" "$(section now | grep -Ex '0|1|pid [0-9]+' | tr '\n' ' ' |
	sed 's/pid [0-9]*/pid N/')" "0 1 pid N 0 "
like "told: ARM's words" \
	'explain: [a-z]+\[[0-9]+\] write 0x[0-9a-f]+: ARM data abort, translation fault level [0-3] \(ESR 0x[0-9a-f]+\); never touched, in '
like "told: x86's and the kernel's words" \
	'explain: .*x86 #PF error 0x6 \(user write, not present\), CR2 0x[0-9a-f]+; kernel: mapped a fresh page of zeros \(minor\)'
fields='[0-9]+ [0-9]+ [^ ]+ 0x[0-9a-f]+ (read|write|exec) 0x[0-9a-f]+ 0x[0-9a-f]+ (14 0x[0-9a-f]+ 0x[0-9a-f]+|13 0 -|none - -) [a-z,-]+ [A-Z_/-]+'
is "faults: each line is whole" "$(section faults | grep -Evxc "$fields")" 0
ok "faults: 64 are kept" [ "$(section faults | wc -l)" -eq 64 ]
matches "faults: copy-on-write" faults ' write 0x9200004f 0x[0-9a-f]+ 14 0x7 0x[0-9a-f]+ cow-(copy|reuse) -$'

boot CMD='cat /proc/contrast/explain; wildptr >/dev/null' APPEND='explain=1 quiet'
is "explain=1: on from the start" "$(grep -Ec '^1$' "$out")" 1
boot CMD=true APPEND=explain=all
like "explain=: a value that is none" "explain=all is neither 0, 1 nor the id of a process"
done_testing
