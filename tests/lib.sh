# SPDX-License-Identifier: BSD-2-Clause
# For tests/cases/*.t: boots, and says what it found in TAP. Sourced with the test's $0.
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
: "${RUNDIR:=$(mktemp -d)}" "${O:=$top/build}"
export RUNDIR O
out=$RUNDIR/console
count=0
mkdir -p "$RUNDIR"

# boot NAME=VALUE...: runs the machine to its end; $status is tools/run's, $out its console.
boot() {
	TIMEOUT=${TIMEOUT:-120} "$top/tools/run" "$@" </dev/null >"$out.raw" 2>&1
	status=$?
	tr -d '\r' <"$out.raw" >"$out"
	echo "# boot $*: status $status"
}

result() { # 0|1 WHAT
	count=$((count + 1))
	if [ "$1" = 0 ]; then
		echo "ok $count - $2"
	else
		echo "not ok $count - $2"
		[ ! -f "$out" ] || tail -n 40 "$out" | sed 's/^/# | /'
	fi
}

# ok WHAT COMMAND...: the command succeeds.
ok() {
	what=$1
	shift
	"$@" >/dev/null 2>&1
	result $? "$what"
}

# is WHAT GOT WANTED
is() {
	[ "$2" = "$3" ] || echo "# got '$2', wanted '$3'"
	[ "$2" = "$3" ]
	result $? "$1"
}

# like WHAT REGEXP: a line of the console matches; unlike: none does.
like() {
	grep -Eq -- "$2" "$out"
	result $? "$1"
}
unlike() {
	! grep -Eq -- "$2" "$out"
	result $? "$1"
}

done_testing() {
	echo "1..$count"
}
