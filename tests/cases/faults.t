#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# A program that goes astray is killed, with one line that names address, access and reason.
. "$(dirname "$0")/../lib.sh"
files=$RUNDIR/files
mkdir -p "$files"
cat >"$RUNDIR/astray.c" <<'END'
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static int deep(int n)
{
	volatile char frame[4096];

	memset((char *)frame, n, sizeof(frame));
	return n ? deep(n + 1) + frame[0] : 0;
}

int main(int argc, char **argv)
{
	volatile char *p = (volatile char *)(uintptr_t)strtoull(argv[2], NULL, 0);

	switch (argv[1][0]) {
	case 'r':
		return *p;
	case 'w':
		*p = 1;
		return 0;
	case 'x':
		((void (*)(void))p)();
		return 0;
	case 'c':
		*(volatile char *)(uintptr_t)main = 1;
		return 0;
	case 'n':
		p = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (*p)
			return 1;
		*p = 1;
		return 0;
	case 's':
		return deep(1);
	}
	return argc;
}
END
aarch64-linux-gnu-gcc -O0 -static -o "$files/astray" "$RUNDIR/astray.c"

boot FILES="$files" CMD='cd /files; for a in "r 0x8" "w 0x123456789000" "x 0x10000" "r 0xffff800000000000" "c 0" "n 0" "s 0"; do ./astray $a; echo "$a: $?"; done'
is "status" "$status" 0
for what in 'r 0x8' 'w 0x123456789000' 'x 0x10000' 'r 0xffff800000000000' 'c 0' 'n 0' 's 0'; do
	like "$what: SIGSEGV" "^$what: 139\$"
done
like "null pointer: the line names address and access" 'astray\[[0-9]+\]: segfault at 8 .*: read, no mapping'
like "wild write: the line names address and access" 'astray\[[0-9]+\]: segfault at 123456789000 .*: write, no mapping'
unlike "no panic" 'panic|CHECK\('
done_testing
