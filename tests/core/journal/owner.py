"""The simplest owner of a journal, for the tests of the journal."""

import struct

from wattpurse.core.journal.journal import Journal


class Owner:
    """The owner of a journal: a list of numbers and a count of steps. A snapshot keeps the last `kept` numbers."""

    def __init__(self, flash, sectors, kept=100):
        self.kept = kept
        self.numbers = []
        self.steps = 0
        self.journal = Journal(flash, 0, sectors, 1, self.snapshot)

    def snapshot(self):
        return struct.pack("<II", len(self.numbers), self.steps) + b"".join(
            struct.pack("<I", number) for number in self.numbers[-self.kept :]
        )

    def recover(self):
        snapshot, entries = self.journal.recover()
        count, self.steps = struct.unpack_from("<II", snapshot)
        kept = [struct.unpack_from("<I", snapshot, 8 + 4 * index)[0] for index in range(min(count, self.kept))]
        self.numbers = [None] * (count - len(kept)) + kept
        for kind, content in entries:
            if kind is None:
                self.steps += content
            else:
                self.numbers.append(struct.unpack_from("<I", content)[0])
        self.journal.roll()

    def record(self, number):
        self.journal.append(1, struct.pack("<I", number))
        self.numbers.append(number)

    def count(self, steps):
        while steps:
            done = self.journal.tally(steps)
            self.steps += done
            steps -= done
