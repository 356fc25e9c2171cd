#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# A wild pointer to every syscall that takes one gives EFAULT (or another error), and no more.
. "$(dirname "$0")/../lib.sh"

boot CMD='wildptr; s=$?; echo alive; exit $s' MEM=64M
is "status" "$status" 0
like "the machine lives on" '^alive$'
unlike "no panic" 'panic|CHECK\('
done_testing
