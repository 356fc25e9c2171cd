#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""A session at the UART, typed as a user would: editing, Ctrl-C, job of the terminal, exit."""
import os
import pty
import re
import select
import subprocess
import sys
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PROMPT = r"twofold:\S* ?[#$] "


class Session:
    """tools/run on a terminal of its own."""

    def __init__(self, **settings):
        self.master, slave = pty.openpty()
        arguments = [f"{name}={value}" for name, value in settings.items()]
        self.process = subprocess.Popen([f"{TOP}/tools/run", *arguments], stdin=slave, stdout=slave,
                                        stderr=slave, start_new_session=True)
        os.close(slave)
        self.text, self.seen = "", 0

    def read(self, seconds):
        if not select.select([self.master], [], [], seconds)[0]:
            return
        try:
            self.text += os.read(self.master, 65536).decode("utf-8", "replace").replace("\r", "")
        except OSError:  # the other end has gone
            time.sleep(0.1)

    def expect(self, pattern, seconds=30):
        """Waits until what came since the last match has the pattern in it."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if match := re.search(pattern, self.text[self.seen:], re.MULTILINE):
                self.seen += match.end()
                return True
            self.read(0.2)
        return False

    def type(self, text):
        os.write(self.master, text.encode())

    def wait(self, seconds=20):
        end = time.monotonic() + seconds
        while time.monotonic() < end and self.process.poll() is None:
            self.read(0.2)
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait()
            return None
        return self.process.returncode


class Results:
    def __init__(self):
        self.count = self.failed = 0

    def ok(self, passed, what):
        self.count += 1
        self.failed += not passed
        print(f"{'ok' if passed else 'not ok'} {self.count} - {what}", flush=True)


def main():
    results, session = Results(), Session(MEM="128M", SWAP="64M")
    ok, expect, send = results.ok, session.expect, session.type
    ok(expect(r"Ctrl-A x", 60), "the banner says how to leave QEMU")
    ok(expect(PROMPT, 240), "a prompt, after outgrow has run")
    send("echo hi\r")
    ok(expect(r"^hi$") and expect(PROMPT), "a line typed is run")
    send("echo abcx\x7fd\x08e\r")
    ok(expect(r"^abce$") and expect(PROMPT), "backspace and delete rub out")
    send("sleep 100\r")
    time.sleep(2)
    send("\x03")
    ok(expect(PROMPT, 10), "Ctrl-C ends sleep 100")
    send("echo status=$?\r")
    ok(expect(r"^status=130$") and expect(PROMPT), "its status says that SIGINT did")
    send("cat\r")
    time.sleep(1)
    send("wrogn\x15right\x0b\x15line\r")
    ok(expect(r"^line$"), "the terminal's own line editing: Ctrl-U kills the line")
    send("\x04")
    ok(expect(PROMPT, 10), "Ctrl-D ends cat")
    send("false || echo 'he said \"yes\"' | cat; echo $((1 << 20))\r")
    ok(expect(r'^he said "yes"$') and expect(r"^1048576$") and expect(PROMPT), "quotes and pipes")
    send("exit\r")
    ok(session.wait() == 0, "exit powers off")
    if results.failed:
        for line in session.text.splitlines():
            print(f"# | {line}")
    print(f"1..{results.count}")
    sys.exit(1 if results.failed else 0)


if __name__ == "__main__":
    main()
