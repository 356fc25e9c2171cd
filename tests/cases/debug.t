#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Outgrowing RAM under the costly checks of a DEBUG=1 kernel: no lock out of order, no broken rule.
. "$(dirname "$0")/../lib.sh"
TIMEOUT=300

boot O="$O/debug" SMP=4 MEM=64M CMD='outgrow 96M'
is "exit status" "$status" 0
like "every byte was verified" '^outgrow: every byte verified'
unlike "no check failed" 'panic|D?CHECK\(|lock order'
done_testing
