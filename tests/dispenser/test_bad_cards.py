"""A hostile card gives no credit, breaks no rule, and leaves the unit ready for the next customer.

Cards of any content are laid: random bytes, and flipped or exchanged bytes of real cards, whose seals a thief cannot
make. The unit refuses such a card or sells to it, and its book stays a valid book.
"""

import unittest

from boards.host.chips.random_bits import RandomBits
from tests.dispenser import kiosk
from tests.dispenser.kiosk import Bench
from wattpurse.cards.iso14443 import CardError
from wattpurse.dispenser.book import BookRefused

TRIALS = 150
FIRST_USER_BYTE = 16  # in the memory of an NTAG


class TestBadCards(unittest.TestCase):
    def setUp(self):
        self.bits = RandomBits(18)
        self.bench = Bench()
        self.system = self.bench.system_card()
        self.bench.open_with(self.system)
        self.good = self.bench.customer("ntag216")
        self.bench.sell(self.good, 2_000)
        self.bench.sell(self.bench.customer("ntag215", kiosk.ENERGY_METER), 500)
        self.bench.open_with(self.system)

    def below(self, limit):
        return self.bits.below(limit)

    def spoil(self, memory):
        """Change a card's user memory in one of the ways of a thief or of a worn card."""
        size = len(memory) - FIRST_USER_BYTE - 20
        way = self.below(4)
        for _ in range(1 + self.below(12)):
            at = FIRST_USER_BYTE + self.below(size)
            if way == 0:
                memory[at] ^= 1 << self.below(8)
            elif way == 1:
                memory[at] = self.below(256)
            elif way == 2:
                other, length = FIRST_USER_BYTE + self.below(size), 1 + self.below(64)
                memory[at : at + length] = memory[other : other + length][: len(memory) - at]
            else:
                length = min(1 + self.below(200), FIRST_USER_BYTE + size - at)
                memory[at : at + length] = bytes([self.below(256) for _ in range(length)])

    def facts(self):
        book = self.bench.book
        return book.issue, book.allowed, book.settled_sale, book.settled_sum, book.last_sale, book.sold, len(book.owed)

    def test_a_spoilt_system_card_opens_the_unit_as_it_was_or_not_at_all(self):
        before, memory = self.facts(), bytes(self.system.memory)
        opened = 0
        for _ in range(TRIALS):
            self.system.memory[:] = memory
            self.spoil(self.system.memory)
            self.bench.unit.close()
            try:
                self.bench.open_with(self.system)
                opened += 1
            except (BookRefused, CardError):
                pass
            self.assertEqual(self.facts(), before)
        self.assertTrue(0 < opened < TRIALS)
        self.system.memory[:] = memory
        self.bench.open_with(self.system)
        self.assertEqual(len(self.bench.sales_on(self.system)), 2)

    def test_a_spoilt_customers_card_costs_the_unit_no_number(self):
        memory = bytes(self.good.memory)
        for _ in range(TRIALS):
            self.good.memory[:] = memory
            self.spoil(self.good.memory)
            counts = dict(self.bench.book.counts)
            sales = self.bench.book.last_sale
            try:
                self.bench.on_card(self.good, lambda memory: self.bench.unit.read_customer(memory, self.good.uid))
            except (BookRefused, CardError):
                pass
            self.assertEqual((self.bench.book.counts, self.bench.book.last_sale), (counts, sales))
        self.good.memory[:] = memory
        self.assertEqual(self.bench.sell(self.good, 100).count, 2)


if __name__ == "__main__":
    unittest.main()
