#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Files as programs see them: paths, contents, pipes, poll, /proc, /dev, the terminal.
. "$(dirname "$0")/../lib.sh"

for cores in 1 4; do
	boot CMD=fstest SMP=$cores
	is "status, $cores cores" "$status" 0
	like "every check holds, $cores cores" '^fstest: [0-9]{3} checks, 0 failed$'
done
done_testing
