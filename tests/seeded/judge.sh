# SPDX-License-Identifier: BSD-2-Clause
# For tests/cases/seeded.t: builds with a changed header, and asks its judges. A format has a tree
# of links to the sources, in which ptfmt.h alone is a file, and a build folder of its own.

# farm FORMAT: makes the tree.
farm() {
	tree=$RUNDIR/$1
	mkdir -p "$tree/out"
	for name in Makefile arch board boot drivers fs include kernel mm tests tools user; do
		cp -rs "$top/$name" "$tree/"
	done
	rm "$tree/arch/$1/ptfmt.h"
	cp "$top/arch/$1/ptfmt.h" "$tree/arch/$1/"
}

# adopt FORMAT: a kernel's objects that are built already get the folder's name, so that make
# builds again only what includes the header. Without them it builds all.
adopt() {
	[ -f "$O/kernel.flags" ] || return 0
	old=$(tr ' ' '\n' <"$O/kernel.flags" | sed -n 's#/boot/head\.o$##p')
	for name in "$O"/*; do
		case ${name##*/} in
		pkg | tests | debug | llvm | host* | fuzz | oracle*) ;;
		*) cp -a "$name" "$RUNDIR/$1/out/" ;;
		esac
	done
	find "$RUNDIR/$1/out" -name '*.d' -o -name '*.flags' | xargs sed -i \
		"s#-isystem [^ ]*/usr/include#-isystem $packages/usr/include#g; s#\(^\|[ :]\)$old/#\1out/#g"
	touch -d @0 "$RUNDIR/$1/out"/*.flags
	rm -f "$RUNDIR/$1/out"/initramfs.* # full of the old names
}

build() { # FORMAT GOAL...
	format=$1
	shift
	# Sanitizers would double the time: what is looked for is no memory error.
	( cd "$RUNDIR/$format" && make DEPS=no O=out PKG="$packages" HOST_SANITIZE= "$@" ) \
		>"$RUNDIR/$format.build" 2>&1
}

goals() { # JUDGE
	case $1 in
	laws) echo out/host/test_ptfmt ;;
	promises) echo out/host/test_promises ;;
	oracle) echo out/oracle.elf ;;
	target) echo out/Image out/initramfs.cpio ;;
	esac
}

judge_laws() {
	timeout 60 "$RUNDIR/$1/out/host/test_ptfmt"
}

judge_promises() {
	timeout 60 "$RUNDIR/$1/out/host/test_promises"
}

judge_oracle() {
	timeout 60 qemu-system-x86_64 -M q35 -cpu max -m 1152M -nodefaults -no-user-config \
		-display none -serial stdio -no-reboot -kernel "$RUNDIR/$1/out/oracle.elf" \
		-append format </dev/null >"$RUNDIR/$1.oracle" 2>&1
	grep -q '^oracle: [1-9][0-9]* probes, .* 0 differ' "$RUNDIR/$1.oracle"
}

judge_target() {
	( cd "$RUNDIR/$1" && TIMEOUT=60 tools/run O=out RUNDIR="$RUNDIR/$1" SWAP=0 SMP=1 \
		APPEND=selftest=tables,mmu ) </dev/null
}

# ask FORMAT JUDGE...: what each says of the header as it is now: `, JUDGE passes` or fails.
ask() {
	format=$1
	shift
	# shellcheck disable=SC2046 # words
	if ! build "$format" $(for judge; do goals "$judge"; done); then
		echo "does not build"
		return
	fi
	for judge; do
		if "judge_$judge" "$format" >"$RUNDIR/$format.$judge.out" 2>&1; then
			printf '%s passes, ' "$judge"
		else
			printf '%s fails, ' "$judge"
		fi
	done
	echo
}

# seed FORMAT SED-COMMAND: changes the header; fails unless one line differs.
seed() {
	sed "$2" "$top/arch/$1/ptfmt.h" >"$RUNDIR/$1/arch/$1/ptfmt.h"
	[ "$(diff "$top/arch/$1/ptfmt.h" "$RUNDIR/$1/arch/$1/ptfmt.h" | grep -c '^>')" = 1 ]
}

# judge_format FORMAT JUDGE: the header as it is, with that judge too, then all of its mistakes; a
# line each on stdout: NAME:VERDICTS.
judge_format() {
	farm "$1"
	[ "$2" != target ] || adopt "$1"
	echo "as-it-is:$(ask "$1" laws promises "$2")"
	while read -r format name third command; do
		[ "$format" = "$1" ] || continue
		[ "$third" != - ] || third=
		if seed "$1" "$command"; then
			echo "$name:$(ask "$1" laws promises $third)"
		else
			echo "$name:not one line changed"
		fi
	done <"$top/tests/seeded/mistakes"
}
