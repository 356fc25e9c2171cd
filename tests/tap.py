# SPDX-License-Identifier: BSD-2-Clause
"""Reads TAP and KTAP, nested as deep as it comes, and counts leaves."""
import re

RESULT = re.compile(r"^(\s*)(not )?ok\b(?:\s+(\d+))?(?:\s+-)?\s*(.*)$")
PLAN = re.compile(r"^(\s*)1\.\.(\d+)\s*(#.*)?$")
SUBTEST = re.compile(r"^(\s*)# Subtest:\s*(.*)$")
BAIL = re.compile(r"^\s*Bail out!\s*(.*)$")
SKIP = re.compile(r"#\s*skip\b\s*(.*)$", re.IGNORECASE)


class Leaf:
    """A result that has no results below it."""

    def __init__(self, name, passed, skipped):
        self.name, self.passed, self.skipped = name, passed and not skipped, skipped
        self.failed = not passed and not skipped


class Level:
    """One list of results: those of the whole, or of one subtest."""

    def __init__(self):
        self.plan, self.count, self.leaves, self.problems = None, 0, [], []

    def close(self, what):
        if self.plan is None:
            self.problems.append(f"{what}: no plan")
        elif self.plan != self.count:
            self.problems.append(f"{what}: {self.plan} planned, {self.count} seen")


class Reader:
    """feed() lines, then close(); then leaves and problems are the whole story."""

    def __init__(self):
        self.levels = {0: Level()}
        self.leaves, self.problems = [], []

    def feed(self, line):
        line = line.rstrip("\r\n").expandtabs()
        if match := BAIL.match(line):
            self.levels[0].problems.append(f"bailed out: {match[1]}")
        elif match := PLAN.match(line):
            self.level(len(match[1])).plan = int(match[2])
        elif match := RESULT.match(line):
            self.result(len(match[1]), not match[2], match[3], match[4])
        elif (match := SUBTEST.match(line)) and len(match[1]):
            self.level(len(match[1]))

    def level(self, indent):
        return self.levels.setdefault(indent, Level())

    def result(self, indent, passed, number, name):
        level = self.level(indent)
        level.count += 1
        if number and int(number) != level.count:
            level.problems.append(f"result {number} ({name}) came as number {level.count}")
        below = self.take_below(indent, name)
        if below is None:
            skipped = bool(SKIP.search(name))
            level.leaves.append(Leaf(SKIP.sub("", name).strip() or name, passed, skipped))
            return
        for leaf in below.leaves:
            leaf.name = f"{name}: {leaf.name}"
        level.leaves += below.leaves
        level.problems += below.problems
        if not passed and not any(leaf.failed for leaf in below.leaves):
            level.problems.append(f"{name} failed, though nothing in it did")
        if passed and any(leaf.failed for leaf in below.leaves):
            level.problems.append(f"{name} passed, though something in it failed")

    def take_below(self, indent, name):
        """Closes the subtest that a result at this indent ends; None where there was none."""
        deeper = sorted(i for i in self.levels if i > indent)
        if not deeper:
            return None
        whole = self.levels.pop(deeper[0])
        whole.close(name)
        for lost in deeper[1:]:
            level = self.levels.pop(lost)
            whole.leaves += level.leaves
            whole.problems.append(f"{name}: a subtest has no result of its own")
        return whole

    def close(self):
        """The end of output: whatever is open now was cut off."""
        below = self.take_below(0, "last subtest")
        top = self.levels[0]
        if below:
            top.leaves += below.leaves
            top.problems += below.problems + ["the output ends inside a subtest"]
        top.close("whole run")
        self.leaves, self.problems = top.leaves, top.problems
        return self


def read(text):
    reader = Reader()
    for line in text.splitlines():
        reader.feed(line)
    return reader.close()
