#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""However tools/run is ended, it ends at once, and its QEMU with it."""
import os
import signal
import subprocess
import sys
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def until(condition, seconds):
    """What the condition says first that is true; false when the time is over."""
    end = time.monotonic() + seconds
    while not (value := condition()) and time.monotonic() < end:
        time.sleep(0.05)
    return value


def qemu_of(process):
    """The id of its QEMU, once that runs."""
    with open(f"/proc/{process.pid}/task/{process.pid}/children", encoding="ascii") as stream:
        for child in stream.read().split():
            if name_of(child).startswith("qemu"):
                return child
    return None


def name_of(pid):
    """A process's name; empty when it has ended, whoever is to reap it."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as stream:
            name, rest = stream.read().split("(")[1].rsplit(")", 1)
    except FileNotFoundError:
        return ""
    return "" if rest.split()[0] in "XZ" else name


def end_by(number, arguments, stdin, pause):
    """
    Boots, sends the signal `pause` seconds after the first QEMU has begun, be it only to tell its
    version; the seconds that it took, tools/run's status, and QEMU's end.
    """
    process = subprocess.Popen([f"{TOP}/tools/run", *arguments], stdin=stdin,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                               start_new_session=True)
    qemu = until(lambda: qemu_of(process), 30)
    time.sleep(pause)
    start = time.monotonic()
    os.kill(process.pid, number)
    try:
        status = process.wait(30)
    except subprocess.TimeoutExpired:
        process.kill()
        status = None
    seconds = time.monotonic() - start
    return seconds, status, qemu and until(lambda: not name_of(qemu), 5)


def main():
    failed = count = 0
    command, typed = ["CMD=sleep 1000"], ["MEM=32M", "SWAP=64M"]
    pipe = os.pipe()  # nobody writes to it, and it does not end
    for number, status, arguments, stdin, pause in (
            (signal.SIGTERM, 143, command, subprocess.DEVNULL, 1),
            (signal.SIGTERM, 143, command, subprocess.DEVNULL, 0),
            (signal.SIGINT, 130, command, subprocess.DEVNULL, 1),
            (signal.SIGHUP, 129, command, subprocess.DEVNULL, 1),
            (signal.SIGKILL, -9, command, subprocess.DEVNULL, 1),
            (signal.SIGTERM, 143, typed, pipe[0], 1)):
        seconds, got, gone = end_by(number, arguments, stdin, pause)
        count += 1
        passed = got == status and gone and seconds < 5
        failed += not passed
        print(f"{'ok' if passed else 'not ok'} {count} - {number.name}: status {got}, "
              f"{'' if gone else 'not '}gone after {seconds:.1f} s", flush=True)
    print(f"1..{count}")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
