# SPDX-License-Identifier: BSD-2-Clause
"""gdb commands for a twofold kernel under `make gdb`: tf-log, tf-walk. Runs to main() first."""
import gdb

ENTRY_MASK = 0x0000FFFFFFFFF000  # output address: VMSAv8-64, 4 KiB granule, 48 bits
DIRECT_BASE = 0xFFFF800000000000


def read_u64(address):
    return int.from_bytes(bytes(gdb.selected_inferior().read_memory(address, 8)), "little")


class Walk(gdb.Command):
    """tf-walk ADDRESS: the live table entries on the way to a virtual address."""

    def __init__(self):
        super().__init__("tf-walk", gdb.COMMAND_DATA, gdb.COMPLETE_EXPRESSION)

    def invoke(self, argument, from_tty):
        if not argument:
            raise gdb.GdbError("tf-walk ADDRESS")
        address = int(gdb.parse_and_eval(f"(unsigned long)({argument})"))
        register = "$TTBR1_EL1" if address >> 47 else "$TTBR0_EL1"
        table = int(gdb.parse_and_eval(register)) & ENTRY_MASK
        for level in range(3, -1, -1):
            index = address >> 12 + 9 * level & 511
            try:
                entry = read_u64(DIRECT_BASE + table + 8 * index)
            except gdb.MemoryError as error:
                raise gdb.GdbError("tables cannot be read: memory_init() has not run") from error
            kind = self.kind(entry, level)
            print(f"level {level} [{index:3}] {entry:#018x} {kind}")
            if kind != "table":
                return
            table = entry & ENTRY_MASK

    @staticmethod
    def kind(entry, level):
        if not entry & 1:
            return "empty" if entry == 0 else "soft"
        return "table" if entry & 2 and level else "leaf"


class Log(gdb.Command):
    """tf-log: the kernel log, from its ring."""

    def __init__(self):
        super().__init__("tf-log", gdb.COMMAND_STATUS)

    def invoke(self, argument, from_tty):
        where = "'kernel/log.c'::"
        ring = gdb.parse_and_eval(where + "ring")
        head, tail = (int(gdb.parse_and_eval(where + name)) for name in ("head", "tail"))
        size = ring.type.sizeof
        data = bytes(gdb.selected_inferior().read_memory(int(ring.address), size))
        print((data + data)[tail % size:][:head - tail].decode("utf-8", "replace"))


Walk()
Log()
gdb.execute("set pagination off")
gdb.execute("tbreak main")
gdb.execute("continue")
