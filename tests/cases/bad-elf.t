#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Files of a user's own: a program that runs, one for another machine, and damaged ones.
. "$(dirname "$0")/../lib.sh"
files=$RUNDIR/files
mkdir -p "$files/sub"

cat >"$RUNDIR/try.c" <<'END'
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		int status;

		if (fork() == 0) {
			execl(argv[i], argv[i], NULL);
			printf("%s: %s\n", argv[i], strerror(errno));
			fflush(stdout);
			_exit(3);
		}
		wait(&status);
		printf("%s: status %x\n", argv[i], status);
	}
	return 0;
}
END
echo 'int main(void) { return 5; }' >"$RUNDIR/five.c"
cross=aarch64-linux-gnu-gcc
"$cross" -static -o "$files/try" "$RUNDIR/try.c"
"$cross" -static -o "$files/sub/five" "$RUNDIR/five.c"
patch_byte() { # COPY OFFSET OCTAL: five with a byte of its ELF header changed
	cp "$files/sub/five" "$files/$1"
	printf "\\$3" | dd of="$files/$1" bs=1 seek="$2" conv=notrunc 2>/dev/null
}
patch_byte alien 18 076       # e_machine: EM_X86_64
patch_byte narrow 4 001       # EI_CLASS: 32 bits
patch_byte big 5 002          # EI_DATA: big-endian
patch_byte headers 54 070     # e_phentsize + 0: no longer that of a 64-bit ELF
patch_byte headers 54 001
patch_byte far 39 177         # e_phoff: beyond the file's end
head -c 40 "$files/sub/five" >"$files/stub"
: >"$files/empty"
chmod +x "$files"/*

boot FILES="$files" CMD='cd /files; ./try sub/five alien narrow big headers far stub empty; echo alive'
is "status" "$status" 0
like "a program of the user's own runs" '^sub/five: status 500$'
for name in alien narrow big headers far stub empty; do
	like "$name: ENOEXEC" "^$name: Exec format error\$"
done
like "the machine lives on" '^alive$'
done_testing
