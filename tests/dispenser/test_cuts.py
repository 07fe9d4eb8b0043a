"""Power that fails in any flash operation, and a card that is torn at any frame, make a sale once or not at all.

After each fault the customer lays the card again, for the same sale. The meter's own keys then open the tokens on the
card, and the book tells the sales.
"""

import unittest

from boards.host.chips.power import PowerCut
from boards.host.chips.random_bits import RandomBits
from tests.dispenser import kiosk
from tests.dispenser.kiosk import Bench
from tests.dispenser.test_unit import opened
from wattpurse.cards.iso14443 import CardError
from wattpurse.core.money.token_windows import count_of
from wattpurse.dispenser.book import BookRefused

PAID = 2_000
CUTS = ("classic-1k", 0, "none"), ("ntag215", 500, "page"), ("classic-1k", 1000, "page")
KINDS = "classic-1k", "ntag215"
MOST_OPERATIONS = 40
MOST_FRAMES = 400


class CutTest(unittest.TestCase):
    def begin(self, kind, seed=1):
        """Return a bench that is open, with a card, after one sale to it."""
        bench = Bench(seed)
        self.system = bench.system_card()
        bench.open_with(self.system)
        card = bench.customer(kind)
        bench.sell(card, PAID)
        return bench, card

    def check(self, bench, card, sales):
        """Check that so many sales were made, and that the card has the token of each once."""
        counts = [count_of(opened(sealed).sequence) for sealed in bench.tokens_on(card)]
        self.assertEqual(counts, list(range(1, sales + 1)))
        self.assertEqual((bench.book.last_sale, bench.book.sold), (sales, sales * PAID))
        self.assertEqual(bench.book.owed, [])
        self.assertEqual(bench.book.left, kiosk.ALLOWED - sales * PAID)


class TestPowerCuts(CutTest):
    def cut(self, kind, operation, depth, damage):
        """Cut the power in a flash operation of a sale. Return False if the sale has fewer operations."""
        bench, card = self.begin(kind, 1 + operation)
        faults = bench.flash.faults
        faults.plan_cut(operation, depth, damage)
        try:
            bench.sell(card, PAID)
        except PowerCut:
            pass
        was_cut = faults.operations_to_cut is None
        faults.operations_to_cut = None
        bench.restart()
        bench.open_with(self.system)
        made = bench.book.last_sale
        self.assertIn(made, (1, 2))
        if made == 1 or bench.book.owed:
            bench.sell(card, PAID)
        self.check(bench, card, 2)
        bench.open_with(self.system)
        self.assertEqual([sale[0] for sale in bench.sales_on(self.system)], [1, 2])
        return was_cut

    def test_a_cut_in_any_flash_operation_makes_the_sale_once(self):
        for kind, depth, damage in CUTS:
            operation = 1
            while self.cut(kind, operation, depth, damage):
                operation += 1
                self.assertLess(operation, MOST_OPERATIONS)
            self.assertGreater(operation, 8)

    def test_a_cut_in_the_start_after_a_cut_makes_the_sale_once(self):
        bits = RandomBits(5)
        for trial in range(16):
            bench, card = self.begin(KINDS[trial % 2], 100 + trial)
            bench.flash.faults.plan_cut(1 + bits.below(14), bits.below(1001), "page")
            for _ in range(4):
                try:
                    bench.restart()
                    bench.open_with(self.system)
                    if bench.book.last_sale == 1 or bench.book.owed:
                        bench.sell(card, PAID)
                except PowerCut:
                    bench.flash.faults.plan_cut(1 + bits.below(10), bits.below(1001), "page")
                else:
                    break
            bench.flash.faults.operations_to_cut = None
            bench.restart()
            bench.open_with(self.system)
            if bench.book.last_sale == 1 or bench.book.owed:
                bench.sell(card, PAID)
            self.check(bench, card, 2)


class TestTornCards(CutTest):
    def tear(self, kind, frame):
        """Lift the card at a frame of a sale. Return False if the sale has fewer frames."""
        bench, card = self.begin(kind)
        field = bench.model.field
        field.plan(frame, lambda field: field.remove(card))
        before = field.frames
        try:
            bench.sell(card, PAID)
        except (CardError, BookRefused):
            pass
        was_torn = field.frames - before >= frame
        field._plan.clear()
        if bench.book.last_sale == 1 or bench.book.owed:
            bench.sell(card, PAID)
        self.check(bench, card, 2)
        return was_torn

    def test_a_card_that_is_lifted_at_any_frame_gets_its_token_once(self):
        for kind, step in zip(KINDS, (1, 3)):
            frame = 1
            while self.tear(kind, frame):
                frame += step
                self.assertLess(frame, MOST_FRAMES)
            self.assertGreater(frame, 30)

    def test_another_customer_is_served_while_a_sale_is_owed(self):
        bench, card = self.begin("classic-1k")
        sale = self.owed(bench, card)
        other = bench.customer("ntag216")
        bench.sell(other, 500)
        self.assertEqual([one.number for one in bench.book.owed], [sale.number])
        self.assertEqual(bench.sell(card, PAID).number, sale.number)
        self.assertEqual(len(bench.tokens_on(card)), 2)
        self.assertEqual((bench.book.owed, bench.book.last_sale), ([], 3))

    def owed(self, bench, card):
        async def torn(memory):
            read = await bench.unit.read_customer(memory, card.uid)
            sale = bench.unit.plan(read, PAID)
            bench.book.sell(sale)
            return sale

        return bench.on_card(card, torn)

    def test_an_owed_sale_survives_the_settlement_of_it(self):
        bench, card = self.begin("classic-1k")
        self.owed(bench, card)
        bench.open_with(self.system)
        bench.write_record(self.system, kiosk.record(2, settled=(2 * PAID, 2)))
        bench.restart()
        bench.open_with(self.system)
        self.assertEqual((bench.book.sales, bench.book.last_sale), ([], 2))
        bench.sell(card, PAID)
        self.check(bench, card, 2)


if __name__ == "__main__":
    unittest.main()
